//! Another committee where the present one is proven guilty or absent, or SSV refuses it: by a person, or by a rule as
//! often as it may.

use super::*;
use crate::oracle::ways::refusals::REFUSED_FOR;

const REFUSES: &str = "it would revert: OperatorDoesNotExist()";

/// Mode auto, with a rule that may try so often and choose so many other committees.
fn by_rule(life: &mut Life, max_attempts: u32, other_committees: u32) {
    let mut settings = settings();
    let rule = &mut settings.policy.rules[0];
    (rule.max_attempts, rule.other_committees) = (max_attempts, other_committees);
    life.state.settings = settings;
}

/// A ceremony of operators 1 to 4 that fails for operator 2, and the same committee proposed again.
fn fails_and_is_proposed_again(life: &mut Life, attempt: u8) {
    fails_and_is_proposed_with(life, attempt, Vec::new());
}

fn fails_and_is_proposed_with(life: &mut Life, attempt: u8, checks: Vec<Check>) {
    let request = RequestId([40 + attempt; 24]);
    let kind = life.case().kind().ceremony();
    let plan = plan_of(kind);
    let main = CeremonyRole::Main;
    life.record(started(life.id, request, None, main, attempt.into(), plan));
    life.record(Record::CeremonyFailed {
        request,
        failure: CeremonyFailure {
            kind: FailureKind::Timeout,
            culprits: vec![OperatorId(2)],
            reason: "operator 2 sent nothing".into(),
            ..lost()
        },
        transcript: None,
    });
    let action = ActionId {
        case: life.id,
        number: life.case().actions + 1,
    };
    let proposal = Proposal {
        checks,
        ..proposal(kind)
    };
    life.record(Record::ActionProposed {
        action,
        digest: proposal.digest(action),
        proposal: Box::new(proposal),
    });
}

/// By whom another committee was chosen.
fn chosen(output: &Output) -> Vec<(&str, bool)> {
    let redone = output.records.iter().filter_map(|record| match record {
        Record::KeyRedone { by, is_by_rule, .. } => Some((by.as_str(), *is_by_rule)),
        _ => None,
    });
    redone.collect()
}

fn fixed() -> Vec<OperatorId> {
    (1..=4).map(OperatorId).collect()
}

#[test]
fn a_committee_that_is_proposed_again_after_it_failed_for_a_member_leads_to_the_choices() {
    let mut life = Life::until(RequestKind::Deposit, Moment::CeremonyProposed);
    let refused = life.command(Command::RedoKey(life.id)).unwrap_err();
    assert!(
        matches!(&refused, Refusal::NotNow(why) if why.as_str().contains("nothing stands against its committee")),
        "{refused:?}"
    );
    fails_and_is_proposed_again(&mut life, 1);
    let redo = life.way(Way::RedoKey);
    assert_eq!(
        (redo.can, redo.why.as_str(), redo.costs.as_str()),
        (
            Ok(()),
            "operator 2 is proven guilty or absent, and proposed again: operator 2 sent nothing",
            "nothing: there is no key yet, and what is proposed is void"
        )
    );
    for way in [Way::Decide, Way::GiveUp] {
        assert_eq!(life.way(way).can, Ok(()), "{way:?} is another choice");
    }
    life.command(Command::RedoKey(life.id)).unwrap();
    let case = life.case();
    assert_eq!(case.step, Step::PlanCeremony);
    assert_eq!(case.spent, BTreeSet::from([fixed()]));
    assert_eq!(case.avoid, BTreeSet::from([OperatorId(2)]));
    assert_eq!(case.counted_attempts(), 0, "its attempts begin anew");
    assert!(life.state.condemned.is_empty(), "there was no key");
    life.shadow.restart(&life.state);
}

#[test]
fn a_key_whose_operators_fail_its_registration_names_them() {
    let mut life = Life::until(RequestKind::Deposit, Moment::RegistrationFails);
    let reason = SafeText::new("the SSV registration could not be signed: nobody knows of it");
    life.record(Record::CaseHalted {
        case: life.id,
        reason,
    });
    let redo = life.way(Way::RedoKey);
    assert!(
        redo.why
            .starts_with("operator 2 is proven guilty or absent, and this key cannot go on without"),
        "{redo:?}"
    );
    by_rule(&mut life, 3, 1);
    let output = life.wake();
    assert_eq!(chosen(&output), [("rule all", true)]);
    let reason = life.state.condemned[&KEY].as_str();
    assert!(
        reason.ends_with("operator 2 is proven guilty or absent"),
        "{reason}"
    );
    assert_eq!(life.case().spent, BTreeSet::from([fixed()]));
}

