//! In what the versions of the manager differ, as data.

/// What a version of the manager can and cannot do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolCapabilities {
    /// How a deposit finds its pool.
    pub deposit_order: DepositOrder,
    /// When the validator is registered with SSV.
    pub registration: RegistrationTime,
    /// To whom the validators pay out.
    pub credentials: Credentials,
    /// How a reshare is requested.
    pub reshare_requests: RequestEvent,
    /// How an exit is requested.
    pub exit_requests: RequestEvent,
    /// What becomes of reshares; none where the version takes none.
    pub reshares: Option<ReshareRules>,
    /// Cluster snapshots that the registering call takes.
    pub registration_clusters: Clusters,
    /// How its own reverts say why.
    pub errors: ErrorForm,
}

impl PoolCapabilities {
    /// How many reshares of one pool the contract takes.
    #[must_use]
    pub fn reshare_limit(&self) -> u64 {
        self.reshares.map_or(0, |rules| rules.limit)
    }
}

/// How a deposit finds its pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DepositOrder {
    /// The call names no pool and serves the head of the queue: deposits are strictly serial.
    HeadOfQueue,
    /// The call names its pool.
    ById,
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
    /// Each to its pool's own contract, whose address depends on the state of the manager.
    OfPool,
}

/// How something is requested.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestEvent {
    /// What the event names.
    pub names: RequestTarget,
    /// Whether the version emits it at all. If not, a person opens such requests; the event is listened for all the
    /// same, because a deployment may differ.
    pub emitted: bool,
}

/// What a request names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestTarget {
    /// A pool.
    Pool,
    /// An operator: every pool that it serves is meant.
    Operator,
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

/// How a version's own reverts say why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorForm {
    /// `Error(string)`.
    Text,
    /// Custom errors.
    Custom,
}
