//! What it takes to approve or to reject.

use super::*;

#[test]
fn approving_sends_exactly_what_was_shown() {
    let mut d = busy();
    let shown = d.app.snapshot.actions[0].clone();
    assert!(requests(d.slowly("2 enter a")).is_empty());
    let sent = requests(d.slowly("y"));
    assert_eq!(
        sent,
        [Request::Approve {
            action: shown.id,
            digest: shown.digest,
            phrase: None,
        }]
    );
}

#[test]
fn the_list_only_opens_what_would_be_approved() {
    let mut d = busy();
    assert!(requests(d.slowly("2 a y y")).is_empty());
    let id = d.app.snapshot.actions[0].id;
    assert_eq!(d.app.details[0].target, Target::Row(RowId::Action(id)));
    assert!(d.app.overlay.is_none(), "opened, not asked: {:?}", d.app.overlay);
}

#[test]
fn a_burst_of_keys_approves_nothing() {
    let mut d = busy();
    assert!(requests(d.keys("2 enter a y a y y y")).is_empty());
    d.look(400);
    // the page has been seen now; the question has not
    assert!(requests(d.keys("a y y")).is_empty());
}

#[test]
fn yes_counts_only_after_a_quiet_moment_on_the_screen() {
    let mut d = busy();
    d.slowly("2 enter");
    d.keys("a");
    d.mono += Duration::from_secs(5);
    assert!(requests(d.keys("y")).is_empty(), "never painted");
    d.look(349);
    assert!(
        requests(d.keys("y")).is_empty(),
        "too early, and the moment begins again"
    );
    d.look(349);
    assert!(requests(d.keys("y")).is_empty(), "still too early");
    d.look(350);
    assert_eq!(requests(d.keys("y")).len(), 1);
}

#[test]
fn any_other_key_and_focus_start_the_moment_again() {
    let mut d = busy();
    d.slowly("2 enter");
    d.keys("a");
    d.look(340);
    d.keys("j");
    d.look(340);
    d.send(Event::Focus);
    d.look(340);
    assert!(requests(d.keys("y")).is_empty());
    d.look(351);
    assert_eq!(requests(d.keys("y")).len(), 1);
}

#[test]
fn enter_space_and_held_keys_never_approve() {
    let mut d = busy();
    assert!(requests(d.slowly("2 enter a enter space enter tab")).is_empty());
    d.look(400);
    let key = "y".parse().unwrap();
    for _ in 0..50 {
        assert!(d.send(Event::Key { key, repeat: true }).is_empty());
        d.look(400);
    }
    let held = "a".parse().unwrap();
    let mut d = busy();
    d.slowly("2 enter");
    assert!(
        d.send(Event::Key {
            key: held,
            repeat: true
        })
        .is_empty()
    );
    assert!(d.app.overlay.is_none(), "a held key asks nothing");
}

#[test]
fn paste_never_decides_and_never_types_a_phrase() {
    let mut d = busy();
    d.slowly("2 enter");
    assert!(d.send(Event::Paste("ay".into())).is_empty());
    assert!(d.app.overlay.is_none());
    d.slowly("a");
    assert!(d.send(Event::Paste("yyyy\ny\n".into())).is_empty());
    assert!(
        requests(d.keys("y")).is_empty(),
        "a paste starts the quiet moment again"
    );

    let mut d = busy();
    d.slowly("2 down enter a");
    d.send(Event::Paste("exit validator 1016\n".into()));
    let Some(Overlay::Input(field)) = &d.app.overlay else {
        panic!()
    };
    assert_eq!(field.input.value(), "");
    assert!(toast(&d).contains("typed, not pasted"));

    let mut d = busy();
    d.slowly("2 enter x");
    d.send(Event::Paste("a\x1b[31mreason\nwith lines\r\n".repeat(100_000)));
    let Some(Overlay::Input(field)) = &d.app.overlay else {
        panic!()
    };
    assert!(
        field.input.value().starts_with("a\\u{1b}[31mreason with lines") && field.input.value().len() < 4_000
    );
}

#[test]
fn nothing_is_approved_twice() {
    let mut d = busy();
    assert_eq!(requests(d.slowly("2 enter a y")).len(), 1);
    assert!(requests(d.slowly("a y a y")).is_empty());
    assert!(toast(&d).contains("approved already"), "{}", toast(&d));
    let ticket = d.app.pending[0].ticket;
    d.send(Event::Reply {
        ticket,
        reply: Ok(Accepted { message: "ok".into() }),
    });
    assert!(
        requests(d.slowly("a y")).is_empty(),
        "accepted, and the snapshot has not come yet"
    );
    // refused: then it may be tried again
    let mut d = busy();
    d.slowly("2 enter a y");
    let ticket = d.app.pending[0].ticket;
    d.send(Event::Reply {
        ticket,
        reply: Err(Refused::NotNow("later".into())),
    });
    assert_eq!(requests(d.slowly("a y")).len(), 1);
}

#[test]
fn a_failed_check_cannot_be_approved() {
    let mut d = busy();
    d.send(with(|s| {
        s.actions[0].can_approve = Can::no("failed checks: balance");
    }));
    assert!(requests(d.slowly("2 enter a y")).is_empty());
    assert!(toast(&d).contains("failed checks: balance"), "{}", toast(&d));
}

