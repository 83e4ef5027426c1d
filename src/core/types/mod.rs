//! Small types that every room shares. Nothing here does I/O, and nothing here depends on another room.
//!
//! Text that comes from outside this process is a [`SafeText`]; byte strings have a type for each meaning, so that a
//! signature cannot be passed for a key; and every identifier is a type of its own.

mod bytes;
mod ceremony;
mod check;
mod code;
mod contract;
mod decimal;
mod digest;
mod id;
mod name;
mod operator;
mod severity;
mod statement;
mod step;
mod text;
mod time;
mod transaction;
mod transcript;
mod verification;

pub use bytes::{
    BlsPublicKey, BlsSignature, ByteLengthError, ForkVersion, FormerKey, JournalKey, JournalSignature,
    PersonKey, PersonSignature, Root,
};
pub use ceremony::{
    BackendName, Blame, BroughtAlong, CeremonyFailure, CeremonyKind, CeremonyPlan, CeremonyResult,
    ExitDomain, FailureKind, KeygenOutput, OperatorProgress, OperatorState, OwnerNonce, ReshareOutput,
    SignPurpose,
};
pub use check::{Check, CheckStatus, refreshing};
pub use code::Code;
pub use contract::{
    BlockRef, ClusterLayout, ClusterSnapshot, DEPOSIT_GWEI, DEPOSIT_WEI, DepositOrder, LogRef, PoolView,
    RequestKind,
};
pub use decimal::{
    Round, format_ether, format_ssv, grouped, parse_ether, parse_ssv, rounded_ether, rounded_gwei,
    rounded_ssv,
};
pub use digest::{DIGEST, action_digest, payload_digest};
pub use id::{ActionId, CaseId, OperatorId, ParseIdError, PoolId, RequestId};
pub use operator::{OperatorRecord, Parties, RsaPublicKeyText};
pub use severity::Severity;
pub use statement::{Nth, SignedStatement, Stated, Statement};
pub use step::{CeremonyStep, Follows, StepId, present_step, present_step_from, was_seen};
pub use text::{RedactedUrl, SafeText, counted, listed, quoted, told_apart, without_mark};
pub use time::{UnixMillis, in_words};
pub use transaction::{MOST_GAS, NonceStatus, SignedTransaction, TRANSFER_GAS};
pub use transcript::{Examined, HeldFor, Transcript, TranscriptError};
pub use verification::Verification;

/// Whether a number that serde would write says nothing.
#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands in a reference")]
pub fn is_zero(number: &u32) -> bool {
    *number == 0
}
