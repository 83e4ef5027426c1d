//! Proof that a request comes from who holds a key: a registration from its operator, a topic from its initiator.
//!
//! It travels in a header that other messengers ignore: `v1 <ms since the Unix epoch> <base64 of the public key's
//! SubjectPublicKeyInfo> <base64 of the signature>`. Signed is the text `casimir-dkg proof v1`, the time, and what is
//! claimed, each on lines of its own. Messages of the protocol sign 32-byte hashes: neither can pass for the other.

use std::fmt::Write as _;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::dkg::rockx::keys::{KeyError, OperatorPrivateKey, OperatorPublicKey};
use crate::types::UnixMillis;

/// Header with a proof of the key that a request is sent with.
pub const PROOF_HEADER: &str = "x-casimir-proof";

/// How far two clocks may be apart. A proof that was overheard is of no use afterwards, and before that it says only what
/// its owner said.
pub(super) const CLOCKS_APART: Duration = Duration::from_secs(10 * 60);
/// Longest header in bytes: a key of 2048 bits takes 392, its signature 344.
const LONGEST: usize = 2048;

/// Why a proof does not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum BadProof {
    #[error("the proof of the key cannot be read")]
    Form,
    #[error("the proof of the key is from {0} s away: one of the two clocks is wrong")]
    Clock(u64),
    #[error("the proof of the key is not for this request")]
    Signature,
}

/// What a registration of `name` at `address` claims; `topic` is a request id, or `default`.
pub(in crate::dkg::rockx) fn registration(topic: &str, name: &str, address: &str) -> String {
    format!("register\n{topic}\n{name}\n{address}")
}

/// What the creation of a topic claims.
pub(in crate::dkg::rockx) fn topic(id: &str, subscribers: &[String]) -> String {
    let mut names: Vec<&str> = subscribers.iter().map(String::as_str).collect();
    names.sort_unstable();
    names.dedup();
    format!("topic\n{id}\n{}", names.join(","))
}

/// What the removal of a topic claims.
pub(in crate::dkg::rockx) fn removal(id: &str) -> String {
    format!("remove\n{id}")
}

/// The header's value for a registration, for clients that are not of this program.
///
/// # Errors
/// The RSA library failed.
pub fn prove_registration(
    key: &OperatorPrivateKey,
    topic: &str,
    name: &str,
    address: &str,
) -> Result<String, KeyError> {
    prove(key, &registration(topic, name, address), UnixMillis::now())
}

/// The header's value for a topic's creation.
///
/// # Errors
/// The RSA library failed.
pub fn prove_topic(key: &OperatorPrivateKey, id: &str, subscribers: &[String]) -> Result<String, KeyError> {
    prove(key, &topic(id, subscribers), UnixMillis::now())
}

/// The header's value for a topic's removal.
///
/// # Errors
/// The RSA library failed.
pub fn prove_removal(key: &OperatorPrivateKey, id: &str) -> Result<String, KeyError> {
    prove(key, &removal(id), UnixMillis::now())
}

pub(in crate::dkg::rockx) fn prove(
    key: &OperatorPrivateKey,
    claim: &str,
    at: UnixMillis,
) -> Result<String, KeyError> {
    let signature = key.sign(text(claim, at).as_bytes())?;
    let mut value = format!("v1 {} ", at.0);
    // writing to a string cannot fail
    let spki = STANDARD.encode(key.public().as_spki_der());
    let _ = write!(value, "{spki} {}", STANDARD.encode(signature));
    Ok(value)
}

fn text(claim: &str, at: UnixMillis) -> String {
    format!("casimir-dkg proof v1\n{}\n{claim}", at.0)
}

/// A proof that holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Proof {
    /// That made it.
    pub(super) key: OperatorPublicKey,
    /// What its owner's clock showed then.
    pub(super) at: UnixMillis,
}

/// What stands in this proof of `claim`.
pub(super) fn read(value: &[u8], claim: &str, now: UnixMillis) -> Result<Proof, BadProof> {
    let value = std::str::from_utf8(value).map_err(|_| BadProof::Form)?;
    let parts: Vec<&str> = value.split(' ').collect();
    let ["v1", at, key, signature] = parts[..] else {
        return Err(BadProof::Form);
    };
    if value.len() > LONGEST {
        return Err(BadProof::Form);
    }
    let at = UnixMillis(at.parse().map_err(|_| BadProof::Form)?);
    let apart = Duration::from_millis(now.0.abs_diff(at.0));
    if apart > CLOCKS_APART {
        return Err(BadProof::Clock(apart.as_secs()));
    }
    let decode = |text: &str| STANDARD.decode(text).map_err(|_| BadProof::Form);
    let key = OperatorPublicKey::from_der(&decode(key)?).map_err(|_| BadProof::Form)?;
    if key.verify(text(claim, at).as_bytes(), &decode(signature)?) {
        Ok(Proof { key, at })
    } else {
        Err(BadProof::Signature)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proof_is_for_one_claim_and_some_minutes() {
        let key = OperatorPrivateKey::generate().unwrap();
        let now = UnixMillis(1_700_000_000_000);
        let claim = registration("default", "7", "http://h:1");
        let value = prove(&key, &claim, now).unwrap();
        let read = |value: &str, claim: &str, now| super::read(value.as_bytes(), claim, now);
        let proof = read(&value, &claim, now).unwrap();
        assert_eq!((&proof.key, proof.at), (key.public(), now));
        let other = registration("default", "7", "http://h:2");
        assert_eq!(read(&value, &other, now), Err(BadProof::Signature));
        let late = now.plus(Duration::from_secs(601));
        assert_eq!(read(&value, &claim, late), Err(BadProof::Clock(601)));
        for bad in [
            "",
            "v1",
            "v2 1 a b",
            "v1 x a b",
            &value.replace("v1 ", "v1  "),
            &value[..300],
        ] {
            assert_eq!(read(bad, &claim, now), Err(BadProof::Form), "{bad}");
        }
    }
}
