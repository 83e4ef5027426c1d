//! The execution chain, beyond the manager and SSV: blocks, accounts, calls that are tried out, and the beacon chain's
//! deposit contract.

use std::fmt;

use alloy::primitives::{Address, B256, Bytes, U256};
use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::Answer;
use crate::types::{BlockRef, BlsPublicKey, LogRef, Root, SafeText};

/// The state of which block a question is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum At {
    /// Exactly this block, by hash (EIP-1898).
    Hash(B256),
    /// This height, whatever block is there.
    Number(u64),
    /// The newest block.
    Latest,
    /// The newest block and what waits to be mined.
    Pending,
    /// The newest finalized block.
    Finalized,
}

impl At {
    /// By the hash of `block`.
    #[must_use]
    pub fn block(block: BlockRef) -> Self {
        Self::Hash(B256::from(block.hash.0))
    }
}

/// The newest block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeadBlock {
    /// Number and hash.
    pub block: BlockRef,
    /// Its time, seconds since the Unix epoch.
    pub timestamp: u64,
    /// Its base fee, wei for each gas; none before EIP-1559.
    pub base_fee_wei: Option<U256>,
}

/// What a contract logged, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    /// The contract.
    pub address: Address,
    /// Topic 0 is the event's, then the indexed arguments.
    pub topics: Vec<B256>,
    /// The other arguments.
    pub data: Bytes,
    /// Block, transaction, index in the block.
    pub at: LogRef,
}

/// A call as it would be sent: whoever tries it out must send the same value along.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// `msg.sender`.
    pub from: Address,
    /// The contract.
    pub to: Address,
    /// Calldata.
    pub data: Bytes,
    /// Wei sent along.
    pub value_wei: U256,
}

/// A lower estimate of gas beside a higher one, of two endpoints that are not far apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Less {
    /// Gas units.
    pub gas: u64,
    /// Who estimates what.
    pub words: SafeText,
}

/// What came of trying a call out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Simulated {
    /// It goes through, and uses so much gas.
    Succeeds {
        /// Gas units.
        gas: u64,
        /// Why that is one endpoint's word, where several are configured.
        doubt: Option<SafeText>,
        /// What another one estimates, where it is less and as likely to be right.
        less: Option<Less>,
    },
    /// One endpoint says that it reverts, and another, at the same block, that it goes through; or two are far apart on its
    /// gas.
    Disputed {
        /// Gas units, by the one where it goes through, or uses more.
        gas: u64,
        /// Who says what.
        words: SafeText,
    },
    /// One endpoint of several says that it reverts, and none that answers says anything of it.
    Unconfirmed {
        revert: Revert,
        /// Who says so.
        words: SafeText,
    },
    Reverts {
        revert: Revert,
        /// The block at which two endpoints or more say the same of it; none where they give other reasons, or where it is
        /// the word of the only one.
        agreed_at: Option<BlockRef>,
    },
}

impl Simulated {
    /// Why its gas is not known to be right.
    #[must_use]
    pub fn doubt(&self) -> Option<&SafeText> {
        match self {
            Self::Succeeds { doubt, .. } => doubt.as_ref(),
            Self::Disputed { words, .. } => Some(words),
            Self::Unconfirmed { .. } | Self::Reverts { .. } => None,
        }
    }

    /// A lower estimate of its gas: with the higher one alone nothing is too dear.
    #[must_use]
    pub fn less(&self) -> Option<&Less> {
        match self {
            Self::Succeeds { less, .. } => less.as_ref(),
            Self::Disputed { .. } | Self::Unconfirmed { .. } | Self::Reverts { .. } => None,
        }
    }

    /// A revert on the word of the only endpoint.
    #[must_use]
    pub fn reverts(revert: Revert) -> Self {
        Self::Reverts {
            revert,
            agreed_at: None,
        }
    }
}

/// What a call left behind when it reverted. [`super::PoolManager::explain`] says what it means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revert {
    /// What the call returned; none where the node does not tell the bytes.
    pub data: Option<Bytes>,
    /// What the node said of it.
    pub words: SafeText,
}

impl Revert {
    /// From the bytes that a call returned.
    #[must_use]
    pub fn of(data: &[u8]) -> Self {
        Self {
            data: Some(Bytes::copy_from_slice(data)),
            words: SafeText::default(),
        }
    }
}

/// The market, in wei for each gas.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FeeQuote {
    /// Base fee of the next block.
    pub base_fee: u128,
    /// A usual priority fee.
    pub priority: u128,
    /// It is one endpoint's word, and several are configured.
    pub alone: bool,
    /// The base fee that another one tells, where it is less and as likely to be right; else the same.
    pub least_base_fee: u128,
}

/// A deposit in the deposit contract's logs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownDeposit {
    /// Where.
    pub at: LogRef,
    /// For whom.
    pub withdrawal_credentials: Root,
    /// How much, in gwei.
    pub amount_gwei: u64,
    /// Index in the deposit tree.
    pub index: u64,
}

/// What came of a transaction whose block is final.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FinalReceipt {
    /// The block that includes it.
    pub block: BlockRef,
    /// It was not reverted.
    pub succeeded: bool,
    /// What it logged.
    pub logs: Vec<Log>,
}

/// The execution chain, through one endpoint or through all of them in turn.
#[async_trait]
pub trait Execution: Send + Sync + fmt::Debug {
    /// The newest block.
    async fn head(&self) -> Answer<HeadBlock>;

    /// The block at a height of the chain. One that the node may get to know a moment later is waited for.
    async fn block_at(&self, number: u64) -> Answer<BlockRef>;

    /// The newest final block, seen from `head`. No: nothing is final yet.
    async fn finalized(&self, head: BlockRef) -> Answer<BlockRef>;

    /// Balance in wei.
    async fn balance(&self, of: Address, at: At) -> Answer<U256>;

    /// The next nonce of an account: at a block, or counting what waits in the node's pool ([`At::Pending`]).
    async fn nonce(&self, of: Address, at: At) -> Answer<u64>;

    /// Code at an address. No: there is none.
    async fn code(&self, of: Address, at: At) -> Answer<Bytes>;

    /// The block in which a contract came into being. No: there is none by now. Some twenty-five questions.
    async fn deployed_at(&self, contract: Address) -> Answer<u64>;

    /// Tries a call out on the newest state. That it reverts is asked of every endpoint, at one block.
    async fn simulate(&self, call: &Call) -> Answer<Simulated>;

    /// What a call would log on the newest state, one contract's logs in their order. They stand in no block: `at` names
    /// the newest block and no transaction. Not known: it reverts, or no node tells more of a call than what it returns.
    async fn foresee(&self, call: &Call) -> Answer<Vec<Log>>;

    /// What a transaction pays now.
    async fn fee_quote(&self) -> Answer<FeeQuote>;

    /// Deposits for a key from block `since` on, up to a block, the first one first; at least one. No: there is none, and
    /// no log is missing by the contract's own numbers.
    async fn deposits_of(&self, key: &BlsPublicKey, since: u64, block: BlockRef)
    -> Answer<Vec<KnownDeposit>>;

    /// What came of a transaction. No: there is no receipt of it, which a node that lags says, too. Not known while its
    /// block is not final.
    async fn final_receipt(&self, transaction: Root) -> Answer<FinalReceipt>;

    /// Where a transaction is included, final or not, and whether it went through.
    async fn outcome(&self, transaction: Root) -> Answer<(BlockRef, bool)>;

    /// Who sent a transaction that is in a block, and with which nonce. No: it is in none, which a node that lags says, too.
    async fn sender_of(&self, transaction: Root) -> Answer<(Address, u64)>;
}
