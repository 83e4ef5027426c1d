//! ECIES over secp256k1 in the layout of eciesgo 2, with which shares travel inside broadcasts.
//!
//! ```text
//! ciphertext = 04‖Ex‖Ey (65) ‖ nonce (16) ‖ tag (16) ‖ AES-256-GCM ciphertext
//! key        = HKDF-SHA256(04‖Ex‖Ey ‖ 04‖Sx‖Sy, no salt, no info), S = e·PK = sk·E
//! ```
//!
//! The nonce has 16 bytes, not GCM's usual 12. Go's library shortens coordinates with two or more leading zero bytes
//! (see `short_padded`): encryption here never produces such points, decryption tries the short form as well.

use std::fmt;

use aes_gcm::aead::generic_array::typenum::U16;
use aes_gcm::aead::{AeadInPlace, KeyInit};
use aes_gcm::{AesGcm, aes::Aes256};
use hkdf::Hkdf;
use k256::elliptic_curve::sec1::ToEncodedPoint;
use k256::{PublicKey, SecretKey};
use rand::{CryptoRng, RngCore};
use sha2::Sha256;
use zeroize::Zeroizing;

const POINT: usize = 65;
const NONCE: usize = 16;
const TAG: usize = 16;
/// What a ciphertext is longer than its plaintext.
pub const OVERHEAD: usize = POINT + NONCE + TAG;

type Cipher = AesGcm<Aes256, U16>;
type Coordinate = [u8; 32];

/// Why ECIES did not work. Says nothing about the plaintext or the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EciesError {
    /// Not a secp256k1 private key.
    #[error("not a session private key")]
    PrivateKey,
    /// Not a point of secp256k1, or the point at infinity.
    #[error("not a session public key")]
    PublicKey,
    /// Shorter than the fixed part.
    #[error("a ciphertext of {0} bytes is too short")]
    Short(usize),
    /// The tag does not fit.
    #[error("the ciphertext does not decrypt")]
    Tag,
}

/// A session private key. No `Debug`; wiped when it is dropped.
#[derive(Clone)]
#[allow(missing_debug_implementations)]
pub struct SessionKey(SecretKey);

impl SessionKey {
    /// A fresh key whose public point every implementation encodes alike.
    pub fn random(rng: &mut (impl RngCore + CryptoRng)) -> Self {
        loop {
            let key = Self(SecretKey::random(rng));
            if !coordinates(&key.0.public_key()).iter().any(is_shortened) {
                return key;
            }
        }
    }

    /// Reads a big-endian number of at most 32 bytes; leading zeros may be missing, as in a blame.
    ///
    /// # Errors
    /// Zero, too long, or not below the group order.
    pub fn from_be_bytes(bytes: &[u8]) -> Result<Self, EciesError> {
        let start = 32_usize.checked_sub(bytes.len()).ok_or(EciesError::PrivateKey)?;
        let mut padded = Zeroizing::new([0; 32]);
        padded[start..].copy_from_slice(bytes);
        SecretKey::from_slice(&*padded)
            .map(Self)
            .map_err(|_| EciesError::PrivateKey)
    }

    /// Big endian without leading zeros: the form in which a blame reveals it.
    #[must_use]
    pub fn to_unpadded_bytes(&self) -> Zeroizing<Vec<u8>> {
        let mut bytes = self.0.to_bytes();
        let zeros = bytes.iter().take_while(|b| **b == 0).count();
        let unpadded = Zeroizing::new(bytes[zeros..].to_vec());
        zeroize::Zeroize::zeroize(bytes.as_mut_slice());
        unpadded
    }

    /// The public half.
    #[must_use]
    pub fn public(&self) -> SessionPublicKey {
        SessionPublicKey(self.0.public_key())
    }

