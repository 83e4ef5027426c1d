//! Between the words of front ends and the words of the core.

use alloy::primitives::Address;

use super::EngineError;
use super::audit;
use super::commit::row;
use super::signatures::{self, Here};
use crate::journal::{Entry, NewRecord};
use crate::oracle::{ActionState, Durable, Mode, Record, Refusal, State, Wish};
use crate::ports::CeremonyCapabilities;
use crate::types::{ActionId, CaseId, SafeText, UnixMillis};
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
        Request::TakeBack { action } => Wish::TakeBack(action),
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

/// Whether a journal of these records, kind and text in order, takes an account for its own: it was new when it was first
/// seen, or something was signed since, or a person adopted it. What the chain says of the account today is not in it.
pub fn knows_account<'r>(records: impl Iterator<Item = (&'r str, &'r str)>, account: Address) -> bool {
    let mut seen = false;
    for (kind, body) in records {
        match Record::read(kind, body) {
            Ok(Record::AccountSeen { account: of, nonce }) if of == account => {
                if nonce == 0 {
                    return true;
                }
                seen = true;
            }
            Ok(Record::AccountAdopted { account: of, .. }) if of == account => return true,
            Ok(Record::TransactionSigned { .. }) if seen => return true,
            _ => {}
        }
    }
    false
}

/// The actions that wait for a decision at the end of a journal of these records, each with the record that voids it: it is
/// proposed anew, under another number. What a person signed for it may stand in records that are lost, and count once
/// more.
///
/// # Errors
/// A record cannot be understood.
pub fn void_undecided(
    entries: &[Entry],
    reason: &SafeText,
    at: UnixMillis,
) -> Result<Vec<(ActionId, NewRecord)>, EngineError> {
    let mut durable = Durable::default();
    for Entry {
        seq, at, kind, body, ..
    } in entries
    {
        let record =
            Record::read(kind, body).map_err(|problem| EngineError::Record { seq: *seq, problem })?;
        durable.apply(*seq, *at, &record);
    }
    let undecided = durable
        .actions
        .iter()
        .filter(|(_, action)| action.state == ActionState::Proposed);
    let void = |id: &ActionId| {
        let (action, reason) = (*id, reason.clone());
        row(at, &Record::ActionVoided { action, reason }, &durable)
    };
    Ok(undecided.map(|(id, _)| (*id, void(id))).collect())
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
    fn a_journal_knows_an_account_that_was_new_signed_for_or_adopted() {
        let account = Address::repeat_byte(7);
        let seen = |nonce| Record::AccountSeen { account, nonce };
        let adopted = |account| Record::AccountAdopted {
            account,
            nonce: 5,
            by: "tess@test".into(),
        };
        let signed = Record::TransactionSigned {
            action: "deposit/3#2".parse().unwrap(),
            transaction: crate::types::SignedTransaction {
                raw: vec![2].into(),
                hash: crate::types::Root([3; 32]),
                nonce: 5,
                max_fee_wei: Default::default(),
                priority_fee_wei: Default::default(),
                gas_limit: 0,
            },
        };
        let knows = |records: &[Record]| {
            let texts: Vec<_> = records
                .iter()
                .map(|record| (record.kind(), serde_json::to_string(record).unwrap()))
                .collect();
            knows_account(texts.iter().map(|(kind, body)| (*kind, body.as_str())), account)
        };
        assert!(!knows(&[]));
        assert!(knows(&[seen(0)]));
        assert!(!knows(&[seen(5)]));
        assert!(knows(&[seen(5), signed.clone()]));
        assert!(!knows(&[signed, seen(5)]), "by another account");
        assert!(knows(&[seen(5), adopted(account)]));
        assert!(!knows(&[seen(5), adopted(Address::ZERO)]));
    }

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
