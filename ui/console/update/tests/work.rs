//! What else a person asks of the engine.

use std::sync::Arc;

use super::*;

#[test]
fn pausing_is_immediate_and_resuming_asks() {
    let mut d = busy();
    let sent = requests(d.slowly("P"));
    assert!(
        matches!(&sent[..], [Request::Pause { scope: Scope::All }]),
        "{sent:?}"
    );
    let sent = requests(d.slowly("3 g p"));
    assert!(matches!(&sent[..], [Request::Pause { scope: Scope::Case(c) }] if c.to_string() == "deposit/4"));
    d.send(with(|s| {
        s.paused = Some(casimir_dkg::view::PauseView {
            by: "ada".into(),
            since: fixture::T0,
        });
        s.cases[0].paused = true;
    }));
    assert!(requests(d.slowly("P")).is_empty());
    let sent = requests(d.slowly("y"));
    assert!(
        matches!(&sent[..], [Request::Resume { scope: Scope::All }]),
        "{sent:?}"
    );
    assert!(requests(d.slowly("p n")).is_empty());
    let sent = requests(d.slowly("p y"));
    assert!(
        matches!(
            &sent[..],
            [Request::Resume {
                scope: Scope::Case(_)
            }]
        ),
        "{sent:?}"
    );
}

#[test]
fn retry_asks_before_it_gives_up_what_may_have_ended_well() {
    let mut d = busy();
    d.send(with(|s| {
        let ceremony = &mut s.ceremonies[0];
        ceremony.doubt = Some((s.at, "the messenger does not answer".into()));
        let (id, of) = (ceremony.id, ceremony.case);
        let case = s.cases.iter_mut().find(|c| c.id == of).unwrap();
        case.status = casimir_dkg::view::CaseStatus::Unknown;
        (case.ceremony, case.doubtful) = (Some(id), Some(id));
    }));
    let id = d.app.snapshot.ceremonies[0].id;
    assert!(requests(d.slowly("4 g r")).is_empty());
    assert!(requests(d.slowly("n")).is_empty());
    let sent = requests(d.slowly("r y"));
    assert!(
        matches!(&sent[..], [Request::DeclareLost { request }] if *request == id),
        "{sent:?}"
    );
}

#[test]
fn retry_and_reshare_name_the_selected_thing() {
    let mut d = busy();
    let sent = requests(d.slowly("4 down down r"));
    assert!(
        matches!(&sent[..], [Request::Retry { case }] if case.to_string() == "deposit/0"),
        "{sent:?}"
    );
    assert!(requests(d.slowly("7 down R")).is_empty());
    let sent = requests(d.slowly("y"));
    assert!(
        matches!(&sent[..], [Request::RequestReshare { pool }] if pool.0 == 2),
        "{sent:?}"
    );
    assert!(requests(d.slowly("2 R y")).is_empty());
}

#[test]
fn the_committee_is_edited_and_proposed_anew() {
    let mut d = busy();
    // operators 1 to 7; 1, 2, 3, 5 are proposed: out with 3, in with 6
    d.slowly("2 down down e");
    let Some(Overlay::Committee(editor)) = &d.app.overlay else {
        panic!("no editor");
    };
    // 1, 2 and 3 deal, but 5 holds a share too: it must not look as if it joined
    assert_eq!(editor.committee.holders, [1, 2, 3, 5].map(OperatorId));
    d.slowly("down down space down down down");
    assert!(requests(d.keys("enter")).is_empty(), "three are no committee");
    assert!(
        toast(&d).contains("4, 7, 10 or 13 operators, not 3"),
        "{}",
        toast(&d)
    );
    let sent = requests(d.keys("space enter"));
    let ids = [1, 2, 5, 6].map(OperatorId);
    assert!(
        matches!(&sent[..], [Request::SetCommittee { action, committee }]
            if action.to_string() == "reshare/2#1" && *committee == ids),
        "{sent:?}"
    );
    assert!(requests(d.slowly("e enter")).is_empty(), "unchanged");
    // a transaction has no committee
    d.slowly("g e");
    assert!(d.app.overlay.is_none());
}

