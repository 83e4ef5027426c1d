//! Distributed key generation: what any backend needs, and the backends.
//!
//! A backend is a room of its own that implements [`Ceremonies`](crate::ports::Ceremonies), and a line in the table of
//! [`backends`]. Here is what it can build on: the arithmetic of shares ([`threshold`]), and the tracker that
//! tells by the steps of a plan for whom a ceremony waits.

mod backends;
mod options;
pub mod rockx;
pub mod threshold;
pub(crate) mod tracker;
pub mod transcript;

pub use backends::{Backend, BackendError, EmbeddedRelay, Roster, Start, Started, backend, backends};
pub use options::{DkgConfig, MessengerChoice};
