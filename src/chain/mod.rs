//! The execution layer: contract adapters, event intake, SSV cluster and nonce.
//!
//! [`rpc`] asks nodes; [`contracts`] speaks to the manager; [`intake`] follows events; [`ssv`], [`deposits`] and
//! [`committee`] rebuild from logs what no contract stores; [`facts`] gathers what a deposit's checks need, and
//! [`agreement`] asks every endpoint for it before money moves.

pub mod agreement;
pub mod committee;
pub mod contracts;
pub mod deposits;
pub mod facts;
pub mod intake;
pub mod logs;
mod omission;
pub mod replay;
pub mod rpc;
pub mod ssv;
