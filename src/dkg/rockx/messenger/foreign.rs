//! Ceremonies of others: somebody who is no initiator of ours had operators take part in one. Whether they did is told by
//! their signatures, never by whoever made the topic.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use super::MessengerHandle;
use super::hub::Hub;
use super::topic::{Origin, Topic};
use crate::types::{OperatorId, RequestId};

/// One that neither the initiator of this process nor a configured one began.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForeignCeremony {
    /// Its topic.
    pub id: RequestId,
    /// From where the topic was made.
    pub from: IpAddr,
    /// Those who signed messages of it.
    pub operators: BTreeSet<OperatorId>,
}

/// Looks at a running messenger, from within its process.
#[derive(Debug, Clone)]
pub struct Onlooker(Arc<Hub>);

impl MessengerHandle {
    /// Looks at it for as long as anybody wants to.
    #[must_use]
    pub fn onlooker(&self) -> Onlooker {
        Onlooker(Arc::clone(&self.hub))
    }
}

impl Onlooker {
    /// The ceremonies of others that are kept here, as far as operators took part in them, by id.
    #[must_use]
    pub fn foreign(&self) -> Vec<ForeignCeremony> {
        let mut found: Vec<_> = self.0.lock().topics.values().filter_map(of).collect();
        found.sort_by_key(|ceremony| ceremony.id);
        found
    }
}

fn of(topic: &Topic) -> Option<ForeignCeremony> {
    // where from a topic of an earlier version was made is not known: it may be ours
    let Origin::Guest(Some(from)) = topic.origin else {
        return None;
    };
    let operators: BTreeSet<_> = topic.signers().collect();
    (!operators.is_empty()).then_some(ForeignCeremony {
        id: topic.id,
        from,
        operators,
    })
}
