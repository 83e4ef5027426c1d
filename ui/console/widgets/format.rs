//! Numbers and times for people.

use std::time::Duration;

use alloy::primitives::U256;
use casimir_dkg::types::{UnixMillis, grouped};

/// A duration in its two largest units that matter: `4 s`, `3 min`, `2 h 05`, `6 d 3 h`.
pub(crate) fn age(duration: Duration) -> String {
    let s = duration.as_secs();
    match s {
        0..60 => format!("{s} s"),
        60..3_600 => format!("{} min", s / 60),
        3_600..86_400 => format!("{} h {:02}", s / 3_600, s / 60 % 60),
        _ => format!("{} d {} h", s / 86_400, s / 3_600 % 24),
    }
}

/// A duration that passes while it is looked at: `31 ms`, then whole seconds and as [`age`], never `0 s`.
pub(crate) fn passing(duration: Duration) -> String {
    match duration.as_millis() {
        millis @ 0..1_000 => format!("{millis} ms"),
        _ => age(duration),
    }
}

/// A short duration: `31 ms`, `2.4 s`, `12 s`.
pub(crate) fn short(duration: Duration) -> String {
    match duration.as_millis() {
        millis @ 0..1_000 => format!("{millis} ms"),
        1_000..10_000 => format!("{:.1} s", duration.as_secs_f64()),
        _ => age(duration),
    }
}

/// `2026-11-22 18:04:05 UTC`
pub(crate) fn date(at: UnixMillis) -> String {
    at.to_utc()
}

/// `18:04:05`
pub(crate) fn clock(at: UnixMillis) -> String {
    at.to_rfc3339()[11..19].to_owned()
}

/// Wei as ETH with as many decimals as it has, at least 2 and at most 18: nothing is rounded.
pub(crate) fn eth(wei: U256) -> String {
    decimal(wei, 18, 2)
}

/// Wei as ETH for a header: four decimals, cut, never rounded up.
pub(crate) fn eth_short(wei: U256) -> String {
    let step = U256::from(10u64).pow(U256::from(14));
    let text = decimal(wei / step, 4, 4);
    if wei > U256::ZERO && wei < step {
        "<0.0001".to_owned()
    } else {
        text
    }
}

/// Wei per gas for a header: one decimal.
pub(crate) fn gwei_short(wei: U256) -> String {
    let tenth = U256::from(100_000_000u64);
    if wei > U256::ZERO && wei < tenth {
        "<0.1".to_owned()
    } else {
        decimal(wei / tenth, 1, 1)
    }
}

fn decimal(value: U256, decimals: usize, least: usize) -> String {
    let unit = U256::from(10u64).pow(U256::from(decimals));
    let fraction = format!("{:0>decimals$}", (value % unit).to_string());
    let mut fraction = fraction.trim_end_matches('0').to_owned();
    while fraction.len() < least {
        fraction.push('0');
    }
    let whole = grouped(&(value / unit).to_string());
    if fraction.is_empty() {
        whole
    } else {
        format!("{whole}.{fraction}")
    }
}

/// `1,234,567`
pub(crate) fn number(n: impl Into<u64>) -> String {
    grouped(&n.into().to_string())
}

/// `1 check passes`, `3 checks pass`
pub(crate) fn count(n: usize, one: &str, many: &str) -> String {
    format!("{n} {}", if n == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_amounts() {
        let ages = [
            (0, "0 s"),
            (59, "59 s"),
            (61, "1 min"),
            (7_500, "2 h 05"),
            (540_000, "6 d 6 h"),
        ];
        for (s, text) in ages {
            assert_eq!(age(Duration::from_secs(s)), text);
        }
        let shorts = [
            (0, "0 ms"),
            (31, "31 ms"),
            (999, "999 ms"),
            (2_400, "2.4 s"),
            (12_000, "12 s"),
        ];
        for (millis, text) in shorts {
            assert_eq!(short(Duration::from_millis(millis)), text);
        }
        assert_eq!(date(UnixMillis(1_700_000_000_000)), "2023-11-14 22:13:20 UTC");
        let wei = U256::from(32_000_000_000_000_000_001u128);
        assert_eq!(eth(wei), "32.000000000000000001");
        assert_eq!(eth(U256::from(20_000_000_000_000_000u64)), "0.02");
        assert_eq!(eth(U256::ZERO), "0.00");
        assert_eq!(eth_short(wei), "32.0000");
        assert_eq!(eth_short(U256::from(1)), "<0.0001");
        assert_eq!(eth_short(U256::from(199_999_999_999_999u64)), "0.0001");
        assert_eq!(gwei_short(U256::from(12_345_000_000u64)), "12.3");
        assert_eq!(number(1_234_567u64), "1,234,567");
        assert_eq!(number(123u64), "123");
    }
}
