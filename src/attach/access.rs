//! Who may sit down, and as what.

use std::fmt;
use std::path::{Path, PathBuf};

use nix::unistd::Group;

use super::Person;
use crate::config::{Access, Who};

/// What a seat may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// See everything, ask nothing.
    View,
    /// See everything, decide everything.
    Approve,
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::View => "view",
            Self::Approve => "approve",
        })
    }
}

/// Whether a person is meant.
fn is(who: &Who, person: &Person) -> bool {
    match who {
        Who::User(name) => person.name() == Some(name),
        Who::Uid(uid) => person.uid == *uid,
        // asked at each connection: groups change while an engine runs
        Who::Group(name) => {
            let group = Group::from_name(name).ok().flatten();
            group.is_some_and(|group| person.is_member(&group))
        }
    }
}

/// The socket's file cannot be opened to those who should reach it.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    /// The group does not exist.
    #[error("attach.group: this system has no group \"{0}\"")]
    NoGroup(String),
    /// The file or its directory cannot be given to the group.
    #[error("attach.group: {} cannot be given to the group {group}: {error}", .path.display())]
    Group {
        /// Which file.
        path: PathBuf,
        /// Which group.
        group: String,
        /// What the system said.
        #[source]
        error: std::io::Error,
    },
    /// Its mode cannot be set.
    #[error("the mode of {} cannot be set: {error}", .path.display())]
    Mode {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        #[source]
        error: std::io::Error,
    },
}

impl Access {
    /// What a person may do; none: not even look.
    #[must_use]
    pub fn role(&self, person: &Person, engine_uid: u32) -> Option<Role> {
        let of = |list: &[Who]| list.iter().any(|who| is(who, person));
        let by_default = self.approve.is_empty() && (person.uid == engine_uid || person.uid == 0);
        if by_default || of(&self.approve) {
            Some(Role::Approve)
        } else if of(&self.view) {
            Some(Role::View)
        } else {
            None
        }
    }

    /// Sets mode and group of the socket, and of its directory where that is the engine's own.
    ///
    /// # Errors
    /// The group is unknown, or the system refuses.
    pub(super) fn open(&self, socket: &Path, own_directory: Option<&Path>) -> Result<(), AccessError> {
        let Some(name) = &self.group else {
            return set_mode(socket, 0o600);
        };
        let group = Group::from_name(name)
            .ok()
            .flatten()
            .ok_or_else(|| AccessError::NoGroup(name.clone()))?;
        let give = |path: &Path| {
            std::os::unix::fs::chown(path, None, Some(group.gid.as_raw())).map_err(|error| {
                AccessError::Group {
                    path: path.to_owned(),
                    group: name.clone(),
                    error,
                }
            })
        };
        if let Some(directory) = own_directory {
            // passing through is enough to reach the socket by its name
            give(directory)?;
            set_mode(directory, 0o710)?;
        }
        give(socket)?;
        set_mode(socket, 0o660)
    }
}

fn set_mode(path: &Path, mode: u32) -> Result<(), AccessError> {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).map_err(|error| AccessError::Mode {
        path: path.to_owned(),
        error,
    })
}
