//! What both standards of keystores have in common: a password becomes 32 bytes, of which the first half deciphers and the
//! second half shows whether the password was right.
//!
//! | | Web3 secret storage, version 3 | EIP-2335, version 4 |
//! |---|---|---|
//! | password | its bytes | NFKD, without control characters |
//! | check | Keccak-256 of second half and ciphertext | SHA-256 of the same |
//! | derivation | scrypt or PBKDF2 with HMAC-SHA-256 | the same |
//! | cipher | AES-128-CTR | AES-128-CTR |
//!
//! Sources: <https://ethereum.org/en/developers/docs/data-structures-and-encoding/web3-secret-storage/> and
//! <https://eips.ethereum.org/EIPS/eip-2335>. A derivation takes about a second and 256 MiB.

use aes::cipher::{KeyIvInit as _, StreamCipher as _};
use icu_normalizer::DecomposingNormalizerBorrowed;
use rand::RngCore as _;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::scrypt;
use crate::types::SafeText;

/// scrypt's cost in files that we write: geth's, and EIP-2335's own.
const COST: (u64, u64, u64) = (262_144, 8, 1);
/// The function of files that we write.
const SCRYPT: &str = "scrypt";
/// Rounds of PBKDF2 that a file may ask for: some seconds.
const MOST_ROUNDS: u32 = 10_000_000;
/// EIP-2335 names it alone, and every program of the Web3 Secret Storage Definition reads it.
pub(crate) const CIPHER: &str = "aes-128-ctr";

/// Which standard a keystore is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standard {
    /// Web3 secret storage, version 3.
    Web3V3,
    /// EIP-2335, version 4.
    Eip2335V4,
}

/// How a password becomes a key, as a file says it. Which of the numbers there are depends on the function.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
pub(crate) struct KdfParams {
    pub(crate) dklen: u64,
    pub(crate) salt: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) n: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) r: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) p: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) c: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) prf: Option<String>,
}

/// What a keystore holds, whatever its form. Binary values are hex.
#[derive(Debug)]
pub(crate) struct Sealed<'a> {
    pub(crate) kdf: &'a str,
    pub(crate) params: &'a KdfParams,
    pub(crate) iv: &'a str,
    pub(crate) ciphertext: &'a str,
    /// `mac` of version 3, `checksum` of version 4.
    pub(crate) check: &'a str,
}

/// What is written of a secret that was sealed, in hex, with the derivation it was sealed by.
#[derive(Debug)]
pub(crate) struct Written {
    pub(crate) kdf: &'static str,
    pub(crate) params: KdfParams,
    pub(crate) iv: String,
    pub(crate) ciphertext: String,
    pub(crate) check: String,
}

/// A keystore does not open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum NotOpened {
    /// By this password.
    Password,
    /// By any: what is wrong with the file, in words.
    Form(String),
}

impl From<String> for NotOpened {
    fn from(words: String) -> Self {
        Self::Form(words)
    }
}

impl Standard {
    /// What was sealed.
    pub(crate) fn open(
        self,
        sealed: &Sealed<'_>,
        password: &SecretString,
    ) -> Result<Zeroizing<Vec<u8>>, NotOpened> {
        let field = |name: &str, digits: &str| hex::decode(digits).map_err(|e| format!("{name}: {e}"));
        let name = match self {
            Self::Web3V3 => "mac",
            Self::Eip2335V4 => "checksum",
        };
        let (ciphertext, check) = (
            field("ciphertext", sealed.ciphertext)?,
            field(name, sealed.check)?,
        );
        let iv = field("iv", sealed.iv)?;
        let iv: [u8; 16] = iv.try_into().map_err(|_| "iv: expected 16 bytes".to_owned())?;
        let key = self.derive(sealed.kdf, sealed.params, password)?;
        // not secret-dependent timing that matters: whoever holds the file can try passwords anyway
        if self.check(&key, &ciphertext).as_slice() != check {
            return Err(NotOpened::Password);
        }
        let mut text = Zeroizing::new(ciphertext);
        apply(&key, &iv, &mut text);
        Ok(text)
    }

