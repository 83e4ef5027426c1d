//! A TOML table, key by key.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::number;
use super::reader::{Reader, nearest};
use crate::types::quoted;

/// One table of the file; what it holds is taken out key by key, and what nobody asked for is a mistake.
pub(in crate::devnet::proxy) struct Table<'t> {
    /// What its keys are called in errors, with a dot: `rule.does.`.
    prefix: String,
    at: usize,
    entries: BTreeMap<String, (usize, &'t DeValue<'t>)>,
    known: Vec<&'static str>,
}

impl<'t> Table<'t> {
    pub(super) fn new(prefix: &str, at: usize, table: &'t DeTable<'t>) -> Self {
        let entries = table
            .iter()
            .map(|(key, value)| (key.get_ref().to_string(), (key.span().start, value.get_ref())));
        Self {
            prefix: prefix.to_owned(),
            at,
            entries: entries.collect(),
            known: Vec::new(),
        }
    }

    #[cfg(test)]
    pub(super) fn known_keys(&self) -> &[&'static str] {
        &self.known
    }

    /// Where it begins.
    pub(super) fn place(&self) -> usize {
        self.at
    }

    pub(in crate::devnet::proxy) fn has(&self, key: &str) -> bool {
        self.entries.contains_key(key)
    }

    fn take(&mut self, key: &'static str) -> Option<(usize, &'t DeValue<'t>, String)> {
        self.known.push(key);
        let (at, value) = self.entries.get(key)?;
        Some((*at, value, format!("{}{key}", self.prefix)))
    }

    /// Complains of a key that is there, or of the table for one that is not.
    pub(in crate::devnet::proxy) fn wrong(&self, r: &mut Reader<'_>, key: &str, message: impl Into<String>) {
        let at = self.entries.get(key).map_or(self.at, |(at, _)| *at);
        r.error(at, format!("{}{key}", self.prefix), message);
    }

    /// Complains when there is no such key; `what` tells what it would say.
    pub(in crate::devnet::proxy) fn required(&self, r: &mut Reader<'_>, key: &str, what: &str) {
        if !self.has(key) {
            self.wrong(r, key, format!("is required: {what}"));
        }
    }

    pub(in crate::devnet::proxy) fn json(&mut self, r: &mut Reader<'_>, key: &'static str) -> Option<Value> {
        let (at, value, name) = self.take(key)?;
        r.json(at, &name, value)
    }

    pub(in crate::devnet::proxy) fn text(&mut self, r: &mut Reader<'_>, key: &'static str) -> Option<String> {
        let (at, value, name) = self.take(key)?;
        match value {
            DeValue::String(text) => r.filled(at, &name, text),
            other => mismatch(r, at, name, "a string", other),
        }
    }

    /// A string, or a list of strings.
    pub(in crate::devnet::proxy) fn texts(&mut self, r: &mut Reader<'_>, key: &'static str) -> Vec<String> {
        let Some((at, value, name)) = self.take(key) else {
            return Vec::new();
        };
        let one = |r: &mut Reader<'_>, at: usize, value: &DeValue<'_>| match value {
            DeValue::String(text) => r.filled(at, &name, text),
            other => mismatch(r, at, name.clone(), "a string", other),
        };
        match value {
            DeValue::Array(items) => items
                .iter()
                .filter_map(|item| one(r, item.span().start, item.get_ref()))
                .collect(),
            other => one(r, at, other).into_iter().collect(),
        }
    }

