//! A private key at rest under a password, in the form that RockX's nodes read: the crypto section of an EIP-2335
//! keystore at the top level of a JSON file, whose plaintext is the PKCS#1 PEM.

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use super::{KeyError, OperatorPrivateKey};
use crate::secrets::sealing::{self, CIPHER, KdfParams, NotOpened, Standard};

/// EIP-2335 names no other.
const CHECKSUM: &str = "sha256";

#[derive(Deserialize, Serialize)]
struct Sealed {
    checksum: Module<NoParams>,
    cipher: Module<CipherParams>,
    kdf: Module<KdfParams>,
}

#[derive(Deserialize, Serialize)]
struct Module<P> {
    function: String,
    message: String,
    params: P,
}

/// A checksum has no parameters, and the standard writes that as `{}`.
#[derive(Deserialize, Serialize)]
struct NoParams {}

#[derive(Deserialize, Serialize)]
struct CipherParams {
    iv: String,
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
        if file.checksum.function != CHECKSUM || file.cipher.function != CIPHER {
            return Err(sealed("only sha256 with aes-128-ctr is supported"));
        }
        let found = sealing::Sealed {
            kdf: &file.kdf.function,
            params: &file.kdf.params,
            iv: &file.cipher.params.iv,
            ciphertext: &file.cipher.message,
            check: &file.checksum.message,
        };
        let opened = Standard::Eip2335V4.open(&found, password);
        let plaintext = opened.map_err(|why| match why {
            NotOpened::Password => KeyError::Password,
            NotOpened::Form(reason) => sealed(reason),
        })?;
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
        let written = Standard::Eip2335V4
            .seal(self.to_pem()?.as_bytes(), password)
            .map_err(sealed)?;
        let file = Sealed {
            checksum: Module {
                function: CHECKSUM.to_owned(),
                message: written.check,
                params: NoParams {},
            },
            cipher: Module {
                function: CIPHER.to_owned(),
                message: written.ciphertext,
                params: CipherParams { iv: written.iv },
            },
            kdf: Module {
                function: written.kdf.to_owned(),
                message: String::new(),
                params: written.params,
            },
        };
        serde_json::to_string_pretty(&file).map_err(|e| sealed(e.to_string()))
    }
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

    #[test]
    fn a_file_can_not_ask_for_any_amount_of_memory() {
        let greedy = r#"{"checksum":{"function":"sha256","message":"00","params":{}},
            "cipher":{"function":"aes-128-ctr","message":"00","params":{"iv":"00000000000000000000000000000000"}},
            "kdf":{"function":"scrypt","message":"","params":{"dklen":32,"n":1073741824,"p":1,"r":8,"salt":"00"}}}"#;
        let error = OperatorPrivateKey::open(greedy, &SecretString::from("x".to_owned()))
            .err()
            .unwrap();
        assert!(error.to_string().contains("not acceptable"), "{error}");
    }
}
