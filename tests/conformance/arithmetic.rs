//! Properties of the arithmetic: which shares make a key and a signature, and which do not.

use std::collections::BTreeMap;

use casimir_dkg::dkg::rockx::ecies::SessionKey;
use casimir_dkg::dkg::rockx::frost::{
    Dealing, DerivedKeys, combine_shares, open_share, reshare_secret, verify_round1,
};
use casimir_dkg::dkg::threshold::{
    CombineError, Commitments, InterpolationError, PointError, SecretPolynomial, SecretScalar,
    coefficients_at_zero, combine, decode_key, decode_signature, interpolate_key, interpolate_secret,
    interpolates_to, partial_sign, verify, verify_partials,
};
use casimir_dkg::types::{BlsPublicKey, BlsSignature, OperatorId};
use proptest::prelude::*;
use proptest::sample::subsequence;
use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;

/// A committee as the operators themselves would make it: every dealer deals to every member.
struct Committee {
    threshold: u8,
    keys: DerivedKeys,
    shares: BTreeMap<OperatorId, SecretScalar>,
}

/// Deals the given secrets to `members`, through encryption and every check.
fn ceremony(
    secrets: BTreeMap<OperatorId, SecretScalar>,
    members: &[OperatorId],
    threshold: u8,
    rng: &mut ChaCha20Rng,
) -> Committee {
    let sessions: BTreeMap<OperatorId, SessionKey> =
        members.iter().map(|id| (*id, SessionKey::random(rng))).collect();
    let mut dealt: BTreeMap<OperatorId, Vec<SecretScalar>> = BTreeMap::new();
    let mut dealers = BTreeMap::new();
    for (dealer, secret) in secrets {
        let dealing = Dealing::new(dealer, secret, threshold, rng);
        let others = sessions.iter().filter(|(id, _)| **id != dealer);
        let recipients = others.map(|(id, key)| (*id, key.public())).collect();
        let broadcast = dealing.round1(&recipients, rng).unwrap();
        let commitments = verify_round1(dealer, &broadcast, threshold).unwrap();
        for (member, session) in &sessions {
            let share = if *member == dealer {
                dealing.share(*member)
            } else {
                open_share(*member, session, &broadcast, &commitments).unwrap()
            };
            dealt.entry(*member).or_default().push(share);
        }
        dealers.insert(dealer, commitments);
    }
    let keys = DerivedKeys::new(&dealers, members).unwrap();
    let shares = dealt
        .into_iter()
        .map(|(id, parts)| (id, combine_shares(&parts).unwrap()))
        .collect();
    Committee {
        threshold,
        keys,
        shares,
    }
}

fn keygen(ids: &[OperatorId], threshold: u8, rng: &mut ChaCha20Rng) -> Committee {
    let secrets = ids.iter().map(|id| (*id, SecretScalar::random(rng))).collect();
    ceremony(secrets, ids, threshold, rng)
}

impl Committee {
    fn partials(&self, message: &[u8]) -> BTreeMap<OperatorId, BlsSignature> {
        self.shares
            .iter()
            .map(|(id, share)| (*id, partial_sign(share, message)))
            .collect()
    }
}

fn size() -> impl Strategy<Value = (usize, u8)> {
    prop::sample::select(vec![(4, 3), (7, 5), (10, 7), (13, 9)])
}

