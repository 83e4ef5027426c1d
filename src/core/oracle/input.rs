//! What happens to the core: every input carries its time and its entropy, so that a run can be repeated exactly.

use alloy::primitives::{Address, U256};

use super::{AccountFacts, Asker, Effect, ExitStanding, ExitVerdict, Mode, Proposal, Reach, Sighting};
use crate::types::{
    ActionId, BlockRef, BlsPublicKey, CaseId, CeremonyFailure, CeremonyResult, Check, LogRef, NonceStatus,
    OperatorId, PoolId, RequestId, RequestKind, Root, SafeText, SignedStatement, SignedTransaction,
    UnixMillis,
};

/// An input with the time it came and 24 bytes of fresh randomness (the only source of request ids).
#[derive(Debug, Clone, PartialEq)]
pub struct Stamped {
    pub at: UnixMillis,
    /// Milliseconds of a clock that never goes back, since some moment in this process.
    pub up_ms: u64,
    /// Uniform random bytes, used at most once.
    pub entropy: [u8; 24],
    pub input: Input,
}

/// What the chain says at one block. State decides; events only hint.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ChainFacts {
    /// The block at which everything below was read, the lists where `listed` says so.
    pub head: Option<BlockRef>,
    /// The block whose state the lists are of.
    pub listed: Listed,
    /// Newest final block.
    pub finalized: Option<BlockRef>,
    /// Base fee of `head`, wei per gas.
    pub base_fee_wei: U256,
    /// `getReadyPoolIds`, in queue order.
    pub ready: Vec<PoolId>,
    /// `getPendingPoolIds`.
    pub pending: Vec<PoolId>,
    /// `getStakedPoolIds`.
    pub staked: Vec<PoolId>,
    /// SSV registration nonce of the manager: what its state implies, else what the logs that were read count. None while
    /// neither is known.
    pub owner_nonce: Option<u64>,
    /// The oracle's account, where one is configured.
    pub account: Option<AccountFacts>,
    /// Why this is the word of one endpoint, though others are configured; none where two tell it, or one is configured.
    pub one_voice: Option<SafeText>,
    /// Why what the account has sent rests on one endpoint's word, though others are configured.
    pub account_one_voice: Option<SafeText>,
}

/// The block whose state the contract's lists are known of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Listed {
    /// That of the head.
    #[default]
    AtHead,
    /// An earlier one: what one endpoint tells of the head is not borne out yet, and what was known stays.
    Earlier(BlockRef),
    /// None yet: the endpoints contradict each other since the start, and what one tells is no more than shown.
    Nowhere,
}

impl ChainFacts {
    /// The block whose state the lists are of. What was changed in a later one is not in them.
    #[must_use]
    pub fn listed_at(&self) -> Option<BlockRef> {
        match self.listed {
            Listed::AtHead => self.head,
            Listed::Earlier(block) => Some(block),
            Listed::Nowhere => None,
        }
    }
}

/// The manager reports that something was done to a pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fulfilment {
    /// `PoolDepositInitiated`.
    DepositInitiated,
    /// `PoolDeposited`.
    Deposited,
    /// `PoolReshared`.
    Reshared,
    /// `PoolExited`.
    Exited,
}

impl Fulfilment {
    /// The kind of request that is over by it.
    #[must_use]
    pub fn answers(self) -> RequestKind {
        match self {
            Self::DepositInitiated | Self::Deposited => RequestKind::Deposit,
            Self::Reshared => RequestKind::Reshare,
            Self::Exited => RequestKind::Exit,
        }
    }
}

/// Why a proposal was prepared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Purpose {
    /// To ask for a decision.
    Propose,
    /// To keep what is shown true while it waits.
    Refresh(ActionId),
    /// Right before it leaves.
    Send(ActionId),
}

