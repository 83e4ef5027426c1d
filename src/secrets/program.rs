//! Programs that are run. Whoever may change one does what this user may do.

use std::io;
use std::path::{Path, PathBuf};

use super::judged::{Holds, judge_metadata, kind_of};
use super::way;

/// Where the system finds a program: by its path, or by its name in the directories of `PATH`.
#[must_use]
pub fn program_of(name: &str) -> Option<PathBuf> {
    if name.contains('/') {
        let path = PathBuf::from(name);
        return is_executable(&path).then_some(path);
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .map(|directory| directory.join(name))
        .find(|path| is_executable(path))
}

fn is_executable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    let found = path.metadata();
    found.is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}

/// Judges a program with its arguments before it is run: itself, behind links, with the directories on the way to it, and
/// each argument that is the path of a file, as scripts are. What is not there is not judged. Gives what a person should be
/// told.
///
/// # Errors
/// Everybody may change one of them, or a directory on the way to it; the words name it.
pub fn judge_program(words: &[String]) -> io::Result<Vec<String>> {
    let (program, arguments) = words
        .split_first()
        .map_or(("", &[][..]), |(p, rest)| (p.as_str(), rest));
    let files = arguments
        .iter()
        .filter(|word| word.contains('/'))
        .map(PathBuf::from);
    let files = files.filter(|path| path.is_file());
    let mut worries = Vec::new();
    for path in program_of(program).into_iter().chain(files) {
        let shown = path.display();
        let named = |error: io::Error| io::Error::new(error.kind(), format!("{shown} {error}"));
        // a program need not be readable to be run
        let metadata = path.metadata()?;
        kind_of(&metadata).map_err(named)?;
        let system = || rustix::fs::statvfs(&path);
        let found = judge_metadata(&path, &metadata, Holds::Trusted, system).map_err(named)?;
        worries.extend(found.into_iter().map(|worry| format!("{shown} {worry}")));
    }
    worries.extend(before_it(program)?);
    Ok(worries)
}

/// Whoever may write a directory of `PATH` that is looked at first puts another program before this one.
fn before_it(program: &str) -> io::Result<Vec<String>> {
    let mut worries = Vec::new();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let first = std::env::split_paths(&path).map(|directory| directory.join(program));
    let us = rustix::process::geteuid().as_raw();
    for at in first.take_while(|at| !program.contains('/') && !is_executable(at)) {
        if at.parent().is_none_or(|directory| !directory.is_dir()) {
            continue;
        }
        let named = |words: String| format!("{program}, sought in PATH, {words}");
        let found = way::judge(&at, us).map_err(|e| io::Error::new(e.kind(), named(e.to_string())))?;
        worries.extend(found.into_iter().map(named));
    }
    Ok(worries)
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    #[test]
    fn a_program_and_a_script_are_judged_behind_links_and_with_the_way_to_them() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir(at("bin")).unwrap();
        fs::write(at("bin/tell.sh"), "#!/bin/sh\n").unwrap();
        symlink(at("bin/tell.sh"), at("link")).unwrap();
        let set = |name: &str, mode| fs::set_permissions(at(name), Permissions::from_mode(mode)).unwrap();
        let word = |name: &str| at(name).display().to_string();
        for words in [
            vec![word("bin/tell.sh")],
            vec![word("link"), "--now".to_owned()],
            vec!["/bin/sh".to_owned(), "-e".to_owned(), word("bin/tell.sh")],
        ] {
            set("bin", 0o755);
            // whoever may not read a program may run it
            for mode in [0o755, 0o711] {
                set("bin/tell.sh", mode);
                assert_eq!(judge_program(&words).unwrap(), Vec::<String>::new(), "{words:?}");
            }
            set("bin/tell.sh", 0o777);
            let refused = judge_program(&words).unwrap_err().to_string();
            let path = words
                .iter()
                .find(|word| word.contains(&word_of(folder.path())))
                .unwrap();
            assert!(
                refused.starts_with(path.as_str()) && refused.contains("chmod o-w "),
                "{refused}"
            );
            set("bin/tell.sh", 0o775);
            let told = judge_program(&words).unwrap();
            assert!(told.len() == 1 && told[0].contains("chmod g-w "), "{told:?}");
            set("bin/tell.sh", 0o755);
            set("bin", 0o777);
            let refused = judge_program(&words).unwrap_err().to_string();
            assert!(
                refused.contains("in a directory that everybody may change"),
                "{refused}"
            );
        }
        set("bin", 0o755);
        // nobody is told of what is not there: that it cannot be started is said elsewhere
        assert!(judge_program(&[word("nothing")]).is_ok() && judge_program(&[]).is_ok());
    }

    fn word_of(path: &Path) -> String {
        path.display().to_string()
    }
}
