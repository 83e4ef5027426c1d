//! `[fees]`: what transactions may cost.

use alloy::primitives::U256;

use crate::config::reader::Reader;
use crate::config::schema::Key;
use crate::config::value::Ether;

pub(in crate::config) const KEYS: &[Key] = &[
    Key::new(
        "fees.max_fee",
        "an amount",
        "Ceiling of a transaction's network fee; an approval names it and no replacement passes it.",
    )
    .within("0.00001 ETH", "10 ETH")
    .default("0.05 ETH"),
    Key::new(
        "fees.replace_after",
        "a time",
        "A transaction that is pending this long is replaced with a higher fee, up to its ceiling.",
    )
    .within("1s", "1d")
    .default("3m"),
];

/// What transactions may cost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeesConfig {
    /// Ceiling of one transaction's network fee, in wei.
    pub max_fee_wei: U256,
    /// Pending for this long means: replace.
    pub replace_after: std::time::Duration,
}

pub(in crate::config) fn read(r: &mut Reader<'_>) -> Option<FeesConfig> {
    let max_fee = r.required::<Ether>("fees.max_fee");
    let replace_after = r.required("fees.replace_after");
    Some(FeesConfig {
        max_fee_wei: max_fee?.0,
        replace_after: replace_after?,
    })
}
