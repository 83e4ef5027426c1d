//! Logs: always to a daily file in the state directory; to stderr as well where no front end shows them; where one does,
//! into memory. What is written has passed [`scrub`] first: no control characters, no secrets of URLs.

#[cfg(feature = "tui")]
mod logger;
mod ring;
mod scrub;

use std::io::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Context;
use casimir_dkg::config::{LogConfig, LogFormat};
use casimir_dkg::owner;
use casimir_dkg::secrets;
use casimir_dkg::types::UnixMillis;
use tracing_appender::non_blocking::WorkerGuard;
use tracing_appender::rolling::{RollingFileAppender, Rotation};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::prelude::*;

#[cfg(feature = "tui")]
pub(crate) use ring::MOST;
pub(crate) use ring::{Entry, since};
use scrub::{Form, Scrub};

/// Where log lines are shown besides the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Also {
    /// Nowhere: the file alone.
    Nowhere,
    Stderr,
    StderrJson,
    /// In memory, for the front end of this process that shows them.
    Memory,
}

/// What is logged under this is a line of the headless stream as well: stderr does not repeat it.
const TOLD: &str = "engine::told";

/// Keeps the writers alive: dropping it flushes.
#[must_use = "dropping it ends the log"]
#[derive(Debug)]
pub(crate) struct LogGuard {
    _file: WorkerGuard,
    _stderr: WorkerGuard,
}

/// Installs the global subscriber. Call once.
///
/// # Errors
/// The directory cannot be made or written, or a subscriber is installed already.
pub(crate) fn init(config: &LogConfig, also: Also) -> anyhow::Result<LogGuard> {
    // lossy: a full disk or a slow one must not stop a ceremony
    let (writer, guard) = tracing_appender::non_blocking(Files::open(config)?);
    let filter: Targets = config.level.parse().context("log.level")?;

    let file = layer(config.format, writer).with_filter(filter.clone());
    // lossy as well: whoever reads may go away or stand still
    let (shown, shown_guard) = tracing_appender::non_blocking(std::io::stderr());
    let stderr = match also {
        Also::Stderr => Some(layer(LogFormat::Text, shown)),
        Also::StderrJson => Some(layer(LogFormat::Json, shown)),
        Also::Memory | Also::Nowhere => None,
    };
    let beside = filter.clone().with_target(TOLD, LevelFilter::OFF);
    let registry = tracing_subscriber::registry()
        .with(file)
        .with(stderr.map(|layer| layer.with_filter(beside)));
    let registry = registry.with((also == Also::Memory).then(|| ring::Keep::new().with_filter(filter)));
    registry.try_init().context("logging")?;
    if let Some(worry) = secrets::judge_directory(&config.dir) {
        worries(&[worry]);
    }
    Ok(LogGuard {
        _file: guard,
        _stderr: shown_guard,
    })
}

/// What is wrong with owner and mode of the configuration's files.
pub(crate) fn worries(worries: &[String]) {
    for worry in worries {
        tracing::warn!(target: "config", "{worry}");
    }
}

/// How often somebody asked for new files.
static REOPENED: AtomicU64 = AtomicU64::new(0);

/// Whatever was done to the log files (moved away, removed): the next line goes to a file of today's name.
pub(crate) fn reopen() {
    REOPENED.fetch_add(1, Ordering::Relaxed);
}

/// Daily files, none of them longer than may be: the disk is the journal's as well.
struct Files {
    config: LogConfig,
    file: RollingFileAppender,
    reopened: u64,
    /// Days since the Unix epoch, by which the files change (UTC).
    day: u64,
    /// Bytes in the file of this day.
    written: u64,
    /// Lines for which it had no room.
    left_out: u64,
}

/// Seconds since the Unix epoch.
fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs())
}

/// Length of the file that is being written, in bytes, if it is of this day.
fn length_of_newest(config: &LogConfig) -> u64 {
    let files = std::fs::read_dir(&config.dir).into_iter().flatten().flatten();
    let newest = files
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(PREFIX))
        .filter_map(|entry| entry.metadata().ok())
        .max_by_key(|file| file.modified().ok());
    let today = |file: &std::fs::Metadata| {
        let modified = file.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
        Some(modified.as_secs() / DAY == now() / DAY)
    };
    newest
        .filter(|file| today(file).unwrap_or(false))
        .map_or(0, |file| file.len())
}

