//! What is wrong with a file: every mistake is kept with its file, line and key, so that all are told together. And
//! the values, with their variables filled in.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;
use toml::de::DeValue;

use super::number;
use crate::config::{ConfigError, ConfigErrors, Place};

/// What `${name}` in a string stands for: addresses are known only when the contracts are deployed.
pub type Variables = BTreeMap<String, String>;

/// Collects what is wrong.
pub(in crate::devnet::proxy) struct Reader<'a> {
    path: PathBuf,
    lines: Vec<usize>,
    variables: &'a Variables,
    errors: Vec<ConfigError>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(path: &Path, text: &str, variables: &'a Variables) -> Self {
        let starts = text.match_indices('\n').map(|(at, _)| at + 1);
        Self {
            path: path.to_owned(),
            lines: std::iter::once(0).chain(starts).collect(),
            variables,
            errors: Vec::new(),
        }
    }

    pub(super) fn finish<T>(mut self, value: Option<T>) -> Result<T, ConfigErrors> {
        match value {
            Some(value) if self.errors.is_empty() => Ok(value),
            _ => {
                self.errors.sort_by_key(|error| match error.place {
                    Place::File { line, .. } => line,
                    _ => None,
                });
                Err(ConfigErrors(self.errors))
            }
        }
    }

    pub(super) fn error(&mut self, at: usize, key: String, message: impl Into<String>) {
        self.suggest(at, key, message, None);
    }

    pub(super) fn suggest(
        &mut self,
        at: usize,
        key: String,
        message: impl Into<String>,
        suggestion: Option<String>,
    ) {
        let line = self.lines.partition_point(|start| *start <= at).max(1);
        let place = Place::File {
            path: self.path.clone(),
            line: Some(line),
        };
        // what follows from a mistake is none of its own
        if self
            .errors
            .iter()
            .any(|error| error.place == place && error.key == key)
        {
            return;
        }
        self.errors.push(ConfigError {
            place,
            key,
            message: message.into(),
            suggestion,
        });
    }

    /// A string with its variables filled in.
    pub(super) fn filled(&mut self, at: usize, key: &str, text: &str) -> Option<String> {
        let mut out = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${") {
            let Some((name, after)) = after.split_once('}') else {
                self.error(at, key.to_owned(), "`${` is not closed");
                return None;
            };
            let Some(value) = self.variables.get(name) else {
                let suggestion = nearest(name, self.variables.keys().map(String::as_str));
                let message = format!("there is no variable {name}");
                self.suggest(at, key.to_owned(), message, suggestion);
                return None;
            };
            out.push_str(before);
            out.push_str(value);
            rest = after;
        }
        out.push_str(rest);
        Some(out)
    }

    /// Any value as JSON.
    pub(super) fn json(&mut self, at: usize, key: &str, value: &DeValue<'_>) -> Option<Value> {
        Some(match value {
            DeValue::String(text) => Value::String(self.filled(at, key, text)?),
            DeValue::Integer(digits) => match number::integer(digits) {
                Some(number) => number,
                None => {
                    self.error(at, key.to_owned(), "is too large a number: write it as a string");
                    return None;
                }
            },
            DeValue::Float(digits) => digits.as_str().parse::<f64>().ok()?.into(),
            DeValue::Boolean(value) => Value::Bool(*value),
            DeValue::Array(items) => {
                let items = items
                    .iter()
                    .map(|item| self.json(item.span().start, key, item.get_ref()));
                Value::Array(items.collect::<Option<_>>()?)
            }
            DeValue::Table(table) => {
                let entries = table.iter().map(|(name, value)| {
                    let value = self.json(name.span().start, key, value.get_ref())?;
                    Some((name.get_ref().to_string(), value))
                });
                Value::Object(entries.collect::<Option<_>>()?)
            }
            DeValue::Datetime(_) => {
                self.error(at, key.to_owned(), "is a date, which no key takes");
                return None;
            }
        })
    }
}

/// The candidate that is near enough to `text` to be meant.
pub(in crate::devnet) fn nearest<'c>(
    text: &str,
    candidates: impl IntoIterator<Item = &'c str>,
) -> Option<String> {
    let scored = candidates
        .into_iter()
        .map(|candidate| (strsim::jaro_winkler(text, candidate), candidate));
    let best = scored.max_by(|(a, _), (b, _)| a.total_cmp(b))?;
    (best.0 > 0.75).then(|| best.1.to_owned())
}