    /// Opens a ciphertext.
    ///
    /// # Errors
    /// See [`EciesError`].
    pub fn decrypt(&self, ciphertext: &[u8]) -> Result<Zeroizing<Vec<u8>>, EciesError> {
        let short = || EciesError::Short(ciphertext.len());
        let (prefix, rest) = ciphertext.split_first_chunk::<POINT>().ok_or_else(short)?;
        let (nonce, rest) = rest.split_first_chunk::<NONCE>().ok_or_else(short)?;
        let (tag, sealed) = rest.split_first_chunk::<TAG>().ok_or_else(short)?;
        let ephemeral = PublicKey::from_sec1_bytes(prefix).map_err(|_| EciesError::PublicKey)?;
        let shared = shared_point(&self.0, &ephemeral);

        let open = |key: &Zeroizing<[u8; 32]>| {
            let mut text = Zeroizing::new(sealed.to_vec());
            Cipher::new((&**key).into())
                .decrypt_in_place_detached(nonce.into(), &[], &mut text, tag.into())
                .map(|()| text)
        };
        open(&derive(prefix, &shared, full))
            .or_else(|_| {
                if shared.iter().any(is_shortened) {
                    open(&derive(prefix, &shared, short_padded))
                } else {
                    Err(aes_gcm::Error)
                }
            })
            .map_err(|_| EciesError::Tag)
    }
}

/// A session public key.
#[derive(Clone, PartialEq, Eq)]
pub struct SessionPublicKey(PublicKey);

impl SessionPublicKey {
    /// Reads SEC 1 bytes, compressed (33) or uncompressed (65).
    ///
    /// # Errors
    /// Not a point, or the point at infinity.
    pub fn parse(bytes: &[u8]) -> Result<Self, EciesError> {
        PublicKey::from_sec1_bytes(bytes)
            .map(Self)
            .map_err(|_| EciesError::PublicKey)
    }

    /// SEC 1, compressed.
    #[must_use]
    pub fn to_compressed(&self) -> [u8; 33] {
        let mut out = [0; 33];
        out.copy_from_slice(self.0.to_encoded_point(true).as_bytes());
        out
    }

    /// Encrypts to this key under a fresh ephemeral key.
    ///
    /// # Errors
    /// None in practice: only a plaintext of more than 64 GiB is refused by the cipher.
    pub fn encrypt(
        &self,
        plaintext: &[u8],
        rng: &mut (impl RngCore + CryptoRng),
    ) -> Result<Vec<u8>, EciesError> {
        loop {
            let ephemeral = SecretKey::random(rng);
            let shared = shared_point(&ephemeral, &self.0);
            let public = coordinates(&ephemeral.public_key());
            if shared.iter().chain(&public).any(is_shortened) {
                continue;
            }
            let mut out = Vec::with_capacity(OVERHEAD + plaintext.len());
            out.push(4);
            out.extend_from_slice(&public[0]);
            out.extend_from_slice(&public[1]);
            let key = derive(&out, &shared, full);

            let mut nonce = [0; NONCE];
            rng.fill_bytes(&mut nonce);
            let mut sealed = plaintext.to_vec();
            let tag = Cipher::new((&*key).into())
                .encrypt_in_place_detached(&nonce.into(), &[], &mut sealed)
                .map_err(|_| EciesError::Tag)?;
            out.extend_from_slice(&nonce);
            out.extend_from_slice(&tag);
            out.extend_from_slice(&sealed);
            return Ok(out);
        }
    }
}

impl fmt::Debug for SessionPublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.to_compressed()))
    }
}

/// x and y, 32 bytes each.
fn coordinates(point: &impl ToEncodedPoint<k256::Secp256k1>) -> [Coordinate; 2] {
    let encoded = point.to_encoded_point(false);
    let coordinate = |c: Option<&k256::FieldBytes>| c.copied().map_or([0; 32], Into::into);
    [coordinate(encoded.x()), coordinate(encoded.y())]
}

