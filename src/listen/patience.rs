//! Who was refused too often, and who proved to be somebody.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Refusals in a row that cost nothing yet: a node that is configured wrongly is told why for a while.
const PATIENCE: f64 = 200.0;
/// Refusals that are forgiven in a second.
const FORGIVEN: f64 = 2.0;
/// How long a proof counts for the client that brought it.
const FRIENDSHIP: Duration = Duration::from_secs(60 * 60);
/// Clients that are remembered.
const REMEMBERED: usize = 4096;

/// See the module's description.
#[derive(Debug, Default)]
pub(super) struct Patience {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    refused: HashMap<IpAddr, (f64, Instant)>,
    friends: HashMap<IpAddr, Instant>,
}

impl Patience {
    /// The client sent something that was refused.
    pub(super) fn refused(&self, client: IpAddr, now: Instant) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.refused.len() >= REMEMBERED {
            state
                .refused
                .retain(|_, (count, at)| left(*count, *at, now) > PATIENCE / 2.0);
            if state.refused.len() >= REMEMBERED {
                state.refused.clear();
            }
        }
        let entry = state.refused.entry(client).or_insert((0.0, now));
        *entry = ((left(entry.0, entry.1, now) + 1.0).min(PATIENCE * 2.0), now);
    }

    /// Whether the client's requests are refused unread for now.
    pub(super) fn is_over(&self, client: IpAddr, now: Instant) -> bool {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        !is_friend(&state, client, now)
            && state
                .refused
                .get(&client)
                .is_some_and(|(count, at)| left(*count, *at, now) >= PATIENCE)
    }

    /// The client proved who it is.
    pub(super) fn befriend(&self, client: IpAddr, now: Instant) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.friends.len() >= REMEMBERED {
            state
                .friends
                .retain(|_, since| now.duration_since(*since) < FRIENDSHIP);
        }
        if state.friends.len() < REMEMBERED {
            state.friends.insert(client, now);
        }
    }

    pub(super) fn is_friend(&self, client: IpAddr, now: Instant) -> bool {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        is_friend(&state, client, now)
    }
}

fn is_friend(state: &State, client: IpAddr, now: Instant) -> bool {
    let since = state.friends.get(&client);
    since.is_some_and(|since| now.duration_since(*since) < FRIENDSHIP)
}

fn left(count: f64, at: Instant, now: Instant) -> f64 {
    (count - now.duration_since(at).as_secs_f64() * FORGIVEN).max(0.0)
}
