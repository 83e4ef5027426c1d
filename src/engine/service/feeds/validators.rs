//! The validators of all pools: who they are as the contract has it, how they are as the beacon chain has it. Read again
//! when the contract's lists change, when a beacon node hints that it may have changed, and now and then.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};

use super::beacon::News;
use crate::engine::LiveUpdate;
use crate::engine::core::Incoming;
use crate::oracle::ChainFacts;
use crate::ports::consensus::Heard;
use crate::ports::{At, Consensus, PoolManager};
use crate::types::{BlockRef, PoolId, SafeText};
use crate::view::{Can, ValidatorView};

/// Lists that did not change are read again after this many blocks: a reshare changes no list.
const REREAD_BLOCKS: u64 = 8;

/// Pools that are read one right after the other; the rest leaves the endpoint's budget to what waits for it.
const READ_AT_ONCE: usize = 8;
const BREATH: Duration = Duration::from_millis(250);

/// The contract's lists of pools with a validator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Lists {
    block: BlockRef,
    pending: Vec<PoolId>,
    staked: Vec<PoolId>,
}

impl Lists {
    /// The lists in a view of the contract, if it is one.
    pub(super) fn of(facts: &ChainFacts) -> Option<Self> {
        Some(Self {
            block: facts.head?,
            pending: facts.pending.clone(),
            staked: facts.staked.clone(),
        })
    }
}

/// Who is asked.
#[derive(Debug)]
pub(super) struct Sources {
    pub(super) manager: Arc<dyn PoolManager>,
    /// Nobody, where no beacon node is configured.
    pub(super) consensus: Option<Arc<dyn Consensus>>,
}

/// Ends when the chain feed or the core is gone.
pub(super) async fn run(
    from: Sources,
    mut lists: watch::Receiver<Option<Lists>>,
    mut news: watch::Receiver<News>,
    core: mpsc::Sender<Incoming>,
) {
    let mut pane = Pane::default();
    // without beacon nodes nobody sends any
    let mut hinted = true;
    loop {
        tokio::select! {
            changed = lists.changed() => {
                if changed.is_err() {
                    return;
                }
                let newest = lists.borrow_and_update().clone();
                if let Some(newest) = newest {
                    pane.read(&from, newest).await;
                }
            }
            changed = news.changed(), if hinted => {
                hinted = changed.is_ok();
                let heard = *news.borrow_and_update();
                if hinted && pane.wants(heard) {
                    pane.ask_beacon(from.consensus.as_deref()).await;
                }
            }
        }
        if pane.alone != pane.said_alone {
            pane.said_alone.clone_from(&pane.alone);
            let update = LiveUpdate::Alarm("beacon-voices", pane.alone.clone());
            if core.send(Incoming::Live(update)).await.is_err() {
                return;
            }
        }
        if pane.views != pane.told {
            pane.told.clone_from(&pane.views);
            let update = LiveUpdate::Validators(pane.views.clone());
            if core.send(Incoming::Live(update)).await.is_err() {
                return;
            }
        }
    }
}

#[derive(Default)]
struct Pane {
    lists: (Vec<PoolId>, Vec<PoolId>),
    read_at: u64,
    views: Vec<ValidatorView>,
    told: Vec<ValidatorView>,
    heard: News,
    /// An exit was heard of, maybe before its block: every head may have it, until the epoch turns.
    exit_under_way: bool,
    /// Of whom one beacon node alone tells, though others are configured, in words.
    alone: SafeText,
    said_alone: SafeText,
}

impl Pane {
    /// Whether what was heard is a reason to ask the beacon nodes: statuses change when an epoch begins, and when an
    /// exit is taken into a block.
    fn wants(&mut self, heard: News) -> bool {
        let before = std::mem::replace(&mut self.heard, heard);
        let (turned, exits) = (heard.turns != before.turns, heard.exits != before.exits);
        let wants = turned || exits || self.exit_under_way;
        self.exit_under_way = exits || (self.exit_under_way && !turned);
        wants && !self.views.is_empty()
    }

