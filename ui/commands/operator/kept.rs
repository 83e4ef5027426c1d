//! `operator backup`, `operator restore`, `operator shares list`: what a node keeps, kept elsewhere.

use std::path::{Path, PathBuf};

use casimir_dkg::config::{self, LoadOptions, NodeConfig};
use casimir_dkg::dkg::rockx::node::STORE_FILE;
use casimir_dkg::dkg::rockx::node::store::{self, Held, Store};
use casimir_dkg::types::counted;
use serde_json::json;

use super::{key, rockx};
use crate::args::{OperatorCommand, SharesCommand};
use crate::exit::Outcome;
use crate::output;

pub(super) fn run(command: &OperatorCommand, options: &LoadOptions, json: bool) -> anyhow::Result<Outcome> {
    match command {
        OperatorCommand::Backup { to, store } => backup(&locate(store.as_deref(), options)?, to, json),
        OperatorCommand::Restore { from } => restore(from, &settings(options)?, json),
        OperatorCommand::Shares(SharesCommand::List { store }) => {
            list(&locate(store.as_deref(), options)?, json)
        }
    }
}

fn settings(options: &LoadOptions) -> anyhow::Result<NodeConfig> {
    let layers = config::gather(&rockx::with_fallbacks(options, |name| std::env::var(name).ok()))?;
    let (settings, ..) = layers.node()?;
    Ok(settings)
}

fn locate(given: Option<&Path>, options: &LoadOptions) -> anyhow::Result<PathBuf> {
    Ok(match given {
        Some(path) => path.to_owned(),
        None => settings(options)?.data_dir.join(STORE_FILE),
    })
}

fn backup(path: &Path, to: &Path, json: bool) -> anyhow::Result<Outcome> {
    let held = store::backup(path, to)?;
    let manifest = store::manifest_of(to);
    if json {
        output::json(&json!({ "file": to, "manifest": manifest, "shares": held }));
    } else {
        output::line(&format!(
            "{}: {}, verified; its manifest is {}",
            to.display(),
            counted(held.len(), "share"),
            manifest.display()
        ));
        output::line(
            "The shares are encrypted under the operator's key, which is not in it: keep that elsewhere.",
        );
    }
    Ok(Outcome::Success)
}

fn restore(from: &Path, settings: &NodeConfig, json: bool) -> anyhow::Result<Outcome> {
    let key = key::read(&settings.key)?;
    let secret = key.to_pem()?;
    let path = settings.data_dir.join(STORE_FILE);
    let store = Store::open(&path, secret.as_bytes())?;
    let restored = store.restore(from, secret.as_bytes())?;
    let missing: Vec<_> = store
        .missing()
        .iter()
        .filter(|named| !restored.added.contains(named))
        .collect();
    if json {
        let named =
            |named: &store::Named| json!({ "validator": named.validator, "ceremony": named.ceremony });
        output::json(&json!({
            "file": path,
            "added": restored.added.iter().map(named).collect::<Vec<_>>(),
            "known": restored.known,
            "missing": missing.iter().map(|missing| named(missing)).collect::<Vec<_>>(),
        }));
    } else {
        output::line(&format!(
            "{}: {} taken back, {} already there",
            path.display(),
            counted(restored.added.len(), "share"),
            restored.known
        ));
        for named in &restored.added {
            output::line(&format!("  {}", named.validator));
        }
        for named in &missing {
            output::line(&format!(
                "still missing, of ceremony {}: {}",
                named.ceremony, named.validator
            ));
        }
    }
    Ok(if missing.is_empty() {
        Outcome::Success
    } else {
        Outcome::Failure
    })
}

fn list(path: &Path, json: bool) -> anyhow::Result<Outcome> {
    let held = store::shares(path)?;
    if json {
        held.iter().for_each(output::json);
        return Ok(Outcome::Success);
    }
    output::line(&format!("{}: {}", path.display(), counted(held.len(), "share")));
    for held in &held {
        output::line(&row(held));
    }
    Ok(Outcome::Success)
}

fn row(held: &Held) -> String {
    let operators: Vec<String> = held.operators.iter().map(ToString::to_string).collect();
    let signs = if held.counts { "signs" } else { "kept" };
    format!(
        "{}  {:<9} {signs:<5}  {} of operators {}, generation {}, since {}, ceremony {}",
        held.validator,
        held.state,
        held.threshold,
        operators.join(", "),
        held.generation,
        held.stored_at.to_rfc3339(),
        held.ceremony
    )
}
