//! Transactions of the oracle's account.

use std::cmp::Reverse;

use crate::oracle::{Payload, Sending, State, Step, unknown_outcome};
use crate::snapshot::{TransactionState, TransactionView};
use crate::types::{ActionId, NonceStatus, SafeText};

/// Newest first.
pub(super) fn views(state: &State) -> Vec<TransactionView> {
    let head = state.facts().head.map_or(0, |h| h.number);
    let mut views: Vec<_> = state
        .sendings
        .iter()
        .filter_map(|(id, s)| transaction(state, *id, s, head))
        .collect();
    views.sort_by_key(|t| Reverse((t.signed_at, t.nonce)));
    views
}

fn transaction(state: &State, action: ActionId, s: &Sending, head: u64) -> Option<TransactionView> {
    let Payload::Transaction(payload) = &state.actions.get(&action)?.proposal.payload else {
        return None;
    };
    let newest = s.newest();
    let status = match &s.status {
        NonceStatus::Missing if unknown_outcome(state, &Step::Execute(action)).is_some() => {
            TransactionState::Unknown
        }
        NonceStatus::Missing if s.accepted => TransactionState::Pending,
        NonceStatus::Missing => TransactionState::Signed,
        NonceStatus::Pending => TransactionState::Pending,
        NonceStatus::Included {
            block,
            success: false,
            reason,
            ..
        } => TransactionState::Reverted {
            block: *block,
            reason: reason.clone().unwrap_or_default(),
        },
        NonceStatus::Included {
            block,
            is_final: true,
            ..
        } => TransactionState::Final { block: *block },
        NonceStatus::Included { block, .. } => TransactionState::Included {
            block: *block,
            confirmations: (head + 1).saturating_sub(block.number),
        },
        NonceStatus::Replaced { by, .. } => TransactionState::Replaced { by: *by },
    };
    let fee_paid_wei = match &s.status {
        NonceStatus::Included { fee_paid_wei, .. } => Some(*fee_paid_wei),
        _ => None,
    };
    Some(TransactionView {
        action,
        function: SafeText::new(payload.call.as_ref().map_or("not decoded", |c| &c.function)),
        nonce: newest.nonce,
        hashes: s.hashes(),
        raw: newest.raw.clone(),
        max_fee_wei: newest.max_fee_wei,
        priority_fee_wei: newest.priority_fee_wei,
        gas_limit: newest.gas_limit,
        fee_ceiling_wei: payload.fee_ceiling_wei,
        fee_paid_wei,
        signed_at: s.signed_at,
        state: status,
        note: s.note.clone(),
    })
}
