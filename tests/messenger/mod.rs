//! The messenger over real HTTP: every route byte for byte, the recorded exchanges of the real programs, the order and
//! patience of deliveries, and what hostile clients cannot do.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic")]

mod crowd;
mod delivery;
mod guards;
mod hostile;
mod overheard;
mod recordings;
mod restart;
mod results;
mod routes;
#[path = "../../src/listen/tests/slow.rs"]
pub(crate) mod slow;
mod strangers;
mod support;
