//! The layers, put on top of each other.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use super::dirs::Directories;
use super::error::{ConfigError, ConfigErrors, Place};
use super::file::{self, Contents, Holds};
use super::mistake::{Mistake, Mistakes};
pub use super::raw::Origin;
use super::raw::{Raw, Row, Sourced};
use super::rules::RulesFile;
use super::schema::{self, Secrecy};
use super::value::{Bad, Value as _};
use super::{AutoApprove, FILE_NAME, LoadOptions, environment, preset};

/// A command-line flag that sets a key.
#[derive(Clone)]
pub struct Flag {
    pub key: &'static str,
    /// As typed, with its dashes.
    pub flag: &'static str,
    pub value: String,
}

impl fmt::Debug for Flag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (sets {})", self.flag, self.key)
    }
}

/// Every key's effective value with its origin, not yet interpreted. Debug shows no value.
#[derive(Debug, Clone)]
pub struct Layers {
    pub(super) values: BTreeMap<String, Sourced>,
    pub(super) lists: BTreeMap<String, Vec<Row>>,
    pub(super) sections: BTreeMap<String, Origin>,
    pub(super) auto_approve: AutoApprove,
    directories: Directories,
    file: Option<PathBuf>,
    worries: Vec<String>,
    rules: Vec<RulesFile>,
    /// What is wrong with the form of files, variables and flags.
    mistakes: Vec<Mistake>,
}

impl Layers {
    /// See [`super::survey`].
    pub(super) fn survey(options: &LoadOptions) -> Result<Self, ConfigErrors> {
        let mut mistakes = Mistakes::default();
        let directories = Directories::resolve(&options.environment)?;
        let file = mistakes
            .everything(|errors| find_file(options, &directories).map_err(|error| errors.push(error)))
            .unwrap_or_default();
        let contents = mistakes.everything(|errors| match &file {
            Some(path) => file::read(path, Holds::Configuration, errors),
            None => Contents::default(),
        });
        let own_rules = file
            .as_ref()
            .filter(|_| contents.lists.contains_key("policy.rule"));
        let rules = own_rules.map(|path| RulesFile::of(path, &contents));
        let mut layers = Self {
            values: defaults(),
            lists: contents.lists,
            sections: contents.sections,
            auto_approve: options.auto_approve,
            directories,
            file,
            worries: contents.worries,
            rules: rules.into_iter().collect(),
            mistakes: Vec::new(),
        };
        let mut upper = fallbacks(options);
        upper.extend(contents.values);
        upper.extend(mistakes.by_key(|errors| environment::read(&options.environment, errors)));
        for flag in &options.flags {
            let secret = schema::find(flag.key).is_some_and(|key| key.secrecy == Secrecy::Secret);
            let raw = if secret {
                Raw::Secret(flag.value.clone().into())
            } else {
                Raw::Loose(flag.value.clone())
            };
            let origin = Origin::Flag(flag.flag.to_owned());
            upper.insert(flag.key.to_owned(), Sourced { raw, origin });
        }
        mistakes.by_key(|errors| {
            preset::apply(&mut layers.values, &upper, errors);
            layers.values.extend(upper);
            layers.place_state(errors);
        });
        for (key, lists, holds) in [
            ("operators.file", &["operator"][..], Holds::Operators),
            ("policy.file", &file::POLICY_LISTS, Holds::Policy),
        ] {
            mistakes.in_lists(lists, |errors| layers.read_list_file(key, lists, holds, errors));
        }
        layers.mistakes = mistakes.0;
        Ok(layers)
    }

    /// What is wrong with the form of files, variables and flags.
    pub(super) fn mistakes(&self) -> &[Mistake] {
        &self.mistakes
    }

    /// The defaults alone, in the same directories.
    pub(super) fn defaults(&self) -> Self {
        Self {
            values: defaults(),
            lists: BTreeMap::new(),
            sections: BTreeMap::new(),
            mistakes: Vec::new(),
            ..self.clone()
        }
    }

    /// The state directory of the highest layer that names one.
    fn place_state(&mut self, errors: &mut Vec<ConfigError>) {
        let Some(sourced) = self.values.get("state.dir") else {
            return;
        };
        match String::read(&sourced.raw) {
            Ok(text) => self.directories.state = resolve_path(&text, &sourced.origin),
            Err(Bad { message, suggestion }) => errors.push(ConfigError {
                place: sourced.origin.place(),
                key: "state.dir".to_owned(),
                message,
                suggestion,
            }),
        }
    }

    /// Appends the tables of the file that `key` names.
    fn read_list_file(&mut self, key: &str, lists: &[&str], holds: Holds, errors: &mut Vec<ConfigError>) {
        let Some(sourced) = self.values.get(key) else {
            return;
        };
        let (Raw::Text(text) | Raw::Loose(text)) = &sourced.raw else {
            return;
        };
        let path = resolve_path(text, &sourced.origin);
        let known = errors.len();
        let mut contents = file::read(&path, holds, errors);
        // whoever set the key elsewhere does not know this file by its name
        for error in errors[known..]
            .iter_mut()
            .filter(|error| error.is_of_whole_file())
        {
            error.message += &format!("; {key} names this file ({})", sourced.origin);
        }
        self.worries.append(&mut contents.worries);
        if holds == Holds::Policy {
            self.rules.push(RulesFile::of(&path, &contents));
        }
        for list in lists {
            if let Some(rows) = contents.lists.remove(*list) {
                self.lists.entry((*list).to_owned()).or_default().extend(rows);
            }
        }
    }

