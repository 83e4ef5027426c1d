//! What a step costs while many cases are open, by the cases that it looks at. What that takes in time is a matter of
//! `cargo bench --bench scale`.

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
    let Payload::Ceremony(CeremonyPayload { plan, backend, .. }) = &proposal.payload else {
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

#[test]
fn a_step_looks_at_what_changed_however_many_cases_are_open() {
    for (pools, wait) in [
        (20, For::Approval),
        (20, For::Turn),
        (1_000, For::Approval),
        (1_000, For::Turn),
    ] {
        let mut state = open(pools, wait);
        // what is due is asked for, and has its next time
        (0..3).for_each(|n| take(&mut state, 10_000 + n, Input::Tick));
        let before = state.volatile.agenda.looks;
        (3..STEPS).for_each(|n| take(&mut state, 10_000 + n, Input::Tick));
        assert_eq!(state.volatile.agenda.looks, before, "nothing happened");
        let answer = Input::ValidatorSeen {
            case: *state.open.first().expect("one is open"),
            validator: BlsPublicKey([1; 48]),
            seen: None,
        };
        take(&mut state, 10_000 + STEPS, answer);
        assert_eq!(state.volatile.agenda.looks, before + 1, "one was answered");
        let facts = ChainFacts {
            head: Some(block(10)),
            ..state.facts().clone()
        };
        take(&mut state, 10_001 + STEPS, Input::Facts(Box::new(facts)));
        let all = pools as usize;
        assert_eq!(
            state.volatile.agenda.looks,
            before + 1 + all,
            "a new head concerns all"
        );
    }
}
