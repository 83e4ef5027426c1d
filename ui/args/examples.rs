//! An example for every command, below its help and in its manual page.

use std::ffi::OsString;

use clap::builder::StyledStr;
use clap::{Command, CommandFactory, FromArgMatches as _};

use super::Cli;
use crate::output;

/// The command, without the program's name, and what follows it; a line each.
#[rustfmt::skip]
const EXAMPLES: &[(&str, &[&str])] = &[
    ("", &["demo", "config init", "doctor", "headless --auto-approve"]),
    ("console", &["console", "console --plain", "console --socket /run/casimir-dkg/oracle.sock"]),
    ("headless", &["headless", "headless --json --auto-approve"]),
    ("status", &["status", "status --json"]),
    ("waiting", &["waiting"]),
    ("show", &["show deposit/3#2", "show deposit/3#2 --export action.json"]),
    ("reject", &["reject deposit/3#2 --digest 0x5f0c93d1a2b4 --reason \"the committee is in one data centre\""]),
    ("retry", &["retry deposit/3"]),
    ("pause", &["pause", "pause deposit/3"]),
    ("resume", &["resume", "resume --read", "resume deposit/3"]),
    ("mode", &["mode", "mode supervised"]),
    ("adopt", &["adopt 0x00000000219ab540356cBB839Cbe05303d7705Fa"]),
    ("person", &["person new ada.json"]),
    ("person new", &["person new ada.json"]),
    ("messenger", &["messenger --listen 0.0.0.0:3000 --data-dir /var/lib/messenger"]),
    ("operator", &["operator --id 7 --key-file operator.pem --messenger https://messenger.example"]),
    ("operator backup", &["operator backup shares-backup.sqlite"]),
    ("operator restore", &["operator restore shares-backup.sqlite"]),
    ("operator reseal", &["operator reseal --new-key-file next.json --new-password-file next.password"]),
    ("operator shares list", &["operator shares list"]),
    ("doctor", &["doctor", "doctor --network hoodi --rpc https://one.example,https://another.example"]),
    ("notify", &["notify test", "notify test ops"]),
    ("notify test", &["notify test"]),
    ("keystore", &["keystore new oracle.json", "keystore show oracle.json"]),
    ("keystore new", &["keystore new oracle.json"]),
    ("keystore import", &["keystore import oracle.json"]),
    ("keystore operator-key", &["keystore operator-key --help"]),
    ("keystore show", &["keystore show oracle.json"]),
    ("keystore passwd", &["keystore passwd oracle.json"]),
    ("journal", &["journal show --case deposit/3", "journal verify", "journal backup journal-copy.sqlite"]),
    ("journal show", &["journal show", "journal show --json"]),
    ("journal verify", &["journal verify"]),
    ("journal export", &["journal export > journal.ndjson"]),
    ("journal backup", &["journal backup journal-copy.sqlite"]),
    ("journal restore", &["journal restore journal-copy.sqlite"]),
    ("journal declare-lost", &["journal declare-lost \"the disk died, and the backup with it\""]),
    ("journal new-key", &["journal new-key \"the journal stands on a new host\""]),
    ("journal shares", &["journal shares 7 > operator-7.manifest"]),
    ("transcript", &["transcript verify transcript.json"]),
    ("transcript verify", &["transcript verify transcript.json", "transcript verify transcript.json --network hoodi --ssv https://one.example --ssv https://another.example"]),
    ("audit", &["audit deposit/3 > deposit-3.html"]),
    ("audit verifier", &["audit verifier > verify.py"]),
    ("config", &["config init", "config show"]),
    ("config show", &["config show"]),
    ("config path", &["config path"]),
    ("config init", &["config init"]),
    ("handbook", &["handbook", "handbook two-persons", "handbook head-doubted"]),
    ("completions", &["completions bash > ~/.local/share/bash-completion/completions/casimir-dkg"]),
];

/// The command line with its examples.
pub(crate) fn command() -> Command {
    EXAMPLES.iter().fold(Cli::command(), |command, (path, lines)| {
        let words: Vec<&str> = path.split_whitespace().collect();
        with(command, &words, lines)
    })
}

