//! How the engine ends: on request, because a critical part died, or because the journal is not what it was taken for.

use super::*;

/// Effects that hand something to the world are waited for this long at a shutdown.
const DRAIN: Duration = Duration::from_secs(10);

impl<W: World> Core<W> {
    /// Lets what is being handed to the world finish, within a deadline. Whatever is cut off is journaled, and taken
    /// up at the next start.
    pub(super) async fn drain(&mut self, reply: Option<oneshot::Sender<Reply>>) {
        let deadline = Instant::now() + DRAIN;
        while translate::must_drain(&self.state) && Instant::now() < deadline {
            match tokio::time::timeout_at(deadline, self.tasks.join_next_with_id()).await {
                Ok(Some(done)) => {
                    self.answered(done);
                    // records only: no new effect starts any more
                    self.pending.effects.clear();
                    if !matches!(self.flush(), Flushed::Durable) {
                        break;
                    }
                }
                Ok(None) | Err(_) => break,
            }
        }
        self.publish();
        if let Some(reply) = reply {
            let message = SafeText::new("stopped; everything that was begun is in the journal");
            let _ = reply.send(Ok(Accepted { message }));
        }
    }

    /// The journal, or what was kept of it, is not what it was taken for. Nothing has left on its word.
    pub(super) async fn distrust(&mut self, error: EngineError) -> EngineError {
        tracing::error!(target: "engine", "{error}");
        let words = SafeText::new(&error.to_string());
        self.live
            .update(UnixMillis::now(), LiveUpdate::Alarm("fatal", words));
        self.pending.effects.clear();
        self.drain(None).await;
        error
    }

    pub(super) async fn fail(&mut self, reason: SafeText) -> Result<(), EngineError> {
        tracing::error!(target: "engine", "{reason}");
        self.live
            .update(UnixMillis::now(), LiveUpdate::Alarm("fatal", reason.clone()));
        // on the word of what is not verified nothing is recorded
        if self.behind.is_none() {
            self.step(Input::Ends {
                reason: reason.clone(),
            });
        }
        // no new effect starts any more
        self.pending.effects.clear();
        self.flush();
        self.drain(None).await;
        Err(EngineError::Fatal(reason))
    }
}