/// n distinct ids, small ones and ones as large as the registry may reach, and a subset of them of size t.
fn committee_ids() -> impl Strategy<Value = (Vec<OperatorId>, u8, Vec<OperatorId>)> {
    size().prop_flat_map(|(n, t)| {
        let pool: Vec<u64> = (1..=14)
            .chain([255, 256, 257, 1_000_003, u64::from(u32::MAX)])
            .collect();
        subsequence(pool, n).prop_flat_map(move |ids| {
            let ids: Vec<OperatorId> = ids.into_iter().map(OperatorId).collect();
            (Just(ids.clone()), Just(t), subsequence(ids, usize::from(t)))
        })
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn any_threshold_of_a_committee_signs_and_one_fewer_does_not(
        (ids, t, chosen) in committee_ids(), seed in any::<u64>(), message in any::<[u8; 32]>(),
    ) {
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let committee = keygen(&ids, t, &mut rng);
        let keys = &committee.keys;
        for (id, share) in &committee.shares {
            prop_assert_eq!(share.public_key(), keys.share_keys[id]);
        }
        interpolates_to(&keys.share_keys, t, &keys.validator).unwrap();

        let all = committee.partials(&message);
        prop_assert!(verify_partials(&keys.share_keys, &message, &all).is_empty());
        let some: BTreeMap<_, _> = chosen.iter().map(|id| (*id, all[id])).collect();
        let signature = combine(&keys.validator, &message, t, &some).unwrap();
        prop_assert!(verify(&keys.validator, &message, &signature));
        prop_assert_eq!(combine(&keys.validator, &message, t, &all).unwrap(), signature, "one signature, whoever signs");

        let mut fewer = some.clone();
        fewer.pop_first();
        let needed = usize::from(t);
        prop_assert_eq!(
            combine(&keys.validator, &message, t, &fewer),
            Err(CombineError::TooFew { got: needed - 1, needed })
        );
        prop_assert_eq!(combine(&keys.validator, &message, t - 1, &fewer), Err(CombineError::Invalid));

        let mut wrong = some;
        let culprit = chosen[0];
        wrong.insert(culprit, partial_sign(&SecretScalar::random(&mut rng), &message));
        prop_assert_eq!(combine(&keys.validator, &message, t, &wrong), Err(CombineError::Invalid));
        prop_assert_eq!(verify_partials(&keys.share_keys, &message, &wrong), vec![culprit]);
    }

    #[test]
    fn resharing_keeps_the_key(
        (old_ids, t, dealers) in committee_ids(), joining in subsequence((20_u64..34).collect::<Vec<_>>(), 14),
        overlap in any::<bool>(), seed in any::<u64>(), message in any::<[u8; 32]>(),
    ) {
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let old = keygen(&old_ids, t, &mut rng);
        let n = old_ids.len();
        let mut new_ids: Vec<OperatorId> = joining.into_iter().take(n).map(OperatorId).collect();
        if overlap {
            new_ids.splice(1.., old_ids[1..].iter().copied());
            new_ids.sort_unstable();
        }
        let secrets = dealers
            .iter()
            .map(|id| (*id, reshare_secret(&old.shares[id], *id, &dealers).unwrap()))
            .collect();
        let new = ceremony(secrets, &new_ids, t, &mut rng);
        prop_assert_eq!(new.keys.validator, old.keys.validator);
        interpolates_to(&new.keys.share_keys, t, &old.keys.validator).unwrap();
        let signature = combine(&old.keys.validator, &message, t, &new.partials(&message)).unwrap();
        let before = combine(&old.keys.validator, &message, t, &old.partials(&message)).unwrap();
        prop_assert_eq!(signature, before);
        // old and new shares do not mix
        let mut mixed: BTreeMap<_, _> = new.partials(&message).into_iter().take(usize::from(t)).collect();
        let (stale, partial) = old.partials(&message).pop_last().unwrap();
        mixed.pop_last();
        mixed.insert(stale, partial);
        if mixed.len() == usize::from(t) {
            prop_assert!(combine(&old.keys.validator, &message, t, &mixed).is_err());
        }
    }

    #[test]
    fn one_wrong_share_key_is_caught_wherever_it_stands(
        (ids, t, _) in committee_ids(), at in any::<prop::sample::Index>(), seed in any::<u64>(),
    ) {
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let Committee { keys, threshold, .. } = keygen(&ids, t, &mut rng);
        prop_assert_eq!(threshold, t);
        let mut tampered = keys.share_keys.clone();
        tampered.insert(*at.get(&ids), SecretScalar::random(&mut rng).public_key());
        prop_assert!(interpolates_to(&tampered, t, &keys.validator).is_err());
        let other = SecretScalar::random(&mut rng).public_key();
        prop_assert!(interpolates_to(&keys.share_keys, t, &other).is_err());
        // a sharing of higher degree through the first t keys is caught by the keys behind them
        let mut swapped = keys.share_keys.clone();
        let (a, b) = (ids[0], ids[ids.len() - 1]);
        swapped.insert(a, keys.share_keys[&b]);
        swapped.insert(b, keys.share_keys[&a]);
        prop_assert!(interpolates_to(&swapped, t, &keys.validator).is_err());
    }

    #[test]
    fn a_wrong_share_fails_its_commitments(t in 2_u8..10, id in 1..u64::MAX, seed in any::<u64>()) {
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let polynomial = SecretPolynomial::random(SecretScalar::random(&mut rng), t, &mut rng);
        let commitments = polynomial.commitments();
        prop_assert_eq!(commitments.threshold(), polynomial.threshold());
        let share = polynomial.share(OperatorId(id));
        prop_assert!(commitments.verify_share(OperatorId(id), &share));
        prop_assert!(!commitments.verify_share(OperatorId(id - 1), &share));
        prop_assert!(!commitments.verify_share(OperatorId(id), &SecretScalar::random(&mut rng)));
        let points: Vec<_> = commitments.iter().map(|p| p.0).collect();
        prop_assert_eq!(Commitments::decode(&points).unwrap(), commitments);
    }

    #[test]
    fn points_from_noise_are_refused(noise in prop::collection::vec(any::<u8>(), 0..100)) {
        prop_assert!(decode_key(&noise).is_err());
        prop_assert!(decode_signature(&noise).is_err());
        let mut padded = noise;
        padded.resize(96, 0);
        let _ = verify(&BlsPublicKey(padded[..48].try_into().unwrap()), b"m", &BlsSignature(padded.try_into().unwrap()));
    }
}

#[test]
fn the_identity_and_foreign_subgroups_are_refused() {
    let mut identity = [0; 96];
    identity[0] = 0xc0;
    assert_eq!(decode_key(&identity[..48]), Err(PointError::Identity));
    assert_eq!(decode_signature(&identity), Err(PointError::Identity));
    assert_eq!(
        decode_key(&identity),
        Err(PointError::Length {
            expected: 48,
            got: 96
        })
    );
    // x = 4 is on the curve of G1, but nearly every point of the curve is outside the subgroup of prime order
    let mut outside = [0; 48];
    outside[0] = 0x80;
    outside[47] = 4;
    let raw = blstrs::G1Affine::from_compressed_unchecked(&outside);
    assert!(bool::from(raw.is_some()), "a curve point");
    assert_eq!(decode_key(&outside), Err(PointError::Invalid));
    // a signature by the identity key would verify with the identity signature
    assert!(!verify(
        &BlsPublicKey(identity[..48].try_into().unwrap()),
        b"m",
        &BlsSignature(identity)
    ));
}

#[test]
fn interpolation_refuses_duplicates_and_zero() {
    let ids = |list: &[u64]| list.iter().map(|id| OperatorId(*id)).collect::<Vec<_>>();
    assert_eq!(
        coefficients_at_zero(&ids(&[1, 2, 1])),
        Err(InterpolationError::Duplicate(OperatorId(1)))
    );
    assert_eq!(
        coefficients_at_zero(&ids(&[1, 0])),
        Err(InterpolationError::ZeroId)
    );
    assert_eq!(coefficients_at_zero(&[]), Err(InterpolationError::Empty));
    assert_eq!(
        interpolate_secret(&BTreeMap::new()).err(),
        Some(InterpolationError::Empty)
    );
    let zero = BTreeMap::from([(OperatorId(3), BlsPublicKey([0; 48]))]);
    assert!(matches!(
        interpolate_key(&zero),
        Err(InterpolationError::Point {
            operator: OperatorId(3),
            ..
        })
    ));
}

#[test]
fn scalars_are_canonical() {
    let order = hex::decode("73eda753299d7d483339d80809a1d80553bda402fffe5bfeffffffff00000001").unwrap();
    assert!(SecretScalar::from_be_bytes(&order).is_err());
    assert!(SecretScalar::from_be_bytes(&[0xff; 32]).is_err());
    assert!(SecretScalar::from_be_bytes(&[1; 31]).is_err());
    assert!(SecretScalar::from_be_bytes(&[0; 32]).unwrap().is_zero());
    let mut below = order;
    below[31] = 0;
    assert_eq!(
        *SecretScalar::from_be_bytes(&below).unwrap().to_be_bytes(),
        below[..]
    );
}
