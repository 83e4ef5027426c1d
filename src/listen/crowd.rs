//! Everybody who is connected, and who has to go when there is no room.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use super::answer::ON_THEIR_WAY;
use super::body::LONG_ONES;
use super::network::{Network, client_of};
use super::patience::Patience;
use super::pool::{Part, Pool};
use super::seat::{Phase, Seat, Turn};
use super::shares::{Room, Supply, Tally};

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
    by_holder: Tally,
    /// By the place that it takes, the client of each request under way that came through a trusted proxy.
    turns: HashMap<u64, IpAddr>,
    turns_of: Tally,
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
        let is_proxy = self.is_proxy(address);
        let holder = if is_proxy { PROXIES } else { client };
        let many = client.is_loopback() || is_proxy;
        let share = match many {
            true => self.bounds.connections - self.bounds.reserve,
            false => self.bounds.per_client,
        };
        let mut seats = self.seats();
        let held = seats.by_holder.of(holder);
        let places = Supply {
            all: self.bounds.connections,
            taken: seats.taken.len(),
            reserve: self.bounds.reserve,
        };
        let is_friend = self.patience.is_friend(client, Instant::now());
        // at most one goes, and nobody for a newcomer who is not let in
        let makes_room = match places.room(held, share, is_friend) {
            Room::Own => self.send_away(&mut seats, |seat, _| seat.holder == holder),
            Room::Others => self.send_away(&mut seats, |_, _| true),
            Room::Free => true,
        };
        if !makes_room {
            // whoever may have all waits for one of its own
            let waits = if held >= share {
                many && places.is_full()
            } else {
                places.is_full() && !places.is_scarce(held, is_friend)
            };
            return if waits {
                Admission::Full
            } else {
                Admission::Refused
            };
        }
        seats.next += 1;
        let seat = Arc::new(Seat::new(seats.next, client, holder, self));
        seats.taken.insert(seat.number, Arc::clone(&seat));
        seats.by_holder.add(holder);
        Admission::Seat(seat)
    }

    /// A place among the requests under way behind trusted proxies, for which a body that trickles may have to go. The shares
    /// are those of connections, of what the proxies may have: so a few of their connections are always free for a head,
    /// which tells who it is that asks.
    pub(super) fn turn(&self, seat: &Arc<Seat>, client: IpAddr) -> Option<Turn> {
        let is_friend = self.patience.is_friend(client, Instant::now());
        let mut seats = self.seats();
        let held = seats.turns_of.of(client);
        // what is left to the proxies by those who come without one
        let others = seats.taken.len() - seats.by_holder.of(PROXIES);
        let all = self.bounds.connections - self.bounds.reserve;
        let requests = Supply {
            all: all.saturating_sub(others).max(self.bounds.reserve).max(1),
            taken: seats.turns.len(),
            reserve: self.bounds.reserve,
        };
        let turn = |seat: &Seat, seats: &Seats| seats.turns.get(&seat.number).copied();
        let makes_room = match requests.room(held, self.bounds.per_client, is_friend) {
            Room::Own => self.send_away(&mut seats, |seat, seats| turn(seat, seats) == Some(client)),
            Room::Others => self.send_away(&mut seats, |seat, seats| turn(seat, seats).is_some()),
            Room::Free => true,
        };
        // it may have been sent away meanwhile, which ends its turn
        if !makes_room || !seats.taken.contains_key(&seat.number) {
            return None;
        }
        seats.turns.insert(seat.number, client);
        seats.turns_of.add(client);
        Some(Turn(Arc::clone(seat)))
    }

    /// Ends a connection that is idle, or whose head or body trickles, of those that may be chosen: one of whoever has the
    /// most.
    fn send_away(&self, seats: &mut Seats, may_go: impl Fn(&Seat, &Seats) -> bool) -> bool {
        let (now, patience) = (self.now(), millis(self.bounds.trickling));
        // whoever is about to ask is idle, too, and would go before all that have begun and say no more
        let heads = if patience == 0 { 3 } else { 2 };
        let chosen = seats
            .taken
            .values()
            .filter(|seat| may_go(seat, seats))
            .filter_map(|seat| {
                let age = now.saturating_sub(seat.since());
                let many = seats.by_holder.of(seat.holder);
                match seat.phase() {
                    Phase::Idle => Some((3, many, age, seat)),
                    Phase::Head if age >= patience => Some((heads, many, age, seat)),
                    Phase::Body => {
                        let age = age.saturating_sub(seat.earned());
                        let client = seats.turns.get(&seat.number);
                        let many = client.map_or(many, |client| seats.turns_of.of(*client));
                        let is_friend = || {
                            let client = *client.unwrap_or(&seat.client);
                            self.patience.is_friend(client, Instant::now())
                        };
                        (age >= patience).then(|| (u8::from(!is_friend()), many, age, seat))
                    }
                    _ => None,
                }
            })
            .max_by_key(|(rank, many, age, _)| (*rank, *many, *age))
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
            .filter(|seat| now.saturating_sub(seat.since()) >= patience)
            .map(|seat| (seat.owed(), seat))
            .filter(|(owed, _)| *owed > 0)
            .max_by_key(|(owed, _)| *owed)
            .map(|(_, seat)| Arc::clone(seat));
        if let Some(seat) = chosen {
            seats.send_away(&seat);
        }
    }

    pub(super) fn end_turn(&self, seat: &Seat) {
        self.seats().end_turn(seat.number);
    }

    pub(super) fn leave(&self, seat: &Seat) {
        self.seats().leave(seat);
        self.freed.notify_one();
    }

    #[cfg(test)]
    pub(super) fn connections(&self) -> usize {
        self.seats().taken.len()
    }

    pub(super) fn now(&self) -> u64 {
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
        seat.send_away();
    }

    fn leave(&mut self, seat: &Seat) {
        if self.taken.remove(&seat.number).is_some() {
            self.by_holder.remove(seat.holder);
            self.end_turn(seat.number);
        }
    }

    fn end_turn(&mut self, number: u64) {
        if let Some(client) = self.turns.remove(&number) {
            self.turns_of.remove(client);
        }
    }
}
