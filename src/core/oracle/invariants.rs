//! What must hold of an effect before it begins, whatever the core decided: what leaves was approved as it leaves, and
//! the journal has it. The engine ends rather than begin one of which this does not hold, because a defect that is
//! noticed here has done nothing yet.
//!
//! Only what stays true is asked for: the state may be some steps further than the one that asked for the effect.

use super::{Action, Effect, Payload, State, Verdict};
use crate::types::ActionId;

/// What does not hold of an effect that is about to begin.
pub fn violated(state: &State, effect: &Effect) -> Option<String> {
    match effect {
        Effect::RunCeremony {
            case, request, plan, ..
        } => {
            let journaled = state.ceremonies.get(request);
            let same = journaled.is_some_and(|known| known.case == *case && known.plan == *plan);
            (!same).then(|| format!("the ceremony {request} of {case} is not the one that the journal has"))
        }
        Effect::Sign {
            action,
            payload,
            nonce,
            replaces,
        } => {
            let known = state.sendings.get(action);
            let wrong_nonce = match replaces {
                None => state
                    .nonces
                    .get(&payload.from)
                    .is_some_and(|given| given.first_free(*nonce) != *nonce),
                Some(old) => old.nonce != *nonce || known.is_none_or(|known| !known.versions.contains(old)),
            };
            let wrong_nonce = wrong_nonce.then(|| format!("nonce {nonce} is not one for {action}"));
            unapproved(state, *action, &Payload::Transaction(payload.clone())).or(wrong_nonce)
        }
        Effect::Send { action, transaction } => {
            let known = state.sendings.get(action);
            let journaled = known.is_some_and(|known| known.versions.contains(transaction));
            (!journaled).then(|| format!("the journal has no such transaction of {action}"))
        }
        Effect::PublishExit { action, payload } => {
            unapproved(state, *action, &Payload::Exit(payload.clone()))
        }
        Effect::Prepare { .. } | Effect::Inspect { .. } | Effect::LookUpValidator { .. } => None,
    }
}

/// Why this may not leave for an action: nobody approved it, or something else was approved.
fn unapproved(state: &State, id: ActionId, payload: &Payload) -> Option<String> {
    let is_approved = |action: &Action| {
        let decision = action.decision.as_ref();
        decision.is_some_and(|d| d.verdict == Verdict::Approve && d.digest == action.digest)
    };
    let action = state.actions.get(&id);
    if !action.is_some_and(is_approved) {
        return Some(format!("nobody approved {id}"));
    }
    let same = action.is_some_and(|action| action.proposal.payload == *payload);
    (!same).then(|| format!("something else was approved for {id} than would leave"))
}

#[cfg(test)]
mod tests {
    use alloy::primitives::{Address, U256};

    use super::*;
    use crate::oracle::fixture::{payload, proposal, settings};
    use crate::oracle::*;
    use crate::types::*;

    const CASE: CaseId = CaseId {
        kind: RequestKind::Deposit,
        pool: PoolId(1),
        ordinal: 0,
    };

    fn after(records: &[Record]) -> State {
        let mut state = State::new(settings());
        for record in records {
            state.apply(state.newest + 1, UnixMillis(1), record);
        }
        state
    }

    /// A proposal of this kind, and the approval of it.
    fn approved(kind: ActionKind) -> (ActionId, Vec<Record>) {
        let action = ActionId {
            case: CASE,
            number: 1,
        };
        let proposal = proposal(kind);
        let digest = proposal.digest(action);
        let cause = Cause::Manual {
            by: "ada".into(),
            at: UnixMillis(1),
        };
        let by = Decider::Rule { name: "all".into() };
        let decision = Decision::alone(Verdict::Approve, by, UnixMillis(1), digest);
        let proposal = Box::new(proposal);
        let records = vec![
            Record::CaseOpened { case: CASE, cause },
            Record::ActionProposed {
                action,
                digest,
                proposal,
            },
            Record::Decided { action, decision },
        ];
        (action, records)
    }

    fn bytes(nonce: u64) -> SignedTransaction {
        SignedTransaction {
            hash: Root([3; 32]),
            raw: vec![1].into(),
            nonce,
            max_fee_wei: U256::ZERO,
            priority_fee_wei: U256::ZERO,
            gas_limit: 1,
        }
    }

    #[test]
    fn nothing_is_signed_that_nobody_approved_or_otherwise_or_with_the_nonce_of_another() {
        let (action, records) = approved(ActionKind::SendDeposit);
        let Payload::Transaction(payload) = payload(ActionKind::SendDeposit) else {
            unreachable!("a deposit is a transaction")
        };
        let sign = |payload: &TransactionPayload, nonce, replaces| Effect::Sign {
            action,
            payload: payload.clone(),
            nonce,
            replaces,
        };
        let state = after(&records);
        assert_eq!(violated(&state, &sign(&payload, 0, None)), None);
        let mut other = payload.clone();
        other.to = Address::repeat_byte(9);
        for (state, effect, why) in [
            (after(&records[..2]), sign(&payload, 0, None), "nobody approved"),
            (
                after(&records),
                sign(&other, 0, None),
                "something else was approved",
            ),
            (after(&records), sign(&payload, 0, Some(bytes(0))), "nonce 0"),
        ] {
            let words = violated(&state, &effect).expect(why);
            assert!(words.contains(why), "{words}");
        }
        let transaction = bytes(4);
        let signed = Record::TransactionSigned {
            action,
            transaction: transaction.clone(),
        };
        let state = after(&[&records[..], &[signed]].concat());
        assert!(violated(&state, &sign(&payload, 4, None)).is_some(), "given out");
        assert_eq!(violated(&state, &sign(&payload, 4, Some(bytes(4)))), None);
        assert!(violated(&state, &sign(&payload, 5, Some(bytes(4)))).is_some());
        assert_eq!(violated(&state, &Effect::Send { action, transaction }), None);
        let transaction = bytes(5);
        assert!(violated(&state, &Effect::Send { action, transaction }).is_some());
    }

    #[test]
    fn no_exit_is_offered_and_no_ceremony_begins_that_the_journal_does_not_have() {
        let (action, records) = approved(ActionKind::BroadcastExit);
        let Payload::Exit(payload) = payload(ActionKind::BroadcastExit) else {
            unreachable!("an exit is offered")
        };
        let mut other = payload.clone();
        other.epoch += 1;
        let offer = |payload| Effect::PublishExit { action, payload };
        assert_eq!(violated(&after(&records), &offer(payload.clone())), None);
        assert!(violated(&after(&records), &offer(other)).is_some());
        assert!(violated(&after(&records[..2]), &offer(payload)).is_some());
        let run = Effect::RunCeremony {
            case: CASE,
            request: RequestId([1; 24]),
            plan: fixture::plan_of(ActionKind::Keygen),
            backend: BackendName::default(),
            start: true,
        };
        assert!(violated(&after(&records), &run).is_some());
    }
}
