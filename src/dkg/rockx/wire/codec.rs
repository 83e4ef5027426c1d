//! The two traits of the wire: canonical encoding and tolerant decoding, and the macro that derives both for a struct.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};

use crate::types::SafeText;

/// Longer JSON is refused before it is read: the limit of an SSV message's data, which is the largest carrier.
pub const MAX_JSON: usize = 8 * 1024 * 1024;

/// Text that is not the JSON of the expected type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// Longer than [`MAX_JSON`].
    #[error("{0} bytes of JSON, at most {MAX_JSON} are read")]
    TooLong(usize),
    /// Not JSON, or a field holds a value of the wrong kind.
    #[error("{0}")]
    Json(SafeText),
}

/// Writes the canonical form: what Go's `encoding/json` writes for the same value.
pub trait Encode {
    /// Appends the JSON text of `self`.
    fn encode(&self, out: &mut Vec<u8>);

    /// Whether a field of this value is left out when it is marked `omitempty`.
    fn is_empty_value(&self) -> bool {
        false
    }

    /// The JSON text of `self`.
    fn to_json(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(256);
        self.encode(&mut out);
        out
    }
}

/// Reads over an existing value, as Go does: what the text does not mention stays, `null` leaves plain values alone.
pub trait Decode: Default {
    /// Overwrites `self` with what `d` holds.
    ///
    /// # Errors
    /// The text is not JSON or holds a value of another kind.
    fn decode_from<'de, D: Deserializer<'de>>(&mut self, d: D) -> Result<(), D::Error>;

    /// Reads one JSON document.
    ///
    /// # Errors
    /// See [`DecodeError`]. Bytes that are not UTF-8 are read as U+FFFD, as Go does.
    fn from_json(json: &[u8]) -> Result<Self, DecodeError> {
        if json.len() > MAX_JSON {
            return Err(DecodeError::TooLong(json.len()));
        }
        let text = String::from_utf8_lossy(json);
        let mut d = serde_json::Deserializer::from_str(&text);
        let mut value = Self::default();
        let outcome = value.decode_from(&mut d).and_then(|()| d.end());
        outcome.map_err(|e| DecodeError::Json(SafeText::new(&e.to_string())))?;
        Ok(value)
    }
}

/// Lets serde's containers call [`Decode::decode_from`] on an element in place.
pub(in crate::dkg::rockx) struct Slot<'a, T>(pub(in crate::dkg::rockx) &'a mut T);

impl<'de, T: Decode> DeserializeSeed<'de> for Slot<'_, T> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, d: D) -> Result<(), D::Error> {
        self.0.decode_from(d)
    }
}

/// Whether the name in the text is this field, compared as Go compares: any case, and the two non-ASCII letters whose
/// simple case folding is ASCII (long s, Kelvin sign).
pub(in crate::dkg::rockx) fn is_field(name: &str, field: &str) -> bool {
    let fold = |c: char| match c {
        '\u{017f}' => 's',
        '\u{212a}' => 'k',
        c => c.to_ascii_lowercase(),
    };
    name == field || name.chars().map(fold).eq(field.chars().map(fold))
}

/// Writes `{`, fields, `}`.
pub(in crate::dkg::rockx) struct ObjectWriter<'a> {
    out: &'a mut Vec<u8>,
    first: bool,
}

impl<'a> ObjectWriter<'a> {
    pub(in crate::dkg::rockx) fn begin(out: &'a mut Vec<u8>) -> Self {
        out.push(b'{');
        Self { out, first: true }
    }

    /// `name` must need no escaping: every field name and map key of this protocol is such.
    pub(in crate::dkg::rockx) fn field<T: Encode>(&mut self, name: &str, value: &T) {
        if !std::mem::take(&mut self.first) {
            self.out.push(b',');
        }
        self.out.push(b'"');
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b"\":");
        value.encode(self.out);
    }

    pub(in crate::dkg::rockx) fn end(self) {
        self.out.push(b'}');
    }
}

/// A struct whose fields the macro below can offer one by one to a decoder.
pub(in crate::dkg::rockx) trait Fields {
    /// Reads the value of `name` into its field, or skips it.
    fn read_field<'de, A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error>;
}

/// Reads an object into a struct; `null` changes nothing.
pub(in crate::dkg::rockx) fn decode_object<'de, T: Fields, D: Deserializer<'de>>(
    slot: &mut T,
    d: D,
) -> Result<(), D::Error> {
    struct Object<'a, T>(&'a mut T);
    impl<'de, T: Fields> Visitor<'de> for Object<'_, T> {
        type Value = ();
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object or null")
        }
        fn visit_none<E>(self) -> Result<(), E> {
            Ok(())
        }
        fn visit_some<D: Deserializer<'de>>(self, d: D) -> Result<(), D::Error> {
            d.deserialize_map(self)
        }
        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
            while let Some(name) = map.next_key::<String>()? {
                self.0.read_field(&name, &mut map)?;
            }
            Ok(())
        }
    }
    d.deserialize_option(Object(slot))
}

