//! A process that is killed while something runs for it.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Runs this test program again with `variable` set, as the test `child_that_is_killed` of `module` alone, until that
/// says by [`serves`] on which port its own child listens; then kills it. Gives that port.
pub(crate) fn port_of_a_killed_parent(module: &str, variable: &str, value: impl AsRef<OsStr>) -> u16 {
    // names of tests begin below the crate
    let (_, module) = module.split_once("::").unwrap();
    let mut parent = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            &format!("{module}::child_that_is_killed"),
            "--nocapture",
        ])
        .env(variable, value)
        .stderr(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let port = BufReader::new(parent.stderr.take().unwrap())
        .lines()
        .find_map(|line| {
            line.unwrap()
                .strip_prefix("port ")
                .map(|port| port.parse().unwrap())
        })
        .expect("the killed process starts what is to end with it");
    assert!(TcpStream::connect(("127.0.0.1", port)).is_ok());
    // SIGKILL: it can do nothing about it
    parent.kill().unwrap();
    parent.wait().unwrap();
    port
}

/// In the process that is going to be killed: what it started listens here. It then waits for its end.
pub(crate) async fn serves(port: u16) {
    let mut heard = std::io::stderr();
    writeln!(heard, "port {port}").unwrap();
    std::future::pending::<()>().await;
}

/// Whether nobody listens any more, once that is so.
pub(crate) fn gone(port: u16) -> bool {
    let started = Instant::now();
    while started.elapsed() < crate::TIMEOUT {
        if TcpStream::connect(("127.0.0.1", port)).is_err() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    false
}
