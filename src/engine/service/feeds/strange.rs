//! What the oracle's account sent of which the journal knows nothing, looked up by the contract's logs and shown beside the
//! alarm: a person who has to judge it need not go elsewhere for the hashes. It is asked for when there is something new to
//! explain, and again, ever more rarely, while something of it is in no log.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};

use crate::chain::sent::{Asked, Found, LookBack};
use crate::engine::LiveUpdate;
use crate::engine::core::Incoming;
use crate::ports::Unknown;
use crate::types::SafeText;
use crate::view::Snapshot;

/// Between two looks for the same nonces: at first, and at most.
const AGAIN: (Duration, Duration) = (Duration::from_secs(15), Duration::from_secs(3_600));

/// Ends when the core is gone.
pub(super) async fn run(
    look: LookBack,
    mut snapshots: watch::Receiver<Arc<Snapshot>>,
    core: mpsc::Sender<Incoming>,
) {
    let (mut asked, mut pause) = (None, AGAIN.0);
    loop {
        let now = wanted(&snapshots.borrow_and_update());
        let is_new = now != asked;
        if is_new {
            (asked, pause) = (now, AGAIN.0);
        }
        let (told, is_whole) = match &asked {
            None => (None, true),
            Some(asked) => of(look.look(asked).await),
        };
        if (is_new || told.is_some())
            && core
                .send(Incoming::Live(LiveUpdate::Strange(told)))
                .await
                .is_err()
        {
            return;
        }
        let changed = snapshots.wait_for(|s| wanted(s) != asked);
        tokio::select! {
            changed = changed => match changed {
                Ok(_) => {}
                // the core is gone, which ends the feed
                Err(_) => return,
            },
            () = tokio::time::sleep(pause), if !is_whole => pause = (pause * 2).min(AGAIN.1),
            () = core.closed() => return,
        }
    }
}

/// What there is to explain.
fn wanted(snapshot: &Snapshot) -> Option<Asked> {
    let nonces = snapshot.signer.strange.clone();
    let account = snapshot.signer.address.filter(|_| !nonces.is_empty())?;
    Some(Asked { account, nonces })
}

/// In words, and whether nothing is left to be found out.
fn of(found: Result<Found, Unknown>) -> (Option<(SafeText, Vec<SafeText>)>, bool) {
    match found {
        Ok(found) => (Some((found.short(), found.lines())), found.rest.is_empty()),
        Err(why) => {
            let words = SafeText::new(&format!(
                "what the contract's logs say of it is not known yet: {why}"
            ));
            (Some((words, Vec::new())), false)
        }
    }
}

#[cfg(test)]
mod tests {
    use alloy::primitives::{Address, B256};
    use serde_json::json;

    use super::*;
    use crate::chain::rpc::fixture::node_that;
    use crate::chain::rpc::{Rpc, RpcConfig};
    use crate::ports::fakes::FakeManager;
    use crate::types::{BlockRef, Root};
    use crate::view::{Wait, WaitReason};

    const ACCOUNT: Address = Address::repeat_byte(0x51);

    /// A node with its newest block at 200, in which the account sent its transaction 3 in block 110.
    async fn look_back() -> LookBack {
        let (block, sent) = (B256::repeat_byte(1), B256::repeat_byte(2));
        let url = node_that(move |call| match call["method"].as_str().unwrap() {
            "eth_chainId" => json!({"result": "0x1"}),
            "eth_getBlockByNumber" if call["params"][0] == "0x0" => json!({"result": null}),
            "eth_getBlockByNumber" => json!({"result": {
                "number": "0xc8", "hash": block, "parentHash": block, "timestamp": "0x1",
            }}),
            "eth_getLogs" => json!({"result": [{
                "address": ACCOUNT, "topics": [], "data": "0x", "blockNumber": "0x6e", "blockHash": block,
                "logIndex": "0x0", "transactionHash": sent,
            }]}),
            "eth_getTransactionByHash" => json!({"result": {
                "hash": sent, "from": ACCOUNT, "nonce": "0x3", "to": null, "input": "0x", "blockNumber": "0x6e",
                "blockHash": block,
            }}),
            other => panic!("{other}"),
        })
        .await;
        let rpc = Rpc::new(RpcConfig::new(vec![url], 1)).unwrap();
        LookBack::new(rpc, Arc::new(FakeManager::default()), 0)
    }

    /// The journal reads on for 32 blocks before it tells of a stranger's nonce: a run that begins then looked behind the
    /// transaction only.
    #[tokio::test]
    async fn a_run_that_begins_behind_the_transaction_or_while_everything_is_paused_finds_it() {
        for is_paused in [false, true] {
            let mut begins = crate::view::fixture::busy();
            begins.chain.cursor = Some(BlockRef {
                number: 120,
                hash: Root::default(),
            });
            begins.signer.address = Some(ACCOUNT);
            begins.signer.strange.clear();
            begins.waits.clear();
            if is_paused {
                let words = "nonce 3 is not in this journal";
                begins
                    .waits
                    .push(Wait::new(WaitReason::ForeignTransaction, words));
            }
            let mut knows = begins.clone();
            knows.signer.strange = vec![(3, 3)];
            let (show, snapshots) = watch::channel(Arc::new(begins));
            let (core, mut told) = mpsc::channel(8);
            let feed = tokio::spawn(run(look_back().await, snapshots, core));
            let mut next = async || match told.recv().await {
                Some(Incoming::Live(LiveUpdate::Strange(told))) => told,
                _ => panic!("something else"),
            };
            show.send_replace(Arc::new(knows.clone()));
            let (_, lines) = next().await.unwrap();
            assert!(
                lines[0].as_str().starts_with("nonce 3: ") && lines[0].as_str().contains("in block 110 "),
                "{lines:?}"
            );
            // a person has looked
            knows.signer.strange.clear();
            show.send_replace(Arc::new(knows));
            assert_eq!(next().await, None);
            feed.abort();
        }
    }
}
