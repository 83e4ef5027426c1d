//! The newest lines of this process's log, kept in memory for the front end that shows them: the console's log pane, and
//! `logs` of the plain one.

use std::collections::VecDeque;
use std::fmt::{self, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};

use casimir_dkg::types::UnixMillis;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

use super::scrub::{Form, scrub};

/// So many lines are kept: a few megabytes at most.
pub(crate) const MOST: usize = 20_000;

/// One line, safe to print.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) at: UnixMillis,
    pub(crate) level: Level,
    /// Which part of the program wrote it, without the name of the program.
    pub(crate) target: String,
    pub(crate) text: String,
}

/// Lines, oldest first.
#[derive(Debug)]
pub(super) struct Lines {
    kept: VecDeque<Entry>,
    /// So many were ever written.
    written: u64,
}

impl Lines {
    pub(super) const fn new() -> Self {
        Self {
            kept: VecDeque::new(),
            written: 0,
        }
    }

    fn push(&mut self, entry: Entry) {
        if self.kept.len() == MOST {
            self.kept.pop_front();
        }
        self.kept.push_back(entry);
        self.written += 1;
    }

    fn since(&self, seen: u64) -> (Vec<Entry>, u64) {
        let new = usize::try_from(self.written.saturating_sub(seen)).unwrap_or(usize::MAX);
        let skipped = self.kept.len().saturating_sub(new);
        (self.kept.iter().skip(skipped).cloned().collect(), self.written)
    }
}

static LINES: Mutex<Lines> = Mutex::new(Lines::new());

/// A writer that panicked left whole lines behind.
fn locked(lines: &Mutex<Lines>) -> MutexGuard<'_, Lines> {
    lines.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The kept lines after the first `seen`, and how many were written until now.
pub(crate) fn since(seen: u64) -> (Vec<Entry>, u64) {
    #[cfg(feature = "tui")]
    {
        let mut lines = locked(&LINES);
        super::logger::take()
            .into_iter()
            .for_each(|entry| lines.push(entry));
    }
    locked(&LINES).since(seen)
}

/// Where a line goes first.
enum To {
    #[cfg(any(test, not(feature = "tui")))]
    Kept(&'static Mutex<Lines>),
    #[cfg(feature = "tui")]
    Logger(super::logger::Sink),
}

/// Keeps every line that passes its filter.
pub(super) struct Keep(To);

impl Keep {
    pub(super) fn new() -> Self {
        #[cfg(feature = "tui")]
        let to = To::Logger(super::logger::Sink::new());
        #[cfg(not(feature = "tui"))]
        let to = To::Kept(&LINES);
        Self(to)
    }
}

impl<S: Subscriber> Layer<S> for Keep {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut words = Words::default();
        event.record(&mut words);
        let target = event.metadata().target();
        let entry = Entry {
            at: UnixMillis::now(),
            level: *event.metadata().level(),
            target: target.strip_prefix("casimir_dkg::").unwrap_or(target).to_owned(),
            text: scrub(&format!("{}{}", words.message, words.fields), Form::Text),
        };
        match &self.0 {
            #[cfg(any(test, not(feature = "tui")))]
            To::Kept(lines) => locked(lines).push(entry),
            #[cfg(feature = "tui")]
            To::Logger(sink) => sink.write(&entry),
        }
    }
}

/// The message first, then the fields.
#[derive(Default)]
struct Words {
    message: String,
    fields: String,
}

impl Visit for Words {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.record_debug(field, &format_args!("{value}"));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        // writing to a String cannot fail
        let _ = match field.name() {
            "message" => write!(self.message, "{value:?}"),
            name => write!(self.fields, " {name}={value:?}"),
        };
    }
}

#[cfg(test)]
mod tests {
    use tracing_subscriber::prelude::*;

    use super::*;

    #[test]
    fn lines_are_kept_in_order_made_safe_and_bounded() {
        let lines: &'static Mutex<Lines> = Box::leak(Box::new(Mutex::new(Lines::new())));
        let subscriber = tracing_subscriber::registry().with(Keep(To::Kept(lines)));
        tracing::subscriber::with_default(subscriber, || {
            tracing::warn!(target: "casimir_dkg::console", pool = 3, "peer \x1b[31m at http://u:hunter2@h/x");
            for n in 0..MOST {
                tracing::info!(target: "engine", "line {n}");
            }
        });
        let (kept, written) = locked(lines).since(0);
        assert_eq!((kept.len(), written), (MOST, MOST as u64 + 1), "the oldest went");
        assert_eq!(kept.last().unwrap().text, format!("line {}", MOST - 1));
        let (new, _) = locked(lines).since(written - 2);
        assert_eq!(new.len(), 2, "what was seen is not told again");
        assert!(locked(lines).since(written).0.is_empty());
    }

    #[test]
    fn a_line_has_its_target_its_fields_and_no_secret() {
        let lines: &'static Mutex<Lines> = Box::leak(Box::new(Mutex::new(Lines::new())));
        let subscriber = tracing_subscriber::registry().with(Keep(To::Kept(lines)));
        tracing::subscriber::with_default(subscriber, || {
            tracing::warn!(target: "casimir_dkg::console", pool = 3, "peer \x1b[31m at http://u:hunter2@h/x");
        });
        let (kept, _) = locked(lines).since(0);
        assert_eq!((kept[0].target.as_str(), kept[0].level), ("console", Level::WARN));
        assert!(kept[0].text.ends_with(" pool=3"), "{}", kept[0].text);
        assert!(!kept[0].text.contains('\x1b') && !kept[0].text.contains("hunter2"));
    }
}
