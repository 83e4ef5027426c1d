//! Approvals that wait until stale checks were made again.

use super::*;
use crate::oracle::ways::why_not_there;
use crate::types::CheckStatus;

/// A ceremony of another case proves this operator guilty.
fn prove(life: &mut Life, guilty: u64) {
    let action = life.action().clone();
    let Payload::Ceremony(payload) = action.proposal.payload else {
        panic!()
    };
    let request = crate::types::RequestId([9; 24]);
    let case = crate::types::CaseId {
        pool: PoolId(9),
        ..action.id.case
    };
    let started = Record::CeremonyStarted {
        request,
        case,
        action: None,
        role: crate::oracle::CeremonyRole::Main,
        attempt: 1,
        plan: payload.plan,
        backend: crate::types::BackendName::default(),
    };
    let failure = crate::types::CeremonyFailure {
        kind: crate::types::FailureKind::Blamed,
        round: None,
        culprits: vec![OperatorId(guilty)],
        reason: "a share that fits no commitment".into(),
        blames: vec![],
    };
    let failed = Record::CeremonyFailed {
        request,
        failure,
        transcript: None,
    };
    for record in [started, failed] {
        let seq = life.state.newest + 1;
        life.state.apply(seq, UnixMillis(life.now), &record);
    }
}

fn alone() -> Life {
    let mut life = Life::with(|_| ());
    life.refresh(vec![Check::pass("pool-ready", "so")]);
    life
}

#[test]
fn whoever_approves_what_is_stale_once_more_is_told_so_and_until_when_it_waits_now() {
    let mut life = alone();
    life.input(Input::Sight(Reach::Lost));
    life.wait(1);
    let first = life.approve("ada", 1000).unwrap();
    assert!(first.as_str().starts_with("refreshing: "), "{first}");
    life.wait(60_000);
    let again = life.approve("ada", 1000).unwrap();
    let until = life.state.refreshing(life.action().id).unwrap().until.to_utc();
    assert!(
        again.as_str().contains("ada has approved deposit/1#1 already"),
        "{again}"
    );
    assert!(again.as_str().contains(&format!("until {until}")), "{again}");
}

#[test]
fn an_approval_that_waited_does_not_count_where_a_member_was_proven_guilty_since() {
    for (guilty, before, counts) in [(3, false, false), (3, true, true), (77, false, true)] {
        let mut life = alone();
        if before {
            prove(&mut life, guilty);
        }
        life.input(Input::Sight(Reach::Lost));
        life.wait(1);
        life.approve("ada", 1000).unwrap();
        life.wait(1);
        if !before {
            prove(&mut life, guilty);
        }
        life.input(Input::Sight(Reach::Followed));
        life.wait(5_000);
        life.prepare();
        let decided = life.action().decision.is_some();
        assert_eq!(decided, counts, "{guilty} {before}");
        if !counts {
            let said = life.last("note");
            let why = "operator 3 was proven to break the protocol since";
            assert!(said.contains(why), "{said}");
        }
    }
}

#[test]
fn an_approval_that_waited_does_not_count_while_a_member_is_away_that_was_there_and_is_not_needed() {
    let says = |words: &str| vec![Check::pass("operators-reachable", words)];
    let one = "3 of 4 answer, 3 are needed; operator 2: timed out";
    let other = "3 of 4 answer, 3 are needed; operator 4: timed out";
    for (now, counts) in [(one, true), (other, false), ("every operator answers", true)] {
        let mut life = Life::with(|_| ());
        life.refresh(says(one));
        life.wait(70_000);
        life.approve("ada", 1000).unwrap();
        assert!(life.action().decision.is_none(), "it is stale");
        life.checks = says(now);
        life.wait(5_000);
        life.prepare();
        assert_eq!(life.action().decision.is_some(), counts, "{now}");
        if !counts {
            let id = life.action().id;
            assert!(life.state.approving(id).is_some());
            let said = life.state.volatile.waiting[&id.case].to_string();
            assert!(said.contains("operator 4 is not there: timed out"), "{said}");
            life.checks = says(one);
            life.wait(15_000);
            life.prepare();
            assert!(life.action().decision.is_some(), "{now}");
        }
    }
}

