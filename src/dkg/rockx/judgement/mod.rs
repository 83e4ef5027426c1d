//! From signed messages to a verdict: what each message proves about its sender, what an accusation proves about anybody,
//! and whether the result may be believed. The live initiator and the offline check of a transcript come to the same
//! conclusions because both feed this, and nothing else decides.
//!
//! No clock, no I/O: a message comes with the time at which it arrived.

mod accept;
mod contradict;
mod evidence;
mod fail;
mod judge;
mod message;
mod record;
#[cfg(test)]
mod replay;
mod words;

pub use accept::Source;

pub(super) use accept::{Accepted, accept, accept_verified, combine, judge_stored};
pub(super) use evidence::CeremonyEvidence;
pub(super) use fail::{failure, not_started, swallowed};
pub(super) use judge::{BlameVerdict, verify_outputs};
pub(super) use record::{Record, Taken};
pub(super) use words::list;
