//! A way on from everywhere, and what each leaves behind.

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::oracle::fixture::{block, lost, proposal, settings};
use crate::oracle::*;
use crate::types::*;

mod again;
mod committees;
mod life;
mod observed;

use life::{KEY, Life, Moment, POOL, everywhere, name_of, plan_of, started, status, verified};

#[test]
fn from_every_state_there_is_a_way_on_or_it_says_what_it_waits_for() {
    for kind in cases::ALL {
        let mut seen = BTreeSet::new();
        everywhere(kind, |words, life| {
            seen.insert(name_of(&life.case().step));
            let found = ways(&life.state, life.case());
            let goes = found.on.iter().any(|on| on.can.is_ok());
            match &life.case().step {
                Step::Closed { .. } => assert_eq!(found, Ways::default(), "{words}: it is at its end"),
                Step::Halted { .. } => assert!(goes, "{words}: {found:?}"),
                step => assert!(goes || found.awaits.is_some(), "{words} ({step:?}): {found:?}"),
            }
            for on in &found.on {
                assert!(!on.why.is_empty() && !on.costs.is_empty(), "{words}: {on:?}");
            }
            if life.give_up().is_ok() {
                let found = ways(&life.state, life.case());
                assert!(
                    found.on.iter().any(|on| on.way == Way::Retry && on.can.is_ok()),
                    "{words}: {found:?}"
                );
            }
        });
        let all: BTreeSet<_> = match kind {
            RequestKind::Exit => [].into(),
            _ => ["register", "registering"].into(),
        };
        let all: BTreeSet<_> = all
            .into_iter()
            .chain((kind == RequestKind::Deposit).then_some("await-turn"))
            .chain([
                "plan-ceremony",
                "decide-ceremony",
                "run-ceremony",
                "plan-effect",
                "decide-effect",
            ])
            .chain(["execute", "follow", "halted", "closed"])
            .collect();
        assert_eq!(
            all.difference(&seen).count(),
            0,
            "{kind} was not everywhere: {seen:?}"
        );
    }
}

#[test]
fn what_may_take_effect_is_not_given_up() {
    for kind in cases::ALL {
        for moment in Moment::ALL {
            let mut life = Life::until(kind, moment);
            let flies = match moment {
                Moment::CeremonyRuns => Some("runs: wait until it has ended"),
                Moment::CeremonyDoubtful => Some("is unknown: declare it lost first"),
                Moment::RegistrationRuns if kind != RequestKind::Exit => Some("runs: wait until"),
                Moment::Sent if kind == RequestKind::Exit => Some("can be in a block at any time"),
                Moment::Sent => Some("with nonce 7 may still take effect"),
                Moment::Final => Some("its validator is followed"),
                _ => None,
            };
            let before = life.state.durable().clone();
            let shown = life.way(Way::GiveUp).can;
            let answer = life.give_up();
            match (flies, answer) {
                (None, Ok(_)) => {
                    let outcome = "given up by ann: filled by mistake".into();
                    assert_eq!(life.case().step, Step::Closed { outcome }, "{kind} at {moment:?}");
                }
                (Some(what), Err(Refusal::NotNow(why))) => {
                    assert!(why.as_str().contains(what), "{kind} at {moment:?}: {why}");
                    // what a screen shows is what the command is refused with
                    assert_eq!(shown, Err(why.to_string()));
                    if moment != Moment::Final {
                        assert!(
                            *life.state.durable() == before,
                            "{kind} at {moment:?}: something is recorded"
                        );
                    }
                }
                (flies, answer) => panic!("{kind} at {moment:?}: {flies:?}, {answer:?}"),
            }
        }
    }
}

