//! One endpoint: its breaker, its standing, and the view of all that for people.
//!
//! Who failed often in a row is down until it answers: that its breaker lets a call through now and then, to find out whether
//! it is back, is no answer.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use tokio::time::Instant;

use super::error::EndpointError;
use crate::http;
use crate::log_limit::{LogLimit, RepeatFilter};
use crate::types::{SafeText, UnixMillis, in_words};

pub use crate::ports::{EndpointHealth, EndpointState};

mod fickle;
mod logs;
mod slow;

use fickle::Heads;
use logs::Logs;
pub(super) use slow::Responsiveness;
use slow::Slow;

/// Failures in a row after which an endpoint is left alone for a while.
pub(super) const BREAKER_AFTER: u32 = 3;
/// So many times that while is doubled, at most, as long as it goes on failing.
pub(super) const DOUBLINGS: u32 = 2;

/// For so long after it asked to wait an endpoint counts as limited.
const LIMITED: Duration = Duration::from_secs(10);
/// An endpoint's odd answers are over when none came for so many cooldowns: by default, for two blocks and more.
const ODD_FOR: u32 = 3;

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
    heads: Heads,
    logs: Logs,
    refuses: Option<SafeText>,
    /// By method or view, why its last odd answer to that cannot be used, and when it came.
    odd: BTreeMap<&'static str, (SafeText, Instant)>,
    syncing: bool,
    no_receipts: bool,
    slow: Option<Slow>,
    /// Blocks by which its head is far below the one that is followed.
    behind: Option<u64>,
    lines: Lines,
}

/// What is logged of it. It decides how often something happens to it, and not how much is written of that.
struct Lines {
    contradicted: RepeatFilter,
    omitted: LogLimit,
    /// It comes and goes, lags and catches up, answers well and oddly.
    changes: LogLimit,
}

impl State {
    /// It failed often in a row, and has answered nothing since.
    fn is_down(&self) -> bool {
        self.failures >= BREAKER_AFTER
    }
}

impl Default for Lines {
    fn default() -> Self {
        Self {
            contradicted: RepeatFilter::default(),
            omitted: LogLimit::slow(),
            changes: LogLimit::slow(),
        }
    }
}

