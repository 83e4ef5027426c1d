//! Requests that were sent, until the engine's answer is old news.

use std::time::Duration;

use casimir_dkg::types::{ActionId, CaseId};
use casimir_dkg::view::Reply;

/// What a request is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Subject {
    Action(ActionId),
    Case(CaseId),
    Everything,
}

/// A request on its way, or just answered.
#[derive(Debug, Clone)]
pub(crate) struct Pending {
    pub(crate) ticket: u64,
    pub(crate) subject: Subject,
    /// `approve deposit/3#1`.
    pub(crate) what: String,
    /// An approve request: the same action is not sent twice.
    pub(crate) approves: bool,
    /// The first ticket of those that were sent together with it, itself among them.
    pub(crate) together: Option<u64>,
    pub(crate) sent: Duration,
    pub(crate) reply: Option<Reply>,
}

impl Pending {
    /// The engine has neither refused it nor shown its effect.
    pub(crate) fn counts(&self) -> bool {
        !matches!(self.reply, Some(Err(_)))
    }
}
