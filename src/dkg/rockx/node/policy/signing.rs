//! Which roots an existing validator key may sign. A root is a hash, so the node computes every root that its rules
//! allow and compares: it never takes an initiator's word for what a root means.

use std::fmt;
use std::ops::RangeInclusive;

use alloy::primitives::{Address, keccak256};

use super::ChainPlace;
use crate::beacon::roots::{signing_root, voluntary_exit_domain, voluntary_exit_root};
use crate::types::{ForkVersion, Root};

/// Everything that may be signed. Empty rules allow nothing.
#[derive(Debug, Clone, Default)]
pub struct SigningRules {
    /// SSV registration messages of these owners.
    pub owners: Vec<OwnerRule>,
    /// Voluntary exits of these validators.
    pub exits: Vec<ExitRule>,
}

/// Allows keccak256 of `<EIP-55 owner>:<nonce>` for every nonce up to `last_nonce`.
#[derive(Debug, Clone)]
pub struct OwnerRule {
    /// The owner account that registers validators: the manager contract.
    pub owner: Address,
    /// The last nonce that is allowed; the first is 0.
    pub last_nonce: u64,
}

/// Allows the voluntary exit of each validator index in the range, for each epoch in the range.
#[derive(Debug, Clone)]
pub struct ExitRule {
    /// Of the chain: part of the exit's signing domain.
    pub genesis_validators_root: Root,
    /// Since Deneb the exit's domain is fixed to Capella's fork version (EIP-7044).
    pub capella_fork_version: ForkVersion,
    /// Only the exit of the validator whose key is asked to sign, by the index that the beacon chain gave it. A key that
    /// is asked is one whose share this node holds, so the rule is about the operator's own validators, and the ranges
    /// may be as wide as they like: one index is looked through, not all of them.
    pub own_validators: bool,
    pub indices: RangeInclusive<u64>,
    pub epochs: RangeInclusive<u64>,
}

/// The rules ask for more work than a node will do for one request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "signing rules span {spanned} candidate roots, at most {} are allowed: narrow the ranges, or allow exits by own_validators",
    SigningRules::MAX_CANDIDATES
)]
pub struct TooManyCandidates {
    /// Candidates that the rules span.
    pub spanned: u128,
}

/// What an allowed root means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meaning {
    /// No rules are configured: nobody knows.
    Unchecked,
    /// The owner's message with this nonce.
    OwnerNonce { owner: Address, nonce: u64 },
    /// A voluntary exit.
    Exit { index: u64, epoch: u64 },
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

/// Epochs of one validator that are looked through from its activation on, and as many before: 12 years on mainnet.
const EPOCHS_OF_ONE: u64 = 1 << 20;

impl SigningRules {
    /// Upper bound on the roots that all rules together span: about a second of hashing.
    pub const MAX_CANDIDATES: u128 = 1 << 22;

    /// Refuses rules that would make a node hash for ever.
    ///
    /// # Errors
    /// See [`TooManyCandidates`].
    pub fn validate(&self) -> Result<(), TooManyCandidates> {
        let owners: u128 = self.owners.iter().map(|rule| width(&(0..=rule.last_nonce))).sum();
        let exits = self.exits.iter().map(ExitRule::span);
        let spanned = exits.fold(owners, u128::saturating_add);
        if spanned > Self::MAX_CANDIDATES {
            Err(TooManyCandidates { spanned })
        } else {
            Ok(())
        }
    }

    /// Whether a rule needs the index of the validator whose key is to sign.
    #[must_use]
    pub fn asks_for_index(&self) -> bool {
        self.exits.iter().any(|rule| rule.own_validators)
    }

    /// The owner message that `root` is, if a rule allows it.
    #[must_use]
    pub fn owner_message(&self, root: &[u8]) -> Option<Meaning> {
        self.owners
            .iter()
            .find_map(|rule| rule.find(root, 0..=rule.last_nonce))
    }

    /// The exit that `root` is, if a rule allows it. `place` is that of the validator whose key is to sign, where it is
    /// known: a rule about own validators looks for nothing without it.
    #[must_use]
    pub fn exit(&self, root: &[u8], place: Option<ChainPlace>) -> Option<Meaning> {
        self.exits.iter().find_map(|rule| {
            if !rule.own_validators {
                return rule.find(root, &rule.indices, rule.epochs.clone());
            }
            let own = place.filter(|place| rule.indices.contains(&place.index))?;
            let [after, before] = rule.epochs_of(own);
            rule.find(root, &(own.index..=own.index), after.chain(before.rev()))
        })
    }
}

