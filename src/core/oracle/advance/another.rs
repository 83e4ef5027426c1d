//! In mode auto a rule may have another committee make another key, where SSV refuses the present one or its operators are
//! proven guilty or absent: so many times for one case, and then a person must look. What is chosen is proposed and
//! decided as any other key generation.

use crate::oracle::turn::Turn;
use crate::oracle::ways::{against_committee, can_redo_key};
use crate::oracle::{Case, Mode, Rule, State, Step, command};
use crate::types::{CaseId, SafeText};

/// Whether a rule had another committee proposed.
pub(super) fn another_committee(turn: &mut Turn<'_>, id: CaseId) -> bool {
    if turn.state.mode() != Mode::Auto || !turn.state.may_leave(id) || !sees_the_chain(turn.state) {
        return false;
    }
    let Some(case) = turn.state.cases.get(&id) else {
        return false;
    };
    if !matches!(
        case.step,
        Step::Halted { .. } | Step::DecideEffect(_) | Step::DecideCeremony(_)
    ) {
        return false;
    }
    let Some(rule) = choosing_rule(turn.state, id) else {
        return false;
    };
    let Some(why) = against_committee(turn.state, case, rule.max_attempts) else {
        return false;
    };
    if can_redo_key(turn.state, case).is_err() {
        return false;
    }
    if case.chosen_by_rule >= rule.other_committees && !planted!(CommitteesUnbounded) {
        return false;
    }
    let by = SafeText::new(&format!("rule {}", rule.name));
    command::another_committee(turn, &by, id, Some(&why));
    true
}

/// The rule that may have other committees make the key of a case, however often it has.
fn choosing_rule(state: &State, id: CaseId) -> Option<&Rule> {
    let rule = state.settings.policy.rule_of_keys(id.pool);
    rule.filter(|rule| rule.other_committees > 0)
}

/// Whether a rule may have one more committee make the key of a case.
pub(super) fn may_choose(state: &State, case: &Case) -> bool {
    let rule = choosing_rule(state, case.id);
    state.mode() == Mode::Auto && rule.is_some_and(|rule| case.chosen_by_rule < rule.other_committees)
}

/// What is decided against a committee rests on the chain as it is now.
pub(super) fn sees_the_chain(state: &State) -> bool {
    let live = &state.volatile;
    live.caught_up && live.facts.head.is_some() && !state.is_cut_off()
}
