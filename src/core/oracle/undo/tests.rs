use super::*;
use crate::oracle::fixture::block;
use crate::oracle::people::tests::Life;
use crate::oracle::{CaseStatus, Command, Fulfilment, Input, Purpose, Reach, Refusal, case_status, rule_for};
use crate::types::{Check, LogRef, PoolId, Root};

const WINDOW_MS: u64 = 10_000;

fn supervised() -> Life {
    Life::with(|settings| {
        let window = Duration::from_millis(WINDOW_MS);
        settings.policy.undo.set(ActionKind::Keygen, window);
    })
}

fn take_back(life: &mut Life) -> Result<SafeText, Refusal> {
    let command = Command::TakeBack(life.action().id);
    commands(life, command)
}

fn commands(life: &mut Life, command: Command) -> Result<SafeText, Refusal> {
    let by = "bob".into();
    life.input(Input::Command { by, command }).unwrap()
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
    commands(&mut life, Command::Pause(None)).unwrap();
    commands(&mut life, Command::Resume(None)).unwrap();
    life.wait(WINDOW_MS - 5);
    assert!(undo_until(&life.state, id).is_some() && !leaves(&mut life));
    life.wait(5);
    assert!(leaves(&mut life));
}

#[test]
fn last_checks_that_are_answered_after_a_pause_let_nothing_leave_in_the_window_that_began_anew() {
    let mut life = supervised();
    life.approve("ada", 1).unwrap();
    life.wait(WINDOW_MS);
    // asked for by now, and under way
    commands(&mut life, Command::Pause(None)).unwrap();
    commands(&mut life, Command::Resume(None)).unwrap();
    assert!(leaves(&mut life), "the answer comes");
    assert_eq!(life.action().state, ActionState::Approved, "and nothing leaves");
    assert!(undo_until(&life.state, life.action().id).is_some());
    life.wait(WINDOW_MS - 5);
    assert!(!leaves(&mut life));
    life.wait(5);
    assert!(leaves(&mut life));
    assert_eq!(life.action().state, ActionState::Executing);
}

#[test]
fn the_window_counts_only_while_it_could_leave() {
    let mut life = supervised();
    life.approve("ada", 1).unwrap();
    let id = life.action().id;
    let log = LogRef {
        block: block(11),
        transaction: Root([2; 32]),
        index: 0,
    };
    let (what, pool) = (Fulfilment::DepositInitiated, PoolId(1));
    life.input(Input::Fulfilled { what, pool, log });
    life.wait(WINDOW_MS);
    assert_eq!(
        undo_until(&life.state, id),
        None,
        "whether its pool is served is not known"
    );
    assert_eq!(can_take_back(&life.state, id), Ok(()));
    life.input(Input::FulfilmentRemoved { what, pool, log });
    life.wait(WINDOW_MS - 5);
    assert!(undo_until(&life.state, id).is_some() && !leaves(&mut life));
    life.wait(5);
    assert!(leaves(&mut life));
}

