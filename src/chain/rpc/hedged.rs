//! Endpoints that are asked one after the other, and the next as well where one does not answer in time.

use std::collections::VecDeque;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;

use super::{EndpointIndex, Rpc};

/// Whoever is slow with a transaction has its whole time: of what is handed over, only one endpoint at a time is in doubt.
const ONE_BY_ONE: &str = "eth_sendRawTransaction";

/// What endpoints say to one question, each as it answers.
pub(super) struct HedgedCalls<'a, A, F> {
    rpc: &'a Rpc,
    method: &'static str,
    left: VecDeque<EndpointIndex>,
    ask: A,
    asked: FuturesUnordered<F>,
    newest: Option<EndpointIndex>,
}

impl<'a, A, F> HedgedCalls<'a, A, F>
where
    A: Fn(EndpointIndex) -> F,
    F: Future,
{
    /// Nobody is asked yet. `order`: in which they are.
    pub(super) fn new(rpc: &'a Rpc, method: &'static str, order: Vec<EndpointIndex>, ask: A) -> Self {
        Self {
            rpc,
            method,
            left: order.into(),
            ask,
            asked: FuturesUnordered::new(),
            newest: None,
        }
    }

    fn ask_next(&mut self) {
        if let Some(index) = self.left.pop_front() {
            self.newest = Some(index);
            self.asked.push((self.ask)(index));
        }
    }

    /// The next answer; none when everybody has answered. Whoever calls again could not use the one before, so another
    /// endpoint is asked at once.
    pub(super) async fn next(&mut self) -> Option<F::Output> {
        self.ask_next();
        loop {
            let newest = &self.rpc.inner.endpoints[self.newest?.position()];
            if self.left.is_empty() || self.method == ONE_BY_ONE {
                return self.asked.next().await;
            }
            if let Some(told) = newest.promptly(self.method, &mut self.asked.next()).await {
                return told;
            }
            self.ask_next();
        }
    }
}