#[test]
fn observers_decide_nothing() {
    let setup = || Setup {
        read_only: true,
        ..Setup::default()
    };
    let mut observe = fixture::busy();
    observe.mode = casimir_dkg::view::Mode::Observe;
    for app in [fixture::app_with(fixture::busy(), setup()), fixture::app(observe)] {
        let mut d = Driver::new(app);
        let all = "2 enter a y x e r p P q 7 R y 3 p r a x X o h enter y K y 7 E y";
        assert!(requests(d.slowly(all)).is_empty());
        d.app.overlay = None;
        let effects = d.slowly("q q ctrl-c y");
        assert!(requests(effects).is_empty());
    }
}

const TO_THE_LAST: &str = "3 g down down down down down down";

#[test]
fn giving_up_takes_a_reason_and_then_asks_with_what_it_costs() {
    let mut d = busy();
    assert!(requests(d.slowly("3 g X")).is_empty());
    assert!(
        d.app.overlay.is_none() && toast(&d).contains("wait until it has ended"),
        "{}",
        toast(&d)
    );
    d.slowly(TO_THE_LAST);
    assert!(requests(d.slowly("X enter")).is_empty());
    let Some(Overlay::Input(field)) = &d.app.overlay else {
        panic!("no field");
    };
    assert!(
        field
            .problem
            .as_ref()
            .is_some_and(|p| p.contains("a reason is needed"))
    );
    assert!(requests(d.slowly("o o p s enter")).is_empty(), "it asks first");
    let Some(Overlay::Ask(question)) = &d.app.overlay else {
        panic!("no question");
    };
    assert_eq!(question.question, "Give deposit/0 up?");
    assert!(
        question.lines[1].starts_with("costs: its key is never used"),
        "{:?}",
        question.lines
    );
    let sent = requests(d.slowly("y"));
    assert!(
        matches!(&sent[..], [Request::GiveUp { case, reason }]
            if case.to_string() == "deposit/0" && reason.as_str() == "oops"),
        "{sent:?}"
    );
    // what cannot be given up any more by the time that the reason is typed is not asked about
    d.slowly("X o h");
    d.send(with(|s| s.cases[6].ways.clear()));
    d.slowly("enter");
    assert!(why_closed(&d).contains("deposit/0 cannot be given up now"));
    assert!(d.slowly("y").is_empty(), "the answer that was on its way");
}

#[test]
fn another_key_is_asked_for_where_the_engine_says_that_it_can_be() {
    let mut d = busy();
    d.slowly(TO_THE_LAST);
    assert!(requests(d.slowly("K n")).is_empty());
    let sent = requests(d.slowly("K y"));
    assert!(
        matches!(&sent[..], [Request::RedoKey { case }] if case.to_string() == "deposit/0"),
        "{sent:?}"
    );
    assert!(
        requests(d.slowly("up up up K y")).is_empty(),
        "an exit makes no key"
    );
}

#[test]
fn an_exit_is_requested_for_a_validator() {
    let mut d = busy();
    assert!(requests(d.slowly("7 down E")).is_empty());
    let Some(Overlay::Ask(question)) = &d.app.overlay else {
        panic!("no question");
    };
    assert!(
        question.lines[1].contains("waits for your approval"),
        "{:?}",
        question.lines
    );
    let sent = requests(d.slowly("y"));
    assert!(
        matches!(&sent[..], [Request::RequestExit { pool }] if pool.0 == 2),
        "{sent:?}"
    );
    d.send(with(|s| {
        s.mode = casimir_dkg::view::Mode::Auto;
        Arc::make_mut(&mut s.validators)[0].can_exit = Can::no("exit/1 is open already");
    }));
    // a rule may go on with it unasked
    assert!(requests(d.slowly("E y enter")).is_empty());
    let Some(Overlay::Input(field)) = &d.app.overlay else {
        panic!("no phrase is wanted");
    };
    assert!(field.problem.as_ref().is_some_and(|p| p.contains("exit pool 2")));
    d.send(Event::Paste("exit pool 2".to_owned()));
    assert!(toast(&d).contains("must be typed"), "{}", toast(&d));
    d.slowly("backspace");
    d.types("exit pool 2");
    assert!(requests(d.slowly("enter")).is_empty());
    let Some(Overlay::Ask(question)) = &d.app.overlay else {
        panic!("no question");
    };
    assert!(
        question.lines[1].contains("without another question"),
        "{:?}",
        question.lines
    );
    assert!(requests(d.slowly("n up E")).is_empty());
    assert!(toast(&d).contains("open already"), "{}", toast(&d));
    assert!(requests(d.slowly("y 3 E y")).is_empty(), "a case is no validator");
}

