//! Names that the program gives to things and journals: never renamed, and read back only in the form they have.

/// A type of names: lower-case letters, digits and hyphens, at most 32 of them.
macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(std::borrow::Cow<'static, str>);

        impl $name {
            /// Longer names are not read.
            pub const MAX_LEN: usize = 32;

            /// A name that the program gives.
            #[must_use]
            pub const fn new(name: &'static str) -> Self {
                Self(std::borrow::Cow::Borrowed(name))
            }

            /// As it stands in journals and on pages.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(&self.0)
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                s.serialize_str(&self.0)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                let name = <String as serde::Deserialize>::deserialize(d)?;
                let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
                if name.is_empty() || name.len() > Self::MAX_LEN || !name.chars().all(plain) {
                    return Err(serde::de::Error::custom(format_args!(
                        "{} is not the name of {}",
                        crate::types::SafeText::new(&name),
                        $what
                    )));
                }
                Ok(Self(std::borrow::Cow::Owned(name)))
            }
        }
    };
}

pub(super) use name;

#[cfg(test)]
mod tests {
    use crate::types::{BackendName, StepId};

    #[test]
    fn names_are_read_as_they_are_written_and_nothing_else_is() {
        let id: StepId = serde_json::from_str(r#""deposit-data""#).unwrap();
        assert_eq!(id, StepId::new("deposit-data"));
        assert_eq!(serde_json::to_string(&id).unwrap(), r#""deposit-data""#);
        for bad in ["", "Round1", "round 1", "\u{1b}[2J", &"x".repeat(33)] {
            let text = serde_json::to_string(bad).unwrap();
            assert!(serde_json::from_str::<StepId>(&text).is_err(), "{text}");
            assert!(serde_json::from_str::<BackendName>(&text).is_err(), "{text}");
        }
    }
}
