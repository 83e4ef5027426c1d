//! Which operators: chosen by configuration, health and history, or by a person.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::another;
use super::ranking::{self, Candidate, older};
use super::refused;
use crate::config::SelectionRule;
use crate::oracle::{Fact, FactKind, Prepared, Wanted};
use crate::ports::{Answer, Ceremonies, CeremonyCapabilities, OperatorHealth, RelayHealth, ReleaseVerdict};
use crate::types::{CeremonyPlan, Check, CheckStatus, OperatorId, OperatorRecord, PoolId, SafeText, counted};

/// What committees are chosen from and judged by.
#[derive(Debug, Clone)]
pub(super) struct Committees {
    pub(super) ceremonies: Arc<dyn Ceremonies>,
    /// Every operator that is configured.
    pub(super) directory: Arc<BTreeMap<OperatorId, OperatorRecord>>,
    /// Who may be in a committee that nobody chose.
    pub(super) selection: SelectionRule,
}

/// What operators and whatever relays between them answered. They are asked once a preparation, so that the choice and its checks rest on
/// the same answers.
pub(super) struct Asked {
    /// By operator: everybody who was asked, reachable or not.
    pub(super) health: BTreeMap<OperatorId, OperatorHealth>,
    relay: Option<RelayHealth>,
    /// Whom the relay does not know.
    unregistered: Option<Answer<Vec<OperatorId>>>,
}

/// Asks these operators, and whatever relays between them, how they are.
pub(super) async fn ask(from: &Committees, ids: &[OperatorId]) -> Asked {
    let ceremonies = &from.ceremonies;
    let (health, relay, unregistered) = tokio::join!(
        ceremonies.operators(ids),
        ceremonies.relay(),
        ceremonies.unregistered(ids)
    );
    Asked {
        health: health.into_iter().map(|h| (h.id, h)).collect(),
        relay,
        unregistered,
    }
}

/// How many of the present holders sign.
///
/// # Errors
/// The backend has no such committee: the answer of the desk.
pub(super) fn threshold_of_holders(
    can: &CeremonyCapabilities,
    pool: PoolId,
    holders: &[OperatorId],
) -> Result<u8, Prepared> {
    can.threshold_of(holders.len()).ok_or_else(|| {
        refused(format!(
            "pool {pool} is held by {}, which is no committee",
            counted(holders.len(), "operator")
        ))
    })
}

/// Operators that are shown beside those that are in question, best first.
const SHOWN: usize = 6;

/// The committee of a key generation, everybody who might have been in it, ranked, and what they answered.
pub(super) async fn select(from: &Committees, wanted: &Wanted) -> (Vec<OperatorId>, Vec<Candidate>, Asked) {
    let (ids, size) = match &from.selection {
        SelectionRule::Fixed(ids) => (ids, None),
        SelectionRule::Choose { from, size } => (from, Some(*size)),
    };
    let mut everybody: Vec<_> = ids
        .iter()
        .chain(wanted.chosen.iter().flatten())
        .copied()
        .collect();
    everybody.sort_unstable();
    everybody.dedup();
    let asked = ask(from, &everybody).await;
    let ranked = rank(from, &everybody, &asked, wanted);
    let mut committee = match (&wanted.chosen, size) {
        (Some(chosen), _) => chosen.clone(),
        (None, None) => ids.clone(),
        (None, Some(size)) => {
            let best = ranking::choose(&ranked, size, wanted.standing.as_deref());
            let order: Vec<_> = ranked.iter().map(|candidate| candidate.id).collect();
            another::choose(&order, best, &wanted.spent)
        }
    };
    committee.sort_unstable();
    (committee, ranked, asked)
}

/// These operators by everything that is known of them, the best first.
pub(super) fn rank(from: &Committees, ids: &[OperatorId], asked: &Asked, wanted: &Wanted) -> Vec<Candidate> {
    let directory = &from.directory;
    let name = |id| directory.get(&id).map(|o| o.name.clone()).unwrap_or_default();
    let can = from.ceremonies.capabilities();
    ranking::rank(can, ids, name, &asked.health, &wanted.avoid, &wanted.tracks)
}

