//! Journals whose decisions are right, and others.

use super::*;
use crate::oracle::{ActionKind, CeremonyPayload, Payload};
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
        Decider::Person { name, uid, signed },
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
    let records = [
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
    ];
    let entries = (1..).zip(records).map(|(seq, record)| Entry {
        seq,
        format: 2,
        at: UnixMillis(10),
        kind: record.kind().to_owned(),
        body: serde_json::to_string(&record).unwrap(),
        hash: Root::default(),
    });
    audit(&entries.collect::<Vec<_>>())
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
