//! Stakers and upkeep act by themselves.

use std::sync::Arc;
use std::time::Duration;

use casimir_dkg::devnet::contracts::Manager::ManagerEvents;
use casimir_dkg::devnet::{DevnetOptions, Mining, RequestScript, StakerScript, requests, staker, upkeep};
use casimir_dkg::types::PoolId;

use super::support::{Deposit, as_oracle, devnet, eventually};

#[tokio::test]
async fn a_staker_fills_pools_by_its_script() {
    let net = Arc::new(devnet(DevnetOptions::default()).await);
    let staker = staker(
        Arc::clone(&net),
        StakerScript {
            first: 3,
            then_every: Duration::from_millis(50),
            up_to: 5,
        },
    );
    eventually("five pools are ready", async || {
        net.manager().getReadyPoolIds().call().await.unwrap() == [1, 2, 3, 4, 5]
    })
    .await;
    eventually("the staker is done", async || staker.is_done()).await;
    let events = net.events(0).await.unwrap();
    assert_eq!(events.len(), 5);
    // the first three came in one block
    assert_eq!(events[0].1.block_number, events[2].1.block_number);
    assert_ne!(events[2].1.block_number, events[3].1.block_number);
}

#[tokio::test]
async fn the_upkeep_waits_for_finality() {
    let net = Arc::new(
        devnet(DevnetOptions {
            mining: Mining::Manual,
            ..DevnetOptions::default()
        })
        .await,
    );
    net.deposit_pool(2).await.unwrap();
    let _upkeep = upkeep(Arc::clone(&net), None);
    net.finalize().await.unwrap();
    let deposit = Deposit::new(net.addresses().manager, 1);
    as_oracle(&net, deposit.call(net.options().cluster_layout))
        .await
        .unwrap();
    // one block short of final: whatever the upkeep looks at, the pool is pending
    let epoch = net.options().slots_in_an_epoch;
    net.mine(2 * epoch - 1).await.unwrap();
    tokio::time::sleep(Duration::from_millis(1200)).await;
    assert_eq!(net.manager().getPendingPoolIds().call().await.unwrap(), [1]);
    net.mine(2).await.unwrap();
    eventually("the pool is staked", async || {
        net.manager().getStakedPoolIds().call().await.unwrap() == [1]
    })
    .await;
    assert_eq!(net.manager().getReadyPoolIds().call().await.unwrap(), [2]);
}

#[tokio::test]
async fn a_reshare_and_an_exit_are_requested_by_the_script() {
    let net = Arc::new(devnet(DevnetOptions::default()).await);
    let layout = net.options().cluster_layout;
    net.deposit_pool(2).await.unwrap();
    for seed in 1..=2_u8 {
        let mut deposit = Deposit::new(net.addresses().manager, seed);
        // another committee each time, so that each has a fresh cluster
        deposit.operators.iter_mut().for_each(|id| *id += u64::from(seed));
        as_oracle(&net, deposit.call(layout)).await.unwrap();
    }
    let script = RequestScript {
        reshare_after: Some(Duration::ZERO),
        exit_after: Some(Duration::ZERO),
    };
    let actor = requests(Arc::clone(&net), script);
    net.report_staked(PoolId(1)).await.unwrap();
    net.report_staked(PoolId(2)).await.unwrap();
    eventually("both are requested", async || actor.is_done()).await;
    let events = net.events(0).await.unwrap();
    let asked = |wanted: fn(&ManagerEvents) -> Option<u32>| {
        let pools: Vec<u32> = events.iter().filter_map(|(event, _)| wanted(event)).collect();
        pools
    };
    let reshares = asked(|event| match event {
        ManagerEvents::PoolReshareRequested(e) => Some(e.poolId),
        _ => None,
    });
    let exits = asked(|event| match event {
        ManagerEvents::PoolExitRequested(e) => Some(e.poolId),
        _ => None,
    });
    assert_eq!((reshares, exits), (vec![1], vec![2]));
}
