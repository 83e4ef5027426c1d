//! What the desk prepared: to be decided, or to be kept true. What is to leave gets its [last checks](super::last_checks).

use super::last_checks;
use super::wavering::{self, Counts};
use crate::oracle::fading::Look;
use crate::oracle::state::EffectKey;
use crate::oracle::turn::Turn;
use crate::oracle::{ActionKind, ActionState, Case, Prepared, Purpose, Record, Step, advance, people, ways};
use crate::types::{ActionId, CaseId};

pub(super) fn prepared(turn: &mut Turn<'_>, case: CaseId, purpose: Purpose, outcome: Prepared) {
    let key = EffectKey::Prepare(case);
    turn.answered(key);
    turn.hears_no_more(case);
    if let Purpose::Refresh(action) = purpose {
        turn.state.volatile.looked_at_once.remove(&action);
        if !matches!(outcome, Prepared::Proposal(_)) || turn.state.is_cut_off() {
            wavering::is_interrupted(turn, action);
        }
    }
    // it was given up, or ended, while the desk was at it
    if turn.state.cases.get(&case).is_none_or(Case::is_closed) {
        return;
    }
    if let Prepared::Proposal(proposal) = &outcome
        && !turn.state.is_cut_off()
    {
        ways::note_refusal(turn.state, case, proposal);
    }
    if purpose == Purpose::Propose && !advance::is_taken_now(turn, case, &outcome) {
        return;
    }
    match (purpose, outcome) {
        (Purpose::Send(action), Prepared::TooEarly { reason, until }) => {
            super::exit::deferred(turn, action, until, reason);
        }
        (Purpose::Send(action), outcome)
            if advance::is_deferred(turn.state, action) && !matches!(outcome, Prepared::AlreadySo { .. }) =>
        {
            super::exit::looked_at_wait(turn, action, outcome);
        }
        (_, Prepared::Later { reason, at } | Prepared::TooEarly { reason, until: at }) => {
            turn.not_before(key, at.0.saturating_sub(turn.at.0).max(200));
            turn.hears(case, reason);
        }
        (_, Prepared::AlreadySo { phase, validator }) => {
            turn.record(Record::ValidatorPhaseSeen {
                case,
                phase,
                since: None,
                validator: Some(validator),
            });
        }
        (Purpose::Propose, Prepared::Proposal(proposal)) => {
            if wants(turn, case) == Some(proposal.kind) {
                let number = turn.state.cases.get(&case).map_or(0, |c| c.actions) + 1;
                let action = ActionId { case, number };
                let digest = proposal.digest(action);
                turn.record(Record::ActionProposed {
                    action,
                    proposal,
                    digest,
                });
                looked(turn, action);
                turn.state.volatile.looked_at_once.insert(action);
            }
        }
        (Purpose::Propose, Prepared::Refused(reason)) => {
            if wants(turn, case).is_some() {
                turn.record(Record::CaseHalted { case, reason });
            }
        }
        (Purpose::Refresh(action), outcome) => refreshed(turn, action, outcome),
        (Purpose::Send(action), outcome) => last_checks::made(turn, action, outcome),
    }
}

/// The kind of action that a case wants to have proposed where it stands. What was asked for before it went on is not it.
fn wants(turn: &Turn<'_>, id: CaseId) -> Option<ActionKind> {
    let case = turn.state.cases.get(&id)?;
    match case.step {
        Step::PlanCeremony => Some(case.kind().ceremony()),
        Step::AwaitTurn | Step::Register(None) | Step::PlanEffect => Some(case.kind().effect()),
        _ => None,
    }
}

/// What waits is kept true: under the same digest quietly, under another one as something else to decide.
fn refreshed(turn: &mut Turn<'_>, action: ActionId, outcome: Prepared) {
    let waiting = turn.state.actions.get(&action);
    let Some(waiting) = waiting.filter(|a| a.state == ActionState::Proposed) else {
        return;
    };
    match outcome {
        // it was asked before the chain was lost: what nobody says does not take the place of what was so
        Prepared::Proposal(_) if turn.state.is_cut_off() => {}
        Prepared::Proposal(proposal) => {
            let found = proposal.digest(action);
            let journaled = waiting.digest;
            let (proposal, digest) = match wavering::held_payload(turn, action, &proposal, found) {
                Some(held) => (held, journaled),
                None => (proposal, found),
            };
            let changed = digest != journaled;
            if changed {
                people::lose_endorsements(turn, action, "what would leave has changed");
            }
            let Counts { proposal, shown } = if changed {
                wavering::is_interrupted(turn, action);
                Counts {
                    proposal,
                    shown: None,
                }
            } else {
                wavering::counts(turn, action, proposal)
            };
            let is_checked_as_before = proposal.is_checked_as(&turn.state.actions[&action].proposal);
            let shown = shown.or_else(|| is_checked_as_before.then(|| proposal.clone()));
            if changed || !is_checked_as_before {
                turn.state.volatile.refreshed.remove(&action);
                turn.record(Record::ActionChanged {
                    action,
                    proposal,
                    digest,
                });
            }
            let waiting = &turn.state.actions[&action];
            if let Some(shown) = shown.filter(|shown| *turn.state.shown(waiting).0 != **shown) {
                turn.state.volatile.refreshed.insert(action, (*shown, turn.at));
            }
            looked(turn, action);
            people::refreshed(turn, action);
        }
        Prepared::Refused(reason) => {
            turn.record(Record::ActionVoided {
                action,
                reason: reason.clone(),
            });
            let case = action.case;
            turn.record(Record::CaseHalted { case, reason });
        }
        Prepared::Later { .. } | Prepared::TooEarly { .. } | Prepared::AlreadySo { .. } => {}
    }
}

