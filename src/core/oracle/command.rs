//! What people ask for, and why it is refused.

mod ways;

use std::fmt;

pub(super) use ways::another_committee;

use super::state::EffectKey;
use super::turn::Turn;
use super::ways::{can_retry, is_listed_again, refused_by_ssv};
use super::{
    ActionState, Asker, Case, Command, Decision, Mode, Record, State, Step, Verdict, account,
    current_ceremony, mode, people, undo,
};
use crate::types::{
    ActionId, CaseId, OperatorId, PoolId, RequestId, RequestKind, Root, SafeText, UnixMillis, listed,
};

/// A command was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// What would be sent is not what was shown any more.
    Stale(SafeText),
    /// Somebody was faster.
    AlreadyDecided { by: SafeText, at: UnixMillis },
    /// Not now, and why.
    NotNow(SafeText),
    /// The mode forbids it.
    Mode(SafeText),
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stale(why) | Self::NotNow(why) | Self::Mode(why) => why.fmt(f),
            Self::AlreadyDecided { by, .. } => write!(f, "{by} has decided it"),
        }
    }
}

/// What is answered in mode observe.
pub const OBSERVES: &str = "mode observe decides nothing: start it in mode supervised, or switch back to that where it was switched to observe";

pub(super) type Answer = Result<SafeText, Refusal>;

pub(super) fn not_now(text: impl AsRef<str>) -> Refusal {
    Refusal::NotNow(SafeText::new(text.as_ref()))
}

pub(super) fn carry_out(turn: &mut Turn<'_>, asker: &Asker, command: Command) -> Answer {
    let by = &asker.name;
    let switches = matches!(command, Command::SwitchMode { .. });
    if turn.state.mode() == Mode::Observe && !switches {
        return Err(Refusal::Mode(SafeText::new(OBSERVES)));
    }
    match command {
        Command::Approve {
            action,
            digest,
            phrase,
        } => people::approve(turn, asker, action, digest, phrase.as_deref()),
        Command::ApproveSigned { name, uid, signed } => people::approve_signed(turn, name, uid, signed),
        Command::Reject {
            action,
            digest,
            reason,
        } => reject(turn, asker, action, digest, reason),
        Command::TakeBack(action) => undo::take_back(turn, by, action).map_err(not_now),
        Command::Retry(case) => retry(turn, by, case),
        Command::DeclareLost(request) => declare_lost(turn, by, request),
        Command::Pause(case) => pause(turn, by, case),
        Command::Resume(case) => resume(turn, by, case),
        Command::Adopt(account) => {
            let nonce = account::adopt(turn, account, by).map_err(not_now)?;
            Ok(SafeText::new(&format!(
                "adopted: what {account} did below nonce {nonce} is history"
            )))
        }
        Command::Reshare(pool) => reshare(turn, by, pool),
        Command::SetCommittee {
            action,
            committee,
            sizes,
        } => set_committee(turn, by, action, committee, &sizes),
        Command::GiveUp { case, reason } => ways::give_up(turn, by, case, reason),
        Command::RedoKey(case) => ways::redo_key(turn, by, case),
        Command::RequestExit(pool) => ways::request_exit(turn, by, pool),
        Command::SwitchMode { to, word } => mode::switch(turn, by, to, word.as_deref()),
    }
}

/// A case that is not in memory.
fn absent(turn: &Turn<'_>, id: CaseId) -> Refusal {
    not_now(if turn.state.knows(id) {
        format!("{id} is closed")
    } else {
        format!("there is no case {id}")
    })
}

/// The action exists, nobody decided it, and it is still what was shown.
pub(super) fn decidable(state: &State, id: ActionId, digest: Root) -> Result<(), Refusal> {
    let action = state
        .actions
        .get(&id)
        .ok_or_else(|| not_now(format!("there is no action {id}")))?;
    if let Some(decision) = action.decision.as_ref().filter(|_| !planted!(DecidedTwice)) {
        let by = SafeText::new(&decision.decider.to_string());
        return Err(Refusal::AlreadyDecided { by, at: decision.at });
    }
    if action.state != ActionState::Proposed && !planted!(DecidedTwice) {
        return Err(not_now(format!(
            "{id} is {}, it waits for no decision",
            action.state.word()
        )));
    }
    if action.digest != digest {
        return Err(Refusal::Stale(SafeText::new(&format!(
            "{id} has digest {} now",
            action.digest
        ))));
    }
    Ok(())
}

fn reject(turn: &mut Turn<'_>, by: &Asker, id: ActionId, digest: Root, reason: SafeText) -> Answer {
    decidable(turn.state, id, digest)?;
    let decision = Decision::alone(Verdict::Reject { reason }, by.into(), turn.at, digest);
    turn.record(Record::Decided { action: id, decision });
    Ok(SafeText::new(&format!(
        "{id} rejected; {} halts until it is retried",
        id.case
    )))
}

