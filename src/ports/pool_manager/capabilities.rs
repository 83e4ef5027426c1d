//! In what the versions of the manager differ, as data. What differs in their events and reverts alone is the adapter's own
//! affair: an event says itself whom it names.

pub use crate::types::DepositOrder;

/// What a version of the manager can and cannot do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolCapabilities {
    /// How a deposit finds its pool.
    pub deposit_order: DepositOrder,
    /// When the validator is registered with SSV.
    pub registration: RegistrationTime,
    /// To whom the validators pay out.
    pub credentials: Credentials,
    /// What becomes of reshares; none where the version takes none.
    pub reshares: Option<ReshareRules>,
    /// Cluster snapshots that the registering call takes.
    pub registration_clusters: Clusters,
}

impl PoolCapabilities {
    /// How many reshares of one pool the contract takes.
    #[must_use]
    pub fn reshare_limit(&self) -> u64 {
        self.reshares.map_or(0, |rules| rules.limit)
    }
}

/// When the validator is registered with SSV.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RegistrationTime {
    /// In the call that deposits.
    WithDeposit,
    /// In a later call, when the deposit is active: the owner nonce must hold that long.
    Later,
}

/// To whom the validators pay out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Credentials {
    /// All to the manager.
    OfManager,
    /// Each to its pool's own contract. Where deposits are served in order, its address depends on those before it.
    OfPool,
}

/// What becomes of reshares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReshareRules {
    /// The contract's state shows the new committee. If not, only calldata and events tell.
    pub stored: bool,
    /// How many it takes of one pool.
    pub limit: u64,
    /// Cluster snapshots that the call takes.
    pub clusters: Clusters,
}

/// Cluster snapshots that a call takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clusters {
    /// None: the call does not reach SSV.
    None,
    /// That of the committee.
    One,
    /// That of the committee that leaves and that of the one that comes.
    Two,
}
