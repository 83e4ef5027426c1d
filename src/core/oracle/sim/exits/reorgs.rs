//! Exits whose block a reorganisation dropped, and exits that were under way before their case was.

use super::scene::{CASE, KEY, Scene};
use crate::oracle::*;

/// The block with the exit is gone.
fn taken_back(world: &mut Scene) {
    world.is(ValidatorPhase::Active);
    world.pass(60_000);
    world.settle();
}

#[test]
fn an_exit_that_a_reorganisation_dropped_is_offered_again_under_its_approval() {
    let (mut world, action) = Scene::publishing();
    let offer = |world: &mut Scene| {
        world.answer(&[ExitAnswer::Accepted], ExitStanding::Delivered);
        world.is(ValidatorPhase::Exiting);
        world.pass(60_000);
        world.settle();
        assert_eq!(world.case().step, Step::Follow);
    };
    offer(&mut world);
    for restarts in [false, true] {
        taken_back(&mut world);
        if restarts {
            world.restart();
        }
        assert_eq!(world.case().step, Step::Execute(action));
        assert_eq!(*world.action(action), ActionState::Executing);
        assert_eq!(world.offering(), Some(action), "at once");
        offer(&mut world);
    }
    assert_eq!(world.outside.offers.len(), 3);
    let roots: std::collections::BTreeSet<_> = world.outside.offers.iter().map(|o| o.1).collect();
    assert_eq!(roots.len(), 1, "the same exit each time");
    assert_eq!(world.approvals(ActionKind::BroadcastExit), 1);
    world.is(ValidatorPhase::Withdrawn);
    world.pass(60_000);
    world.settle();
    assert!(world.case().is_closed(), "{:?}", world.case().step);
}

#[test]
fn a_verdict_that_comes_late_does_not_bring_a_followed_exit_back() {
    let (mut world, action) = Scene::publishing();
    world.is(ValidatorPhase::Exiting);
    world.pass(60_000);
    world.settle();
    // the state was read while a node still hung
    world.input(Input::ValidatorSeen {
        case: CASE,
        validator: KEY,
        seen: Some(Sighting {
            phase: ValidatorPhase::Exiting,
            since: None,
            index: Some(4),
            by_state: Forecast::default(),
            by_rules: None,
        }),
    });
    assert_eq!(world.case().step, Step::Follow);
    world.answer(&[ExitAnswer::Accepted], ExitStanding::Delivered);
    assert_eq!(world.case().step, Step::Follow);
    assert_ne!(*world.action(action), ActionState::Executing);
    world.pass(60_000);
    assert_eq!(world.offering(), None, "it is in a block already");
}

#[test]
fn an_exit_that_was_under_way_before_is_followed_to_its_end_or_begun_anew() {
    let mut world = Scene::exiting_already();
    assert_eq!(world.case().step, Step::Follow);
    assert_eq!(world.case().validator(), Some(KEY));
    world.restart();
    let mut dropped = Scene::exiting_already();
    taken_back(&mut dropped);
    dropped.until_offered();
    assert!(world.outside.offers.is_empty());
    world.is(ValidatorPhase::Withdrawn);
    world.pass(60_000);
    world.settle();
    assert!(world.case().is_closed(), "{:?}", world.case().step);
}