/// Who comes back first is not everybody: what nobody could say yet ends no approval, and holds it.
#[test]
fn an_approval_that_waited_waits_on_while_what_was_known_is_not_known_again() {
    let all = || Check::pass("endpoints-agree", "all 2 endpoints say the same");
    let alone = || Check::unknown("endpoints-agree", "the second one has not answered");
    let differ = || Check::fail("endpoints-agree", "they differ");
    let cases: [(_, fn() -> Check); 2] = [(true, all), (false, differ)];
    for (counts, then) in cases {
        let mut life = Life::with(|_| ());
        life.refresh(vec![all()]);
        let id = life.action().id;
        life.input(Input::Sight(Reach::Lost));
        life.wait(1);
        life.approve("ada", 1000).unwrap();
        life.input(Input::Sight(Reach::Followed));
        life.checks = vec![alone()];
        for _ in 0..3 {
            life.wait(15_000);
            life.prepare();
            assert_eq!(life.action().decision, None);
            let said = life.state.volatile.waiting[&id.case].to_string();
            assert_eq!(
                said,
                "approved by ada, refreshing its checks (endpoints-agree is not known yet)"
            );
        }
        life.checks = vec![then()];
        life.wait(15_000);
        life.prepare();
        assert_eq!(life.action().decision.is_some(), counts);
        assert_eq!(life.state.approving(id), None);
        if !counts {
            let said = life.last("note");
            assert!(
                said.contains("failed checks: endpoints-agree (they differ)"),
                "{said}"
            );
            let ended = life.state.approvals_ended(id).pop().unwrap().to_string();
            let words = "UTC: failed checks: endpoints-agree (they differ)";
            assert!(
                ended.starts_with("the approval by ada ended at ") && ended.ends_with(words),
                "{ended}"
            );
        }
    }
}

#[test]
fn a_signed_approval_that_waited_and_was_taken_back_cannot_be_brought_again() {
    for signed in [true, false] {
        let mut life = alone();
        let first = life.action().id;
        let (of, digest) = (life.action().proposed_at, life.action().digest);
        life.input(Input::Sight(Reach::Lost));
        life.wait(1);
        match signed {
            true => life.approve_signed("bob", 2, |_| {}).unwrap(),
            false => life.approve("ada", 1000).unwrap(),
        };
        let command = Command::TakeBack(first);
        life.input(Input::Command {
            by: "ada".into(),
            command,
        })
        .unwrap()
        .unwrap();
        let is_void = matches!(life.state.actions[&first].state, ActionState::Void { .. });
        assert_eq!(is_void, signed);
        life.input(Input::Sight(Reach::Followed));
        life.wait(5_000);
        while life.prepare().is_some() {}
        let again = life.approve_signed("bob", 2, |statement| {
            statement.action = first;
            statement.proposed_at = Some(of);
            statement.digest = digest;
        });
        // where nobody had signed it, bob signs it for the first time
        assert_eq!(again.is_err(), signed, "{again:?}");
    }
}

#[test]
fn what_waits_for_stale_checks_is_journaled_once_and_told_to_be_forgotten_by_a_stop() {
    let mut life = alone();
    life.input(Input::Sight(Reach::Lost));
    life.wait(1);
    for _ in 0..2 {
        let said = life.approve("ada (uid 1000)", 1000).unwrap();
        assert!(
            said.as_str().ends_with("a stop of the engine forgets it"),
            "{said}"
        );
    }
    let notes = life.journal.iter().filter(|(_, record)| record.kind() == "note");
    assert_eq!(notes.count(), 1);
    let note = life.last("note");
    assert!(
        note.contains("ada (uid 1000) approved deposit/1#1 while checks were stale"),
        "{note}"
    );
    life.restart();
    assert_eq!(life.state.approving(life.action().id), None);
}

#[test]
fn mode_observe_drops_what_waits_for_stale_checks() {
    let mut life = alone();
    life.input(Input::Sight(Reach::Lost));
    life.wait(1);
    life.approve("ada", 1000).unwrap();
    let command = Command::SwitchMode {
        to: Mode::Observe,
        word: None,
    };
    let by = "bob".into();
    life.input(Input::Command { by, command }).unwrap().unwrap();
    assert_eq!(life.state.refreshing(life.action().id), None);
    let note = life.last("note");
    let why = "the approval of deposit/1#1 by ada counts no more: bob switched to mode observe";
    assert!(note.contains(why), "{note}");
    assert!(life.state.waiting_reason(life.action().id.case).is_none());
}