#[test]
fn the_page_of_a_case_says_its_ways_on_with_key_and_cost() {
    let mut d = busy();
    d.slowly(TO_THE_LAST);
    d.slowly("enter");
    let shown = screen(&mut d);
    for words in [
        "Ways on",
        "retry (r)",
        "another committee (K)",
        "an operator has reached its limit of validators",
        "costs: another key generation with all its approvals",
        "give up (X)",
    ] {
        assert!(shown.contains(words), "{words} is not in\n{shown}");
    }
    let footer = crate::console::widgets::footer::hints(&d.app);
    for label in ["another key", "give up"] {
        assert!(footer.iter().any(|(_, l)| l == label), "{label}: {footer:?}");
    }
    d.slowly("esc g enter");
    let shown = screen(&mut d);
    assert!(
        shown.contains("waits for") && shown.contains("not now: a keygen of deposit/4 runs"),
        "{shown}"
    );
}

#[test]
fn an_approval_is_taken_back_from_anywhere_while_it_has_not_left() {
    let mut d = busy();
    assert!(requests(d.slowly("u")).is_empty());
    assert!(d.app.why_not(crate::console::keys::Command::TakeBack).is_some());
    d.send(with(|s| {
        let action = &mut s.actions[0];
        action.state = casimir_dkg::view::ActionState::Approved;
        let until = Some(s.at.plus(std::time::Duration::from_millis(6_500)));
        action.undo = Some(casimir_dkg::view::UndoView { until });
    }));
    let id = d.app.snapshot.actions[0].id;
    let told = crate::console::widgets::header::lines(&d.app, 80);
    let told: Vec<String> = told.iter().map(ToString::to_string).collect();
    let line = format!("{id} leaves in ");
    let counts = |shown: &String| shown.contains(&line) && shown.contains(" ! u takes the approval back: ");
    assert!(told.iter().any(counts), "{told:?}");
    for from in ["u", "3 u", "? esc u"] {
        let sent = requests(d.slowly(from));
        assert!(
            matches!(&sent[..], [Request::TakeBack { action }] if *action == id),
            "{from}: {sent:?}"
        );
    }
}

#[test]
fn taking_back_means_the_row_in_front_else_what_was_approved_last_and_all_of_them_are_told() {
    let mut d = busy();
    let ids: Vec<_> = d.app.snapshot.actions[..2].iter().map(|a| a.id).collect();
    d.send(with(|s| {
        for (n, action) in (1..).zip(&mut s.actions[..2]) {
            action.state = casimir_dkg::view::ActionState::Approved;
            action.decision = Some(crate::fixture::approval(n));
            let until = Some(s.at.plus(std::time::Duration::from_secs(5 + n)));
            action.undo = Some(casimir_dkg::view::UndoView { until });
        }
    }));
    let told = crate::console::widgets::header::leaving(&d.app).unwrap();
    let [first, last] = [ids[0], ids[1]].map(|id| told.find(&format!("{id} leaves in ")).unwrap());
    assert!(first < last, "{told}");
    // what was approved last, wherever the selection is that waits still
    for from in ["7 u", "1 ] u", "i u"] {
        let sent = requests(d.slowly(from));
        assert_eq!(sent, [Request::TakeBack { action: ids[1] }], "{from}");
        let told = crate::console::widgets::header::leaving(&d.app).unwrap();
        assert!(
            told.contains(&format!("u takes that of {} back: ", ids[1])),
            "{told}"
        );
    }
    d.slowly("esc");
    let row = RowId::Action(ids[0]);
    d.app.with_list(APPROVALS, |list, known| {
        let mut rows = 0..list.rows.len();
        let found = rows.any(|at| {
            list.pick(known, at);
            list.selected == Some(row)
        });
        assert!(found);
    });
    let sent = requests(d.slowly("2 u"));
    assert_eq!(sent, [Request::TakeBack { action: ids[0] }]);
}

