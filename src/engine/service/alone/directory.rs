//! A directory in which nobody else can make or exchange a lock.

use std::path::{Path, PathBuf};

use crate::types::SafeText;

/// What lasts no longer than a process: the service manager's directory, the login session's, else one of this user's own
/// among the temporary files, which everybody may write.
///
/// # Errors
/// In words, why none is safe.
pub(super) fn for_runtime() -> Result<PathBuf, SafeText> {
    let around = crate::runtime::Surroundings::of_process();
    let session = around.session.map(|path| path.join("casimir-dkg"));
    if let Some(directory) = around.service.or(session) {
        return Ok(directory);
    }
    let me = rustix::process::geteuid().as_raw();
    own(&std::env::temp_dir().join(format!("casimir-dkg-{me}")), me)
}

/// That directory, made where it is missing, if it is this user's alone.
fn own(path: &Path, me: u32) -> Result<PathBuf, SafeText> {
    use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};

    let made = std::fs::DirBuilder::new().mode(0o700).create(path);
    // what a link leads to is whoever made the link's choice
    let found = std::fs::symlink_metadata(path);
    let why = match (&made, &found) {
        (_, Ok(found)) if !found.is_dir() => "is no directory".to_owned(),
        (_, Ok(found)) if found.uid() != me => format!("was made by another user (uid {})", found.uid()),
        (_, Ok(found)) if found.mode() & 0o022 != 0 => "may be written by others".to_owned(),
        (_, Ok(_)) => return Ok(path.to_owned()),
        (Err(error), _) | (_, Err(error)) => error.to_string(),
    };
    Err(SafeText::new(&format!(
        "{} {why}: no lock is kept there, and an oracle of this user with another state directory is kept away by its name \
         alone; remove it",
        path.display()
    )))
}

/// Whose directory it is.
pub(super) fn owner(path: &Path) -> Option<u32> {
    use std::os::unix::fs::MetadataExt as _;
    std::fs::metadata(path).ok().map(|found| found.uid())
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    #[test]
    fn a_directory_among_temporary_files_is_this_users_alone_or_not_used() {
        let folder = tempfile::tempdir().unwrap();
        let me = rustix::process::geteuid().as_raw();
        let good = folder.path().join("good");
        assert_eq!(own(&good, me).unwrap(), good);
        assert_eq!(own(&good, me).unwrap(), good, "it is there");
        let why = |path: &Path, me| own(path, me).unwrap_err().to_string();
        assert!(why(&good, me + 1).contains(&format!("(uid {me})")));
        fs::set_permissions(&good, Permissions::from_mode(0o777)).unwrap();
        assert!(why(&good, me).contains("may be written by others"));
        let link = folder.path().join("link");
        symlink(folder.path(), &link).unwrap();
        assert!(why(&link, me).contains("is no directory"));
        assert!(why(&folder.path().join("none/below"), me).contains("No such file"));
    }
}
