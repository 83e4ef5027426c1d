//! A journal that is taken up in mode observe, at every boundary: nothing leaves, and nothing is lost for who acts next.

use super::*;

const CASE: fn(RequestKind) -> CaseId = |kind| CaseId {
    kind,
    pool: POOL,
    ordinal: 0,
};

/// Runs until so many records are journaled. `false`: the case ended before.
fn run_to(life: &mut Life, boundary: usize) -> bool {
    while life.journal.len() < boundary {
        if life.state.cases[&CASE(life.kind)].is_closed() {
            return false;
        }
        match life.waiting.pop_front() {
            Some(effect) => life.perform(effect),
            None => life.mine(),
        }
    }
    true
}

/// Watches for a while. Gives whether an approval was held.
fn watch(life: &mut Life, what: &str) -> bool {
    let id = CASE(life.kind);
    let mut held = false;
    for _ in 0..40 {
        match life.waiting.pop_front() {
            Some(effect) => {
                let leaves = matches!(
                    effect,
                    Effect::RunCeremony { start: true, .. }
                        | Effect::Sign { .. }
                        | Effect::Send { .. }
                        | Effect::PublishExit { .. }
                );
                assert!(!leaves, "{what}: an observer does {effect:?}");
                life.perform(effect);
            }
            None => life.mine(),
        }
        let step = &life.state.cases[&id].step;
        if let Step::DecideCeremony(action) | Step::DecideEffect(action) = step
            && life.state.actions[action].state == ActionState::Approved
        {
            let says = life.state.waiting_reason(id).map(SafeText::as_str);
            assert!(
                says.is_some_and(|s| s.contains("mode observe")),
                "{what}: {says:?}"
            );
            held = true;
        }
    }
    held
}

#[test]
fn an_observer_lets_nothing_leave_whatever_was_approved_before() {
    for kind in cases::ALL {
        let mut held = 0;
        for boundary in 1.. {
            let mut life = Life::new(kind);
            if !run_to(&mut life, boundary) {
                break;
            }
            let what = format!("{kind}, boundary {boundary}");
            life.restart(Mode::Observe, false);
            held += usize::from(watch(&mut life, &what));
            life.restart(Mode::Auto, false);
            life.run(usize::MAX, false);
        }
        assert!(held >= 2, "{kind}: approvals were held at {held} boundaries");
    }
}
