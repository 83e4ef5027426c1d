//! Who sits at the other end, as the system knows it. No environment variable is believed: anybody sets them.

use std::fmt;
use std::os::unix::fs::MetadataExt as _;

use nix::unistd::{Group, Uid, User, getgrouplist};
use tokio::net::unix::UCred;

use crate::engine::Identity;

/// A user of this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// The effective user of the process.
    pub uid: u32,
    /// Its effective group.
    pub gid: u32,
    /// The name that the system has for the user.
    name: Option<String>,
    /// Who logged in, where that is somebody else: behind `sudo` and `su`.
    login: Option<Box<Person>>,
}

impl Person {
    /// Who runs this process.
    #[must_use]
    pub fn of_this_process() -> Self {
        let process = i32::try_from(std::process::id()).ok();
        Self::of(
            nix::unistd::geteuid().as_raw(),
            nix::unistd::getegid().as_raw(),
            process,
        )
    }

    /// Who opened the other end of a socket (`SO_PEERCRED` on Linux, `getpeereid` elsewhere). The system's lists are asked
    /// for the name, and may be on a network: call it from a thread that may block.
    #[must_use]
    pub fn at(peer: UCred) -> Self {
        Self::of(peer.uid(), peer.gid(), peer.pid())
    }

    /// Whose file it is.
    pub(super) fn owns(file: &std::fs::Metadata) -> Self {
        Self::logged_in(file.uid(), file.gid(), None)
    }

    fn of(uid: u32, gid: u32, process: Option<i32>) -> Self {
        Self::logged_in(uid, gid, process.and_then(login_of))
    }

    fn logged_in(uid: u32, gid: u32, login: Option<u32>) -> Self {
        let login = login.filter(|login| *login != uid).map(|login| {
            let user = User::from_uid(Uid::from_raw(login)).ok().flatten();
            Box::new(Self {
                uid: login,
                gid: user.as_ref().map_or(gid, |user| user.gid.as_raw()),
                name: user.map(|user| user.name),
                login: None,
            })
        });
        let user = User::from_uid(Uid::from_raw(uid)).ok().flatten();
        Self {
            uid,
            gid,
            name: user.map(|user| user.name),
            login,
        }
    }

    /// As the engine takes this person. Root is the user who logged in, where the system knows that one: whoever may
    /// become root may as well be anybody else.
    #[must_use]
    pub fn identity(&self) -> Identity {
        let login = self.login.as_ref().map(|login| login.uid);
        let uid = login.filter(|_| self.uid == 0).unwrap_or(self.uid);
        Identity::of_user(self.to_string(), uid).logged_in(login.filter(|login| *login != uid))
    }

    /// The user's name, where the system has one.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// Whether the user belongs to a group, as its first one or by the system's list.
    #[must_use]
    pub fn is_member(&self, group: &Group) -> bool {
        if self.gid == group.gid.as_raw() {
            return true;
        }
        let Some(name) = self.name.as_deref().and_then(|n| std::ffi::CString::new(n).ok()) else {
            return false;
        };
        getgrouplist(&name, nix::unistd::Gid::from_raw(self.gid)).is_ok_and(|all| all.contains(&group.gid))
    }
}

impl fmt::Display for Person {
    /// `alice (uid 1000)`; behind sudo `alice (uid 1000, as root)`, and as another user
    /// `bob (uid 1001, logged in as alice, uid 1000)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unnamed = "a user without a name";
        match &self.login {
            Some(login) => {
                let (name, own) = (login.name.as_deref().unwrap_or(unnamed), self.name.as_deref());
                match self.uid {
                    0 => write!(f, "{name} (uid {}, as root)", login.uid),
                    uid => {
                        let own = own.unwrap_or(unnamed);
                        write!(f, "{own} (uid {uid}, logged in as {name}, uid {})", login.uid)
                    }
                }
            }
            None => write!(
                f,
                "{} (uid {})",
                self.name.as_deref().unwrap_or(unnamed),
                self.uid
            ),
        }
    }
}

/// The login user that Linux keeps with a process through `sudo` and `su`; set once at login, and only by root after.
fn login_of(process: i32) -> Option<u32> {
    let text = std::fs::read_to_string(format!("/proc/{process}/loginuid")).ok()?;
    login_in(&text)
}

fn login_in(text: &str) -> Option<u32> {
    // 2^32 - 1: nobody logged in, as in a service
    text.trim().parse().ok().filter(|uid| *uid != u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_is_whoever_logged_in_where_the_system_knows_that_and_plain_root_where_not() {
        let known = Person::logged_in(0, 0, login_in("12345\n"));
        assert_eq!(known.to_string(), "a user without a name (uid 12345, as root)");
        assert_eq!(known.identity().uid(), Some(12_345));
        for nobody in ["4294967295\n", "", "root"] {
            let plain = Person::logged_in(0, 0, login_in(nobody));
            assert_eq!(plain.to_string(), "root (uid 0)");
            assert_eq!(plain.identity().uid(), Some(0));
        }
    }

    #[test]
    fn two_seats_of_one_user_are_one_person_whatever_they_are_called() {
        let (one, other) = (
            Person::logged_in(12_345, 1, None),
            Person::logged_in(0, 0, Some(12_345)),
        );
        assert_ne!(one.to_string(), other.to_string());
        assert_eq!(one.identity().uid(), other.identity().uid());
    }

    #[test]
    fn whoever_became_another_user_is_told_by_both() {
        let bob = Person::logged_in(12_346, 1, login_in("12345\n"));
        let unnamed = "a user without a name";
        let words = format!("{unnamed} (uid 12346, logged in as {unnamed}, uid 12345)");
        assert_eq!(bob.to_string(), words);
        let identity = bob.identity();
        assert_eq!((identity.uid(), identity.login()), (Some(12_346), Some(12_345)));
        let own = Person::logged_in(12_346, 1, login_in("12346\n")).identity();
        assert_eq!((own.uid(), own.login()), (Some(12_346), None));
        let root = Person::logged_in(0, 0, login_in("12345\n")).identity();
        assert_eq!((root.uid(), root.login()), (Some(12_345), None));
    }
}
