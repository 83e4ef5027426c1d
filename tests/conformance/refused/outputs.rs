//! Outputs that must not be believed, and plans that cannot be fulfilled.

use casimir_dkg::dkg::rockx::verify::{Context, verify_ceremony};
use casimir_dkg::dkg::rockx::wire::{Decode, Encode, GoMap, SignedOutput};
use casimir_dkg::dkg::threshold::SecretScalar;
use casimir_dkg::types::{CeremonyPlan, CheckStatus, ForkVersion, OperatorId, RequestId, Root};
use proptest::prelude::*;
use rand::rngs::OsRng;

use crate::conformance::recorded::{
    CLI_KEYGEN, CLI_KEYGEN_SIGN, CLI_RESHARE, cli_signing, keygen_result, recorded, transcript,
};
use crate::conformance::vectors::PUBLIC_KEYS;

use super::{failed, live_keygen, reason};

#[test]
fn a_missing_a_foreign_and_an_unsigned_output() {
    let mut ceremony = live_keygen();
    let other = transcript("vectors-reshare-transcript.json", None);
    let fourth = ceremony.outputs.remove(&OperatorId(4)).unwrap();
    let verification = ceremony.verify();
    assert_eq!(
        failed(&verification),
        ["outputs-present", "share-keys-interpolate"]
    );
    assert_eq!(
        reason(&verification, "outputs-present"),
        "no output of operator 4"
    );

    // the same output again under another name
    ceremony
        .outputs
        .insert(OperatorId(4), ceremony.outputs[&OperatorId(3)].clone());
    let names = ceremony.unobserved();
    assert!(failed(&names).contains(&"outputs-by-committee"));
    assert!(failed(&names).contains(&"output-signatures"));

    ceremony.outputs.insert(OperatorId(4), fourth.clone());
    ceremony
        .outputs
        .insert(OperatorId(5), other.outputs[&OperatorId(5)].clone());
    let verification = ceremony.unobserved();
    assert!(reason(&verification, "outputs-by-committee").contains("operator 5"));
    assert!(failed(&verification).contains(&"request-id"));

    ceremony.outputs.remove(&OperatorId(5));
    let mut unsigned = fourth;
    unsigned.data.as_mut().unwrap().encrypted_share = vec![7; 256].into();
    ceremony.outputs.insert(OperatorId(4), unsigned);
    assert_eq!(failed(&ceremony.unobserved()), ["output-signatures"]);
    assert_eq!(
        failed(&ceremony.verify()),
        ["output-signatures", "observed-outputs"]
    );
}

#[test]
fn a_result_of_another_ceremony_or_kind() {
    let mut ceremony = live_keygen();
    ceremony.id = RequestId([7; 24]);
    assert_eq!(failed(&ceremony.unobserved()), ["request-id"]);

    let mut ceremony = recorded("live/cli-keygen-n4.json", CLI_KEYGEN, None);
    let keys = keygen_result(&ceremony.verify()).share_public_keys;
    let signing = cli_signing("live/cli-keygen-n4.json", CLI_KEYGEN_SIGN, 4, &keys);
    ceremony.outputs = signing.outputs;
    assert!(failed(&ceremony.unobserved()).contains(&"output-kind"));
}

#[test]
fn a_deposit_for_other_credentials_or_another_network() {
    let mut ceremony = live_keygen();
    let CeremonyPlan::Keygen {
        fork_version,
        withdrawal_credentials,
        ..
    } = &mut ceremony.plan
    else {
        panic!()
    };
    let (fork, credentials) = (*fork_version, *withdrawal_credentials);
    *fork_version = ForkVersion([1, 1, 0x70, 0]);
    assert_eq!(failed(&ceremony.unobserved()), ["deposit-signature"]);
    let CeremonyPlan::Keygen {
        fork_version,
        withdrawal_credentials,
        ..
    } = &mut ceremony.plan
    else {
        panic!()
    };
    *fork_version = fork;
    *withdrawal_credentials = Root([1; 32]);
    let verification = ceremony.verify();
    assert_eq!(failed(&verification), ["deposit-signature", "deposit-partials"]);
    assert!(reason(&verification, "deposit-partials").contains("operator 1 signed another deposit"));
    let CeremonyPlan::Keygen {
        withdrawal_credentials,
        ..
    } = &mut ceremony.plan
    else {
        panic!()
    };
    *withdrawal_credentials = credentials;
    assert!(failed(&ceremony.verify()).is_empty());
}

