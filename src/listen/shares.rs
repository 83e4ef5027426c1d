//! How what is scarce is shared: a part for each client, and the last of it for some only.

use std::collections::HashMap;
use std::net::IpAddr;

/// What has to happen before somebody gets something of which there is so much.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Capacity {
    Free,
    /// Somebody else has to go.
    Others,
    /// It has as much as it may have: one of its own has to go.
    Own,
}

/// Something of which there is so much: places, or requests under way behind proxies.
#[derive(Debug, Clone, Copy)]
pub(super) struct Supply {
    pub(super) all: usize,
    pub(super) taken: usize,
    /// The last of it: for those who have nothing yet, and half of it for those who proved who they are.
    pub(super) reserve: usize,
}

impl Supply {
    pub(super) fn is_full(self) -> bool {
        self.taken >= self.all
    }

    pub(super) fn is_scarce(self, held: usize, is_proven: bool) -> bool {
        !is_proven && held > 0 && self.taken + self.reserve >= self.all
    }

    /// Many addresses cost nobody much: so the very last of it is for those who proved who they are.
    pub(super) fn room(self, held: usize, share: usize, is_proven: bool) -> Capacity {
        let is_last = !is_proven && self.taken + self.reserve / 2 >= self.all;
        match () {
            () if held >= share || self.is_scarce(held, is_proven) => Capacity::Own,
            () if self.is_full() || is_last => Capacity::Others,
            () => Capacity::Free,
        }
    }
}

/// How much each has; nobody is in it who has nothing.
#[derive(Debug, Default)]
pub(super) struct CountByClient(HashMap<IpAddr, usize>);

impl CountByClient {
    pub(super) fn of(&self, client: IpAddr) -> usize {
        self.0.get(&client).copied().unwrap_or_default()
    }

    pub(super) fn add(&mut self, client: IpAddr) {
        *self.0.entry(client).or_default() += 1;
    }

    pub(super) fn remove(&mut self, client: IpAddr) {
        if let Some(held) = self.0.get_mut(&client) {
            *held -= 1;
            if *held == 0 {
                self.0.remove(&client);
            }
        }
    }
}
