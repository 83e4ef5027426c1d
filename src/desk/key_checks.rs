//! Checks on key material that are made again here, from the bytes that would be sent, whatever the ceremony said.

use std::collections::BTreeMap;

use alloy::primitives::Address;

use super::owner_nonce::ExpectedNonce;
use crate::beacon::roots;
use crate::dkg::threshold;
use crate::oracle::{Fact, FactKind, KnownKey, Registration};
use crate::ports::{SharesData, Ssv};
use crate::types::{
    BlsPublicKey, Check, CheckStatus, DEPOSIT_GWEI, ForkVersion, KeygenOutput, OperatorId, OwnerNonce, Root,
};

/// The key is a point of the right subgroup, and every share key lies on the polynomial that gives it at 0, of the degree
/// at which `needed` operators sign.
pub(super) fn key(
    validator: &BlsPublicKey,
    shares: &BTreeMap<OperatorId, BlsPublicKey>,
    needed: u8,
) -> Vec<Check> {
    let valid = match threshold::decode_key(validator.as_bytes()) {
        Ok(_) => Check::pass(
            "validator-key-valid",
            "a G1 point of the prime-order subgroup, not the identity",
        ),
        Err(error) => Check::fail("validator-key-valid", error.to_string()),
    };
    let interpolates = match threshold::interpolates_to(shares, needed, validator) {
        Ok(()) => Check::pass(
            "share-keys-interpolate",
            "all share keys lie on one polynomial whose value at 0 is the key",
        ),
        Err(error) => Check::fail("share-keys-interpolate", error.to_string()),
    };
    vec![valid, interpolates]
}

/// The public keys of the shares: from the journal, else from the contract's shares data where any `needed` of these give
/// the key. Without them a bad signer cannot be named.
pub(super) fn share_keys(
    known: Option<&KnownKey>,
    validator: &BlsPublicKey,
    (committee, needed): (&[OperatorId], u8),
    contract: Option<SharesData>,
) -> BTreeMap<OperatorId, BlsPublicKey> {
    if let Some(known) = known.filter(|k| k.validator == *validator && k.committee == committee) {
        return known.share_public_keys.clone();
    }
    contract
        .map(|shares| shares.share_public_keys)
        .filter(|keys| {
            // whoever wrote the calldata is not believed: they must lie on the key's polynomial
            threshold::interpolates_to(keys, needed, validator).is_ok()
        })
        .unwrap_or_default()
}

/// Whether the journal and the contract mean the same key. The contract decides who holds it: another oracle may have
/// reshared it, so a disagreement there is unknown, not wrong.
pub(super) fn in_journal(
    known: Option<&KnownKey>,
    validator: &BlsPublicKey,
    holders: &[OperatorId],
) -> Check {
    const NAME: &str = "key-in-journal";
    let list = super::proposal::list;
    let Some(known) = known else {
        return Check::unknown(NAME, "this journal knows nothing of the pool's key");
    };
    let words = format!(
        "the journal has {} with operators {}",
        known.validator,
        list(&known.committee)
    );
    if known.validator != *validator {
        Check::fail(NAME, format!("{words}; the contract has {validator}"))
    } else if known.committee != holders {
        Check::unknown(
            NAME,
            format!(
                "{words}; the contract has the same key with operators {}",
                list(holders)
            ),
        )
    } else {
        Check::pass(NAME, words)
    }
}

/// The deposit signature holds for exactly these credentials, 32 ETH and this fork.
pub(super) fn deposit_signature(keygen: &KeygenOutput, credentials: &Root, fork: ForkVersion) -> Check {
    let root = roots::deposit_signing_root(&keygen.validator, credentials, DEPOSIT_GWEI, fork);
    let holds = threshold::verify(&keygen.validator, &root.0, &keygen.deposit_signature);
    Check::of(
        "deposit-signature",
        holds,
        if holds {
            format!("valid for 32 ETH, credentials {credentials}, fork {fork}")
        } else {
            format!(
                "NOT valid for 32 ETH, credentials {credentials}, fork {fork}: depositing would burn the money"
            )
        },
    )
}

/// The registration signature holds for the manager as owner and the nonce that it was made for, and that is the one that
/// SSV expects now.
pub(super) fn registration(
    owner: Address,
    validator: &BlsPublicKey,
    registration: Registration,
    nonce: &ExpectedNonce,
) -> Vec<Check> {
    let message = OwnerNonce::new(owner, registration.nonce);
    let holds = threshold::verify(validator, message.root().as_bytes(), &registration.signature);
    let signature = Check::of(
        "registration-signature",
        holds,
        if holds {
            format!("valid over keccak256 of «{message}»")
        } else {
            format!("NOT valid over keccak256 of «{message}»")
        },
    );
    vec![signature, nonce.check(registration.nonce)]
}

/// SSV's shares data as it would be sent; empty where it cannot be written, which the check says.
pub(super) fn shares_data(
    ssv: &dyn Ssv,
    registration: Registration,
    keys: &BTreeMap<OperatorId, BlsPublicKey>,
    encrypted: &BTreeMap<OperatorId, Vec<u8>>,
) -> (Vec<u8>, Check) {
    const NAME: &str = "shares-data";
    let shares = SharesData {
        signature: registration.signature,
        share_public_keys: keys.clone(),
        encrypted_shares: encrypted.clone(),
    };
    match ssv.encode_shares(&shares) {
        Ok(data) => {
            let n = keys.len();
            let words = format!("{} bytes for {n} operators", data.len());
            let has_cluster = ssv.capabilities().cluster_sizes.contains(&n);
            (data, Check::of(NAME, has_cluster, words))
        }
        Err(why) => (Vec::new(), Check::fail(NAME, why.to_string())),
    }
}

