//! ECIES over secp256k1 in the layout of eciesgo 2, with which shares travel inside broadcasts.
//!
//! ```text
//! ciphertext = 04‖Ex‖Ey (65) ‖ nonce (16) ‖ tag (16) ‖ AES-256-GCM ciphertext
//! key        = HKDF-SHA256(04‖Ex‖Ey ‖ 04‖Sx‖Sy, no salt, no info), S = e·PK = sk·E
//! ```
//!
//! The nonce has 16 bytes, not GCM's usual 12. Go's library shortens coordinates with two or more leading zero bytes
//! (see `short_padded`), in the shared point as well as in the points that it sends. Encryption here never produces such
//! points. Decryption takes both forms, since an honest node of RockX sends one ciphertext of 128 bytes among some
//! 30,000: the lost zero bytes are put back to find the point, and the key is derived over the prefix as it was sent.

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
/// Bytes of a prefix that Go's library may lose. Three would take a coordinate with six leading zero bytes.
const MOST_LOST: usize = 2;

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
#[expect(missing_debug_implementations, reason = "Debug would print a secret")]
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

    /// Opens a ciphertext, also one whose ephemeral point Go's library has shortened.
    ///
    /// # Errors
    /// See [`EciesError`].
    pub fn decrypt(&self, ciphertext: &[u8]) -> Result<Zeroizing<Vec<u8>>, EciesError> {
        let usual = self.decrypt_behind(ciphertext, POINT);
        if usual.is_ok() {
            return usual;
        }
        (1..=MOST_LOST)
            .find_map(|lost| self.decrypt_behind(ciphertext, POINT - lost).ok())
            .map_or(usual, Ok)
    }

    /// Opens a ciphertext whose prefix, the ephemeral point, has this many bytes.
    fn decrypt_behind(&self, ciphertext: &[u8], prefix: usize) -> Result<Zeroizing<Vec<u8>>, EciesError> {
        let short = || EciesError::Short(ciphertext.len());
        let (prefix, rest) = ciphertext.split_at_checked(prefix).ok_or_else(short)?;
        let (nonce, rest) = rest.split_first_chunk::<NONCE>().ok_or_else(short)?;
        let (tag, sealed) = rest.split_first_chunk::<TAG>().ok_or_else(short)?;
        let open = |shared: &[Coordinate; 2], write| {
            let mut text = Zeroizing::new(sealed.to_vec());
            Cipher::new((&*derive(prefix, shared, write)).into())
                .decrypt_in_place_detached(nonce.into(), &[], &mut text, tag.into())
                .map(|()| text)
        };
        let mut found = Err(EciesError::PublicKey);
        for ephemeral in ephemeral_points(prefix) {
            let shared = shared_point(&self.0, &ephemeral);
            let mut opened = open(&shared, full);
            if opened.is_err() && shared.iter().any(is_shortened) {
                opened = open(&shared, short_padded);
            }
            found = opened.map_err(|_| EciesError::Tag);
            if found.is_ok() {
                break;
            }
        }
        found
    }
}

/// A point of secp256k1, to which its owner's shares are encrypted.
#[derive(Clone, PartialEq, Eq)]
pub struct SessionPublicKey(PublicKey);

