//! Typed access to the layers that goes on after an error, so that all are reported together.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::PathBuf;

use super::error::{ConfigError, ConfigErrors, Place};
use super::layer::{self, Layers};
use super::raw::{Origin, Row, Sourced};
use super::value::{self, Bad, Value};
use super::{AutoApprove, Directories, env_name, schema};

pub(super) struct Reader<'a> {
    layers: &'a Layers,
    /// Keys and lists that were asked for: a mistake elsewhere is none of this reader's.
    asked: RefCell<BTreeSet<String>>,
    passes: Passes,
    errors: Vec<ConfigError>,
    /// What can be meant and is worth a word.
    worries: Vec<String>,
}

/// What a reader makes of mistakes in the form of what it reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Passes {
    /// Those in what it asked for are its own.
    Elsewhere,
    /// All were told of before.
    Told,
}

impl<'a> Reader<'a> {
    pub(super) fn new(layers: &'a Layers) -> Self {
        Self {
            layers,
            asked: RefCell::default(),
            passes: Passes::Elsewhere,
            errors: Vec::new(),
            worries: Vec::new(),
        }
    }

    /// Goes on where the form was found to be wrong, which whoever reads has told of.
    pub(super) fn after_mistakes(layers: &'a Layers) -> Self {
        Self {
            passes: Passes::Told,
            ..Self::new(layers)
        }
    }

    /// Whether the tables of a list could be read: what is missing in it may stand in a file that cannot be.
    pub(super) fn knows(&self, list: &str) -> bool {
        !self.layers.mistakes().iter().any(|mistake| mistake.hides(list))
    }

    fn ask(&self, name: &str) {
        self.asked.borrow_mut().insert(name.to_owned());
    }

    /// Says of a key what somebody may have meant, and rather has not.
    pub(super) fn worry(&mut self, key: &str, message: &str) {
        self.worries
            .push(format!("{}: {key}: {message}", self.place(key)));
    }

    /// The same of a table of a list.
    pub(super) fn row_worry(&mut self, list: &str, row: &Row, key: &str, message: &str) {
        let origin = row.entries.get(key).map_or(&row.origin, |s| &s.origin);
        self.worries
            .push(format!("{}: {list}.{key}: {message}", origin.place()));
    }

    /// What was said so far, for whoever starts.
    pub(super) fn take_worries(&mut self) -> Vec<String> {
        std::mem::take(&mut self.worries)
    }

    /// Whether a person said it, and no default or preset.
    pub(super) fn is_said(&self, key: &str) -> bool {
        let said = |origin: &Origin| !matches!(origin, Origin::Default | Origin::Preset(_));
        self.layers.origin(key).is_some_and(said)
    }

    /// As it was written.
    pub(super) fn said(&self, key: &str) -> String {
        let sourced = self.layers.values.get(key);
        sourced.map_or_else(String::new, |sourced| sourced.raw.describe())
    }

    pub(super) fn auto_approve(&self) -> AutoApprove {
        self.layers.auto_approve
    }

