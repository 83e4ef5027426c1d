//! The whole engine against a real chain, real operators and a real messenger: deposits with reorganisations, refusals,
//! pauses and crashes.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic")]

mod absent;
mod crashes;
mod deposits;
mod reshares_and_exits;
mod support;
mod times;
