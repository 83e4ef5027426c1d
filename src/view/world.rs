//! What the oracle works in: the network, who decides, the chain, its own account, endpoints, operators, the journal.

use std::fmt;
use std::time::Duration;

use alloy::primitives::{Address, U256};
use serde::{Deserialize, Serialize};

use crate::types::{BlockRef, CheckStatus, OperatorId, PoolId, Root, SafeText, UnixMillis, in_words};

/// The network, and whether it is a real one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetworkView {
    /// Preset name: `mainnet`, `hoodi`, `holesky`, `sepolia`, `devnet`.
    pub name: SafeText,
    /// EIP-155 chain id.
    pub chain_id: u64,
    /// Whether what is spent is worth anything: every screen then says so.
    pub mainnet: bool,
    /// Parts that are simulated, e.g. "SSV stand-in", "development beacon". Shown on every screen.
    pub simulated: Vec<SafeText>,
    pub manager: Address,
}

/// Who decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Nobody: everything is watched and nothing is done.
    Observe,
    /// A person decides every action.
    Supervised,
    /// The policy decides; what no rule covers waits for a person.
    Auto,
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Observe => "observe",
            Self::Supervised => "supervised",
            Self::Auto => "auto",
        })
    }
}

/// A person switched the mode away from the one that the program was started with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SwitchView {
    pub by: SafeText,
    pub at: UnixMillis,
    /// What the program was started with.
    pub configured: Mode,
}

impl SwitchView {
    /// In one sentence; `mode` is the present one.
    #[must_use]
    pub fn words(&self, mode: Mode) -> String {
        let lasts = match mode < self.configured {
            true => "it stays so over restarts until somebody switches back",
            false => "that ends with this process",
        };
        format!(
            "{} switched to mode {mode} at {}, while the program is started for {}; {lasts}",
            self.by,
            self.at.to_utc(),
            self.configured
        )
    }
}

/// Everything is paused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PauseView {
    pub by: SafeText,
    pub since: UnixMillis,
}

/// Whether the execution chain is followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LinkState {
    /// No answer yet since the start.
    Connecting,
    /// Old blocks are being read.
    CatchingUp,
    /// Every block up to the head was read.
    Live,
    /// No new block for longer than expected.
    Stale,
    /// No endpoint answers.
    Down,
}

impl LinkState {
    /// The word for tables.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Connecting => "connecting",
            Self::CatchingUp => "catching up",
            Self::Live => "live",
            Self::Stale => "stale",
            Self::Down => "no connection",
        }
    }
}

/// The execution chain as the oracle sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChainView {
    /// Newest block that an endpoint told of.
    pub head: Option<BlockRef>,
    /// When its arrival was noticed.
    pub head_at: Option<UnixMillis>,
    /// Its own time, by whoever proposed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head_time: Option<UnixMillis>,
    /// Newest block that counts as final.
    pub finalized: Option<BlockRef>,
    /// Newest block whose events were read and journaled.
    pub cursor: Option<BlockRef>,
    /// Base fee of the head, wei per gas.
    pub base_fee_wei: Option<U256>,
    /// Whether it is followed.
    pub link: LinkState,
    /// The contract's ready queue, head first.
    pub ready_queue: Vec<PoolId>,
    /// SSV registration nonce of the manager.
    pub owner_nonce: Option<u64>,
    /// The first pools of the ready queue, as the contract's state has them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ready_pools: Vec<ReadyPoolView>,
    /// Histories that are being read or compared.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub histories: Vec<HistoryView>,
}

/// A pool that waits for its deposit, by the contract's state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadyPoolView {
    pub id: PoolId,
    /// Wei that were put in.
    pub deposits_wei: U256,
    /// Read at this block.
    pub block: u64,
}

/// A long reading of old blocks, and how far it has got.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryView {
    /// What is read, for people: "events of the manager".
    pub what: SafeText,
    /// Every block up to this one is done.
    pub at: u64,
    /// The last block.
    pub to: u64,
    /// The time that the rest takes at the present pace, milliseconds.
    pub left_ms: Option<u64>,
    /// What came of it so far; may be empty.
    pub note: SafeText,
}

