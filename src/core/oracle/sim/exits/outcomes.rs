//! Every outcome of an offer, by itself and over a restart.

use super::scene::{APPROVAL_MS, CASE, Scene};
use crate::oracle::*;
use crate::types::*;

/// Time of a refresh or two, in which nothing may be offered.
fn is_silent_until(world: &mut Scene, end: u64) {
    let step = ((end - world.now) / 40).max(1_000);
    while world.now + step < end {
        world.pass(step);
        assert_eq!(world.offering(), None, "offered {} ms too early", end - world.now);
    }
}

fn bad() -> ExitStanding {
    ExitStanding::BadSignature {
        signing_root: Root([1; 32]),
    }
}

#[test]
fn a_delivered_exit_is_offered_again_until_it_is_in_a_block() {
    let (mut world, action) = Scene::publishing();
    for _ in 0..3 {
        world.answer(
            &[ExitAnswer::Accepted, ExitAnswer::BadSignature],
            ExitStanding::Delivered,
        );
        assert_eq!(world.case().step, Step::Execute(action));
        let end = world.now + 23_000;
        is_silent_until(&mut world, end);
        assert_eq!(world.until_offered(), action);
    }
    world.is(ValidatorPhase::Exiting);
    world.pass(5_000);
    world.settle();
    assert_eq!(world.case().step, Step::Follow);
    assert_eq!(*world.action(action), ActionState::Done);
    assert_eq!(world.approvals(ActionKind::BroadcastExit), 1);
    let published = world.seen.count("exit-published");
    assert_eq!(published, 1, "the same again is not news");
}

#[test]
fn answers_to_and_fro_have_few_records_and_the_exit_is_offered_all_the_same() {
    use ExitAnswer::{Accepted, NoAnswer, OutOfSync};
    for (one, other) in [
        (NoAnswer, ExitStanding::Unheard),
        (OutOfSync, ExitStanding::Unheard),
    ] {
        let (mut world, action) = Scene::publishing();
        // some hours of offers
        for n in 0..400 {
            match n % 2 {
                0 => world.answer(&[Accepted], ExitStanding::Delivered),
                _ => world.answer(&[one], other.clone()),
            };
            assert_eq!(world.until_offered(), action);
        }
        let told = world.seen.count("exit-published");
        assert!((10..=24).contains(&told), "{told}");
        world.is(ValidatorPhase::Exiting);
        world.pass(5_000);
        world.settle();
        assert_eq!(*world.action(action), ActionState::Done);
    }
}

#[test]
fn an_exit_that_nobody_heard_is_offered_again() {
    let (mut world, action) = Scene::publishing();
    for answers in [
        vec![ExitAnswer::NoAnswer],
        vec![ExitAnswer::OutOfSync],
        Vec::new(),
    ] {
        world.answer(&answers, ExitStanding::Unheard);
        assert_eq!(world.case().step, Step::Execute(action));
        let end = world.now + 23_000;
        is_silent_until(&mut world, end);
        assert_eq!(world.until_offered(), action);
    }
}

#[test]
fn an_exit_that_somebody_else_published_is_a_success() {
    let (mut world, action) = Scene::publishing();
    let phase = ValidatorPhase::Exiting;
    world.answer(&[ExitAnswer::AlreadyExiting], ExitStanding::Exiting { phase });
    for _ in 0..2 {
        assert_eq!(world.case().step, Step::Follow);
        assert_eq!(world.case().phase, Some(phase));
        assert_eq!(*world.action(action), ActionState::Done);
        world.restart();
    }
    world.is(ValidatorPhase::Withdrawn);
    world.pass(60_000);
    world.settle();
    assert!(world.case().is_closed(), "{:?}", world.case().step);
    assert_eq!(world.outside.offers.len(), 1);
}

