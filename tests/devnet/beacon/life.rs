//! A validator's life, from a deposit on anvil to the ether that comes back to anvil.

use alloy::primitives::{Address, U256};
use alloy::providers::Provider;
use alloy::sol_types::SolCall;
use casimir_dkg::beacon::roots::deposit_data_root;
use casimir_dkg::devnet::beacon::{BeaconSpec, Deposit, DevBeacon, Status, interop_secret};
use casimir_dkg::devnet::contracts::Depositor;
use casimir_dkg::devnet::{Devnet, DevnetOptions, Mining};
use casimir_dkg::types::{BlsSignature, Root};

use super::{EXITS, capella, deposit, exit, get, manual, post, secret, start};
use crate::devnet::support::{devnet, eventually};

#[tokio::test]
async fn genesis_has_the_root_that_lodestar_gives_it() {
    // 16 interop validators: the root that Lodestar 1.5.1 reports for its own development chain
    let beacon = manual().await;
    assert_eq!(
        beacon.genesis_validators_root().to_string(),
        "0x05d79a31a8e69ecd78114c50ce73116be33027d8431b82fff6c0b3cd9c2cbb1f"
    );
    let first = interop_secret(0).public_key().to_string();
    assert!(
        first.starts_with("0xa99a76ed") && first.ends_with("e44c"),
        "{first}"
    );
}

fn credentials(address: Address) -> Root {
    let mut bytes = [0; 32];
    bytes[0] = 1;
    bytes[12..].copy_from_slice(address.as_slice());
    Root(bytes)
}

/// Sends a deposit to the deposit contract.
async fn send(net: &Devnet, deposit: &Deposit) {
    let root = deposit_data_root(
        &deposit.public_key,
        &deposit.withdrawal_credentials,
        deposit.amount,
        &deposit.signature,
    );
    let call = Depositor::depositCall {
        pubkey: deposit.public_key.0.to_vec().into(),
        withdrawal_credentials: deposit.withdrawal_credentials.0.to_vec().into(),
        signature: deposit.signature.0.to_vec().into(),
        deposit_data_root: root.0.into(),
    };
    let value = U256::from(deposit.amount) * U256::from(1_000_000_000);
    let (from, to) = (net.accounts().staker, net.addresses().deposit_contract);
    net.send("deposit", from, to, value, call.abi_encode())
        .await
        .unwrap();
}

/// Lets slots pass until the status is another one, and says which; and how many epochs it took.
async fn next_status(beacon: &DevBeacon, seed: u8) -> (Status, u64) {
    let key = secret(seed).public_key();
    let (before, epoch) = (beacon.status(&key), beacon.epoch());
    for _ in 0..100 {
        beacon.advance_slots(1).await;
        let now = beacon.status(&key);
        if now != before {
            return (now.unwrap(), beacon.epoch() - epoch);
        }
    }
    panic!("it stays {before:?} for 100 slots");
}

#[tokio::test]
async fn a_deposit_on_anvil_becomes_a_validator_and_comes_back() {
    let net = devnet(DevnetOptions::default()).await;
    let spec = BeaconSpec::default();
    let beacon = start(spec.clone(), Some(net.http_url())).await;
    let to = Address::repeat_byte(0x77);
    let ours = deposit(1, credentials(to));
    let key = ours.public_key;
    send(&net, &ours).await;
    assert_eq!(beacon.status(&key), None);

    assert_eq!(next_status(&beacon, 1).await.0, Status::PendingInitialized);
    assert_eq!(next_status(&beacon, 1).await.0, Status::PendingQueued);
    assert_eq!(next_status(&beacon, 1).await.0, Status::ActiveOngoing);
    let (index, validator) = beacon.validator(&key).unwrap();
    assert_eq!(index, 16);
    assert_eq!(validator.activation_epoch, beacon.epoch());

    // too young, then of age
    let wish = exit(&beacon, &secret(1), index, beacon.epoch(), capella());
    let (status, body) = post(&beacon, EXITS, &wish).await;
    assert_eq!(status, 400);
    assert!(
        body["message"].as_str().unwrap().contains("TooYoungToExit"),
        "{body}"
    );
    beacon.advance_epochs(spec.shard_committee_period).await;
    assert_eq!(post(&beacon, EXITS, &wish).await.0, 200);
    assert_eq!(beacon.pool(), [wish]);
    let epoch = beacon.epoch();
    assert_eq!(next_status(&beacon, 1).await.0, Status::ActiveExiting);
    assert!(beacon.pool().is_empty(), "it is in a block");
    let slot = beacon.slot();
    let (_, block) = get(&beacon, &format!("/eth/v2/beacon/blocks/{slot}")).await;
    let included = &block["data"]["message"]["body"]["voluntary_exits"];
    assert_eq!(included, &serde_json::json!([wish]));
    let (_, validator) = beacon.validator(&key).unwrap();
    assert_eq!(validator.exit_epoch, epoch + 1 + spec.max_seed_lookahead);

    assert_eq!(next_status(&beacon, 1).await.0, Status::ExitedUnslashed);
    assert_eq!(beacon.epoch(), validator.exit_epoch);
    assert_eq!(next_status(&beacon, 1).await.0, Status::WithdrawalPossible);
    assert_eq!(beacon.epoch(), validator.withdrawable_epoch);
    assert_eq!(next_status(&beacon, 1).await.0, Status::WithdrawalDone);
    eventually("the ether is back", async || {
        let balance = net.provider().get_balance(to).await.unwrap();
        balance == U256::from(32) * U256::from(10).pow(U256::from(18))
    })
    .await;
}

