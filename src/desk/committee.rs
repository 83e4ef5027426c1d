//! Which operators: chosen by configuration, health and history, or by a person. `checks` judges whom it came to.

mod checks;
mod versions;

use std::collections::BTreeMap;
use std::sync::Arc;

use super::another;
use super::ranking::{self, Candidate};
use crate::config::SelectionRule;
use crate::oracle::{CommitteeRequirements, Fact, FactKind};
use crate::ports::{Answer, Ceremonies, OperatorHealth, RelayHealth};
use crate::types::{OperatorId, OperatorRecord, Parties};

pub(super) use checks::{Quorum, checks};

/// What committees are chosen from and judged by.
#[derive(Debug, Clone)]
pub(super) struct Committees {
    pub(super) ceremonies: Arc<dyn Ceremonies>,
    /// Every operator that is configured.
    pub(super) directory: Arc<BTreeMap<OperatorId, OperatorRecord>>,
    /// Who may be in a committee that nobody chose.
    pub(super) selection: SelectionRule,
    /// The contract that ceremonies are held for, on its chain, and the key of everybody who is configured.
    pub(super) all: Parties,
}

impl Committees {
    /// These operators, and whom they work for.
    pub(super) fn parties(&self, participants: &[OperatorId]) -> Parties {
        let mut parties = self.all.clone();
        parties.keys.retain(|id, _| participants.contains(id));
        parties
    }
}

/// What operators and whatever relays between them answered. They are asked once a preparation, so that the choice and its checks rest on
/// the same answers.
pub(super) struct OperatorReplies {
    /// By operator: everybody who was asked, reachable or not.
    pub(super) health: BTreeMap<OperatorId, OperatorHealth>,
    relay: Option<RelayHealth>,
    /// Whom the relay does not know.
    unregistered: Option<Answer<Vec<OperatorId>>>,
}

/// Asks these operators, and whatever relays between them, how they are.
pub(super) async fn ask(from: &Committees, ids: &[OperatorId]) -> OperatorReplies {
    let ceremonies = &from.ceremonies;
    let (health, relay, unregistered) = tokio::join!(
        ceremonies.operators(ids),
        ceremonies.relay(),
        ceremonies.unregistered(ids)
    );
    OperatorReplies {
        health: health.into_iter().map(|h| (h.id, h)).collect(),
        relay,
        unregistered,
    }
}

/// Operators that are shown beside those that are in question, best first.
const SHOWN: usize = 6;

/// The committee of a key generation, everybody who might have been in it, ranked, and what they answered.
pub(super) async fn select(
    from: &Committees,
    wanted: &CommitteeRequirements,
) -> (Vec<OperatorId>, Vec<Candidate>, OperatorReplies) {
    let (ids, size) = match &from.selection {
        SelectionRule::Fixed(ids) => (ids, None),
        SelectionRule::Choose { from, size } => (from, Some(*size)),
    };
    // whoever is configured may take the place of one of a fixed committee that was given up
    let makes_room = size.is_none() && wanted.spent.contains(ids);
    let others = from.directory.keys().filter(|_| makes_room);
    let mut everybody: Vec<_> = ids
        .iter()
        .chain(wanted.chosen.iter().flatten())
        .chain(others)
        .copied()
        .collect();
    everybody.sort_unstable();
    everybody.dedup();
    let asked = ask(from, &everybody).await;
    let standing = wanted.standing.as_deref().unwrap_or_default();
    let ranked = rank(from, &everybody, &asked, wanted, standing);
    let mut committee = match (&wanted.chosen, size) {
        (Some(chosen), _) => chosen.clone(),
        (None, None) if makes_room => {
            let stands = wanted
                .standing
                .as_ref()
                .filter(|ids| another::stands(ids, wanted));
            let (order, ids) = (order(&ranked), ids.clone());
            stands.cloned().unwrap_or_else(|| {
                another::choose(
                    &order,
                    another::without(&order, ids, &wanted.avoid),
                    &wanted.spent,
                )
            })
        }
        (None, None) => ids.clone(),
        (None, Some(size)) => {
            let best = ranking::choose(&ranked, size, wanted.standing.as_deref());
            another::choose(&order(&ranked), best, &wanted.spent)
        }
    };
    committee.sort_unstable();
    (committee, ranked, asked)
}

fn order(ranked: &[Candidate]) -> Vec<OperatorId> {
    ranked.iter().map(|candidate| candidate.id).collect()
}

/// These operators by everything that is known of them, the best first. `before`: who would be in it anyway.
pub(super) fn rank(
    from: &Committees,
    ids: &[OperatorId],
    asked: &OperatorReplies,
    wanted: &CommitteeRequirements,
    before: &[OperatorId],
) -> Vec<Candidate> {
    let directory = &from.directory;
    let name = |id| directory.get(&id).map(|o| o.name.clone()).unwrap_or_default();
    let can = from.ceremonies.capabilities();
    let ranked = ranking::rank(can, ids, name, &asked.health, &wanted.avoid, &wanted.tracks);
    ranking::of_one_release(can, ranked, before)
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
    use alloy::primitives::Address;

    use super::*;
    use crate::ports::fakes::FakeCeremonies;
    use crate::types::SafeText;

    fn ids<const N: usize>(ids: [u64; N]) -> Vec<OperatorId> {
        ids.map(OperatorId).to_vec()
    }

    /// Operators 1 to 5, of whom 1, 2 and 3 are the committee.
    fn fixed() -> Committees {
        let record = |id| OperatorRecord {
            id,
            name: SafeText::default(),
            endpoint: "http://operator".to_owned(),
            public_key: String::new(),
        };
        let all = ids([1, 2, 3, 4, 5]).into_iter();
        Committees {
            ceremonies: Arc::new(FakeCeremonies::default()),
            directory: Arc::new(all.map(|id| (id, record(id))).collect()),
            selection: SelectionRule::Fixed(ids([1, 2, 3])),
            all: Parties {
                chain_id: 1,
                manager: Address::ZERO,
                keys: [1, 2, 3, 4]
                    .map(|id| (OperatorId(id), SafeText::from("key")))
                    .into(),
            },
        }
    }

    #[tokio::test]
    async fn others_take_the_places_of_a_fixed_committee_that_was_given_up_and_only_then() {
        let from = fixed();
        let chosen = async |spent: &[Vec<OperatorId>], avoid, standing| {
            let wanted = CommitteeRequirements {
                spent: spent.to_vec(),
                avoid,
                standing,
                ..CommitteeRequirements::default()
            };
            select(&from, &wanted).await.0
        };
        assert_eq!(chosen(&[], ids([3]), None).await, ids([1, 2, 3]));
        let spent = [ids([1, 2, 3])];
        assert_eq!(chosen(&spent, ids([3]), None).await, ids([1, 2, 4]));
        assert_eq!(chosen(&spent, ids([2, 3]), None).await, ids([1, 4, 5]));
        // what was proposed stays, and one that failed does not
        let before = Some(ids([1, 2, 5]));
        assert_eq!(chosen(&spent, ids([3]), before.clone()).await, ids([1, 2, 5]));
        assert_eq!(chosen(&spent, ids([3, 5]), before).await, ids([1, 2, 4]));
        // SSV refuses them, and it is not known for whom
        assert_eq!(chosen(&spent, Vec::new(), None).await.len(), 3);
        assert_ne!(chosen(&spent, Vec::new(), None).await, ids([1, 2, 3]));
    }
}