/// The first was approved by one of two people and the second leaves soon.
fn a_half_and_one_that_leaves(s: &mut Snapshot) {
    let half = &mut s.actions[0];
    half.undo = Some(casimir_dkg::view::UndoView { until: None });
    half.people = Some(casimir_dkg::view::PeopleView {
        needed: 2,
        personal_keys: false,
        given: vec![crate::fixture::approval(1)],
        until: None,
        refreshing: vec![],
    });
    let leaves = &mut s.actions[1];
    leaves.state = casimir_dkg::view::ActionState::Approved;
    leaves.decision = Some(crate::fixture::approval(1));
    let until = Some(s.at.plus(std::time::Duration::from_secs(5)));
    leaves.undo = Some(casimir_dkg::view::UndoView { until });
}

#[test]
fn what_is_opened_is_taken_back_and_elsewhere_what_counts_down_and_the_footer_names_which() {
    let mut d = busy();
    let ids: Vec<_> = d.app.snapshot.actions[..2].iter().map(|a| a.id).collect();
    let label = |d: &Driver| {
        let hints = crate::console::widgets::footer::hints(&d.app);
        let of_undo = hints.into_iter().find(|(key, _)| key.to_string() == "u");
        of_undo.unwrap().1
    };
    d.send(with(a_half_and_one_that_leaves));
    // its own page
    d.slowly("2 g enter");
    assert_eq!(d.app.subject_action().map(|a| a.id), Some(ids[0]));
    assert_eq!(label(&d), "take back");
    let told = crate::console::widgets::header::leaving(&d.app).unwrap();
    assert!(
        told.starts_with(&format!("! u takes that of {} back: ", ids[0])),
        "{told}"
    );
    assert!(told.contains(&format!("{} leaves in ", ids[1])), "{told}");
    assert_eq!(requests(d.slowly("u")), [Request::TakeBack { action: ids[0] }]);
    // the page of another one, which has nothing to take back, and no page of an action
    for from in ["2 down enter down enter", "i"] {
        let mut d = busy();
        d.send(with(a_half_and_one_that_leaves));
        d.slowly(from);
        let in_front = d.app.subject_action().map(|a| a.id);
        let named = match in_front == Some(ids[1]) {
            true => "take back".to_owned(),
            false => format!("take back {}", ids[1]),
        };
        assert_eq!(label(&d), named, "{from}");
        assert_eq!(
            requests(d.slowly("u")),
            [Request::TakeBack { action: ids[1] }],
            "{from}"
        );
    }
    // a selection that only follows what matters means nothing
    let mut d = busy();
    d.send(with(a_half_and_one_that_leaves));
    assert_eq!(requests(d.slowly("u")), [Request::TakeBack { action: ids[1] }]);
}

#[test]
fn the_key_takes_nothing_back_but_what_it_stood_for_on_the_screen() {
    let mut d = busy();
    let ids: Vec<_> = d.app.snapshot.actions[..2].iter().map(|a| a.id).collect();
    d.send(with(a_half_and_one_that_leaves));
    d.slowly("i");
    // it leaves while the finger comes down
    d.send(with(|s| {
        a_half_and_one_that_leaves(s);
        s.actions[1].state = casimir_dkg::view::ActionState::Executing;
        s.actions[1].undo = None;
    }));
    assert!(requests(d.keys("u")).is_empty());
    let said = toast(&d);
    assert!(
        said.contains(&format!("{} is executing", ids[1])) && said.contains(&format!("that of {}", ids[0])),
        "{said}"
    );
    assert_eq!(requests(d.slowly("u")), [Request::TakeBack { action: ids[0] }]);
}