#[test]
fn a_case_that_was_given_up_is_taken_up_again_by_a_person_alone() {
    let mut life = Life::until(RequestKind::Deposit, Moment::EffectProposed);
    life.wake();
    let said = life.give_up().unwrap();
    assert!(
        said.as_str().contains("cannot skip pool 3: 2 deposits behind it"),
        "{said}"
    );
    assert!(life.state.condemned.contains_key(&KEY), "its key is never used");
    assert!(matches!(
        life.state.actions[&ActionId {
            case: life.id,
            number: 2
        }]
            .state,
        ActionState::Void { .. }
    ));
    // the contract goes on listing it, and asks for it again
    for _ in 0..2 {
        let output = life.restart();
        assert!(
            !output.effects.iter().any(|e| e.case() == life.id),
            "nothing of it is done: {:?}",
            output.effects
        );
        let number = 10 + life.facts.head.unwrap().number;
        life.facts.head = Some(block(number));
        life.input(Input::Facts(Box::new(life.facts.clone())));
        let log = LogRef {
            block: block(number),
            transaction: Root([1; 32]),
            index: 0,
        };
        let kind = RequestKind::Deposit;
        life.input(Input::Requested {
            leaving: None,
            kind,
            pool: POOL,
            log,
        });
        assert!(life.case().given_up && life.case().is_closed());
        assert_eq!(case_status(&life.state, life.id), CaseStatus::GivenUp);
        assert!(is_held(&life.state, life.case()), "it stays in view");
    }
    let twice = life.give_up().unwrap_err();
    assert!(
        matches!(&twice, Refusal::NotNow(why) if why.as_str().contains("given up by ann")),
        "{twice:?}"
    );

    let said = life.command(Command::Retry(life.id)).unwrap();
    assert!(
        said.as_str().ends_with("from its keygen, which is proposed anew"),
        "{said}"
    );
    let case = life.case();
    assert_eq!(
        (&case.step, &case.keygen, case.given_up),
        (&Step::PlanCeremony, &None, false)
    );
    assert!(life.state.condemned.contains_key(&KEY), "and stays condemned");
    life.shadow.restart(&life.state);
}

#[test]
fn what_waits_behind_a_case_that_was_given_up_says_so() {
    let mut life = Life::until(RequestKind::Deposit, Moment::CeremonyDone);
    life.give_up().unwrap();
    let first = another_with_a_key(&mut life);
    life.wake();
    let says = life.state.waiting_reason(life.id).unwrap().as_str();
    assert!(says.contains(&format!("{first} was given up")), "{says}");
}

/// Goes on with the deposit of pool 4, which has a key; the case so far.
fn another_with_a_key(life: &mut Life) -> CaseId {
    let first = std::mem::replace(&mut life.id, "deposit/4".parse().unwrap());
    let cause = Cause::State { block: block(9) };
    life.record(Record::CaseOpened { case: life.id, cause });
    let plan = plan_of(ActionKind::Keygen);
    life.record(started(
        life.id,
        RequestId([9; 24]),
        None,
        CeremonyRole::Main,
        1,
        plan.clone(),
    ));
    let mut made = verified(RequestId([9; 24]), plan);
    if let Record::CeremonyVerified {
        result: CeremonyResult::Keygen(output),
        ..
    } = &mut made
    {
        output.validator = BlsPublicKey([6; 48]);
    }
    life.record(made);
    first
}

fn begins_its_registration(output: &Output, id: CaseId) -> bool {
    let registers = |record: &Record| matches!(record, Record::CeremonyStarted { case, role: CeremonyRole::Registration, .. } if *case == id);
    output.records.iter().any(registers)
}

#[test]
fn a_deposit_that_names_its_pool_waits_for_nobody_ahead() {
    for given_up in [false, true] {
        let mut life = Life::until(RequestKind::Deposit, Moment::CeremonyDone);
        life.state.settings.deposit_order = DepositOrder::ById;
        if given_up {
            let answer = life.give_up().unwrap();
            assert!(
                !answer.as_str().contains("queue"),
                "nothing is behind it: {answer}"
            );
        }
        another_with_a_key(&mut life);
        let output = life.wake();
        assert!(begins_its_registration(&output, life.id), "{:?}", output.records);
        assert_eq!(place_in_line(&life.state, life.id), 0);
    }
}

