//! The CLI's files, reproduced from the same data; and what is handed to SSV.

use std::collections::BTreeMap;

use alloy::primitives::Address;
use casimir_dkg::dkg::rockx::files;
use casimir_dkg::dkg::rockx::wire::{DataStore, Decode};
use casimir_dkg::dkg::threshold::{decode_key, verify};
use casimir_dkg::ssv::shares_data::{SharesData, SharesDataError};
use casimir_dkg::types::{BlsPublicKey, BlsSignature, CeremonyPlan, CeremonyResult, OperatorId, OwnerNonce};
use proptest::prelude::*;
use serde_json::Value;

use super::recorded::{
    CLI_KEYGEN, CLI_KEYGEN_SIGN, CLI_RESHARE, CLI_RESHARE_SIGN, Ceremony, OWNER, cli_signing, keygen_result,
    recorded, reshare_result, transcript,
};
use super::vectors::{PUBLIC_KEYS, array, exchanges, load, text};

fn assert_same(ours: &[u8], theirs: &str) {
    assert_eq!(String::from_utf8_lossy(ours), theirs);
}

/// The file that a run of the CLI wrote, by the beginning of its name.
fn written<'a>(recording: &'a Value, name: &str) -> &'a str {
    let files = recording["files"].as_object().unwrap();
    let (_, content) = files
        .iter()
        .rfind(|(file, _)| file.starts_with(name))
        .unwrap_or_else(|| panic!("no {name}"));
    content.as_str().unwrap()
}

fn stored(recording: &Value, id: &str) -> DataStore {
    let request = format!("GET /data/{id}");
    let exchange = exchanges(recording)
        .into_iter()
        .find(|e| e.request == request && e.status == Some(200))
        .unwrap();
    DataStore::from_json(exchange.response.as_bytes()).unwrap()
}

fn signature(ceremony: &Ceremony) -> BlsSignature {
    match ceremony.verify().result {
        Some(CeremonyResult::Sign { signature }) => signature,
        other => panic!("{other:?}"),
    }
}

fn keys_of(
    operators: impl Iterator<Item = OperatorId>,
) -> BTreeMap<OperatorId, casimir_dkg::dkg::rockx::keys::OperatorPublicKey> {
    operators.map(|id| (id, PUBLIC_KEYS[&id].clone())).collect()
}

/// Whether the signature is the validator key's over owner and nonce.
fn is_signed(shares: &SharesData, validator: &BlsPublicKey, owner: Address, nonce: u64) -> bool {
    let root = OwnerNonce::new(owner, nonce).root();
    verify(validator, &root.0, &shares.signature)
}

/// Writes the keyshares file with the time stamp of theirs, which is the only thing that cannot be recomputed.
fn assert_keyshares(theirs: &str, validator: &BlsPublicKey, shares: &SharesData, owner: &str, nonce: u64) {
    let json: Value = serde_json::from_str(theirs).unwrap();
    let owner: Address = owner.parse().unwrap();
    let operators = keys_of(shares.share_public_keys.keys().copied());
    let ours = files::keyshares(
        validator,
        &operators,
        shares,
        &owner,
        nonce,
        text(&json, "createdAt"),
    )
    .unwrap();
    assert_same(&ours, theirs);
    assert!(is_signed(shares, validator, owner, nonce));
    for key in shares.share_public_keys.values() {
        decode_key(&key.0).unwrap();
    }
    let raw = hex::decode(text(&json["payload"], "sharesData").trim_start_matches("0x")).unwrap();
    let committee: Vec<OperatorId> = operators.into_keys().rev().collect();
    assert_eq!(raw.len(), SharesData::len_for(committee.len()));
    assert_eq!(&SharesData::decode(&raw, &committee).unwrap(), shares);
}

#[test]
fn the_files_of_a_recorded_keygen_are_reproduced() {
    let recording = load("live/cli-keygen-n4.json");
    let ceremony = recorded("live/cli-keygen-n4.json", CLI_KEYGEN, None);
    let result = keygen_result(&ceremony.verify());
    assert_same(
        &files::dkg_results(&stored(&recording, CLI_KEYGEN)),
        written(&recording, "dkg_results"),
    );

    let CeremonyPlan::Keygen {
        withdrawal_credentials,
        fork_version,
        ..
    } = &ceremony.plan
    else {
        panic!()
    };
    let deposit = files::deposit_data(
        &result.validator,
        withdrawal_credentials,
        &result.deposit_signature,
        *fork_version,
        "prater",
    );
    assert_same(&deposit, written(&recording, "deposit_data"));

    let signing = cli_signing(
        "live/cli-keygen-n4.json",
        CLI_KEYGEN_SIGN,
        4,
        &result.share_public_keys,
    );
    let shares = SharesData {
        signature: signature(&signing),
        share_public_keys: result.share_public_keys,
        encrypted_shares: result.encrypted_shares,
    };
    assert_keyshares(
        written(&recording, "keyshares"),
        &result.validator,
        &shares,
        OWNER,
        4,
    );
}

#[test]
fn the_files_of_a_recorded_reshare_are_reproduced() {
    let recording = load("live/cli-resharing.json");
    let result = reshare_result(&recorded("live/cli-resharing.json", CLI_RESHARE, None).verify());
    let name = format!("dkg_results_{CLI_RESHARE}");
    assert_same(
        &files::dkg_results(&stored(&recording, CLI_RESHARE)),
        written(&recording, &name),
    );
    let signing = cli_signing(
        "live/cli-resharing.json",
        CLI_RESHARE_SIGN,
        5,
        &result.share_public_keys,
    );
    let shares = SharesData {
        signature: signature(&signing),
        share_public_keys: result.share_public_keys,
        encrypted_shares: result.encrypted_shares,
    };
    assert_keyshares(
        written(&recording, "keyshares"),
        &result.validator,
        &shares,
        OWNER,
        5,
    );
}

