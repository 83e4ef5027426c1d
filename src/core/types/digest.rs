//! The digest of an action, which decisions name: computed by the engine, and again by whoever signs elsewhere.

use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::{ActionId, Root};

/// Version of [`payload_digest`], in its tag.
pub const DIGEST: u32 = 2;

/// SHA-256 over a tag with the digest's version and the JSON of `body`.
#[must_use]
pub fn action_digest(version: u32, body: &impl Serialize) -> Root {
    let body = serde_json::to_vec(body).expect("plain data serialises");
    let mut hash = Sha256::new();
    hash.update(format!("casimir-dkg action v{version}\0"));
    hash.update(body);
    Root(hash.finalize().into())
}

/// Version [`DIGEST`]: the action's id, and its kind, risk and payload. What is checked, said and shown of it stays outside: that
/// moves while a person looks, and the checks are made again before anything leaves.
#[must_use]
pub fn payload_digest(
    id: ActionId,
    kind: &impl Serialize,
    risk: &impl Serialize,
    payload: &impl Serialize,
) -> Root {
    action_digest(DIGEST, &(id, kind, risk, payload))
}