/// SSV's contract would take both, and its nodes only the first.
#[test]
fn a_deposit_that_names_its_pool_waits_while_another_one_takes_its_registration_nonce() {
    let mut life = Life::until(RequestKind::Deposit, Moment::Sent);
    life.state.settings.deposit_order = DepositOrder::ById;
    let first = another_with_a_key(&mut life);
    let output = life.wake();
    assert!(!begins_its_registration(&output, life.id));
    let says = life.state.waiting_reason(life.id).unwrap().as_str();
    assert!(
        says.starts_with(&format!("waits until the transaction of {first}")),
        "{says}"
    );
    life.record(status(
        ActionId {
            case: first,
            number: 2,
        },
        true,
    ));
    let included = life.wake();
    assert!(
        begins_its_registration(&included, life.id),
        "{:?}",
        included.records
    );
}

#[test]
fn a_validator_keeps_its_key_when_its_case_is_given_up() {
    for kind in [RequestKind::Reshare, RequestKind::Exit] {
        let mut life = Life::until(kind, Moment::Registered);
        life.give_up().unwrap();
        assert_eq!(life.state.condemned, BTreeMap::new(), "{kind}");
        life.command(Command::Retry(life.id)).unwrap();
        assert_eq!(
            life.case().step,
            Step::PlanEffect,
            "{kind}: what was made is there"
        );
    }
    // of two reshares the newer one is the one to go on with
    let mut life = Life::until(RequestKind::Reshare, Moment::Registered);
    life.wake();
    life.give_up().unwrap();
    life.command(Command::Reshare(POOL)).unwrap();
    let refused = life.command(Command::Retry(life.id)).unwrap_err();
    assert!(
        matches!(&refused, Refusal::NotNow(why) if why.as_str().starts_with("reshare/3.1 came after")),
        "{refused:?}"
    );
}

#[test]
fn another_committee_makes_another_key_while_nothing_was_sent_with_the_first() {
    for moment in Moment::ALL {
        let mut life = Life::until(RequestKind::Deposit, moment);
        let answer = life.command(Command::RedoKey(life.id));
        let possible = (Moment::CeremonyDone..=Moment::EffectProposed).contains(&moment)
            && moment != Moment::RegistrationRuns;
        assert_eq!(answer.is_ok(), possible, "{moment:?}: {answer:?}");
        if !possible {
            continue;
        }
        let case = life.case();
        let before: BTreeSet<Vec<OperatorId>> = [(1..=4).map(OperatorId).collect()].into();
        assert_eq!(
            (&case.step, &case.spent),
            (&Step::PlanCeremony, &before),
            "{moment:?}"
        );
        assert_eq!(
            (&case.keygen, &case.registration, case.ceremony),
            (&None, &None, None)
        );
        assert!(life.state.condemned.contains_key(&KEY), "{moment:?}");
        let asked = life.restart();
        let spent = asked.effects.iter().find_map(|effect| match effect {
            Effect::Prepare { draft, .. } => match &**draft {
                Draft::Keygen(draft) => Some(draft.wanted.spent.clone()),
                _ => None,
            },
            _ => None,
        });
        assert_eq!(
            spent,
            Some(before.into_iter().collect()),
            "{moment:?}: a key generation is prepared"
        );
    }
    for kind in [RequestKind::Reshare, RequestKind::Exit] {
        let mut life = Life::until(kind, Moment::Registered);
        let refused = life.command(Command::RedoKey(life.id)).unwrap_err();
        assert!(
            matches!(&refused, Refusal::NotNow(why) if why.as_str().contains("makes no key")),
            "{refused:?}"
        );
    }
}