/// From which step a case goes on that was taken up again.
fn goes_on_at(case: &Case) -> String {
    match &case.step {
        Step::PlanCeremony => format!(" from its {}, which is proposed anew", case.kind().ceremony()),
        Step::Register(_) => " from its SSV registration, which the operators sign".to_owned(),
        Step::AwaitTurn | Step::PlanEffect => {
            format!(" from its {}, which is proposed anew", case.kind().effect())
        }
        Step::DecideEffect(action) => format!(" with the last checks of {action}"),
        _ => String::new(),
    }
}

fn retry(turn: &mut Turn<'_>, by: &SafeText, id: CaseId) -> Answer {
    let Some(case) = turn.state.cases.get(&id) else {
        return ways::take_up_gone(turn, by, id);
    };
    can_retry(turn.state, case).map_err(not_now)?;
    if is_listed_again(turn.state, id) {
        return ways::take_up_listed(turn, by, id);
    }
    match case.step {
        Step::Halted { .. } | Step::Closed { .. } if !planted!(NoWayOut) => {
            let refused = refused_by_ssv(turn.state, case);
            turn.record(Record::CaseRetried {
                case: id,
                by: by.clone(),
            });
            turn.state.volatile.not_before.remove(&EffectKey::Prepare(id));
            let from = turn.state.cases.get(&id).map_or_else(String::new, goes_on_at);
            Ok(SafeText::new(&match refused {
                Some(why) => format!(
                    "{id} is taken up again{from}; unless it changed at SSV, only another key helps ({why})"
                ),
                None => format!("{id} is taken up again{from}"),
            }))
        }
        _ => {
            let ceremony = current_ceremony(case);
            // a person takes the whole ceiling for another try
            let overtaken = case.overtaken.times > 0;
            if case.offers.deferred.is_some() || overtaken {
                turn.record(Record::CaseRetried {
                    case: id,
                    by: by.clone(),
                });
            }
            // nothing to undo: look again at once
            let action = turn
                .state
                .volatile
                .inspected_at
                .keys()
                .find(|a| a.case == id)
                .copied();
            if let Some(action) = action {
                turn.state.volatile.inspected_at.remove(&action);
            }
            let concerned =
                |key: &EffectKey| concerns(key, id) || ceremony.map(EffectKey::Ceremony) == Some(*key);
            turn.state.volatile.not_before.retain(|key, _| !concerned(key));
            turn.state.volatile.looked_up.remove(&id);
            Ok(SafeText::new(&format!("looking at {id} again")))
        }
    }
}

/// Whatever the ceremony made is never used: its id is spent, and its key is condemned by name if it ever turns up.
fn declare_lost(turn: &mut Turn<'_>, by: &SafeText, request: RequestId) -> Answer {
    let ceremony = turn
        .state
        .ceremonies
        .get(&request)
        .ok_or_else(|| not_now(format!("there is no ceremony {request}")))?;
    if ceremony.ended.is_some() {
        return Err(not_now("this ceremony has ended: its outcome is known"));
    }
    if ceremony.doubt.is_none() {
        return Err(not_now(
            "this ceremony runs: only one whose outcome is unknown can be declared lost",
        ));
    }
    let case = ceremony.case;
    let by = by.clone();
    turn.record(Record::CeremonyDeclaredLost { request, by });
    Ok(SafeText::new(&format!(
        "declared lost: what it made is never used; another ceremony of {case} is proposed"
    )))
}

fn concerns(key: &EffectKey, id: CaseId) -> bool {
    match key {
        EffectKey::Prepare(case) | EffectKey::LookUp(case) => *case == id,
        EffectKey::Sign(a) | EffectKey::Send(a) | EffectKey::Inspect(a) | EffectKey::Publish(a) => {
            a.case == id
        }
        EffectKey::Ceremony(_) => false,
    }
}

fn pause(turn: &mut Turn<'_>, by: &SafeText, case: Option<CaseId>) -> Answer {
    let already = match case {
        None => turn.state.paused.is_some(),
        Some(id) => {
            let case = turn.state.cases.get(&id).ok_or_else(|| absent(turn, id))?;
            if case.is_closed() {
                return Err(not_now(format!("{id} is closed")));
            }
            case.paused.is_some()
        }
    };
    if already {
        return Err(not_now("it is paused already"));
    }
    turn.record(Record::Paused { case, by: by.clone() });
    Ok(match case {
        Some(id) => SafeText::new(&format!("{id} paused: nothing of it leaves this machine")),
        None => SafeText::new("paused: nothing new leaves this machine"),
    })
}

