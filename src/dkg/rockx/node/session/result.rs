//! An operator's signed result: making our own, checking the others'.

use super::super::store::Unsettled;
use super::identity::{Identity, Peers};
use crate::dkg::rockx::keys::{KeyError, RSA_BYTES};
use crate::dkg::rockx::share::seal_share;
use crate::dkg::rockx::wire::{GoBytes, GoMap, Output, SignedOutput};
use crate::dkg::threshold::SecretScalar;
use crate::types::{BlsPublicKey, BlsSignature, OperatorId, RequestId, SafeText};

/// What the result of a keygen or resharing must say at one operator.
pub(super) struct Expected {
    pub(super) ceremony: RequestId,
    pub(super) validator: BlsPublicKey,
    pub(super) share_key: BlsPublicKey,
    /// None after a resharing.
    pub(super) deposit_signature: Option<BlsSignature>,
}

impl Expected {
    /// Our own result, with the share encrypted to our own RSA key.
    pub(super) fn produce(&self, me: &Identity, share: &SecretScalar) -> Result<SignedOutput, KeyError> {
        let output = Output {
            request_id: self.ceremony,
            encrypted_share: seal_share(share, me.key.public())?.into(),
            share_pub_key: self.share_key.0.into(),
            validator_pub_key: self.validator.0.into(),
            deposit_data_signature: self.deposit_signature.map_or(GoBytes::NIL, |s| s.0.into()),
        };
        SignedOutput::of_output(output, me.id, &me.key)
    }

    /// Whether a peer's result says the same. BLS signatures are unique, so equality with our own verified deposit
    /// signature is its verification.
    pub(super) fn agrees(&self, theirs: &SignedOutput) -> Result<(), &'static str> {
        let Some(output) = &theirs.data else {
            return Err("no result");
        };
        let deposit = self.deposit_signature.as_ref().map_or(&[][..], |s| &s.0);
        if output.request_id != self.ceremony {
            Err("its result is of another ceremony")
        } else if output.validator_pub_key.as_slice() != self.validator.0 {
            Err("its result has another validator key")
        } else if output.share_pub_key.as_slice() != self.share_key.0 {
            Err("its result has another share key")
        } else if output.deposit_data_signature.as_slice() != deposit {
            Err("its result has another deposit signature")
        } else if output.encrypted_share.as_slice().len() != RSA_BYTES {
            Err("its result has no encrypted share")
        } else {
            Ok(())
        }
    }
}

/// What can be checked of a peer's signed result as soon as it comes: outer and inner signer are the same member, and
/// the inner signature is its.
pub(super) fn check_signer(
    output: &SignedOutput,
    sender: OperatorId,
    peers: &Peers,
) -> Result<(), &'static str> {
    if output.signer != sender {
        return Err("the result is signed by another operator than its message");
    }
    match peers.get(&sender) {
        Some(key) if output.verify(key) => Ok(()),
        _ => Err("the result's signature is not valid"),
    }
}

/// Whether these results show that a run completed: one of every member and of nobody else, each signed by its operator,
/// all of this run and with the keys that this operator derived in it.
///
/// # Errors
/// What is missing or wrong.
pub(in super::super) fn completed(
    run: &Unsettled,
    peers: &Peers,
    outputs: &GoMap<SignedOutput>,
) -> Result<(), SafeText> {
    let stranger = outputs
        .iter()
        .find(|(id, _)| !run.share_public_keys.contains_key(id));
    if let Some((stranger, _)) = stranger {
        return Err(format!("a result of operator {stranger}, who is no member").into());
    }
    // a keygen's deposit signature is the same in all of them; a resharing has none
    let deposit_signature = outputs.iter().next().and_then(|(_, output)| {
        let bytes = &output.data.as_ref()?.deposit_data_signature;
        BlsSignature::try_from(bytes.as_slice()).ok()
    });
    for (id, share_key) in &run.share_public_keys {
        let expected = Expected {
            ceremony: run.ceremony,
            validator: run.validator,
            share_key: *share_key,
            deposit_signature,
        };
        let checked = match outputs.get(id) {
            Some(output) => check_signer(output, *id, peers).and_then(|()| expected.agrees(output)),
            None => Err("there is no result"),
        };
        checked.map_err(|why| format!("operator {id}: {why}"))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use super::*;
    use crate::dkg::rockx::keys::OperatorPrivateKey;

    const RUN: RequestId = RequestId([1; 24]);
    const VALIDATOR: BlsPublicKey = BlsPublicKey([7; 48]);

    fn output(id: u64, key: &OperatorPrivateKey, change: impl FnOnce(&mut Output)) -> SignedOutput {
        let mut output = Output {
            request_id: RUN,
            encrypted_share: vec![1; RSA_BYTES].into(),
            share_pub_key: [id as u8; 48].into(),
            validator_pub_key: VALIDATOR.0.into(),
            deposit_data_signature: GoBytes::NIL,
        };
        change(&mut output);
        SignedOutput::of_output(output, OperatorId(id), key).unwrap()
    }

    #[test]
    fn only_the_signed_results_of_exactly_the_committee_show_that_a_run_completed() {
        let keys: BTreeMap<u64, OperatorPrivateKey> = (1..=3)
            .map(|id| (id, OperatorPrivateKey::generate().unwrap()))
            .collect();
        let peers: Peers = Arc::new(
            keys.iter()
                .map(|(id, key)| (OperatorId(*id), Arc::new(key.public().clone())))
                .collect(),
        );
        let run = Unsettled {
            ceremony: RUN,
            validator: VALIDATOR,
            share_public_keys: [1, 2]
                .map(|id| (OperatorId(id), BlsPublicKey([id as u8; 48])))
                .into(),
        };
        let honest = |id: u64| (OperatorId(id), output(id, &keys[&id], |_| {}));
        let judge = |outputs: Vec<(OperatorId, SignedOutput)>| {
            completed(&run, &peers, &outputs.into_iter().collect()).map_err(|why| why.to_string())
        };
        assert_eq!(judge(vec![honest(1), honest(2)]), Ok(()));

        let second = |output: SignedOutput| judge(vec![honest(1), (OperatorId(2), output)]).unwrap_err();
        let changed = |change: fn(&mut Output)| second(output(2, &keys[&2], change));
        for (why, found) in [
            (
                "operator 2: there is no result",
                judge(vec![honest(1)]).unwrap_err(),
            ),
            ("operator 1: there is no result", judge(vec![]).unwrap_err()),
            (
                "a result of operator 3",
                judge(vec![honest(1), honest(2), honest(3)]).unwrap_err(),
            ),
            ("signature is not valid", second(output(2, &keys[&3], |_| {}))),
            ("signed by another operator", second(honest(1).1)),
            ("another ceremony", changed(|o| o.request_id = RequestId([2; 24]))),
            (
                "another validator key",
                changed(|o| o.validator_pub_key = [8; 48].into()),
            ),
            ("another share key", changed(|o| o.share_pub_key = [8; 48].into())),
            (
                "another deposit signature",
                changed(|o| o.deposit_data_signature = [8; 96].into()),
            ),
            (
                "no encrypted share",
                changed(|o| o.encrypted_share = GoBytes::NIL),
            ),
        ] {
            assert!(found.contains(why), "{why}: {found}");
        }
    }
}