#[test]
fn a_change_closes_the_question_and_must_be_read_first() {
    let mut d = busy();
    d.slowly("2 enter a");
    d.send(with(changed));
    assert!(why_closed(&d).contains("changed while you were asked"));
    d.slowly("esc");
    assert_eq!(d.app.details.len(), 1, "the view stays open");
    let text = crate::console::tests::fixture::Driver::new(d.app);
    let mut d = text;
    let screen = screen(&mut d);
    assert!(screen.contains("Changed since you opened it"), "{screen}");
    assert!(
        screen.contains("amount: 32 ETH from the pool → 31 ETH from the pool"),
        "{screen}"
    );
    // the first press says that it was read, the second asks
    assert!(requests(d.slowly("a y")).is_empty());
    let new = d.app.snapshot.actions[0].digest;
    let sent = requests(d.slowly("a y"));
    assert!(
        matches!(&sent[..], [Request::Approve { digest, .. }] if *digest == new),
        "{sent:?}"
    );
}

#[test]
fn what_was_proposed_anew_is_told_to_whoever_opens_it_then() {
    let mut d = busy();
    d.send(with(|s| {
        changed(s);
        let action = &mut s.actions[0];
        action.anew = Some(casimir_dkg::view::AnewView {
            at: fixture::ago(30),
            was: fixture::root(0xaa),
        });
        action.refreshed_at = Some(fixture::ago(5));
    }));
    d.slowly("2 enter");
    let page = screen(&mut d);
    let code = fixture::root(0xaa).code();
    let words = format!("other bytes would be sent; the code was {code}");
    assert!(page.contains("! Proposed anew 3"), "{page}");
    assert_eq!(page.matches(&words).count(), 2, "{page}");
    assert!(!page.contains("the digest is the same"), "{page}");
    assert!(page.contains("the digest is that of the new proposal"), "{page}");
}

#[test]
fn a_stale_answer_keeps_the_view_open() {
    let mut d = busy();
    d.slowly("2 enter a y");
    let ticket = d.app.pending[0].ticket;
    d.send(Event::Reply {
        ticket,
        reply: Err(Refused::Stale("the fee ceiling".into())),
    });
    assert_eq!(d.app.details.len(), 1);
    assert!(toast(&d).contains("changed since it was shown"), "{}", toast(&d));
}

#[test]
fn somebody_else_decided_first() {
    let mut d = busy();
    d.slowly("2 enter a");
    d.send(with(|s| {
        fixture::stands(&mut s.actions[0], ActionState::Rejected)
    }));
    assert!(why_closed(&d).contains(" is rejected now"));
    assert!(requests(d.slowly("y a y")).is_empty());
    assert!(requests(d.slowly("esc y a y")).is_empty());

    let mut d = busy();
    d.slowly("2 enter a y");
    let ticket = d.app.pending[0].ticket;
    let by = "grace@other".into();
    d.send(Event::Reply {
        ticket,
        reply: Err(Refused::AlreadyDecided {
            by,
            at: UnixMillis(0),
        }),
    });
    assert!(
        screen(&mut d).contains("already decided by grace@other"),
        "{}",
        screen(&mut d)
    );
}

#[test]
fn an_irreversible_action_needs_its_phrase_and_then_yes() {
    let mut d = busy();
    let exit = d.app.snapshot.actions[1].clone();
    d.slowly("2 down enter a");
    d.types("exit validator 1017");
    assert!(requests(d.keys("enter")).is_empty());
    let Some(Overlay::Input(field)) = &d.app.overlay else {
        panic!("{:?}", d.app.overlay)
    };
    assert!(field.problem.as_ref().unwrap().contains("exit validator 1016"));
    d.keys("backspace 6");
    assert!(
        requests(d.keys("enter")).is_empty(),
        "Enter goes on, it does not approve"
    );
    assert!(requests(d.keys("y")).is_empty(), "not even painted");
    d.look(400);
    let sent = requests(d.keys("y"));
    assert_eq!(
        sent,
        [Request::Approve {
            action: exit.id,
            digest: exit.digest,
            phrase: Some("exit validator 1016".into()),
        }]
    );
}

#[test]
fn rejecting_needs_a_reason() {
    let mut d = busy();
    let action = d.app.snapshot.actions[0].clone();
    assert!(requests(d.slowly("2 x enter")).is_empty());
    d.types("  wrong pool ");
    let sent = requests(d.keys("enter"));
    assert_eq!(
        sent,
        [Request::Reject {
            action: action.id,
            digest: action.digest,
            reason: "wrong pool".into(),
        }]
    );
    assert!(requests(d.slowly("x esc")).is_empty() && d.app.overlay.is_none());
}

#[test]
fn unknown_checks_are_named_in_the_question() {
    let mut d = busy();
    d.slowly("2 enter a");
    let Some(Overlay::Ask(ask)) = &d.app.overlay else {
        panic!()
    };
    assert!(
        ask.lines.iter().any(|l| l.contains("unknown: deposit-logs")),
        "{:?}",
        ask.lines
    );
    assert!(
        ask.lines.iter().any(|l| l.contains("0.02 ETH")),
        "{:?}",
        ask.lines
    );
    let action: &ActionView = &d.app.snapshot.actions[0];
    assert!(ask.lines.iter().any(|l| l.contains(&action.digest.to_string())));
}

#[test]
fn what_is_not_on_the_screen_is_not_approved() {
    let mut d = busy();
    d.slowly("a a");
    let Some(Overlay::Ask(_)) = &d.app.overlay else {
        panic!()
    };
    // the terminal shrinks until it shows no question: its yes does not count, however long one waits
    d.send(Event::Resize(Size::new(40, 10)));
    d.look(5_000);
    assert!(requests(d.keys("y")).is_empty());
    d.look(5_000);
    assert!(requests(d.keys("y")).is_empty());
    d.send(Event::Resize(Size::new(120, 40)));
    d.look(349);
    assert!(requests(d.keys("y")).is_empty(), "a moment, please");
    d.look(400);
    assert_eq!(requests(d.keys("y")).len(), 1);
}