    pub(super) fn directories(&self) -> &'a Directories {
        self.ask("state.dir");
        self.layers.directories()
    }

    /// The value if there is one. The outer `None` is an error, which has been reported.
    #[expect(
        clippy::option_option,
        reason = "reported, absent and present are three different things"
    )]
    pub(super) fn optional<T: Value>(&mut self, key: &str) -> Option<Option<T>> {
        assert!(schema::find(key).is_some(), "{key} is not in the schema");
        self.ask(key);
        match self.layers.values.get(key) {
            None => Some(None),
            Some(sourced) => self.interpret(key, sourced).map(Some),
        }
    }

    /// The value; its absence is an error.
    pub(super) fn required<T: Value>(&mut self, key: &str) -> Option<T> {
        let value = self.optional(key)?;
        if value.is_none() {
            self.missing(key);
        }
        value
    }

    /// A path, resolved against the file that says it.
    #[expect(clippy::option_option, reason = "as in `optional`")]
    pub(super) fn path(&mut self, key: &str) -> Option<Option<PathBuf>> {
        let text: Option<String> = self.optional(key)?;
        let origin = self.layers.origin(key);
        Some(
            text.zip(origin)
                .map(|(text, origin)| layer::resolve_path(&text, origin)),
        )
    }

    /// A path of a table of a list, resolved against the file that says it.
    pub(super) fn row_path(&self, row: &Row, key: &str) -> Option<PathBuf> {
        let sourced = row.entries.get(key)?;
        let text = value::text("a path", &sourced.raw).ok()?;
        Some(layer::resolve_path(text, &sourced.origin))
    }

    pub(super) fn rows(&self, list: &str) -> &'a [Row] {
        self.ask(list);
        self.layers.lists.get(list).map_or(&[], Vec::as_slice)
    }

    /// Reads every table of a list; `None` when one of them is bad, after all were looked at.
    pub(super) fn each<T>(
        &mut self,
        list: &str,
        mut read: impl FnMut(&mut Self, &Row) -> Option<T>,
    ) -> Option<Vec<T>> {
        let all: Vec<Option<T>> = self.rows(list).iter().map(|row| read(self, row)).collect();
        all.into_iter().collect()
    }

    /// As [`Reader::optional`], within a table of a list.
    #[expect(clippy::option_option, reason = "as in `optional`")]
    pub(super) fn row_optional<T: Value>(&mut self, list: &str, row: &Row, key: &str) -> Option<Option<T>> {
        assert!(schema::find_list(list).is_some_and(|keys| keys.iter().any(|k| k.name == key)));
        match row.entries.get(key) {
            None => Some(None),
            Some(sourced) => self.interpret(&format!("{list}.{key}"), sourced).map(Some),
        }
    }

    /// As [`Reader::required`], within a table of a list.
    pub(super) fn row_required<T: Value>(&mut self, list: &str, row: &Row, key: &str) -> Option<T> {
        let value = self.row_optional(list, row, key)?;
        if value.is_none() {
            self.row_error(list, row, key, "is required".to_owned());
        }
        value
    }

    /// Reports something about a key of a table of a list.
    pub(super) fn row_error(&mut self, list: &str, row: &Row, key: &str, message: String) {
        let origin = row.entries.get(key).map_or(&row.origin, |s| &s.origin);
        self.errors.push(ConfigError {
            place: origin.place(),
            key: format!("{list}.{key}"),
            message,
            suggestion: None,
        });
    }

    /// Reports something about a key.
    pub(super) fn error(&mut self, key: &str, message: String) {
        let place = self.place(key);
        self.errors.push(ConfigError {
            place,
            key: key.to_owned(),
            message,
            suggestion: None,
        });
    }

    /// Reports that a key has no value, and the ways to set it.
    pub(super) fn missing(&mut self, key: &str) {
        let row = schema::find(key).expect("sections ask for keys of the schema only");
        let flag = row.flag.map(|flag| format!(", or {flag}")).unwrap_or_default();
        let message = format!(
            "is required ({}): set it in the file, or {}{flag}",
            row.doc.trim_end_matches('.'),
            env_name(key)
        );
        self.error(key, message);
    }

    /// Where the value stands, else where its section begins, else the file.
    fn place(&self, key: &str) -> Place {
        if let Some(origin) = self.layers.origin(key)
            && !matches!(origin, Origin::Default | Origin::Preset(_))
        {
            return origin.place();
        }
        let section = key.split('.').next().unwrap_or(key);
        match (self.layers.sections.get(section), self.layers.file()) {
            (Some(origin), _) => origin.place(),
            (None, Some(path)) => Place::File {
                path: path.to_owned(),
                line: None,
            },
            (None, None) => Place::Missing,
        }
    }

    fn interpret<T: Value>(&mut self, key: &str, sourced: &Sourced) -> Option<T> {
        T::read(&sourced.raw)
            .and_then(|value| value::judge(value, &sourced.raw, schema::range(key)))
            .map_err(|Bad { message, suggestion }| {
                self.errors.push(ConfigError {
                    place: sourced.origin.place(),
                    key: key.to_owned(),
                    message,
                    suggestion,
                });
            })
            .ok()
    }

    pub(super) fn finish<T>(self, value: Option<T>) -> Result<T, ConfigErrors> {
        if self.passes == Passes::Elsewhere {
            let asked = self.asked.take();
            let mistakes = self.layers.mistakes().iter();
            let own = mistakes.filter(|mistake| mistake.concerns(&asked));
            let own: Vec<_> = own.map(|mistake| mistake.error.clone()).collect();
            // what is found wrong behind them may be their consequence
            if !own.is_empty() {
                return Err(layer::sorted(own));
            }
        }
        match value {
            Some(value) if self.errors.is_empty() => Ok(value),
            _ => Err(layer::sorted(self.errors)),
        }
    }
}

/// Implements [`Value`] for an enum of words.
macro_rules! words {
    ($type:ty { $($word:literal => $value:expr),+ $(,)? } no_display) => {
        impl $crate::config::value::Value for $type {
            fn read(raw: &$crate::config::raw::Raw) -> Result<Self, $crate::config::value::Bad> {
                $crate::config::value::choice(raw, &[$(($word, $value)),+])
            }
        }
    };
    ($type:ty { $($word:literal => $value:expr),+ $(,)? }) => {
        $crate::config::reader::words!($type { $($word => $value),+ } no_display);
        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                $(if *self == $value { return f.pad($word); })+
                Ok(())
            }
        }
    };
}
pub(super) use words;

/// Text within a value that is not itself a whole value.
pub(super) fn text_of<'r>(expected: &str, raw: &'r super::raw::Raw) -> Result<&'r str, Bad> {
    value::text(expected, raw)
}
