//! Numbers and times as scenarios write them.

use std::time::Duration;

use serde_json::Value;
use toml::de::DeInteger;

/// Nothing waits longer than this.
pub(super) const LONGEST: Duration = Duration::from_secs(3600);

/// A TOML integer as a JSON number.
pub(super) fn integer(digits: &DeInteger<'_>) -> Option<Value> {
    let (text, radix) = (digits.as_str(), digits.radix());
    if let Ok(number) = u64::from_str_radix(text, radix) {
        return Some(number.into());
    }
    i64::from_str_radix(text, radix).ok().map(Value::from)
}

/// `250 ms`, `2 s`, `1.5 s`, `5 min`, `25 h`, `3 d`, with or without the space.
pub(super) fn time(text: &str) -> Option<Duration> {
    let text = text.trim();
    let unit_at = text.find(|c: char| c.is_ascii_alphabetic())?;
    let (number, unit) = text.split_at(unit_at);
    let seconds: f64 = match unit {
        "ms" => 0.001,
        "s" => 1.0,
        "min" => 60.0,
        "h" => 3600.0,
        "d" => 86_400.0,
        _ => return None,
    };
    let number: f64 = number.trim().parse().ok()?;
    Duration::try_from_secs_f64(number * seconds).ok()
}

/// The same with a sign: seconds.
pub(in crate::devnet::proxy) fn shift(text: &str) -> Option<i64> {
    let text = text.trim();
    let (sign, size) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    i64::try_from(time(size)?.as_secs()).ok().map(|size| sign * size)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_units() {
        for (text, ms) in [
            ("250 ms", 250),
            ("2s", 2_000),
            ("1.5 s", 1_500),
            ("5 min", 300_000),
        ] {
            assert_eq!(time(text), Some(Duration::from_millis(ms)), "{text}");
        }
        for text in ["", "2", "s", "2 seconds", "-2 s", "NaN s", "1e400 s"] {
            assert_eq!(time(text), None, "{text}");
        }
        assert_eq!(shift("-25 h"), Some(-90_000));
        assert_eq!(shift("+1 min"), Some(60));
    }
}
