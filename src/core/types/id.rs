//! Identifiers. Ids are shown to people, written in the journal and typed at the command line, so each has one text form.

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::{RequestKind, quoted};

/// A pool's number in the manager contract (`uint32`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PoolId(pub u32);

impl fmt::Display for PoolId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// An operator's number in the SSV registry (`uint64` on chain). It is also the operator's Shamir x-coordinate. The default
/// is 0, which no registry gives out: on the wire it stands for a missing field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize)]
#[serde(transparent)]
pub struct OperatorId(pub u64);

/// A number, or its text: as the key of a map inside an internally tagged enum, serde hands over the text.
impl<'de> Deserialize<'de> for OperatorId {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct Number;
        impl de::Visitor<'_> for Number {
            type Value = u64;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an operator id")
            }
            fn visit_u64<E: de::Error>(self, number: u64) -> Result<u64, E> {
                Ok(number)
            }
            fn visit_i64<E: de::Error>(self, number: i64) -> Result<u64, E> {
                u64::try_from(number).map_err(|_| E::invalid_value(de::Unexpected::Signed(number), &self))
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<u64, E> {
                text.parse()
                    .map_err(|_| E::invalid_value(de::Unexpected::Str(text), &self))
            }
        }
        d.deserialize_any(Number).map(Self)
    }
}

impl fmt::Display for OperatorId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The text is not an id of the expected form.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{} is not {expected}", quoted(text))]
pub struct ParseIdError {
    pub text: String,
    /// The form that was expected.
    pub expected: &'static str,
}

/// Names one ceremony: 24 bytes, 48 lower-case hex digits. Never used twice. The default is 24 zero bytes, which on the
/// wire stand for a missing field.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct RequestId(pub [u8; 24]);

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl FromStr for RequestId {
    type Err = ParseIdError;
    fn from_str(s: &str) -> Result<Self, Self::Err> {
        let mut bytes = [0; 24];
        hex::decode_to_slice(s, &mut bytes).map_err(|_| ParseIdError {
            text: s.into(),
            expected: "a request id (48 hex digits)",
        })?;
        Ok(Self(bytes))
    }
}

/// Names a case: `deposit/3`, `reshare/3.1` (second request of its kind for pool 3), `exit/3`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CaseId {
    pub kind: RequestKind,
    pub pool: PoolId,
    /// 0 for the first request of this kind for this pool, then 1, 2, …
    pub ordinal: u32,
}

impl fmt::Display for CaseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.kind, self.pool)?;
        if self.ordinal > 0 {
            write!(f, ".{}", self.ordinal)
        } else {
            Ok(())
        }
    }
}

impl FromStr for CaseId {
    type Err = ParseIdError;
    fn from_str(s: &str) -> Result<Self, Self::Err> {
        let error = || ParseIdError {
            text: s.into(),
            expected: "a case id like deposit/3 or reshare/3.1",
        };
        let (kind, rest) = s.split_once('/').ok_or_else(error)?;
        let kind = kind.parse().map_err(|_| error())?;
        let (pool, ordinal) = rest.split_once('.').unwrap_or((rest, "0"));
        Ok(Self {
            kind,
            pool: PoolId(pool.parse().map_err(|_| error())?),
            ordinal: ordinal.parse().map_err(|_| error())?,
        })
    }
}

/// Names an action: its case and a number within the case, `deposit/3#2`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ActionId {
    /// The case it belongs to.
    pub case: CaseId,
    /// 1 for the first action of the case.
    pub number: u32,
}

impl ActionId {
    /// Every action that a case can have, as keys of an ordered map.
    #[must_use]
    pub fn all_of(case: CaseId) -> RangeInclusive<Self> {
        let of = |number| Self { case, number };
        of(0)..=of(u32::MAX)
    }
}

impl fmt::Display for ActionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.case, self.number)
    }
}

impl FromStr for ActionId {
    type Err = ParseIdError;
    fn from_str(s: &str) -> Result<Self, Self::Err> {
        let error = || ParseIdError {
            text: s.into(),
            expected: "an action id like deposit/3#1",
        };
        let (case, number) = s.split_once('#').ok_or_else(error)?;
        Ok(Self {
            case: case.parse()?,
            number: number.parse().map_err(|_| error())?,
        })
    }
}

macro_rules! serde_as_text {
    ($($name:ty),*) => {$(
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
    )*};
}
serde_as_text!(RequestId, CaseId, ActionId);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operator_ids_are_keys_inside_tagged_enums() {
        #[derive(Debug, PartialEq, Serialize, Deserialize)]
        #[serde(tag = "kind")]
        enum Tagged {
            Map {
                map: std::collections::BTreeMap<OperatorId, bool>,
                list: Vec<OperatorId>,
            },
        }
        let value = Tagged::Map {
            map: [(OperatorId(7), true)].into(),
            list: vec![OperatorId(9)],
        };
        let json = serde_json::to_string(&value).unwrap();
        assert_eq!(json, r#"{"kind":"Map","map":{"7":true},"list":[9]}"#);
        assert_eq!(serde_json::from_str::<Tagged>(&json).unwrap(), value);
        assert!(serde_json::from_str::<OperatorId>("-1").is_err());
        assert!(serde_json::from_str::<OperatorId>("\"x\"").is_err());
    }

    #[test]
    fn ids_round_trip_as_text() {
        for text in ["deposit/3", "reshare/3.1", "exit/4294967295"] {
            assert_eq!(text.parse::<CaseId>().unwrap().to_string(), text);
            assert_eq!(
                format!("{text}#7").parse::<ActionId>().unwrap().to_string(),
                format!("{text}#7")
            );
        }
        for text in ["deposit", "deposit/x", "burn/3", "deposit/3.x"] {
            assert!(text.parse::<CaseId>().is_err(), "{text}");
        }
        let id = RequestId([0xab; 24]);
        assert_eq!(id.to_string().parse::<RequestId>().unwrap(), id);
        assert!("abcd".parse::<RequestId>().is_err());
    }
}
