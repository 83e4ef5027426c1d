//! A person's own key: an ed25519 key in an encrypted file, which signs decisions on a machine of that person's.
//!
//! The file is JSON: scrypt (RFC 7914) makes an AES-256-GCM key of the password, the sealed bytes are the 32 bytes of the
//! seed (RFC 8032), and the public key beside them is authenticated with them.

use aes_gcm::aead::{Aead as _, Payload};
use aes_gcm::{Aes256Gcm, KeyInit as _};
use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use rand::RngCore as _;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::scrypt;
use crate::types::{PersonKey, PersonSignature, SignedStatement, Statement};

/// N, r and p of files that we write: about a second and 256 MiB.
const COST: (u64, u64, u64) = (1 << 18, 8, 1);
/// Longer files are none of ours.
pub const MAX_FILE: u64 = 4096;
const FORM: &str = "casimir-dkg person key v1";

/// The file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PersonKeyError {
    /// It is no such file.
    #[error("this is no file of a person's key: {0}")]
    Form(String),
    #[error("wrong password, or the file was changed")]
    WrongPassword,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    form: String,
    public_key: PersonKey,
    scrypt: (u64, u64, u64),
    salt: String,
    nonce: String,
    sealed: String,
}

/// The secret half.
pub struct PersonSecret {
    seed: Zeroizing<[u8; 32]>,
    pair: Ed25519KeyPair,
}

impl std::fmt::Debug for PersonSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PersonSecret of {}", self.public())
    }
}

impl PersonSecret {
    /// A new key.
    #[must_use]
    pub fn generate() -> Self {
        let mut seed = Zeroizing::new([0; 32]);
        rand::rngs::OsRng.fill_bytes(&mut *seed);
        Self::of(seed).expect("every 32 bytes are a seed")
    }

    fn of(seed: Zeroizing<[u8; 32]>) -> Option<Self> {
        let pair = Ed25519KeyPair::from_seed_unchecked(&*seed).ok()?;
        Some(Self { seed, pair })
    }

    /// The public half.
    #[must_use]
    pub fn public(&self) -> PersonKey {
        PersonKey::try_from(self.pair.public_key().as_ref()).expect("ed25519 keys have 32 bytes")
    }

    /// Ed25519 over the statement's message.
    #[must_use]
    pub fn sign(&self, statement: Statement) -> SignedStatement {
        let signature = self.pair.sign(&statement.message());
        SignedStatement {
            statement,
            key: self.public(),
            signature: PersonSignature::try_from(signature.as_ref())
                .expect("ed25519 signatures have 64 bytes"),
        }
    }

    /// The text of its file.
    #[must_use]
    pub fn seal(&self, password: &SecretString) -> String {
        let (mut salt, mut nonce) = ([0; 32], [0; 12]);
        rand::rngs::OsRng.fill_bytes(&mut salt);
        rand::rngs::OsRng.fill_bytes(&mut nonce);
        let public_key = self.public();
        let sealed = cipher(password, &salt, COST)
            .expect("our own parameters are acceptable")
            .encrypt(
                (&nonce).into(),
                Payload {
                    msg: &*self.seed,
                    aad: public_key.as_bytes(),
                },
            )
            .expect("32 bytes are not too many");
        let file = File {
            form: FORM.to_owned(),
            public_key,
            scrypt: COST,
            salt: hex::encode(salt),
            nonce: hex::encode(nonce),
            sealed: hex::encode(sealed),
        };
        serde_json::to_string_pretty(&file).expect("plain data serialises")
    }

    /// The public key that a file of one names, by its own word; none where it is no such file.
    #[must_use]
    pub fn named_in(text: &str) -> Option<PersonKey> {
        let file: File = serde_json::from_str(text).ok()?;
        (file.form == FORM).then_some(file.public_key)
    }

    /// Opens a file that [`PersonSecret::seal`] made.
    ///
    /// # Errors
    /// See [`PersonKeyError`]. Nothing of what the file holds is repeated.
    pub fn open(text: &str, password: &SecretString) -> Result<Self, PersonKeyError> {
        let bad = |what: &str| PersonKeyError::Form(what.to_owned());
        let file: File = serde_json::from_str(text).map_err(|_| bad("not the form of one"))?;
        if file.form != FORM {
            return Err(bad("it is of another form"));
        }
        let bytes = |digits: &str| hex::decode(digits).map_err(|_| bad("not hex"));
        let nonce: [u8; 12] = bytes(&file.nonce)?.try_into().map_err(|_| bad("its nonce"))?;
        let cipher = cipher(password, &bytes(&file.salt)?, file.scrypt).map_err(PersonKeyError::Form)?;
        let sealed = Payload {
            msg: &bytes(&file.sealed)?,
            aad: file.public_key.as_bytes(),
        };
        let opened = cipher.decrypt((&nonce).into(), sealed);
        let opened = Zeroizing::new(opened.map_err(|_| PersonKeyError::WrongPassword)?);
        let seed: [u8; 32] = opened.as_slice().try_into().map_err(|_| bad("its length"))?;
        let secret = Self::of(Zeroizing::new(seed)).ok_or_else(|| bad("no key"))?;
        if secret.public() != file.public_key {
            return Err(bad("its public key is another one's"));
        }
        Ok(secret)
    }
}