/// One line for each operator in question: its place in the ranking, what becomes of it, and the numbers.
pub(super) fn standings(
    ranked: &[Candidate],
    holders: Option<&[OperatorId]>,
    committee: &[OperatorId],
) -> Vec<Fact> {
    let mut others = 0;
    let mut facts = Vec::new();
    for (n, candidate) in ranked.iter().enumerate() {
        let chosen = committee.contains(&candidate.id);
        let fate = match (holders.map(|h| h.contains(&candidate.id)), chosen) {
            (Some(true), true) => "stays",
            (Some(true), false) => "leaves",
            (Some(false), true) => "joins",
            (None, true) => "takes part",
            (_, false) if others < SHOWN => {
                others += 1;
                "is not chosen"
            }
            (_, false) => continue,
        };
        let words = format!(
            "{fate}, ranks {} of {}: {}",
            n + 1,
            ranked.len(),
            candidate.words()
        );
        let kind = if chosen && !candidate.is_fit() {
            FactKind::Warning
        } else {
            FactKind::Text
        };
        facts.push(Fact::new(&format!("operator {}", candidate.id), kind, words));
    }
    facts
}

pub(super) fn reachable(health: &BTreeMap<OperatorId, OperatorHealth>, id: OperatorId) -> bool {
    health.get(&id).is_some_and(|h| h.presence().is_some())
}

/// How many of those who take part a ceremony cannot do without.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Quorum {
    /// Key generations and reshares: one who is missing is missing for good.
    All,
    /// Threshold signatures: this many partial signatures are enough.
    AtLeast(usize),
}

/// Whether the backend takes the plan; size, directory, keys, reachability and version of those who take part; and
/// whatever relays between them.
pub(super) fn checks(from: &Committees, asked: &Asked, plan: &CeremonyPlan, quorum: Quorum) -> Vec<Check> {
    let directory = &from.directory;
    let can = from.ceremonies.capabilities();
    let participants = &plan.participants();
    let Asked {
        health,
        relay,
        unregistered,
    } = asked;
    let mut checks = vec![
        size(can, plan.committee().len()),
        accepted(can, from.ceremonies.accepts(plan)),
    ];
    let keys: Vec<String> = participants
        .iter()
        .filter_map(|id| match directory.get(id) {
            None => Some(format!("operator {id} is not configured")),
            Some(o) => from
                .ceremonies
                .reads_key(&o.public_key)
                .err()
                .map(|why| format!("operator {id}: {why}")),
        })
        .collect();
    let readable = format!("every operator has a key that {} reads", can.title);
    checks.push(all_or(&keys, "operator-keys", &readable));
    checks.push(attendance(participants, health, quorum));
    checks.push(versions(can, participants, health, quorum));
    checks.extend(relay.as_ref().map(|relay| {
        relay.answers.check("messenger-reachable", |presence| {
            (true, format!("answers in {} ms", presence.latency.as_millis()))
        })
    }));
    let registered = |unregistered: &Answer<_>| registration(participants, unregistered, quorum);
    checks.extend(unregistered.as_ref().map(registered));
    checks
}

/// Whoever is not registered may be the next moment: nodes try again by themselves. So it is waited for, and no fault of
/// anybody.
fn registration(
    participants: &[OperatorId],
    unregistered: &Answer<Vec<OperatorId>>,
    quorum: Quorum,
) -> Check {
    const NAME: &str = "operators-registered";
    let unregistered = match unregistered.as_ref().value() {
        Ok(unregistered) => unregistered,
        Err(why) => return Check::unknown(NAME, why.to_string()),
    };
    let away: Vec<String> = participants
        .iter()
        .filter(|id| unregistered.contains(id))
        .map(OperatorId::to_string)
        .collect();
    let needed = match quorum {
        Quorum::All => participants.len(),
        Quorum::AtLeast(needed) => needed,
    };
    if participants.len() - away.len() >= needed {
        return Check::pass(NAME, "whoever relays between the operators knows enough of them");
    }
    Check::unknown(
        NAME,
        format!(
            "operators {} are not registered with whoever relays between them; their nodes try again, or do so at their \
             next start",
            away.join(", ")
        ),
    )
}

fn size(can: &CeremonyCapabilities, operators: usize) -> Check {
    const NAME: &str = "committee-size";
    match can.threshold_of(operators) {
        Some(t) => Check::pass(NAME, format!("{operators} operators, threshold {t}")),
        None => Check::fail(
            NAME,
            format!("{operators} operators; {} knows {}", can.title, can.sizes()),
        ),
    }
}

fn accepted(can: &CeremonyCapabilities, verdict: Result<(), SafeText>) -> Check {
    const NAME: &str = "plan-accepted";
    match verdict {
        Ok(()) => Check::pass(NAME, format!("{} can carry it out", can.title)),
        Err(why) => Check::fail(NAME, why.as_str()),
    }
}

