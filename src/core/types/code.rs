//! A short code of a digest: four words that two people compare by voice or by eye.
//!
//! The first 44 bits of the digest, 11 to a word, highest first. A word is made by rule, not taken from a list: consonant,
//! vowel, consonant, vowel, of which 4, 2, 3 and 2 bits choose one each. None is in the list that seed phrases are made of,
//! so nobody takes a code for a secret.

use std::fmt;

use super::Root;

/// What a word can begin with: 4 bits.
const FIRST: &[u8; 16] = b"bdfghjklmnprstvz";
/// The consonant in the middle: 3 bits.
const MIDDLE: &[u8; 8] = b"bfgkmprz";
const VOWELS: &[u8; 4] = b"aiou";
const WORDS: u32 = 4;
/// Bits of a word.
const BITS: u32 = 11;

/// `bako-fuzi-higo-lomu`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Code(u64);

impl Root {
    /// The code of this digest.
    #[must_use]
    pub fn code(&self) -> Code {
        let first = self.0[..6]
            .iter()
            .fold(0, |bits, byte| bits << 8 | u64::from(*byte));
        Code(first >> (48 - WORDS * BITS))
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = (0..WORDS).rev().map(|n| word(self.0 >> (n * BITS)));
        f.pad(&words.collect::<Vec<_>>().join("-"))
    }
}

/// The word of the lowest 11 bits.
fn word(bits: u64) -> String {
    let pick = |shift: u32, from: &[u8]| char::from(from[(bits >> shift) as usize % from.len()]);
    [pick(7, FIRST), pick(5, VOWELS), pick(2, MIDDLE), pick(0, VOWELS)]
        .iter()
        .collect()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use alloy::signers::local::coins_bip39::{English, Wordlist};

    use super::*;

    #[test]
    fn the_first_44_bits_decide_and_no_others() {
        let mut digest = [0; 32];
        assert_eq!(Root(digest).code().to_string(), "baba-baba-baba-baba");
        digest[..6].copy_from_slice(&[0x00, 0x20, 0x04, 0x00, 0x80, 0x10]);
        assert_eq!(Root(digest).code().to_string(), "babi-babi-babi-babi");
        let code = Root(digest).code();
        digest[5] |= 0x0f;
        digest[31] = 1;
        assert_eq!(Root(digest).code(), code);
        for bit in 0..44 {
            let mut other = digest;
            other[bit / 8] ^= 0x80 >> (bit % 8);
            assert_ne!(Root(other).code().to_string(), code.to_string(), "bit {bit}");
        }
        assert_eq!(Root([0xff; 32]).code().to_string(), "zuzu-zuzu-zuzu-zuzu");
    }

    #[test]
    fn words_differ_and_none_is_of_a_seed_phrase() {
        let words: HashSet<String> = (0..1 << BITS).map(word).collect();
        assert_eq!(words.len(), 1 << BITS);
        for seed in English::get_all() {
            assert!(!words.contains(*seed), "{seed}");
        }
    }
}
