//! Journals as they were recorded, and the same with one thing changed: as whoever writes a whole journal anew can.

use std::fs;
use std::path::{Path, PathBuf};

use alloy::primitives::Bytes;
use serde_json::Value;

use super::*;
use crate::engine::audit::audit;
use crate::oracle::{ActionKind, Decision, PeopleRules, TwoPersons, Verdict};
use crate::ports::tx_signer::UnsignedTransaction;
use crate::signer::OracleSigner;
use crate::types::SafeText;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/journals")
}

type Records = Vec<(UnixMillis, Record)>;

fn recorded(name: &str) -> Records {
    // a journal writes beside itself, and a vector stays what it is
    let scratch = tempfile::tempdir().unwrap();
    let copy = scratch.path().join("j.sqlite");
    fs::copy(folder().join(name), &copy).unwrap();
    let (_, entries) = crate::journal::verify(&copy).unwrap();
    let read = |entry: &Entry| (entry.at, Record::read(&entry.kind, &entry.body).unwrap());
    entries.iter().map(read).collect()
}

/// Two deposits, a reshare and an exit to their ends.
fn whole() -> Records {
    recorded("format-2/closed.sqlite")
}

/// What is found, each with the number of its record.
fn found(records: &Records) -> Vec<String> {
    let entries = (1..).zip(records).map(|(seq, (at, record))| Entry {
        seq,
        format: 2,
        at: *at,
        kind: record.kind().to_owned(),
        body: serde_json::to_string(record).unwrap(),
        hash: Root::default(),
    });
    let audit = audit(&entries.collect::<Vec<_>>()).unwrap();
    let words = audit
        .problems
        .iter()
        .map(|(seq, words)| format!("{seq}: {words}"));
    words.collect()
}

/// The place of the first record that is so.
fn place(records: &Records, is: impl Fn(&Record) -> bool) -> usize {
    records.iter().position(|(_, record)| is(record)).unwrap()
}

fn id(text: &str) -> ActionId {
    text.parse().unwrap()
}

fn is_decision(of: ActionId) -> impl Fn(&Record) -> bool {
    move |record| matches!(record, Record::Decided { action, .. } if *action == of)
}

fn is_signed(of: ActionId) -> impl Fn(&Record) -> bool {
    move |record| matches!(record, Record::TransactionSigned { action, .. } if *action == of)
}

#[test]
fn every_recorded_journal_is_clean() {
    for name in [
        "format-1/waiting.sqlite",
        "format-1/approved.sqlite",
        "format-1/signed.sqlite",
        "format-1/closed.sqlite",
        "format-2/waiting.sqlite",
        "format-2/closed.sqlite",
    ] {
        assert_eq!(found(&recorded(name)), Vec::<String>::new(), "{name}");
    }
}

/// The bytes of simulated transactions are none, and no signatures of simulated people.
#[test]
fn nothing_leaves_without_an_approval_in_a_simulated_life() {
    let mut lives = vec![recorded("format-2/life.sqlite")];
    for file in fs::read_dir(folder().join("lives")).unwrap() {
        let text = fs::read_to_string(file.unwrap().path()).unwrap();
        let record = |line: &str| {
            let line: Value = serde_json::from_str(line).unwrap();
            let kind = line["body"]["record"].as_str().unwrap();
            let record = Record::read(kind, &line["body"].to_string()).unwrap();
            (UnixMillis(line["at"].as_u64().unwrap()), record)
        };
        lives.push(text.lines().map(record).collect());
    }
    for life in &lives {
        let mut problems = found(life);
        let simulated = ["not an EIP-2718 transaction", " is not right"];
        problems.retain(|words| !simulated.iter().any(|end| words.ends_with(end)));
        assert_eq!(problems, Vec::<String>::new());
    }
}

