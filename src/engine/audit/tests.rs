//! Journals whose decisions are right, and others.

use super::*;
use crate::oracle::{ActionKind, CeremonyPayload, Payload, PeopleRules, Person, TwoPersons};
use crate::secrets::person::PersonSecret;
use crate::types::{
    BackendName, CeremonyPlan, Check, ForkVersion, Nth, OperatorId, Root, Stated, Statement, UnixMillis,
};

fn action() -> ActionId {
    "deposit/3#1".parse().unwrap()
}

fn proposal() -> Proposal {
    Proposal {
        kind: ActionKind::Keygen,
        title: "do it".into(),
        facts: Vec::new(),
        checks: vec![Check::pass("operator-keys", "")],
        payload: Payload::Ceremony(CeremonyPayload {
            plan: CeremonyPlan::Keygen {
                committee: (1..=4).map(OperatorId).collect(),
                threshold: 3,
                withdrawal_credentials: Root([1; 32]),
                fork_version: ForkVersion([0; 4]),
                registration: None,
            },
            backend: BackendName::default(),
            parties: None,
        }),
    }
}

/// Signed by a key of the person's own.
fn by(secret: &PersonSecret, name: &str, change: impl FnOnce(&mut Statement)) -> Decision {
    let digest = proposal().digest(action());
    let mut statement = Statement {
        chain_id: 1,
        manager: Default::default(),
        account: None,
        action: action(),
        proposed_at: Some(UnixMillis(10)),
        digest,
        verdict: Stated::Approve,
        unknown: Vec::new(),
        phrase: None,
        expires: UnixMillis(1_000),
    };
    change(&mut statement);
    let signed = Some(Box::new(secret.sign(statement)));
    let (name, uid) = (name.into(), None);
    Decision::alone(
        Verdict::Approve,
        Decider::Person {
            name,
            uid,
            login: None,
            signed,
        },
        UnixMillis(10),
        digest,
    )
}

fn nth(number: u8, decision: Decision) -> Decision {
    let nth = Some(Nth { number, of: 2 });
    Decision { nth, ..decision }
}

/// What is found in a journal in which these two approve, one after the other.
fn found(first: Decision, second: Decision) -> Audit {
    let (action, proposal) = (action(), proposal());
    audit_of(vec![
        Record::ActionProposed {
            action,
            digest: proposal.digest(action),
            proposal: Box::new(proposal),
        },
        Record::Endorsed {
            action,
            decision: nth(1, first),
        },
        Record::Decided {
            action,
            decision: nth(2, second),
        },
    ])
}

fn audit_of(records: Vec<Record>) -> Audit {
    audit_at(records.into_iter().map(|record| (10, record)))
}

/// Each at its time, ms.
fn audit_at(records: impl IntoIterator<Item = (u64, Record)>) -> Audit {
    let entries = (1..).zip(records).map(|(seq, (at, record))| Entry {
        seq,
        format: 2,
        at: UnixMillis(at),
        kind: record.kind().to_owned(),
        body: serde_json::to_string(&record).unwrap(),
        hash: Root::default(),
    });
    audit(&entries.collect::<Vec<_>>()).unwrap()
}

#[test]
fn two_signatures_are_checked_without_an_engine() {
    let (ada, bob) = (PersonSecret::generate(), PersonSecret::generate());
    let right = found(by(&ada, "Ada", |_| ()), by(&bob, "Bob", |_| ()));
    assert_eq!((right.decisions, right.signatures), (2, 2));
    assert!(right.problems.is_empty(), "{:?}", right.problems);

    let problems = |first, second| {
        let problems = found(first, second).problems;
        let words: Vec<_> = problems
            .iter()
            .map(|(seq, words)| format!("{seq}: {words}"))
            .collect();
        words.join("; ")
    };
    let twice = problems(by(&ada, "Ada", |_| ()), by(&ada, "Ada", |_| ()));
    assert_eq!(twice, "3: Ada approved deposit/3#1 twice");
    let other = problems(
        by(&ada, "Ada", |_| ()),
        by(&bob, "Bob", |s| s.digest = Root([8; 32])),
    );
    assert_eq!(other, "3: the signature of Bob on deposit/3#1 is not right");
    let late = problems(
        by(&ada, "Ada", |s| s.expires = UnixMillis(9)),
        by(&bob, "Bob", |_| ()),
    );
    assert_eq!(late, "2: the signature of Ada on deposit/3#1 is not right");
    let mut forged = by(&bob, "Bob", |_| ());
    if let Decider::Person {
        signed: Some(signed), ..
    } = &mut forged.decider
    {
        signed.signature.0[0] ^= 1;
    }
    let forged = problems(by(&ada, "Ada", |_| ()), forged);
    assert_eq!(forged, "3: the signature of Bob on deposit/3#1 is not right");
}

