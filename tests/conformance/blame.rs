//! Accusations: proven by their evidence or not at all.

use std::sync::LazyLock;

use casimir_dkg::dkg::rockx::ecies::SessionKey;
use casimir_dkg::dkg::rockx::frost::Dealing;
use casimir_dkg::dkg::rockx::verify::{Observed, judge_blame, verify_ceremony};
use casimir_dkg::dkg::rockx::wire::{
    Blame as Accusation, BlameOutput, BlameType, DataStore, Decode, Encode, GoBytes, GoList, GoMap,
    KeygenBody, KeygenMessage, Message, MsgType, ProtocolRound, Round1, SignedMessage,
};
use casimir_dkg::dkg::threshold::SecretScalar;
use casimir_dkg::types::{Blame, CheckStatus, OperatorId};
use proptest::prelude::*;
use rand::rngs::OsRng;

use super::recorded::{Ceremony, recorded, request_id, transcript};
use super::vectors::{bytes, exchanges, load, private_keys, text};

const ONE: OperatorId = OperatorId(1);
const TWO: OperatorId = OperatorId(2);

fn keygen() -> Ceremony {
    transcript("vectors-keygen-transcript.json", None)
}

#[test]
fn every_blame_vector_is_judged_by_its_evidence() {
    let ceremony = keygen();
    let observed = ceremony.observed();
    let (mut proven, mut innocent) = (0, 0);
    for case in load("vectors-blame.json")["cases"].as_array().unwrap() {
        let name = text(case, "case");
        let accusation =
            SignedMessage::from_json(text(&case["blame_message"], "signed_message_json").as_bytes()).unwrap();
        let blame = judge_blame(ceremony.context(), &accusation, &observed);
        assert_eq!(
            (blame.blamer, blame.culprit),
            (ONE, Some(TWO)),
            "{name}: {}",
            blame.reason
        );
        if name.starts_with("timeout") {
            assert!(!blame.proven, "{name}: {}", blame.reason);
            assert!(blame.reason.as_str().contains("time ran out"), "{}", blame.reason);
            innocent += 1;
        } else {
            assert!(blame.proven, "{name}: {}", blame.reason);
            proven += 1;
            let output = text(case, "blame_output_json").as_bytes();
            let parsed = BlameOutput::from_json(output).unwrap();
            assert_eq!(parsed.to_json(), output);
            assert_eq!(parsed.blame_message.unwrap(), accusation);
            let stored = DataStore::from_json(text(case, "datastore_json").as_bytes()).unwrap();
            assert!(stored.blame_output.unwrap().valid && stored.dkg_outputs.is_empty());
        }
        // without the blamer's session key an invalid share cannot be shown, everything else can
        let unobserved = judge_blame(ceremony.context(), &accusation, &Default::default());
        assert_eq!(
            unobserved.proven,
            blame.proven && case["blame_type"] != 1,
            "{name}"
        );
    }
    assert_eq!((proven, innocent), (5, 1));
}

#[test]
fn after_a_recorded_timeout_innocents_are_accused_and_the_silent_one_is_found() {
    let file = "live/keygen-timeout-n4.json";
    let ceremony = recorded(file, &request_id(file), None);
    let observed = ceremony.observed();
    let mut accusations = 0;
    for message in &ceremony.messages {
        let payload = KeygenMessage::from_json(message.message.as_ref().unwrap().data.as_slice()).unwrap();
        let Ok(KeygenBody::Blame(body)) = payload.body() else {
            continue;
        };
        let blame = judge_blame(ceremony.context(), message, &observed);
        assert!(!blame.proven, "{}", blame.reason);
        assert_eq!(blame.culprit, Some(body.target));
        assert_ne!(
            blame.culprit,
            Some(OperatorId(4)),
            "the one that was missing is not even accused"
        );
        accusations += 1;
    }
    assert_eq!(accusations, 3);
    let streamed = exchanges(&load(file))
        .into_iter()
        .filter(|e| e.request.contains("/stream/dkgblame"))
        .count();
    assert_eq!(streamed, 3);
    // who is missing is found from who sent nothing
    let verification = verify_ceremony(ceremony.context(), &ceremony.outputs, Some(&observed));
    assert!(verification.result.is_none());
    let check = verification.check("observed-messages").unwrap();
    assert_eq!(check.status, CheckStatus::Unknown);
    assert!(
        check.reason.as_str().contains("preparation of operator 4"),
        "{}",
        check.reason
    );
    assert!(observed.faults.is_empty() && observed.equivocations.is_empty());
}

/// The message of `signer` whose payload has this body.
fn message_of(ceremony: &Ceremony, signer: OperatorId, body: &str) -> SignedMessage {
    let found = ceremony.messages.iter().find(|m| {
        let data = m.message.as_ref().unwrap().data.as_slice();
        m.signer == signer && String::from_utf8_lossy(data).contains(&format!("\"{body}\""))
    });
    found.unwrap_or_else(|| panic!("no {body} of {signer}")).clone()
}

