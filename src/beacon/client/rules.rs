//! The chain's rules, as the nodes tell them, held against each other: when an exit is valid, and for which epoch it is
//! signed, follows from them.
//!
//! | those who answer tell | that counts |
//! |---|---|
//! | other rules than those that are built in for a public network | those that are built in; the others are named |
//! | all the same | that; where only one of several answers, that it is one voice, which a check of what is signed says |
//! | more than half, and two at least, the same | that; the others are named |
//! | otherwise | nothing: all are named |

use futures_util::future::join_all;

use super::http::NodeError;
use super::node::Node;
use super::wire::{Data, MissingConstant, SPEC_PATH, Spec};
use super::{Beacon, BeaconError, voices};
use crate::ports::Answer;
use crate::ports::consensus::{ExitRules, Genesis, Heard};
use crate::types::SafeText;

/// Who tells rules, and which.
type Told<'a> = (&'a Node, ExitRules);

impl Beacon {
    pub(super) async fn rules_of_all(&self) -> Heard<ExitRules> {
        let nodes = self.inner.nodes.iter();
        let asked = nodes.map(async |node| (node, self.rules_of(node).await));
        let (mut told, mut attempts) = (Vec::new(), Vec::new());
        for (node, answer) in join_all(asked).await {
            match answer {
                Ok(rules) => told.push((node, rules)),
                Err(error) => attempts.push((node.name.clone(), error)),
            }
        }
        if told.is_empty() {
            let what = "the chain's rules";
            return Heard::of(Answer::not_known(BeaconError::Unanswered { what, attempts }));
        }
        let judged = match self.inner.config.rules {
            Some(known) => {
                name_others(&told, "what is built in for this network", &known);
                Answer::Yes(known)
            }
            None => judged(&told),
        };
        if let Answer::Yes(rules) = &judged {
            self.knows_slot(rules.slot);
        }
        let inner = &self.inner;
        let alone = match told[..] {
            [(node, _)] if inner.nodes.len() > 1 && inner.config.rules.is_none() => {
                Some(SafeText::new(&format!(
                    "the rules are told by {} alone, and no other beacon node answers",
                    node.name
                )))
            }
            _ => None,
        };
        Heard {
            answer: judged,
            alone,
        }
    }

    async fn rules_of(&self, node: &Node) -> Result<ExitRules, NodeError> {
        self.admit(node).await?;
        let (spec, genesis) = tokio::join!(
            self.get::<Data<Spec>>(node, SPEC_PATH, &[]),
            self.get::<Data<Genesis>>(node, "/eth/v1/beacon/genesis", &[])
        );
        let unusable = |missing: MissingConstant| NodeError::Malformed(SafeText::new(&missing.to_string()));
        spec?.data.exit_rules(genesis?.data).map_err(unusable)
    }
}

fn judged(told: &[Told<'_>]) -> Answer<ExitRules> {
    let alike = |rules: &ExitRules| told.iter().filter(|(_, other)| other == rules).count();
    let most = told.iter().max_by_key(|(_, rules)| alike(rules));
    let Some((by, rules)) = most else {
        return Answer::not_known("no beacon node tells the chain's rules");
    };
    let count = alike(rules);
    if voices::is_enough(count, told.len()) {
        name_others(told, by.name.as_str(), rules);
        return Answer::Yes(*rules);
    }
    let mut words = Vec::new();
    for (node, rules) in told {
        if let Some((by, other)) = told.iter().find(|(_, other)| other != rules) {
            name_others(&[(*node, *rules)], by.name.as_str(), other);
            words.extend(
                difference(rules, other).map(|(what, is, other)| {
                    format!("by {} {what} is {is}, by {} {other}", node.name, by.name)
                }),
            );
        }
    }
    words.truncate(1);
    Answer::not_known(format!(
        "the beacon nodes contradict each other on the chain's rules: {}",
        words.concat()
    ))
}

/// Those who tell other rules than these, which are somebody's.
fn name_others(told: &[Told<'_>], whose: &str, rules: &ExitRules) {
    for (node, theirs) in told {
        if let Some((what, is, other)) = difference(theirs, rules) {
            let words = format!("of the chain's rules it says that {what} is {is}: by {whose} it is {other}");
            node.contradicted(SafeText::new(&words));
        }
    }
}

/// The first constant that differs, and what it is by each.
fn difference(a: &ExitRules, b: &ExitRules) -> Option<(&'static str, String, String)> {
    let pairs = constants(a).into_iter().zip(constants(b));
    pairs
        .filter(|((_, a), (_, b))| a != b)
        .map(|((name, a), (_, b))| (name, a, b))
        .next()
}

fn constants(rules: &ExitRules) -> [(&'static str, String); 9] {
    let ExitRules {
        slot,
        slots_per_epoch,
        shard_committee_period,
        max_seed_lookahead,
        withdrawability_delay,
        genesis_fork_version,
        capella_fork_version,
        genesis,
    } = rules;
    [
        ("the genesis time", genesis.genesis_time.to_string()),
        (
            "the genesis validators root",
            genesis.genesis_validators_root.to_string(),
        ),
        ("the length of a slot in ms", slot.as_millis().to_string()),
        ("SLOTS_PER_EPOCH", slots_per_epoch.to_string()),
        ("SHARD_COMMITTEE_PERIOD", shard_committee_period.to_string()),
        ("MAX_SEED_LOOKAHEAD", max_seed_lookahead.to_string()),
        (
            "MIN_VALIDATOR_WITHDRAWABILITY_DELAY",
            withdrawability_delay.to_string(),
        ),
        ("GENESIS_FORK_VERSION", genesis_fork_version.to_string()),
        ("CAPELLA_FORK_VERSION", capella_fork_version.to_string()),
    ]
}
