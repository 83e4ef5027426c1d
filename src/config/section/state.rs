//! `[state]`: where everything is kept that must not be lost. It stands in the file, too, because a person's plain
//! `--config` must lead to the same journal as the service's environment does.

use crate::config::schema::Key;

pub(in crate::config) const KEYS: &[Key] = &[Key::new(
    "state.dir",
    "a path",
    "Journal, logs and whatever else must not be lost; without it the user's state directory. The environment's must be absolute.",
)
.flag("--state-dir")];
