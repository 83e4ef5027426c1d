//! Why transactions of ours reverted, kept: finding it out is many questions to a node, and a transaction that reverted is
//! looked at again and again until its block is final.

use std::collections::VecDeque;

use tokio::sync::Mutex;

use crate::ports::{Answer, RevertReason, Transactions};
use crate::types::{BlockRef, Root};

/// Kept at the same time: more than can be open, and the oldest goes first.
const MOST: usize = 64;
/// Nodes that cannot tell are asked again, because they may have lagged; and so often in all.
const TRIES: u32 = 3;

/// By transaction and block: after a reorganisation it may have reverted for another reason.
#[derive(Debug, Default)]
pub(super) struct Reasons {
    /// Held while somebody is asked, so that two who want the same reason ask once.
    kept: Mutex<VecDeque<CachedReason>>,
}

#[derive(Debug)]
struct CachedReason {
    of: (Root, BlockRef),
    tries: u32,
    found: Option<RevertReason>,
}

impl Reasons {
    /// None where nobody can tell.
    pub(super) async fn of(
        &self,
        ask: &dyn Transactions,
        transaction: Root,
        block: BlockRef,
    ) -> Option<RevertReason> {
        let of = (transaction, block);
        let mut kept = self.kept.lock().await;
        let place = kept.iter().position(|kept| kept.of == of);
        let mut one = match place.and_then(|place| kept.remove(place)) {
            Some(known) => known,
            None => CachedReason {
                of,
                tries: 0,
                found: None,
            },
        };
        if one.found.is_none() && one.tries < TRIES {
            one.tries += 1;
            match ask.why_reverted(transaction, block).await {
                Answer::Yes(reason) => one.found = Some(reason),
                Answer::No(why) => tracing::debug!(target: "tx", %transaction, %why, "no reason of a revert"),
                Answer::NotKnown(why) => {
                    tracing::debug!(target: "tx", %transaction, %why, "no reason of a revert");
                }
            }
        }
        let found = one.found.clone();
        kept.truncate(MOST - 1);
        kept.push_front(one);
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::fakes::FakeTransactions;

    fn block(number: u64) -> BlockRef {
        BlockRef {
            number,
            hash: Root([1; 32]),
        }
    }

    #[tokio::test]
    async fn a_reason_is_looked_up_once_for_each_transaction_and_block() {
        let (nodes, reasons) = (FakeTransactions::default(), Reasons::default());
        nodes.say_reverted("No ready pools");
        let ask = async |transaction: u8, number: u64| {
            let found = reasons.of(&nodes, Root([transaction; 32]), block(number)).await;
            found.unwrap().revert.reason.to_string()
        };
        for _ in 0..3 {
            assert_eq!(ask(1, 7).await, "No ready pools");
        }
        assert_eq!(nodes.explained(), [(Root([1; 32]), block(7))]);
        // it came into another block after a reorganisation, and there may be another reason
        nodes.say_reverted("IncorrectClusterState");
        assert_eq!(ask(1, 8).await, "IncorrectClusterState");
        assert_eq!(ask(2, 8).await, "IncorrectClusterState");
        assert_eq!(ask(1, 7).await, "No ready pools");
        assert_eq!(nodes.explained().len(), 3);
    }

    #[tokio::test]
    async fn nodes_that_cannot_tell_are_asked_a_few_times() {
        let (nodes, reasons) = (FakeTransactions::default(), Reasons::default());
        for _ in 0..10 {
            assert_eq!(reasons.of(&nodes, Root([1; 32]), block(7)).await, None);
        }
        assert_eq!(nodes.explained().len(), TRIES as usize);
    }

    #[tokio::test]
    async fn what_is_kept_is_bounded_and_the_oldest_goes_first() {
        let (nodes, reasons) = (FakeTransactions::default(), Reasons::default());
        nodes.say_reverted("No ready pools");
        for n in 0..=MOST {
            reasons.of(&nodes, Root([1; 32]), block(n as u64)).await;
        }
        assert_eq!(reasons.kept.lock().await.len(), MOST);
        let asked = nodes.explained().len();
        reasons.of(&nodes, Root([1; 32]), block(1)).await;
        assert_eq!(nodes.explained().len(), asked, "it is still there");
        reasons.of(&nodes, Root([1; 32]), block(0)).await;
        assert_eq!(nodes.explained().len(), asked + 1, "the oldest is gone");
    }
}
