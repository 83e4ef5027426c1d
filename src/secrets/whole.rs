//! Files with keys that appear as a whole or not at all: a new one never over another, a changed one in the place of the
//! old one, for the same owner, group and mode.

use std::fs::{File, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, fchown};
use std::path::{Path, PathBuf};

use tempfile::TempPath;

use super::partial_of;
use crate::owner;

/// How far a file that has its name is safe from a power cut.
#[derive(Debug)]
#[must_use]
pub enum Placed {
    /// File and name are on the disk.
    Durable,
    /// The name could not be synced: a power cut now may bring back what was there before.
    Unsynced(io::Error),
}

impl Placed {
    fn of(place: &Path) -> Self {
        match File::open(owner::parent(place)).and_then(|directory| directory.sync_all()) {
            Ok(()) => Self::Durable,
            Err(error) => Self::Unsynced(error),
        }
    }

    /// What a person is told of it, where there is something to tell.
    #[must_use]
    pub fn warning(&self, place: &Path) -> Option<String> {
        match self {
            Self::Durable => None,
            Self::Unsynced(error) => Some(format!(
                "{} is written, but its directory could not be synced ({error}): a power cut now may undo it",
                place.display()
            )),
        }
    }
}

/// Writes a new file (mode 0600), which belongs to whoever the directory belongs to where root writes it.
///
/// # Errors
/// It is there already ([`io::ErrorKind::AlreadyExists`]), or cannot be written; nothing is left behind.
pub fn create_whole(place: &Path, content: &[u8]) -> io::Result<Placed> {
    let (partial, _) = filled(place, content)?;
    partial
        .persist_noclobber(place)
        .map_err(|refused| refused.error)?;
    Ok(Placed::of(place))
}

/// What is to take the place of another file, for whoever wants to read it back first. Dropped, it is removed.
#[derive(Debug)]
pub struct Successor {
    partial: TempPath,
    place: PathBuf,
}

impl Successor {
    /// Writes what is to replace the file at `place`, or the one where a link there leads to, with its owner, group and mode:
    /// whoever reads the old one must be able to read the new one, also where root replaces it.
    ///
    /// # Errors
    /// The file is not there, or its successor cannot be written or given to its owner.
    pub fn of(place: &Path, content: &[u8]) -> io::Result<Self> {
        let place = place.canonicalize()?;
        let (partial, new) = filled(&place, content)?;
        let (old, made) = (place.metadata()?, new.metadata()?);
        if (old.uid(), old.gid()) != (made.uid(), made.gid()) {
            fchown(&new, Some(old.uid()), Some(old.gid())).map_err(|error| {
                let (user, group) = (old.uid(), old.gid());
                let words = format!(
                    "belongs to uid {user}, gid {group}, and a new one cannot be given to them ({error}): run this as that \
                     user or as root"
                );
                io::Error::new(error.kind(), words)
            })?;
        }
        // after the owner: a change of that clears bits
        new.set_permissions(Permissions::from_mode(old.mode() & 0o777))?;
        Ok(Self { partial, place })
    }

    /// Where it stands until it takes over.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.partial
    }

    /// Takes the old one's place.
    ///
    /// # Errors
    /// It cannot: the old one stays.
    pub fn take_over(self) -> io::Result<Placed> {
        self.partial
            .persist(&self.place)
            .map_err(|refused| refused.error)?;
        Ok(Placed::of(&self.place))
    }
}

/// A file beside `place` with this content, synced, and still open.
fn filled(place: &Path, content: &[u8]) -> io::Result<(TempPath, File)> {
    let partial = partial_of(place)?;
    let mut file = File::options().write(true).open(&partial)?;
    file.write_all(content)?;
    file.sync_all()?;
    Ok((partial, file))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{chown, symlink};

    use super::*;
    use crate::owner::tests::{SERVICE, theirs};

    fn taken(placed: io::Result<Placed>) {
        assert!(matches!(placed.unwrap(), Placed::Durable));
    }

    #[test]
    fn a_new_file_is_its_owners_alone_and_replaces_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("key");
        taken(create_whole(&place, b"one"));
        assert_eq!(fs::metadata(&place).unwrap().mode() & 0o777, 0o600);
        let refused = create_whole(&place, b"two").unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read(&place).unwrap(), b"one");
        assert_eq!(
            fs::read_dir(folder.path()).unwrap().count(),
            1,
            "nothing beside it"
        );
    }

    #[test]
    fn a_successor_has_the_mode_of_the_file_behind_a_link_and_the_link_stays() {
        let folder = tempfile::tempdir().unwrap();
        let (place, link) = (folder.path().join("key"), folder.path().join("link"));
        fs::write(&place, "one").unwrap();
        fs::set_permissions(&place, Permissions::from_mode(0o640)).unwrap();
        symlink("key", &link).unwrap();
        drop(Successor::of(&link, b"dropped").unwrap());
        assert_eq!(fs::read(&place).unwrap(), b"one");
        taken(Successor::of(&link, b"two").unwrap().take_over());
        assert!(link.is_symlink());
        assert_eq!(fs::read(&place).unwrap(), b"two");
        assert_eq!(fs::metadata(&place).unwrap().mode() & 0o777, 0o640);
        assert_eq!(
            fs::read_dir(folder.path()).unwrap().count(),
            2,
            "nothing beside it"
        );
    }

    /// Root changes a password of a service: the service still opens the file.
    #[test]
    fn a_successor_belongs_to_whoever_had_the_file_and_to_its_group() {
        let Some(theirs) = theirs() else { return };
        let ours = tempfile::tempdir().unwrap();
        for (folder, user, group) in [
            (ours.path(), SERVICE, SERVICE),
            (ours.path(), 0, SERVICE),
            (theirs.path(), 0, 0),
            (theirs.path(), SERVICE, 0),
        ] {
            let place = folder.join(format!("{user}-{group}"));
            fs::write(&place, "one").unwrap();
            chown(&place, Some(user), Some(group)).unwrap();
            fs::set_permissions(&place, Permissions::from_mode(0o640)).unwrap();
            taken(Successor::of(&place, b"two").unwrap().take_over());
            let found = fs::metadata(&place).unwrap();
            assert_eq!(
                (found.uid(), found.gid(), found.mode() & 0o777),
                (user, group, 0o640)
            );
        }
        let made = theirs.path().join("new");
        taken(create_whole(&made, b"one"));
        assert_eq!(fs::metadata(&made).unwrap().uid(), SERVICE);
    }
}
