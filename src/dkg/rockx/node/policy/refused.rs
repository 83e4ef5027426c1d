//! What a root is that no rule allows: an operator who reads the refusal has to know which validator, which epoch and
//! which rule it is about. So the node looks a little beyond its rules.

use std::ops::RangeInclusive;

use super::SigningRequest;
use super::signing::{ExitRule, Meaning, SigningRules, width};
use crate::ports::Answer;
use crate::types::SafeText;

/// Roots that are computed beyond each rule, to both sides of each of its ranges: a fraction of a second.
const BEYOND: u128 = 1 << 16;
/// Nonces beyond the last that is allowed.
const NONCES_BEYOND: u64 = 10_000;

/// Why `request` is refused, after the words "signing root 0x…". `look`: whether there is time to find out what it is.
pub(super) fn why(rules: &SigningRules, request: &SigningRequest, look: bool) -> SafeText {
    if request.root.len() != 32 {
        return format!("has {} bytes: no rule allows that", request.root.len()).into();
    }
    if look {
        let found = beyond_owners(rules, request).or_else(|| beyond_exits(rules, request));
        if let Some(why) = found {
            return why;
        }
    }
    let validator = request.validator;
    let own = (1..).zip(&rules.exits).find(|(_, rule)| rule.own_validators);
    match (own, &request.place) {
        (Some((number, _)), Answer::NotKnown(why)) => format!(
            "is no owner message that the rules allow; exit rule {number} allows exits of own validators, but which index \
             {validator} has is not known: {why}"
        ),
        (Some((number, _)), Answer::No(evidence)) => format!(
            "is no owner message that the rules allow, and {validator} has no exit that exit rule {number} could allow: \
             {evidence}"
        ),
        _ => format!(
            "asked of {validator} is neither an allowed owner message nor an allowed exit ({})",
            all(rules)
        ),
    }
    .into()
}

/// The rules, in their order.
fn all(rules: &SigningRules) -> String {
    let owners = (1..).zip(&rules.owners).map(|(number, rule)| {
        format!(
            "owner rule {number}: {}, nonces up to {}",
            rule.owner, rule.last_nonce
        )
    });
    let exits = (1..)
        .zip(&rules.exits)
        .map(|(number, rule)| format!("exit rule {number}: {rule}"));
    let all: Vec<String> = owners.chain(exits).collect();
    if all.is_empty() {
        "there are no rules".to_owned()
    } else {
        all.join("; ")
    }
}

fn beyond_owners(rules: &SigningRules, request: &SigningRequest) -> Option<SafeText> {
    (1..).zip(&rules.owners).find_map(|(number, rule)| {
        let first = rule.last_nonce.checked_add(1)?;
        let found = rule.find(&request.root, first..=first.saturating_add(NONCES_BEYOND))?;
        let (validator, last) = (request.validator, rule.last_nonce);
        Some(format!("is {found} for {validator}; owner rule {number} allows nonces up to {last}").into())
    })
}

fn beyond_exits(rules: &SigningRules, request: &SigningRequest) -> Option<SafeText> {
    let index = request.place.as_ref().yes().map(|place| place.index);
    (1..).zip(&rules.exits).find_map(|(number, rule)| {
        let Meaning::Exit { index, epoch } = beyond(rule, &request.root, index)? else {
            return None;
        };
        let validator = request.validator;
        let why = format!(
            "is the exit of validator {validator} (index {index}) at epoch {epoch}; exit rule {number} allows {rule}"
        );
        Some(why.into())
    })
}

/// The exit just outside of what the rule allows that has this root: at another epoch, or of another index.
fn beyond(rule: &ExitRule, root: &[u8], own: Option<u64>) -> Option<Meaning> {
    let within = match (rule.own_validators, own) {
        (true, Some(own)) => own..=own,
        (true, None) => return None,
        (false, _) => rule.indices.clone(),
    };
    let room = |other: &RangeInclusive<u64>| {
        let room = BEYOND / width(other).max(1);
        u64::try_from(room).unwrap_or(u64::MAX)
    };
    let epochs = around(&rule.epochs, room(&within));
    let mut found = epochs
        .into_iter()
        .find_map(|epochs| rule.find(root, &within, epochs));
    if found.is_none() && !rule.own_validators {
        let indices = around(&rule.indices, room(&rule.epochs));
        found = indices
            .iter()
            .find_map(|indices| rule.find(root, indices, rule.epochs.clone()));
    }
    found
}

