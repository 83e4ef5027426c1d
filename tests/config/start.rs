//! The oracle as a process whose surroundings are down, hang, or come late: it starts, says what it waits for, and ends
//! when it is told to.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Child, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use casimir_dkg::dkg::rockx::keys::OperatorPrivateKey;
use rustix::process::Signal;
use serde_json::{Value, json};

use super::support::{self, MINIMAL};

/// For machines that are busy with something else.
const TIMEOUT: Duration = crate::TIMEOUT;

/// A running `headless`, killed when dropped.
struct Oracle {
    child: Child,
    said: Arc<Mutex<Vec<String>>>,
    scratch: tempfile::TempDir,
}

impl Oracle {
    /// With this execution node, and more in its configuration.
    fn start(node: SocketAddr, more: &str) -> Self {
        Self::start_with(node, more, &[])
    }

    /// The same with these variables.
    fn start_with(node: SocketAddr, more: &str, variables: &[(&str, &str)]) -> Self {
        let (mut oracle, stdout) = Self::unread(node, more, variables);
        let stderr = oracle.child.stderr.take().unwrap();
        oracle.listen(stdout);
        oracle.listen(stderr);
        oracle
    }

    fn unread(node: SocketAddr, more: &str, variables: &[(&str, &str)]) -> (Self, std::process::ChildStdout) {
        let scratch = tempfile::tempdir().unwrap();
        let file = scratch.path().join("c.toml");
        let text = MINIMAL.replace("127.0.0.1:8545", &node.to_string());
        fs::write(
            &file,
            format!("{text}[dkg]\nmessenger_listen = \"127.0.0.1:0\"\n{more}"),
        )
        .unwrap();
        let mut child = support::program(scratch.path())
            .arg("--config")
            .arg(&file)
            .arg("headless")
            .envs(variables.iter().copied())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let stdout = child.stdout.take().unwrap();
        let said = Arc::default();
        (Self { child, said, scratch }, stdout)
    }

    fn listen(&self, stream: impl std::io::Read + Send + 'static) {
        let said = Arc::clone(&self.said);
        std::thread::spawn(move || {
            for line in BufReader::new(stream).lines().map_while(Result::ok) {
                said.lock().unwrap().push(line);
            }
        });
    }

    fn said(&self) -> String {
        self.said.lock().unwrap().join("\n")
    }

