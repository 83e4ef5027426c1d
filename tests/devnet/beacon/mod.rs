//! The development beacon over HTTP.

mod events;
mod exits;
mod faults;
mod life;
mod queries;

use casimir_dkg::beacon::roots::{deposit_signing_root, voluntary_exit_signing_root};
use casimir_dkg::devnet::beacon::{
    BeaconClock, BeaconOptions, BeaconSpec, Deposit, DevBeacon, ExitMessage, SignedExit,
};
use casimir_dkg::dkg::threshold::{SecretScalar, partial_sign};
use casimir_dkg::types::{ForkVersion, Root};
use serde_json::Value;

pub(crate) const EXITS: &str = "/eth/v1/beacon/pool/voluntary_exits";

pub(crate) async fn manual() -> DevBeacon {
    start(BeaconSpec::default(), None).await
}

pub(crate) async fn start(spec: BeaconSpec, execution: Option<String>) -> DevBeacon {
    DevBeacon::start(BeaconOptions {
        clock: BeaconClock::Manual,
        spec,
        execution,
        ..BeaconOptions::default()
    })
    .await
    .unwrap()
}

pub(crate) fn secret(seed: u8) -> SecretScalar {
    SecretScalar::from_be_bytes(&[seed; 32]).unwrap()
}

/// 32 ETH for the key of `seed`, rightly signed.
pub(crate) fn deposit(seed: u8, withdrawal_credentials: Root) -> Deposit {
    let secret = secret(seed);
    let public_key = secret.public_key();
    let amount = 32_000_000_000;
    let fork = BeaconSpec::default().genesis_fork_version;
    let root = deposit_signing_root(&public_key, &withdrawal_credentials, amount, fork);
    Deposit {
        public_key,
        withdrawal_credentials,
        amount,
        signature: partial_sign(&secret, &root.0),
    }
}

/// An exit signed by `secret` under `version`.
pub(crate) fn exit(
    beacon: &DevBeacon,
    secret: &SecretScalar,
    validator_index: u64,
    epoch: u64,
    version: ForkVersion,
) -> SignedExit {
    let root =
        voluntary_exit_signing_root(epoch, validator_index, version, &beacon.genesis_validators_root());
    SignedExit {
        message: ExitMessage {
            epoch,
            validator_index,
        },
        signature: partial_sign(secret, &root.0),
    }
}

pub(crate) fn capella() -> ForkVersion {
    BeaconSpec::default().capella_fork_version
}

pub(crate) async fn get(beacon: &DevBeacon, path: &str) -> (u16, Value) {
    let answer = reqwest::get(format!("{}{path}", beacon.url())).await.unwrap();
    (answer.status().as_u16(), body(answer).await)
}

pub(crate) async fn post(beacon: &DevBeacon, path: &str, json: &impl serde::Serialize) -> (u16, Value) {
    let request = reqwest::Client::new()
        .post(format!("{}{path}", beacon.url()))
        .json(json);
    let answer = request.send().await.unwrap();
    (answer.status().as_u16(), body(answer).await)
}

async fn body(answer: reqwest::Response) -> Value {
    let text = answer.text().await.unwrap();
    serde_json::from_str(&text).unwrap_or(Value::String(text))
}
