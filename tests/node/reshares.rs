//! Resharings: which committees work, what they leave behind, and what is refused.

use std::collections::BTreeMap;

use casimir_dkg::dkg::rockx::node::store::KeyShare;
use casimir_dkg::dkg::threshold;
use casimir_dkg::types::{BlsSignature, OperatorId};

use super::net::{Net, check_shares, ids};

type Keys = BTreeMap<OperatorId, KeyShare>;

fn keygen(n: u64) -> Keys {
    let mut net = Net::keygen(n, 100 + n);
    net.run();
    net.kept
}

/// The signature that these shares make together, if they make one.
fn sign(keys: &Keys) -> Option<BlsSignature> {
    let mut net = Net::keysign(keys, &[9; 32], 5);
    net.run();
    let first = *keys.keys().next().unwrap();
    let validator = keys[&first].validator;
    if net.finished.is_empty() {
        return None;
    }
    let output = net
        .outputs(first)
        .get(&first)
        .unwrap()
        .key_sign_data
        .clone()
        .unwrap();
    let signature = BlsSignature::try_from(output.signature.as_slice()).unwrap();
    assert!(threshold::verify(&validator, &[9; 32], &signature));
    Some(signature)
}

/// Reshares and checks that the new committee signs exactly as the old one did.
fn works(keys: &Keys, dealers: &[u64], receivers: &[u64]) -> Keys {
    let (dealers, receivers) = (ids(dealers.iter().copied()), ids(receivers.iter().copied()));
    let validator = keys.values().next().unwrap().validator;
    let mut net = Net::reshare(keys, &dealers, &receivers, 77);
    net.run();
    assert!(net.rejected.is_empty(), "{:?}", net.rejected);
    assert_eq!(net.kept.keys().copied().collect::<Vec<_>>(), receivers);
    check_shares(&net.kept, validator);
    let outputs = net.outputs(receivers[0]);
    assert_eq!(outputs.len(), receivers.len());
    for (_, output) in outputs.iter() {
        assert!(output.data.as_ref().unwrap().deposit_data_signature.is_nil());
    }
    // old operators that leave report the results, too
    for dealer in &dealers {
        assert_eq!(net.outputs(*dealer), outputs);
    }
    assert_eq!(sign(&net.kept), sign(keys));
    net.kept
}

#[test]
fn the_committees_of_the_real_programs_work() {
    let keys = keygen(4);
    for (dealers, receivers) in [
        ([1, 2, 3], [5, 6, 7, 8]),
        ([1, 2, 3], [1, 5, 6, 7]),
        ([1, 2, 3], [1, 2, 3, 5]),
        ([2, 3, 4], [1, 2, 3, 5]),
        ([1, 2, 4], [1, 2, 3, 5]),
        ([1, 2, 3], [1, 2, 3, 4]),
    ] {
        works(&keys, &dealers, &receivers);
    }
}

#[test]
fn larger_committees_and_changing_sizes_work() {
    let seven = keygen(7);
    works(&seven, &[1, 2, 3, 4, 5], &[1, 2, 3, 4, 5, 6, 8]);
    let thirteen = keygen(13);
    let ten = works(
        &thirteen,
        &[1, 2, 3, 4, 5, 6, 7, 8, 9],
        &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10],
    );
    works(&ten, &[1, 2, 3, 4, 5, 6, 7], &[1, 2, 3, 4, 5, 6, 7]);
}

#[test]
fn a_second_resharing_starts_from_the_new_shares() {
    let keys = keygen(4);
    let second = works(&keys, &[1, 2, 3], &[1, 2, 3, 5]);
    works(&second, &[2, 3, 5], &[2, 3, 5, 6]);
}

#[test]
fn old_and_new_shares_do_not_mix() {
    let keys = keygen(4);
    let new = works(&keys, &[1, 2, 3], &[1, 2, 3, 4]);
    // two of each: neither generation has its three
    let mut mixed = keys.clone();
    for id in [1, 2].map(OperatorId) {
        mixed.insert(id, new[&id].clone());
    }
    assert_eq!(sign(&mixed), None);
    assert!(sign(&keys).is_some(), "the old committee still signs");
}

#[test]
fn too_few_dealers_are_noticed_before_anybody_keeps_a_share() {
    let keys = keygen(4);
    let mut net = Net::reshare(&keys, &ids([1, 2]), &ids([5, 6, 7, 8]), 3);
    net.run();
    assert!(net.kept.is_empty());
    for id in [1, 2, 5, 6, 7, 8] {
        assert!(
            net.failure(id).contains("requested validator key"),
            "{}",
            net.failure(id)
        );
    }
}

#[test]
fn a_dealer_without_the_key_cannot_slip_in() {
    let keys = keygen(4);
    let mut forged = keys.clone();
    // operator 3 deals a share that it made up
    forged.get_mut(&OperatorId(3)).unwrap().share[31] ^= 1;
    let mut net = Net::reshare(&forged, &ids([1, 2, 3]), &ids([1, 2, 3, 5]), 4);
    net.run();
    assert!(net.kept.is_empty());
    assert!(net.failure(5).contains("requested validator key"));
    assert!(
        net.failure(1)
            .ends_with("operator 3 dealt something else than its share")
    );
}