#[test]
fn what_left_without_a_decision_is_found_wherever_it_left() {
    let kinds = ["decided", "endorsed"];
    let mut records = whole();
    records.retain(|(_, record)| !kinds.contains(&record.kind()));
    let problems = found(&records);
    let left = |kind: &str| records.iter().filter(|(_, record)| record.kind() == kind).count();
    let of = |words: &str| problems.iter().filter(|found| found.contains(words)).count();
    // each deposit and reshare also has a registration, which was approved with its ceremony
    assert_eq!(of("its ceremony is started, and it waits for a decision"), 4);
    assert_eq!(
        of("its transaction is signed, and it waits for a decision"),
        left("transaction-signed")
    );
    assert_eq!(
        of("its exit is published, and it waits for a decision"),
        left("exit-published")
    );
    assert_eq!(
        problems.len(),
        4 + left("transaction-signed") + left("exit-published")
    );
    // without what was proposed, nobody was even asked
    records.retain(|(_, record)| record.kind() != "action-proposed");
    assert!(
        found(&records)
            .iter()
            .all(|words| words.ends_with("and nobody approved it")),
        "{:?}",
        found(&records)
    );
    // nor is anything known of what no record signed or started
    records.retain(|(_, record)| !matches!(record.kind(), "transaction-signed" | "ceremony-started"));
    let problems = found(&records);
    for words in [
        "and no record started it",
        "is out, and no record says that it was signed",
    ] {
        assert!(
            problems.iter().any(|found| found.contains(words)),
            "{words}: {problems:?}"
        );
    }
}

#[test]
fn an_approval_that_was_taken_back_or_refused_lets_nothing_leave() {
    let action = id("deposit/1#2");
    let mut records = whole();
    let decided = place(&records, is_decision(action));
    let (at, signed) = (records[decided].0, place(&records, is_signed(action)) + 2);
    let reason = SafeText::new("ann took the approval back before anything left");
    records.insert(decided + 1, (at, Record::ActionVoided { action, reason }));
    let words = "deposit/1#2: its transaction is signed, and its approval was void since record";
    assert_eq!(found(&records), [format!("{signed}: {words} {}", decided + 2)]);

    let mut records = whole();
    let Record::Decided { decision, .. } = &mut records[decided].1 else {
        unreachable!()
    };
    let reason = SafeText::new("no");
    decision.verdict = Verdict::Reject { reason };
    let words = "deposit/1#2: its transaction is signed, and nobody approved it";
    assert_eq!(found(&records), [format!("{}: {words}", signed - 1)]);
}

/// An exit that is being offered when its approval ends is told all the same, for as long as a node may take to answer.
#[test]
fn what_was_under_way_when_its_approval_ended_is_no_finding() {
    let action = id("exit/2#2");
    let mut records = whole();
    let decided = place(&records, is_decision(action));
    let reason = SafeText::new("the signature of ann expired");
    let at = records[decided].0;
    records.insert(decided + 1, (at, Record::ActionVoided { action, reason }));
    assert_eq!(found(&records), Vec::<String>::new());
    records[decided + 1].0 = UnixMillis(0);
    assert!(found(&records)[0].contains("its exit is published, and its approval was void since record"));
}

#[test]
fn a_plan_that_is_not_the_one_that_was_approved_is_found() {
    let mut records = whole();
    let started = place(&records, |record| {
        matches!(record, Record::CeremonyStarted { .. })
    });
    let Record::CeremonyStarted { plan, action, .. } = &mut records[started].1 else {
        unreachable!()
    };
    let action = action.unwrap();
    if let CeremonyPlan::Keygen {
        withdrawal_credentials,
        ..
    } = plan
    {
        withdrawal_credentials.0[31] ^= 1;
    }
    let words = "the ceremony that is started is not the one that was approved";
    assert_eq!(found(&records), [format!("{}: {action}: {words}", started + 1)]);

    let mut records = whole();
    let Record::CeremonyStarted { action, case, .. } = &mut records[started].1 else {
        unreachable!()
    };
    let case = {
        *action = None;
        *case
    };
    let words = format!("a ceremony of {case} is started under no approval");
    assert_eq!(found(&records), [format!("{}: {words}", started + 1)]);

    let mut records = whole();
    let (at, mut again) = records[started].clone();
    if let Record::CeremonyStarted { request, .. } = &mut again {
        request.0[0] ^= 1;
    }
    records.insert(started + 1, (at, again));
    assert!(found(&records)[0].contains("a second ceremony is started under one approval"));
}

#[test]
fn a_registration_signs_with_the_key_of_its_case_and_nothing_else() {
    let is_one = |record: &Record| {
        matches!(
            record,
            Record::CeremonyStarted {
                role: CeremonyRole::Registration,
                ..
            }
        )
    };
    let changed = |change: fn(&mut CeremonyPlan)| {
        let mut records = whole();
        let started = place(&records, is_one);
        let Record::CeremonyStarted { plan, .. } = &mut records[started].1 else {
            unreachable!()
        };
        change(plan);
        found(&records).join("; ")
    };
    let another = changed(|plan| {
        if let CeremonyPlan::Sign { validator, .. } = plan {
            validator.0[47] ^= 1;
        }
    });
    assert!(
        another.contains("no ceremony of its case gave the key to those who sign"),
        "{another}"
    );
    let root = changed(|plan| {
        if let CeremonyPlan::Sign { signing_root, .. } = plan {
            signing_root.0[0] ^= 1;
        }
    });
    assert!(root.contains("that is not that of what its plan says"), "{root}");
}

