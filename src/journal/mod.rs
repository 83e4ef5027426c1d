//! The durable record: append-only, hash-chained, written before every effect.
//!
//! One SQLite file (WAL, `synchronous=FULL`) that any `sqlite3` can read, also while the program runs.
//!
//! # The chain
//!
//! Record `n` (1, 2, 3, …) has the columns `seq`, `at` (ms since the Unix epoch), `kind`, `body` (JSON text) and `hash`:
//!
//! ```text
//! hash(0) = 32 zero bytes
//! hash(n) = SHA-256("casimir-dkg journal v1\0" || hash(n-1) || seq as u64 BE || at as u64 BE
//!                   || len(kind) as u64 BE || kind || len(body) as u64 BE || body)
//! ```
//!
//! After each commit the newest `seq` and `hash` are written to a checkpoint file beside it (or on another disk): a
//! journal that ends before its checkpoint lost acknowledged records or was rolled back, and is refused.
//!
//! A second process that opens the journal for writing is refused by a file lock. Readers are not.

mod chain;
mod checkpoint;
mod error;
mod inspect;
mod store;
#[cfg(test)]
mod tests;

pub use chain::Entry;
pub use error::JournalError;
pub use inspect::{Report, export, verify};
pub use store::{Journal, JournalOptions};
