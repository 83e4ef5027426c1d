//! Deaths and panics on demand, for the tests of what follows.
//!
//! No release has any of it: the feature `fault-injection` is off unless the tests of this package are built, and without
//! it the variables that ask for a death are not even known. What a build holds, it tells itself:
//!
//! ```sh
//! cargo build --release && grep -c CASIMIR_DKG_CRASH_AT target/release/casimir-dkg    # 0
//! ```

#[cfg(feature = "fault-injection")]
mod armed;
#[cfg(not(feature = "fault-injection"))]
mod unarmed;

#[cfg(not(feature = "fault-injection"))]
use unarmed as armed;

#[cfg(feature = "fault-injection")]
pub use armed::{CRASH_AT, PANIC_AT};

/// Environment variables that ask for a death or a panic; none in a release, which takes them for mistakes.
pub const VARIABLES: &[&str] = armed::VARIABLES;

/// Panics when this part is named, the first time that it comes here.
pub fn panic_at(part: &str) {
    armed::panic_at(part);
}

/// Dies as by `SIGKILL` when this is the numbered point: `2n - 1` is right before commit `n` of the journal, `2n` right
/// after it and before its effects.
pub(crate) fn die_at(point: u64) {
    armed::die_at(point);
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::{Path, PathBuf};

    use super::*;

    fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                sources(&path, found);
            } else if path.extension().is_some_and(|e| e == "rs") {
                found.push(path);
            }
        }
    }

    /// The command in the head of this file is the other half: it looks into a program that was built without the feature.
    #[test]
    fn the_variables_are_written_in_one_file_that_a_release_leaves_out() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut files = Vec::new();
        sources(&root.join("src"), &mut files);
        sources(&root.join("ui"), &mut files);
        for variable in VARIABLES {
            let quoted = format!("\"{variable}\"");
            let holds = |path: &&PathBuf| fs::read_to_string(path).unwrap().contains(&quoted);
            let holding: Vec<_> = files.iter().filter(holds).collect();
            assert_eq!(holding, [&root.join("src/inject/armed.rs")], "{variable}");
        }
        let manifest: toml::Table = fs::read_to_string(root.join("Cargo.toml"))
            .unwrap()
            .parse()
            .unwrap();
        let default = manifest["features"]["default"].as_array().unwrap();
        assert!(!default.iter().any(|f| f.as_str() == Some("fault-injection")));
    }
}
