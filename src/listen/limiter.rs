//! Everybody who is connected, and who has to go when there is no room.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use super::answer::ON_THEIR_WAY;
use super::body::LONG_ONES;
use super::client_limits::ClientLimits;
use super::network::{Network, client_of};
use super::pool::{Lease, Pool};
use super::shares::{Capacity, CountByClient, Supply};
use super::slot::{Phase, ProxiedRequest, Slot};

/// A head that takes longer is the next to go, after all that are idle.
const TRICKLING: Duration = Duration::from_secs(2);
/// Who holds the connections of all trusted proxies: they are those of everybody behind them, whichever proxy that is.
const PROXIES: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
/// Longest time for a head, from its first byte.
const HEAD: Duration = Duration::from_secs(10);
/// Whoever asked and does not read keeps what was written for it in memory.
const STUCK: Duration = Duration::from_secs(30);
/// Whoever waits for a place looks again after so long: those inside fall silent or begin to trickle, and nobody says so.
const LOOK: Duration = Duration::from_millis(250);

/// How many may be connected, and for how long.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Connections at once.
    pub connections: usize,
    /// Those of the last places that one client cannot take alone; half of them is for clients that proved who they are.
    pub reserve: usize,
    /// Connections of one client, or requests under way of one behind a trusted proxy. This machine, and all trusted proxies
    /// together, may have all connections but the reserve.
    pub per_client: usize,
    /// From the first byte of a request to the end of its head.
    pub head: Duration,
    /// From the first byte of a request to the first byte of its reply.
    pub request: Duration,
    /// Longest silence between requests.
    pub idle: Duration,
    /// Longest time in which nothing of a reply is taken.
    pub stuck: Duration,
    /// A head that takes longer makes room for a newcomer, after all that are idle. Zero where a head is one packet, and
    /// nothing is lost with it: there whoever has not asked yet makes room, the oldest of the client that has the most.
    pub trickling: Duration,
}

impl Bounds {
    /// So many connections, as far as the process may have them, with the usual shares.
    #[must_use]
    pub fn new(connections: usize, request: Duration, idle: Duration) -> Self {
        let connections = connections.min(descriptors() / 4).max(1);
        Self {
            connections,
            reserve: connections / 8,
            per_client: (connections / 4).max(1),
            head: HEAD.min(request),
            request,
            idle,
            stuck: STUCK.min(idle),
            trickling: TRICKLING,
        }
    }
}

/// Files and connections that this process may have open.
fn descriptors() -> usize {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    limit
        .current
        .and_then(|n| usize::try_from(n).ok())
        .unwrap_or(usize::MAX)
}

/// What became of somebody at the door.
#[derive(Debug)]
pub(super) enum Admission {
    Slot(Arc<Slot>),
    /// It has its share already, and all of it is busy.
    Refused,
    /// Nobody can be sent away for now.
    Full,
}

/// All connections of one listener.
#[derive(Debug)]
pub(super) struct ConnectionLimiter {
    pub(super) bounds: Bounds,
    pub(super) proxies: Vec<Network>,
    pub(super) client_limits: ClientLimits,
    long_bodies: Arc<Pool>,
    answers: Arc<Pool>,
    /// Told when a place becomes free.
    freed: Notify,
    begun: Instant,
    slots: Mutex<Slots>,
}

#[derive(Debug, Default)]
struct Slots {
    next: u64,
    taken: HashMap<u64, Arc<Slot>>,
    by_holder: CountByClient,
    /// By the place that it takes, the client of each request under way that came through a trusted proxy.
    proxied: HashMap<u64, IpAddr>,
    proxied_by_client: CountByClient,
}

impl ConnectionLimiter {
    pub(super) fn new(bounds: Bounds, proxies: Vec<Network>) -> Arc<Self> {
        Arc::new(Self {
            bounds,
            proxies,
            client_limits: ClientLimits::default(),
            long_bodies: Pool::new(LONG_ONES),
            answers: Pool::new(ON_THEIR_WAY),
            freed: Notify::new(),
            begun: Instant::now(),
            slots: Mutex::default(),
        })
    }

