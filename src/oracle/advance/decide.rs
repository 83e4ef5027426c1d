//! An action that waits: for a rule, for a person, or for its last checks.

use crate::oracle::state::EffectKey;
use crate::oracle::turn::Turn;
use crate::oracle::{
    ActionKind, ActionState, Decider, Decision, Draft, Mode, Payload, Purpose, Record, State, Verdict,
};
use crate::types::{ActionId, SafeText};

use super::*;

const OBSERVED: &str = "approved; mode observe lets nothing leave this machine";

pub(super) fn decide(turn: &mut Turn<'_>, id: ActionId) {
    let Some(action) = turn.state.actions.get(&id) else {
        return;
    };
    let Some(draft) = draft_of(turn.state, id) else {
        return;
    };
    if let Some(reason) = superseded(turn.state, id) {
        turn.record(Record::ActionVoided {
            action: id,
            reason: SafeText::new(&reason),
        });
        return;
    }
    match action.state {
        ActionState::Proposed => {
            let attempt = turn.state.cases.get(&id.case).map_or(1, |c| c.attempts + 1);
            let attempt = if matches!(action.proposal.payload, Payload::Ceremony(_)) {
                attempt
            } else {
                1
            };
            let permitted = (turn.state.settings.mode == Mode::Auto).then(|| {
                turn.state
                    .settings
                    .policy
                    .permits(action, attempt, &turn.state.rule_uses, turn.at)
            });
            match permitted {
                Some(Ok(rule)) => {
                    let decision = Decision {
                        verdict: Verdict::Approve,
                        decider: Decider::Rule {
                            name: rule.name.clone(),
                        },
                        at: turn.at,
                        digest: action.digest,
                    };
                    turn.record(Record::Decided { action: id, decision });
                    return;
                }
                Some(Err(reason)) => turn.waits(id.case, &format!("waits for a person: {reason}")),
                None => {}
            }
            refresh(turn, id, draft);
        }
        ActionState::Approved => {
            let decided_at = action.decision.as_ref().map_or(action.proposed_at, |d| d.at);
            let deferred = turn
                .state
                .cases
                .get(&id.case)
                .and_then(|c| c.offers.deferred.clone());
            let observes = turn.state.settings.mode == Mode::Observe;
            // the chain's own time does not use up an approval
            let since = deferred
                .as_ref()
                .map_or(decided_at, |wait| wait.until.max(decided_at));
            match deferred {
                Some(wait) if wait.until > turn.at => {
                    let words = if observes { OBSERVED } else { wait.reason.as_str() };
                    turn.waits(id.case, words);
                    // it can leave in other ways: slashed, or by an exit of somebody else
                    look_up(turn, id.case);
                    return;
                }
                Some(wait) if turn.state.live.waiting.get(&id.case) == Some(&wait.reason) => {
                    turn.state.live.waiting.remove(&id.case);
                }
                _ => {}
            }
            if turn.at.since(since).as_millis() > u128::from(turn.state.settings.approval_expires_ms) {
                let reason = SafeText::new("the approval expired before it could be executed");
                turn.record(Record::ActionVoided { action: id, reason });
                return;
            }
            if observes {
                turn.waits(id.case, OBSERVED);
                return;
            }
            let signing = turn.state.live.in_flight.contains(&EffectKey::Sign(id))
                || turn.state.live.in_flight.contains(&EffectKey::Publish(id));
            if turn.state.may_leave(id.case) && !signing && ready_to_begin(turn, id.case) {
                prepare(turn, id.case, Purpose::Send(id), draft);
            }
        }
        _ => {}
    }
}

/// Why an undecided or unsent effect lost its ground.
pub(super) fn superseded(state: &State, id: ActionId) -> Option<String> {
    let action = state.actions.get(&id)?;
    let case = state.cases.get(&id.case)?;
    let signs = matches!(
        action.proposal.kind,
        ActionKind::SendDeposit | ActionKind::SendReshare
    );
    let nonce = case.registration.map(|r| r.nonce)?;
    let now = state.live.facts.owner_nonce;
    (signs && state.live.facts.head.is_some() && nonce != now)
        .then(|| format!("SSV's registration nonce of the manager moved from {nonce} to {now}"))
}

/// Keeps what is shown true: transactions at each new block, ceremonies and exits now and then.
pub(super) fn refresh(turn: &mut Turn<'_>, id: ActionId, draft: Draft) {
    let Some(action) = turn.state.actions.get(&id) else {
        return;
    };
    let head = turn.state.live.facts.head.map_or(0, |h| h.number);
    let last = turn.state.live.inspected_at.get(&id).copied();
    let due = match (&action.proposal.payload, last) {
        (_, None) => turn.at.since(action.proposed_at).as_millis() >= 1_000,
        (Payload::Transaction(_), Some((block, _))) => block != head,
        (_, Some((_, at))) => {
            turn.at.since(at).as_millis() >= u128::from(turn.state.settings.refresh_every_ms)
        }
    };
    if due {
        turn.state.live.inspected_at.insert(id, (head, turn.at));
        prepare(turn, id.case, Purpose::Refresh(id), draft);
    }
}
