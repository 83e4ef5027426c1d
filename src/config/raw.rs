//! A value before its key's type is known, and where it came from.

use std::fmt;
use std::path::PathBuf;

use secrecy::SecretString;

use super::error::Place;
use crate::types::quoted;

/// A value as written. Secret values are wrapped at once, so that no Debug output can show them.
#[derive(Clone)]
pub(super) enum Raw {
    /// A TOML string.
    Text(String),
    /// A TOML integer or float, as written.
    Number(String),
    /// A TOML boolean.
    Bool(bool),
    /// A TOML array.
    List(Vec<Raw>),
    /// From a variable, a flag or a default: text that may mean any type.
    Loose(String),
    /// The value of a secret key.
    Secret(SecretString),
    /// Something that no key takes.
    Other(&'static str),
}

impl Raw {
    /// For error messages: what it is and, where harmless, how it reads.
    pub(super) fn describe(&self) -> String {
        match self {
            Self::Text(text) => format!("the string {}", quoted(text)),
            Self::Number(text) => format!("the number {text}"),
            Self::Bool(value) => format!("{value}"),
            Self::List(items) => format!("a list of {}", items.len()),
            Self::Loose(text) => quoted(text),
            Self::Secret(_) => "a secret".to_owned(),
            Self::Other(what) => (*what).to_owned(),
        }
    }
}

impl fmt::Debug for Raw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // URLs among them carry API keys; what a value is may be shown, how it reads may not
        f.write_str(match self {
            Self::Text(_) => "Text(..)",
            Self::Number(_) => "Number(..)",
            Self::Bool(_) => "Bool(..)",
            Self::List(_) => "List(..)",
            Self::Loose(_) => "Loose(..)",
            Self::Secret(_) => "Secret(..)",
            Self::Other(what) => what,
        })
    }
}

/// The layer that a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Built in.
    Default,
    /// The preset of the network of this name.
    Preset(String),
    /// A file and the line in it, from 1.
    File { path: PathBuf, line: usize },
    /// The environment variable of this name.
    Variable(String),
    /// The flag of this name, with its dashes.
    Flag(String),
}

impl Origin {
    /// Where to point an error about such a value at.
    pub(super) fn place(&self) -> Place {
        match self {
            Self::Default | Self::Preset(_) => Place::Missing,
            Self::File { path, line } => Place::File {
                path: path.clone(),
                line: Some(*line),
            },
            Self::Variable(name) => Place::Variable(name.clone()),
            Self::Flag(name) => Place::Flag(name.clone()),
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::Preset(name) => write!(f, "preset {name}"),
            Self::Variable(name) => f.write_str(name),
            Self::Flag(name) => f.write_str(name),
            Self::File { .. } => self.place().fmt(f),
        }
    }
}

/// A value with its origin.
#[derive(Debug, Clone)]
pub(super) struct Sourced {
    pub(super) raw: Raw,
    pub(super) origin: Origin,
}

/// One table of a list such as `[[operator]]`: where it begins and its entries by their short key.
#[derive(Debug, Clone)]
pub(super) struct Row {
    pub(super) origin: Origin,
    pub(super) entries: std::collections::BTreeMap<String, Sourced>,
}