/// What came of preparing.
#[derive(Debug, Clone, PartialEq)]
pub enum Prepared {
    /// This is what would be done.
    Proposal(Box<Proposal>),
    /// Not now; ask again at this time.
    Later {
        reason: SafeText,
        /// When to ask again.
        at: UnixMillis,
    },
    /// All is well, and the chain does not take it before this time: what was approved waits under its approval.
    TooEarly {
        reason: SafeText,
        /// From when on it will be taken.
        until: UnixMillis,
    },
    /// Nothing is left to do: the validator is on its way out already, whoever sent it.
    AlreadySo {
        /// How far it is.
        phase: super::ValidatorPhase,
        /// Its key: nothing else needs to have told it so far.
        validator: BlsPublicKey,
    },
    /// Never in this state of the world: a person must look (e.g. the reshare limit is used up).
    Refused(SafeText),
}

/// A verified ceremony.
#[derive(Debug, Clone, PartialEq)]
pub struct CeremonySuccess {
    pub result: CeremonyResult,
    /// What was verified.
    pub checks: Vec<Check>,
}

/// What a person asks for. Names are those of `view::Request`.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// Let it pass.
    Approve {
        action: ActionId,
        /// What was shown.
        digest: Root,
        /// What was typed.
        phrase: Option<String>,
    },
    /// Let it pass, by what a person signed elsewhere with a key of the configuration. The signature was verified.
    ApproveSigned {
        /// As the configuration names the person.
        name: SafeText,
        uid: Option<u32>,
        signed: Box<SignedStatement>,
    },
    /// Stop it.
    Reject {
        action: ActionId,
        /// What was shown.
        digest: Root,
        reason: SafeText,
    },
    /// Take an approval back while nothing of it has left.
    TakeBack(ActionId),
    /// Take a case up again.
    Retry(CaseId),
    /// Give up a ceremony whose outcome is unknown.
    DeclareLost(RequestId),
    /// Pause everything or one case.
    Pause(Option<CaseId>),
    /// End a pause.
    Resume(Option<CaseId>),
    /// Take over an account with a past that this journal does not know.
    Adopt(Address),
    /// Open a reshare by hand.
    Reshare(PoolId),
    /// Choose the committee of a proposed ceremony.
    SetCommittee {
        /// The waiting action.
        action: ActionId,
        /// The new committee.
        committee: Vec<OperatorId>,
        /// How many operators a committee of the DKG backend can have, ascending.
        sizes: Vec<usize>,
    },
    /// Give a case up: nothing of it is done any more.
    GiveUp {
        case: CaseId,
        /// The person's words.
        reason: SafeText,
    },
    /// Give the key of a deposit up for one of another committee.
    RedoKey(CaseId),
    /// Open an exit by hand.
    RequestExit(PoolId),
    /// Have somebody else decide from now on.
    SwitchMode {
        to: Mode,
        /// What was typed: mode auto demands its name.
        word: Option<String>,
    },
}

/// Nothing was signed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotSigned {
    /// Whoever signs is away: nothing speaks against it, so what was approved is held.
    #[error("{0}")]
    Away(SafeText),
    /// Nobody tells what it is signed with, or one endpoint alone speaks against it: what was approved is held.
    #[error("{0}")]
    Unknown(SafeText),
    /// It will not be signed as it is.
    #[error("{0}")]
    Refused(SafeText),
}

impl From<SafeText> for NotSigned {
    fn from(why: SafeText) -> Self {
        Self::Refused(why)
    }
}

impl Input {
    /// Whether it changes nothing that any other case rests on: time passed, or an effect has answered.
    pub(super) fn concerns_a_case_alone(&self) -> bool {
        match self {
            Self::Tick
            | Self::Prepared { .. }
            | Self::CeremonyEnded { .. }
            | Self::Signed { .. }
            | Self::Sent { .. }
            | Self::Inspected { .. }
            | Self::ExitPublished { .. }
            | Self::ValidatorSeen { .. }
            | Self::Died { .. } => true,
            Self::Started
            | Self::Requested { .. }
            | Self::RequestRemoved { .. }
            | Self::Fulfilled { .. }
            | Self::Remark { .. }
            | Self::FulfilmentRemoved { .. }
            | Self::EventsRead { .. }
            | Self::CaughtUp { .. }
            | Self::Sight(_)
            | Self::Facts(_)
            | Self::BeaconMoved
            | Self::Ends { .. }
            | Self::Stops
            | Self::Command { .. } => false,
        }
    }
}