pub(super) struct Endpoint {
    pub(super) name: SafeText,
    pub(super) http: http::Endpoint,
    cooldown: Duration,
    /// A call that takes longer is late.
    prompt: Duration,
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
    pub(super) fn new(http: http::Endpoint, name: SafeText, cooldown: Duration, prompt: Duration) -> Self {
        Self {
            name,
            http,
            cooldown,
            prompt,
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

    /// Why it is down, in the words of its last failure. One that asked to wait before it fell silent is down all the same.
    pub(super) fn down(&self) -> Option<SafeText> {
        let state = self.state();
        state
            .is_down()
            .then(|| state.last_error.clone().unwrap_or_default())
    }

    /// The chain behind it has to be looked at before it is believed.
    pub(super) fn needs_check(&self, recheck: Duration) -> bool {
        let state = self.state();
        state.wrong_chain.is_some() || state.checked_at.is_none_or(|at| at.elapsed() >= recheck)
    }

    pub(super) fn checked(&self, verdict: Result<(), SafeText>) {
        let mut state = self.state();
        state.checked_at = Some(Instant::now());
        let before = std::mem::replace(&mut state.wrong_chain, verdict.err());
        if let Some(reason) = state.wrong_chain.clone() {
            if before.as_ref() != Some(&reason)
                && let Some(left_out) = state.lines.changes.line()
            {
                tracing::error!(target: "chain", endpoint = %self.name, %reason, left_out, "endpoint excluded");
            }
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
        if state.is_down()
            && let Some(left_out) = state.lines.changes.line()
        {
            tracing::info!(target: "chain", endpoint = %self.name, left_out, "endpoint answers again");
        }
        state.failures = 0;
        state.broken_until = None;
        state.last_ok = Some(UnixMillis::now());
        if let Some(slow) = &mut state.slow {
            let prompt = took < self.prompt;
            slow.silent = false;
            if prompt && slow.at.elapsed() >= self.cooldown * ODD_FOR {
                state.slow = None;
            }
        }
        state.latency = Some(match state.latency {
            Some(average) => (average * 7 + took) / 8,
            None => took,
        });
    }

    pub(super) fn failed(&self, error: &EndpointError) {
        let mut state = self.state();
        state.last_error = Some(SafeText::new(&error.to_string()));
        if error.is_of_too_many_calls() {
            state.limited_at = Some(Instant::now());
            return;
        }
        let now = Instant::now();
        state.failures += 1;
        if state.is_down() {
            let doublings = (state.failures - BREAKER_AFTER).min(DOUBLINGS);
            let pause = self.cooldown * 2u32.pow(doublings);
            state.broken_until = Some(now + pause);
            // what comes back after an outage may be another node
            state.checked_at = None;
            // it is shown for as long as it is away
            if state.failures == BREAKER_AFTER
                && let Some(left_out) = state.lines.changes.line()
            {
                let pause = in_words(pause);
                tracing::warn!(target: "chain", endpoint = %self.name, %error, %pause, left_out, "endpoint left alone");
            }
        }
    }

    /// Its last failure says nothing of it yet: less is asked of it.
    pub(super) fn forgiven(&self) {
        let mut state = self.state();
        state.failures = state.failures.saturating_sub(1);
        if !state.is_down() {
            state.broken_until = None;
        }
    }

    /// It answered, and nobody can use the answer. It is there, so the breaker stays closed: what else it is asked for it may
    /// answer well.
    pub(super) fn answered_oddly(&self, what: &'static str, why: &SafeText) {
        let mut state = self.state();
        let words = SafeText::new(&format!("{what}: {why}"));
        if state.odd.insert(what, (why.clone(), Instant::now())).is_none()
            && let Some(left_out) = state.lines.changes.line()
        {
            tracing::warn!(target: "chain", endpoint = %self.name, method = what, reason = %why, left_out, "an answer that cannot be used");
        }
        state.last_error = Some(words);
    }

    /// Its answer as it was read, or why that cannot be used, which is shown until it can for a while.
    pub(super) fn usable<R>(
        &self,
        what: &'static str,
        read: Result<R, SafeText>,
    ) -> Result<R, EndpointError> {
        read.inspect(|_| self.answered_well(what)).map_err(|why| {
            self.answered_oddly(what, &why);
            EndpointError::Unusable(why)
        })
    }

    /// Its answer to this can be used. One that answers well and oddly by turns, each time something else is asked, stays
    /// shown as odd in between.
    pub(super) fn answered_well(&self, what: &'static str) {
        let is_over = |(_, at): &(SafeText, Instant)| at.elapsed() >= self.cooldown * ODD_FOR;
        let mut state = self.state();
        if state.odd.get(what).is_some_and(is_over) {
            state.odd.remove(what);
        }
    }

    pub(super) fn omitted_log(&self) {
        let mut state = self.state();
        state.omitted_logs += 1;
        state.last_error = Some("left out a log that its block header promises".into());
        if let Some(left_out) = state.lines.omitted.line() {
            tracing::warn!(target: "chain", endpoint = %self.name, left_out, "endpoint left out a log");
        }
    }

    pub(super) fn contradicted(&self, what: &SafeText) {
        let mut state = self.state();
        state.contradicted += 1;
        state.last_error = Some(what.clone());
        if let Some(left_out) = state.lines.contradicted.line(what) {
            tracing::warn!(target: "chain", endpoint = %self.name, %what, left_out, "endpoint is contradicted");
        }
    }

    pub(super) fn noted_refusal(&self, why: Option<SafeText>) {
        self.state().refuses = why;
    }

    /// Whether it says that it is behind.
    pub(super) fn says_it_is_syncing(&self, so: bool) {
        let mut state = self.state();
        if so
            && !state.syncing
            && let Some(left_out) = state.lines.changes.line()
        {
            tracing::warn!(target: "chain", endpoint = %self.name, left_out, "endpoint says that it is still syncing");
        }
        state.syncing = so;
    }

    /// Whether it lacks `eth_getBlockReceipts`.
    pub(super) fn lacks_receipts(&self, lacks: bool) {
        let mut state = self.state();
        if lacks
            && !state.no_receipts
            && let Some(left_out) = state.lines.changes.line()
        {
            tracing::warn!(target: "chain", endpoint = %self.name, left_out, "endpoint has no eth_getBlockReceipts: what is left out of logs is not found by it");
        }
        state.no_receipts = lacks;
    }

    /// Its head is so far below the one that is followed; none where it keeps up.
    pub(super) fn is_behind_the_head(&self, blocks: Option<u64>) {
        let mut state = self.state();
        if let (None, Some(blocks)) = (state.behind, blocks)
            && let Some(left_out) = state.lines.changes.line()
        {
            tracing::warn!(target: "chain", endpoint = %self.name, blocks, left_out, "endpoint is behind the head that is followed");
        }
        state.behind = blocks;
    }

    /// What it tells of the newest blocks is of the present, as far as is known.
    pub(super) fn keeps_up(&self) -> bool {
        let state = self.state();
        state.behind.is_none() && !state.syncing
    }

    pub(super) fn bench(&self, why: &SafeText) {
        self.contradicted(why);
        let mut state = self.state();
        state.failures = state.failures.max(BREAKER_AFTER);
        state.broken_until = Some(Instant::now() + self.cooldown);
    }

    /// The newest block that it is known to have.
    pub(super) fn head(&self) -> Option<u64> {
        self.state().head
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
            } else if state.is_down() {
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
            // an average of earlier answers says nothing of one that does not answer now
            latency: state.latency.filter(|_| state.failures == 0),
            last_error: state.last_error.clone(),
            last_ok: state.last_ok,
            omitted_logs: state.omitted_logs,
            contradicted: state.contradicted,
            logs_behind: state.logs.behind,
            log_span: state.logs.span.limited(),
            refuses: state.refuses.clone(),
            no_logs: state.logs.none.why.clone(),
            odd: odd_words(&state.odd).or_else(|| state.heads.fickle(now).cloned()),
            slow: state.slow.as_ref().map(|slow| slow.words(self.prompt)),
            behind: state.behind,
            no_receipts: state.no_receipts,
            syncing: state.syncing,
            limited: state.limited_at.is_some_and(|at| at.elapsed() < LIMITED),
            limited_for: paused_until.map(|until| until.saturating_duration_since(now)),
        }
    }
}

/// The first of what it answers oddly, in words.
fn odd_words(odd: &BTreeMap<&'static str, (SafeText, Instant)>) -> Option<SafeText> {
    let (what, (why, _)) = odd.first_key_value()?;
    Some(SafeText::new(&format!("{what}: {why}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::{Http, HttpError, Limits};
    use crate::types::RedactedUrl;

    // an hour of a program's life in half a second
    const COOLDOWN: Duration = Duration::from_millis(10);
    const DEADLINE: Duration = Duration::from_millis(15);
    const PROMPT: Duration = Duration::from_secs(2);

    pub(super) fn endpoint(cooldown: Duration) -> Endpoint {
        let limits = Limits {
            deadline: DEADLINE,
            size: 1,
        };
        let http = Http::direct().endpoint(&RedactedUrl::new("http://127.0.0.1:1"), limits);
        Endpoint::new(http.unwrap(), "node".into(), cooldown, PROMPT)
    }

    /// It was shown as failing, as one of which something is known, for as long as each trial call was under way.
    #[tokio::test]
    async fn who_hangs_is_down_from_the_third_call_to_its_next_answer() {
        let endpoint = endpoint(COOLDOWN);
        let mut shown = vec![endpoint.health().state];
        let mut trials = 0;
        let mut under_way: Option<Instant> = None;
        // over every step of the breaker
        while trials < 9 {
            match under_way {
                Some(begun) if begun.elapsed() >= DEADLINE => {
                    endpoint.failed(&HttpError::NoAnswer(DEADLINE).into());
                    under_way = None;
                }
                None if matches!(endpoint.admission(COOLDOWN), Admission::Ready) => {
                    under_way = Some(Instant::now());
                    trials += 1;
                }
                _ => {}
            }
            let state = endpoint.health().state;
            if shown.last() != Some(&state) {
                shown.push(state);
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        use EndpointState::{Down, Failing, Healthy, Unchecked};
        assert_eq!(shown, [Unchecked, Failing, Down]);
        // it asks to wait without having answered anything
        endpoint.failed(&EndpointError::RateLimited(COOLDOWN));
        assert_eq!(endpoint.health().state, Down);
        endpoint.succeeded(Duration::from_millis(5));
        assert_eq!(endpoint.health().state, Healthy);
    }

    #[tokio::test]
    async fn who_does_not_answer_has_no_latency_until_it_does_again() {
        let endpoint = endpoint(COOLDOWN);
        endpoint.succeeded(Duration::from_millis(5));
        assert_eq!(endpoint.health().latency, Some(Duration::from_millis(5)));
        endpoint.failed(&HttpError::NoAnswer(DEADLINE).into());
        assert_eq!(endpoint.health().latency, None);
        endpoint.succeeded(Duration::from_millis(5));
        assert!(endpoint.health().latency.is_some());
    }

    #[tokio::test]
    async fn who_answers_late_is_preferred_no_more_until_it_was_prompt_for_a_while() {
        let cooldown = Duration::from_millis(100);
        let endpoint = endpoint(cooldown);
        let (late, prompt) = (PROMPT + PROMPT / 2, PROMPT / 100);
        assert_eq!(endpoint.responsiveness(), Responsiveness::Prompt);
        endpoint.is_late("eth_call");
        assert_eq!(endpoint.responsiveness(), Responsiveness::Silent);
        // an honest one that is slow by turns stays shown as that
        for _ in 0..20 {
            endpoint.is_late("eth_call");
            endpoint.succeeded(late);
            assert_eq!(endpoint.responsiveness(), Responsiveness::Slow);
            endpoint.succeeded(prompt);
            assert_eq!(endpoint.responsiveness(), Responsiveness::Slow);
        }
        let words = endpoint.health().slow.unwrap();
        assert_eq!(words.as_str(), "did not answer eth_call within 2 s");
        tokio::time::sleep(cooldown * ODD_FOR).await;
        endpoint.succeeded(late);
        assert_eq!(endpoint.responsiveness(), Responsiveness::Slow);
        endpoint.succeeded(prompt);
        assert_eq!(endpoint.responsiveness(), Responsiveness::Prompt);
        assert_eq!(endpoint.health().slow, None);
    }
}
