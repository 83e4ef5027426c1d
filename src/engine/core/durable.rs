//! From what is pending to what is durable, and only then to effects.

use super::*;

/// The state is kept for the next start after so many records.
const KEEP_EVERY: u64 = 2_000;

/// What became of what is pending.
#[derive(Debug)]
pub(super) enum Flushed {
    /// In the journal, and under way.
    Durable,
    /// Not written; the same is tried again.
    Unwritable,
    /// Nobody knows whether it was written.
    Lost(JournalError),
}

impl<W: World> Core<W> {
    /// Makes everything pending durable, then starts its effects.
    pub(super) fn flush(&mut self) -> Flushed {
        if self.pending.is_empty() {
            if let Err(error) = self.look() {
                return self.not_written(error);
            }
        } else {
            let first = match self.committer.commit(&self.pending, self.state.durable()) {
                Ok(first) => first,
                Err(error) => return self.not_written(error),
            };
            self.is_written();
            let pending = std::mem::take(&mut self.pending);
            self.announce(first, &pending);
            if pending
                .records
                .iter()
                .any(|(_, record)| matches!(record, Record::Decided { .. }))
            {
                inject::panic_at("core");
            }
            if self.state.newest >= self.cached + KEEP_EVERY
                && let Some((cached, path)) = self.take_cacheable()
            {
                task::spawn_blocking(move || write_cached(&cached, &path));
            }
            let leaves =
                |record: &Record| record.ends_its_case() || matches!(record, Record::CeremonyStarted { .. });
            if pending.records.iter().any(|(_, record)| leaves(record)) {
                let known = &self.state.ceremonies;
                self.live.forget(|request| known.contains_key(&request));
            }
            for effect in pending.effects {
                self.start(effect);
            }
        }
        if let Some(PendingReply { reply, answer, .. }) = self.asked.take() {
            match self.dirty {
                true => self.settled.push((reply, answer)),
                // the snapshot that is out has everything
                false => drop(reply.send(answer)),
            }
        }
        Flushed::Durable
    }

    /// Looks whether the journal's file is where it was, from time to time, and always while it is not.
    fn look(&mut self) -> Result<(), JournalError> {
        if self.unwritable.is_some() || self.looked.elapsed() >= LOOK {
            self.committer.look()?;
            self.is_written();
        }
        Ok(())
    }

    fn is_written(&mut self) {
        self.looked = Instant::now();
        if self.unwritable.take().is_some() {
            self.dirty = true;
            tracing::info!(target: "engine::told", "the journal is written again");
        }
    }

    /// Whoever asked for something is told that it did not take effect, and it does not: nobody could stop it any more while
    /// nothing is taken up. Where the file holds nobody knows what, the next start finds out.
    fn not_written(&mut self, error: JournalError) -> Flushed {
        let words = SafeText::new(&error.to_string());
        if self.unwritable.as_ref() != Some(&words) {
            tracing::error!(target: "engine::told", %error, "journal not written; nothing leaves this machine");
        }
        self.unwritable = Some(words);
        let is_lost = error.is_final();
        if let Some(asked) = self.asked.take() {
            let answer = match is_lost {
                true => Refused::NotKnown(SafeText::new(
                    "the journal cannot be written any more, and the next start tells whether this is in it",
                )),
                false => Refused::Unavailable(SafeText::new(
                    "the journal cannot be written: this was not done, and is not made up for. Ask again when it can",
                )),
            };
            let _ = asked.reply.send(Err(answer));
            if !is_lost {
                self.take_back(*asked.before, &asked.asked);
            }
        }
        match is_lost {
            true => Flushed::Lost(error),
            false => Flushed::Unwritable,
        }
    }

    /// What could not be written was not asked for. That it was is written as soon as it can be.
    fn take_back(&mut self, before: State, asked: &SafeText) {
        self.state = before;
        self.pending = Pending::default();
        self.note(SafeText::new(&format!(
            "not done, because it could not be written: {asked}"
        )));
    }

    fn announce(&mut self, first: u64, pending: &Pending) {
        for (seq, (at, record)) in (first..).zip(&pending.records) {
            if matches!(record, Record::EventsRead { .. }) {
                tracing::debug!(target: "engine", record = seq, "{}", record.sentence());
                continue;
            }
            let transition = transition::of(seq, *at, record, &self.state);
            told(&transition);
            // nobody listening is no error
            let _ = self.side.transitions.send(transition);
        }
    }

    /// The state, for the next start, where it is verified and the journal has all of it.
    pub(super) fn take_cacheable(&mut self) -> Option<(CachedState, PathBuf)> {
        let journal = self.committer.journal();
        let (seq, hash) = journal.head();
        if self.behind.is_some() || self.state.newest != seq || self.cached == seq {
            return None;
        }
        self.cached = seq;
        let cached = CachedState::new(Anchor { seq, hash }, self.state.durable().clone());
        Some((cached, journal.path().to_owned()))
    }
}

/// So many records are named by what they are.
const NAMED: usize = 8;

/// Records in few words: how many, and what they are about. Of `count` of them these are the first ones.
pub(in super::super) fn sum_of(records: &[(UnixMillis, Record)], count: usize, state: &State) -> String {
    let name = |(_, record): &(UnixMillis, Record)| match translate::case_of(record, state) {
        Some(case) => format!("{} of {case}", record.kind()),
        None => record.kind().to_owned(),
    };
    let mut names: Vec<String> = records.iter().take(NAMED).map(name).collect();
    if let Some(more) = count.checked_sub(names.len()).filter(|more| *more > 0) {
        names.push(format!("{more} more"));
    }
    format!("{} ({})", counted(count, "record"), names.join(", "))
}

pub(super) fn write_cached(cached: &CachedState, journal: &Path) {
    if let Err(error) = cached.write(journal) {
        tracing::info!(target: "engine", %error, "the state is not kept for the next start");
    }
}

/// The line of the log: as bad as what happened, and with the names of what it is about.
fn told(transition: &Transition) {
    let about = &transition.about;
    macro_rules! line {
        ($level:ident) => {
            tracing::$level!(
                target: "engine::told",
                record = transition.record,
                kind = transition.kind,
                case = transition.case.map(tracing::field::display),
                pool = about.pool.map(tracing::field::display),
                action = about.action.map(tracing::field::display),
                request = about.ceremony.map(tracing::field::display),
                "{}",
                transition.text
            )
        };
    }
    match transition.severity {
        Severity::Info => line!(info),
        Severity::Warning => line!(warn),
        Severity::Critical => line!(error),
    }
}
