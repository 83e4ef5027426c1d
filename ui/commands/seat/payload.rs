//! What would leave, line by line: everything that the digest is taken over, and nothing else. Bytes that nobody reads are
//! whole where that is asked for.

use std::fmt::Display;

use casimir_dkg::types::{
    BroughtAlong, CeremonyPlan, ExitDomain, OperatorId, OwnerNonce, Parties, SignPurpose, format_ether,
};
use casimir_dkg::view::{ActionView, CallView, CeremonyPayload, Payload, TransactionPayload};

use crate::summary::folded;

/// Whether bytes that nobody reads are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::commands) enum Bytes {
    Whole,
    /// By their number and their hash.
    Folded,
}

impl Bytes {
    /// As the flag says.
    pub(in crate::commands) fn asked(raw: bool) -> Self {
        if raw { Self::Whole } else { Self::Folded }
    }
}

/// Lines of `name value`.
struct Lines(Vec<String>, Bytes);

impl Lines {
    fn field(&mut self, name: &str, value: impl Display) {
        let value = self.shown(value);
        self.0.push(format!("{name:<11} {value}"));
    }

    fn more(&mut self, name: &str, value: impl Display) {
        let value = self.shown(value);
        self.0.push(format!("  {name}: {value}"));
    }

    fn shown(&self, value: impl Display) -> String {
        match self.1 {
            Bytes::Whole => value.to_string(),
            Bytes::Folded => folded(&value.to_string(), "--raw prints them"),
        }
    }
}

/// The action and its payload.
pub(super) fn lines(action: &ActionView, bytes: Bytes) -> Vec<String> {
    let mut lines = Lines(Vec::new(), bytes);
    lines.field("action", action.id);
    lines.field("kind", format!("{}, {}", action.kind, action.risk.word()));
    match &action.payload {
        Payload::Ceremony(ceremony) => of_ceremony(&mut lines, ceremony),
        Payload::Transaction(transaction) => of_transaction(&mut lines, transaction),
        Payload::Exit(exit) => {
            lines.field("validator", exit.validator);
            lines.field("index", exit.validator_index);
            lines.field("epoch", exit.epoch);
            lines.field("root", exit.signing_root);
            lines.field("signature", exit.signature);
        }
    }
    lines.field("digest", action.digest);
    lines.0
}

fn of_ceremony(lines: &mut Lines, ceremony: &CeremonyPayload) {
    lines.field(
        "ceremony",
        format!("{} by backend {}", ceremony.plan.kind(), ceremony.backend),
    );
    match &ceremony.plan {
        CeremonyPlan::Keygen {
            committee,
            threshold,
            withdrawal_credentials,
            fork_version,
            registration,
        } => {
            of_committee(lines, "committee", committee);
            lines.more("threshold", threshold);
            lines.more("withdrawal credentials", withdrawal_credentials);
            lines.more("fork version", fork_version);
            of_registration(lines, registration.as_ref());
        }
        CeremonyPlan::Reshare {
            validator,
            old,
            new,
            threshold,
            registration,
            brought,
        } => {
            lines.more("validator", validator);
            of_committee(lines, "dealing now", old);
            of_committee(lines, "new committee", new);
            lines.more("threshold", threshold);
            of_registration(lines, registration.as_ref());
            of_brought(lines, brought.as_deref());
        }
        CeremonyPlan::Sign {
            validator,
            committee,
            threshold,
            signing_root,
            what,
            share_public_keys,
            brought,
        } => {
            lines.more("validator", validator);
            of_committee(lines, "committee", committee);
            lines.more("threshold", threshold);
            lines.more("signing root", signing_root);
            match what {
                SignPurpose::OwnerNonce { owner, nonce } => {
                    lines.more(
                        "signs",
                        format!("SSV registration of owner {owner}, nonce {nonce}"),
                    );
                }
                SignPurpose::VoluntaryExit {
                    validator_index,
                    epoch,
                    domain,
                } => of_exit(lines, (*validator_index, *epoch), domain.as_ref()),
            }
            for (operator, key) in share_public_keys {
                lines.more(&format!("share of operator {operator}"), key);
            }
            of_brought(lines, brought.as_deref());
        }
    }
    if let Some(parties) = &ceremony.parties {
        of_parties(lines, parties);
    }
}

