//! Approvals of what is stale: they wait until the checks were made again, and count where they say what was shown.

use std::time::Duration;

use super::{approve_signed, take};
use crate::oracle::command::{OBSERVES, decidable};
use crate::oracle::fading::{Approving, Faded};
use crate::oracle::step::worse;
use crate::oracle::turn::Turn;
use crate::oracle::ways::does_not_answer;
use crate::oracle::{Action, Decider, Mode, Payload, Record, Refusal, State, advance};
use crate::types::{ActionId, CheckStatus, OperatorId, SafeText, in_words};

/// An approval of what has faded waits until the checks were made again.
pub(super) fn refresh_first(
    turn: &mut Turn<'_>,
    id: ActionId,
    approving: Approving,
    faded: &Faded,
) -> SafeText {
    let by = approving.by.to_string();
    let waiting = turn.state.volatile.approving.entry(id).or_default();
    let before = waiting.len();
    waiting.retain(|other| !other.by.is_same(&approving.by));
    let is_again = waiting.len() < before;
    waiting.push(approving);
    advance::look_again(turn, id);
    if !is_again {
        let text = SafeText::new(&format!(
            "{by} approved {id} while checks were stale ({}): it counts once they are made again and none is worse",
            faded.why
        ));
        let case = Some(id.case);
        turn.record(Record::Note { case, text });
    }
    SafeText::new(&format!(
        "refreshing: {} stale ({}); {id} is approved once they are made again and none is worse, within {}; until then the \
         approval can be taken back, and a stop of the engine forgets it",
        match faded.checks.len() {
            1 => "1 check is".to_owned(),
            many => format!("{many} checks are"),
        },
        faded.why,
        in_words(Duration::from_millis(turn.state.refreshing_for_ms()))
    ))
}

/// What waited for stale checks too long counts no more, whether they were made again or not.
pub(in crate::oracle) fn forget_overdue(turn: &mut Turn<'_>, id: ActionId) {
    let waiting = turn.state.volatile.approving.get(&id);
    let overdue = |approving: &Approving| Some((approving.by.clone(), turn.state.overdue(approving)?));
    let overdue: Vec<_> = waiting.into_iter().flatten().filter_map(overdue).collect();
    for (by, why) in overdue {
        drop_approving(turn, id, |approving| approving.by == by);
        let text = SafeText::new(&format!("the approval of {id} by {by} counts no more: {why}"));
        let case = Some(id.case);
        turn.record(Record::Note { case, text });
    }
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
        live.waiting.remove(&id.case);
    }
    live.agenda.mark(id.case);
}

/// Approvals that waited for stale checks and were taken back.
pub(in crate::oracle) struct TakenBack {
    pub(in crate::oracle) whose: SafeText,
    /// One of them was signed elsewhere.
    pub(in crate::oracle) is_signed: bool,
}

/// A person takes back what waits for stale checks.
pub(in crate::oracle) fn take_back_approving(turn: &mut Turn<'_>, id: ActionId) -> Option<TakenBack> {
    let whose = turn.state.approving(id)?;
    let waiting = turn.state.volatile.approving.get(&id)?;
    let is_signed = waiting.iter().any(|approving| approving.by.key().is_some());
    drop_approving(turn, id, |_| true);
    Some(TakenBack { whose, is_signed })
}

