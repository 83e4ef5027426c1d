//! What front ends may not know and may not say, looked up in their sources.

use std::path::{Path, PathBuf};

/// Every source file of the front ends with its text, this one excepted.
fn sources() -> Vec<(PathBuf, String)> {
    fn walk(folder: &Path, found: &mut Vec<(PathBuf, String)>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|e| e == "rs") && !path.ends_with("ui/walls.rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                found.push((path, text));
            }
        }
    }
    let mut found = Vec::new();
    walk(&Path::new(env!("CARGO_MANIFEST_DIR")).join("ui"), &mut found);
    assert!(found.len() > 50, "{} files", found.len());
    found
}

/// Places of a text, as `file:line`.
fn places(wrong: impl Fn(&str) -> bool) -> Vec<String> {
    let mut places = Vec::new();
    for (path, text) in sources() {
        let lines = text.lines().enumerate().filter(|(_, line)| wrong(line));
        places.extend(lines.map(|(n, line)| format!("{}:{}: {}", path.display(), n + 1, line.trim())));
    }
    places
}

#[test]
fn front_ends_know_views_and_not_the_decision_core() {
    let nobody: [String; 0] = [];
    assert_eq!(places(|line| line.contains("casimir_dkg::oracle")), nobody);
    let braced = |line: &str| line.trim_start().starts_with("use casimir_dkg::{") && line.contains("oracle");
    assert_eq!(places(braced), nobody);
}

#[test]
fn people_read_plain_words() {
    let nobody: [String; 0] = [];
    assert_eq!(places(|line| line.to_lowercase().contains("can not")), nobody);
}
