//! What is wrong with the form of the configuration, and what it hides: whoever does not use that goes on.

use std::collections::BTreeSet;

use super::env_name;
use super::error::{ConfigError, Place};
use super::schema;

/// Something that is wrong with the form of a file, a variable or a flag.
#[derive(Debug, Clone)]
pub(super) struct Mistake {
    pub(super) error: ConfigError,
    hides: Hides,
}

/// What cannot be known because of a mistake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hides {
    /// All that a file may say.
    Everything,
    /// Tables of these lists.
    Lists(&'static [&'static str]),
    /// The key that the error names, or that was rather meant.
    Key,
}

impl Mistake {
    /// Whether a reader that asked for these keys and lists may have got something wrong.
    pub(super) fn concerns(&self, asked: &BTreeSet<String>) -> bool {
        match self.hides {
            Hides::Everything => true,
            Hides::Lists(lists) => lists.iter().any(|list| asked.contains(*list)),
            Hides::Key => self.means(asked),
        }
    }

    pub(super) fn hides_everything(&self) -> bool {
        self.hides == Hides::Everything
    }

    /// Whether tables of this list may be missing.
    pub(super) fn hides(&self, list: &str) -> bool {
        match self.hides {
            Hides::Everything => true,
            Hides::Lists(lists) => lists.contains(&list),
            Hides::Key => false,
        }
    }

    /// An unknown key is rather the one that is nearest; where none is, it may be any of its section.
    fn means(&self, asked: &BTreeSet<String>) -> bool {
        let (key, meant) = (self.error.key.as_str(), self.error.suggestion.as_deref());
        let within = |section: &str| {
            let below = |name: &String| {
                name.strip_prefix(section)
                    .is_some_and(|rest| rest.starts_with('.'))
            };
            let of_list = |(list, _): (&str, &str)| schema::find_list(list).is_some() && asked.contains(list);
            asked.contains(section)
                || asked.iter().any(below)
                || section.rsplit_once('.').is_some_and(of_list)
        };
        if schema::find(key).is_some() || schema::find_list(key).is_some() {
            return asked.contains(key);
        }
        match (meant, &self.error.place) {
            (Some(name), Place::Variable(_)) => {
                match schema::all_keys().find(|key| env_name(key.name) == name) {
                    Some(key) => asked.contains(key.name),
                    // where the file and the directories are
                    None => true,
                }
            }
            (Some(name), _) => within(name),
            (None, _) => within(key) || key.rsplit_once('.').is_some_and(|(section, _)| within(section)),
        }
    }
}

/// Mistakes by what they hide.
#[derive(Debug, Default)]
pub(super) struct Mistakes(pub(super) Vec<Mistake>);

impl Mistakes {
    /// Of the configuration's own file: what concerns the file as a whole hides everything.
    pub(super) fn everything<T>(&mut self, read: impl FnOnce(&mut Vec<ConfigError>) -> T) -> T {
        self.collect(read, |error| match error.key.is_empty() {
            true => Hides::Everything,
            false => Hides::Key,
        })
    }

    /// Of what says a key at a time.
    pub(super) fn by_key<T>(&mut self, read: impl FnOnce(&mut Vec<ConfigError>) -> T) -> T {
        self.collect(read, |_| Hides::Key)
    }

    /// Of a file that holds nothing but tables of these lists.
    pub(super) fn in_lists<T>(
        &mut self,
        lists: &'static [&'static str],
        read: impl FnOnce(&mut Vec<ConfigError>) -> T,
    ) -> T {
        self.collect(read, |_| Hides::Lists(lists))
    }

    fn collect<T>(
        &mut self,
        read: impl FnOnce(&mut Vec<ConfigError>) -> T,
        hides: impl Fn(&ConfigError) -> Hides,
    ) -> T {
        let mut errors = Vec::new();
        let found = read(&mut errors);
        let all = errors.into_iter().map(|error| Mistake {
            hides: hides(&error),
            error,
        });
        self.0.extend(all);
        found
    }
}
