//! What takes two people, seen by one of them.

use casimir_dkg::types::Check;
use casimir_dkg::view::{Decider, Decision, PeopleView, UndoView};

use super::*;
use crate::console::keys::Command;
use crate::console::screens::next;
use crate::console::tests::draw::picture;

fn person(name: &str) -> Decider {
    Decider::Person { name: name.into() }
}

fn given(name: &str) -> Decision {
    Decision {
        decider: person(name),
        ..crate::fixture::approval(1)
    }
}

/// The first deposit takes two people: whose approvals count, and whose wait for stale checks.
fn of_two(s: &mut Snapshot, counting: &[&str], waiting: &[&str]) {
    s.actions[0].people = Some(PeopleView {
        needed: 2,
        personal_keys: false,
        given: counting.iter().map(|name| given(name)).collect(),
        until: None,
        refreshing: waiting.iter().map(|name| person(name)).collect(),
    });
}

/// Its checks are stale, and somebody's approval waits for them.
fn stale(s: &mut Snapshot, waiting: &[&str]) {
    of_two(s, &[], waiting);
    let action = &mut s.actions[0];
    action.refreshing = Some(casimir_dkg::view::RefreshingView {
        by: waiting.join(" and ").as_str().into(),
        is_enough: waiting.len() > 1,
        ..crate::fixture::refreshing()
    });
    action.faded = Some(casimir_dkg::view::FadedView {
        waits_ms: Some(600_000),
        checks: vec!["balance".to_owned()],
        why: "no endpoint answers".into(),
    });
}

fn asked(d: &mut Driver) -> Vec<String> {
    d.slowly("2 g enter");
    picture(&mut d.app, (140, 60));
    d.slowly("a");
    match &d.app.overlay {
        Some(Overlay::Ask(ask)) => ask.lines.clone(),
        other => panic!("{other:?} {}", toast(d)),
    }
}

fn line_of_people(lines: &[String]) -> &str {
    let line = lines.iter().find(|line| line.starts_with("It takes 2 people; "));
    line.unwrap_or_else(|| panic!("{lines:?}"))
}

#[test]
fn the_question_counts_whose_approvals_wait_and_says_what_one_more_comes_to() {
    let mut d = busy();
    d.send(with(|s| stale(s, &["bob"])));
    assert_eq!(
        line_of_people(&asked(&mut d)),
        "It takes 2 people; 0 of 2; that of bob waits for stale checks, and one more person's makes it 2; with yours they are \
         enough, once each of them counts"
    );
    let mut d = busy();
    d.send(with(|s| of_two(s, &["bob"], &[])));
    assert_eq!(
        line_of_people(&asked(&mut d)),
        "It takes 2 people; 1 of 2: bob; yours is the last that it takes"
    );
    let mut d = busy();
    d.send(with(|s| of_two(s, &[], &[])));
    assert!(line_of_people(&asked(&mut d)).ends_with("yours is the first, and it takes another person"));
}

#[test]
fn the_question_says_that_the_first_approval_lets_less_pass_than_this_one() {
    let unknown = |s: &mut Snapshot| {
        of_two(s, &["bob"], &[]);
        let action = &mut s.actions[0];
        // what is unknown in every fixture was unknown when he looked, and the other was not
        action.people.as_mut().unwrap().given[0].lets_pass = Some(vec!["deposit-logs".to_owned()]);
        action.checks.push(Check::unknown("endpoints-agree", "one voice"));
    };
    const HELD: &str = "held until endpoints-agree is known, which bob did not let pass";
    let mut d = busy();
    d.send(with(unknown));
    let lines = asked(&mut d);
    assert_eq!(lines[0], format!("! Once it is approved, it is {HELD}"));
    // and the countdown, the row, the page and the header do when it is approved
    let until = Some(d.app.snapshot.at.plus(Duration::from_secs(28)));
    for (until, words) in [
        (until, format!("leaves in 28 s, or is {HELD}")),
        (None, format!("is {HELD}")),
    ] {
        let mut d = busy();
        d.send(with(|s| {
            unknown(s);
            let action = &mut s.actions[0];
            fixture::stands(action, ActionState::Approved);
            action.decision = Some(Decision {
                lets_pass: Some(vec!["deposit-logs".to_owned()]),
                ..given("ada")
            });
            action.undo = Some(UndoView { until });
        }));
        d.mono = Duration::from_secs(100);
        let told = crate::console::widgets::header::leaving(&d.app).unwrap();
        assert!(told.contains(&words), "{told}");
        let action = d.app.snapshot.actions[0].clone();
        assert_eq!(action.leaves(d.app.snapshot.at).as_deref(), Some(words.as_str()));
        d.slowly("2");
        let rows = picture(&mut d.app, (250, 40));
        let row = rows
            .lines()
            .find(|line| line.contains(&action.id.to_string()) && line.contains("send-deposit"));
        assert!(
            row.is_some_and(|row| row.contains("held until endpoints-agree")),
            "{rows}"
        );
    }
}