fn resume(turn: &mut Turn<'_>, by: &SafeText, case: Option<CaseId>) -> Answer {
    let paused = match case {
        None => turn.state.paused.is_some(),
        Some(id) => turn.state.cases.get(&id).is_some_and(|c| c.paused.is_some()),
    };
    if !paused {
        return Err(not_now("it is not paused"));
    }
    if case.is_none() {
        account::accept(turn);
    }
    turn.record(Record::Resumed { case, by: by.clone() });
    Ok(SafeText::new("resumed"))
}

/// Whether a reshare of this pool can be opened by hand.
///
/// # Errors
/// Why not, in words.
pub fn may_reshare(state: &State, pool: PoolId) -> Result<(), SafeText> {
    if !state.facts().staked.contains(&pool) {
        return Err(SafeText::new(&format!(
            "pool {pool} is not staked: only a staked pool can be reshared"
        )));
    }
    let mut of_pool = state.cases_of(RequestKind::Reshare, pool);
    match of_pool.find(|case| !case.is_closed()) {
        Some(open) => Err(SafeText::new(&format!(
            "{} is open already: one reshare of a key at a time",
            open.id
        ))),
        None => Ok(()),
    }
}

fn reshare(turn: &mut Turn<'_>, by: &SafeText, pool: PoolId) -> Answer {
    may_reshare(turn.state, pool).map_err(Refusal::NotNow)?;
    Ok(ways::open_by_hand(turn, by, RequestKind::Reshare, pool))
}

fn set_committee(
    turn: &mut Turn<'_>,
    by: &SafeText,
    id: ActionId,
    mut committee: Vec<OperatorId>,
    sizes: &[usize],
) -> Answer {
    let action = turn
        .state
        .actions
        .get(&id)
        .ok_or_else(|| not_now(format!("there is no action {id}")))?;
    if action.state != ActionState::Proposed {
        return Err(not_now(format!(
            "the committee of {id} cannot be changed: it is {}",
            action.state.word()
        )));
    }
    let kind = action.proposal.kind;
    if !kind.lets_choose_committee() {
        return Err(not_now(format!(
            "the committee of {id} cannot be changed: a {kind} takes the operators that hold the key"
        )));
    }
    committee.sort_unstable();
    let n = committee.len();
    committee.dedup();
    if committee.len() != n {
        return Err(not_now("an operator stands twice in the committee"));
    }
    if !sizes.contains(&n) {
        let known = listed(sizes.iter().copied(), "or");
        return Err(not_now(format!("a committee has {known} operators, not {n}")));
    }
    turn.record(Record::CommitteeChosen {
        case: id.case,
        committee,
        by: by.clone(),
    });
    let reason = SafeText::new(&format!("{by} chose another committee"));
    turn.record(Record::ActionVoided { action: id, reason });
    Ok(SafeText::new("committee changed; the action is proposed anew"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle::fixture::{proposal, settings};
    use crate::oracle::{ActionKind, Cause, Input, Settings, Stamped, step};

    /// Mode supervised, with the proposal of a key generation.
    fn proposed() -> (State, ActionId) {
        let mut state = State::new(Settings {
            mode: Mode::Supervised,
            ..settings()
        });
        let case: CaseId = "deposit/1".parse().unwrap();
        let action = ActionId { case, number: 1 };
        let proposal = proposal(ActionKind::Keygen);
        let cause = Cause::Manual {
            by: "ada".into(),
            at: UnixMillis(1),
        };
        let digest = proposal.digest(action);
        let records = [
            Record::CaseOpened { case, cause },
            Record::ActionProposed {
                action,
                proposal: Box::new(proposal),
                digest,
            },
        ];
        for (n, record) in (1..).zip(&records) {
            state.apply(n, UnixMillis(1), record);
        }
        (state, action)
    }

    #[test]
    fn a_committee_has_a_size_that_the_backend_knows() {
        let choose = |state: &mut State, action, operators: u64| {
            let command = Command::SetCommittee {
                action,
                committee: (1..=operators).map(OperatorId).collect(),
                sizes: vec![5, 6],
            };
            let stamped = Stamped {
                at: UnixMillis(2),
                up_ms: 2,
                entropy: [2; 24],
                input: Input::Command {
                    by: "ada".into(),
                    command,
                },
            };
            step(state, stamped).1.unwrap()
        };
        let (mut state, action) = proposed();
        assert_eq!(
            choose(&mut state, action, 4),
            Err(not_now("a committee has 5 or 6 operators, not 4"))
        );
        assert!(choose(&mut state, action, 5).is_ok());
    }
}