impl OwnerRule {
    /// The message of one of these nonces that has this root.
    pub(super) fn find(&self, root: &[u8], mut nonces: RangeInclusive<u64>) -> Option<Meaning> {
        let text = self.owner.to_checksum(None);
        nonces
            .find(|nonce| owner_message(&text, *nonce) == root)
            .map(|nonce| Meaning::OwnerNonce {
                owner: self.owner,
                nonce,
            })
    }
}

impl ExitRule {
    /// The exit that has this root, among those of these indices at these epochs.
    pub(super) fn find(
        &self,
        root: &[u8],
        indices: &RangeInclusive<u64>,
        epochs: impl Iterator<Item = u64>,
    ) -> Option<Meaning> {
        let domain = voluntary_exit_domain(self.capella_fork_version, &self.genesis_validators_root);
        // all validators of an early epoch before anybody's next one: exits are asked for long before the last epoch of
        // a rule, while an index says nothing about when its turn comes
        for epoch in epochs {
            for index in indices.clone() {
                if signing_root(&voluntary_exit_root(epoch, index), &domain).0 == root {
                    return Some(Meaning::Exit { index, epoch });
                }
            }
        }
        None
    }

    /// The epochs that are looked through for a validator: since its activation, when nearly every exit is, and before.
    pub(super) fn epochs_of(&self, place: ChainPlace) -> [RangeInclusive<u64>; 2] {
        let (first, last) = (*self.epochs.start(), *self.epochs.end());
        let since = place.active_since.unwrap_or(0).clamp(first, last.max(first));
        let after = since..=last.min(since.saturating_add(EPOCHS_OF_ONE - 1));
        let before = match since.checked_sub(1) {
            Some(end) => first.max(since.saturating_sub(EPOCHS_OF_ONE))..=end,
            None => RangeInclusive::new(1, 0),
        };
        [after, before]
    }

    fn span(&self) -> u128 {
        if self.own_validators {
            width(&self.epochs).min(2 * u128::from(EPOCHS_OF_ONE))
        } else {
            width(&self.indices).saturating_mul(width(&self.epochs))
        }
    }
}

/// The rule as the refusal of what it does not cover says it.
impl fmt::Display for ExitRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = |range: &RangeInclusive<u64>| *range.start() == 0 && *range.end() == u64::MAX;
        if self.own_validators {
            f.write_str("own validators")?;
        }
        if !self.own_validators || !all(&self.indices) {
            let space = if self.own_validators { " with " } else { "" };
            write!(f, "{space}indices {}", Range(&self.indices))?;
        }
        if all(&self.epochs) {
            f.write_str(" at any epoch")
        } else {
            write!(f, " at epochs {}", Range(&self.epochs))
        }
    }
}

/// `5 to 7`, or `5` where it is one.
struct Range<'a>(&'a RangeInclusive<u64>);

impl fmt::Display for Range<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.0.start(), self.0.end()) {
            (first, last) if first == last => first.fmt(f),
            (first, last) => write!(f, "{first} to {last}"),
        }
    }
}

