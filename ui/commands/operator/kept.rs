//! `operator backup`, `operator restore`, `operator reseal`, `operator shares list`: what a node keeps, kept elsewhere or under
//! another key.

use std::path::{Path, PathBuf};

use casimir_dkg::config::{ConfigErrors, Layers, LoadOptions, NodeKey};
use casimir_dkg::dkg::rockx::node::STORE_FILE;
use casimir_dkg::dkg::rockx::node::store::{self, Begun, Held};
use casimir_dkg::types::counted;
use serde_json::{Value, json};

use super::{key, survey};
use crate::args::{OperatorCommand, SharesCommand};
use crate::commands::part::used;
use crate::exit::{self, Outcome};
use crate::output;

pub(super) fn run(command: &OperatorCommand, options: &LoadOptions, json: bool) -> anyhow::Result<Outcome> {
    match command {
        OperatorCommand::Backup { to, store } => {
            // the key is not needed for it: where it is in reach, it is tried whether each share opens
            let key = match store {
                Some(_) => None,
                None => part(options, Layers::node_store).ok().map(|(_, key)| key),
            };
            backup(&locate(store.as_deref(), options)?, key.as_ref(), to, json)
        }
        OperatorCommand::Restore { from } => {
            let (directory, key) = part(options, Layers::node_store)?;
            restore(from, &directory.join(STORE_FILE), &key, json)
        }
        OperatorCommand::Reseal {
            new_key_file,
            new_password_file,
        } => {
            let (directory, key) = part(options, Layers::node_store)?;
            let new = NodeKey::File {
                path: new_key_file.clone(),
                password_file: new_password_file.clone(),
            };
            reseal(&directory.join(STORE_FILE), &key, &new, json)
        }
        OperatorCommand::Shares(SharesCommand::List { store }) => {
            list(&locate(store.as_deref(), options)?, json)
        }
    }
}

/// What is used of a node's configuration: its shares are in reach, whatever is wrong with the rest.
fn part<T>(
    options: &LoadOptions,
    read: impl FnOnce(&Layers) -> Result<T, ConfigErrors>,
) -> Result<T, ConfigErrors> {
    let layers = survey(options)?;
    used(read(&layers), &layers)
}

/// The store that was given, or the configured one: nothing else of a node's configuration is needed to look at it.
fn locate(given: Option<&Path>, options: &LoadOptions) -> Result<PathBuf, ConfigErrors> {
    Ok(match given {
        Some(path) => path.to_owned(),
        None => part(options, Layers::node_data)?.join(STORE_FILE),
    })
}

fn backup(path: &Path, key: Option<&NodeKey>, to: &Path, json: bool) -> anyhow::Result<Outcome> {
    let held = store::backup(path, to)?;
    let manifest = store::manifest_of(to);
    let amid = store::begun(to)?;
    let settled = store::settle(path, to);
    let opened = key
        .and_then(|key| key::read(key).ok()?.to_pem().ok())
        .map(|pem| store::damaged(to, pem.as_bytes()))
        .transpose()?;
    let mut result = None;
    if json {
        result = Some(json!({
            "file": to,
            "manifest": manifest,
            "shares": held,
            "amid": amid,
            "settled": settled.as_ref().ok(),
            "settled_error": settled.as_ref().err().map(ToString::to_string),
            "opened": opened.is_some(),
            "damaged": opened.iter().flatten().map(named).collect::<Vec<_>>(),
        }));
    } else {
        let tried = match &opened {
            _ if held.is_empty() => "so there is nothing to try the key on",
            Some(damaged) if damaged.is_empty() => "each opens with the operator's key",
            Some(_) => "not all of them open with the operator's key",
            None => "copied as they are; whether they open was not tried, because the key is not in reach",
        };
        output::line(&format!(
            "{}: {}, {tried}; its manifest is {}",
            to.display(),
            counted(held.len(), "share"),
            manifest.display()
        ));
        output::line(
            "The shares are encrypted under the operator's key, which is not in it: keep that elsewhere.",
        );
        if_amid(path, &amid, settled);
        for damaged in opened.iter().flatten() {
            output::line(&format!(
                "damaged, of ceremony {}: {}",
                damaged.ceremony, damaged.validator
            ));
        }
        bad(opened.iter().flatten().count())
            .iter()
            .for_each(|words| output::line(words));
    }
    Ok(exit::judged(result, bad(opened.iter().flatten().count())))
}

