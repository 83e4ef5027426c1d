//! The ways that a person has on from where a case stands: the engine's word, with what each costs.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Can;
use crate::types::SafeText;

/// Something that a person can do about a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Way {
    /// Approve or reject what waits for it.
    Decide,
    /// End the pause that holds it.
    Resume,
    /// Take it up again, or look again at once: [`super::Request::Retry`].
    Retry,
    /// Give up a ceremony whose outcome is unknown: [`super::Request::DeclareLost`].
    DeclareLost,
    /// Another key, made by another committee: [`super::Request::RedoKey`].
    RedoKey,
    /// Give the whole case up: [`super::Request::GiveUp`].
    GiveUp,
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Decide => "decide",
            Self::Resume => "resume",
            Self::Retry => "retry",
            Self::DeclareLost => "declare lost",
            Self::RedoKey => "another committee",
            Self::GiveUp => "give up",
        })
    }
}

/// A way on from where a case stands, as front ends show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WayOn {
    pub way: Way,
    /// Whether it can be gone now, and why not.
    pub can: Can,
    /// Why it makes sense now, or when it would.
    pub why: SafeText,
    /// What is lost by it.
    pub costs: SafeText,
}
