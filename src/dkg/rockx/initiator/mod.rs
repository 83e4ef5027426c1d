//! The initiator: starts a ceremony, observes every message, names who holds it up, verifies the result.
//!
//! One [`Initiator`] serves any number of ceremonies at the same time, with one HTTP listener (the observer) that is
//! subscribed to each ceremony's topic. A ceremony goes like this:
//!
//! 1. every operator and the messenger answer `/ping`, or nothing is started;
//! 2. the topic is created, and the subscribers that the messenger stored are compared with those that were asked for;
//! 3. the observer subscribes itself, and the topic is read back;
//! 4. each participant gets the start message once, all at the same time;
//! 5. every message that arrives is attributed by its RSA signature and put into the matrix; a round that is not complete
//!    in time ends the ceremony with the names of those who sent nothing, and a proof of misconduct ends it at once;
//! 6. the messenger's stored result is compared with the outputs that were observed, and verified.
//!
//! Nobody's word is taken for anything: not the blamer's on who is to blame, not the messenger's on the result, not an
//! operator's on another one. A messenger that dies leaves the outcome unknown until it is back or time is out; a
//! request id is never started twice.

mod ahead;
mod ceremony;
mod clock;
mod close;
mod config;
mod deliver;
mod follow;
mod host;
mod http;
pub(super) mod messenger;
mod observer;
mod poll;
pub(super) mod preflight;
mod prepare;
mod run;
mod subscribers;

pub use config::{InitiatorConfig, InitiatorError};
pub use run::Initiator;
