//! Everybody who is connected, and who has to go when there is no room.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures_util::task::AtomicWaker;
use tokio::sync::Notify;

use super::answer::ON_THEIR_WAY;
use super::body::LONG_ONES;
use super::network::{Network, client_of};
use super::patience::Patience;
use super::pool::{Part, Pool};

/// A head that takes longer is the next to go, after all that are idle.
const TRICKLING: Duration = Duration::from_secs(2);
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
    /// Connections of one client. This machine and trusted proxies may have all but the reserve.
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

/// What a connection is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Phase {
    /// Nothing came since the last reply.
    Idle = 0,
    /// A request has begun to come in.
    Head = 1,
    /// A request's head is here; its body may still be coming.
    Served = 2,
}

/// A connection's place.
#[derive(Debug)]
pub(super) struct Seat {
    number: u64,
    client: IpAddr,
    phase: AtomicU8,
    /// Since when, in milliseconds since the listener was made.
    since: AtomicU64,
    sent_away: AtomicBool,
    /// A request was read.
    asked: AtomicBool,
    /// Bytes of its answers that were not taken.
    owed: AtomicUsize,
    pub(super) waker: AtomicWaker,
    crowd: Arc<Crowd>,
}

/// What became of somebody at the door.
#[derive(Debug)]
pub(super) enum Admission {
    Seat(Arc<Seat>),
    /// It has its share already, and all of it is busy.
    Refused,
    /// Nobody can be sent away for now.
    Full,
}

/// All connections of one listener.
#[derive(Debug)]
pub(super) struct Crowd {
    pub(super) bounds: Bounds,
    pub(super) proxies: Vec<Network>,
    pub(super) patience: Patience,
    long_bodies: Arc<Pool>,
    answers: Arc<Pool>,
    /// Told when a place becomes free.
    freed: Notify,
    begun: Instant,
    seats: Mutex<Seats>,
}

#[derive(Debug, Default)]
struct Seats {
    next: u64,
    taken: HashMap<u64, Arc<Seat>>,
    by_client: HashMap<IpAddr, usize>,
}

