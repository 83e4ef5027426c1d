//! One question to every endpoint at the same time.

use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};

use super::ask::Failed;
use super::{EndpointIndex, Rpc};

/// How long the others are waited for once one has answered.
const GRACE: Duration = Duration::from_secs(3);

/// Who was asked, and what it says.
pub(super) type Reply<R> = (EndpointIndex, Result<R, Failed>);

impl Rpc {
    /// What each endpoint says, in the configured order. Who takes too long goes on being asked behind this answer, so that
    /// its health is known.
    pub(super) async fn everybody<R, F>(&self, ask: impl Fn(Self, EndpointIndex) -> F) -> Vec<Reply<R>>
    where
        R: Send + 'static,
        F: Future<Output = Result<R, Failed>> + Send + 'static,
    {
        let (tell, mut hear) = mpsc::channel(self.inner.endpoints.len());
        for index in self.indices() {
            let (asked, tell) = (ask(self.clone(), index), tell.clone());
            tokio::spawn(async move {
                // nobody waits for the last ones any more
                let _ = tell.send((index, asked.await)).await;
            });
        }
        drop(tell);
        let mut all: Vec<Reply<R>> = Vec::new();
        let mut until = None;
        loop {
            let next = match until {
                Some(until) => timeout_at(until, hear.recv()).await.ok().flatten(),
                None => hear.recv().await,
            };
            let Some(told) = next else { break };
            if told.1.is_ok() {
                until.get_or_insert_with(|| Instant::now() + GRACE);
            }
            all.push(told);
        }
        all.sort_by_key(|(index, _)| index.position());
        all
    }
}
