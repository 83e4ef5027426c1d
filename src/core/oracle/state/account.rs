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
            adopted: false,
        });
        known.floor = known.floor.max(nonce);
        known.told = None;
    }

    /// A person who resumes has looked at everything that was told, and nothing else was there before this journal.
    pub(super) fn account_accepted(&mut self, account: Address, nonce: u64) {
        let whole = self.accounts.get(&account).is_some_and(|known| known.floor == 0);
        self.account_looked_at(account, nonce);
        if whole {
            self.account_adopted(account, nonce);
        }
    }

    pub(super) fn account_adopted(&mut self, account: Address, nonce: u64) {
        let known = self.accounts.entry(account).or_insert(Account {
            floor: nonce,
            told: None,
            adopted: true,
        });
        known.adopted = true;
    }

    pub(super) fn account_strange(&mut self, account: Address, next: u64) {
        if let Some(known) = self.accounts.get_mut(&account) {
            known.told = Some(next);
        }
    }
}