    /// Seals a secret at the cost of files that we write, with a salt and a start of the cipher of its own.
    pub(crate) fn seal(self, secret: &[u8], password: &SecretString) -> Result<Written, String> {
        let (mut salt, mut iv) = ([0; 32], [0; 16]);
        let mut rng = rand::rngs::OsRng;
        rng.fill_bytes(&mut salt);
        rng.fill_bytes(&mut iv);
        let (n, r, p) = COST;
        let params = KdfParams {
            dklen: 32,
            salt: hex::encode(salt),
            n: Some(n),
            r: Some(r),
            p: Some(p),
            ..KdfParams::default()
        };
        let key = self.derive(SCRYPT, &params, password)?;
        let mut text = Zeroizing::new(secret.to_vec());
        apply(&key, &iv, &mut text);
        Ok(Written {
            kdf: SCRYPT,
            params,
            iv: hex::encode(iv),
            ciphertext: hex::encode(&*text),
            check: hex::encode(self.check(&key, &text)),
        })
    }

    fn password(self, given: &SecretString) -> Zeroizing<String> {
        match self {
            Self::Web3V3 => Zeroizing::new(given.expose_secret().to_owned()),
            Self::Eip2335V4 => normalised(given),
        }
    }

    fn check(self, key: &[u8; 32], ciphertext: &[u8]) -> [u8; 32] {
        let second = &key[16..];
        match self {
            Self::Web3V3 => alloy::primitives::keccak256([second, ciphertext].concat()).0,
            Self::Eip2335V4 => Sha256::new_with_prefix(second)
                .chain_update(ciphertext)
                .finalize()
                .into(),
        }
    }

    fn derive(
        self,
        kdf: &str,
        params: &KdfParams,
        password: &SecretString,
    ) -> Result<Zeroizing<[u8; 32]>, String> {
        if params.dklen != 32 {
            return Err(format!(
                "dklen {} is not supported, only dklen 32 is",
                params.dklen
            ));
        }
        let salt = hex::decode(&params.salt).map_err(|e| format!("salt: {e}"))?;
        let password = self.password(password);
        let number = |name: &str, value: Option<u64>| value.ok_or_else(|| format!("{name} is missing"));
        match kdf {
            SCRYPT => {
                let cost = (
                    number("n", params.n)?,
                    number("r", params.r)?,
                    number("p", params.p)?,
                );
                scrypt::derive(password.as_bytes(), &salt, cost)
            }
            "pbkdf2" => {
                let rounds = u32::try_from(number("c", params.c)?)
                    .ok()
                    .filter(|rounds| (1..=MOST_ROUNDS).contains(rounds))
                    .ok_or("c is out of range")?;
                if params.prf.as_deref() != Some("hmac-sha256") {
                    return Err("only hmac-sha256 is supported as prf".into());
                }
                let mut key = Zeroizing::new([0; 32]);
                pbkdf2::pbkdf2_hmac::<Sha256>(password.as_bytes(), &salt, rounds, &mut *key);
                Ok(key)
            }
            other => Err(format!("kdf \"{}\" is not supported", SafeText::new(other))),
        }
    }
}

/// As EIP-2335 wants it: NFKD, so that a character counts as the same however it was typed, and no control characters,
/// so that a newline at the end of a password file does not matter.
fn normalised(password: &SecretString) -> Zeroizing<String> {
    let decomposed = Zeroizing::new(
        DecomposingNormalizerBorrowed::new_nfkd()
            .normalize(password.expose_secret())
            .into_owned(),
    );
    Zeroizing::new(decomposed.chars().filter(|c| !c.is_control()).collect())
}

