//! What is looked at before anything of the demo is started: how it shall look, where it is kept, who is foreign.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use casimir_dkg::config::{self, Flag, LoadOptions, UiConfig};
#[cfg(feature = "tui")]
use casimir_dkg::config::{ConfigError, ConfigErrors, Place};
use casimir_dkg::secrets::read_trusted;
use casimir_dkg::types::OperatorRecord;

use crate::args::DemoArgs;
use crate::output;

/// The user's `[ui]`, with its variables and the flag: it holds in the demo, too.
pub(super) fn ui(args: &DemoArgs, options: &LoadOptions) -> anyhow::Result<UiConfig> {
    let theme = args.theme.clone().map(|value| Flag {
        key: "ui.theme",
        flag: "--theme",
        value,
    });
    let layers = config::gather(&LoadOptions {
        flags: theme.into_iter().collect(),
        ..options.clone()
    })?;
    let (ui, _) = layers.front_end()?;
    #[cfg(feature = "tui")]
    crate::console::check(&ui, &layers.directories().config.join("themes")).map_err(|error| {
        ConfigErrors::from(ConfigError {
            place: place(args, options),
            key: "ui".to_owned(),
            message: format!("{error:#}"),
            suggestion: None,
        })
    })?;
    Ok(ui)
}

/// Where the look was said, the strongest first.
#[cfg(feature = "tui")]
fn place(args: &DemoArgs, options: &LoadOptions) -> Place {
    if args.theme.is_some() {
        return Place::Flag("--theme".to_owned());
    }
    let mut variables = options.environment.keys();
    match (variables.find(|name| name.contains("_UI_")), &options.file) {
        (Some(name), _) => Place::Variable(name.clone()),
        (None, Some(path)) => Place::File {
            path: path.clone(),
            line: None,
        },
        (None, None) => Place::Missing,
    }
}

/// Says which file and flags have no effect here: they are for a real network, and whoever gave them may think that they hold.
pub(super) fn tell_what_is_not_used(options: &LoadOptions) {
    what_is_not_used(options)
        .iter()
        .for_each(|line| output::note(line));
}

fn what_is_not_used(options: &LoadOptions) -> Vec<String> {
    let file = options
        .file
        .as_ref()
        .map(|file| format!("demo: only [ui] is used of {}", file.display()));
    let flags: Vec<&str> = options
        .flags
        .iter()
        .map(|flag| flag.flag)
        .filter(|flag| *flag != "--log-level")
        .collect();
    let flags = (!flags.is_empty()).then(|| format!("demo: not used here: {}", flags.join(", ")));
    let why = "the demo has a network and a configuration of its own";
    file.into_iter()
        .chain(flags)
        .map(|words| format!("{words}: {why}"))
        .collect()
}

/// Where it is kept: an absolute path of a directory that holds nothing yet, since a journal of another chain would be
/// another oracle's.
pub(super) fn folder(keep: Option<&Path>) -> anyhow::Result<Option<PathBuf>> {
    let Some(keep) = keep else { return Ok(None) };
    let folder = std::path::absolute(keep).with_context(|| format!("--keep {}", keep.display()))?;
    let held = std::fs::read_dir(&folder).is_ok_and(|mut entries| entries.next().is_some());
    if held {
        bail!(
            "--keep {}: there is something in this directory already",
            folder.display()
        );
    }
    Ok(Some(folder))
}

/// Longest file of operators, in bytes: more than a thousand of them.
const MOST: u64 = 1 << 20;

/// A file of `[[operator]]` tables.
#[derive(serde::Deserialize)]
struct Foreign {
    operator: Vec<OperatorRow>,
}

#[derive(serde::Deserialize)]
struct OperatorRow {
    id: casimir_dkg::types::OperatorId,
    #[serde(default)]
    name: casimir_dkg::types::SafeText,
    endpoint: String,
    public_key: String,
}

pub(super) fn operators(file: Option<&Path>) -> anyhow::Result<Option<Vec<OperatorRecord>>> {
    let Some(file) = file else { return Ok(None) };
    let shown = file.display();
    let named = || format!("--operators-file {shown}");
    let bytes = read_trusted(file, MOST).with_context(named)?;
    let text = String::from_utf8(bytes).with_context(named)?;
    let read: Foreign = toml::from_str(&text).with_context(named)?;
    let records = read.operator.into_iter().map(|row| OperatorRecord {
        id: row.id,
        name: row.name,
        endpoint: row.endpoint,
        public_key: row.public_key,
    });
    Ok(Some(records.collect()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn what_is_for_a_real_network_is_told_not_to_be_used() {
        let flag = |key, flag, value: &str| Flag {
            key,
            flag,
            value: value.to_owned(),
        };
        let level = flag("log.level", "--log-level", "debug");
        let plain = LoadOptions {
            flags: vec![level.clone()],
            ..LoadOptions::default()
        };
        assert_eq!(what_is_not_used(&plain), Vec::<String>::new());
        let real = LoadOptions {
            file: Some("real.toml".into()),
            flags: vec![
                level,
                flag("network.name", "--network", "mainnet"),
                flag("state.dir", "--state-dir", "there"),
            ],
            ..LoadOptions::default()
        };
        let words = what_is_not_used(&real).join("\n");
        assert!(
            words.contains("only [ui] is used of real.toml: the demo has"),
            "{words}"
        );
        assert!(
            words.contains("not used here: --network, --state-dir: the demo has"),
            "{words}"
        );
    }

    #[test]
    fn a_file_of_operators_is_one_that_others_do_not_write_and_no_flood() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("operators.toml");
        let one = "[[operator]]\nid = 7\nendpoint = 'http://h:1'\npublic_key = 'k'\n";
        std::fs::write(&file, one).unwrap();
        assert_eq!(operators(Some(&file)).unwrap().unwrap().len(), 1);
        let mode = |mode| std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
        mode(0o666);
        let refused = format!("{:#}", operators(Some(&file)).unwrap_err());
        assert!(refused.contains("may be changed by everybody"), "{refused}");
        mode(0o644);
        std::fs::write(&file, format!("{one}# {}", "x".repeat(1 << 20))).unwrap();
        let refused = format!("{:#}", operators(Some(&file)).unwrap_err());
        assert!(refused.contains("is longer than 1048576 bytes"), "{refused}");
    }
}
