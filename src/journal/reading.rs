//! What a start says while it reads a long journal: in the log, and in the lock's file for whoever asks who runs here.

use std::fs::File;
use std::time::{Duration, Instant};

use crate::lock;

/// Nobody notices a start that reads for less.
const SOON: Duration = Duration::from_secs(1);
/// The log says it again so often; the lock says it every second.
const LINES: Duration = Duration::from_secs(15);

/// One walk through a journal.
pub(super) struct JournalReader<'a> {
    lock: &'a File,
    of: u64,
    /// After so long it is said for the first time, and then again.
    pause: Duration,
    begun: Instant,
    told: Option<Instant>,
    line: Option<Instant>,
}

impl<'a> JournalReader<'a> {
    /// Of a journal with so many records, whose lock is held.
    pub(super) fn of(lock: &'a File, of: u64) -> Self {
        Self::saying(lock, of, SOON)
    }

    fn saying(lock: &'a File, of: u64, pause: Duration) -> Self {
        let begun = Instant::now();
        Self {
            lock,
            of,
            pause,
            begun,
            told: None,
            line: None,
        }
    }

    /// This record is read next.
    pub(super) fn at(&mut self, seq: u64) {
        let now = Instant::now();
        let long_ago = |at: Instant, pause| now.saturating_duration_since(at) >= pause;
        if !long_ago(self.told.unwrap_or(self.begun), self.pause) {
            return;
        }
        self.told = Some(now);
        lock::add(self.lock, &format!("{}record {seq} of {})", lock::READS, self.of));
        if self.line.is_none_or(|line| long_ago(line, LINES)) {
            self.line = Some(now);
            let of = self.of;
            tracing::info!(target: "engine", "the journal is being read: record {seq} of {of}; nobody can attach before that is done");
        }
    }
}

impl Drop for JournalReader<'_> {
    /// It is read, or cannot be.
    fn drop(&mut self) {
        if self.told.is_some() {
            lock::add(self.lock, "");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::writer;

    #[test]
    fn whoever_asks_is_told_how_far_it_is_and_later_that_it_runs() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal.sqlite");
        std::fs::write(&path, "").unwrap();
        let lock = super::super::stand::lock(&path).unwrap();
        let by = || writer(&path).unwrap();
        let who = by();
        assert!(!lock::reads(&who), "{who}");
        {
            let mut reading = JournalReader::of(&lock, 9);
            reading.at(1);
            assert_eq!(by(), who, "it has just begun");
            let mut reading = JournalReader::saying(&lock, 1_000, Duration::ZERO);
            reading.at(999);
            let words = format!("{who}, reads its journal (record 999 of 1000)");
            assert_eq!(by().as_str(), words);
            assert!(lock::reads(&by()));
            reading.at(1_000);
            assert!(by().as_str().ends_with("(record 1000 of 1000)"), "{}", by());
        }
        assert_eq!(by(), who);
    }
}