/// Enciphers, and deciphers.
fn apply(key: &[u8; 32], iv: &[u8; 16], text: &mut [u8]) {
    let key: &[u8; 16] = key[..16].try_into().expect("16 of 32 bytes");
    ctr::Ctr128BE::<aes::Aes128>::new(key.into(), iv.into()).apply_keystream(text);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> SecretString {
        SecretString::from(text)
    }

    /// Version 3 counts a password by its bytes, version 4 by its letters; neither opens what the other sealed.
    #[test]
    fn each_standard_opens_what_it_sealed_by_its_own_rules() {
        let standards = [(Standard::Web3V3, false), (Standard::Eip2335V4, true)];
        for (standard, newline_is_nothing) in standards {
            let written = standard.seal(b"a key", &secret("correct horse")).unwrap();
            let sealed = Sealed {
                kdf: written.kdf,
                params: &written.params,
                iv: &written.iv,
                ciphertext: &written.ciphertext,
                check: &written.check,
            };
            let opened = standard.open(&sealed, &secret("correct horse")).unwrap();
            assert_eq!(*opened, b"a key");
            let with_newline = standard.open(&sealed, &secret("correct horse\n"));
            assert_eq!(with_newline.is_ok(), newline_is_nothing, "{standard:?}");
            for (other, _) in standards.iter().filter(|(other, _)| *other != standard) {
                let refused = other.open(&sealed, &secret("correct horse"));
                assert_eq!(refused, Err(NotOpened::Password), "{other:?}");
            }
        }
    }

    #[test]
    fn what_a_file_may_not_ask_for_is_named() {
        let whole = KdfParams {
            dklen: 32,
            salt: "00".into(),
            n: Some(2),
            r: Some(1),
            p: Some(1),
            c: Some(1),
            prf: Some("hmac-sha256".into()),
        };
        let refused = |kdf: &str, change: fn(&mut KdfParams)| {
            let mut params = whole.clone();
            change(&mut params);
            let derived = Standard::Web3V3.derive(kdf, &params, &secret("x"));
            derived.err().unwrap_or_else(|| panic!("{kdf}: {params:?}"))
        };
        assert!(refused("scrypt", |p| p.dklen = 16).contains("dklen 16"));
        assert!(refused("scrypt", |p| p.n = None).contains("n is missing"));
        assert!(refused("scrypt", |p| p.n = Some(1 << 30)).contains("not acceptable"));
        assert!(refused("scrypt", |p| p.salt = "x".into()).contains("salt"));
        assert!(refused("pbkdf2", |p| p.c = None).contains("c is missing"));
        for rounds in [0, u64::from(MOST_ROUNDS) + 1, u64::MAX] {
            let mut params = whole.clone();
            params.c = Some(rounds);
            let derived = Standard::Eip2335V4.derive("pbkdf2", &params, &secret("x"));
            assert!(derived.unwrap_err().contains("out of range"), "{rounds}");
        }
        assert!(refused("pbkdf2", |p| p.prf = None).contains("hmac-sha256"));
        assert!(refused("argon2", |_| {}).contains("argon2"));
    }

    /// The password of EIP-2335's test vectors is the mathematical letters of "testpassword" and a key.
    #[test]
    fn a_password_beyond_ascii_counts_by_its_letters() {
        let given = secret(
            "\u{1d531}\u{1d522}\u{1d530}\u{1d531}\u{1d52d}\u{1d51e}\u{1d530}\u{1d530}\u{1d534}\u{1d52c}\u{1d52f}\u{1d521}\u{1f511}\n",
        );
        assert_eq!(
            normalised(&given).as_bytes(),
            hex::decode("7465737470617373776f7264f09f9491").unwrap(),
            "the bytes that the EIP gives"
        );
        // one character, or a letter and an accent: keyboards differ
        let forms = ["p\u{e4}ss", "pa\u{308}ss", "\u{ff50}a\u{308}ss"];
        let forms = forms.map(|form| normalised(&secret(form)).to_string());
        assert!(forms.windows(2).all(|pair| pair[0] == pair[1]));
    }
}
