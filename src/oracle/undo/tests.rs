use super::*;
use crate::oracle::people::tests::Life;
use crate::oracle::{Input, Purpose, Refusal, Wish};

const WINDOW_MS: u64 = 10_000;

fn supervised() -> Life {
    Life::with(|settings| {
        let window = Duration::from_millis(WINDOW_MS);
        settings.policy.undo.set(ActionKind::Keygen, window);
    })
}

fn take_back(life: &mut Life) -> Result<SafeText, Refusal> {
    let wish = Wish::TakeBack(life.action().id);
    life.input(Input::Wish {
        by: "bob".into(),
        wish,
    })
    .unwrap()
}

/// Whether it gets its last checks, after which it leaves.
fn leaves(life: &mut Life) -> bool {
    matches!(life.prepare(), Some(Purpose::Send(_)))
}

#[test]
fn an_approval_by_a_person_waits_for_its_window_and_is_then_checked_again() {
    let mut life = supervised();
    life.approve("ada", 1).unwrap();
    let id = life.action().id;
    let until = undo_until(&life.state, id).unwrap();
    assert_eq!(life.state.waiting_reason(id.case).unwrap().as_str(), HELD_OPEN);
    life.wait(WINDOW_MS - 2);
    assert!(!leaves(&mut life), "a millisecond is left");
    assert_eq!(undo_until(&life.state, id), Some(until));
    life.wait(1);
    assert_eq!(undo_until(&life.state, id), None);
    assert_eq!(life.state.waiting_reason(id.case), None);
    assert!(leaves(&mut life));
}

#[test]
fn without_a_window_it_leaves_at_once_and_can_be_taken_back_until_it_does() {
    let mut life = Life::with(|_| ());
    life.approve("ada", 1).unwrap();
    let id = life.action().id;
    assert_eq!(undo_until(&life.state, id), None);
    assert_eq!(can_take_back(&life.state, id), Ok(()));
    assert!(leaves(&mut life));
    let refused = take_back(&mut life).unwrap_err().to_string();
    assert!(
        refused.contains("only an approval of what has not left"),
        "{refused}"
    );
}

#[test]
fn what_is_taken_back_asks_anew_and_the_journal_tells_both() {
    let mut life = supervised();
    let first = life.action().id;
    let early = take_back(&mut life).unwrap_err().to_string();
    assert!(early.contains("is waiting"), "{early}");
    life.approve("ada", 1).unwrap();
    take_back(&mut life).unwrap();
    assert!(life.last("decided").contains("ada"), "{}", life.last("decided"));
    let told = life.last("action-voided");
    assert!(told.contains("bob took the approval back"), "{told}");
    life.wait(WINDOW_MS);
    assert!(matches!(life.prepare(), Some(Purpose::Propose)));
    assert_ne!(life.action().id, first);
    assert_eq!(life.action().state, ActionState::Proposed);
    life.restart();
    assert_eq!(life.action().state, ActionState::Proposed);
}

#[test]
fn a_restart_and_a_pause_begin_the_window_anew() {
    let mut life = supervised();
    life.approve("ada", 1).unwrap();
    let id = life.action().id;
    life.wait(WINDOW_MS - 5);
    life.restart();
    life.wait(WINDOW_MS - 5);
    assert!(undo_until(&life.state, id).is_some() && !leaves(&mut life));
    let mut paused = |wish| {
        let by = "bob".into();
        life.input(Input::Wish { by, wish }).unwrap().unwrap();
    };
    paused(Wish::Pause(None));
    paused(Wish::Resume(None));
    life.wait(WINDOW_MS - 5);
    assert!(undo_until(&life.state, id).is_some() && !leaves(&mut life));
    life.wait(5);
    assert!(leaves(&mut life));
}

#[test]
fn in_mode_auto_no_rule_approves_what_a_person_took_back() {
    let mut life = Life::with(|settings| {
        settings.mode = Mode::Auto;
        settings.policy.rules[0].pools = Some(Vec::new());
        settings
            .policy
            .undo
            .set(ActionKind::Keygen, Duration::from_secs(10));
    });
    life.approve("ada", 1).unwrap();
    let said = take_back(&mut life).unwrap();
    assert!(said.as_str().contains("is paused"), "{said}");
    let case = life.action().id.case;
    assert!(life.state.cases[&case].paused.is_some());
}

#[test]
fn what_a_rule_approves_does_not_wait() {
    let mut life = Life::with(|settings| {
        settings.mode = Mode::Auto;
        settings
            .policy
            .undo
            .set(ActionKind::Keygen, Duration::from_secs(10));
    });
    life.wait(1);
    let decision = life.action().decision.clone().unwrap();
    assert!(matches!(decision.decider, Decider::Rule { .. }), "{decision:?}");
    assert!(leaves(&mut life));
}

#[test]
fn on_a_public_network_money_and_what_cannot_be_undone_waits() {
    let windows = UndoWindows::public();
    for kind in ActionKind::ALL.iter().copied() {
        let waits = windows.of(kind) == UndoWindows::PUBLIC;
        assert_eq!(waits, kind.risk() != Risk::Routine, "{kind}");
        assert!(UndoWindows::default().of(kind).is_zero(), "{kind}");
    }
}
