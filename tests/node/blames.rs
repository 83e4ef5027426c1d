//! Accusations: what is raised for which offence, with which evidence, and how it is judged.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use casimir_dkg::dkg::rockx::ecies::{SessionKey, SessionPublicKey};
use casimir_dkg::dkg::rockx::frost::Dealing;
use casimir_dkg::dkg::rockx::keys::OperatorPublicKey;
use casimir_dkg::dkg::rockx::node::session::{
    Authentic, Finish, FrostPlan, FrostSession, Input, Output, Peers, Session,
};
use casimir_dkg::dkg::rockx::verify::Court;
use casimir_dkg::dkg::rockx::wire::{
    Blame, BlameType, Decode, Encode, GoBytes, Init, KeygenMessage, Message, MsgType, ProtocolRound,
    SignedMessage,
};
use casimir_dkg::dkg::threshold::SecretScalar;
use casimir_dkg::types::{CeremonyKind, OperatorId, RequestId};

use rand::rngs::OsRng;

use super::net::{Net, identity, ids, peers, request, vectors};
use super::replays::{Script, authentic, session_key};
use crate::ceremony::byzantine::{Lie, corrupt};

fn payload(message: &SignedMessage) -> KeygenMessage {
    KeygenMessage::from_json(message.message.as_ref().unwrap().data.as_slice()).unwrap()
}

fn blame_of(message: &SignedMessage) -> Option<Blame> {
    (message.message.as_ref()?.msg_type == MsgType::Protocol)
        .then(|| payload(message).blame)
        .flatten()
}

/// Operator 1 of the fixture with the preparations of 2, 3 and 4 received.
fn fixture_session(rng: &mut Script) -> (FrostSession, Vec<Output>) {
    let transcript = vectors("vectors-keygen-transcript.json");
    let messages = transcript["messages"].as_array().unwrap();
    let start = authentic(&messages[0]["ssv_message_hex"]);
    let init = Init::from_json(start.payload()).unwrap();
    let plan = FrostPlan::keygen(start.ceremony(), &init, OperatorId(1)).unwrap();
    let mut session = FrostSession::new(identity(1), peers(&ids(1..=4)), plan, None);
    let mut outputs = session.start(rng);
    for message in &messages[2..5] {
        let message = authentic(&message["ssv_message_hex"]);
        outputs.extend(session.handle(Input::Message(message), rng).unwrap());
    }
    (session, outputs)
}

#[test]
fn the_offences_of_the_specification_tests_are_blamed_with_the_same_evidence() {
    let fixture = vectors("fixture-frost-keygen.json");
    for case in vectors("vectors-blame.json")["cases"].as_array().unwrap() {
        let name = case["case"].as_str().unwrap();
        if name.starts_with("timeout") {
            continue;
        }
        let mut rng = Script::new(Some(session_key(&fixture, 1)), &[]);
        let (mut session, mut outputs) = fixture_session(&mut rng);
        for message in case["offending_messages"].as_array().unwrap() {
            let message = authentic(&message["ssv_message_hex"]);
            outputs.extend(session.handle(Input::Message(message), &mut rng).unwrap());
        }
        let said: Vec<&SignedMessage> = outputs
            .iter()
            .filter_map(|o| match o {
                Output::Broadcast(message) => Some(message),
                _ => None,
            })
            .collect();
        let rounds: Vec<ProtocolRound> = said.iter().map(|m| payload(m).round).collect();
        let expected = [
            ProtocolRound::Preparation,
            ProtocolRound::Round1,
            ProtocolRound::Blame,
        ];
        assert_eq!(rounds, expected, "{name}");

        let ours = blame_of(said[2]).unwrap();
        let theirs = blame_of(&authentic(&case["blame_message"]["ssv_message_hex"]).to_signed()).unwrap();
        assert_eq!((ours.kind, ours.target), (theirs.kind, theirs.target), "{name}");
        assert_eq!(ours.evidence, theirs.evidence, "{name}");
        if ours.kind == BlameType::InvalidShare {
            assert_eq!(
                ours.blamer_session_sk, theirs.blamer_session_sk,
                "needed for judging"
            );
        } else {
            assert!(
                ours.blamer_session_sk.is_nil(),
                "{name}: the session key is revealed needlessly"
            );
        }
        match outputs.last() {
            Some(Output::Finished(Finish::Blame { report, .. })) => {
                assert!(report.valid);
                assert_eq!(report.blame_message.as_ref(), Some(said[2]));
            }
            other => panic!("{name}: {other:?}"),
        }
    }
}

