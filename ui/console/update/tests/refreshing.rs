//! What was approved while its checks were stale acts by itself: it is seen everywhere, and can be taken back.

use super::*;
use crate::console::keys::Command;
use crate::console::tests::draw::picture;

/// The first deposit was approved while its checks were stale.
fn approved(s: &mut Snapshot) {
    let action = &mut s.actions[0];
    action.undo = Some(casimir_dkg::view::UndoView { until: None });
    action.refreshing = Some(crate::fixture::refreshing());
    action.can_approve = casimir_dkg::view::Can::no("approved by ada, refreshing its checks");
}

#[test]
fn an_approval_that_waits_for_stale_checks_is_told_everywhere_and_taken_back() {
    const SAYS: &str = "approved by ada, refreshing its checks";
    let mut d = busy();
    let id = d.app.snapshot.actions[0].id;
    let waited = d.app.waiting_for_a_person();
    d.slowly("2 enter");
    d.send(with(approved));
    let page = picture(&mut d.app, (120, 40));
    assert!(
        page.contains(
            "Approved by ada, refreshing its checks (no endpoint answers); u takes the approval back."
        ),
        "{page}"
    );
    assert_eq!(d.app.waiting_for_a_person(), waited - 1);
    // `a` does not ask again, and u takes it back from its page and from anywhere
    assert!(requests(d.slowly("u")) == [Request::TakeBack { action: id }]);
    d.slowly("esc");
    let row = picture(&mut d.app, (160, 40));
    let row = row
        .lines()
        .find(|line| line.contains(&id.to_string()) && line.contains("send-deposit"));
    assert!(row.is_some_and(|row| row.contains("refreshing")), "{row:?}");
    assert_eq!(requests(d.slowly("i u")), [Request::TakeBack { action: id }]);
    let told = crate::console::widgets::header::leaving(&d.app).unwrap();
    assert!(
        told.contains(SAYS) && told.starts_with("! u takes the approval back: "),
        "{told}"
    );
    // leaving and resuming name it
    d.slowly("esc Q");
    let Some(Overlay::Quit { work }) = &d.app.overlay else {
        panic!()
    };
    assert!(work.iter().any(|work| work.as_str().contains(SAYS)), "{work:?}");
    d.slowly("esc");
    d.send(with(|s| {
        approved(s);
        s.paused = Some(casimir_dkg::view::PauseView {
            by: "ada".into(),
            since: fixture::T0,
        });
        s.actions
            .retain(|a| a.state != casimir_dkg::view::ActionState::Approved);
    }));
    d.slowly("P");
    let Some(Overlay::Ask(ask)) = &d.app.overlay else {
        panic!()
    };
    let words = ask.lines.join(" ");
    assert!(
        words.contains(SAYS) && !words.contains("Nothing that was approved"),
        "{words}"
    );
}

#[test]
fn the_line_above_names_what_acts_by_itself_and_offers_no_approval_of_it() {
    let mut d = busy();
    let id = d.app.snapshot.actions[0].id;
    d.send(with(|s| {
        approved(s);
        s.actions.truncate(1);
        s.waits.clear();
    }));
    // who looks at another case is told that first
    let next = crate::console::screens::next::words(&d.app);
    assert!(next.contains("it cannot go on by itself"), "{next}");
    d.send(with(|s| {
        approved(s);
        s.actions.truncate(1);
        s.waits.clear();
        s.cases
            .retain(|c| c.status != casimir_dkg::view::CaseStatus::Attention);
    }));
    let next = crate::console::screens::next::words(&d.app);
    assert_eq!(
        next,
        format!(
            "nothing to press: {id} is approved by ada, refreshing its checks (no endpoint answers); u takes the \
             approval back"
        )
    );
    assert!(d.app.why_not(Command::Approve).is_some());
    assert_eq!(d.app.why_not(Command::TakeBack), None);
    assert!(!d.app.offers(Command::Approve) && d.app.offers(Command::TakeBack));
}

