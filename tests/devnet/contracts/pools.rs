//! A pool after its deposit: its lists, exits and reshares.

use alloy::primitives::U256;
use alloy::sol_types::SolCall;
use casimir_dkg::devnet::DevnetOptions;
use casimir_dkg::devnet::contracts::{Manager, ManagerActors};
use casimir_dkg::types::{ClusterLayout, PoolId};

use super::super::support::{Deposit, Reshare, as_oracle, devnet, refused};
use super::with_layout;

#[tokio::test]
async fn a_pool_lives_by_its_lists() {
    let layout = ClusterLayout::ActiveThenBalance;
    let net = with_layout(layout).await;
    let manager = net.manager();
    // a pool is requested when it is full, not before
    let (staker, to) = (net.accounts().staker, net.addresses().manager);
    let ether = |n: u64| U256::from(n) * U256::from(10_u64.pow(18));
    let stake = |n| {
        net.send(
            "stake",
            staker,
            to,
            ether(n),
            ManagerActors::depositCall {}.abi_encode(),
        )
    };
    stake(20).await.unwrap();
    assert!(manager.getReadyPoolIds().call().await.unwrap().is_empty());
    stake(50).await.unwrap();
    assert_eq!(manager.getReadyPoolIds().call().await.unwrap(), [1, 2]);
    assert_eq!(manager.getPool(3).call().await.unwrap().deposits, ether(6));

    let pool = PoolId(1);
    refused(net.report_staked(pool).await, "Pool is not pending");
    refused(net.request_exit(pool).await, "Pool is not staked");
    as_oracle(&net, Deposit::new(to, 1).call(layout)).await.unwrap();
    net.report_staked(pool).await.unwrap();
    assert_eq!(manager.getStakedPoolIds().call().await.unwrap(), [1]);
    assert!(manager.getPendingPoolIds().call().await.unwrap().is_empty());
    refused(net.report_exited(pool).await, "Pool is not exiting");

    net.request_reshare(pool).await.unwrap();
    net.request_exit(pool).await.unwrap();
    assert!(manager.getPool(1).call().await.unwrap().exiting);
    assert_eq!(
        manager.getExitingValidatorCount().call().await.unwrap(),
        U256::ONE
    );
    refused(net.request_exit(pool).await, "Pool is already exiting");
    net.report_exited(pool).await.unwrap();
    let deleted = manager.getPool(1).call().await.unwrap();
    assert!(deleted.publicKey.is_empty() && deleted.deposits.is_zero() && !deleted.exiting);
    assert!(manager.getStakedPoolIds().call().await.unwrap().is_empty());
    assert!(manager.getValidatorPublicKeys().call().await.unwrap().is_empty());

    // the upkeep's deeds are the upkeep's
    let call = ManagerActors::requestReshareCall { poolId: 2 };
    let answer = net
        .send("a stranger's call", staker, to, U256::ZERO, call.abi_encode())
        .await;
    refused(answer, "Only upkeep can report");

    use Manager::ManagerEvents as Event;
    let events: Vec<String> = net
        .events(0)
        .await
        .unwrap()
        .into_iter()
        .map(|(event, _)| match event {
            Event::PoolDepositRequested(e) => format!("deposit requested {}", e.poolId),
            Event::PoolDepositInitiated(e) => format!("deposit initiated {}", e.poolId),
            Event::PoolDeposited(e) => format!("deposited {}", e.poolId),
            Event::PoolReshareRequested(e) => format!("reshare requested {}", e.poolId),
            Event::PoolReshared(e) => format!("reshared {}", e.poolId),
            Event::PoolExitRequested(e) => format!("exit requested {}", e.poolId),
            Event::PoolExited(e) => format!("exited {}", e.poolId),
        })
        .collect();
    assert_eq!(
        events,
        [
            "deposit requested 1",
            "deposit requested 2",
            "deposit initiated 1",
            "deposited 1",
            "reshare requested 1",
            "exit requested 1",
            "exited 1",
        ]
    );
}

#[tokio::test]
async fn a_reshare_is_forgotten_or_stored() {
    for stores_reshare in [false, true] {
        let net = devnet(DevnetOptions {
            stores_reshare,
            ..DevnetOptions::default()
        })
        .await;
        let layout = net.options().cluster_layout;
        let to = net.addresses().manager;
        net.deposit_pool(1).await.unwrap();
        as_oracle(&net, Deposit::new(to, 1).call(layout)).await.unwrap();
        net.report_staked(PoolId(1)).await.unwrap();
        let reshare = |last: u64| {
            Reshare::resharePoolCall {
                poolId: 1,
                operatorIds: vec![1, 2, 3, last],
                shares: vec![9; 10].into(),
            }
            .abi_encode()
        };
        for last in 5..8 {
            as_oracle(&net, reshare(last)).await.unwrap();
        }
        let pool = net.manager().getPool(1).call().await.unwrap();
        let fourth = as_oracle(&net, reshare(8)).await;
        if stores_reshare {
            assert_eq!(pool.operatorIds, [1, 2, 3, 7]);
            assert_eq!(pool.reshareCount, U256::from(3));
            assert_eq!(pool.shares, vec![9; 10]);
            refused(fourth, "Pool has been reshared twice");
        } else {
            assert_eq!(pool.operatorIds, [1, 2, 3, 4]);
            assert_eq!(pool.reshareCount, U256::ZERO);
            fourth.unwrap();
        }
        let reshared = net.events(0).await.unwrap();
        let reshared = reshared
            .iter()
            .filter(|(event, _)| matches!(event, Manager::ManagerEvents::PoolReshared(_)));
        assert_eq!(reshared.count(), if stores_reshare { 3 } else { 4 });
    }
}
