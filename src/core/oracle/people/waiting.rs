//! Approvals of what is stale: they wait until the checks were made again, and count where they say what was shown.

use std::time::Duration;

use super::{signed_elsewhere, take};
use crate::oracle::command::{OBSERVES, decidable};
use crate::oracle::fading::{Approving, Ended, Faded, Overdue};
use crate::oracle::step::{counts_again_at, worse};
use crate::oracle::turn::Turn;
use crate::oracle::ways::why_not_there;
use crate::oracle::{Action, ActionState, Decider, Mode, Payload, Record, Refusal, State, advance};
use crate::types::{ActionId, Check, CheckStatus, OperatorId, SafeText, UnixMillis, in_words, listed};

/// An approval of what has faded waits until the checks were made again.
pub(super) fn refresh_first(
    turn: &mut Turn<'_>,
    id: ActionId,
    approving: Approving,
    faded: &Faded,
) -> SafeText {
    let (by, until) = (approving.by.to_string(), turn.state.lapses_at(&approving));
    let waiting = turn.state.volatile.approving.entry(id).or_default();
    let before = waiting.len();
    waiting.retain(|other| !other.by.is_same(&approving.by));
    let is_again = waiting.len() < before;
    turn.state.volatile.approves_again(id, &approving.by);
    turn.state
        .volatile
        .approving
        .entry(id)
        .or_default()
        .push(approving);
    advance::look_again(turn, id);
    if !is_again {
        note(
            turn,
            id,
            &format!(
                "{by} approved {id} while checks were stale ({}): it counts once they are made again and none is worse",
                faded.why
            ),
        );
    }
    let is_enough = turn.state.refreshing(id).is_some_and(|it| it.is_enough);
    if is_again {
        let more = if is_enough {
            ""
        } else {
            ", and it takes another person"
        };
        return SafeText::new(&format!(
            "{by} has approved {id} already, and its checks are stale still ({}): it waits for them until {} now{more}; \
             a stop of the engine forgets it",
            faded.why,
            until.to_utc()
        ));
    }
    let (what, more) = match is_enough {
        true => (format!("{id} is approved"), ""),
        false => ("the approval counts".to_owned(), ", and takes another person"),
    };
    SafeText::new(&format!(
        "refreshing: {} stale ({}); {what} once they are made again and none is worse, within {}{more}; until then the \
         approval can be taken back, and a stop of the engine forgets it",
        match faded.checks.len() {
            1 => "1 check is".to_owned(),
            many => format!("{many} checks are"),
        },
        faded.why,
        in_words(Duration::from_millis(turn.state.refreshing_for_ms()))
    ))
}

/// Takes something down in the file of an action's case.
fn note(turn: &mut Turn<'_>, id: ActionId, text: &str) {
    let (case, text) = (Some(id.case), SafeText::new(text));
    turn.record(Record::Note { case, text });
}

/// Takes down that an approval which waited for stale checks is over, also for who looks at the action next.
fn counts_no_more(turn: &mut Turn<'_>, id: ActionId, by: &Decider, why: &str) {
    ends(turn, id, by, why);
    note(
        turn,
        id,
        &format!("the approval of {id} by {by} counts no more: {why}"),
    );
}

/// Nobody who comes back to the action takes it for one that was never approved.
pub(super) fn ends(turn: &mut Turn<'_>, id: ActionId, by: &Decider, why: &str) {
    let words = format!("the approval by {by} ended at {}: {why}", turn.at.to_utc());
    turn.state.volatile.approves_again(id, by);
    let ended = turn.state.volatile.approvals_ended.entry(id).or_default();
    ended.push(Ended {
        by: by.clone(),
        words: SafeText::new(&words),
    });
}

/// What waited for stale checks too long counts no more, whether they were made again or not.
pub(in crate::oracle) fn forget_overdue(turn: &mut Turn<'_>, id: ActionId) {
    let waiting = turn.state.volatile.approving.get(&id);
    let overdue =
        |approving: &Approving| Some((approving.by.clone(), why_overdue(turn.state, id, approving)?));
    let overdue: Vec<_> = waiting.into_iter().flatten().filter_map(overdue).collect();
    for (by, why) in overdue {
        drop_approving(turn, id, |approving| approving.by == by);
        counts_no_more(turn, id, &by, &why);
    }
}

