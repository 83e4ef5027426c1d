//! Numbers, booleans, text, and the byte arrays of fixed length (arrays of numbers in Go's JSON).

use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, SeqAccess, Visitor};

use super::codec::{Decode, Encode, Slot};
use crate::types::{ForkVersion, OperatorId, RequestId};

macro_rules! unsigned {
    ($($ty:ty),*) => {$(
        impl Encode for $ty {
            fn encode(&self, out: &mut Vec<u8>) {
                out.extend_from_slice(self.to_string().as_bytes());
            }

            fn is_empty_value(&self) -> bool {
                *self == 0
            }
        }

        impl Decode for $ty {
            fn decode_from<'de, D: Deserializer<'de>>(&mut self, d: D) -> Result<(), D::Error> {
                if let Some(value) = Option::<$ty>::deserialize(d)? {
                    *self = value;
                }
                Ok(())
            }
        }
    )*};
}
unsigned!(u8, u64);

impl Encode for bool {
    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(if *self { b"true" } else { b"false" });
    }
}

impl Decode for bool {
    fn decode_from<'de, D: Deserializer<'de>>(&mut self, d: D) -> Result<(), D::Error> {
        if let Some(value) = Option::<bool>::deserialize(d)? {
            *self = value;
        }
        Ok(())
    }
}

impl Encode for OperatorId {
    fn encode(&self, out: &mut Vec<u8>) {
        self.0.encode(out);
    }
}

impl Decode for OperatorId {
    fn decode_from<'de, D: Deserializer<'de>>(&mut self, d: D) -> Result<(), D::Error> {
        self.0.decode_from(d)
    }
}

impl Encode for String {
    /// Escapes what Go escapes: quotes, backslash, controls, `<`, `>`, `&`, and the two Unicode line separators.
    fn encode(&self, out: &mut Vec<u8>) {
        out.push(b'"');
        for c in self.chars() {
            match c {
                '"' => out.extend_from_slice(b"\\\""),
                '\\' => out.extend_from_slice(b"\\\\"),
                '\n' => out.extend_from_slice(b"\\n"),
                '\r' => out.extend_from_slice(b"\\r"),
                '\t' => out.extend_from_slice(b"\\t"),
                '\u{0008}' => out.extend_from_slice(b"\\b"),
                '\u{000c}' => out.extend_from_slice(b"\\f"),
                '<' | '>' | '&' | '\u{2028}' | '\u{2029}' | '\0'..='\u{001f}' => {
                    out.extend_from_slice(format!("\\u{:04x}", u32::from(c)).as_bytes());
                }
                c => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
            }
        }
        out.push(b'"');
    }

    fn is_empty_value(&self) -> bool {
        self.is_empty()
    }
}

impl Decode for String {
    fn decode_from<'de, D: Deserializer<'de>>(&mut self, d: D) -> Result<(), D::Error> {
        if let Some(value) = Option::<String>::deserialize(d)? {
            *self = value;
        }
        Ok(())
    }
}

fn encode_array(bytes: &[u8], out: &mut Vec<u8>) {
    out.push(b'[');
    for (n, byte) in bytes.iter().enumerate() {
        if n > 0 {
            out.push(b',');
        }
        byte.encode(out);
    }
    out.push(b']');
}

/// Extra numbers are dropped, missing ones become zero, `null` changes nothing.
fn decode_array<'de, D: Deserializer<'de>>(slot: &mut [u8], d: D) -> Result<(), D::Error> {
    struct Array<'a>(&'a mut [u8]);
    impl<'de> Visitor<'de> for Array<'_> {
        type Value = ();
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an array of byte values or null")
        }
        fn visit_none<E>(self) -> Result<(), E> {
            Ok(())
        }
        fn visit_some<D: Deserializer<'de>>(self, d: D) -> Result<(), D::Error> {
            d.deserialize_seq(self)
        }
        fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
            for n in 0..self.0.len() {
                if seq.next_element_seed(Slot(&mut self.0[n]))?.is_none() {
                    self.0[n..].fill(0);
                    return Ok(());
                }
            }
            while seq.next_element::<IgnoredAny>()?.is_some() {}
            Ok(())
        }
    }
    d.deserialize_option(Array(slot))
}

impl Encode for RequestId {
    fn encode(&self, out: &mut Vec<u8>) {
        encode_array(&self.0, out);
    }
}

impl Decode for RequestId {
    fn decode_from<'de, D: Deserializer<'de>>(&mut self, d: D) -> Result<(), D::Error> {
        decode_array(&mut self.0, d)
    }
}

impl Encode for ForkVersion {
    fn encode(&self, out: &mut Vec<u8>) {
        encode_array(&self.0, out);
    }
}

impl Decode for ForkVersion {
    fn decode_from<'de, D: Deserializer<'de>>(&mut self, d: D) -> Result<(), D::Error> {
        decode_array(&mut self.0, d)
    }
}