#[test]
fn an_exit_that_no_ceremony_of_its_case_signed_is_found() {
    let mut records = whole();
    let verified = place(&records, |record| {
        let is = |result: &CeremonyResult| matches!(result, CeremonyResult::Sign { .. });
        matches!(record, Record::CeremonyVerified { result, .. } if is(result))
    });
    // the exit's is the last one
    let verified = verified.max(
        records
            .iter()
            .rposition(|(_, r)| r.kind() == "ceremony-verified")
            .unwrap(),
    );
    if let Record::CeremonyVerified {
        result: CeremonyResult::Sign { signature },
        ..
    } = &mut records[verified].1
    {
        signature.0[95] ^= 1;
    }
    let problems = found(&records).join("; ");
    assert!(
        problems.contains("its exit is published, and no ceremony of exit/2 signed that exit"),
        "{problems}"
    );
}

#[test]
fn a_proposal_whose_digest_is_of_something_else_is_found() {
    let action = id("deposit/1#2");
    let mut records = whole();
    let proposed = place(
        &records,
        |record| matches!(record, Record::ActionProposed { action: of, .. } if *of == action),
    );
    if let Record::ActionProposed { digest, .. } = &mut records[proposed].1 {
        digest.0[0] ^= 1;
    }
    let words = "deposit/1#2 is proposed under a digest that is not of what would leave";
    assert_eq!(found(&records), [format!("{}: {words}", proposed + 1)]);
}

#[test]
fn more_people_than_approved_are_missed_when_it_leaves() {
    let action = id("deposit/1#2");
    let mut records = whole();
    let decided = place(&records, is_decision(action));
    let rules = PeopleRules {
        two_persons: vec![TwoPersons {
            kinds: vec![ActionKind::SendDeposit],
            at_least_wei: None,
            personal_keys: false,
        }],
        persons: Vec::new(),
    };
    // so long before it leaves that nothing was under way any more
    for (at, _) in records.iter_mut().skip(decided + 1) {
        *at = at.plus(UNDER_WAY);
    }
    records.insert(decided + 1, (records[decided].0, Record::PeopleDemanded(rules)));
    let problems = found(&records);
    let words = "deposit/1#2: its transaction is signed, and by now 2 people must approve send-deposit";
    assert!(problems[0].contains(words), "{problems:?}");
}

/// The same journal, with a key of ours: what it signs can be signed again. `change` is made to what is signed.
struct Signing {
    records: Records,
    signer: OracleSigner,
    action: ActionId,
}

impl Signing {
    fn new() -> Self {
        let (signer, action) = (OracleSigner::random(), id("deposit/1#2"));
        let mut records = whole();
        let mut named = Root::default();
        for (_, record) in &mut records {
            match record {
                Record::ActionProposed {
                    action: of,
                    proposal,
                    digest,
                }
                | Record::ActionChanged {
                    action: of,
                    proposal,
                    digest,
                } if *of == action => {
                    if let Payload::Transaction(payload) = &mut proposal.payload {
                        payload.from = signer.address();
                    }
                    *digest = proposal.digest(action);
                    named = *digest;
                }
                Record::Decided { action: of, decision } if *of == action => decision.digest = named,
                _ => {}
            }
        }
        // what the chain says of it is of other bytes
        records.retain(|(_, record)| {
            !matches!(record, Record::TransactionAccepted { action: of, .. } | Record::TransactionStatus { action: of, .. } if *of == action)
        });
        Self {
            records,
            signer,
            action,
        }
    }

    async fn signed(&self, change: impl FnOnce(&mut UnsignedTransaction)) -> SignedTransaction {
        let payload = self.records.iter().find_map(|(_, record)| match record {
            Record::ActionProposed { action, proposal, .. } if *action == self.action => {
                match &proposal.payload {
                    Payload::Transaction(payload) => Some(payload.clone()),
                    _ => None,
                }
            }
            _ => None,
        });
        let payload = payload.unwrap();
        let at = place(&self.records, is_signed(self.action));
        let Record::TransactionSigned { transaction, .. } = &self.records[at].1 else {
            unreachable!()
        };
        let mut unsigned = UnsignedTransaction {
            chain_id: payload.chain_id,
            from: self.signer.address(),
            to: payload.to,
            value_wei: payload.value_wei,
            data: payload.data,
            nonce: transaction.nonce,
            gas_limit: transaction.gas_limit,
            max_fee_wei: transaction.max_fee_wei.to(),
            priority_fee_wei: transaction.priority_fee_wei.to(),
        };
        change(&mut unsigned);
        unsigned.sign(&self.signer).await.unwrap()
    }

