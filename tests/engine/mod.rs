//! The whole engine against a real chain, real operators and a real messenger: deposits with reorganisations, refusals,
//! pauses, a full disk and panics.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic")]

mod absent;
pub(crate) mod binary;
#[cfg(target_os = "linux")]
pub(crate) mod crowd;
pub(crate) mod deposits;
mod director;
mod endpoints;
mod exits;
#[cfg(target_os = "linux")]
pub(crate) mod full_disk;
mod hints;
#[cfg(target_os = "linux")]
mod late;
mod lies;
#[cfg(target_os = "linux")]
mod moves;
mod observer;
mod overtaken;
mod panics;
#[cfg(target_os = "linux")]
mod people;
mod remote;
mod reshares_and_exits;
mod scraped;
mod seats;
mod strangers;
mod stuck;
pub(crate) mod support;
mod times;
mod toys;
mod undo;
mod unknown;
mod watched;
mod ways;