/// Operator 1 accuses operator 2.
fn accuse(ceremony: &Ceremony, kind: BlameType, evidence: &[SignedMessage], session_sk: &[u8]) -> Blame {
    let accusation = Accusation {
        kind,
        target: TWO,
        evidence: evidence.iter().map(|m| GoBytes::from(m.to_json())).collect(),
        blamer_session_sk: session_sk.into(),
    };
    let message = Message::new(MsgType::Protocol, ceremony.id, &KeygenMessage::from(accusation));
    let signed = message.sign(ONE, &private_keys()[&ONE]).unwrap();
    judge_blame(ceremony.context(), &signed, &ceremony.observed())
}

fn session_sk() -> Vec<u8> {
    bytes(&load("fixture-frost-keygen.json")["session_keys"]["1"], "sk_hex")
}

fn protocol(ceremony: &Ceremony, signer: OperatorId, payload: &impl Encode) -> SignedMessage {
    let message = Message::new(MsgType::Protocol, ceremony.id, payload);
    message.sign(signer, &private_keys()[&signer]).unwrap()
}

#[test]
fn honest_messages_prove_nothing() {
    let ceremony = keygen();
    let dealing = message_of(&ceremony, TWO, "round1");
    let preparation = message_of(&ceremony, TWO, "preparation");
    let other = message_of(&ceremony, OperatorId(3), "round1");
    let share = accuse(
        &ceremony,
        BlameType::InvalidShare,
        std::slice::from_ref(&dealing),
        &session_sk(),
    );
    assert!(
        !share.proven && share.reason.as_str().contains("is right"),
        "{}",
        share.reason
    );
    for (kind, evidence) in [
        (BlameType::InvalidMessage, vec![dealing.clone()]),
        (BlameType::InvalidMessage, vec![preparation.clone()]),
        (BlameType::InvalidMessage, vec![]),
        (BlameType::InvalidMessage, vec![dealing.clone(), dealing.clone()]),
        (
            BlameType::InconsistentMessage,
            vec![dealing.clone(), dealing.clone()],
        ),
        (BlameType::InconsistentMessage, vec![dealing.clone(), preparation]),
        (
            BlameType::InconsistentMessage,
            vec![dealing.clone(), other.clone()],
        ),
        (BlameType::InconsistentMessage, vec![dealing.clone()]),
        (BlameType::InvalidShare, vec![]),
        (BlameType::Other(9), vec![dealing.clone()]),
    ] {
        let blame = accuse(&ceremony, kind, &evidence, &session_sk());
        assert!(!blame.proven, "{kind:?}: {}", blame.reason);
    }
    // the culprit is whoever signed the evidence, not whom the blamer names
    let blame = accuse(&ceremony, BlameType::InvalidMessage, &[other], &[]);
    assert_eq!(blame.culprit, Some(OperatorId(3)));
}

#[test]
fn the_blamer_can_not_cheat_with_another_session_key_or_forged_evidence() {
    let ceremony = keygen();
    let dealing = message_of(&ceremony, TWO, "round1");
    for key in [&[][..], &[7], &[0xff; 32]] {
        let blame = accuse(
            &ceremony,
            BlameType::InvalidShare,
            std::slice::from_ref(&dealing),
            key,
        );
        assert!(
            !blame.proven && blame.reason.as_str().contains("session key"),
            "{}",
            blame.reason
        );
    }
    let mut forged = dealing.clone();
    forged.message.as_mut().unwrap().data = br#"{"round":2}"#[..].into();
    let blame = accuse(&ceremony, BlameType::InvalidMessage, &[forged], &[]);
    assert!(!blame.proven && blame.culprit.is_none(), "{}", blame.reason);
    let mut replayed = dealing.message.clone().unwrap();
    replayed.identifier.0[0] ^= 1;
    let replayed = replayed.sign(TWO, &private_keys()[&TWO]).unwrap();
    let blame = accuse(&ceremony, BlameType::InvalidMessage, &[replayed], &[]);
    assert!(
        !blame.proven && blame.culprit.is_none(),
        "evidence of another ceremony"
    );
    // an accusation in another's name
    let accusation = Accusation {
        evidence: GoList::default(),
        ..Accusation::default()
    };
    let mut anothers = protocol(&ceremony, ONE, &KeygenMessage::from(accusation));
    anothers.signer = OperatorId(3);
    let blame = judge_blame(ceremony.context(), &anothers, &ceremony.observed());
    assert!(
        !blame.proven && blame.reason.as_str().contains("not signed by it"),
        "{}",
        blame.reason
    );
}

