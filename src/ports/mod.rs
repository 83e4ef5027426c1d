//! The doors: what the engine needs from outside, one trait for each kind of neighbour.
//!
//! A port is a trait, the types that cross it, and what an implementation can and cannot do (its capabilities), as data.
//! Adapters implement ports and know nothing above them; the engine and the desk know ports and no adapter. Which
//! adapter stands behind a port is decided in one place, where the engine is composed.
//!
//! Every question to the outside is answered by an [`Answer`]: yes with a value, no with its evidence, or not known with
//! the reason. What counts as a *no* is the adapter's knowledge, so it is decided and documented there.

pub mod agreed;
mod agreement;
mod answer;
mod ceremonies;
pub mod consensus;
mod endpoints;
mod execution;
#[cfg(test)]
pub(crate) mod fakes;
pub mod notifier;
mod pool_manager;
mod ssv;
mod transactions;
pub mod tx_signer;

pub use agreement::{Accord, Agreement, Question, UNTOLD, Voice, Words};
pub use answer::{Answer, Evidence, Unknown};
pub use ceremonies::{
    Ceremonies, CeremonyCapabilities, CeremonyUpdate, CommitteeSize, Consent, ExitSigning, Failed, NoRelease,
    OperatorHealth, Presence, RegistrationSigning, RelayHealth, Release, ReleaseMix, ReleaseVerdict, Renewal,
    ReshareSize, SharesKept, Verified,
};
pub use consensus::Consensus;
pub use endpoints::{EndpointHealth, EndpointState, Endpoints};
pub use execution::{
    At, Call, Execution, FeeQuote, FinalReceipt, HeadBlock, KnownDeposit, Less, Log, Revert, Simulated,
};
pub use notifier::{NoticePhase, Notifier};
pub use pool_manager::{
    ActivateDeposit, Clusters, CommitteeSource, Credentials, DecodedArgument, DecodedCall, DecodedRevert,
    DepositOrder, Handover, InitiateDeposit, ManagerEvent, NoSuchCall, PoolCall, PoolCapabilities, PoolEvent,
    PoolEventKind, PoolManager, PresentCommittee, Probe, Registering, RegistrationTime, RequestTarget,
    ResharePool, ReshareRules, RevertForm, WatchedEvent, told_of_pools,
};
pub use ssv::{
    Funding, FundingBefore, NotShares, SharesData, Ssv, SsvCapabilities, SsvEvent, SsvEventKind, SsvState,
};
pub use transactions::{
    Broadcast, BroadcastHint, Fees, Heard, OverCeiling, Price, Priced, RevertReason, StuckOptions,
    Transactions,
};
pub use tx_signer::TxSigner;
