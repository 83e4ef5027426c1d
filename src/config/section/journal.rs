//! `[journal]`: where the record is kept.

use std::path::PathBuf;

use crate::config::NetworkName;
use crate::config::reader::Reader;
use crate::config::schema::Key;

pub(in crate::config) const KEYS: &[Key] = &[
    Key::new(
        "journal.path",
        "a path",
        "The journal's database; without it journal.sqlite in <state directory>/<network>.",
    )
    .flag("--journal"),
    Key::new(
        "journal.checkpoint",
        "a path",
        "File that says up to which record the journal was written, as on another disk, whose directory must be there; without it beside the journal (.checkpoint).",
    ),
    Key::new(
        "journal.key",
        "a path",
        "File of the private half of the journal's own key, which signs the checkpoint; made where it is missing, in a directory that must be there; without it beside the journal (.key).",
    ),
];

/// Where the record is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JournalConfig {
    /// The database. Its directory may not exist yet.
    pub path: PathBuf,
    /// Its checkpoint; `None` is beside it.
    pub checkpoint: Option<PathBuf>,
    /// The private half of its own key; `None` is beside it.
    pub key: Option<PathBuf>,
}

pub(in crate::config) fn read(r: &mut Reader<'_>, network: Option<NetworkName>) -> Option<JournalConfig> {
    let (checkpoint, key) = (r.path("journal.checkpoint"), r.path("journal.key"));
    let path = match r.path("journal.path")? {
        Some(path) => path,
        None => r
            .directories()
            .state
            .join(network?.as_str())
            .join("journal.sqlite"),
    };
    let (checkpoint, key) = (checkpoint?, key?);
    for (name, file) in [("journal.checkpoint", &checkpoint), ("journal.key", &key)] {
        if file.as_ref() == Some(&path) {
            r.error(
                name,
                "is the journal itself: one would overwrite the other".to_owned(),
            );
        }
    }
    if key.is_some() && key == checkpoint {
        r.error(
            "journal.key",
            "is the checkpoint: one would overwrite the other".to_owned(),
        );
    }
    Some(JournalConfig {
        path,
        checkpoint,
        key,
    })
}
