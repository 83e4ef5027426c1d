//! Go's byte slice.

use std::fmt;

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde::de::{Deserializer, Error, SeqAccess, Visitor};

use super::codec::{Decode, Encode};

/// Go's `base64.StdEncoding`: padded, and not strict about the unused bits of the last character.
const STD: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::RequireCanonical),
);

/// A byte slice that remembers whether it was nil (`null`) or empty (`""`): signatures cover the difference.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct GoBytes(pub Option<Vec<u8>>);

impl GoBytes {
    /// The slice of a missing or `null` field.
    pub const NIL: Self = Self(None);

    /// The bytes; nil is read as empty.
    #[must_use]
    pub fn as_slice(&self) -> &[u8] {
        self.0.as_deref().unwrap_or_default()
    }

    /// `null`, not `""`.
    #[must_use]
    pub fn is_nil(&self) -> bool {
        self.0.is_none()
    }
}

impl From<Vec<u8>> for GoBytes {
    fn from(bytes: Vec<u8>) -> Self {
        Self(Some(bytes))
    }
}

impl From<&[u8]> for GoBytes {
    fn from(bytes: &[u8]) -> Self {
        Self(Some(bytes.to_vec()))
    }
}

impl<const N: usize> From<[u8; N]> for GoBytes {
    fn from(bytes: [u8; N]) -> Self {
        Self(Some(bytes.to_vec()))
    }
}

impl AsRef<[u8]> for GoBytes {
    fn as_ref(&self) -> &[u8] {
        self.as_slice()
    }
}

/// Length and the first bytes: enough to tell two apart, short enough for a log line.
impl fmt::Debug for GoBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            None => f.write_str("nil"),
            Some(bytes) => {
                let head = &bytes[..bytes.len().min(8)];
                let more = if bytes.len() > head.len() { "…" } else { "" };
                write!(f, "{}{more}({} B)", hex::encode(head), bytes.len())
            }
        }
    }
}

impl Encode for GoBytes {
    fn encode(&self, out: &mut Vec<u8>) {
        match &self.0 {
            None => out.extend_from_slice(b"null"),
            Some(bytes) => {
                out.push(b'"');
                out.extend_from_slice(STD.encode(bytes).as_bytes());
                out.push(b'"');
            }
        }
    }

    fn is_empty_value(&self) -> bool {
        self.as_slice().is_empty()
    }
}

impl Decode for GoBytes {
    fn decode_from<'de, D: Deserializer<'de>>(&mut self, d: D) -> Result<(), D::Error> {
        *self = d.deserialize_any(BytesVisitor)?;
        Ok(())
    }
}

struct BytesVisitor;

impl<'de> Visitor<'de> for BytesVisitor {
    type Value = GoBytes;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("base64 text, an array of byte values, or null")
    }

    fn visit_unit<E>(self) -> Result<GoBytes, E> {
        Ok(GoBytes::NIL)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<GoBytes, E> {
        // Go skips line breaks inside base64
        let decoded = if text.contains(['\r', '\n']) {
            STD.decode(text.replace(['\r', '\n'], ""))
        } else {
            STD.decode(text)
        };
        decoded.map(GoBytes::from).map_err(E::custom)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<GoBytes, A::Error> {
        let mut bytes = Vec::new();
        while let Some(byte) = seq.next_element::<Option<u8>>()? {
            bytes.push(byte.unwrap_or_default());
        }
        Ok(GoBytes::from(bytes))
    }
}