    /// One of some words.
    pub(in crate::devnet::proxy) fn word<T: Copy>(
        &mut self,
        r: &mut Reader<'_>,
        key: &'static str,
        words: &[(&'static str, T)],
    ) -> Option<T> {
        let text = self.text(r, key)?;
        let found = words
            .iter()
            .find(|(word, _)| *word == text)
            .map(|(_, value)| *value);
        if found.is_none() {
            let at = self.entries.get(key).map_or(self.at, |(at, _)| *at);
            let all: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            let suggestion = nearest(&text, all.iter().copied());
            let message = format!("{} is none of {}", quoted(&text), all.join(", "));
            r.suggest(at, format!("{}{key}", self.prefix), message, suggestion);
        }
        found
    }

    pub(in crate::devnet::proxy) fn flag(&mut self, r: &mut Reader<'_>, key: &'static str) -> bool {
        match self.take(key) {
            None => false,
            Some((_, DeValue::Boolean(value), _)) => *value,
            Some((at, other, name)) => mismatch(r, at, name, "true or false", other).unwrap_or(false),
        }
    }

    /// A whole number of at most `most`.
    pub(in crate::devnet::proxy) fn number(
        &mut self,
        r: &mut Reader<'_>,
        key: &'static str,
        most: u64,
    ) -> Option<u64> {
        let (at, value, name) = self.take(key)?;
        let DeValue::Integer(digits) = value else {
            return mismatch(r, at, name, "a whole number", value);
        };
        match number::integer(digits).and_then(|number| number.as_u64()) {
            Some(number) if number <= most => Some(number),
            _ => {
                r.error(at, name, format!("expected a whole number from 0 to {most}"));
                None
            }
        }
    }

    /// A share between 0 and 1.
    pub(in crate::devnet::proxy) fn share(&mut self, r: &mut Reader<'_>, key: &'static str) -> Option<f64> {
        let value = self.json(r, key)?;
        let share = value.as_f64().filter(|share| (0.0..=1.0).contains(share));
        if share.is_none() {
            self.wrong(r, key, "expected a number from 0 to 1");
        }
        share
    }

    /// A time such as `"250 ms"`, of at most an hour.
    pub(in crate::devnet::proxy) fn time(
        &mut self,
        r: &mut Reader<'_>,
        key: &'static str,
    ) -> Option<Duration> {
        let text = self.text(r, key)?;
        let time = number::time(&text).filter(|time| *time <= number::LONGEST);
        if time.is_none() {
            let message = format!(
                "{} is no time such as \"250 ms\", \"2 s\" or \"5 min\", of at most 1 h",
                quoted(&text)
            );
            self.wrong(r, key, message);
        }
        time
    }

    /// A table within.
    pub(in crate::devnet::proxy) fn table(
        &mut self,
        r: &mut Reader<'_>,
        key: &'static str,
    ) -> Option<Table<'t>> {
        let (at, value, name) = self.take(key)?;
        match value {
            DeValue::Table(table) => Some(Table::new(&format!("{name}."), at, table)),
            other => mismatch(r, at, name, "a table", other),
        }
    }

    /// A list of tables.
    pub(super) fn tables(&mut self, r: &mut Reader<'_>, key: &'static str) -> Vec<Table<'t>> {
        let Some((at, value, name)) = self.take(key) else {
            return Vec::new();
        };
        let DeValue::Array(items) = value else {
            r.error(at, name, format!("is a list of tables: write [[{key}]]"));
            return Vec::new();
        };
        let mut tables = Vec::new();
        for item in items.iter() {
            match item.get_ref() {
                DeValue::Table(table) => {
                    tables.push(Table::new(&format!("{name}."), item.span().start, table));
                }
                other => drop(mismatch::<()>(
                    r,
                    item.span().start,
                    name.clone(),
                    "a table",
                    other,
                )),
            }
        }
        tables
    }

    /// Every key with its value as JSON, for tables whose keys are the writer's.
    pub(in crate::devnet::proxy) fn all(&mut self, r: &mut Reader<'_>) -> Vec<(String, Value)> {
        let mut all = Vec::new();
        for (key, (at, value)) in std::mem::take(&mut self.entries) {
            let name = format!("{}{key}", self.prefix);
            all.extend(r.json(at, &name, value).map(|value| (key, value)));
        }
        all
    }

    /// Complains of keys that nobody asked for.
    pub(in crate::devnet::proxy) fn finish(self, r: &mut Reader<'_>) {
        for (key, (at, _)) in &self.entries {
            if !self.known.contains(&key.as_str()) {
                let suggestion = nearest(key, self.known.iter().copied());
                r.suggest(*at, format!("{}{key}", self.prefix), "unknown key", suggestion);
            }
        }
    }
}

fn mismatch<T>(r: &mut Reader<'_>, at: usize, key: String, expected: &str, found: &DeValue<'_>) -> Option<T> {
    r.error(at, key, format!("expected {expected}, got {}", found.type_str()));
    None
}

/// The whole file as one table, or its syntax error.
pub(super) fn root<'t>(
    r: &mut Reader<'_>,
    parsed: &'t Result<Spanned<DeTable<'t>>, toml::de::Error>,
) -> Option<Table<'t>> {
    match parsed {
        Ok(table) => Some(Table::new("", 0, table.get_ref())),
        Err(error) => {
            let at = error.span().map_or(0, |span| span.start);
            r.error(at, String::new(), error.message());
            None
        }
    }
}
