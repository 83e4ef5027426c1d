//! An operator of a shown network as a process of its own: the program's role `operator`, which can be killed, stopped
//! and started again. It ends with this process, however that ends.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;
use tokio::sync::mpsc;

use super::operators::{LAST_NONCE, ROUND_TIMEOUT, Surroundings, credentials};
use super::settings::{self, write_private};
use super::{DemoKeys, failed_part};
use crate::devnet::DevnetError;
use crate::devnet::child::{Supervised, supervised};
use crate::types::{OperatorId, OperatorRecord};

const START_DEADLINE: Duration = Duration::from_secs(30);

/// One operator's process.
#[derive(Debug)]
pub(super) struct OperatorProcess {
    id: OperatorId,
    program: PathBuf,
    config: PathBuf,
    folder: PathBuf,
    running: Option<Running>,
    /// Where it listened the first time: the others and the oracle know it there.
    address: Option<String>,
}

#[derive(Debug)]
struct Running {
    child: Supervised,
    process: Option<Pid>,
}

/// What it says once it listens.
#[derive(serde::Deserialize)]
struct Listening {
    address: String,
    process: i32,
}

impl OperatorProcess {
    /// Writes its key and its configuration. Nothing runs yet.
    pub(super) fn prepare(
        program: &Path,
        nth: usize,
        records: &[OperatorRecord],
        keys: &DemoKeys,
        around: &Surroundings<'_>,
        messenger_url: &str,
    ) -> Result<Self, DevnetError> {
        let failed = |error: &dyn std::fmt::Display| failed_part("an operator's configuration", error);
        let record = &records[nth];
        let folder = around.folder.join(format!("operator-{}", record.id));
        std::fs::create_dir_all(&folder).map_err(|error| failed(&error))?;
        let pem = keys.operators[nth].to_pem().map_err(|error| failed(&error))?;
        write_private(&folder.join("operator.pem"), &pem).map_err(|error| failed(&error))?;
        let table = table(record, records, keys, around, messenger_url);
        let text = toml::to_string(&table).map_err(|error| failed(&error))?;
        let config = folder.join("casimir-dkg.toml");
        write_private(&config, &text).map_err(|error| failed(&error))?;
        Ok(Self {
            id: record.id,
            program: program.to_owned(),
            config,
            folder,
            running: None,
            address: None,
        })
    }

    pub(super) fn id(&self) -> OperatorId {
        self.id
    }

    /// The URL of its node, once it listened.
    pub(super) fn url(&self) -> Option<String> {
        self.address.as_ref().map(|address| format!("http://{address}"))
    }

    /// Starts it, where it does not run, and waits until it listens.
    ///
    /// # Errors
    /// It ends, or does not listen in time; its last lines are in the error.
    pub(super) async fn start(&mut self) -> Result<(), DevnetError> {
        if self.running.is_some() {
            return Ok(());
        }
        let failed = |reason: &dyn std::fmt::Display| failed_part("an operator's process", reason);
        let mut command = supervised(&self.program);
        command
            .args(["operator", "--json", "--config"])
            .arg(&self.config)
            .args(["--listen", self.address.as_deref().unwrap_or("127.0.0.1:0")])
            // variables of this program and of RockX's node are about other nodes
            .env_clear()
            .envs(
                std::env::vars_os().filter(|(name, _)| name == "PATH" || name == "HOME" || name == "TMPDIR"),
            )
            .env("CASIMIR_DKG_STATE_DIR", &self.folder);
        let (say, mut heard) = mpsc::unbounded_channel();
        let hear = move |line: &str| {
            if let Ok(listening) = serde_json::from_str::<Listening>(line) {
                // nobody listens any more once it is up
                let _ = say.send(listening);
            }
        };
        let child = Supervised::start(command, hear).map_err(|error| failed(&error))?;
        match tokio::time::timeout(START_DEADLINE, heard.recv()).await {
            Ok(Some(listening)) => {
                self.address = Some(listening.address);
                self.running = Some(Running {
                    child,
                    process: Pid::from_raw(listening.process),
                });
                Ok(())
            }
            Ok(None) => Err(failed(&format!("it ended: {}", child.last_lines()))),
            Err(_) => Err(failed(&format!("it does not listen: {}", child.last_lines()))),
        }
    }

    /// It was started, and has not ended.
    pub(super) fn runs(&self) -> bool {
        self.running
            .as_ref()
            .is_some_and(|running| running.child.exited().is_none())
    }

    /// Kills it. `false`: it did not run.
    pub(super) fn kill(&mut self) -> bool {
        self.running.take().is_some()
    }

    /// Stops it where it stands, or lets it go on. `false`: it does not run.
    pub(super) fn freeze(&self, stop: bool) -> bool {
        let Some(running) = self.running.as_ref().filter(|r| r.child.exited().is_none()) else {
            return false;
        };
        let signal = if stop { Signal::STOP } else { Signal::CONT };
        running
            .process
            .is_some_and(|process| kill_process(process, signal).is_ok())
    }
}

fn table(
    record: &OperatorRecord,
    records: &[OperatorRecord],
    keys: &DemoKeys,
    around: &Surroundings<'_>,
    messenger_url: &str,
) -> serde_json::Value {
    let operators: Vec<_> = records
        .iter()
        // this node asks the others through the messenger alone, so where they listen is nothing to it
        .map(|operator| settings::listed(operator, "http://127.0.0.1:1"))
        .collect();
    let mut table = json!({
        "network": { "name": "devnet" },
        "operator": operators,
        "node": {
            "id": record.id,
            "messenger_url": messenger_url,
            "key_file": "operator.pem",
            "data_dir": "shares",
            "round_timeout": format!("{}s", ROUND_TIMEOUT.as_secs()),
            "withdrawal_credentials": [credentials(around.manager).to_string()],
            "fork_versions": [around.spec.genesis_fork_version],
            "initiator": [{ "name": "the oracle", "public_key": keys.initiator.public().to_registry_text() }],
            "owner": [{ "owner": around.manager.to_string(), "last_nonce": LAST_NONCE }],
        },
        "log": { "dir": "logs" },
    });
    if let (Some(url), Some(root)) = (around.beacon_url, around.genesis_validators_root) {
        table["beacon"] = json!({ "urls": [url] });
        table["node"]["exit"] = json!([{
            "genesis_validators_root": root.to_string(),
            "capella_fork_version": around.spec.capella_fork_version,
            "own_validators": true,
        }]);
    }
    table
}
