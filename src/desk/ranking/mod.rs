//! Which operators come first. One order for key generations and reshares, by everything that is known of them:
//!
//! 1. who answers, before who does not;
//! 2. whose version can take part, before who does not tell one, before who has an older one;
//!    Where all must have the same, who has the one that most have comes before all others;
//! 3. who made no earlier attempt of this case fail;
//! 4. the history in the journal: nothing or next to nothing failed, some, much. A ceremony of the last fourteen days
//!    counts four times, and four good ones are given to everybody, so that one old failure does not condemn a newcomer;
//! 5. how fast it answers: within a second, three seconds, or slower. No finer, so that chance does not decide;
//! 6. who holds fewer validators, so that no operator gets everything;
//! 7. the lower id: the same at every look.

mod candidate;
mod committees;
#[cfg(test)]
mod fixture;

use std::cmp::Reverse;
use std::collections::BTreeMap;

use crate::oracle::Track;
use crate::ports::{CeremonyCapabilities, OperatorHealth, ReleaseMix};
use crate::types::{OperatorId, SafeText};

pub(super) use candidate::{Candidate, older};
pub(super) use committees::{choose, dealers, replace};

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

/// Where a ceremony takes one release alone: the candidates ranked by the one that most of those who are fit have. Who is
/// in it anyway (`before`) counts first, so that a newer release alone changes no committee.
pub(super) fn of_one_release(
    can: &CeremonyCapabilities,
    mut candidates: Vec<Candidate>,
    before: &[OperatorId],
) -> Vec<Candidate> {
    if can.releases == ReleaseMix::Any {
        return candidates;
    }
    let mut votes: BTreeMap<SafeText, (usize, usize, Reverse<usize>)> = BTreeMap::new();
    for (place, c) in candidates.iter().enumerate() {
        if c.is_fit() && !c.version_text.as_str().is_empty() {
            let of = (0, 0, Reverse(place));
            let (present, all, _) = votes.entry(c.version_text.clone()).or_insert(of);
            *present += usize::from(before.contains(&c.id));
            *all += 1;
        }
    }
    let most = votes.into_iter().max_by_key(|(_, votes)| *votes);
    let Some((version, _)) = most else {
        return candidates;
    };
    for c in &mut candidates {
        let differs = !c.version_text.as_str().is_empty() && c.version_text != version;
        c.instead_of = differs.then(|| version.clone());
    }
    ranked(candidates)
}

/// The best first.
fn ranked(mut candidates: Vec<Candidate>) -> Vec<Candidate> {
    candidates.sort_by_key(|c| {
        (
            Reverse(c.reachable),
            c.version,
            c.instead_of.is_some(),
            c.spoiled,
            c.history(),
            c.speed(),
            c.track.holds,
            c.id,
        )
    });
    candidates
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::fixture::well;
    use super::*;
    use crate::ports::ReleaseVerdict;

    fn order(candidates: Vec<Candidate>) -> Vec<u64> {
        ranked(candidates).iter().map(|c| c.id.0).collect()
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
    fn where_all_must_have_one_release_most_decide_and_those_who_are_in_it_first() {
        let mut can = crate::dkg::rockx::backend::capabilities();
        let with = |id, version: &str| Candidate {
            version_text: SafeText::new(version),
            ..well(id)
        };
        let all = || {
            ranked(vec![
                with(1, "b"),
                with(2, "a"),
                with(3, "a"),
                with(4, "b"),
                with(5, "b"),
            ])
        };
        let order = |all: Vec<Candidate>| all.iter().map(|c| c.id.0).collect::<Vec<_>>();
        let before = [2, 3].map(OperatorId);
        assert_eq!(order(of_one_release(&can, all(), &before)), [1, 2, 3, 4, 5]);
        can.releases = ReleaseMix::Same;
        let most = of_one_release(&can, all(), &[]);
        assert_eq!(order(most.clone()), [1, 4, 5, 2, 3]);
        let fit: Vec<_> = most.iter().map(Candidate::is_fit).collect();
        assert_eq!(fit, [true, true, true, false, false]);
        assert!(
            most[3].words().contains("version a, not b"),
            "{}",
            most[3].words()
        );
        assert_eq!(order(of_one_release(&can, all(), &before)), [2, 3, 1, 4, 5]);
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
}