/// Nothing is decided any more: what waits for stale checks would count for nobody.
pub(in crate::oracle) fn drop_all_approving(turn: &mut Turn<'_>, why: &str) {
    let waiting: Vec<_> = turn.state.volatile.approving.keys().copied().collect();
    for id in waiting {
        let whose = turn.state.approving(id);
        drop_approving(turn, id, |_| true);
        if let Some(whose) = whose {
            let text = SafeText::new(&format!("the approval of {id} by {whose} counts no more: {why}"));
            let case = Some(id.case);
            turn.record(Record::Note { case, text });
        }
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
        let outcome = match hindrance(turn, id, &approving) {
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
                turn.state.volatile.waiting.remove(&id.case);
                complete(turn, id, approving)
            }
        };
        if let Err(why) = outcome {
            let text = SafeText::new(&format!(
                "the approval of {id} by {by} does not count: its checks were stale and were made again, and {why}"
            ));
            let case = Some(id.case);
            turn.record(Record::Note { case, text });
        }
    }
    if !kept.is_empty() {
        turn.state.volatile.approving.insert(id, kept);
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
fn hindrance(turn: &Turn<'_>, id: ActionId, approving: &Approving) -> Option<Hindrance> {
    const CHANGED: &str = "what it shows is not what was approved";
    let lasting = |why: &str| Some(Hindrance::Lasting(why.to_owned()));
    if turn.state.mode() == Mode::Observe {
        return lasting(OBSERVES);
    }
    if let Err(refusal) = decidable(turn, id, approving.digest) {
        return match refusal {
            Refusal::AlreadyDecided { .. } => lasting(&refusal.to_string()),
            _ => lasting(CHANGED),
        };
    }
    let action = &turn.state.actions[&id];
    if let Err(why) = action.approvable() {
        return lasting(&why);
    }
    // what somebody signed elsewhere names what may be unknown, and holds back the rest
    if approving.by.key().is_some() {
        return None;
    }
    worse_than_shown(turn.state, action, approving)
}

/// What is worse than whoever approved at a seat saw it. What lasts is told before what may pass.
fn worse_than_shown(state: &State, action: &Action, approving: &Approving) -> Option<Hindrance> {
    let now = &state.shown(action).0.checks;
    let members = match &action.proposal.payload {
        Payload::Ceremony(payload) => payload.plan.participants(),
        Payload::Transaction(_) | Payload::Exit(_) => Vec::new(),
    };
    let unknown = |name: &str| {
        let mut of_name = now.iter().filter(|check| check.name == name);
        let fails = of_name.clone().any(|check| check.status == CheckStatus::Fail);
        !fails && of_name.any(|check| check.status == CheckStatus::Unknown)
    };
    let worse = worse(&approving.shown, now);
    if let Some(name) = worse.iter().find(|name| !unknown(name)) {
        return Some(Hindrance::Lasting(format!("{name} is worse than it was shown")));
    }
    // every check may say what it said
    let proven = |id: &&OperatorId| state.proven.get(id).is_some_and(|at| *at > approving.at);
    if let Some(id) = members.iter().find(proven) {
        let why = format!("operator {id} was proven to break the protocol since");
        return Some(Hindrance::Lasting(why));
    }
    if let Some(name) = worse.first() {
        return Some(Hindrance::Passing(format!("{name} is not known yet")));
    }
    let went = |id: &&OperatorId| does_not_answer(now, **id) && !does_not_answer(&approving.shown, **id);
    let went = members.iter().find(went)?;
    Some(Hindrance::Passing(format!("operator {went} does not answer yet")))
}

/// What an approval whose checks were made again still waits for.
pub(in crate::oracle) fn not_refreshed_yet(turn: &Turn<'_>, id: ActionId) -> Option<String> {
    let waiting = turn.state.volatile.approving.get(&id)?;
    waiting
        .iter()
        .find_map(|approving| match hindrance(turn, id, approving)? {
            Hindrance::Passing(why) => Some(why),
            Hindrance::Lasting(_) => None,
        })
}

fn complete(turn: &mut Turn<'_>, id: ActionId, approving: Approving) -> Result<(), String> {
    let Approving {
        by, digest, phrase, ..
    } = approving;
    let answer = match by {
        Decider::Person {
            name,
            uid,
            signed: Some(signed),
            ..
        } => approve_signed(turn, name, uid, signed),
        by => take(turn, by, id, digest, phrase.as_deref()),
    };
    answer.map(drop).map_err(|refusal| refusal.to_string())
}