#[test]
fn a_rule_chooses_other_committees_once_its_attempts_are_used_up_and_as_often_as_it_may() {
    let mut life = Life::until(RequestKind::Deposit, Moment::Opened);
    by_rule(&mut life, 2, 1);
    fails_and_is_proposed_again(&mut life, 1);
    assert_eq!(chosen(&life.wake()), [], "one more attempt is allowed");
    fails_and_is_proposed_again(&mut life, 2);
    let output = life.wake();
    assert_eq!(chosen(&output), [("rule all", true)]);
    assert_eq!(life.case().spent, BTreeSet::from([fixed()]));
    for attempt in [3, 4] {
        fails_and_is_proposed_again(&mut life, attempt);
        assert_eq!(chosen(&life.wake()), []);
    }
    let why = life.state.waiting_reason(life.id).unwrap();
    assert!(why.as_str().contains("attempt 3 is over its 2"), "{why}");
    let redo = life.way(Way::RedoKey);
    assert!(
        redo.can.is_ok()
            && redo
                .why
                .ends_with("a rule chose 1 other committee for it already"),
        "a person can all the same: {redo:?}"
    );
    life.shadow.restart(&life.state);
}

/// Whose validator has its key has no other committee make one, and is told all the same who fails, and what leads on.
#[test]
fn a_reshare_and_an_exit_say_who_failed_and_is_in_it_again() {
    for (kind, leads_on) in [
        (RequestKind::Reshare, "other operators can be chosen for it"),
        (
            RequestKind::Exit,
            "a reshare hands the key to others, where too few are left",
        ),
    ] {
        let mut life = Life::until(kind, Moment::Opened);
        fails_and_is_proposed_again(&mut life, 1);
        let decide = life.way(Way::Decide);
        let words = "operator 2 is proven guilty or absent in the last attempt, and in it again";
        assert!(
            decide.why.contains(words) && decide.why.ends_with(leads_on),
            "{decide:?}"
        );
        let shown = ways(&life.state, life.case()).on;
        assert!(shown.iter().all(|on| on.way != Way::RedoKey), "{shown:?}");
        by_rule(&mut life, 1, 1);
        assert_eq!(chosen(&life.wake()), []);
    }
}

/// An attempt that cannot begin is never used up: whoever stays away for ten minutes after a ceremony failed for it is
/// absent.
#[test]
fn a_rule_chooses_others_for_whom_a_ceremony_failed_and_who_stays_away() {
    let away = || vec![Check::fail("operators-reachable", "operator 2: nobody listens")];
    let fits = || vec![Check::fail("pool-ready", "not listed")];
    for (checks, chooses) in [(away(), true), (fits(), false)] {
        let mut life = Life::until(RequestKind::Deposit, Moment::Opened);
        by_rule(&mut life, 3, 1);
        fails_and_is_proposed_with(&mut life, 1, checks);
        assert_eq!(chosen(&life.wake()), [], "its node may be restarted");
        life.now += 600_000;
        let by: &[(&str, bool)] = if chooses { &[("rule all", true)] } else { &[] };
        assert_eq!(chosen(&life.wake()), by);
    }
}

/// What the desk finds where SSV refuses the committee: by two endpoints at one block, or by one.
fn refuses(by_two: bool) -> Vec<Check> {
    let said = match by_two {
        true => Check::fail(SSV_OPERATORS, REFUSES),
        false => Check::unknown(SSV_OPERATORS, REFUSES),
    };
    vec![Check::fail("simulation", REFUSES), said]
}

/// So many blocks later the desk looks at the newest action again.
fn looks_again(life: &mut Life, blocks: u64, checks: Vec<Check>) -> Output {
    let head = life.facts.head.unwrap().number + blocks;
    life.facts.head = Some(block(head));
    life.look(1_000);
    let action = ActionId {
        case: life.id,
        number: life.case().actions,
    };
    let outcome = Prepared::Proposal(Box::new(Proposal {
        checks,
        ..proposal(ActionKind::SendDeposit)
    }));
    let (case, purpose) = (life.id, Purpose::Refresh(action));
    life.input(Input::Prepared {
        case,
        purpose,
        outcome,
    })
    .0
}

/// A deposit whose key was made, and what the desk proposes to send.
fn proposes(life: &mut Life, checks: Vec<Check>) -> Output {
    life.wake();
    let outcome = Prepared::Proposal(Box::new(Proposal {
        checks,
        ..proposal(ActionKind::SendDeposit)
    }));
    let prepared = Input::Prepared {
        case: life.id,
        purpose: Purpose::Propose,
        outcome,
    };
    life.input(prepared).0
}

