//! Where a process may keep what lasts no longer than itself: sockets and locks.

use std::path::PathBuf;

/// The directories for what lasts no longer than a process, as the environment names them.
#[derive(Debug, Clone, Default)]
pub struct Surroundings {
    /// The first entry of `RUNTIME_DIRECTORY`: the service manager's.
    pub service: Option<PathBuf>,
    /// `XDG_RUNTIME_DIR`: of the login session.
    pub session: Option<PathBuf>,
}

impl Surroundings {
    /// Those of this process; what is empty counts as not there.
    #[must_use]
    pub fn of_process() -> Self {
        let directory = |name| std::env::var_os(name).filter(|value| !value.is_empty());
        let service = directory("RUNTIME_DIRECTORY").map(|all| {
            let all = all.to_string_lossy().into_owned();
            PathBuf::from(all.split(':').next().unwrap_or_default())
        });
        Self {
            service,
            session: directory("XDG_RUNTIME_DIR").map(PathBuf::from),
        }
    }
}
