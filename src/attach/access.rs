//! Who may sit down, and as what.

use std::fmt;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use nix::unistd::Group;

use super::Person;
use crate::config::{Access, Who};
use crate::types::SafeText;

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
        path: PathBuf,
        group: String,
        /// What the system said.
        #[source]
        error: std::io::Error,
    },
    /// Its mode cannot be set.
    #[error("the mode of {} cannot be set: {error}", .path.display())]
    Mode {
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
            // a service manager may have opened it to everybody already
            let mode = mode_of(directory)?;
            if mode & 0o001 == 0 {
                give(directory)?;
                set_mode(directory, mode | 0o010)?;
            }
        }
        give(socket)?;
        set_mode(socket, 0o660)
    }
}

impl Access {
    /// The directory on the way to the socket that lets the configured group not pass, in words; none where all do, or
    /// where no group is configured. What access lists of the file system say beyond the mode is not looked at.
    #[must_use]
    pub fn obstacle(&self, socket: &Path) -> Option<SafeText> {
        let name = self.group.as_ref()?;
        let group = Group::from_name(name).ok().flatten()?;
        let socket = socket.canonicalize().ok()?;
        let shut = |directory: &&Path| {
            std::fs::metadata(directory).is_ok_and(|found| {
                let of_group = found.gid() == group.gid.as_raw();
                let passes = if of_group { 0o010 } else { 0o001 };
                found.mode() & passes == 0
            })
        };
        let directory = socket.ancestors().skip(1).find(shut)?;
        let mode = std::fs::metadata(directory).ok()?.mode() & 0o7777;
        Some(SafeText::new(&format!(
            "attach.group: the group {name} cannot reach {}: {} (mode {mode:04o}) lets it not pass; give it that (chgrp {name} \
             and chmod g+x), or have the socket elsewhere (attach.socket)",
            socket.display(),
            directory.display()
        )))
    }
}

fn mode_of(path: &Path) -> Result<u32, AccessError> {
    match std::fs::metadata(path) {
        Ok(found) => Ok(found.mode() & 0o7777),
        Err(error) => Err(AccessError::Mode {
            path: path.to_owned(),
            error,
        }),
    }
}

fn set_mode(path: &Path, mode: u32) -> Result<(), AccessError> {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).map_err(|error| AccessError::Mode {
        path: path.to_owned(),
        error,
    })
}