/// The court of a keygen with threshold three.
pub(crate) fn court<'a>(
    ceremony: RequestId,
    everybody: &'a [OperatorId],
    keys: &'a Peers,
) -> Court<'a, Arc<OperatorPublicKey>> {
    Court {
        ceremony,
        kind: CeremonyKind::Keygen,
        threshold: 3,
        dealers: everybody,
        committee: everybody,
        keys,
    }
}

/// How a peer (operator 3 of the fixture) takes the recorded blames.
#[test]
fn recorded_blames_are_judged_by_their_evidence_and_a_timeout_proves_nothing() {
    let fixture = vectors("fixture-frost-keygen.json");
    let key = SessionKey::from_be_bytes(&session_key(&fixture, 1)).unwrap();
    for case in vectors("vectors-blame.json")["cases"].as_array().unwrap() {
        let name = case["case"].as_str().unwrap();
        let message = authentic(&case["blame_message"]["ssv_message_hex"]);
        let (everybody, keys) = (ids(1..=4), peers(&ids(1..=4)));
        let court = court(message.ceremony(), &everybody, &keys);
        let blame = blame_of(&message.to_signed()).unwrap();
        let judgement = court.judge(&blame, OperatorId(1), Some(&key.public()));
        assert_eq!(judgement.culprit, Some(OperatorId(2)), "{name}");
        assert_eq!(
            judgement.proven,
            !name.starts_with("timeout"),
            "{name}: {judgement:?}"
        );

        // the same evidence under another ceremony's id, or with another blamer's key, proves nothing
        let elsewhere = Court {
            ceremony: request(1),
            ..court
        };
        assert!(!elsewhere.judge(&blame, OperatorId(1), Some(&key.public())).proven);
        if blame.kind == BlameType::InvalidShare {
            assert!(!court.judge(&blame, OperatorId(1), None).proven, "{name}");
            let other = SessionKey::from_be_bytes(&[9; 32]).unwrap();
            assert!(
                !court.judge(&blame, OperatorId(1), Some(&other.public())).proven,
                "{name}"
            );
        }
    }
}

#[test]
fn to_accuse_twice_is_no_offence_and_to_leave_somebody_out_is_one() {
    let id = request(3);
    let signed = |body: KeygenMessage| {
        Message::new(MsgType::Protocol, id, &body)
            .sign(OperatorId(2), &identity(2).key)
            .unwrap()
    };
    let (everybody, keys) = (ids(1..=4), peers(&ids(1..=4)));
    let court = court(id, &everybody, &keys);
    let accuse = |kind, evidence: &[SignedMessage]| {
        let accusation = Blame {
            kind,
            target: OperatorId(2),
            evidence: evidence.iter().map(|m| GoBytes::from(m.to_json())).collect(),
            blamer_session_sk: GoBytes::NIL,
        };
        court.judge(&accusation, OperatorId(1), None)
    };

    let twice = [3, 4].map(|target| {
        signed(KeygenMessage::from(Blame {
            kind: BlameType::InvalidMessage,
            target: OperatorId(target),
            evidence: Vec::new().into(),
            blamer_session_sk: GoBytes::NIL,
        }))
    });
    let judged = accuse(BlameType::InconsistentMessage, &twice);
    assert_eq!(judged.culprit, Some(OperatorId(2)));
    assert!(!judged.proven, "{judged:?}");

    let recipients: BTreeMap<_, _> = [1, 3, 4]
        .map(|n| {
            (
                OperatorId(n),
                SessionKey::from_be_bytes(&[n as u8; 32]).unwrap().public(),
            )
        })
        .into();
    let dealing = Dealing::new(OperatorId(2), SecretScalar::random(&mut OsRng), 3, &mut OsRng);
    let mut body = dealing.round1(&recipients, &mut OsRng).unwrap();
    let whole = signed(KeygenMessage::from(body.clone()));
    let judged = accuse(BlameType::InvalidMessage, &[whole]);
    assert!(!judged.proven, "{judged:?}");
    body.shares.0.as_mut().unwrap().remove(&OperatorId(4));
    let judged = accuse(BlameType::InvalidMessage, &[signed(KeygenMessage::from(body))]);
    assert!(
        judged.proven && judged.reason.as_str().contains("no share for operator 4"),
        "{judged:?}"
    );
}

