//! The list is what the program makes: found in its sources.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::*;

/// Calls whose first literal is the name of a check, where it is a name at all.
const MAKERS: &[&str] = &[
    "Check::pass(",
    "Check::fail(",
    "Check::unknown(",
    "Check::of(",
    "Check::new(",
    ".check(",
    ".check_absent(",
    "known(",
    "for_all(",
    "all_or(",
];

/// Checks of transcripts alone: no proposal has them.
const OF_TRANSCRIPTS: &str = "dkg/rockx/transcript";

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

fn is_name(literal: &str) -> bool {
    let word = |w: &str| !w.is_empty() && w.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    literal.split('-').all(word)
}

/// The first literal behind `start`, before the statement ends.
fn literal(text: &str) -> Option<&str> {
    let statement = text.split(';').next()?;
    let (_, behind) = statement.split_once('"')?;
    behind.split_once('"').map(|(literal, _)| literal)
}

/// What a file says of checks, its tests left out.
fn names(text: &str) -> BTreeSet<&str> {
    let code = text.split("#[cfg(test)]").next().unwrap_or(text);
    let makes_checks = code.contains("Check::") || code.contains("for_all(");
    let mut found = BTreeSet::new();
    for maker in MAKERS {
        let calls = code.match_indices(maker).map(|(at, _)| &code[at + maker.len()..]);
        found.extend(calls.filter_map(literal).filter(|name| is_name(name)));
    }
    if makes_checks {
        // names that stand by themselves: constants, variables and lists of them
        for line in code.lines().map(str::trim_start) {
            let names_one = line.contains(": &str = \"") || line.starts_with("let name = \"");
            let names_some = line.starts_with("const NAMES") || line.starts_with("for name in [");
            if names_one || names_some {
                let literals = line.split('"').skip(1).step_by(2);
                found.extend(literals.filter(|name| is_name(name) && name.contains('-') | names_some));
            }
        }
    }
    found
}

#[test]
fn the_list_is_what_the_program_makes() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("..")
        .canonicalize()
        .unwrap();
    let mut files = Vec::new();
    sources(&root, &mut files);
    let mut made = BTreeSet::new();
    let mut written = String::new();
    for file in files {
        let relative = file.strip_prefix(&root).unwrap().to_str().unwrap().to_owned();
        let others = ["core/", "ports/", "devnet/", OF_TRANSCRIPTS];
        let is_test = relative.ends_with("tests.rs") || relative.contains("/fixture");
        if is_test || others.iter().any(|other| relative.starts_with(other)) {
            continue;
        }
        let text = fs::read_to_string(&file).unwrap();
        made.extend(names(&text).into_iter().map(str::to_owned));
        written.push_str(&text);
    }
    let listed: BTreeSet<_> = CHECKS.iter().map(|check| check.name.to_owned()).collect();
    let unlisted: Vec<_> = made.difference(&listed).collect();
    assert!(unlisted.is_empty(), "made and not listed: {unlisted:?}");
    // these are made, or named, in the core itself
    let of_core = [BEACON_AGREE, NEW_SIGNING_ROOT, PAYLOAD_STEADY, RULES_AGREE];
    let unmade: Vec<_> = listed
        .iter()
        .filter(|name| !of_core.contains(&name.as_str()) && !written.contains(&format!("\"{name}\"")))
        .collect();
    assert!(unmade.is_empty(), "listed and not made: {unmade:?}");
    assert!(made.len() > 50, "the search finds them: {made:?}");
}

#[test]
fn each_stands_once_with_a_line_of_its_own() {
    let names: BTreeSet<_> = CHECKS.iter().map(|check| check.name).collect();
    assert_eq!(names.len(), CHECKS.len());
    for check in CHECKS {
        assert!(is_name(check.name) && !check.says.is_empty(), "{check:?}");
    }
    let held: Vec<_> = CHECKS.iter().filter(|check| !check.may_be_allowed()).collect();
    assert_eq!(held, [check_named(NEW_SIGNING_ROOT).unwrap()]);
}

#[test]
fn what_one_voice_cannot_make_follows_from_the_kinds() {
    let of = |kinds: &[ActionKind]| unknown_to_one_voice(kinds).collect::<Vec<_>>();
    assert_eq!(
        of(&[ActionKind::Keygen, ActionKind::SendDeposit]),
        ["endpoints-agree", "registration-nonce"]
    );
    assert_eq!(of(&[ActionKind::Reshare]), ["reshares-left"]);
    assert_eq!(of(&[ActionKind::SignExit, ActionKind::BroadcastExit]).len(), 0);
    assert!(
        of(ActionKind::ALL)
            .into_iter()
            .all(|name| check_named(name).is_some())
    );
}
