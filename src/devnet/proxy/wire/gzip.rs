//! A gzip file of zeros (RFC 1951, RFC 1952), written by hand: two bits stand for 258 bytes, which is the most that
//! the format allows, about 1 to 1,032.

/// The file that grows to `length` zero bytes.
pub(super) fn zeros(length: u64) -> Vec<u8> {
    // magic, deflate, no flags, no time, no extra flags, unknown system
    let mut out = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    let mut bits = Bits {
        out: &mut out,
        held: 0,
        count: 0,
    };
    tables(&mut bits);
    let mut left = length;
    if left > 0 {
        bits.code(LITERAL_ZERO);
        left -= 1;
    }
    bits.zeros(left / 258 * u64::from(COPY_258.1 + ONE_BACK.1));
    left %= 258;
    for _ in 0..left {
        bits.code(LITERAL_ZERO);
    }
    bits.code(END);
    bits.flush();
    out.extend(crc_of_zeros(length).to_le_bytes());
    // the length modulo 2^32, as the format has it
    out.extend(((length & 0xffff_ffff) as u32).to_le_bytes());
    out
}

/// Huffman codes as (code, bits), by the tables below. A copy of 258 bytes from one byte back is two bits that are 0.
const COPY_258: (u32, u32) = (0b0, 1);
const LITERAL_ZERO: (u32, u32) = (0b10, 2);
const END: (u32, u32) = (0b11, 2);
const ONE_BACK: (u32, u32) = (0b0, 1);

/// The head of a last block with tables of its own: 286 codes of which literal 0 and the end have 2 bits and "copy
/// 258" has 1, and one distance.
fn tables(bits: &mut Bits<'_>) {
    bits.number(1, 1);
    bits.number(0b10, 2);
    bits.number(286 - 257, 5);
    bits.number(0, 5);
    bits.number(18 - 4, 4);
    // lengths of the codes of code lengths, in the format's own order: 16 17 18 0 8 7 9 6 10 5 11 4 12 3 13 2 14 1
    for length in [0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 2] {
        bits.number(length, 3);
    }
    const RUN: (u32, u32) = (0b0, 1);
    const ONE: (u32, u32) = (0b10, 2);
    const TWO: (u32, u32) = (0b11, 2);
    let run = |bits: &mut Bits<'_>, zeros: u32| {
        bits.code(RUN);
        bits.number(zeros - 11, 7);
    };
    bits.code(TWO); // 0
    run(bits, 138);
    run(bits, 117); // 1 to 255
    bits.code(TWO); // 256, the end
    run(bits, 28); // 257 to 284
    bits.code(ONE); // 285, copy 258
    bits.code(ONE); // the one distance
}

struct Bits<'a> {
    out: &'a mut Vec<u8>,
    held: u32,
    count: u32,
}

impl Bits<'_> {
    /// Numbers begin with their lowest bit.
    fn number(&mut self, value: u32, bits: u32) {
        self.held |= value << self.count;
        self.count += bits;
        while self.count >= 8 {
            self.out.push((self.held & 0xff) as u8);
            self.held >>= 8;
            self.count -= 8;
        }
    }

    /// Codes begin with their highest bit.
    fn code(&mut self, (code, bits): (u32, u32)) {
        for bit in (0..bits).rev() {
            self.number(code >> bit & 1, 1);
        }
    }

    /// So many bits that are 0.
    fn zeros(&mut self, bits: u64) {
        let first = bits.min(u64::from((8 - self.count) % 8)) as u32;
        self.number(0, first);
        let rest = bits - u64::from(first);
        self.out.resize(self.out.len() + (rest / 8) as usize, 0);
        self.number(0, (rest % 8) as u32);
    }

    fn flush(&mut self) {
        if self.count > 0 {
            self.number(0, 8 - self.count);
        }
    }
}

/// CRC-32 of so many zero bytes. One zero byte is a linear map of the register, so many of them are a power of it: a
/// gigabyte takes thirty squarings.
fn crc_of_zeros(mut length: u64) -> u32 {
    const POLYNOMIAL: u32 = 0xedb8_8320;
    // column n is where bit n goes when one zero bit is fed
    let mut step: [u32; 32] = std::array::from_fn(|n| if n == 0 { POLYNOMIAL } else { 1 << (n - 1) });
    for _ in 0..3 {
        step = square(&step);
    }
    let mut register = u32::MAX;
    while length > 0 {
        if length & 1 == 1 {
            register = apply(&step, register);
        }
        step = square(&step);
        length >>= 1;
    }
    !register
}

fn apply(map: &[u32; 32], vector: u32) -> u32 {
    (0..32)
        .filter(|n| vector >> n & 1 == 1)
        .fold(0, |sum, n| sum ^ map[n])
}

fn square(map: &[u32; 32]) -> [u32; 32] {
    std::array::from_fn(|n| apply(map, map[n]))
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn the_checksum_is_that_of_the_format() {
        // known values of CRC-32
        assert_eq!(crc_of_zeros(0), 0);
        assert_eq!(crc_of_zeros(1), 0xd202_ef8d);
        assert_eq!(crc_of_zeros(4), 0x2144_df1c);
    }

    #[test]
    fn gzip_takes_it_for_its_own() {
        for length in [0_u64, 1, 258, 259, 100_000, 64 << 20] {
            let file = zeros(length);
            assert!(
                file.len() as u64 <= 600 + length / 1_000,
                "{} for {length}",
                file.len()
            );
            let mut child = Command::new("gzip")
                .arg("-dc")
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .spawn()
                .expect("gzip is on every system that runs these tests");
            let mut input = child.stdin.take().unwrap();
            let writer = std::thread::spawn(move || input.write_all(&file));
            let output = child.wait_with_output().unwrap();
            writer.join().unwrap().unwrap();
            assert!(output.status.success(), "{length}");
            assert_eq!(output.stdout.len() as u64, length);
            assert!(output.stdout.iter().all(|byte| *byte == 0));
        }
    }
}