#[test]
fn a_key_is_redone_once_its_transaction_is_known_to_have_failed() {
    let mut life = Life::until(RequestKind::Deposit, Moment::Sent);
    let action = ActionId {
        case: life.id,
        number: 2,
    };
    // its nonce may still be used by what was signed
    for status in [
        NonceStatus::Pending,
        NonceStatus::Missing,
        NonceStatus::Replaced {
            by: None,
            is_final: false,
        },
    ] {
        life.record(Record::TransactionStatus { action, status });
        let refused = life.command(Command::RedoKey(life.id)).unwrap_err();
        assert!(
            matches!(&refused, Refusal::NotNow(why) if why.as_str().contains("nonce 7")),
            "{refused:?}"
        );
    }
    life.record(status(action, false));
    assert!(matches!(life.case().step, Step::Halted { .. }));
    // the page says why it fails, and what helps
    let redo = life.way(Way::RedoKey);
    let why = "SSV refuses what these operators made: an operator has reached its limit of validators";
    assert!(redo.can.is_ok() && redo.why.starts_with(why), "{redo:?}");
    assert!(life.way(Way::Retry).why.contains("until that changes there"));
    let said = life.command(Command::Retry(life.id)).unwrap();
    assert!(said.as_str().contains("only another key helps"), "{said}");
    assert!(
        said.as_str().contains("taken up again from its send-deposit"),
        "{said}"
    );
    // and it says so still when the same comes back
    let third = ActionId { number: 3, ..action };
    let mut proposal = proposal(ActionKind::SendDeposit);
    proposal.checks = vec![Check::fail(
        "simulation",
        "it would revert: OperatorDoesNotExist()",
    )];
    life.record(Record::ActionProposed {
        action: third,
        digest: proposal.digest(third),
        proposal: Box::new(proposal),
    });
    let redo = life.way(Way::RedoKey);
    assert!(
        redo.why.contains("an operator is not at SSV any more"),
        "{redo:?}"
    );
    // to wait is a way, too
    let awaits = ways(&life.state, life.case()).awaits.unwrap();
    for words in [
        "an operator is not at SSV any more",
        "it is looked at in each block; you are told when SSV takes it",
    ] {
        assert!(awaits.contains(words), "{awaits}");
    }
    life.command(Command::RedoKey(life.id)).unwrap();
    assert_eq!(life.case().step, Step::PlanCeremony);
    life.shadow.restart(&life.state);
}

/// To wait at SSV is a way: the case is looked at by itself, taken up when SSV takes it, and a bounded number of times.
#[test]
fn what_ssv_refused_in_a_block_is_taken_up_by_itself_when_ssv_would_take_it() {
    let mut life = Life::until(RequestKind::Deposit, Moment::Sent);
    let tried = |check: Check| {
        let mut proposal = proposal(ActionKind::SendDeposit);
        proposal.checks = vec![check];
        Prepared::Proposal(Box::new(proposal))
    };
    let refuses = || {
        tried(Check::fail(
            "simulation",
            "it would revert: ExceedValidatorLimit()",
        ))
    };
    let silent = || tried(Check::unknown("simulation", "no endpoint answers"));
    let takes = || tried(Check::pass("simulation", "it would be taken"));
    let deposit =
        |e: &Effect| matches!(e, Effect::Prepare { draft, .. } if draft.kind() == ActionKind::SendDeposit);
    let asked = |life: &mut Life, later: u64| life.look(later).effects.iter().any(deposit);
    let answer = |life: &mut Life, outcome| {
        let (case, purpose) = (life.id, Purpose::Propose);
        let told = life.input(Input::Prepared {
            case,
            purpose,
            outcome,
        });
        told.0.records
    };
    life.record(status(
        ActionId {
            case: life.id,
            number: 2,
        },
        false,
    ));
    let awaits = ways(&life.state, life.case()).awaits.unwrap();
    for words in [
        "an operator has reached its limit of validators",
        "you are told, when SSV takes it",
    ] {
        assert!(awaits.contains(words), "{awaits}");
    }
    assert!(life.wake().effects.iter().any(deposit), "the desk is asked");
    assert_eq!(answer(&mut life, refuses()), []);
    assert!(!asked(&mut life, 1_000), "not at every look");
    assert!(asked(&mut life, 120_000));
    assert_eq!(
        answer(&mut life, silent()),
        [],
        "nobody knows whether it would be taken"
    );
    assert!(asked(&mut life, 120_000));
    assert!(matches!(life.case().step, Step::Halted { .. }));
    let records = answer(&mut life, takes());
    let [
        Record::CaseRetried { by, .. },
        Record::ActionProposed { action, .. },
        ..,
    ] = &records[..]
    else {
        panic!("{records:?}");
    };
    assert!(by.as_str().contains("SSV would take it now"), "{by}");
    assert!(matches!(life.case().step, Step::DecideEffect(id) if id == *action));
}

