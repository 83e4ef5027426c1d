//! How the records of the oracle's account change what is durable.

use alloy::primitives::Address;

use super::Durable;
use crate::oracle::account::Account;

impl Durable {
    /// Nonces below this one are history: from before the journal, or a person has looked at them.
    pub(super) fn account_looked_at(&mut self, account: Address, nonce: u64) {
        let known = self.accounts.entry(account).or_insert(Account {
            floor: nonce,
            told: None,
        });
        known.floor = known.floor.max(nonce);
        known.told = None;
    }

    pub(super) fn account_strange(&mut self, account: Address, next: u64) {
        if let Some(known) = self.accounts.get_mut(&account) {
            known.told = Some(next);
        }
    }
}
