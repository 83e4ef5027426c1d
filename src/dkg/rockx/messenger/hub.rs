//! The messenger's state and the operations on it. One lock, never held across an await; what must be durable is
//! noted under the lock, in order, and waited for after it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Semaphore, watch};

use secrecy::ExposeSecret as _;

use super::config::MessengerConfig;
use super::deliver::Deliverer;
use super::keys::ConfiguredOperators;
use super::lists::List;
use super::message::{self, Message};
use super::metrics::{Gauges, Metrics};
use super::proof;
use super::registry::Registry;
use super::removed::{Removal, Removed};
use super::results::{Results, StoredResult};
use super::share::{Rooms, Shares, SignerClass};
use super::store::{Loaded, LoadedTopic, Store, Write};
use super::subscriber;
use super::topic::{Member, Topic, wants};
use crate::listen::Gate;
use crate::monitor::Pulse;
use crate::types::{OperatorId, RequestId, UnixMillis};

/// What is held is counted anew after so long, however long the last count took: whoever counts may be kept waiting on a
/// busy machine, which says nothing about the next one.
const OLDEST_GAUGES: Duration = Duration::from_secs(1);

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
    pub(super) named: ConfiguredOperators,
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
    /// What was counted last, and until when that is told.
    gauges: Mutex<Option<(Gauges, Instant)>>,
    state: Mutex<State>,
}

/// What the lock protects.
#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) registry: Registry,
    pub(super) topics: HashMap<RequestId, Topic>,
    pub(super) results: Results,
    /// Topics that their owners removed.
    pub(super) removed: Removed,
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
    fn restore(&mut self, stored: LoadedTopic, named: &ConfiguredOperators) {
        let mut topic = Topic::new(stored.id, self.generation(), [], stored.at);
        topic.finished = stored.finished;
        topic.owner = stored.owner;
        topic.origin = stored.origin;
        for (name, address, direct) in stored.members {
            let Some(address) = subscriber::normal(&address)
                .ok()
                .filter(|_| subscriber::is_name(&name))
            else {
                continue;
            };
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
            topic.touched = topic.touched.max(old.at);
            let message = Arc::new(Message {
                seq: old.seq,
                signer: read.signer,
                rank: read.rank,
                at: old.at,
                body: old.body,
            });
            topic.keep(&message, read.root, read.evidence);
            for (name, member) in &mut topic.members {
                if wants(name, &message) && !stored.settled.contains_key(&(name.clone(), message.seq)) {
                    member.lane.push(Arc::clone(&message));
                }
            }
        }
        for message in &topic.messages {
            let class = self.class(message.signer, named.vouches(message.signer));
            self.shares.add(message, class);
        }
        self.topics.insert(stored.id, topic);
    }

    /// What an operator is whose key the configuration vouches for, or does not.
    pub(super) fn class(&self, signer: OperatorId, vouched: bool) -> SignerClass {
        match vouched {
            true => SignerClass::Vouched,
            false => {
                let entry = self.registry.get(&signer.to_string());
                SignerClass::Guest(entry.and_then(|entry| entry.client))
            }
        }
    }

    /// Makes room for a message with a body of so many bytes: finished ceremonies give up what they keep for late observers,
    /// the oldest first. For a guest's only those of guests do, and for who used its part up only those in which it spoke. Gives
    /// the topics that did.
    pub(super) fn make_room(
        &mut self,
        (signer, class): (OperatorId, SignerClass),
        body: usize,
        rooms: &Rooms,
    ) -> Vec<RequestId> {
        let mut freed = Vec::new();
        let Self { topics, shares, .. } = self;
        loop {
            let used_up = shares.is_used_up(signer, class, rooms);
            if !used_up && !shares.is_full(class, body, rooms) {
                break;
            }
            let all = class == SignerClass::Vouched;
            let finished = topics
                .values_mut()
                .filter(|topic| topic.finished.is_some() && !topic.messages.is_empty())
                .filter(|topic| all || topic.messages.iter().all(|m| shares.is_guest(m.signer)))
                .filter(|topic| !used_up || topic.messages.iter().any(|m| m.signer == signer));
            // what everybody has goes before what somebody still waits for
            let Some(topic) = finished.min_by_key(|topic| (topic.pending() > 0, topic.finished)) else {
                break;
            };
            shares.free(topic);
            freed.push(topic.id);
        }
        freed
    }

    /// Bytes that guests make topics take, without messages.
    pub(super) fn room_of_guests(&self, is_meant: impl Fn(&Topic) -> bool) -> usize {
        let meant = self.topics.values().filter(|topic| is_meant(topic));
        meant.map(Topic::room_of_guests).sum()
    }

    /// Remembers that its owner removed a topic; it is written down by the caller.
    pub(super) fn note_removed(&mut self, store: &Store, id: RequestId, removal: Removal) {
        if let Some(forgotten) = self.removed.note(id, removal) {
            store.write(Write::ForgetRemoved { id: forgotten });
        }
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
        mut config: MessengerConfig,
        store: Store,
        loaded: Loaded,
        deliverer: Deliverer,
        named: ConfiguredOperators,
        gate: Gate,
    ) -> Arc<Self> {
        if named.is_empty() {
            config.limits.among_guests();
        }
        let mut state = State::default();
        for (name, mut entry) in loaded.registered {
            // earlier versions took names and addresses that this one does not
            let address = subscriber::normal(&entry.address)
                .ok()
                .filter(|_| subscriber::is_name(&name));
            let Some(address) = address else {
                store.write(Write::DropRegistered { name });
                continue;
            };
            entry.address = address;
            // whom the configuration named may have changed
            entry.listed = named.lists(&name, &entry.address);
            entry.confirmed &= named.may_be_of(&name, entry.key.as_deref());
            state.registry.insert(name, entry);
        }
        for result in loaded.results {
            let kept = StoredResult {
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
        for (id, removal) in loaded.removed {
            state.note_removed(&store, id, removal);
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
            gauges: Mutex::default(),
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

    /// Whether it can be told whose ceremony is whose.
    pub(super) fn knows_an_initiator(&self) -> bool {
        self.house.is_some() || !self.config.initiators.is_empty()
    }

    /// When an initiator that is configured made this proof, by its clock; none if no such one did.
    pub(super) fn signed_by_initiator(&self, proof: &[u8], claim: &str) -> Option<UnixMillis> {
        let initiators = &self.config.initiators;
        if initiators.is_empty() {
            return None;
        }
        let proof = proof::read(proof, claim, self.now()).ok()?;
        initiators.contains(&proof.key).then_some(proof.at)
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

    /// As they are, or were a moment ago: a walk through everything that is held is made again only after fifty times as long
    /// as it took, so that those who ask at any rate cost a fiftieth of the time.
    pub(super) fn gauges(&self) -> Gauges {
        let mut known = self.gauges.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((gauges, until)) = &*known
            && Instant::now() < *until
        {
            return gauges.clone();
        }
        let begun = Instant::now();
        let gauges = self.walk();
        let took = begun.elapsed();
        *known = Some((gauges.clone(), Instant::now() + (took * 50).min(OLDEST_GAUGES)));
        gauges
    }

    fn walk(&self) -> Gauges {
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