/// F48.
#[test]
fn an_exit_that_is_too_early_waits_and_sends_itself_under_its_approval() {
    let (mut world, action) = Scene::publishing();
    // much longer than an approval is good for
    let at = world.now + 5 * APPROVAL_MS;
    let early = ExitStanding::TooEarly {
        epoch: 300,
        at: UnixMillis(at),
    };
    world.outside.exits_from = at;
    world.answer(&[ExitAnswer::TooYoung, ExitAnswer::NotNow], early);
    for _ in 0..2 {
        assert_eq!(world.case().step, Step::DecideEffect(action));
        assert_eq!(*world.action(action), ActionState::Approved);
        assert_eq!(case_status(&world.state, CASE), CaseStatus::Queued);
        let reason = world.state.waiting_reason(CASE).unwrap().to_string();
        assert!(reason.contains("in epoch 300, not before"), "{reason}");
        let end = world.now + 2 * APPROVAL_MS;
        is_silent_until(&mut world, end);
        world.restart();
    }
    is_silent_until(&mut world, at);
    assert_eq!(world.until_offered(), action, "it was not proposed again");
    world.answer(&[ExitAnswer::Accepted], ExitStanding::Delivered);
    assert_eq!(world.case().step, Step::Execute(action));
    assert_eq!(world.approvals(ActionKind::BroadcastExit), 1);
}

#[test]
fn the_desk_finds_it_too_early_before_anything_is_sent() {
    let mut world = Scene::new();
    world.outside.exits_from = world.now + 3 * APPROVAL_MS;
    let at = world.outside.exits_from;
    while world.case().offers.deferred.is_none() {
        assert_eq!(world.offering(), None);
        world.pass(1_000);
    }
    is_silent_until(&mut world, at - APPROVAL_MS);
    world.restart();
    is_silent_until(&mut world, at);
    world.until_offered();
    assert_eq!(world.approvals(ActionKind::BroadcastExit), 1);
    assert_eq!(world.seen.count("exit-deferred"), 1);
}

#[test]
fn what_ends_the_wait_early() {
    // a person who looks again
    let (mut world, action) = Scene::publishing();
    let early = |world: &mut Scene| {
        let at = world.now + 9 * APPROVAL_MS;
        world.outside.exits_from = at;
        ExitStanding::TooEarly {
            epoch: 300,
            at: UnixMillis(at),
        }
    };
    let standing = early(&mut world);
    world.answer(&[ExitAnswer::TooYoung], standing);
    let end = world.now + 2 * APPROVAL_MS;
    is_silent_until(&mut world, end);
    world.outside.exits_from = 0;
    world.retry();
    assert_eq!(
        world.until_offered(),
        action,
        "the wait did not use up the approval"
    );
    // a validator that leaves otherwise
    let standing = early(&mut world);
    world.answer(&[ExitAnswer::TooYoung], standing);
    world.is(ValidatorPhase::Slashed);
    world.pass(10_000);
    world.settle();
    assert_eq!(world.case().step, Step::Follow);
    assert!(matches!(world.action(action), ActionState::Void { .. }));
}

/// One node told an epoch of its own, and is gone: nobody else was asked before that epoch.
#[test]
fn a_wait_whose_ground_was_false_ends_by_itself() {
    for is_restarted in [false, true] {
        let (mut world, action) = Scene::publishing();
        let begun = world.now;
        let early = |at| ExitStanding::TooEarly {
            epoch: 1 << 30,
            at: UnixMillis(at),
        };
        // what the desk finds stays so for a while
        world.outside.exits_from = begun + 9 * APPROVAL_MS;
        world.answer(&[ExitAnswer::NotNow], early(begun + 9 * APPROVAL_MS));
        is_silent_until(&mut world, begun + 2 * APPROVAL_MS);
        assert_eq!(world.seen.count("exit-deferred"), 1, "the same again is not news");
        world.outside.exits_from = 0;
        let gone = world.now;
        if is_restarted {
            world.restart();
        }
        assert_eq!(world.until_offered(), action, "its approval stands");
        let within = if is_restarted { 60_000 } else { 500_000 };
        assert!(world.now - gone < within, "after {} ms", world.now - gone);
        world.answer(&[ExitAnswer::Accepted], ExitStanding::Delivered);
        assert_eq!(world.case().step, Step::Execute(action));
        assert_eq!(world.approvals(ActionKind::BroadcastExit), 1);
    }
}