fn cipher(password: &SecretString, salt: &[u8], cost: (u64, u64, u64)) -> Result<Aes256Gcm, String> {
    let key = scrypt::derive(password.expose_secret().as_bytes(), salt, cost)?;
    Ok(Aes256Gcm::new((&*key).into()))
}

/// Whether the signature is right under the key that stands beside it.
#[must_use]
pub fn is_signed(signed: &SignedStatement) -> bool {
    let key = UnparsedPublicKey::new(&ED25519, signed.key.as_bytes());
    key.verify(&signed.statement.message(), signed.signature.as_bytes())
        .is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{Root, Stated, UnixMillis};

    fn statement() -> Statement {
        Statement {
            chain_id: 17_000,
            manager: alloy::primitives::Address::repeat_byte(7),
            account: None,
            action: "deposit/3#2".parse().unwrap(),
            proposed_at: Some(UnixMillis(3)),
            digest: Root([9; 32]),
            verdict: Stated::Approve,
            unknown: vec!["endpoints-agree".to_owned()],
            phrase: None,
            expires: UnixMillis(1_700_000_000_000),
        }
    }

    #[test]
    fn a_key_comes_back_from_its_file_by_its_password_alone() {
        let secret = PersonSecret::generate();
        let password = SecretString::from("correct horse");
        let text = secret.seal(&password);
        assert!(!text.contains(&hex::encode(*secret.seed)));
        let back = PersonSecret::open(&text, &password).unwrap();
        assert_eq!(back.public(), secret.public());
        let wrong = PersonSecret::open(&text, &SecretString::from("wrong"));
        assert!(matches!(wrong, Err(PersonKeyError::WrongPassword)));
        let other = PersonSecret::generate().public().to_string();
        let changed = text.replace(&secret.public().to_string(), &other);
        assert!(PersonSecret::open(&changed, &password).is_err());
        assert!(PersonSecret::open("{}", &password).is_err());
    }

    #[test]
    fn a_signature_holds_for_every_field_and_for_nothing_else() {
        let secret = PersonSecret::generate();
        let signed = secret.sign(statement());
        assert!(is_signed(&signed));
        let changes: [fn(&mut Statement); 10] = [
            |s| s.chain_id = 1,
            |s| s.manager = Default::default(),
            |s| s.account = Some(Default::default()),
            |s| s.action = "deposit/3#3".parse().unwrap(),
            |s| s.proposed_at = None,
            |s| s.proposed_at = Some(UnixMillis(4)),
            |s| s.digest = Root([8; 32]),
            |s| s.unknown.clear(),
            |s| s.phrase = Some("exit".to_owned()),
            |s| s.expires = UnixMillis(1_700_000_000_001),
        ];
        for change in changes {
            let mut other = signed.clone();
            change(&mut other.statement);
            assert!(!is_signed(&other), "{:?}", other.statement);
        }
        let mut other = signed.clone();
        other.key = PersonSecret::generate().public();
        assert!(!is_signed(&other));
    }

    /// The form is fixed: signatures of journals must be checked for ever.
    #[test]
    fn what_is_signed_is_this_text() {
        let message = String::from_utf8(statement().message()).unwrap();
        assert_eq!(
            message,
            "casimir-dkg decision of a person v1\0{\"chain_id\":17000,\
             \"manager\":\"0x0707070707070707070707070707070707070707\",\"account\":null,\"action\":\"deposit/3#2\",\
             \"proposed_at\":3,\"digest\":\"0x0909090909090909090909090909090909090909090909090909090909090909\",\"verdict\":\"approve\",\
             \"unknown\":[\"endpoints-agree\"],\"phrase\":null,\"expires\":1700000000000}"
        );
    }

    /// As it was before it said when the action was proposed.
    #[test]
    fn signatures_under_the_first_text_are_read_and_checked() {
        let secret = PersonSecret::generate();
        let first = Statement {
            proposed_at: None,
            ..statement()
        };
        let message = String::from_utf8(first.message()).unwrap();
        assert!(
            message.contains("\"action\":\"deposit/3#2\",\"digest\":"),
            "{message}"
        );
        let kept = serde_json::to_string(&secret.sign(first)).unwrap();
        assert!(is_signed(&serde_json::from_str(&kept).unwrap()));
    }
}
