//! A transcript proves what it says, offline, and nothing in it can be changed.

use casimir_dkg::beacon::roots::voluntary_exit_signing_root;
use casimir_dkg::dkg::rockx::transcript::{self, Document, RecordedVerdict};
use casimir_dkg::types::{
    CeremonyPlan, CheckStatus, ExitDomain, FailureKind, ForkVersion, OperatorId, Root, SignPurpose,
    Transcript, TranscriptError,
};
use serde_json::Value;
use tokio::sync::OnceCell;

use super::byzantine::{Lie, Misbehaviour};
use super::house::{House, OldKey, Plan, document_of, ids, key_of, keygen_plan, sign_plan};

/// Transcripts of a keygen, of a signing ceremony, and of a keygen that a liar stopped.
async fn three() -> [Document; 3] {
    let key = OldKey::deal(&ids(1..=4));
    let house = House::build(Plan {
        honest: ids(1..=4),
        key: Some(&key),
        ..Plan::default()
    })
    .await;
    let (keygen, sign) = (keygen_plan(ids(1..=4)), exit_plan(&key));
    let (keygen, sign) = tokio::join!(house.run(&keygen), house.run(&sign));
    let lied = House::of_four([(3, Misbehaviour::Lies(Lie::Share(OperatorId(2))))]).await;
    let failed = lied.run(&keygen_plan(ids(1..=4))).await.expect_err("a lie");
    [
        document_of(&keygen.unwrap_or_else(|failed| panic!("{failed}")).transcript),
        document_of(&sign.unwrap_or_else(|failed| panic!("{failed}")).transcript),
        document_of(&failed.transcript),
    ]
}

/// To sign an exit by its own root.
fn exit_plan(key: &OldKey) -> CeremonyPlan {
    let chain = ExitDomain {
        fork_version: ForkVersion([3, 0, 0, 0]),
        genesis_validators_root: Root([5; 32]),
    };
    let root = voluntary_exit_signing_root(9, 7, chain.fork_version, &chain.genesis_validators_root);
    let mut plan = sign_plan(key, root.0, true);
    let CeremonyPlan::Sign {
        what: SignPurpose::VoluntaryExit { domain, .. },
        ..
    } = &mut plan
    else {
        panic!()
    };
    *domain = Some(chain);
    plan
}

/// The same three for every test of this module.
async fn samples() -> &'static [Document; 3] {
    static SAMPLES: OnceCell<[Document; 3]> = OnceCell::const_new();
    SAMPLES.get_or_init(three).await
}

/// JSON pointers of all leaves.
fn leaves(value: &Value, at: String, out: &mut Vec<String>) {
    match value {
        Value::Object(map) => map
            .iter()
            .for_each(|(name, value)| leaves(value, format!("{at}/{name}"), out)),
        Value::Array(list) => list
            .iter()
            .enumerate()
            .for_each(|(n, value)| leaves(value, format!("{at}/{n}"), out)),
        _ => out.push(at),
    }
}

/// Changes the leaf a little, so that it keeps its form where it can.
fn tamper(leaf: &mut Value) {
    *leaf = match leaf {
        Value::Null => Value::from("AA=="),
        Value::Bool(value) => Value::from(!*value),
        Value::Number(number) => Value::from(number.as_u64().expect("no other numbers") + 1),
        Value::String(text) => {
            let mut bytes = text.clone().into_bytes();
            let middle = bytes.len() / 2;
            match bytes.get_mut(middle) {
                None => bytes.push(b'x'),
                Some(byte) => *byte = if *byte == b'1' { b'2' } else { b'1' },
            }
            Value::from(String::from_utf8(bytes).expect("ASCII stays ASCII"))
        }
        other => panic!("{other} is no leaf"),
    };
}

fn read_text(text: &[u8]) -> Result<Document, TranscriptError> {
    Document::read(&Transcript::read(text)?)
}

fn read(value: &Value) -> Result<Document, TranscriptError> {
    read_text(value.to_string().as_bytes())
}

#[tokio::test(flavor = "multi_thread")]
async fn any_change_breaks_the_digest_or_the_form() {
    for sample in samples().await {
        let original: Value = serde_json::to_value(sample).unwrap();
        let mut all = Vec::new();
        leaves(&original, String::new(), &mut all);
        assert!(all.len() > 60, "{}", all.len());
        for leaf in all {
            let mut changed = original.clone();
            tamper(changed.pointer_mut(&leaf).unwrap());
            if let Ok(transcript) = read(&changed) {
                assert_ne!(transcript.digest, transcript.compute_digest(), "{leaf}");
            }
        }
    }
}

