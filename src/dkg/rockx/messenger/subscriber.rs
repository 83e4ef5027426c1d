//! What a subscriber may be called, and how its address is written. Lists show both to everybody: so neither takes more of
//! them than is told here, however a list escapes it.

use crate::dkg::rockx::wire::Encode as _;
use crate::http::parse;
use crate::types::RedactedUrl;

/// Longest name. Operator ids have at most 20 digits; observers choose their names.
const NAME: usize = 64;
/// Longest address in bytes, as it was sent and as a list shows it.
const ADDRESS: usize = 512;

/// Why an address is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum BadAddress {
    Long,
    NoUrl(String),
}

/// Whether somebody may be called so: operator ids are decimal numbers, and observers need no other characters.
pub(super) fn is_name(name: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    (1..=NAME).contains(&name.len()) && name.bytes().all(is_plain)
}

/// What [`is_name`] asks for.
pub(super) const NAME_RULE: &str =
    "a subscriber's name has 1 to 64 characters: letters of ASCII, digits, hyphens, underscores and dots";

/// The address as it is kept and shown: a URL in its normal form (WHATWG), without a fragment, and without the slashes at
/// the end of its path, which mean nothing before `/consume`.
pub(super) fn normal(address: &str) -> Result<String, BadAddress> {
    if address.len() > ADDRESS {
        return Err(BadAddress::Long);
    }
    let parsed = parse(&RedactedUrl::new(address));
    let mut url = parsed.map_err(|error| BadAddress::NoUrl(error.to_string()))?;
    url.set_fragment(None);
    let mut text = url.to_string();
    if url.query().is_none() {
        text.truncate(text.trim_end_matches('/').len());
    }
    let quotes = 2;
    match text.to_json().len() <= ADDRESS + quotes {
        true => Ok(text),
        false => Err(BadAddress::Long),
    }
}

impl std::fmt::Display for BadAddress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Long => write!(f, "it has more than {ADDRESS} bytes as lists show it"),
            Self::NoUrl(why) => f.write_str(why),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_kept_in_its_normal_form_and_takes_no_more_of_a_list_than_is_told() {
        for (said, kept) in [
            ("http://host:8081", "http://host:8081"),
            (" http://Host:80/ ", "http://host"),
            ("https://h:443/rockx//", "https://h/rockx"),
            ("http://h/a/../b?key=1#there", "http://h/b?key=1"),
            ("http://8.8.8.8/<<‹", "http://8.8.8.8/%3C%3C%E2%80%B9"),
            ("http://[::1]:1/", "http://[::1]:1"),
        ] {
            assert_eq!(normal(said).as_deref(), Ok(kept), "{said}");
            assert_eq!(normal(kept).as_deref(), Ok(kept), "{kept}");
        }
        for filler in ["a", "<", "‹", "&", "\"", "\\", "\u{1}", "'", "%"] {
            for place in [
                "http://8.8.8.8/",
                "http://8.8.8.8/?",
                "http://8.8.8.8/#",
                "http://",
            ] {
                let said = format!("{place}{}", filler.repeat(480 / filler.len()));
                if let Ok(kept) = normal(&said) {
                    assert!(kept.to_json().len() <= ADDRESS + 2, "{said}");
                }
            }
        }
        let ampersands = format!("http://8.8.8.8/{}", "&".repeat(480));
        assert_eq!(normal(&ampersands), Err(BadAddress::Long));
        assert!(matches!(normal("file:///etc/passwd"), Err(BadAddress::NoUrl(_))));
    }

    #[test]
    fn names_are_those_of_operators_and_observers() {
        for name in ["1", "18446744073709551615", "observer-1a2b3c4d", "w_1.x"] {
            assert!(is_name(name), "{name}");
        }
        for name in ["", "<b>", "a b", "ä", "a,b", "a\n", &"x".repeat(65)] {
            assert!(!is_name(name), "{name}");
        }
    }
}
