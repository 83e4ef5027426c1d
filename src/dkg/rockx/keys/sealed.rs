//! A private key at rest under a password, in the form that RockX's nodes read: the crypto section of an EIP-2335
//! keystore at the top level of a JSON file, whose plaintext is the PKCS#1 PEM.

use aes::cipher::{KeyIvInit, StreamCipher};
use icu_normalizer::DecomposingNormalizerBorrowed;
use rand::RngCore;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::{KeyError, OperatorPrivateKey};
use crate::secrets::scrypt;
use crate::types::SafeText;

/// scrypt's cost in files that we write, EIP-2335's own.
const N: u64 = 262_144;

#[derive(Deserialize, Serialize)]
struct Sealed {
    checksum: Module,
    cipher: Module,
    kdf: Module,
}

#[derive(Deserialize, Serialize)]
struct Module {
    function: String,
    message: String,
    params: serde_json::Map<String, serde_json::Value>,
}

impl Module {
    fn number(&self, name: &str) -> Result<u64, KeyError> {
        self.params
            .get(name)
            .and_then(serde_json::Value::as_u64)
            .ok_or_else(|| sealed(format!("kdf: {name} is missing")))
    }

    fn bytes(&self, name: &str) -> Result<Vec<u8>, KeyError> {
        let text = self.params.get(name).and_then(serde_json::Value::as_str);
        hex::decode(text.unwrap_or_default()).map_err(|e| sealed(format!("{name}: {e}")))
    }
}

fn sealed(reason: impl Into<String>) -> KeyError {
    KeyError::Sealed(reason.into())
}

impl OperatorPrivateKey {
    /// Opens a sealed key. Takes about a second: call it from a thread that may block.
    ///
    /// # Errors
    /// Not such a file, a wrong password, or no RSA key inside.
    pub fn open(json: &str, password: &SecretString) -> Result<Self, KeyError> {
        let value: serde_json::Value = serde_json::from_str(json).map_err(|e| sealed(e.to_string()))?;
        // a whole EIP-2335 file has the same section under `crypto`
        let section = value.get("crypto").unwrap_or(&value);
        let file = Sealed::deserialize(section).map_err(|e| sealed(e.to_string()))?;
        if file.checksum.function != "sha256" || file.cipher.function != "aes-128-ctr" {
            return Err(sealed("only sha256 with aes-128-ctr is supported"));
        }
        let key = derive(&file.kdf, password)?;
        let ciphertext = hex::decode(&file.cipher.message).map_err(|e| sealed(format!("cipher: {e}")))?;
        let expected = hex::decode(&file.checksum.message).map_err(|e| sealed(format!("checksum: {e}")))?;
        if checksum(&key, &ciphertext).as_slice() != expected {
            return Err(KeyError::Password);
        }
        let iv: [u8; 16] = file
            .cipher
            .bytes("iv")?
            .try_into()
            .map_err(|_| sealed("iv: expected 16 bytes"))?;
        let mut plaintext = Zeroizing::new(ciphertext);
        cipher(&key, &iv).apply_keystream(&mut plaintext);
        let pem = std::str::from_utf8(&plaintext).map_err(|_| KeyError::Text)?;
        Self::parse(pem)
    }

