//! How the engine ends: on request, because a critical part died, or because the journal is not what it was taken for.

use super::*;

/// Effects that hand something to the world are waited for this long at a shutdown.
const DRAIN: Duration = if cfg!(test) {
    Duration::from_millis(300)
} else {
    Duration::from_secs(10)
};

impl<W: World> Core<W> {
    /// Lets what is being handed to the world finish, within a deadline, and begins nothing any more. Whatever is cut off
    /// is journaled, and taken up at the next start; what could not be written is said.
    ///
    /// # Errors
    /// Nobody knows what the journal's file holds now.
    pub(super) async fn drain(&mut self, reply: Option<oneshot::Sender<Reply>>) -> Result<(), EngineError> {
        let deadline = Instant::now() + DRAIN;
        let mut enders: Vec<_> = reply.into_iter().collect();
        self.live.stopping = Some(UnixMillis::now());
        // on the word of what is not verified nothing is recorded
        if self.behind.is_none() && self.state.forgets_at_a_stop() {
            self.step(Input::Stops);
        }
        self.begin_nothing();
        // nobody looks after this
        self.looked = Instant::now() - LOOK;
        let mut flushed = self.flush();
        self.publish();
        while self.is_handing_over() && !matches!(flushed, Flushed::Lost(_)) {
            tokio::select! {
                () = tokio::time::sleep_until(deadline) => break,
                Some(done) = self.tasks.join_next_with_id() => {
                    self.answered_at_the_end(done);
                    self.begin_nothing();
                    flushed = self.flush();
                }
                Some(asked) = self.side.asked.recv() => enders.extend(self.too_late(asked)),
            }
        }
        if matches!(flushed, Flushed::Unwritable) {
            // a disk that was full a moment ago may have room again
            tokio::time::sleep(JOURNAL_RETRY).await;
            flushed = self.flush();
        }
        let words = self.farewell(&flushed);
        if !matches!(flushed, Flushed::Durable) {
            tracing::error!(target: "engine", "{words}");
            self.live
                .update(UnixMillis::now(), LiveUpdate::Alarm("journal", words.clone()));
        }
        self.publish();
        // what comes from here on was not sent; what is there was not taken, and whoever asked is told so
        self.side.asked.close();
        while let Ok(asked) = self.side.asked.try_recv() {
            enders.extend(self.too_late(asked));
        }
        for reply in enders {
            let message = words.clone();
            let _ = reply.send(Ok(Accepted { message }));
        }
        match flushed {
            Flushed::Lost(error) => Err(EngineError::JournalLost(error)),
            Flushed::Durable | Flushed::Unwritable => Ok(()),
        }
    }

    /// Asked of an engine that is stopping. Whoever wants it to stop is told when it has.
    fn too_late(&self, asked: ToEngine) -> Option<oneshot::Sender<Reply>> {
        match asked {
            ToEngine::Request { reply, .. } => {
                let words = SafeText::new("the engine is stopping: nothing is taken up any more");
                let _ = reply.send(Err(Refused::Unavailable(words)));
            }
            ToEngine::Read { query, reply } => self.read(query, reply),
            ToEngine::Shutdown { reply } => return Some(reply),
        }
        None
    }

    /// Whether something is being handed to the world at this moment.
    fn is_handing_over(&self) -> bool {
        self.effects.values().any(hands_over)
    }

    /// No effect starts any more. A ceremony that does not run must not stand in the journal as begun either: the next
    /// start would look for it, and never begin it again. The state has it, so the state is not kept for that start.
    fn begin_nothing(&mut self) {
        self.pending.effects.clear();
        self.pending.records.retain(|(_, record)| {
            let Record::CeremonyStarted { case, .. } = record else {
                return true;
            };
            tracing::info!(target: "engine", %case, "a ceremony for {case} is not begun, because the engine ends; the next start begins it");
            false
        });
    }

    /// An effect has answered while the engine ends. What the desk prepared would only lead to something new.
    fn answered_at_the_end(&mut self, done: Result<(task::Id, Input), JoinError>) {
        match self.answer_of(done) {
            Some(Input::Prepared { case, .. }) => {
                tracing::info!(target: "engine", %case, "what was prepared for {case} is left out, because the engine ends; the next start prepares it anew");
            }
            Some(input) => drop(self.step(input)),
            None => {}
        }
    }

    /// What whoever asked for the end is told.
    fn farewell(&self, flushed: &Flushed) -> SafeText {
        let path = self.committer.journal().path().display();
        let (newest, _) = self.committer.journal().head();
        let unwritten = sum_of(&self.pending.records, self.pending.records.len(), &self.state);
        let mut words = match flushed {
            Flushed::Durable => "stopped; everything that was begun is in the journal".to_owned(),
            Flushed::Unwritable if self.pending.records.is_empty() => {
                let why = self.unwritable.as_ref().map_or("", SafeText::as_str);
                format!("stopped, but the journal is not as it was left: {why}")
            }
            Flushed::Unwritable => {
                let why = self.unwritable.as_ref().map_or("", SafeText::as_str);
                format!(
                    "stopped, but the journal {path} cannot be written ({why}): not in it: {unwritten}. Nothing was begun \
                     on their word. The next start goes on behind record {newest}: what happened outside is found out \
                     anew, and what a person decided is to be decided again"
                )
            }
            Flushed::Lost(error) => format!(
                "stopped, and nobody knows whether the journal {path} was written ({error}): perhaps not in it: \
                 {unwritten}. Nothing was begun on their word; the next start reads and verifies the file"
            ),
        };
        let cut_off = self.effects.values().filter(|effect| hands_over(effect));
        let cut_off: Vec<_> = cut_off
            .map(|e| format!("the {} for {}", e.name(), e.case()))
            .collect();
        if !cut_off.is_empty() {
            let seconds = DRAIN.as_secs();
            words += &format!(
                "; without an answer within {seconds} s: {}, and the next start finds out what became of it",
                cut_off.join(", ")
            );
        }
        SafeText::new(&words)
    }

    /// The journal, or what was kept of it, is not what it was taken for. Nothing has left on its word.
    pub(super) async fn distrust(&mut self, error: EngineError) -> EngineError {
        tracing::error!(target: "engine", "{error}");
        let words = SafeText::new(&error.to_string());
        self.live
            .update(UnixMillis::now(), LiveUpdate::Alarm("fatal", words));
        // what it cannot write besides, it has said
        let _ = self.drain(None).await;
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
        // what it cannot write besides, it has said
        let _ = self.drain(None).await;
        Err(EngineError::Fatal(reason))
    }
}

/// Its interruption leaves open what has left this machine.
fn hands_over(effect: &Effect) -> bool {
    matches!(
        effect,
        Effect::Sign { .. } | Effect::Send { .. } | Effect::PublishExit { .. }
    )
}
