//! The pool manager contract behind one adapter, chosen by name, because later Casimir contracts renamed things.

pub(crate) mod abi;
mod calls;
mod events;
mod probe;
mod revert;
mod views;

use std::fmt;
use std::str::FromStr;

use alloy::primitives::{Address, B256};
use serde::{Deserialize, Serialize};

pub use calls::{
    DecodedArgument, DecodedCall, InitiatePoolDeposit, ManagerCall, ResharePool, decode_call,
    decode_manager_call, encode_initiate_pool_deposit, encode_reshare_pool, initiate_selector,
};
pub use events::{
    ManagerEvent, ManagerEventKind, SsvEvent, SsvEventKind, decode_manager_event, decode_ssv_event,
    ssv_topics,
};
pub use probe::{Probe, ProbeError};
pub use revert::{DecodedRevert, RevertForm, decode_revert, revert_of};
pub use views::ViewError;

use crate::chain::rpc::Rpc;
use crate::types::{ClusterLayout, ParseIdError};

/// The versions of the manager that can be served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum AdapterName {
    /// The contract of May 2023: `PoolDepositRequested`, `initiatePoolDeposit`, `resharePool`.
    #[serde(rename = "casimir-2023-05")]
    Casimir202305,
}

impl fmt::Display for AdapterName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Casimir202305 => "casimir-2023-05",
        })
    }
}

impl FromStr for AdapterName {
    type Err = ParseIdError;
    fn from_str(s: &str) -> Result<Self, Self::Err> {
        match s {
            "casimir-2023-05" => Ok(Self::Casimir202305),
            _ => Err(ParseIdError {
                text: s.into(),
                expected: "casimir-2023-05",
            }),
        }
    }
}

/// The manager contract at an address, spoken to as its version expects.
#[derive(Debug, Clone)]
pub struct Manager {
    rpc: Rpc,
    address: Address,
    adapter: AdapterName,
    layout: ClusterLayout,
}

impl Manager {
    /// Nothing is asked yet; [`Manager::probe`] asks.
    #[must_use]
    pub fn new(rpc: Rpc, address: Address, adapter: AdapterName, layout: ClusterLayout) -> Self {
        Self {
            rpc,
            address,
            adapter,
            layout,
        }
    }

    /// The same contract, asked through other endpoints.
    #[must_use]
    pub fn through(&self, rpc: Rpc) -> Self {
        Self { rpc, ..self.clone() }
    }

    /// The contract's address. It is also the owner of its validators in SSV.
    #[must_use]
    pub fn address(&self) -> Address {
        self.address
    }

    /// The version.
    #[must_use]
    pub fn adapter(&self) -> AdapterName {
        self.adapter
    }

    /// The order of the cluster tuple's fields.
    #[must_use]
    pub fn layout(&self) -> ClusterLayout {
        self.layout
    }

    /// The endpoints.
    #[must_use]
    pub fn rpc(&self) -> &Rpc {
        &self.rpc
    }

    /// Topics of its events, each with what it means.
    #[must_use]
    pub fn topics(&self) -> Vec<B256> {
        ManagerEventKind::ALL.iter().map(|kind| kind.topic()).collect()
    }
}
