//! What ceremonies give, after verification.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::types::{BlsPublicKey, BlsSignature, OperatorId};

/// A verified key generation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeygenOutput {
    /// Interpolated from the public keys of the shares.
    pub validator: BlsPublicKey,
    /// Deposit signature over (validator, withdrawal credentials, 32 ETH) in the deposit domain of the fork version.
    pub deposit_signature: BlsSignature,
    /// Public key of each operator's share.
    pub share_public_keys: BTreeMap<OperatorId, BlsPublicKey>,
    /// Each operator's share, encrypted to its RSA key (256 bytes), hex in JSON.
    #[serde(with = "hex_map")]
    pub encrypted_shares: BTreeMap<OperatorId, Vec<u8>>,
    /// Signature over the registration that the plan named, where it named one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registration: Option<BlsSignature>,
    /// What each operator must be given again for a later ceremony with this key, in bytes of the backend's own, hex in
    /// JSON. Nothing, where the operators keep their shares.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty", with = "hex_map")]
    pub handed_back: BTreeMap<OperatorId, Vec<u8>>,
}

/// A verified resharing: the same validator key, new shares.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReshareOutput {
    /// The validator key, unchanged.
    pub validator: BlsPublicKey,
    /// Public key of each new operator's share.
    pub share_public_keys: BTreeMap<OperatorId, BlsPublicKey>,
    /// Each new operator's share, encrypted to its RSA key (256 bytes), hex in JSON.
    #[serde(with = "hex_map")]
    pub encrypted_shares: BTreeMap<OperatorId, Vec<u8>>,
    /// Signature over the registration that the plan named, where it named one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registration: Option<BlsSignature>,
    /// As of a key generation, by the new operators.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty", with = "hex_map")]
    pub handed_back: BTreeMap<OperatorId, Vec<u8>>,
}

/// The result of a ceremony, after verification.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", tag = "result")]
pub enum CeremonyResult {
    Keygen(KeygenOutput),
    Reshare(ReshareOutput),
    Sign {
        /// The combined signature, valid under the validator key.
        signature: BlsSignature,
    },
}

pub(super) mod hex_map {
    use std::collections::BTreeMap;

    use serde::{Deserialize, Deserializer, Serializer, de, ser::SerializeMap};

    use crate::types::OperatorId;

    pub(in crate::types) fn serialize<S: Serializer>(
        map: &BTreeMap<OperatorId, Vec<u8>>,
        s: S,
    ) -> Result<S::Ok, S::Error> {
        let mut out = s.serialize_map(Some(map.len()))?;
        for (id, bytes) in map {
            out.serialize_entry(id, &format!("0x{}", hex::encode(bytes)))?;
        }
        out.end()
    }

    pub(in crate::types) fn deserialize<'de, D: Deserializer<'de>>(
        d: D,
    ) -> Result<BTreeMap<OperatorId, Vec<u8>>, D::Error> {
        BTreeMap::<OperatorId, String>::deserialize(d)?
            .into_iter()
            .map(|(id, text)| {
                let bytes = hex::decode(text.trim_start_matches("0x")).map_err(de::Error::custom)?;
                Ok((id, bytes))
            })
            .collect()
    }
}
