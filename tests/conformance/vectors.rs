//! The data files, and what tests need of them again and again.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{LazyLock, OnceLock};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use casimir_dkg::dkg::rockx::keys::{OperatorPrivateKey, OperatorPublicKey};
use casimir_dkg::dkg::rockx::wire::SignedMessage;
use casimir_dkg::types::OperatorId;
use serde_json::Value;

/// The recordings of the real programs.
pub(crate) const RECORDINGS: [&str; 6] = [
    "live/cli-keygen-n4.json",
    "live/cli-resharing.json",
    "live/keygen-n4.json",
    "live/keygen-timeout-n4.json",
    "live/keysign-exit-n4.json",
    "live/reshare-overlap-4.json",
];

/// The computed happy flows.
pub(crate) const TRANSCRIPTS: [&str; 3] = [
    "vectors-keygen-transcript.json",
    "vectors-reshare-transcript.json",
    "vectors-keysign-transcript.json",
];

pub(crate) fn text_of(file: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/vectors/rockx")
        .join(file);
    std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

pub(crate) fn load(file: &str) -> Value {
    serde_json::from_str(&text_of(file)).unwrap_or_else(|e| panic!("{file}: {e}"))
}

/// A text field.
pub(crate) fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name]
        .as_str()
        .unwrap_or_else(|| panic!("no text {name} in {value:.200}"))
}

/// A field of hex digits.
pub(crate) fn bytes(value: &Value, name: &str) -> Vec<u8> {
    hex::decode(text(value, name)).unwrap_or_else(|e| panic!("{name}: {e}"))
}

/// A field of hex digits of known length.
pub(crate) fn array<const N: usize>(value: &Value, name: &str) -> [u8; N] {
    bytes(value, name)
        .try_into()
        .unwrap_or_else(|b: Vec<u8>| panic!("{name} has {} bytes", b.len()))
}

/// An object whose keys are operator ids.
pub(crate) fn by_operator(value: &Value) -> impl Iterator<Item = (OperatorId, &Value)> {
    value
        .as_object()
        .expect("an object by operator")
        .iter()
        .map(|(id, v)| (OperatorId(id.parse().unwrap()), v))
}

pub(crate) fn base64(value: &str) -> Vec<u8> {
    STANDARD.decode(value).expect("base64")
}

/// One request of a recording.
pub(crate) struct Exchange {
    pub(crate) request: String,
    pub(crate) status: Option<u64>,
    pub(crate) response: String,
    /// Raw envelope bytes, of `/publish` and `/consume`.
    pub(crate) ssv: Option<Vec<u8>>,
    /// Any other body.
    pub(crate) body: String,
}

pub(crate) fn exchanges(recording: &Value) -> Vec<Exchange> {
    let field = |e: &Value, name: &str| e[name].as_str().unwrap_or_default().to_owned();
    recording["exchanges"]
        .as_array()
        .expect("exchanges")
        .iter()
        .map(|e| Exchange {
            request: field(e, "request"),
            status: e["status"].as_u64(),
            response: field(e, "response"),
            ssv: e["body_b64"].as_str().map(base64),
            body: field(e, "body"),
        })
        .collect()
}

/// Every protocol message of a recording, each delivery counted.
pub(crate) fn recorded_messages(file: &str) -> Vec<SignedMessage> {
    exchanges(&load(file))
        .iter()
        .filter_map(|e| e.ssv.as_deref())
        .map(|ssv| SignedMessage::from_ssv(ssv).unwrap_or_else(|e| panic!("{file}: {e}")))
        .collect()
}

/// The messages that operators published in a recording, in the order of publication.
pub(crate) fn published(recording: &Value, topic: &str) -> Vec<SignedMessage> {
    exchanges(recording)
        .iter()
        .filter(|e| e.request.starts_with("POST /publish") && e.request.ends_with(topic))
        .filter_map(|e| e.ssv.as_deref())
        .map(|ssv| SignedMessage::from_ssv(ssv).unwrap())
        .collect()
}

/// RSA keys of the hard-coded operators 1 to 8.
pub(crate) fn private_keys() -> &'static BTreeMap<OperatorId, OperatorPrivateKey> {
    static KEYS: OnceLock<BTreeMap<OperatorId, OperatorPrivateKey>> = OnceLock::new();
    KEYS.get_or_init(|| {
        by_operator(&load("hardcoded-operators.json")["operators"])
            .map(|(id, o)| {
                (
                    id,
                    OperatorPrivateKey::parse(text(o, "rsa_private_pkcs1_pem")).unwrap(),
                )
            })
            .collect()
    })
}

pub(crate) static PUBLIC_KEYS: LazyLock<BTreeMap<OperatorId, OperatorPublicKey>> = LazyLock::new(|| {
    private_keys()
        .iter()
        .map(|(id, key)| (*id, key.public().clone()))
        .collect()
});
