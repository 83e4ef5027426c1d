//! The only module that writes to stdout and stderr. stdout: results. stderr: everything else.

use std::io::Write;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use casimir_dkg::types::{SafeText, counted};
use serde::Serialize;

/// A line of the result. A reader that went away (`| head`) ends nothing: a command tells by its exit code, too.
pub(crate) fn line(text: &str) {
    raw(&format!("{text}\n"));
}

/// What can be typed, and what it does.
pub(crate) fn usage(word: &str, arguments: &str, does: &str) -> String {
    let gap = if arguments.is_empty() { "" } else { " " };
    format!("{word}{gap}{arguments}: {does}")
}

/// A result that brings its own line ends: a file, a script.
pub(crate) fn raw(text: &str) {
    if let Some(service) = SERVICE.get() {
        return service.put(text.to_owned());
    }
    if READER_IS_GONE.load(Ordering::Relaxed) {
        return;
    }
    match write(text) {
        Ok(()) => {}
        // what the command finds out counts all the same: it tells by its exit code
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => {
            READER_IS_GONE.store(true, Ordering::Relaxed);
        }
        Err(error) => std::process::exit(i32::from(unwritten(&error))),
    }
}

/// Nobody reads the output any more.
static READER_IS_GONE: AtomicBool = AtomicBool::new(false);

/// Ends with what the command line was answered: help and version are results, everything else is a mistake in it, which
/// programs are told as any failure.
pub(crate) fn answered(error: &clap::Error, to_programs: bool) -> ! {
    if to_programs && error.use_stderr() {
        let text = error.to_string();
        let words = text.split("\n\n").next().unwrap_or(&text);
        crate::exit::usage(words.trim_start_matches("error: "));
    }
    let printed = error.print().and_then(|()| std::io::stdout().flush());
    let code = match printed {
        // nobody reads any more, there is nobody left to tell
        Err(why) if !error.use_stderr() && why.kind() == std::io::ErrorKind::BrokenPipe => 0,
        Err(why) if !error.use_stderr() => unwritten(&why).into(),
        _ => error.exit_code(),
    };
    std::process::exit(code)
}

/// What a command ends with whose result cannot be written.
fn unwritten(error: &std::io::Error) -> u8 {
    note(&format!(
        "error: the output could not be written: {error}. What was written before is cut off"
    ));
    1
}

fn write(text: &str) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

static SERVICE: OnceLock<Lines> = OnceLock::new();
/// Lines that wait for a reader who takes his time.
const QUEUE: usize = 1024;
/// How long the end waits for lines that were not read yet.
const LAST: Duration = Duration::from_secs(1);

/// From now on the reader of stdout may go away, or stop reading: the work goes on, and what could not be written is
/// counted and said in the log.
pub(crate) fn outlive_reader() {
    SERVICE.get_or_init(|| Lines::written_by(write));
}

/// Waits a moment for the last lines, and says how many were lost.
pub(crate) fn last_lines() {
    let Some(service) = SERVICE.get() else {
        return;
    };
    let lost = service.settle(LAST);
    if lost > 0 {
        let lines = counted(usize::try_from(lost).unwrap_or(usize::MAX), "line");
        tracing::warn!(target: "output", "{lines} could not be written to stdout; the journal has what they told");
    }
}

/// Lines on their way to somebody who may not read them.
struct Lines {
    queue: SyncSender<String>,
    state: Arc<Counts>,
}

#[derive(Default)]
struct Counts {
    waiting: AtomicU64,
    lost: AtomicU64,
    /// Lines are being lost now, and that was said.
    failing: AtomicBool,
}

impl Lines {
    fn written_by(write: impl Fn(&str) -> std::io::Result<()> + Send + 'static) -> Self {
        let (queue, lines) = std::sync::mpsc::sync_channel::<String>(QUEUE);
        let state = Arc::<Counts>::default();
        let counts = Arc::clone(&state);
        // it ends with the process: it may be stuck in a pipe that nobody empties
        std::thread::spawn(move || {
            for line in lines {
                match write(&line) {
                    Ok(()) => counts.written(),
                    Err(error) => counts.lost(&error),
                }
                counts.waiting.fetch_sub(1, Ordering::Relaxed);
            }
        });
        Self { queue, state }
    }

    fn put(&self, line: String) {
        self.state.waiting.fetch_add(1, Ordering::Relaxed);
        if self.queue.try_send(line).is_err() {
            self.state.waiting.fetch_sub(1, Ordering::Relaxed);
            self.state.lost(&"its reader does not read");
        }
    }

    /// The number of lost lines, once nothing waits any more or the time is over. What still waits then is lost too.
    fn settle(&self, within: Duration) -> u64 {
        let deadline = Instant::now() + within;
        while self.state.waiting.load(Ordering::Relaxed) > 0 && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(5));
        }
        self.state.lost.load(Ordering::Relaxed) + self.state.waiting.load(Ordering::Relaxed)
    }
}

impl Counts {
    fn lost(&self, why: &dyn std::fmt::Display) {
        self.lost.fetch_add(1, Ordering::Relaxed);
        if !self.failing.swap(true, Ordering::Relaxed) {
            tracing::warn!(target: "output", "stdout cannot be written: {why}; the work goes on, its lines are lost");
        }
    }

    fn written(&self) {
        if self.failing.swap(false, Ordering::Relaxed) {
            let lost = self.lost.load(Ordering::Relaxed);
            tracing::warn!(target: "output", "stdout is written again; lines lost until now: {lost}");
        }
    }
}

/// One JSON object on a line.
pub(crate) fn json(value: &impl Serialize) {
    match serde_json::to_string(value) {
        Ok(text) => line(&text),
        Err(e) => error(&format!("cannot write JSON: {e}")),
    }
}

/// To stderr.
pub(crate) fn note(text: &str) {
    // a closed stderr must not stop the work
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

/// To stderr, each line made safe: errors repeat what others said.
pub(crate) fn error(text: &str) {
    for (n, line) in text.lines().enumerate() {
        let prefix = if n == 0 { "error: " } else { "       " };
        note(&format!("{prefix}{}", SafeText::new(line)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_a_service_are_lost_and_counted_where_nobody_takes_them() {
        let gone = Lines::written_by(|_| Err(std::io::Error::from(std::io::ErrorKind::BrokenPipe)));
        (0..3).for_each(|n| gone.put(format!("{n}\n")));
        assert_eq!(gone.settle(Duration::from_secs(60)), 3);

        let (reads, read) = std::sync::mpsc::channel::<()>();
        let stuck = Lines::written_by(move |_| {
            let _ = read.recv();
            Ok(())
        });
        let given = QUEUE + 10;
        (0..given).for_each(|n| stuck.put(format!("{n}\n")));
        let lost = stuck.state.lost.load(Ordering::Relaxed);
        assert!((9..=10).contains(&lost), "one may be on its way: {lost}");
        drop(reads);
        assert_eq!(stuck.settle(Duration::from_secs(60)), lost, "the rest was read");
    }
}
