//! A key that is complete by observation, and lacks its messenger's word alone.

use super::*;

/// What a ceremony says of its result whose messenger died after the last message.
fn without_messenger() -> Vec<Check> {
    vec![
        Check::pass("deposit-signature", "valid"),
        Check::unknown(
            "result-source",
            "the messenger gave no result; taken from the operators' signed outputs as observed",
        ),
    ]
}

/// A deposit with a registered key that was made so, in mode auto with a rule that lets these checks be unknown.
fn made(unknown_ok: &[&str]) -> Life {
    let mut life = Life::opened(RequestKind::Deposit);
    for mut record in life.course(Moment::Registered) {
        if let Record::CeremonyVerified {
            result: CeremonyResult::Keygen(_),
            checks,
            ..
        } = &mut record
        {
            *checks = without_messenger();
        }
        life.record(record);
    }
    let mut settings = settings();
    settings.policy.rules[0].unknown_ok = unknown_ok.iter().map(|name| (*name).to_owned()).collect();
    life.state.settings = settings;
    life
}

/// Answers what the desk is asked, with the checks of the ceremony as they are handed over; what is done then.
fn desk_answers(life: &mut Life, effects: &[Effect]) -> Output {
    let asked = effects.iter().find_map(|effect| match effect {
        Effect::Prepare { purpose, draft, .. } => match &**draft {
            Draft::SendDeposit(draft) => Some((*purpose, draft.ceremony_checks.clone())),
            _ => None,
        },
        _ => None,
    });
    let (purpose, checks) = asked.expect("the desk is asked");
    let outcome = Prepared::Proposal(Box::new(Proposal {
        checks,
        ..proposal(ActionKind::SendDeposit)
    }));
    let case = life.id;
    life.input(Input::Prepared {
        case,
        purpose,
        outcome,
    })
    .0
}

#[test]
fn a_key_without_its_messengers_word_waits_for_a_person_unless_a_rule_lets_it_pass() {
    let mut life = made(&[]);
    let asked = life.wake();
    desk_answers(&mut life, &asked.effects);
    let why = life.state.waiting_reason(life.id).unwrap();
    assert_eq!(
        why.as_str(),
        "waits for a person: rule all: unknown checks: result-source"
    );

    let mut life = made(&["result-source"]);
    life.facts.account = Some(AccountFacts {
        address: Default::default(),
        next: 0,
        pending: 0,
        balance_wei: Default::default(),
        is_open: false,
    });
    let asked = life.wake();
    let decided = desk_answers(&mut life, &asked.effects);
    let by_rule = |record: &Record| matches!(record, Record::Decided { decision, .. } if matches!(decision.decider, Decider::Rule { .. }));
    assert!(decided.records.iter().any(by_rule), "{:?}", decided.records);
    // the last checks say the same, and it leaves
    let left = desk_answers(&mut life, &decided.effects);
    let signs = |effect: &Effect| matches!(effect, Effect::Sign { .. });
    assert!(left.effects.iter().any(signs), "{:?}", left.effects);
}
