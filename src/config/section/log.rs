//! `[log]`: what is written down, and where.

use std::path::PathBuf;

use crate::config::reader::{Reader, words};
use crate::config::schema::Key;
use crate::types::quoted;

pub(in crate::config) const KEYS: &[Key] = &[
    Key::new(
        "log.level",
        "a level, or a filter like \"info,casimir_dkg::chain=debug\"",
        "What is logged.",
    )
    .default("info")
    .flag("--log-level"),
    Key::new(
        "log.dir",
        "a path",
        "Where the log files are; without it logs in the state directory.",
    ),
    Key::new("log.keep", "a number", "Daily log files that are kept.")
        .within("1", "36500")
        .default("14"),
    Key::new(
        "log.max_mib",
        "a number",
        "Longest log file of a day in MiB; what is beyond is left out, and counted.",
    )
    .within("1", "1048576")
    .default("100"),
    Key::new("log.format", "text or json", "Form of the log files.").default("text"),
];

/// Form of the log files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// Lines for people.
    Text,
    /// One JSON object on a line.
    Json,
}

words!(LogFormat { "text" => LogFormat::Text, "json" => LogFormat::Json });

/// What is written down, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogConfig {
    /// A `tracing` filter, valid.
    pub level: String,
    /// Directory of the files. May not exist yet.
    pub dir: PathBuf,
    /// Files that are kept.
    pub keep: usize,
    /// Longest file, in bytes.
    pub max_bytes: u64,
    pub format: LogFormat,
}

pub(in crate::config) fn read(r: &mut Reader<'_>) -> Option<LogConfig> {
    let level = r.required::<String>("log.level");
    let dir = r.path("log.dir");
    let keep = r.required::<u32>("log.keep");
    let max_mib = r.required::<u32>("log.max_mib");
    let format = r.required("log.format");
    if let Some(level) = &level
        && !is_filter(level)
    {
        let message = format!(
            "expected error, warn, info, debug, trace, off, or a filter like \"info,casimir_dkg::chain=debug\", got {}",
            quoted(level)
        );
        r.error("log.level", message);
    }
    Some(LogConfig {
        level: level?,
        dir: dir?.unwrap_or_else(|| r.directories().state.join("logs")),
        keep: usize::try_from(keep?).unwrap_or(usize::MAX),
        max_bytes: u64::from(max_mib?) << 20,
        format: format?,
    })
}

/// `tracing` takes any single word for the name of a target: a mistyped level would log everything.
fn is_filter(text: &str) -> bool {
    let level = |word: &str| word.parse::<tracing_subscriber::filter::LevelFilter>().is_ok();
    text.split(',').all(|part| match part.trim().rsplit_once('=') {
        Some((target, word)) => !target.is_empty() && level(word),
        None => level(part.trim()),
    }) && text.parse::<tracing_subscriber::filter::Targets>().is_ok()
}
