//! Tells the program which commit it is built from, where that is known: from the variable `SOURCE_COMMIT`, which a
//! packager sets who builds without a repository, or from `.git`. A build never fails for the want of it.

use std::fs;
use std::path::{Path, PathBuf};

#[expect(clippy::disallowed_macros, reason = "cargo reads what a build script prints")]
fn main() {
    const VARIABLE: &str = "SOURCE_COMMIT";
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed={VARIABLE}");
    let told = std::env::var(VARIABLE).ok().filter(|told| is_commit(told));
    // a debug build does not ask: each commit would build everything anew
    let asks = std::env::var("PROFILE").is_ok_and(|profile| profile == "release");
    let commit = told.or_else(|| {
        let (commit, files) = asks.then(|| head(Path::new(".")))??;
        for file in files {
            println!("cargo::rerun-if-changed={}", file.display());
        }
        Some(commit)
    });
    if let Some(commit) = commit {
        println!("cargo::rustc-env=BUILT_FROM_COMMIT={commit}");
    }
}

fn is_commit(text: &str) -> bool {
    (7..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// The commit that is checked out in `folder`, and the files that change when another one is.
pub(crate) fn head(folder: &Path) -> Option<(String, Vec<PathBuf>)> {
    let mut git = folder.join(".git");
    if git.is_file() {
        // a worktree: the file says where its own part is
        let text = fs::read_to_string(&git).ok()?;
        git = folder.join(text.strip_prefix("gitdir:")?.trim());
    }
    let file = git.join("HEAD");
    let text = fs::read_to_string(&file).ok()?;
    let Some(branch) = text.trim().strip_prefix("ref: ") else {
        let commit = text.trim().to_owned();
        return is_commit(&commit).then(|| (commit, vec![file]));
    };
    // branches are the repository's, and a worktree says where that is
    let common = fs::read_to_string(git.join("commondir"))
        .map_or_else(|_| git.clone(), |common| git.join(common.trim()));
    let loose = common.join(branch);
    if let Ok(commit) = fs::read_to_string(&loose) {
        let commit = commit.trim().to_owned();
        return is_commit(&commit).then(|| (commit, vec![file, loose]));
    }
    let packed = common.join("packed-refs");
    let text = fs::read_to_string(&packed).ok()?;
    let commit = text
        .lines()
        .find_map(|line| line.strip_suffix(branch)?.strip_suffix(' '))?;
    is_commit(commit).then(|| (commit.to_owned(), vec![file, packed]))
}
