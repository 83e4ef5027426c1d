//! The RockX DKG protocol, wire-compatible with releases 0.2.7 to 0.2.13: all three roles, and the backend that the engine
//! sees ([`backend`]).
//!
//! Each room knows only those before it: the sizes of committees ([`committee`]), the wire and the keys; the arithmetic of the rounds ([`frost`], [`ecies`],
//! [`sign`]); what a result must be like ([`verify`]); what follows from the messages of a ceremony (`judgement`); the
//! document that proves it ([`transcript`]); who runs it ([`initiator`]). The messenger and the node are programs of
//! their own and know no initiator.

pub mod backend;
pub mod committee;
mod durable;
pub mod ecies;
pub mod files;
pub mod frost;
pub(crate) mod health;
pub mod initiator;
mod judgement;
pub mod keys;
pub mod messenger;
pub mod node;
mod plan;
pub mod round;
mod seen;
pub mod share;
pub mod sign;
mod start_message;
pub mod transcript;
pub mod verify;
pub mod wire;
