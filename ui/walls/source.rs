//! The program's own sources, as text.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// A source file.
pub(super) struct Source {
    /// From the root of the repository, with `/`.
    pub(super) path: String,
    pub(super) text: String,
}

/// Every source file below these folders of the repository, this test's own excepted.
pub(super) fn sources(folders: &[&str]) -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    for folder in folders {
        let before = found.len();
        walk(root, &root.join(folder), &mut found);
        assert!(found.len() > before + 50, "{} files of {folder}", found.len());
    }
    found
}

fn walk(root: &Path, folder: &Path, found: &mut Vec<Source>) {
    let mut entries: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    entries.sort();
    for file in entries {
        let path = file.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
        if path.starts_with("ui/walls") {
            continue;
        }
        if file.is_dir() {
            walk(root, &file, found);
        } else if path.ends_with(".rs") {
            let text = std::fs::read_to_string(&file).unwrap();
            found.push(Source { path, text });
        }
    }
}

/// Lines that are wrong, as `file:line: text`.
pub(super) fn places(sources: &[Source], wrong: impl Fn(&str) -> bool) -> Vec<String> {
    let mut places = Vec::new();
    for source in sources {
        let lines = source.text.lines().enumerate().filter(|(_, line)| wrong(line));
        places.extend(lines.map(|(n, line)| format!("{}:{}: {}", source.path, n + 1, line.trim())));
    }
    places
}

/// The sources without what only tests are built from: modules and items behind `#[cfg(test)]`. Their lines are left
/// empty, so that the rest keep their numbers.
pub(super) fn without_tests(sources: Vec<Source>) -> Vec<Source> {
    let modules: BTreeSet<String> = sources.iter().flat_map(test_modules).collect();
    let of_tests = |path: &str| {
        let is = |module: &String| {
            path.strip_prefix(module)
                .is_some_and(|rest| rest == ".rs" || rest.starts_with('/'))
        };
        modules.iter().any(is)
    };
    let shipped = sources.into_iter().filter(|source| !of_tests(&source.path));
    let blank = |source: Source| Source {
        text: without_test_items(&source.text),
        path: source.path,
    };
    shipped.map(blank).collect()
}

/// The modules that a file declares behind `#[cfg(test)]`, as paths without their ending.
fn test_modules(source: &Source) -> Vec<String> {
    let folder = match source.path.rsplit_once('/') {
        Some((folder, "mod.rs" | "lib.rs" | "main.rs")) => folder,
        _ => source.path.trim_end_matches(".rs"),
    };
    let lines = || source.text.lines().map(str::trim);
    let declared = lines()
        .zip(lines().skip(1))
        .filter_map(|(attribute, line)| match attribute {
            "#[cfg(test)]" => line.strip_suffix(';')?.rsplit_once("mod "),
            _ => None,
        });
    declared.map(|(_, name)| format!("{folder}/{name}")).collect()
}

/// An item ends with the first line that is indented as its attribute is and closes a brace, or ends a statement.
fn without_test_items(text: &str) -> String {
    let mut kept = String::new();
    let mut inside: Option<&str> = None;
    for line in text.lines() {
        let indent = &line[..line.len() - line.trim_start().len()];
        match inside {
            Some(outer) if indent == outer => {
                if line.ends_with(';') || line.ends_with('}') {
                    inside = None;
                }
            }
            Some(_) => {}
            None if line.trim() == "#[cfg(test)]" => inside = Some(indent),
            None => kept.push_str(line),
        }
        kept.push('\n');
    }
    kept
}

#[test]
fn what_only_tests_are_built_from_is_left_out() {
    let text = "\
mod a;
#[cfg(test)]
pub(super) mod fixture;
fn kept() {}
#[cfg(test)]
mod tests {
    fn left_out() {}
}
fn kept_too() {}
";
    let source = |path: &str, text: &str| Source {
        path: path.to_owned(),
        text: text.to_owned(),
    };
    let all = vec![
        source("src/room/mod.rs", text),
        source("src/room/a.rs", "a"),
        source("src/room/fixture.rs", "b"),
        source("src/room/fixture/deep.rs", "c"),
        source("src/room/fixtures.rs", "d"),
    ];
    let rest = without_tests(all);
    let paths: Vec<_> = rest.iter().map(|source| source.path.as_str()).collect();
    assert_eq!(
        paths,
        ["src/room/mod.rs", "src/room/a.rs", "src/room/fixtures.rs"]
    );
    let lines: Vec<_> = rest[0].text.lines().collect();
    assert_eq!(
        lines,
        [
            "mod a;",
            "",
            "",
            "fn kept() {}",
            "",
            "",
            "",
            "",
            "fn kept_too() {}"
        ]
    );
}