/// By whoever tells another epoch each time the journal would grow with each look.
#[test]
fn a_time_that_runs_away_is_recorded_seldom_and_the_approval_outlives_it() {
    let mut world = Scene::new();
    world.state.settings.approval_expires_ms = 3_600_000;
    let ahead = 500_000;
    world.outside.exits_from = world.now + ahead;
    while world.case().offers.deferred.is_none() {
        assert_eq!(world.offering(), None);
        world.pass(1_000);
    }
    let begun = world.now;
    const HOURS: u64 = 8;
    while world.now < begun + HOURS * 3_600_000 {
        world.outside.exits_from = world.now + ahead;
        world.pass(30_000);
        assert_eq!(world.offering(), None);
    }
    let recorded = world.seen.count("exit-deferred") as u64;
    assert!(recorded > 1, "what a restart reads is not old");
    assert!(recorded <= 2 * HOURS + 2, "{recorded} records in {HOURS} hours");
    world.outside.exits_from = 0;
    world.until_offered();
    assert_eq!(world.approvals(ActionKind::BroadcastExit), 1);
}

/// A look shortly before the time is answered with *later*: the time itself is not slept through.
#[test]
fn a_look_that_tells_nothing_postpones_no_exit_past_its_time() {
    let mut world = Scene::new();
    let at = world.now + 10 * APPROVAL_MS;
    world.outside.exits_from = at;
    while world.case().offers.deferred.is_none() {
        assert_eq!(world.offering(), None);
        world.pass(1_000);
    }
    // looked at after 384 s, and then for the last time before it
    world.outside.untold = Some("the beacon nodes do not agree");
    is_silent_until(&mut world, at - 20_000);
    let heard = world.state.heard(CASE).map(ToString::to_string);
    assert_eq!(heard.as_deref(), Some("the beacon nodes do not agree"));
    world.outside.untold = None;
    is_silent_until(&mut world, at);
    world.until_offered();
    assert!(world.now < at + 10_000, "{} ms after its time", world.now - at);
    assert_eq!(world.approvals(ActionKind::BroadcastExit), 1);
}

#[test]
fn the_same_answers_in_other_words_are_no_news() {
    let (mut world, action) = Scene::publishing();
    let offer = |world: &mut Scene, words: &str, answer| {
        assert_eq!(world.until_offered(), action);
        world.answer_in(words, &[answer], ExitStanding::Unheard);
        world.seen.count("exit-published")
    };
    let before = offer(&mut world, "page 1", ExitAnswer::NoAnswer);
    for n in 2..6 {
        let after = offer(&mut world, &format!("page {n}"), ExitAnswer::NoAnswer);
        assert_eq!(after, before, "page {n}");
    }
    let after = offer(&mut world, "page 6", ExitAnswer::Other);
    assert_eq!(after, before + 1, "another answer is news");
}

#[test]
fn a_validator_whose_activation_is_not_set_is_looked_at_calmly() {
    let (mut world, action) = Scene::publishing();
    world.answer(&[ExitAnswer::NotActive], ExitStanding::NotActive);
    assert_eq!(*world.action(action), ActionState::Approved);
    let end = world.now + 59_000;
    is_silent_until(&mut world, end);
    assert_eq!(world.until_offered(), action);
}

