//! Ways out.

use super::*;

#[test]
fn quitting_asks_while_work_is_in_flight() {
    let mut d = busy();
    assert!(d.slowly("q").is_empty());
    assert!(matches!(d.app.overlay, Some(Overlay::Quit { ref work }) if !work.is_empty()));
    assert!(d.slowly("n q enter esc").is_empty() && d.app.overlay.is_none());
    assert!(stops(&d.slowly("q y")));
    let ticket = d.app.leaving.as_ref().unwrap().ticket;
    assert!(
        d.send(Event::Reply {
            ticket,
            reply: Ok(Accepted { message: "".into() })
        })
        .is_empty()
    );
    assert_eq!(d.send(Event::EngineGone), [Effect::Exit(ExitReason::Quit)]);

    let mut d = Driver::new(fixture::app(fixture::quiet()));
    assert!(stops(&d.slowly("q y")));
    d.mono += Duration::from_secs(16);
    assert_eq!(
        d.send(Event::Tick),
        [Effect::Exit(ExitReason::Quit)],
        "the engine does not answer"
    );
}

#[test]
fn one_key_too_many_never_ends_the_program() {
    // nothing is in flight, and still it is asked
    for key in ["q", "ctrl-c"] {
        let mut d = Driver::new(fixture::app(fixture::quiet()));
        assert!(d.slowly(&format!("3 q {key}")).is_empty(), "{key}");
        assert!(
            matches!(&d.app.overlay, Some(Overlay::Quit { work }) if work.is_empty()),
            "{key}"
        );
        // the key that asks says no the second time, unless it is the one that must get through
        match key {
            "q" => assert!(d.slowly("q").is_empty() && d.app.overlay.is_none()),
            _ => assert_eq!(d.slowly("ctrl-c"), [Effect::Exit(ExitReason::Forced)]),
        }
    }
    // an engine that has stopped needs no question
    let mut d = Driver::new(fixture::app(fixture::quiet()));
    d.app.engine_gone = true;
    assert_eq!(d.slowly("q"), [Effect::Exit(ExitReason::Quit)]);
}

#[test]
fn q_goes_back_before_it_goes_out() {
    let mut d = busy();
    d.slowly("3 enter enter");
    assert_eq!(d.app.details.len(), 2);
    assert!(d.slowly("q q q").is_empty());
    assert!(d.app.details.is_empty() && d.app.tab == Tab::Overview && d.app.overlay.is_none());
    d.slowly("q");
    assert!(matches!(d.app.overlay, Some(Overlay::Quit { .. })));
}

#[test]
fn a_second_ctrl_c_does_not_wait() {
    let mut d = busy();
    assert!(d.slowly("ctrl-c").is_empty());
    assert_eq!(d.slowly("ctrl-c"), [Effect::Exit(ExitReason::Forced)]);
    // a key in between means that the user changed his mind
    let mut d = busy();
    assert!(d.slowly("ctrl-c esc j ctrl-c").is_empty());
    // even out of a question and a text field
    let mut d = busy();
    d.slowly("2 enter x");
    assert_eq!(d.keys("ctrl-c ctrl-c"), [Effect::Exit(ExitReason::Forced)]);
}

#[test]
fn signals_end_without_a_question() {
    let mut d = busy();
    d.slowly("2 enter a");
    assert!(stops(&d.send(Event::Terminate)));
    assert_eq!(d.app.leaving.as_ref().unwrap().reason, ExitReason::Terminated);
    assert_eq!(d.send(Event::Terminate), [Effect::Exit(ExitReason::Forced)]);
    assert_eq!(busy().send(Event::Hangup), [Effect::Exit(ExitReason::Hangup)]);
    assert_eq!(
        busy().send(Event::EngineGone),
        [Effect::Exit(ExitReason::EngineGone)]
    );
}

#[test]
fn ctrl_z_explains_unless_allowed() {
    let mut d = busy();
    assert!(d.slowly("ctrl-z").is_empty());
    d.app.settings.allow_suspend = true;
    assert!(
        d.slowly("ctrl-z").is_empty() && toast(&d).contains("in flight"),
        "{}",
        toast(&d)
    );
    let mut d = Driver::new(fixture::app(fixture::quiet()));
    d.app.settings.allow_suspend = true;
    assert_eq!(d.slowly("ctrl-z"), [Effect::Suspend]);
}

#[test]
fn leaving_asks_while_something_approved_has_not_left_or_an_exit_is_not_in_a_block() {
    use casimir_dkg::view::{ActionState, Decider, Decision, Verdict};
    let quiet = |s: &mut Snapshot| {
        s.ceremonies.clear();
        s.transactions.clear();
        s.actions.truncate(2);
    };
    let approve = |s: &mut Snapshot, n: usize, state| {
        let action = &mut s.actions[n];
        action.decision = Some(Decision {
            verdict: Verdict::Approve,
            decider: Decider::Person { name: "ada".into() },
            at: s.at,
            digest: action.digest,
            nth: None,
            key: None,
            lets_pass: None,
        });
        fixture::stands(action, state);
    };
    let words =
        |s: &Snapshot| -> Vec<String> { s.work_in_flight().iter().map(ToString::to_string).collect() };
    let mut nothing = fixture::busy();
    quiet(&mut nothing);
    assert!(words(&nothing).is_empty(), "{:?}", words(&nothing));
    let (mut approved, mut published) = (nothing.clone(), nothing);
    approve(&mut approved, 0, ActionState::Approved);
    assert_eq!(
        words(&approved),
        ["send-deposit of deposit/3 is approved and waits to leave"]
    );
    approve(&mut published, 1, ActionState::Executing);
    assert!(
        words(&published)[0].ends_with("(exit/1) was offered to the beacon nodes and is not seen in a block"),
        "{:?}",
        words(&published)
    );
    for snapshot in [approved, published] {
        let mut d = busy();
        d.send(with(|s| {
            let revision = s.revision;
            *s = snapshot;
            s.revision = revision;
        }));
        assert!(d.slowly("q").is_empty(), "it asks");
        assert!(matches!(d.app.overlay, Some(Overlay::Quit { .. })));
    }
}

#[test]
fn leaving_an_engine_elsewhere_says_that_it_goes_on() {
    let mut d = busy();
    d.app.settings.attached = Some(casimir_dkg::view::Seated {
        you: "alice (uid 1000)".into(),
        may_decide: true,
        process: 4_711,
        run_by: "casimir-dkg (uid 998)".into(),
        since: casimir_dkg::types::UnixMillis(0),
    });
    assert!(d.slowly("q").is_empty());
    let screen = crate::console::tests::draw::picture(&mut d.app, (120, 40));
    for words in [
        "The engine goes on",
        "process 4711",
        "casimir-dkg (uid 998)",
        "attached",
    ] {
        assert!(screen.contains(words), "{words}: {screen}");
    }
    assert!(stops(&d.slowly("y")), "the seat is left");
}
