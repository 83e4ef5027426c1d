//! RockX's hard-coded test operators 1 to 8.

use crate::types::OperatorId;

/// One per line: id, public key in the registry's form.
const TEXT: &str = include_str!("test-operators.txt");

pub(super) fn all() -> impl Iterator<Item = (OperatorId, &'static str)> {
    TEXT.lines().filter_map(|line| {
        let (id, key) = line.split_once(' ')?;
        Some((OperatorId(id.parse().ok()?), key))
    })
}
