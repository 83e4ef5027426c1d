//! Errors that can be acted on: where, which key, what is wrong, what was probably meant.

use std::fmt;
use std::path::PathBuf;

use crate::types::SafeText;

/// Where a value stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A line of a file, counted from 1; `None` when the whole file is meant.
    File {
        path: PathBuf,
        /// From 1.
        line: Option<usize>,
    },
    /// An environment variable.
    Variable(String),
    /// A command-line flag.
    Flag(String),
    /// Nowhere: the value is missing.
    Missing,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { path, line } => {
                write!(f, "{}", SafeText::new(&path.display().to_string()))?;
                line.map_or(Ok(()), |line| write!(f, ":{line}"))
            }
            Self::Variable(name) => write!(f, "environment variable {}", SafeText::new(name)),
            Self::Flag(flag) => write!(f, "flag {flag}"),
            Self::Missing => f.write_str("configuration"),
        }
    }
}

/// One thing that is wrong with the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    /// Where.
    pub place: Place,
    /// Which key, dotted; empty when the file as a whole is meant.
    pub key: String,
    /// What is wrong. Never contains the value of a secret.
    pub message: String,
    /// The nearest valid key or value.
    pub suggestion: Option<String>,
}

impl ConfigError {
    /// Whether a file as a whole is wrong, and no line or key of it.
    pub(super) fn is_of_whole_file(&self) -> bool {
        self.key.is_empty() && matches!(self.place, Place::File { line: None, .. })
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.place)?;
        if !self.key.is_empty() {
            write!(f, "{}: ", SafeText::new(&self.key))?;
        }
        write!(f, "{}", SafeText::new(&self.message))?;
        if let Some(suggestion) = &self.suggestion {
            write!(f, "; did you mean `{}`?", SafeText::new(suggestion))?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigError {}

/// Everything that is wrong, in the order of the files and lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigErrors(pub Vec<ConfigError>);

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, error) in self.0.iter().enumerate() {
            if n > 0 {
                f.write_str("\n")?;
            }
            error.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigErrors {}

impl From<ConfigError> for ConfigErrors {
    fn from(error: ConfigError) -> Self {
        Self(vec![error])
    }
}

/// The candidate that is nearest to `text`, if any is near enough to be meant.
pub(super) fn nearest<'a>(text: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let wanted = text.to_ascii_lowercase();
    candidates
        .into_iter()
        .map(|c| (strsim::jaro_winkler(&wanted, &c.to_ascii_lowercase()), c))
        .filter(|(score, _)| *score > 0.75)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, c)| c.to_owned())
}
