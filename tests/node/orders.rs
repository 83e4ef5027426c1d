//! Ceremonies complete, for every committee and in every order of delivery.

use casimir_dkg::beacon::roots::deposit_signing_root;
use casimir_dkg::dkg::rockx::node::session::Reject;
use casimir_dkg::dkg::rockx::share::open_sealed_share;
use casimir_dkg::dkg::threshold;
use casimir_dkg::types::DEPOSIT_GWEI;
use casimir_dkg::types::{BlsSignature, OperatorId};
use proptest::prelude::*;

use super::net::{CREDENTIALS, FORK, Net, check_shares, identity};

/// With all results in hand an operator is done, even if some deposit data has not come yet.
fn only_late(net: &Net) {
    assert!(
        net.rejected.iter().all(|(_, reject)| *reject == Reject::Over),
        "{:?}",
        net.rejected
    );
}

fn check_keygen(net: &Net, n: u64) {
    only_late(net);
    assert_eq!(net.kept.len() as u64, n);
    let validator = net.kept[&OperatorId(1)].validator;
    check_shares(&net.kept, validator);
    let root = deposit_signing_root(&validator, &CREDENTIALS, DEPOSIT_GWEI, FORK);
    let outputs = net.outputs(OperatorId(1));
    for id in (1..=n).map(OperatorId) {
        assert_eq!(net.outputs(id), outputs, "operator {id} reports other results");
        let output = outputs.get(&id).unwrap().data.as_ref().unwrap();
        assert_eq!(output.validator_pub_key.as_slice(), validator.0);
        let signature = BlsSignature::try_from(output.deposit_data_signature.as_slice()).unwrap();
        assert!(threshold::verify(&validator, &root.0, &signature));
        let share = open_sealed_share(output.encrypted_share.as_slice(), &identity(id.0).key).unwrap();
        assert_eq!(*share.to_be_bytes(), *net.kept[&id].share);
        assert_eq!(share.public_key().0, output.share_pub_key.as_slice());
    }
}

fn keygen_completes(n: u64) {
    let mut net = Net::keygen(n, n);
    net.run();
    check_keygen(&net, n);
    assert_eq!(net.published.len() as u64, 5 * n, "five messages from each");
}

#[test]
fn a_keygen_of_four_completes() {
    keygen_completes(4);
}

#[test]
fn a_keygen_of_seven_completes() {
    keygen_completes(7);
}

#[test]
fn a_keygen_of_ten_completes() {
    keygen_completes(10);
}

#[test]
fn a_keygen_of_thirteen_completes() {
    keygen_completes(13);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    /// Start messages are shuffled with all others: what comes before its start message is kept.
    #[test]
    fn every_order_of_delivery_completes(order in any::<u64>()) {
        let mut keygen = Net::keygen(4, order);
        keygen.run_shuffled(order);
        check_keygen(&keygen, 4);

        let old = [1, 2, 4].map(OperatorId);
        let new = [1, 2, 3, 5].map(OperatorId);
        let mut reshare = Net::reshare(&keygen.kept, &old, &new, order);
        reshare.run_shuffled(order);
        only_late(&reshare);
        check_shares(&reshare.kept, keygen.kept[&OperatorId(1)].validator);
        for id in [1, 2, 3, 4, 5].map(OperatorId) {
            prop_assert_eq!(reshare.outputs(id), reshare.outputs(OperatorId(1)));
        }

        let mut keysign = Net::keysign(&reshare.kept, b"five bytes", order);
        keysign.run_shuffled(order);
        only_late(&keysign);
        for id in new {
            let output = keysign.outputs(id).get(&id).unwrap().key_sign_data.clone().unwrap();
            let signature = BlsSignature::try_from(output.signature.as_slice()).unwrap();
            prop_assert!(threshold::verify(&keygen.kept[&OperatorId(1)].validator, b"five bytes", &signature));
        }
    }

    /// Whatever is delivered twice changes nothing.
    #[test]
    fn repeated_messages_change_nothing(order in any::<u64>()) {
        let mut net = Net::keygen(4, order);
        net.run_shuffled(order);
        let sent = net.published.clone();
        let mut again = Net::keygen(4, order);
        for message in sent.iter().take(8) {
            again.run_shuffled(order);
            again.publish(message.clone());
        }
        again.run_shuffled(order);
        for id in (1..=4).map(OperatorId) {
            prop_assert_eq!(again.outputs(id).len(), 4);
        }
    }
}
