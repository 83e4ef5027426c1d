//! ECIES against the deterministic vector and the fixtures of the Go tests.

use std::collections::VecDeque;

use casimir_dkg::dkg::rockx::ecies::{EciesError, OVERHEAD, SessionKey, SessionPublicKey};
use proptest::prelude::*;
use rand::{CryptoRng, RngCore, SeedableRng};
use rand_chacha::ChaCha20Rng;

use super::vectors::{bytes, load};

/// Hands out given bytes, then fails the test.
struct Scripted(VecDeque<u8>);

impl RngCore for Scripted {
    fn next_u32(&mut self) -> u32 {
        unreachable!("only bytes are drawn")
    }
    fn next_u64(&mut self) -> u64 {
        unreachable!("only bytes are drawn")
    }
    fn fill_bytes(&mut self, dest: &mut [u8]) {
        for byte in dest {
            *byte = self.0.pop_front().expect("no more randomness in the script");
        }
    }
    fn try_fill_bytes(&mut self, dest: &mut [u8]) -> Result<(), rand::Error> {
        self.fill_bytes(dest);
        Ok(())
    }
}

impl CryptoRng for Scripted {}

#[test]
fn the_deterministic_vector_is_reproduced() {
    let vector = &load("vectors-misc.json")["ecies"];
    let script = [bytes(vector, "ephemeral_sk_hex"), bytes(vector, "nonce_hex")].concat();
    let mut rng = Scripted(script.into());
    let recipient = SessionPublicKey::parse(&bytes(vector, "recipient_pk_compressed_hex")).unwrap();
    let plaintext = bytes(vector, "plaintext_hex");
    let sealed = recipient.encrypt(&plaintext, &mut rng).unwrap();
    assert!(rng.0.is_empty(), "all of the script was used");
    assert_eq!(hex::encode(&sealed), hex::encode(bytes(vector, "ciphertext_hex")));
    let secret = SessionKey::from_be_bytes(&bytes(vector, "recipient_sk_hex")).unwrap();
    assert_eq!(secret.public(), recipient);
    assert_eq!(*secret.decrypt(&sealed).unwrap(), plaintext);
}

#[test]
fn session_keys_have_the_forms_of_the_wire() {
    let unpadded = SessionKey::from_be_bytes(&[7]).unwrap();
    assert_eq!(unpadded.to_unpadded_bytes().as_slice(), [7]);
    let compressed = unpadded.public().to_compressed();
    assert_eq!(SessionPublicKey::parse(&compressed).unwrap(), unpadded.public());
    for bad in [&[][..], &[0; 32], &[0xff; 32], &[1; 33]] {
        assert!(matches!(
            SessionKey::from_be_bytes(bad),
            Err(EciesError::PrivateKey)
        ));
    }
    for bad in [&[][..], &[0], &[0; 33], &[2; 32], &[5; 33], &[4; 65]] {
        assert_eq!(
            SessionPublicKey::parse(bad).unwrap_err(),
            EciesError::PublicKey,
            "{bad:?}"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn what_is_encrypted_decrypts_and_nothing_else_does(
        seed in any::<u64>(), text in prop::collection::vec(any::<u8>(), 0..100), flip in any::<prop::sample::Index>(),
    ) {
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let key = SessionKey::random(&mut rng);
        let mut sealed = key.public().encrypt(&text, &mut rng).unwrap();
        prop_assert_eq!(sealed.len(), OVERHEAD + text.len());
        prop_assert_eq!(&*key.decrypt(&sealed).unwrap(), &text);
        prop_assert!(SessionKey::random(&mut rng).decrypt(&sealed).is_err());
        let at = flip.index(sealed.len());
        sealed[at] ^= 1;
        prop_assert!(key.decrypt(&sealed).is_err(), "byte {}", at);
    }

    #[test]
    fn noise_is_refused(noise in prop::collection::vec(any::<u8>(), 0..200)) {
        let key = SessionKey::from_be_bytes(&[9]).unwrap();
        prop_assert!(key.decrypt(&noise).is_err());
        let _ = SessionPublicKey::parse(&noise);
    }
}
