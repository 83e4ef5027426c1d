//! tui-logger's buffers, which take bursts of lines in without making whoever writes them wait for a front end.
//!
//! It shows its records to a formatter alone, at most a screen of them at a time, and scrolls by half a screen. The panes here
//! filter, search and scroll by lines, so what is new is taken out of it when somebody looks, through a screen that nobody sees.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use casimir_dkg::types::UnixMillis;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;
use ratatui::widgets::Widget as _;
use tui_logger::{Drain, ExtLogRecord, LevelFilter, LogFormatter, TuiLoggerWidget, TuiWidgetState};

use super::ring::Entry;

/// So many lines may be written between two looks; tui-logger says so of what goes beyond.
const BURST: u16 = 4_000;

/// The number of the newest line that was written, and of the newest that was taken. They wrap.
static WRITTEN: Mutex<u32> = Mutex::new(0);
static TAKEN: Mutex<u32> = Mutex::new(0);

/// A number is whole at any time.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Where lines go in.
pub(super) struct Sink(Drain);

impl Sink {
    pub(super) fn new() -> Self {
        // what is let through was decided by the filter around the layer
        tui_logger::set_default_level(LevelFilter::Trace);
        tui_logger::set_hot_buffer_depth(BURST.into());
        // and a line that says how many of a burst were lost
        tui_logger::set_buffer_depth(usize::from(BURST) + 1);
        Self(Drain::new())
    }

    pub(super) fn write(&self, entry: &Entry) {
        let level = match entry.level {
            tracing::Level::ERROR => log::Level::Error,
            tracing::Level::WARN => log::Level::Warn,
            tracing::Level::INFO => log::Level::Info,
            tracing::Level::DEBUG => log::Level::Debug,
            tracing::Level::TRACE => log::Level::Trace,
        };
        // held until the line is in, so that numbers stand in their order
        let mut written = locked(&WRITTEN);
        *written = written.wrapping_add(1);
        self.0.log(
            &log::Record::builder()
                .args(format_args!("{}", entry.text))
                .level(level)
                .target(&entry.target)
                .line(Some(*written))
                .build(),
        );
    }
}

/// The lines that nobody took yet, oldest first.
pub(super) fn take() -> Vec<Entry> {
    let mut taken = locked(&TAKEN);
    // the one thread that would move them by itself wakes a hundred times a second, and is not started
    tui_logger::move_events();
    let new = locked(&WRITTEN).wrapping_sub(*taken);
    if new == 0 {
        return Vec::new();
    }
    let found = Arc::new(Mutex::new(Found {
        after: *taken,
        newest: None,
        entries: Vec::new(),
        at_the_end: false,
    }));
    let state = TuiWidgetState::new().set_default_display_level(LevelFilter::Trace);
    // as high as there are lines, and one for what is said of lost ones
    let height = u16::try_from(new).unwrap_or(BURST).min(BURST) + 1;
    let screen = Rect::new(0, 0, 1, height);
    TuiLoggerWidget::default()
        .formatter(Box::new(Collect(Arc::clone(&found))))
        .state(&state)
        .render(screen, &mut Buffer::empty(screen));
    let mut found = locked(&found);
    *taken = found.newest.unwrap_or(*taken);
    let mut entries = std::mem::take(&mut found.entries);
    entries.reverse();
    entries
}

/// What the formatter was shown, newest first.
struct Found {
    after: u32,
    newest: Option<u32>,
    entries: Vec<Entry>,
    /// A line was met that had been taken: what stands before it was taken as well.
    at_the_end: bool,
}

impl Found {
    fn meet(&mut self, record: &ExtLogRecord) {
        if let Some(number) = record.line {
            let ahead = number.wrapping_sub(self.after);
            self.at_the_end |= ahead == 0 || ahead > u32::MAX / 2;
        }
        if self.at_the_end {
            return;
        }
        self.newest = self.newest.or(record.line);
        let at = record.timestamp.timestamp().as_millisecond();
        self.entries.push(Entry {
            at: UnixMillis(u64::try_from(at).unwrap_or_default()),
            level: match record.level {
                log::Level::Error => tracing::Level::ERROR,
                log::Level::Warn => tracing::Level::WARN,
                log::Level::Info => tracing::Level::INFO,
                log::Level::Debug => tracing::Level::DEBUG,
                log::Level::Trace => tracing::Level::TRACE,
            },
            target: record.target().to_owned(),
            text: record.msg().to_owned(),
        });
    }
}

struct Collect(Arc<Mutex<Found>>);

impl LogFormatter for Collect {
    fn min_width(&self) -> u16 {
        1
    }

    fn format(&self, _: usize, record: &ExtLogRecord) -> Vec<Line<'_>> {
        locked(&self.0).meet(record);
        // as high as it was counted above
        vec![Line::default()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(n: usize) -> Entry {
        Entry {
            at: UnixMillis(0),
            level: [tracing::Level::WARN, tracing::Level::TRACE][n % 2],
            target: "engine".into(),
            text: format!("line {n}"),
        }
    }

    /// One test: the buffers are the process's.
    #[test]
    fn every_line_comes_out_once_in_its_order_and_lost_ones_are_told() {
        let sink = Sink::new();
        assert_eq!(take(), []);
        for look in 0..3 {
            let lines: Vec<_> = (0..5).map(|n| entry(look * 5 + n)).collect();
            lines.iter().for_each(|line| sink.write(line));
            let mut came = take();
            came.iter_mut().for_each(|line| line.at = UnixMillis(0));
            assert_eq!(came, lines);
            assert_eq!(take(), []);
        }
        let most = usize::from(BURST);
        (0..most + 100).for_each(|n| sink.write(&entry(n)));
        let came = take();
        assert_eq!(came.last().unwrap().text, entry(most + 99).text);
        assert_eq!(came.len(), most + 1, "with the one that tells of the lost ones");
        assert!(!came[0].text.starts_with("line"), "{}", came[0].text);
        sink.write(&entry(7));
        assert_eq!(take().len(), 1);
    }
}
