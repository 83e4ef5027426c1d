//! Which operators: chosen by configuration, health and history, or by a person.

use std::collections::BTreeMap;

use crate::config::SelectionRule;
use crate::dkg::rockx::initiator::{MessengerHealth, OperatorHealth};
use crate::dkg::rockx::keys::OperatorPublicKey;
use crate::engine::service::outside::Shared;
use crate::engine::service::prepare::ranking::{self, Candidate, Version};
use crate::oracle::{Fact, FactKind, Wanted};
use crate::types::{Check, CheckStatus, OperatorId, threshold_for};

/// What operators and messenger answered. They are asked once a preparation, so that the choice and its checks rest on
/// the same answers.
pub(super) struct Asked {
    /// By operator: everybody who was asked, reachable or not.
    pub(super) health: BTreeMap<OperatorId, OperatorHealth>,
    messenger: MessengerHealth,
}

/// Asks these operators and the messenger how they are.
pub(super) async fn ask(outside: &Shared, ids: &[OperatorId]) -> Asked {
    let (health, messenger) = tokio::join!(
        outside.initiator.preflight(ids),
        outside.initiator.preflight_messenger()
    );
    Asked {
        health: health.into_iter().map(|h| (h.id, h)).collect(),
        messenger,
    }
}

/// Operators that are shown beside those that are in question, best first.
const SHOWN: usize = 6;

/// The committee of a key generation, everybody who might have been in it, ranked, and what they answered.
pub(super) async fn select(outside: &Shared, wanted: &Wanted) -> (Vec<OperatorId>, Vec<Candidate>, Asked) {
    let (ids, size) = match &outside.config.selection.rule {
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
    let asked = ask(outside, &everybody).await;
    let ranked = rank(outside, &everybody, &asked, wanted);
    let mut committee = match (&wanted.chosen, size) {
        (Some(chosen), _) => chosen.clone(),
        (None, None) => ids.clone(),
        (None, Some(size)) => ranking::choose(&ranked, size, wanted.standing.as_deref()),
    };
    committee.sort_unstable();
    (committee, ranked, asked)
}

/// These operators by everything that is known of them, the best first.
pub(super) fn rank(outside: &Shared, ids: &[OperatorId], asked: &Asked, wanted: &Wanted) -> Vec<Candidate> {
    let directory = &outside.config.operators.by_id;
    let name = |id| directory.get(&id).map(|o| o.name.clone()).unwrap_or_default();
    ranking::rank(ids, name, &asked.health, &wanted.avoid, &wanted.tracks)
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
    health.get(&id).is_some_and(|h| h.reachable)
}

/// How many of those who take part a ceremony can not do without.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Quorum {
    /// Key generations and reshares: one who is missing is missing for good.
    All,
    /// Threshold signatures: this many partial signatures are enough.
    AtLeast(usize),
}

/// Size, directory, keys, reachability and version of those who take part, and the messenger.
pub(super) fn checks(
    outside: &Shared,
    asked: &Asked,
    participants: &[OperatorId],
    committee: &[OperatorId],
    quorum: Quorum,
) -> Vec<Check> {
    let directory = &outside.config.operators.by_id;
    let Asked { health, messenger } = asked;
    let mut checks = vec![match threshold_for(committee.len()) {
        Some(t) => Check::pass(
            "committee-size",
            format!("{} operators, threshold {t}", committee.len()),
        ),
        None => Check::fail(
            "committee-size",
            format!("{} operators; RockX knows 4, 7, 10 and 13", committee.len()),
        ),
    }];
    let keys: Vec<String> = participants
        .iter()
        .filter_map(|id| match directory.get(id) {
            None => Some(format!("operator {id} is not configured")),
            Some(o) => OperatorPublicKey::parse(&o.public_key)
                .err()
                .map(|e| format!("operator {id}: {e}")),
        })
        .collect();
    checks.push(all_or(
        &keys,
        "operator-keys",
        "every operator has a valid RSA key",
    ));
    checks.push(attendance(participants, health, quorum));
    checks.push(versions(participants, health, quorum));
    checks.push(if messenger.reachable {
        Check::pass(
            "messenger-reachable",
            format!(
                "answers in {} ms",
                messenger.latency.unwrap_or_default().as_millis()
            ),
        )
    } else {
        Check::fail("messenger-reachable", messenger.note.as_str())
    });
    checks
}