impl Crowd {
    pub(super) fn new(bounds: Bounds, proxies: Vec<Network>) -> Arc<Self> {
        Arc::new(Self {
            bounds,
            proxies,
            patience: Patience::default(),
            long_bodies: Pool::new(LONG_ONES),
            answers: Pool::new(ON_THEIR_WAY),
            freed: Notify::new(),
            begun: Instant::now(),
            seats: Mutex::default(),
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
    pub(super) async fn place(self: &Arc<Self>, address: IpAddr) -> Option<Arc<Seat>> {
        loop {
            match self.admit(address) {
                Admission::Seat(seat) => return Some(seat),
                Admission::Refused => return None,
                Admission::Full => drop(tokio::time::timeout(LOOK, self.freed.notified()).await),
            }
        }
    }

    /// A place for a newcomer, for which somebody idle may have to go.
    pub(super) fn admit(self: &Arc<Self>, address: IpAddr) -> Admission {
        let client = client_of(address);
        let many = client.is_loopback() || self.is_proxy(address);
        let Bounds {
            connections, reserve, ..
        } = self.bounds;
        let share = if many {
            connections - reserve
        } else {
            self.bounds.per_client
        };
        let mut seats = self.seats();
        let held = seats.by_client.get(&client).copied().unwrap_or_default();
        let taken = seats.taken.len();
        let (is_full, is_friend) = (
            taken >= connections,
            self.patience.is_friend(client, Instant::now()),
        );
        let has_its_share = held >= share;
        // what is left is for those who have nothing yet, and, as many addresses cost nobody much, the very last of it for
        // those who proved who they are
        let is_scarce = !is_friend && held > 0 && taken + reserve >= connections;
        let is_last = !is_friend && taken + reserve / 2 >= connections;
        // at most one goes, and nobody for a newcomer who is not let in
        let makes_room = match () {
            () if has_its_share || is_scarce => self.send_away(&mut seats, Some(client)),
            () if is_full || is_last => self.send_away(&mut seats, None),
            () => true,
        };
        if !makes_room {
            // whoever may have all waits for one of its own
            let waits = if has_its_share {
                many && is_full
            } else {
                is_full && !is_scarce
            };
            return if waits {
                Admission::Full
            } else {
                Admission::Refused
            };
        }
        seats.next += 1;
        let seat = Arc::new(Seat {
            number: seats.next,
            client,
            phase: AtomicU8::new(Phase::Idle as u8),
            since: AtomicU64::new(self.now()),
            sent_away: AtomicBool::new(false),
            asked: AtomicBool::new(false),
            owed: AtomicUsize::new(0),
            waker: AtomicWaker::new(),
            crowd: Arc::clone(self),
        });
        seats.taken.insert(seat.number, Arc::clone(&seat));
        *seats.by_client.entry(client).or_default() += 1;
        Admission::Seat(seat)
    }

    /// Ends a connection that is idle, or whose head trickles: of this client, or of the one that has the most.
    fn send_away(&self, seats: &mut Seats, of: Option<IpAddr>) -> bool {
        let (now, patience) = (self.now(), millis(self.bounds.trickling));
        // whoever is about to ask is idle, too, and would go before all that have begun and say no more
        let alike = patience == 0;
        let chosen = seats
            .taken
            .values()
            .filter(|seat| of.is_none_or(|client| seat.client == client))
            .filter_map(|seat| {
                let age = now.saturating_sub(seat.since.load(Ordering::Relaxed));
                let many = seats.by_client.get(&seat.client).copied().unwrap_or_default();
                match seat.phase() {
                    Phase::Idle => Some((true, many, age, seat)),
                    Phase::Head if age >= patience => Some((alike, many, age, seat)),
                    _ => None,
                }
            })
            .max_by_key(|(idle, many, age, _)| (*idle, *many, *age))
            .map(|(.., seat)| Arc::clone(seat));
        let Some(seat) = chosen else { return false };
        seats.send_away(&seat);
        true
    }

    /// A place among the long bodies that are read.
    pub(super) fn long_body(&self, client: IpAddr) -> Option<Part> {
        let is_friend = self.patience.is_friend(client, Instant::now());
        self.long_bodies.take(client, 1, is_friend)
    }

    /// Room for an answer of so many bytes. Where there is none, the one goes that holds most of it and has taken nothing for
    /// a while: there is room for the next answer then.
    pub(super) fn room_for_answer(&self, client: IpAddr, length: usize) -> Option<Part> {
        let is_friend = self.patience.is_friend(client, Instant::now());
        let part = self.answers.take(client, length, is_friend);
        if part.is_none() {
            self.send_away_reader();
        }
        part
    }

    fn send_away_reader(&self) {
        let (now, patience) = (self.now(), millis(TRICKLING));
        let mut seats = self.seats();
        let chosen = seats
            .taken
            .values()
            .filter(|seat| now.saturating_sub(seat.since.load(Ordering::Relaxed)) >= patience)
            .map(|seat| (seat.owed.load(Ordering::Relaxed), seat))
            .filter(|(owed, _)| *owed > 0)
            .max_by_key(|(owed, _)| *owed)
            .map(|(_, seat)| Arc::clone(seat));
        if let Some(seat) = chosen {
            seats.send_away(&seat);
        }
    }

    fn leave(&self, seat: &Seat) {
        self.seats().leave(seat);
        self.freed.notify_one();
    }

    #[cfg(test)]
    pub(super) fn connections(&self) -> usize {
        self.seats().taken.len()
    }

    fn now(&self) -> u64 {
        millis(self.begun.elapsed())
    }

    fn seats(&self) -> MutexGuard<'_, Seats> {
        // a single insertion or removal is never left half done
        self.seats.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

impl Seats {
    fn send_away(&mut self, seat: &Seat) {
        self.leave(seat);
        seat.sent_away.store(true, Ordering::Release);
        seat.waker.wake();
    }

    fn leave(&mut self, seat: &Seat) {
        if self.taken.remove(&seat.number).is_none() {
            return;
        }
        if let Some(held) = self.by_client.get_mut(&seat.client) {
            *held -= 1;
            if *held == 0 {
                self.by_client.remove(&seat.client);
            }
        }
    }
}

impl Seat {
    pub(super) fn phase(&self) -> Phase {
        match self.phase.load(Ordering::Relaxed) {
            0 => Phase::Idle,
            1 => Phase::Head,
            _ => Phase::Served,
        }
    }

    pub(super) fn enter(&self, phase: Phase) {
        self.since.store(self.crowd.now(), Ordering::Relaxed);
        self.phase.store(phase as u8, Ordering::Relaxed);
        if phase == Phase::Served {
            self.asked.store(true, Ordering::Relaxed);
        }
    }

    pub(super) fn has_asked(&self) -> bool {
        self.asked.load(Ordering::Relaxed)
    }

    pub(super) fn is_sent_away(&self) -> bool {
        self.sent_away.load(Ordering::Acquire)
    }

    /// An answer of so many bytes is on its way to it.
    pub(super) fn owes(&self, bytes: usize) {
        self.owed.fetch_add(bytes, Ordering::Relaxed);
    }

    /// So much of it is not in memory any more.
    pub(super) fn took(&self, bytes: usize) {
        self.owed.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// Whether its client may have one more handshake.
    pub(super) fn may_greet(&self) -> bool {
        self.crowd.patience.may_greet(self.client, Instant::now())
    }

    /// Its client sent something that is no request.
    pub(super) fn refused(&self) {
        self.crowd.patience.refused(self.client, Instant::now());
    }

    /// The connection is over.
    pub(super) fn leave(&self) {
        self.crowd.leave(self);
    }
}
