//! A deposit, a reshare and an exit in a world without other faults, killed between any two records, with what was asked
//! for by then done or not done: the same end, one effective transaction, one start of each ceremony, one signed exit.
//!
//! `tests/boundaries/` does the same to the real binary for deposits.

use std::collections::VecDeque;

use super::world::World;
use crate::oracle::*;
use crate::types::*;

const LONG: u32 = 3_000;

impl World {
    /// Lives until the case is closed. `false`: the death that was planned has not come.
    fn lives_to_the_end(&mut self, case: CaseId) -> bool {
        for _ in 0..LONG {
            if self.state.cases.get(&case).is_some_and(Case::is_closed) {
                return self.death.is_none();
            }
            self.goes_on();
        }
        panic!("not at an end: {:?}", self.state.cases[&case].step);
    }

    fn done(&self, kind: ActionKind) -> usize {
        let actions = self.state.actions.values();
        actions
            .filter(|a| a.proposal.kind == kind && a.state == ActionState::Done)
            .count()
    }
}

/// Tries every boundary, with what was under way done and not done, and checks what came of it.
fn at_every_boundary(kind: RequestKind, script: &[ExitStanding], check: impl Fn(&World, &Case, &str)) {
    for happens in [false, true] {
        let mut boundaries = 0;
        for boundary in 1.. {
            let (mut world, case) = World::calm(kind);
            world.outside.script = VecDeque::from(script.to_vec());
            world.death = Some((world.records + boundary, happens));
            if !world.lives_to_the_end(case) {
                break;
            }
            boundaries += 1;
            let what = format!("{kind}, {script:?}, boundary {boundary}, effects {happens}");
            check(&world, &world.state.cases[&case], &what);
            let late = |request: &RequestId| world.key_made_by(request);
            world.book.at_the_end(&world.outside, &world.state, late);
        }
        assert!(
            boundaries >= 8,
            "{kind}, {script:?}: only {boundaries} boundaries"
        );
    }
}

/// F01.
#[test]
fn every_kind_of_case_survives_a_death_at_every_boundary() {
    for kind in cases::ALL {
        at_every_boundary(kind, &[], |world, case, what| {
            let outside = &world.outside;
            // the main one and, where there is something to register, the registration: no other one ever left
            let (ceremonies, effective) = if kind == RequestKind::Exit { (1, 0) } else { (2, 1) };
            assert_eq!(outside.started.len(), ceremonies, "{what}: ceremonies that left");
            assert_eq!(outside.chain.mined.len(), effective, "{what}");
            assert_eq!(outside.pool.len(), effective, "{what}: other bytes were sent");
            if kind == RequestKind::Exit {
                assert!(!outside.offers.is_empty(), "{what}: never published");
                is_predicted(case, what);
            }
        });
    }
}

/// Of each stage of an exit: predicted before it was a fact, once by each that predicts, and a fact in the end.
fn is_predicted(case: &Case, what: &str) {
    let lines: Vec<_> = case.history.iter().map(|entry| entry.text.as_str()).collect();
    let first = |words: &str| {
        let has = |line: &&str| line.contains(words);
        lines
            .iter()
            .position(has)
            .unwrap_or_else(|| panic!("{what}: nothing says {words}"))
    };
    let by_rules = first("by the chain's rules");
    assert!(
        by_rules < first("is exiting"),
        "{what}: by rules, before it was in a block"
    );
    let by_state = "exited from";
    assert!(
        first(by_state) < first("is exited"),
        "{what}: by the state, before it was so"
    );
    let again = lines[by_rules + 1..]
        .iter()
        .any(|line| line.contains("by the chain's rules"));
    assert!(!again, "{what}: by rules more than once");
    for milestone in milestones(case) {
        let stage = milestone.stage;
        assert!(milestone.actual.is_some(), "{what}: {stage} is a fact");
        assert_eq!(
            milestone.by_rules.is_some(),
            stage != Stage::Withdrawn,
            "{what}: {stage} by rules"
        );
        let by_state = matches!(stage, Stage::Exited | Stage::Withdrawable);
        assert_eq!(
            milestone.by_state.is_some(),
            by_state,
            "{what}: {stage} by the state"
        );
        let since = matches!(milestone.actual, Some(Actual::Since(_)));
        assert_eq!(since, by_state, "{what}: when {stage} began");
    }
}

#[test]
fn whatever_the_nodes_answer_an_exit_survives_a_death_at_every_boundary() {
    let early = |ms: u64| ExitStanding::TooEarly {
        epoch: 3,
        at: UnixMillis(1_000_000 + ms),
    };
    let bad = ExitStanding::BadSignature {
        signing_root: Root([1; 32]),
    };
    let phase = ValidatorPhase::Exiting;
    let scripts = [
        vec![early(40_000)],
        vec![ExitStanding::NotActive, early(200_000), ExitStanding::Unheard],
        vec![bad.clone()],
        vec![ExitStanding::UnknownIndex],
        vec![ExitStanding::Refused; 9],
        vec![
            ExitStanding::Refused,
            bad,
            ExitStanding::UnknownIndex,
            early(90_000),
        ],
        // a node that is ahead of the others, or wrong
        vec![ExitStanding::Exiting { phase }],
    ];
    for script in scripts {
        let is_bad = |s: &ExitStanding| matches!(s, ExitStanding::BadSignature { .. });
        let signatures = 1 + script.iter().filter(|s| is_bad(s)).count();
        at_every_boundary(RequestKind::Exit, &script, |world, _, what| {
            assert!(
                world.outside.script.is_empty(),
                "{what}: not everything was answered"
            );
            assert!(!world.outside.offers.is_empty(), "{what}: never taken");
            let verified = |c: &&Ceremony| matches!(c.ended, Some((_, Ok(_))));
            let made = world.state.ceremonies.values().filter(verified).count();
            assert_eq!(made, signatures, "{what}: signatures");
            assert_eq!(
                world.done(ActionKind::BroadcastExit),
                1,
                "{what}: not one exit is done"
            );
        });
    }
}

/// Watches for a while. Whether an approval was held.
fn watch(world: &mut World, case: CaseId, what: &str) -> bool {
    let mut held = false;
    for _ in 0..40 {
        world.goes_on();
        if let Step::DecideCeremony(action) | Step::DecideEffect(action) = &world.state.cases[&case].step
            && world.state.actions[action].state == ActionState::Approved
        {
            let says = world.state.waiting_reason(case).map(SafeText::as_str);
            assert!(
                says.is_some_and(|s| s.contains("mode observe")),
                "{what}: {says:?}"
            );
            held = true;
        }
    }
    held
}

/// That nothing leaves is checked with every effect.
#[test]
fn an_observer_lets_nothing_leave_whatever_was_approved_before() {
    for kind in cases::ALL {
        let mut held = 0;
        'boundaries: for boundary in 1.. {
            let (mut world, case) = World::calm(kind);
            let wanted = world.records + boundary;
            while world.records < wanted {
                if world.state.cases[&case].is_closed() {
                    break 'boundaries;
                }
                world.goes_on();
            }
            let what = format!("{kind}, boundary {boundary}");
            world.mode = Mode::Observe;
            world.restart(0);
            held += usize::from(watch(&mut world, case, &what));
            world.mode = Mode::Auto;
            world.restart(0);
            world.lives_to_the_end(case);
        }
        assert!(held >= 2, "{kind}: approvals were held at {held} boundaries");
    }
}
