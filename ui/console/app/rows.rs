//! Rows by id: what a pane lists, and finding a thing again in a later snapshot.

use casimir_dkg::types::{ActionId, BlsPublicKey, CaseId, RequestId};
use casimir_dkg::view::{
    ActionView, CaseView, CeremonyView, ExitView, Snapshot, TransactionView, ValidatorView,
};

use super::Pane;

/// A row, by what it is about. Rows move when snapshots arrive; ids do not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum RowId {
    Action(ActionId),
    Case(CaseId),
    Ceremony(RequestId),
    /// Action and nonce.
    Transaction(ActionId, u64),
    Exit(CaseId),
    Validator(BlsPublicKey),
}

/// How many rows the pane has, unfiltered.
pub(crate) fn count(snapshot: &Snapshot, pane: Pane) -> usize {
    match pane {
        Pane::Approvals => snapshot.actions.len(),
        Pane::Events => snapshot.cases.len(),
        Pane::Ceremonies => snapshot.ceremonies.len(),
        Pane::Transactions => snapshot.transactions.len(),
        Pane::Exits => snapshot.exits.len(),
        Pane::Validators => snapshot.validators.len(),
        Pane::Logs => 0,
    }
}

/// Id of a row of the pane.
pub(crate) fn id(snapshot: &Snapshot, pane: Pane, index: usize) -> Option<RowId> {
    Some(match pane {
        Pane::Approvals => RowId::Action(snapshot.actions.get(index)?.id),
        Pane::Events => RowId::Case(snapshot.cases.get(index)?.id),
        Pane::Ceremonies => RowId::Ceremony(snapshot.ceremonies.get(index)?.id),
        Pane::Transactions => {
            let t = snapshot.transactions.get(index)?;
            RowId::Transaction(t.action, t.nonce)
        }
        Pane::Exits => RowId::Exit(snapshot.exits.get(index)?.case),
        Pane::Validators => RowId::Validator(snapshot.validators.get(index)?.public_key),
        Pane::Logs => return None,
    })
}

/// The text that a filter is matched against: what the row shows, plus its ids in full.
pub(crate) fn haystack(snapshot: &Snapshot, pane: Pane, index: usize) -> String {
    match pane {
        Pane::Approvals => {
            let a = &snapshot.actions[index];
            format!("{} {} {} {}", a.id, a.state.word(), a.kind, a.title)
        }
        Pane::Events => {
            let c = &snapshot.cases[index];
            let key = c.validator.map(|v| v.to_string()).unwrap_or_default();
            format!("{} {} {} {key}", c.id, c.status, c.sentence)
        }
        Pane::Ceremonies => {
            let c = &snapshot.ceremonies[index];
            let end = match &c.ended {
                None => "running",
                Some((_, casimir_dkg::view::CeremonyEnd::Verified { .. })) => "verified",
                Some(_) => "failed",
            };
            format!("{} {} {} {} {end}", c.id, c.case, c.kind, c.what)
        }
        Pane::Transactions => {
            let t = &snapshot.transactions[index];
            let hashes: String = t.hashes.iter().map(|h| format!(" {h}")).collect();
            format!("{} {} {} {}{hashes}", t.action, t.function, t.nonce, t.state)
        }
        Pane::Exits => {
            let e = &snapshot.exits[index];
            format!(
                "{} {} {} {}",
                e.case,
                e.state,
                e.validator,
                e.validator_index.unwrap_or_default()
            )
        }
        Pane::Validators => {
            let v = &snapshot.validators[index];
            let operators: String = v.operators.iter().map(|o| format!(" {o}")).collect();
            format!(
                "{} {} {} {}{operators}",
                v.pool,
                v.status,
                v.public_key,
                v.index.unwrap_or_default()
            )
        }
        Pane::Logs => String::new(),
    }
}

pub(crate) fn action(snapshot: &Snapshot, id: ActionId) -> Option<&ActionView> {
    snapshot.actions.iter().find(|a| a.id == id)
}

pub(crate) fn case(snapshot: &Snapshot, id: CaseId) -> Option<&CaseView> {
    snapshot.cases.iter().find(|c| c.id == id)
}

pub(crate) fn ceremony(snapshot: &Snapshot, id: RequestId) -> Option<&CeremonyView> {
    snapshot.ceremonies.iter().find(|c| c.id == id)
}

pub(crate) fn transaction(snapshot: &Snapshot, action: ActionId, nonce: u64) -> Option<&TransactionView> {
    snapshot
        .transactions
        .iter()
        .find(|t| t.action == action && t.nonce == nonce)
}

pub(crate) fn exit(snapshot: &Snapshot, case: CaseId) -> Option<&ExitView> {
    snapshot.exits.iter().find(|e| e.case == case)
}

pub(crate) fn validator(snapshot: &Snapshot, key: BlsPublicKey) -> Option<&ValidatorView> {
    snapshot.validators.iter().find(|v| v.public_key == key)
}
