//! What can be done with a version of the manager and with a backend, by what they say of themselves. What this program
//! has no call for is refused with the reason before a key is made for it: a validator whose deposit nobody can send, or
//! whose committee nobody can report, is never begun.

use super::{later, refused};
use crate::oracle::Prepared;
use crate::ports::{
    CeremonyCapabilities, Clusters, Consent, Credentials, DepositOrder, PoolManager, RegistrationTime,
};
use crate::types::PoolId;

/// Whether deposits are made in the way that this program makes them: registering at once, with one cluster.
///
/// # Errors
/// Why not: the answer of the desk.
pub(super) fn deposits(manager: &dyn PoolManager) -> Result<(), Prepared> {
    no_deposits(manager).map_or(Ok(()), |why| Err(refused(why)))
}

/// Why no deposit is made with a version.
fn no_deposits(manager: &dyn PoolManager) -> Option<String> {
    let can = manager.capabilities();
    let lacking = match (can.registration, can.registration_clusters) {
        (RegistrationTime::WithDeposit, Clusters::One) => return None,
        (RegistrationTime::Later, _) => "registers validators by a later call of their own",
        (RegistrationTime::WithDeposit, Clusters::None | Clusters::Two) => {
            "does not take the cluster of the committee with a deposit"
        }
    };
    Some(format!(
        "{} {lacking}, and this program does not make such deposits",
        manager.name()
    ))
}

/// Everything that is not done with a version, each with its reason: said at a start, before anybody asks for it.
#[must_use]
pub fn not_done(manager: &dyn PoolManager) -> Vec<String> {
    let all = [no_deposits(manager), no_reshares(manager)];
    all.into_iter().flatten().collect()
}

/// The pool that the call of a deposit names; none where it serves the head of the queue.
pub(super) fn named(manager: &dyn PoolManager, pool: PoolId) -> Option<PoolId> {
    match manager.capabilities().deposit_order {
        DepositOrder::ById => Some(pool),
        DepositOrder::HeadOfQueue => None,
    }
}

/// How many are surely served before the pool that stands here in the contract's list.
pub(super) fn before(manager: &dyn PoolManager, position: Option<usize>) -> usize {
    match manager.capabilities().deposit_order {
        DepositOrder::HeadOfQueue => position.unwrap_or_default(),
        DepositOrder::ById => 0,
    }
}

/// Whether it is known already to whom the validator of a pool pays out, `before` others that are served first.
///
/// # Errors
/// Not yet: the answer of the desk.
pub(super) fn credentials(manager: &dyn PoolManager, pool: PoolId, before: usize) -> Result<(), Prepared> {
    match manager.capabilities().credentials {
        Credentials::OfPool if before > 0 => Err(later(format!(
            "the address of pool {pool}'s own contract, which its validator pays out to, is known when those before it \
             are deposited"
        ))),
        Credentials::OfPool | Credentials::OfManager => Ok(()),
    }
}

/// Whether the contract takes reshares in the way that this program sends them: without a cluster, because it tells SSV
/// nothing.
///
/// # Errors
/// Why not: the answer of the desk.
pub(super) fn reshares(manager: &dyn PoolManager) -> Result<(), Prepared> {
    no_reshares(manager).map_or(Ok(()), |why| Err(refused(why)))
}

fn no_reshares(manager: &dyn PoolManager) -> Option<String> {
    let name = manager.name();
    match manager.capabilities().reshares.map(|rules| rules.clusters) {
        Some(Clusters::None) => None,
        None => Some(format!("{name} takes no reshares")),
        Some(Clusters::One | Clusters::Two) => Some(format!(
            "{name} registers the new committee with SSV as it reshares, and this program does not send such reshares"
        )),
    }
}

