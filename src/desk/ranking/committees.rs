//! Who serves: the committee of a new key, the one that a key is handed to, and the holders that deal.

use super::Candidate;
use crate::types::OperatorId;

/// The best `size` for a new key, ascending; the standing committee as long as all of it are fit, or nobody else is.
pub(in crate::desk) fn choose(
    ranked: &[Candidate],
    size: usize,
    standing: Option<&[OperatorId]>,
) -> Vec<OperatorId> {
    let mut committee = match standing.filter(|ids| ids.len() == size && keeps(ranked, ids)) {
        Some(ids) => ids.to_vec(),
        None => ranked.iter().take(size).map(|c| c.id).collect(),
    };
    committee.sort_unstable();
    committee
}

/// The committee to hand a key to, ascending, and why. Who is unfit leaves for the best that are fit; if everybody is
/// well, the last of the present members makes room for the best of the others, so that a request to change the group
/// changes it. With nobody to join, an unfit member stays, and its checks show it.
///
/// `leaving`, whom the contract wants out, is never in it: rather somebody unfit takes the place, and then it is smaller.
pub(in crate::desk) fn replace(
    ranked: &[Candidate],
    holders: &[OperatorId],
    standing: Option<&[OperatorId]>,
    leaving: Option<OperatorId>,
) -> (Vec<OperatorId>, String) {
    let may_serve = ranked.iter().filter(|c| Some(c.id) != leaving);
    let (present, others): (Vec<&Candidate>, Vec<_>) = may_serve.partition(|c| holders.contains(&c.id));
    let (fit, unfit): (Vec<&Candidate>, Vec<_>) = present.iter().partition(|c| c.is_fit());
    let (fresh, last): (Vec<&Candidate>, Vec<_>) = others.iter().partition(|c| c.is_fit());
    let makes_room = leaving.is_some_and(|id| holders.contains(&id));
    let kept = standing.filter(|ids| {
        // somebody who could take an unfit member's place is worth another look
        ids.len() == holders.len()
            && leaving.is_none_or(|id| !ids.contains(&id))
            && (stands(ranked, ids) || fresh.iter().all(|c| ids.contains(&c.id)))
    });
    let mut new: Vec<OperatorId> = match kept {
        Some(ids) => ids.to_vec(),
        None => {
            let stay = if unfit.is_empty() && !fresh.is_empty() && !makes_room {
                fit.len() - 1
            } else {
                fit.len()
            };
            let best = fit.iter().take(stay).map(|c| c.id);
            best.chain(fresh.iter().map(|c| c.id))
                .chain(unfit.iter().map(|c| c.id))
                .chain(last.iter().map(|c| c.id).filter(|_| makes_room))
                .take(holders.len())
                .collect()
        }
    };
    new.sort_unstable();
    if let Some(operator) = leaving.filter(|_| makes_room) {
        let rest = match unfit.is_empty() {
            true => "the others stay",
            false => "and who is not well leaves as far as others can take the places",
        };
        return (
            new,
            format!("the contract asks for operator {operator} to leave; {rest}"),
        );
    }
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

/// Exactly the old threshold of present holders, ascending: the best, those that stay before those that leave. The standing
/// ones as long as all of them are fit, or no other holder is: they are part of what is approved, and how fast one of them
/// answers is up to it.
pub(in crate::desk) fn dealers(
    ranked: &[Candidate],
    holders: &[OperatorId],
    new: &[OperatorId],
    threshold: usize,
    standing: Option<&[OperatorId]>,
) -> Vec<OperatorId> {
    let present = ranked.iter().filter(|c| holders.contains(&c.id));
    let mut present: Vec<Candidate> = present.cloned().collect();
    if let Some(standing) = standing.filter(|ids| ids.len() == threshold && keeps(&present, ids)) {
        return standing.to_vec();
    }
    // stable: the ranking decides within each group
    present.sort_by_key(|c| (!c.is_fit(), !new.contains(&c.id)));
    let mut dealers: Vec<_> = present.iter().take(threshold).map(|c| c.id).collect();
    dealers.sort_unstable();
    dealers
}

/// Whether those who stand stay: all are fit, or nobody who is could take the place of one that is not.
fn keeps(ranked: &[Candidate], ids: &[OperatorId]) -> bool {
    let is_known = |id: &OperatorId| ranked.iter().any(|c| c.id == *id);
    let nobody_else = { ranked.iter() }.all(|c| !c.is_fit() || ids.contains(&c.id));
    stands(ranked, ids) || nobody_else && ids.iter().all(is_known)
}

fn stands(ranked: &[Candidate], ids: &[OperatorId]) -> bool {
    ids.iter()
        .all(|id| ranked.iter().any(|c| c.id == *id && c.is_fit()))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::fixture::{crew, ids};
    use super::super::ranked;
    use super::*;

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
        let (new, why) = replace(&ranked(all.clone()), &ids(&[1, 2, 3, 4]), None, None);
        assert_eq!(new, ids(&[1, 2, 4, 6]), "{why}");
        // it joins a standing committee only once somebody can take a place there
        let standing = ids(&[1, 2, 3, 4]);
        assert_eq!(replace(&ranked(all), &standing, Some(&standing), None).0, new);
    }

    #[test]
    fn without_a_reason_the_last_makes_room_and_without_others_shares_are_refreshed() {
        let holders = ids(&[1, 2, 3, 4]);
        assert_eq!(
            replace(&crew(&[1, 2, 3, 4, 5]), &holders, None, None).0,
            ids(&[1, 2, 3, 5])
        );
        let mut burdened = crew(&[1, 2, 3, 4, 5]);
        burdened[1].track.holds = 9;
        let burdened = ranked(burdened);
        assert_eq!(
            replace(&burdened, &holders, None, None).0,
            ids(&[1, 3, 4, 5]),
            "2 holds the most"
        );
        let standing = ids(&[1, 2, 3, 5]);
        assert_eq!(replace(&burdened, &holders, Some(&standing), None).0, standing);
        assert_eq!(replace(&crew(&[1, 2, 3, 4]), &holders, None, None).0, holders);
        let mut alone = crew(&[1, 2, 3, 4]);
        alone[3].reachable = false;
        assert_eq!(
            replace(&ranked(alone), &holders, None, None).0,
            holders,
            "nobody can come"
        );
    }

    #[test]
    fn whom_the_contract_wants_out_leaves_however_well_it_ranks() {
        let holders = ids(&[1, 2, 3, 4]);
        let out = Some(OperatorId(1));
        let all = crew(&[1, 2, 3, 4, 5, 6]);
        let (new, why) = replace(&all, &holders, None, out);
        assert_eq!(new, ids(&[2, 3, 4, 5]), "the others stay: {why}");
        assert!(why.contains("the contract asks for operator 1 to leave"), "{why}");
        // a committee that was proposed before the contract named anybody
        assert_eq!(replace(&all, &holders, Some(&holders), out).0, new);
        let standing = ids(&[2, 3, 4, 6]);
        assert_eq!(replace(&all, &holders, Some(&standing), out).0, standing);
        // nobody well can come: somebody who is not, and its checks show it
        let mut unfit = crew(&[1, 2, 3, 4, 5]);
        unfit[4].reachable = false;
        assert_eq!(replace(&ranked(unfit), &holders, None, out).0, new);
        // somebody of the committee is not well either
        let mut unfit = crew(&[1, 2, 3, 4, 5, 6]);
        unfit[1].reachable = false;
        let unfit = ranked(unfit);
        assert_eq!(replace(&unfit, &holders, None, out).0, ids(&[3, 4, 5, 6]));
        assert_eq!(
            replace(&crew(&[1, 2, 3, 4]), &holders, None, out).0,
            ids(&[2, 3, 4])
        );
    }

    #[test]
    fn the_best_deal_and_those_that_stay_before_those_that_leave() {
        let holders = ids(&[1, 2, 3, 4]);
        let new = ids(&[2, 3, 4, 5]);
        assert_eq!(
            dealers(&crew(&[1, 2, 3, 4, 5]), &holders, &new, 3, None),
            ids(&[2, 3, 4])
        );
        let mut all = crew(&[1, 2, 3, 4, 5]);
        all[2].reachable = false;
        assert_eq!(
            dealers(&ranked(all), &holders, &new, 3, None),
            ids(&[1, 2, 4]),
            "3 cannot deal"
        );
    }

    /// One that answers faster and slower by turns, or not at all, would have everybody look at another ceremony each time.
    #[test]
    fn who_deals_stays_while_all_are_fit_or_nobody_else_is() {
        let (holders, new) = (ids(&[1, 2, 3, 4]), ids(&[1, 2, 3, 5]));
        let look = |ms: [u64; 4], down: &[u64], standing: Option<&[OperatorId]>| {
            let mut all = crew(&[1, 2, 3, 4, 5]);
            for c in &mut all {
                let ms = ms.get(usize::try_from(c.id.0).unwrap() - 1);
                c.latency = ms.map(|ms| Duration::from_millis(*ms));
                c.reachable = !down.contains(&c.id.0);
            }
            dealers(&ranked(all), &holders, &new, 2, standing)
        };
        let (fast, slow) = ([900, 1_100, 1_100, 1_100], [1_100, 900, 900, 1_100]);
        let first = look(fast, &[], None);
        assert_eq!(first, ids(&[1, 2]));
        assert_eq!(look(slow, &[], None), ids(&[2, 3]), "by speed alone");
        for speed in [slow, fast, slow] {
            assert_eq!(look(speed, &[], Some(&first)), first);
        }
        // somebody well takes the place of who is not, and keeps it
        let second = look(fast, &[1], Some(&first));
        assert_eq!(second, ids(&[2, 3]));
        assert_eq!(look(fast, &[], Some(&second)), second);
        // nobody could: who comes and goes changes nothing
        for down in [&[1, 3, 4][..], &[2, 3, 4], &[3, 4], &[1, 2, 3, 4]] {
            assert_eq!(look(fast, down, Some(&first)), first, "{down:?}");
        }
        // of another number, or somebody who holds no share
        for standing in [&[1][..], &[1, 5]] {
            assert_eq!(look(fast, &[], Some(&ids(standing))), first, "{standing:?}");
        }
    }

    #[test]
    fn a_new_committee_stays_while_nobody_could_take_a_place_in_it() {
        let standing = ids(&[1, 2, 3, 4]);
        for down in [&[4, 5][..], &[5], &[3, 4, 5]] {
            let mut all = crew(&[1, 2, 3, 4, 5]);
            for c in &mut all {
                c.reachable = !down.contains(&c.id.0);
                // the best of those that are down, where it counts
                c.track.holds = u32::from(c.id.0 == 4);
            }
            assert_eq!(choose(&ranked(all), 4, Some(&standing)), standing, "{down:?}");
        }
    }
}
