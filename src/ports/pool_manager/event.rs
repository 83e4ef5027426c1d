//! What the manager's logs tell, and of whom: a pool, every pool of an operator, or a number of pools.

use std::fmt;

use alloy::primitives::{Address, B256};
use serde::{Deserialize, Serialize};

use crate::types::{OperatorId, PoolId, RequestKind, counted};

/// What an event of the manager tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PoolEventKind {
    /// A pool is full: make a validator.
    DepositRequested,
    /// The oracle's deposit for this pool went through.
    DepositInitiated,
    /// The deposit is active: register the validator, where a later call of its own does that.
    ActivationRequested,
    /// The validator is reported as deposited.
    Deposited,
    /// Change the operators.
    ReshareRequested,
    /// The oracle's reshare went through.
    Reshared,
    /// Exit the validator.
    ExitRequested,
    /// The exit is reported; the pool is deleted.
    Exited,
}

impl PoolEventKind {
    /// What it asks the oracle for; none when it reports what was done.
    #[must_use]
    pub fn request(self) -> Option<RequestKind> {
        match self {
            Self::DepositRequested => Some(RequestKind::Deposit),
            Self::ReshareRequested => Some(RequestKind::Reshare),
            Self::ExitRequested => Some(RequestKind::Exit),
            // the second half of a deposit, not a request of its own
            Self::ActivationRequested => None,
            Self::DepositInitiated | Self::Deposited | Self::Reshared | Self::Exited => None,
        }
    }

    /// The event that asks for this.
    #[must_use]
    pub fn requests(kind: RequestKind) -> Self {
        match kind {
            RequestKind::Deposit => Self::DepositRequested,
            RequestKind::Reshare => Self::ReshareRequested,
            RequestKind::Exit => Self::ExitRequested,
        }
    }

    /// The event by which the manager tells that this was done.
    #[must_use]
    pub fn fulfils(kind: RequestKind) -> Self {
        match kind {
            RequestKind::Deposit => Self::DepositInitiated,
            RequestKind::Reshare => Self::Reshared,
            RequestKind::Exit => Self::Exited,
        }
    }
}

impl fmt::Display for PoolEventKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::DepositRequested => "deposit requested",
            Self::DepositInitiated => "deposit initiated",
            Self::ActivationRequested => "activation requested",
            Self::Deposited => "deposited",
            Self::ReshareRequested => "reshare requested",
            Self::Reshared => "reshared",
            Self::ExitRequested => "exit requested",
            Self::Exited => "exited",
        })
    }
}

/// Whom a log of the manager names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestTarget {
    Pool(PoolId),
    /// An operator: every pool that it serves is meant.
    Operator(OperatorId),
    /// So many pools. Which, the contract's state says.
    Count(u64),
}

/// A log of the manager, as it can be read without asking anybody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ManagerEvent {
    /// What it tells.
    pub kind: PoolEventKind,
    /// Of whom.
    pub names: RequestTarget,
}

impl ManagerEvent {
    /// What it tells of one of the pools that it means. Whoever asks for a reshare by an operator's name wants that
    /// operator out.
    #[must_use]
    pub fn of(self, pool: PoolId) -> PoolEvent {
        let leaving = match (self.kind, self.names) {
            (PoolEventKind::ReshareRequested, RequestTarget::Operator(operator)) => Some(operator),
            _ => None,
        };
        let kind = self.kind;
        PoolEvent { kind, pool, leaving }
    }

    /// What it tells of the one pool that it names; none where it names no pool.
    #[must_use]
    pub fn of_its_pool(self) -> Option<PoolEvent> {
        match self.names {
            RequestTarget::Pool(pool) => Some(self.of(pool)),
            RequestTarget::Operator(_) | RequestTarget::Count(_) => None,
        }
    }
}

impl From<PoolEvent> for ManagerEvent {
    fn from(event: PoolEvent) -> Self {
        let names = event
            .leaving
            .map_or(RequestTarget::Pool(event.pool), RequestTarget::Operator);
        let kind = event.kind;
        Self { kind, names }
    }
}

impl fmt::Display for ManagerEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = self.kind;
        match self.names {
            RequestTarget::Pool(pool) => write!(f, "{kind} of pool {pool}"),
            RequestTarget::Operator(operator) => write!(f, "{kind} for every pool of operator {operator}"),
            RequestTarget::Count(count) => {
                let count = usize::try_from(count).unwrap_or(usize::MAX);
                write!(f, "{kind} for {}", counted(count, "pool"))
            }
        }
    }
}

/// An event of the manager about one pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PoolEvent {
    /// What it tells.
    pub kind: PoolEventKind,
    pub pool: PoolId,
    /// The operator that a reshare is asked for to be rid of, where the contract names one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leaving: Option<OperatorId>,
}

/// An event to listen for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WatchedEvent {
    /// The contract that emits it: the manager, or one that belongs to it.
    pub contract: Address,
    pub topic: B256,
    /// Its name in the contract.
    pub name: &'static str,
    /// What it tells.
    pub kind: PoolEventKind,
}