/// Whether the backend can reshare without anything that nobody here has, and the contract can be told of it however long
/// that takes. What operators handed back is looked for in [`carried`](super::carried).
///
/// # Errors
/// Why not: the answer of the desk.
pub(super) fn handing_on(can: &CeremonyCapabilities) -> Result<(), Prepared> {
    match can.consent {
        Consent::Nobody => can.renews_registrations().map_err(|why| {
            refused(format!(
                "{why}: if SSV's nonce moved on behind a reshare, the contract could never be told who holds the key"
            ))
        }),
        // nobody signs for the owner: it is a contract
        Consent::OwnerSignature => Err(refused(format!(
            "{} reshares with the owner's signature only, and the owner is the manager contract",
            can.title
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::fakes::{FakeCeremonies, FakeManager};
    use crate::ports::{Ceremonies as _, PoolCapabilities, RegistrationSigning, Renewal};

    fn words(answer: Result<(), Prepared>) -> String {
        match answer {
            Ok(()) => String::new(),
            Err(Prepared::Refused(why)) => why.to_string(),
            Err(Prepared::Later { reason, .. }) => format!("later: {reason}"),
            Err(other) => panic!("{other:?}"),
        }
    }

    fn manager(change: impl FnOnce(&mut PoolCapabilities)) -> FakeManager {
        let mut manager = FakeManager::default();
        change(&mut manager.capabilities);
        manager
    }

    #[test]
    fn a_version_that_deposits_otherwise_is_refused_by_what_it_says_of_itself() {
        let said = |change: fn(&mut PoolCapabilities)| words(deposits(&manager(change)));
        assert_eq!(said(|_| {}), "");
        assert_eq!(said(|can| can.deposit_order = DepositOrder::ById), "");
        let by_id = said(|can| {
            can.deposit_order = DepositOrder::ById;
            can.registration = RegistrationTime::Later;
        });
        assert!(by_id.contains("later call"), "{by_id}");
        let later = said(|can| can.registration = RegistrationTime::Later);
        assert!(later.contains("later call"), "{later}");
        let two = said(|can| can.registration_clusters = Clusters::Two);
        assert!(two.contains("the cluster"), "{two}");
    }

    #[test]
    fn the_address_of_a_pools_own_contract_is_known_at_the_head_of_the_queue() {
        let own = manager(|can| can.credentials = Credentials::OfPool);
        assert_eq!(words(credentials(&own, PoolId(3), 0)), "");
        let second = words(credentials(&own, PoolId(3), 1));
        assert!(second.starts_with("later: the address of pool 3"), "{second}");
        assert_eq!(words(credentials(&manager(|_| {}), PoolId(3), 1)), "");
    }

    #[test]
    fn a_deposit_by_id_names_its_pool_and_counts_nobody_before_it() {
        let by_id = manager(|can| can.deposit_order = DepositOrder::ById);
        let queue = manager(|_| {});
        assert_eq!(named(&by_id, PoolId(3)), Some(PoolId(3)));
        assert_eq!(named(&queue, PoolId(3)), None);
        assert_eq!((before(&by_id, Some(2)), before(&queue, Some(2))), (0, 2));
    }

    #[test]
    fn a_start_says_everything_that_is_not_done_with_a_version() {
        assert_eq!(not_done(&manager(|_| {})), [""; 0]);
        let both = not_done(&manager(|can| {
            can.registration = RegistrationTime::Later;
            can.reshares = None;
        }));
        assert_eq!(both.len(), 2, "{both:?}");
        assert!(
            both[0].contains("later call") && both[1].contains("no reshares"),
            "{both:?}"
        );
    }

    #[test]
    fn reshares_that_reach_ssv_or_that_nobody_takes_are_refused() {
        let said = |change: fn(&mut PoolCapabilities)| words(reshares(&manager(change)));
        assert_eq!(said(|_| {}), "");
        let none = said(|can| can.reshares = None);
        assert!(none.ends_with("takes no reshares"), "{none}");
        let two = said(|can| {
            if let Some(rules) = &mut can.reshares {
                rules.clusters = Clusters::Two;
            }
        });
        assert!(two.contains("with SSV"), "{two}");
    }

    #[test]
    fn a_backend_that_wants_what_nobody_here_has_does_not_reshare() {
        let mut can = FakeCeremonies::default().capabilities().clone();
        assert!(words(handing_on(&can)).contains("the owner's signature"));
        can.consent = Consent::Nobody;
        assert_eq!(words(handing_on(&can)), "");
        can.registration = RegistrationSigning::Within {
            renewal: Renewal::Impossible,
        };
        assert!(words(handing_on(&can)).contains("never be told"));
        can.registration = RegistrationSigning::OwnCeremony;
        assert_eq!(words(handing_on(&can)), "");
    }
}