#[test]
fn what_was_decided_or_left_after_a_signature_expired_is_found() {
    let (ada, bob) = (PersonSecret::generate(), PersonSecret::generate());
    let (action, proposal) = (action(), proposal());
    let CeremonyPayload { plan, backend, .. } = match &proposal.payload {
        Payload::Ceremony(payload) => payload.clone(),
        Payload::Transaction(_) | Payload::Exit(_) => unreachable!("it is a ceremony"),
    };
    let found = |decided_at: u64, started_at: u64| {
        let second = Decision {
            at: UnixMillis(decided_at),
            ..by(&bob, "Bob", |s| s.expires = UnixMillis(2_000))
        };
        let records = [
            Record::ActionProposed {
                action,
                digest: proposal.digest(action),
                proposal: Box::new(proposal.clone()),
            },
            Record::Endorsed {
                action,
                decision: nth(1, by(&ada, "Ada", |_| ())),
            },
            Record::Decided {
                action,
                decision: nth(2, second),
            },
            Record::CeremonyStarted {
                request: crate::types::RequestId([1; 24]),
                case: action.case,
                action: Some(action),
                role: crate::oracle::CeremonyRole::Main,
                attempt: 1,
                plan: plan.clone(),
                backend: backend.clone(),
            },
        ];
        let problems = audit_at([10, 10, decided_at, started_at].into_iter().zip(records)).problems;
        let words = problems.iter().map(|(seq, words)| format!("{seq}: {words}"));
        words.collect::<Vec<_>>().join("; ")
    };
    assert_eq!(found(999, 999), "");
    let left = "4: deposit/3#1 is executed after the signature of Ada expired at 1970-01-01 00:00:01 UTC";
    assert_eq!(found(999, 1_000), left);
    let decided = "3: deposit/3#1 is approved after the signature of Ada expired at 1970-01-01 00:00:01 UTC";
    assert_eq!(found(1_000, 1_001), format!("{decided}; {left}"));
}

#[test]
fn a_decision_on_something_else_than_what_was_proposed_is_found() {
    let ada = PersonSecret::generate();
    let mut other = by(&ada, "Ada", |_| ());
    other.digest = Root([8; 32]);
    other.decider = Decider::person("root (uid 0)");
    let audit = found(by(&ada, "Ada", |_| ()), other);
    assert_eq!(
        audit.problems,
        [(
            3,
            "the decision on deposit/3#1 names another digest than what was proposed".to_owned()
        )]
    );
}

/// The policy demanded two, and by the time of the decision one.
#[test]
fn whoever_was_the_first_of_two_may_decide_alone_where_one_is_enough_by_now() {
    let (ada, other) = (PersonSecret::generate(), PersonSecret::generate());
    let endorsed = Record::Endorsed {
        action: action(),
        decision: nth(1, by(&ada, "Ada", |_| ())),
    };
    let alone = by(&ada, "Ada", |statement| statement.expires = UnixMillis(999));
    let decided = |decision| Record::Decided {
        action: action(),
        decision,
    };
    let problems = audit_of(vec![proposed(), endorsed.clone(), decided(alone)]).problems;
    assert_eq!(problems, []);
    let second = nth(2, by(&other, "Bob", |_| ()));
    let problems = audit_of(vec![proposed(), endorsed, decided(second)]).problems;
    assert_eq!(problems, []);
}

/// What was demanded is in the journal: one who decided alone what takes two, or with a key of nobody, is found.
#[test]
fn a_decision_of_fewer_people_than_were_demanded_then_is_found() {
    let (ada, bob) = (PersonSecret::generate(), PersonSecret::generate());
    let rules = |persons: &[(&str, &PersonSecret)]| {
        let person = |(name, secret): &(&str, &PersonSecret)| Person {
            name: (*name).into(),
            uid: None,
            key: secret.public(),
        };
        Record::PeopleDemanded(PeopleRules {
            two_persons: vec![TwoPersons {
                kinds: vec![ActionKind::Keygen],
                at_least_wei: None,
                personal_keys: false,
            }],
            persons: persons.iter().map(person).collect(),
        })
    };
    let decided = |decision| Record::Decided {
        action: action(),
        decision,
    };
    let why = |records| {
        let problems = audit_of(records).problems;
        problems
            .into_iter()
            .map(|(_, why)| why)
            .collect::<Vec<_>>()
            .join("; ")
    };
    let both = [("Ada", &ada), ("Bob", &bob)];
    let alone = why(vec![rules(&both), proposed(), decided(by(&ada, "Ada", |_| ()))]);
    assert_eq!(
        alone,
        "deposit/3#1 is approved: 2 people must approve keygen, and it was approved by Ada alone"
    );
    assert_eq!(
        why(vec![proposed(), decided(by(&ada, "Ada", |_| ())), rules(&both)]),
        ""
    );
    let endorsed = || Record::Endorsed {
        action: action(),
        decision: nth(1, by(&ada, "Ada", |_| ())),
    };
    let two = |persons: &[(&str, &PersonSecret)]| {
        let second = nth(2, by(&bob, "Bob", |_| ()));
        vec![rules(persons), proposed(), endorsed(), decided(second)]
    };
    assert_eq!(why(two(&both)), "");
    assert!(
        why(two(&both[1..])).contains("the key of nobody in [[person]]"),
        "{}",
        why(two(&both[1..]))
    );
}

#[test]
fn a_signature_that_is_used_again_or_of_another_action_of_that_number_is_found() {
    let (ada, bob) = (PersonSecret::generate(), PersonSecret::generate());
    let earlier = found(
        by(&ada, "Ada", |s| s.proposed_at = Some(UnixMillis(9))),
        by(&bob, "Bob", |_| ()),
    );
    let words = "the signature of Ada on deposit/3#1 is of another action of that number";
    assert_eq!(earlier.problems, [(2, words.to_owned())]);
    let endorsed = || Record::Endorsed {
        action: action(),
        decision: nth(1, by(&ada, "Ada", |_| ())),
    };
    let again = audit_of(vec![
        proposed(),
        endorsed(),
        Record::EndorsementsLost {
            action: action(),
            reason: "it expired".into(),
        },
        endorsed(),
    ]);
    let words = "the signature of Ada on deposit/3#1 was used before";
    assert_eq!(again.problems, [(4, words.to_owned())]);
}

fn proposed() -> Record {
    Record::ActionProposed {
        action: action(),
        digest: proposal().digest(action()),
        proposal: Box::new(proposal()),
    }
}
