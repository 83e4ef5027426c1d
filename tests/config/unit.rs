//! The service unit that is shipped, played by its own rules: <https://www.freedesktop.org/software/systemd/man/latest/systemd.service.html>
//! and `systemd.unit` for the limits of starts.

use std::time::Duration;

const UNIT: &str = include_str!("../../config/casimir-dkg.service");

/// The last value of a setting.
fn setting(name: &str) -> Option<&'static str> {
    let lines = UNIT.lines().rev().filter(|line| !line.starts_with('#'));
    let mut values = lines.filter_map(|line| line.strip_prefix(name)?.strip_prefix('='));
    values.next()
}

/// `10`, `10s`, `5min`: what the unit uses of the manager's spans.
fn span(text: &str) -> Duration {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let number: u64 = digits.parse().unwrap();
    Duration::from_secs(match &text[digits.len()..] {
        "" | "s" => number,
        "min" => number * 60,
        unit => panic!("{unit}"),
    })
}

/// Whether the manager starts the program again after this end.
fn restarts(exit: i32) -> bool {
    let never = setting("RestartPreventExitStatus").unwrap_or_default();
    if never.split(' ').any(|status| status == exit.to_string()) {
        return false;
    }
    match setting("Restart").unwrap_or("no") {
        "always" => true,
        "on-failure" => exit != 0,
        "no" => false,
        other => panic!("{other}"),
    }
}

/// How often the program is started when each start ends at once with this status, before the manager gives up; none
/// when it never does.
fn starts_until_it_is_given_up(exit: i32) -> Option<u64> {
    if !restarts(exit) {
        return Some(1);
    }
    let window = span(setting("StartLimitIntervalSec").unwrap_or("10s"));
    let burst: u64 = setting("StartLimitBurst").unwrap_or("5").parse().unwrap();
    let pause = span(setting("RestartSec").unwrap_or("0"));
    let fit = if pause.is_zero() {
        u64::MAX
    } else {
        window.as_secs() / pause.as_secs()
    };
    (!window.is_zero() && fit >= burst).then_some(burst)
}

#[test]
fn whatever_may_pass_by_itself_is_tried_for_ever() {
    // a port or a lock that is taken, a full disk, a part that died, a forced end, a signal from somebody
    for exit in [1, 101, 130, 0] {
        assert_eq!(starts_until_it_is_given_up(exit), None, "status {exit}");
    }
    assert!(
        span(setting("RestartSec").unwrap()) >= Duration::from_secs(1),
        "not in a frenzy"
    );
}

#[test]
fn a_mistake_in_command_line_or_configuration_is_not_repeated() {
    for exit in [2, 3] {
        assert_eq!(starts_until_it_is_given_up(exit), Some(1), "status {exit}");
    }
}

#[test]
fn the_manager_waits_longer_for_the_end_than_the_program_takes() {
    // 10 s for work under way, then messenger and runtime: 2 s each
    assert!(span(setting("TimeoutStopSec").unwrap()) > Duration::from_secs(14));
    assert!(setting("ExecStart").unwrap().ends_with("casimir-dkg headless"));
    assert_eq!(
        setting("TimeoutStartSec"),
        Some("infinity"),
        "no limit for a start that waits"
    );
    assert_eq!(
        setting("Type"),
        Some("notify"),
        "started once it says so, whatever it waits for"
    );
    // one stream: nothing goes where the manager does not look
    assert_eq!(setting("StandardOutput"), Some("journal"));
    assert_eq!(setting("StandardError"), Some("inherit"));
}

/// Whoever decides by sudo is the person who logged in: the service must see that of root's processes.
#[test]
fn the_service_sees_who_logged_in() {
    assert_eq!(setting("ProtectProc"), None);
    assert_eq!(setting("ProcSubset"), None);
}

/// The header says who sits down; a list in the configuration replaces what is so without one.
#[test]
fn the_samples_let_in_whom_the_unit_names() {
    assert!(UNIT.contains("sits down at it, as this user or as root"));
    for (name, sample) in [
        (
            "oracle-supervised.toml",
            include_str!("../../config/samples/oracle-supervised.toml"),
        ),
        (
            "oracle-auto.toml",
            include_str!("../../config/samples/oracle-auto.toml"),
        ),
    ] {
        let sample: toml::Table = sample.parse().unwrap();
        let approve = sample["attach"]["approve"].as_array().unwrap();
        let lets_in = |who: &str| approve.iter().any(|one| one.as_str() == Some(who));
        let user = setting("User").unwrap();
        assert!(lets_in("root"), "{name}");
        assert!(lets_in(user) || lets_in(&format!("@{user}")), "{name}");
    }
}