/// Makes the file of today before the appender does, which would leave it to everybody to read. Where it is there already,
/// its mode is its owner's.
fn make_private(config: &LogConfig) {
    let today = UnixMillis(now() * 1000).to_rfc3339();
    let date = today.split('T').next().unwrap_or_default();
    let path = config.dir.join(format!("{PREFIX}.{date}.log"));
    let mut make = std::fs::OpenOptions::new();
    make.append(true).create_new(true);
    std::os::unix::fs::OpenOptionsExt::mode(&mut make, 0o600);
    // one that cannot be made is the appender's to report
    let _ = make.open(&path).and_then(|_| owner::settle(&path));
}

const DAY: u64 = 86_400;
const PREFIX: &str = "casimir-dkg";

/// Whether a file of the log directory is one of these.
pub(crate) fn is_ours(name: &str) -> bool {
    name.starts_with(PREFIX) && name.ends_with(".log")
}

impl Files {
    fn open(config: &LogConfig) -> anyhow::Result<Self> {
        let directory = config.dir.display();
        owner::make_directories(&config.dir, 0o777)
            .with_context(|| format!("cannot make the log directory {directory}"))?;
        let reopened = REOPENED.load(Ordering::Relaxed);
        let written = length_of_newest(config);
        make_private(config);
        let file = RollingFileAppender::builder()
            .rotation(Rotation::DAILY)
            .filename_prefix(PREFIX)
            .filename_suffix("log")
            .max_log_files(config.keep)
            .build(&config.dir)
            .with_context(|| format!("cannot write logs in {directory}"))?;
        Ok(Self {
            config: config.clone(),
            file,
            reopened,
            day: now() / DAY,
            written,
            left_out: 0,
        })
    }

    /// A line of this file's own, in the form of the others.
    fn note(&mut self, message: &str) -> std::io::Result<()> {
        let line = match self.config.format {
            LogFormat::Text => format!("WARN log: {message}\n"),
            LogFormat::Json => {
                let line =
                    serde_json::json!({"level": "WARN", "target": "log", "fields": {"message": message}});
                format!("{line}\n")
            }
        };
        self.written += line.len() as u64;
        self.file.write_all(line.as_bytes())
    }
}

/// The part of a file's length that is kept for errors: one in so many.
const ERRORS: u64 = 16;

/// Whether a line in one of our two forms has the level of errors, which stands behind the time.
fn is_error(line: &[u8]) -> bool {
    let head = String::from_utf8_lossy(&line[..line.len().min(80)]);
    match head.starts_with('{') {
        true => head.contains(r#""level":"ERROR""#),
        false => head.split_whitespace().nth(1) == Some("ERROR"),
    }
}

impl Write for Files {
    fn write(&mut self, line: &[u8]) -> std::io::Result<usize> {
        if self.reopened != REOPENED.load(Ordering::Relaxed) {
            // where no file can be made the old one is as good as any
            if let Ok(new) = Self::open(&self.config) {
                *self = new;
            }
        }
        let day = now() / DAY;
        if day != self.day {
            (self.day, self.written) = (day, 0);
            make_private(&self.config);
            let left_out = std::mem::take(&mut self.left_out);
            if left_out > 0 {
                self.note(&format!("{left_out} lines of the day before were left out"))?;
            }
        }
        let room = match is_error(line) {
            true => self.config.max_bytes,
            // what goes wrong is told in a full file, too
            false => self.config.max_bytes - self.config.max_bytes / ERRORS,
        };
        if self.written + line.len() as u64 > room {
            self.left_out += 1;
            if self.left_out == 1 {
                self.note(
                    "this file has its full length (log.max_mib): what comes is left out until tomorrow, but for errors while they fit",
                )?;
            }
            return Ok(line.len());
        }
        let written = self.file.write(line)?;
        self.written += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.file.flush()
    }
}

/// In memory alone, for a front end that sits at another process's engine: the files are that process's.
///
/// # Errors
/// A subscriber is installed already.
pub(crate) fn init_memory(config: &LogConfig) -> anyhow::Result<()> {
    let filter: Targets = config.level.parse().context("log.level")?;
    let registry = tracing_subscriber::registry().with(ring::Keep::new().with_filter(filter));
    registry.try_init().context("logging")
}

fn layer<S, W>(format: LogFormat, writer: W) -> Box<dyn tracing_subscriber::Layer<S> + Send + Sync>
where
    S: tracing::Subscriber + for<'a> tracing_subscriber::registry::LookupSpan<'a>,
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let base = tracing_subscriber::fmt::layer().with_ansi(false);
    match format {
        LogFormat::Text => Box::new(base.with_writer(Safe(writer, Form::Text))),
        LogFormat::Json => Box::new(base.json().with_writer(Safe(writer, Form::Json))),
    }
}

