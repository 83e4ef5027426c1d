//! Fixed-size byte strings of the consensus layer, one type per meaning. JSON form: `0x` and lower-case hex.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A hex string had the wrong length or an illegal digit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected {expected} bytes of hex for {what}, got {got}")]
pub struct ByteLengthError {
    /// What was being read.
    pub what: &'static str,
    /// Bytes expected.
    pub expected: usize,
    /// A description of what was there instead.
    pub got: String,
}

macro_rules! fixed_bytes {
    ($(#[$doc:meta])* $name:ident, $len:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub [u8; $len]);

        impl $name {
            /// Length in bytes.
            pub const LEN: usize = $len;

            /// The bytes in the order in which they are written as hex.
            #[must_use]
            pub fn as_bytes(&self) -> &[u8; $len] {
                &self.0
            }
        }

        impl Default for $name {
            fn default() -> Self {
                Self([0; $len])
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "0x{}", hex::encode(self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{self}")
            }
        }

        impl TryFrom<&[u8]> for $name {
            type Error = ByteLengthError;
            fn try_from(bytes: &[u8]) -> Result<Self, Self::Error> {
                bytes.try_into().map(Self).map_err(|_| ByteLengthError {
                    what: stringify!($name),
                    expected: $len,
                    got: format!("{} bytes", bytes.len()),
                })
            }
        }

        impl FromStr for $name {
            type Err = ByteLengthError;
            fn from_str(s: &str) -> Result<Self, Self::Err> {
                let digits = s.strip_prefix("0x").unwrap_or(s);
                let bytes = hex::decode(digits).map_err(|e| ByteLengthError {
                    what: stringify!($name),
                    expected: $len,
                    got: e.to_string(),
                })?;
                Self::try_from(bytes.as_slice())
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                s.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                String::deserialize(d)?.parse().map_err(de::Error::custom)
            }
        }
    };
}

fixed_bytes!(
    /// A BLS public key: a compressed G1 point, 48 bytes. The type does not promise that the bytes are a valid point.
    BlsPublicKey,
    48
);
fixed_bytes!(
    /// A BLS signature: a compressed G2 point, 96 bytes. The type does not promise that the bytes are a valid point.
    BlsSignature,
    96
);
fixed_bytes!(
    /// A 32-byte hash: an SSZ root, a digest, a transaction or block hash.
    Root,
    32
);
fixed_bytes!(
    /// A fork version of the consensus layer, 4 bytes.
    ForkVersion,
    4
);

fixed_bytes!(
    /// The public half of a person's own key: ed25519 (RFC 8032), 32 bytes.
    PersonKey,
    32
);
fixed_bytes!(
    /// An ed25519 signature, 64 bytes.
    PersonSignature,
    64
);
fixed_bytes!(
    /// The public half of a journal's own key: ed25519 (RFC 8032), 32 bytes.
    JournalKey,
    32
);
fixed_bytes!(
    /// An ed25519 signature of a journal's own key, 64 bytes.
    JournalSignature,
    64
);

/// The journal's own key that another one takes the place of, and its signature over that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct FormerKey {
    pub key: JournalKey,
    /// Over what the journal's format says of handing on.
    pub signature: JournalSignature,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hex_round_trips_and_bad_lengths_are_named() {
        let root: Root = "0x0101010101010101010101010101010101010101010101010101010101010101"
            .parse()
            .unwrap();
        assert_eq!(root.0, [1; 32]);
        assert_eq!(root.to_string().parse::<Root>().unwrap(), root);
        let error = "0x01".parse::<BlsPublicKey>().unwrap_err().to_string();
        assert!(error.contains("48") && error.contains("BlsPublicKey"), "{error}");
    }
}
