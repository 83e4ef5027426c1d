//! How each type of value is written.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::time::Duration;

use alloy::primitives::{Address, U256};
use secrecy::SecretString;

pub(super) use super::error::nearest;
use super::raw::Raw;
use super::reader::text_of;
use crate::listen::Network;
use crate::types::{ForkVersion, OperatorId, PoolId, RedactedUrl, Root, parse_ether, parse_ssv, quoted};

/// A value was not of its key's type.
#[derive(Debug, Clone, Default)]
pub(super) struct Bad {
    pub(super) message: String,
    pub(super) suggestion: Option<String>,
}

impl From<String> for Bad {
    fn from(message: String) -> Self {
        Self {
            message,
            suggestion: None,
        }
    }
}

/// A type that a key may have.
pub(super) trait Value: Sized {
    fn read(raw: &Raw) -> Result<Self, Bad>;

    /// Whether it lies between these; what has no order always does.
    fn is_within(&self, _least: &Self, _most: &Self) -> bool {
        true
    }
}

/// Judges a value by the range that its key has.
pub(super) fn judge<T: Value>(value: T, raw: &Raw, range: Option<(&str, &str)>) -> Result<T, Bad> {
    let Some((least, most)) = range else {
        return Ok(value);
    };
    let end = |text: &str| T::read(&Raw::Loose(text.to_owned()));
    match (end(least), end(most)) {
        (Ok(from), Ok(to)) if value.is_within(&from, &to) => Ok(value),
        _ => Err(format!("expected {least} to {most}, got {}", raw.describe()).into()),
    }
}

fn mismatch(expected: &str, raw: &Raw) -> Bad {
    format!("expected {expected}, got {}", raw.describe()).into()
}

/// The text of a string, or why it is none.
pub(super) fn text<'a>(expected: &str, raw: &'a Raw) -> Result<&'a str, Bad> {
    match raw {
        Raw::Text(text) | Raw::Loose(text) => Ok(text.trim()),
        _ => Err(mismatch(expected, raw)),
    }
}

impl Value for String {
    fn read(raw: &Raw) -> Result<Self, Bad> {
        match text("a string", raw)? {
            "" => Err("is empty".to_owned().into()),
            text => Ok(text.to_owned()),
        }
    }
}

impl Value for bool {
    fn read(raw: &Raw) -> Result<Self, Bad> {
        match raw {
            Raw::Bool(value) => Ok(*value),
            Raw::Loose(text) if text == "true" => Ok(true),
            Raw::Loose(text) if text == "false" => Ok(false),
            _ => Err(mismatch("true or false", raw)),
        }
    }
}

impl Value for u64 {
    fn read(raw: &Raw) -> Result<Self, Bad> {
        let (Raw::Number(text) | Raw::Loose(text)) = raw else {
            return Err(mismatch("a whole number", raw));
        };
        text.trim()
            .parse()
            .map_err(|_| mismatch("a whole number, not negative", raw))
    }

    fn is_within(&self, least: &Self, most: &Self) -> bool {
        (least..=most).contains(&self)
    }
}

impl Value for u32 {
    fn read(raw: &Raw) -> Result<Self, Bad> {
        u64::read(raw)?
            .try_into()
            .map_err(|_| mismatch("a number below 2^32", raw))
    }

    fn is_within(&self, least: &Self, most: &Self) -> bool {
        (least..=most).contains(&self)
    }
}

impl Value for NonZeroU32 {
    fn read(raw: &Raw) -> Result<Self, Bad> {
        u32::read(raw).and_then(|n| Self::new(n).ok_or_else(|| "must be at least 1".to_owned().into()))
    }
}

impl Value for OperatorId {
    fn read(raw: &Raw) -> Result<Self, Bad> {
        match u64::read(raw)? {
            0 => Err("operator ids begin at 1".to_owned().into()),
            id => Ok(Self(id)),
        }
    }
}

impl Value for PoolId {
    fn read(raw: &Raw) -> Result<Self, Bad> {
        u32::read(raw).map(Self)
    }
}

impl Value for Duration {
    fn read(raw: &Raw) -> Result<Self, Bad> {
        const EXPECTED: &str = "a time like \"60s\", \"500ms\", \"5m\" or \"1h\"";
        let text = text(EXPECTED, raw)?;
        let at = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let number: u64 = text[..at].parse().map_err(|_| mismatch(EXPECTED, raw))?;
        let millis = match text[at..].trim() {
            "ms" => 1,
            "s" => 1_000,
            "m" | "min" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            _ => return Err(mismatch(EXPECTED, raw)),
        };
        number
            .checked_mul(millis)
            .map(Self::from_millis)
            .ok_or_else(|| mismatch(EXPECTED, raw))
    }

    fn is_within(&self, least: &Self, most: &Self) -> bool {
        (least..=most).contains(&self)
    }
}

/// Wei, written as ether.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ether(pub(super) U256);

impl Value for Ether {
    fn read(raw: &Raw) -> Result<Self, Bad> {
        match raw {
            Raw::Text(text) | Raw::Loose(text) | Raw::Number(text) => Ok(Self(parse_ether(text)?)),
            _ => Err(mismatch("an amount like \"0.05 ETH\"", raw)),
        }
    }

    fn is_within(&self, least: &Self, most: &Self) -> bool {
        (least.0..=most.0).contains(&self.0)
    }
}

/// Base units of SSV's token, written as SSV.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tokens(pub(super) U256);

