//! Go's library loses a zero byte of a ciphertext's point once in a while. RockX's nodes take that for a fault of an
//! honest dealer; ours read it, and blame nobody for it.

use aes_gcm::aead::generic_array::typenum::U16;
use aes_gcm::aead::{AeadInPlace, KeyInit};
use aes_gcm::{AesGcm, aes::Aes256};
use std::sync::Arc;

use casimir_dkg::dkg::rockx::ecies::{OVERHEAD, SessionKey};
use casimir_dkg::dkg::rockx::keys::OperatorPrivateKey;
use casimir_dkg::dkg::rockx::node::session::{
    Authentic, Finish, FrostPlan, FrostSession, Input, Output, Session,
};
use casimir_dkg::dkg::rockx::wire::{
    Blame, BlameOutput, BlameType, Decode, Encode, GoBytes, Init, KeygenMessage, Message, MsgType,
};
use casimir_dkg::types::OperatorId;
use hkdf::Hkdf;
use k256::elliptic_curve::sec1::ToEncodedPoint;
use k256::{PublicKey, SecretKey};
use serde_json::Value;
use sha2::Sha256;

use super::blames::court;
use super::net::{identity, ids, peers, public, vectors};
use super::replays::{Script, authentic, dealing, hex32, session_key};

const ONE: OperatorId = OperatorId(1);
const TWO: OperatorId = OperatorId(2);
/// Ephemeral keys, found by counting: the point of the first has two leading zero bytes in x, that of the second in y.
const EPHEMERAL: [u32; 2] = [44_629, 41_192];

/// What Go's library makes of `text`: of two leading zero bytes of a coordinate it writes one.
fn seal_as_go(recipient: &SessionKey, text: &[u8], ephemeral: u32) -> Vec<u8> {
    let mut scalar = [0; 32];
    scalar[28..].copy_from_slice(&ephemeral.to_be_bytes());
    let ephemeral = SecretKey::from_slice(&scalar).unwrap();
    let recipient = PublicKey::from_sec1_bytes(&recipient.public().to_compressed()).unwrap();
    let shared = recipient.to_projective() * *ephemeral.to_nonzero_scalar();
    let point = ephemeral.public_key().to_encoded_point(false);
    let written = |coordinate: &[u8]| match coordinate {
        [0, 0, ..] => coordinate[1..].to_vec(),
        _ => coordinate.to_vec(),
    };
    let mut out = [vec![4], written(point.x().unwrap()), written(point.y().unwrap())].concat();
    let shared = shared.to_affine().to_encoded_point(false);
    let mut key = [0; 32];
    Hkdf::<Sha256>::new(None, &[&out, shared.as_bytes()].concat())
        .expand(&[], &mut key)
        .unwrap();
    let mut sealed = text.to_vec();
    let nonce = [0x11; 16];
    let tag = AesGcm::<Aes256, U16>::new(&key.into())
        .encrypt_in_place_detached(&nonce.into(), &[], &mut sealed)
        .unwrap();
    out.extend(nonce);
    out.extend(tag);
    out.extend(sealed);
    assert_eq!(out.len(), OVERHEAD + text.len() - 1, "one byte is lost");
    out
}

/// Operator 2's dealing of the transcript, the share for operator 1 changed by `damage` and encrypted as Go may do it.
fn shortened(fixture: &Value, honest: &Authentic, ephemeral: u32, damage: u8) -> Authentic {
    let mut share = hex32(&fixture["computed"]["decrypted_shares"]["2->1"]);
    share[31] ^= damage;
    let recipient = SessionKey::from_be_bytes(&session_key(fixture, 1)).unwrap();
    let mut payload = KeygenMessage::from_json(honest.payload()).unwrap();
    let shares = payload.round1.as_mut().unwrap().shares.0.as_mut().unwrap();
    shares.insert(ONE, seal_as_go(&recipient, &share, ephemeral).into());
    let message = Message::new(MsgType::Protocol, honest.ceremony(), &payload);
    let signed = message.sign(TWO, &identity(2).key).unwrap();
    Authentic::check(signed, &public(TWO)).unwrap()
}

/// The messages of the keygen transcript: the start, then those of all operators.
fn transcript() -> Vec<Authentic> {
    let transcript = vectors("vectors-keygen-transcript.json");
    let messages = transcript["messages"].as_array().unwrap();
    messages
        .iter()
        .map(|m| authentic(&m["ssv_message_hex"]))
        .collect()
}

fn is_dealing_of_two(message: &Authentic) -> bool {
    message.signer() == TWO
        && message.msg_type() == MsgType::Protocol
        && KeygenMessage::from_json(message.payload())
            .unwrap()
            .round1
            .is_some()
}

