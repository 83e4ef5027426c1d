//! Who decides, switched at the screen.

use casimir_dkg::view::{ByRules, Mode, SwitchView};

use super::*;

fn of(mode: Mode) -> Driver {
    let mut snapshot = fixture::busy();
    snapshot.mode = mode;
    for action in &mut snapshot.actions {
        let rule = "deposits".into();
        action.by_rules = action.waits().then_some(ByRules::Approve { rule });
    }
    Driver::new(fixture::app(snapshot))
}

#[test]
fn the_name_of_the_mode_is_typed_and_no_key_alone_gives_the_decision_to_the_rules() {
    let mut d = of(Mode::Supervised);
    assert!(requests(d.keys("M")).is_empty());
    let shown = screen(&mut d);
    assert!(
        shown.contains("auto: deposit/3#2: rule deposits would approve it at once"),
        "{shown}"
    );
    d.send(Event::Paste("auto".to_owned()));
    assert_eq!(toast(&d), "this must be typed, not pasted");
    assert!(requests(d.keys("enter")).is_empty());
    d.types("aut");
    assert!(requests(d.keys("enter")).is_empty());
    d.types("o");
    let auto = Request::SwitchMode {
        mode: Mode::Auto,
        word: Some("auto".to_owned()),
    };
    assert_eq!(requests(d.keys("enter")), [auto]);
}

#[test]
fn it_is_taken_off_auto_at_once_and_an_observer_switches_back() {
    for (from, to) in [
        (Mode::Auto, Mode::Supervised),
        (Mode::Auto, Mode::Observe),
        (Mode::Observe, Mode::Supervised),
    ] {
        let mut d = of(from);
        d.keys("M");
        d.types(&to.to_string());
        let word = None;
        assert_eq!(
            requests(d.keys("enter")),
            [Request::SwitchMode { mode: to, word }]
        );
    }
    let mut observes = of(Mode::Observe);
    assert!(requests(observes.keys("P")).is_empty(), "nothing else is decided");
}

#[test]
fn every_screen_says_that_the_mode_was_switched() {
    let mut d = of(Mode::Supervised);
    let mut snapshot = (*d.app.snapshot).clone();
    snapshot.switched = Some(SwitchView {
        by: "ann (uid 1000)".into(),
        at: fixture::T0,
        configured: Mode::Auto,
    });
    d.send(Event::Snapshot(Arc::new(snapshot)));
    let shown = screen(&mut d);
    assert!(shown.contains("SUPERVISED  switched"), "{shown}");
    d.keys("i");
    let shown = screen(&mut d);
    assert!(
        shown.contains("ann (uid 1000) switched to mode supervised"),
        "{shown}"
    );
}

/// A rule looks at an action before a person need: until the engine says that none lets it pass, nobody is called.
#[test]
fn in_mode_auto_nobody_is_called_for_what_a_rule_is_about_to_decide() {
    use crate::console::tests::draw::picture;
    use casimir_dkg::view::{Mode, Wait, WaitReason};
    let mut d = busy();
    let told = |reason: Option<WaitReason>| {
        with(|s| {
            s.mode = Mode::Auto;
            s.actions
                .push(fixture::keygen("deposit/20#1", ActionState::Proposed, false));
            let wait = |reason| Wait {
                action: Some(fixture::action_id("deposit/20#1")),
                ..Wait::new(reason, "it is so")
            };
            s.waits = reason.map(wait).into_iter().collect();
        })
    };
    for reason in [None, Some(WaitReason::Gathering), Some(WaitReason::Held)] {
        assert!(d.send(told(reason)).is_empty(), "{reason:?}");
        let screen = picture(&mut d.app, (160, 45));
        assert!(screen.contains("nothing waits"), "{reason:?}\n{screen}");
    }
    assert_eq!(d.send(told(Some(WaitReason::Policy))), [Effect::Notify]);
    let screen = picture(&mut d.app, (160, 45));
    assert!(screen.contains("1 waiting"), "{screen}");
}