/// What it shows now can be approved where nothing is stale, whatever the approval before waits for.
#[test]
fn what_waits_for_no_more_than_what_is_unknown_is_approved_as_it_is_now() {
    const SAYS: &str = "n approval of what is shown now takes the place of that by ada";
    let unknown = |s: &mut Snapshot| {
        approved(s);
        let action = &mut s.actions[0];
        action.can_approve = casimir_dkg::view::Can::Yes;
        action.refreshing.as_mut().unwrap().why = Some("endpoints-agree is not known yet".into());
    };
    let mut d = busy();
    let id = d.app.snapshot.actions[0].id;
    let waited = d.app.waiting_for_a_person();
    d.slowly("2 enter");
    d.send(with(unknown));
    let page = picture(&mut d.app, (120, 60));
    assert!(page.contains(&format!("A{SAYS}.")), "{page}");
    assert!(page.contains("(endpoints-agree is not known yet)"), "{page}");
    assert_eq!(d.app.waiting_for_a_person(), waited - 1, "nobody has to");
    let next = crate::console::screens::next::words(&d.app);
    assert!(
        next.starts_with(&format!("a opens {id}, approved by ada")) && next.ends_with(SAYS),
        "{next}"
    );
    assert_eq!(d.app.why_not(Command::Approve), None);
    d.slowly("a");
    let Some(Overlay::Ask(ask)) = &d.app.overlay else {
        panic!("{}", toast(&d))
    };
    assert!(
        ask.lines.iter().any(|line| line.contains(SAYS)),
        "{:?}",
        ask.lines
    );
    let sent = requests(d.slowly("y"));
    assert!(
        matches!(sent[..], [Request::Approve { action, .. }] if action == id),
        "{sent:?}"
    );
    // from its row the key opens it
    let mut d = busy();
    d.send(with(unknown));
    d.slowly("2 g a");
    assert_eq!(
        d.app.details.last().map(|detail| detail.target),
        Some(Target::Row(RowId::Action(id)))
    );
}

#[test]
fn what_cannot_be_approved_is_not_the_next_to_approve() {
    let mut d = busy();
    let why = "failed checks: balance";
    d.send(with(|s| {
        s.actions[0].can_approve = casimir_dkg::view::Can::no(why);
    }));
    let ids: Vec<_> = d.app.snapshot.actions.iter().map(|a| a.id).collect();
    let next = crate::console::screens::next::words(&d.app);
    assert!(
        !next.contains(&ids[0].to_string()) && next.starts_with("a opens "),
        "{next}"
    );
    d.send(with(|s| {
        s.actions[0].can_approve = casimir_dkg::view::Can::no(why);
        s.actions.truncate(1);
    }));
    let next = crate::console::screens::next::words(&d.app);
    assert_eq!(
        next,
        format!("enter opens {}, which cannot be approved now: {why}", ids[0])
    );
}

#[test]
fn a_proven_liar_is_named_in_the_row_in_the_question_and_leaves_its_action_out_of_a_batch() {
    const SAYS: &str = "was proven to break the protocol since it was proposed: 3";
    let liar = |s: &mut Snapshot| {
        for committee in s.actions.iter_mut().filter_map(|a| a.committee.as_mut()) {
            committee.worse = Some(casimir_dkg::view::WorseView {
                down: vec![],
                proven: vec![OperatorId(3)],
                instead: Some([1, 2, 4, 5].map(OperatorId).to_vec()),
            });
        }
    };
    let mut d = busy();
    d.slowly("2 down down enter");
    // it is proven while the page is open: what was read is not what is now
    d.send(with(liar));
    d.slowly("a");
    assert!(
        d.app.overlay.is_none() && toast(&d).contains("it changed while you looked"),
        "{}",
        toast(&d)
    );
    picture(&mut d.app, (120, 40));
    d.slowly("a");
    let Some(Overlay::Ask(ask)) = &d.app.overlay else {
        panic!("{}", toast(&d))
    };
    assert!(ask.lines[0].contains(SAYS), "{:?}", ask.lines);
    d.slowly("esc esc");
    let row = picture(&mut d.app, (160, 40));
    assert!(
        row.contains("! operator 3 is proven to break the protocol"),
        "{row}"
    );

    let mut snapshot = fixture::several();
    liar(&mut snapshot);
    let mut d = Driver::new(fixture::app(snapshot));
    d.slowly("2 g space");
    assert!(
        toast(&d).contains("operator 3 is proven to break the protocol"),
        "{}",
        toast(&d)
    );
    assert!(d.app.marked.is_empty());
    // marked before it was proven: the page leaves it out, and says so
    let mut d = Driver::new(fixture::app(fixture::several()));
    d.slowly("2 g space space");
    let mut snapshot = fixture::several();
    liar(&mut snapshot);
    snapshot.revision += 1;
    d.send(Event::Snapshot(std::sync::Arc::new(snapshot)));
    d.slowly("B");
    let page = picture(&mut d.app, (120, 40));
    assert!(
        page.contains("Left out") && page.contains("operator 3 is proven"),
        "{page}"
    );
}

/// The first deposit takes two people, of whom so many have approved it.
fn of_two(s: &mut Snapshot, given: &[casimir_dkg::view::Decision]) {
    s.actions[0].people = Some(casimir_dkg::view::PeopleView {
        needed: 2,
        personal_keys: false,
        given: given.to_vec(),
        until: None,
        refreshing: vec![],
    });
}

