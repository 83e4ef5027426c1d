//! The chain's rules, of nodes that tell them differently.

use casimir_dkg::beacon::client::{Beacon, BeaconConfig};
use casimir_dkg::ports::Answer;
use casimir_dkg::ports::consensus::{Consensus, ExitRules, Heard};
use casimir_dkg::types::{RedactedUrl, Root};
use serde_json::{Value, json};

use super::stub::{Stub, genesis_time, in_sync};

/// What a node says of the rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Says {
    Truth,
    /// Nobody may exit for ever.
    Period,
    /// The chain began a year later.
    Genesis,
    Nothing,
}

const YEAR: u64 = 365 * 86_400;

fn says(says: Says, began: u64) -> impl Fn(&str) -> Option<Value> + Clone {
    move |path: &str| {
        let mut told = in_sync(path)?;
        match path {
            "/eth/v1/beacon/genesis" => {
                let began = if says == Says::Genesis {
                    began + YEAR
                } else {
                    began
                };
                told["data"]["genesis_time"] = json!(began.to_string());
            }
            "/eth/v1/config/spec" if says == Says::Period => {
                told["data"]["SHARD_COMMITTEE_PERIOD"] = json!("1073741824");
            }
            _ => {}
        }
        Some(told)
    }
}

/// The rules that follow, and who is contradicted.
async fn told(nodes: &[Says], known: Option<ExitRules>, began: u64) -> (Answer<ExitRules>, Vec<usize>) {
    let (rules, accused, _) = all_told(nodes, known, began).await;
    (rules, accused)
}

/// The same, and what is said of rules that one node alone tells.
async fn all_told(
    nodes: &[Says],
    known: Option<ExitRules>,
    began: u64,
) -> (Answer<ExitRules>, Vec<usize>, Option<String>) {
    let mut stubs = Vec::new();
    for node in nodes.iter().filter(|node| **node != Says::Nothing) {
        stubs.push(Stub::start(says(*node, began)).await);
    }
    let mut urls = stubs.iter().map(|node| RedactedUrl::new(&node.url));
    let urls = nodes.iter().map(|node| match node {
        Says::Nothing => RedactedUrl::new("http://127.0.0.1:1"),
        _ => urls.next().unwrap(),
    });
    let beacon = Beacon::new(BeaconConfig {
        rules: known,
        ..BeaconConfig::new(urls.collect(), Some(Root([1; 32])))
    })
    .unwrap();
    let Heard { answer: rules, alone } = beacon.rules().await;
    let healths = beacon.health();
    let accused = (0..healths.len()).filter(|n| healths[*n].contradicted.is_some());
    let alone = alone.map(|words| words.to_string());
    (rules, accused.collect(), alone)
}

/// The epoch that is signed follows from them: a person decides.
#[tokio::test]
async fn rules_that_one_of_several_nodes_tells_are_said_to_be_one_voice() {
    use Says::*;
    let began = began();
    let known = told(&[Truth], None, began).await.0.value().unwrap();
    let cases: [(&[Says], Option<ExitRules>, bool); 6] = [
        (&[Truth], None, false),
        (&[Truth, Truth], None, false),
        (&[Truth, Nothing], None, true),
        (&[Nothing, Nothing, Truth], None, true),
        (&[Truth, Truth, Nothing], None, false),
        (&[Truth, Nothing], Some(known), false),
    ];
    for (nodes, built_in, is_alone) in cases {
        let alone = all_told(nodes, built_in, began).await.2;
        assert_eq!(alone.is_some(), is_alone, "{nodes:?}: {alone:?}");
        let names = alone.is_none_or(|words| words.contains("http://127.0.0.1:") && words.contains("alone"));
        assert!(names, "{nodes:?}");
    }
}

fn began() -> u64 {
    genesis_time().parse().unwrap()
}

#[tokio::test]
async fn no_single_node_decides_the_rules_of_exits() {
    use Says::*;
    let began = began();
    let (truth, accused) = told(&[Truth], None, began).await;
    let truth = truth.value().unwrap();
    assert!(accused.is_empty());
    assert_eq!(
        (truth.shard_committee_period, truth.genesis.genesis_time),
        (256, began)
    );
    let cases: [(&[Says], bool, &[usize]); 9] = [
        (&[Truth, Truth], true, &[]),
        (&[Truth, Nothing], true, &[]),
        (&[Period, Truth], false, &[0, 1]),
        (&[Truth, Genesis], false, &[0, 1]),
        (&[Period, Truth, Truth], true, &[0]),
        (&[Truth, Genesis, Truth], true, &[1]),
        (&[Period, Truth, Nothing], false, &[0, 1]),
        (&[Period, Truth, Genesis], false, &[0, 1, 2]),
        (&[Nothing], false, &[]),
    ];
    for (nodes, is_known, accused) in cases {
        let (rules, contradicted) = told(nodes, None, began).await;
        assert_eq!(rules.as_ref().yes(), is_known.then_some(&truth), "{nodes:?}");
        assert_eq!(contradicted, accused, "{nodes:?}");
        if let Answer::NotKnown(why) = rules
            && nodes[0] == Period
        {
            let why = why.to_string();
            assert!(why.contains("SHARD_COMMITTEE_PERIOD is 1073741824"), "{why}");
        }
    }
}

#[tokio::test]
async fn what_is_built_in_for_a_network_counts_before_what_nodes_say() {
    use Says::*;
    let began = began();
    let known = told(&[Truth], None, began).await.0.value().unwrap();
    let cases: [(&[Says], &[usize]); 4] = [
        (&[Truth], &[]),
        (&[Period], &[0]),
        (&[Period, Genesis], &[0, 1]),
        (&[Genesis, Truth], &[0]),
    ];
    for (nodes, accused) in cases {
        let (rules, contradicted) = told(nodes, Some(known), began).await;
        assert_eq!(rules.yes(), Some(known), "{nodes:?}");
        assert_eq!(contradicted, accused, "{nodes:?}");
    }
    let silent = told(&[Nothing], Some(known), began).await.0;
    assert!(matches!(silent, Answer::NotKnown(_)), "{silent:?}");
}