fn all_or(problems: &[String], name: &str, fine: &str) -> Check {
    if problems.is_empty() {
        Check::pass(name, fine)
    } else {
        Check::fail(name, problems.join("; "))
    }
}

/// Whoever gave no answer is not known to be there. That is never a pass: a key generation does not begin without
/// everybody, and the initiator asks again before it sends anything.
fn attendance(
    participants: &[OperatorId],
    health: &BTreeMap<OperatorId, OperatorHealth>,
    quorum: Quorum,
) -> Check {
    const NAME: &str = "operators-reachable";
    let (mut there, mut perhaps, mut words) = (0, 0, Vec::new());
    for id in participants {
        let why = match health.get(id).map(|health| &health.answers) {
            Some(Answer::Yes(_)) => {
                there += 1;
                continue;
            }
            Some(Answer::No(evidence)) => evidence.words.as_str(),
            Some(Answer::NotKnown(why)) => {
                perhaps += 1;
                why.words().as_str()
            }
            None => {
                perhaps += 1;
                "was not asked"
            }
        };
        words.push(format!("operator {id}: {why}"));
    }
    if words.is_empty() {
        return Check::pass(NAME, "every operator answers");
    }
    let mut words = words.join("; ");
    let needed = match quorum {
        Quorum::All => participants.len(),
        Quorum::AtLeast(needed) => {
            let all = participants.len();
            words = format!("{there} of {all} answer, {needed} are needed; {words}");
            needed
        }
    };
    let status = if there >= needed {
        CheckStatus::Pass
    } else if there + perhaps >= needed {
        CheckStatus::Unknown
    } else {
        CheckStatus::Fail
    };
    Check::new(NAME, status, words)
}

/// A node that reports no version (an unstamped build does) is unknown, not wrong. Who may be missing is not asked for a
/// version while missing.
fn versions(
    can: &CeremonyCapabilities,
    participants: &[OperatorId],
    health: &BTreeMap<OperatorId, OperatorHealth>,
    quorum: Quorum,
) -> Check {
    const NAME: &str = "operator-versions";
    let Some(oldest) = can.oldest_release else {
        return Check::pass(NAME, format!("every release of {} can take part", can.title));
    };
    let mut status = CheckStatus::Pass;
    let mut words = Vec::new();
    let judged = participants
        .iter()
        .filter(|id| quorum == Quorum::All || reachable(health, **id));
    for id in judged {
        let version = health.get(id).map_or("", |h| h.version());
        match can.judge_release(version) {
            ReleaseVerdict::Fine => {}
            ReleaseVerdict::TooOld => {
                status = CheckStatus::Fail;
                words.push(format!("operator {id} has {}", older(version, oldest)));
            }
            ReleaseVerdict::Untold => {
                status = status.min(CheckStatus::Unknown);
                words.push(format!("operator {id} does not tell its version"));
            }
        }
    }
    let reason = if words.is_empty() {
        match quorum {
            Quorum::All => format!("every operator has {oldest} or newer"),
            Quorum::AtLeast(_) => format!("every operator that answers has {oldest} or newer"),
        }
    } else {
        words.join("; ")
    };
    Check::new(NAME, status, reason)
}

