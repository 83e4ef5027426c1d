//! What is tried again by itself, at what cost, and how often.

use alloy::primitives::U256;

use super::*;

/// A sent deposit that somebody else's call before it in its block made revert; `fee` is what it cost, wei.
fn overtaken(action: ActionId, fee: u64) -> Record {
    let Record::TransactionStatus { action, mut status } = status(action, false) else {
        unreachable!("it is one")
    };
    if let NonceStatus::Included {
        overtaken,
        fee_paid_wei,
        ..
    } = &mut status
    {
        (*overtaken, *fee_paid_wei) = (true, U256::from(fee));
    }
    Record::TransactionStatus { action, status }
}

/// In mode auto, a deposit whose effect is prepared next; what the desk is asked for, and what comes of its proposal.
fn decided(life: &mut Life, max_attempts: u32, max_fee: u64) -> (U256, Option<Decider>) {
    let mut settings = settings();
    settings.policy.rules[0].max_attempts = max_attempts;
    settings.policy.rules[0].max_fee_wei = Some(U256::from(max_fee));
    life.state.settings = settings;
    let asked = life.wake().effects.into_iter().find_map(|effect| match effect {
        Effect::Prepare { purpose, draft, .. } => match *draft {
            Draft::SendDeposit(draft) => Some((purpose, draft)),
            _ => None,
        },
        _ => None,
    });
    let (purpose, draft) = asked.expect("the desk is asked");
    let mut fresh = proposal(ActionKind::SendDeposit);
    if let Payload::Transaction(payload) = &mut fresh.payload {
        payload.fee_ceiling_wei -= draft.spent_wei;
    }
    let prepared = Input::Prepared {
        case: life.id,
        purpose,
        outcome: Prepared::Proposal(Box::new(fresh)),
    };
    life.input(prepared);
    let Step::DecideEffect(action) = life.case().step else {
        panic!("{:?}", life.case().step);
    };
    let decision = life.state.actions[&action].decision.clone();
    (draft.spent_wei, decision.map(|decision| decision.decider))
}

fn newest(life: &Life) -> ActionId {
    *life
        .state
        .actions
        .range(ActionId::all_of(life.id))
        .next_back()
        .unwrap()
        .0
}

#[test]
fn what_was_overtaken_is_another_action_that_a_rule_decides_anew_under_one_ceiling() {
    // the ceiling of the payload is 1,000
    for (max_attempts, max_fee, passes) in [(2, 1_000, true), (1, 1_000, false), (2, 999, false)] {
        let mut life = Life::until(RequestKind::Deposit, Moment::Sent);
        let first = newest(&life);
        life.record(overtaken(first, 40));
        assert_eq!(life.case().step, Step::PlanEffect);
        assert!(matches!(
            life.state.actions[&first].state,
            ActionState::Failed { .. }
        ));
        let (spent, decider) = decided(&mut life, max_attempts, max_fee);
        assert_eq!(spent, U256::from(40));
        assert_eq!(
            matches!(decider, Some(Decider::Rule { .. })),
            passes,
            "{max_attempts} {max_fee}: {decider:?}"
        );
        assert_ne!(newest(&life), first, "a new action");
    }
}

#[test]
fn what_is_overtaken_again_and_again_or_dearly_waits_for_a_person_who_has_the_whole_ceiling() {
    let halted = |life: &Life| matches!(life.case().step, Step::Halted { .. });
    let mut life = Life::until(RequestKind::Deposit, Moment::Sent);
    let action = newest(&life);
    for last in [false, false, true] {
        life.record(overtaken(action, 1));
        assert_eq!(halted(&life), last);
    }
    assert_eq!(life.case().overtaken.times, 3);
    life.command(Command::Retry(life.id)).unwrap();
    assert_eq!(life.case().overtaken, Overtaken::default());
    // what is left would not pay for another
    let mut dear = Life::until(RequestKind::Deposit, Moment::Sent);
    let action = newest(&dear);
    dear.record(overtaken(action, 400));
    assert!(halted(&dear));
}

#[test]
fn what_a_run_keeps_of_a_case_does_not_grow_with_ceremonies_that_started_nothing() {
    let mut life = Life::until(RequestKind::Deposit, Moment::CeremonyProposed);
    for n in 0..100 {
        let action = newest(&life);
        let request = RequestId([n; 24]);
        let live = &mut life.state.volatile;
        live.inspected_at.insert(action, (1, UnixMillis(1)));
        live.accounted.insert(EffectKey::Ceremony(request));
        live.looks.insert(request, 1);
        let (role, plan) = (CeremonyRole::Main, plan_of(ActionKind::Keygen));
        life.record(started(life.id, request, Some(action), role, 1, plan));
        let failure = CeremonyFailure {
            kind: FailureKind::NotStarted,
            ..lost()
        };
        life.record(Record::CeremonyFailed {
            request,
            failure,
            transcript: None,
        });
        let proposal = life.state.actions[&action].proposal.clone();
        let number = action.number + 1;
        let action = ActionId { number, ..action };
        life.record(Record::ActionProposed {
            action,
            digest: proposal.digest(action),
            proposal: Box::new(proposal),
        });
        let live = &life.state.volatile;
        let kept = [live.inspected_at.len(), live.accounted.len(), live.looks.len()];
        assert!(kept.iter().sum::<usize>() <= 3, "{n}: {kept:?}");
    }
}

#[test]
fn a_ceremony_that_started_nothing_costs_no_attempt_and_no_approval_and_is_tried_after_growing_pauses() {
    let not_started = |request| Record::CeremonyFailed {
        request,
        failure: CeremonyFailure {
            kind: FailureKind::NotStarted,
            ..lost()
        },
        transcript: None,
    };
    let mut life = Life::until(RequestKind::Deposit, Moment::CeremonyProposed);
    let action = newest(&life);
    let decision = Decision::alone(
        Verdict::Approve,
        Decider::Rule { name: "all".into() },
        UnixMillis(1),
        life.state.actions[&action].digest,
    );
    life.record(Record::Decided { action, decision });
    assert_eq!(life.state.rule_uses.len(), 1);
    let request = RequestId([9; 24]);
    let plan = plan_of(ActionKind::Keygen);
    life.record(started(
        life.id,
        request,
        Some(action),
        CeremonyRole::Main,
        1,
        plan,
    ));
    life.record(not_started(request));
    let case = life.case();
    assert_eq!((case.attempts, case.unstarted), (0, 1));
    assert_eq!(case.step, Step::PlanCeremony);
    assert!(
        life.state.rule_uses.is_empty(),
        "the rule's day has its approval back"
    );

    // of a registration it costs no attempt either
    let mut life = Life::until(RequestKind::Deposit, Moment::RegistrationRuns);
    life.record(not_started(RequestId([2; 24])));
    assert_eq!((life.case().registration_attempts, life.case().unstarted), (0, 1));
    let pauses: Vec<_> = [1, 2, 3, 30].map(advance::idle_pause).to_vec();
    assert_eq!(pauses, [5_000, 10_000, 20_000, 300_000]);
}
