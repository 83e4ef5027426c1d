//! The RockX DKG protocol, wire-compatible with releases 0.2.7 to 0.2.13: all three roles.

pub mod ecies;
pub mod files;
pub mod frost;
pub mod initiator;
pub mod keys;
pub mod messenger;
pub mod node;
pub mod share;
pub mod sign;
pub mod wire;
