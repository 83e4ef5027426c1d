//! Several beacon nodes, each with its client's manners and faults.

mod absent;
mod events;
mod exits;
mod reading;
mod refusals;
mod rules;
mod stub;

use std::time::Duration;

use casimir_dkg::beacon::client::{Beacon, BeaconConfig};
use casimir_dkg::devnet::beacon::{BeaconClock, BeaconOptions, ClientFamily, DevBeacon, interop_secret};
use casimir_dkg::dkg::threshold::partial_sign;
use casimir_dkg::ports::consensus::{Consensus, ExitMessage, ExitRules, SignedExit};
use casimir_dkg::types::{BlsPublicKey, RedactedUrl};

const FAMILIES: [ClientFamily; 5] = [
    ClientFamily::Lighthouse,
    ClientFamily::Prysm,
    ClientFamily::Teku,
    ClientFamily::Nimbus,
    ClientFamily::Lodestar,
];

async fn node() -> DevBeacon {
    let options = BeaconOptions {
        clock: BeaconClock::Manual,
        ..BeaconOptions::default()
    };
    DevBeacon::start(options).await.unwrap()
}

fn beacon(nodes: &[&DevBeacon]) -> Beacon {
    within(crate::TIMEOUT, nodes)
}

/// Each answer is waited for so long.
fn within(deadline: Duration, nodes: &[&DevBeacon]) -> Beacon {
    let urls = nodes.iter().map(|node| RedactedUrl::new(node.url())).collect();
    Beacon::new(BeaconConfig {
        deadline,
        recheck: Duration::ZERO,
        ..BeaconConfig::new(urls, None)
    })
    .unwrap()
}

fn key(index: u64) -> BlsPublicKey {
    interop_secret(index).public_key()
}

async fn rules(beacon: &Beacon) -> ExitRules {
    beacon.rules().await.yes().unwrap()
}

fn signed(rules: &ExitRules, validator_index: u64, epoch: u64) -> SignedExit {
    let message = ExitMessage {
        epoch,
        validator_index,
    };
    let root = rules.signing_root(&message);
    SignedExit {
        message,
        signature: partial_sign(&interop_secret(validator_index), &root.0),
    }
}
