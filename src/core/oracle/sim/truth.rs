//! What really is so outside, whatever the core believes.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::oracle::{CeremonySuccess, ExitStanding, Fulfilment, ValidatorPhase};
use crate::types::*;

/// Blocks that a reorganisation may drop.
pub(super) const FINAL_AFTER: u64 = 3;

/// In what versions of the manager and DKG backends differ, as far as the core notices.
#[derive(Debug, Clone, Copy)]
pub(super) struct Adapters {
    /// The manager asks for reshares and exits by events; otherwise people open them.
    pub(super) asks: bool,
    /// How many reshares of one pool the manager takes.
    pub(super) reshares: usize,
    /// A deposit names its pool, and none waits for another.
    pub(super) by_id: bool,
    /// The backend signs the SSV registration within the key generation.
    pub(super) registers_with_key: bool,
    /// One endpoint is configured, and nobody contradicts it.
    pub(super) one_voice: bool,
}

impl Adapters {
    pub(super) const PLAIN: Self = Self {
        asks: true,
        reshares: usize::MAX,
        by_id: false,
        registers_with_key: false,
        one_voice: false,
    };
}

impl Default for Adapters {
    fn default() -> Self {
        Self::PLAIN
    }
}

/// What an event of the manager says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Said {
    Asked(RequestKind),
    Did(Fulfilment),
}

impl Said {
    /// Whether the contract's state says so as well, whatever a log tells.
    pub(super) fn is_in_state(self) -> bool {
        matches!(
            self,
            Self::Asked(RequestKind::Deposit) | Self::Did(Fulfilment::DepositInitiated | Fulfilment::Exited)
        )
    }
}

/// One event of the manager.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Event {
    pub(super) said: Said,
    pub(super) pool: PoolId,
    pub(super) log: LogRef,
}

/// What became of a transaction of the oracle.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mined {
    pub(super) nonce: u64,
    pub(super) block: BlockRef,
    pub(super) success: bool,
    pub(super) served: Option<PoolId>,
    /// Somebody else's registration came before it.
    pub(super) overtaken: bool,
}

/// The chain as it stands at one block. A reorganisation goes back to an earlier one.
#[derive(Debug, Clone, Default)]
pub(super) struct Chain {
    pub(super) height: u64,
    /// Tells blocks of one height apart.
    pub(super) branch: u8,
    pub(super) ready: Vec<PoolId>,
    /// Pools that were deposited for, and in which block.
    pub(super) pending: BTreeMap<PoolId, u64>,
    pub(super) staked: BTreeSet<PoolId>,
    /// Pools whose exit the contract reported.
    pub(super) left: BTreeSet<PoolId>,
    /// The contract's key of each pool.
    pub(super) keys: BTreeMap<PoolId, BlsPublicKey>,
    /// Every registration that went through, by its pool: the transaction and its key.
    pub(super) deposits: BTreeMap<PoolId, Vec<(Root, BlsPublicKey)>>,
    pub(super) reshares: BTreeMap<PoolId, Vec<Root>>,
    /// Since when keys are on the beacon chain.
    pub(super) since: BTreeMap<BlsPublicKey, u64>,
    pub(super) events: Vec<Event>,
    pub(super) owner_nonce: u64,
    /// The registration nonces that the oracle's own transactions went through with.
    pub(super) numbers: BTreeMap<u64, Root>,
    pub(super) account_nonce: u64,
    pub(super) mined: BTreeMap<Root, Mined>,
    /// Nonces of the account that somebody else used.
    pub(super) strange: BTreeMap<u64, (BlockRef, Root)>,
}

/// What a transaction of the oracle asks the manager for. The bytes that are signed hold it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Call {
    /// The pool, for a reshare.
    pub(super) reshares: Option<PoolId>,
    /// The pool, for a deposit that names it; another one serves whoever is at the head of the queue.
    pub(super) deposits: Option<PoolId>,
    pub(super) key: BlsPublicKey,
    /// The SSV nonce that the registration is for.
    pub(super) registration: u64,
}

impl Call {
    pub(super) const BYTES: usize = 64;

    pub(super) fn data(&self) -> Vec<u8> {
        let named = [self.reshares, self.deposits].map(|pool| pool.map_or(0, |pool| pool.0).to_be_bytes());
        let mut data = named.concat();
        data.extend(self.key.0);
        data.extend(self.registration.to_be_bytes());
        data
    }

