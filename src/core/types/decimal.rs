//! Amounts of ether, exactly: decimal text to wei and back, never through a float.

use alloy::primitives::U256;

use super::text::quoted;

/// `0.05 ETH`, `50 gwei` or `7 wei` as wei. A number without a unit is none, except 0: whoever thinks in gwei would have set
/// a ceiling of a thousand million times as much.
///
/// # Errors
/// In words: not a number, more digits than a wei has, no unit or an unknown one.
pub fn parse_ether(text: &str) -> Result<U256, String> {
    let (number, unit) = split(text)?;
    let wei = scaled(number, unit.unwrap_or(18))?;
    if unit.is_none() && !wei.is_zero() {
        return Err(format!(
            "{} has no unit: write \"{number} ETH\", \"{number} gwei\" or \"{number} wei\"",
            quoted(number)
        ));
    }
    Ok(wei)
}

/// `0.05 ETH`, without needless zeros.
#[must_use]
pub fn format_ether(wei: U256) -> String {
    let text = alloy::primitives::utils::format_ether(wei);
    let short = text.trim_end_matches('0').trim_end_matches('.');
    format!("{} ETH", if short.is_empty() { "0" } else { short })
}

/// `0.5` or `0.5 SSV` in 10^-18 SSV.
///
/// # Errors
/// As for [`parse_ether`].
pub fn parse_ssv(text: &str) -> Result<U256, String> {
    let text = text.trim();
    let number = match text.len().checked_sub(3).and_then(|at| text.split_at_checked(at)) {
        Some((number, unit)) if unit.eq_ignore_ascii_case("ssv") => number.trim(),
        _ => text,
    };
    scaled(number, 18)
}

/// `0.5 SSV`, without needless zeros, of 10^-18 SSV.
#[must_use]
pub fn format_ssv(amount: U256) -> String {
    format_ether(amount).replace("ETH", "SSV")
}

/// Which way an amount is rounded for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Round {
    /// What is paid at most, or has to be there.
    Up,
    /// What is there.
    Down,
}

/// [`format_ether`] for people, with at most 6 decimals. What is left over below that is no zero: it is said to be less.
#[must_use]
pub fn rounded_ether(wei: U256, round: Round) -> String {
    rounded(wei, 12, round, format_ether)
}

/// [`format_ssv`] likewise.
#[must_use]
pub fn rounded_ssv(amount: U256, round: Round) -> String {
    rounded(amount, 12, round, format_ssv)
}

/// `12.346 gwei` of a price in wei, with at most 3 decimals.
#[must_use]
pub fn rounded_gwei(wei: U256, round: Round) -> String {
    let gwei = |wei: U256| format_ether(wei.saturating_mul(U256::from(1_000_000_000))).replace("ETH", "gwei");
    rounded(wei, 6, round, gwei)
}

fn rounded(amount: U256, zeros: u64, round: Round, written: impl Fn(U256) -> String) -> String {
    let step = U256::from(10).pow(U256::from(zeros));
    let rest = amount % step;
    match round {
        _ if rest.is_zero() => written(amount),
        Round::Up => written((amount - rest).saturating_add(step)),
        Round::Down if amount < step => format!("less than {}", written(step)),
        Round::Down => written(amount - rest),
    }
}

/// `1,234,567`; whatever is no whole number as it is.
#[must_use]
pub fn grouped(digits: &str) -> String {
    if !digits.bytes().all(|b| b.is_ascii_digit()) {
        return digits.to_owned();
    }
    let mut out = String::with_capacity(digits.len() * 4 / 3);
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(c);
    }
    out
}

fn split(text: &str) -> Result<(&str, Option<usize>), String> {
    let text = text.trim();
    let at = text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len());
    let (number, unit) = (text[..at].trim(), &text[at..]);
    let decimals = match unit.to_ascii_lowercase().as_str() {
        "" => None,
        "eth" | "ether" => Some(18),
        "gwei" => Some(9),
        "wei" => Some(0),
        _ => return Err(format!("unknown unit {}: use ETH, gwei or wei", quoted(unit))),
    };
    Ok((number, decimals))
}