#[test]
fn what_was_signed_lapses_when_the_signature_does() {
    let mut life = alone();
    life.input(Input::Sight(Reach::Lost));
    life.wait(1);
    let expires = UnixMillis(life.now + 5_000);
    life.approve_signed("bob", 2, |statement| statement.expires = expires)
        .unwrap();
    let id = life.action().id;
    assert_eq!(life.state.refreshing(id).unwrap().until, expires);
    life.wait(4_000);
    assert!(life.state.refreshing(id).is_some());
    life.wait(1_000);
    assert_eq!(life.state.refreshing(id), None);
    let said = life.last("note");
    assert!(
        said.contains("counts no more: the signature of bob expired at"),
        "{said}"
    );
}

#[test]
fn who_approves_again_where_nothing_is_stale_any_more_counts_once() {
    let mut life = Life::begin(of_keygens());
    life.refresh(vec![Check::pass("pool-ready", "so")]);
    life.input(Input::Sight(Reach::Lost));
    life.wait(1);
    life.approve("ada (uid 1000)", 1000).unwrap();
    let id = life.action().id;
    assert!(life.state.approving(id).is_some());
    // as a clock that is set makes it, without a look
    life.state.volatile.sight = Default::default();
    life.approve("ada (uid 1000)", 1000).unwrap();
    assert_eq!(life.action().endorsements.len(), 1);
    assert_eq!(life.state.approving(id), None);
}

fn agree() -> Check {
    Check::pass("endpoints-agree", "all 2 endpoints say the same")
}

fn one_alone() -> Check {
    Check::unknown("endpoints-agree", "the second one has not answered")
}

/// Who approves sees this, while it is stale; what is asked then says `now`.
fn approved_while_stale(life: &mut Life, by: (&str, u32), now: Check) -> SafeText {
    life.input(Input::Sight(Reach::Lost));
    life.wait(1);
    let said = life.approve(by.0, by.1).unwrap();
    life.input(Input::Sight(Reach::Followed));
    life.checks = vec![now];
    life.wait(15_000);
    life.prepare();
    said
}

fn asks(life: &Life) -> bool {
    life.effects.iter().any(|e| matches!(e, Effect::Prepare { .. }))
}

#[test]
fn an_approval_that_lapses_says_what_it_waited_for_in_the_end() {
    let mut life = Life::with(|_| ());
    life.refresh(vec![agree()]);
    approved_while_stale(&mut life, ("ada", 1000), one_alone());
    let id = life.action().id;
    for _ in 0..40 {
        life.wait(15_000);
        life.prepare();
    }
    assert_eq!(life.state.approving(id), None);
    assert_eq!(
        life.last("note"),
        "the approval of deposit/1#1 by ada counts no more: it did not come to count within 10 min: endpoints-agree is \
         not known yet"
    );
}

/// Who turns a check to and fro has it count after ten minutes, and no approval waits for longer.
#[test]
fn an_approval_does_not_wait_for_a_check_that_cannot_count_in_its_time() {
    for (changes, waits) in [(1, true), (3, false)] {
        let mut life = Life::with(|_| ());
        for n in 0..changes {
            life.refresh(vec![if n % 2 == 0 { agree() } else { one_alone() }]);
        }
        approved_while_stale(&mut life, ("ada", 1000), one_alone());
        let id = life.action().id;
        assert_eq!(life.state.approving(id).is_some(), waits, "{changes}");
        if !waits {
            let said = life.last("note");
            let counts = UnixMillis(life.now + 600_000).time_of_day();
            let why = format!(
                "and endpoints-agree, which changed to and fro, counts as known again at {counts} at the earliest"
            );
            assert!(said.contains(&why), "{said}");
        }
    }
}

#[test]
fn an_approval_that_waited_is_as_old_as_it_was_given() {
    let mut life = alone();
    life.input(Input::Sight(Reach::Lost));
    life.wait(1);
    life.approve("ada", 1000).unwrap();
    let (given, id) = (life.now, life.action().id);
    life.wait(500_000);
    life.input(Input::Sight(Reach::Followed));
    life.wait(15_000);
    life.prepare();
    let decision = life.action().decision.clone().unwrap();
    assert_eq!(decision.at, UnixMillis(given));
    assert_eq!(life.state.volatile.approved_up_ms[&id], given);
    let until = life.action().approved_until(EXPIRES_MS).unwrap();
    assert_eq!(until, UnixMillis(given + EXPIRES_MS));
    // nobody is there to send it to
    life.input(Input::Sight(Reach::Lost));
    life.now = given + EXPIRES_MS - 10;
    life.input(Input::Tick);
    assert_eq!(life.action().state, ActionState::Approved);
    life.wait(20);
    let state = &life.state.actions[&id].state;
    assert!(matches!(state, ActionState::Void { .. }), "{state:?}");
}

