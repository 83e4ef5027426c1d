//! Between the words of front ends and the words of the core.

use std::collections::BTreeSet;

use alloy::primitives::Address;

use super::EngineError;
use super::audit;
use super::commit::row;
use super::signatures::{self, Here};
use crate::journal::LOST_BEHIND;
use crate::journal::{Entry, NewRecord};
use crate::oracle::Unexplained;
use crate::oracle::{ActionState, Command, Durable, Mode, Record, Refusal, Resume, State, Step};
use crate::ports::CeremonyCapabilities;
use crate::types::{ActionId, CaseId, SafeText, UnixMillis};
use crate::view::{Accepted, Refused, Reply, Request, Scope};

/// The command behind a request. What a committee can be like, the backend says.
///
/// # Errors
/// What a person signed elsewhere cannot be taken.
pub(super) fn command(
    request: Request,
    can: &CeremonyCapabilities,
    here: &Here<'_>,
) -> Result<Command, Refused> {
    let case = |scope| match scope {
        Scope::All => None,
        Scope::Case(case) => Some(case),
    };
    Ok(match request {
        Request::ApproveSigned { signed } => return signatures::command(signed, here),
        Request::Approve {
            action,
            digest,
            phrase,
        } => Command::Approve {
            action,
            digest,
            phrase,
        },
        Request::Reject {
            action,
            digest,
            reason,
        } => Command::Reject {
            action,
            digest,
            reason,
        },
        Request::Retry { case } => Command::Retry(case),
        Request::DeclareLost { request } => Command::DeclareLost(request),
        Request::Pause { scope } => Command::Pause(case(scope)),
        Request::Resume { scope } => Command::Resume(case(scope)),
        Request::Adopt { account } => Command::Adopt(account),
        Request::RequestReshare { pool } => Command::Reshare(pool),
        Request::SetCommittee { action, committee } => Command::SetCommittee {
            action,
            committee,
            sizes: can.committees.iter().map(|size| size.operators).collect(),
        },
        Request::GiveUp { case, reason } => Command::GiveUp { case, reason },
        Request::TakeBack { action } => Command::TakeBack(action),
        Request::RedoKey { case } => Command::RedoKey(case),
        Request::RequestExit { pool } => Command::RequestExit(pool),
        Request::SwitchMode { mode, word } => Command::SwitchMode {
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
/// seen and the journal knew no other, or something was signed since, or a person adopted it. What the chain says of the account today is not in it.
pub fn knows_account<'r>(records: impl Iterator<Item = (&'r str, &'r str)>, account: Address) -> bool {
    let (mut seen, mut others) = (false, false);
    for (kind, body) in records {
        match Record::read(kind, body) {
            Ok(Record::AccountSeen { account: of, nonce }) if of == account => {
                if nonce == 0 && !others {
                    return true;
                }
                seen = true;
            }
            Ok(Record::AccountSeen { .. }) => others = true,
            Ok(Record::AccountAdopted { account: of, .. }) if of == account => return true,
            Ok(Record::TransactionSigned { .. }) if seen => return true,
            _ => {}
        }
    }
    false
}

/// What a journal does not know of its account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gap {
    /// Nonces that are used.
    pub nonces: Unexplained,
    /// The first and the last of each range of them.
    pub ranges: Vec<(u64, u64)>,
    /// What a person declared lost of it last.
    pub lost: Option<SafeText>,
}

/// What the journal of these records does not know of `account`, which has sent `sent` transactions. Nothing where a record
/// cannot be understood, which is told elsewhere.
#[must_use]
pub fn unexplained(entries: &[Entry], account: Address, sent: u64) -> Option<Gap> {
    let mut durable = Durable::default();
    let mut lost = None;
    for entry in entries {
        let record = Record::read(&entry.kind, &entry.body).ok()?;
        durable.apply(entry.seq, entry.at, &record);
        if let Record::Note { case: None, text } = record
            && let Some((words, _)) = text.as_str().split_once(LOST_BEHIND)
        {
            lost = Some(SafeText::new(words));
        }
    }
    let nonces = durable.unexplained(account, sent)?;
    let each = durable.each_unexplained(account, sent, super::publish::STRANGE);
    Some(Gap {
        nonces,
        ranges: each.into_iter().map(|range| (range.first, range.last)).collect(),
        lost,
    })
}

/// What is recorded where a journal lost its end.
#[derive(Debug, Clone, Default)]
pub struct Voided {
    /// Actions that are proposed anew, under other numbers.
    pub actions: Vec<ActionId>,
    pub records: Vec<NewRecord>,
}

/// Voids what had not left at the end of a journal of these records, and pauses everything. What a person signed for it may
/// stand in records that are lost, and count once more; so may be that an approval was taken back, or that somebody paused.
/// What was signed, started or offered under its approval stays as it is, and is looked for.
///
/// # Errors
/// A record cannot be understood.
pub fn void_undecided(
    entries: &[Entry],
    by: &SafeText,
    reason: &SafeText,
    at: UnixMillis,
) -> Result<Voided, EngineError> {
    let (mut durable, mut offered) = (Durable::default(), BTreeSet::new());
    for Entry {
        seq, at, kind, body, ..
    } in entries
    {
        let record =
            Record::read(kind, body).map_err(|problem| EngineError::Record { seq: *seq, problem })?;
        durable.apply(*seq, *at, &record);
        if let Record::ExitPublished { action, .. } = record {
            offered.insert(action);
        }
    }
    let mut records = Vec::new();
    let mut voided = Vec::new();
    for (&action, what) in &durable.actions {
        let step = durable.cases.get(&action.case).map(|case| &case.step);
        let undecided = match what.state {
            ActionState::Proposed => true,
            // an exit that was offered and waits once more may be in a block at any time
            ActionState::Approved => !offered.contains(&action),
            _ => false,
        };
        if !undecided || !step.is_some_and(|step| stands_at(step, action)) {
            continue;
        }
        voided.push(action);
        let reason = reason.clone();
        records.push(Record::ActionVoided { action, reason });
        // a person must look all the same
        if let Some(Step::Halted { reason, .. }) = step {
            let (case, reason) = (action.case, reason.clone());
            records.push(Record::CaseHalted { case, reason });
        }
    }
    if durable.paused.is_none() {
        let by = by.clone();
        records.push(Record::Paused { case: None, by });
    }
    Ok(Voided {
        actions: voided,
        records: records.iter().map(|record| row(at, record, &durable)).collect(),
    })
}

/// Whether a case waits for this action to leave, or was halted before it did.
fn stands_at(step: &Step, action: ActionId) -> bool {
    match step {
        Step::DecideCeremony(at) | Step::DecideEffect(at) => *at == action,
        Step::Halted {
            resume: Resume::Offer(at),
            ..
        } => *at == action,
        _ => false,
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
        let other = Record::AccountSeen {
            account: Address::ZERO,
            nonce: 0,
        };
        assert!(
            !knows(&[other.clone(), seen(0)]),
            "it was written for another one"
        );
        assert!(knows(&[seen(0), other.clone()]));
        assert!(knows(&[other, seen(0), adopted(account)]));
    }

    /// It depended on whether somebody had been told yet.
    #[test]
    fn what_a_journal_does_not_know_is_the_same_before_and_after_it_was_told_and_read_on_while_paused() {
        let account = Address::repeat_byte(7);
        let upto = |number| Record::EventsRead {
            upto: crate::types::BlockRef {
                number,
                hash: crate::types::Root([1; 32]),
            },
        };
        let records = [
            Record::AccountSeen { account, nonce: 3 },
            upto(100),
            upto(120),
            Record::AccountStrange {
                account,
                nonce: 3,
                next: 5,
                last: Some(4),
            },
            Record::Paused {
                case: None,
                by: "the engine".into(),
            },
            upto(400),
        ];
        let entry = |seq: usize| {
            let record: &Record = &records[seq];
            Entry {
                seq: seq as u64,
                format: 2,
                at: UnixMillis(1),
                kind: record.kind().to_owned(),
                body: serde_json::to_string(record).unwrap(),
                hash: crate::types::Root::default(),
            }
        };
        let entries: Vec<_> = (0..records.len()).map(entry).collect();
        for n in 1..=entries.len() {
            let gap = unexplained(&entries[..n], account, 5).unwrap();
            assert_eq!((gap.ranges, gap.lost), (vec![(3, 4)], None), "behind {n} records");
        }
    }

    /// What is void at the end of the demo's journal cut off behind record `n`, with what `more` adds, and the records that
    /// say so.
    fn voided(n: usize, more: &[Record]) -> (Vec<String>, Vec<Record>) {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/journals");
        let (_, mut entries) = crate::journal::verify(&folder.join("format-2/closed.sqlite")).unwrap();
        entries.truncate(n);
        for record in more {
            let last = entries.last().unwrap();
            entries.push(Entry {
                seq: last.seq + 1,
                kind: record.kind().to_owned(),
                body: serde_json::to_string(record).unwrap(),
                ..last.clone()
            });
        }
        let (by, reason) = ("ada".into(), "records were lost".into());
        let voided = void_undecided(&entries, &by, &reason, UnixMillis(1)).unwrap();
        let records = voided
            .records
            .iter()
            .map(|new| Record::read(new.kind, &new.body).unwrap());
        let actions = voided.actions.iter().map(ToString::to_string).collect();
        (actions, records.collect())
    }

    #[test]
    fn what_had_not_left_is_void_where_records_are_lost_and_what_left_is_looked_for() {
        let void = |n, more: &[Record]| voided(n, more).0;
        assert_eq!(void(49, &[]), ["reshare/1#1"], "proposed");
        assert_eq!(void(50, &[]), ["reshare/1#1"], "approved");
        assert_eq!(void(51, &[]), [""; 0], "its ceremony is begun");
        assert_eq!(void(56, &[]), ["reshare/1#2"], "approved");
        assert_eq!(void(57, &[]), [""; 0], "it is signed, and has a nonce");
        assert_eq!(void(68, &[]), ["exit/2#2"], "approved");
        assert_eq!(
            void(69, &[]),
            ["exit/2#2"],
            "it waits for its epoch, and nobody has it"
        );
        assert_eq!(void(71, &[]), [""; 0], "it was offered");
        let deferred = Record::ExitDeferred {
            action: "exit/2#2".parse().unwrap(),
            until: UnixMillis(u64::MAX),
            reason: "too early".into(),
        };
        assert_eq!(
            void(71, &[deferred]),
            [""; 0],
            "it was offered, and waits once more"
        );
        assert_eq!(void(80, &[]), [""; 0], "everything is over");
    }

    #[test]
    fn where_records_are_lost_everything_pauses_and_what_was_halted_stays_so() {
        let reason = SafeText::new("no node takes it");
        let case = "exit/2".parse().unwrap();
        let halted = Record::CaseHalted { case, reason };
        let (actions, records) = voided(68, std::slice::from_ref(&halted));
        assert_eq!(actions, ["exit/2#2"]);
        let kinds: Vec<_> = records.iter().map(Record::kind).collect();
        assert_eq!(kinds, ["action-voided", "case-halted", "paused"]);
        assert_eq!(records[1], halted, "a person looks all the same");
        let paused = Record::Paused {
            case: None,
            by: "ada".into(),
        };
        assert_eq!(records[2], paused);
        // whoever paused it before is not forgotten
        let before = Record::Paused {
            case: None,
            by: "bob".into(),
        };
        assert_eq!(voided(80, &[before]).1, []);
        assert_eq!(voided(80, &[]).1, [paused]);
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
        let command = |request, can: &CeremonyCapabilities| super::command(request, can, &here).unwrap();
        assert_eq!(command(given_up, &can), Command::GiveUp { case, reason });
        assert_eq!(command(Request::RedoKey { case }, &can), Command::RedoKey(case));
        let pool = PoolId(3);
        assert_eq!(
            command(Request::RequestExit { pool }, &can),
            Command::RequestExit(pool)
        );
    }
}