    #[track_caller]
    fn says(&mut self, what: &str) {
        let begun = Instant::now();
        while !self.said().contains(what) {
            let ended = self.child.try_wait().unwrap();
            assert!(
                ended.is_none() && begun.elapsed() < TIMEOUT,
                "{what:?} was not said ({ended:?}):\n{}",
                self.said()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// What its log files hold.
    fn log(&self) -> String {
        let folder = self.scratch.path().join("state/logs");
        let files = fs::read_dir(folder).into_iter().flatten();
        files
            .map(|file| fs::read_to_string(file.unwrap().path()).unwrap())
            .collect()
    }

    #[track_caller]
    fn logs(&self, what: &str) {
        let begun = Instant::now();
        while !self.log().contains(what) {
            assert!(
                begun.elapsed() < TIMEOUT,
                "{what:?} is not in the log:\n{}",
                self.log()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn signal(&self, signal: Signal) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, signal).unwrap();
    }

    #[track_caller]
    fn ended(&mut self) -> ExitStatus {
        let begun = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(begun.elapsed() < TIMEOUT, "it does not end:\n{}", self.said());
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Oracle {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An address where connections are taken and nothing is ever answered.
fn hanging() -> (SocketAddr, std::sync::mpsc::Receiver<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (asks, asked) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let mut held: Vec<TcpStream> = Vec::new();
        for stream in listener.incoming().map_while(Result::ok) {
            held.push(stream);
            let _ = asks.send(());
        }
    });
    (address, asked)
}

/// An execution node of the devnet without a contract, at this address, until the runtime is dropped.
fn empty_chain(at: SocketAddr) -> tokio::runtime::Runtime {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let listener = runtime.block_on(tokio::net::TcpListener::bind(at)).unwrap();
    let answer = |body: axum::body::Bytes| async move {
        let asked: Value = serde_json::from_slice(&body).unwrap();
        let one = |call: &Value| {
            let block = json!({
                "number": "0x5", "hash": format!("0x{}", "05".repeat(32)),
                "parentHash": format!("0x{}", "04".repeat(32)), "timestamp": "0x5",
                "baseFeePerGas": "0x7", "logsBloom": format!("0x{}", "00".repeat(256)),
            });
            let result = match call["method"].as_str().unwrap_or_default() {
                "eth_chainId" => json!("0x7a69"),
                "eth_blockNumber" => json!("0x5"),
                "eth_syncing" => json!(false),
                "eth_getBlockByNumber" | "eth_getBlockByHash" => block,
                _ => json!("0x"),
            };
            json!({"jsonrpc": "2.0", "id": call["id"], "result": result})
        };
        let answers = match &asked {
            Value::Array(calls) => calls.iter().map(one).collect(),
            call => one(call),
        };
        axum::Json(answers)
    };
    let router = axum::Router::new().fallback(answer);
    runtime.spawn(async move { axum::serve(listener, router).await });
    runtime
}

#[test]
fn a_node_that_is_down_is_waited_for_and_named() {
    let others = format!(
        "messenger_url = \"http://{}\"\n[beacon]\nurls = [\"http://{}\"]\n{}",
        crate::nobody(),
        crate::nobody(),
        support::operators()
    );
    let mut oracle = Oracle::start(crate::nobody(), &others);
    oracle.says("waiting for the contract: ");
    assert!(
        oracle
            .said()
            .contains("manager 0x5FbDB2315678afecb367f032d93F642f64180aa3"),
        "it has started"
    );
    oracle.signal(Signal::TERM);
    assert_eq!(oracle.ended().code(), Some(0), "{}", oracle.said());
}

#[test]
fn operators_keys_are_waited_for_like_the_node() {
    let keyless = support::operators()
        .lines()
        .filter(|line| !line.starts_with("public_key"))
        .map(|line| format!("{line}\n"))
        .collect::<String>();
    let api = format!("[operators]\nssv_api = \"http://{}\"\n", crate::nobody());
    let mut oracle = Oracle::start(crate::nobody(), &format!("{api}{keyless}"));
    oracle.says("waiting for the operators' keys: operator 1: ");
    oracle.says("waiting for the contract: ");
    oracle.signal(Signal::INT);
    assert_eq!(oracle.ended().code(), Some(0), "{}", oracle.said());
}

#[test]
fn every_signal_ends_a_start_behind_a_node_that_hangs() {
    for signal in [Signal::TERM, Signal::INT] {
        let (address, asked) = hanging();
        let mut oracle = Oracle::start(address, &support::operators());
        asked.recv_timeout(TIMEOUT).unwrap();
        oracle.signal(signal);
        assert_eq!(oracle.ended().code(), Some(0), "{signal:?}: {}", oracle.said());
    }
}

#[test]
fn a_hangup_has_a_service_read_its_rules_and_open_its_logs_anew() {
    let (address, _asked) = hanging();
    let mut oracle = Oracle::start(address, &support::operators());
    oracle.says("waiting for the contract: ");
    let logs = oracle.scratch.path().join("state/logs");
    let first = fs::read_dir(&logs).unwrap().next().unwrap().unwrap().path();
    fs::rename(&first, oracle.scratch.path().join("moved.log")).unwrap();
    oracle.signal(Signal::HUP);
    oracle.logs("the log files were opened anew");
    oracle.says("the policy was read anew: 0 rules");
    oracle.logs("certificates and rules were read anew");
    let file = oracle.scratch.path().join("c.toml");
    let good = fs::read_to_string(&file).unwrap();
    let rule = "[[policy.rule]]\nname = \"all\"\nkinds = [\"keygen\"]\nper_day = 1\n";
    let other = good.replacen(
        "[dkg]\n",
        "[dkg]\nbackend = \"rockx\"\nround_deadline = \"9m\"\n",
        1,
    );
    assert_ne!(other, good);
    fs::write(&file, format!("{other}{rule}")).unwrap();
    oracle.signal(Signal::HUP);
    oracle.says("the policy was read anew: 1 rule");
    oracle.logs("taken by the next start only: dkg.round_deadline");
    fs::write(&file, format!("{good}\n[ui]\nthem = 1\n")).unwrap();
    oracle.signal(Signal::HUP);
    oracle.logs("certificates and rules stay as they were");
    oracle.signal(Signal::TERM);
    assert_eq!(oracle.ended().code(), Some(0), "{}", oracle.said());
}

#[test]
fn a_node_that_hangs_does_not_keep_the_program_from_starting() {
    let (address, _asked) = hanging();
    let mut oracle = Oracle::start(address, &support::operators());
    oracle.says("waiting for the contract: no endpoint has answered yet");
    oracle.signal(Signal::TERM);
    assert_eq!(oracle.ended().code(), Some(0), "{}", oracle.said());
}

#[test]
fn what_a_person_has_to_mend_ends_it_at_the_start_and_later() {
    let address = crate::nobody();
    let mut late = Oracle::start(address, &support::operators());
    late.says("waiting for the contract: ");
    let _chain = empty_chain(address);
    let mut early = Oracle::start(address, &support::operators());
    for oracle in [&mut early, &mut late] {
        assert_eq!(oracle.ended().code(), Some(1), "{}", oracle.said());
        let begun = Instant::now();
        while !oracle.said().contains("error: contract: ") {
            assert!(begun.elapsed() < TIMEOUT, "{}", oracle.said());
            std::thread::sleep(Duration::from_millis(20));
        }
    }
    let journal = |oracle: &Oracle| oracle.scratch.path().join("state/devnet/journal.sqlite").exists();
    assert!(!journal(&early), "refused before the journal is touched");
    assert!(journal(&late));
}

#[test]
fn a_reader_that_goes_away_ends_nothing() {
    let address = crate::nobody();
    let (mut oracle, stdout) = Oracle::unread(address, &support::operators(), &[]);
    let mut reader = BufReader::new(stdout);
    let mut line = String::new();
    reader.read_line(&mut line).unwrap();
    assert!(line.contains("manager"), "{line}");
    drop((reader, oracle.child.stderr.take()));
    oracle.logs("stdout cannot be written: ");
    assert_eq!(oracle.child.try_wait().unwrap(), None, "it goes on");
    oracle.signal(Signal::TERM);
    assert_eq!(oracle.ended().code(), Some(0));
    oracle.logs(" could not be written to stdout");
}

/// Somebody who decides, with the first account of every development network.
const DECIDES: [(&str, &str); 2] = [
    ("CASIMIR_DKG_POLICY_MODE", "supervised"),
    (
        "CASIMIR_DKG_SIGNER_MNEMONIC",
        "test test test test test test test test test test test junk",
    ),
];

#[test]
fn a_second_oracle_for_an_account_is_told_of_the_first_whatever_its_journal() {
    let node = crate::nobody();
    let mut first = Oracle::start_with(node, &support::operators(), &DECIDES);
    first.says("waiting for the contract: ");
    let mut second = Oracle::start_with(node, &support::operators(), &DECIDES);
    assert_eq!(second.ended().code(), Some(1), "{}", second.said());
    let told = format!("(process {}, since 20", first.child.id());
    let begun = Instant::now();
    while !second.said().contains(&told) {
        assert!(begun.elapsed() < TIMEOUT, "{}", second.said());
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(
        second.said().contains("an oracle runs here for account 0xf39F"),
        "{}",
        second.said()
    );
    assert!(
        !second.scratch.path().join("state/devnet/journal.sqlite").exists(),
        "refused before the journal is touched"
    );
    first.signal(Signal::TERM);
    assert_eq!(first.ended().code(), Some(0));
    let mut third = Oracle::start_with(node, &support::operators(), &DECIDES);
    third.says("waiting for the contract: ");
}

#[cfg(target_os = "linux")]
#[test]
fn a_failed_fsync_ends_the_process_and_the_next_one_verifies() {
    let folder = tempfile::tempdir().unwrap();
    let (library, trigger) = support::bad_disk(folder.path());
    let [mode, mnemonic] = DECIDES;
    let variables = [
        mode,
        mnemonic,
        ("LD_PRELOAD", library.to_str().unwrap()),
        ("FSYNC_FAILS", trigger.to_str().unwrap()),
    ];
    let mut oracle = Oracle::start_with(crate::nobody(), &support::operators(), &variables);
    oracle.says("waiting for the contract: ");
    fs::write(&trigger, "").unwrap();
    let file = oracle.scratch.path().join("c.toml");
    let scratch = oracle.scratch.path().to_owned();
    let command = |arguments: &[&str]| {
        let mut program = support::program(&scratch);
        support::run(program.arg("--config").arg(&file).args(arguments))
    };
    let (code, _, stderr) = command(&["pause"]);
    assert_eq!(code, Some(5), "{stderr}");
    assert_eq!(oracle.ended().code(), Some(1), "{}", oracle.said());
    oracle.logs("journal.sqlite");
    let begun = Instant::now();
    while !oracle
        .said()
        .contains("cannot be believed by this process any more")
    {
        assert!(begun.elapsed() < TIMEOUT, "{}", oracle.said());
        std::thread::sleep(Duration::from_millis(20));
    }
    let (code, _, stderr) = command(&["journal", "verify"]);
    assert_eq!(code, Some(0), "{stderr}");
}

#[test]
fn a_command_that_waits_for_somebody_ends_by_a_signal() {
    let (address, asked) = hanging();
    let scratch = tempfile::tempdir().unwrap();
    let file = scratch.path().join("c.toml");
    let text = MINIMAL.replace("127.0.0.1:8545", &address.to_string());
    fs::write(&file, format!("{text}{}", support::operators())).unwrap();
    for signal in [Signal::TERM, Signal::INT, Signal::HUP] {
        let mut doctor = support::program(scratch.path())
            .arg("--config")
            .arg(&file)
            .arg("doctor")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        asked.recv_timeout(TIMEOUT).unwrap();
        let pid = rustix::process::Pid::from_child(&doctor);
        rustix::process::kill_process(pid, signal).unwrap();
        assert_eq!(doctor.wait().unwrap().code(), Some(130), "{signal:?}");
        while asked.try_recv().is_ok() {}
    }
}

/// A node asks for its own key before it opens its port.
#[test]
fn every_signal_ends_an_operator_behind_an_api_that_hangs() {
    let key = OperatorPrivateKey::generate().unwrap();
    for signal in [Signal::TERM, Signal::INT] {
        let (address, asked) = hanging();
        let scratch = tempfile::tempdir().unwrap();
        fs::write(scratch.path().join("key.pem"), &*key.to_pem().unwrap()).unwrap();
        fs::set_permissions(scratch.path().join("key.pem"), fs::Permissions::from_mode(0o600)).unwrap();
        let text = format!(
            "[network]\nname = \"hoodi\"\n[operators]\nssv_api = \"http://{address}\"\n[node]\nid = 5\n\
             listen = \"127.0.0.1:0\"\nmessenger_url = \"http://{}\"\nkey_file = \"key.pem\"\n",
            crate::nobody()
        );
        let file = scratch.path().join("c.toml");
        fs::write(&file, text).unwrap();
        let child = support::program(scratch.path())
            .arg("--config")
            .arg(&file)
            .arg("operator")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut operator = Oracle {
            child,
            said: Arc::default(),
            scratch,
        };
        let stderr = operator.child.stderr.take().unwrap();
        operator.listen(stderr);
        asked
            .recv_timeout(TIMEOUT)
            .unwrap_or_else(|why| panic!("{why}: {}", operator.said()));
        operator.signal(signal);
        let code = operator.ended().code();
        let said = operator.said();
        assert_eq!(code, Some(0), "{signal:?}: {said}");
        // what it says once it has waited for an answer in vain
        assert!(!said.contains("own key not found"), "{signal:?}: {said}");
    }
}
