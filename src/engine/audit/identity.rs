//! Which journal it is, as far as its records say: a journal that verifies may still be another one's.

use std::fmt;

use alloy::primitives::Address;
use serde::Serialize;

use crate::journal::Entry;
use crate::oracle::{Record, Serves};
use crate::types::{Root, SafeText};

/// Account, chain and manager, each as often as the journal changed it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct JournalIdentity {
    pub networks: Vec<SafeText>,
    /// EIP-155 chain ids. Journals from before that was kept do not say, nor whose manager it was.
    pub chains: Vec<u64>,
    pub managers: Vec<Address>,
    pub accounts: Vec<Address>,
    /// Hash of the first record, which no other journal has.
    pub first: Option<Root>,
}

/// Reads of every record what it says of the journal. What is not understood says nothing.
pub fn identity<'a>(entries: impl IntoIterator<Item = &'a Entry>) -> JournalIdentity {
    let mut found = JournalIdentity::default();
    for entry in entries {
        if found.first.is_none() {
            found.first = Some(entry.hash);
        }
        if !matches!(entry.kind.as_str(), "engine-started" | "account-seen") {
            continue;
        }
        match Record::read(&entry.kind, &entry.body) {
            Ok(Record::EngineStarted { network, serves, .. }) => {
                add(&mut found.networks, network);
                if let Some(Serves {
                    chain_id,
                    manager,
                    account,
                }) = serves
                {
                    add(&mut found.chains, chain_id);
                    add(&mut found.managers, manager);
                    account
                        .into_iter()
                        .for_each(|account| add(&mut found.accounts, account));
                }
            }
            Ok(Record::AccountSeen { account, .. }) => add(&mut found.accounts, account),
            _ => {}
        }
    }
    found
}

fn add<T: PartialEq>(known: &mut Vec<T>, value: T) {
    if !known.contains(&value) {
        known.push(value);
    }
}

impl fmt::Display for JournalIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fn part(name: &str, values: &[impl ToString]) -> String {
            let values: Vec<_> = values.iter().map(ToString::to_string).collect();
            if values.is_empty() {
                format!("{name} not said")
            } else {
                format!("{name} {}", values.join(" and then "))
            }
        }
        write!(
            f,
            "{}, {}, {}, {}",
            part("network", &self.networks),
            part("chain", &self.chains),
            part("manager", &self.managers),
            part("account", &self.accounts)
        )?;
        match self.first {
            Some(first) => write!(f, "; its first record is {first}"),
            None => Ok(()),
        }
    }
}
