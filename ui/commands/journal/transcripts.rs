//! Transcripts stand beside the journal that names them, and in no backup of it.

use std::collections::BTreeSet;
use std::path::Path;

use casimir_dkg::journal::{Entry, places};
use casimir_dkg::types::{SafeText, counted};
use serde_json::Value;

/// Those that are named one by one.
const NAMED: usize = 5;

/// What the journal names, and what of it is not there.
pub(crate) struct Transcripts {
    named: BTreeSet<String>,
    gone: BTreeSet<String>,
}

impl Transcripts {
    /// Of the journal at `path`, which has these records.
    pub(crate) fn of(path: &Path, entries: &[Entry]) -> Self {
        let directory = places::transcripts_of(path);
        let named: BTreeSet<String> = entries.iter().filter_map(named_by).collect();
        let gone = named.iter().filter(|name| !directory.join(name).is_file());
        Self {
            gone: gone.cloned().collect(),
            named,
        }
    }

    /// How many the journal names.
    pub(crate) fn named(&self) -> usize {
        self.named.len()
    }

    /// Those that are not there.
    pub(crate) fn gone(&self) -> &BTreeSet<String> {
        &self.gone
    }

    /// What is not there of them, in words.
    pub(crate) fn missing_from(&self, path: &Path) -> Option<String> {
        let some: Vec<&str> = self.gone.iter().take(NAMED).map(String::as_str).collect();
        let more = if self.gone.len() > NAMED { ", …" } else { "" };
        let words = || {
            format!(
                "{} of {} that the journal names {} not in {}: {}{more}",
                self.gone.len(),
                counted(self.named.len(), "transcript"),
                if self.gone.len() == 1 { "is" } else { "are" },
                places::transcripts_of(path).display(),
                // names of a journal that somebody may have made
                SafeText::new(&some.join(", "))
            )
        };
        (!self.gone.is_empty()).then(words)
    }
}

fn named_by(entry: &Entry) -> Option<String> {
    let body: Value = serde_json::from_str(&entry.body).ok()?;
    body["transcript"][0].as_str().map(str::to_owned)
}