fn all_or(problems: &[String], name: &str, fine: &str) -> Check {
    if problems.is_empty() {
        Check::pass(name, fine)
    } else {
        Check::fail(name, problems.join("; "))
    }
}

fn attendance(
    participants: &[OperatorId],
    health: &BTreeMap<OperatorId, OperatorHealth>,
    quorum: Quorum,
) -> Check {
    const NAME: &str = "operators-reachable";
    let down: Vec<String> = participants
        .iter()
        .filter(|id| !reachable(health, **id))
        .map(|id| {
            format!(
                "operator {id}: {}",
                health.get(id).map_or("was not asked", |h| h.note.as_str())
            )
        })
        .collect();
    match quorum {
        Quorum::AtLeast(needed) if !down.is_empty() => {
            let there = participants.len() - down.len();
            let words = format!(
                "{there} of {} answer, {needed} are needed; {}",
                participants.len(),
                down.join("; ")
            );
            Check::of(NAME, there >= needed, words)
        }
        _ => all_or(&down, NAME, "every operator answers"),
    }
}

/// A node that reports no version (an unstamped build does) is unknown, not wrong. Who may be missing is not asked for a
/// version while missing.
fn versions(
    participants: &[OperatorId],
    health: &BTreeMap<OperatorId, OperatorHealth>,
    quorum: Quorum,
) -> Check {
    const NAME: &str = "operator-versions";
    let mut status = CheckStatus::Pass;
    let mut words = Vec::new();
    let judged = participants
        .iter()
        .filter(|id| quorum == Quorum::All || reachable(health, **id));
    for id in judged {
        let version = health
            .get(id)
            .and_then(|h| h.version.as_ref())
            .map_or("", |v| v.as_str());
        match ranking::version(version) {
            Version::Fine => {}
            Version::TooOld => {
                status = CheckStatus::Fail;
                words.push(format!("operator {id} has {version}, older than 0.2.7"));
            }
            Version::Untold => {
                status = status.min(CheckStatus::Unknown);
                words.push(format!("operator {id} does not tell its version"));
            }
        }
    }
    let reason = if words.is_empty() {
        match quorum {
            Quorum::All => "every operator has 0.2.7 or newer".to_owned(),
            Quorum::AtLeast(_) => "every operator that answers has 0.2.7 or newer".to_owned(),
        }
    } else {
        words.join("; ")
    };
    Check::new(NAME, status, reason)
}

/// One line an operator: id, name, endpoint.
pub(super) fn fact(outside: &Shared, label: &str, ids: &[OperatorId]) -> Vec<Fact> {
    let directory = &outside.config.operators.by_id;
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
    use super::*;

    fn health(down: &[u64]) -> BTreeMap<OperatorId, OperatorHealth> {
        (1..=4)
            .map(|n| {
                let there = !down.contains(&n);
                let health = OperatorHealth {
                    id: OperatorId(n),
                    reachable: there,
                    version: there.then(|| "0.2.13".into()),
                    latency: None,
                    note: if there { "" } else { "refused" }.into(),
                };
                (OperatorId(n), health)
            })
            .collect()
    }

    #[test]
    fn a_signature_can_do_without_some_and_a_key_generation_without_none() {
        let everybody = [1, 2, 3, 4].map(OperatorId);
        let three = Quorum::AtLeast(3);
        let status = |down: &[u64], quorum| attendance(&everybody, &health(down), quorum).status;
        assert_eq!(status(&[], Quorum::All), CheckStatus::Pass);
        assert_eq!(status(&[2], Quorum::All), CheckStatus::Fail);
        assert_eq!(status(&[2], three), CheckStatus::Pass);
        assert_eq!(status(&[2, 4], three), CheckStatus::Fail);
        let said = attendance(&everybody, &health(&[2]), three);
        assert_eq!(
            said.reason.as_str(),
            "3 of 4 answer, 3 are needed; operator 2: refused"
        );
        let version = |quorum| versions(&everybody, &health(&[2]), quorum).status;
        assert_eq!(version(Quorum::All), CheckStatus::Unknown);
        assert_eq!(version(three), CheckStatus::Pass);
    }
}