/// What lies next to a range on either side, at most so many numbers each.
fn around(range: &RangeInclusive<u64>, most: u64) -> Vec<RangeInclusive<u64>> {
    let (first, last) = (*range.start(), *range.end());
    let mut around = Vec::new();
    if let Some(next) = last.checked_add(1).filter(|_| most > 0) {
        around.push(next..=next.saturating_add(most - 1));
    }
    if let Some(before) = first.checked_sub(1).filter(|_| most > 0) {
        around.push(before.saturating_sub(most - 1)..=before);
    }
    around
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::beacon::roots::voluntary_exit_signing_root;
    use crate::dkg::rockx::node::policy::{ChainPlace, OwnerRule, Policy, Refusal};
    use crate::types::{BlsPublicKey, ForkVersion, Root};

    const KEY: BlsPublicKey = BlsPublicKey([0xab; 48]);
    const GENESIS: Root = Root([5; 32]);
    const CAPELLA: ForkVersion = ForkVersion([3, 0, 0, 1]);

    fn policy(own_validators: bool) -> Policy {
        let exit = ExitRule {
            genesis_validators_root: GENESIS,
            capella_fork_version: CAPELLA,
            own_validators,
            indices: if own_validators { 0..=u64::MAX } else { 7..=9 },
            epochs: 100..=200,
        };
        Policy {
            signing: Some(SigningRules {
                owners: vec![OwnerRule {
                    owner: "0x1d2f14d2DDfee594b4093d42E4bC1b0eA55E8aa7".parse().unwrap(),
                    last_nonce: 3,
                }],
                exits: vec![exit],
            }),
            ..Policy::default()
        }
    }

    fn refusal(policy: &Policy, root: &[u8], place: Answer<ChainPlace>) -> String {
        let request = SigningRequest {
            validator: KEY,
            root: root.to_vec(),
            place,
        };
        match policy.check_signing(&request, true) {
            Err(refusal @ Refusal::SigningRoot { .. }) => refusal.to_string(),
            other => panic!("{other:?}"),
        }
    }

    fn at(index: u64) -> Answer<ChainPlace> {
        Answer::Yes(ChainPlace {
            index,
            active_since: Some(90),
        })
    }

    fn says(text: &str, parts: &[&str]) {
        for part in parts {
            assert!(text.contains(part), "{part}: {text}");
        }
    }

    #[test]
    fn a_refused_exit_is_told_by_validator_epoch_and_rule() {
        let ranges = policy(false);
        let nobody = || Answer::not_known("no beacon node is configured");
        let key = KEY.to_string();
        for (index, epoch) in [(7, 201), (9, 99), (8, 5_000), (6, 150), (12, 100)] {
            let root = voluntary_exit_signing_root(epoch, index, CAPELLA, &GENESIS);
            let text = refusal(&ranges, &root.0, nobody());
            says(
                &text,
                &[
                    "refused by policy: signing root 0x",
                    &format!("exit of validator {key} (index {index}) at epoch {epoch};"),
                    "exit rule 1 allows indices 7 to 9 at epochs 100 to 200",
                ],
            );
        }
        let own = policy(true);
        let root = voluntary_exit_signing_root(20_000, 900_000, CAPELLA, &GENESIS);
        let text = refusal(&own, &root.0, at(900_000));
        says(
            &text,
            &[
                "(index 900000) at epoch 20000;",
                "exit rule 1 allows own validators at epochs 100 to 200",
            ],
        );
    }

    #[test]
    fn what_cannot_be_made_out_is_told_with_the_rules_and_the_reason() {
        let text = refusal(&policy(false), &[1; 32], Answer::not_known("nobody was asked"));
        says(
            &text,
            &[
                &format!("asked of {KEY} is neither an allowed owner message nor an allowed exit"),
                "owner rule 1: 0x1d2f14d2DDfee594b4093d42E4bC1b0eA55E8aa7, nonces up to 3",
                "exit rule 1: indices 7 to 9 at epochs 100 to 200",
            ],
        );
        let away = refusal(
            &policy(true),
            &[1; 32],
            Answer::not_known("no beacon node answered"),
        );
        says(
            &away,
            &[
                "is not known: no beacon node answered",
                "exit rule 1 allows exits of own",
            ],
        );
        let absent = refusal(&policy(true), &[1; 32], Answer::no("no beacon node has it"));
        says(&absent, &["has no exit", "no beacon node has it"]);
        says(&refusal(&policy(true), b"hello", at(1)), &["has 5 bytes"]);
        let none = Policy {
            signing: Some(SigningRules::default()),
            ..Policy::default()
        };
        says(&refusal(&none, &[1; 32], at(1)), &["there are no rules"]);
    }

    #[test]
    fn a_refused_registration_is_told_by_its_nonce() {
        let owner = "0x1d2f14d2DDfee594b4093d42E4bC1b0eA55E8aa7";
        let root = alloy::primitives::keccak256(format!("{owner}:4"));
        let text = refusal(&policy(false), root.as_slice(), at(7));
        says(
            &text,
            &[
                &format!("owner message {owner}:4 for {KEY}"),
                "owner rule 1 allows nonces up to 3",
            ],
        );
    }
}