/// Why the time of an approval is over: its signature's, or for what it waited in vain.
fn why_overdue(state: &State, id: ActionId, approving: &Approving) -> Option<String> {
    let by = &approving.by;
    Some(match state.overdue(approving)? {
        Overdue::Signature(until) => format!("the signature of {by} expired at {}", until.to_utc()),
        Overdue::SetBack => format!("the clock was set back since {by} signed it"),
        Overdue::Waited(good_for) => match hindrance(state, id, approving) {
            Some(Hindrance::Lasting(why) | Hindrance::Passing(why)) => {
                format!("it did not come to count within {}: {why}", in_words(good_for))
            }
            None => format!(
                "its stale checks were not made again within {}",
                in_words(good_for)
            ),
        },
    })
}

/// Forgets approvals that wait for stale checks, and that the case waits for them.
pub(super) fn drop_approving(turn: &mut Turn<'_>, id: ActionId, which: impl Fn(&Approving) -> bool) {
    let live = &mut turn.state.volatile;
    let Some(waiting) = live.approving.get_mut(&id) else {
        return;
    };
    waiting.retain(|approving| !which(approving));
    if waiting.is_empty() {
        live.approving.remove(&id);
        live.falls_silent(id.case);
    }
    live.agenda.mark(id.case);
}

/// A person takes back what waits for stale checks. Gives those whose approvals they were.
pub(in crate::oracle) fn take_back_approving(
    turn: &mut Turn<'_>,
    by: &SafeText,
    id: ActionId,
) -> Vec<Decider> {
    let whose = waiting_for(turn.state, id);
    drop_approving(turn, id, |_| true);
    for other in &whose {
        ends(turn, id, other, &format!("{by} took it back"));
        note(
            turn,
            id,
            &format!(
                "{by} took back the approval of {id} by {other}, which waited for stale checks to be made again"
            ),
        );
    }
    whose
}

/// Those whose approvals of an action wait for stale checks.
fn waiting_for(state: &State, id: ActionId) -> Vec<Decider> {
    let waiting = state.volatile.approving.get(&id).into_iter().flatten();
    waiting.map(|approving| approving.by.clone()).collect()
}

/// Nothing is decided any more: what waits for stale checks would count for nobody.
pub(in crate::oracle) fn drop_all_approving(turn: &mut Turn<'_>, why: &str) {
    let waiting: Vec<_> = turn.state.volatile.approving.keys().copied().collect();
    for id in waiting {
        drop_all_of(turn, id, why);
    }
}

/// What waits for stale checks of one action would count for nothing any more.
pub(in crate::oracle) fn drop_all_of(turn: &mut Turn<'_>, id: ActionId, why: &str) {
    let whose = waiting_for(turn.state, id);
    drop_approving(turn, id, |_| true);
    for by in whose {
        counts_no_more(turn, id, &by, why);
    }
}

/// The checks of an action were made again: approvals that waited for that count if the checks say what was shown, and
/// are told to be of no use if they do not.
pub(in crate::oracle) fn refreshed(turn: &mut Turn<'_>, id: ActionId) {
    forget_overdue(turn, id);
    let Some(waiting) = turn.state.volatile.approving.remove(&id) else {
        return;
    };
    let mut kept = Vec::new();
    for approving in waiting {
        let by = approving.by.clone();
        let outcome = match hindrance(turn.state, id, &approving) {
            Some(Hindrance::Lasting(why)) => Err(why),
            Some(Hindrance::Passing(_)) => {
                kept.push(approving);
                continue;
            }
            None if turn.state.faded(&turn.state.actions[&id]).is_some() => {
                kept.push(approving);
                continue;
            }
            None => {
                turn.state.volatile.falls_silent(id.case);
                complete(turn, id, approving)
            }
        };
        if let Err(why) = outcome {
            ends(turn, id, &by, &why);
            note(
                turn,
                id,
                &format!(
                    "the approval of {id} by {by} does not count: its checks were stale and were made again, and {why}"
                ),
            );
        }
    }
    wait_on(turn, id, kept);
}

/// What does not count yet waits on, unless others decided meanwhile.
fn wait_on(turn: &mut Turn<'_>, id: ActionId, kept: Vec<Approving>) {
    if kept.is_empty() {
        return;
    }
    let action = &turn.state.actions[&id];
    if action.state == ActionState::Proposed {
        turn.state.volatile.approving.insert(id, kept);
        return;
    }
    let why = match &action.decision {
        Some(decision) => format!("{} decided without it", decision.decider),
        None => format!("{id} is {}", action.state.word()),
    };
    for approving in kept {
        counts_no_more(turn, id, &approving.by, &why);
    }
}

/// Why an approval that waited does not count.
enum Hindrance {
    /// Something is worse than what was shown: whoever approved has to look at it.
    Lasting(String),
    /// Somebody who answered when it was shown has not answered yet: where a connection was lost, they come back one by
    /// one. What is not known is not worse, it is not refreshed.
    Passing(String),
}

