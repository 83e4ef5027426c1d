//! Update: keys and events in, effects and a changed model out.

use std::sync::Arc;
use std::time::Duration;

use casimir_dkg::engine::{Accepted, Refused, Request, Scope};
use casimir_dkg::oracle::{Action, ActionState};
use casimir_dkg::snapshot::Snapshot;
use casimir_dkg::types::{Check, OperatorId, UnixMillis};
use ratatui::layout::Size;

use crate::console::ExitReason;
use crate::console::app::{Overlay, Pane, RowId, Tab, Target};
use crate::console::effect::Effect;
use crate::console::msg::{Event, Mouse};
use crate::console::tests::fixture::{self, Driver, Setup};

fn busy() -> Driver {
    Driver::new(fixture::app(fixture::busy()))
}

fn requests(effects: Vec<Effect>) -> Vec<Request> {
    let request = |e| match e {
        Effect::Send { request, .. } => Some(request),
        _ => None,
    };
    effects.into_iter().filter_map(request).collect()
}

fn toast(driver: &Driver) -> String {
    driver
        .app
        .toast
        .as_ref()
        .map_or_else(String::new, |t| t.text.clone())
}

fn with(change: impl FnOnce(&mut Snapshot)) -> Event {
    let mut snapshot = fixture::busy();
    snapshot.revision += 1;
    change(&mut snapshot);
    Event::Snapshot(Arc::new(snapshot))
}

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
            by: "ada@console".into(),
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
        s.actions[0].proposal.checks.push(Check::fail("balance", "0 ETH"));
        s.actions[0].digest = s.actions[0].proposal.digest(s.actions[0].id);
    }));
    assert!(requests(d.slowly("2 enter a y")).is_empty());
    assert!(toast(&d).contains("failed checks: balance"), "{}", toast(&d));
}

fn changed(s: &mut Snapshot) {
    let action = &mut s.actions[0];
    action.proposal.facts[4].value = "31 ETH from the pool".into();
    if let casimir_dkg::oracle::Payload::Transaction(tx) = &mut action.proposal.payload {
        tx.fee_ceiling_wei += alloy::primitives::U256::from(1);
    }
    action.digest = action.proposal.digest(action.id);
}

#[test]
fn a_change_closes_the_question_and_must_be_read_first() {
    let mut d = busy();
    d.slowly("2 enter a");
    d.send(with(changed));
    assert!(d.app.overlay.is_none());
    assert!(
        toast(&d).contains("changed while you were asked"),
        "{}",
        toast(&d)
    );
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

fn screen(d: &mut Driver) -> String {
    let mut terminal = ratatui::Terminal::new(ratatui::backend::TestBackend::new(120, 60)).unwrap();
    terminal
        .draw(|f| crate::console::screens::draw(f, &mut d.app))
        .unwrap();
    terminal.backend().to_string()
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
    d.send(with(|s| s.actions[0].state = ActionState::Rejected));
    assert!(d.app.overlay.is_none());
    assert!(requests(d.slowly("y a y")).is_empty());

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
            by: "ada@console".into(),
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
            by: "ada@console".into(),
            reason: "wrong pool".into(),
        }]
    );
    assert!(requests(d.slowly("x esc")).is_empty() && d.app.overlay.is_none());
}

#[test]
fn pausing_is_immediate_and_resuming_asks() {
    let mut d = busy();
    let sent = requests(d.slowly("P"));
    assert!(
        matches!(
            &sent[..],
            [Request::Pause {
                scope: Scope::All,
                ..
            }]
        ),
        "{sent:?}"
    );
    let sent = requests(d.slowly("3 p"));
    assert!(
        matches!(&sent[..], [Request::Pause { scope: Scope::Case(c), .. }] if c.to_string() == "deposit/4")
    );
    d.send(with(|s| {
        s.paused = Some(casimir_dkg::snapshot::PauseView {
            by: "ada".into(),
            since: fixture::T0,
        });
        s.cases[0].paused = true;
    }));
    assert!(requests(d.slowly("P")).is_empty());
    let sent = requests(d.slowly("y"));
    assert!(
        matches!(
            &sent[..],
            [Request::Resume {
                scope: Scope::All,
                ..
            }]
        ),
        "{sent:?}"
    );
    assert!(requests(d.slowly("p n")).is_empty());
    let sent = requests(d.slowly("p y"));
    assert!(
        matches!(
            &sent[..],
            [Request::Resume {
                scope: Scope::Case(_),
                ..
            }]
        ),
        "{sent:?}"
    );
}

