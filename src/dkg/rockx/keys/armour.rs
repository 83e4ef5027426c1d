//! From text to DER and back.
//!
//! Keys come through web pages, TOML files and environment variables: with lines of any length or a single one, indented,
//! without padding, with line breaks written out. Readers of RFC 7468 refuse such texts, so this one takes the base64
//! between the two lines, whatever its form, and lets the DER decide.

use base64::Engine;
use base64::alphabet;
use base64::engine::general_purpose::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use zeroize::Zeroizing;

use super::KeyError;

const BEGIN: &str = "-----BEGIN ";
/// A 2048-bit key takes under 2 KiB, base64 of its PEM under 3.
const MAX_TEXT: usize = 16 * 1024;

const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Wrappings within each other: hex of an ABI string of base64 of a PEM is what a contract's event holds.
const MAX_DEPTH: usize = 4;
/// Shorter texts of hex digits alone may be base64.
const MIN_HEX: usize = 64;

/// The DER inside `text`: PEM (any label), or base64 or hex of PEM, of DER, of one of these texts, or of the ABI encoding
/// of one.
pub(super) fn der_of(text: &str) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    if text.len() > MAX_TEXT {
        return Err(KeyError::Text);
    }
    unwrap(text, MAX_DEPTH)
}

fn unwrap(text: &str, depth: usize) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    if text.contains(BEGIN) {
        return pem_body(text);
    }
    let bytes = match hex_of(text) {
        Some(bytes) => bytes,
        None => base64_of(text)?,
    };
    let bytes = match abi_bytes(&bytes) {
        Some(content) => Zeroizing::new(content.to_vec()),
        None => bytes,
    };
    match std::str::from_utf8(&bytes) {
        Ok(inner) if depth > 0 => match unwrap(inner, depth - 1) {
            // no text that is known: let its content be judged
            Err(KeyError::Text) => Ok(bytes),
            inside => inside,
        },
        _ => Ok(bytes),
    }
}

/// The bytes behind hex digits, with or without `0x`.
fn hex_of(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    let text = text.trim();
    let digits = text.strip_prefix("0x").unwrap_or(text);
    if digits.len() < MIN_HEX {
        return None;
    }
    hex::decode(digits).ok().map(Zeroizing::new)
}

/// The content of `abi.encode(bytes)` or `abi.encode(string)`: an offset of 32, a length, and that many bytes, filled up
/// with zeros to a whole number of words.
fn abi_bytes(encoded: &[u8]) -> Option<&[u8]> {
    let (offset, rest) = encoded.split_at_checked(32)?;
    let (length, content) = rest.split_at_checked(32)?;
    let small = |word: &[u8]| {
        let (high, low) = word.split_at(24);
        let low = u64::from_be_bytes(low.try_into().ok()?);
        high.iter().all(|b| *b == 0).then_some(low)
    };
    let length = usize::try_from(small(length)?).ok()?;
    let (content, filling) = content.split_at_checked(length)?;
    (small(offset)? == 32 && filling.iter().all(|b| *b == 0)).then_some(content)
}

fn pem_body(pem: &str) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let (_, rest) = pem.split_once(BEGIN).ok_or(KeyError::Text)?;
    let (label, rest) = rest.split_once("-----").ok_or(KeyError::Text)?;
    let (body, _) = rest.split_once("-----END ").ok_or(KeyError::Text)?;
    if label.contains("ENCRYPTED") || body.contains("ENCRYPTED") {
        return Err(KeyError::Encrypted);
    }
    base64_of(body)
}

fn base64_of(text: &str) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    // configuration files and environment variables carry line breaks as two characters, too
    let text = Zeroizing::new(text.replace("\\n", "\n"));
    let digits: Zeroizing<String> = Zeroizing::new(text.chars().filter(|c| !c.is_whitespace()).collect());
    if digits.is_empty() {
        return Err(KeyError::Text);
    }
    LENIENT
        .decode(digits.as_bytes())
        .map(Zeroizing::new)
        .map_err(|_| KeyError::Text)
}