/// Makes writers that scrub.
struct Safe<W>(W, Form);

impl<'w, W: MakeWriter<'w>> MakeWriter<'w> for Safe<W> {
    type Writer = Scrub<W::Writer>;

    fn make_writer(&'w self) -> Self::Writer {
        Scrub::new(self.0.make_writer(), self.1)
    }
}

/// So that a mistake in the type above shows up here and not in a trait error.
const _: fn() = || {
    fn is_write<T: Write>() {}
    is_write::<Scrub<Vec<u8>>>();
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_was_moved_away_gets_no_more_lines() {
        let folder = tempfile::tempdir().unwrap();
        let config = LogConfig {
            level: "info".to_owned(),
            dir: folder.path().join("logs"),
            keep: 3,
            format: LogFormat::Text,
            max_bytes: 1 << 20,
        };
        let mut files = Files::open(&config).unwrap();
        files.write_all(b"one\n").unwrap();
        let first = std::fs::read_dir(&config.dir)
            .unwrap()
            .next()
            .unwrap()
            .unwrap()
            .path();
        let moved = folder.path().join("moved");
        std::fs::rename(&first, &moved).unwrap();
        reopen();
        files.write_all(b"two\n").unwrap();
        assert_eq!(std::fs::read_to_string(moved).unwrap(), "one\n");
        let now = std::fs::read_dir(&config.dir)
            .unwrap()
            .next()
            .unwrap()
            .unwrap()
            .path();
        assert_eq!(std::fs::read_to_string(now).unwrap(), "two\n");
    }

    #[test]
    fn a_file_that_is_full_still_takes_errors() {
        let folder = tempfile::tempdir().unwrap();
        let config = LogConfig {
            level: "info".to_owned(),
            dir: folder.path().to_owned(),
            keep: 3,
            format: LogFormat::Text,
            max_bytes: 64_000,
        };
        let mut files = Files::open(&config).unwrap();
        for _ in 0..2_000 {
            files
                .write_all(b"2026-01-01T00:00:00.000000Z  WARN listen: one more\n")
                .unwrap();
        }
        files
            .write_all(b"2026-01-01T00:00:00.000000Z ERROR journal: it cannot be written\n")
            .unwrap();
        let file = std::fs::read_dir(folder.path()).unwrap().next().unwrap().unwrap();
        let text = std::fs::read_to_string(file.path()).unwrap();
        assert!(text.contains("it cannot be written") && text.len() <= 64_200);
        assert!(is_error(
            br#"{"timestamp":"2026-01-01T00:00:00.000000Z","level":"ERROR","fields":{}}"#
        ));
        assert!(!is_error(
            br#"{"timestamp":"2026-01-01T00:00:00.000000Z","level":"WARN","fields":{}}"#
        ));
    }

    #[test]
    fn a_flood_ends_at_the_length_of_a_file_over_a_restart_too() {
        let folder = tempfile::tempdir().unwrap();
        let config = LogConfig {
            level: "info".to_owned(),
            dir: folder.path().to_owned(),
            keep: 3,
            format: LogFormat::Json,
            max_bytes: 1000,
        };
        for _ in 0..2 {
            let mut files = Files::open(&config).unwrap();
            for _ in 0..100 {
                files.write_all(&[b'x'; 100]).unwrap();
            }
        }
        for entry in std::fs::read_dir(folder.path()).unwrap() {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = entry.unwrap().metadata().unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "nobody else reads it");
        }
        let written: u64 = std::fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().metadata().unwrap().len())
            .sum();
        // and a line that says so, each time
        assert!((900..1400).contains(&written), "{written}");
    }
}
