//! An action in a file, for whoever signs on another machine.

use std::path::Path;

use alloy::primitives::Address;
use anyhow::{Context as _, bail};
use casimir_dkg::secrets::SecretFile;
use casimir_dkg::types::SafeText;
use casimir_dkg::view::{ActionView, Snapshot};
use serde::{Deserialize, Serialize};

use super::keystore::{refuse_existing, write_private};
use super::seat::text;
use crate::output;

const FORM: &str = "casimir-dkg action v1";
/// Longer files are none of ours.
const MAX_FILE: u64 = 4 << 20;

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Export {
    form: String,
    network: SafeText,
    /// EIP-155 chain id.
    pub(super) chain_id: u64,
    pub(super) manager: Address,
    /// The oracle's account, where the engine has one.
    pub(super) account: Option<Address>,
    pub(super) action: ActionView,
}

impl Export {
    pub(super) fn of(snapshot: &Snapshot, action: &ActionView) -> Self {
        let network = &snapshot.network;
        Self {
            form: FORM.to_owned(),
            network: network.name.clone(),
            chain_id: network.chain_id,
            manager: network.manager,
            account: snapshot.signer.address,
            action: action.clone(),
        }
    }

    /// Writes it to a file that is not there yet.
    pub(super) fn write(&self, path: &Path) -> anyhow::Result<()> {
        refuse_existing(path)?;
        let text = serde_json::to_string_pretty(self).expect("plain data serialises");
        write_private(path, text.as_bytes())
    }

    pub(super) fn read(path: &Path) -> anyhow::Result<Self> {
        let shown = path.display();
        let file = SecretFile::read(path, MAX_FILE).with_context(|| format!("cannot read {shown}"))?;
        let export: Self = serde_json::from_str(&file.text)
            .with_context(|| format!("{shown} is no export of `casimir-dkg show`"))?;
        if export.form != FORM {
            bail!("{shown} is of another version: use the same program on both sides");
        }
        Ok(export)
    }

    /// What is signed, as whoever signs reads it.
    pub(super) fn print(&self) {
        output::line(&format!("network     {}, chain {}", self.network, self.chain_id));
        output::line(&format!("manager     {}", self.manager));
        let account = self
            .account
            .map_or_else(|| "none".to_owned(), |account| account.to_string());
        output::line(&format!("account     {account}"));
        text::action(&self.action);
    }
}