    /// Seals the key. Takes about a second: call it from a thread that may block.
    ///
    /// # Errors
    /// The password has characters beyond ASCII, which programs normalise in different ways.
    pub fn seal(&self, password: &SecretString) -> Result<String, KeyError> {
        if !password.expose_secret().is_ascii() {
            return Err(sealed("use a password of ASCII characters"));
        }
        let mut rng = rand::rngs::OsRng;
        let (mut salt, mut iv) = ([0; 32], [0; 16]);
        rng.fill_bytes(&mut salt);
        rng.fill_bytes(&mut iv);
        let module = |function: &str, message: String, params: serde_json::Value| Module {
            function: function.to_owned(),
            message,
            params: params.as_object().cloned().unwrap_or_default(),
        };
        let salt = hex::encode(salt);
        let params = serde_json::json!({"dklen": 32, "n": N, "p": 1, "r": 8, "salt": salt});
        let kdf = module("scrypt", String::new(), params);
        let key = derive(&kdf, password)?;
        let mut text = Zeroizing::new(self.to_pem()?.as_bytes().to_vec());
        cipher(&key, &iv).apply_keystream(&mut text);
        let file = Sealed {
            checksum: module(
                "sha256",
                hex::encode(checksum(&key, &text)),
                serde_json::json!({}),
            ),
            cipher: module(
                "aes-128-ctr",
                hex::encode(&*text),
                serde_json::json!({"iv": hex::encode(iv)}),
            ),
            kdf,
        };
        serde_json::to_string_pretty(&file).map_err(|e| sealed(e.to_string()))
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

fn derive(kdf: &Module, password: &SecretString) -> Result<Zeroizing<[u8; 32]>, KeyError> {
    if kdf.number("dklen")? != 32 {
        return Err(sealed("kdf: only dklen 32 is supported"));
    }
    let salt = kdf.bytes("salt")?;
    let password = normalised(password);
    let mut key = Zeroizing::new([0; 32]);
    match kdf.function.as_str() {
        "scrypt" => {
            let params = (kdf.number("n")?, kdf.number("r")?, kdf.number("p")?);
            key = scrypt::derive(password.as_bytes(), &salt, params)
                .map_err(|e| sealed(format!("kdf: {e}")))?;
        }
        "pbkdf2" => {
            let rounds = u32::try_from(kdf.number("c")?)
                .ok()
                .filter(|rounds| (1..=10_000_000).contains(rounds))
                .ok_or_else(|| sealed("kdf: c is out of range"))?;
            let prf = kdf.params.get("prf").and_then(serde_json::Value::as_str);
            if prf != Some("hmac-sha256") {
                return Err(sealed("kdf: only hmac-sha256 is supported as prf"));
            }
            pbkdf2::pbkdf2_hmac::<Sha256>(password.as_bytes(), &salt, rounds, &mut *key);
        }
        other => return Err(sealed(format!("kdf «{}» is not supported", SafeText::new(other)))),
    }
    Ok(key)
}

fn checksum(key: &[u8; 32], ciphertext: &[u8]) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(&key[16..]);
    hash.update(ciphertext);
    hash.finalize().into()
}

fn cipher(key: &[u8; 32], iv: &[u8; 16]) -> ctr::Ctr128BE<aes::Aes128> {
    let key: &[u8; 16] = key[..16].try_into().expect("16 of 32 bytes");
    ctr::Ctr128BE::new(key.into(), iv.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_sealed_opens_with_its_password_only() {
        let key = OperatorPrivateKey::generate().unwrap();
        let password = SecretString::from("correct horse".to_owned());
        let json = key.seal(&password).unwrap();
        assert!(!json.contains("BEGIN"));
        let with_newline = SecretString::from("correct horse\n".to_owned());
        let opened = OperatorPrivateKey::open(&json, &with_newline).unwrap();
        assert!(opened.matches(key.public()));
        let wrong = SecretString::from("wrong horse".to_owned());
        assert_eq!(
            OperatorPrivateKey::open(&json, &wrong).err(),
            Some(KeyError::Password)
        );
        let whole = format!("{{\"crypto\":{json},\"version\":4}}");
        assert!(OperatorPrivateKey::open(&whole, &password).is_ok());
    }

    /// The test vector of EIP-2335 (scrypt), whose password is the mathematical letters of «testpassword» and a key.
    #[test]
    fn a_password_beyond_ascii_counts_by_its_letters() {
        let given = SecretString::from(
            "\u{1d531}\u{1d522}\u{1d530}\u{1d531}\u{1d52d}\u{1d51e}\u{1d530}\u{1d530}\u{1d534}\u{1d52c}\u{1d52f}\u{1d521}\u{1f511}\n",
        );
        assert_eq!(
            normalised(&given).as_bytes(),
            hex::decode("7465737470617373776f7264f09f9491").unwrap(),
            "the bytes that the EIP gives"
        );
        // one character, or a letter and an accent: keyboards differ
        let forms = ["p\u{e4}ss", "pa\u{308}ss", "\u{ff50}a\u{308}ss"];
        let forms = forms.map(|form| normalised(&SecretString::from(form)).to_string());
        assert!(forms.windows(2).all(|pair| pair[0] == pair[1]));
    }

    #[test]
    fn a_file_can_not_ask_for_any_amount_of_memory() {
        let greedy = r#"{"checksum":{"function":"sha256","message":"00","params":{}},
            "cipher":{"function":"aes-128-ctr","message":"00","params":{"iv":"00"}},
            "kdf":{"function":"scrypt","message":"","params":{"dklen":32,"n":1073741824,"p":1,"r":8,"salt":"00"}}}"#;
        let error = OperatorPrivateKey::open(greedy, &SecretString::from("x".to_owned()))
            .err()
            .unwrap();
        assert!(error.to_string().contains("not acceptable"), "{error}");
    }
}
