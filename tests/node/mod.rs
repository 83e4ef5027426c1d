//! The operator node: its state machines driven message by message, in every order and against every lie, and the whole
//! node over HTTP with a real messenger.

// helpers of tests are tests: they may stop with a panic
#![allow(clippy::unwrap_used)]

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
