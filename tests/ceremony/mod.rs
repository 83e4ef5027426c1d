//! Whole ceremonies over real HTTP on loopback: messenger, operator nodes and initiator as in production, with every
//! fault that one of them, or somebody else, can bring in.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic")]

pub(crate) mod byzantine;
mod faults;
mod firm;
mod foreign;
mod gateway;
mod host;
mod house;
mod keygen;
mod messenger;
mod recorded;
mod reshare;
mod sign;
mod tls;
mod transcripts;
