//! One TOML file, read key by key: unknown keys, duplicates and syntax errors with their lines.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::error::{ConfigError, Place, nearest};
use super::raw::{Origin, Raw, Row, Sourced};
use super::schema::{self, Key, Secrecy};
use crate::secrets;

/// Lists of tables that can stand in a file of their own, `policy.file`.
pub(super) const POLICY_LISTS: [&str; 3] = ["policy.rule", "policy.two_persons", "policy.undo"];
/// Larger files are not configuration.
pub(super) const MAX_BYTES: u64 = 1 << 20;

/// What a file said.
#[derive(Debug, Default)]
pub(super) struct Contents {
    pub(super) values: BTreeMap<String, Sourced>,
    pub(super) lists: BTreeMap<String, Vec<Row>>,
    /// First line of each section, to point at when something is missing in it.
    pub(super) sections: BTreeMap<String, Origin>,
    /// What is wrong with the file's owner and mode, and what mends it.
    pub(super) worries: Vec<String>,
    /// SHA-256 of the file.
    pub(super) digest: [u8; 32],
}

/// Which keys a file may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Holds {
    /// Everything.
    Configuration,
    /// `[[operator]]` tables only.
    Operators,
    /// `[[rule]]` and `[[two_persons]]` tables only, which are `[[policy.rule]]` and so on in a configuration.
    Policy,
}

impl Holds {
    /// What stands before the names in such a file to give the names of the schema.
    fn prefix(self) -> &'static str {
        match self {
            Self::Configuration | Self::Operators => "",
            Self::Policy => "policy.",
        }
    }

    fn admits(self, name: &str) -> bool {
        match self {
            Self::Configuration => true,
            Self::Operators => name == "operator",
            Self::Policy => name == "policy" || POLICY_LISTS.contains(&name),
        }
    }
}

/// Reads `path`. What is wrong is added to `errors`; what is right is returned all the same.
pub(super) fn read(path: &Path, holds: Holds, errors: &mut Vec<ConfigError>) -> Contents {
    match load(path) {
        Ok((text, worries)) => Contents {
            worries,
            digest: Sha256::digest(text.as_bytes()).into(),
            ..parse(path, &text, holds, errors)
        },
        Err(message) => {
            errors.push(ConfigError {
                place: Place::File {
                    path: path.to_owned(),
                    line: None,
                },
                key: String::new(),
                message,
                suggestion: None,
            });
            Contents::default()
        }
    }
}

fn load(path: &Path) -> Result<(String, Vec<String>), String> {
    let unreadable = |e: std::io::Error| format!("cannot be read: {e}");
    let mut found = secrets::open(path, secrets::Holds::Trusted).map_err(unreadable)?;
    let shown = path.display();
    let worries = std::mem::take(&mut found.worries);
    let worries = worries
        .into_iter()
        .map(|worry| format!("{shown} {worry}"))
        .collect();
    if found.metadata.len() > MAX_BYTES {
        return Err("is larger than 1 MiB".to_owned());
    }
    let bytes = found.bytes(MAX_BYTES).map_err(unreadable)?;
    let text = String::from_utf8(bytes).map_err(|e| {
        let line = 1 + e.as_bytes()[..e.utf8_error().valid_up_to()]
            .iter()
            .filter(|b| **b == b'\n')
            .count();
        format!("is not UTF-8 (line {line})")
    })?;
    Ok((text, worries))
}

pub(super) fn parse(path: &Path, text: &str, holds: Holds, errors: &mut Vec<ConfigError>) -> Contents {
    let mut walk = Walk {
        path,
        lines: line_starts(text),
        holds,
        out: Contents::default(),
        errors,
    };
    let (root, faults) = DeTable::parse_recoverable(text);
    let mut readable = true;
    for fault in &faults {
        if !readable {
            // whatever follows a syntax error is a consequence of it
            break;
        }
        let span = fault.span().unwrap_or(0..0);
        let duplicate = fault.message().contains("duplicate key");
        readable &= duplicate;
        if duplicate {
            let key = text.get(span.clone()).unwrap_or_default().trim();
            let (key, message) = match section_of(text, span.start) {
                Section::Header => (key.to_owned(), "this section appears twice"),
                Section::Within(section) => (format!("{section}{key}"), "this key appears twice"),
            };
            walk.error(span.start, key, message.to_owned(), None);
        } else {
            walk.error(span.start, String::new(), fault.message().to_owned(), None);
        }
    }
    // after a real syntax error the rest is guesswork: its messages would only hide the cause
    if readable {
        walk.table("", root.get_ref());
    }
    walk.out
}

struct Walk<'a> {
    path: &'a Path,
    lines: Vec<usize>,
    holds: Holds,
    out: Contents,
    errors: &'a mut Vec<ConfigError>,
}

