//! What this program is, and which formats it writes.

use std::sync::LazyLock;

use casimir_dkg::dkg::transcript;
use casimir_dkg::{inject, journal, view};

/// Where the build knew it; see `build.rs`.
const COMMIT: Option<&str> = option_env!("BUILT_FROM_COMMIT");

/// What `--version` says after the program's name.
pub(crate) fn long() -> &'static str {
    static TEXT: LazyLock<String> = LazyLock::new(|| {
        let transcripts: Vec<_> = transcript::formats()
            .map(|(backend, format)| format!("{format} ({backend})"))
            .collect();
        let stores: Vec<_> = transcript::share_stores()
            .map(|(backend, layout)| format!("{layout} ({backend}, reads 1 to {layout})"))
            .collect();
        // whoever runs it for real must see that it can be told to die
        let armed = match inject::VARIABLES {
            [] => String::new(),
            variables => format!(
                "\nfault-injection    armed, for tests only: {}",
                variables.join(", ")
            ),
        };
        format!(
            "{}\ncommit             {}\njournal format     {} (reads 1 to {})\njournal export     {} (reads 1 to {})\nshare store        {}\ntranscript format  {}\nviews              {}{armed}",
            env!("CARGO_PKG_VERSION"),
            COMMIT.unwrap_or("not known"),
            journal::FORMAT,
            journal::FORMAT,
            journal::EXPORT,
            journal::EXPORT,
            stores.join(", "),
            transcripts.join(", "),
            view::VERSION
        )
    });
    &TEXT
}

#[cfg(test)]
mod tests {
    /// `cargo run` hands what a build script told on to the program, which refuses a variable that looks like a setting and is none.
    #[test]
    fn what_a_build_tells_looks_like_no_setting() {
        let build = include_str!("../build.rs");
        assert!(build.contains("rustc-env="));
        assert!(!build.contains("CASIMIR_DKG_"));
    }
}
