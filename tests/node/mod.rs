//! The operator node: its state machines driven message by message, in every order and against every lie, and the whole
//! node over HTTP with a real messenger.

#![expect(clippy::unwrap_used, reason = "helpers of tests may panic")]

mod blames;
mod generations;
mod http;
pub(crate) mod net;
mod orders;
mod replays;
mod reshares;
mod routes;
mod shortened;
mod stage;
mod strangers;
mod timeouts;
