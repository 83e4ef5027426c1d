//! The levers on the chain itself.

use alloy::eips::BlockNumberOrTag;
use alloy::providers::Provider;
use casimir_dkg::devnet::{DevnetOptions, Mining};
use casimir_dkg::types::PoolId;

use super::support::devnet;

#[tokio::test]
async fn a_reorg_takes_a_request_away() {
    let net = devnet(DevnetOptions::default()).await;
    net.mine(3).await.unwrap();
    assert_eq!(net.deposit_pool(1).await.unwrap(), [PoolId(1)]);
    let height = net.block_number().await.unwrap();
    let hash = |number| {
        let provider = net.provider().clone();
        async move {
            let block = provider
                .get_block_by_number(BlockNumberOrTag::Number(number))
                .await;
            block.unwrap().unwrap().header.hash
        }
    };
    let (parent, head) = (hash(height - 1).await, hash(height).await);
    assert_eq!(net.events(0).await.unwrap().len(), 1);
    net.reorg(1).await.unwrap();
    assert_eq!(net.block_number().await.unwrap(), height);
    assert_eq!(hash(height - 1).await, parent, "a block below the depth stays");
    assert_ne!(hash(height).await, head, "the newest block is another one");
    assert_eq!(net.events(0).await.unwrap().len(), 0);
    assert!(net.manager().getReadyPoolIds().call().await.unwrap().is_empty());
}

#[tokio::test]
async fn blocks_come_when_they_are_asked_for_and_epochs_make_them_final() {
    let net = devnet(DevnetOptions {
        mining: Mining::Manual,
        slots_in_an_epoch: 2,
        ..DevnetOptions::default()
    })
    .await;
    assert_eq!(
        net.block_number().await.unwrap(),
        2,
        "the deployment is two blocks"
    );
    net.mine(4).await.unwrap();
    assert_eq!(net.block_number().await.unwrap(), 6);
    let finalized = net
        .provider()
        .get_block_by_number(BlockNumberOrTag::Finalized)
        .await;
    assert_eq!(finalized.unwrap().unwrap().header.number, 2);
    // the network's own actors mine what they do
    assert_eq!(net.deposit_pool(2).await.unwrap(), [PoolId(1), PoolId(2)]);
    assert_eq!(net.block_number().await.unwrap(), 7);
    net.finalize().await.unwrap();
    let finalized = net
        .provider()
        .get_block_by_number(BlockNumberOrTag::Finalized)
        .await;
    assert!(finalized.unwrap().unwrap().header.number >= 7);
}

#[tokio::test]
async fn blocks_come_by_the_clock() {
    let net = devnet(DevnetOptions {
        mining: Mining::EverySeconds(1),
        ..DevnetOptions::default()
    })
    .await;
    let start = net.block_number().await.unwrap();
    let deadline = tokio::time::Instant::now() + crate::TIMEOUT;
    while net.block_number().await.unwrap() < start + 2 {
        assert!(tokio::time::Instant::now() < deadline, "no blocks come");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert_eq!(net.deposit_pool(1).await.unwrap(), [PoolId(1)]);
}
