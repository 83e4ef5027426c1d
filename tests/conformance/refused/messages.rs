//! Messages of the rounds that contradict the result, each other, or the protocol.

use casimir_dkg::dkg::rockx::frost::Dealing;
use casimir_dkg::dkg::rockx::verify::{Observed, Rejected};
use casimir_dkg::dkg::rockx::wire::{
    KeygenMessage, KeysignMessage, KeysignPreparation, Message, MsgType, Round2, SignedMessage, Timeout,
};
use casimir_dkg::dkg::threshold::{SecretScalar, partial_sign};
use casimir_dkg::types::{CeremonyPlan, CheckStatus, OperatorId, RequestId, Root, SignPurpose};
use rand::rngs::OsRng;

use crate::conformance::recorded::{CLI_KEYGEN, CLI_KEYGEN_SIGN, cli_signing, keygen_result, recorded};
use crate::conformance::vectors::private_keys;

use super::{failed, live_keygen, reason};

#[test]
fn an_equivocating_operator_is_named() {
    let mut ceremony = live_keygen();
    let dealing = Dealing::new(OperatorId(2), SecretScalar::random(&mut OsRng), 3, &mut OsRng);
    let recipients = ceremony.observed().preparations;
    let second = dealing.round1(&recipients, &mut OsRng).unwrap();
    ceremony.publish(2, &KeygenMessage::from(second));
    let verification = ceremony.verify();
    assert_eq!(failed(&verification), ["equivocation"]);
    assert_eq!(
        reason(&verification, "equivocation"),
        "operator 2 sent two different messages of round 1"
    );
    // a repetition of the same message is none
    let mut ceremony = live_keygen();
    let again = ceremony.messages.clone();
    ceremony.messages.extend(again);
    assert!(failed(&ceremony.verify()).is_empty());
}

#[test]
fn a_dealer_with_a_higher_threshold_or_without_proof_is_named() {
    let deal = |threshold, change: &dyn Fn(&mut casimir_dkg::dkg::rockx::wire::Round1)| {
        let mut ceremony = live_keygen();
        let recipients = ceremony.observed().preparations;
        ceremony.unpublish(2, "round1");
        let dealing = Dealing::new(
            OperatorId(2),
            SecretScalar::random(&mut OsRng),
            threshold,
            &mut OsRng,
        );
        let mut body = dealing.round1(&recipients, &mut OsRng).unwrap();
        change(&mut body);
        ceremony.publish(2, &KeygenMessage::from(body));
        ceremony.verify()
    };
    let four = deal(4, &|_| {});
    assert_eq!(failed(&four), ["observed-messages"]);
    assert_eq!(
        reason(&four, "observed-messages"),
        "operator 2: 4 commitments for threshold 3"
    );
    let unproven = deal(3, &|body| body.proof_s = body.proof_r.clone());
    assert!(
        reason(&unproven, "observed-messages").contains("operator 2: the proof of knowledge does not verify")
    );
    let left_out = deal(3, &|body| {
        drop(body.shares.0.as_mut().unwrap().remove(&OperatorId(4)))
    });
    assert!(reason(&left_out, "observed-messages").contains("operator 2: no share for operator 4"));
    // a proper dealing of something else than what the committee used
    let other = deal(3, &|_| {});
    assert_eq!(failed(&other), ["share-keys-derived"]);
}

#[test]
fn round_2_must_name_the_same_keys() {
    let mut ceremony = live_keygen();
    ceremony.unpublish(3, "round2");
    let unseen = ceremony.verify();
    assert!(
        failed(&unseen).is_empty(),
        "a message that was not seen is unknown, not a failure"
    );
    assert_eq!(unseen.check("round-2-keys").unwrap().status, CheckStatus::Unknown);
    assert!(reason(&unseen, "observed-messages").contains("round 2 of operator 3"));
    let key = SecretScalar::random(&mut OsRng).public_key();
    ceremony.publish(
        3,
        &KeygenMessage::from(Round2 {
            vk: key.0.into(),
            vk_share: key.0.into(),
        }),
    );
    let verification = ceremony.verify();
    assert_eq!(failed(&verification), ["round-2-keys"]);
    assert!(reason(&verification, "round-2-keys").contains("operator 3 derived another validator key"));
}