/// The checks of an action were made just now.
fn looked(turn: &mut Turn<'_>, action: ActionId) {
    let live = &mut turn.state.volatile;
    let up_ms = live.up_ms;
    let asked = live.asked_at.get(&action.case);
    let look = Look {
        asked_up_ms: asked.map_or(up_ms, |asked| asked.up_ms),
        up_ms,
        at: turn.at,
        block: asked.and_then(|asked| asked.block),
    };
    live.looks_at.insert(action, look);
}

#[cfg(test)]
mod tests {
    use crate::oracle::fixture::{block, proposal, settings};
    use crate::oracle::*;
    use crate::types::*;

    fn give(state: &mut State, at: u64, input: Input) -> Vec<Effect> {
        crate::oracle::fixture::give(state, at, input).0.effects
    }

    /// The answer to the one thing that was asked for.
    fn answer(effects: &[Effect], fact: &str) -> Input {
        let [
            Effect::Prepare {
                case, purpose, draft, ..
            },
        ] = effects
        else {
            panic!("{effects:?}")
        };
        let proposal = Proposal {
            facts: vec![Fact::new("balance", FactKind::Text, fact)],
            ..proposal(draft.kind())
        };
        Input::Prepared {
            case: *case,
            purpose: *purpose,
            outcome: Prepared::Proposal(Box::new(proposal)),
        }
    }

    /// A deposit is asked for, and its key generation is about to be proposed.
    fn asked_for(state: &mut State) -> Vec<Effect> {
        give(state, 1_000, Input::CaughtUp { finalized: None });
        let facts = ChainFacts {
            head: Some(block(10)),
            ready: vec![PoolId(1)],
            ..ChainFacts::default()
        };
        give(state, 1_000, Input::Facts(Box::new(facts)));
        give(state, 1_000, request())
    }

    fn request() -> Input {
        Input::Requested {
            leaving: None,
            kind: RequestKind::Deposit,
            pool: PoolId(1),
            log: LogRef {
                block: block(10),
                transaction: Root([1; 32]),
                index: 0,
            },
        }
    }

    /// Why the only case waits.
    fn words(state: &State) -> Option<&str> {
        let case = state.cases.keys().next()?;
        state.waiting_reason(*case).map(SafeText::as_str)
    }

    #[test]
    fn what_the_desk_said_is_over_with_its_next_answer() {
        let mode = Mode::Supervised;
        let mut state = State::new(Settings { mode, ..settings() });
        let effects = asked_for(&mut state);
        let proposed = answer(&effects, "5 ETH");
        give(&mut state, 1_000, proposed);
        let effects = give(&mut state, 20_000, Input::Tick);
        let [Effect::Prepare { case, purpose, .. }] = effects[..] else {
            panic!("{effects:?}")
        };
        let later = Prepared::Later {
            reason: "no endpoint tells the balance".into(),
            at: UnixMillis(24_000),
        };
        let outcome = later.clone();
        give(
            &mut state,
            20_500,
            Input::Prepared {
                case,
                purpose,
                outcome,
            },
        );
        assert_eq!(words(&state), Some("no endpoint tells the balance"));
        // it is asked again as soon as the desk said, and not with the next round of all that waits
        let effects = give(&mut state, 24_000, Input::Tick);
        assert_eq!(
            words(&state),
            Some("no endpoint tells the balance"),
            "it still holds"
        );
        let told = answer(&effects, "5 ETH");
        give(&mut state, 24_100, told);
        assert_eq!(words(&state), None, "the endpoints tell it");
    }