/// The checks of a signing ceremony without those that it could not make, and these as facts, once the signature `holds`.
/// A key has one signature over a root, whoever combined it and whoever held back: what was not seen of how it came
/// about leaves no doubt about it, and no rule needs to wait for a person because one operator of four was late.
pub(super) fn doubts_of_origin(checks: Vec<Check>, holds: bool) -> (Vec<Check>, Vec<Fact>) {
    let (unseen, checks): (Vec<_>, Vec<_>) = checks
        .into_iter()
        .partition(|check| holds && check.status == CheckStatus::Unknown);
    let told = unseen.into_iter().map(|check| {
        let words = format!("{}: {}", check.name, check.reason);
        Fact::new("not seen, not needed", FactKind::Text, words)
    });
    (checks, told.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_ceremony_did_not_see_is_a_doubt_only_about_a_signature_that_does_not_hold() {
        let checks = vec![
            Check::pass("signature", "valid"),
            Check::unknown("result-source", "combined here"),
            Check::fail("partial-signatures", "operator 2's is bad"),
        ];
        let (kept, told) = doubts_of_origin(checks.clone(), true);
        assert_eq!(kept, [checks[0].clone(), checks[2].clone()]);
        let words: Vec<_> = told.iter().map(|fact| fact.value.as_str()).collect();
        assert_eq!(words, ["result-source: combined here"]);

        assert_eq!(doubts_of_origin(checks.clone(), false), (checks, Vec::new()));
    }

    mod keys {
        use super::super::*;
        use crate::dkg::threshold::{SecretPolynomial, SecretScalar};
        use crate::types::{BlsSignature, CheckStatus};

        fn ids(list: &[u64]) -> Vec<OperatorId> {
            list.iter().copied().map(OperatorId).collect()
        }

        /// A key of operators 1 to 4 of whom three sign, and the shares data of its deposit.
        fn dealt() -> (KnownKey, Vec<u8>) {
            dealt_for(3)
        }

        fn dealt_for(needed: u8) -> (KnownKey, Vec<u8>) {
            let committee = ids(&[1, 2, 3, 4]);
            let mut rng = rand::rngs::OsRng;
            let polynomial = SecretPolynomial::random(SecretScalar::random(&mut rng), needed, &mut rng);
            let share_public_keys: BTreeMap<_, _> = committee
                .iter()
                .map(|id| (*id, polynomial.share(*id).public_key()))
                .collect();
            let shares = SharesData {
                signature: BlsSignature::default(),
                share_public_keys: share_public_keys.clone(),
                encrypted_shares: committee.iter().map(|id| (*id, vec![0; 256])).collect(),
            };
            let known = KnownKey {
                validator: polynomial.secret().public_key(),
                committee,
                share_public_keys,
                handed_back: BTreeMap::new(),
            };
            (known, shares.encode().unwrap())
        }

        #[test]
        fn without_the_journal_the_contract_tells_the_share_keys_if_they_give_the_key() {
            let (key, shares) = dealt();
            let (other, others) = dealt();
            let told = |known: Option<&KnownKey>, shares: &[u8]| {
                let shares = SharesData::decode(shares, &key.committee).ok();
                share_keys(known, &key.validator, (&key.committee, 3), shares)
            };
            assert_eq!(told(Some(&key), &[]), key.share_public_keys);
            assert_eq!(told(None, &shares), key.share_public_keys);
            assert_eq!(
                told(Some(&other), &shares),
                key.share_public_keys,
                "the journal's is another key"
            );
            assert!(told(None, &others).is_empty(), "of another key");
            assert!(told(None, &shares[1..]).is_empty());
            assert!(told(None, &[]).is_empty());
        }

        #[test]
        fn how_many_sign_is_told_and_follows_from_no_size() {
            let (made, shares) = dealt_for(4);
            let status = |needed| key(&made.validator, &made.share_public_keys, needed)[1].status;
            assert_eq!((status(4), status(3)), (CheckStatus::Pass, CheckStatus::Fail));
            let told = |needed| {
                let shares = SharesData::decode(&shares, &made.committee).ok();
                share_keys(None, &made.validator, (&made.committee, needed), shares)
            };
            assert_eq!((told(4), told(3).len()), (made.share_public_keys.clone(), 0));
        }

        #[test]
        fn another_committee_is_unknown_and_another_key_is_wrong() {
            let (key, _) = dealt();
            let status = |known, holders: &[u64]| in_journal(known, &key.validator, &ids(holders)).status;
            assert_eq!(status(Some(&key), &[1, 2, 3, 4]), CheckStatus::Pass);
            assert_eq!(status(Some(&key), &[1, 2, 3, 5]), CheckStatus::Unknown);
            assert_eq!(status(None, &[1, 2, 3, 4]), CheckStatus::Unknown);
            assert_eq!(status(Some(&dealt().0), &[1, 2, 3, 4]), CheckStatus::Fail);
        }
    }
}
