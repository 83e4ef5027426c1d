//! The engine's local socket: any number of seats in other processes see what a console in the engine's own process
//! sees, and ask what it asks.
//!
//! The protocol is [`crate::view`] written down: one JSON object a line, UTF-8, no line longer than the limits of
//! [`frame`]. Either side says [`Hello`](crate::view::Hello) first; the engine then says who it takes the seat for
//! ([`Seated`](crate::view::Seated)), sends a snapshot, and from then on changes, transitions and answers. A message of
//! a seat names nobody: who asks is what the system says of the other end of the socket ([`Person`]).
//!
//! The socket's file is the outer door (mode 0600, or 0660 with a group); the roles of [`Access`](crate::config::Access) are the inner one and
//! decide alone. ssh is the way to other hosts: nothing here listens on a network.
//!
//! A seat that does not read holds nobody up: changes are taken between the last snapshot that was written and the newest
//! one whenever the seat can take more, and a write that does not end in time ends the seat. Whoever does not greet has no
//! seat: each user has a share of the door, where the oldest of his own connections makes room, and who is in no list is
//! refused at once. A seat that comes to a crowded door comes again for some seconds.

mod access;
mod client;
mod door;
pub mod frame;
mod person;
mod place;
mod seat;
mod seat_limits;
mod server;
#[cfg(test)]
mod tests;

pub use crate::runtime::Surroundings;
pub use access::{AccessError, Role};
pub use client::{Attached, attach};
pub use person::Person;
pub use place::{candidates, place};
pub use server::{About, Listening, listen};

use std::io;
use std::path::PathBuf;

use crate::types::SafeText;
use crate::view::OtherVersion;

/// Why a socket cannot be opened, or an engine cannot be reached through it.
#[derive(Debug, thiserror::Error)]
pub enum AttachError {
    /// Nobody listens there.
    #[error("no engine listens at {}", .0.display())]
    NoEngine(PathBuf),
    /// Somebody does already.
    #[error("an engine listens at {} already", .0.display())]
    Taken(PathBuf),
    /// Something else stands where the socket should be made.
    #[error(
        "{} is not a socket, and is not replaced: name another path in attach.socket, or move the file away", .0.display()
    )]
    NoSocket(PathBuf),
    /// The socket's mode keeps this person out. The system says so of a socket that an engine left behind, too: it looks
    /// at the mode first.
    #[error(
        "{me} may not connect to the socket {} of {owner}, and so cannot tell whether an engine still listens there. One that \
         runs lets in whom its [attach] names (view, approve, group); where none runs, {owner} starts one",
        .path.display()
    )]
    Shut {
        /// Which socket.
        path: PathBuf,
        /// Who is kept out.
        me: Person,
        /// Whose socket it is.
        owner: Person,
    },
    /// The file system or the socket says no.
    #[error("socket {}: {error}", .path.display())]
    Io {
        /// Which socket.
        path: PathBuf,
        /// What the system said.
        #[source]
        error: io::Error,
    },
    /// The socket's mode or group could not be set.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// The other side speaks another version of the views.
    #[error(transparent)]
    Version(#[from] OtherVersion),
    /// The engine does not let this person in.
    #[error("the engine at {} does not take this seat: {why}", .path.display())]
    NotAdmitted {
        /// Which socket.
        path: PathBuf,
        /// In the engine's words.
        why: SafeText,
    },
    /// What came is not the protocol, or came too late.
    #[error("the engine at {} cannot be understood: {why}", .path.display())]
    Protocol {
        /// Which socket.
        path: PathBuf,
        /// What was wrong.
        why: SafeText,
    },
}
