//! The key map: the table's default keys, changed by the `keys` section of the configuration.

use std::collections::HashMap;

use super::mistakes::Mistakes;
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
    ///
    /// # Errors
    /// Everything that is wrong with the changes.
    pub(crate) fn new(changes: Option<&toml::Table>, read_only: bool) -> Result<Self, Mistakes> {
        let mut mistakes = Mistakes::default();
        let default = |row: &Row| {
            let keys = row.keys.iter().map(|key| key.parse());
            keys.collect::<Result<Vec<Key>, _>>().expect("the table has keys")
        };
        let mut rows: Vec<_> = TABLE.iter().map(default).collect();
        for (group, commands) in changes.into_iter().flatten() {
            apply(&mut rows, group, commands, &mut mistakes);
        }
        refuse_duplicates(&rows, changes, &mut mistakes);
        refuse_careless_confirmation(&rows, &mut mistakes);
        if !mistakes.are_none() {
            return Err(mistakes);
        }
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

fn apply(rows: &mut [Vec<Key>], group: &str, commands: &toml::Value, mistakes: &mut Mistakes) {
    let Some(of) = Group::ALL.into_iter().find(|g| g.name() == group) else {
        let why = format!(
            "no such group of keys{}",
            nearest(group, &Group::ALL.map(Group::name))
        );
        return mistakes.at(group, None, why);
    };
    let Some(commands) = commands.as_table() else {
        return mistakes.at(group, None, "must be a table of commands".to_owned());
    };
    for (name, keys) in commands {
        let Some(index) = TABLE.iter().position(|r| r.group == of && r.name == name) else {
            let names: Vec<_> = TABLE.iter().filter(|r| r.group == of).map(|r| r.name).collect();
            let why = format!("no such command in this group{}", nearest(name, &names));
            mistakes.at(group, Some(name), why);
            continue;
        };
        let Some(keys) = keys.as_array() else {
            mistakes.at(
                group,
                Some(name),
                "must be a list of keys, like [\"a\"]".to_owned(),
            );
            continue;
        };
        rows[index].clear();
        for key in keys {
            match key.as_str().map(str::parse) {
                Some(Ok(key)) => rows[index].push(key),
                Some(Err(bad)) => mistakes.at(group, Some(name), bad.to_string()),
                None => mistakes.at(group, Some(name), format!("{key} is no text, and keys are texts")),
            }
        }
    }
}

/// One mistake a pair of rows and key, named at the row that was changed.
fn refuse_duplicates(rows: &[Vec<Key>], changes: Option<&toml::Table>, mistakes: &mut Mistakes) {
    let is_changed = |row: &Row| {
        let group = changes.and_then(|changes| changes.get(row.group.name()));
        group.and_then(|group| group.get(row.name)).is_some()
    };
    for scene in Scene::ALL {
        let mut taken: HashMap<Key, &Row> = HashMap::new();
        for (row, keys) in TABLE.iter().zip(rows) {
            if !scene.groups().contains(&row.group) {
                continue;
            }
            for key in keys {
                let Some(other) = taken.insert(*key, row) else {
                    continue;
                };
                let why = format!(
                    "key \"{key}\" would do two things at once: {}.{} and {}.{}",
                    other.group.name(),
                    other.name,
                    row.group.name(),
                    row.name
                );
                let changed = if is_changed(row) { row } else { other };
                mistakes.at(changed.group.name(), Some(changed.name), why);
            }
        }
    }
}

/// Enter, space and Esc are pressed without thinking, so they never say yes.
fn refuse_careless_confirmation(rows: &[Vec<Key>], mistakes: &mut Mistakes) {
    for (row, keys) in TABLE.iter().zip(rows) {
        if row.command != Command::Yes && row.command != Command::Approve {
            continue;
        }
        let careless = |key: &String| ["enter", "space", "esc", "tab"].contains(&key.as_str());
        for key in keys.iter().map(Key::to_string).filter(careless) {
            let why = format!("\"{key}\" is too easily pressed by accident to confirm anything");
            mistakes.at(row.group.name(), Some(row.name), why);
        }
    }
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