impl Walk<'_> {
    fn table(&mut self, prefix: &str, table: &DeTable<'_>) {
        for (key, value) in table {
            let at = key.span().start;
            let name = format!("{prefix}{}", key.get_ref());
            let full = match prefix {
                "" => format!("{}{name}", self.holds.prefix()),
                _ => name,
            };
            if !self.holds.admits(&full) {
                self.unknown(at, &full, key.get_ref());
                continue;
            }
            if let Some(found) = schema::find(&full) {
                self.value(at, found, value);
            } else if let Some(keys) = schema::find_list(&full) {
                self.list(at, &full, keys, value);
            } else if schema::is_section(&full) || is_list_parent(&full) {
                match value.get_ref() {
                    DeValue::Table(inner) => {
                        let origin = self.origin(at);
                        self.out.sections.insert(full.clone(), origin);
                        self.table(&format!("{full}."), inner);
                    }
                    _ => self.error(at, full.clone(), format!("is a section: write [{full}]"), None),
                }
            } else {
                self.unknown(at, &full, key.get_ref());
            }
        }
    }

    fn value(&mut self, at: usize, key: &Key, value: &Spanned<DeValue<'_>>) {
        if key.secrecy == Secrecy::Secret {
            let hint = super::env_name(key.name);
            let message = format!(
                "is a secret and does not belong into a file: set {hint}, or name a file that holds it"
            );
            self.error(at, key.name.to_owned(), message, None);
            return;
        }
        let sourced = Sourced {
            raw: raw(value.get_ref()),
            origin: self.origin(at),
        };
        self.out.values.insert(key.name.to_owned(), sourced);
    }

    fn list(&mut self, at: usize, name: &str, keys: &[Key], value: &Spanned<DeValue<'_>>) {
        let DeValue::Array(items) = value.get_ref() else {
            let short = name.strip_prefix(self.holds.prefix()).unwrap_or(name);
            self.error(
                at,
                name.to_owned(),
                format!("is a list of tables: write [[{short}]]"),
                None,
            );
            return;
        };
        for item in items.iter() {
            let at = item.span().start;
            let DeValue::Table(table) = item.get_ref() else {
                self.error(at, name.to_owned(), "expected a table".to_owned(), None);
                continue;
            };
            let mut row = Row {
                origin: self.origin(at),
                entries: BTreeMap::new(),
            };
            for (key, value) in table {
                let at = key.span().start;
                match keys.iter().find(|k| k.name == key.get_ref().as_ref()) {
                    Some(known) => {
                        let sourced = Sourced {
                            raw: raw(value.get_ref()),
                            origin: self.origin(at),
                        };
                        row.entries.insert(known.name.to_owned(), sourced);
                    }
                    None => {
                        let suggestion = nearest(key.get_ref(), keys.iter().map(|k| k.name))
                            .map(|key| format!("{name}.{key}"));
                        self.error(
                            at,
                            format!("{name}.{}", key.get_ref()),
                            "unknown key".to_owned(),
                            suggestion,
                        );
                    }
                }
            }
            self.out.lists.entry(name.to_owned()).or_default().push(row);
        }
    }

    /// Suggests a key of the same section first: `rpc.ulr` means `rpc.urls`, whatever else is called so.
    fn unknown(&mut self, at: usize, full: &str, last: &str) {
        let section = full.strip_suffix(last).unwrap_or_default();
        let names = || {
            let keys = schema::all_keys().map(|key| key.name);
            keys.chain(schema::LISTS.iter().map(|(list, _)| *list))
                .filter(|name| self.holds.admits(name))
        };
        let siblings = names().filter_map(|name| {
            let rest = name.strip_prefix(section)?;
            rest.split('.').next()
        });
        let by_last = |name: &&str| name.rsplit('.').next() == Some(last);
        let suggestion = names()
            .find(by_last)
            .map(str::to_owned)
            .or_else(|| {
                nearest(&full.replace('_', "."), names()).filter(|_| section.is_empty() && full.contains('_'))
            })
            .or_else(|| nearest(last, siblings).map(|sibling| format!("{section}{sibling}")))
            .or_else(|| nearest(full, names()));
        let message = if section.is_empty() && schema::find(full).is_none() {
            "unknown key or section"
        } else {
            "unknown key"
        };
        self.error(at, full.to_owned(), message.to_owned(), suggestion);
    }

    fn error(&mut self, at: usize, key: String, message: String, suggestion: Option<String>) {
        let line = self.line(at);
        self.errors.push(ConfigError {
            place: Place::File {
                path: self.path.to_owned(),
                line: Some(line),
            },
            key,
            message,
            suggestion,
        });
    }

    fn origin(&self, at: usize) -> Origin {
        Origin::File {
            path: PathBuf::from(self.path),
            line: self.line(at),
        }
    }

    fn line(&self, at: usize) -> usize {
        self.lines.partition_point(|start| *start <= at).max(1)
    }
}

enum Section {
    /// The place is in a header itself.
    Header,
    /// The name of the section around the place, with a dot; empty at the top.
    Within(String),
}

/// The header that `at` stands under. The parser does not say where a duplicate belongs to.
fn section_of(text: &str, at: usize) -> Section {
    let mut section = String::new();
    for line in text.split_inclusive('\n').scan(0, |start, line| {
        let here = *start;
        *start += line.len();
        (here <= at).then_some((here, line))
    }) {
        let (start, line) = line;
        let header = line
            .trim()
            .strip_prefix('[')
            .map(|rest| rest.trim_start_matches('['));
        if let Some(header) = header {
            if at < start + line.len() {
                return Section::Header;
            }
            section = format!("{}.", header.split(']').next().unwrap_or_default().trim());
        }
    }
    Section::Within(section)
}

/// `policy` is the parent of `policy.rule` even when it had no keys of its own.
fn is_list_parent(name: &str) -> bool {
    schema::LISTS
        .iter()
        .any(|(list, _)| list.strip_prefix(name).is_some_and(|rest| rest.starts_with('.')))
}

fn line_starts(text: &str) -> Vec<usize> {
    std::iter::once(0)
        .chain(text.match_indices('\n').map(|(at, _)| at + 1))
        .collect()
}

fn raw(value: &DeValue<'_>) -> Raw {
    match value {
        DeValue::String(text) => Raw::Text(text.to_string()),
        DeValue::Integer(number) => Raw::Number(number.to_string()),
        DeValue::Float(number) => Raw::Number(number.to_string()),
        DeValue::Boolean(value) => Raw::Bool(*value),
        DeValue::Array(items) => Raw::List(items.iter().map(|item| raw(item.get_ref())).collect()),
        DeValue::Datetime(_) => Raw::Other("a date"),
        DeValue::Table(_) => Raw::Other("a table"),
    }
}