#[test]
fn whoever_has_approved_is_not_invited_to_approve_again() {
    let mut d = busy();
    let id = d.app.snapshot.actions[0].id;
    d.app.settings.you = "ada".to_owned();
    d.send(with(|s| of_two(s, &["ada"], &[])));
    d.slowly("2 g");
    let row = picture(&mut d.app, (200, 40));
    assert!(row.contains("1 of 2, you approved it: "), "{row}");
    assert!(
        !next::words(&d.app).contains(&format!("opens {id}")),
        "{}",
        next::words(&d.app)
    );
    // the key leads on to what waits for this person
    d.slowly("enter");
    let page = picture(&mut d.app, (140, 60));
    assert!(page.contains("1 of 2: ada; you approved it"), "{page}");
    assert!(d.app.leads_on());
    assert!(requests(d.slowly("a y")).is_empty());
    assert!(
        toast(&d).is_empty() || !toast(&d).contains("waiting for the engine"),
        "{}",
        toast(&d)
    );
    assert_ne!(d.app.subject_action().map(|action| action.id), Some(id));
    // nor is it among several
    let marks = d.app.can_be_batched(&d.app.snapshot.actions[0]).unwrap_err();
    assert_eq!(
        marks,
        format!("you approved {id}, 1 of 2: it takes another person")
    );
    // where nothing else waits, that is all there is to say
    d.send(with(|s| {
        of_two(s, &["ada"], &[]);
        s.actions.truncate(1);
    }));
    assert!(
        next::words(&d.app).contains(&format!("you approved {id}, 1 of 2")),
        "{}",
        next::words(&d.app)
    );
    assert!(
        d.app
            .why_not(Command::Approve)
            .unwrap()
            .contains("another person")
    );
    // another person is asked
    d.app.settings.you = "bob".to_owned();
    assert!(next::words(&d.app).contains(&format!("a opens {id}")));
    assert_eq!(d.app.why_not(Command::Approve), None);
}

#[test]
fn an_own_approval_that_waits_is_renewed_only_by_what_is_shown_now() {
    let mut d = busy();
    d.app.settings.you = "ada".to_owned();
    d.send(with(|s| stale(s, &["ada"])));
    let action = d.app.snapshot.actions[0].clone();
    assert!(
        d.app
            .my_approval(&action)
            .unwrap()
            .contains("waits for stale checks")
    );
    assert!(!d.app.takes_mine(&action));
    d.send(with(|s| {
        stale(s, &["ada"]);
        s.actions[0].faded = None;
    }));
    let action = d.app.snapshot.actions[0].clone();
    assert!(d.app.takes_mine(&action), "nothing is stale: it counts");
}

#[test]
fn what_is_rejected_or_void_says_why_first() {
    let mut d = busy();
    d.send(with(|s| {
        let action = &mut s.actions[0];
        fixture::stands(
            action,
            ActionState::Void {
                reason: "the pool is gone".into(),
            },
        );
    }));
    d.slowly("2");
    d.app.details.push(crate::console::app::Detail::new(
        Target::Row(RowId::Action(d.app.snapshot.actions[0].id)),
        None,
    ));
    let page = picture(&mut d.app, (80, 24));
    assert!(page.contains("It is void: the pool is gone"), "{page}");
}
