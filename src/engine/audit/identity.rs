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

impl JournalIdentity {
    /// Whether an oracle of this chain and manager may go on with the journal, by what its newest start says. Where no start
    /// says more than the network's name, that counts.
    ///
    /// # Errors
    /// In words: whose it is, and the way out.
    pub fn is_of(&self, network: &str, chain_id: u64, manager: Address) -> Result<(), SafeText> {
        let is = match (self.chains.last(), self.managers.last(), self.networks.last()) {
            (Some(chain), _, _) if *chain != chain_id => {
                format!("is the journal of chain {chain}, and chain {chain_id} ({network}) is configured")
            }
            (_, Some(of), _) if *of != manager => {
                format!("is the journal of the manager contract {of}, and {manager} is configured")
            }
            (None, _, Some(of)) if of.as_str() != network => {
                format!("is the journal of the network {of}, and {network} is configured")
            }
            _ => return Ok(()),
        };
        Err(SafeText::new(&format!(
            "{is}: nothing is done on its word. Give this configuration a journal of its own (state.dir, journal.path), or \
             configure what the journal is of (network, contract.address)"
        )))
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_journal_is_of_the_chain_and_the_manager_that_its_newest_start_names() {
        let manager = Address::repeat_byte(7);
        let of = |chains: &[u64], managers: &[Address]| JournalIdentity {
            networks: vec!["hoodi".into()],
            chains: chains.to_vec(),
            managers: managers.to_vec(),
            ..JournalIdentity::default()
        };
        let judged = |found: &JournalIdentity| found.is_of("hoodi", 560_048, manager);
        assert_eq!(judged(&JournalIdentity::default()), Ok(()), "it has not begun");
        assert_eq!(judged(&of(&[560_048], &[manager])), Ok(()));
        assert_eq!(judged(&of(&[1, 560_048], &[Address::ZERO, manager])), Ok(()));
        let chain = judged(&of(&[560_048, 1], &[manager])).unwrap_err();
        assert!(
            chain.as_str().contains("of chain 1, and chain 560048 (hoodi)"),
            "{chain}"
        );
        let other = judged(&of(&[560_048], &[Address::ZERO])).unwrap_err();
        assert!(other.as_str().contains("contract 0x0000"), "{other}");
        let old = of(&[], &[]);
        assert_eq!(judged(&old), Ok(()));
        let old = old.is_of("mainnet", 1, manager).unwrap_err();
        assert!(
            old.as_str().contains("of the network hoodi, and mainnet"),
            "{old}"
        );
    }
}