#[test]
fn that_an_approval_ended_is_said_on_the_page_in_the_row_and_in_what_comes_next() {
    const ENDED: &str =
        "the approval by ada ended at 2026-07-02 12:00:00 UTC: what it shows is not what was approved";
    let ended = |s: &mut Snapshot| {
        s.actions[0].approvals_ended = vec![ENDED.into(), ENDED.replace("ada", "bob").as_str().into()];
    };
    let mut d = busy();
    let id = d.app.snapshot.actions[0].id;
    d.send(with(ended));
    d.slowly("2 g");
    let next = crate::console::screens::next::words(&d.app);
    assert!(next.contains("the approval by bob ended at"), "{next}");
    let rows = picture(&mut d.app, (200, 40));
    let row = rows
        .lines()
        .find(|line| line.contains(&id.to_string()) && line.contains("send-deposit"));
    assert!(
        row.is_some_and(|row| row.contains("! the approval by bob ended at")),
        "{rows}"
    );
    d.slowly("enter");
    let page = picture(&mut d.app, (160, 40));
    assert!(page.contains(&format!("T{}.", &ENDED[1..])), "{page}");
    assert!(page.contains("The approval by bob ended at"), "{page}");
}

#[test]
fn a_question_closes_when_another_person_approves_meanwhile() {
    let mut d = busy();
    d.send(with(|s| of_two(s, &[])));
    d.slowly("2 g enter");
    picture(&mut d.app, (120, 60));
    d.slowly("a");
    assert!(matches!(d.app.overlay, Some(Overlay::Ask(_))), "{}", toast(&d));
    d.send(with(|s| of_two(s, &[crate::fixture::approval(1)])));
    let why = why_closed(&d);
    assert!(
        why.contains("whose approvals count for") && why.contains("read it again"),
        "{why}"
    );
    d.slowly("esc");
    let page = picture(&mut d.app, (120, 60));
    assert!(page.contains("approved: 1 of 2: ada"), "{page}");
}

#[test]
fn a_first_approval_of_two_is_taken_back_and_the_page_names_the_key() {
    let mut d = busy();
    let id = d.app.snapshot.actions[0].id;
    d.send(with(|s| {
        of_two(s, &[crate::fixture::approval(1)]);
        s.actions[0].undo = Some(casimir_dkg::view::UndoView { until: None });
    }));
    d.slowly("2 g enter");
    let page = picture(&mut d.app, (160, 60));
    assert!(
        page.contains("1 of 2: ada") && page.contains("u takes the approval back"),
        "{page}"
    );
    assert!(!page.contains("leaves  "), "{page}");
    assert_eq!(requests(d.slowly("u")), [Request::TakeBack { action: id }]);
    // with one that waits for stale checks beside it, both go
    d.send(with(|s| {
        approved(s);
        of_two(s, &[crate::fixture::approval(1)]);
    }));
    let told = crate::console::widgets::header::leaving(&d.app).unwrap();
    assert!(told.contains("u takes the approvals back: "), "{told}");
}

#[test]
fn a_committee_is_chosen_anew_while_an_approval_of_it_waits_for_stale_checks() {
    let mut d = busy();
    let of_ceremony = |s: &Snapshot| s.actions.iter().position(|a| a.committee.is_some() && a.waits());
    let at = of_ceremony(&d.app.snapshot).unwrap();
    let id = d.app.snapshot.actions[at].id;
    d.send(with(|s| {
        s.actions[at].refreshing = Some(crate::fixture::refreshing());
        s.actions[at].can_approve = casimir_dkg::view::Can::no("approved by ada, refreshing its checks");
    }));
    crate::console::update::select::action(&mut d.app, id);
    assert_eq!(d.app.why_not(Command::Committee), None);
    assert!(d.app.offers(Command::Committee));
    d.slowly("e");
    assert!(
        matches!(d.app.overlay, Some(Overlay::Committee(_))),
        "{}",
        toast(&d)
    );
}

#[test]
fn what_acts_by_itself_is_said_without_a_key_where_none_takes_it_back() {
    let mut d = busy();
    d.send(with(approved));
    let changes = toml::from_str("[work]\ntake-back = []").unwrap();
    d.app.settings.keys = crate::console::keys::KeyMap::new(Some(&changes), false).unwrap();
    let told = crate::console::widgets::header::leaving(&d.app).unwrap();
    assert!(
        told.contains(" is approved by ada, refreshing its checks"),
        "{told}"
    );
    assert!(!told.contains("back"), "{told}");
}
