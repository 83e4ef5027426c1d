//! The transcript of a RockX ceremony: one JSON document that proves how the ceremony ended, checkable offline with
//! nothing but the file.
//!
//! # Format, version 1
//!
//! | field | content |
//! |---|---|
//! | `format` | 1 |
//! | `request_id` | 48 hex digits; part of every signed message |
//! | `held_for` | `chain_id`, `manager` and `account` of the oracle that held it, and the `case` in its journal; what was not said is left out, as in older ones |
//! | `plan` | committee, threshold, what is signed: everything the ceremony was to do |
//! | `operators` | operator id → RSA public key, in the text form of the directory, of every participant |
//! | `attached` | the initiator joined after the start (it was restarted), so earlier messages are missing |
//! | `started_at`, `ended_at` | Unix time in milliseconds |
//! | `start_message` | base64 of the envelope that was sent to every participant; `null` when nothing was sent |
//! | `replies` | operator id → time, outcome, HTTP status and text of its answer to the start message |
//! | `messages` | in order of arrival: time, sender as claimed, base64 of the envelope |
//! | `rejected` | in words: what arrived and was not by a participant of this ceremony (the first [`MAX_REJECTED`]) |
//! | `stored` | base64 of what the messenger answered to `GET /data/{id}`, verbatim; `null` when it had nothing |
//! | `verdict` | the result with its source and checks, or the failure |
//! | `digest` | SHA-256 of the compact JSON of the document, fields in this order, with a `digest` of 32 zero bytes |
//!
//! White space between values is free, and a byte order mark before the document is passed over. Everything else is written in
//! one way only: fields in their order, bytes in lower-case hex or padded base64, numbers without fraction or exponent, no field
//! twice, none that is not known. What is written otherwise is no transcript, even where its digest fits.
//!
//! [`verify()`] recomputes the verdict from the messages and compares it with the recorded one. What it cannot know is
//! whether `operators` holds the *right* keys: compare them with the registry. Times and replies are the initiator's own
//! word; the digest, kept in the journal, holds them fast.

mod document;
mod json;
mod verify;

pub use super::judgement::Source;
pub use document::{
    Bytes, Document, FORMAT, MAX_REJECTED, RecordedMessage, RecordedVerdict, StartOutcome, StartReply,
};
pub use verify::{examine, verify};
