//! Reverts in words.

use std::fmt;

use alloy::primitives::Bytes;
use serde::{Deserialize, Serialize};

use crate::types::SafeText;

/// Which form the reason has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RevertForm {
    /// `Error(string)`: the contract's own words.
    Message,
    /// `Panic(uint256)`: the compiler's checks.
    Panic,
    /// A custom error that is known here.
    Custom,
    /// Bytes that mean nothing to us; they are shown as they are.
    Unknown,
    /// The contract said nothing. A function that does not exist also ends so.
    Empty,
}

/// A revert, decoded as far as it can be. Its text for people is the reason with the advice behind it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DecodedRevert {
    /// Which form the reason has.
    pub form: RevertForm,
    /// The reason: the contract's words, or the custom error with its arguments.
    pub reason: SafeText,
    /// The returned bytes; empty where the node does not tell them.
    pub data: Bytes,
    /// What a person can do about it, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub advice: Option<SafeText>,
}

impl fmt::Display for DecodedRevert {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.advice {
            Some(advice) => write!(f, "{} ({advice})", self.reason),
            None => self.reason.fmt(f),
        }
    }
}
