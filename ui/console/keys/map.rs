//! The key map: the table's default keys, changed by the `keys` section of the configuration.

use std::collections::HashMap;

use anyhow::{Context as _, Result, bail, ensure};

use super::{Command, Group, Key, Row, Scene, TABLE};

/// Which key does what in which group.
#[derive(Debug, Clone)]
pub(crate) struct KeyMap {
    by_key: HashMap<(Group, Key), Command>,
    /// Keys of each row of the table, in the table's order; none for rows that read-only mode has removed.
    rows: Vec<Vec<Key>>,
}

impl KeyMap {
    /// The map for this session. `changes` is the configuration's `keys` section: one table per group, and in it a list
    /// of keys for each command, which replaces the default keys. In read-only mode dangerous rows do not exist.
    pub(crate) fn new(changes: Option<&toml::Table>, read_only: bool) -> Result<Self> {
        let mut rows = TABLE
            .iter()
            .map(|row| row.keys.iter().map(|k| Ok(k.parse()?)).collect())
            .collect::<Result<Vec<Vec<Key>>>>()?;
        for (group, commands) in changes.into_iter().flatten() {
            apply(&mut rows, group, commands).with_context(|| format!("keys.{group}"))?;
        }
        refuse_duplicates(&rows)?;
        refuse_careless_confirmation(&rows)?;
        let mut by_key = HashMap::new();
        for (row, keys) in TABLE.iter().zip(&mut rows) {
            if read_only && row.dangerous {
                keys.clear();
            }
            by_key.extend(keys.iter().map(|key| ((row.group, *key), row.command)));
        }
        Ok(Self { by_key, rows })
    }

    /// What the key does in this scene.
    pub(crate) fn command(&self, scene: Scene, key: Key) -> Option<Command> {
        scene
            .groups()
            .iter()
            .find_map(|group| self.by_key.get(&(*group, key)).copied())
    }

    /// The rows of a group that exist in this session, with their keys.
    pub(crate) fn rows(&self, group: Group) -> impl Iterator<Item = (&'static Row, &[Key])> {
        TABLE
            .iter()
            .zip(&self.rows)
            .filter(move |(row, keys)| row.group == group && !keys.is_empty())
            .map(|(row, keys)| (row, keys.as_slice()))
    }

    /// The first key of a command, where this session has one.
    pub(crate) fn first(&self, group: Group, command: Command) -> Option<Key> {
        let mut rows = self.rows(group);
        let (_, keys) = rows.find(|(row, _)| row.command == command)?;
        keys.first().copied()
    }

    /// The same for sentences that name it; empty where there is none.
    pub(crate) fn label(&self, group: Group, command: Command) -> String {
        let first = self.first(group, command);
        first.map_or_else(String::new, |key| key.to_string())
    }
}

fn apply(rows: &mut [Vec<Key>], group: &str, commands: &toml::Value) -> Result<()> {
    let names = Group::ALL.map(Group::name);
    let Some(group) = Group::ALL.into_iter().find(|g| g.name() == group) else {
        bail!("no such group of keys{}", nearest(group, &names));
    };
    let commands = commands.as_table().context("must be a table of commands")?;
    for (name, keys) in commands {
        let Some(index) = TABLE.iter().position(|r| r.group == group && r.name == name) else {
            let names: Vec<_> = TABLE
                .iter()
                .filter(|r| r.group == group)
                .map(|r| r.name)
                .collect();
            bail!("no command \"{name}\" in this group{}", nearest(name, &names));
        };
        let keys = keys
            .as_array()
            .with_context(|| format!("{name}: must be a list of keys, like [\"a\"]"))?;
        rows[index] = keys
            .iter()
            .map(|k| {
                Ok(k.as_str()
                    .with_context(|| format!("{name}: keys are texts"))?
                    .parse()?)
            })
            .collect::<Result<_>>()
            .with_context(|| name.clone())?;
    }
    Ok(())
}

fn refuse_duplicates(rows: &[Vec<Key>]) -> Result<()> {
    for scene in Scene::ALL {
        let mut taken: HashMap<Key, &Row> = HashMap::new();
        for (row, keys) in TABLE.iter().zip(rows) {
            if !scene.groups().contains(&row.group) {
                continue;
            }
            for key in keys {
                if let Some(other) = taken.insert(*key, row) {
                    bail!(
                        "key \"{key}\" would do two things at once: {}.{} and {}.{}",
                        other.group.name(),
                        other.name,
                        row.group.name(),
                        row.name
                    );
                }
            }
        }
    }
    Ok(())
}

/// Enter, space and Esc are pressed without thinking, so they never say yes.
fn refuse_careless_confirmation(rows: &[Vec<Key>]) -> Result<()> {
    for (row, keys) in TABLE.iter().zip(rows) {
        if row.command != Command::Yes && row.command != Command::Approve {
            continue;
        }
        for key in keys.iter().map(Key::to_string) {
            ensure!(
                !["enter", "space", "esc", "tab"].contains(&key.as_str()),
                "keys.{}.{}: \"{key}\" is too easily pressed by accident to confirm anything",
                row.group.name(),
                row.name
            );
        }
    }
    Ok(())
}

fn nearest(name: &str, known: &[&str]) -> String {
    known
        .iter()
        .map(|k| (strsim::damerau_levenshtein(name, k), k))
        .min()
        .filter(|(distance, _)| *distance <= 3)
        .map_or_else(
            || format!("; there are {}", known.join(", ")),
            |(_, k)| format!(", did you mean \"{k}\"?"),
        )
}
