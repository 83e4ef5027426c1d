//! One line of the report.

use casimir_dkg::types::SafeText;
use serde_json::json;

use crate::output;

/// How it looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Grade {
    /// As it should be.
    Ok,
    /// It works, and somebody should look at it.
    Warn,
    /// It does not work.
    Fail,
}

impl Grade {
    const fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Fail => "FAIL",
        }
    }
}

/// What was looked at, what was found, and what to do about it.
#[derive(Debug, Clone)]
pub(crate) struct Finding {
    /// How it looks.
    pub grade: Grade,
    /// What was looked at.
    pub what: SafeText,
    /// What was found.
    pub found: SafeText,
    /// What to do.
    pub hint: Option<SafeText>,
}

impl Finding {
    pub(crate) fn ok(what: &str, found: impl AsRef<str>) -> Self {
        Self::new(Grade::Ok, what, found.as_ref(), None)
    }

    pub(crate) fn warn(what: &str, found: impl AsRef<str>, hint: &str) -> Self {
        Self::new(Grade::Warn, what, found.as_ref(), Some(hint))
    }

    pub(crate) fn fail(what: &str, found: impl AsRef<str>, hint: &str) -> Self {
        Self::new(Grade::Fail, what, found.as_ref(), Some(hint))
    }

    fn new(grade: Grade, what: &str, found: &str, hint: Option<&str>) -> Self {
        Self {
            grade,
            what: SafeText::new(what),
            found: SafeText::new(found),
            hint: hint.filter(|hint| !hint.is_empty()).map(SafeText::new),
        }
    }

    pub(crate) fn print(&self, json: bool) {
        if json {
            output::json(&json!({
                "verdict": self.grade.word().to_ascii_lowercase(),
                "what": self.what,
                "found": self.found,
                "hint": self.hint,
            }));
            return;
        }
        output::line(&format!(
            "{:<4}  {:<24}  {}",
            self.grade.word(),
            self.what,
            self.found
        ));
        if let Some(hint) = &self.hint {
            output::line(&format!("      {:<24}  → {hint}", ""));
        }
    }
}