impl Value for Tokens {
    fn read(raw: &Raw) -> Result<Self, Bad> {
        match raw {
            Raw::Text(text) | Raw::Loose(text) | Raw::Number(text) => Ok(Self(parse_ssv(text)?)),
            _ => Err(mismatch("an amount like \"0.5 SSV\"", raw)),
        }
    }

    fn is_within(&self, least: &Self, most: &Self) -> bool {
        (least.0..=most.0).contains(&self.0)
    }
}

impl Value for Address {
    /// Mixed case must be a valid EIP-55 checksum: a mistyped address is caught here.
    fn read(raw: &Raw) -> Result<Self, Bad> {
        const EXPECTED: &str = "an address (0x and 40 hex digits)";
        let text = text(EXPECTED, raw)?;
        let address: Self = text.parse().map_err(|_| mismatch(EXPECTED, raw))?;
        let digits = text.trim_start_matches("0x");
        let mixed =
            digits.bytes().any(|b| b.is_ascii_lowercase()) && digits.bytes().any(|b| b.is_ascii_uppercase());
        let right = address.to_checksum(None);
        if mixed && right.trim_start_matches("0x") != digits {
            return Err(Bad {
                message: format!("{text} has a wrong EIP-55 checksum"),
                suggestion: Some(right),
            });
        }
        Ok(address)
    }
}

impl Value for ForkVersion {
    fn read(raw: &Raw) -> Result<Self, Bad> {
        text("a fork version (0x and 8 hex digits)", raw)?
            .parse()
            .map_err(|_| mismatch("a fork version (0x and 8 hex digits)", raw))
    }
}

impl Value for Root {
    fn read(raw: &Raw) -> Result<Self, Bad> {
        text("a root (0x and 64 hex digits)", raw)?
            .parse()
            .map_err(|_| mismatch("a root (0x and 64 hex digits)", raw))
    }
}

impl Value for Network {
    fn read(raw: &Raw) -> Result<Self, Bad> {
        const EXPECTED: &str = "an IP address or a range like \"10.0.0.0/8\"";
        text_of(EXPECTED, raw)?
            .parse()
            .map_err(|_| Bad::from(format!("expected {EXPECTED}, got {}", raw.describe())))
    }
}

impl Value for SocketAddr {
    fn read(raw: &Raw) -> Result<Self, Bad> {
        const EXPECTED: &str = "an address and port like \"127.0.0.1:3000\"";
        text(EXPECTED, raw)?.parse().map_err(|_| mismatch(EXPECTED, raw))
    }
}

/// `http` or `https`.
#[derive(Debug, Clone)]
pub(super) struct HttpUrl(pub(super) RedactedUrl);

/// `ws` or `wss`.
#[derive(Debug, Clone)]
pub(super) struct WsUrl(pub(super) RedactedUrl);

/// The message never repeats the URL: it may hold a key.
fn url(raw: &Raw, schemes: [&str; 2]) -> Result<RedactedUrl, Bad> {
    let expected = format!("a URL that begins with {}:// or {}://", schemes[0], schemes[1]);
    let (Raw::Text(text) | Raw::Loose(text)) = raw else {
        return Err(mismatch(&expected, raw));
    };
    let parsed =
        reqwest::Url::parse(text.trim()).map_err(|e| Bad::from(format!("expected {expected}: {e}")))?;
    if !schemes.contains(&parsed.scheme()) {
        return Err(format!("expected {expected}, got {}://", parsed.scheme()).into());
    }
    if parsed.host_str().is_none_or(str::is_empty) {
        return Err("the URL names no host".to_owned().into());
    }
    let text = text.trim();
    // a key in the query may end in a slash
    let text = match parsed.query() {
        Some(_) => text,
        None => text.trim_end_matches('/'),
    };
    Ok(RedactedUrl::new(text))
}

impl Value for HttpUrl {
    fn read(raw: &Raw) -> Result<Self, Bad> {
        url(raw, ["https", "http"]).map(Self)
    }
}

impl Value for WsUrl {
    fn read(raw: &Raw) -> Result<Self, Bad> {
        url(raw, ["wss", "ws"]).map(Self)
    }
}

impl Value for SecretString {
    fn read(raw: &Raw) -> Result<Self, Bad> {
        match raw {
            Raw::Secret(secret) => Ok(secret.clone()),
            _ => Err(mismatch("a secret", raw)),
        }
    }
}

impl<T: Value> Value for Vec<T> {
    /// In a file a list; in a variable or flag separated by commas.
    fn read(raw: &Raw) -> Result<Self, Bad> {
        match raw {
            Raw::List(items) => items.iter().map(T::read).collect(),
            Raw::Loose(text) if text.trim().is_empty() => Ok(Self::new()),
            Raw::Loose(text) => text
                .split(',')
                .map(|item| T::read(&Raw::Loose(item.trim().to_owned())))
                .collect(),
            _ => Err(mismatch("a list in brackets", raw)),
        }
    }
}

/// One of a few words; the nearest is suggested.
pub(super) fn choice<T: Copy>(raw: &Raw, choices: &[(&'static str, T)]) -> Result<T, Bad> {
    let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
    let expected = format!("one of {}", names.join(", "));
    let text = text(&expected, raw)?;
    choices
        .iter()
        .find(|(name, _)| *name == text)
        .map(|(_, value)| *value)
        .ok_or_else(|| Bad {
            message: format!("expected {expected}, got {}", quoted(text)),
            suggestion: nearest(text, names),
        })
}
