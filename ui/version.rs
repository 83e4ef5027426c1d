//! What this program is, and which formats it writes.

use std::sync::LazyLock;

use casimir_dkg::dkg::rockx::transcript;
use casimir_dkg::{journal, view};

/// Where the build knew it; see `build.rs`.
const COMMIT: Option<&str> = option_env!("CASIMIR_DKG_BUILT_FROM");

/// What `--version` says after the program's name.
pub(crate) fn long() -> &'static str {
    static TEXT: LazyLock<String> = LazyLock::new(|| {
        format!(
            "{}\ncommit             {}\njournal format     {} (reads 1 to {})\ntranscript format  {} (rockx)\nviews              {}",
            env!("CARGO_PKG_VERSION"),
            COMMIT.unwrap_or("not known"),
            journal::FORMAT,
            journal::FORMAT,
            transcript::FORMAT,
            view::VERSION
        )
    });
    &TEXT
}
