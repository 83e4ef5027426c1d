//! Wire formats, byte for byte.
//!
//! Signatures cover a *re-encoding* of what was decoded, so every type here keeps what Go's JSON would keep (nil or
//! empty byte strings, unknown numbers) and writes what Go would write (field order, base64, map keys sorted as text).
//! Decoding is as tolerant as Go's: field names in any case, unknown fields skipped, missing fields zero, the last of
//! duplicates wins. Input is bounded by [`MAX_JSON`] and by serde_json's nesting limit; no input panics.

mod base;
mod bytes;
pub(in crate::dkg::rockx) mod codec;
mod collections;
mod keygen;
mod keysign;
mod message;
mod output;
mod ssv;
mod start;
mod topic;

pub use bytes::GoBytes;
pub use codec::{Decode, DecodeError, Encode, MAX_JSON};
pub use collections::{GoList, GoMap, MapKey};
pub use keygen::{
    Blame, BlameType, BodyError, KeygenBody, KeygenMessage, Preparation, ProtocolRound, Round1, Round2,
    Timeout,
};
pub use keysign::{KeysignBody, KeysignMessage, KeysignPreparation, KeysignRound1};
pub use message::{Message, MsgType, SignedMessage};
pub use output::{
    BlameOutput, DataStore, KeySignOutput, Output, OutputBlame, PartialDepositData, SignedOutput,
};
pub use ssv::{SSV_DKG, SsvError, SsvMessage};
pub use start::{Init, KeySign, Reshare};
pub(in crate::dkg::rockx) use topic::topic_text;
pub use topic::{CreateTopic, Subscriber, Topic};