#[test]
fn a_receiver_reads_it_and_the_ceremony_completes() {
    let fixture = vectors("fixture-frost-keygen.json");
    let mut messages = transcript();
    let start = messages.remove(0);
    for ephemeral in EPHEMERAL {
        let plan = FrostPlan::keygen(start.ceremony(), &Init::from_json(start.payload()).unwrap(), ONE);
        let mut session = FrostSession::new(identity(1), peers(&ids(1..=4)), plan.unwrap(), None);
        let ([a0, a1, a2], nonce) = dealing(&fixture, 1, [2, 3, 4]);
        let mut rng = Script::new(Some(session_key(&fixture, 1)), &[a0, a1, a2, nonce]);
        let mut outputs = session.start(&mut rng);
        for message in messages.iter().filter(|m| m.signer() != ONE) {
            let message = if is_dealing_of_two(message) {
                shortened(&fixture, message, ephemeral, 0)
            } else {
                message.clone()
            };
            outputs.extend(session.handle(Input::Message(message), &mut rng).unwrap());
        }
        match outputs.last() {
            Some(Output::Finished(Finish::Outputs(outputs))) => assert_eq!(outputs.len(), 4),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn whoever_judges_the_blame_of_a_node_that_cannot_read_it_blames_nobody() {
    let fixture = vectors("fixture-frost-keygen.json");
    let messages = transcript();
    let honest = messages.iter().find(|m| is_dealing_of_two(m)).unwrap();
    let (everybody, keys) = (ids(1..=4), peers(&ids(1..=4)));
    let court = court(honest.ceremony(), &everybody, &keys);
    let session = SessionKey::from_be_bytes(&session_key(&fixture, 1)).unwrap();
    let judge = |damage: u8, revealed: &[u8]| {
        let evidence = shortened(&fixture, honest, EPHEMERAL[0], damage);
        let accusation = Blame {
            kind: BlameType::InvalidShare,
            target: TWO,
            evidence: vec![GoBytes::from(evidence.to_evidence())].into(),
            blamer_session_sk: revealed.into(),
        };
        // through the wire, as it comes
        let accusation = Blame::from_json(&accusation.to_json()).unwrap();
        court.judge(&accusation, ONE, Some(&session.public()))
    };
    let blame = judge(0, &session.to_unpadded_bytes());
    assert_eq!((blame.proven, blame.culprit), (false, None), "{}", blame.reason);
    assert!(blame.reason.as_str().contains("library"), "{}", blame.reason);
    // without the blamer's key nothing can be said of what is inside
    let blame = judge(0, &[7]);
    assert_eq!(
        (blame.proven, blame.culprit),
        (false, Some(TWO)),
        "{}",
        blame.reason
    );
    // a short ciphertext excuses no share that is wrong
    let blame = judge(1, &session.to_unpadded_bytes());
    assert_eq!(
        (blame.proven, blame.culprit),
        (true, Some(TWO)),
        "{}",
        blame.reason
    );
}

/// What real nodes published of an honest dealer whose library lost a byte.
#[test]
fn the_recorded_blame_of_a_short_ciphertext_is_called_what_it_is() {
    let recording = vectors("live/blame-short-ciphertext-n4.json");
    let report = recording["BlameOutput"].to_string();
    let outcome = BlameOutput::from_json(report.as_bytes()).unwrap();
    assert!(outcome.valid, "the real nodes took it for misconduct");
    let operators = vectors("hardcoded-operators.json");
    let key = |id: OperatorId| {
        let pem = &operators["operators"][id.to_string()]["rsa_private_pkcs1_pem"];
        let key = OperatorPrivateKey::parse(pem.as_str().unwrap()).unwrap();
        Arc::new(key.public().clone())
    };
    let everybody = ids(1..=4);
    let keys = Arc::new(everybody.iter().map(|id| (*id, key(*id))).collect());
    let message = Authentic::check(outcome.blame_message.unwrap(), &key(ONE)).unwrap();
    let payload = KeygenMessage::from_json(message.payload()).unwrap();
    let blame = payload.blame.unwrap();
    let revealed = SessionKey::from_be_bytes(&padded(blame.blamer_session_sk.as_ref())).unwrap();
    let judgement = court(message.ceremony(), &everybody, &keys).judge(&blame, ONE, Some(&revealed.public()));
    assert_eq!(
        (judgement.proven, judgement.culprit),
        (false, None),
        "{}",
        judgement.reason
    );
    assert!(
        judgement.reason.as_str().contains("library"),
        "{}",
        judgement.reason
    );
}

/// The session key with the zero bytes that Go leaves away.
fn padded(key: &[u8]) -> [u8; 32] {
    let mut whole = [0; 32];
    whole[32 - key.len()..].copy_from_slice(key);
    whole
}
