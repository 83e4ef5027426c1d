//! A child process of the local network.
//!
//! It must not outlive us, not even when we are killed with SIGKILL and can do nothing about it. So a small shell
//! script (`supervise.sh`) stands between: it holds the reading end of a pipe from us, and kills the child when that
//! ends.

use std::collections::VecDeque;
use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};

use crate::types::SafeText;

/// Runs its arguments as a command that ends with us.
const SUPERVISE: &str = include_str!("supervise.sh");
/// Lines of output that are kept to explain an end.
const LAST_LINES: usize = 12;

/// A command that runs `program` in a process group of its own, until the pipe to its standard input is closed.
pub(super) fn supervised(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new("sh");
    command
        .args(["-c", SUPERVISE, "supervise"])
        .arg(program)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0);
    command
}

/// A running child. It is killed with everything that it started when this is dropped.
#[derive(Debug)]
pub(super) struct Supervised {
    supervisor: Mutex<Child>,
    output: Arc<Mutex<VecDeque<String>>>,
}

impl Supervised {
    /// Starts a command of [`supervised`]. `heard` is called with each line that it writes, and is dropped when it
    /// writes no more.
    ///
    /// # Errors
    /// There is no shell.
    pub(super) fn start(
        mut command: Command,
        heard: impl Fn(&str) + Clone + Send + 'static,
    ) -> std::io::Result<Self> {
        let mut supervisor = command.spawn()?;
        let output = Arc::default();
        if let (Some(stdout), Some(stderr)) = (supervisor.stdout.take(), supervisor.stderr.take()) {
            drain(stdout, Arc::clone(&output), heard.clone());
            drain(stderr, Arc::clone(&output), heard);
        }
        Ok(Self {
            supervisor: Mutex::new(supervisor),
            output,
        })
    }

    /// Why it is gone, if it is.
    pub(super) fn exited(&self) -> Option<SafeText> {
        let mut supervisor = self.supervisor.lock().unwrap_or_else(PoisonError::into_inner);
        let status = supervisor.try_wait().ok().flatten()?;
        Some(SafeText::new(&format!("{status}: {}", self.last_lines())))
    }

    /// The end of what it wrote.
    pub(super) fn last_lines(&self) -> String {
        let lines = self.output.lock().unwrap_or_else(PoisonError::into_inner);
        lines.iter().cloned().collect::<Vec<_>>().join("; ")
    }
}

impl Drop for Supervised {
    fn drop(&mut self) {
        let supervisor = self.supervisor.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Ok(Some(_)) = supervisor.try_wait() {
            return;
        }
        // not waited for yet, so the process group's number cannot belong to anyone else
        let group = i32::try_from(supervisor.id())
            .ok()
            .and_then(rustix::process::Pid::from_raw);
        if let Some(group) = group
            && let Err(error) = rustix::process::kill_process_group(group, rustix::process::Signal::KILL)
        {
            tracing::debug!(target: "devnet", %error, "a child's process group was gone already");
        }
        drop(supervisor.stdin.take());
        if let Err(error) = supervisor.wait() {
            tracing::warn!(target: "devnet", %error, "a child could not be waited for");
        }
    }
}

/// Reads an output to its end: a full pipe would stop the child.
fn drain(
    source: impl Read + Send + 'static,
    lines: Arc<Mutex<VecDeque<String>>>,
    heard: impl Fn(&str) + Send + 'static,
) {
    std::thread::spawn(move || {
        let mut reader = BufReader::new(source);
        let mut buffer = Vec::new();
        loop {
            buffer.clear();
            match reader.read_until(b'\n', &mut buffer) {
                Ok(0) | Err(_) => return,
                Ok(_) => {}
            }
            let line = String::from_utf8_lossy(&buffer).trim().to_owned();
            if line.is_empty() {
                continue;
            }
            heard(&line);
            let mut lines = lines.lock().unwrap_or_else(PoisonError::into_inner);
            if lines.len() == LAST_LINES {
                lines.pop_front();
            }
            lines.push_back(line);
        }
    });
}
