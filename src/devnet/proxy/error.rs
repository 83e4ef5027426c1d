//! What can go wrong with the proxy itself, as opposed to what it does wrong on purpose.

use crate::config::ConfigErrors;
use crate::types::{RedactedUrl, SafeText};

/// The proxy cannot do what it was told.
#[derive(Debug, thiserror::Error)]
pub enum ProxyError {
    /// A target is somewhere else than on this machine, or is no URL that the proxy speaks to.
    #[error("target {name}: {url}: {reason}")]
    Target {
        name: SafeText,
        /// Where it was said to be.
        url: RedactedUrl,
        /// What is wrong with that.
        reason: &'static str,
    },
    /// Two targets have one name.
    #[error("two targets are called {0}")]
    SameName(SafeText),
    /// A listener, or the client towards the targets.
    #[error("the fault proxy: {0}")]
    Start(SafeText),
    /// Everything that is wrong with a scenario's file.
    #[error("{0}")]
    Scenario(#[from] ConfigErrors),
    /// A rule names a target that the proxy does not stand before.
    #[error("scenario {scenario}, rule {rule}: there is no target {target}; there are {targets}")]
    NoSuchTarget {
        scenario: SafeText,
        rule: SafeText,
        /// What it names.
        target: SafeText,
        targets: SafeText,
    },
    /// There is no such thing to switch, pull or look up.
    #[error("there is no {what} {name}; there are {known}")]
    Unknown {
        /// Scenario, rule, lever or target.
        what: &'static str,
        /// The name that was given.
        name: SafeText,
        known: SafeText,
    },
}

impl ProxyError {
    pub(super) fn unknown<'a>(
        what: &'static str,
        name: &str,
        known: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        let known: Vec<&str> = known.into_iter().collect();
        let known = match known.as_slice() {
            [] => "none".to_owned(),
            some => some.join(", "),
        };
        Self::Unknown {
            what,
            name: name.into(),
            known: known.into(),
        }
    }
}