    #[test]
    fn what_a_look_said_is_over_with_the_look_that_does_not_say_it() {
        let mut state = State::new(settings());
        let facts = ChainFacts {
            head: Some(block(10)),
            ready: vec![PoolId(1)],
            ..ChainFacts::default()
        };
        give(&mut state, 1_000, Input::Facts(Box::new(facts)));
        give(&mut state, 1_000, request());
        give(&mut state, 1_100, Input::Tick);
        assert_eq!(
            words(&state),
            Some("waits until every event up to the head was read")
        );
        give(&mut state, 2_000, Input::CaughtUp { finalized: None });
        assert_eq!(words(&state), None, "they are read, and the desk is at it");
    }

    #[test]
    fn a_person_is_asked_once_the_second_look_leaves_a_check_unknown() {
        for known in [false, true] {
            let mut state = State::new(settings());
            assert_eq!(state.mode(), Mode::Auto);
            let effects = asked_for(&mut state);
            let with = |effects: &[Effect], check: Check| match answer(effects, "5 ETH") {
                Input::Prepared {
                    case,
                    purpose,
                    outcome: Prepared::Proposal(mut proposal),
                } => {
                    proposal.checks = vec![check];
                    let outcome = Prepared::Proposal(proposal);
                    Input::Prepared {
                        case,
                        purpose,
                        outcome,
                    }
                }
                other => other,
            };
            let unknown = || Check::unknown("endpoints-agree", "the second one has not answered");
            let proposed = with(&effects, unknown());
            give(&mut state, 1_000, proposed);
            let said = words(&state).unwrap_or_default();
            assert!(said.starts_with(LOOKED_AT_AGAIN), "{said}");
            let effects = give(&mut state, 2_000, Input::Tick);
            let check = match known {
                true => Check::pass("endpoints-agree", "two say so"),
                false => unknown(),
            };
            let looked = with(&effects, check);
            give(&mut state, 2_100, looked);
            let action = state.actions.values().next().unwrap();
            let said = words(&state).unwrap_or_default();
            match known {
                true => assert_eq!(action.state, ActionState::Approved, "the rule decides: {said}"),
                false => assert!(said.starts_with(FOR_A_PERSON), "{said}"),
            }
        }
    }

    #[test]
    fn what_no_rule_covers_is_a_persons_at_once() {
        let mut settings = settings();
        settings.policy.rules.clear();
        let mut state = State::new(settings);
        let effects = asked_for(&mut state);
        let proposed = answer(&effects, "5 ETH");
        give(&mut state, 1_000, proposed);
        let said = words(&state).unwrap_or_default();
        assert!(said.starts_with(FOR_A_PERSON), "{said}");
    }

    #[test]
    fn facts_that_are_refreshed_under_the_same_digest_say_so() {
        let mode = Mode::Supervised;
        let mut state = State::new(Settings { mode, ..settings() });
        let effects = asked_for(&mut state);
        let proposed = answer(&effects, "5 ETH");
        give(&mut state, 1_000, proposed);
        let shown = |state: &State| {
            let action = state.actions.values().next().unwrap();
            (action.digest, state.shown(action).1)
        };
        let (digest, never) = shown(&state);
        assert_eq!(never, None);
        let journaled = state.durable().clone();
        for (at, fact, refreshed) in [
            (20_000, "5 ETH", None),
            (40_000, "4 ETH", Some(UnixMillis(40_000))),
            (60_000, "4 ETH", Some(UnixMillis(40_000))),
        ] {
            let effects = give(&mut state, at, Input::Tick);
            let again = answer(&effects, fact);
            give(&mut state, at, again);
            assert_eq!(shown(&state), (digest, refreshed), "at {at}");
            let action = *state.actions.keys().next().unwrap();
            assert_eq!(state.checked_at(action), Some(UnixMillis(at)));
            assert_eq!(state.checked_block(action), Some(10), "the head that was told");
            assert_eq!(*state.durable(), journaled, "no record said so");
        }
    }

    #[test]
    fn the_block_of_a_look_is_the_newest_that_was_known_when_the_desk_was_asked() {
        let mode = Mode::Supervised;
        let mut state = State::new(Settings { mode, ..settings() });
        let effects = asked_for(&mut state);
        let proposed = answer(&effects, "5 ETH");
        let facts = ChainFacts {
            head: Some(block(14)),
            ready: vec![PoolId(1)],
            ..ChainFacts::default()
        };
        give(&mut state, 1_500, Input::Facts(Box::new(facts)));
        give(&mut state, 2_000, proposed);
        let action = *state.actions.keys().next().unwrap();
        assert_eq!(state.checked_at(action), Some(UnixMillis(2_000)));
        assert_eq!(state.checked_block(action), Some(10));
        let effects = give(&mut state, 20_000, Input::Tick);
        let again = answer(&effects, "5 ETH");
        give(&mut state, 20_100, again);
        assert_eq!(state.checked_block(action), Some(14));
    }
}
