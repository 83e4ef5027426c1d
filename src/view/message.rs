//! The conversation between the engine and a seat, as messages that can be written down: a greeting, one snapshot, then
//! whatever changes and whatever is asked.

use serde::{Deserialize, Serialize};

use super::{Change, Listing, Query, Refused, Reply, Request, Snapshot, Transition, VERSION};
use crate::types::{SafeText, UnixMillis};

/// The first message of either side.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// The version of the views that the sender speaks.
    pub view: u32,
    /// The program's version, for people.
    pub program: String,
}

/// The other side speaks other views.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "casimir-dkg {program} speaks version {theirs} of the views and this program version {ours}: use the same \
     program on both sides",
    ours = VERSION
)]
pub struct OtherVersion {
    /// The other program's version.
    pub program: String,
    /// The version that it speaks.
    pub theirs: u32,
}

impl Hello {
    /// This program's greeting.
    #[must_use]
    pub fn of_this_program() -> Self {
        Self {
            view: VERSION,
            program: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }

    /// Whether the one who sent this can be understood.
    ///
    /// # Errors
    /// It speaks another version.
    pub fn check(&self) -> Result<(), OtherVersion> {
        if self.view == VERSION {
            return Ok(());
        }
        Err(OtherVersion {
            program: self.program.clone(),
            theirs: self.view,
        })
    }
}

/// Who the engine takes a seat for, and what engine it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seated {
    /// The name under which the journal keeps what this seat decides.
    pub you: SafeText,
    /// Whether this seat may decide; a seat that may not is told why with each request.
    pub may_decide: bool,
    /// The engine's process.
    pub process: u32,
    /// Whose process that is.
    pub run_by: SafeText,
    /// Since when it runs.
    pub since: UnixMillis,
}

/// What the engine says to a seat.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ToSeat {
    /// The first message, from either side.
    Hello(Hello),
    /// Second, where the seat is taken.
    Seated(Seated),
    /// Second and last, where it is not: why.
    NotAdmitted(SafeText),
    /// Third, and whenever the seat asks for it.
    Snapshot(Box<Snapshot>),
    /// What differs from the state with this revision; a seat with another revision asks for a snapshot.
    Changes {
        /// The revision that they apply to.
        since: u64,
        /// In order.
        changes: Vec<Change>,
    },
    /// One line of what changed, for whoever follows along.
    Happened(Transition),
    /// So many transitions came faster than they were read.
    Missed(u64),
    /// The answer to a request.
    Answer {
        /// Ticket of the request.
        ticket: u64,
        /// What came of it.
        reply: Reply,
    },
    /// The answer to a query.
    Rows {
        /// Ticket of the query.
        ticket: u64,
        /// The rows, or why there are none.
        listing: Result<Listing, Refused>,
    },
}

/// What a seat says to the engine. It names no one: whoever carries the messages knows who sits there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FromSeat {
    /// The first message, from either side.
    Hello(Hello),
    /// A person asks for something.
    Request {
        /// Comes back with the answer.
        ticket: u64,
        request: Request,
    },
    /// The front end reads on.
    Read {
        /// Comes back with the answer.
        ticket: u64,
        query: Query,
    },
    /// Changes were missed: the whole state is wanted again.
    Again,
}
