//! Small types that every room shares. Nothing here does I/O, and nothing here depends on another room.
//!
//! Text that comes from outside this process is a [`SafeText`]; byte strings have a type for each meaning, so that a
//! signature can not be passed for a key; and every identifier is a type of its own.

mod bytes;
mod ceremony;
mod check;
mod contract;
mod id;
mod operator;
mod text;
mod time;
mod transaction;

pub use bytes::{BlsPublicKey, BlsSignature, ByteLengthError, ForkVersion, Root};
pub use ceremony::{
    Blame, CeremonyFailure, CeremonyKind, CeremonyPlan, CeremonyResult, FailureKind, KeygenOutput,
    OperatorProgress, OperatorState, ReshareOutput, Round, SignPurpose, threshold_for,
};
pub use check::{Check, CheckStatus};
pub use contract::{BlockRef, ClusterLayout, ClusterSnapshot, LogRef, PoolView, RequestKind};
pub use id::{ActionId, CaseId, OperatorId, ParseIdError, PoolId, RequestId};
pub use operator::{OperatorRecord, RsaPublicKeyText};
pub use text::{RedactedUrl, SafeText, counted};
pub use time::UnixMillis;
pub use transaction::{NonceStatus, SignedTransaction};