impl HistoryView {
    /// In one line.
    #[must_use]
    pub fn words(&self) -> String {
        let left = self
            .left_ms
            .filter(|_| self.at < self.to)
            .map_or_else(String::new, |ms| {
                format!(", about {} left", in_words(Duration::from_millis(ms)))
            });
        let note = match self.note.as_str() {
            "" => String::new(),
            note => format!("; {note}"),
        };
        format!("block {} of {}{left}{note}", self.at, self.to)
    }
}

impl ChainView {
    /// Before the first answer of an endpoint.
    #[must_use]
    pub fn unread() -> Self {
        Self {
            head: None,
            head_at: None,
            head_time: None,
            finalized: None,
            cursor: None,
            base_fee_wei: None,
            link: LinkState::Connecting,
            ready_queue: Vec::new(),
            owner_nonce: None,
            ready_pools: Vec::new(),
            histories: Vec::new(),
        }
    }
}

/// The oracle account, as the newest answers have it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignerView {
    /// The address; none in observe mode without a key.
    pub address: Option<Address>,
    /// Wei at the head.
    pub balance_wei: Option<U256>,
    /// Whether the manager accepts this address as its oracle.
    pub authorised: CheckStatus,
    /// Its next nonce when it was first seen, where a person has to adopt it before anything leaves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unadopted: Option<u64>,
    /// Nonces that the chain calls used, of which the journal knows nothing, and at which no person has looked: the first and
    /// the last of each range.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub strange: Vec<(u64, u64)>,
    /// For so many more deposits the balance is enough: by the dearest of the last ones, or by the ceiling of a
    /// transaction while none is known.
    #[serde(default)]
    pub deposits_left: Option<u64>,
}

impl SignerView {
    /// Before the chain was asked about the account.
    #[must_use]
    pub fn unread(address: Option<Address>) -> Self {
        Self {
            address,
            balance_wei: None,
            authorised: CheckStatus::Unknown,
            unadopted: None,
            strange: Vec::new(),
            deposits_left: None,
        }
    }
}

/// What an endpoint serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EndpointKind {
    /// JSON-RPC of the execution layer.
    Execution,
    /// Whatever relays between operators, where the DKG backend needs somebody; configuration and checks call it messenger.
    #[serde(rename = "messenger")]
    Relay,
    /// Standard Beacon API of the consensus layer.
    Beacon,
}

impl EndpointKind {
    /// The word for tables.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Execution => "execution",
            Self::Relay => "messenger",
            Self::Beacon => "beacon",
        }
    }
}

/// Health in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Health {
    /// Answers, and what it says is plausible.
    Up,
    /// Not asked yet, or no answer says anything: the reason is with it.
    Unknown,
    /// Answers, but slow, syncing or limited.
    Degraded,
    /// Does not answer, or must not be used (wrong chain).
    Down,
}

impl Health {
    /// The word for tables.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Unknown => "not known",
            Self::Degraded => "degraded",
            Self::Down => "down",
        }
    }
}

/// An endpoint, as it answered last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndpointView {
    pub kind: EndpointKind,
    /// Redacted URL.
    pub name: SafeText,
    pub health: Health,
    /// Why, or a version.
    pub detail: SafeText,
    /// Round trip of the last answer, milliseconds.
    pub latency_ms: Option<u64>,
}

/// One operator of the directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OperatorView {
    /// SSV operator id.
    pub id: OperatorId,
    /// Name, may be empty.
    pub name: SafeText,
    /// Redacted endpoint.
    pub endpoint: SafeText,
    /// SHA-256 of its public key, hex, where its key can be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    pub health: Health,
    /// Version its node reports.
    pub version: SafeText,
    /// Round trip of the last answer, milliseconds.
    pub latency_ms: Option<u64>,
    /// Ceremonies it took part in that gave a result.
    pub ceremonies_done: u32,
    /// Ceremonies that failed because of it.
    pub ceremonies_failed: u32,
    /// Words on its state.
    pub note: SafeText,
}

/// Where the record stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JournalView {
    pub records: u64,
    /// Hash of the newest record: the head of the chain.
    pub head: Root,
    pub path: SafeText,
    /// File of its checkpoint; none where only an older engine tells, and then it stands beside the journal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkpoint: Option<SafeText>,
    /// Why it cannot be written at present; nothing leaves this machine while so.
    pub unwritable: Option<SafeText>,
}
