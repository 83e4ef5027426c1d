//! Signing roots of deposits and exits.

use casimir_dkg::beacon::roots::{
    deposit_data_root, deposit_domain, deposit_message_root, deposit_signing_root, signing_root,
    voluntary_exit_domain, voluntary_exit_root, voluntary_exit_signing_root,
};
use casimir_dkg::dkg::threshold::verify;
use casimir_dkg::types::{BlsPublicKey, BlsSignature, DEPOSIT_GWEI, ForkVersion, Root};

use super::vectors::{array, load, text};

#[test]
fn deposit_roots_are_those_of_the_deposit_file() {
    let vector = &load("vectors-misc.json")["deposit_data"];
    let file: serde_json::Value = serde_json::from_str(text(vector, "file_json")).unwrap();
    let file = &file[0];
    let key = BlsPublicKey(array(file, "pubkey"));
    let credentials = Root(array(file, "withdrawal_credentials"));
    let signature = BlsSignature(array(vector, "signature_hex"));
    let fork = ForkVersion(array(vector, "fork_version_hex"));
    assert_eq!(
        deposit_message_root(&key, &credentials, DEPOSIT_GWEI).0,
        array(vector, "deposit_message_root_hex")
    );
    assert_eq!(deposit_domain(fork).0, array(vector, "domain_hex"));
    let root = deposit_signing_root(&key, &credentials, DEPOSIT_GWEI, fork);
    assert_eq!(root.0, array(vector, "signing_root_hex"));
    assert_eq!(
        deposit_data_root(&key, &credentials, DEPOSIT_GWEI, &signature).0,
        array(vector, "deposit_data_root_hex")
    );
    assert!(verify(&key, &root.0, &signature));
    for other in [
        deposit_signing_root(&key, &credentials, DEPOSIT_GWEI - 1, fork),
        deposit_signing_root(&key, &Root([1; 32]), DEPOSIT_GWEI, fork),
        deposit_signing_root(&key, &credentials, DEPOSIT_GWEI, ForkVersion([0; 4])),
    ] {
        assert!(!verify(&key, &other.0, &signature));
    }
}

#[test]
fn exit_roots_follow_eip_7044() {
    let vectors = load("vectors-misc.json");
    let key = BlsPublicKey(array(
        &load("vectors-keysign-transcript.json"),
        "validator_pk_hex",
    ));
    for network in ["mainnet", "holesky"] {
        let vector = &vectors["voluntary_exit"][network];
        let (epoch, index) = (
            vector["epoch"].as_u64().unwrap(),
            vector["validator_index"].as_u64().unwrap(),
        );
        let capella = ForkVersion(array(vector, "capella_fork_version_hex"));
        let genesis = Root(array(vector, "genesis_validators_root_hex"));
        let domain = voluntary_exit_domain(capella, &genesis);
        assert_eq!(domain.0, array(vector, "domain_hex"));
        assert_eq!(
            voluntary_exit_root(epoch, index).0,
            array(vector, "exit_root_hex")
        );
        let root = voluntary_exit_signing_root(epoch, index, capella, &genesis);
        assert_eq!(root.0, array(vector, "signing_root_hex"));
        assert_eq!(signing_root(&voluntary_exit_root(epoch, index), &domain), root);
        let signature = BlsSignature(array(vector, "signature_by_fixture_validator_hex"));
        assert!(verify(&key, &root.0, &signature));
        assert!(!verify(
            &key,
            &voluntary_exit_signing_root(epoch + 1, index, capella, &genesis).0,
            &signature
        ));
    }
}