#[test]
fn a_key_that_is_not_the_committees() {
    // one operator reports another key, properly signed
    let mut ceremony = live_keygen();
    let foreign = SecretScalar::random(&mut OsRng).public_key();
    ceremony.resign(2, |output| output.validator_pub_key = foreign.0.into());
    assert_eq!(failed(&ceremony.unobserved()), ["validator-key-equal"]);

    // all of them report the attacker's key with a valid deposit signature, and shares that are not of that key
    let mut ceremony = live_keygen();
    for id in 1..=4 {
        ceremony.resign(id, |output| output.validator_pub_key = foreign.0.into());
    }
    let names = ceremony.verify();
    for name in [
        "share-keys-interpolate",
        "deposit-signature",
        "share-keys-derived",
        "round-2-keys",
        "observed-outputs",
    ] {
        assert!(failed(&names).contains(&name), "{name}");
    }

    // the identity is no key, even if everybody agrees
    let mut ceremony = live_keygen();
    let mut identity = [0; 48];
    identity[0] = 0xc0;
    for id in 1..=4 {
        ceremony.resign(id, |output| output.validator_pub_key = identity.into());
    }
    assert!(failed(&ceremony.unobserved()).contains(&"validator-key-point"));
}

#[test]
fn a_wrong_share_key_of_any_operator_also_of_the_last() {
    for id in 1..=4 {
        let mut ceremony = live_keygen();
        let wrong = SecretScalar::random(&mut OsRng).public_key();
        ceremony.resign(id, |output| output.share_pub_key = wrong.0.into());
        assert_eq!(
            failed(&ceremony.unobserved()),
            ["share-keys-interpolate"],
            "operator {id}"
        );
        let verification = ceremony.verify();
        assert!(reason(&verification, "share-keys-derived").contains(&format!("operator {id}")));
        assert!(reason(&verification, "deposit-partials").contains(&format!("operator {id}'s")));
    }
}

#[test]
fn a_share_of_another_length_and_a_second_deposit_signature() {
    let mut ceremony = live_keygen();
    ceremony.resign(3, |output| output.encrypted_share = vec![1; 255].into());
    assert_eq!(failed(&ceremony.unobserved()), ["encrypted-shares"]);
    let mut ceremony = live_keygen();
    ceremony.resign(3, |output| {
        output.deposit_data_signature.0.as_mut().unwrap()[95] ^= 1
    });
    assert_eq!(failed(&ceremony.unobserved()), ["deposit-signature-equal"]);
}

#[test]
fn a_reshare_that_changes_the_key() {
    let mut ceremony = recorded("live/cli-resharing.json", CLI_RESHARE, None);
    let CeremonyPlan::Reshare { validator, .. } = &mut ceremony.plan else {
        panic!()
    };
    *validator = SecretScalar::random(&mut OsRng).public_key();
    assert_eq!(failed(&ceremony.unobserved()), ["validator-key-unchanged"]);
    let mut ceremony = recorded("live/cli-resharing.json", CLI_RESHARE, None);
    ceremony.resign(6, |output| output.deposit_data_signature = vec![0; 96].into());
    assert_eq!(failed(&ceremony.unobserved()), ["no-deposit-signature"]);
}

#[test]
fn plans_that_no_ceremony_can_fulfil() {
    let good = live_keygen();
    let with = |committee: &[u64], threshold: u8| {
        let CeremonyPlan::Keygen {
            withdrawal_credentials,
            fork_version,
            ..
        } = &good.plan
        else {
            panic!()
        };
        let plan = CeremonyPlan::Keygen {
            committee: committee.iter().map(|id| OperatorId(*id)).collect(),
            threshold,
            withdrawal_credentials: *withdrawal_credentials,
            fork_version: *fork_version,
            registration: None,
        };
        let context = Context {
            plan: &plan,
            request_id: good.id,
            keys: &PUBLIC_KEYS,
        };
        let verification = verify_ceremony(context, &good.outputs, None);
        (
            verification.check("plan").unwrap().status,
            reason(&verification, "plan").to_owned(),
        )
    };
    assert_eq!(with(&[1, 2, 3, 4], 3).0, CheckStatus::Pass);
    for (committee, threshold, word) in [
        (&[1, 2, 3, 4][..], 2, "threshold 2"),
        (&[1, 2, 3], 2, "3 operators"),
        (&[1, 2, 3, 3], 3, "twice"),
        (&[0, 1, 2, 3], 3, "0 is no operator id"),
        (&[1, 2, 3, 9], 3, "no RSA key is known of operator 9"),
        (&[1, 2, 3, 1 << 32], 3, "no operator id"),
    ] {
        let (status, text) = with(committee, threshold);
        assert_eq!(status, CheckStatus::Fail);
        assert!(text.contains(word), "{text}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Whatever a messenger changes in what it stores: it is noticed, or it changes nothing.
    #[test]
    fn no_changed_byte_of_a_stored_result_yields_another_result(
        at in any::<prop::sample::Index>(), byte in prop::sample::select(b"0123456789abcXYZ/+=\"{},:".to_vec()),
    ) {
        let ceremony = live_keygen();
        let result = ceremony.unobserved().result;
        prop_assert!(result.is_some());
        let mut json = GoMap::from(ceremony.outputs.clone()).to_json();
        let at = at.index(json.len());
        json[at] = byte;
        if let Ok(GoMap(Some(outputs))) = GoMap::<SignedOutput>::from_json(&json) {
            let verification = verify_ceremony(ceremony.context(), &outputs, None);
            prop_assert!(verification.result.is_none() || verification.result == result);
        }
    }
}