#[test]
fn a_rule_that_would_match_does_not_approve_what_a_person_took_back_before_a_person_resumes() {
    let mut life = supervised();
    life.approve("ada", 1).unwrap();
    let first = life.action().id;
    let to_auto = Command::SwitchMode {
        to: Mode::Auto,
        word: Some("auto".to_owned()),
    };
    commands(&mut life, to_auto).unwrap();
    assert_eq!(
        life.action().state,
        ActionState::Approved,
        "what a person approved stands"
    );
    take_back(&mut life).unwrap();
    for _ in 0..5 {
        life.wait(20_000);
        life.prepare();
    }
    assert_ne!(life.action().id, first);
    assert_eq!(life.action().state, ActionState::Proposed);
    let why = rule_for(&life.state, life.action()).unwrap_err();
    assert!(why.contains("while the case is paused"), "{why}");

    commands(&mut life, Command::Resume(Some(first.case))).unwrap();
    life.wait(1);
    let decision = life.action().decision.clone().unwrap();
    assert!(matches!(decision.decider, Decider::Rule { .. }), "{decision:?}");
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

/// An approval that waits for a stale check, and what a person sees of it.
fn refreshing(change: impl FnOnce(&mut crate::oracle::Settings)) -> Life {
    let mut life = Life::with(change);
    life.checks = vec![
        Check::pass("pool-ready", "so"),
        Check::unknown("endpoints-agree", "one voice"),
    ];
    life.wait(20_000);
    life.prepare();
    life.input(Input::Sight(Reach::Lost));
    life.wait(1);
    let said = life.approve("ada", 1).unwrap();
    assert!(said.as_str().contains("can be taken back"), "{said}");
    life
}

#[test]
fn an_approval_that_waits_for_stale_checks_is_seen_and_can_be_taken_back() {
    for mode in [Mode::Supervised, Mode::Auto] {
        let mut life = refreshing(|settings| {
            settings.mode = mode;
            settings.policy.rules.clear();
        });
        let id = life.action().id;
        let shown = life.state.refreshing(id).unwrap();
        assert!(shown.is_enough && shown.by.as_str() == "ada", "{shown:?}");
        assert_eq!(case_status(&life.state, id.case), CaseStatus::Preparing);
        assert_eq!(can_take_back(&life.state, id), Ok(()));
        let said = take_back(&mut life).unwrap();
        assert!(said.as_str().contains("is taken back"), "{said}");
        assert_eq!(life.state.refreshing(id), None);
        assert!(
            life.last("note")
                .contains("bob took back the approval of deposit/1#1 by ada")
        );
        let is_paused = life.state.cases[&id.case].paused.is_some();
        assert_eq!(is_paused, mode == Mode::Auto, "no rule approves it");
        life.input(Input::Sight(Reach::Followed));
        life.wait(20_000);
        life.prepare();
        assert_eq!(life.action().state, ActionState::Proposed);
        assert!(life.action().decision.is_none());
        assert!(take_back(&mut life).is_err());
    }
}

#[test]
fn an_approval_that_waits_for_stale_checks_lapses_by_itself_and_says_so() {
    let mut life = refreshing(|_| ());
    let id = life.action().id;
    life.wait(super::super::REFRESHING_FOR_MS - 10);
    assert!(life.state.refreshing(id).is_some());
    life.wait(20);
    assert_eq!(life.state.refreshing(id), None, "no endpoint has answered yet");
    let said = life.last("note");
    assert!(
        said.contains("the approval of deposit/1#1 by ada counts no more"),
        "{said}"
    );
    assert!(said.contains("within 10 min"), "{said}");
    assert_eq!(case_status(&life.state, id.case), CaseStatus::AwaitingDecision);
    life.input(Input::Sight(Reach::Followed));
    life.wait(20_000);
    life.prepare();
    assert!(life.action().decision.is_none());
}

#[test]
fn an_approval_that_waited_does_not_count_where_a_check_is_worse_than_it_was_shown() {
    let pass = || Check::pass("pool-ready", "so");
    let unknown = || Check::unknown("endpoints-agree", "one voice");
    let not_made = "pool-ready is worse than it was shown";
    let no_answer = "pool-ready is not known yet";
    for (checks, why) in [
        (vec![pass(), unknown()], None),
        (vec![pass(), Check::pass("endpoints-agree", "both")], None),
        (
            vec![Check::unknown("pool-ready", "no answer"), unknown()],
            Some(no_answer),
        ),
        (vec![unknown()], Some(not_made)),
        (
            vec![pass(), unknown(), Check::unknown("balance", "no answer")],
            Some("balance is not known yet"),
        ),
    ] {
        let mut life = refreshing(|_| ());
        life.checks = checks.clone();
        life.input(Input::Sight(Reach::Followed));
        life.wait(20_000);
        life.prepare();
        assert_eq!(life.action().decision.is_some(), why.is_none(), "{checks:?}");
        if let Some(why) = why {
            let id = life.action().id;
            let ends = why == not_made;
            assert_eq!(life.state.approving(id).is_none(), ends, "{checks:?}");
            let said = match ends {
                true => life.last("note"),
                false => life.state.volatile.waiting[&id.case].to_string(),
            };
            assert!(said.contains(why), "{said}");
        }
    }
}

#[test]
fn what_is_rejected_or_void_has_no_approval_to_take_back() {
    type End<'a> = (&'a str, &'a dyn Fn(&mut Life));

    let reject = |life: &mut Life| {
        let (action, digest) = (life.action().id, life.action().digest);
        let reason = "not today".into();
        let command = Command::Reject {
            action,
            digest,
            reason,
        };
        commands(life, command).unwrap();
    };
    let void = |life: &mut Life| {
        let case = life.action().id.case;
        let reason = "nobody wants it".into();
        commands(life, Command::GiveUp { case, reason }).unwrap();
    };
    let ends: [End<'_>; 2] = [("rejected", &reject), ("void", &void)];
    for (word, end) in ends {
        let mut life = refreshing(|_| ());
        let id = life.action().id;
        end(&mut life);
        assert_eq!(life.state.actions[&id].state.word(), word);
        assert_eq!(life.state.refreshing(id), None, "{word}");
        assert_eq!(life.state.approving(id), None, "{word}");
        assert!(life.state.volatile.approving.is_empty(), "{word}");
        let refused = can_take_back(&life.state, id).unwrap_err();
        assert!(refused.contains(&format!("is {word}")), "{refused}");
    }
}

/// As where a clock is set, so that nothing is stale before a look, and a rule decides.
#[test]
fn what_somebody_else_decided_has_no_approval_that_waits() {
    let mut life = refreshing(|_| ());
    let id = life.action().id;
    let decision = crate::oracle::Decision::alone(
        crate::oracle::Verdict::Approve,
        Decider::Rule { name: "any".into() },
        UnixMillis(1),
        life.action().digest,
    );
    let seq = life.state.newest + 1;
    let decided = Record::Decided { action: id, decision };
    life.state.apply(seq, UnixMillis(1), &decided);
    assert_eq!(life.state.approving(id), None);
    assert!(life.state.volatile.approving.is_empty());
}
