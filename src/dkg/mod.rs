//! Distributed key generation: what any backend needs, and the backends.
//!
//! A backend is a room of its own that implements [`Ceremonies`](crate::ports::Ceremonies), and a line in `backends`,
//! by which its name finds its transcripts' check. Here is what it can build on: the arithmetic of shares ([`threshold`]), and the tracker that
//! tells by the steps of a plan for whom a ceremony waits.

pub(crate) mod backends;
pub(crate) mod health;
pub mod purpose;
pub mod rockx;
pub mod threshold;
pub(crate) mod tracker;
pub mod transcript;
