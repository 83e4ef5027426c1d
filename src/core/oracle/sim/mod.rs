//! One simulated world for all kinds of cases: chain and contract, beacon chain, operators, desk, nodes, people, and a
//! process that dies between any two records. A life is lived from one seed; the core is pure, so a seed that fails
//! fails again.
//!
//! ```text
//! CASIMIR_DKG_LIVES=5000 cargo test --lib oracle::sim::lives -- --nocapture        so many lives
//! CASIMIR_DKG_SEED=17-by-order cargo test --lib oracle::sim::lives -- --nocapture  one, step by step
//! ```
//!
//! [`world`] holds what is simulated, a file a part of the outside; [`book`] and [`holds`] what must hold after every step; [`ways`]
//! who moves a case that stands still; [`bugs`] defects that are planted to see that they are found.

mod beacon;
mod book;
mod boundaries;
mod bugs;
mod ceremonies;
mod chain;
mod coverage;
mod desk;
mod exits;
mod found;
mod holds;
mod lives;
mod logs;
mod people;
mod replay;
mod truth;
mod ways;
mod work;
mod world;

pub(in crate::oracle) use bugs::{Bug, is_planted};
pub(in crate::oracle) use lives::journal_of_a_life;
pub(in crate::oracle) use lives::records_of_a_life;