/// Runs a keygen in which operator 2 lies in its Round1 (or later) message.
fn keygen_with(lie: &Lie) -> Net {
    let mut net = Net::keygen(4, 60);
    let mut lied = false;
    while !net.transit.is_empty() {
        net.deliver(0);
        if !lied && let Some(place) = net.published.iter().position(|m| lie.concerns(m, OperatorId(2))) {
            lied = true;
            let honest = net.published[place].clone();
            let root = Authentic::check(honest.clone(), identity(2).key.public())
                .unwrap()
                .root();
            let session_keys = net
                .published
                .iter()
                .filter_map(|m| Some((m.signer, payload_opt(m)?.preparation?)));
            let session_keys = session_keys.collect();
            let lies = corrupt(lie, &honest, &identity(2), &session_keys);
            net.transit
                .retain(|t| !matches!(t, super::net::Transit::Message(_, m) if m.root() == root));
            for message in lies {
                net.publish(message);
            }
        }
    }
    assert!(lied, "the lie was never told");
    net
}

fn payload_opt(message: &SignedMessage) -> Option<KeygenMessage> {
    let message = message.message.as_ref()?;
    (message.msg_type == MsgType::Protocol).then(|| KeygenMessage::from_json(message.data.as_slice()).ok())?
}

#[test]
fn every_lie_about_a_dealing_is_blamed_on_the_liar_and_no_share_of_the_run_survives() {
    for (lie, kind) in [
        (Lie::Share(OperatorId(3)), BlameType::InvalidShare),
        (Lie::NoShare(OperatorId(3)), BlameType::InvalidShare),
        (Lie::Proof, BlameType::InvalidMessage),
        (Lie::FewerCommitments, BlameType::InvalidMessage),
        (Lie::Equivocate, BlameType::InconsistentMessage),
    ] {
        let net = keygen_with(&lie);
        assert!(net.kept.is_empty(), "{lie:?}: a share was kept");
        let blames: Vec<Blame> = net.published.iter().filter_map(blame_of).collect();
        assert!(!blames.is_empty(), "{lie:?}");
        for blame in &blames {
            assert_eq!((blame.kind, blame.target), (kind, OperatorId(2)), "{lie:?}");
        }
        for id in [1, 3, 4].map(OperatorId) {
            match net.finished.get(&id) {
                Some(Finish::Blame { report, .. }) => assert!(report.valid, "{lie:?} at {id}"),
                other => panic!("{lie:?} at {id}: {other:?}"),
            }
        }
    }
}

#[test]
fn lies_about_derived_keys_end_the_run_before_a_share_is_kept() {
    for lie in [Lie::ShareKey, Lie::ValidatorKey] {
        let net = keygen_with(&lie);
        for id in [1, 3, 4] {
            let reason = net.failure(id);
            assert!(reason.contains("operator 2"), "{lie:?}: {reason}");
            assert!(!net.kept.contains_key(&OperatorId(id)), "{lie:?}");
        }
    }
}

