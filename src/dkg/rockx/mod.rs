//! The RockX DKG protocol, wire-compatible with releases 0.2.7 to 0.2.13: all three roles.

pub mod backend;
pub mod ecies;
pub mod files;
pub mod frost;
pub mod initiator;
mod judgement;
pub mod keys;
pub mod messenger;
pub mod node;
mod plan;
pub mod round;
pub mod share;
pub mod shares_data;
pub mod sign;
mod start_message;
pub mod transcript;
pub mod verify;
pub mod wire;
