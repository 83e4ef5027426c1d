//! Whether there is a terminal to draw on, decided before it is touched.

use std::io::IsTerminal;

#[cfg(feature = "tui")]
use crate::exit::NoTerminal;

/// What matters for the decision; tests make it up.
#[derive(Debug, Clone)]
pub(crate) struct Surroundings {
    /// stdin is a terminal.
    pub stdin: bool,
    /// stdout is a terminal.
    pub stdout: bool,
    /// Of the environment.
    pub term: Option<String>,
}

impl Surroundings {
    pub(crate) fn of_process() -> Self {
        Self {
            stdin: std::io::stdin().is_terminal(),
            stdout: std::io::stdout().is_terminal(),
            term: std::env::var("TERM").ok(),
        }
    }

    /// Why the console cannot run here, if it cannot.
    pub(crate) fn lacks_terminal(&self) -> Option<&'static str> {
        if !self.stdout {
            Some("stdout is not a terminal")
        } else if !self.stdin {
            Some("stdin is not a terminal")
        } else if self.term.as_deref() == Some("dumb") {
            Some("TERM is \"dumb\"")
        } else {
            None
        }
    }

    /// A terminal with somebody at it that only takes lines, one after the other.
    pub(crate) fn is_dumb(&self) -> bool {
        self.stdin && self.stdout && self.term.as_deref() == Some("dumb")
    }

    /// Whether the console can run here, and if not, what to do instead.
    ///
    /// # Errors
    /// [`NoTerminal`] with the reason.
    #[cfg(feature = "tui")]
    pub(crate) fn require_terminal(&self) -> Result<(), NoTerminal> {
        self.lacks_terminal().map_or(Ok(()), |why| {
            Err(NoTerminal(format!(
                "{why}: the console cannot be drawn. `casimir-dkg headless` prints one line for each step instead, and --plain \
                 takes lines where somebody decides"
            )))
        })
    }
}

#[cfg(all(test, feature = "tui"))]
mod tests {
    use super::*;

    #[test]
    fn a_console_needs_both_ends_and_a_real_terminal() {
        let good = Surroundings {
            stdin: true,
            stdout: true,
            term: Some("xterm-256color".to_owned()),
        };
        assert!(good.require_terminal().is_ok());
        for (bad, word) in [
            (
                Surroundings {
                    stdin: false,
                    ..good.clone()
                },
                "stdin",
            ),
            (
                Surroundings {
                    stdout: false,
                    ..good.clone()
                },
                "stdout",
            ),
            (
                Surroundings {
                    term: Some("dumb".to_owned()),
                    ..good.clone()
                },
                "dumb",
            ),
        ] {
            let message = bad.require_terminal().unwrap_err().to_string();
            assert!(
                message.contains(word) && message.contains("casimir-dkg headless"),
                "{message}"
            );
            assert!(bad.lacks_terminal().is_some_and(|why| why.contains(word)));
        }
    }
}
