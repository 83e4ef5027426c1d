//! What another reading of the configuration says otherwise.

use secrecy::ExposeSecret as _;

use super::layer::Layers;
use super::raw::{Raw, Row};
use super::schema;

impl Layers {
    /// Keys that say something else than in `before`, in the order of the sections, then lists by their names. Where a value
    /// comes from does not matter.
    #[must_use]
    pub fn changed_since(&self, before: &Self) -> Vec<&'static str> {
        let value = |layers: &Self, key: &str| layers.values.get(key).map(|sourced| words(&sourced.raw));
        let keys = schema::all_keys().map(|key| key.name);
        let mut changed: Vec<_> = keys
            .filter(|key| value(self, key) != value(before, key))
            .collect();
        let rows = |layers: &Self, list: &str| {
            let rows = layers.lists.get(list).into_iter().flatten();
            rows.map(row).collect::<Vec<_>>()
        };
        let lists = schema::list_keys().map(|(list, _)| list);
        changed.extend(lists.filter(|list| rows(self, list) != rows(before, list)));
        changed
    }
}

/// The same words for the same value, whichever layer it stands in. They are compared and never shown.
fn words(raw: &Raw) -> Vec<String> {
    match raw {
        Raw::Text(text) | Raw::Number(text) | Raw::Loose(text) => vec![text.clone()],
        Raw::Bool(value) => vec![value.to_string()],
        Raw::List(items) => items.iter().flat_map(words).collect(),
        Raw::Secret(secret) => vec![secret.expose_secret().to_owned()],
        Raw::Other(what) => vec![(*what).to_owned()],
    }
}

fn row(row: &Row) -> Vec<(String, Vec<String>)> {
    let entries = row.entries.iter();
    entries
        .map(|(key, sourced)| (key.to_string(), words(&sourced.raw)))
        .collect()
}

#[cfg(test)]
mod tests {
    use crate::config::{LoadOptions, gather};

    #[test]
    fn keys_and_lists_that_say_something_else_are_named_whatever_layer_they_stand_in() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("config.toml");
        let read = |text: &str| {
            std::fs::write(&file, text).unwrap();
            gather(&LoadOptions {
                file: Some(file.clone()),
                ..LoadOptions::default()
            })
            .unwrap()
        };
        let before =
            read("[rpc]\nurls = [\"http://127.0.0.1:1\"]\n[node]\nid = 1\nround_timeout = \"10m\"\n");
        assert_eq!(before.changed_since(&before), [""; 0]);
        let after = read(
            "[rpc]\nurls = [\"http://127.0.0.1:1\", \"http://127.0.0.1:2\"]\n[node]\nid = 1\n\
             [[node.owner]]\nowner = \"0x0101010101010101010101010101010101010101\"\nlast_nonce = 3\n",
        );
        // the timeout that was written out is the default
        assert_eq!(after.changed_since(&before), ["rpc.urls", "node.owner"]);
        assert_eq!(before.changed_since(&after), ["rpc.urls", "node.owner"]);
    }
}
