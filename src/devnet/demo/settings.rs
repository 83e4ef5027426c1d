//! The oracle's configuration for this network, written as a file: `config show`, `doctor` and a second start read it as
//! they read any other.

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::stage::Doors;
use super::{DemoOptions, failed_part};
use crate::devnet::{Devnet, DevnetError};
use crate::dkg::rockx::keys::OperatorPrivateKey;
use crate::types::{OperatorRecord, Root};

/// Name of the configuration file.
const CONFIG: &str = "casimir-dkg.toml";
const MNEMONIC: &str = "oracle.mnemonic";
const INITIATOR: &str = "initiator.pem";

/// Everything that goes into the file.
pub(super) struct Settings<'a> {
    pub(super) folder: &'a Path,
    pub(super) options: &'a DemoOptions,
    pub(super) devnet: &'a Devnet,
    /// Where the chain is for the oracle, if not where it is.
    pub(super) doors: Option<&'a Doors>,
    pub(super) messenger_url: &'a str,
    pub(super) beacon_url: Option<&'a str>,
    pub(super) genesis_validators_root: Option<Root>,
    pub(super) operators: &'a [OperatorRecord],
    pub(super) mnemonic: &'a str,
    pub(super) initiator: &'a OperatorPrivateKey,
}

/// Writes the configuration and the two secrets that it names; gives the configuration's path.
pub(super) fn write(settings: &Settings<'_>) -> Result<PathBuf, DevnetError> {
    let failed = |error: &dyn std::fmt::Display| failed_part("the demo's configuration", error);
    let pem = settings.initiator.to_pem().map_err(|error| failed(&error))?;
    let text = toml::to_string(&table(settings)).map_err(|error| failed(&error))?;
    let config = settings.folder.join(CONFIG);
    let head =
        "# The oracle's configuration for a local network. Every key in it is worthless elsewhere.\n\n";
    for (file, content) in [
        (
            settings.folder.join(MNEMONIC),
            format!("{}\n", settings.mnemonic).as_str(),
        ),
        (settings.folder.join(INITIATOR), pem.as_str()),
        (config.clone(), format!("{head}{text}").as_str()),
    ] {
        write_private(&file, content).map_err(|error| failed(&error))?;
    }
    Ok(config)
}

pub(super) fn write_private(file: &Path, content: &str) -> std::io::Result<()> {
    std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(file)?
        .write_all(content.as_bytes())
}

fn table(settings: &Settings<'_>) -> serde_json::Value {
    let (options, devnet) = (settings.options, settings.devnet);
    let spec = options.beacon.spec();
    let addresses = devnet.addresses();
    let mut table = json!({
        "network": {
            "name": "devnet",
            "chain_id": devnet.options().chain_id,
            "genesis_fork_version": spec.genesis_fork_version,
            "capella_fork_version": spec.capella_fork_version,
            "deposit_contract": addresses.deposit_contract.to_string(),
            "ssv_network": addresses.ssv.to_string(),
        },
        "rpc": {
            "urls": settings.doors.map_or_else(|| vec![devnet.http_url()], |doors| doors.execution.clone()),
            "ws_url": settings.doors.map_or_else(|| devnet.ws_url(), |doors| doors.socket.clone()),
            "poll_interval": "500ms",
        },
        "contract": {
            "address": addresses.manager.to_string(),
            "adapter": options.manager.adapter(),
            "cluster_layout": options.cluster_layout,
        },
        "signer": {
            "mnemonic_file": MNEMONIC,
            "address": addresses.oracle.to_string(),
        },
        "dkg": {
            "messenger_url": settings.messenger_url,
            "initiator_key_file": INITIATOR,
        },
        "operator": settings.operators.iter().map(operator).collect::<Vec<_>>(),
        "selection": { "size": options.committee },
        // the rules are there in either mode: a show may hand over to them, and take it back
        "policy": { "mode": if options.auto { "auto" } else { "supervised" }, "rule": rules() },
        "journal": { "path": "journal.sqlite" },
        // its own: several demos have the same chain and addresses
        "attach": { "socket": "oracle.sock" },
        "log": { "dir": "logs" },
    });
    if let Some(url) = settings.beacon_url {
        // slots are short here; the event stream is faster still
        table["beacon"] = json!({ "urls": [url], "poll_interval": "4s" });
    }
    if let Some(root) = settings.genesis_validators_root {
        table["network"]["genesis_validators_root"] = root.to_string().into();
    }
    table
}

fn operator(operator: &OperatorRecord) -> serde_json::Value {
    listed(operator, &operator.endpoint)
}

/// An `[[operator]]` table, at `endpoint`. One that was given without a name has none here either: an empty one is a mistake.
pub(super) fn listed(operator: &OperatorRecord, endpoint: &str) -> serde_json::Value {
    let mut table = json!({
        "id": operator.id,
        "endpoint": endpoint,
        "public_key": operator.public_key,
    });
    if !operator.name.as_str().is_empty() {
        table["name"] = json!(operator.name);
    }
    table
}

/// What policy may decide here: every kind of action, and the irreversible ones by a rule of their own.
fn rules() -> serde_json::Value {
    json!([
        {
            "name": "what the demo may do by itself",
            "kinds": ["keygen", "reshare", "send-deposit", "send-reshare"],
            "max_fee": "0.05 ETH",
            "per_day": 1000,
            // the demo's chain has one voice
            "unknown_ok": ["endpoints-agree", "registration-nonce", "reshares-left"],
        },
        {
            "name": "the demo's exits",
            "kinds": ["sign-exit", "broadcast-exit"],
            "irreversible": true,
            "per_day": 1000,
        },
    ])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{OperatorId, SafeText};

    #[test]
    fn an_operator_that_was_given_without_a_name_is_listed_without_one() {
        let given = |name: &str| OperatorRecord {
            id: OperatorId(1),
            name: SafeText::new(name),
            endpoint: "http://127.0.0.1:1".to_owned(),
            public_key: "k".to_owned(),
        };
        assert_eq!(operator(&given("")).get("name"), None);
        assert_eq!(operator(&given("One"))["name"], "One");
    }
}
