//! A past moment of the journal, looked at: what stands on the screen is what was, and nothing can be decided.

use std::sync::Arc;
use std::time::Duration;

use casimir_dkg::types::UnixMillis;
use casimir_dkg::view::{PastMoment, RowId, Snapshot};

use crate::console::screens::panes::Pane;

/// The past is on the screen.
#[derive(Debug, Clone)]
pub(crate) struct Past {
    /// The newest state of the engine, which goes on meanwhile.
    pub(crate) present: Arc<Snapshot>,
    /// What was selected of it, and whether a person had picked that.
    pub(crate) selected: Vec<(Pane, Option<RowId>, bool)>,
}

/// What was typed: the number of a record, a point in time (UTC), or how long ago.
pub(crate) fn moment(text: &str, now: UnixMillis) -> Option<PastMoment> {
    if let Ok(record) = text.parse() {
        return Some(PastMoment::Record(record));
    }
    if let Some(ago) = ago(text) {
        let millis = u64::try_from(ago.as_millis()).ok()?;
        return Some(PastMoment::Time(UnixMillis(now.0.saturating_sub(millis))));
    }
    time(text).map(PastMoment::Time)
}

/// `45s`, `10m`, `2h`, `3d`.
fn ago(text: &str) -> Option<Duration> {
    let unit = text.chars().last()?;
    let seconds: u64 = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        _ => return None,
    };
    let number: u64 = text.strip_suffix(unit)?.trim().parse().ok()?;
    Some(Duration::from_secs(number.checked_mul(seconds)?))
}

/// `2026-11-29 01:02:03 UTC`, as it is shown, also with a T, without seconds and with Z or nothing behind it: always UTC.
fn time(text: &str) -> Option<UnixMillis> {
    let (date, clock) = text
        .trim_end_matches(" UTC")
        .trim_end_matches('Z')
        .split_once(['T', ' '])?;
    let numbers =
        |text: &str, by: char| -> Option<Vec<u64>> { text.split(by).map(|n| n.parse().ok()).collect() };
    let (date, clock) = (numbers(date, '-')?, numbers(clock.split('.').next()?, ':')?);
    let (&[year, month, day], [hour, minute, rest @ ..]) = (date.as_slice(), clock.as_slice()) else {
        return None;
    };
    let second = match rest {
        [] => 0,
        [second] => *second,
        _ => return None,
    };
    let leaps = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let last = match month {
        2 if leaps => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    let fits = (1970..10_000).contains(&year) && (1..=12).contains(&month) && (1..=last).contains(&day);
    if !fits || *hour > 23 || *minute > 59 || second > 59 {
        return None;
    }
    // days_from_civil of Howard Hinnant's public-domain date algorithms, for years from 1970 on
    let (year, month) = if month <= 2 {
        (year - 1, month + 9)
    } else {
        (year, month - 3)
    };
    let day_of_year = (153 * month + 2) / 5 + day - 1;
    let days =
        year / 400 * 146_097 + (year % 400) * 365 + (year % 400) / 4 - (year % 400) / 100 + day_of_year;
    let seconds = (days - 719_468) * 86_400 + hour * 3_600 + minute * 60 + second;
    Some(UnixMillis(seconds * 1_000))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_times_and_how_long_ago_are_read() {
        let now = UnixMillis(1_773_480_413_000);
        assert_eq!(moment("41", now), Some(PastMoment::Record(41)));
        let at = |millis| Some(PastMoment::Time(UnixMillis(millis)));
        assert_eq!(moment("10m", now), at(now.0 - 600_000));
        assert_eq!(moment("2h", now), at(now.0 - 7_200_000));
        for text in [
            "2026-03-14T09:26:53Z",
            "2026-03-14 09:26:53",
            "2026-03-14T09:26:53.000Z",
            "2026-03-14 09:26:53 UTC",
        ] {
            assert_eq!(moment(text, now), at(now.0), "{text}");
        }
        assert_eq!(moment("1970-01-01 00:00", now), at(0));
        assert!(moment("2028-02-29 00:00", now).is_some());
        for day in 0..800u64 {
            let midnight = UnixMillis(1_700_006_400_000 + day * 86_400_000);
            assert_eq!(moment(&midnight.to_rfc3339(), now), at(midnight.0));
        }
        for text in [
            "",
            "yesterday",
            "2026-13-01 00:00",
            "2026-03-14",
            "10x",
            "2026-03-14 25:00",
            "2026-02-29 00:00",
            "2100-02-29 00:00",
            "2026-04-31 00:00",
        ] {
            assert_eq!(moment(text, now), None, "{text}");
        }
    }
}
