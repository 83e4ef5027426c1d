//! One endpoint: its breaker, its standing, and the view of all that for people.

use std::sync::Mutex;
use std::time::Duration;

use tokio::time::Instant;

use super::error::EndpointError;
use super::span::AdaptiveSpan;
use crate::http;
use crate::types::{SafeText, UnixMillis, in_words};

pub use crate::ports::{EndpointHealth, EndpointState};

/// Failures in a row after which an endpoint is left alone for a while.
pub(super) const BREAKER_AFTER: u32 = 3;

/// More blocks behind than this is not a backend that lags, but one that refuses.
const MOST_BEHIND: u64 = 3;
/// Answers up to its end after which a backend that was behind is tried with a block more.
const TRY_NEWER_AFTER: u32 = 32;
/// For so long after it asked to wait an endpoint counts as limited.
const LIMITED: Duration = Duration::from_secs(10);

#[derive(Default)]
struct State {
    failures: u32,
    broken_until: Option<Instant>,
    wrong_chain: Option<SafeText>,
    /// The chain id that it told last.
    chain_id: Option<u64>,
    /// When the chain was last looked at, and found right or wrong.
    checked_at: Option<Instant>,
    limited_at: Option<Instant>,
    latency: Option<Duration>,
    last_error: Option<SafeText>,
    last_ok: Option<UnixMillis>,
    omitted_logs: u64,
    contradicted: u64,
    /// The highest block that it is known to have.
    head: Option<u64>,
    span: AdaptiveSpan,
    logs_behind: u64,
    /// It is asked for a block more than it was found to have: what is said of it changes when it has told it.
    tries_newer: bool,
    refuses: Option<SafeText>,
    no_logs: NoLogs,
    syncing: bool,
    /// Answers in a row up to the end of its logs.
    at_end: u32,
}

/// An endpoint that does not tell the logs of even one block: asked for them again after a while only.
#[derive(Default)]
struct NoLogs {
    /// In a row.
    refusals: u32,
    until: Option<Instant>,
    why: Option<SafeText>,
}

impl State {
    /// The last block whose logs it can be asked for, as far as is known.
    fn logs_end(&self) -> Option<u64> {
        let behind = self.logs_behind - u64::from(self.tries_newer);
        self.head.map(|head| head.saturating_sub(behind))
    }
}

pub(super) struct Endpoint {
    pub(super) name: SafeText,
    pub(super) http: http::Endpoint,
    cooldown: Duration,
    state: Mutex<State>,
}

/// Whether an endpoint may be asked now.
pub(super) enum Admission {
    Ready,
    /// Rate limited: worth waiting for.
    Later(Instant),
    No(EndpointError),
}