/// What the plan names by numbers alone.
fn of_parties(lines: &mut Lines, parties: &Parties) {
    lines.more(
        "contract",
        format!("{} on chain {}", parties.manager, parties.chain_id),
    );
    for (operator, key) in &parties.keys {
        lines.more(&format!("key of operator {operator}, SHA-256"), key);
    }
}

fn of_exit(lines: &mut Lines, (validator, epoch): (u64, u64), domain: Option<&ExitDomain>) {
    lines.more(
        "signs",
        format!("VOLUNTARY EXIT of validator {validator}, from epoch {epoch}"),
    );
    if let Some(domain) = domain {
        lines.more("fork version", domain.fork_version);
        lines.more("genesis validators root", domain.genesis_validators_root);
    }
}

fn of_committee(lines: &mut Lines, name: &str, ids: &[OperatorId]) {
    let ids: Vec<_> = ids.iter().map(ToString::to_string).collect();
    lines.more(name, format!("operators {}", ids.join(", ")));
}

fn of_registration(lines: &mut Lines, registration: Option<&OwnerNonce>) {
    if let Some(OwnerNonce { owner, nonce }) = registration {
        lines.more(
            "signs, too",
            format!("SSV registration of owner {owner}, nonce {nonce}"),
        );
    }
}

/// What is handed over is long and says nothing to a person; each is named by whose it is, and shown as it is.
fn of_brought(lines: &mut Lines, brought: Option<&BroughtAlong>) {
    let Some(brought) = brought else { return };
    lines.more("brought along", "what operators handed back with their shares");
    let text = serde_json::to_value(brought).expect("plain data serialises");
    for (name, value) in text.as_object().into_iter().flatten() {
        lines.more(&name.replace('_', " "), value);
    }
}

fn of_transaction(lines: &mut Lines, transaction: &TransactionPayload) {
    lines.field("chain", transaction.chain_id);
    lines.field("from", transaction.from);
    lines.field("to", transaction.to);
    let wei = |wei| format!("{} ({wei} wei)", format_ether(wei));
    lines.field("value", wei(transaction.value_wei));
    lines.field("fee, most", wei(transaction.fee_ceiling_wei));
    match &transaction.call {
        Some(call) => of_call(lines, call),
        None => lines.field("call", "not decoded: do not approve what you cannot read"),
    }
    lines.field("data", &transaction.data);
}

fn of_call(lines: &mut Lines, call: &CallView) {
    lines.field("call", &call.function);
    for argument in &call.arguments {
        lines.more(
            &format!("{} ({})", argument.name, argument.solidity_type),
            &argument.value,
        );
    }
}

#[cfg(test)]
mod tests {
    use alloy::primitives::{Address, U256};
    use casimir_dkg::types::{
        BackendName, BlsPublicKey, BlsSignature, ForkVersion, Root, SafeText, UnixMillis,
    };
    use casimir_dkg::view::{ActionState, CallArgument, Can, ExitPayload, Family, Risk};
    use serde_json::Value;

    use super::*;

