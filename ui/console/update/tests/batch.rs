//! Like actions on one page: every mark, every refusal, and what is sent.

use casimir_dkg::view::FactKind;

use super::*;
use crate::console::keys::Command;
use crate::console::tests::draw::picture;

/// Four key generations, two deposits and an exit wait.
fn several() -> Driver {
    let mut d = Driver::new(fixture::app(fixture::several()));
    d.slowly("2");
    d
}

/// B person: a look at the screen of that size before and after every key.
fn on_screen(d: &mut Driver, size: (u16, u16), keys: &str) -> Vec<Request> {
    let mut sent = Vec::new();
    for key in keys.split(' ') {
        picture(&mut d.app, size);
        sent.extend(requests(d.slowly(key)));
        picture(&mut d.app, size);
        d.look(400);
    }
    sent
}

fn ids(requests: &[Request]) -> Vec<String> {
    let id = |request: &Request| match request {
        Request::Approve { action, phrase, .. } => {
            assert_eq!(*phrase, None);
            action.to_string()
        }
        other => panic!("{other:?}"),
    };
    requests.iter().map(id).collect()
}

#[test]
fn marked_key_generations_are_approved_each_by_its_own_digest_after_their_number() {
    let mut d = several();
    let sent = on_screen(&mut d, (120, 40), "g space space space space B 4 enter");
    assert_eq!(
        ids(&sent),
        ["deposit/11#1", "deposit/12#1", "deposit/13#1", "deposit/14#1"]
    );
    for request in &sent {
        let Request::Approve { action, digest, .. } = request else {
            panic!()
        };
        assert_eq!(d.app.snapshot.action(*action).unwrap().digest, *digest);
    }
    assert!(d.app.overlay.is_none() && d.app.marked.is_empty());
    assert!(toast(&d).contains("4 approvals are sent"), "{}", toast(&d));
    // marking has led down to what is over; the next that waits takes the selection when these are decided
    assert!(!d.app.list(APPROVALS).picked);
    // the same is not sent twice
    on_screen(&mut d, (120, 40), "g space");
    assert!(toast(&d).contains("approved already"), "{}", toast(&d));
}

#[test]
fn what_differs_by_chance_is_left_to_each_page_and_what_warns_is_not() {
    let mut d = several();
    let fact = |label: &str, value: &str, kind| casimir_dkg::view::Fact {
        label: label.to_owned(),
        value: value.into(),
        kind,
    };
    let mut snapshot = (*d.app.snapshot).clone();
    snapshot.revision += 1;
    for (n, action) in snapshot.actions.iter_mut().take(4).enumerate() {
        let answers = format!("ranks 1 of 7: answers in {n} ms");
        action.facts.push(fact("operator 1", &answers, FactKind::Text));
        action.facts.push(fact("asked", &answers, FactKind::Text));
    }
    let down = fact("operator 2", "does not answer", FactKind::Warning);
    snapshot.actions[1].facts.push(down);
    d.send(Event::Snapshot(Arc::new(snapshot)));
    on_screen(&mut d, (120, 60), "g space space B");
    let screen = picture(&mut d.app, (120, 60));
    assert!(screen.contains("is on the page of each action"), "{screen}");
    assert!(!screen.contains("  operator 1"), "{screen}");
    assert!(screen.contains("does not answer"), "{screen}");
    assert!(screen.contains("  asked"), "{screen}");
    // the key that opens it comes first while something is marked
    d.slowly("esc");
    let hints = crate::console::widgets::footer::hints(&d.app);
    assert_eq!(hints[0].1, "approve marked");
}

#[test]
fn the_footer_says_how_the_rest_of_the_page_is_seen() {
    let mut d = several();
    on_screen(&mut d, (60, 16), "g space space B");
    let more = |d: &Driver| {
        let hints = crate::console::widgets::footer::hints(&d.app);
        let more = hints.iter().find(|(_, label)| label == "more");
        more.map(|(key, _)| key.to_string())
    };
    assert_eq!(more(&d).as_deref(), Some("space"));
    on_screen(&mut d, (60, 16), "space space space space space space");
    assert_eq!(more(&d), None, "all of it was on the screen");
}

#[test]
fn another_number_and_no_number_approve_nothing() {
    let mut d = several();
    assert!(on_screen(&mut d, (120, 40), "g space space B enter").is_empty());
    let screen = picture(&mut d.app, (120, 40));
    assert!(screen.contains("type how many they are: 2"), "{screen}");
    assert!(on_screen(&mut d, (120, 40), "3 enter").is_empty());
    assert!(picture(&mut d.app, (120, 40)).contains("3 is not how many they are: 2"));
    assert_eq!(on_screen(&mut d, (120, 40), "2 1 backspace enter").len(), 2);
}

