//! What the program says it is.

use std::fs;

use super::support;

#[path = "../../build.rs"]
#[expect(dead_code, reason = "a build script has a beginning of its own")]
mod build;

#[test]
fn the_version_names_commit_and_formats() {
    let scratch = tempfile::tempdir().unwrap();
    let (code, out, _) = support::run(support::program(scratch.path()).arg("--version"));
    assert_eq!(code, Some(0));
    let start = format!("casimir-dkg {}\ncommit ", env!("CARGO_PKG_VERSION"));
    assert!(out.starts_with(&start), "{out}");
    for words in [
        "journal format     2",
        "journal export     2",
        "share store        4 (rockx",
        "transcript format  1 (rockx)",
        "views              ",
        // what tests are run with has it
        "\nfault-injection    armed",
    ] {
        assert!(out.contains(words), "{out}");
    }
    let (_, short, _) = support::run(support::program(scratch.path()).arg("-V"));
    assert_eq!(short, format!("casimir-dkg {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn a_commit_is_found_in_every_form_of_a_repository_and_missed_without_harm() {
    let scratch = tempfile::tempdir().unwrap();
    let (commit, other) = ("0123456789abcdef0123456789abcdef01234567", "f".repeat(40));
    let put = |path: &str, text: &str| {
        let path = scratch.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    let found = |folder: &str| build::head(&scratch.path().join(folder)).map(|(commit, _)| commit);
    assert_eq!(found("none"), None);
    put("loose/.git/HEAD", "ref: refs/heads/main\n");
    assert_eq!(found("loose"), None, "no commit yet");
    put("loose/.git/refs/heads/main", &format!("{commit}\n"));
    assert_eq!(found("loose").as_deref(), Some(commit));
    put("packed/.git/HEAD", "ref: refs/heads/main\n");
    put(
        "packed/.git/packed-refs",
        &format!("# pack-refs with: peeled\n{other} refs/heads/not-main\n{commit} refs/heads/main\n"),
    );
    assert_eq!(found("packed").as_deref(), Some(commit));
    put("detached/.git/HEAD", &format!("{commit}\n"));
    assert_eq!(found("detached").as_deref(), Some(commit));
    put("tree/.git", "gitdir: ../loose/.git/worktrees/tree\n");
    put("loose/.git/worktrees/tree/HEAD", "ref: refs/heads/w/kept\n");
    put("loose/.git/worktrees/tree/commondir", "../..\n");
    put("loose/.git/refs/heads/w/kept", &format!("{other}\n"));
    assert_eq!(found("tree"), Some(other));
    put("hostile/.git/HEAD", "0123456 --evil\n");
    assert_eq!(found("hostile"), None);
}
