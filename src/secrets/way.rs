//! The directories on the way to a file. Whoever may write one of them puts another one in the place of what follows, and so
//! another file in the place of this one.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Component, Path, PathBuf};

/// A system follows no more links than so many.
const MOST_LINKS: usize = 40;

/// What is wrong with a directory that is walked through on the way to a file: each, also those of links.
///
/// # Errors
/// Everybody may change one. In one with the sticky bit, like `/tmp`, nobody exchanges the files of others.
pub(super) fn judge(path: &Path, us: u32) -> io::Result<Vec<String>> {
    let (mut worries, mut is_of_another) = (Vec::new(), false);
    for directory in directories(path)? {
        // what is gone by now, or may not be looked at, was no way to the file
        let Ok(found) = directory.metadata() else {
            continue;
        };
        let (mode, shown) = (found.mode(), directory.display());
        let is_sticky = mode & 0o1000 != 0;
        if mode & 0o002 != 0 && !is_sticky {
            let words = format!("is in a directory that everybody may change: chmod o-w {shown}");
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, words));
        }
        if mode & 0o020 != 0 && !is_sticky && found.gid() != 0 {
            worries.push(format!(
                "is in a directory that its group may change (mode {:03o}): chmod g-w {shown}",
                mode & 0o777
            ));
        }
        let owner = found.uid();
        // what stands below is told by the first of them
        if owner != 0 && owner != us && !std::mem::replace(&mut is_of_another, true) {
            worries.push(format!(
                "is in a directory of another user, who may change it (number {owner}, we are {us}): chown {us} {shown}"
            ));
        }
    }
    Ok(worries)
}

/// Every directory that the system walks through, in its order, each by a name without links.
fn directories(path: &Path) -> io::Result<Vec<PathBuf>> {
    let mut rest: VecDeque<OsString> = parts(&std::path::absolute(path)?);
    let (mut here, mut walked, mut links) = (PathBuf::from("/"), Vec::new(), 0);
    while let Some(part) = rest.pop_front() {
        if part == ".." {
            here.pop();
            continue;
        }
        if !walked.contains(&here) {
            walked.push(here.clone());
        }
        let next = here.join(&part);
        match next.read_link() {
            Ok(_) if links == MOST_LINKS => return Err(io::Error::other("leads through too many links")),
            Ok(target) => {
                links += 1;
                if target.is_absolute() {
                    here = PathBuf::from("/");
                }
                for part in parts(&target).into_iter().rev() {
                    rest.push_front(part);
                }
            }
            Err(_) => here = next,
        }
    }
    Ok(walked)
}

fn parts(path: &Path) -> VecDeque<OsString> {
    let named = path.components().filter_map(|part| match part {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some("..".into()),
        Component::RootDir | Component::CurDir | Component::Prefix(_) => None,
    });
    named.collect()
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    fn us() -> u32 {
        rustix::process::geteuid().as_raw()
    }

    #[test]
    fn every_directory_on_the_way_counts_also_those_of_links() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        for at in ["a/b/c", "links", "far/away"] {
            fs::create_dir_all(root.join(at)).unwrap();
        }
        fs::write(root.join("a/b/c/key"), "x").unwrap();
        symlink(root.join("a"), root.join("far/away/a")).unwrap();
        symlink("../far/away/a/b/c/key", root.join("links/key")).unwrap();
        let (straight, linked) = (root.join("a/b/c/key"), root.join("links/key"));
        let set = |at: &str, mode| fs::set_permissions(root.join(at), Permissions::from_mode(mode)).unwrap();
        for (at, is_straight) in [
            ("a", true),
            ("a/b", true),
            ("far", false),
            ("far/away", false),
            ("links", false),
        ] {
            assert_eq!(judge(&linked, us()).unwrap(), Vec::<String>::new());
            set(at, 0o777);
            let words = judge(&linked, us()).unwrap_err().to_string();
            assert!(
                words.ends_with(&format!("chmod o-w {}", root.join(at).display())),
                "{words}"
            );
            assert_eq!(judge(&straight, us()).is_err(), is_straight, "{at}");
            set(at, 0o1777);
            assert_eq!(judge(&linked, us()).unwrap(), Vec::<String>::new(), "as in /tmp");
            set(at, 0o755);
        }
    }

    #[test]
    fn a_group_that_may_write_one_and_its_owner_are_told() {
        let folder = tempfile::tempdir().unwrap();
        let (up, file) = (folder.path().join("up"), folder.path().join("up/down/key"));
        fs::create_dir_all(folder.path().join("up/down")).unwrap();
        fs::set_permissions(&up, Permissions::from_mode(0o775)).unwrap();
        // that of root is root's own business; only root can give it to another one
        let is_given = std::os::unix::fs::chown(&up, None, Some(54_321)).is_ok();
        let told = judge(&file, us()).unwrap();
        if is_given || fs::metadata(&up).unwrap().gid() != 0 {
            assert!(told.len() == 1 && told[0].contains("chmod g-w "), "{told:?}");
        }
        fs::set_permissions(&up, Permissions::from_mode(0o755)).unwrap();
        assert_eq!(judge(&file, us()).unwrap(), Vec::<String>::new());
        let told = judge(&file, us() + 1);
        if us() != 0 {
            assert!(
                told.unwrap()
                    .iter()
                    .any(|words| words.contains("of another user"))
            );
        } else if std::os::unix::fs::chown(&up, Some(54_321), None).is_ok() {
            let told = judge(&file, us()).unwrap();
            assert!(told.len() == 1 && told[0].contains("of another user"), "{told:?}");
        }
    }

    #[test]
    fn a_ring_of_links_ends() {
        let folder = tempfile::tempdir().unwrap();
        symlink("b", folder.path().join("a")).unwrap();
        symlink("a", folder.path().join("b")).unwrap();
        let error = judge(&folder.path().join("a/x"), us()).unwrap_err();
        assert!(error.to_string().contains("too many links"), "{error}");
    }
}
