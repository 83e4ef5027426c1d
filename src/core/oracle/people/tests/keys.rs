//! Approvals that are signed with keys of their own, and when such a signature counts.

use super::*;

#[test]
fn a_signature_that_expires_while_what_it_approves_is_stale_does_not_count() {
    let mut life = Life::begin(of_keygens());
    life.refresh(vec![Check::pass("pool-ready", "so")]);
    life.input(Input::Sight(Reach::Lost));
    life.wait(1);
    life.approve_signed("bob", 2, |_| {}).unwrap();
    life.input(Input::Sight(Reach::Followed));
    life.wait(10_000);
    life.prepare();
    assert!(life.action().endorsements.is_empty());
    let said = life.last("note");
    assert!(said.contains("the signature of bob expired"), "{said}");
}

/// However long an approval is good by the configuration.
#[test]
fn a_signature_counts_for_nothing_from_the_time_on_that_it_names() {
    // before the second one comes
    let mut life = Life::begin(of_keygens());
    life.approve_signed("ada", 1, |_| ()).unwrap();
    let until = life.action().approved_until(EXPIRES_MS).unwrap();
    life.wait(until.0 - life.now - 2);
    assert_eq!(life.action().endorsements.len(), 1, "a millisecond before");
    life.input(Input::Tick);
    assert!(life.action().endorsements.is_empty());
    let lost = life.last("endorsements-lost");
    assert!(
        lost.contains("the signature of ada expired at 1970-01-01"),
        "{lost}"
    );

    // and at the very moment when the second one comes, without a tick between
    life.approve_signed("ada", 1, |s| s.expires.0 += 1)
        .expect_err("each signature is taken once");
    let mut life = Life::begin(of_keygens());
    life.approve_signed("ada", 1, |_| ()).unwrap();
    life.now += 20_000;
    let said = life.approve("bob", 1001).unwrap();
    assert!(said.as_str().contains("1 of 2"), "{said}");

    // after both, and before it left
    for first_is_signed in [true, false] {
        let mut life = Life::begin(of_keygens());
        if first_is_signed {
            life.approve_signed("ada", 1, |_| ()).unwrap();
            life.approve("bob", 1001).unwrap();
        } else {
            life.approve("bob", 1001).unwrap();
            life.approve_signed("ada", 1, |_| ()).unwrap();
        }
        let id = life.action().id;
        assert_eq!(life.action().state, ActionState::Approved);
        life.restart();
        life.now += 10_000;
        // last checks that were asked for in time come too late
        life.prepare();
        assert!(life.last("ceremony-started").is_empty());
        life.input(Input::Tick);
        let state = life.state.actions[&id].state.clone();
        let ActionState::Void { reason } = state else {
            panic!("{}", state.word())
        };
        assert!(
            reason.as_str().starts_with("the signature of ada expired at"),
            "{reason}"
        );
    }
}

/// A clock that is set back gives it no more time.
#[test]
fn a_signature_expires_by_the_clock_that_says_so_first() {
    let mut life = Life::begin(of_keygens());
    life.approve_signed("ada", 1, |_| ()).unwrap();
    let (at, up_ms) = (UnixMillis(life.now), life.now + 10_000);
    let tick = Stamped {
        at,
        up_ms,
        entropy: [7; 24],
        input: Input::Tick,
    };
    step(&mut life.state, tick);
    assert!(life.action().endorsements.is_empty());
}

#[test]
fn keys_of_their_own_where_they_are_demanded() {
    let two = TwoPersons {
        personal_keys: true,
        ..of_keygens()
    };
    let mut life = Life::begin(two);
    assert!(why(life.approve("root (uid 0)", 0)).contains("each made with a personal key"));
    life.approve_signed("ada", 1, |_| ()).unwrap();
    assert!(why(life.approve_signed("ada", 1, |_| ())).contains("used already"));
    let again = life.approve_signed("ada", 1, |s| s.expires.0 += 1);
    assert!(why(again).contains("used already"), "the same signature");
    assert!(why(life.approve("bob (uid 1001)", 1001)).contains("each made with a personal key"));
    life.restart();
    life.approve_signed("bob", 2, |_| ()).unwrap();
    assert_eq!(life.action().state, ActionState::Approved);
    let said = life.last("decided");
    assert!(
        said.contains("by bob, who signed with key 0x0202") && said.ends_with("2 of 2"),
        "{said}"
    );
}

