//! Exit codes, and how an error leaves the program.

mod failure;

use std::any::Any;
use std::fmt;
use std::process::ExitCode;

use casimir_dkg::config::ConfigErrors;
use serde_json::Value;

use crate::output;
pub(crate) use failure::{Failure, Kind, Known};

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
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Outcome {
    /// Done.
    Success,
    /// A check failed; what and why has been printed for people, and is yet to be told to programs.
    Failure(Box<Failure>),
    /// A second signal forced the end.
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

/// Chooses the code; prints an error to stderr, and where JSON was asked for, one object that tells any failure to stdout.
pub(crate) fn report(result: anyhow::Result<Outcome>, json: bool) -> ExitCode {
    let failure = match result {
        Ok(Outcome::Success) => return ExitCode::SUCCESS,
        Ok(Outcome::Failure(failure)) => *failure,
        Ok(Outcome::Forced) => Failure::new(Kind::Forced, "a second signal forced the end"),
        Err(error) => {
            let failure = Failure::of(&error);
            match error.downcast_ref::<ConfigErrors>() {
                Some(errors) => {
                    output::error(&format!("{}:", failure.error()));
                    for error in &errors.0 {
                        output::note(&format!("  {error}"));
                    }
                }
                None => output::error(failure.error()),
            }
            failure
        }
    };
    if json {
        output::json(&failure.object());
    }
    ExitCode::from(failure.code())
}

/// A part of the program died, which the panic's own words told on stderr.
pub(crate) fn died(why: &(dyn Any + Send), json: bool) -> ExitCode {
    let words = why
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| why.downcast_ref::<&str>().copied())
        .unwrap_or("it said nothing");
    let failure = Failure::new(Kind::Died, format!("a part of the program died: {words}"));
    if json {
        output::json(&failure.object());
    }
    ExitCode::from(failure.code())
}

/// How a command ends that has looked at something: with its result where programs read it, which says what does not hold.
pub(crate) fn judged(result: Option<Value>, problems: Vec<String>) -> Outcome {
    if problems.is_empty() {
        if let Some(result) = result {
            output::json(&result);
        }
        return Outcome::Success;
    }
    let failure = Failure::check(problems.join("; ")).with(result.unwrap_or_default());
    Outcome::Failure(Box::new(failure))
}

/// The command line was not understood.
pub(crate) fn usage(words: &str) {
    output::json(&Failure::new(Kind::Usage, words).object());
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
