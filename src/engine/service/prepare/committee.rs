//! Which operators: chosen by configuration, health and history, or by a person.

use std::collections::BTreeMap;

use crate::config::SelectionRule;
use crate::dkg::rockx::initiator::{MessengerHealth, OperatorHealth};
use crate::dkg::rockx::keys::OperatorPublicKey;
use crate::engine::service::outside::Shared;
use crate::oracle::{Fact, FactKind};
use crate::types::{Check, CheckStatus, OperatorId, threshold_for};

/// The oldest release whose messages this program understands; earlier ones sign in another domain.
const VERSION_FLOOR: (u32, u32, u32) = (0, 2, 7);

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

/// The committee of a key generation, and what everybody who might have been in it answered.
pub(super) async fn select(
    outside: &Shared,
    chosen: Option<Vec<OperatorId>>,
    avoid: &[OperatorId],
) -> (Vec<OperatorId>, Asked) {
    let (mut committee, size) = match (chosen, &outside.config.selection.rule) {
        (Some(ids), _) => (ids, None),
        (None, SelectionRule::Fixed(ids)) => (ids.clone(), None),
        (None, SelectionRule::Choose { from, size }) => (from.clone(), Some(*size)),
    };
    let asked = ask(outside, &committee).await;
    if let Some(size) = size {
        // reachable before not, without a failure in this case before with, then by id: the same at every look
        committee.sort_by_key(|id| (!reachable(&asked.health, *id), avoid.contains(id), *id));
        committee.truncate(size);
    }
    committee.sort_unstable();
    (committee, asked)
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
            .map(|v| v.as_str().to_owned())
            .unwrap_or_default();
        match parse_version(&version) {
            Some(v) if v >= VERSION_FLOOR => {}
            Some(_) => {
                status = CheckStatus::Fail;
                words.push(format!("operator {id} has {version}, older than 0.2.7"));
            }
            None => {
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

fn parse_version(text: &str) -> Option<(u32, u32, u32)> {
    let text = text.trim().trim_start_matches('v');
    let text = text.split(['-', '+']).next()?;
    let mut parts = text.split('.').map(str::parse);
    Some((parts.next()?.ok()?, parts.next()?.ok()?, parts.next()?.ok()?))
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

    #[test]
    fn versions_are_read_and_compared() {
        assert_eq!(parse_version("0.2.13"), Some((0, 2, 13)));
        assert_eq!(parse_version("v0.2.7-rc1"), Some((0, 2, 7)));
        assert_eq!(parse_version(""), None);
        assert!(
            parse_version("0.2.6").unwrap() < VERSION_FLOOR
                && parse_version("0.2.13").unwrap() > VERSION_FLOOR
        );
    }
}
