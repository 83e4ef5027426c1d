//! What earlier versions, or people, left for others to read: files are made for their owner alone, and those that are there
//! keep their mode.

use std::path::Path;

use casimir_dkg::engine::service::Judged;
use casimir_dkg::secrets;
use casimir_dkg::types::counted;

use super::Finding;

/// A directory's files are counted up to so many.
const MOST: usize = 100_000;

/// What a start says of a file that it opens: it would not begin, or warns.
pub(super) fn judged(file: &Judged) -> Vec<Finding> {
    let what = file.what.as_str();
    let shown = file.path.display();
    match file.judge() {
        Ok(worries) => {
            let warn = |worry: &String| Finding::warn(what, format!("{shown} {worry}"), "");
            worries.iter().map(warn).collect()
        }
        Err(error) => vec![Finding::fail(
            what,
            format!("{shown} {error}"),
            "a start refuses it",
        )],
    }
}

/// Files of a directory that others may read or change; `None` where there are none. `is_ours` knows them by their names.
pub(super) fn open_to_others(
    what: &str,
    directory: &Path,
    is_ours: impl Fn(&str) -> bool,
) -> Option<Finding> {
    use std::os::unix::fs::MetadataExt as _;

    let files = std::fs::read_dir(directory)
        .ok()?
        .take(MOST)
        .filter_map(Result::ok);
    let mut open: Vec<_> = files
        .filter(|file| file.file_name().to_str().is_some_and(&is_ours))
        .filter_map(|file| {
            let found = file.metadata().ok().filter(std::fs::Metadata::is_file)?;
            let mode = found.mode() & 0o777;
            (mode & 0o077 != 0).then(|| (file.path(), mode))
        })
        .collect();
    open.sort();
    let (first, mode) = open.first()?;
    Some(Finding::warn(
        what,
        format!(
            "{} may be read by others, {} (mode {mode:03o}) the first of them: made before files were made for their owner alone, \
             or opened by somebody",
            counted(open.len(), "file"),
            first.display()
        ),
        &format!(
            "find {} -maxdepth 1 -type f -exec chmod go= {{}} +",
            directory.display()
        ),
    ))
}

/// Whether others may make, remove and exchange files of a directory; `None` where they may not, or it is not there.
pub(super) fn written_by_others(what: &str, directory: &Path) -> Option<Finding> {
    let why = secrets::judge_directory(directory).filter(|_| directory.is_dir())?;
    Some(Finding::warn(
        what,
        why,
        "whoever may write a directory exchanges what stands in it",
    ))
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn what_others_may_read_is_counted_and_what_is_not_ours_is_not() {
        let folder = tempfile::tempdir().unwrap();
        for (name, mode) in [
            ("a.log", 0o600),
            ("b.log", 0o644),
            ("c.log", 0o640),
            ("notes", 0o644),
        ] {
            let file = folder.path().join(name);
            fs::write(&file, "").unwrap();
            fs::set_permissions(&file, Permissions::from_mode(mode)).unwrap();
        }
        let logs = |name: &str| name.ends_with(".log");
        let finding = open_to_others("logs", folder.path(), logs).unwrap();
        let words = finding.found.as_str();
        assert!(
            words.starts_with("2 files may be read") && words.contains("b.log (mode 644)"),
            "{words}"
        );
        assert!(finding.hint.unwrap().as_str().contains("chmod go="));
        let none = open_to_others("logs", folder.path(), |name| name == "a.log");
        assert!(none.is_none(), "{none:?}");
    }

    #[test]
    fn a_file_that_stops_the_start_fails_and_one_that_it_warns_of_is_told() {
        use std::os::unix::fs::PermissionsExt as _;

        use casimir_dkg::secrets::Holds;

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("initiator.pem");
        let found = |holds, is_needed| {
            let file = Judged {
                what: "dkg.initiator_key_file".to_owned(),
                path: path.clone(),
                holds,
                is_needed,
            };
            format!("{:?}", judged(&file))
        };
        assert!(found(Holds::Secret, true).contains("Fail"));
        assert_eq!(found(Holds::Secret, false), "[]");
        std::fs::write(&path, "x").unwrap();
        for (mode, holds, words) in [
            (0o666, Holds::Secret, "chmod o-w "),
            (0o666, Holds::Trusted, "chmod o-w "),
            (0o644, Holds::Secret, "chmod 600 "),
            (0o664, Holds::Trusted, "chmod g-w "),
        ] {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            let told = found(holds, true);
            assert!(told.contains(words), "{mode:o}: {told}");
            assert_eq!(told.contains("Fail"), mode == 0o666, "{told}");
        }
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        assert_eq!(found(Holds::Secret, true), "[]");
    }
}