/// What a new backup says of ceremonies that it, or a former one, was made amid.
fn if_amid(path: &Path, begun: &[Begun], settled: Result<usize, store::StoreError>) {
    begun.iter().for_each(|begun| output::line(&amid(begun)));
    if begun.iter().any(|begun| !begun.from_backup) {
        output::line("It was made amid a ceremony: make another one when that is over.");
    }
    match settled {
        Ok(0) => {}
        Ok(runs) => output::line(&format!(
            "{} amid which a former backup was made: this one was made amid none, and it is said no more that a share may have \
             been kept since.",
            counted(runs, "ceremony")
        )),
        Err(error) => output::line(&format!(
            "{} still says that a former backup was made amid a ceremony: {error}",
            path.display()
        )),
    }
}

fn named(named: &store::Named) -> serde_json::Value {
    json!({ "validator": named.validator, "ceremony": named.ceremony })
}

/// What is wrong where shares do not decrypt.
fn bad(damaged: usize) -> Vec<String> {
    let words = || {
        format!(
            "{} that {} not decrypt: keep the backups from before, and take them back with casimir-dkg operator restore BACKUP",
            counted(damaged, "share"),
            if damaged == 1 { "does" } else { "do" }
        )
    };
    (damaged > 0).then(words).into_iter().collect()
}

fn reseal(path: &Path, old: &NodeKey, new: &NodeKey, json: bool) -> anyhow::Result<Outcome> {
    let new = key::read_with(new, "--new-password-file")?.to_pem()?;
    let old = key::read(old)?.to_pem()?;
    let done = store::reseal(path, old.as_bytes(), new.as_bytes())?;
    if json {
        let damaged: Vec<_> = done.damaged.iter().map(named).collect();
        let result =
            json!({ "file": path, "shares": done.shares, "former": done.former, "damaged": damaged });
        return Ok(exit::judged(Some(result), bad(done.damaged.len())));
    }
    output::line(&format!(
        "{}: {} sealed under the new key, verified; the file as it was is {}",
        path.display(),
        counted(done.shares, "share"),
        done.former.display()
    ));
    output::line(
        "Set node.key_file (and node.password_file) to the new key, start the node, and make a backup: those from before open \
         with the former key alone. Then remove the former file.",
    );
    for damaged in &done.damaged {
        output::line(&format!(
            "damaged before, and left as it was, of ceremony {}: {}",
            damaged.ceremony, damaged.validator
        ));
    }
    Ok(exit::judged(None, bad(done.damaged.len())))
}

