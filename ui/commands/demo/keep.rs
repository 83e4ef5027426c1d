//! What a demo leaves behind, and how it is verified.

use std::path::Path;

use casimir_dkg::journal;

use crate::output;

/// Tells where everything is and how it is verified; `kept` false: what would have been there.
pub(super) fn tell(folder: &Path, kept: bool) {
    if !kept {
        output::note(
            "demo: its configuration, journal and transcripts are removed with it; --keep DIR leaves them and says how they \
             are verified",
        );
        return;
    }
    output::note(&format!(
        "demo: kept in {}; what proves what happened:",
        folder.display()
    ));
    for command in commands(folder) {
        output::note(&format!("  {command}"));
    }
}

/// The commands that verify what was kept, as a shell takes them.
fn commands(folder: &Path) -> Vec<String> {
    let quoted = |path: &Path| format!("'{}'", path.display().to_string().replace('\'', "'\\''"));
    let config = quoted(&folder.join("casimir-dkg.toml"));
    // who holds the key holds the journal; here it comes from the journal itself, and shows how it is given
    let key = journal::verify(&folder.join("journal.sqlite"))
        .ok()
        .and_then(|(report, _)| report.key)
        .map_or_else(String::new, |(_, key)| format!(" --key {key}"));
    let mut commands = vec![
        format!("casimir-dkg --config {config} journal verify{key}"),
        format!("casimir-dkg --config {config} journal show"),
    ];
    let mut transcripts: Vec<_> = std::fs::read_dir(folder.join("transcripts"))
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|end| end == "json"))
        .collect();
    transcripts.sort();
    commands.extend(
        transcripts
            .iter()
            .map(|path| format!("casimir-dkg transcript verify {}", quoted(path))),
    );
    commands
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_transcript_has_a_command_that_a_shell_takes() {
        let folder = tempfile::tempdir().unwrap();
        let odd = folder.path().join("it's");
        std::fs::create_dir_all(odd.join("transcripts")).unwrap();
        for name in ["b.json", "a.json", "c.json.part"] {
            std::fs::write(odd.join("transcripts").join(name), "").unwrap();
        }
        let commands = commands(&odd);
        assert_eq!(commands.len(), 4);
        assert!(
            commands[2].ends_with("a.json'") && commands[2].contains("it'\\''s"),
            "{commands:?}"
        );
    }
}
