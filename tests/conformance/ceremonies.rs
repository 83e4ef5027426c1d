//! Whole ceremonies, computed and recorded, through the production verifier to their result.

use std::collections::BTreeMap;

use casimir_dkg::beacon::roots::voluntary_exit_signing_root;
use casimir_dkg::dkg::rockx::share::open_sealed_share;
use casimir_dkg::dkg::rockx::verify::verify_ceremony;
use casimir_dkg::dkg::threshold::{SecretScalar, interpolate_secret};
use casimir_dkg::types::{
    BlsPublicKey, CeremonyResult, CheckStatus, ForkVersion, OperatorId, SignPurpose, Verification,
};

use super::recorded::{
    CLI_KEYGEN, CLI_KEYGEN_SIGN, CLI_RESHARE, CLI_RESHARE_SIGN, cli_signing, keygen_result, recorded,
    request_id, reshare_result, transcript,
};
use super::vectors::{array, load, private_keys, text};

fn ids(list: impl IntoIterator<Item = u64>) -> Vec<OperatorId> {
    list.into_iter().map(OperatorId).collect()
}

/// Every check holds, none is unknown.
fn assert_all_pass(what: &str, verification: &Verification) {
    for check in &verification.checks {
        assert_eq!(
            check.status,
            CheckStatus::Pass,
            "{what}: {}: {}",
            check.name,
            check.reason
        );
    }
}

/// Opens every share at rest with its operator's RSA key and compares it with the share public key.
fn assert_shares_open(
    validator: &BlsPublicKey,
    sealed: &BTreeMap<OperatorId, Vec<u8>>,
    share_keys: &BTreeMap<OperatorId, BlsPublicKey>,
) {
    let shares: BTreeMap<OperatorId, SecretScalar> = sealed
        .iter()
        .map(|(id, sealed)| (*id, open_sealed_share(sealed, &private_keys()[id]).unwrap()))
        .collect();
    for (id, share) in &shares {
        assert_eq!(share.public_key(), share_keys[id], "operator {id}");
        let others = sealed.iter().filter(|(other, _)| *other != id);
        assert!(
            others
                .into_iter()
                .all(|(_, s)| open_sealed_share(s, &private_keys()[id]).is_err())
        );
    }
    let last: BTreeMap<_, _> = shares.into_iter().rev().take(3).collect();
    assert_eq!(interpolate_secret(&last).unwrap().public_key(), *validator);
}

#[test]
fn every_keygen_verifies_to_its_result() {
    let ceremonies = [
        ("vectors", transcript("vectors-keygen-transcript.json", None)),
        (
            "live",
            recorded("live/keygen-n4.json", &request_id("live/keygen-n4.json"), None),
        ),
        ("cli", recorded("live/cli-keygen-n4.json", CLI_KEYGEN, None)),
    ];
    for (what, ceremony) in ceremonies {
        let verification = ceremony.verify();
        assert_all_pass(what, &verification);
        let result = keygen_result(&verification);
        assert_eq!(
            result.share_public_keys.keys().copied().collect::<Vec<_>>(),
            ids(1..=4)
        );
        assert_shares_open(
            &result.validator,
            &result.encrypted_shares,
            &result.share_public_keys,
        );

        // the outputs alone are enough to accept the key; what was not seen is unknown, and does not pass
        let unobserved = verify_ceremony(ceremony.context(), &ceremony.outputs, None);
        assert_eq!(unobserved.result, verification.result);
        let unknown: Vec<_> = unobserved
            .checks
            .iter()
            .filter(|c| c.status == CheckStatus::Unknown)
            .map(|c| c.name.as_str())
            .collect();
        assert_eq!(
            unknown,
            [
                "dealings",
                "share-keys-derived",
                "round-2-keys",
                "deposit-partials",
                "observed-outputs",
                "equivocation",
                "observed-messages"
            ]
        );
    }
}

