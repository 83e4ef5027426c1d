//! Which operators come first. One order for key generations and reshares, by everything that is known of them:
//!
//! 1. who answers, before who does not;
//! 2. whose version can take part, before who does not tell one, before who has an older one;
//! 3. who made no earlier attempt of this case fail;
//! 4. the history in the journal: nothing or next to nothing failed, some, much. A ceremony of the last fourteen days
//!    counts four times, and four good ones are given to everybody, so that one old failure does not condemn a newcomer;
//! 5. how fast it answers: within a second, three seconds, or slower. No finer, so that chance does not decide;
//! 6. who holds fewer validators, so that no operator gets everything;
//! 7. the lower id: the same at every look.

use std::cmp::Reverse;
use std::collections::BTreeMap;
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
enum Grade {
    Good,
    Fair,
    Poor,
}

/// One operator with everything that speaks for and against it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Candidate {
    pub(super) id: OperatorId,
    pub(super) name: SafeText,
    pub(super) reachable: bool,
    pub(super) version: ReleaseVerdict,
    /// As reported; may be empty.
    version_text: SafeText,
    oldest_release: Option<Release>,
    latency: Option<Duration>,
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
            latency: presence.map(|presence| presence.latency),
            spoiled,
            track,
        }
    }

    /// Nothing speaks against it now.
    pub(super) fn is_fit(&self) -> bool {
        self.reachable && self.version != ReleaseVerdict::TooOld && !self.spoiled
    }

    fn history(&self) -> Grade {
        let weigh = |all: u32, lately: u32| all + lately * (RECENT_WEIGHT - 1);
        let done = weigh(self.track.done, self.track.done_lately) + PRIOR;
        let failed = weigh(self.track.failed, self.track.failed_lately);
        match u64::from(done) * 1000 / u64::from(done + failed) {
            900.. => Grade::Good,
            700.. => Grade::Fair,
            _ => Grade::Poor,
        }
    }

    fn speed(&self) -> Grade {
        match self.latency {
            Some(latency) if latency < FAST => Grade::Good,
            Some(latency) if latency < SLOW => Grade::Fair,
            _ => Grade::Poor,
        }
    }

    /// Everything that the order rests on, with the numbers.
    pub(super) fn words(&self) -> String {
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

/// The best first.
pub(super) fn ranked(mut candidates: Vec<Candidate>) -> Vec<Candidate> {
    candidates.sort_by_key(|c| {
        (
            Reverse(c.reachable),
            c.version,
            c.spoiled,
            c.history(),
            c.speed(),
            c.track.holds,
            c.id,
        )
    });
    candidates
}

/// The best `size` for a new key, ascending; the standing committee as long as all of it are fit.
pub(super) fn choose(ranked: &[Candidate], size: usize, standing: Option<&[OperatorId]>) -> Vec<OperatorId> {
    let mut committee = match standing.filter(|ids| ids.len() == size && stands(ranked, ids)) {
        Some(ids) => ids.to_vec(),
        None => ranked.iter().take(size).map(|c| c.id).collect(),
    };
    committee.sort_unstable();
    committee
}

/// The committee to hand a key to, ascending, and why. Who is unfit leaves for the best that are fit; if everybody is
/// well, the last of the present members makes room for the best of the others, so that a request to change the group
/// changes it. With nobody to join, an unfit member stays, and its checks show it.
pub(super) fn replace(
    ranked: &[Candidate],
    holders: &[OperatorId],
    standing: Option<&[OperatorId]>,
) -> (Vec<OperatorId>, String) {
    let (present, others): (Vec<_>, Vec<_>) = ranked.iter().partition(|c| holders.contains(&c.id));
    let (fit, unfit): (Vec<&Candidate>, Vec<_>) = present.iter().partition(|c| c.is_fit());
    let fresh: Vec<_> = others.iter().filter(|c| c.is_fit()).collect();
    let kept = standing.filter(|ids| {
        // somebody who could take an unfit member's place is worth another look
        ids.len() == holders.len() && (stands(ranked, ids) || fresh.iter().all(|c| ids.contains(&c.id)))
    });
    let mut new: Vec<OperatorId> = match kept {
        Some(ids) => ids.to_vec(),
        None => {
            let stay = if unfit.is_empty() && !fresh.is_empty() {
                fit.len() - 1
            } else {
                fit.len()
            };
            let best = fit.iter().take(stay).map(|c| c.id);
            best.chain(fresh.iter().map(|c| c.id))
                .chain(unfit.iter().map(|c| c.id))
                .take(holders.len())
                .collect()
        }
    };
    new.sort_unstable();
    let why = match (unfit.is_empty(), fresh.is_empty()) {
        (true, true) => {
            "all present members are well and there is nobody else: fresh shares for the same committee"
        }
        (true, false) => {
            "all present members are well: the one that ranks last makes room for the best of the others, so that the \
             group changes (edit with e)"
        }
        (false, true) => "somebody is not well, and there is nobody to take the place",
        (false, false) => "who is not well leaves; the best of the others take the places (edit with e)",
    };
    (new, why.to_owned())
}

/// Exactly the old threshold of present holders, ascending: the best, those that stay before those that leave.
pub(super) fn dealers(
    ranked: &[Candidate],
    holders: &[OperatorId],
    new: &[OperatorId],
    threshold: usize,
) -> Vec<OperatorId> {
    let mut present: Vec<_> = ranked.iter().filter(|c| holders.contains(&c.id)).collect();
    // stable: the ranking decides within each group
    present.sort_by_key(|c| (!c.is_fit(), !new.contains(&c.id)));
    let mut dealers: Vec<_> = present.iter().take(threshold).map(|c| c.id).collect();
    dealers.sort_unstable();
    dealers
}

fn stands(ranked: &[Candidate], ids: &[OperatorId]) -> bool {
    ids.iter()
        .all(|id| ranked.iter().any(|c| c.id == *id && c.is_fit()))
}

/// The candidates of `ids`, ranked.
pub(super) fn rank(
    can: &CeremonyCapabilities,
    ids: &[OperatorId],
    name: impl Fn(OperatorId) -> SafeText,
    health: &BTreeMap<OperatorId, OperatorHealth>,
    avoid: &[OperatorId],
    tracks: &BTreeMap<OperatorId, Track>,
) -> Vec<Candidate> {
    let of = |id: &OperatorId| {
        let track = tracks.get(id).copied().unwrap_or_default();
        Candidate::new(can, *id, name(*id), health.get(id), avoid.contains(id), track)
    };
    ranked(ids.iter().map(of).collect())
}

/// A version that cannot take part.
pub(super) fn older(version: impl std::fmt::Display, oldest: Release) -> String {
    format!("{version}, older than {oldest}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(list: &[u64]) -> Vec<OperatorId> {
        list.iter().copied().map(OperatorId).collect()
    }

    fn well(id: u64) -> Candidate {
        Candidate {
            id: OperatorId(id),
            name: SafeText::default(),
            reachable: true,
            version: ReleaseVerdict::Fine,
            version_text: SafeText::new("0.2.13"),
            oldest_release: Some(Release(0, 2, 7)),
            latency: Some(Duration::from_millis(20)),
            spoiled: false,
            track: Track::default(),
        }
    }

    fn order(candidates: Vec<Candidate>) -> Vec<u64> {
        ranked(candidates).iter().map(|c| c.id.0).collect()
    }

    fn crew(list: &[u64]) -> Vec<Candidate> {
        ranked(list.iter().copied().map(well).collect())
    }

    #[test]
    fn each_reason_outweighs_those_after_it() {
        // worse in one thing each, from the last reason to the first; better in everything after it
        let track = |done, failed| Track {
            done,
            failed,
            done_lately: done,
            failed_lately: failed,
            holds: 0,
        };
        let all = vec![
            Candidate {
                reachable: false,
                ..well(1)
            },
            Candidate {
                version: ReleaseVerdict::TooOld,
                ..well(2)
            },
            Candidate {
                version: ReleaseVerdict::Untold,
                ..well(3)
            },
            Candidate {
                spoiled: true,
                ..well(4)
            },
            Candidate {
                track: track(0, 3),
                ..well(5)
            },
            Candidate {
                track: track(6, 1),
                ..well(6)
            },
            Candidate {
                latency: Some(Duration::from_secs(4)),
                ..well(7)
            },
            Candidate {
                latency: Some(Duration::from_secs(2)),
                ..well(8)
            },
            Candidate {
                track: Track {
                    holds: 5,
                    ..Track::default()
                },
                ..well(9)
            },
            well(11),
            well(10),
        ];
        assert_eq!(order(all), [10, 11, 9, 8, 7, 6, 5, 4, 3, 2, 1]);
    }

    #[test]
    fn an_old_failure_weighs_less_than_a_new_one_and_much_good_work_outweighs_one() {
        let with = |id, done, failed, lately| Candidate {
            track: Track {
                done,
                failed,
                done_lately: done,
                failed_lately: lately,
                holds: 0,
            },
            ..well(id)
        };
        assert_eq!(order(vec![with(1, 0, 1, 1), with(2, 0, 1, 0)]), [2, 1]);
        // forty good ones lately: one failure is not worth a mention
        assert_eq!(order(vec![with(1, 40, 1, 1), with(2, 0, 0, 0)]), [1, 2]);
    }

    #[test]
    fn a_new_committee_is_the_best_and_stays_while_it_is_fit() {
        let mut all = crew(&[1, 2, 3, 4, 5]);
        assert_eq!(choose(&all, 4, None), ids(&[1, 2, 3, 4]));
        let standing = ids(&[2, 3, 4, 5]);
        assert_eq!(
            choose(&all, 4, Some(&standing)),
            standing,
            "nobody in it is unfit"
        );
        all[4].reachable = false;
        assert_eq!(all[4].id, OperatorId(5));
        let all = ranked(all);
        assert_eq!(choose(&all, 4, Some(&standing)), ids(&[1, 2, 3, 4]));
    }

    #[test]
    fn who_is_unfit_leaves_for_the_best_of_the_others() {
        let mut all = crew(&[1, 2, 3, 4, 5, 6]);
        all[2].reachable = false;
        all[4].track.failed = 3;
        let (new, why) = replace(&ranked(all.clone()), &ids(&[1, 2, 3, 4]), None);
        assert_eq!(new, ids(&[1, 2, 4, 6]), "{why}");
        // it joins a standing committee only once somebody can take a place there
        let standing = ids(&[1, 2, 3, 4]);
        assert_eq!(replace(&ranked(all), &standing, Some(&standing)).0, new);
    }

    #[test]
    fn without_a_reason_the_last_makes_room_and_without_others_shares_are_refreshed() {
        let holders = ids(&[1, 2, 3, 4]);
        assert_eq!(
            replace(&crew(&[1, 2, 3, 4, 5]), &holders, None).0,
            ids(&[1, 2, 3, 5])
        );
        let mut burdened = crew(&[1, 2, 3, 4, 5]);
        burdened[1].track.holds = 9;
        let burdened = ranked(burdened);
        assert_eq!(
            replace(&burdened, &holders, None).0,
            ids(&[1, 3, 4, 5]),
            "2 holds the most"
        );
        let standing = ids(&[1, 2, 3, 5]);
        assert_eq!(replace(&burdened, &holders, Some(&standing)).0, standing);
        assert_eq!(replace(&crew(&[1, 2, 3, 4]), &holders, None).0, holders);
        let mut alone = crew(&[1, 2, 3, 4]);
        alone[3].reachable = false;
        assert_eq!(
            replace(&ranked(alone), &holders, None).0,
            holders,
            "nobody can come"
        );
    }

    #[test]
    fn the_best_deal_and_those_that_stay_before_those_that_leave() {
        let holders = ids(&[1, 2, 3, 4]);
        let new = ids(&[2, 3, 4, 5]);
        assert_eq!(
            dealers(&crew(&[1, 2, 3, 4, 5]), &holders, &new, 3),
            ids(&[2, 3, 4])
        );
        let mut all = crew(&[1, 2, 3, 4, 5]);
        all[2].reachable = false;
        assert_eq!(
            dealers(&ranked(all), &holders, &new, 3),
            ids(&[1, 2, 4]),
            "3 cannot deal"
        );
    }

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