    pub(super) fn read(raw: &[u8]) -> Self {
        let named = |at: usize| {
            let pool = u32::from_be_bytes(raw[at..at + 4].try_into().unwrap());
            (pool > 0).then_some(PoolId(pool))
        };
        Self {
            reshares: named(0),
            deposits: named(4),
            key: BlsPublicKey(raw[8..56].try_into().unwrap()),
            registration: u64::from_be_bytes(raw[56..64].try_into().unwrap()),
        }
    }
}

/// Bytes that reached a node.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pooled {
    pub(super) nonce: u64,
    pub(super) fee: u64,
    pub(super) call: Call,
}

/// Everything outside.
#[derive(Debug, Default)]
pub(super) struct Outside {
    /// Reorganisations so far.
    pub(super) branch: u8,
    pub(super) adapters: Adapters,
    pub(super) chain: Chain,
    /// The block of each height.
    pub(super) blocks: BTreeMap<u64, BlockRef>,
    /// Events that never were, and that an endpoint goes on telling.
    pub(super) lies: Vec<Event>,
    /// The chain at the blocks below, newest last, as far as a reorganisation goes.
    pub(super) older: VecDeque<Chain>,
    pub(super) pool: BTreeMap<Root, Pooled>,
    /// Bytes of somebody else that wait at the nodes, by nonce.
    pub(super) strange_pool: BTreeMap<u64, Root>,
    pub(super) base_fee: u64,
    /// Ceremonies whose start message left, by id.
    pub(super) started: BTreeMap<RequestId, u32>,
    pub(super) keys: u8,
    /// How ceremonies really ended, known to the core or not.
    pub(super) outcomes: BTreeMap<RequestId, Result<Box<CeremonySuccess>, CeremonyFailure>>,
    /// Exits that beacon nodes have, and exits in blocks, by the block.
    pub(super) exit_pool: BTreeSet<BlsPublicKey>,
    pub(super) exits: BTreeMap<BlsPublicKey, u64>,
    /// What an exit's signature must be over now.
    pub(super) exit_root: u8,
    /// What comes of the next offers of an exit, where that is written down.
    pub(super) script: VecDeque<ExitStanding>,
    /// Offers of exits that reached the nodes: when, and what was signed.
    pub(super) offers: Vec<(u64, Root)>,
    /// How far every validator is, where a test says so; and the beacon chain knows none.
    pub(super) phase: Option<ValidatorPhase>,
    pub(super) no_validator: bool,
    /// From when on exits are taken.
    pub(super) exits_from: u64,
    /// Why the desk cannot tell whether an exit may leave.
    pub(super) untold: Option<&'static str>,
}

impl Chain {
    pub(super) fn at(&self) -> BlockRef {
        let mut hash = [self.branch; 32];
        hash[..8].copy_from_slice(&self.height.to_be_bytes());
        BlockRef {
            number: self.height,
            hash: Root(hash),
        }
    }
}

impl Outside {
    pub(super) fn height(&self) -> u64 {
        self.chain.height
    }

    pub(super) fn is_final(&self, block: u64) -> bool {
        block + FINAL_AFTER <= self.height()
    }

    pub(super) fn finalized(&self) -> BlockRef {
        self.older.front().map_or(self.chain.at(), Chain::at)
    }

    /// The account's next nonce behind what waits at the nodes.
    pub(super) fn pending_nonce(&self) -> u64 {
        let waits = |nonce: &u64| {
            self.strange_pool.contains_key(nonce) || self.pool.values().any(|entry| entry.nonce == *nonce)
        };
        let first = self.chain.account_nonce;
        (first..).find(|nonce| !waits(nonce)).unwrap_or(first)
    }

    pub(super) fn has(&self, block: BlockRef) -> bool {
        self.blocks.get(&block.number) == Some(&block)
    }

    /// Whether a log is told of, true or false.
    pub(super) fn is_told(&self, event: &Event) -> bool {
        self.chain.events.contains(event) || self.lies.contains(event)
    }

    /// A new block on top, with nothing in it yet.
    pub(super) fn grow(&mut self) {
        self.older.push_back(self.chain.clone());
        if self.older.len() as u64 > FINAL_AFTER {
            self.older.pop_front();
        }
        self.chain.height += 1;
        self.chain.branch = self.branch;
        self.blocks.insert(self.chain.height, self.chain.at());
    }
}