fn scaled(number: &str, decimals: usize) -> Result<U256, String> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
    if (whole.is_empty() && fraction.is_empty()) || !digits(whole) || !digits(fraction) {
        return Err(format!("{} is not a decimal number", quoted(number)));
    }
    if fraction.len() > decimals {
        return Err(format!("{} has more digits than a wei", quoted(number)));
    }
    let too_large = || format!("{} is too large", quoted(number));
    // 30 digits are more ether than there is
    if whole.len() > 30 {
        return Err(too_large());
    }
    let all = format!("{whole}{fraction:0<decimals$}");
    U256::from_str_radix(&all, 10).map_err(|_| too_large())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_read_six_decimals_and_never_that_it_costs_less_or_that_more_is_there() {
        use Round::{Down, Up};
        let wei = U256::from(4_913_241_234_567_891u64);
        assert_eq!(rounded_ether(wei, Up), "0.004914 ETH");
        assert_eq!(rounded_ether(wei, Down), "0.004913 ETH");
        assert_eq!(rounded_ssv(wei, Down), "0.004913 SSV");
        let dust = U256::from(7);
        assert_eq!(rounded_ether(dust, Up), "0.000001 ETH");
        assert_eq!(rounded_ether(dust, Down), "less than 0.000001 ETH");
        let whole = parse_ether("32.000001 ETH").unwrap();
        for round in [Up, Down] {
            assert_eq!(rounded_ether(whole, round), "32.000001 ETH");
            assert_eq!(rounded_ether(U256::ZERO, round), "0 ETH");
        }
        let price = U256::from(12_345_678_901u64);
        assert_eq!(rounded_gwei(price, Up), "12.346 gwei");
        assert_eq!(rounded_gwei(price, Down), "12.345 gwei");
        assert_eq!(rounded_gwei(dust, Up), "0.001 gwei");
        assert!(rounded_ether(U256::MAX, Up).ends_with(" ETH"), "no overflow");
    }

    #[test]
    fn amounts_are_exact() {
        let wei = |s: &str| parse_ether(s).map(|w| w.to_string());
        assert_eq!(wei("0.05 eth").unwrap(), "50000000000000000");
        assert_eq!(wei("0").unwrap(), "0");
        assert_eq!(wei("0.1 ETH").unwrap(), "100000000000000000");
        assert_eq!(wei("0.000000000000000001 ETH").unwrap(), "1");
        assert_eq!(wei("50 gwei").unwrap(), "50000000000");
        assert_eq!(wei("7wei").unwrap(), "7");
        assert_eq!(wei("32 Ether").unwrap(), "32000000000000000000");
        assert_eq!(wei(".5 ETH").unwrap(), "500000000000000000");
        for bad in [
            "",
            "-1",
            "1e3",
            "0.0000000000000000001",
            "1 finney",
            "0.5 wei",
            "0.05",
            "50000",
            "1",
            ".",
            "1_000",
            "1.2.3",
        ] {
            assert!(wei(bad).is_err(), "{bad}");
        }
        let ssv = |s: &str| parse_ssv(s).map(format_ssv);
        assert_eq!(ssv("0.5 SSV").unwrap(), "0.5 SSV");
        assert_eq!(ssv("12ssv").unwrap(), "12 SSV");
        for bad in ["", "SSV", "1 ETH", "-1 SSV"] {
            assert!(ssv(bad).is_err(), "{bad}");
        }
        assert!(wei(&format!("{} ETH", "9".repeat(31))).is_err());
        assert_eq!(format_ether(parse_ether("0.05 ETH").unwrap()), "0.05 ETH");
        assert_eq!(format_ether(U256::ZERO), "0 ETH");
        assert_eq!(format_ether(parse_ether("30 ETH").unwrap()), "30 ETH");
    }
}