pub(in crate::dkg::rockx) fn skip_value<'de, A: MapAccess<'de>>(map: &mut A) -> Result<(), A::Error> {
    map.next_value::<IgnoredAny>().map(|_| ())
}

/// A pointer in Go: `null` or the value.
impl<T: Encode> Encode for Option<T> {
    fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Some(value) => value.encode(out),
            None => out.extend_from_slice(b"null"),
        }
    }

    fn is_empty_value(&self) -> bool {
        self.is_none()
    }
}

impl<T: Decode> Decode for Option<T> {
    fn decode_from<'de, D: Deserializer<'de>>(&mut self, d: D) -> Result<(), D::Error> {
        struct Pointer<'a, T>(&'a mut Option<T>);
        impl<'de, T: Decode> Visitor<'de> for Pointer<'_, T> {
            type Value = ();
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value or null")
            }
            fn visit_none<E>(self) -> Result<(), E> {
                *self.0 = None;
                Ok(())
            }
            fn visit_some<D: Deserializer<'de>>(self, d: D) -> Result<(), D::Error> {
                self.0.get_or_insert_default().decode_from(d)
            }
        }
        d.deserialize_option(Pointer(self))
    }
}

/// Declares a struct with its JSON names in Go's declaration order, and derives both traits.
/// `omitempty` leaves a field out when it is empty.
macro_rules! go_struct {
    (
        $(#[$meta:meta])*
        $vis:vis struct $name:ident {
            $( $(#[$field_meta:meta])* $field:ident : $ty:ty = $json:literal $($omit:ident)? ; )*
        }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Eq, Default)]
        $vis struct $name {
            $( $(#[$field_meta])* $vis $field : $ty, )*
        }

        impl $crate::dkg::rockx::wire::Encode for $name {
            fn encode(&self, out: &mut Vec<u8>) {
                let mut object = $crate::dkg::rockx::wire::codec::ObjectWriter::begin(out);
                $( go_struct!(@write object, $json, &self.$field $(, $omit)?); )*
                object.end();
            }
        }

        impl $crate::dkg::rockx::wire::codec::Fields for $name {
            fn read_field<'de, A: serde::de::MapAccess<'de>>(
                &mut self,
                name: &str,
                map: &mut A,
            ) -> Result<(), A::Error> {
                use $crate::dkg::rockx::wire::codec::{Slot, is_field, skip_value};
                $( if is_field(name, $json) {
                    return map.next_value_seed(Slot(&mut self.$field));
                } )*
                skip_value(map)
            }
        }

        impl $crate::dkg::rockx::wire::Decode for $name {
            fn decode_from<'de, D: serde::Deserializer<'de>>(&mut self, d: D) -> Result<(), D::Error> {
                $crate::dkg::rockx::wire::codec::decode_object(self, d)
            }
        }
    };
    (@write $object:ident, $json:literal, $value:expr) => {
        $object.field($json, $value);
    };
    (@write $object:ident, $json:literal, $value:expr, omitempty) => {
        if !$crate::dkg::rockx::wire::Encode::is_empty_value($value) {
            $object.field($json, $value);
        }
    };
}

/// Declares an enum over the numbers of a Go integer type; numbers without a name are kept as they are.
macro_rules! go_number {
    (
        $(#[$meta:meta])*
        pub enum $name:ident { $( $(#[$variant_meta:meta])* $variant:ident = $number:literal, )* }
        default $default:ident
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $( $(#[$variant_meta])* $variant, )*
            /// A number without a meaning in this protocol.
            Other(u64),
        }

        impl Default for $name {
            fn default() -> Self {
                Self::$default
            }
        }

        /// The name that the protocol gives to the number, else the number.
        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                match self {
                    $( Self::$variant => f.pad(stringify!($variant)), )*
                    Self::Other(number) => number.fmt(f),
                }
            }
        }

        impl From<u64> for $name {
            fn from(number: u64) -> Self {
                match number {
                    $( $number => Self::$variant, )*
                    other => Self::Other(other),
                }
            }
        }

        impl From<$name> for u64 {
            fn from(value: $name) -> Self {
                match value {
                    $( $name::$variant => $number, )*
                    $name::Other(other) => other,
                }
            }
        }

        impl $crate::dkg::rockx::wire::Encode for $name {
            fn encode(&self, out: &mut Vec<u8>) {
                u64::from(*self).encode(out);
            }

            fn is_empty_value(&self) -> bool {
                u64::from(*self) == 0
            }
        }

        impl $crate::dkg::rockx::wire::Decode for $name {
            fn decode_from<'de, D: serde::Deserializer<'de>>(&mut self, d: D) -> Result<(), D::Error> {
                let mut number = u64::from(*self);
                number.decode_from(d)?;
                *self = number.into();
                Ok(())
            }
        }
    };
}

pub(super) use go_number;
pub(in crate::dkg::rockx) use go_struct;
