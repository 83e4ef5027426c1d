//! Whether the releases of those who take part can, and can together.

use std::collections::BTreeMap;

use super::checks::Quorum;
use crate::desk::proposal::list;
use crate::desk::ranking::older;
use crate::ports::{CeremonyCapabilities, OperatorHealth, ReleaseMix, ReleaseVerdict};
use crate::types::{Check, CheckStatus, OperatorId, SafeText};

/// A node that reports no version (an unstamped build does) is unknown, not wrong. Who may be missing is not asked for a
/// version while missing.
pub(super) fn versions(
    can: &CeremonyCapabilities,
    participants: &[OperatorId],
    health: &BTreeMap<OperatorId, OperatorHealth>,
    quorum: Quorum,
) -> Check {
    const NAME: &str = "operator-versions";
    if can.oldest_release.is_none() && can.releases == ReleaseMix::Any {
        return Check::pass(NAME, format!("every release of {} can take part", can.title));
    }
    let mut status = CheckStatus::Pass;
    let mut words = Vec::new();
    let mut told: BTreeMap<&str, Vec<OperatorId>> = BTreeMap::new();
    let judged = participants
        .iter()
        .filter(|id| quorum == Quorum::All || reachable(health, **id));
    for id in judged {
        let version = health.get(id).map_or("", |h| h.version());
        told.entry(version).or_default().push(*id);
        match (can.judge_release(version), can.oldest_release) {
            (ReleaseVerdict::TooOld, Some(oldest)) => {
                status = CheckStatus::Fail;
                words.push(format!("operator {id} has {}", older(version, oldest)));
            }
            (ReleaseVerdict::Untold, Some(_)) => {
                status = status.min(CheckStatus::Unknown);
                words.push(format!("operator {id} does not tell its version"));
            }
            _ => {}
        }
    }
    if can.releases == ReleaseMix::Same {
        let (worst, why) = together(&can.title, &told);
        status = status.min(worst);
        words.extend(why);
    }
    let reason = if words.is_empty() {
        let who = match quorum {
            Quorum::All => "every operator",
            Quorum::AtLeast(_) => "every operator that answers",
        };
        match (can.releases, can.oldest_release) {
            (ReleaseMix::Same, _) => format!("{who} has {}", told.keys().next().unwrap_or(&"none")),
            (ReleaseMix::Any, Some(oldest)) => format!("{who} has {oldest} or newer"),
            (ReleaseMix::Any, None) => format!("{who} has a release that can take part"),
        }
    } else {
        words.join("; ")
    };
    Check::new(NAME, status, reason)
}

/// Whether they all tell one and the same.
fn together(title: &SafeText, told: &BTreeMap<&str, Vec<OperatorId>>) -> (CheckStatus, Option<String>) {
    let of = |(version, ids): (&&str, &Vec<OperatorId>)| match *version {
        "" => format!("none told by {}", list(ids)),
        version => format!("{version} at {}", list(ids)),
    };
    let differ = || {
        let all: Vec<_> = told.iter().map(of).collect();
        Some(format!(
            "{title} wants one release at all of them: {}",
            all.join(", ")
        ))
    };
    let known = told.keys().filter(|version| !version.is_empty()).count();
    match (known, told.len()) {
        (2.., _) => (CheckStatus::Fail, differ()),
        (known, all) if known < all => (CheckStatus::Unknown, differ()),
        _ => (CheckStatus::Pass, None),
    }
}

fn reachable(health: &BTreeMap<OperatorId, OperatorHealth>, id: OperatorId) -> bool {
    health.get(&id).is_some_and(|h| h.presence().is_some())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::dkg::rockx::backend::capabilities as rockx;
    use crate::ports::{Answer, Presence, Release};

    /// Operators 1, 2, ... with what they tell; `None`: no answer.
    fn health(told: &[Option<&str>]) -> BTreeMap<OperatorId, OperatorHealth> {
        let of = |(n, version): (u64, &Option<&str>)| {
            let answers = match version {
                None => Answer::not_known("no answer within 10 s"),
                Some(version) => Answer::Yes(Presence {
                    version: Some((*version).into()),
                    latency: Duration::ZERO,
                }),
            };
            let id = OperatorId(n);
            (id, OperatorHealth { id, answers })
        };
        (1..).zip(told).map(of).collect()
    }

    fn judged(can: &CeremonyCapabilities, told: &[Option<&str>], quorum: Quorum) -> (CheckStatus, String) {
        let health = health(told);
        let everybody: Vec<_> = health.keys().copied().collect();
        let check = versions(can, &everybody, &health, quorum);
        (check.status, check.reason.to_string())
    }

    #[test]
    fn who_is_missing_is_asked_for_no_version_where_a_signature_can_do_without() {
        let told = [Some("0.2.13"), None, Some("0.2.13"), Some("0.2.13")];
        assert_eq!(judged(&rockx(), &told, Quorum::All).0, CheckStatus::Unknown);
        assert_eq!(
            judged(&rockx(), &told, Quorum::AtLeast(3)),
            (
                CheckStatus::Pass,
                "every operator that answers has 0.2.7 or newer".to_owned()
            )
        );
    }

    #[test]
    fn the_oldest_release_is_what_its_backend_says() {
        let mut can = rockx();
        can.oldest_release = Some(Release(3, 1, 0));
        let said = "operator 1 has 0.2.13, older than 3.1.0".to_owned();
        assert_eq!(
            judged(&can, &[Some("0.2.13")], Quorum::All),
            (CheckStatus::Fail, said)
        );
        can.oldest_release = None;
        assert_eq!(
            judged(&can, &[Some("0.2.13"), None], Quorum::All).0,
            CheckStatus::Pass
        );
    }

    #[test]
    fn one_release_at_all_of_them_where_the_backend_wants_it() {
        let mut can = rockx();
        let mixed = [Some("0.2.13"), Some("0.2.14")];
        assert_eq!(judged(&can, &mixed, Quorum::All).0, CheckStatus::Pass);
        (can.oldest_release, can.releases) = (None, ReleaseMix::Same);
        let said = "RockX wants one release at all of them: 0.2.13 at 1, 0.2.14 at 2".to_owned();
        assert_eq!(judged(&can, &mixed, Quorum::All), (CheckStatus::Fail, said));
        // letter by letter, whether it is a release or not
        let dev = [Some("dev"), Some("dev")];
        assert_eq!(
            judged(&can, &dev, Quorum::All),
            (CheckStatus::Pass, "every operator has dev".to_owned())
        );
        let untold = [Some("dev"), Some(""), None];
        assert_eq!(judged(&can, &untold, Quorum::All).0, CheckStatus::Unknown);
        assert_eq!(
            judged(&can, &[Some("dev"), None], Quorum::AtLeast(1)).0,
            CheckStatus::Pass
        );
        can.oldest_release = Some(Release(0, 2, 7));
        assert_eq!(judged(&can, &dev, Quorum::All).0, CheckStatus::Unknown);
    }
}
