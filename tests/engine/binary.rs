//! The real binary, without a screen.

use std::io::{BufRead as _, BufReader, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::support::Ground;

pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_casimir-dkg");

const END: Duration = crate::TIMEOUT;

/// A running `casimir-dkg headless`, killed when dropped.
pub(crate) struct Binary {
    pub(crate) child: Child,
    /// Everything that it wrote, by line.
    said: Lines,
    /// Its output, and its log.
    printed: Lines,
    logged: Lines,
}

type Lines = Arc<Mutex<Vec<String>>>;

/// How much of something the tests do.
const LENGTHS: [&str; 4] = [
    "CASIMIR_DKG_REAL_LIVES",
    "CASIMIR_DKG_SOAK",
    "CASIMIR_DKG_LIVES",
    "CASIMIR_DKG_SEED",
];

impl Binary {
    /// Starts it on the network of `ground`, with these variables.
    pub(crate) fn start(ground: &Ground, variables: &[(&str, &str)]) -> Self {
        Self::spawn(ground, Command::new(PROGRAM), &["--auto-approve"], variables)
    }

    /// The same, where a person decides.
    pub(crate) fn start_supervised(ground: &Ground) -> Self {
        Self::start_supervised_with(ground, &[])
    }

    /// The same, with these variables.
    pub(crate) fn start_supervised_with(ground: &Ground, variables: &[(&str, &str)]) -> Self {
        Self::spawn(
            ground,
            Command::new(PROGRAM),
            &["--mode", "supervised"],
            variables,
        )
    }

    /// The same, where a file that may not grow is an error, as on a full disk, and not a deadly signal.
    pub(crate) fn start_on_a_small_disk(ground: &Ground) -> Self {
        let mut shell = Command::new("sh");
        shell.args(["-c", r#"trap '' XFSZ; exec "$0" "$@""#, PROGRAM]);
        Self::spawn(ground, shell, &["--auto-approve"], &[])
    }

    fn spawn(ground: &Ground, mut command: Command, mode: &[&str], variables: &[(&str, &str)]) -> Self {
        command
            .arg("--config")
            .arg(ground.network.config_file())
            .arg("headless")
            .args(mode)
            .env("CASIMIR_DKG_STATE_DIR", ground.network.folder())
            .env("CASIMIR_DKG_DKG_ROUND_DEADLINE", "3s")
            .envs(variables.iter().copied());
        Self::run(command)
    }

    /// Starts this very command.
    pub(crate) fn run(mut command: Command) -> Self {
        // what says how long the tests take is no setting of the program, which refuses variables that it does not know
        for length in LENGTHS {
            command.env_remove(length);
        }
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let (said, printed, logged) = (Lines::default(), Lines::default(), Lines::default());
        listen(child.stdout.take().unwrap(), [&said, &printed]);
        listen(child.stderr.take().unwrap(), [&said, &logged]);
        Self {
            child,
            said,
            printed,
            logged,
        }
    }

    /// All lines until now.
    pub(crate) fn said(&self) -> Vec<String> {
        self.said.lock().unwrap().clone()
    }

    /// The lines of its output until now.
    pub(crate) fn printed(&self) -> Vec<String> {
        self.printed.lock().unwrap().clone()
    }

    /// The lines of its log until now.
    pub(crate) fn logged(&self) -> Vec<String> {
        self.logged.lock().unwrap().clone()
    }

    /// Waits for the end of the process.
    pub(crate) async fn ended(&mut self) -> ExitStatus {
        let started = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            let said = self.said();
            assert!(started.elapsed() < END, "it does not end:\n{}", said.join("\n"));
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits for a line that may come after the end of the process: its readers lag behind.
    pub(crate) async fn has_said(&self, what: &str) {
        let started = Instant::now();
        while !self.said().iter().any(|line| line.contains(what)) {
            let said = self.said();
            assert!(
                started.elapsed() < END,
                "{what:?} was not said:\n{}",
                said.join("\n")
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits for a line that comes after the first `skip` lines; gives its number.
    pub(crate) async fn says(&mut self, what: &str, skip: usize, within: Duration) -> usize {
        let started = Instant::now();
        loop {
            let said = self.said();
            if let Some(n) = said.iter().skip(skip).position(|line| line.contains(what)) {
                return skip + n;
            }
            let ended = self.child.try_wait().unwrap();
            assert!(
                ended.is_none() && started.elapsed() < within,
                "{what:?} was not said ({ended:?}):\n{}",
                said.join("\n")
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

#[cfg(target_os = "linux")]
impl Binary {
    /// Asks it to end, and waits until it has.
    pub(crate) async fn end(mut self) -> ExitStatus {
        self.asked_to_end().await
    }

    /// The same, and what it said is still there.
    pub(crate) async fn asked_to_end(&mut self) -> ExitStatus {
        let pid = rustix::process::Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        self.ended().await
    }
}

impl Drop for Binary {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Ends with the process.
fn listen(stream: impl Read + Send + 'static, to: [&Lines; 2]) {
    let to = to.map(Arc::clone);
    std::thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            for lines in &to {
                lines.lock().unwrap().push(line.clone());
            }
        }
    });
}