    /// Configuration, state and cache directories.
    #[must_use]
    pub fn directories(&self) -> &Directories {
        &self.directories
    }

    /// The file that was read, if there was one.
    #[must_use]
    pub fn file(&self) -> Option<&Path> {
        self.file.as_deref()
    }

    /// What is wrong with owner and mode of the files that were read, each with the command that mends it.
    #[must_use]
    pub fn worries(&self) -> &[String] {
        &self.worries
    }

    /// The files that the rules stand in.
    pub(super) fn rules(&self) -> &[RulesFile] {
        &self.rules
    }

    /// Where the value of a key comes from; `None` when the key has no value.
    #[must_use]
    pub fn origin(&self, key: &str) -> Option<&Origin> {
        self.values.get(key).map(|sourced| &sourced.origin)
    }
}

fn fallbacks(options: &LoadOptions) -> BTreeMap<String, Sourced> {
    let sourced = |(key, name, value): &(&'static str, &'static str, String)| {
        let secret = schema::find(key).is_some_and(|key| key.secrecy == Secrecy::Secret);
        let raw = if secret {
            Raw::Secret(value.clone().into())
        } else {
            Raw::Loose(value.clone())
        };
        let origin = Origin::Variable((*name).to_owned());
        ((*key).to_owned(), Sourced { raw, origin })
    };
    options.fallbacks.iter().map(sourced).collect()
}

fn defaults() -> BTreeMap<String, Sourced> {
    schema::all_keys()
        .filter_map(|key| {
            let raw = Raw::Loose(key.default?.to_owned());
            let origin = Origin::Default;
            Some((key.name.to_owned(), Sourced { raw, origin }))
        })
        .collect()
}

/// An explicit file must exist; the one in the configuration directory need not.
fn find_file(options: &LoadOptions, directories: &Directories) -> Result<Option<PathBuf>, ConfigError> {
    let variable = options.environment.get("CASIMIR_DKG_CONFIG");
    let (path, place) = match (&options.file, variable) {
        (Some(path), _) => (path.clone(), Place::Flag("--config".to_owned())),
        (None, Some(path)) => (
            PathBuf::from(path),
            Place::Variable("CASIMIR_DKG_CONFIG".to_owned()),
        ),
        (None, None) => {
            let path = directories.config.join(FILE_NAME);
            return Ok(path.exists().then_some(path));
        }
    };
    match unreadable(&path) {
        None => Ok(Some(path)),
        Some(message) => Err(ConfigError {
            place,
            key: String::new(),
            message,
            suggestion: None,
        }),
    }
}

/// Why no file can be read there, as far as its name tells. A pipe is as good as a file: shells hand over secrets so.
fn unreadable(path: &Path) -> Option<String> {
    let shown = path.display();
    match std::fs::metadata(path) {
        Ok(found) if found.is_dir() => {
            let inside = path.join(FILE_NAME);
            Some(if inside.is_file() {
                format!("{shown} is a directory; the file in it is {}", inside.display())
            } else {
                format!("{shown} is a directory, not a file")
            })
        }
        Ok(_) => None,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Some(format!("no such file: {shown}")),
        Err(error) => Some(format!("{shown} cannot be read: {error}")),
    }
}

/// A relative path in a file counts from that file's directory, elsewhere from the working directory. `~/` is home.
pub(super) fn resolve_path(text: &str, origin: &Origin) -> PathBuf {
    if let Some(rest) = text.strip_prefix("~/")
        && let Some(user) = directories::UserDirs::new()
    {
        return user.home_dir().join(rest);
    }
    match origin {
        Origin::File { path, .. } => path.parent().unwrap_or(Path::new("")).join(text),
        _ => PathBuf::from(text),
    }
}

/// By file and line, so that a long list reads like the file.
pub(super) fn sorted(mut errors: Vec<ConfigError>) -> ConfigErrors {
    let rank = |place: &Place| match place {
        Place::Flag(_) => (0, PathBuf::new(), 0),
        Place::Variable(_) => (1, PathBuf::new(), 0),
        Place::File { path, line } => (2, path.clone(), line.unwrap_or(0)),
        Place::Missing => (3, PathBuf::new(), 0),
    };
    errors.sort_by_key(|error| rank(&error.place));
    errors.dedup();
    ConfigErrors(errors)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_called_one_and_its_file_is_named() {
        let directory = tempfile::tempdir().unwrap();
        let words = unreadable(directory.path()).unwrap();
        assert!(words.ends_with("is a directory, not a file"), "{words}");
        let file = directory.path().join(FILE_NAME);
        std::fs::write(&file, "").unwrap();
        let words = unreadable(directory.path()).unwrap();
        assert!(
            words.ends_with(&format!("the file in it is {}", file.display())),
            "{words}"
        );
        assert_eq!(unreadable(&file), None);
        let words = unreadable(&directory.path().join("nothing.toml")).unwrap();
        assert!(words.starts_with("no such file"), "{words}");
        // a component that is no directory
        let words = unreadable(&file.join("c.toml")).unwrap();
        assert!(words.contains("cannot be read"), "{words}");
    }
}
