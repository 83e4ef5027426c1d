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

use super::another;
use crate::oracle::{CommitteeRequirements, Track};
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

/// The committee without those that are down, ascending, the places taken by the best of the others that are fit, in the
/// order of every other choice: not by whom the contract wants out, and none whose key was given up. `health`: what was
/// last seen of everybody. `None` where too few others can.
pub(crate) fn instead(
    can: &CeremonyCapabilities,
    committee: &[OperatorId],
    down: &[OperatorId],
    wanted: &CommitteeRequirements,
    health: &BTreeMap<OperatorId, OperatorHealth>,
) -> Option<Vec<OperatorId>> {
    let is_up = |id: &&OperatorId| !down.contains(id) && Some(**id) != wanted.leaving;
    let ids: Vec<_> = health.keys().filter(is_up).copied().collect();
    let stay: Vec<_> = committee.iter().filter(is_up).copied().collect();
    let unnamed = |_| SafeText::default();
    let ranked = rank(can, &ids, unnamed, health, &wanted.avoid, &wanted.tracks);
    let ranked = of_one_release(can, ranked, &stay);
    let fit: Vec<_> = ranked.iter().filter(|c| c.is_fit()).map(|c| c.id).collect();
    let joins = fit.iter().filter(|id| !stay.contains(id));
    let mut best: Vec<_> = stay.iter().chain(joins).copied().take(committee.len()).collect();
    if best.len() < committee.len() {
        return None;
    }
    best.sort_unstable();
    let other = another::choose(&fit, best, &wanted.spent);
    (!wanted.spent.contains(&other)).then_some(other)
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

    use super::fixture::{ids, well};
    use super::*;
    use crate::ports::fakes::FakeCeremonies;
    use crate::ports::{Answer, Ceremonies as _, Presence, ReleaseVerdict};

    fn health(up: &[u64], down: &[u64]) -> BTreeMap<OperatorId, OperatorHealth> {
        let presence = Presence {
            version: Some("0.2.13".into()),
            latency: Duration::from_millis(20),
        };
        let up = up.iter().map(|id| (*id, Answer::Yes(presence.clone())));
        let down = down.iter().map(|id| (*id, Answer::no("connection refused")));
        let all = up.chain(down).map(|(id, answers)| {
            let id = OperatorId(id);
            (id, OperatorHealth { id, answers })
        });
        all.collect()
    }

    #[test]
    fn the_best_of_the_others_takes_the_place_of_who_is_down() {
        let fake = FakeCeremonies::default();
        let can = fake.capabilities();
        let (committee, down) = (ids(&[1, 2, 3, 4]), ids(&[2]));
        let health = health(&[1, 3, 4, 5, 6, 7], &[2]);
        let mut wanted = CommitteeRequirements::default();
        let choose = |wanted: &CommitteeRequirements| instead(can, &committee, &down, wanted, &health);
        assert_eq!(choose(&wanted), Some(ids(&[1, 3, 4, 5])));
        // who failed ranks behind, by the same order as in a proposal
        let failed = Track {
            failed: 3,
            ..Track::default()
        };
        wanted.tracks.insert(OperatorId(5), failed);
        assert_eq!(choose(&wanted), Some(ids(&[1, 3, 4, 6])));
        wanted.avoid = ids(&[6]);
        assert_eq!(choose(&wanted), Some(ids(&[1, 3, 4, 7])));
        // whom the contract wants out is not asked in, and a key that was given up is not made again
        wanted.leaving = Some(OperatorId(7));
        assert_eq!(choose(&wanted), Some(ids(&[1, 3, 4, 5])));
        wanted.spent = vec![ids(&[1, 3, 4, 5])];
        assert_eq!(choose(&wanted), None);
        wanted.leaving = None;
        assert_eq!(choose(&wanted), Some(ids(&[1, 3, 4, 7])));
        let all_down = ids(&[2, 5, 6, 7]);
        assert_eq!(instead(can, &committee, &all_down, &wanted, &health), None);
    }

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
