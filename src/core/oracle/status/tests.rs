//! What is under way and not accounted for shows as unknown, until it is found out.

use alloy::primitives::{Address, Bytes, U256};

use crate::oracle::*;
use crate::types::*;

const CASE: CaseId = CaseId {
    kind: RequestKind::Deposit,
    pool: PoolId(1),
    ordinal: 0,
};
const ACTION: ActionId = ActionId {
    case: CASE,
    number: 1,
};

fn settings() -> Settings {
    Settings {
        mode: Mode::Supervised,
        policy: Policy::default(),
        deposit_order: DepositOrder::HeadOfQueue,
        follows_beacon: false,
        look_up_every_ms: 12_000,
        ..fixture::settings()
    }
}

fn log() -> LogRef {
    LogRef {
        block: BlockRef {
            number: 10,
            hash: Root([1; 32]),
        },
        transaction: Root([2; 32]),
        index: 0,
    }
}

fn proposal(kind: ActionKind, payload: Payload) -> Proposal {
    Proposal {
        kind,
        title: SafeText::new("do it"),
        facts: Vec::new(),
        checks: Vec::new(),
        payload,
    }
}

fn keygen() -> Proposal {
    let plan = CeremonyPlan::Keygen {
        committee: (1..=4).map(OperatorId).collect(),
        threshold: 3,
        withdrawal_credentials: Root([1; 32]),
        fork_version: ForkVersion([0; 4]),
        registration: None,
    };
    proposal(
        ActionKind::Keygen,
        Payload::Ceremony(CeremonyPayload {
            plan,
            backend: BackendName::default(),
            parties: None,
        }),
    )
}

fn deposit() -> Proposal {
    let payload = TransactionPayload {
        chain_id: 1,
        from: Address::ZERO,
        to: Address::repeat_byte(7),
        value_wei: U256::ZERO,
        data: Bytes::from(vec![1, 2, 3]),
        fee_ceiling_wei: U256::from(1_000),
        call: None,
    };
    proposal(ActionKind::SendDeposit, Payload::Transaction(payload))
}

fn signed() -> SignedTransaction {
    SignedTransaction {
        raw: Bytes::from(vec![9]),
        hash: Root([9; 32]),
        nonce: 5,
        max_fee_wei: U256::from(1),
        priority_fee_wei: U256::from(1),
        gas_limit: 1,
    }
}

/// A process: its state, and the journal that the next one reads.
struct Process {
    state: State,
    journal: Vec<Record>,
    effects: Vec<Effect>,
    now: u64,
}

impl Process {
    /// With an approved action.
    fn with(proposal: Proposal) -> Self {
        let digest = proposal.digest(ACTION);
        let at = UnixMillis(1_000);
        let decision = Decision::alone(
            Verdict::Approve,
            Decider::person(SafeText::new("ada")),
            at,
            digest,
        );
        Self::after(vec![
            Record::CaseOpened {
                case: CASE,
                cause: Cause::Event {
                    log: log(),
                    leaving: None,
                },
            },
            Record::ActionProposed {
                action: ACTION,
                proposal: Box::new(proposal),
                digest,
            },
            Record::Decided {
                action: ACTION,
                decision,
            },
        ])
    }

    /// Starts on a journal.
    fn after(journal: Vec<Record>) -> Self {
        let mut state = State::new(settings());
        for (n, record) in (1_u64..).zip(&journal) {
            state.apply(n, UnixMillis(1_000), record);
        }
        Self {
            state,
            journal,
            effects: Vec::new(),
            now: 2_000,
        }
    }

    fn restarted(&self) -> Self {
        Self::after(self.journal.clone())
    }

    fn input(&mut self, input: Input) {
        self.now += 100;
        let stamped = Stamped {
            at: UnixMillis(self.now),
            up_ms: self.now,
            entropy: [3; 24],
            input,
        };
        let (at, mut folded) = (stamped.at, self.state.durable().clone());
        let (output, _) = step(&mut self.state, stamped);
        for record in &output.records {
            folded.apply(folded.newest + 1, at, record);
        }
        assert_eq!(*self.state.durable(), folded, "what is said of it is not durable");
        self.journal.extend(output.records);
        self.effects = output.effects;
    }

    /// The last checks before the approved action leaves found nothing changed.
    fn checked(&mut self, proposal: Proposal) {
        self.input(Input::Prepared {
            case: CASE,
            purpose: Purpose::Send(ACTION),
            outcome: Prepared::Proposal(Box::new(proposal)),
        });
    }

    fn inspected(&mut self, status: Option<NonceStatus>) {
        self.input(Input::Inspected {
            action: ACTION,
            status,
        });
    }