#[test]
fn a_burst_a_held_key_and_a_paste_approve_nothing() {
    let mut d = several();
    on_screen(&mut d, (120, 40), "g space space");
    assert!(requests(d.keys("B 2 enter 2 enter")).is_empty(), "never painted");
    d.look(349);
    assert!(requests(d.keys("2 enter")).is_empty(), "too early");
    d.send(Event::Paste("2\n".into()));
    assert!(toast(&d).contains("typed, not pasted"));
    picture(&mut d.app, (120, 40));
    d.look(400);
    let two = "2".parse().unwrap();
    d.send(Event::Key {
        key: two,
        repeat: true,
    });
    assert!(requests(d.keys("enter")).is_empty());
    assert_eq!(on_screen(&mut d, (120, 40), "2 enter").len(), 2);
}

#[test]
fn only_like_actions_are_marked_together() {
    let mut d = several();
    on_screen(&mut d, (120, 40), "g space");
    let deposit = action_row(&mut d, "deposit/9#2");
    on_screen(&mut d, (120, 40), &format!("{deposit} enter space"));
    assert!(
        toast(&d).contains("marked are those of kind keygen"),
        "{}",
        toast(&d)
    );
    assert_eq!(d.app.marked.len(), 1);
}

/// Keys that select an action in the approvals.
fn action_row(d: &mut Driver, id: &str) -> String {
    let id = id.parse().unwrap();
    let at = d.app.snapshot.actions.iter().position(|a| a.id == id).unwrap();
    std::iter::once("g")
        .chain(std::iter::repeat_n("down", at))
        .collect::<Vec<_>>()
        .join(" ")
}

#[test]
fn money_is_marked_only_once_its_summary_was_on_the_screen_in_full() {
    let mut d = several();
    let deposit = action_row(&mut d, "deposit/9#2");
    on_screen(&mut d, (120, 40), &format!("{deposit} space"));
    assert!(
        toast(&d).contains("have its summary on the screen in full first"),
        "{}",
        toast(&d)
    );
    assert!(d.app.marked.is_empty());
    // a part of it is not all of it
    on_screen(&mut d, (60, 16), &format!("{deposit} enter space"));
    assert!(d.app.marked.is_empty(), "{}", toast(&d));
    on_screen(&mut d, (60, 16), "pagedown pagedown space");
    assert_eq!(d.app.marked.len(), 1, "{}", toast(&d));
    // what was read stays read when the page is left
    let other = action_row(&mut d, "deposit/10#2");
    on_screen(&mut d, (120, 40), &format!("esc {other} enter esc space"));
    let sent = on_screen(&mut d, (120, 40), "B 2 enter");
    assert_eq!(ids(&sent), ["deposit/9#2", "deposit/10#2"]);
}

#[test]
fn what_cannot_be_undone_is_never_in_a_batch() {
    let mut d = several();
    let exit = action_row(&mut d, "exit/1#2");
    on_screen(&mut d, (120, 40), &format!("{exit} enter space"));
    assert!(
        toast(&d).contains("it is approved alone, by its phrase"),
        "{}",
        toast(&d)
    );
    assert!(d.app.marked.is_empty());
}

#[test]
fn what_would_be_refused_alone_is_refused_and_named() {
    let mut d = several();
    on_screen(&mut d, (120, 40), "g space space");
    let mut snapshot = fixture::several();
    snapshot.revision += 1;
    snapshot.actions[1].can_approve = Can::no("the messenger does not answer");
    d.send(Event::Snapshot(Arc::new(snapshot)));
    on_screen(&mut d, (120, 40), "B");
    let screen = picture(&mut d.app, (120, 40));
    assert!(
        screen.contains("deposit/12#1: the messenger does not answer"),
        "{screen}"
    );
    assert!(on_screen(&mut d, (120, 40), "2 enter").is_empty());
    assert_eq!(ids(&on_screen(&mut d, (120, 40), "1 enter")), ["deposit/11#1"]);
}

#[test]
fn what_changes_loses_its_mark_and_a_page_that_shows_it_is_read_again() {
    let other = |revision: u64| {
        let mut snapshot = fixture::several();
        snapshot.revision += revision;
        snapshot.actions[0].digest = fixture::root(0xdd);
        Event::Snapshot(Arc::new(snapshot))
    };
    let mut d = several();
    on_screen(&mut d, (120, 40), "g space space");
    d.send(other(1));
    assert_eq!(d.app.marked.len(), 1);
    assert!(
        toast(&d).contains("deposit/11#1 changed or was decided: its mark is gone"),
        "{}",
        toast(&d)
    );

    let mut d = several();
    on_screen(&mut d, (120, 40), "g space space B 2");
    d.send(other(1));
    assert!(requests(d.keys("enter")).is_empty());
    let screen = picture(&mut d.app, (120, 40));
    assert!(
        screen.contains("deposit/11#1: it changed since it was marked"),
        "{screen}"
    );
    d.look(400);
    assert!(on_screen(&mut d, (120, 40), "2 enter").is_empty());
    assert_eq!(ids(&on_screen(&mut d, (120, 40), "1 enter")), ["deposit/12#1"]);
}