/// PEM with 64-character lines, as Go writes it.
pub(super) fn to_pem(label: &str, der: &[u8]) -> Zeroizing<String> {
    let body = Zeroizing::new(STANDARD.encode(der));
    let mut pem = Zeroizing::new(String::with_capacity(
        body.len() + body.len() / 64 + 2 * label.len() + 40,
    ));
    pem.push_str(&format!("-----BEGIN {label}-----\n"));
    for line in body.as_bytes().chunks(64) {
        pem.extend(line.iter().map(|&b| char::from(b)));
        pem.push('\n');
    }
    pem.push_str(&format!("-----END {label}-----\n"));
    pem
}

/// The content of the first DER element of `input`, if it has this tag, and what follows it.
fn element(tag: u8, input: &[u8]) -> Option<(&[u8], &[u8])> {
    let (&[first, length], mut rest) = input.split_first_chunk::<2>()?;
    let mut len = usize::from(length);
    if length & 0x80 != 0 {
        let (digits, after) = rest.split_at_checked(usize::from(length & 0x7f))?;
        if digits.len() > 4 {
            return None;
        }
        len = digits.iter().fold(0, |n, &d| n << 8 | usize::from(d));
        rest = after;
    }
    (first == tag).then(|| rest.split_at_checked(len)).flatten()
}

/// The PKCS#1 structure inside a PKCS#8 one: `SEQUENCE { INTEGER, SEQUENCE, OCTET STRING { pkcs1 } }`.
pub(super) fn pkcs1_of_pkcs8(pkcs8: &[u8]) -> Option<&[u8]> {
    let (body, _) = element(0x30, pkcs8)?;
    let (_version, rest) = element(0x02, body)?;
    let (_algorithm, rest) = element(0x30, rest)?;
    element(0x04, rest).map(|(pkcs1, _)| pkcs1)
}

#[cfg(test)]
mod tests {
    use crate::dkg::rockx::keys::{OperatorPrivateKey, OperatorPublicKey};

    /// `abi.encode(string)`.
    fn abi(text: &str) -> Vec<u8> {
        let word = |n: usize| {
            let mut word = [0; 32];
            word[24..].copy_from_slice(&(n as u64).to_be_bytes());
            word
        };
        let mut out = [word(32), word(text.len())].concat();
        out.extend(text.as_bytes());
        out.resize(out.len().next_multiple_of(32), 0);
        out
    }

    #[test]
    fn a_public_key_is_read_in_every_wrapping_that_contracts_and_registries_give_it() {
        let key = OperatorPrivateKey::generate().unwrap();
        let registry = key.public().to_registry_text();
        let pem = {
            use base64::Engine as _;
            String::from_utf8(super::STANDARD.decode(&registry).unwrap()).unwrap()
        };
        let der = key.public().as_spki_der();
        for (form, text) in [
            ("hex of DER", hex::encode(der)),
            ("hex of DER with 0x", format!("0x{}", hex::encode(der))),
            ("hex of PEM", hex::encode(&pem)),
            (
                "hex of the registry's text",
                format!("0x{}", hex::encode(&registry)),
            ),
            (
                "ABI of the registry's text",
                format!("0x{}", hex::encode(abi(&registry))),
            ),
            ("ABI of PEM, no 0x", hex::encode(abi(&pem))),
            (
                "with white space around",
                format!(" 0x{}\n", hex::encode(abi(&registry))),
            ),
        ] {
            let read = OperatorPublicKey::parse(&text);
            assert_eq!(read.as_ref(), Ok(key.public()), "{form}");
        }
        let cut = hex::encode(&abi(&registry)[..200]);
        assert!(OperatorPublicKey::parse(&cut).is_err());
        assert!(OperatorPublicKey::parse("").is_err());
        assert!(OperatorPublicKey::parse(&"ab".repeat(100)).is_err());
    }
}