#[test]
fn every_reshare_keeps_its_validator_key() {
    let before =
        keygen_result(&recorded("live/keygen-n4.json", &request_id("live/keygen-n4.json"), None).verify());
    let cli = keygen_result(&recorded("live/cli-keygen-n4.json", CLI_KEYGEN, None).verify());
    let fixture = keygen_result(&transcript("vectors-keygen-transcript.json", None).verify());
    let overlap = recorded(
        "live/reshare-overlap-4.json",
        &request_id("live/reshare-overlap-4.json"),
        None,
    );
    let ceremonies = [
        (
            "vectors",
            transcript("vectors-reshare-transcript.json", None),
            fixture,
            ids(5..=8),
        ),
        ("overlap", overlap, before, ids([1, 2, 3, 5])),
        (
            "cli",
            recorded("live/cli-resharing.json", CLI_RESHARE, None),
            cli,
            ids(5..=8),
        ),
    ];
    for (what, ceremony, old, committee) in ceremonies {
        let verification = ceremony.verify();
        assert_all_pass(what, &verification);
        let result = reshare_result(&verification);
        assert_eq!(result.validator, old.validator, "{what}");
        assert_eq!(
            result.share_public_keys.keys().copied().collect::<Vec<_>>(),
            committee
        );
        assert!(
            result
                .share_public_keys
                .iter()
                .all(|(id, key)| old.share_public_keys.get(id) != Some(key))
        );
        assert_shares_open(
            &result.validator,
            &result.encrypted_shares,
            &result.share_public_keys,
        );
    }
}

#[test]
fn every_signing_ceremony_verifies_to_its_signature() {
    let exit = SignPurpose::VoluntaryExit {
        validator_index: 552_061,
        epoch: 200_000,
        domain: None,
    };
    let live =
        keygen_result(&recorded("live/keygen-n4.json", &request_id("live/keygen-n4.json"), None).verify());
    let cli = keygen_result(&recorded("live/cli-keygen-n4.json", CLI_KEYGEN, None).verify());
    let reshared = reshare_result(&recorded("live/cli-resharing.json", CLI_RESHARE, None).verify());
    let fixture = keygen_result(&transcript("vectors-keygen-transcript.json", None).verify());
    let exit_id = request_id("live/keysign-exit-n4.json");
    let four = ids(1..=4);
    let exit_signing = recorded(
        "live/keysign-exit-n4.json",
        &exit_id,
        Some((&four, exit.clone(), &live.share_public_keys)),
    );
    let ceremonies = [
        (
            "vectors",
            transcript(
                "vectors-keysign-transcript.json",
                Some((&four, exit, &fixture.share_public_keys)),
            ),
        ),
        ("exit", exit_signing),
        (
            "cli",
            cli_signing(
                "live/cli-keygen-n4.json",
                CLI_KEYGEN_SIGN,
                4,
                &cli.share_public_keys,
            ),
        ),
        (
            "cli, reshared",
            cli_signing(
                "live/cli-resharing.json",
                CLI_RESHARE_SIGN,
                5,
                &reshared.share_public_keys,
            ),
        ),
    ];
    for (what, ceremony) in ceremonies {
        let verification = ceremony.verify();
        assert_all_pass(what, &verification);
        assert!(
            matches!(verification.result, Some(CeremonyResult::Sign { .. })),
            "{what}"
        );
    }
}

#[test]
fn the_recorded_exit_signs_what_its_note_says() {
    let recording = load("live/keysign-exit-n4.json");
    assert!(
        text(&recording, "meaning").contains("200000"),
        "{}",
        text(&recording, "meaning")
    );
    // Prater's Capella version and genesis validators root
    let genesis = "0x043db0d9a83813551ee2f33450d23797757d430911a9320530ad8a0eabc43efb"
        .parse()
        .unwrap();
    let root = voluntary_exit_signing_root(200_000, 552_061, ForkVersion([3, 0, 0x10, 0x20]), &genesis);
    assert_eq!(root.0, array(&recording, "signing_root_hex"));
}

#[test]
fn shares_after_an_overlapping_reshare_do_not_mix_with_those_before() {
    let old =
        keygen_result(&recorded("live/keygen-n4.json", &request_id("live/keygen-n4.json"), None).verify());
    let overlap = recorded(
        "live/reshare-overlap-4.json",
        &request_id("live/reshare-overlap-4.json"),
        None,
    );
    let new = reshare_result(&overlap.verify());
    let open = |sealed: &BTreeMap<OperatorId, Vec<u8>>, id: u64| {
        open_sealed_share(&sealed[&OperatorId(id)], &private_keys()[&OperatorId(id)]).unwrap()
    };
    // the leaving operator's stale share and two new ones: not the key
    let mixed = BTreeMap::from([
        (OperatorId(1), open(&new.encrypted_shares, 1)),
        (OperatorId(2), open(&new.encrypted_shares, 2)),
        (OperatorId(4), open(&old.encrypted_shares, 4)),
    ]);
    assert_ne!(interpolate_secret(&mixed).unwrap().public_key(), old.validator);
    let renewed: BTreeMap<_, _> = [1, 3, 5]
        .map(|id| (OperatorId(id), open(&new.encrypted_shares, id)))
        .into();
    assert_eq!(interpolate_secret(&renewed).unwrap().public_key(), old.validator);
}