    /// Sees the chain, with the pool in the ready list and an account that has sent nothing.
    fn sees(&mut self) {
        self.input(Input::CaughtUp { finalized: None });
        self.input(Input::Facts(Box::new(ChainFacts {
            head: Some(log().block),
            ready: vec![CASE.pool],
            account: Some(AccountFacts {
                address: Address::ZERO,
                next: 0,
                pending: 0,
                balance_wei: U256::ZERO,
                is_open: false,
            }),
            ..ChainFacts::default()
        })));
    }

    fn looks(&self) -> bool {
        self.effects
            .iter()
            .any(|effect| matches!(effect, Effect::Inspect { .. }))
    }

    fn action(&self) -> ActionState {
        action_state(&self.state, ACTION).unwrap()
    }

    fn is(&self, status: CaseStatus, action: &ActionState) {
        assert_eq!((case_status(&self.state, CASE), &self.action()), (status, action));
    }

    /// Why the outcome is unknown: it must be.
    fn unknown(&self) -> String {
        assert_eq!(case_status(&self.state, CASE), CaseStatus::Unknown);
        match self.action() {
            ActionState::Unknown { reason } => {
                assert!(!self.action().is_over());
                reason.to_string()
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_ceremony_of_an_earlier_process_is_unknown_until_it_has_ended() {
    let mut first = Process::with(keygen());
    first.checked(keygen());
    first.is(CaseStatus::Ceremony, &ActionState::Executing);

    let mut second = first.restarted();
    assert!(
        second.unknown().contains("keygen with 4 operators"),
        "{}",
        second.unknown()
    );
    second.input(Input::Started);
    let Some(Effect::RunCeremony {
        request,
        start: false,
        ..
    }) = second.effects.first().cloned()
    else {
        panic!("it is looked for: {:?}", second.effects);
    };
    assert!(second.unknown().contains("looked for"));
    let reason = SafeText::new("nothing came");
    second.input(Input::CeremonyEnded {
        request,
        outcome: Err(CeremonyFailure {
            kind: FailureKind::Timeout,
            round: None,
            culprits: Vec::new(),
            reason: reason.clone(),
            blames: Vec::new(),
        }),
        transcript: None,
    });
    second.is(CaseStatus::Preparing, &ActionState::Failed { reason });
}

#[test]
fn the_registration_of_an_earlier_process_is_unknown_too() {
    let mut process = Process::with(keygen());
    process.checked(keygen());
    let plan = CeremonyPlan::Sign {
        validator: BlsPublicKey([5; 48]),
        committee: (1..=4).map(OperatorId).collect(),
        threshold: 3,
        signing_root: Root([9; 32]),
        what: SignPurpose::OwnerNonce {
            owner: String::new(),
            nonce: 4,
        },
        share_public_keys: Default::default(),
        brought: None,
    };
    process.journal.push(Record::CeremonyStarted {
        request: RequestId([8; 24]),
        case: CASE,
        action: None,
        role: CeremonyRole::Registration,
        attempt: 1,
        plan,
        backend: BackendName::default(),
    });
    let next = process.restarted();
    assert_eq!(case_status(&next.state, CASE), CaseStatus::Unknown);
}

#[test]
fn what_it_is_signed_with_and_nobody_tells_costs_no_approval() {
    let mut process = Process::with(deposit());
    process.sees();
    process.checked(deposit());
    for _ in 0..3 {
        process.input(Input::Signed {
            action: ACTION,
            outcome: Err(NotSigned::Unknown(SafeText::new("no endpoint answers"))),
        });
        assert_eq!(process.action(), ActionState::Approved);
        assert!(!process.state.waits_for_signer(CASE));
        let words = process.state.waiting_reason(CASE).unwrap();
        assert_eq!(
            words.as_str(),
            "approved; it leaves when what it is signed with is known: no endpoint answers"
        );
        process.now += 6_000;
        process.input(Input::Tick);
        process.checked(deposit());
        let asked = process.effects.iter();
        let asked = asked.filter(|effect| matches!(effect, Effect::Sign { .. }));
        assert_eq!(asked.count(), 1, "{:?}", process.effects);
    }
    process.input(Input::Signed {
        action: ACTION,
        outcome: Ok(signed()),
    });
    process.is(CaseStatus::Sending, &ActionState::Executing);
}

#[test]
fn a_signer_that_is_away_costs_no_approval_until_that_expires() {
    let mut process = Process::with(deposit());
    process.sees();
    process.checked(deposit());
    let away = || Input::Signed {
        action: ACTION,
        outcome: Err(NotSigned::Away(SafeText::new("connection refused"))),
    };
    for _ in 0..3 {
        process.input(away());
        assert_eq!(process.action(), ActionState::Approved);
        assert!(process.state.waits_for_signer(CASE));
        let words = process.state.waiting_reason(CASE).unwrap();
        assert_eq!(
            words.as_str(),
            "approved; it leaves when the signer is back: connection refused"
        );
        process.now += 6_000;
        process.input(Input::Tick);
        assert_eq!(process.action(), ActionState::Approved);
        // the last checks were made again, and it is asked once more
        process.checked(deposit());
        let asked = process
            .effects
            .iter()
            .any(|effect| matches!(effect, Effect::Sign { .. }));
        assert!(asked, "{:?}", process.effects);
    }
    let mut back = process.restarted();
    back.sees();
    back.input(Input::Signed {
        action: ACTION,
        outcome: Ok(signed()),
    });
    back.is(CaseStatus::Sending, &ActionState::Executing);
    process.input(Input::Signed {
        action: ACTION,
        outcome: Ok(signed()),
    });
    process.is(CaseStatus::Sending, &ActionState::Executing);
    assert!(
        !process.state.waits_for_signer(CASE),
        "what was said of it is over"
    );
    // a refusal ends the action, and so does the end of the approval
    let mut refused = Process::with(deposit());
    refused.input(Input::Signed {
        action: ACTION,
        outcome: Err(SafeText::new("another calldata").into()),
    });
    assert!(refused.action().is_over(), "{:?}", refused.action());
    let mut late = Process::with(deposit());
    late.input(away());
    late.now += late.state.settings.approval_expires_ms + 10_000;
    late.input(Input::Tick);
    assert!(late.action().is_over(), "{:?}", late.action());
}

#[test]
fn a_transaction_is_unknown_when_it_is_gone_after_a_node_took_it() {
    let mut process = Process::with(deposit());
    process.input(Input::Signed {
        action: ACTION,
        outcome: Ok(signed()),
    });
    process.is(CaseStatus::Sending, &ActionState::Executing);
    assert!(process.looks());
    process.input(Input::Sent {
        action: ACTION,
        outcome: Ok(()),
    });
    // this look began before the node took it
    process.inspected(Some(NonceStatus::Missing));
    process.is(CaseStatus::Sending, &ActionState::Executing);
    assert!(process.looks(), "{:?}", process.effects);
    process.inspected(Some(NonceStatus::Pending));
    process.is(CaseStatus::Sending, &ActionState::Executing);

    process.now += 10_000;
    process.input(Input::Tick);
    process.inspected(Some(NonceStatus::Missing));
    assert!(
        process.unknown().contains("nonce 5 was taken"),
        "{}",
        process.unknown()
    );
    // offered again, and taken: known again once it is seen
    process.input(Input::Sent {
        action: ACTION,
        outcome: Ok(()),
    });
    assert!(process.unknown().contains("looked for"));
    process.now += 10_000;
    process.input(Input::Tick);
    process.inspected(Some(NonceStatus::Pending));
    process.is(CaseStatus::Sending, &ActionState::Executing);
}

#[test]
fn a_transaction_that_no_node_took_is_known_to_be_here_unless_nobody_answers() {
    let mut process = Process::with(deposit());
    process.input(Input::Signed {
        action: ACTION,
        outcome: Ok(signed()),
    });
    process.input(Input::Sent {
        action: ACTION,
        outcome: Err(SafeText::new("no answer")),
    });
    process.inspected(Some(NonceStatus::Missing));
    process.is(CaseStatus::Sending, &ActionState::Executing);
    process.now += 10_000;
    process.input(Input::Tick);
    process.inspected(None);
    assert!(
        process.unknown().contains("may have been sent"),
        "{}",
        process.unknown()
    );

    // after a restart it is looked for, and found not to be there
    let mut second = process.restarted();
    assert!(second.unknown().contains("may have been sent"));
    second.input(Input::Started);
    assert!(second.looks(), "{:?}", second.effects);
    second.inspected(Some(NonceStatus::Missing));
    second.is(CaseStatus::Sending, &ActionState::Executing);
}

/// The past is read from the journal alone: nothing of a run is in it, and what ran then was running.
#[test]
fn what_was_under_way_at_a_past_moment_is_not_unknown() {
    let mut process = Process::with(keygen());
    let started = Record::CeremonyStarted {
        request: RequestId([3; 24]),
        case: CASE,
        action: Some(ACTION),
        role: CeremonyRole::Main,
        attempt: 1,
        plan: match keygen().payload {
            Payload::Ceremony(payload) => payload.plan,
            other => panic!("{other:?}"),
        },
        backend: BackendName::default(),
    };
    process.state.apply(4, UnixMillis(2_000), &started);
    let durable = process.state.durable().clone();
    let restarted = State::restored(settings(), durable.clone());
    assert!(matches!(
        action_state(&restarted, ACTION),
        Some(ActionState::Unknown { .. })
    ));
    let past = State::looked_back(settings(), durable);
    assert_eq!(action_state(&past, ACTION), Some(ActionState::Executing));
}