/// One line an operator: id, name, endpoint.
pub(super) fn fact(from: &Committees, label: &str, ids: &[OperatorId]) -> Vec<Fact> {
    let directory = &from.directory;
    ids.iter()
        .enumerate()
        .map(|(n, id)| {
            let words = match directory.get(id) {
                Some(o) if o.name.as_str().is_empty() => format!("{id}"),
                Some(o) => format!("{id} ({})", o.name),
                None => format!("{id} (not configured)"),
            };
            Fact::new(if n == 0 { label } else { "" }, FactKind::Text, words)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::dkg::rockx::backend::capabilities as rockx;
    use crate::ports::fakes::FakeCeremonies;
    use crate::ports::{Presence, Release};

    #[test]
    fn whoever_is_not_registered_yet_is_waited_for() {
        let committee: Vec<_> = (1..=4).map(OperatorId).collect();
        let status = |unregistered: Answer<Vec<OperatorId>>, quorum| {
            registration(&committee, &unregistered, quorum).status
        };
        let away = |ids: &[u64]| Answer::Yes(ids.iter().copied().map(OperatorId).collect());
        assert_eq!(status(away(&[]), Quorum::All), CheckStatus::Pass);
        assert_eq!(
            status(away(&[9]), Quorum::All),
            CheckStatus::Pass,
            "of no part in it"
        );
        assert_eq!(status(away(&[2]), Quorum::All), CheckStatus::Unknown);
        assert_eq!(status(away(&[2]), Quorum::AtLeast(3)), CheckStatus::Pass);
        assert_eq!(status(away(&[2, 3]), Quorum::AtLeast(3)), CheckStatus::Unknown);
        let silent = Answer::not_known("no answer within 10 s");
        assert_eq!(status(silent, Quorum::AtLeast(3)), CheckStatus::Unknown);
    }

    fn health(silent: &[u64], nobody: &[u64]) -> BTreeMap<OperatorId, OperatorHealth> {
        (1..=4)
            .map(|n| {
                let answers = if silent.contains(&n) {
                    Answer::not_known("no answer within 10 s")
                } else if nobody.contains(&n) {
                    Answer::no("not in the directory")
                } else {
                    Answer::Yes(Presence {
                        version: Some("0.2.13".into()),
                        latency: Duration::ZERO,
                    })
                };
                let id = OperatorId(n);
                (id, OperatorHealth { id, answers })
            })
            .collect()
    }

    #[test]
    fn a_signature_can_do_without_some_and_a_key_generation_without_none() {
        use CheckStatus::{Fail, Pass, Unknown};
        let everybody = [1, 2, 3, 4].map(OperatorId);
        let three = Quorum::AtLeast(3);
        // who is silent, who is not there, for everybody, for three
        let table: [(&[u64], &[u64], CheckStatus, CheckStatus); 7] = [
            (&[], &[], Pass, Pass),
            (&[2], &[], Unknown, Pass),
            (&[2, 4], &[], Unknown, Unknown),
            (&[1, 2, 3, 4], &[], Unknown, Unknown),
            (&[], &[2], Fail, Pass),
            (&[4], &[2], Fail, Unknown),
            (&[], &[2, 4], Fail, Fail),
        ];
        for (silent, nobody, all, some) in table {
            let health = health(silent, nobody);
            let status = |quorum| attendance(&everybody, &health, quorum).status;
            assert_eq!(status(Quorum::All), all, "{silent:?} {nobody:?}");
            assert_eq!(status(three), some, "{silent:?} {nobody:?}");
        }
        assert_eq!(attendance(&everybody, &BTreeMap::new(), three).status, Unknown);
        let said = attendance(&everybody, &health(&[2], &[]), three);
        assert_eq!(
            said.reason.as_str(),
            "3 of 4 answer, 3 are needed; operator 2: no answer within 10 s"
        );
        let version = |quorum| versions(&rockx(), &everybody, &health(&[2], &[]), quorum).status;
        assert_eq!(version(Quorum::All), Unknown);
        assert_eq!(version(three), Pass);
    }

    #[test]
    fn what_a_committee_must_be_is_what_its_backend_says() {
        let fake = FakeCeremonies {
            refuses: Some("not today".into()),
            ..FakeCeremonies::default()
        };
        let words = |check: Check| (check.status, check.reason.to_string());
        let fail = |text: &str| (CheckStatus::Fail, text.to_owned());
        let can = fake.capabilities();
        assert_eq!(
            words(size(&rockx(), 5)),
            fail("5 operators; RockX knows 4, 7, 10 and 13")
        );
        assert_eq!(words(size(can, 4)), fail("4 operators; Fake knows 3"));
        assert_eq!(size(can, 3).reason.as_str(), "3 operators, threshold 2");
        let plan = CeremonyPlan::Sign {
            validator: Default::default(),
            committee: [1, 2, 3].map(OperatorId).to_vec(),
            threshold: 2,
            signing_root: Default::default(),
            what: crate::types::SignPurpose::VoluntaryExit {
                validator_index: 1,
                epoch: 1,
            },
            share_public_keys: BTreeMap::new(),
        };
        assert_eq!(words(accepted(can, fake.accepts(&plan))), fail("not today"));
    }

    #[test]
    fn the_oldest_release_is_what_its_backend_says() {
        let everybody = [1, 2, 3, 4].map(OperatorId);
        let mut can = rockx();
        can.oldest_release = Some(Release(3, 1, 0));
        let old = versions(&can, &everybody[..1], &health(&[], &[]), Quorum::All);
        assert_eq!(
            (old.status, old.reason.as_str()),
            (CheckStatus::Fail, "operator 1 has 0.2.13, older than 3.1.0")
        );
        can.oldest_release = None;
        let any = versions(&can, &everybody, &health(&[], &[]), Quorum::All);
        assert_eq!(any.status, CheckStatus::Pass);
    }
}
