//! Ceremonies as the decision core, the journal and the screen see them. The protocol itself is in `dkg`.

mod output;

use std::collections::BTreeMap;
use std::fmt;

use alloy::primitives::{Address, Bytes, keccak256};
use serde::{Deserialize, Serialize};

use super::name::name;
use super::{BlsPublicKey, ForkVersion, OperatorId, Root, SafeText, StepId, UnixMillis};

pub use output::{CeremonyResult, KeygenOutput, ReshareOutput};

name! {
    /// Names a DKG backend: the program at the operators and the protocol that they speak among themselves. It is
    /// journaled, so a backend never renames itself.
    BackendName, "a DKG backend"
}

impl BackendName {
    /// The backend of journals and transcripts that name none: there was no other.
    pub const ROCKX: Self = Self::new("rockx");

    /// Whether this is what a document without the name means, so that it need not be written.
    #[must_use]
    pub fn is_default(&self) -> bool {
        *self == Self::ROCKX
    }
}

impl Default for BackendName {
    fn default() -> Self {
        Self::ROCKX
    }
}

/// What a ceremony brings forth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CeremonyKind {
    /// A new validator key and its deposit signature.
    Keygen,
    /// The same key, new shares.
    Reshare,
    /// A threshold signature.
    Sign,
}

impl fmt::Display for CeremonyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Keygen => "keygen",
            Self::Reshare => "reshare",
            Self::Sign => "sign",
        })
    }
}

/// What a threshold signature is made over; the signing root follows from it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "purpose")]
pub enum SignPurpose {
    /// SSV registration: keccak256 of `<EIP-55 owner>:<nonce>`.
    OwnerNonce {
        /// EIP-55 text of the owner (the manager contract).
        owner: String,
        /// SSV's registration nonce of that owner.
        nonce: u64,
    },
    VoluntaryExit {
        /// Validator index on the beacon chain.
        validator_index: u64,
        /// First epoch at which the exit may be included.
        epoch: u64,
        /// The chain on which it counts; plans from before that was kept do not say.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        domain: Option<ExitDomain>,
    },
}

/// What binds a voluntary exit to one chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExitDomain {
    /// Capella's on every chain that has reached Deneb (EIP-7044).
    pub fork_version: ForkVersion,
    /// Of the beacon chain.
    pub genesis_validators_root: Root,
}

/// What SSV wants to have signed by a validator key before it registers it: keccak256 of `<owner>:<nonce>`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnerNonce {
    /// EIP-55 text of the owner (the manager contract).
    pub owner: String,
    /// SSV's registration nonce of that owner.
    pub nonce: u64,
}

impl OwnerNonce {
    /// What `owner` has to have signed to register its next validator.
    #[must_use]
    pub fn new(owner: Address, nonce: u64) -> Self {
        let owner = owner.to_checksum(None);
        Self { owner, nonce }
    }

    /// The 32 bytes that are signed: keccak256 of the text, as SSV's operators compute it from the event
    /// `ValidatorAdded`.
    #[must_use]
    pub fn root(&self) -> Root {
        Root(keccak256(self.to_string()).0)
    }
}

/// `<EIP-55 owner>:<nonce in decimal>`: any other spelling of the owner gives a signature that SSV refuses.
impl fmt::Display for OwnerNonce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.owner, self.nonce)
    }
}

/// What a ceremony with a key that exists must be given where nothing of the key is kept by its operators.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BroughtAlong {
    /// What every present holder handed back when its share was made, in bytes of the backend's own, hex in JSON.
    #[serde(with = "output::hex_map")]
    pub handed_back: BTreeMap<OperatorId, Vec<u8>>,
    /// 32 bytes: the deposit is signed once more beside the registration, for the same credentials ...
    pub withdrawal_credentials: Root,
    /// ... on the same fork.
    pub fork_version: ForkVersion,
    /// The owner's signature over the order, for backends that do nothing with a key without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner_signature: Option<Bytes>,
}

/// Everything that defines a ceremony, except its request id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum CeremonyPlan {
    /// Create a key for `committee` and sign the deposit.
    Keygen {
        /// Operators, ascending.
        committee: Vec<OperatorId>,
        /// How many of them can sign.
        threshold: u8,
        /// 32 bytes, begins 0x01.
        withdrawal_credentials: Root,
        /// Genesis fork version: part of the deposit's signing domain.
        fork_version: ForkVersion,
        /// The SSV registration that is signed within the key generation, by backends that do so. `None`: it is signed
        /// later, by a signing ceremony of its own.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        registration: Option<OwnerNonce>,
    },
    /// Hand the key of `validator` to `new`.
    Reshare {
        /// The key, which stays the same.
        validator: BlsPublicKey,
        /// Exactly the old threshold's number of members of the present committee, ascending.
        old: Vec<OperatorId>,
        /// The new committee, ascending.
        new: Vec<OperatorId>,
        /// Threshold of the new committee.
        threshold: u8,
        /// The SSV registration that is signed within the reshare, as in a key generation.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        registration: Option<OwnerNonce>,
        /// `None` where the present committee has kept what it takes.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        brought: Option<Box<BroughtAlong>>,
    },
    /// Sign `signing_root` with the key of `validator`.
    Sign {
        validator: BlsPublicKey,
        /// Every operator that holds a share, ascending.
        committee: Vec<OperatorId>,
        /// Threshold of the committee.
        threshold: u8,
        /// The 32 bytes that are signed.
        signing_root: Root,
        /// What these bytes mean.
        what: SignPurpose,
        /// Known share public keys of the committee: lets a bad partial signature be named.
        share_public_keys: BTreeMap<OperatorId, BlsPublicKey>,
        /// `None` where the committee has kept what it takes.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        brought: Option<Box<BroughtAlong>>,
    },
}