/// How many numbers a range holds.
pub(super) fn width(range: &RangeInclusive<u64>) -> u128 {
    if range.is_empty() {
        0
    } else {
        u128::from(range.end() - range.start()) + 1
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
                own_validators: false,
                indices: 5..=7,
                epochs: 100..=110,
            }],
        }
    }

    fn root(rule: &ExitRule, index: u64, epoch: u64) -> [u8; 32] {
        let domain = voluntary_exit_domain(rule.capella_fork_version, &rule.genesis_validators_root);
        signing_root(&voluntary_exit_root(epoch, index), &domain).0
    }

    #[test]
    fn the_published_owner_message_is_explained_and_a_later_nonce_is_not() {
        let root = hex::decode("95283b77c464c6081b724491e234f031b45b9682cafe6ea1a53d7daa892ff113").unwrap();
        assert!(matches!(
            rules().owner_message(&root),
            Some(Meaning::OwnerNonce { nonce: 0, .. })
        ));
        let owner = "0x1d2f14d2DDfee594b4093d42E4bC1b0eA55E8aa7";
        assert!(rules().owner_message(&owner_message(owner, 3)).is_some());
        for nothing in [&owner_message(owner, 4)[..], b"hello", &[0; 32]] {
            assert_eq!(rules().owner_message(nothing), None);
            assert_eq!(rules().exit(nothing, None), None);
        }
    }

    #[test]
    fn exits_are_recomputed_within_both_ranges_only() {
        let rule = &rules().exits[0];
        for (index, epoch, allowed) in [(5, 100, true), (7, 110, true), (8, 100, false), (5, 111, false)] {
            let found = rules().exit(&root(rule, index, epoch), None);
            assert_eq!(found, allowed.then_some(Meaning::Exit { index, epoch }));
        }
    }

    #[test]
    fn a_rule_for_own_validators_allows_the_exit_of_the_key_that_signs_and_no_other() {
        let mut rules = rules();
        let rule = &mut rules.exits[0];
        (rule.own_validators, rule.indices, rule.epochs) = (true, 0..=u64::MAX, 0..=u64::MAX);
        assert_eq!(rules.validate(), Ok(()), "wide ranges are one index");
        let rule = rules.exits[0].clone();
        let at = root(&rule, 900_000, 420_000);
        let exit = Meaning::Exit {
            index: 900_000,
            epoch: 420_000,
        };
        let place = |index: u64, active_since: Option<u64>| Some(ChainPlace { index, active_since });
        let own = place(900_000, Some(419_000));
        assert_eq!(rules.exit(&at, own), Some(exit));
        assert_eq!(rules.exit(&at, None), None, "nobody knows whose");
        // an early epoch is as good for the chain
        let early = root(&rule, 900_000, 10);
        rules.exits[0].epochs = 0..=1_000;
        for active_since in [Some(500), Some(1_000), None] {
            let found = rules.exit(&early, place(900_000, active_since));
            assert!(matches!(found, Some(Meaning::Exit { epoch: 10, .. })));
        }
        // ranges bound it all the same
        rules.exits[0].epochs = 419_000..=421_000;
        assert_eq!(rules.exit(&at, place(900_001, None)), None, "another validator's");
        assert_eq!(rules.exit(&at, place(900_000, None)), Some(exit));
        rules.exits[0].indices = 0..=899_999;
        assert_eq!(rules.exit(&at, own), None);
        rules.exits[0].indices = 0..=u64::MAX;
        rules.exits[0].epochs = 420_001..=421_000;
        assert_eq!(rules.exit(&at, own), None);
    }

    #[test]
    fn a_long_life_and_as_long_a_time_before_it_are_looked_through() {
        let mut rule = rules().exits.remove(0);
        (rule.own_validators, rule.epochs) = (true, 0..=u64::MAX);
        let epochs = |rule: &ExitRule, since| {
            rule.epochs_of(ChainPlace {
                index: 1,
                active_since: since,
            })
        };
        let life = EPOCHS_OF_ONE;
        assert_eq!(
            epochs(&rule, Some(420_000)),
            [420_000..=420_000 + life - 1, 0..=419_999]
        );
        assert_eq!(epochs(&rule, Some(3 * life))[1], 2 * life..=3 * life - 1);
        assert_eq!(epochs(&rule, None)[0], 0..=life - 1);
        assert!(epochs(&rule, None)[1].is_empty());
        rule.epochs = 100..=200;
        assert_eq!(epochs(&rule, Some(150)), [150..=200, 100..=149]);
        for since in [Some(7), None, Some(100)] {
            let [after, before] = epochs(&rule, since);
            assert_eq!(after, 100..=200);
            assert!(before.is_empty());
        }
        assert_eq!(epochs(&rule, Some(900)), [200..=200, 100..=199]);
    }

    #[test]
    fn endless_ranges_are_refused_and_the_way_out_is_named() {
        let mut rules = rules();
        assert_eq!(rules.validate(), Ok(()));
        rules.exits[0].indices = 0..=1_000;
        rules.exits[0].epochs = 0..=11_000;
        let refused = rules.validate().unwrap_err();
        assert_eq!(refused.spanned, 1_001 * 11_001 + 4);
        assert!(refused.to_string().contains("own_validators"), "{refused}");
        rules.exits[0].own_validators = true;
        assert_eq!(rules.validate(), Ok(()));
        rules.exits[0].own_validators = false;
        rules.exits[0].epochs = 0..=u64::MAX;
        assert!(rules.validate().is_err());
    }
}
