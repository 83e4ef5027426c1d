//! The effective configuration, each value with its origin, secrets left out.

use std::fmt::Write;

use super::layer::Layers;
use super::raw::{Origin, Raw};
use super::schema::{self, Secrecy};
use crate::types::{RedactedUrl, SafeText, quoted};

/// One value as it may be shown.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct ShownValue {
    /// Dotted key; in lists with the number of the table: `operator[1].endpoint`.
    pub key: String,
    /// As TOML, secrets as `"<redacted>"`. `None`: not set.
    pub value: Option<String>,
    /// Where it comes from; `None`: not set.
    pub origin: Option<String>,
}

impl Layers {
    /// Every key in the order of the sections, then the lists.
    #[must_use]
    pub fn shown(&self) -> Vec<ShownValue> {
        let mut out: Vec<ShownValue> = schema::all_keys()
            .map(|key| {
                let sourced = self.values.get(key.name);
                ShownValue {
                    key: key.name.to_owned(),
                    value: sourced.map(|s| shown(&s.raw, key.secrecy)),
                    origin: sourced.map(|s| s.origin.to_string()),
                }
            })
            .collect();
        for (list, keys) in schema::list_keys() {
            for (n, row) in self.lists.get(list).into_iter().flatten().enumerate() {
                for key in keys {
                    let Some(sourced) = row.entries.get(key.name) else {
                        continue;
                    };
                    out.push(ShownValue {
                        key: format!("{list}[{}].{}", n + 1, key.name),
                        value: Some(shown(&sourced.raw, key.secrecy)),
                        origin: Some(sourced.origin.to_string()),
                    });
                }
            }
        }
        out
    }
}

/// As text: sections in brackets, origins as comments, in a column.
#[must_use]
pub fn render(values: &[ShownValue]) -> String {
    let mut out = String::new();
    let mut section = "";
    for shown in values {
        let (of, key) = match shown.key.rsplit_once('.') {
            Some(parts) => parts,
            None => ("", shown.key.as_str()),
        };
        if of != section {
            let gap = if section.is_empty() { "" } else { "\n" };
            let _ = writeln!(out, "{gap}[{of}]");
            section = of;
        }
        let line = match &shown.value {
            Some(value) => format!("{key} = {value}"),
            None => format!("# {key} is not set"),
        };
        match &shown.origin {
            Some(origin) => {
                let _ = writeln!(out, "{line:<70} # {origin}");
            }
            None => {
                let _ = writeln!(out, "{line}");
            }
        }
    }
    out
}

fn shown(raw: &Raw, secrecy: Secrecy) -> String {
    let text = |text: &str| match secrecy {
        Secrecy::Plain => quoted(SafeText::new(text).as_str()),
        Secrecy::Url => quoted(&RedactedUrl::new(text).to_string()),
        Secrecy::Secret => "\"<redacted>\"".to_owned(),
    };
    match raw {
        Raw::Secret(_) => "\"<redacted>\"".to_owned(),
        Raw::Text(value) => text(value),
        Raw::Loose(value) if secrecy == Secrecy::Url && value.contains(',') => {
            let items: Vec<String> = value.split(',').map(|item| text(item.trim())).collect();
            format!("[{}]", items.join(", "))
        }
        Raw::Loose(value) if value.parse::<u64>().is_ok() || value == "true" || value == "false" => {
            value.clone()
        }
        Raw::Loose(value) => text(value),
        Raw::Number(value) => value.clone(),
        Raw::Bool(value) => value.to_string(),
        Raw::List(items) => {
            let items: Vec<String> = items.iter().map(|item| shown(item, secrecy)).collect();
            format!("[{}]", items.join(", "))
        }
        Raw::Other(what) => (*what).to_owned(),
    }
}

impl Layers {
    /// The layer of a key's value, for tests and messages.
    #[must_use]
    pub fn is_default(&self, key: &str) -> bool {
        matches!(self.origin(key), Some(Origin::Default) | None)
    }
}
