//! What an endpoint is asked of logs: how many blocks at once, up to which block, and whether at all.

use tokio::time::Instant;

use super::{BREAKER_AFTER, Endpoint, ODD_FOR, State};
use crate::chain::rpc::error::EndpointError;
use crate::chain::rpc::span::AdaptiveSpan;
use crate::types::SafeText;

/// More blocks behind than this is not a backend that lags, but one that refuses.
const MOST_BEHIND: u64 = 3;
/// Answers up to its end after which a backend that was behind is tried with a block more.
const TRY_NEWER_AFTER: u32 = 32;
/// Refusals of logs in a row as if it were asked too often after which it is asked for less at once. The first may be one
/// of many calls; before every later one it has answered another question.
const TOO_MUCH_AFTER: u32 = 3;

#[derive(Default)]
pub(super) struct Logs {
    pub(super) span: AdaptiveSpan,
    pub(super) behind: u64,
    /// It is asked for a block more than it was found to have: what is said of it changes when it has told it.
    tries_newer: bool,
    /// Answers in a row up to the end of its logs.
    at_end: u32,
    /// Refusals in a row as if it were asked too often.
    too_often: u32,
    pub(super) none: NoLogs,
    /// When it told last what it refused right before.
    fickle: Option<Instant>,
}

/// An endpoint that does not tell the logs of even one block: asked for them again after a while only.
#[derive(Default)]
pub(super) struct NoLogs {
    /// In a row.
    refusals: u32,
    until: Option<Instant>,
    pub(super) why: Option<SafeText>,
}

impl State {
    /// The last block whose logs it can be asked for, as far as is known.
    fn logs_end(&self) -> Option<u64> {
        let behind = self.logs.behind - u64::from(self.logs.tries_newer);
        self.head.map(|head| head.saturating_sub(behind))
    }
}

impl Endpoint {
    /// The last block whose logs it can be asked for, as far as is known.
    pub(in crate::chain::rpc) fn logs_end(&self) -> Option<u64> {
        self.state().logs_end()
    }

    /// How many blocks it has above this one, where this is the last whose logs it is asked for.
    pub(in crate::chain::rpc) fn above_last(&self, number: u64) -> Option<u64> {
        let state = self.state();
        let is_last = state.logs_end() == Some(number);
        is_last.then(|| state.head.unwrap_or(number).saturating_sub(number))
    }

    /// Blocks to ask for at once.
    pub(in crate::chain::rpc) fn log_span(&self) -> u64 {
        self.state().logs.span.get()
    }

    /// Why it is not asked for logs at the moment, where it has refused even one block again and again.
    pub(in crate::chain::rpc) fn tells_no_logs(&self) -> Option<SafeText> {
        let state = self.state();
        let pauses = state.logs.none.until.is_some_and(|until| until > Instant::now());
        pauses.then(|| state.logs.none.why.clone()).flatten()
    }

    /// It did not tell the logs of one block, in whatever way they were asked for.
    pub(in crate::chain::rpc) fn told_no_logs(&self, why: &EndpointError) {
        let mut state = self.state();
        let no_logs = &mut state.logs.none;
        no_logs.refusals = no_logs.refusals.saturating_add(1);
        if no_logs.refusals < BREAKER_AFTER {
            return;
        }
        let doublings = (no_logs.refusals - BREAKER_AFTER).min(2);
        no_logs.until = Some(Instant::now() + self.cooldown * 2u32.pow(doublings));
        let before = no_logs.why.replace(SafeText::new(&why.to_string()));
        if before.is_none()
            && let Some(left_out) = state.lines.changes.line()
        {
            tracing::warn!(target: "chain", endpoint = %self.name, error = %why, left_out, "endpoint tells no logs");
        }
    }

    /// It told the logs of so many blocks; `above`: as [`Endpoint::above_last`] told of the last one when it was asked.
    pub(in crate::chain::rpc) fn told_logs(&self, blocks: u64, above: Option<u64>) {
        let mut state = self.state();
        state.logs.none = NoLogs::default();
        state.logs.too_often = 0;
        if blocks == state.logs.span.get() {
            state.logs.span.answered();
        }
        match above {
            Some(above) if above < state.logs.behind => {
                state.logs.behind = above;
                state.logs.tries_newer = false;
                state.logs.at_end = 0;
            }
            Some(above) if above == state.logs.behind && above > 0 => {
                state.logs.at_end += 1;
                state.logs.tries_newer = state.logs.at_end >= TRY_NEWER_AFTER;
            }
            _ => {}
        }
    }

