//! One operator with everything that speaks for and against it.

use std::time::Duration;

use crate::oracle::Track;
use crate::ports::{CeremonyCapabilities, OperatorHealth, Release, ReleaseVerdict};
use crate::types::{OperatorId, SafeText};

/// How much more a recent ceremony counts than an old one.
const RECENT_WEIGHT: u32 = 4;
/// Good ceremonies that everybody is given.
const PRIOR: u32 = 4;
const FAST: Duration = Duration::from_secs(1);
const SLOW: Duration = Duration::from_secs(3);

/// Graded so that small differences do not decide. Better ones first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Grade {
    Good,
    Fair,
    Poor,
}

/// One operator with everything that speaks for and against it.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::desk) struct Candidate {
    pub(in crate::desk) id: OperatorId,
    pub(super) name: SafeText,
    pub(super) reachable: bool,
    pub(super) version: ReleaseVerdict,
    /// As reported; may be empty.
    pub(super) version_text: SafeText,
    pub(super) oldest_release: Option<Release>,
    /// The release by which a committee would go, where it must have one and this operator has another.
    pub(super) instead_of: Option<SafeText>,
    pub(super) latency: Option<Duration>,
    /// It made an earlier attempt of this case fail.
    pub(super) spoiled: bool,
    pub(super) track: Track,
}

impl Candidate {
    pub(super) fn new(
        can: &CeremonyCapabilities,
        id: OperatorId,
        name: SafeText,
        health: Option<&OperatorHealth>,
        spoiled: bool,
        track: Track,
    ) -> Self {
        let presence = health.and_then(OperatorHealth::presence);
        let version_text: SafeText = health.map_or("", |h| h.version()).into();
        Self {
            id,
            name,
            reachable: presence.is_some(),
            version: can.judge_release(version_text.as_str()),
            version_text,
            oldest_release: can.oldest_release,
            instead_of: None,
            latency: presence.map(|presence| presence.latency),
            spoiled,
            track,
        }
    }

    /// Nothing speaks against it now.
    pub(in crate::desk) fn is_fit(&self) -> bool {
        let can_take_part = self.version != ReleaseVerdict::TooOld && self.instead_of.is_none();
        self.reachable && can_take_part && !self.spoiled
    }

    pub(super) fn history(&self) -> Grade {
        let weigh = |all: u32, lately: u32| all + lately * (RECENT_WEIGHT - 1);
        let done = weigh(self.track.done, self.track.done_lately) + PRIOR;
        let failed = weigh(self.track.failed, self.track.failed_lately);
        match u64::from(done) * 1000 / u64::from(done + failed) {
            900.. => Grade::Good,
            700.. => Grade::Fair,
            _ => Grade::Poor,
        }
    }

    pub(super) fn speed(&self) -> Grade {
        match self.latency {
            Some(latency) if latency < FAST => Grade::Good,
            Some(latency) if latency < SLOW => Grade::Fair,
            _ => Grade::Poor,
        }
    }

    /// Everything that the order rests on, with the numbers.
    pub(in crate::desk) fn words(&self) -> String {
        let mut words = Vec::new();
        if !self.name.as_str().is_empty() {
            words.push(self.name.to_string());
        }
        words.push(match (self.reachable, self.latency) {
            (true, Some(latency)) => format!("answers in {} ms", latency.as_millis()),
            (true, None) => "answers".to_owned(),
            (false, _) => "does not answer".to_owned(),
        });
        words.push(match (self.version, self.oldest_release) {
            _ if let Some(others) = &self.instead_of => {
                format!("version {}, not {others}", self.version_text)
            }
            (ReleaseVerdict::Untold, _) => "tells no version".to_owned(),
            (ReleaseVerdict::TooOld, Some(oldest)) => {
                format!("version {}", older(&self.version_text, oldest))
            }
            (_, _) => format!("version {}", self.version_text),
        });
        let Track {
            done,
            failed,
            done_lately,
            failed_lately,
            holds,
        } = self.track;
        words.push(format!(
            "{done} ceremonies done and {failed} failed because of it ({done_lately} and {failed_lately} in 14 days)"
        ));
        if self.spoiled {
            words.push("made an earlier attempt of this case fail".to_owned());
        }
        words.push(format!("holds {holds} validators"));
        words.join(", ")
    }
}

/// A version that cannot take part.
pub(in crate::desk) fn older(version: impl std::fmt::Display, oldest: Release) -> String {
    format!("{version}, older than {oldest}")
}

#[cfg(test)]
mod tests {
    use super::super::fixture::well;
    use super::*;

    #[test]
    fn the_words_have_the_numbers() {
        let candidate = Candidate {
            name: SafeText::new("alpha"),
            spoiled: true,
            track: Track {
                done: 14,
                failed: 3,
                done_lately: 5,
                failed_lately: 1,
                holds: 7,
            },
            ..well(1)
        };
        assert_eq!(
            candidate.words(),
            "alpha, answers in 20 ms, version 0.2.13, 14 ceremonies done and 3 failed because of it (5 and 1 in 14 \
             days), made an earlier attempt of this case fail, holds 7 validators"
        );
    }
}