fn shared_point(secret: &SecretKey, public: &PublicKey) -> Zeroizing<[Coordinate; 2]> {
    let product = public.to_projective() * *secret.to_nonzero_scalar();
    Zeroizing::new(coordinates(&product.to_affine()))
}

/// Whether Go's library would write this coordinate with fewer than 32 bytes.
fn is_shortened(coordinate: &Coordinate) -> bool {
    coordinate[..2] == [0, 0]
}

fn full(coordinate: &Coordinate) -> &[u8] {
    coordinate
}

/// A coordinate as eciesgo 2.0.7 writes it: z ≥ 2 leading zero bytes are lost and only ⌈z/2⌉ of them restored.
fn short_padded(coordinate: &Coordinate) -> &[u8] {
    let zeros = coordinate.iter().take_while(|b| **b == 0).count();
    &coordinate[zeros - zeros.div_ceil(2)..]
}

fn derive(prefix: &[u8], shared: &[Coordinate; 2], write: fn(&Coordinate) -> &[u8]) -> Zeroizing<[u8; 32]> {
    let mut ikm = Zeroizing::new(Vec::with_capacity(2 * POINT));
    ikm.extend_from_slice(prefix);
    ikm.push(4);
    ikm.extend_from_slice(write(&shared[0]));
    ikm.extend_from_slice(write(&shared[1]));
    let mut key = Zeroizing::new([0; 32]);
    Hkdf::<Sha256>::new(None, &ikm)
        .expand(&[], &mut *key)
        .expect("32 bytes are below HKDF's limit of 255 hashes");
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leading_zeros_are_lost_as_in_the_pinned_library() {
        let with_zeros = |z: usize| {
            let mut c = [0xaa; 32];
            c[..z].fill(0);
            c
        };
        for (zeros, length) in [(0, 32), (1, 32), (2, 31), (3, 31), (4, 30), (5, 30)] {
            assert_eq!(short_padded(&with_zeros(zeros)).len(), length, "{zeros} zeros");
            assert_eq!(is_shortened(&with_zeros(zeros)), length < 32);
        }
    }

    #[test]
    fn a_share_encrypted_under_a_shortened_shared_point_opens() {
        // search a peer key whose shared point has a short coordinate, then encrypt as the Go library would
        let mut rng = <rand_chacha::ChaCha20Rng as rand::SeedableRng>::seed_from_u64(7);
        let me = SecretKey::random(&mut rng);
        let (ephemeral, shared) = short_shared_point(&me);
        let mut out = vec![4];
        out.extend(coordinates(&ephemeral).concat());
        let key = derive(&out, &shared, short_padded);
        let mut sealed = b"a share".to_vec();
        let tag = Cipher::new((&*key).into())
            .encrypt_in_place_detached(&[9; NONCE].into(), &[], &mut sealed)
            .unwrap();
        out.extend([9; NONCE]);
        out.extend(tag);
        out.extend(sealed);
        assert_eq!(
            SessionKey(me.clone()).decrypt(&out).unwrap().as_slice(),
            b"a share"
        );
        *out.last_mut().unwrap() ^= 1;
        assert_eq!(SessionKey(me).decrypt(&out).unwrap_err(), EciesError::Tag);
    }

    /// A point whose multiple by `me` has x = 0x0000…: pick the shared point first, then divide by the secret.
    fn short_shared_point(me: &SecretKey) -> (PublicKey, [Coordinate; 2]) {
        let inverse = me.to_nonzero_scalar().invert().unwrap();
        for n in 1_u8.. {
            let mut compressed = [0; 33];
            compressed[0] = 2;
            compressed[32] = n;
            if let Ok(shared) = PublicKey::from_sec1_bytes(&compressed) {
                let ephemeral =
                    PublicKey::from_affine((shared.to_projective() * inverse).to_affine()).unwrap();
                return (ephemeral, coordinates(&shared));
            }
        }
        unreachable!("every other x is on the curve")
    }
}
