//! Between the words of front ends and the words of the core.

use super::audit;
use super::signatures::{self, Here};
use crate::oracle::{Mode, Record, Refusal, State, Wish};
use crate::ports::CeremonyCapabilities;
use crate::types::{CaseId, SafeText};
use crate::view::{Accepted, Refused, Reply, Request, Scope};

/// The wish behind a request. What a committee can be like, the backend says.
///
/// # Errors
/// What a person signed elsewhere cannot be taken.
pub(super) fn wish(request: Request, can: &CeremonyCapabilities, here: &Here<'_>) -> Result<Wish, Refused> {
    let case = |scope| match scope {
        Scope::All => None,
        Scope::Case(case) => Some(case),
    };
    Ok(match request {
        Request::ApproveSigned { signed } => return signatures::wish(signed, here),
        Request::Approve {
            action,
            digest,
            phrase,
        } => Wish::Approve {
            action,
            digest,
            phrase,
        },
        Request::Reject {
            action,
            digest,
            reason,
        } => Wish::Reject {
            action,
            digest,
            reason,
        },
        Request::Retry { case } => Wish::Retry(case),
        Request::DeclareLost { request } => Wish::DeclareLost(request),
        Request::Pause { scope } => Wish::Pause(case(scope)),
        Request::Resume { scope } => Wish::Resume(case(scope)),
        Request::Adopt { account } => Wish::Adopt(account),
        Request::RequestReshare { pool } => Wish::Reshare(pool),
        Request::SetCommittee { action, committee } => Wish::SetCommittee {
            action,
            committee,
            sizes: can.committees.iter().map(|size| size.operators).collect(),
        },
        Request::GiveUp { case, reason } => Wish::GiveUp { case, reason },
        Request::RedoKey { case } => Wish::RedoKey(case),
        Request::RequestExit { pool } => Wish::RequestExit(pool),
        Request::SwitchMode { mode, word } => Wish::SwitchMode {
            to: core_mode(mode),
            word,
        },
    })
}

fn core_mode(mode: crate::view::Mode) -> Mode {
    match mode {
        crate::view::Mode::Observe => Mode::Observe,
        crate::view::Mode::Supervised => Mode::Supervised,
        crate::view::Mode::Auto => Mode::Auto,
    }
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

/// A record of the journal as one sentence for people; `None` for one that this version does not know.
#[must_use]
pub fn sentence(record: &str) -> Option<SafeText> {
    let record: Record = serde_json::from_str(record).ok()?;
    Some(record.sentence())
}

/// Whether this program understands a record of the journal, as it must at a start.
///
/// # Errors
/// In words: what it does not understand.
pub fn understood(kind: &str, body: &str) -> Result<(), String> {
    Record::read(kind, body).map(drop)
}

/// Whether the signature of a person's own key in a record is right; `None` where there is none.
#[must_use]
pub fn signature_is_right(record: &str) -> Option<bool> {
    match serde_json::from_str(record).ok()? {
        Record::Endorsed { action, decision } | Record::Decided { action, decision } => {
            audit::signature_holds(action, &decision)
        }
        _ => None,
    }
}

/// The case that a record is about.
pub(super) fn case_of(record: &Record, state: &State) -> Option<CaseId> {
    state.case_of(record)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle::Policy;
    use crate::types::PoolId;

    #[test]
    fn ways_out_reach_the_core_as_they_were_asked() {
        let case: CaseId = "deposit/3".parse().unwrap();
        let reason = SafeText::new("filled by mistake");
        let given_up = Request::GiveUp {
            case,
            reason: reason.clone(),
        };
        let can = crate::dkg::backends::ALL[0].capabilities;
        let can = can();
        let (policy, network) = (Policy::default(), crate::view::fixture::surroundings(1).network);
        let here = Here {
            policy: &policy,
            network: &network,
            account: None,
        };
        let wish = |request, can: &CeremonyCapabilities| super::wish(request, can, &here).unwrap();
        assert_eq!(wish(given_up, &can), Wish::GiveUp { case, reason });
        assert_eq!(wish(Request::RedoKey { case }, &can), Wish::RedoKey(case));
        let pool = PoolId(3);
        assert_eq!(wish(Request::RequestExit { pool }, &can), Wish::RequestExit(pool));
    }
}