#[test]
fn what_was_signed_lapses_by_the_clock_that_says_more() {
    let mut life = alone();
    life.input(Input::Sight(Reach::Lost));
    life.wait(1);
    let expires = UnixMillis(life.now + 60_000);
    life.approve_signed("bob", 2, |statement| statement.expires = expires)
        .unwrap();
    let id = life.action().id;
    let stamped = |up_ms| Stamped {
        at: UnixMillis(life.now),
        up_ms,
        entropy: [7; 24],
        input: Input::Tick,
    };
    let (before, after) = (stamped(life.now + 50_000), stamped(life.now + 60_001));
    step(&mut life.state, before);
    assert!(life.state.refreshing(id).is_some());
    let (output, _) = step(&mut life.state, after);
    assert_eq!(life.state.refreshing(id), None);
    let said = output.records.last().unwrap().sentence().to_string();
    assert!(said.contains("the signature of bob expired at"), "{said}");
}

#[test]
fn what_waits_on_while_somebody_else_decides_is_told_to_count_no_more() {
    for waits_too in [true, false] {
        let mut life = Life::with(|_| ());
        life.refresh(vec![agree()]);
        approved_while_stale(&mut life, ("ada", 1000), one_alone());
        let id = life.action().id;
        assert!(life.state.approving(id).is_some());
        // bob sees that it is not known
        match waits_too {
            true => drop(approved_while_stale(&mut life, ("bob", 1001), one_alone())),
            false => drop(life.approve("bob", 1001).unwrap()),
        }
        let by = life.action().decision.clone().unwrap().decider;
        assert!(by.to_string().starts_with("bob"), "{by}");
        assert!(life.state.volatile.approving.is_empty());
        let why = format!("the approval of deposit/1#1 by ada counts no more: {by} decided without it");
        assert_eq!(life.last("note"), why);
    }
}

#[test]
fn whoever_makes_two_with_an_approval_that_waits_is_told_what_it_waits_for() {
    let mut life = Life::begin(of_keygens());
    life.refresh(vec![agree()]);
    let said = approved_while_stale(&mut life, ("ada", 1000), one_alone());
    assert!(
        said.as_str()
            .contains("the approval counts once they are made again")
            && said.as_str().contains("and takes another person"),
        "{said}"
    );
    let said = life.approve("bob", 1001).unwrap();
    assert_eq!(
        said.as_str(),
        "deposit/1#1 approved, 1 of 2: it counts with that of ada once that one counts (endpoints-agree is not known yet)"
    );
    life.checks = vec![agree()];
    life.wait(15_000);
    life.prepare();
    assert!(life.action().decision.is_some());
}

#[test]
fn an_approval_lapses_also_where_a_log_says_that_its_pool_was_served() {
    let mut life = alone();
    life.input(Input::Sight(Reach::Lost));
    life.wait(1);
    life.approve("ada", 1000).unwrap();
    let id = life.action().id;
    let log = LogRef {
        block: block(11),
        transaction: Root([2; 32]),
        index: 0,
    };
    let (what, pool) = (crate::oracle::Fulfilment::DepositInitiated, PoolId(1));
    life.input(Input::Fulfilled { what, pool, log });
    assert!(life.state.cases[&id.case].served_by.is_some());
    life.wait(600_010);
    assert_eq!(life.state.refreshing(id), None);
    assert!(
        life.last("note").contains("within 10 min"),
        "{}",
        life.last("note")
    );
}

