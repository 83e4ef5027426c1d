//! Between the words of the handle and the words of the core.

use super::handle::{Accepted, Refused, Reply, Request, Scope};
use crate::oracle::{Record, Refusal, State, Wish};
use crate::types::{CaseId, SafeText};

/// The wish behind a request, and whose it is; none for `Shutdown`.
pub(super) fn wish(request: Request) -> Option<(SafeText, Wish)> {
    let case = |scope| match scope {
        Scope::All => None,
        Scope::Case(case) => Some(case),
    };
    Some(match request {
        Request::Approve {
            action,
            digest,
            by,
            phrase,
        } => (
            by,
            Wish::Approve {
                action,
                digest,
                phrase,
            },
        ),
        Request::Reject {
            action,
            digest,
            by,
            reason,
        } => (
            by,
            Wish::Reject {
                action,
                digest,
                reason,
            },
        ),
        Request::Retry { case, by } => (by, Wish::Retry(case)),
        Request::DeclareLost { request, by } => (by, Wish::DeclareLost(request)),
        Request::Pause { scope, by } => (by, Wish::Pause(case(scope))),
        Request::Resume { scope, by } => (by, Wish::Resume(case(scope))),
        Request::RequestReshare { pool, by } => (by, Wish::Reshare(pool)),
        Request::SetCommittee {
            action,
            committee,
            by,
        } => (by, Wish::SetCommittee { action, committee }),
        Request::Shutdown => return None,
    })
}

pub(super) fn reply(answer: Result<SafeText, Refusal>) -> Reply {
    match answer {
        Ok(message) => Ok(Accepted { message }),
        Err(Refusal::Stale(why)) => Err(Refused::Stale(why)),
        Err(Refusal::AlreadyDecided { by, at }) => Err(Refused::AlreadyDecided { by, at }),
        Err(Refusal::NotNow(why)) => Err(Refused::NotNow(why)),
        Err(Refusal::Mode(why)) => Err(Refused::Mode(why)),
    }
}

/// The case that a record is about.
pub(super) fn case_of(record: &Record, state: &State) -> Option<CaseId> {
    state.case_of(record)
}

/// Whether something is being handed to the world at this moment.
pub(super) fn must_drain(state: &State) -> bool {
    state.is_handing_over()
}
