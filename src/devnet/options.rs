//! How a local network is started, and who and what is on it.

use alloy::primitives::{Address, B256, address};

use super::error::DevnetError;
use crate::config::{NetworkName, presets};
use crate::types::{ClusterLayout, SafeText};

/// Where the local network puts the deposit contract: the address that the preset `devnet` names.
pub const DEPOSIT_CONTRACT: Address = address!("4242424242424242424242424242424242424242");
/// Ether of one pool, and so of one validator.
pub const POOL_ETHER: u64 = 32;

/// When blocks are mined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mining {
    /// At once, a block for each transaction.
    Instant,
    /// Every so many seconds, also empty ones. At least 1.
    EverySeconds(u64),
    /// Only by [`super::Devnet::mine`], and by the network's own actors (staker, upkeep) for each thing that they do.
    Manual,
}

/// Which version of the pool manager is deployed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ManagerVersion {
    /// Of 2023-05-20.
    May20,
    /// Of 2023-05-26: `initiatePoolDeposit` takes its arguments in another order.
    May26,
}

impl ManagerVersion {
    /// The adapter that serves it, as `contract.adapter` names it.
    #[must_use]
    pub fn adapter(self) -> &'static str {
        match self {
            Self::May20 => "casimir-2023-05",
            Self::May26 => "casimir-2023-05-26",
        }
    }
}

/// How to start a local network.
#[derive(Debug, Clone)]
pub struct DevnetOptions {
    /// EIP-155.
    pub chain_id: u64,
    /// When blocks are mined, after the deployment (which is two blocks).
    pub mining: Mining,
    /// Blocks in an epoch: `safe` lags by one epoch, `finalized` by two.
    pub slots_in_an_epoch: u64,
    pub manager: ManagerVersion,
    /// Field order of SSV's cluster tuple, in the manager and in the SSV stand-in.
    pub cluster_layout: ClusterLayout,
    /// Whether `resharePool` is stored; the managers of May 2023 forget it.
    pub stores_reshare: bool,
    /// Public keys of the operators to register with SSV, in the order of their ids, which begin at 1.
    pub operators: Vec<String>,
    /// The oracle's key; a new random one when absent. It is a key of this network only.
    pub oracle_key: Option<B256>,
    /// Ether of the oracle's account.
    pub oracle_ether: u64,
    /// Ether in the manager's reserved fees.
    pub reserved_fees_ether: u64,
    /// Port of the JSON-RPC endpoint; 0 takes any that is free.
    pub port: u16,
    /// Keeps the states of so many blocks, so that memory stays flat; all of them when absent.
    pub states: Option<u64>,
}

impl Default for DevnetOptions {
    /// Instant blocks, four to an epoch, today's SSV layout, a manager that forgets reshares, and thirteen operators
    /// that have an id but no node.
    fn default() -> Self {
        Self {
            chain_id: 31337,
            mining: Mining::Instant,
            slots_in_an_epoch: 4,
            manager: ManagerVersion::May20,
            cluster_layout: ClusterLayout::ActiveThenBalance,
            stores_reshare: false,
            operators: (1..=13)
                .map(|n| format!("operator {n}, which has no node"))
                .collect(),
            oracle_key: None,
            oracle_ether: 100,
            reserved_fees_ether: 100,
            port: 0,
            states: None,
        }
    }
}

impl DevnetOptions {
    /// Refuses what makes no sense, and the id of every public chain: what is signed for it here would be good there.
    ///
    /// # Errors
    /// Which option, and why.
    pub(super) fn check(&self) -> Result<(), DevnetError> {
        if self.mining == Mining::EverySeconds(0) {
            return Err(DevnetError::Option("a block every 0 seconds".into()));
        }
        let public = presets()
            .iter()
            .find(|(name, preset)| **name != NetworkName::Devnet && preset.chain_id == self.chain_id);
        match public {
            None => Ok(()),
            Some((name, _)) => {
                let words = format!("{} is the chain id of {name}, a public network", self.chain_id);
                Err(DevnetError::Option(SafeText::new(&words)))
            }
        }
    }
}

/// The accounts that act on the network; anvil signs for them. The oracle is not among them: it signs for itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Accounts {
    /// Deployed and owns the manager.
    pub owner: Address,
    /// Fills pools.
    pub staker: Address,
    /// Reports deposits and exits, requests reshares and exits.
    pub upkeep: Address,
    /// Owns the operators in SSV.
    pub operators: Address,
}

/// What stands where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Addresses {
    pub manager: Address,
    /// The SSV stand-in.
    pub ssv: Address,
    /// Runs the official deposit contract's code.
    pub deposit_contract: Address,
    /// The oracle's account, funded.
    pub oracle: Address,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_local_network_has_the_id_of_a_public_one() {
        let with = |chain_id| DevnetOptions {
            chain_id,
            ..DevnetOptions::default()
        };
        assert!(DevnetOptions::default().check().is_ok());
        for (name, preset) in presets() {
            let refused = with(preset.chain_id).check();
            assert_eq!(refused.is_err(), *name != NetworkName::Devnet, "{name}");
        }
        let error = with(1).check().unwrap_err().to_string();
        assert!(error.contains("mainnet, a public network"), "{error}");
    }
}
