//! Exit codes, and how an error leaves the program.

use std::fmt;
use std::process::ExitCode;

use casimir_dkg::config::ConfigErrors;

use crate::output;

/// For the help text and the README; a test compares them with the numbers below.
pub(crate) const TABLE: &str = "\
Exit codes:
  0    done
  1    it failed, or a check failed (doctor, journal verify, transcript verify)
  2    the command line was not understood
  3    the configuration is wrong; every mistake is printed with file, line and key
  4    the console needs a terminal and there is none
  5    not known whether the engine took what was asked: look at status
  101  a part of the program died; the terminal was restored
  130  a second signal forced the end before all work was finished";

/// What a command ended with, other than an error of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Done.
    Success,
    /// A check failed; what and why has been printed.
    Failure,
    /// A second signal forced the end.
    #[cfg_attr(not(unix), expect(dead_code))]
    Forced,
}

/// There is no terminal to draw on.
#[derive(Debug)]
pub(crate) struct NoTerminal(pub String);

impl fmt::Display for NoTerminal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for NoTerminal {}

/// The engine was asked for something and has not answered: it may have taken effect. In words.
#[derive(Debug)]
pub(crate) struct NotKnown(pub String);

impl fmt::Display for NotKnown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for NotKnown {}

/// Prints an error to stderr and chooses the code.
pub(crate) fn report(result: anyhow::Result<Outcome>) -> ExitCode {
    match result {
        Ok(Outcome::Success) => ExitCode::SUCCESS,
        Ok(Outcome::Failure) => ExitCode::from(1),
        Ok(Outcome::Forced) => ExitCode::from(130),
        Err(error) => {
            let code = if let Some(errors) = error.downcast_ref::<ConfigErrors>() {
                let count = errors.0.len();
                let noun = if count == 1 { "mistake" } else { "mistakes" };
                output::error(&format!("{count} {noun} in the configuration:"));
                for error in &errors.0 {
                    output::note(&format!("  {error}"));
                }
                return ExitCode::from(3);
            } else if error.downcast_ref::<NoTerminal>().is_some() {
                4
            } else if error.downcast_ref::<NotKnown>().is_some() {
                5
            } else {
                1
            };
            output::error(&sentence(&error));
            ExitCode::from(code)
        }
    }
}

/// The error and its causes, each said once: many errors of the engine already quote their cause.
fn sentence(error: &anyhow::Error) -> String {
    let mut text = error.to_string();
    for cause in error.chain().skip(1).map(ToString::to_string) {
        if !text.contains(&cause) {
            text.push_str(": ");
            text.push_str(&cause);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("journal: {0}")]
    struct Quoting(#[source] std::io::Error);

    #[test]
    fn the_readme_has_every_code() {
        let readme = include_str!("../README.md");
        for line in TABLE.lines().skip(1) {
            let (code, means) = line.trim().split_once(' ').unwrap();
            let row = readme
                .lines()
                .find(|row| row.starts_with(&format!("| {code} | ")));
            let row = row
                .unwrap_or_else(|| panic!("{code} is not in the README"))
                .replace('`', "");
            assert_eq!(row, format!("| {code} | {} |", means.trim()));
        }
    }

    #[test]
    fn a_cause_is_said_once() {
        let inner = std::io::Error::other("the lock is taken");
        let quoted = anyhow::Error::new(Quoting(inner));
        assert_eq!(sentence(&quoted), "journal: the lock is taken");
        let added = quoted.context("starting");
        assert_eq!(sentence(&added), "starting: journal: the lock is taken");
    }
}
