//! What a step costs while many cases are open: `cargo test --release --lib advance::cost -- --ignored --nocapture`.

#![allow(clippy::disallowed_macros, reason = "tells what was measured")]

use std::time::{Duration, Instant};

use crate::oracle::fixture::{block, proposal, settings, success};
use crate::oracle::*;
use crate::types::*;

const STEPS: u64 = 400;

/// What the deposits wait for.
#[derive(Clone, Copy)]
enum For {
    /// A person.
    Approval,
    /// Their turn in the contract's queue, each with its key.
    Turn,
}

/// What a case does from its approval to its key.
fn key(action: ActionId, request: RequestId, proposal: &Proposal) -> Vec<Record> {
    let Payload::Ceremony(CeremonyPayload { plan, backend }) = &proposal.payload else {
        unreachable!("a key generation is a ceremony")
    };
    let by = Decider::Rule { name: "all".into() };
    let digest = proposal.digest(action);
    vec![
        Record::Decided {
            action,
            decision: Decision::alone(Verdict::Approve, by, UnixMillis(1_000), digest),
        },
        Record::CeremonyStarted {
            request,
            case: action.case,
            action: Some(action),
            role: CeremonyRole::Main,
            attempt: 1,
            plan: plan.clone(),
            backend: backend.clone(),
        },
        Record::CeremonyVerified {
            request,
            result: success(plan).result,
            checks: Vec::new(),
            transcript: None,
        },
    ]
}

/// So many deposits that wait.
fn open(pools: u32, wait: For) -> State {
    let mode = Mode::Supervised;
    let mut state = State::new(Settings { mode, ..settings() });
    for pool in 1..=pools {
        let (kind, pool, ordinal) = (RequestKind::Deposit, PoolId(pool), 0);
        let case = CaseId { kind, pool, ordinal };
        let action = ActionId { case, number: 1 };
        let cause = Cause::State { block: block(1) };
        let keygen = proposal(ActionKind::Keygen);
        let proposed = Record::ActionProposed {
            action,
            digest: keygen.digest(action),
            proposal: Box::new(keygen.clone()),
        };
        let mut request = [0; 24];
        request[..4].copy_from_slice(&case.pool.0.to_be_bytes());
        let made = match wait {
            For::Approval => Vec::new(),
            For::Turn => key(action, RequestId(request), &keygen),
        };
        for record in [Record::CaseOpened { case, cause }, proposed].iter().chain(&made) {
            let seq = state.newest + 1;
            state.apply(seq, UnixMillis(1_000), record);
        }
    }
    if let For::Turn = wait {
        assert!(state.cases.values().all(|case| case.step == Step::AwaitTurn));
    }
    let facts = ChainFacts {
        head: Some(block(9)),
        ready: (1..=pools).map(PoolId).collect(),
        ..ChainFacts::default()
    };
    for input in [Input::CaughtUp { finalized: None }, Input::Facts(Box::new(facts))] {
        take(&mut state, 2_000, input);
    }
    state
}

fn take(state: &mut State, at: u64, input: Input) {
    let at = UnixMillis(at);
    let (up_ms, entropy) = (at.0, [0; 24]);
    step(
        state,
        Stamped {
            at,
            up_ms,
            entropy,
            input,
        },
    );
}

/// The time of one step in which nothing happens.
fn step_with(pools: u32, wait: For) -> Duration {
    let mut state = open(pools, wait);
    let began = Instant::now();
    for n in 0..STEPS {
        take(&mut state, 10_000 + n, Input::Tick);
    }
    began.elapsed() / STEPS as u32
}

#[test]
#[ignore = "measures"]
fn of_a_step_with_many_open_cases() {
    for pools in [20, 100, 1_000] {
        let [person, turn] = [For::Approval, For::Turn].map(|wait| step_with(pools, wait));
        println!(
            "{pools} open cases: {person:?} a step while they wait for a person, {turn:?} for their turn"
        );
    }
}
