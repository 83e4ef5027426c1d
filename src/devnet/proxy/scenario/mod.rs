//! A scenario: one file of rules. The schema stands in the documentation of the [proxy](super).

mod calls;
mod fault;
mod number;
mod pattern;
mod reader;
mod rule;
mod shipped;
mod table;
mod when;

use std::collections::BTreeSet;
use std::io::Read as _;
use std::path::Path;

pub(super) use calls::Call;
pub(super) use fault::Fault;
#[cfg(test)]
pub(super) use fault::all as all_faults;
pub(super) use number::shift;
pub(super) use reader::Reader;
pub use reader::Variables;
pub(in crate::devnet) use reader::nearest;
pub(super) use rule::{At, Rule};
pub use shipped::{on_the_screen, shipped};
pub(super) use table::Table;
use toml::de::DeTable;

use super::error::ProxyError;
use crate::config::{ConfigError, ConfigErrors, Place};

/// Larger files are no scenarios.
const MAX_BYTES: u64 = 1 << 20;
/// More rules in one file are a mistake.
const MAX_RULES: usize = 256;

/// Rules that belong together, from one file.
#[derive(Debug, Clone)]
pub struct Scenario {
    pub(super) name: String,
    pub(super) about: String,
    pub(super) rules: Vec<Rule>,
    ends: Ends,
}

/// What whoever watches must see of it in the end, as it is written in the file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ends {
    /// On the screen, and on a line of a program that has none.
    pub says: Vec<String>,
    /// On the screen, for whoever looks something up.
    pub shows: Vec<String>,
}

impl Scenario {
    /// Reads a file; the scenario is called like it, without `.toml`.
    ///
    /// # Errors
    /// It cannot be read, or everything that is wrong in it, each with its line and key.
    pub fn load(path: &Path, variables: &Variables) -> Result<Self, ProxyError> {
        let whole = |message: String| {
            ConfigErrors::from(ConfigError {
                place: Place::File {
                    path: path.to_owned(),
                    line: None,
                },
                key: String::new(),
                message,
                suggestion: None,
            })
        };
        let mut text = String::new();
        std::fs::File::open(path)
            .and_then(|file| file.take(MAX_BYTES + 1).read_to_string(&mut text))
            .map_err(|error| whole(format!("cannot be read: {error}")))?;
        if text.len() as u64 > MAX_BYTES {
            return Err(whole("is larger than 1 MiB".to_owned()).into());
        }
        Self::parse(path, &text, variables)
    }

    /// Reads a text as if it stood in this file.
    ///
    /// # Errors
    /// Everything that is wrong in it.
    pub fn parse(path: &Path, text: &str, variables: &Variables) -> Result<Self, ProxyError> {
        let mut r = Reader::new(path, text, variables);
        let parsed = DeTable::parse(text);
        let name = path
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let scenario = table::root(&mut r, &parsed).and_then(|mut root| {
            let about = root.text(&mut r, "about");
            root.required(&mut r, "about", "one sentence that says what happens");
            let tables = root.tables(&mut r, "rule");
            if tables.is_empty() {
                root.wrong(
                    &mut r,
                    "rule",
                    "is required: a scenario without rules does nothing",
                );
            }
            if tables.len() > MAX_RULES {
                root.wrong(&mut r, "rule", format!("more than {MAX_RULES} rules"));
                return None;
            }
            let ends = Ends::read(&mut r, &mut root);
            root.finish(&mut r);
            let mut names = BTreeSet::new();
            let mut rules = Vec::new();
            for table in tables {
                let at = table.place();
                let Some(rule) = Rule::read(&mut r, table) else {
                    continue;
                };
                if !names.insert(rule.name.clone()) {
                    r.error(
                        at,
                        "rule.name".to_owned(),
                        format!("two rules are called {}", rule.name),
                    );
                }
                rules.push(rule);
            }
            Some(Self {
                name,
                about: about?,
                rules,
                ends,
            })
        });
        Ok(r.finish(scenario)?)
    }

    /// One of the scenarios that come with the program.
    ///
    /// # Errors
    /// There is none of this name, or a variable that it needs is missing.
    pub fn shipped(name: &str, variables: &Variables) -> Result<Self, ProxyError> {
        let names = || shipped().iter().map(|(name, _)| *name);
        let Some((_, text)) = shipped().iter().find(|(known, _)| *known == name) else {
            return Err(ProxyError::unknown("scenario", name, names()));
        };
        Self::parse(Path::new(&format!("{name}.toml")), text, variables)
    }

    /// What it is called.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// One sentence that says what happens.
    #[must_use]
    pub fn about(&self) -> &str {
        &self.about
    }

    /// What must be seen of it in the end.
    #[must_use]
    pub fn ends(&self) -> &Ends {
        &self.ends
    }

    /// The names of its rules.
    pub fn rules(&self) -> impl Iterator<Item = &str> {
        self.rules.iter().map(|rule| rule.name.as_str())
    }

    /// The levers that it waits for.
    pub fn levers(&self) -> impl Iterator<Item = &str> {
        self.rules
            .iter()
            .flat_map(|rule| [rule.when.from_lever.as_deref(), rule.when.to_lever.as_deref()])
            .flatten()
    }

    /// Those of them from which on its rules hold.
    pub fn begins(&self) -> impl Iterator<Item = &str> {
        self.rules
            .iter()
            .filter_map(|rule| rule.when.from_lever.as_deref())
    }
}

impl Ends {
    fn read(r: &mut Reader<'_>, root: &mut Table<'_>) -> Self {
        let Some(mut ends) = root.table(r, "ends") else {
            return Self::default();
        };
        let read = Self {
            says: ends.texts(r, "says"),
            shows: ends.texts(r, "shows"),
        };
        ends.finish(r);
        read
    }

    /// Whether a line has these words, in this order, whatever stands in it where they say `…`.
    #[must_use]
    pub fn are_in(words: &str, line: &str) -> bool {
        let mut rest = line;
        words.split('…').all(|part| {
            let part = part.trim();
            let Some(at) = rest.find(part) else { return false };
            rest = &rest[at + part.len()..];
            true
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_found_in_their_order() {
        for (words, line, found) in [
            ("a liar", "who is a liar?", true),
            ("a … b", "x a y b z", true),
            ("a … b", "b a", false),
            ("a … a", "a", false),
            ("… a …", "a", true),
        ] {
            assert_eq!(Ends::are_in(words, line), found, "{words}: {line}");
        }
    }

    /// The documentation of the schema.
    const DOCS: &str = include_str!("../mod.rs");

    #[test]
    fn every_fault_and_every_key_is_documented() {
        let none = Variables::new();
        for (word, read) in all_faults() {
            let row = DOCS
                .lines()
                .find(|line| line.starts_with(&format!("//! | `{word}` |")));
            let row = row.unwrap_or_else(|| panic!("{word} has no row"));
            let text = format!("fault = \"{word}\"");
            let parsed = DeTable::parse(&text);
            let mut r = Reader::new(Path::new("x.toml"), &text, &none);
            let mut table = table::root(&mut r, &parsed).unwrap();
            let _ = read(&mut r, &mut table);
            for key in table.known_keys() {
                // what chooses a log is told once, for three faults
                let above = word.ends_with("-log") && DOCS.contains(&format!("`{key}`"));
                let shown = [format!("`{key}`"), format!("`{key} ")]
                    .iter()
                    .any(|key| row.contains(key));
                assert!(above || shown, "{word}: {key}");
            }
        }
    }
}
