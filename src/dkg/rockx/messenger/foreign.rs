//! Ceremonies of others: somebody who is no initiator of ours had operators take part in one. Whether they did is told by
//! their signatures, never by whoever made the topic.

use std::collections::{BTreeSet, HashSet};
use std::net::IpAddr;
use std::sync::Arc;

use super::MessengerHandle;
use super::hub::Hub;
use super::topic::{Origin, Topic};
use crate::log_limit::LogLimit;
use crate::types::{OperatorId, RequestId};

static SEEN: LogLimit = LogLimit::usual();

/// One that neither the initiator of this process nor a configured one began.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForeignCeremony {
    /// Its topic.
    pub id: RequestId,
    /// From where the topic was made.
    pub from: IpAddr,
    /// Those who signed messages of it: of the operators that the messenger's configuration names, where it names any.
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
        let hub = &self.0;
        let state = hub.lock();
        let mut found: Vec<_> = state.topics.values().filter_map(|topic| of(hub, topic)).collect();
        found.sort_by_key(|ceremony| ceremony.id);
        found
    }
}

/// Tells once of each ceremony of others, in the log and by a counter: nobody else does where no oracle is in the process.
#[derive(Debug)]
pub(super) struct Lookout {
    looks: Onlooker,
    told: HashSet<RequestId>,
}

impl Lookout {
    /// Of those that it finds there an earlier process has told.
    pub(super) fn new(hub: &Arc<Hub>) -> Self {
        let looks = Onlooker(Arc::clone(hub));
        let told = looks.foreign().into_iter().map(|ceremony| ceremony.id).collect();
        Self { looks, told }
    }

    pub(super) fn look(&mut self) {
        let hub = &self.looks.0;
        let found = self.looks.foreign();
        for ceremony in found.iter().filter(|ceremony| !self.told.contains(&ceremony.id)) {
            hub.metrics.foreign_ceremonies.add_one();
            let Some(left_out) = SEEN.line() else {
                continue;
            };
            let operators: Vec<_> = ceremony.operators.iter().map(ToString::to_string).collect();
            let (topic, from, operators) = (ceremony.id, ceremony.from, operators.join(", "));
            let ours = match hub.knows_an_initiator() {
                true => "none of those that are configured",
                false => "no [[messenger.initiator]] is configured, so whose it is cannot be told",
            };
            tracing::warn!(target: "messenger", %topic, %from, %operators, left_out,
                "operators take part in a ceremony whose initiator is not known here: {ours}");
        }
        self.told = found.into_iter().map(|ceremony| ceremony.id).collect();
    }
}

fn of(hub: &Hub, topic: &Topic) -> Option<ForeignCeremony> {
    // where from a topic of an earlier version was made is not known: it may be ours
    let Origin::Guest(Some(from)) = topic.origin else {
        return None;
    };
    // a stranger is an operator of its own making, where it takes no more than a key
    let is_ours = |id: &OperatorId| hub.named.is_empty() || hub.named.has(*id);
    let operators: BTreeSet<_> = topic.signers().filter(is_ours).collect();
    (!operators.is_empty()).then_some(ForeignCeremony {
        id: topic.id,
        from,
        operators,
    })
}