#[test]
fn a_bad_signature_asks_for_a_new_one_and_nobody_gives_the_same_one_by_rule() {
    let (mut world, action) = Scene::publishing();
    world.answer(&[ExitAnswer::BadSignature, ExitAnswer::NoAnswer], bad());
    assert!(matches!(world.action(action), ActionState::Failed { .. }));
    assert_eq!(world.case().step, Step::PlanCeremony);
    world.restart();
    for _ in 0..60 {
        world.pass(1_000);
        assert_eq!(world.offering(), None, "a failed exit was offered");
    }
    let (told, why) = world.drafts.last().cloned().unwrap();
    let told = told.expect("the desk is told what was found bad");
    assert_eq!(told.signing_root, Root([1; 32]));
    assert_eq!(told.nodes.len(), 1, "only the one that said so: {:?}", told.nodes);
    let why = why.unwrap();
    assert!(
        why.as_str().contains("http://node found the signature bad"),
        "{why}"
    );
    // deterministic: the same root gives the same bytes, so no rule lets it pass
    let Step::DecideCeremony(again) = world.case().step else {
        panic!("{:?}", world.case().step);
    };
    assert_eq!(*world.action(again), ActionState::Proposed);
    let reason = world.state.waiting_reason(CASE).unwrap().to_string();
    assert!(reason.contains("new-signing-root"), "{reason}");
    assert_eq!(world.outside.started.len(), 1);
    // the chain's view changed: now there is something new to sign
    world.outside.exit_root = 2;
    let second = world.until_offered();
    assert_ne!(second, action);
    assert_eq!(world.outside.started.len(), 2);
    world.answer(&[ExitAnswer::Accepted], ExitStanding::Delivered);
    let roots: Vec<_> = world.outside.offers.iter().map(|(_, root)| root.0[0]).collect();
    assert_eq!(roots, [1, 2]);
}

#[test]
fn a_person_may_sign_the_same_again() {
    let (mut world, _) = Scene::publishing();
    world.answer(&[ExitAnswer::BadSignature], bad());
    let again = loop {
        world.pass(1_000);
        world.settle();
        if let Step::DecideCeremony(again) = world.case().step {
            break again;
        }
    };
    let action = &world.state.actions[&again];
    let command = Command::Approve {
        action: again,
        digest: action.digest,
        phrase: action.phrase(),
    };
    let by = SafeText::new("ann");
    world
        .input(Input::Command {
            by: by.into(),
            command,
        })
        .unwrap()
        .unwrap();
    world.until_offered();
    world.answer(&[ExitAnswer::Accepted], ExitStanding::Delivered);
    assert_eq!(world.outside.started.len(), 2);
}

#[test]
fn an_unknown_index_is_set_aside_until_it_is_retried() {
    let (mut world, action) = Scene::publishing();
    world.answer(&[ExitAnswer::UnknownIndex], ExitStanding::UnknownIndex);
    for _ in 0..2 {
        let Step::Halted { reason, .. } = &world.case().step else {
            panic!("{:?}", world.case().step);
        };
        assert!(
            reason.as_str().contains("unknown validator: the beacon chain"),
            "{reason}"
        );
        assert!(reason.as_str().contains("in its own words"), "{reason}");
        assert_eq!(case_status(&world.state, CASE), CaseStatus::Attention);
        let end = world.now + 300_000;
        is_silent_until(&mut world, end);
        world.restart();
    }
    // still unknown to the last checks: set aside again, and the approval is kept
    world.outside.no_validator = true;
    world.retry();
    world.settle();
    assert!(
        matches!(world.case().step, Step::Halted { .. }),
        "{:?}",
        world.case().step
    );
    world.outside.no_validator = false;
    world.retry();
    assert_eq!(world.until_offered(), action);
    world.answer(&[ExitAnswer::Accepted], ExitStanding::Delivered);
    assert_eq!(world.approvals(ActionKind::BroadcastExit), 1);
}

#[test]
fn an_exit_set_aside_that_gets_into_a_block_all_the_same_is_followed() {
    let (mut world, action) = Scene::publishing();
    world.answer(&[ExitAnswer::UnknownIndex], ExitStanding::UnknownIndex);
    world.is(ValidatorPhase::Exiting);
    world.pass(10_000);
    world.settle();
    assert_eq!(world.case().step, Step::Follow);
    assert_eq!(*world.action(action), ActionState::Done);
}