#[tokio::test]
async fn a_wrongly_signed_deposit_is_lost_and_a_top_up_needs_no_signature() {
    let net = devnet(DevnetOptions::default()).await;
    let beacon = start(BeaconSpec::default(), Some(net.http_url())).await;
    let mut bad = deposit(2, credentials(Address::ZERO));
    bad.signature = deposit(3, credentials(Address::ZERO)).signature;
    send(&net, &bad).await;
    beacon.advance_epochs(5).await;
    assert_eq!(beacon.status(&bad.public_key), None);
    let (status, _) = get(
        &beacon,
        &format!("/eth/v1/beacon/states/head/validators/{}", bad.public_key),
    )
    .await;
    assert_eq!(status, 404);

    // signed for other credentials: the same loss
    let mut other = deposit(4, credentials(Address::repeat_byte(1)));
    other.withdrawal_credentials = credentials(Address::repeat_byte(2));
    send(&net, &other).await;
    let good = deposit(5, credentials(Address::ZERO));
    send(&net, &good).await;
    let mut again = good.clone();
    again.signature = BlsSignature([0; 96]);
    send(&net, &again).await;
    beacon.advance_slots(1).await;
    assert_eq!(beacon.status(&other.public_key), None);
    let (_, validator) = beacon.validator(&good.public_key).unwrap();
    assert_eq!(validator.balance, 64_000_000_000);
    beacon.advance_epochs(1).await;
    assert_eq!(
        beacon.validator(&good.public_key).unwrap().1.effective_balance,
        32_000_000_000
    );
}

#[tokio::test]
async fn a_deposit_waits_for_the_blocks_on_top_of_it() {
    let net = devnet(DevnetOptions {
        mining: Mining::Manual,
        ..DevnetOptions::default()
    })
    .await;
    let spec = BeaconSpec {
        follow_distance: 2,
        ..BeaconSpec::default()
    };
    let beacon = start(spec, Some(net.http_url())).await;
    let ours = deposit(6, credentials(Address::ZERO));
    send(&net, &ours).await;
    net.mine(1).await.unwrap();
    beacon.advance_slots(3).await;
    assert_eq!(beacon.status(&ours.public_key), None);
    net.mine(1).await.unwrap();
    beacon.advance_slots(1).await;
    assert!(beacon.status(&ours.public_key).is_some());
}

#[tokio::test]
async fn only_so_many_enter_and_leave_in_an_epoch() {
    let beacon = manual().await;
    for seed in 1..=6 {
        beacon.deposit(&deposit(seed, credentials(Address::ZERO)));
    }
    beacon.advance_epochs(8).await;
    let activation = |seed| {
        beacon
            .validator(&secret(seed).public_key())
            .unwrap()
            .1
            .activation_epoch
    };
    let first = activation(1);
    assert!((2..=4).all(|seed| activation(seed) == first));
    assert_eq!((activation(5), activation(6)), (first + 1, first + 1));

    let epoch = beacon.epoch();
    for index in 0..6 {
        let wish = exit(&beacon, &interop_secret(index), index, epoch, capella());
        assert_eq!(post(&beacon, EXITS, &wish).await.0, 200);
    }
    beacon.advance_slots(1).await;
    let leaves = |index| {
        beacon
            .validator(&interop_secret(index).public_key())
            .unwrap()
            .1
            .exit_epoch
    };
    let first = leaves(0);
    assert!((1..4).all(|index| leaves(index) == first));
    assert_eq!((leaves(4), leaves(5)), (first + 1, first + 1));
}

#[tokio::test]
async fn slots_pass_by_the_clock() {
    let beacon = DevBeacon::start(casimir_dkg::devnet::beacon::BeaconOptions::default())
        .await
        .unwrap();
    eventually("two slots pass", async || beacon.slot() >= 2).await;
    let url = format!("{}/eth/v1/node/health", beacon.url());
    drop(beacon);
    eventually("it stops with its handle", async || {
        reqwest::get(&url).await.is_err()
    })
    .await;
}