/// Why approvals of what was stale count no more, or not yet, now that its checks were made again.
fn hindrance(state: &State, id: ActionId, approving: &Approving) -> Option<Hindrance> {
    const CHANGED: &str = "what it shows is not what was approved";
    let lasting = |why: &str| Some(Hindrance::Lasting(why.to_owned()));
    if state.mode() == Mode::Observe {
        return lasting(OBSERVES);
    }
    if let Err(refusal) = decidable(state, id, approving.digest) {
        return match refusal {
            Refusal::AlreadyDecided { .. } => lasting(&refusal.to_string()),
            _ => lasting(CHANGED),
        };
    }
    let action = &state.actions[&id];
    if let Err(why) = action.approvable() {
        return lasting(&why);
    }
    // what somebody signed elsewhere names what may be unknown, and holds back the rest
    if approving.by.key().is_some() || planted!(WorseCounts) {
        return None;
    }
    worse_than_shown(state, action, approving)
}

/// What is worse than whoever approved at a seat saw it. What lasts is told before what may pass.
fn worse_than_shown(state: &State, action: &Action, approving: &Approving) -> Option<Hindrance> {
    let now = &state.shown(action).0.checks;
    let worse = worse(&approving.shown, now);
    if let Some(name) = worse.iter().find(|name| !is_unknown(now, name)) {
        return Some(Hindrance::Lasting(format!("{name} is worse than it was shown")));
    }
    let members = match &action.proposal.payload {
        Payload::Ceremony(payload) => payload.plan.participants(),
        Payload::Transaction(_) | Payload::Exit(_) => Vec::new(),
    };
    // every check may say what it said
    let since = approving.given.at;
    let proven = |id: &&OperatorId| state.proven.get(id).is_some_and(|at| *at > since);
    if let Some(id) = members.iter().find(proven) {
        let why = format!("operator {id} was proven to break the protocol since");
        return Some(Hindrance::Lasting(why));
    }
    let too_late = |name: &&str| comes_too_late(state, action.id, name, approving);
    if let Some(why) = worse.iter().find_map(too_late) {
        return Some(Hindrance::Lasting(why));
    }
    if !worse.is_empty() {
        // whoever would approve what is shown now lets all of them pass
        let are = if worse.len() > 1 { "are" } else { "is" };
        let why = format!("{} {are} not known yet", listed(&worse, "and"));
        return Some(Hindrance::Passing(why));
    }
    members.iter().find_map(|id| {
        let why = why_not_there(now, *id)?;
        let was_there = why_not_there(&approving.shown, *id).is_none();
        was_there.then(|| Hindrance::Passing(format!("operator {id} is not there: {why}")))
    })
}

/// Whether the worst that the checks of a name say is that it is not known.
fn is_unknown(checks: &[Check], name: &str) -> bool {
    let mut of_name = checks.iter().filter(|check| check.name == name);
    let fails = of_name.clone().any(|check| check.status == CheckStatus::Fail);
    !fails && of_name.any(|check| check.status == CheckStatus::Unknown)
}

/// A check that changed to and fro counts as better when that has lasted: where that is after the approval's time, nothing
/// is left to wait for.
fn comes_too_late(state: &State, id: ActionId, check: &str, approving: &Approving) -> Option<String> {
    let counts_up_ms = counts_again_at(state, id, check)?;
    let live = &state.volatile;
    let left = Duration::from_millis(counts_up_ms.saturating_sub(live.up_ms));
    let counts: UnixMillis = live.now.plus(left);
    (counts_up_ms > state.lapses_up_ms(approving)).then(|| {
        format!(
            "{check}, which changed to and fro, counts as known again at {} at the earliest, when this approval has lapsed",
            counts.time_of_day()
        )
    })
}

/// What an approval whose checks were made again still waits for.
pub(in crate::oracle) fn not_refreshed_yet(state: &State, id: ActionId) -> Option<String> {
    let waiting = state.volatile.approving.get(&id)?;
    waiting
        .iter()
        .find_map(|approving| match hindrance(state, id, approving)? {
            Hindrance::Passing(why) => Some(why),
            Hindrance::Lasting(_) => None,
        })
}

/// It counts, and is as old as it was given.
fn complete(turn: &mut Turn<'_>, id: ActionId, approving: Approving) -> Result<(), String> {
    let Approving {
        by,
        digest,
        phrase,
        given,
        ..
    } = approving;
    let answer = match by {
        Decider::Person {
            name,
            uid,
            signed: Some(signed),
            ..
        } => signed_elsewhere(turn, name, uid, signed, given),
        by => take(turn, by, id, digest, phrase.as_deref(), given),
    };
    answer.map(drop).map_err(|refusal| refusal.to_string())
}