fn restore(from: &Path, path: &Path, key: &NodeKey, json: bool) -> anyhow::Result<Outcome> {
    let secret = key::read(key)?.to_pem()?;
    let restored = store::restore(path, from, secret.as_bytes())?;
    let missing = &restored.absent;
    let mut result = None;
    if json {
        result = Some(json!({
            "file": path,
            "added": restored.added.iter().map(named).collect::<Vec<_>>(),
            "known": restored.known,
            "has_manifest": restored.has_manifest,
            "damaged": restored.damaged.iter().map(named).collect::<Vec<_>>(),
            "lacking": restored.lacking.iter().map(named).collect::<Vec<_>>(),
            "missing": missing.iter().map(named).collect::<Vec<_>>(),
            "amid": restored.amid,
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
        if !restored.has_manifest {
            output::line(&format!(
                "there is no {}: nothing tells what this backup should hold, and shares may be missing. Compare with what the \
                 oracle says: casimir-dkg operator shares list, casimir-dkg doctor operator --expect FILE",
                store::manifest_of(from).display()
            ));
        }
        for (some, words) in [
            (&restored.damaged, "in the backup does not decrypt"),
            (&restored.lacking, "is not in the backup, whose manifest names it"),
        ] {
            for named in some {
                output::line(&format!("  {} {words}", named.validator));
            }
        }
        for named in missing {
            output::line(&format!(
                "still missing, of ceremony {}: {}",
                named.ceremony, named.validator
            ));
        }
        restored.amid.iter().for_each(|begun| output::line(&amid(begun)));
        if !restored.amid.is_empty() {
            output::line(ASK);
        }
    }
    Ok(exit::judged(result, lost(missing.len())))
}

/// Who knows whether a share was kept after a copy was made.
const ASK: &str = "Whether such a share was kept after the copy was made is not in it. The node asks its messenger at its start; the \
                   oracle's journal names what it saw made: casimir-dkg journal shares ID, and doctor operator --expect FILE. A \
                   new backup that is made amid no ceremony ends this: casimir-dkg operator backup FILE";

fn amid(begun: &Begun) -> String {
    let Begun {
        ceremony,
        kind,
        started_at,
        from_backup,
    } = begun;
    let when = match from_backup {
        true => "was under way when the backup was made",
        false => "is under way, or was when this copy was made",
    };
    format!(
        "no share of ceremony {ceremony} ({kind}, begun {}), which {when}",
        started_at.to_utc()
    )
}

fn list(path: &Path, json: bool) -> anyhow::Result<Outcome> {
    let held = store::shares(path)?;
    let begun = store::begun(path)?;
    // a manifest that says nothing keeps nobody from seeing what is here
    let (missing, unread) = match store::missing(path) {
        Ok(missing) => (missing, None),
        Err(error) => (Vec::new(), Some(error)),
    };
    let is_blank = |path: &Path| std::fs::metadata(path).is_ok_and(|found| found.len() == 0);
    if held.is_empty() && missing.is_empty() && unread.is_none() && is_blank(path) {
        anyhow::bail!(
            "{} is empty: no store was made in it, or it was cut off",
            path.display()
        );
    }
    if json {
        held.iter().for_each(output::json);
        for named in &missing {
            output::json(
                &json!({ "validator": named.validator, "ceremony": named.ceremony, "state": "missing", "counts": false }),
            );
        }
        for begun in &begun {
            let state = match begun.from_backup {
                true => "begun-in-backup",
                false => "begun",
            };
            output::json(&json!({
                "ceremony": begun.ceremony,
                "kind": begun.kind,
                "started_at": begun.started_at,
                "validator": Value::Null,
                "state": state,
                "counts": false,
            }));
        }
    } else {
        output::line(&format!("{}: {}", path.display(), counted(held.len(), "share")));
        for held in &held {
            output::line(&row(held));
        }
        for named in &missing {
            output::line(&format!(
                "{}  MISSING    ceremony {}",
                named.validator, named.ceremony
            ));
        }
        begun.iter().for_each(|begun| output::line(&amid(begun)));
        if !begun.is_empty() {
            output::line(ASK);
        }
        if !missing.is_empty() {
            output::line(&format!(
                "{} that the manifest names and the store lost: stop the node, and take them back with casimir-dkg operator \
                 restore BACKUP",
                counted(missing.len(), "share")
            ));
        }
    }
    unread.map_or_else(
        || Ok(exit::judged(None, lost(missing.len()))),
        |error| Err(error.into()),
    )
}

/// What is wrong where shares are missing.
fn lost(missing: usize) -> Vec<String> {
    let words = || {
        format!(
            "{} that the manifest names and the store has not",
            counted(missing, "share")
        )
    };
    (missing > 0).then(words).into_iter().collect()
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
        held.stored_at.to_utc(),
        held.ceremony
    )
}