#[test]
fn however_long_an_alarm_is_the_key_that_shows_the_others_is_on_the_screen() {
    let mut d = busy();
    d.send(with(|s| {
        s.alarms = vec![
            "x".repeat(200).as_str().into(),
            "another".into(),
            "a third".into(),
        ];
    }));
    for columns in [60, 80, 120] {
        let lines = crate::console::widgets::header::lines(&d.app, columns);
        let lines: Vec<String> = lines.iter().map(ToString::to_string).collect();
        let alarm = lines
            .iter()
            .find(|line| line.contains(" more: i shows all)"))
            .expect("an alarm");
        assert!(alarm.chars().count() <= usize::from(columns), "{alarm}");
    }
}

#[test]
fn a_key_that_pauses_asks_where_the_row_has_just_come_under_it() {
    let mut d = busy();
    d.slowly("2");
    let first = d.app.subject_case().unwrap();
    let event = with(|s| s.actions.retain(|action| action.id.case != first));
    d.send(event);
    assert_ne!(d.app.subject_case(), Some(first));
    assert!(requests(d.keys("p")).is_empty());
    assert!(matches!(&d.app.overlay, Some(Overlay::Ask(ask)) if ask.question.starts_with("Pause ")));
    d.slowly("esc");
    d.look(3_000);
    assert_eq!(requests(d.slowly("p")).len(), 1, "it was seen");
}

#[test]
fn who_ends_a_pause_of_the_engine_reads_why_and_what_to_look_at_first() {
    let mut d = busy();
    d.send(with(|s| {
        s.paused = Some(casimir_dkg::view::PauseView {
            by: "the engine: nonce 12 of the oracle account was used by a transaction not in this journal"
                .into(),
            since: fixture::T0,
        });
    }));
    d.slowly("P");
    let Some(Overlay::Ask(ask)) = &d.app.overlay else {
        panic!("it asks")
    };
    assert!(
        ask.lines[0].starts_with("the engine paused it: nonce 12"),
        "{:?}",
        ask.lines
    );
    assert!(
        ask.lines[1].starts_with("First: find out who holds the key"),
        "{:?}",
        ask.lines
    );
}

#[test]
fn who_ends_a_pause_reads_what_will_leave() {
    let mut d = busy();
    let paused = |approved: bool| {
        with(move |s| {
            s.paused = Some(casimir_dkg::view::PauseView {
                by: "ada".into(),
                since: fixture::T0,
            });
            if approved {
                s.actions[0].state = casimir_dkg::view::ActionState::Approved;
            }
        })
    };
    for (approved, says) in [
        (false, "Nothing that was approved"),
        (true, "1 approved action held back"),
    ] {
        d.send(paused(approved));
        d.slowly("P");
        let Some(Overlay::Ask(ask)) = &d.app.overlay else {
            panic!("it asks")
        };
        assert!(ask.lines[0].starts_with(says), "{:?}", ask.lines);
        let names = ask
            .lines
            .iter()
            .any(|line| line.starts_with("deposit/3#2 (money): "));
        assert_eq!(names, approved, "{:?}", ask.lines);
        d.slowly("esc");
    }
}

/// A stopped engine keeps its socket: nothing is sent to it that would count when it wakes up.
#[test]
fn nothing_is_sent_to_an_engine_that_does_not_answer_and_nothing_is_green() {
    let mut d = busy();
    let live = screen(&mut d);
    assert!(live.contains("live") && live.contains("rpc"), "{live}");
    d.send(Event::Silent(Some(Duration::from_secs(12))));
    let silent = screen(&mut d);
    assert!(
        silent.contains("the engine has not answered for 12 s"),
        "{silent}"
    );
    assert!(!silent.contains("live  head"), "{silent}");
    assert!(requests(d.slowly("P")).is_empty());
    assert!(toast(&d).contains("not sent"), "{}", toast(&d));
    d.send(Event::Silent(None));
    assert_eq!(requests(d.slowly("P")).len(), 1);
}

#[test]
fn what_was_said_goes_by_itself_however_much_happens() {
    let mut d = busy();
    d.slowly("q q q esc u");
    assert!(!toast(&d).is_empty());
    for _ in 0..20 {
        d.mono += Duration::from_millis(700);
        d.send(with(|_| ()));
    }
    assert_eq!(toast(&d), "");
}
