//! Time as it is journaled and shown: milliseconds since the Unix epoch. The decision core never reads a clock;
//! it is told the time with each input.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

/// Milliseconds since the Unix epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UnixMillis(pub u64);

/// The last moment of the year 9999.
const LAST: u64 = 253_402_300_799_999;

impl UnixMillis {
    /// The system clock, now.
    #[must_use]
    pub fn now() -> Self {
        let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self(u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX))
    }

    /// Time from `earlier` to `self`; zero when `earlier` is later.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }

    /// This time plus `duration`.
    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        Self(
            self.0
                .saturating_add(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)),
        )
    }

    /// `2026-11-22T18:04:05.123Z`; in words what is beyond the year 9999, which RFC 3339 has no form for: somebody made
    /// it up.
    #[must_use]
    pub fn to_rfc3339(self) -> String {
        if self.0 > LAST {
            // as long as a date, of which some show a part
            return "later than the year 9999".to_owned();
        }
        let (days, rest) = (self.0 / 86_400_000, self.0 % 86_400_000);
        // civil_from_days of Howard Hinnant's public-domain date algorithms, for days since 1970-01-01
        let z = days + 719_468;
        let era = z / 146_097;
        let doe = z % 146_097;
        let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
        let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
        let mp = (5 * doy + 2) / 153;
        let day = doy - (153 * mp + 2) / 5 + 1;
        let month = if mp < 10 { mp + 3 } else { mp - 9 };
        let year = yoe + era * 400 + u64::from(month <= 2);
        let (h, m, s, ms) = (
            rest / 3_600_000,
            rest / 60_000 % 60,
            rest / 1000 % 60,
            rest % 1000,
        );
        format!("{year:04}-{month:02}-{day:02}T{h:02}:{m:02}:{s:02}.{ms:03}Z")
    }

    /// `2026-11-22 18:04:05 UTC`: the same for people.
    #[must_use]
    pub fn to_utc(self) -> String {
        let text = self.to_rfc3339();
        match (text.get(..10), text.get(11..19)) {
            (Some(day), Some(time)) if self.0 <= LAST => format!("{day} {time} UTC"),
            _ => text,
        }
    }

    /// `14:20:13 UTC`, for what is of today.
    #[must_use]
    pub fn time_of_day(self) -> String {
        let text = self.to_rfc3339();
        match text.get(11..19) {
            Some(time) if self.0 <= LAST => format!("{time} UTC"),
            _ => text,
        }
    }
}

/// A length of time for people: `250 ms`, `1.5 s`, `15 s`, `3 min`.
#[must_use]
pub fn in_words(time: Duration) -> String {
    let millis = time.as_millis();
    match millis {
        0..1_000 => format!("{millis} ms"),
        1_000..120_000 if millis >= 10_000 || millis % 1_000 < 100 => format!("{} s", millis / 1_000),
        1_000..120_000 => format!("{}.{} s", millis / 1_000, millis % 1_000 / 100),
        _ => format!("{} min", millis / 60_000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_are_short() {
        let words = |millis| in_words(Duration::from_millis(millis));
        assert_eq!(
            [words(0), words(312), words(1_000), words(1_567), words(15_900)],
            ["0 ms", "312 ms", "1 s", "1.5 s", "15 s"]
        );
    }

    #[test]
    fn rfc3339_of_known_instants() {
        assert_eq!(UnixMillis(0).to_rfc3339(), "1970-01-01T00:00:00.000Z");
        assert_eq!(
            UnixMillis(951_782_400_123).to_rfc3339(),
            "2000-02-29T00:00:00.123Z"
        );
        assert_eq!(
            UnixMillis(1_700_000_000_000).to_rfc3339(),
            "2023-11-14T22:13:20.000Z"
        );
        assert_eq!(UnixMillis(LAST).to_rfc3339(), "9999-12-31T23:59:59.999Z");
        for made_up in [LAST + 1, u64::MAX] {
            assert_eq!(UnixMillis(made_up).to_rfc3339(), "later than the year 9999");
        }
    }
}
