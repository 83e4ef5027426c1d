//! An exit whose payload is a transaction: it is executed, followed and taken up again as every transaction is, although
//! its case is that of an exit.

use crate::oracle::fixture::{block, payload, proposal, settings};
use crate::oracle::*;
use crate::types::*;

use super::scene::CASE;

const ACTION: ActionId = ActionId {
    case: CASE,
    number: 1,
};

/// What is asked for, as a transaction.
fn by_transaction() -> Proposal {
    Proposal {
        payload: payload(ActionKind::SendDeposit),
        ..proposal(ActionKind::BroadcastExit)
    }
}

struct Life {
    state: State,
    journal: Vec<Record>,
    effects: Vec<Effect>,
    now: u64,
}

impl Life {
    /// Signed by the operators and approved.
    fn approved() -> Self {
        let at = UnixMillis(1_000);
        let Payload::Ceremony(CeremonyPayload { plan, backend, .. }) = payload(ActionKind::SignExit) else {
            unreachable!("it is a ceremony")
        };
        let request = RequestId([1; 24]);
        let digest = by_transaction().digest(ACTION);
        let decider = Decider::person(SafeText::new("ann"));
        let log = LogRef {
            block: block(10),
            transaction: Root([1; 32]),
            index: 0,
        };
        let journal = vec![
            Record::CaseOpened {
                case: CASE,
                cause: Cause::Event { log, leaving: None },
            },
            Record::CeremonyStarted {
                request,
                case: CASE,
                action: None,
                role: CeremonyRole::Main,
                attempt: 1,
                plan,
                backend,
            },
            Record::CeremonyVerified {
                request,
                result: CeremonyResult::Sign {
                    signature: BlsSignature::default(),
                },
                checks: Vec::new(),
                transcript: None,
            },
            Record::ActionProposed {
                action: ACTION,
                proposal: Box::new(by_transaction()),
                digest,
            },
            Record::Decided {
                action: ACTION,
                decision: Decision::alone(Verdict::Approve, decider, at, digest),
            },
        ];
        let mut life = Self {
            state: State::new(settings()),
            journal,
            effects: Vec::new(),
            now: at.0,
        };
        life.restart();
        life
    }

    /// A new process on the same journal.
    fn restart(&mut self) {
        self.state = State::new(settings());
        for (seq, record) in (1..).zip(&self.journal) {
            self.state.apply(seq, UnixMillis(self.now), record);
        }
        self.effects.clear();
        self.input(Input::CaughtUp { finalized: None });
        let facts = ChainFacts {
            head: Some(block(10)),
            account: Some(AccountFacts {
                address: alloy::primitives::Address::ZERO,
                next: 0,
                pending: 0,
                balance_wei: alloy::primitives::U256::ZERO,
                is_open: false,
            }),
            ..ChainFacts::default()
        };
        self.input(Input::Facts(Box::new(facts)));
    }

    fn input(&mut self, input: Input) {
        self.now += 100;
        let at = UnixMillis(self.now);
        let entropy = [0; 24];
        let (output, _) = step(
            &mut self.state,
            Stamped {
                at,
                up_ms: at.0,
                entropy,
                input,
            },
        );
        self.journal.extend(output.records);
        self.effects.extend(output.effects);
    }

    fn asked(&self, name: &str) -> bool {
        self.effects.iter().any(|e| e.name() == name)
    }

    /// The last checks hold, and it is signed.
    fn sent() -> Self {
        let mut life = Self::approved();
        assert!(life.asked("preparation"));
        life.input(Input::Prepared {
            case: CASE,
            purpose: Purpose::Send(ACTION),
            outcome: Prepared::Proposal(Box::new(by_transaction())),
        });
        assert!(life.asked("signature") && !life.asked("publication"));
        let signed = SignedTransaction {
            raw: alloy::primitives::Bytes::from(vec![9]),
            hash: Root([9; 32]),
            nonce: 0,
            max_fee_wei: alloy::primitives::U256::from(1),
            priority_fee_wei: alloy::primitives::U256::from(1),
            gas_limit: 1,
        };
        life.input(Input::Signed {
            action: ACTION,
            outcome: Ok(signed),
        });
        assert!(life.asked("sending") && life.asked("inspection"));
        life
    }

    fn inspected(&mut self, success: bool, is_final: bool) {
        self.input(Input::Inspected {
            action: ACTION,
            status: Some(NonceStatus::Included {
                hash: Root([9; 32]),
                block: block(11),
                success,
                reason: None,
                fee_paid_wei: alloy::primitives::U256::from(1),
                served: None,
                is_final,
                overtaken: false,
            }),
        });
    }

    fn seen(&mut self, phase: ValidatorPhase) {
        self.input(Input::ValidatorSeen {
            case: CASE,
            validator: BlsPublicKey([5; 48]),
            seen: Some(Sighting {
                phase,
                since: None,
                index: Some(4),
                by_state: Forecast::default(),
                by_rules: None,
            }),
        });
    }

    fn step(&self) -> &Step {
        &self.state.cases[&CASE].step
    }
}

#[test]
fn it_is_signed_sent_and_followed_until_its_receipt_is_final() {
    let mut life = Life::sent();
    assert_eq!(case_status(&life.state, CASE), CaseStatus::Sending);
    life.restart();
    assert!(life.asked("inspection") && !life.asked("publication"));
    life.inspected(true, false);
    assert_eq!(*life.step(), Step::Execute(ACTION));
    life.inspected(true, true);
    assert_eq!(*life.step(), Step::Follow);
    assert_eq!(life.state.actions[&ACTION].state, ActionState::Done);
    // asked for once and for all: that the validator is still at work is no reason to ask again
    life.seen(ValidatorPhase::Active);
    assert_eq!(*life.step(), Step::Follow);
    life.seen(ValidatorPhase::Exiting);
    life.seen(ValidatorPhase::Withdrawn);
    assert!(matches!(life.step(), Step::Closed { .. }), "{:?}", life.step());
}

#[test]
fn a_validator_that_leaves_in_another_way_does_not_hide_what_became_of_its_nonce() {
    let mut life = Life::sent();
    life.seen(ValidatorPhase::Exiting);
    assert_eq!(*life.step(), Step::Execute(ACTION));
    life.restart();
    life.inspected(false, true);
    assert_eq!(
        *life.step(),
        Step::Follow,
        "it reverted, and the validator leaves all the same"
    );
    assert!(matches!(
        life.state.actions[&ACTION].state,
        ActionState::Failed { .. }
    ));
}

#[test]
fn one_that_reverted_is_prepared_again_when_a_person_retries() {
    let mut life = Life::sent();
    life.inspected(false, true);
    assert!(matches!(
        life.step(),
        Step::Halted {
            resume: Resume::PlanEffect,
            ..
        }
    ));
}
