//! What is nearly right: mutations of a kept corpus. Each has a number, by which it is the same in every run.

/// So many mutations of each corpus, where nothing else is said.
const ENV: &str = "CASIMIR_DKG_MUTATIONS";
const USUAL: u64 = 400;

/// What decoders of numbers, lengths and texts are caught with.
const AWKWARD: [&[u8]; 16] = [
    b"null",
    b"-1",
    b"0",
    b"18446744073709551616",
    b"1e400",
    b"\"\"",
    b"{}",
    b"[]",
    b"\"0x\"",
    b"\"0x0g\"",
    b"\\u0000",
    b"\xff\xfe",
    b"\0\0\0\0\0\0\0\0",
    b"\xff\xff\xff\xff\xff\xff\xff\xff",
    b"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[",
    b"\n",
];

/// How many mutations are tried; `share` of them where one takes long.
pub(crate) fn numbers(share: u64) -> std::ops::Range<u64> {
    let said = std::env::var(ENV).ok();
    let all = said.map_or(USUAL, |n| n.parse().expect("a number of mutations"));
    0..(all / share).max(1)
}

/// One of the corpus with some mistakes in it.
pub(crate) fn mutated(number: u64, corpus: &[Vec<u8>]) -> Vec<u8> {
    let mut dice = Dice(number);
    let mut bytes = corpus[dice.below(corpus.len())].clone();
    for _ in 0..=dice.below(3) {
        mistake(&mut dice, &mut bytes, corpus);
    }
    bytes
}

fn mistake(dice: &mut Dice, bytes: &mut Vec<u8>, corpus: &[Vec<u8>]) {
    let at = dice.below(bytes.len() + 1);
    let end = (at + 1 + dice.below(40)).min(bytes.len());
    match dice.below(8) {
        0 => bytes.truncate(at),
        1 => drop(bytes.drain(at..end)),
        2 => {
            let again = bytes[at..end].to_vec();
            drop(bytes.splice(at..at, again));
        }
        3 => drop(bytes.splice(at..at, AWKWARD[dice.below(AWKWARD.len())].iter().copied())),
        4 => {
            let other = &corpus[dice.below(corpus.len())];
            let from = dice.below(other.len() + 1);
            let part = &other[from..(from + end - at).min(other.len())];
            drop(bytes.splice(at..end, part.iter().copied()));
        }
        5 => {
            // a whole number or word, as a field's value is
            let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'.';
            let start = bytes[..at].iter().rposition(|b| !is_part(b)).map_or(0, |n| n + 1);
            let stop = bytes[at..]
                .iter()
                .position(|b| !is_part(b))
                .map_or(bytes.len(), |n| at + n);
            drop(bytes.splice(start..stop, AWKWARD[dice.below(AWKWARD.len())].iter().copied()));
        }
        _ if at < bytes.len() => bytes[at] ^= 1 << dice.below(8),
        _ => bytes.push(b'0'),
    }
}

/// SplitMix64 (Steele, Lea and Flood, 2014).
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % n.max(1) as u64) as usize
    }
}
