//! `[journal]`: where the record is kept.

use std::path::PathBuf;

use crate::config::reader::Reader;
use crate::config::schema::Key;
use crate::config::section::NetworkConfig;

pub(in crate::config) const KEYS: &[Key] = &[Key::new(
    "journal.path",
    "a path",
    "The journal's database; without it journal.sqlite in <state directory>/<network>.",
)
.flag("--journal")];

/// Where the record is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JournalConfig {
    /// The database. Its directory may not exist yet.
    pub path: PathBuf,
}

pub(in crate::config) fn read(r: &mut Reader<'_>, network: Option<&NetworkConfig>) -> Option<JournalConfig> {
    let path = match r.path("journal.path")? {
        Some(path) => path,
        None => r
            .directories()
            .state
            .join(network?.name.as_str())
            .join("journal.sqlite"),
    };
    Some(JournalConfig { path })
}
