//! Voluntary exits, from their domain to their epoch.

use std::time::Duration;

use casimir_dkg::beacon::client::{Beacon, BeaconConfig};
use casimir_dkg::beacon::exit::{ExitOutcome, judge, self_test};
use casimir_dkg::ports::consensus::{Consensus, ExitRefusal, NodeOutcome};
use casimir_dkg::types::{BlsSignature, RedactedUrl, Root, UnixMillis};

use super::{FAMILIES, beacon, key, node, rules, signed};

#[test]
fn the_domain_arithmetic_gives_mainnets_exit_domain() {
    self_test().unwrap();
}

#[tokio::test]
async fn an_exit_from_publication_to_its_epoch_with_predicted_times() {
    let node = node().await;
    let beacon = beacon(&[&node]);
    let rules = rules(&beacon).await;
    assert_eq!(
        rules.start_of(rules.epoch_at(rules.start_of(7))),
        rules.start_of(7)
    );
    assert_eq!(rules.epoch_at(UnixMillis(0)), 0);
    let state = |beacon: Beacon| async move { beacon.validator(&key(2)).await.yes().unwrap() };

    let exit = signed(&rules, 2, 0);
    let young = state(beacon.clone()).await;
    let ready = rules.ready_epoch(&young).unwrap();
    assert_eq!(
        judge(&exit.message, Some(&young), None, node.epoch(), &rules),
        ExitOutcome::TooEarly { ready_epoch: ready }
    );
    let verdict = &beacon.publish_exit(&exit).await[0];
    assert_eq!(verdict.outcome, NodeOutcome::Refused(ExitRefusal::TooYoung));
    assert!(!verdict.delivered());

    node.advance_epochs(ready - node.epoch()).await;
    let verdict = &beacon.publish_exit(&exit).await[0];
    assert!(verdict.delivered(), "{verdict:?}");
    assert_eq!(beacon.pool_exits().await.yes().unwrap(), [exit]);
    let published_at = node.epoch();
    node.advance_slots(1).await;
    let exiting = state(beacon.clone()).await;
    let (earliest, withdrawable) = rules.earliest_exit(published_at);
    match judge(&exit.message, Some(&exiting), None, node.epoch(), &rules) {
        ExitOutcome::Exiting {
            exit_epoch,
            withdrawable_epoch,
        } => {
            assert!(exit_epoch >= earliest && withdrawable_epoch.unwrap() >= withdrawable);
        }
        other => panic!("{other:?}"),
    }
    assert!(exiting.status.is_exiting());
}

#[tokio::test]
async fn only_nodes_in_sync_count_as_delivered() {
    let (good, syncing, foreign) = (node().await, node().await, node().await);
    let beacon = Beacon::new(BeaconConfig {
        recheck: Duration::ZERO,
        ..BeaconConfig::new(
            [&good, &syncing, &foreign]
                .map(|n| RedactedUrl::new(n.url()))
                .to_vec(),
            Some(good.genesis_validators_root()),
        )
    })
    .unwrap();
    let rules = rules(&beacon).await;
    for node in [&good, &syncing, &foreign] {
        node.advance_epochs(rules.shard_committee_period).await;
    }
    syncing.faults(|f| f.syncing = true);
    foreign.faults(|f| f.other_genesis = Some(Root([3; 32])));
    let exit = signed(&rules, 4, 0);
    let verdicts = beacon.publish_exit(&exit).await;
    let delivered: Vec<_> = verdicts.iter().map(|v| v.delivered()).collect();
    assert_eq!(delivered, [true, false, false], "{verdicts:?}");
    assert!(matches!(verdicts[1].outcome, NodeOutcome::AcceptedOutOfSync(_)));
    assert!(matches!(verdicts[2].outcome, NodeOutcome::WrongChain(_)));
    assert_eq!(foreign.pool(), [], "nothing is sent to another chain");
    // again: nothing breaks, whatever the family says of it
    for family in FAMILIES {
        good.faults(|f| f.family = family);
        assert!(beacon.publish_exit(&exit).await[0].delivered(), "{family:?}");
    }
    let mut forged = exit;
    forged.signature = BlsSignature(signed(&rules, 5, 0).signature.0);
    good.clear_pool();
    let verdicts = beacon.publish_exit(&forged).await;
    assert_eq!(
        verdicts[0].outcome,
        NodeOutcome::Refused(ExitRefusal::BadSignature)
    );
}
