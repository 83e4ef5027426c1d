//! Go's slices and maps: nil is `null`, and map keys are written in the order of their *text*.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::codec::{Decode, Encode, ObjectWriter, Slot};
use crate::types::OperatorId;

/// A slice; `None` is nil.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GoList<T>(pub Option<Vec<T>>);

impl<T> GoList<T> {
    /// The elements; nil is read as empty.
    #[must_use]
    pub fn as_slice(&self) -> &[T] {
        self.0.as_deref().unwrap_or_default()
    }

    /// The elements in order.
    pub fn iter(&self) -> std::slice::Iter<'_, T> {
        self.as_slice().iter()
    }
}

impl<T> Default for GoList<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T> From<Vec<T>> for GoList<T> {
    fn from(items: Vec<T>) -> Self {
        Self(Some(items))
    }
}

impl<T> FromIterator<T> for GoList<T> {
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> Self {
        Self(Some(items.into_iter().collect()))
    }
}

impl<'a, T> IntoIterator for &'a GoList<T> {
    type Item = &'a T;
    type IntoIter = std::slice::Iter<'a, T>;
    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<T: Encode> Encode for GoList<T> {
    fn is_empty_value(&self) -> bool {
        self.as_slice().is_empty()
    }

    fn encode(&self, out: &mut Vec<u8>) {
        let Some(items) = &self.0 else {
            return out.extend_from_slice(b"null");
        };
        out.push(b'[');
        for (n, item) in items.iter().enumerate() {
            if n > 0 {
                out.push(b',');
            }
            item.encode(out);
        }
        out.push(b']');
    }
}

impl<T: Decode> Decode for GoList<T> {
    fn decode_from<'de, D: Deserializer<'de>>(&mut self, d: D) -> Result<(), D::Error> {
        struct List<'a, T>(&'a mut GoList<T>);
        impl<'de, T: Decode> Visitor<'de> for List<'_, T> {
            type Value = ();
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an array or null")
            }
            fn visit_none<E>(self) -> Result<(), E> {
                self.0.0 = None;
                Ok(())
            }
            fn visit_some<D: Deserializer<'de>>(self, d: D) -> Result<(), D::Error> {
                d.deserialize_seq(self)
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
                let mut items = Vec::new();
                loop {
                    let mut item = T::default();
                    if seq.next_element_seed(Slot(&mut item))?.is_none() {
                        break;
                    }
                    items.push(item);
                }
                self.0.0 = Some(items);
                Ok(())
            }
        }
        d.deserialize_option(List(self))
    }
}

/// A key of a JSON object.
pub trait MapKey: Ord + Sized {
    /// The text in the object.
    fn to_text(&self) -> String;
    /// Reads it; `None` if it is not a key of this kind.
    fn from_text(text: &str) -> Option<Self>;
}

impl MapKey for OperatorId {
    fn to_text(&self) -> String {
        self.to_string()
    }

    fn from_text(text: &str) -> Option<Self> {
        // unlike Rust, Go takes no plus sign here
        let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        digits.then(|| text.parse().ok()).flatten().map(OperatorId)
    }
}

/// A map; `None` is nil.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GoMap<T, K: Ord = OperatorId>(pub Option<BTreeMap<K, T>>);

impl<T, K: Ord> GoMap<T, K> {
    /// Entries ascending by key; nil is read as empty.
    pub fn iter(&self) -> impl Iterator<Item = (&K, &T)> {
        self.0.iter().flatten()
    }

    /// The value of `key`.
    pub fn get(&self, key: &K) -> Option<&T> {
        self.0.as_ref()?.get(key)
    }

    /// Number of entries.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.as_ref().map_or(0, BTreeMap::len)
    }

    /// Whether there is no entry.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<T, K: Ord> Default for GoMap<T, K> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T, K: Ord> From<BTreeMap<K, T>> for GoMap<T, K> {
    fn from(map: BTreeMap<K, T>) -> Self {
        Self(Some(map))
    }
}

impl<T, K: Ord> FromIterator<(K, T)> for GoMap<T, K> {
    fn from_iter<I: IntoIterator<Item = (K, T)>>(entries: I) -> Self {
        Self(Some(entries.into_iter().collect()))
    }
}

impl<T: Encode, K: MapKey> Encode for GoMap<T, K> {
    fn is_empty_value(&self) -> bool {
        self.is_empty()
    }

    fn encode(&self, out: &mut Vec<u8>) {
        let Some(map) = &self.0 else {
            return out.extend_from_slice(b"null");
        };
        let mut entries: Vec<(String, &T)> = map.iter().map(|(key, value)| (key.to_text(), value)).collect();
        entries.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        let mut object = ObjectWriter::begin(out);
        for (key, value) in entries {
            object.field(&key, value);
        }
        object.end();
    }
}

impl<T: Decode, K: MapKey> Decode for GoMap<T, K> {
    fn decode_from<'de, D: Deserializer<'de>>(&mut self, d: D) -> Result<(), D::Error> {
        struct Map<'a, T, K: Ord>(&'a mut GoMap<T, K>);
        impl<'de, T: Decode, K: MapKey> Visitor<'de> for Map<'_, T, K> {
            type Value = ();
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object or null")
            }
            fn visit_none<E>(self) -> Result<(), E> {
                self.0.0 = None;
                Ok(())
            }
            fn visit_some<D: Deserializer<'de>>(self, d: D) -> Result<(), D::Error> {
                d.deserialize_map(self)
            }
            fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<(), A::Error> {
                // a repeated map adds to the first one, as in Go
                let map = self.0.0.get_or_insert_default();
                while let Some(text) = access.next_key::<String>()? {
                    let key = K::from_text(&text).ok_or_else(|| A::Error::custom("not a key of this map"))?;
                    let mut value = T::default();
                    access.next_value_seed(Slot(&mut value))?;
                    map.insert(key, value);
                }
                Ok(())
            }
        }
        d.deserialize_option(Map(self))
    }
}
