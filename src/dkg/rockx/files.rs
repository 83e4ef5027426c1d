//! The three files that RockX's command line writes, byte for byte: other tools (deposit uploaders, SSV's web app) read
//! them. Each is one JSON document and a line break; hex has no `0x` except in the keyshares file.

use std::collections::BTreeMap;

use alloy::primitives::Address;

use super::keys::OperatorPublicKey;
use super::wire::codec::go_struct;
use super::wire::{BlameOutput, DataStore, Encode, GoList, GoMap, SignedOutput};
use crate::beacon::roots::{deposit_data_root, deposit_message_root};
use crate::ssv::shares_data::{SharesData, SharesDataError};
use crate::types::{BlsPublicKey, BlsSignature, DEPOSIT_GWEI, ForkVersion, OperatorId, Root};

/// The version that the deposit file claims to be written by.
const DEPOSIT_CLI_VERSION: &str = "2.7.0";

go_struct! {
    /// One kind of result in [`dkg_results`]; what the result lacks is left out.
    pub struct ResultFields {
        /// Of every kind.
        request_id: String = "RequestID" omitempty;
        /// Of keygen and reshare.
        encrypted_share: String = "EncryptedShare" omitempty;
        /// Of keygen and reshare.
        share_pub_key: String = "SharePubKey" omitempty;
        /// Of every kind.
        validator_pub_key: String = "ValidatorPubKey" omitempty;
        /// Of keygen.
        deposit_data_signature: String = "DepositDataSignature" omitempty;
        /// Of a signing ceremony.
        signature: String = "Signature" omitempty;
    }
}

go_struct! {
    /// One operator's result.
    pub struct OperatorResult {
        /// Empty unless the ceremony signed something.
        key_sign_data: ResultFields = "KeySignData";
        /// Empty if the ceremony signed something.
        data: ResultFields = "Data";
        /// The operator, as text.
        signer: String = "Signer";
        /// RSA signature.
        signature: String = "Signature";
    }
}

go_struct! {
    struct OutputFile {
        output: GoMap<OperatorResult> = "output" omitempty;
        blame: Option<BlameOutput> = "blame" omitempty;
    }
}

go_struct! {
    struct DepositFile {
        pubkey: String = "pubkey";
        withdrawal_credentials: String = "withdrawal_credentials";
        amount: u64 = "amount";
        signature: String = "signature";
        deposit_message_root: String = "deposit_message_root";
        deposit_data_root: String = "deposit_data_root";
        fork_version: String = "fork_version";
        network_name: String = "network_name";
        deposit_cli_version: String = "deposit_cli_version";
    }
}

go_struct! {
    struct FileOperator {
        id: OperatorId = "id";
        operator_key: String = "operatorKey";
    }
}

go_struct! {
    struct FileData {
        public_key: String = "publicKey";
        operators: GoList<FileOperator> = "operators";
    }
}

go_struct! {
    struct FilePayload {
        public_key: String = "publicKey";
        operator_ids: GoList<OperatorId> = "operatorIds";
        shares_data: String = "sharesData";
        owner_address: String = "ownerAddress";
        owner_nonce: u64 = "ownerNonce";
    }
}

go_struct! {
    struct KeysharesFile {
        version: String = "version";
        data: FileData = "data";
        payload: FilePayload = "payload";
        created_at: String = "createdAt";
    }
}

fn document(value: &impl Encode) -> Vec<u8> {
    let mut out = value.to_json();
    out.push(b'\n');
    out
}

impl From<&SignedOutput> for OperatorResult {
    fn from(output: &SignedOutput) -> Self {
        let data = output.data.as_ref().map(|data| ResultFields {
            request_id: data.request_id.to_string(),
            encrypted_share: hex::encode(&data.encrypted_share),
            share_pub_key: hex::encode(&data.share_pub_key),
            validator_pub_key: hex::encode(&data.validator_pub_key),
            deposit_data_signature: hex::encode(&data.deposit_data_signature),
            ..ResultFields::default()
        });
        let key_sign_data = output.key_sign_data.as_ref().map(|data| ResultFields {
            request_id: data.request_id.to_string(),
            validator_pub_key: hex::encode(&data.validator_pk),
            signature: hex::encode(&data.signature),
            ..ResultFields::default()
        });
        Self {
            data: data.unwrap_or_default(),
            key_sign_data: key_sign_data.unwrap_or_default(),
            signer: output.signer.to_string(),
            signature: hex::encode(&output.signature),
        }
    }
}

/// `dkg_results_<request id>_<unix>.json`: what the messenger stored, in hex. A blame is given as it is on the wire.
#[must_use]
pub fn dkg_results(stored: &DataStore) -> Vec<u8> {
    let results = stored.dkg_outputs.iter().map(|(id, output)| (*id, output.into()));
    document(&OutputFile {
        output: results.collect(),
        blame: stored.blame_output.clone(),
    })
}

/// `deposit_data-<unix>.json`: the format of the staking deposit tools, one deposit of 32 ETH.
#[must_use]
pub fn deposit_data(
    validator: &BlsPublicKey,
    withdrawal_credentials: &Root,
    signature: &BlsSignature,
    fork_version: ForkVersion,
    network_name: &str,
) -> Vec<u8> {
    let file = DepositFile {
        pubkey: hex::encode(validator.0),
        withdrawal_credentials: hex::encode(withdrawal_credentials.0),
        amount: DEPOSIT_GWEI,
        signature: hex::encode(signature.0),
        deposit_message_root: hex::encode(
            deposit_message_root(validator, withdrawal_credentials, DEPOSIT_GWEI).0,
        ),
        deposit_data_root: hex::encode(
            deposit_data_root(validator, withdrawal_credentials, DEPOSIT_GWEI, signature).0,
        ),
        fork_version: hex::encode(fork_version.0),
        network_name: network_name.to_owned(),
        deposit_cli_version: DEPOSIT_CLI_VERSION.to_owned(),
    };
    document(&GoList::from(vec![file]))
}

/// `keyshares-<unix>.json`, layout "v4" of RockX (SSV's own files differ). `created_at` is RFC 3339 with nanoseconds.
///
/// # Errors
/// The shares are not those of a committee.
pub fn keyshares(
    validator: &BlsPublicKey,
    operators: &BTreeMap<OperatorId, OperatorPublicKey>,
    shares: &SharesData,
    owner: &Address,
    nonce: u64,
    created_at: &str,
) -> Result<Vec<u8>, SharesDataError> {
    let public_key = validator.to_string();
    let operator_keys = operators.iter().map(|(id, key)| FileOperator {
        id: *id,
        operator_key: key.to_registry_text(),
    });
    Ok(document(&KeysharesFile {
        version: "v4".to_owned(),
        data: FileData {
            public_key: public_key.clone(),
            operators: operator_keys.collect(),
        },
        payload: FilePayload {
            public_key,
            operator_ids: shares.share_public_keys.keys().copied().collect(),
            shares_data: format!("0x{}", hex::encode(shares.encode()?)),
            owner_address: owner.to_checksum(None),
            owner_nonce: nonce,
        },
        created_at: created_at.to_owned(),
    }))
}
