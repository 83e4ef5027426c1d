//! Who was refused too often, and who proved to be somebody.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Refusals in a row that cost nothing yet: a node that is configured wrongly is told why for a while.
const PATIENCE: f64 = 200.0;
/// Refusals that are forgiven in a second.
const FORGIVEN: f64 = 2.0;
/// How long a proof counts for the client that brought it.
const FRIENDSHIP: Duration = Duration::from_secs(60 * 60);
/// Clients that are remembered.
const REMEMBERED: usize = 4096;

/// Handshakes of one client at once. Who keeps its connections, as all programs of ceremonies do, needs a few.
const HANDSHAKES: f64 = 200.0;
/// Further ones in a second.
const GREETED: f64 = 10.0;

/// See the module's description.
#[derive(Debug)]
pub(super) struct Patience {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    refused: Tally,
    greeted: Tally,
    friends: HashMap<IpAddr, Instant>,
}

/// How often clients did lately what costs something.
#[derive(Debug)]
struct Tally {
    of: HashMap<IpAddr, (f64, Instant)>,
    /// From here on it is too much.
    enough: f64,
    /// So many are forgotten in a second.
    forgiven: f64,
}

impl Tally {
    fn new(enough: f64, forgiven: f64) -> Self {
        Self {
            of: HashMap::new(),
            enough,
            forgiven,
        }
    }

    fn add(&mut self, client: IpAddr, now: Instant) {
        if self.of.len() >= REMEMBERED {
            let (enough, forgiven) = (self.enough, self.forgiven);
            self.of
                .retain(|_, (count, at)| left(*count, *at, now, forgiven) > enough / 2.0);
            if self.of.len() >= REMEMBERED {
                self.of.clear();
            }
        }
        let entry = self.of.entry(client).or_insert((0.0, now));
        let count = left(entry.0, entry.1, now, self.forgiven) + 1.0;
        *entry = (count.min(self.enough * 2.0), now);
    }

    fn is_over(&self, client: IpAddr, now: Instant) -> bool {
        let found = self.of.get(&client);
        found.is_some_and(|(count, at)| left(*count, *at, now, self.forgiven) >= self.enough)
    }
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            state: Mutex::new(State {
                refused: Tally::new(PATIENCE, FORGIVEN),
                greeted: Tally::new(HANDSHAKES, GREETED),
                friends: HashMap::new(),
            }),
        }
    }
}

impl Patience {
    /// The client sent something that was refused.
    pub(super) fn refused(&self, client: IpAddr, now: Instant) {
        self.state().refused.add(client, now);
    }

    /// Whether the client's requests are refused unread for now.
    pub(super) fn is_over(&self, client: IpAddr, now: Instant) -> bool {
        let state = self.state();
        !is_friend(&state, client, now) && state.refused.is_over(client, now)
    }

    /// Whether the client, which begins a handshake, may go on with it.
    pub(super) fn may_greet(&self, client: IpAddr, now: Instant) -> bool {
        let mut state = self.state();
        let may = !state.greeted.is_over(client, now);
        if may {
            state.greeted.add(client, now);
        }
        may
    }

    /// The client proved who it is.
    pub(super) fn befriend(&self, client: IpAddr, now: Instant) {
        let mut state = self.state();
        if state.friends.len() >= REMEMBERED {
            state
                .friends
                .retain(|_, since| now.duration_since(*since) < FRIENDSHIP);
        }
        if state.friends.len() < REMEMBERED || state.friends.contains_key(&client) {
            state.friends.insert(client, now);
        }
    }

    pub(super) fn is_friend(&self, client: IpAddr, now: Instant) -> bool {
        is_friend(&self.state(), client, now)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // counts and dates, each changed in one go
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_friend(state: &State, client: IpAddr, now: Instant) -> bool {
    let since = state.friends.get(&client);
    since.is_some_and(|since| now.duration_since(*since) < FRIENDSHIP)
}

fn left(count: f64, at: Instant, now: Instant, forgiven: f64) -> f64 {
    (count - now.duration_since(at).as_secs_f64() * forgiven).max(0.0)
}