#[test]
fn a_seat_and_a_key_are_two_people_unless_the_configuration_says_that_they_are_one() {
    let key = |uid| Decider::Person {
        name: "ada".into(),
        uid,
        login: None,
        signed: Some(Box::new(SignedStatement {
            statement: Statement {
                chain_id: 1,
                manager: Default::default(),
                account: None,
                action: "deposit/1#1".parse().unwrap(),
                proposed_at: Some(UnixMillis(0)),
                digest: Root::default(),
                verdict: Stated::Approve,
                unknown: Vec::new(),
                phrase: None,
                expires: UnixMillis(1),
            },
            key: PersonKey([1; 32]),
            signature: PersonSignature([1; 64]),
        })),
    };
    let behind = |uid, login| Decider::Person {
        name: "ada (uid 1000)".into(),
        uid: Some(uid),
        login,
        signed: None,
    };
    let seat = |uid| behind(uid, None);
    assert!(!seat(1000).is_same(&key(None)) && !seat(1001).is_same(&key(Some(1000))));
    assert!(seat(1000).is_same(&key(Some(1000))) && key(None).is_same(&key(Some(1000))));
    // one login that became two users, or one of them
    assert!(behind(1001, Some(1000)).is_same(&behind(1002, Some(1000))));
    assert!(behind(1001, Some(1000)).is_same(&seat(1000)) && seat(1000).is_same(&behind(1001, Some(1000))));
    assert!(behind(1001, Some(1000)).is_same(&key(Some(1000))));
    assert!(!behind(1001, Some(1001)).is_same(&behind(1002, Some(1002))));
    assert!(!behind(1001, Some(1001)).is_same(&seat(1002)));
    let rule = Decider::Rule { name: "ada".into() };
    assert!(!rule.is_same(&rule));
    assert!(Decider::person("ann").is_same(&Decider::person("ann")));
    assert!(!Decider::person("ann").is_same(&Decider::person("bob")));
}

#[test]
fn signatures_that_are_late_early_or_of_something_else_are_refused_by_name() {
    let mut life = Life::begin(of_keygens());
    let late = life.approve_signed("ada", 1, |s| s.expires = UnixMillis(1_000));
    assert!(why(late).contains("of ada expired at 1970-01-01"));
    let long = life.approve_signed("ada", 1, |s| s.expires.0 += LONGEST_MS);
    assert!(why(long).contains("more than 7 days"));
    let other = life.approve_signed("ada", 1, |s| s.digest = Root([8; 32]));
    assert!(why(other).contains("has digest"));
    let none = life.approve_signed("ada", 1, |s| s.action.number = 9);
    assert!(why(none).contains("there is no action deposit/1#9"));
    assert!(life.action().endorsements.is_empty());
}

/// Numbers of actions come again in a journal that was restored, and in one of another engine of the same account.
#[test]
fn a_signature_counts_for_the_action_that_was_shown_and_for_no_other_of_its_number() {
    let mut life = Life::begin(of_keygens());
    for change in [-1_i64, 1] {
        let other = life.approve_signed("ada", 1, |s| {
            let at = s.proposed_at.unwrap().0.checked_add_signed(change);
            s.proposed_at = at.map(UnixMillis);
        });
        let why = why(other);
        assert!(why.contains("it is another one"), "{why}");
    }
    assert!(life.action().endorsements.is_empty());
    life.approve_signed("ada", 1, |_| ()).unwrap();
    assert_eq!(life.action().endorsements.len(), 1);
}

/// Earlier versions took signatures that did not name the time.
#[test]
fn a_signature_under_the_first_text_counts_for_nothing() {
    const WHY: &str = "does not say when the action was proposed";
    let mut life = Life::begin(of_keygens());
    let why = why(life.approve_signed("ada", 1, |s| s.proposed_at = None));
    assert!(why.contains(WHY), "{why}");
    life.approve_signed("ada", 1, |_| ()).unwrap();
    life.restart_with_first_text();
    let said = life.approve("bob (uid 1001)", 1001).unwrap();
    assert!(said.as_str().contains("1 of 2"), "{said}");
    let lost = life.last("endorsements-lost");
    assert!(lost.contains(WHY), "{lost}");

    let mut life = Life::begin(of_keygens());
    life.approve_signed("ada", 1, |_| ()).unwrap();
    life.approve_signed("bob", 2, |_| ()).unwrap();
    life.restart_with_first_text();
    let voided = life.last("action-voided");
    assert!(voided.contains(WHY), "{voided}");
}

#[test]
fn a_first_approval_by_a_key_that_is_nobody_s_any_more_does_not_count() {
    let mut life = Life::begin(of_keygens());
    life.approve_signed("ada", 1, |_| ()).unwrap();
    life.settings.policy.persons.remove(0);
    life.restart();
    let said = life.approve("bob (uid 1001)", 1001).unwrap();
    assert!(said.as_str().contains("1 of 2"), "{said}");
    let lost = life.last("endorsements-lost");
    assert!(
        lost.contains("the key of nobody in [[person]] any more"),
        "{lost}"
    );
}

#[test]
fn a_key_and_a_seat_that_the_configuration_makes_one_person_meanwhile_are_one() {
    let mut life = Life::begin(of_keygens());
    life.approve_signed("ada", 1, |_| ()).unwrap();
    life.settings.policy.persons[0].uid = Some(1000);
    life.restart();
    let again = why(life.approve("ada (uid 1000)", 1000));
    assert!(again.contains("it takes another person"), "{again}");
}
