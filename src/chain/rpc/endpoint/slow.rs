//! An endpoint that answers late, or that has been asked and says nothing: others are preferred, and it is named.

use std::time::Duration;

use tokio::time::Instant;

use super::Endpoint;
use crate::types::{SafeText, in_words};

/// The last call that was late.
pub(super) struct Slow {
    method: &'static str,
    pub(super) at: Instant,
    /// It has answered nothing since.
    pub(super) silent: bool,
}

impl Slow {
    pub(super) fn words(&self, prompt: Duration) -> SafeText {
        SafeText::new(&format!(
            "did not answer {} within {}",
            self.method,
            in_words(prompt * weight(self.method))
        ))
    }
}

/// In which order endpoints are asked where one of them is slow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::chain::rpc) enum Responsiveness {
    Prompt,
    /// It answers, late.
    Slow,
    /// It answers in time, of an old state.
    Behind,
    /// It was asked and says nothing.
    Silent,
}

/// How much longer than others a call may take: an endpoint reads many blocks for it.
fn weight(method: &str) -> u32 {
    match method {
        "eth_getLogs" | "eth_getBlockReceipts" => 4,
        _ => 1,
    }
}

impl Endpoint {
    /// How long a call may take before the next endpoint is asked as well.
    fn prompt(&self, method: &str) -> Duration {
        self.prompt * weight(method)
    }

    /// What comes within that time; none where nothing does. That calls wait for their turn by our pace does not count.
    pub(in crate::chain::rpc) async fn promptly<F: Future + Unpin>(
        &self,
        method: &str,
        told: &mut F,
    ) -> Option<F::Output> {
        let prompt = self.prompt(method);
        loop {
            match tokio::time::timeout(prompt, &mut *told).await {
                Ok(told) => return Some(told),
                Err(_) if self.http.had_queue(prompt) => {}
                Err(_) => return None,
            }
        }
    }

    /// A call was sent, and there is no answer although it is time.
    pub(in crate::chain::rpc) fn is_late(&self, method: &'static str) {
        let mut state = self.state();
        let silent = state.slow.as_ref().is_none_or(|slow| slow.silent);
        let at = Instant::now();
        if state.slow.replace(Slow { method, at, silent }).is_none()
            && let Some(left_out) = state.lines.changes.line()
        {
            let within = in_words(self.prompt(method));
            tracing::warn!(target: "chain", endpoint = %self.name, method, %within, left_out, "endpoint does not answer in time, others are asked first");
        }
    }

    pub(in crate::chain::rpc) fn responsiveness(&self) -> Responsiveness {
        let state = self.state();
        match &state.slow {
            Some(slow) if slow.silent => Responsiveness::Silent,
            Some(_) => Responsiveness::Slow,
            None if state.behind.is_some() || state.syncing => Responsiveness::Behind,
            None => Responsiveness::Prompt,
        }
    }
}
