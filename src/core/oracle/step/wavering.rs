//! Endpoints that agree and contradict each other by turns change a check of everything that waits, each time: whoever lies
//! by turns would write the journal full. The first changes are journaled as they come. After those a change for the worse
//! is, because a decision rests on it, and one for the better when it has lasted.

use crate::oracle::checks::ENDPOINTS_AGREE;
use crate::oracle::turn::Turn;
use crate::oracle::{Proposal, Record};
use crate::types::{ActionId, Check, CheckStatus, SafeText};

/// So many changes of one action are journaled as they come.
const AS_THEY_COME: u32 = 4;
/// How long the endpoints have to agree after that, ms.
const LASTING_MS: u64 = 600_000;

/// Whether a look that says something else than the journal stays out of it for now. `now` is checked otherwise than the
/// action, and means the same.
pub(super) fn stays_out(turn: &mut Turn<'_>, id: ActionId, now: &Proposal) -> bool {
    let Some(journaled) = turn.state.actions.get(&id).map(|action| &action.proposal) else {
        return false;
    };
    let Some((before, after)) = changed_alone(journaled, now) else {
        return false;
    };
    let is_better = badness(after) < badness(before);
    let up_ms = turn.state.volatile.up_ms;
    let wavering = turn.state.volatile.wavering.entry(id).or_default();
    if is_better && wavering.changes >= AS_THEY_COME {
        let since = *wavering.better_since.get_or_insert_with(|| {
            wavering.left_out += 1;
            up_ms
        });
        if up_ms.saturating_sub(since) < LASTING_MS {
            let words = format!(
                "the endpoints agree on {id} again, and did not by turns: that counts when it has lasted for 10 min"
            );
            turn.hears(id.case, SafeText::new(&words));
            return true;
        }
    }
    wavering.changes += 1;
    wavering.better_since = None;
    let left_out = std::mem::take(&mut wavering.left_out).saturating_sub(1);
    if is_better && left_out > 0 {
        let text = format!("the endpoints agreed on {id} {left_out} times more in between, and not for long");
        let (case, text) = (Some(id.case), SafeText::new(&text));
        turn.record(Record::Note { case, text });
    }
    false
}

/// A look says what the journal says: what was better is over.
pub(super) fn is_as_journaled(turn: &mut Turn<'_>, id: ActionId) {
    if let Some(wavering) = turn.state.volatile.wavering.get_mut(&id) {
        wavering.better_since = None;
    }
}

/// What the check says in both, where nothing else is checked otherwise.
fn changed_alone(before: &Proposal, after: &Proposal) -> Option<(CheckStatus, CheckStatus)> {
    let of = |proposal: &Proposal| -> Option<(CheckStatus, Vec<Check>)> {
        let (agree, others): (Vec<Check>, Vec<Check>) =
            { proposal.checks.iter().cloned() }.partition(|check| check.name == ENDPOINTS_AGREE);
        Some((agree.first()?.status, others))
    };
    let ((before, others), (after, theirs)) = (of(before)?, of(after)?);
    Check::all_say_the_same(&others, &theirs).then_some((before, after))
}

fn badness(status: CheckStatus) -> u8 {
    match status {
        CheckStatus::Pass => 0,
        CheckStatus::Unknown => 1,
        CheckStatus::Fail => 2,
    }
}

#[cfg(test)]
mod tests {
    use crate::oracle::fixture::{block, proposal, settings};
    use crate::oracle::*;
    use crate::types::*;

    fn give(state: &mut State, at: u64, input: Input) -> Vec<Record> {
        let stamped = Stamped {
            at: UnixMillis(at),
            up_ms: at,
            entropy: [0; 24],
            input,
        };
        step(state, stamped).0.records
    }

    /// Of one action that waits, as many looks as there are in three days, by whom a liar agrees with.
    fn journaled(agrees: impl Fn(u64) -> bool) -> (usize, CheckStatus) {
        let mode = Mode::Supervised;
        let mut state = State::new(Settings { mode, ..settings() });
        let kind = RequestKind::Deposit;
        let log = LogRef {
            block: block(10),
            transaction: Root([1; 32]),
            index: 0,
        };
        let facts = ChainFacts {
            head: Some(block(10)),
            ready: vec![PoolId(1)],
            ..ChainFacts::default()
        };
        give(&mut state, 1_000, Input::CaughtUp { finalized: None });
        give(&mut state, 1_000, Input::Facts(Box::new(facts)));
        let asked = Input::Requested {
            kind,
            pool: PoolId(1),
            log,
            leaving: None,
        };
        give(&mut state, 1_000, asked);
        let case = *state.cases.keys().next().unwrap();
        let action = ActionId { case, number: 1 };
        let mut lines = 0;
        for n in 0..20_000_u64 {
            let purpose = match n {
                0 => Purpose::Propose,
                _ => Purpose::Refresh(action),
            };
            let check = match agrees(n) {
                true => Check::pass("endpoints-agree", "all 2 endpoints say the same"),
                false => Check::fail(
                    "endpoints-agree",
                    format!("at block {n} a and b contradict each other"),
                ),
            };
            let proposal = Proposal {
                checks: vec![check],
                ..proposal(ActionKind::Keygen)
            };
            let outcome = Prepared::Proposal(Box::new(proposal));
            let look = Input::Prepared {
                case,
                purpose,
                outcome,
            };
            let records = give(&mut state, 2_000 + n * 12_000, look);
            let is_line =
                |record: &&Record| matches!(record, Record::ActionChanged { .. } | Record::Note { .. });
            lines += records.iter().filter(is_line).count();
        }
        (lines, state.actions[&action].proposal.checks[0].status)
    }

    #[test]
    fn a_liar_by_turns_has_few_lines_and_nothing_rests_on_the_moments_in_between() {
        let (lines, status) = journaled(|n| n % 2 == 0);
        assert!((1..=8).contains(&lines), "{lines}");
        assert_eq!(status, CheckStatus::Fail);
    }

    #[test]
    fn a_lie_that_is_over_is_over_at_once_the_first_times_and_later_when_that_lasts() {
        assert_eq!(journaled(|n| n != 7), (2, CheckStatus::Pass), "once");
        let (lines, status) = journaled(|n| n > 1_000 || n % 2 == 0);
        assert!((1..=8).contains(&lines), "{lines}");
        assert_eq!(status, CheckStatus::Pass, "it has lasted");
    }
}