    pub(super) fn is_proxy(&self, address: IpAddr) -> bool {
        self.proxies.iter().any(|proxy| proxy.contains(address))
    }

    /// Whether this is an address of this machine, and nobody else stands behind it.
    pub(super) fn is_this_machine(&self, address: IpAddr) -> bool {
        client_of(address).is_loopback() && !self.is_proxy(address)
    }

    /// A place for a newcomer, as soon as there is one. `None`: it has its share already.
    pub(super) async fn place(self: &Arc<Self>, address: IpAddr) -> Option<Arc<Slot>> {
        loop {
            match self.admit(address) {
                Admission::Slot(slot) => return Some(slot),
                Admission::Refused => return None,
                Admission::Full => drop(tokio::time::timeout(LOOK, self.freed.notified()).await),
            }
        }
    }

    /// A place for a newcomer, for which somebody idle may have to go.
    pub(super) fn admit(self: &Arc<Self>, address: IpAddr) -> Admission {
        let client = client_of(address);
        let is_proxy = self.is_proxy(address);
        let holder = if is_proxy { PROXIES } else { client };
        let many = client.is_loopback() || is_proxy;
        let share = match many {
            true => self.bounds.connections - self.bounds.reserve,
            false => self.bounds.per_client,
        };
        let mut slots = self.slots();
        let held = slots.by_holder.of(holder);
        let places = Supply {
            all: self.bounds.connections,
            taken: slots.taken.len(),
            reserve: self.bounds.reserve,
        };
        let is_proven = self.client_limits.is_proven(client, Instant::now());
        // at most one goes, and nobody for a newcomer who is not let in
        let makes_room = match places.room(held, share, is_proven) {
            Capacity::Own => self.send_away(&mut slots, |slot, _| slot.holder == holder),
            Capacity::Others => self.send_away(&mut slots, |_, _| true),
            Capacity::Free => true,
        };
        if !makes_room {
            // whoever may have all waits for one of its own
            let waits = if held >= share {
                many && places.is_full()
            } else {
                places.is_full() && !places.is_scarce(held, is_proven)
            };
            return if waits {
                Admission::Full
            } else {
                Admission::Refused
            };
        }
        slots.next += 1;
        let slot = Arc::new(Slot::new(slots.next, client, holder, self));
        slots.taken.insert(slot.number, Arc::clone(&slot));
        slots.by_holder.add(holder);
        Admission::Slot(slot)
    }

    /// A place among the requests under way behind trusted proxies, for which a body that trickles may have to go. The shares
    /// are those of connections, of what the proxies may have: so a few of their connections are always free for a head,
    /// which tells who it is that asks.
    pub(super) fn proxied_request(&self, slot: &Arc<Slot>, client: IpAddr) -> Option<ProxiedRequest> {
        let is_proven = self.client_limits.is_proven(client, Instant::now());
        let mut slots = self.slots();
        let held = slots.proxied_by_client.of(client);
        // what is left to the proxies by those who come without one
        let others = slots.taken.len() - slots.by_holder.of(PROXIES);
        let all = self.bounds.connections - self.bounds.reserve;
        let requests = Supply {
            all: all.saturating_sub(others).max(self.bounds.reserve).max(1),
            taken: slots.proxied.len(),
            reserve: self.bounds.reserve,
        };
        let proxied_request = |slot: &Slot, slots: &Slots| slots.proxied.get(&slot.number).copied();
        let makes_room = match requests.room(held, self.bounds.per_client, is_proven) {
            Capacity::Own => self.send_away(&mut slots, |slot, slots| {
                proxied_request(slot, slots) == Some(client)
            }),
            Capacity::Others => {
                self.send_away(&mut slots, |slot, slots| proxied_request(slot, slots).is_some())
            }
            Capacity::Free => true,
        };
        // it may have been sent away meanwhile, which ends its turn
        if !makes_room || !slots.taken.contains_key(&slot.number) {
            return None;
        }
        slots.proxied.insert(slot.number, client);
        slots.proxied_by_client.add(client);
        Some(ProxiedRequest(Arc::clone(slot)))
    }