#[test]
fn the_file_vectors_are_reproduced() {
    let vectors = load("vectors-misc.json");
    let ceremony = transcript("vectors-keygen-transcript.json", None);
    let result = keygen_result(&ceremony.verify());
    let transcript = load("vectors-keygen-transcript.json");
    let store = DataStore::from_json(text(&transcript, "datastore_json").as_bytes()).unwrap();
    assert_same(
        &files::dkg_results(&store),
        text(&vectors["dkg_results_file"], "file_json"),
    );

    let CeremonyPlan::Keygen {
        withdrawal_credentials,
        fork_version,
        ..
    } = &ceremony.plan
    else {
        panic!()
    };
    let deposit = files::deposit_data(
        &result.validator,
        withdrawal_credentials,
        &result.deposit_signature,
        *fork_version,
        "prater",
    );
    assert_same(&deposit, text(&vectors["deposit_data"], "file_json"));

    let owner = &vectors["owner_nonce"];
    let nonce = owner["nonce"].as_u64().unwrap();
    let address: Address = text(owner, "owner_input").parse().unwrap();
    assert_eq!(address.to_checksum(None), text(owner, "owner_checksummed"));
    let root = OwnerNonce::new(address, nonce).root();
    assert_eq!(root.0, array(owner, "keccak256_signing_root_hex"));
    let spelled = OwnerNonce {
        owner: text(owner, "owner_checksummed").to_owned(),
        nonce,
    };
    assert_eq!(root, spelled.root());
    let shares = SharesData {
        signature: BlsSignature(array(owner, "bls_signature_hex")),
        share_public_keys: result.share_public_keys,
        encrypted_shares: result.encrypted_shares,
    };
    assert!(verify(&result.validator, &root.0, &shares.signature));
    let file = text(&vectors["keyshares_file"], "file_json");
    assert_keyshares(
        file,
        &result.validator,
        &shares,
        text(owner, "owner_input"),
        nonce,
    );
    assert_eq!(
        shares.encode().unwrap().len() as u64,
        vectors["keyshares_file"]["sharesData_bytes"].as_u64().unwrap()
    );
}

#[test]
fn a_blame_and_a_signature_have_their_own_forms_of_the_results_file() {
    let blame = load("vectors-blame.json")["cases"][0].clone();
    let store = DataStore::from_json(text(&blame, "datastore_json").as_bytes()).unwrap();
    let expected = format!("{{\"blame\":{}}}\n", text(&blame, "blame_output_json"));
    assert_same(&files::dkg_results(&store), &expected);

    let keysign = load("vectors-keysign-transcript.json");
    let store = DataStore::from_json(text(&keysign, "datastore_json").as_bytes()).unwrap();
    let file: Value = serde_json::from_slice(&files::dkg_results(&store)).unwrap();
    let first = &file["output"]["1"];
    assert_eq!(first["Data"], serde_json::json!({}));
    assert_eq!(
        text(&first["KeySignData"], "Signature"),
        text(&keysign, "reconstructed_signature_hex")
    );
    assert_eq!(
        text(&first["KeySignData"], "ValidatorPubKey"),
        text(&keysign, "validator_pk_hex")
    );
    assert_eq!(text(first, "Signer"), "1");
}

#[test]
fn shares_that_do_not_belong_together_are_refused() {
    let result = keygen_result(&transcript("vectors-keygen-transcript.json", None).verify());
    let owner = &load("vectors-misc.json")["owner_nonce"];
    let address: Address = text(owner, "owner_input").parse().unwrap();
    let good = SharesData {
        signature: BlsSignature(array(owner, "bls_signature_hex")),
        share_public_keys: result.share_public_keys.clone(),
        encrypted_shares: result.encrypted_shares.clone(),
    };
    assert!(is_signed(&good, &result.validator, address, 0));
    assert!(!is_signed(&good, &result.validator, address, 1));
    assert!(!is_signed(&good, &result.validator, Address::ZERO, 0));
    let two = OperatorId(2);
    let mut bad = good.clone();
    bad.encrypted_shares.remove(&two);
    assert_eq!(bad.encode(), Err(SharesDataError::Incomplete(two)));
    let mut bad = good.clone();
    bad.share_public_keys.remove(&two);
    assert_eq!(bad.encode(), Err(SharesDataError::Incomplete(two)));
    let mut bad = good.clone();
    bad.encrypted_shares.insert(two, vec![0; 255]);
    assert_eq!(
        bad.encode(),
        Err(SharesDataError::EncryptedShare {
            operator: two,
            got: 255
        })
    );
    assert!(decode_key(&[0; 48]).is_err());
    let bytes = good.encode().unwrap();
    let committee: Vec<OperatorId> = (1..=7).map(OperatorId).collect();
    assert!(matches!(
        SharesData::decode(&bytes, &committee),
        Err(SharesDataError::Length { operators: 7, .. })
    ));
}

proptest! {
    #[test]
    fn shares_data_of_any_bytes_is_split_or_refused(
        noise in prop::collection::vec(any::<u8>(), 0..2000), n in 0_u64..14, exact in any::<bool>(),
    ) {
        let committee: Vec<OperatorId> = (1..=n).map(OperatorId).collect();
        let mut bytes = noise;
        if exact {
            bytes.resize(SharesData::len_for(committee.len()), 7);
        }
        match SharesData::decode(&bytes, &committee) {
            Ok(shares) => prop_assert_eq!(shares.encode().unwrap(), bytes),
            Err(error) => prop_assert!(!exact, "{}", error),
        }
    }
}
