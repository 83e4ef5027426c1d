//! One running anvil.

use std::time::Duration;

use tempfile::TempDir;
use tokio::sync::mpsc;

use super::binary::{AnvilBinary, AnvilError};
use crate::devnet::child::{Supervised, supervised};
use crate::types::SafeText;

const START_DEADLINE: Duration = Duration::from_secs(30);
const READY_POLL: Duration = Duration::from_millis(10);

/// How to start anvil. Blocks are mined as the default says: at once, one per transaction.
#[derive(Debug, Clone)]
pub struct AnvilOptions {
    /// Chain id; anvil's own is 31337.
    pub chain_id: u64,
    /// `safe` lags by one such epoch and `finalized` by two.
    pub slots_in_an_epoch: u64,
    /// The accounts that anvil signs for; the well-known development mnemonic when absent.
    pub mnemonic: Option<String>,
    /// How many of them.
    pub accounts: u16,
    /// What each of them has, in ether.
    pub balance_ether: u64,
    /// 0: any free port.
    pub port: u16,
    /// Mines nothing by itself until it is told to.
    pub no_mining: bool,
    /// Keeps the states of so many blocks in memory, and forgets older ones; all of them, partly on disk, when absent.
    pub states: Option<u64>,
}

impl Default for AnvilOptions {
    fn default() -> Self {
        Self {
            chain_id: 31337,
            slots_in_an_epoch: 32,
            mnemonic: None,
            accounts: 10,
            balance_ether: 1_000_000,
            port: 0,
            no_mining: false,
            states: None,
        }
    }
}

/// A running anvil on a loopback port. It ends with this value, and with this process.
#[derive(Debug)]
pub struct Anvil {
    child: Supervised,
    port: u16,
    /// Where it puts the states of older blocks. Left to itself it would be the user's home, for good when it is killed.
    _states: TempDir,
}

impl Anvil {
    /// Starts `binary` and waits until it answers.
    ///
    /// # Errors
    /// It does not start, or not within 30 s; its last lines are in the error.
    pub async fn start(binary: &AnvilBinary, options: &AnvilOptions) -> Result<Self, AnvilError> {
        let failed = |reason: String| AnvilError::Start {
            reason: SafeText::new(&reason),
        };
        let states = tempfile::Builder::new()
            .prefix("casimir-anvil-")
            .tempdir()
            .map_err(|error| failed(format!("a folder for its states: {error}")))?;
        let mut command = supervised(&binary.path);
        command
            .args(["--host", "127.0.0.1", "--color", "never", "--hardfork", "prague"])
            .args(["--port", &options.port.to_string()])
            .args(["--chain-id", &options.chain_id.to_string()])
            .args(["--slots-in-an-epoch", &options.slots_in_an_epoch.to_string()])
            .args(["--accounts", &options.accounts.to_string()])
            .args(["--balance", &options.balance_ether.to_string()])
            .arg("--cache-path")
            .arg(states.path())
            .args(options.no_mining.then_some("--no-mining"))
            .env_remove("ANVIL_IP_ADDR");
        if let Some(states) = options.states {
            command.arg(format!("--prune-history={states}"));
        }
        if let Some(mnemonic) = &options.mnemonic {
            command.args(["--mnemonic", mnemonic]);
        }
        let (listening, mut heard) = mpsc::unbounded_channel();
        let hear = move |line: &str| {
            tracing::trace!(target: "devnet::anvil", "{}", SafeText::new(line));
            if let Some(port) = listening_port(line) {
                // nobody listens any more once anvil is up
                let _ = listening.send(port);
            }
        };
        let child = Supervised::start(command, hear).map_err(|error| failed(format!("sh: {error}")))?;
        let mut anvil = Self {
            child,
            port: 0,
            _states: states,
        };
        let start = async {
            // the channel closes when both outputs do, that is, when anvil is gone
            anvil.port = heard.recv().await.ok_or(())?;
            while !answers(anvil.port).await {
                tokio::time::sleep(READY_POLL).await;
            }
            Ok::<(), ()>(())
        };
        match tokio::time::timeout(START_DEADLINE, start).await {
            Ok(Ok(())) => Ok(anvil),
            Ok(Err(())) => Err(failed(format!("it ended: {}", anvil.child.last_lines()))),
            Err(_) => Err(failed(format!(
                "no answer within {} s: {}",
                START_DEADLINE.as_secs(),
                anvil.child.last_lines()
            ))),
        }
    }

    /// The JSON-RPC endpoint over HTTP.
    #[must_use]
    pub fn http_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The JSON-RPC endpoint over a web socket: the same port.
    #[must_use]
    pub fn ws_url(&self) -> String {
        format!("ws://127.0.0.1:{}", self.port)
    }

    /// The port it listens on.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Why it is gone, if it is.
    pub fn exited(&self) -> Option<SafeText> {
        self.child.exited()
    }
}

/// The port, in the line that tells it.
fn listening_port(line: &str) -> Option<u16> {
    let (_, port) = line.strip_prefix("Listening on ")?.rsplit_once(':')?;
    port.parse().ok()
}

/// Whether the port answers JSON-RPC.
async fn answers(port: u16) -> bool {
    let request = serde_json::json!({"jsonrpc": "2.0", "id": 1, "method": "eth_chainId", "params": []});
    // a proxy from the environment has no business on the loopback
    let Ok(client) = reqwest::Client::builder().no_proxy().build() else {
        return false;
    };
    let answer = client
        .post(format!("http://127.0.0.1:{port}"))
        .timeout(Duration::from_secs(2))
        .json(&request)
        .send()
        .await;
    matches!(answer, Ok(answer) if answer.status().is_success())
}