    /// Ends a connection that is idle, or whose head or body trickles, of those that may be chosen: one of whoever has the
    /// most.
    fn send_away(&self, slots: &mut Slots, may_go: impl Fn(&Slot, &Slots) -> bool) -> bool {
        let (now, least_age) = (self.now(), millis(self.bounds.trickling));
        let is_proven = self.client_limits.proven(Instant::now());
        // whoever is about to ask is idle, too, and would go before all that have begun and say no more
        let heads = if least_age == 0 { 3 } else { 2 };
        let chosen = slots
            .taken
            .values()
            .filter(|slot| may_go(slot, slots))
            .filter_map(|slot| {
                let age = now.saturating_sub(slot.since());
                let many = slots.by_holder.of(slot.holder);
                match slot.phase() {
                    // whoever proved who it is may be about to ask, on a machine that is slow to send
                    Phase::Idle if is_proven(slot.client) => Some((1, many, age, slot)),
                    Phase::Idle => Some((3, many, age, slot)),
                    Phase::Head if age >= least_age => Some((heads, many, age, slot)),
                    Phase::Body => {
                        let age = age.saturating_sub(slot.earned());
                        let client = slots.proxied.get(&slot.number);
                        let many = client.map_or(many, |client| slots.proxied_by_client.of(*client));
                        let is_proven = is_proven(*client.unwrap_or(&slot.client));
                        (age >= least_age).then_some((u8::from(!is_proven), many, age, slot))
                    }
                    _ => None,
                }
            })
            .max_by_key(|(rank, many, age, _)| (*rank, *many, *age))
            .map(|(.., slot)| Arc::clone(slot));
        let Some(slot) = chosen else { return false };
        slots.send_away(&slot);
        true
    }

    /// A place among the long bodies that are read.
    pub(super) fn long_body(&self, client: IpAddr) -> Option<Lease> {
        let is_proven = self.client_limits.is_proven(client, Instant::now());
        self.long_bodies.take(client, 1, is_proven)
    }

    /// Room for an answer of so many bytes. Where there is none, the one goes that holds most of it and has taken nothing for
    /// a while: there is room for the next answer then.
    pub(super) fn room_for_answer(&self, client: IpAddr, length: usize) -> Option<Lease> {
        let is_proven = self.client_limits.is_proven(client, Instant::now());
        let lease = self.answers.take(client, length, is_proven);
        if lease.is_none() {
            self.send_away_reader();
        }
        lease
    }

    fn send_away_reader(&self) {
        let (now, least_age) = (self.now(), millis(TRICKLING));
        let mut slots = self.slots();
        let chosen = slots
            .taken
            .values()
            .filter(|slot| now.saturating_sub(slot.since()) >= least_age)
            .map(|slot| (slot.owed(), slot))
            .filter(|(owed, _)| *owed > 0)
            .max_by_key(|(owed, _)| *owed)
            .map(|(_, slot)| Arc::clone(slot));
        if let Some(slot) = chosen {
            slots.send_away(&slot);
        }
    }

    pub(super) fn end_proxied(&self, slot: &Slot) {
        self.slots().end_proxied(slot.number);
    }

    pub(super) fn leave(&self, slot: &Slot) {
        self.slots().leave(slot);
        self.freed.notify_one();
    }

    #[cfg(test)]
    pub(super) fn connections(&self) -> usize {
        self.slots().taken.len()
    }

    pub(super) fn now(&self) -> u64 {
        millis(self.begun.elapsed())
    }

    fn slots(&self) -> MutexGuard<'_, Slots> {
        // a single insertion or removal is never left half done
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

impl Slots {
    fn send_away(&mut self, slot: &Slot) {
        self.leave(slot);
        slot.send_away();
    }

    fn leave(&mut self, slot: &Slot) {
        if self.taken.remove(&slot.number).is_some() {
            self.by_holder.remove(slot.holder);
            self.end_proxied(slot.number);
        }
    }

    fn end_proxied(&mut self, number: u64) {
        if let Some(client) = self.proxied.remove(&number) {
            self.proxied_by_client.remove(client);
        }
    }
}