    /// Every text and number that is in it, amounts in wei excepted: those are written with their unit.
    fn leaves(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Null | Value::Bool(_) => {}
            Value::Number(number) => found.push(number.to_string()),
            Value::String(text) => found.push(text.clone()),
            Value::Array(all) => all.iter().for_each(|one| leaves(one, found)),
            Value::Object(all) => all
                .iter()
                .filter(|(key, _)| {
                    !key.ends_with("_wei") && !["type", "kind", "ceremony", "purpose"].contains(&key.as_str())
                })
                .for_each(|(_, one)| leaves(one, found)),
        }
    }

    fn plans() -> Vec<CeremonyPlan> {
        let validator = BlsPublicKey([7; 48]);
        let committee: Vec<_> = [11, 12, 13, 14].map(OperatorId).to_vec();
        let registration = Some(OwnerNonce {
            owner: Default::default(),
            nonce: 99,
        });
        vec![
            CeremonyPlan::Keygen {
                committee: committee.clone(),
                threshold: 3,
                withdrawal_credentials: Root([9; 32]),
                fork_version: ForkVersion([1, 2, 3, 4]),
                registration: registration.clone(),
            },
            CeremonyPlan::Reshare {
                validator,
                old: committee.clone(),
                new: [21, 22, 23, 24].map(OperatorId).to_vec(),
                threshold: 3,
                registration,
                brought: None,
            },
            CeremonyPlan::Sign {
                validator,
                committee: committee.clone(),
                threshold: 3,
                signing_root: Root([8; 32]),
                what: SignPurpose::VoluntaryExit {
                    validator_index: 17,
                    epoch: 1_234,
                    domain: None,
                },
                share_public_keys: committee.iter().map(|id| (*id, BlsPublicKey([5; 48]))).collect(),
                brought: None,
            },
        ]
    }

    fn action(payload: Payload) -> ActionView {
        ActionView {
            id: "deposit/3#1".parse().unwrap(),
            kind: "keygen".to_owned(),
            family: Family::Ceremony,
            risk: Risk::Money,
            title: "make a key".into(),
            facts: vec![],
            checks: vec![],
            payload,
            digest: Root([6; 32]),
            refreshed_at: None,
            checked_at: None,
            checked_block: None,
            nonce_now: None,
            faded: None,
            proposed_at: UnixMillis(1),
            since: UnixMillis(1),
            anew: None,
            state: ActionState::Proposed,
            decision: None,
            can_approve: Can::Yes,
            can_reject: Can::Yes,
            undo: None,
            refreshing: None,
            approvals_ended: Vec::new(),
            phrase: None,
            committee: None,
            people: None,
            approval_good_for_ms: None,
            by_rules: None,
        }
    }

    fn parties() -> Parties {
        Parties {
            chain_id: 31_337,
            manager: Address::repeat_byte(9),
            keys: [1, 2].map(|id| (OperatorId(id), SafeText::from("ab12"))).into(),
        }
    }

    fn payloads() -> Vec<Payload> {
        let ceremony = |plan| {
            let backend = BackendName::default();
            Payload::Ceremony(CeremonyPayload {
                plan,
                backend,
                parties: Some(parties()),
            })
        };
        let mut all: Vec<_> = plans().into_iter().map(ceremony).collect();
        all.push(Payload::Transaction(TransactionPayload {
            chain_id: 31_337,
            from: Address::repeat_byte(3),
            to: Address::repeat_byte(4),
            value_wei: U256::ZERO,
            data: alloy::primitives::Bytes::from(vec![0xab; 68]),
            fee_ceiling_wei: U256::from(7),
            call: Some(CallView {
                function: "resharePool".to_owned(),
                arguments: vec![CallArgument {
                    name: "poolId".to_owned(),
                    solidity_type: "uint32".to_owned(),
                    value: "3".into(),
                }],
            }),
        }));
        all.push(Payload::Exit(ExitPayload {
            validator: BlsPublicKey([7; 48]),
            validator_index: 17,
            epoch: 1_234,
            signing_root: Root([8; 32]),
            signature: BlsSignature([2; 96]),
        }));
        all
    }

    #[test]
    fn everything_that_the_digest_covers_is_shown() {
        for payload in payloads() {
            let action = action(payload);
            let shown = lines(&action, super::Bytes::Whole).join("\n");
            let mut wanted = vec![
                action.id.to_string(),
                action.kind.clone(),
                action.risk.word().to_owned(),
                action.digest.to_string(),
            ];
            leaves(&serde_json::to_value(&action.payload).unwrap(), &mut wanted);
            for leaf in wanted {
                assert!(shown.contains(&leaf), "{leaf} is not in\n{shown}");
            }
        }
    }

    #[test]
    fn nothing_that_is_not_covered_is_among_it() {
        let mut action = action(payloads().remove(0));
        let before = lines(&action, super::Bytes::Whole);
        action.title = "something else".into();
        action.phrase = Some("something else".to_owned());
        assert_eq!(lines(&action, super::Bytes::Whole), before);
    }
}
