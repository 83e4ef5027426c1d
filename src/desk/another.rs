//! Another committee than those that were given up for this case, with their keys where they had made one.

use super::proposal::list;
use crate::oracle::CommitteeRequirements;
use crate::types::{Check, OperatorId};

/// `ranked` has everybody, the best first. The committee, or the one nearest to it whose key was not given up: the member
/// that ranks last makes room for the best of the others. The same, where there is no other.
pub(super) fn choose(
    ranked: &[OperatorId],
    committee: Vec<OperatorId>,
    spent: &[Vec<OperatorId>],
) -> Vec<OperatorId> {
    if !spent.contains(&committee) {
        return committee;
    }
    let (members, others): (Vec<OperatorId>, Vec<_>) = ranked.iter().partition(|id| committee.contains(id));
    for leaves in members.iter().rev() {
        for joins in &others {
            let stay = committee.iter().filter(|id| *id != leaves);
            let mut other: Vec<_> = stay.chain([joins]).copied().collect();
            other.sort_unstable();
            if !spent.contains(&other) {
                return other;
            }
        }
    }
    committee
}

/// The committee of which nobody is among those that made earlier attempts fail, as far as there are others.
pub(super) fn without(
    ranked: &[OperatorId],
    committee: Vec<OperatorId>,
    avoid: &[OperatorId],
) -> Vec<OperatorId> {
    let mut others = ranked
        .iter()
        .filter(|id| !committee.contains(id) && !avoid.contains(id));
    let one = |id: &OperatorId| match avoid.contains(id) {
        true => others.next().copied().unwrap_or(*id),
        false => *id,
    };
    let mut rest: Vec<_> = committee.iter().map(one).collect();
    rest.sort_unstable();
    rest
}

/// Whether a committee that took the place of another one stays proposed: latencies move, and what was shown must not.
pub(super) fn stands(committee: &Vec<OperatorId>, wanted: &CommitteeRequirements) -> bool {
    !wanted.spent.contains(committee) && !committee.iter().any(|id| wanted.avoid.contains(id))
}

/// Whether these operators made a key before that was given up. SSV may refuse their next one for the same reason, which
/// nobody can tell from here: so it is unknown, and a person or a rule that allows it decides.
pub(super) fn check(committee: &[OperatorId], spent: &[Vec<OperatorId>]) -> Option<Check> {
    const NAME: &str = "another-committee";
    let before = spent.last()?;
    Some(if spent.iter().any(|spent| spent == committee) {
        Check::unknown(
            NAME,
            format!(
                "a key of operators {} was given up for this pool: choose others, or what stood against it comes back",
                list(committee)
            ),
        )
    } else {
        Check::pass(
            NAME,
            format!("not operators {}, whose key was given up", list(before)),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::CheckStatus;

    fn ids<const N: usize>(ids: [u64; N]) -> Vec<OperatorId> {
        ids.map(OperatorId).to_vec()
    }

    #[test]
    fn the_last_makes_room_for_the_best_of_the_others() {
        let ranked = ids([3, 1, 2, 4, 6, 5]);
        let committee = ids([1, 2, 3, 4]);
        let none: &[Vec<OperatorId>] = &[];
        assert_eq!(choose(&ranked, committee.clone(), none), committee);
        let mut spent = vec![committee.clone()];
        assert_eq!(choose(&ranked, committee.clone(), &spent), ids([1, 2, 3, 6]));
        spent.push(ids([1, 2, 3, 6]));
        assert_eq!(choose(&ranked, committee.clone(), &spent), ids([1, 2, 3, 5]));
        spent.push(ids([1, 2, 3, 5]));
        assert_eq!(choose(&ranked, committee, &spent), ids([1, 3, 4, 6]));
    }

    #[test]
    fn whoever_made_an_attempt_fail_makes_room_as_far_as_there_are_others() {
        let (ranked, committee) = (ids([1, 2, 5, 6, 3, 4]), ids([1, 2, 3, 4]));
        assert_eq!(without(&ranked, committee.clone(), &[]), committee);
        assert_eq!(without(&ranked, committee.clone(), &ids([3])), ids([1, 2, 4, 5]));
        assert_eq!(
            without(&ranked, committee.clone(), &ids([3, 4])),
            ids([1, 2, 5, 6])
        );
        assert_eq!(
            without(&ids([1, 2, 3, 4]), committee.clone(), &ids([3])),
            committee,
            "nobody else"
        );
        let wanted = CommitteeRequirements {
            spent: vec![committee.clone()],
            avoid: ids([3]),
            ..CommitteeRequirements::default()
        };
        assert!(stands(&ids([1, 2, 4, 5]), &wanted));
        assert!(!stands(&committee, &wanted) && !stands(&ids([1, 2, 3, 5]), &wanted));
    }

    #[test]
    fn where_there_is_nobody_else_it_is_said() {
        let committee = ids([1, 2, 3, 4]);
        let spent = [committee.clone()];
        assert_eq!(choose(&ids([1, 2, 3, 4]), committee.clone(), &spent), committee);
        let status = |committee: &[OperatorId], spent| check(committee, spent).map(|c| c.status);
        assert_eq!(status(&committee, &[]), None);
        assert_eq!(status(&committee, &spent), Some(CheckStatus::Unknown));
        assert_eq!(status(&ids([1, 2, 3, 5]), &spent), Some(CheckStatus::Pass));
    }
}
