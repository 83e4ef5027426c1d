//! What a step costs while many cases are open: `cargo test --release --lib advance::cost -- --ignored --nocapture`.

#![allow(clippy::disallowed_macros, reason = "tells what was measured")]

use std::time::{Duration, Instant};

use crate::oracle::fixture::{block, proposal, settings};
use crate::oracle::*;
use crate::types::*;

const STEPS: u64 = 400;

/// So many deposits of which each waits for a person.
fn open(pools: u32) -> State {
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
            proposal: Box::new(keygen),
        };
        for record in [Record::CaseOpened { case, cause }, proposed] {
            let seq = state.newest + 1;
            state.apply(seq, UnixMillis(1_000), &record);
        }
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
fn step_with(pools: u32) -> Duration {
    let mut state = open(pools);
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
        println!("{pools} open cases: {:?} a step", step_with(pools));
    }
}
