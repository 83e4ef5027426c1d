//! Encryption of shares at rest: AES-256-GCM under a key derived by HKDF-SHA256 from the operator's RSA private key and
//! a random salt of the file. So a copied file is worthless without the operator's key, and the key needs no second
//! password; who has both has the shares.

use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::{Aes256Gcm, Nonce};
use hkdf::Hkdf;
use rand::RngCore;
use rand::rngs::OsRng;
use sha2::Sha256;
use zeroize::Zeroizing;

const INFO: &[u8] = b"casimir-dkg operator share store, layout 1";
const CHECK: &[u8] = b"this key opens this store";
const NONCE_LEN: usize = 12;

pub(super) struct Sealer(Aes256Gcm);

impl Sealer {
    /// A sealer for a new file, with the salt and the check value that the file has to carry.
    pub(super) fn create(secret: &[u8]) -> (Self, [u8; 16], Vec<u8>) {
        let mut salt = [0; 16];
        OsRng.fill_bytes(&mut salt);
        let sealer = Self::derive(secret, &salt);
        let check = sealer.encrypt(CHECK, b"check");
        (sealer, salt, check)
    }

    /// The sealer of an existing file; `None` when `secret` is not the one it was made with.
    pub(super) fn reopen(secret: &[u8], salt: &[u8], check: &[u8]) -> Option<Self> {
        let sealer = Self::derive(secret, salt);
        (sealer.decrypt(check, b"check")?.as_slice() == CHECK).then_some(sealer)
    }

    pub(super) fn seal(&self, share: &[u8; 32], associated: &[u8]) -> Vec<u8> {
        self.encrypt(share, associated)
    }

    pub(super) fn open(&self, sealed: &[u8], associated: &[u8]) -> Option<Zeroizing<[u8; 32]>> {
        let plain = self.decrypt(sealed, associated)?;
        plain.as_slice().try_into().ok().map(Zeroizing::new)
    }

    fn derive(secret: &[u8], salt: &[u8]) -> Self {
        let mut key = Zeroizing::new([0; 32]);
        Hkdf::<Sha256>::new(Some(salt), secret)
            .expand(INFO, key.as_mut())
            .expect("32 bytes are within HKDF's limit");
        Self(Aes256Gcm::new_from_slice(key.as_ref()).expect("32 bytes are an AES-256 key"))
    }

    /// nonce || ciphertext || tag. Nonces are random: 2^32 shares may be sealed before that is a concern.
    fn encrypt(&self, plain: &[u8], associated: &[u8]) -> Vec<u8> {
        let mut nonce = [0; NONCE_LEN];
        OsRng.fill_bytes(&mut nonce);
        let payload = Payload {
            msg: plain,
            aad: associated,
        };
        let sealed = self
            .0
            .encrypt(Nonce::from_slice(&nonce), payload)
            .expect("short inputs can always be sealed");
        [&nonce[..], &sealed].concat()
    }

    fn decrypt(&self, sealed: &[u8], associated: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (nonce, sealed) = sealed.split_at_checked(NONCE_LEN)?;
        let payload = Payload {
            msg: sealed,
            aad: associated,
        };
        self.0
            .decrypt(Nonce::from_slice(nonce), payload)
            .ok()
            .map(Zeroizing::new)
    }
}
