//! What may be untrue in an operator's messages, and how it is said.

use std::collections::BTreeMap;

use casimir_dkg::dkg::rockx::ecies::SessionPublicKey;
use casimir_dkg::dkg::rockx::node::session::Identity;
use casimir_dkg::dkg::rockx::wire::{
    Decode, Encode, GoBytes, KeygenMessage, KeysignMessage, Message, MsgType, PartialDepositData,
    Preparation, ProtocolRound, Round1, SignedMessage, SignedOutput,
};
use casimir_dkg::dkg::threshold::{SecretScalar, partial_sign};
use casimir_dkg::types::OperatorId;
use rand::rngs::OsRng;

/// Something untrue in an operator's messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Lie {
    /// Round 1: a share for this operator that does not fit the commitments.
    Share(OperatorId),
    /// Round 1: nothing for this operator.
    NoShare(OperatorId),
    /// Round 1: a proof of knowledge that does not verify.
    Proof,
    /// Round 1: one commitment is missing.
    FewerCommitments,
    /// Round 1: two different, each well-formed.
    Equivocate,
    /// Round 2: another share key.
    ShareKey,
    /// Round 2: another validator key.
    ValidatorKey,
    /// Deposit data, or the preparation of a signing ceremony: not a signature of its share.
    PartialSignature,
    /// The signed result has another validator key (keygen, reshare) or signature (signing).
    Output,
}

/// A kind of message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    Preparation,
    Round1,
    Round2,
    DepositData,
    Output,
}

/// What kind of message this is.
pub(crate) fn step_of(message: &SignedMessage) -> Option<Step> {
    let message = message.message.as_ref()?;
    match message.msg_type {
        MsgType::DepositData => Some(Step::DepositData),
        MsgType::Output => Some(Step::Output),
        MsgType::Protocol => match KeygenMessage::from_json(message.data.as_slice()).ok()?.round {
            ProtocolRound::Preparation => Some(Step::Preparation),
            ProtocolRound::Round1 => Some(Step::Round1),
            ProtocolRound::Round2 => Some(Step::Round2),
            _ => None,
        },
        _ => None,
    }
}

impl Lie {
    /// Whether this is the message of `liar` that the lie is told in.
    pub(crate) fn concerns(&self, message: &SignedMessage, liar: OperatorId) -> bool {
        let keysign = message.message.as_ref().is_some_and(|m| {
            KeysignMessage::from_json(m.data.as_slice())
                .is_ok_and(|m| m.preparation.is_some_and(|p| !p.partial_signature.is_nil()))
        });
        let told_in = match self {
            Self::Share(_) | Self::NoShare(_) | Self::Proof | Self::FewerCommitments | Self::Equivocate => {
                Step::Round1
            }
            Self::ShareKey | Self::ValidatorKey => Step::Round2,
            Self::PartialSignature if keysign => Step::Preparation,
            Self::PartialSignature => Step::DepositData,
            Self::Output => Step::Output,
        };
        message.signer == liar && step_of(message) == Some(told_in)
    }
}

/// What is said instead of `honest`.
pub(crate) fn corrupt(
    lie: &Lie,
    honest: &SignedMessage,
    me: &Identity,
    session_keys: &BTreeMap<OperatorId, Preparation>,
) -> Vec<SignedMessage> {
    let message = honest.message.as_ref().expect("our own messages have content");
    let payload = message.data.as_slice();
    let sign = |msg_type, payload: Vec<u8>| {
        let message = Message {
            msg_type,
            identifier: message.identifier,
            data: payload.into(),
        };
        message.sign(me.id, &me.key).expect("RSA")
    };
    let other_key = || GoBytes::from(SecretScalar::random(&mut OsRng).public_key().0);
    let other_signature = || GoBytes::from(partial_sign(&SecretScalar::random(&mut OsRng), b"else").0);
    let protocol = |change: &dyn Fn(&mut KeygenMessage)| {
        let mut payload = KeygenMessage::from_json(payload).expect("a payload");
        change(&mut payload);
        sign(MsgType::Protocol, payload.to_json())
    };
    let round1 = |change: &dyn Fn(&mut Round1)| protocol(&|m| change(m.round1.as_mut().expect("a dealing")));
    let share_for = |victim: &OperatorId| {
        let key = SessionPublicKey::parse(session_keys[victim].session_pk.as_slice()).expect("a session key");
        let share = SecretScalar::random(&mut OsRng).to_be_bytes();
        GoBytes::from(
            key.encrypt(&*share, &mut OsRng)
                .expect("short plaintexts encrypt"),
        )
    };
    vec![match lie {
        Lie::Share(victim) => round1(&|r| {
            r.shares
                .0
                .as_mut()
                .expect("shares")
                .insert(*victim, share_for(victim));
        }),
        Lie::NoShare(victim) => round1(&|r| {
            r.shares.0.as_mut().expect("shares").remove(victim);
        }),
        Lie::Proof => round1(&|r| std::mem::swap(&mut r.proof_s, &mut r.proof_r)),
        Lie::FewerCommitments => round1(&|r| {
            r.commitment.0.as_mut().expect("commitments").pop();
        }),
        Lie::Equivocate => {
            let second = round1(&|r| {
                let (victim, _) = session_keys.iter().find(|(id, _)| **id != me.id).expect("a peer");
                r.shares
                    .0
                    .as_mut()
                    .expect("shares")
                    .insert(*victim, share_for(victim));
            });
            return vec![honest.clone(), second];
        }
        Lie::ShareKey => protocol(&|m| m.round2.as_mut().expect("round 2").vk_share = other_key()),
        Lie::ValidatorKey => protocol(&|m| m.round2.as_mut().expect("round 2").vk = other_key()),
        Lie::PartialSignature if message.msg_type == MsgType::DepositData => {
            let mut payload = PartialDepositData::from_json(payload).expect("deposit data");
            payload.signature = other_signature();
            sign(MsgType::DepositData, payload.to_json())
        }
        Lie::PartialSignature => {
            let mut payload = KeysignMessage::from_json(payload).expect("a payload");
            payload
                .preparation
                .as_mut()
                .expect("a preparation")
                .partial_signature = other_signature();
            sign(MsgType::Protocol, payload.to_json())
        }
        Lie::Output => {
            let mut output = SignedOutput::from_json(payload).expect("a result");
            let false_output = if let Some(mut data) = output.data.take() {
                data.validator_pub_key = other_key();
                SignedOutput::of_output(data, me.id, &me.key)
            } else {
                let mut data = output.key_sign_data.take().expect("a result");
                data.signature = other_signature();
                SignedOutput::of_keysign(data, me.id, &me.key)
            };
            sign(MsgType::Output, false_output.expect("RSA").to_json())
        }
    }]
}