/// Whoever was told something else contradicts the others, and would be taken for the liar.
#[test]
fn a_dealer_that_deals_one_operator_something_else_is_shown_to_have_signed_both() {
    let dealer = OperatorId(2);
    let is_dealing = |message: &SignedMessage| {
        message.signer == dealer && payload_opt(message).is_some_and(|payload| payload.round1.is_some())
    };
    let mut net = Net::keygen(4, 62);
    let mut told = false;
    while !net.transit.is_empty() {
        net.deliver(0);
        if told || !net.published.iter().any(is_dealing) {
            continue;
        }
        told = true;
        let session_keys = net.published.iter().filter_map(|message| {
            let preparation = payload_opt(message)?.preparation?;
            Some((
                message.signer,
                SessionPublicKey::parse(preparation.session_pk.as_slice()).unwrap(),
            ))
        });
        let session_keys: BTreeMap<_, _> = session_keys.collect();
        let other = Dealing::new(dealer, SecretScalar::random(&mut OsRng), 3, &mut OsRng);
        let other = other.round1(&session_keys, &mut OsRng).unwrap();
        let other = Message::new(MsgType::Protocol, request(62), &KeygenMessage::from(other));
        let other = other.sign(dealer, &identity(2).key).unwrap();
        let other = Authentic::check(other, identity(2).key.public()).unwrap();
        for transit in &mut net.transit {
            if let super::net::Transit::Message(to, message) = transit
                && *to == OperatorId(4)
                && is_dealing(&message.to_signed())
            {
                *message = other.clone();
            }
        }
    }
    assert!(net.kept.is_empty());
    let dealings = net.published.iter().filter(|message| is_dealing(message));
    let roots: BTreeSet<_> = dealings
        .map(|message| {
            let authentic = Authentic::check(message.clone(), identity(2).key.public());
            authentic.unwrap().root()
        })
        .collect();
    assert_eq!(roots.len(), 2, "both are there for everybody to see");
}

#[test]
fn a_bad_partial_deposit_signature_is_left_out() {
    let net = keygen_with(&Lie::PartialSignature);
    for id in (1..=4).map(OperatorId) {
        assert_eq!(net.outputs(id).len(), 4);
    }
}

#[test]
fn a_result_that_disagrees_is_never_reported() {
    let mut net = keygen_with(&Lie::Output);
    for id in [1, 3, 4].map(OperatorId) {
        assert!(!net.finished.contains_key(&id), "{:?}", net.finished.get(&id));
        net.time_out(id);
        assert!(
            net.failure(id.0).ends_with("nothing came from 2"),
            "{}",
            net.failure(id.0)
        );
    }
}

#[test]
fn a_false_accusation_ends_the_run_but_is_reported_as_not_proven() {
    let mut net = Net::keygen(4, 61);
    for _ in 0..8 {
        net.deliver(0);
    }
    let innocent = net.published.iter().find(|m| m.signer == OperatorId(2)).unwrap();
    let body = Blame {
        kind: BlameType::InvalidMessage,
        target: OperatorId(2),
        evidence: vec![GoBytes::from(innocent.to_json())].into(),
        blamer_session_sk: GoBytes::NIL,
    };
    let id = innocent.message.as_ref().unwrap().identifier;
    let message = Message::new(MsgType::Protocol, id, &KeygenMessage::from(body));
    net.publish(message.sign(OperatorId(3), &identity(3).key).unwrap());
    net.run();
    assert!(net.kept.is_empty());
    // what the blamer told them, so that somebody to whom it told another session key sees both
    let told = net.published.iter().filter(|message| {
        message.signer == OperatorId(3) && payload_opt(message).is_some_and(|p| p.preparation.is_some())
    });
    assert!(told.count() > 1);
    for id in [1, 2, 4].map(OperatorId) {
        match net.finished.get(&id) {
            Some(Finish::Blame { report, reason }) => {
                assert!(!report.valid);
                assert!(reason.as_str().contains("not proven"), "{reason}");
            }
            other => panic!("{other:?}"),
        }
    }
}

/// What RockX's nodes do ten minutes after an operator fell silent.
#[test]
fn the_recorded_wrong_blames_are_not_believed() {
    let recording = vectors("live/keygen-timeout-n4.json");
    let (everybody, keys) = (ids(1..=4), peers(&ids(1..=4)));
    let mut judged = 0;
    for exchange in recording["exchanges"].as_array().unwrap() {
        let Some(body) = exchange["body_b64"].as_str() else {
            continue;
        };
        let bytes = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, body).unwrap();
        let message = SignedMessage::from_ssv(&bytes).unwrap();
        if let Some(blame) = blame_of(&message) {
            let ceremony = message.message.as_ref().unwrap().identifier;
            let court = court(ceremony, &everybody, &keys);
            let judgement = court.judge(&blame, message.signer, None);
            assert!(!judgement.proven, "{judgement:?}");
            judged += 1;
        }
    }
    assert!(judged > 0, "the recording holds blames");
}
