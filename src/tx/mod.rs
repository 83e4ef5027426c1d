//! One transaction's life: fees, nonce, signature, send, replace, track.
//!
//! An intent has one nonce for life and any number of signed versions, each with higher fees and the same payload. The
//! order of things is the caller's to keep: choose a nonce and journal it, sign and journal the bytes, broadcast, and
//! then believe only what [`track::inspect`] reads from the chain.

pub mod broadcast;
pub mod bump;
pub mod fees;
mod nodes;
mod reason;
mod refusal;
pub mod track;
mod unsigned;

pub use crate::ports::tx_signer::UnsignedTransaction;
pub use crate::types::SignedTransaction;
pub use broadcast::{Broadcast, Heard, broadcast};
pub use fees::{FeeQuote, Fees, OverCeiling};
pub use nodes::Nodes;
pub use refusal::{BroadcastHint, classify};
pub use track::{Inclusion, Intent, IntentStatus, inspect};
pub use unsigned::SignError;