impl Endpoint {
    pub(super) fn new(http: http::Endpoint, name: SafeText, cooldown: Duration) -> Self {
        Self {
            name,
            http,
            cooldown,
            state: Mutex::default(),
        }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    pub(super) fn admission(&self, recheck: Duration) -> Admission {
        let state = self.state();
        let now = Instant::now();
        if state.broken_until.is_some_and(|until| until > now) {
            let last = state.last_error.clone().unwrap_or_default();
            return Admission::No(EndpointError::BreakerOpen(last));
        }
        if let Some(until) = self.http.paused_until() {
            return Admission::Later(until);
        }
        if let Some(reason) = &state.wrong_chain
            && state.checked_at.is_some_and(|at| now - at < recheck)
        {
            return Admission::No(EndpointError::WrongChain(reason.clone()));
        }
        Admission::Ready
    }

    /// The chain behind it has to be looked at before it is believed.
    pub(super) fn needs_check(&self, recheck: Duration) -> bool {
        let state = self.state();
        state.wrong_chain.is_some() || state.checked_at.is_none_or(|at| at.elapsed() >= recheck)
    }

    pub(super) fn checked(&self, verdict: Result<(), SafeText>) {
        let mut state = self.state();
        state.checked_at = Some(Instant::now());
        state.wrong_chain = verdict.err();
        if let Some(reason) = state.wrong_chain.clone() {
            tracing::error!(target: "chain", endpoint = %self.name, %reason, "endpoint excluded");
            state.last_error = Some(reason);
        }
    }

    /// It says that it serves this chain.
    pub(super) fn told_chain(&self, id: u64) {
        self.state().chain_id = Some(id);
    }

    pub(super) fn forget_check(&self) {
        self.state().checked_at = None;
    }

    pub(super) fn succeeded(&self, took: Duration) {
        let mut state = self.state();
        if state.failures >= BREAKER_AFTER {
            tracing::info!(target: "chain", endpoint = %self.name, "endpoint answers again");
        }
        state.failures = 0;
        state.broken_until = None;
        state.last_ok = Some(UnixMillis::now());
        state.latency = Some(match state.latency {
            Some(average) => (average * 7 + took) / 8,
            None => took,
        });
    }

    pub(super) fn failed(&self, error: &EndpointError) {
        let mut state = self.state();
        state.last_error = Some(SafeText::new(&error.to_string()));
        if matches!(
            error,
            EndpointError::RateLimited(_) | EndpointError::Http(http::HttpError::OverBudget(_))
        ) {
            state.limited_at = Some(Instant::now());
            return;
        }
        let now = Instant::now();
        state.failures += 1;
        if state.failures >= BREAKER_AFTER {
            let doublings = (state.failures - BREAKER_AFTER).min(2);
            let pause = self.cooldown * 2u32.pow(doublings);
            state.broken_until = Some(now + pause);
            // what comes back after an outage may be another node
            state.checked_at = None;
            let pause = in_words(pause);
            tracing::warn!(target: "chain", endpoint = %self.name, %error, %pause, "endpoint left alone");
        }
    }

    /// Its last failure says nothing of it yet: less is asked of it.
    pub(super) fn forgiven(&self) {
        let mut state = self.state();
        state.failures = state.failures.saturating_sub(1);
        if state.failures < BREAKER_AFTER {
            state.broken_until = None;
        }
    }

    pub(super) fn omitted_log(&self) {
        let mut state = self.state();
        state.omitted_logs += 1;
        state.last_error = Some("left out a log that its block header promises".into());
        tracing::warn!(target: "chain", endpoint = %self.name, "endpoint left out a log");
    }

    pub(super) fn contradicted(&self, what: &SafeText) {
        let mut state = self.state();
        state.contradicted += 1;
        state.last_error = Some(what.clone());
        tracing::warn!(target: "chain", endpoint = %self.name, %what, "endpoint is contradicted");
    }

    pub(super) fn noted_refusal(&self, why: Option<SafeText>) {
        self.state().refuses = why;
    }

    /// Whether it says that it is behind.
    pub(super) fn says_it_is_syncing(&self, so: bool) {
        let mut state = self.state();
        if so && !state.syncing {
            tracing::warn!(target: "chain", endpoint = %self.name, "endpoint says that it is still syncing");
        }
        state.syncing = so;
    }

    pub(super) fn bench(&self, why: &SafeText) {
        self.contradicted(why);
        let mut state = self.state();
        state.failures = state.failures.max(BREAKER_AFTER);
        state.broken_until = Some(Instant::now() + self.cooldown);
    }

    /// It called this block its newest.
    pub(super) fn told_head(&self, number: u64) {
        self.state().head = Some(number);
    }

    /// Asked for another block than the newest, it had this one: its head is no lower.
    pub(super) fn has_block(&self, number: u64) {
        let mut state = self.state();
        state.head = state.head.max(Some(number));
    }

    /// The last block whose logs it can be asked for, as far as is known.
    pub(super) fn logs_end(&self) -> Option<u64> {
        self.state().logs_end()
    }

    /// How many blocks it has above this one, where this is the last whose logs it is asked for.
    pub(super) fn above_last(&self, number: u64) -> Option<u64> {
        let state = self.state();
        let is_last = state.logs_end() == Some(number);
        is_last.then(|| state.head.unwrap_or(number).saturating_sub(number))
    }

    /// Blocks to ask for at once.
    pub(super) fn log_span(&self) -> u64 {
        self.state().span.get()
    }

    /// Why it is not asked for logs at the moment, where it has refused even one block again and again.
    pub(super) fn tells_no_logs(&self) -> Option<SafeText> {
        let state = self.state();
        let pauses = state.no_logs.until.is_some_and(|until| until > Instant::now());
        pauses.then(|| state.no_logs.why.clone()).flatten()
    }

    /// It did not tell the logs of one block, in whatever way they were asked for.
    pub(super) fn told_no_logs(&self, why: &EndpointError) {
        let mut state = self.state();
        let no_logs = &mut state.no_logs;
        no_logs.refusals = no_logs.refusals.saturating_add(1);
        if no_logs.refusals < BREAKER_AFTER {
            return;
        }
        let doublings = (no_logs.refusals - BREAKER_AFTER).min(2);
        no_logs.until = Some(Instant::now() + self.cooldown * 2u32.pow(doublings));
        if no_logs.why.is_none() {
            tracing::warn!(target: "chain", endpoint = %self.name, error = %why, "endpoint tells no logs");
        }
        no_logs.why = Some(SafeText::new(&why.to_string()));
    }

    /// It told the logs of so many blocks; `above`: as [`Endpoint::above_last`] told of the last one when it was asked.
    pub(super) fn told_logs(&self, blocks: u64, above: Option<u64>) {
        let mut state = self.state();
        state.no_logs = NoLogs::default();
        if blocks == state.span.get() {
            state.span.answered();
        }
        match above {
            Some(above) if above < state.logs_behind => {
                state.logs_behind = above;
                state.tries_newer = false;
                state.at_end = 0;
            }
            Some(above) if above == state.logs_behind && above > 0 => {
                state.at_end += 1;
                state.tries_newer = state.at_end >= TRY_NEWER_AFTER;
            }
            _ => {}
        }
    }

    /// It did not tell the logs of so many blocks.
    pub(super) fn refused_logs(&self, blocks: u64) {
        self.state().span.refused(blocks);
    }

    /// It has no logs of the block that was taken for the last one, when it had so many above it; false when its logs would
    /// be too far behind. Several who ask at the same time find out the same.
    pub(super) fn logs_are_behind(&self, above: u64) -> bool {
        let mut state = self.state();
        state.at_end = 0;
        state.tries_newer = false;
        let behind = above + 1;
        if behind > MOST_BEHIND {
            return false;
        }
        if behind > state.logs_behind {
            state.logs_behind = behind;
            tracing::info!(target: "chain", endpoint = %self.name, blocks = behind, "logs are behind the head");
        }
        true
    }

    pub(super) fn health(&self) -> EndpointHealth {
        let state = self.state();
        let now = Instant::now();
        let paused_until = self.http.paused_until();
        EndpointHealth {
            name: self.name.clone(),
            chain_id: state.chain_id,
            head: state.head,
            state: if state.wrong_chain.is_some() {
                EndpointState::WrongChain
            } else if state.broken_until.is_some_and(|until| until > now) {
                EndpointState::Down
            } else if paused_until.is_some() {
                EndpointState::RateLimited
            } else if state.failures > 0 {
                EndpointState::Failing
            } else if state.last_ok.is_some() {
                EndpointState::Healthy
            } else {
                EndpointState::Unchecked
            },
            latency: state.latency,
            last_error: state.last_error.clone(),
            last_ok: state.last_ok,
            omitted_logs: state.omitted_logs,
            contradicted: state.contradicted,
            logs_behind: state.logs_behind,
            log_span: state.span.limited(),
            refuses: state.refuses.clone(),
            no_logs: state.no_logs.why.clone(),
            syncing: state.syncing,
            limited: state.limited_at.is_some_and(|at| at.elapsed() < LIMITED),
            limited_for: paused_until.map(|until| until.saturating_duration_since(now)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::{Http, Limits};
    use crate::types::RedactedUrl;

    fn endpoint() -> Endpoint {
        let limits = Limits {
            deadline: Duration::from_secs(1),
            size: 1,
        };
        let http = Http::direct().endpoint(&RedactedUrl::new("http://127.0.0.1:1"), limits);
        Endpoint::new(http.unwrap(), "node".into(), Duration::from_secs(1))
    }

    #[test]
    fn logs_that_are_behind_are_found_out_once_by_all_who_ask() {
        let endpoint = endpoint();
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
        let endpoint = endpoint();
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