/// What only the initiator can know, and no signature covers: its own times, and what it was told over HTTP (a stored
/// result counts when the verdict rests on it).
fn is_own_word(leaf: &str, failed: bool) -> bool {
    let last = leaf.rsplit('/').next().unwrap_or_default();
    leaf.starts_with("/replies/")
        || (leaf == "/stored" && failed)
        || leaf.starts_with("/rejected/")
        || matches!(last, "at" | "started_at" | "ended_at" | "digest")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forger_who_computes_the_digest_anew_is_caught_by_signatures() {
    let samples = samples().await;
    let mut tasks = tokio::task::JoinSet::new();
    for sample in samples {
        let failed = matches!(sample.verdict, RecordedVerdict::Failed { .. });
        let original: Value = serde_json::to_value(sample).unwrap();
        let mut all = Vec::new();
        leaves(&original, String::new(), &mut all);
        for leaf in all.into_iter().filter(|leaf| !is_own_word(leaf, failed)) {
            let original = original.clone();
            tasks.spawn_blocking(move || {
                let mut changed = original;
                tamper(changed.pointer_mut(&leaf).unwrap());
                let Ok(mut transcript) = read(&changed) else {
                    return;
                };
                transcript.digest = transcript.compute_digest();
                let verification = transcript::verify(&transcript);
                assert!(
                    !verification.is_sound() && verification.result.is_none(),
                    "{leaf} can be changed"
                );
            });
        }
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn parts_cannot_be_left_out_exchanged_or_repeated() {
    let [keygen, sign, _] = samples().await;
    let forged = |change: &dyn Fn(&mut Document)| {
        let mut transcript = keygen.clone();
        change(&mut transcript);
        transcript.digest = transcript.compute_digest();
        assert!(!transcript::verify(&transcript).is_sound());
    };
    forged(&|t| drop(t.messages.remove(7)));
    forged(&|t| t.messages.push(t.messages[0].clone()));
    forged(&|t| t.messages[3].raw = sign.messages[3].raw.clone());
    forged(&|t| t.messages.clear());
    forged(&|t| t.stored = None);
    forged(&|t| t.stored = sign.stored.clone());
    forged(&|t| t.start_message = sign.start_message.clone());
    forged(&|t| t.start_message = None);
    forged(&|t| t.request_id = sign.request_id);
    forged(&|t| t.verdict = sign.verdict.clone());
    forged(&|t| drop(t.operators.remove(&OperatorId(2))));
    forged(&|t| {
        let stranger = key_of(OperatorId(99)).public().to_registry_text();
        t.operators.insert(OperatorId(2), stranger);
    });
    forged(&|t| {
        let CeremonyPlan::Keygen {
            withdrawal_credentials,
            ..
        } = &mut t.plan
        else {
            panic!()
        };
        withdrawal_credentials.0[31] ^= 1;
    });
    // and what was not changed is sound
    for sample in [keygen, sign] {
        let verification = transcript::verify(sample);
        assert!(verification.is_sound());
        assert!(
            verification
                .checks
                .iter()
                .all(|check| check.status == CheckStatus::Pass),
            "{verification:#?}"
        );
    }
}

/// One of the recorded transcripts.
fn recorded(name: &str) -> Document {
    let place = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/transcripts");
    let text = std::fs::read(format!("{place}/{name}.json")).unwrap();
    Document::read(&Transcript::read(&text).unwrap()).unwrap()
}

fn status(document: &Document, check: &str) -> CheckStatus {
    transcript::verify(document).check(check).unwrap().status
}

#[test]
fn a_silence_is_the_initiators_word_and_there_is_none_where_everybody_spoke() {
    let (silent, whole) = (recorded("keygen-timed-out"), recorded("keygen"));
    assert_eq!(status(&silent, "verdict"), CheckStatus::Unknown);
    for kind in [
        FailureKind::Lost,
        FailureKind::Timeout,
        FailureKind::NotStarted,
        FailureKind::Unknown,
    ] {
        let mut forged = whole.clone();
        forged.verdict = silent.verdict.clone();
        if let RecordedVerdict::Failed { failure } = &mut forged.verdict {
            failure.kind = kind;
        }
        forged.digest = forged.compute_digest();
        assert_eq!(status(&forged, "verdict"), CheckStatus::Fail, "{kind:?}");
    }
    // a completed key generation of which messages were left out accuses, and says whose word that is
    let mut framed = whole;
    framed.messages.truncate(4);
    framed.messages.retain(|message| message.sender != OperatorId(2));
    framed.stored = None;
    framed.verdict = silent.verdict;
    framed.digest = framed.compute_digest();
    assert_eq!(status(&framed, "verdict"), CheckStatus::Unknown);
}

#[test]
fn what_a_root_means_is_not_proved_where_the_plan_names_no_chain() {
    let mut sign = recorded("sign");
    assert_eq!(status(&sign, "purpose"), CheckStatus::Unknown);
    let CeremonyPlan::Sign {
        what: SignPurpose::VoluntaryExit { domain, .. },
        ..
    } = &mut sign.plan
    else {
        panic!()
    };
    *domain = Some(ExitDomain {
        fork_version: ForkVersion([3, 0, 0, 0]),
        genesis_validators_root: Root([5; 32]),
    });
    assert_eq!(status(&sign, "purpose"), CheckStatus::Fail);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_blame_is_proven_offline_too() {
    let [_, _, failed] = samples().await;
    let verification = transcript::verify(failed);
    assert!(verification.is_sound() && verification.result.is_none());
    // the proof is the blamed operator's own message
    let mut forged = failed.clone();
    forged.messages.retain(|message| message.sender != OperatorId(3));
    forged.digest = forged.compute_digest();
    let verdict = transcript::verify(&forged);
    // the evidence travels inside the accusation, so it stays proven; without the accusation it does not
    assert!(verdict.is_sound(), "{verdict:#?}");
    forged.messages.retain(|message| message.sender != OperatorId(2));
    forged.digest = forged.compute_digest();
    assert!(!transcript::verify(&forged).is_sound());
}

#[test]
fn what_is_no_transcript_is_refused() {
    assert!(matches!(
        read_text(&vec![b' '; Transcript::MAX_BYTES + 1]),
        Err(TranscriptError::TooLong(_))
    ));
    assert!(matches!(
        read_text(br#"{"format":2}"#),
        Err(TranscriptError::Format { found: 2, known: 1 })
    ));
    for text in ["", "null", "{}", r#"{"format":1}"#, r#"{"format":"1"}"#] {
        assert!(
            matches!(read_text(text.as_bytes()), Err(TranscriptError::Json(_))),
            "{text}"
        );
    }
    let deep = "[".repeat(100_000);
    assert!(read_text(deep.as_bytes()).is_err());
}
