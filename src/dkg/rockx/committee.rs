//! The committees that RockX knows.

/// How many operators, and how many of them can sign: `t = 2f+1` of `n = 3f+1`, for `f` from 1 to 4.
pub const SIZES: [(usize, u8); 4] = [(4, 3), (7, 5), (10, 7), (13, 9)];

/// The threshold of a committee of `n`; `None` where there is no such committee.
#[must_use]
pub fn threshold_for(n: usize) -> Option<u8> {
    SIZES
        .iter()
        .find(|(operators, _)| *operators == n)
        .map(|(_, threshold)| *threshold)
}
