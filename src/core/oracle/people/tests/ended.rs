//! How approvals end that do not count, and what is said of it to whoever looks at the action next.

use super::*;

const ADA: (&str, u32) = ("ada", 1000);
const BOB: (&str, u32) = ("bob", 1001);

/// It takes two people, and a check of it passes.
fn of_two() -> Life {
    let mut life = Life::begin(of_keygens());
    life.refresh(vec![Check::pass("pool-ready", "so")]);
    life
}

fn lose_the_chain(life: &mut Life) {
    life.input(Input::Sight(Reach::Lost));
    life.wait(1);
}

/// Endpoints answer again, and say that.
fn come_back(life: &mut Life, now: Check) {
    life.input(Input::Sight(Reach::Followed));
    life.checks = vec![now];
    life.wait(15_000);
    while life.prepare().is_some() {}
}

fn take_back(life: &mut Life) -> Result<SafeText, Refusal> {
    let command = Command::TakeBack(life.action().id);
    let by = "carol".into();
    life.input(Input::Command { by, command }).unwrap()
}

/// What is said of approvals of the action that ended.
fn ended(life: &Life) -> Vec<String> {
    let ended = life.state.approvals_ended(life.action().id);
    ended.iter().map(ToString::to_string).collect()
}

/// Whose approvals are said to have ended, and why.
fn assert_ended(life: &Life, wanted: &[(&str, &str)]) {
    let ended = ended(life);
    assert_eq!(ended.len(), wanted.len(), "{ended:?}");
    for ((whose, why), words) in wanted.iter().zip(&ended) {
        assert!(
            words.starts_with(&format!("the approval by {whose} ended at ")),
            "{words}"
        );
        assert!(words.ends_with(why), "{words}");
    }
}

#[test]
fn taking_back_what_waits_beside_a_first_approval_takes_both_back() {
    let mut life = of_two();
    life.approve(BOB.0, BOB.1).unwrap();
    lose_the_chain(&mut life);
    life.approve(ADA.0, ADA.1).unwrap();
    let id = life.action().id;
    assert!(life.state.refreshing(id).unwrap().is_enough);
    let said = take_back(&mut life).unwrap();
    assert!(
        said.as_str()
            .starts_with("the approvals of deposit/1#1 by bob and ada are taken back"),
        "{said}"
    );
    let first = &life.state.actions[&id];
    assert!(
        matches!(first.state, ActionState::Void { .. }),
        "{:?}",
        first.state
    );
    let told = life.last("action-voided");
    assert!(told.contains("carol took the approval by bob back"), "{told}");
    come_back(&mut life, Check::pass("pool-ready", "so"));
    assert_ne!(life.action().id, id);
    assert!(
        life.action().endorsements.is_empty(),
        "nothing of it counts for the next"
    );
    life.approve("dan", 1002).unwrap();
    assert_eq!(
        life.action().state,
        ActionState::Proposed,
        "one person alone sends nothing"
    );
}

#[test]
fn a_first_approval_that_counts_is_taken_back_like_any_other() {
    let mut life = of_two();
    life.approve(BOB.0, BOB.1).unwrap();
    let id = life.action().id;
    assert_eq!(crate::oracle::can_take_back(&life.state, id), Ok(()));
    let said = take_back(&mut life).unwrap();
    assert!(
        said.as_str()
            .starts_with("the approval of deposit/1#1 by bob is taken back"),
        "{said}"
    );
    assert!(matches!(life.state.actions[&id].state, ActionState::Void { .. }));
    life.restart();
    life.wait(20_000);
    while life.prepare().is_some() {}
    assert!(life.action().id != id && life.action().endorsements.is_empty());
}

#[test]
fn that_an_approval_ended_is_said_no_more_once_that_person_approved_again() {
    for stale in [false, true] {
        let mut life = of_two();
        lose_the_chain(&mut life);
        life.approve(ADA.0, ADA.1).unwrap();
        take_back(&mut life).unwrap();
        assert_ended(&life, &[("ada", ": carol took it back")]);
        if !stale {
            come_back(&mut life, Check::pass("pool-ready", "so"));
        }
        life.approve(ADA.0, ADA.1).unwrap();
        assert_ended(&life, &[]);
        assert_eq!(life.action().endorsements.len(), usize::from(!stale));
    }
}

#[test]
fn that_one_persons_approval_ended_is_said_whatever_another_person_does() {
    let mut life = of_two();
    lose_the_chain(&mut life);
    life.approve(ADA.0, ADA.1).unwrap();
    life.wait(super::super::super::REFRESHING_FOR_MS + 10);
    let ada = ("ada", "were not made again within 10 min");
    assert_ended(&life, &[ada]);
    life.approve(BOB.0, BOB.1).unwrap();
    assert_ended(&life, &[ada]);
    come_back(&mut life, Check::pass("pool-ready", "so"));
    assert_eq!(life.action().endorsements.len(), 1);
    assert_ended(&life, &[ada]);
}

#[test]
fn approvals_of_two_that_end_at_once_are_each_said_to_have_ended() {
    let mut life = of_two();
    lose_the_chain(&mut life);
    life.approve(ADA.0, ADA.1).unwrap();
    life.approve(BOB.0, BOB.1).unwrap();
    come_back(&mut life, Check::fail("pool-ready", "it is not"));
    assert_ended(&life, &[("ada", "(it is not)"), ("bob", "(it is not)")]);
}

#[test]
fn a_first_approval_of_two_that_is_lost_is_said_to_have_ended() {
    type Lose = (&'static str, fn(&mut Life));

    let expired: Lose = ("expired before a second one came", |life| {
        life.wait(EXPIRES_MS + 1_000)
    });
    let changed: Lose = ("what would leave has changed", |life| {
        life.what = 2;
        life.refresh(vec![Check::pass("pool-ready", "so")]);
    });
    for (why, lose) in [expired, changed] {
        let mut life = of_two();
        life.approve(ADA.0, ADA.1).unwrap();
        lose(&mut life);
        assert!(life.action().endorsements.is_empty(), "{why}");
        assert_ended(&life, &[("ada", why)]);
        life.approve(ADA.0, ADA.1).unwrap();
        assert_ended(&life, &[]);
    }
}

#[test]
fn a_stop_of_the_engine_writes_down_what_it_forgets() {
    let mut life = of_two();
    lose_the_chain(&mut life);
    life.approve(ADA.0, ADA.1).unwrap();
    life.input(Input::Stops);
    let notes = life.journal.iter().filter(|(_, record)| record.kind() == "note");
    let notes: Vec<_> = notes.map(|(_, record)| record.sentence().to_string()).collect();
    let forgets = "the approval of deposit/1#1 by ada counts no more: the engine stopped";
    assert!(notes.iter().any(|note| note.contains(forgets)), "{notes:?}");
}