#[test]
fn what_the_desk_cannot_look_at_is_what_an_approval_waits_for() {
    let mut life = alone();
    life.wait(70_000);
    life.approve("ada", 1000).unwrap();
    let id = life.action().id;
    let words = |life: &Life| life.state.waiting_reason(id.case).map(ToString::to_string);
    let outcome = Prepared::Later {
        reason: "the operators' directory does not answer".into(),
        at: UnixMillis(life.now + 60_000),
    };
    life.effects.clear();
    life.input(Input::Prepared {
        case: id.case,
        purpose: Purpose::Refresh(id),
        outcome,
    });
    let told = "the operators' directory does not answer";
    assert_eq!(
        words(&life).unwrap(),
        format!("approved by ada, refreshing its checks ({told})")
    );
    assert_eq!(life.state.refreshing(id).unwrap().why, Some(told.into()));
    let command = Command::TakeBack(id);
    let by = "ada".into();
    life.input(Input::Command { by, command }).unwrap().unwrap();
    assert_eq!(words(&life).as_deref(), Some(told), "the desk's words stay");
}

#[test]
fn what_stays_unknown_is_asked_at_the_usual_pace_after_a_minute() {
    let mut life = Life::with(|settings| settings.refresh_every_ms = 30_000);
    life.refresh(vec![agree()]);
    approved_while_stale(&mut life, ("ada", 1000), one_alone());
    life.wait(5_000);
    assert!(asks(&life), "somebody waits for it");
    life.prepare();
    life.wait(40_000);
    life.prepare();
    life.wait(5_000);
    assert!(!asks(&life), "it is not known for long");
    life.wait(30_000);
    assert!(asks(&life));
}

#[test]
fn a_rule_that_decides_while_an_approval_waits_is_told_to_have_done_so() {
    let mut life = Life::with(|settings| {
        settings.policy.rules[0].unknown_ok = vec!["endpoints-agree".into()];
    });
    let reachable = |status| Check::new("operators-reachable", status, "so");
    life.refresh(vec![agree(), reachable(CheckStatus::Unknown)]);
    life.settings.mode = Mode::Auto;
    life.restart();
    life.approve("ada", 1000).unwrap();
    let id = life.action().id;
    assert!(life.state.approving(id).is_some());
    life.checks = vec![one_alone(), reachable(CheckStatus::Pass)];
    life.wait(15_000);
    life.prepare();
    let by = life.action().decision.clone().unwrap().decider;
    assert!(matches!(by, Decider::Rule { .. }), "{by}");
    assert_eq!(life.state.approving(id), None);
    let why = format!("the approval of deposit/1#1 by ada counts no more: {by} decided without it");
    assert_eq!(life.last("note"), why);
}

#[test]
fn without_any_endpoint_an_approval_waits_for_one_whatever_the_desk_said_before() {
    let mut life = alone();
    let id = life.action().id;
    let outcome = Prepared::Later {
        reason: "the operators' directory does not answer".into(),
        at: UnixMillis(life.now + 60_000),
    };
    life.wait(70_000);
    life.effects.clear();
    life.input(Input::Prepared {
        case: id.case,
        purpose: Purpose::Refresh(id),
        outcome,
    });
    life.input(Input::Sight(Reach::Lost));
    life.wait(1);
    life.approve("ada", 1000).unwrap();
    let why = life.state.refreshing(id).unwrap().why.unwrap();
    assert!(why.as_str().starts_with("no endpoint answers since"), "{why}");
}

#[test]
fn what_was_signed_waits_no_more_where_the_clock_was_set_back() {
    let mut life = alone();
    life.now = 10_000_000;
    life.input(Input::Tick);
    life.input(Input::Sight(Reach::Lost));
    life.wait(1);
    let expires = UnixMillis(life.now + 300_000);
    life.approve_signed("bob", 2, |statement| statement.expires = expires)
        .unwrap();
    let id = life.action().id;
    let set_back = Stamped {
        at: UnixMillis(life.now - 3_600_000),
        up_ms: life.now + 1_000,
        entropy: [7; 24],
        input: Input::Tick,
    };
    let (output, _) = step(&mut life.state, set_back);
    assert_eq!(life.state.refreshing(id), None);
    let said = output.records.iter().map(|record| record.sentence().to_string());
    let why = "counts no more: the clock was set back since bob signed it";
    assert!(
        said.into_iter().any(|said| said.contains(why)),
        "{:?}",
        output.records
    );
}

#[test]
fn who_was_shown_as_away_in_a_held_check_was_away() {
    let since = UnixMillis(1_000);
    let held = Check::unknown("operators-reachable", "operator 4: timed out").held(since, since);
    assert_eq!(why_not_there(&[held], OperatorId(4)), Some("timed out"));
}
