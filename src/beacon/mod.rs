//! The consensus layer: client and fan-out, signing roots, follow-up.

pub mod client;
pub mod exit;
pub mod roots;
