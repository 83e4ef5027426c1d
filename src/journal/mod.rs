//! The durable record: append-only, hash-chained, written before every effect.
//!
//! One SQLite file (WAL, `synchronous=FULL`) that any `sqlite3` can read, also while the program runs.
//!
//! # The chain
//!
//! Record `n` (1, 2, 3, …) has the columns `seq`, `at` (ms since the Unix epoch), `kind`, `body` (JSON text), `hash` and
//! `format` (1 where the column is missing):
//!
//! ```text
//! hash(0) = 32 zero bytes
//! hash(n) = SHA-256("casimir-dkg journal v" || format in decimal || 0x00 || hash(n-1) || seq as u64 BE || at as u64 BE
//!                   || len(kind) as u64 BE || kind || len(body) as u64 BE || body)
//! ```
//!
//! Formats never decrease along the chain. After each commit the newest `seq` and `hash` are written to a checkpoint file
//! beside it, or elsewhere, as on another disk (`journal.checkpoint`): a journal that ends before its checkpoint lost acknowledged records or was rolled back,
//! and is refused.
//!
//! # The journal's own key
//!
//! A chain alone binds nobody: whoever has the file can write all of it anew, and the checkpoint, too. So a journal has a key
//! of its own (ed25519), made when the journal is, or at the first start of a program that knows of keys. A record
//! `journal-keyed` names its public half: the first record of a journal that is new, and otherwise the next one. The private
//! half stands beside the journal (`journal.key`, mode 0600) and is in no backup and no export. Behind number and hash, a
//! checkpoint then has the time, the public half and a signature:
//!
//! ```text
//! <seq> <hash> <at> <key> <signature>
//! signature over "casimir-dkg journal checkpoint v1" || 0x00 || hash(1) || format of the record as u64 BE || seq as u64 BE
//!                || hash || at as u64 BE
//! ```
//!
//! It counts under the newest key that a record up to `seq` names. Whoever wrote down the public half elsewhere can verify
//! every later export with it. What it does not prove: that whoever holds the file of the private half forged nothing. Against
//! them only a head helps that was told elsewhere. A checkpoint without a signature is read, too: of older programs, and of
//! `journal restore`, until the next record.
//!
//! A start refuses a journal whose key is missing or another one. `journal new-key REASON` makes another one, and the record
//! (`journal-keyed`, too) says who and why. Where the file of the key before it is there, that key signs, and the record has
//! `former`, with its `key` and `signature`:
//!
//! ```text
//! signature over "casimir-dkg journal key handed on v1" || 0x00 || hash(1) || seq as u64 BE || hash || the new key
//! ```
//!
//! with number and hash of the record before. So whoever wrote down any key can verify what the keys behind it signed, from
//! one to the next, for as long as each signed the next. A signature that is not right, or of another key than the newest, is
//! refused like a broken link. Without `former` a person declared the key: whoever holds an older one cannot tell it from a
//! forgery, and every verification says so.
//!
//! # Exports, version 1
//!
//! UTF-8 text, one JSON object a line, one line a record, in the order of their numbers, from the first record on:
//!
//! | field | content |
//! |---|---|
//! | `seq` | number of the record, from 1 |
//! | `format` | format of the record, which is part of its hash; left out where it is 1 |
//! | `at` | ms since the Unix epoch |
//! | `kind` | what the record is, in kebab case |
//! | `body` | its JSON text as a string, exactly as hashed |
//! | `hash` | `0x` and 64 hex digits, by the formula above |
//!
//! Each line begins with `{`, and the mark that an editor may have put before the first one is passed over.
//!
//! No other field: what no hash covers would prove nothing. An export of version 1 has no line of its own for its version.
//! That records are missing at its end, the lines themselves cannot tell: compare with a checkpoint, or with a head that was
//! written down elsewhere.
//!
//! # Exports, version 2
//!
//! Where the newest checkpoint is signed. The same, behind a first line that has no `seq`: `{"export":2,"checkpoint":"…"}`,
//! with the text of the checkpoint as above. The records may go on behind it.
//!
//! # The way on from a journal that is refused
//!
//! [`restore()`] puts a backup or another copy in its place that has every acknowledged record. Where nobody has such a
//! file, a person declares the missing records lost: that is a record of the journal (a `note`), which says who, why, from
//! which record to which, and what was open then. The file that was there is kept beside it.
//!
//! # Formats
//!
//! | format | what is new | how an older file comes to it |
//! |---|---|---|
//! | 1 | | |
//! | 2 | `format` in every record and its hash; the cursor of the event intake is a record (`events-read`) instead of a table outside the chain; `subjects` finds the records of a case; kinds are indexed | verified, copied to `journal.format-1-at-N.sqlite`, then `journal-upgraded` is appended, which carries the old cursor |
//!
//! Records are never rewritten, because exports, checkpoints and copies hold their hashes: every version that ever landed is
//! decoded for ever. An older program refuses a newer file by its number.
//!
//! # What comes without another format
//!
//! * **More of what a record says** is an optional field (`#[serde(default, skip_serializing_if = ..)]`): older records do
//!   not have it and are written as they were. An older program reads on and does not know it, so no field may change what
//!   the others mean.
//! * **Something else that happens** is a kind of its own. A program refuses a record of a kind that it does not know, by
//!   number and name, because to fold the rest without it would be to guess. Kinds are never renamed and never given
//!   another meaning.
//! * Who decides stands in a decision as `{"by": "person" | "rule", ..}`; another way of deciding is another `by`, and is
//!   refused like a kind. A decision names the digest of what was shown; `engine-started` says which version of digests
//!   and views its process spoke, and with which adapter and backend.
//!
//! A format changes only when the file, the chain or what is hashed changes.
//!
//! A second process that opens the journal for writing is refused by a file lock. Readers are not.

mod archive;
mod backup;
mod chain;
mod checkpoint;
mod doubt;
mod error;
mod export;
mod format;
mod inspect;
#[cfg(test)]
mod keys;
mod lineage;
mod own_key;
pub mod places;
mod read;
mod reading;
mod renew;
mod restore;
#[cfg(test)]
mod restores;
mod schema;
mod source;
mod stand;
mod store;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod upgrades;

pub use crate::lock::reads;
pub use archive::Archive;
pub use backup::backup;
pub use chain::{Anchor, Entry};
pub use checkpoint::Signed;
pub use doubt::Doubt;
pub use error::JournalError;
pub use export::{EXPORT, export};
pub use format::{FORMAT, Upgrade};
pub use inspect::{Report, verify, verify_at, verify_with};
pub use lineage::{Reach, Succession, Word, reach};
pub use own_key::{derived_secret, judge_key};
pub use places::JournalOptions;
pub use renew::{New, Renewed, new_key};
pub use restore::{Declaration, LOST_BEHIND, Lost, Restored, restore};
pub use stand::writer;
pub use store::{Journal, NewRecord};