    /// Reads the contract at a block, unless nothing can have changed. What cannot be read is read again at the next.
    async fn read(&mut self, from: &Sources, newest: Lists) {
        let block = newest.block;
        let lists = (newest.pending, newest.staked);
        if lists == self.lists && block.number < self.read_at + REREAD_BLOCKS {
            return;
        }
        let limit = from.manager.capabilities().reshare_limit();
        let mut views = BTreeMap::new();
        for (pools, status) in [(&lists.0, "deposited"), (&lists.1, "staked")] {
            for pool in pools {
                if views.len() >= READ_AT_ONCE {
                    tokio::time::sleep(BREATH).await;
                }
                let Some(view) = from.manager.pool(*pool, At::block(block)).await.yes() else {
                    return;
                };
                let Some(public_key) = view.public_key else {
                    continue;
                };
                let Some(committee) = from.manager.committee(*pool, block).await.yes() else {
                    return;
                };
                let status = if view.exiting { "exiting" } else { status };
                views.insert(
                    *pool,
                    ValidatorView {
                        pool: *pool,
                        public_key,
                        operators: committee.operator_ids,
                        index: None,
                        status: SafeText::new(status),
                        reshares: (committee.reshare_count, limit),
                        // filled in by the engine, which knows the cases
                        can_reshare: Can::Yes,
                        can_exit: Can::Yes,
                    },
                );
            }
        }
        self.lists = lists;
        self.read_at = block.number;
        self.views = views.into_values().collect();
        self.ask_beacon(from.consensus.as_deref()).await;
    }

    /// Without an answer the contract's word stands, or what was seen before.
    async fn ask_beacon(&mut self, consensus: Option<&dyn Consensus>) {
        let Some(beacon) = consensus else {
            return;
        };
        let keys: Vec<_> = self.views.iter().map(|v| v.public_key).collect();
        let answers = beacon.validators(&keys).await;
        let alone: Vec<SafeText> = answers.iter().filter_map(|told| told.alone.clone()).collect();
        for found in answers.into_iter().filter_map(Heard::yes) {
            for view in self.views.iter_mut().filter(|v| v.public_key == found.public_key) {
                view.index = Some(found.index);
                view.status = SafeText::new(&found.status.to_string());
            }
        }
        self.alone = match alone.as_slice() {
            [] => SafeText::default(),
            [one] => one.clone(),
            [first, rest @ ..] => SafeText::new(&format!("{first}; and {} more", rest.len())),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::consensus::NodeState;
    use crate::ports::fakes::{FakeConsensus, FakeNode};
    use crate::types::BlsPublicKey;

    #[tokio::test]
    async fn whom_one_beacon_node_alone_tells_of_is_said_until_a_second_one_does() {
        let beacon = FakeConsensus::of(vec![FakeNode::healthy("a", &[]), FakeNode::healthy("b", &[])]);
        beacon.nodes_mut()[1].state = NodeState::NotSynced;
        let mut pane = Pane {
            views: vec![view(), view(), view()],
            ..Pane::default()
        };
        pane.ask_beacon(Some(&beacon)).await;
        assert_eq!(pane.alone.as_str(), "it is told by a alone; and 2 more");
        beacon.nodes_mut()[1].state = NodeState::Healthy;
        pane.ask_beacon(Some(&beacon)).await;
        assert_eq!(pane.alone.as_str(), "");
    }

    fn view() -> ValidatorView {
        ValidatorView {
            pool: PoolId(1),
            public_key: BlsPublicKey::default(),
            operators: Vec::new(),
            index: None,
            status: SafeText::default(),
            reshares: (0, 3),
            can_reshare: Can::Yes,
            can_exit: Can::Yes,
        }
    }

    #[test]
    fn statuses_are_asked_for_when_they_may_have_changed() {
        let mut pane = Pane::default();
        let mut heard = News::default();
        let mut hear = |pane: &mut Pane, change: fn(&mut News)| {
            change(&mut heard);
            pane.wants(heard)
        };
        assert!(!hear(&mut pane, |n| n.turns += 1), "there is nobody to ask for");
        pane.views = vec![view()];
        assert!(
            !hear(&mut pane, |n| n.heads += 1),
            "a head in the middle of an epoch"
        );
        assert!(hear(&mut pane, |n| n.turns += 1));
        assert!(hear(&mut pane, |n| n.exits += 1));
        assert!(hear(&mut pane, |n| n.heads += 1), "it may be in this block");
        assert!(hear(&mut pane, |n| n.turns += 1));
        assert!(!hear(&mut pane, |n| n.heads += 1));
    }
}
