//! What a service manager is told, where one asks: readiness, what is waited for, signs of life, the end. The protocol is
//! `sd_notify`'s: <https://www.freedesktop.org/software/systemd/man/latest/sd_notify.html>.

use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

use casimir_dkg::types::SafeText;

/// The manager of this process.
#[derive(Debug)]
pub(crate) struct Manager {
    to: Option<(UnixDatagram, SocketAddr)>,
    watchdog: Option<Duration>,
}

impl Manager {
    /// As the environment names it.
    pub(crate) fn of_process() -> Self {
        Self::of(|name| std::env::var(name).ok())
    }

    fn of(variable: impl Fn(&str) -> Option<String>) -> Self {
        let connect = |path: String| {
            let address = address(&path)?;
            let socket = UnixDatagram::unbound()?;
            // a manager that does not read must not stop the work
            socket.set_nonblocking(true)?;
            Ok::<_, std::io::Error>((socket, address))
        };
        let to = variable("NOTIFY_SOCKET").and_then(|path| match connect(path) {
            Ok(to) => Some(to),
            Err(error) => {
                tracing::warn!(target: "manager", %error, "the service manager's socket cannot be used");
                None
            }
        });
        // meant for another process, where a number stands and is not ours
        let ours = variable("WATCHDOG_PID").is_none_or(|pid| pid == std::process::id().to_string());
        let limit = variable("WATCHDOG_USEC").filter(|_| ours);
        Self {
            to,
            watchdog: limit
                .and_then(|micros| micros.parse().ok())
                .filter(|micros| *micros > 0)
                .map(Duration::from_micros),
        }
    }

    /// How often a sign of life is due: twice in the time that is allowed, as the manual says.
    pub(crate) fn signs_of_life(&self) -> Option<Duration> {
        self.to.as_ref()?;
        self.watchdog.map(|limit| limit / 2)
    }

    /// It runs, whatever it waits for.
    pub(crate) fn ready(&self) {
        self.tell("READY=1");
    }

    /// It reads its configuration anew; [`Self::ready`] comes after it.
    pub(crate) fn reloading(&self) {
        self.tell("RELOADING=1");
    }

    pub(crate) fn stopping(&self) {
        self.tell("STOPPING=1");
    }

    pub(crate) fn alive(&self) {
        self.tell("WATCHDOG=1");
    }

    /// One line for people: what holds it up.
    pub(crate) fn status(&self, words: &SafeText) {
        self.tell(&format!("STATUS={words}"));
    }

    fn tell(&self, state: &str) {
        if let Some((socket, address)) = &self.to
            && let Err(error) = socket.send_to_addr(state.as_bytes(), address)
        {
            tracing::debug!(target: "manager", %error, "the service manager was not told");
        }
    }
}

/// A path, or behind `@` a name without a file.
fn address(path: &str) -> std::io::Result<SocketAddr> {
    #[cfg(target_os = "linux")]
    if let Some(name) = path.strip_prefix('@') {
        use std::os::linux::net::SocketAddrExt as _;
        return SocketAddr::from_abstract_name(name);
    }
    SocketAddr::from_pathname(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_told_where_it_listens_and_how_often() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let listens = UnixDatagram::bind(&path).unwrap();
        let variables = |name: &str| match name {
            "NOTIFY_SOCKET" => Some(path.display().to_string()),
            "WATCHDOG_USEC" => Some("3000000".to_owned()),
            _ => None,
        };
        let manager = Manager::of(variables);
        assert_eq!(manager.signs_of_life(), Some(Duration::from_millis(1_500)));
        manager.ready();
        manager.status(&SafeText::new("waiting\nfor it"));
        let mut buffer = [0; 100];
        let mut heard = || {
            let n = listens.recv(&mut buffer).unwrap();
            String::from_utf8_lossy(&buffer[..n]).into_owned()
        };
        assert_eq!(heard(), "READY=1");
        assert_eq!(heard().lines().count(), 1, "one line, whatever the words");
        let for_another = Manager::of(|name| match name {
            "WATCHDOG_PID" => Some("1".to_owned()),
            other => variables(other),
        });
        assert_eq!(for_another.signs_of_life(), None);
        Manager::of(|_| None).ready();
    }
}