impl SessionPublicKey {
    /// Reads SEC 1 bytes, compressed (33) or uncompressed (65). A compressed key may have been shortened by Go's library.
    ///
    /// # Errors
    /// Not a point, or the point at infinity.
    pub fn parse(bytes: &[u8]) -> Result<Self, EciesError> {
        let whole = match bytes {
            [sign @ (2 | 3), x @ ..] if x.len() < 32 => {
                let x = lengthened(x).ok_or(EciesError::PublicKey)?;
                [&[*sign], &x[..]].concat()
            }
            _ => bytes.to_vec(),
        };
        PublicKey::from_sec1_bytes(&whole)
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

/// The coordinate that `short_padded` writes like this, if there is one.
fn lengthened(sent: &[u8]) -> Option<Coordinate> {
    let mut whole = [0; 32];
    whole[32_usize.checked_sub(sent.len())?..].copy_from_slice(sent);
    (short_padded(&whole) == sent).then_some(whole)
}

/// The points that a prefix can stand for: one if it has its full length, else one for each way in which the missing
/// bytes can belong to the two coordinates.
fn ephemeral_points(prefix: &[u8]) -> Vec<PublicKey> {
    if prefix.len() == POINT {
        return PublicKey::from_sec1_bytes(prefix).into_iter().collect();
    }
    let Some((4, coordinates)) = prefix.split_first() else {
        return Vec::new();
    };
    let lost = POINT - prefix.len();
    let point = |lost_of_x: usize| {
        let (x, y) = coordinates.split_at_checked(32 - lost_of_x)?;
        let whole = [&[4], &lengthened(x)?[..], &lengthened(y)?[..]].concat();
        PublicKey::from_sec1_bytes(&whole).ok()
    };
    (0..=lost).filter_map(point).collect()
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

    /// Ephemeral keys whose points have a short coordinate: (44629, in x), (41192, in y); found by counting.
    const SHORT_EPHEMERAL: [u64; 2] = [44_629, 41_192];

    fn number(n: u64) -> SecretKey {
        let mut bytes = [0; 32];
        bytes[24..].copy_from_slice(&n.to_be_bytes());
        SecretKey::from_slice(&bytes).unwrap()
    }

    /// A ciphertext to `me` with this ephemeral point, as Go's library writes it.
    fn seal_as_go(me: &SecretKey, ephemeral: &PublicKey, text: &[u8]) -> Vec<u8> {
        let written = coordinates(ephemeral);
        let mut out = [&[4], short_padded(&written[0]), short_padded(&written[1])].concat();
        let key = derive(&out, &shared_point(me, ephemeral), short_padded);
        let mut sealed = text.to_vec();
        let tag = Cipher::new((&*key).into())
            .encrypt_in_place_detached(&[9; NONCE].into(), &[], &mut sealed)
            .unwrap();
        out.extend([9; NONCE]);
        out.extend(tag);
        out.extend(sealed);
        out
    }

    #[test]
    fn a_ciphertext_whose_ephemeral_point_was_shortened_opens() {
        let me = number(77);
        let mut points: Vec<(PublicKey, usize)> = SHORT_EPHEMERAL.map(|n| (number(n).public_key(), 1)).into();
        // x = 1 has 31 leading zero bytes, far more than chance will ever bring; x < 2^224 has four
        let mut compressed = [0; 33];
        (compressed[0], compressed[5]) = (2, 1);
        while points.len() < 3 {
            compressed[32] += 1;
            points.extend(PublicKey::from_sec1_bytes(&compressed).map(|point| (point, 2)));
        }
        for (ephemeral, lost) in points {
            let mut sealed = seal_as_go(&me, &ephemeral, &[0xa5; 32]);
            assert_eq!(sealed.len(), OVERHEAD + 32 - lost);
            let opened = SessionKey(me.clone()).decrypt(&sealed).unwrap();
            assert_eq!(opened.as_slice(), [0xa5; 32]);
            for at in [1, 20, 40, 70, 90, sealed.len() - 1] {
                sealed[at] ^= 1;
                assert!(SessionKey(me.clone()).decrypt(&sealed).is_err(), "byte {at}");
                sealed[at] ^= 1;
            }
        }
    }

    #[test]
    fn a_session_key_that_was_shortened_is_read_and_no_other_form_is() {
        let public = SessionPublicKey(number(SHORT_EPHEMERAL[0]).public_key());
        let whole = public.to_compressed();
        let sent = [&whole[..1], &whole[2..]].concat();
        assert_eq!((whole[1], whole[2], sent.len()), (0, 0, 32));
        assert_eq!(SessionPublicKey::parse(&sent), Ok(public));
        // with both zero bytes lost, and one of a key that has only one
        for bad in [&[&whole[..1], &whole[3..]].concat()[..], &[2; 32]] {
            assert_eq!(SessionPublicKey::parse(bad), Err(EciesError::PublicKey));
        }
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
