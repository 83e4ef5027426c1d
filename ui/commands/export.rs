//! An action in a file, for whoever signs on another machine.

use std::path::Path;

use alloy::primitives::Address;
use anyhow::{Context as _, anyhow, bail};
use casimir_dkg::config::presets;
use casimir_dkg::secrets::SecretFile;
use casimir_dkg::types::SafeText;
use casimir_dkg::view::{ActionView, Family, Payload, Snapshot};
use serde::{Deserialize, Serialize};

use super::keystore::{refuse_existing, write_new};
use super::seat::{Bytes, text};
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
        write_new(path, text.as_bytes())
    }

    pub(super) fn read(path: &Path) -> anyhow::Result<Self> {
        let shown = path.display();
        let file = SecretFile::read(path, MAX_FILE).with_context(|| format!("cannot read {shown}"))?;
        let export: Self = serde_json::from_str(&file.text)
            .with_context(|| format!("{shown} is no export of `casimir-dkg show`"))?;
        if export.form != FORM {
            bail!("{shown} is of another version: use the same program on both sides");
        }
        export.contradicts_itself().map_or(Ok(export), |why| {
            Err(anyhow!("{shown}: {why}: the file was changed"))
        })
    }

    /// What the digest does not cover, and contradicts what it does, or what every program knows of a network.
    fn contradicts_itself(&self) -> Option<String> {
        let chain = self.chain_id;
        let known = presets().iter().find(|(_, preset)| preset.chain_id == chain);
        if let Some((name, _)) = known
            && name.as_str() != self.network.as_str()
        {
            return Some(format!(
                "it says network {}, and chain {chain} is {name}",
                self.network
            ));
        }
        let family = match self.action.payload {
            Payload::Ceremony(_) => Family::Ceremony,
            Payload::Transaction(_) => Family::Transaction,
            Payload::Exit(_) => Family::Broadcast,
        };
        if self.action.family != family {
            return Some(
                "it says of the action that it is of another family than what would leave".to_owned(),
            );
        }
        let Payload::Transaction(transaction) = &self.action.payload else {
            return None;
        };
        if transaction.chain_id != chain {
            let of = transaction.chain_id;
            return Some(format!(
                "it says chain {chain}, and its transaction is for chain {of}"
            ));
        }
        match self.account {
            Some(account) if account != transaction.from => Some(format!(
                "it says account {account}, and its transaction is sent by {}",
                transaction.from
            )),
            _ => None,
        }
    }

    /// What is signed, as whoever signs reads it: what the digest covers first.
    pub(super) fn print(&self, bytes: Bytes) {
        text::action(&self.action, None, bytes);
        output::line("");
        output::line(&format!("network     {}, chain {}", self.network, self.chain_id));
        output::line(&format!("manager     {}", self.manager));
        let account = self
            .account
            .map_or_else(|| "none".to_owned(), |account| account.to_string());
        output::line(&format!("account     {account}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_contradicts_the_payload_or_the_chain_is_refused() {
        let vector = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/tests/vectors/views/toy-deposit.json"
        );
        let snapshot: Snapshot = serde_json::from_slice(&std::fs::read(vector).unwrap()).unwrap();
        let sends = |action: &&ActionView| matches!(action.payload, Payload::Transaction(_));
        let action = snapshot.actions.iter().find(sends).unwrap();
        let good = || {
            let mut export = Export::of(&snapshot, action);
            let Payload::Transaction(transaction) = &export.action.payload else {
                unreachable!()
            };
            (export.chain_id, export.account) = (transaction.chain_id, Some(transaction.from));
            let known = presets()
                .iter()
                .find(|(_, preset)| preset.chain_id == export.chain_id);
            if let Some((name, _)) = known {
                export.network = name.as_str().into();
            }
            export
        };
        assert_eq!(good().contradicts_itself(), None);
        let changes: [fn(&mut Export); 4] = [
            |export| (export.chain_id, export.network) = (1, "devnet".into()),
            |export| export.chain_id += 1,
            |export| export.account = Some(Address::repeat_byte(2)),
            |export| export.action.family = Family::Broadcast,
        ];
        for (n, change) in changes.into_iter().enumerate() {
            let mut export = good();
            change(&mut export);
            assert!(export.contradicts_itself().is_some(), "change {n}");
        }
    }
}
