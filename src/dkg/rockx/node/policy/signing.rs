//! Which roots an existing validator key may sign. A root is a hash, so the node computes every root that its rules
//! allow and compares: it never takes an initiator's word for what a root means.

use std::fmt;

use alloy::primitives::{Address, keccak256};
use serde::Deserialize;

use crate::beacon::roots::{signing_root, voluntary_exit_domain, voluntary_exit_root};
use crate::types::{ForkVersion, Root};

/// Everything that may be signed. Empty rules allow nothing.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SigningRules {
    /// SSV registration messages of these owners.
    pub owners: Vec<OwnerRule>,
    /// Voluntary exits of these validators.
    pub exits: Vec<ExitRule>,
}

/// Allows keccak256 of `<EIP-55 owner>:<nonce>` for every nonce up to `last_nonce`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OwnerRule {
    /// The owner account that registers validators: the manager contract.
    pub owner: Address,
    /// The last nonce that is allowed; the first is 0.
    pub last_nonce: u64,
}

/// Allows the voluntary exit of each validator index in the range, for each epoch in the range.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExitRule {
    /// Of the chain: part of the exit's signing domain.
    pub genesis_validators_root: Root,
    /// Since Deneb the exit's domain is fixed to Capella's fork version (EIP-7044).
    pub capella_fork_version: ForkVersion,
    /// First validator index.
    pub first_index: u64,
    /// Last validator index, inclusive.
    pub last_index: u64,
    /// First epoch.
    pub first_epoch: u64,
    /// Last epoch, inclusive.
    pub last_epoch: u64,
}

/// The rules ask for more work than a node will do for one request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "signing rules span {spanned} candidate roots, at most {} are allowed: narrow the ranges",
    SigningRules::MAX_CANDIDATES
)]
pub struct TooManyCandidates {
    /// Candidates that the rules span.
    pub spanned: u128,
}

/// What an allowed root means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Meaning {
    /// No rules are configured: nobody knows.
    Unchecked,
    /// The owner's message with this nonce.
    OwnerNonce {
        /// The owner.
        owner: Address,
        /// The nonce.
        nonce: u64,
    },
    /// A voluntary exit.
    Exit {
        /// Validator index.
        index: u64,
        /// Epoch.
        epoch: u64,
    },
}

impl fmt::Display for Meaning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unchecked => f.write_str("unchecked bytes"),
            Self::OwnerNonce { owner, nonce } => write!(f, "owner message {owner}:{nonce}"),
            Self::Exit { index, epoch } => write!(f, "exit of validator {index} at epoch {epoch}"),
        }
    }
}

impl SigningRules {
    /// Upper bound on the roots that all rules together span: about a second of hashing.
    pub const MAX_CANDIDATES: u128 = 1 << 22;

    /// Refuses rules that would make a node hash for ever.
    ///
    /// # Errors
    /// They span more than [`SigningRules::MAX_CANDIDATES`] roots.
    pub fn validate(&self) -> Result<(), TooManyCandidates> {
        let width = |first: u64, last: u64| u128::from(last.saturating_sub(first)) + 1;
        let owners: u128 = self.owners.iter().map(|r| width(0, r.last_nonce)).sum();
        let exits: u128 = self
            .exits
            .iter()
            .map(|r| width(r.first_index, r.last_index).saturating_mul(width(r.first_epoch, r.last_epoch)))
            .fold(0, u128::saturating_add);
        let spanned = owners.saturating_add(exits);
        if spanned > Self::MAX_CANDIDATES {
            Err(TooManyCandidates { spanned })
        } else {
            Ok(())
        }
    }

    /// Which rule allows `root`, if any.
    #[must_use]
    pub fn explain(&self, root: &[u8]) -> Option<Meaning> {
        let root: [u8; 32] = root.try_into().ok()?;
        for rule in &self.owners {
            let text = rule.owner.to_checksum(None);
            for nonce in 0..=rule.last_nonce {
                if owner_message(&text, nonce) == root {
                    return Some(Meaning::OwnerNonce {
                        owner: rule.owner,
                        nonce,
                    });
                }
            }
        }
        for rule in &self.exits {
            let domain = voluntary_exit_domain(rule.capella_fork_version, &rule.genesis_validators_root);
            // all validators of an early epoch before anybody's next one: exits are asked for long before the last epoch
            // of a rule, while an index says nothing about when its turn comes
            for epoch in rule.first_epoch..=rule.last_epoch {
                for index in rule.first_index..=rule.last_index {
                    if signing_root(&voluntary_exit_root(epoch, index), &domain).0 == root {
                        return Some(Meaning::Exit { index, epoch });
                    }
                }
            }
        }
        None
    }
}

fn owner_message(checksummed_owner: &str, nonce: u64) -> [u8; 32] {
    keccak256(format!("{checksummed_owner}:{nonce}")).0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules() -> SigningRules {
        SigningRules {
            owners: vec![OwnerRule {
                owner: "0x1d2f14d2DDfee594b4093d42E4bC1b0eA55E8aa7".parse().unwrap(),
                last_nonce: 3,
            }],
            exits: vec![ExitRule {
                genesis_validators_root: "0x4b363db94e286120d76eb905340fdd4e54bfe9f06bf33ff6cf5ad27f511bfe95"
                    .parse()
                    .unwrap(),
                capella_fork_version: ForkVersion([3, 0, 0, 0]),
                first_index: 5,
                last_index: 7,
                first_epoch: 100,
                last_epoch: 110,
            }],
        }
    }

    #[test]
    fn the_published_owner_message_is_explained_and_a_later_nonce_is_not() {
        let root = hex::decode("95283b77c464c6081b724491e234f031b45b9682cafe6ea1a53d7daa892ff113").unwrap();
        assert!(matches!(
            rules().explain(&root),
            Some(Meaning::OwnerNonce { nonce: 0, .. })
        ));
        let owner = "0x1d2f14d2DDfee594b4093d42E4bC1b0eA55E8aa7";
        assert!(rules().explain(&owner_message(owner, 3)).is_some());
        assert_eq!(rules().explain(&owner_message(owner, 4)), None);
        assert_eq!(rules().explain(b"hello"), None);
        assert_eq!(rules().explain(&[0; 32]), None);
    }

    #[test]
    fn exits_are_recomputed_within_both_ranges_only() {
        let rule = &rules().exits[0];
        let domain = voluntary_exit_domain(rule.capella_fork_version, &rule.genesis_validators_root);
        for (index, epoch, allowed) in [(5, 100, true), (7, 110, true), (8, 100, false), (5, 111, false)] {
            let root = signing_root(&voluntary_exit_root(epoch, index), &domain);
            let found = rules().explain(&root.0);
            assert_eq!(found, allowed.then_some(Meaning::Exit { index, epoch }));
        }
    }

    #[test]
    fn endless_ranges_are_refused() {
        let mut rules = rules();
        assert_eq!(rules.validate(), Ok(()));
        rules.exits[0].last_epoch = u64::MAX;
        assert!(rules.validate().is_err());
    }
}