fn with(command: Command, path: &[&str], lines: &[&str]) -> Command {
    let Some((first, rest)) = path.split_first() else {
        let before = command.get_after_help().map(StyledStr::to_string);
        let heading = if lines.len() == 1 { "Example:" } else { "Examples:" };
        let examples = lines.iter().map(|line| format!("\n  casimir-dkg {line}"));
        let text = format!("{heading}{}", examples.collect::<String>());
        return command.after_help(match before {
            Some(before) => format!("{text}\n\n{before}"),
            None => text,
        });
    };
    if command.find_subcommand(first).is_none() {
        // not on this system
        return command;
    }
    command.mut_subcommand(*first, |found| with(found, rest, lines))
}

/// Reads the command line of this process, or ends it with what is wrong.
pub(crate) fn parse() -> Cli {
    let matches = command().try_get_matches();
    matches
        .and_then(|matches| Cli::from_arg_matches(&matches))
        .unwrap_or_else(|error| output::answered(&error, asks_for_json(std::env::args_os())))
}

/// Whether a command line that was not understood asks for JSON, as far as it can be told.
fn asks_for_json(arguments: impl IntoIterator<Item = OsString>) -> bool {
    let flags = arguments.into_iter().skip(1).take_while(|word| word != "--");
    flags.into_iter().any(|word| word == "--json")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn without(command: &Command, path: &str, found: &mut Vec<String>) {
        let mine = format!("{path} {}", command.get_name());
        let has = command
            .get_after_help()
            .is_some_and(|help| help.to_string().contains("casimir-dkg "));
        let groups = command.has_subcommands() && command.is_subcommand_required_set();
        if !has && !groups {
            found.push(mine.clone());
        }
        for inner in command.get_subcommands() {
            without(inner, &mine, found);
        }
    }

    #[test]
    fn every_command_has_an_example_that_names_a_command_there_is() {
        let mut found = Vec::new();
        without(&command(), "", &mut found);
        let nobody: [String; 0] = [];
        assert_eq!(found, nobody);
        for (path, lines) in EXAMPLES {
            assert!(lines.iter().all(|line| line.starts_with(path)), "{path}");
        }
    }

    /// The long options of a command and of all beneath it, as they are typed.
    fn options(command: &Command) -> Vec<String> {
        let mine = command.get_arguments().filter_map(|argument| argument.get_long());
        let beneath = command.get_subcommands().flat_map(options);
        mine.map(|long| format!("--{long}")).chain(beneath).collect()
    }

    #[test]
    fn every_option_is_on_a_page() {
        let readme = include_str!("../../README.md");
        let pages = crate::commands::handbook::PAGES.iter().map(|(_, text)| *text);
        let words: std::collections::BTreeSet<&str> = pages
            .chain([readme])
            .flat_map(|text| text.split(|c: char| !c.is_ascii_alphanumeric() && c != '-'))
            .collect();
        let nowhere: Vec<_> = options(&command())
            .into_iter()
            .filter(|option| !words.contains(option.as_str()))
            .collect();
        assert_eq!(nowhere, Vec::<String>::new());
    }

    #[test]
    fn examples_that_are_complete_are_understood() {
        for (path, lines) in EXAMPLES {
            for line in *lines {
                // what stands behind a redirection is the shell's
                let line = line.split(" > ").next().unwrap_or(line);
                let line = line.replace('"', "'");
                let quoted = line
                    .split('\'')
                    .enumerate()
                    .flat_map(|(nth, part)| match nth % 2 {
                        0 => part.split_whitespace().map(str::to_owned).collect::<Vec<_>>(),
                        _ => vec![part.to_owned()],
                    });
                let words = std::iter::once("casimir-dkg".to_owned()).chain(quoted);
                let read = command().try_get_matches_from(words);
                let fine = match &read {
                    Ok(_) => true,
                    Err(error) => error.kind() == clap::error::ErrorKind::DisplayHelp,
                };
                assert!(fine, "{path}: {line}: {}", read.unwrap_err());
            }
        }
    }
}
