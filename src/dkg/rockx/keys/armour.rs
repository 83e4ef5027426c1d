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

/// The DER inside `text`: PEM (any label), base64 of PEM, or base64 of DER.
pub(super) fn der_of(text: &str) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    if text.len() > MAX_TEXT {
        return Err(KeyError::Text);
    }
    if text.contains(BEGIN) {
        return pem_body(text);
    }
    let bytes = base64_of(text)?;
    match std::str::from_utf8(&bytes) {
        Ok(inner) if inner.contains(BEGIN) => pem_body(inner),
        _ => Ok(bytes),
    }
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
