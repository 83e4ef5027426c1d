//! What really happened outside, whatever the core believes.

use super::*;

/// The chain as it stands at one block. A reorganisation goes back to an earlier one.
#[derive(Clone, Default)]
pub(super) struct Chain {
    /// Ready queue of the contract, and who served which pool: (transaction, key).
    pub(super) ready: Vec<PoolId>,
    pub(super) served: BTreeMap<PoolId, Vec<(Root, BlsPublicKey)>>,
    /// Events of that, in order.
    pub(super) fulfilled: Vec<(PoolId, LogRef)>,
    pub(super) owner_nonce: u64,
    pub(super) account_nonce: u64,
    pub(super) mined: BTreeMap<Root, (BlockRef, bool, Option<PoolId>)>,
    /// Nonces of the account that somebody else used.
    pub(super) strange: BTreeMap<u64, (BlockRef, Root)>,
    /// Requests that stand in it.
    pub(super) requests: BTreeMap<PoolId, LogRef>,
}

/// What really happened outside, whatever the core believes.
#[derive(Default)]
pub(super) struct Outside {
    pub(super) height: u64,
    /// Tells blocks of one height apart.
    pub(super) branch: u8,
    pub(super) chain: Chain,
    /// The chain at the blocks below, newest last, as far as a reorganisation goes.
    pub(super) older: VecDeque<Chain>,
    /// Bytes that reached a node: (nonce, hash, key, registration nonce).
    pub(super) pool: BTreeMap<Root, (u64, BlsPublicKey, u64)>,
    /// Bytes of somebody else that wait at the nodes, by nonce.
    pub(super) strange_pool: BTreeMap<u64, Root>,
    /// Ceremonies whose start message left, by id.
    pub(super) started: BTreeMap<RequestId, u32>,
    pub(super) keys: u8,
    /// How ceremonies really ended, known to the core or not.
    pub(super) outcomes: BTreeMap<RequestId, Result<Box<CeremonySuccess>, CeremonyFailure>>,
}

impl Outside {
    pub(super) fn head(&self) -> BlockRef {
        block(self.height, self.branch)
    }

    pub(super) fn is_final(&self, block: BlockRef) -> bool {
        block.number + FINAL_AFTER <= self.height
    }

    /// The account's next nonce behind what waits at the nodes.
    pub(super) fn pending_nonce(&self) -> u64 {
        let waits = |nonce: &u64| {
            self.strange_pool.contains_key(nonce) || self.pool.values().any(|entry| entry.0 == *nonce)
        };
        let first = self.chain.account_nonce;
        (first..).find(|nonce| !waits(nonce)).unwrap_or(first)
    }

    /// A new block on top, with nothing in it yet.
    pub(super) fn grow(&mut self) {
        self.older.push_back(self.chain.clone());
        if self.older.len() as u64 > FINAL_AFTER {
            self.older.pop_front();
        }
        self.height += 1;
    }
}