    /// What is found where these are signed, one after the other.
    fn found(&self, versions: Vec<SignedTransaction>) -> String {
        let mut records = self.records.clone();
        let at = place(&records, is_signed(self.action));
        let (time, _) = records.remove(at);
        for transaction in versions.into_iter().rev() {
            let action = self.action;
            records.insert(at, (time, Record::TransactionSigned { action, transaction }));
        }
        found(&records).join("; ")
    }
}

#[tokio::test]
async fn what_is_signed_is_what_was_approved_and_a_dearer_version_of_it_is_too() {
    let signing = Signing::new();
    let first = signing.signed(|_| ()).await;
    assert_eq!(signing.found(vec![first.clone()]), "");
    let dearer = signing.signed(|tx| tx.max_fee_wei += 1).await;
    assert_eq!(signing.found(vec![first.clone(), dearer]), "");
    let next = signing.signed(|tx| tx.nonce += 40).await;
    let two = signing.found(vec![first.clone(), next]);
    assert!(two.contains("is signed beside the one with nonce"), "{two}");
    let what = "deposit/1#2: what was signed is not what was approved: ";
    for (other, words) in [
        (
            signing.signed(|tx| tx.to = Address::repeat_byte(9)).await,
            "another contract",
        ),
        (
            signing.signed(|tx| tx.value_wei = U256::ONE).await,
            "another value",
        ),
        (
            signing
                .signed(|tx| tx.data = Bytes::from_static(&[1, 2, 3]))
                .await,
            "another calldata",
        ),
        (signing.signed(|tx| tx.chain_id += 1).await, "another chain"),
        (
            signing.signed(|tx| tx.max_fee_wei <<= 40).await,
            "over the ceiling of",
        ),
    ] {
        let problems = signing.found(vec![other]);
        assert!(
            problems.contains(what) && problems.contains(words),
            "{words}: {problems}"
        );
    }
    // a stranger's key, and numbers beside bytes that say something else
    let mut stranger = Signing::new().signed(|_| ()).await;
    assert!(signing.found(vec![stranger.clone()]).contains("another sender"));
    stranger = SignedTransaction {
        gas_limit: 1,
        ..first
    };
    assert!(signing.found(vec![stranger]).contains("another gas limit"));
}

#[tokio::test]
async fn one_nonce_is_signed_for_one_action() {
    let signing = Signing::new();
    let first = signing.signed(|_| ()).await;
    let records = signing.records.clone();
    // the account's other transactions are of another key here, so its own is signed for another action
    let mut twin = records.clone();
    let (action, other) = (signing.action, id("deposit/1#9"));
    let of_it = |record: &Record| match record {
        Record::ActionProposed {
            action: of, proposal, ..
        } if *of == action => Some(Record::ActionProposed {
            action: other,
            digest: proposal.digest(other),
            proposal: proposal.clone(),
        }),
        Record::Decided { action: of, decision } if *of == action => Some(Record::Decided {
            action: other,
            decision: Decision {
                digest: Root::default(),
                ..decision.clone()
            },
        }),
        Record::TransactionSigned { action: of, .. } if *of == action => Some(Record::TransactionSigned {
            action: other,
            transaction: first.clone(),
        }),
        _ => None,
    };
    let mut copies: Vec<_> = records
        .iter()
        .filter_map(|(at, record)| Some((*at, of_it(record)?)))
        .collect();
    let digest = match &copies[0].1 {
        Record::ActionProposed { digest, .. } => *digest,
        _ => unreachable!("it is proposed first"),
    };
    for (_, record) in &mut copies {
        if let Record::Decided { decision, .. } = record {
            decision.digest = digest;
        }
    }
    let at = place(&twin, is_signed(action));
    twin[at].1 = Record::TransactionSigned {
        action,
        transaction: first,
    };
    twin.extend(copies);
    let problems = found(&twin).join("; ");
    assert!(
        problems.contains("deposit/1#9: nonce") && problems.contains("was signed for deposit/1#2 before"),
        "{problems}"
    );
}