/// The manager's side of a running unit.
#[cfg(target_os = "linux")]
mod played {
    use std::collections::VecDeque;
    use std::os::unix::net::UnixDatagram;
    use std::process::{Child, Stdio};
    use std::time::{Duration, Instant};

    use super::{setting, span};
    use crate::config::support::{self, MINIMAL};

    /// For machines that are busy with something else.
    const TIMEOUT: Duration = crate::TIMEOUT;

    struct Unit {
        child: Child,
        socket: UnixDatagram,
        heard: VecDeque<String>,
        _scratch: tempfile::TempDir,
    }

    impl Unit {
        /// Starts what the unit starts, with the variables that the manager adds; nobody answers at its node.
        fn start() -> Self {
            let scratch = tempfile::tempdir().unwrap();
            let text = MINIMAL.replace("127.0.0.1:8545", &crate::nobody().to_string());
            let text = format!(
                "{text}[dkg]\nmessenger_listen = \"127.0.0.1:0\"\n{}",
                support::operators()
            );
            let file = scratch.path().join("c.toml");
            std::fs::write(&file, text).unwrap();
            assert_eq!(setting("NotifyAccess"), Some("main"));
            let path = scratch.path().join("notify");
            let socket = UnixDatagram::bind(&path).unwrap();
            socket.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
            // as much shorter as a test is than a service's life
            let watchdog = span(setting("WatchdogSec").unwrap()) / 120;
            let arguments = setting("ExecStart").unwrap().split(' ').skip(1);
            let child = support::program(scratch.path())
                .arg("--config")
                .arg(&file)
                .args(arguments)
                .env("NOTIFY_SOCKET", &path)
                .env("WATCHDOG_USEC", watchdog.as_micros().to_string())
                .env("RUNTIME_DIRECTORY", scratch.path())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            Self {
                child,
                socket,
                heard: VecDeque::new(),
                _scratch: scratch,
            }
        }

        /// Waits until the program has said this, beyond what was waited for before.
        #[track_caller]
        fn says(&mut self, what: &str) -> String {
            let begun = Instant::now();
            let mut others = Vec::new();
            loop {
                if let Some(said) = self.heard.pop_front() {
                    if said.starts_with(what) {
                        return said;
                    }
                    others.push(said);
                    continue;
                }
                let mut buffer = [0; 4096];
                if let Ok(n) = self.socket.recv(&mut buffer) {
                    let said = String::from_utf8_lossy(&buffer[..n]).into_owned();
                    self.heard.extend(said.lines().map(str::to_owned));
                }
                let waited = begun.elapsed();
                assert!(
                    waited < TIMEOUT,
                    "{what:?} was not said, but {}",
                    others.join(", ")
                );
            }
        }

        fn signal(&self, signal: rustix::process::Signal) {
            let pid = rustix::process::Pid::from_child(&self.child);
            rustix::process::kill_process(pid, signal).unwrap();
        }
    }

    impl Drop for Unit {
        fn drop(&mut self) {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }

    #[test]
    fn it_is_ready_lives_is_reloaded_and_stopped_as_the_unit_says() {
        let mut unit = Unit::start();
        unit.says("READY=1");
        let status = unit.says("STATUS=contract-unread: waiting for the contract");
        assert!(status.len() > "STATUS=".len(), "{status}");
        for _ in 0..3 {
            unit.says("WATCHDOG=1");
        }
        assert_eq!(setting("ExecReload"), Some("/bin/kill -HUP $MAINPID"));
        unit.signal(rustix::process::Signal::HUP);
        unit.says("RELOADING=1");
        unit.says("READY=1");
        unit.signal(rustix::process::Signal::TERM);
        unit.says("STOPPING=1");
        let status = unit.child.wait().unwrap();
        assert_eq!(status.code(), Some(0), "in order");
    }
}
