//! Who was refused too often, and who proved to be somebody.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Refusals in a row that cost nothing yet: a node that is configured wrongly is told why for a while.
const REFUSAL_BURST: f64 = 200.0;
/// Refusals that are forgiven in a second.
const REFUSALS_PER_SECOND: f64 = 2.0;
/// How long a proof counts for the client that brought it.
const PROOF_LIFETIME: Duration = Duration::from_secs(60 * 60);
/// Clients that are remembered.
const MAX_CLIENTS: usize = 4096;

/// Handshakes of one client at once. Who keeps its connections, as all programs of ceremonies do, needs a few.
const HANDSHAKE_BURST: f64 = 200.0;
/// Further ones in a second.
const HANDSHAKES_PER_SECOND: f64 = 10.0;

/// See the module's description.
#[derive(Debug)]
pub(super) struct ClientLimits {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    refused: LeakyBuckets,
    handshakes: LeakyBuckets,
    proven: HashMap<IpAddr, Instant>,
}

/// How often clients did lately what costs something.
#[derive(Debug)]
struct LeakyBuckets {
    of: HashMap<IpAddr, (f64, Instant)>,
    /// From here on it is too much.
    burst: f64,
    /// So many are forgotten in a second.
    per_second: f64,
}

impl LeakyBuckets {
    fn new(burst: f64, per_second: f64) -> Self {
        Self {
            of: HashMap::new(),
            burst,
            per_second,
        }
    }

    fn add(&mut self, client: IpAddr, now: Instant) {
        if self.of.len() >= MAX_CLIENTS {
            let (burst, per_second) = (self.burst, self.per_second);
            self.of
                .retain(|_, (count, at)| left(*count, *at, now, per_second) > burst / 2.0);
            if self.of.len() >= MAX_CLIENTS {
                self.of.clear();
            }
        }
        let entry = self.of.entry(client).or_insert((0.0, now));
        let count = left(entry.0, entry.1, now, self.per_second) + 1.0;
        *entry = (count.min(self.burst * 2.0), now);
    }

    fn is_over(&self, client: IpAddr, now: Instant) -> bool {
        let found = self.of.get(&client);
        found.is_some_and(|(count, at)| left(*count, *at, now, self.per_second) >= self.burst)
    }
}

impl Default for ClientLimits {
    fn default() -> Self {
        Self {
            state: Mutex::new(State {
                refused: LeakyBuckets::new(REFUSAL_BURST, REFUSALS_PER_SECOND),
                handshakes: LeakyBuckets::new(HANDSHAKE_BURST, HANDSHAKES_PER_SECOND),
                proven: HashMap::new(),
            }),
        }
    }
}

impl ClientLimits {
    /// The client sent something that was refused.
    pub(super) fn refused(&self, client: IpAddr, now: Instant) {
        self.state().refused.add(client, now);
    }

    /// Whether the client's requests are refused unread for now.
    pub(super) fn is_over(&self, client: IpAddr, now: Instant) -> bool {
        let state = self.state();
        !is_proven(&state, client, now) && state.refused.is_over(client, now)
    }

    /// Whether the client, which begins a handshake, may go on with it.
    pub(super) fn may_greet(&self, client: IpAddr, now: Instant) -> bool {
        let mut state = self.state();
        let may = !state.handshakes.is_over(client, now);
        if may {
            state.handshakes.add(client, now);
        }
        may
    }

    /// The client proved who it is.
    pub(super) fn mark_proven(&self, client: IpAddr, now: Instant) {
        let mut state = self.state();
        if state.proven.len() >= MAX_CLIENTS {
            state
                .proven
                .retain(|_, since| now.duration_since(*since) < PROOF_LIFETIME);
        }
        if state.proven.len() < MAX_CLIENTS || state.proven.contains_key(&client) {
            state.proven.insert(client, now);
        }
    }

    pub(super) fn is_proven(&self, client: IpAddr, now: Instant) -> bool {
        is_proven(&self.state(), client, now)
    }

    /// Tells of many clients whether they proved who they are.
    pub(super) fn proven(&self, now: Instant) -> impl Fn(IpAddr) -> bool {
        let state = self.state();
        move |client| is_proven(&state, client, now)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // counts and dates, each changed in one go
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_proven(state: &State, client: IpAddr, now: Instant) -> bool {
    let since = state.proven.get(&client);
    since.is_some_and(|since| now.duration_since(*since) < PROOF_LIFETIME)
}

fn left(count: f64, at: Instant, now: Instant, per_second: f64) -> f64 {
    (count - now.duration_since(at).as_secs_f64() * per_second).max(0.0)
}