/// Everything that can happen to the core.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    /// The process started, with an empty or a restored state.
    Started,
    /// Time passed.
    Tick,
    /// A request event stands in the chain.
    Requested {
        kind: RequestKind,
        pool: PoolId,
        log: LogRef,
        /// The operator that a reshare shall be rid of, where the contract names one.
        leaving: Option<OperatorId>,
    },
    /// A request event left the chain.
    RequestRemoved {
        kind: RequestKind,
        pool: PoolId,
        /// Where it stood.
        log: LogRef,
    },
    /// The manager reports a fulfilment.
    Fulfilled {
        what: Fulfilment,
        pool: PoolId,
        log: LogRef,
    },
    /// Something about what was told of a pool that belongs into the file of its newest case.
    Remark {
        kind: RequestKind,
        pool: PoolId,
        /// In words.
        text: SafeText,
    },
    /// What was reported left the chain.
    FulfilmentRemoved {
        what: Fulfilment,
        pool: PoolId,
        /// Where it stood.
        log: LogRef,
    },
    /// Every event up to this block was told; the inputs before this one are all of them.
    EventsRead {
        upto: BlockRef,
        /// Whether there were any since the last time.
        told: bool,
    },
    /// Every event up to the head was read, removals too. Nothing new is begun before the first time.
    CaughtUp {
        /// What was told up to this block stays.
        finalized: Option<BlockRef>,
    },
    /// Whether the execution chain is seen, told when that changes.
    Sight(Reach),
    /// A new view of the chain.
    Facts(Box<ChainFacts>),
    /// A proposal was prepared, or could not be.
    Prepared {
        case: CaseId,
        /// Why it was prepared.
        purpose: Purpose,
        /// What came of it.
        outcome: Prepared,
    },
    CeremonyEnded {
        request: RequestId,
        outcome: Result<Box<CeremonySuccess>, CeremonyFailure>,
        /// Transcript file name and SHA-256: a failed ceremony's proves blame.
        transcript: Option<(SafeText, Root)>,
    },
    /// A transaction was signed (and has not left), or could not be.
    Signed {
        action: ActionId,
        /// The signed bytes, or why not.
        outcome: Result<SignedTransaction, NotSigned>,
    },
    /// A node took a transaction, or refused it; the truth comes from inspection.
    Sent {
        action: ActionId,
        /// Accepted, or the node's words.
        outcome: Result<(), SafeText>,
    },
    /// The chain was asked about a transaction.
    Inspected {
        action: ActionId,
        /// What it says; `None` when no endpoint answered.
        status: Option<NonceStatus>,
    },
    /// An exit was offered to the beacon nodes.
    ExitPublished {
        action: ActionId,
        /// One verdict a node.
        verdicts: Vec<ExitVerdict>,
        /// What they come to, by the validator's state.
        standing: ExitStanding,
    },
    /// A beacon node hints that something happened on its chain. What, is not taken from it: the state is looked at.
    BeaconMoved,
    /// The beacon chain's word on a validator of a case.
    ValidatorSeen {
        /// The case that follows it.
        case: CaseId,
        validator: BlsPublicKey,
        /// What it says; `None` when it could not be found out.
        seen: Option<Sighting>,
    },
    /// The task of an effect died, and gives no answer any more.
    Died {
        /// What it was at.
        effect: Box<Effect>,
        /// Its last words.
        words: SafeText,
    },
    /// A critical part of the engine ended, and the engine ends with it.
    Ends {
        /// Which, and why.
        reason: SafeText,
    },
    /// The engine stops, whatever for: what it knows and no journal keeps is forgotten.
    Stops,
    /// A person asks for something.
    Command { by: Asker, command: Command },
}