/// The blamer may have told the dealer another session key than those who watch.
#[test]
fn a_share_that_the_revealed_key_does_not_open_leaves_open_whose_fault_that_is() {
    let ceremony = keygen();
    let mut recipients = ceremony.observed().preparations;
    let dealing = Dealing::new(TWO, SecretScalar::random(&mut OsRng), 3, &mut OsRng);
    let elsewhere = SessionKey::random(&mut OsRng).public();
    recipients.insert(ONE, elsewhere);
    let mut body = dealing.round1(&recipients, &mut OsRng).unwrap();
    let sealed = protocol(&ceremony, TWO, &KeygenMessage::from(body.clone()));
    let blame = accuse(&ceremony, BlameType::InvalidShare, &[sealed], &session_sk());
    assert!(!blame.proven && blame.culprit.is_none(), "{blame:?}");
    assert!(
        blame.reason.as_str().contains("told others another session key"),
        "{}",
        blame.reason
    );
    // what is no sealed share for any key is the dealer's, whoever it was made for
    let shares = body.shares.0.as_mut().unwrap();
    for bytes in [GoBytes::from(vec![4; 20]), GoBytes::from(vec![4; 3_000])] {
        shares.insert(ONE, bytes);
        let dealing = Round1 {
            shares: GoMap(Some(shares.clone())),
            ..dealing
                .round1(&ceremony.observed().preparations, &mut OsRng)
                .unwrap()
        };
        let bad = protocol(&ceremony, TWO, &KeygenMessage::from(dealing));
        let blame = accuse(&ceremony, BlameType::InvalidShare, &[bad], &session_sk());
        assert!(blame.proven && blame.culprit == Some(TWO), "{blame:?}");
    }
}

#[test]
fn real_misconduct_is_proven() {
    let ceremony = keygen();
    let recipients = ceremony.observed().preparations;
    let secret = || SecretScalar::random(&mut OsRng);
    // another polynomial behind the encrypted shares
    let (one, other) = (
        Dealing::new(TWO, secret(), 3, &mut OsRng),
        Dealing::new(TWO, secret(), 3, &mut OsRng),
    );
    let mut body = one.round1(&recipients, &mut OsRng).unwrap();
    body.shares = other.round1(&recipients, &mut OsRng).unwrap().shares;
    let wrong_share = protocol(&ceremony, TWO, &KeygenMessage::from(body.clone()));
    let blame = accuse(&ceremony, BlameType::InvalidShare, &[wrong_share], &session_sk());
    assert!(
        blame.proven && blame.reason.as_str().contains("does not fit"),
        "{}",
        blame.reason
    );
    body.shares.0.as_mut().unwrap().remove(&ONE);
    let no_share = protocol(&ceremony, TWO, &KeygenMessage::from(body));
    assert!(accuse(&ceremony, BlameType::InvalidShare, &[no_share], &session_sk()).proven);

    // the share fits, but nothing proves that its dealer knows what it commits to
    let mut body = one.round1(&recipients, &mut OsRng).unwrap();
    body.proof_s = [1; 32].into();
    let unproven = protocol(&ceremony, TWO, &KeygenMessage::from(body));
    let blame = accuse(&ceremony, BlameType::InvalidShare, &[unproven], &session_sk());
    assert!(
        blame.proven && blame.reason.as_str().contains("proof"),
        "{}",
        blame.reason
    );

    let honest = message_of(&ceremony, TWO, "round1");
    let second = protocol(
        &ceremony,
        TWO,
        &KeygenMessage::from(other.round1(&recipients, &mut OsRng).unwrap()),
    );
    let blame = accuse(
        &ceremony,
        BlameType::InconsistentMessage,
        &[honest.clone(), second],
        &[],
    );
    assert!(blame.proven && blame.culprit == Some(TWO), "{}", blame.reason);

    let payload = KeygenMessage::from_json(honest.message.as_ref().unwrap().data.as_slice()).unwrap();
    let mismatched = KeygenMessage {
        round: ProtocolRound::Round2,
        ..payload
    };
    let blame = accuse(
        &ceremony,
        BlameType::InvalidMessage,
        &[protocol(&ceremony, TWO, &mismatched)],
        &[],
    );
    assert!(
        blame.proven && blame.reason.as_str().contains("does not match round 3"),
        "{}",
        blame.reason
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// Whatever a blamer puts together from what honest operators signed: none of them is proven guilty.
    #[test]
    fn no_accusation_made_of_honest_messages_is_proven(
        kind in 0_u64..4, picks in prop::collection::vec(any::<prop::sample::Index>(), 0..4),
        flip in prop::option::of((any::<prop::sample::Index>(), any::<u8>())), own_key in any::<bool>(),
    ) {
        static CEREMONY: LazyLock<(Ceremony, Observed)> = LazyLock::new(|| {
            let ceremony = keygen();
            let observed = ceremony.observed();
            (ceremony, observed)
        });
        let (ceremony, observed) = &*CEREMONY;
        let mut evidence: Vec<Vec<u8>> = picks.iter().map(|i| i.get(&ceremony.messages).to_json()).collect();
        if let (Some((at, byte)), Some(first)) = (flip, evidence.first_mut()) {
            let at = at.index(first.len());
            first[at] = byte;
        }
        let accusation = Accusation {
            kind: kind.into(),
            target: TWO,
            evidence: evidence.into_iter().map(GoBytes::from).collect(),
            blamer_session_sk: if own_key { session_sk().into() } else { [3; 32].into() },
        };
        let signed = protocol(ceremony, ONE, &KeygenMessage::from(accusation));
        let blame = judge_blame(ceremony.context(), &signed, observed);
        prop_assert!(!blame.proven, "{}", blame.reason);
    }
}