impl CeremonyPlan {
    /// Keygen, reshare or sign.
    #[must_use]
    pub fn kind(&self) -> CeremonyKind {
        match self {
            Self::Keygen { .. } => CeremonyKind::Keygen,
            Self::Reshare { .. } => CeremonyKind::Reshare,
            Self::Sign { .. } => CeremonyKind::Sign,
        }
    }

    /// Every operator that takes part, ascending, each once.
    #[must_use]
    pub fn participants(&self) -> Vec<OperatorId> {
        let mut all = match self {
            Self::Keygen { committee, .. } | Self::Sign { committee, .. } => committee.clone(),
            Self::Reshare { old, new, .. } => old.iter().chain(new).copied().collect(),
        };
        all.sort_unstable();
        all.dedup();
        all
    }

    /// The committee that holds the key afterwards.
    #[must_use]
    pub fn committee(&self) -> &[OperatorId] {
        match self {
            Self::Keygen { committee, .. } | Self::Sign { committee, .. } => committee,
            Self::Reshare { new, .. } => new,
        }
    }

    /// The holders that hand their shares on, where that is what it is for.
    #[must_use]
    pub fn dealers(&self) -> Option<&[OperatorId]> {
        match self {
            Self::Reshare { old, .. } => Some(old),
            Self::Keygen { .. } | Self::Sign { .. } => None,
        }
    }

    /// The SSV registration that is signed within it, besides what it is for.
    #[must_use]
    pub fn registration(&self) -> Option<&OwnerNonce> {
        match self {
            Self::Keygen { registration, .. } | Self::Reshare { registration, .. } => registration.as_ref(),
            Self::Sign { .. } => None,
        }
    }

    /// How many of that committee can sign, as the backend told it when the plan was made.
    #[must_use]
    pub fn threshold(&self) -> u8 {
        match self {
            Self::Keygen { threshold, .. }
            | Self::Reshare { threshold, .. }
            | Self::Sign { threshold, .. } => *threshold,
        }
    }
}

/// The state of one operator within a ceremony.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OperatorState {
    /// Nothing was asked of it yet.
    Idle,
    /// It is expected to send its next message.
    Working,
    /// It sent everything that this ceremony asks of it.
    Done,
    /// It answered with an error or could not be reached; see `note`.
    Failing,
    /// The round's deadline passed without a message from it.
    Missing,
    /// Evidence shows that it broke the protocol.
    Blamed,
}

/// One row of the ceremony matrix.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OperatorProgress {
    pub state: OperatorState,
    /// When this operator's message of each step was first seen.
    pub seen: BTreeMap<StepId, UnixMillis>,
    /// The last message or error, in words.
    pub note: SafeText,
}

impl Default for OperatorProgress {
    fn default() -> Self {
        Self {
            state: OperatorState::Idle,
            seen: BTreeMap::new(),
            note: SafeText::default(),
        }
    }
}

/// An accusation that was published in a ceremony, judged by us.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Blame {
    /// The operator that published the accusation; after a time-out a protocol may name innocents.
    pub blamer: OperatorId,
    /// Who is accused by the *evidence* (not by the blamer's word), where the evidence names somebody.
    pub culprit: Option<OperatorId>,
    /// Whether the evidence proves it, by our own judgement.
    pub proven: bool,
    /// What the evidence shows, in a sentence for people.
    pub reason: SafeText,
}

/// How a ceremony failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FailureKind {
    /// An operator, or whatever relays between them, could not be reached before any start message was sent: nothing happened.
    NotStarted,
    /// A round's deadline passed; `culprits` sent nothing.
    Timeout,
    /// Somebody broke the protocol; `culprits` by the evidence.
    Blamed,
    /// The results do not agree with each other, with the observed messages, or do not verify.
    Refused,
    /// Whoever must know answers, and knows nothing of it: nothing can be delivered any more, so no result can come. If a key was made all the same, it must never be used.
    Lost,
    /// Whether the ceremony ended, and how, could not be found out. Its result is looked for until it is known.
    Unknown,
}

/// A ceremony that gave no result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{reason}")]
pub struct CeremonyFailure {
    /// Says what may be done next: a failure that is `Unknown` is looked for, not repeated.
    pub kind: FailureKind,
    /// The step in which it stopped.
    pub round: Option<StepId>,
    /// Operators that caused it, as far as this is known from what they sent or did not send.
    pub culprits: Vec<OperatorId>,
    /// What the evidence shows, in a sentence for people.
    pub reason: SafeText,
    /// Accusations in the order in which they were observed, also those that prove nothing.
    pub blames: Vec<Blame>,
}
