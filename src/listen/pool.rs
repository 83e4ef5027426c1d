//! Something of which there is so much in all, and of which no client has it all: long bodies that are read at once, bytes
//! of answers that are on their way.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// See the module's description. A client has up to a quarter, and all strangers together up to three; one that proved who
/// it is has up to a half, and may have what is left.
#[derive(Debug)]
pub(super) struct Pool {
    size: usize,
    held: Mutex<Held>,
}

#[derive(Debug, Default)]
struct Held {
    all: usize,
    /// Never 0.
    by: HashMap<IpAddr, usize>,
}

/// What a client has of a pool, until this is dropped.
#[derive(Debug)]
pub(super) struct Lease {
    pool: Arc<Pool>,
    client: IpAddr,
    amount: usize,
}

impl Pool {
    pub(super) fn new(size: usize) -> Arc<Self> {
        Arc::new(Self {
            size,
            held: Mutex::default(),
        })
    }

    /// So much for this client, if there is room for it.
    pub(super) fn take(self: &Arc<Self>, client: IpAddr, amount: usize, is_proven: bool) -> Option<Lease> {
        let (own, all) = match is_proven {
            true => (self.size / 2, self.size),
            false => (self.size / 4, self.size - self.size / 4),
        };
        let mut held = self.held();
        let before = held.by.get(&client).copied().unwrap_or_default();
        if before + amount > own || held.all + amount > all {
            return None;
        }
        held.all += amount;
        held.by.insert(client, before + amount);
        Some(Lease {
            pool: Arc::clone(self),
            client,
            amount,
        })
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        // sums of numbers, changed in one go
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let mut held = self.pool.held();
        held.all -= self.amount;
        if let Some(own) = held.by.get_mut(&self.client) {
            *own -= self.amount;
            if *own == 0 {
                held.by.remove(&self.client);
            }
        }
    }
}