    /// It has refused logs as if it were asked too often, and has told none since.
    pub(in crate::chain::rpc) fn refuses_logs_as_too_often(&self) -> bool {
        self.state().logs.too_often > 0
    }

    /// To a question for logs it answered that it is asked too often. True where it has done so again and again while it
    /// answered other questions: then this one asks for too much, whatever the status.
    pub(in crate::chain::rpc) fn refused_logs_as_too_often(&self) -> bool {
        let mut state = self.state();
        state.logs.too_often = state.logs.too_often.saturating_add(1);
        state.logs.too_often >= TOO_MUCH_AFTER
    }

    /// It has told just now what it refused right before: behind its address there are nodes that differ.
    pub(in crate::chain::rpc) fn is_fickle(&self, method: &'static str, refusal: &EndpointError) {
        self.state().logs.fickle = Some(Instant::now());
        let words = format!("tells logs of the same range sometimes and sometimes not: {refusal}");
        self.answered_oddly(method, &SafeText::new(&words));
    }

    /// It was so a while ago: what it lacks now it may have when it is asked again.
    pub(in crate::chain::rpc) fn is_fickle_with_logs(&self) -> bool {
        let fickle = self.state().logs.fickle;
        fickle.is_some_and(|at| at.elapsed() < self.cooldown * ODD_FOR)
    }

    /// It did not tell the logs of so many blocks.
    pub(in crate::chain::rpc) fn refused_logs(&self, blocks: u64) {
        self.state().logs.span.refused(blocks);
    }

    /// It has no logs of the block that was taken for the last one, when it had so many above it; false when its logs would
    /// be too far behind. Several who ask at the same time find out the same.
    pub(in crate::chain::rpc) fn logs_are_behind(&self, above: u64) -> bool {
        let mut state = self.state();
        state.logs.at_end = 0;
        state.logs.tries_newer = false;
        let behind = above + 1;
        if behind > MOST_BEHIND {
            return false;
        }
        if behind > state.logs.behind {
            state.logs.behind = behind;
            if let Some(left_out) = state.lines.changes.line() {
                tracing::info!(target: "chain", endpoint = %self.name, blocks = behind, left_out, "logs are behind the head");
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::tests::endpoint;
    use super::*;

    #[test]
    fn logs_that_are_behind_are_found_out_once_by_all_who_ask() {
        let endpoint = endpoint(Duration::from_secs(1));
        endpoint.told_head(100);
        let above = endpoint.above_last(100).unwrap();
        endpoint.told_head(101);
        // asked at the same time, and refused one after the other
        assert!(endpoint.logs_are_behind(above) && endpoint.logs_are_behind(above));
        assert_eq!(
            (endpoint.health().logs_behind, endpoint.logs_end()),
            (1, Some(100))
        );
        // one more, each time that the block below is refused too, up to what is no lag any more
        for behind in 2..=MOST_BEHIND {
            let last = endpoint.logs_end().unwrap();
            assert!(endpoint.logs_are_behind(endpoint.above_last(last).unwrap()));
            assert_eq!(endpoint.health().logs_behind, behind);
        }
        let last = endpoint.logs_end().unwrap();
        assert!(!endpoint.logs_are_behind(endpoint.above_last(last).unwrap()));
    }

    #[test]
    fn a_lag_is_said_until_a_newer_block_was_really_told() {
        let endpoint = endpoint(Duration::from_secs(1));
        endpoint.told_head(100);
        assert!(endpoint.logs_are_behind(0));
        let answers = || {
            for _ in 0..TRY_NEWER_AFTER {
                endpoint.told_logs(1, endpoint.above_last(99));
            }
        };
        answers();
        assert_eq!(endpoint.logs_end(), Some(100), "it is tried");
        assert_eq!(endpoint.health().logs_behind, 1);
        // it still has none: nothing has changed
        assert!(endpoint.logs_are_behind(endpoint.above_last(100).unwrap()));
        assert_eq!(
            (endpoint.health().logs_behind, endpoint.logs_end()),
            (1, Some(99))
        );
        answers();
        endpoint.told_logs(1, endpoint.above_last(100));
        assert_eq!(
            (endpoint.health().logs_behind, endpoint.logs_end()),
            (0, Some(100))
        );
    }
}