#[test]
fn other_refusals_are_offered_again_with_growing_pauses_and_not_for_ever() {
    let (mut world, action) = Scene::publishing();
    for round in 0..2 {
        let mut pauses = Vec::new();
        for n in 1..=REFUSALS {
            let offered = world.now;
            world.answer(
                &[ExitAnswer::Other, ExitAnswer::BadSignature],
                ExitStanding::Refused,
            );
            assert_eq!(world.case().offers.refusals, n);
            if n == REFUSALS {
                break;
            }
            if n == 3 {
                // silence in between does not start the count anew
                world.until_offered();
                world.answer(&[ExitAnswer::NoAnswer], ExitStanding::Unheard);
                world.restart();
            }
            assert_eq!(world.until_offered(), action, "round {round}");
            pauses.push(world.now - offered);
        }
        let growing = pauses
            .windows(2)
            .enumerate()
            .all(|(n, two)| n == 1 || n == 2 || two[0] < two[1]);
        assert!(growing, "{pauses:?}");
        assert!(pauses[0] >= 6_000 && pauses[6] >= 64 * 6_000, "{pauses:?}");
        let Step::Halted { reason, .. } = &world.case().step else {
            panic!("{:?}", world.case().step);
        };
        assert!(reason.as_str().contains("8 times in a row"), "{reason}");
        let end = world.now + 2_000_000;
        is_silent_until(&mut world, end);
        // the approval is old by now: what is offered again is asked for again, by the same rule
        world.restart();
        let before = world.now;
        world.retry();
        if round == 0 {
            let next = world.until_offered();
            assert_eq!(next, action);
            assert!(world.now - before < 10_000, "a retry offers it at once");
        }
    }
}

/// The journal is told of flips ever more seldom, and a refusal counts all the same.
#[test]
fn refusals_after_many_answers_to_and_fro_are_counted_and_stop_the_case() {
    let (mut world, _) = Scene::publishing();
    for n in 0..60 {
        match n % 2 {
            0 => world.answer(&[ExitAnswer::Accepted], ExitStanding::Delivered),
            _ => world.answer(&[ExitAnswer::Other], ExitStanding::Refused),
        };
        world.until_offered();
    }
    world.answer(&[ExitAnswer::Accepted], ExitStanding::Delivered);
    let mut pauses = Vec::new();
    for n in 1..=REFUSALS {
        let offered = world.now;
        world.until_offered();
        pauses.push(world.now - offered);
        assert!(!matches!(world.case().step, Step::Halted { .. }), "after {n}");
        world.answer(&[ExitAnswer::Other], ExitStanding::Refused);
    }
    let Step::Halted { reason, .. } = &world.case().step else {
        panic!("{:?}", world.case().step);
    };
    assert!(reason.as_str().contains("8 times in a row"), "{reason}");
    assert_eq!(world.case().offers.standing, Some(ExitStanding::Refused));
    assert!(pauses[2..].windows(2).all(|two| two[0] < two[1]), "{pauses:?}");
}

#[test]
fn answers_that_come_too_late_change_nothing() {
    for late in [
        bad(),
        ExitStanding::UnknownIndex,
        ExitStanding::Refused,
        ExitStanding::Delivered,
    ] {
        let (mut world, action) = Scene::publishing();
        world.answer(&[ExitAnswer::Accepted], ExitStanding::Delivered);
        world.until_offered();
        world.is(ValidatorPhase::Exiting);
        world.pass(5_000);
        world.settle();
        assert_eq!(world.case().step, Step::Follow);
        world.answer(&[ExitAnswer::Other], late.clone());
        assert_eq!(world.case().step, Step::Follow, "{late:?}");
        assert_eq!(*world.action(action), ActionState::Done, "{late:?}");
        world.restart();
        assert_eq!(world.case().step, Step::Follow, "{late:?}");
    }
}
