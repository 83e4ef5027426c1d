//! The messenger's state and the operations on it. One lock, never held across an await; what must be durable is
//! noted under the lock, in order, and waited for after it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Semaphore, watch};

use secrecy::ExposeSecret as _;

use super::config::MessengerConfig;
use super::deliver::Deliverer;
use super::keys::Named;
use super::lists::List;
use super::message::{self, Message};
use super::metrics::{Gauges, Metrics};
use super::proof;
use super::registry::Registry;
use super::results::{Kept, Results};
use super::share::Shares;
use super::store::{Loaded, LoadedTopic, Store, Write};
use super::topic::{Member, Topic, wants};
use crate::listen::Gate;
use crate::monitor::Pulse;
use crate::types::{RequestId, UnixMillis};

/// Name of the registry, which looks like a topic from outside.
pub(super) const DEFAULT: &str = "default";

/// Everything that requests, workers and the janitor share.
#[derive(Debug)]
pub(super) struct Hub {
    pub(super) config: MessengerConfig,
    pub(super) store: Store,
    pub(super) deliverer: Deliverer,
    pub(super) metrics: Metrics,
    /// The operators that the configuration names.
    pub(super) named: Named,
    /// The port's, which is told who was refused and who proved to be somebody.
    pub(super) gate: Gate,
    /// Hash of the secret of the initiator in this process.
    house: Option<[u8; 32]>,
    /// Places for those who wait for a result, and for those who wait for one of which no topic is known.
    pub(super) waiting: Semaphore,
    pub(super) hoping: Semaphore,
    /// What `GET /topics` and `GET /topics/default` answer.
    pub(super) all_topics: List,
    pub(super) all_registered: List,
    /// Changes with every result that is booked; wakes those who wait for one.
    pub(super) booked: watch::Sender<()>,
    /// Beats with each sweep, which takes the lock.
    pub(super) pulse: Pulse,
    /// Turns true at the end; workers then stop.
    pub(super) stop: watch::Sender<bool>,
    state: Mutex<State>,
}

/// What the lock protects.
#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) registry: Registry,
    pub(super) topics: HashMap<RequestId, Topic>,
    pub(super) results: Results,
    /// Bytes of all topics' messages.
    pub(super) shares: Shares,
    next_generation: u64,
}

impl State {
    /// A number that no topic object has had.
    pub(super) fn generation(&mut self) -> u64 {
        self.next_generation += 1;
        self.next_generation
    }

    /// Puts a topic back as it was stored.
    fn restore(&mut self, stored: LoadedTopic, named: &Named) {
        let mut topic = Topic::new(stored.id, self.generation(), [], stored.at);
        topic.finished = stored.finished;
        topic.owner = stored.owner;
        topic.origin = stored.origin;
        for (name, address, direct) in stored.members {
            let exempt = !direct && named.lists(&name, &address);
            let mut member = Member::new(address, direct, exempt);
            member.lane.answered = stored
                .settled
                .iter()
                .any(|((of, _), delivered)| *delivered && *of == name);
            topic.members.insert(name, member);
        }
        for old in stored.messages {
            // it was readable when it was accepted; should the rules have changed since, it is left out
            let Ok(read) = message::inspect(&old.body) else {
                continue;
            };
            let digest = message::hash(&old.body);
            topic.touched = topic.touched.max(old.at);
            let message = Arc::new(Message {
                seq: old.seq,
                signer: read.signer,
                rank: read.rank,
                at: old.at,
                body: old.body,
            });
            topic.keep(&message, digest, read.evidence);
            for (name, member) in &mut topic.members {
                if wants(name, &message) && !stored.settled.contains_key(&(name.clone(), message.seq)) {
                    member.lane.push(Arc::clone(&message));
                }
            }
        }
        for message in &topic.messages {
            self.shares.add(message);
        }
        self.topics.insert(stored.id, topic);
    }

    /// Removes a topic with everything that waits in it.
    pub(super) fn remove_topic(&mut self, id: &RequestId) -> bool {
        let Some(mut topic) = self.topics.remove(id) else {
            return false;
        };
        self.shares.free(&mut topic);
        true
    }
}

impl Hub {
    pub(super) fn new(
        config: MessengerConfig,
        store: Store,
        loaded: Loaded,
        deliverer: Deliverer,
        named: Named,
        gate: Gate,
    ) -> Arc<Self> {
        let mut state = State::default();
        for (name, mut entry) in loaded.registered {
            // whom the configuration named may have changed
            entry.listed = named.lists(&name, &entry.address);
            entry.vouched = entry.listed || entry.vouched && named.has(&name);
            state.registry.insert(name, entry);
        }
        for result in loaded.results {
            let kept = Kept {
                at: result.at,
                weight: result.weight,
                backing: result.backing,
                text: result.text,
                conflicts: result.conflicts,
            };
            state.results.restore(result.id, kept);
        }
        for stored in loaded.topics {
            state.restore(stored, &named);
        }
        let house = config.house.as_ref();
        let house = house.map(|secret| message::hash(secret.expose_secret().as_bytes()));
        let connections = config.limits.connections;
        Arc::new(Self {
            waiting: Semaphore::new((connections / 4).max(1)),
            hoping: Semaphore::new((connections / 16).max(1)),
            config,
            named,
            gate,
            house,
            store,
            deliverer,
            metrics: Metrics::default(),
            all_topics: List::default(),
            all_registered: List::default(),
            booked: watch::Sender::new(()),
            pulse: Pulse::begun(),
            stop: watch::Sender::new(false),
            state: Mutex::new(state),
        })
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        // no operation leaves the state half changed in a way that matters more than going on
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether this is the secret of the initiator in this process.
    pub(super) fn is_house(&self, owner: Option<&[u8; 32]>) -> bool {
        self.house.is_some() && self.house.as_ref() == owner
    }

    /// Whether an initiator that is configured made this proof.
    pub(super) fn is_initiator(&self, proof: &[u8], claim: &str) -> bool {
        let initiators = &self.config.initiators;
        !initiators.is_empty()
            && proof::key_of(proof, claim, self.now()).is_ok_and(|key| initiators.contains(&key))
    }

    /// A ceremony heard of this subscriber.
    pub(super) fn hear(&self, name: &str) {
        let now = self.now();
        if let Some(entry) = self.lock().registry.hear(name, now) {
            self.store.write(Write::registered(name, entry));
        }
    }

    /// The time, for everything that expires.
    pub(super) fn now(&self) -> UnixMillis {
        UnixMillis::now()
    }

    pub(super) fn gauges(&self) -> Gauges {
        let state = self.lock();
        Gauges {
            registered: state.registry.len(),
            topics: state.topics.len(),
            topics_open: state.topics.values().filter(|t| t.finished.is_none()).count(),
            pending: state.topics.values().map(Topic::pending).sum(),
            message_bytes: state.shares.bytes(),
            results: state.results.len(),
            result_bytes: state.results.bytes(),
        }
    }
}

/// The request id that a topic's name is, written as nodes write it: lower-case hex.
pub(super) fn request_id(name: &str) -> Option<RequestId> {
    let id: RequestId = name.parse().ok()?;
    (id.to_string() == name).then_some(id)
}