#[test]
fn retry_and_reshare_name_the_selected_thing() {
    let mut d = busy();
    let sent = requests(d.slowly("4 down down r"));
    assert!(
        matches!(&sent[..], [Request::Retry { case, .. }] if case.to_string() == "deposit/0"),
        "{sent:?}"
    );
    assert!(requests(d.slowly("7 down R")).is_empty());
    let sent = requests(d.slowly("y"));
    assert!(
        matches!(&sent[..], [Request::RequestReshare { pool, .. }] if pool.0 == 2),
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
    assert_eq!(editor.old, [1, 2, 3, 5].map(OperatorId));
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
        matches!(&sent[..], [Request::SetCommittee { action, committee, .. }]
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
    observe.mode = casimir_dkg::oracle::Mode::Observe;
    for app in [fixture::app_with(fixture::busy(), setup()), fixture::app(observe)] {
        let mut d = Driver::new(app);
        let all = "2 enter a y x e r p P q 7 R y 3 p r a x";
        assert!(requests(d.slowly(all)).is_empty());
        d.app.overlay = None;
        let effects = d.slowly("q q ctrl-c y");
        assert!(requests(effects).iter().all(|r| *r == Request::Shutdown));
    }
}

#[test]
fn new_approvals_ring_once_and_open_nothing() {
    let mut d = Driver::new(fixture::app(fixture::quiet()));
    d.slowly("3");
    assert_eq!(d.send(with(|_| {})), [Effect::Notify]);
    assert_eq!(d.send(with(|s| s.revision += 1)), []);
    assert_eq!(
        d.send(with(changed)),
        [Effect::Notify],
        "a changed action is a new question"
    );
    assert!(d.app.overlay.is_none() && d.app.details.is_empty() && d.app.tab == Tab::Only(Pane::Events));
    // what waited before the start was not missed by anybody
    assert_eq!(busy().send(with(|_| {})), []);
}

#[test]
fn selection_stays_on_its_row_when_rows_move() {
    let mut d = busy();
    d.slowly("3 down down");
    let selected = d.app.list(Pane::Events).selected;
    d.send(with(|s| {
        let mut new = s.cases[0].clone();
        new.id = "deposit/9".parse().unwrap();
        s.cases.insert(0, new);
        s.cases.swap(1, 5);
    }));
    assert_eq!(d.app.list(Pane::Events).selected, selected);
    // the row is gone: its neighbour takes over
    d.send(with(|s| s.cases.retain(|c| Some(RowId::Case(c.id)) != selected)));
    let now = d.app.list(Pane::Events).selected;
    assert!(now.is_some() && now != selected);
}

#[test]
fn filters_narrow_while_typing_and_esc_brings_all_back() {
    let mut d = busy();
    d.slowly("3 /");
    d.types("EXIT");
    assert_eq!(d.app.list(Pane::Events).rows.len(), 1);
    d.keys("enter");
    assert_eq!(d.app.list(Pane::Events).rows.len(), 1);
    assert_eq!(
        d.app.list(Pane::Events).selected,
        Some(RowId::Case("exit/1".parse().unwrap()))
    );
    d.keys("/");
    d.types("zzz");
    assert!(d.app.list(Pane::Events).rows.is_empty());
    d.keys("esc");
    assert_eq!(
        d.app.list(Pane::Events).filter,
        "EXIT",
        "Esc in the field goes back to what was"
    );
    d.keys("esc");
    assert_eq!(d.app.list(Pane::Events).rows.len(), 7);
    // letters that are commands elsewhere are text here
    d.keys("/");
    d.types("aqxrpy");
    assert_eq!(d.app.list(Pane::Events).filter, "aqxrpy");
}

#[test]
fn quitting_asks_while_work_is_in_flight() {
    let mut d = busy();
    assert!(d.slowly("q").is_empty());
    assert!(matches!(d.app.overlay, Some(Overlay::Quit { ref work }) if !work.is_empty()));
    assert!(d.slowly("n q enter esc").is_empty() && d.app.overlay.is_none());
    let effects = d.slowly("q y");
    assert_eq!(requests(effects), [Request::Shutdown]);
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
    assert_eq!(
        requests(d.slowly("q")),
        [Request::Shutdown],
        "nothing in flight: no question"
    );
    d.mono += Duration::from_secs(16);
    assert_eq!(
        d.send(Event::Tick),
        [Effect::Exit(ExitReason::Quit)],
        "the engine does not answer"
    );
}

#[test]
fn q_goes_back_before_it_goes_out() {
    let mut d = Driver::new(fixture::app(fixture::busy()));
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
    assert_eq!(requests(d.send(Event::Terminate)), [Request::Shutdown]);
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
fn copying_takes_whole_values() {
    let mut d = busy();
    assert!(d.slowly("7 c").is_empty(), "several values: choose");
    let key = d.app.snapshot.validators[0].public_key.to_string();
    assert_eq!(d.slowly("enter"), [Effect::Copy(key)]);
    assert_eq!(d.slowly("down c"), [Effect::Copy("1016".into())]);
    // a single value is copied at once, and shown
    let mut d = busy();
    let id = d.app.snapshot.ceremonies[0].id.to_string();
    assert_eq!(d.slowly("4 c"), [Effect::Copy(id)]);
    assert!(matches!(d.app.overlay, Some(Overlay::Copy(_))));
}

#[test]
fn the_mouse_selects_and_never_decides() {
    let mut d = busy();
    d.app.size = Size::new(120, 40);
    d.slowly("3 m");
    assert!(d.app.mouse);
    screen(&mut d);
    let (area, _) = *d
        .app
        .hits
        .iter()
        .find(|(_, h)| matches!(h, crate::console::app::Hit::Rows(_)))
        .unwrap();
    assert!(
        d.send(Event::Mouse(Mouse::Click {
            column: area.x + 3,
            row: area.y + 2
        }))
        .is_empty()
    );
    assert_eq!(
        d.app.list(Pane::Events).selected,
        Some(RowId::Case("reshare/2".parse().unwrap()))
    );
    d.slowly("2 enter a");
    for row in 0..40 {
        for column in 0..120 {
            assert!(d.send(Event::Mouse(Mouse::Click { column, row })).is_empty());
        }
    }
    assert!(matches!(d.app.overlay, Some(Overlay::Ask(_))));
}

#[test]
fn tab_walks_the_panes_that_are_on_the_screen() {
    let mut d = busy();
    d.app.size = Size::new(120, 40);
    let mut seen = Vec::new();
    for _ in 0..6 {
        seen.push(d.app.focus);
        d.slowly("tab");
    }
    assert_eq!(d.app.focus, Pane::Approvals);
    assert_eq!(
        seen,
        [
            Pane::Approvals,
            Pane::Events,
            Pane::Ceremonies,
            Pane::Transactions,
            Pane::Exits,
            Pane::Logs
        ]
    );
    d.slowly("shift-tab");
    assert_eq!(d.app.focus, Pane::Logs);
}

#[test]
fn following_leads_from_case_to_action_and_back() {
    let mut d = busy();
    d.slowly("3 down enter enter");
    let targets: Vec<_> = d.app.details.iter().map(|d| d.target).collect();
    let case = RowId::Case("deposit/3".parse().unwrap());
    let action = RowId::Action("deposit/3#2".parse().unwrap());
    assert_eq!(targets, [Target::Row(case), Target::Row(action)]);
    d.slowly("esc esc");
    assert!(d.app.details.is_empty());
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
    let action: &Action = &d.app.snapshot.actions[0];
    assert!(ask.lines.iter().any(|l| l.contains(&action.digest.to_string())));
}