#[test]
fn a_deposit_that_was_asked_for_with_the_old_key_is_not_proposed() {
    let mut life = Life::until(RequestKind::Deposit, Moment::Registered);
    let asked = life.wake().effects;
    let deposit =
        |e: &Effect| matches!(e, Effect::Prepare { draft, .. } if draft.kind() == ActionKind::SendDeposit);
    assert!(asked.iter().any(deposit), "the desk is at it: {asked:?}");
    life.command(Command::RedoKey(life.id)).unwrap();
    let late = Input::Prepared {
        case: life.id,
        purpose: Purpose::Propose,
        outcome: Prepared::Proposal(Box::new(proposal(ActionKind::SendDeposit))),
    };
    let records = life.input(late).0.records;
    assert_eq!(records, [], "it is dropped");
    // the same for what was given up while the desk was at it
    let mut life = Life::until(RequestKind::Exit, Moment::Registered);
    life.wake();
    life.give_up().unwrap();
    for outcome in [
        Prepared::Refused("no".into()),
        Prepared::AlreadySo {
            phase: ValidatorPhase::Exiting,
            validator: KEY,
        },
    ] {
        let (case, purpose) = (life.id, Purpose::Propose);
        let records = life
            .input(Input::Prepared {
                case,
                purpose,
                outcome,
            })
            .0
            .records;
        assert_eq!(records, []);
    }
}

#[test]
fn an_exit_is_opened_by_hand_and_stays_open() {
    let mut life = Life::new(RequestKind::Exit);
    let refused = |life: &mut Life| match life.command(Command::RequestExit(POOL)).unwrap_err() {
        Refusal::NotNow(why) => why.to_string(),
        other => panic!("{other:?}"),
    };
    let not_staked = std::mem::take(&mut life.facts.staked);
    life.wake();
    assert!(refused(&mut life).contains("not staked"));
    life.facts.staked = not_staked;
    life.wake();
    life.command(Command::RequestExit(POOL)).unwrap();
    assert!(matches!(&life.case().cause, Cause::Manual { by, .. } if by.as_str() == "ann"));
    assert_eq!(refused(&mut life), "exit/3 is open already");
    let asked = life.restart();
    let opened_by = asked.effects.iter().find_map(|effect| match effect {
        Effect::Prepare { draft, .. } => match &**draft {
            Draft::SignExit(draft) => draft.opened_by.clone(),
            _ => None,
        },
        _ => None,
    });
    assert_eq!(opened_by, Some("ann".into()), "the desk is told who wants it");
    assert!(!life.case().is_closed() && !life.case().orphaned);

    life.give_up().unwrap();
    assert_eq!(
        refused(&mut life),
        "exit/3 was given up: take it up again instead"
    );
    life.command(Command::Retry(life.id)).unwrap();
    life.record(Record::ValidatorPhaseSeen {
        case: life.id,
        phase: ValidatorPhase::Exited,
        since: None,
        validator: None,
    });
    life.record(Record::CaseClosed {
        case: life.id,
        outcome: "it has left".into(),
    });
    // a beacon node may have lied, and the contract still has the pool
    life.command(Command::RequestExit(POOL)).unwrap();
    assert_eq!(refused(&mut life), "exit/3.1 is open already");
}

#[test]
fn a_reason_is_needed_and_observers_give_nothing_up() {
    let mut life = Life::opened(RequestKind::Deposit);
    let blank = SafeText::new("  ");
    let refused = life.command(Command::GiveUp {
        case: life.id,
        reason: blank,
    });
    assert!(matches!(&refused, Err(Refusal::NotNow(why)) if why.as_str().contains("a reason is needed")));
    life.state.settings.mode = Mode::Observe;
    for command in [
        Command::GiveUp {
            case: life.id,
            reason: "no".into(),
        },
        Command::RedoKey(life.id),
        Command::RequestExit(POOL),
    ] {
        assert!(matches!(life.command(command), Err(Refusal::Mode(_))));
    }
}