#[test]
fn a_page_longer_than_the_screen_is_read_to_its_end_first() {
    let mut d = several();
    assert!(on_screen(&mut d, (60, 16), "g space space space space B 4 enter").is_empty());
    let screen = picture(&mut d.app, (60, 16));
    assert!(screen.contains("here is the rest"), "{screen}");
    for _ in 0..6 {
        assert!(on_screen(&mut d, (60, 16), "enter").is_empty());
    }
    // what was typed before the end is not kept in a field that nobody sees: "4" and "4" are no 44
    assert_eq!(on_screen(&mut d, (60, 16), "4 enter").len(), 4);
}

#[test]
fn marks_go_one_by_one_and_all_at_once() {
    let mut d = several();
    on_screen(&mut d, (120, 40), "g space g space");
    assert!(d.app.marked.is_empty() && toast(&d).contains("not marked any more"));
    on_screen(&mut d, (120, 40), "g space space esc");
    assert!(d.app.marked.is_empty());
    on_screen(&mut d, (120, 40), "B");
    assert_eq!(toast(&d), "nothing is marked");
    assert!(d.app.overlay.is_none());
    assert_eq!(d.app.why_not(Command::Batch).unwrap(), "nothing is marked");
}

#[test]
fn of_several_refusals_each_is_said() {
    let mut d = several();
    on_screen(&mut d, (120, 40), "g space space B 2 enter");
    let first = d.app.pending[0].ticket;
    let reply = Err(Refused::NotNow("the journal cannot be written".into()));
    d.send(Event::Reply { ticket: first, reply });
    assert_eq!(
        toast(&d),
        "approve deposit/11#1: refused: the journal cannot be written"
    );
}

#[test]
fn what_each_of_several_came_to_is_said_once_all_are_answered() {
    let mut d = several();
    on_screen(&mut d, (120, 40), "g space space space B 3 enter");
    let tickets: Vec<_> = d.app.pending.iter().map(|pending| pending.ticket).collect();
    let first = "approved, 1 of 2: it waits for another person";
    let replies = [
        ("deposit/11#1", first),
        ("deposit/12#1", "approved, 2 of 2"),
        ("deposit/13#1", first),
    ];
    for (ticket, (id, words)) in tickets.into_iter().zip(replies) {
        assert!(!toast(&d).contains("deposit/11#1, "), "not all are answered");
        let message = format!("{id} {words}").as_str().into();
        let reply = Ok(Accepted { message });
        d.send(Event::Reply { ticket, reply });
    }
    assert_eq!(
        toast(&d),
        format!("deposit/11#1, deposit/13#1: {first}; deposit/12#1: approved, 2 of 2")
    );
}

#[test]
fn a_seat_that_only_looks_marks_nothing() {
    let setup = Setup {
        read_only: true,
        ..Setup::default()
    };
    let mut d = Driver::new(fixture::app_with(fixture::several(), setup));
    on_screen(&mut d, (120, 40), "2 g space B");
    assert!(d.app.marked.is_empty() && d.app.overlay.is_none());
}

#[test]
fn a_value_of_several_lines_stays_whole_whatever_of_it_is_shared() {
    let mut d = busy();
    d.send(with(|s| {
        let fact = |label: &str, value: &str| casimir_dkg::view::Fact {
            label: label.to_owned(),
            value: value.into(),
            kind: casimir_dkg::view::FactKind::Text,
        };
        for (n, id) in [7, 8].into_iter().enumerate() {
            let mut action = fixture::keygen(&format!("deposit/{}#1", 20 + n), ActionState::Proposed, false);
            action.digest = fixture::root(0xa0 + n as u8);
            action.facts = vec![
                fact("operators", "1 (alpha)"),
                fact("", "2 (bravo)"),
                fact("", &format!("{id} (other)")),
            ];
            s.actions.push(action);
        }
    }));
    let ids = ["deposit/20#1", "deposit/21#1"].map(|id| id.parse().unwrap());
    for id in ids {
        let action = d.app.snapshot.action(id).unwrap();
        d.app.marked.push((id, action.digest));
    }
    let batch = d.app.batch();
    assert_eq!(batch.actions.len(), 2, "{:?}", batch.left_out);
    let told = |at: usize| {
        batch
            .own(&batch.actions[at])
            .into_iter()
            .map(|told| (told.label, told.value))
    };
    for (at, value) in [
        "1 (alpha), 2 (bravo), 7 (other)",
        "1 (alpha), 2 (bravo), 8 (other)",
    ]
    .into_iter()
    .enumerate()
    {
        let told: Vec<_> = told(at).collect();
        assert!(
            told.contains(&("operators".to_owned(), value.to_owned())),
            "{told:?}"
        );
    }
    assert!(batch.shared().iter().all(|told| !told.value.contains("alpha")));
}