#[test]
fn a_rule_has_another_key_made_where_ssv_refuses_and_only_while_it_does() {
    for (others, by) in [(0, vec![]), (1, vec![("rule all", true)])] {
        let mut life = Life::until(RequestKind::Deposit, Moment::Registered);
        by_rule(&mut life, 3, others);
        let output = proposes(&mut life, refuses(true));
        assert_eq!(chosen(&output), [], "it was said once");
        let output = looks_again(&mut life, REFUSED_FOR - 1, refuses(true));
        assert_eq!(chosen(&output), [], "not for long yet");
        let output = looks_again(&mut life, 1, refuses(true));
        assert_eq!(chosen(&output), by, "{others}");
        assert_eq!(life.state.condemned.contains_key(&KEY), others == 1);
    }
    // whoever takes the committee in between begins anew, and what one endpoint says alone is a person's affair
    for (between, ends_it) in [
        (vec![Check::fail("balance", "0 ETH")], true),
        (refuses(false), false),
    ] {
        let mut life = Life::until(RequestKind::Deposit, Moment::Registered);
        by_rule(&mut life, 3, 1);
        proposes(&mut life, refuses(true));
        looks_again(&mut life, 2, between);
        let output = looks_again(&mut life, REFUSED_FOR, refuses(true));
        let by: &[(&str, bool)] = if ends_it { &[] } else { &[("rule all", true)] };
        assert_eq!(chosen(&output), by);
    }
    let mut life = Life::until(RequestKind::Deposit, Moment::Registered);
    by_rule(&mut life, 3, 1);
    proposes(&mut life, refuses(false));
    let output = looks_again(&mut life, 2 * REFUSED_FOR, refuses(false));
    assert_eq!(chosen(&output), []);
    assert!(life.state.condemned.is_empty());
    // a check that only says the words is none that two endpoints made
    let words = || vec![Check::fail("simulation", REFUSES)];
    let mut life = Life::until(RequestKind::Deposit, Moment::Registered);
    by_rule(&mut life, 3, 1);
    proposes(&mut life, words());
    assert_eq!(chosen(&looks_again(&mut life, 2 * REFUSED_FOR, words())), []);
    // any other check that fails is waited for
    let mut life = Life::until(RequestKind::Deposit, Moment::Registered);
    by_rule(&mut life, 3, 1);
    let output = proposes(&mut life, vec![Check::fail("balance", "0 ETH")]);
    assert_eq!(chosen(&output), []);
    // it reverted, a person took it up again, and SSV takes it now
    let mut life = Life::until(RequestKind::Deposit, Moment::Sent);
    let action = ActionId {
        case: life.id,
        number: 2,
    };
    life.record(status(action, false));
    life.command(Command::Retry(life.id)).unwrap();
    by_rule(&mut life, 3, 1);
    let output = proposes(&mut life, Vec::new());
    assert_eq!(chosen(&output), []);
    assert!(life.state.condemned.is_empty());
}

/// What SSV said in a block may be one endpoint's reading of it: the desk tries again, and a rule goes by that.
#[test]
fn what_ssv_refused_in_a_block_gives_a_key_up_once_two_endpoints_say_so_for_long() {
    let mut life = Life::until(RequestKind::Deposit, Moment::Sent);
    let (case, purpose) = (life.id, Purpose::Propose);
    let action = ActionId { case, number: 2 };
    life.record(status(action, false));
    by_rule(&mut life, 3, 1);
    let is_asked = |output: &Output| output.effects.iter().any(|e| matches!(e, Effect::Prepare { .. }));
    let answered = |life: &mut Life| {
        let outcome = Prepared::Proposal(Box::new(Proposal {
            checks: refuses(true),
            ..proposal(ActionKind::SendDeposit)
        }));
        let prepared = Input::Prepared {
            case,
            purpose,
            outcome,
        };
        life.input(prepared).0
    };
    let output = life.wake();
    assert_eq!(chosen(&output), [], "by the words of a block alone");
    assert!(is_asked(&output));
    assert_eq!(chosen(&answered(&mut life)), []);
    life.facts.head = Some(block(10 + REFUSED_FOR));
    assert!(is_asked(&life.look(120_000)));
    assert_eq!(chosen(&answered(&mut life)), [("rule all", true)]);
    assert!(life.state.condemned.contains_key(&KEY));
}

/// A person who rejects has looked at it.
#[test]
fn what_a_person_rejected_is_left_to_people() {
    let mut life = Life::until(RequestKind::Deposit, Moment::Registered);
    by_rule(&mut life, 3, 0);
    proposes(&mut life, vec![Check::fail("simulation", REFUSES)]);
    let action = ActionId {
        case: life.id,
        number: 2,
    };
    let digest = life.state.actions[&action].digest;
    let reason = SafeText::new("OperatorDoesNotExist: I ask them first");
    life.command(Command::Reject {
        action,
        digest,
        reason,
    })
    .unwrap();
    by_rule(&mut life, 3, 1);
    assert_eq!(chosen(&life.wake()), []);
    assert!(matches!(life.case().step, Step::Halted { .. }));
}

#[test]
fn nothing_is_chosen_in_another_mode_under_a_pause_or_without_sight_of_the_chain() {
    for hold in ["supervised", "paused", "lost"] {
        let mut life = Life::until(RequestKind::Deposit, Moment::Opened);
        by_rule(&mut life, 1, 1);
        fails_and_is_proposed_again(&mut life, 1);
        match hold {
            "supervised" => life.state.settings.mode = Mode::Supervised,
            "paused" => life.record(Record::Paused {
                case: None,
                by: "ann".into(),
            }),
            _ => drop(life.input(Input::Sight(Reach::Lost))),
        }
        assert_eq!(chosen(&life.wake()), [], "{hold}");
    }
}
