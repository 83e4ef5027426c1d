//! scrypt (RFC 7914) as keystores use it, with every parameter that is in the field.
//!
//! The library refuses N ≥ 2^(16·r), which RFC 7914 asks for. Keystores of N = 262144 and r = 1 exist all the same: the
//! first test vector of the Web3 secret storage definition is one, and Python's tools wrote such files for years. For
//! those the same arithmetic stands here.

use salsa20::SalsaCore;
use salsa20::cipher::StreamCipherCore as _;
use salsa20::cipher::typenum::U4;
use zeroize::Zeroizing;

/// A file may not make us use more than this: 1 GiB (128 · N · r bytes).
const MAX_MEMORY: u64 = 1 << 30;
/// Words of a Salsa20 block.
const WORDS: usize = 16;

/// Derives 32 bytes.
///
/// # Errors
/// In words: the parameters are none, or ask for too much.
pub(crate) fn derive(
    password: &[u8],
    salt: &[u8],
    (n, r, p): (u64, u64, u64),
) -> Result<Zeroizing<[u8; 32]>, String> {
    if n < 2 || !n.is_power_of_two() {
        return Err(format!("scrypt's n {n} is not a power of two"));
    }
    let memory = n.checked_mul(r).and_then(|v| v.checked_mul(128));
    if memory.is_none_or(|bytes| bytes > MAX_MEMORY) || p > 16 || r == 0 || p == 0 {
        return Err(
            "scrypt's parameters are not acceptable: they ask for too much memory or time, or for none"
                .into(),
        );
    }
    let bad = |_| "scrypt's parameters are not acceptable".to_owned();
    let (r32, p32) = (u32::try_from(r).map_err(bad)?, u32::try_from(p).map_err(bad)?);
    let mut key = Zeroizing::new([0; 32]);
    let log_n = u8::try_from(n.ilog2()).map_err(bad)?;
    if let Ok(params) = scrypt::Params::new(log_n, r32, p32, 32) {
        scrypt::scrypt(password, salt, &params, &mut *key).map_err(|e| e.to_string())?;
        return Ok(key);
    }
    let size = |value: u64| usize::try_from(value).map_err(bad);
    by_hand(password, salt, (size(n)?, size(r)?, size(p)?), &mut key);
    Ok(key)
}

/// RFC 7914, section 6.
fn by_hand(password: &[u8], salt: &[u8], (n, r, p): (usize, usize, usize), key: &mut [u8; 32]) {
    let mut blocks = Zeroizing::new(vec![0; 128 * r * p]);
    pbkdf2::pbkdf2_hmac::<sha2::Sha256>(password, salt, 1, &mut blocks);
    let mut memory = Zeroizing::new(vec![0; 32 * r * n]);
    for block in blocks.chunks_exact_mut(128 * r) {
        mix(block, &mut memory, n);
    }
    pbkdf2::pbkdf2_hmac::<sha2::Sha256>(password, &blocks, 1, key);
}

/// scryptROMix, section 5.
fn mix(block: &mut [u8], memory: &mut [u32], n: usize) {
    let words = block.len() / 4;
    let read = block
        .chunks_exact(4)
        .map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]]));
    let mut x: Zeroizing<Vec<u32>> = Zeroizing::new(read.collect());
    let mut spare = Zeroizing::new(vec![0; words]);
    for kept in memory.chunks_exact_mut(words) {
        kept.copy_from_slice(&x);
        block_mix(&mut x, &mut spare);
    }
    for _ in 0..n {
        // n is a power of two of at most 32 bits here: the lowest word of the last block is enough
        let at = x[words - WORDS] as usize & (n - 1);
        let kept = &memory[at * words..][..words];
        x.iter_mut().zip(kept).for_each(|(word, other)| *word ^= other);
        block_mix(&mut x, &mut spare);
    }
    for (bytes, word) in block.chunks_exact_mut(4).zip(x.iter()) {
        bytes.copy_from_slice(&word.to_le_bytes());
    }
}

/// scryptBlockMix, section 4: even blocks first, then odd ones.
fn block_mix(x: &mut Vec<u32>, spare: &mut Vec<u32>) {
    let half = x.len() / 2;
    let mut last: [u32; WORDS] = std::array::from_fn(|i| x[x.len() - WORDS + i]);
    for (i, block) in x.chunks_exact(WORDS).enumerate() {
        last.iter_mut()
            .zip(block)
            .for_each(|(word, other)| *word ^= other);
        let mut out = [0; 4 * WORDS];
        // four double rounds, and the input added: Salsa20/8
        SalsaCore::<U4>::from_raw_state(last).write_keystream_block((&mut out).into());
        for (word, b) in last.iter_mut().zip(out.chunks_exact(4)) {
            *word = u32::from_le_bytes([b[0], b[1], b[2], b[3]]);
        }
        let to = i / 2 * WORDS + if i % 2 == 0 { 0 } else { half };
        spare[to..to + WORDS].copy_from_slice(&last);
    }
    std::mem::swap(x, spare);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Section 12 of the RFC, the first 32 bytes of each.
    #[test]
    fn it_is_the_standards_arithmetic() {
        type Vector = (&'static str, &'static str, (u64, u64, u64), &'static str);
        let vectors: [Vector; 2] = [
            (
                "",
                "",
                (16, 1, 1),
                "77d6576238657b203b19ca42c18a0497f16b4844e3074ae8dfdffa3fede21442",
            ),
            (
                "password",
                "NaCl",
                (1024, 8, 16),
                "fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b373162",
            ),
        ];
        for (password, salt, params, expected) in vectors {
            let derived = derive(password.as_bytes(), salt.as_bytes(), params).unwrap();
            assert_eq!(hex::encode(*derived), expected);
            let mut by_ours = [0; 32];
            let (n, r, p) = params;
            let size = |v: u64| usize::try_from(v).unwrap();
            by_hand(
                password.as_bytes(),
                salt.as_bytes(),
                (size(n), size(r), size(p)),
                &mut by_ours,
            );
            assert_eq!(hex::encode(by_ours), expected, "by hand");
        }
    }

    #[test]
    fn no_file_asks_for_any_amount() {
        for params in [
            (1 << 30, 8, 1),
            (3, 8, 1),
            (1, 8, 1),
            (1024, 0, 1),
            (1024, 8, 17),
            (1 << 63, 1, 1),
        ] {
            assert!(derive(b"", b"", params).is_err(), "{params:?}");
        }
    }
}