#[test]
fn a_bad_partial_signature_is_named() {
    let cli = keygen_result(&recorded("live/cli-keygen-n4.json", CLI_KEYGEN, None).verify());
    let signing = || {
        cli_signing(
            "live/cli-keygen-n4.json",
            CLI_KEYGEN_SIGN,
            4,
            &cli.share_public_keys,
        )
    };
    let mut ceremony = signing();
    ceremony.unpublish(4, "PartialSignature");
    let partial = partial_sign(&SecretScalar::random(&mut OsRng), b"something else");
    let body = KeysignPreparation {
        partial_signature: partial.0.into(),
    };
    ceremony.publish(4, &KeysignMessage::from(body));
    let verification = ceremony.verify();
    assert_eq!(failed(&verification), ["partial-signatures"]);
    assert!(reason(&verification, "partial-signatures").contains("operator 4's"));

    // another nonce is another root: the plan contradicts itself, and the signature is for something else
    let mut ceremony = signing();
    let CeremonyPlan::Sign { signing_root, .. } = &mut ceremony.plan else {
        panic!()
    };
    *signing_root = Root([9; 32]);
    let names = ceremony.unobserved();
    assert_eq!(failed(&names), ["plan", "signature"]);

    // SSV hashes the checksummed spelling only
    let mut ceremony = signing();
    let CeremonyPlan::Sign {
        what: SignPurpose::OwnerNonce { owner, .. },
        ..
    } = &mut ceremony.plan
    else {
        panic!()
    };
    *owner = owner.to_lowercase();
    assert_eq!(failed(&ceremony.unobserved()), ["plan"]);

    let mut ceremony = signing();
    let CeremonyPlan::Sign {
        share_public_keys, ..
    } = &mut ceremony.plan
    else {
        panic!()
    };
    share_public_keys.clear();
    let verification = ceremony.verify();
    assert!(failed(&verification).is_empty());
    assert_eq!(
        verification.check("partial-signatures").unwrap().status,
        CheckStatus::Unknown
    );
}

#[test]
fn only_participants_own_messages_of_this_ceremony_count() {
    let ceremony = live_keygen();
    let context = ceremony.context();
    let mut observed = Observed::default();
    let message = Message::new(
        MsgType::Protocol,
        ceremony.id,
        &KeygenMessage::from(Timeout::default()),
    );
    let sign = |message: &Message, id: u64| {
        message
            .clone()
            .sign(OperatorId(id), &private_keys()[&OperatorId(id)])
            .unwrap()
    };

    let mut in_anothers_name = sign(&message, 1);
    in_anothers_name.signer = OperatorId(2);
    assert_eq!(
        observed.add(context, &in_anothers_name),
        Err(Rejected::Forged(OperatorId(2)))
    );
    assert_eq!(
        observed.add(context, &sign(&message, 5)),
        Err(Rejected::Stranger(OperatorId(5)))
    );
    assert_eq!(
        observed.add(context, &SignedMessage::default()),
        Err(Rejected::Empty)
    );
    let mut foreign = message.clone();
    foreign.identifier = RequestId([1; 24]);
    assert!(matches!(
        observed.add(context, &sign(&foreign, 1)),
        Err(Rejected::OtherCeremony(_))
    ));
    // a timeout is attributable, and no fault
    observed.add(context, &sign(&message, 1)).unwrap();
    assert!(observed.faults.is_empty());
    // a signed message that is none of this protocol is a fault of its signer
    for payload in [
        "{}",
        "[]",
        "{\"round\":2}",
        "{\"round\":1,\"preparation\":{\"SessionPk\":\"AAAA\"}}",
    ] {
        let mut broken = message.clone();
        broken.data = payload.as_bytes().into();
        observed.add(context, &sign(&broken, 3)).unwrap();
    }
    assert_eq!(observed.faults.len(), 4);
    assert!(observed.faults.iter().all(|(id, _)| *id == OperatorId(3)));
}
