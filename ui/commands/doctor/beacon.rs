//! Beacon nodes: on the right chain, following it, and able to say that they do not know a key. Judged by the client that
//! the engine asks with.

use casimir_dkg::beacon::client::{Beacon, BeaconConfig, NodeError, NodeExamined};
use casimir_dkg::config::Config;
use casimir_dkg::engine::service;
use casimir_dkg::http::Http;
use casimir_dkg::types::{RedactedUrl, UnixMillis};

use super::{Finding, Report};

pub(crate) async fn examine(config: &Config, http: &Http, report: &mut Report) {
    if config.beacon.urls.is_empty() {
        report.add(Finding::warn(
            "beacon nodes",
            "none configured",
            "exits will wait, and validators are not followed: set beacon.urls",
        ));
        return;
    }
    let settings = BeaconConfig {
        deadline: config.beacon.timeout,
        http: http.clone(),
        ..BeaconConfig::new(config.beacon.urls.clone(), config.network.genesis_validators_root)
    };
    let beacon = match Beacon::new(settings) {
        Ok(beacon) => beacon,
        Err(error) => {
            return report.add(Finding::fail(
                "beacon nodes",
                error.to_string(),
                "mend beacon.urls",
            ));
        }
    };
    let found = beacon.examine().await;
    for (url, node) in config.beacon.urls.iter().zip(found) {
        report.add(one(config, url, &node));
        // whatever such a node says of validators, nobody hears it
        if node.counts.is_ok() {
            report.add(validators(url, &node));
            report.extend(clock(config, url, &node, UnixMillis::now()));
        }
    }
}

fn one(config: &Config, url: &RedactedUrl, node: &NodeExamined) -> Finding {
    let what = format!("beacon {url}");
    let head = node.health.head_slot;
    let head = head.map_or_else(|| "?".to_owned(), |slot| slot.to_string());
    let found = format!("{}, head slot {head}", node.version);
    match &node.counts {
        Ok(()) => {}
        Err(error @ NodeError::WrongChain(_)) => {
            return Finding::fail(
                &what,
                error.to_string(),
                "the node is on another network: name one of network.name in beacon.urls",
            );
        }
        Err(error @ NodeError::NotSynced(_)) => {
            let hint = "what it says does not count, and what it is told is not delivered, until it follows the chain \
                        with its execution node: wait, or name another one in beacon.urls";
            return Finding::warn(&what, format!("{found}: {error}"), hint);
        }
        Err(error) => return Finding::fail(&what, error.to_string(), "is it a beacon node, and running?"),
    }
    let expected = config.network.capella_fork_version;
    match node
        .spec
        .as_ref()
        .map(|spec| spec.version("CAPELLA_FORK_VERSION"))
    {
        Ok(Ok(version)) if version != expected => Finding::fail(
            &what,
            format!("Capella fork version {version}, expected {expected}"),
            "exits would be signed for another network: check network.name",
        ),
        Ok(Ok(_)) => Finding::ok(&what, found),
        Ok(Err(missing)) => Finding::warn(&what, format!("{found}: {missing}"), SPEC),
        Err(error) => Finding::warn(&what, format!("{found}: its constants: {error}"), SPEC),
    }
}

const SPEC: &str = "exits are prepared only by constants that a node tells: ask the provider for /eth/v1/config/spec, or \
                    name another node";

/// A key must be unknown to the beacon chain before a deposit, and only a node that has the head state can say so.
fn validators(url: &RedactedUrl, node: &NodeExamined) -> Finding {
    let what = format!("beacon {url}: validators");
    match &node.validators {
        Ok(()) => Finding::ok(&what, "lists them, and tells one by itself"),
        Err(error) => Finding::fail(
            &what,
            error.to_string(),
            "by this node the check key-unknown-to-beacon stays unknown, and validators are not followed: ask the provider \
             for /eth/v1/beacon/states/head/validators, or name another node in beacon.urls",
        ),
    }
}

fn clock(config: &Config, url: &RedactedUrl, node: &NodeExamined, now: UnixMillis) -> Option<Finding> {
    let slot = node.spec.as_ref().ok()?.slot().ok()?;
    let words = service::beacon_clock(config, &node.health, slot, now)?;
    Some(Finding::warn(
        &format!("beacon {url}: clock"),
        words.as_str(),
        "set this machine's clock by NTP; if it is right, the node is: name another one in beacon.urls",
    ))
}
