//! What can be typed.

use std::str::FromStr;

use casimir_dkg::types::{ActionId, CaseId, OperatorId, PoolId};
use casimir_dkg::view::{ListKind, Mode, Request};
use tracing::Level;

use crate::output::{line, usage};

/// One line that was understood.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Command {
    Help,
    Quit,
    Status,
    Waiting,
    Cases,
    Case(CaseId),
    Ceremonies,
    Transactions,
    Exits,
    Validators,
    /// The next of what is over and listed no more.
    Older(ListKind),
    /// The newest lines of the log.
    Logs {
        level: Level,
        lines: usize,
    },
    Follow(bool),
    /// A number of the list of what waits, an id, or nothing for the first.
    Open(String),
    /// The bytes of an action, named like that.
    Raw(String),
    Approve {
        code: String,
        phrase: Option<String>,
    },
    Reject(String),
    /// Without a name: the one that was given last.
    Undo(Option<ActionId>),
    Committee(Vec<OperatorId>),
    Pause(Option<CaseId>),
    Resume(Option<CaseId>),
    Exit {
        pool: PoolId,
        phrase: Option<String>,
    },
    /// The present mode, and what the rules would do in auto.
    Mode,
    /// Goes to the engine as it is.
    Ask(Request),
}

/// The words, what is typed behind them, and what they do.
const TABLE: &[(&str, &str, &str)] = &[
    ("waiting", "", "what waits for a decision, by number and name"),
    (
        "open",
        "[NUMBER or ACTION]",
        "everything about an action; without a name, of the first that waits",
    ),
    (
        "raw",
        "[NUMBER or ACTION]",
        "the bytes that an action would send, whole",
    ),
    (
        "approve",
        "CODE [PHRASE]",
        "approve what was opened last, by its code, and by the phrase where one is asked for",
    ),
    ("reject", "REASON", "reject what was opened last"),
    (
        "undo",
        "[ACTION]",
        "take an approval back while nothing of it has left; without a name, the last of what counts down to leave, else of what is held or waits",
    ),
    (
        "committee",
        "OPERATOR OPERATOR ...",
        "choose the operators of the key generation or reshare that was opened last",
    ),
    (
        "retry",
        "CASE",
        "take up a rejected or failed case again, or look again at once",
    ),
    (
        "pause",
        "[CASE]",
        "let nothing leave any more, of one case or at all",
    ),
    ("resume", "[CASE]", "end a pause"),
    (
        "another-key",
        "CASE",
        "have another committee make another key for a deposit",
    ),
    ("give-up", "CASE REASON", "give a case up"),
    ("lost", "CEREMONY", "declare a ceremony of unknown outcome lost"),
    ("reshare", "POOL", "open a reshare by hand"),
    (
        "exit",
        "POOL [PHRASE]",
        "open an exit by hand; in mode auto a phrase is asked for",
    ),
    (
        "mode",
        "[MODE] [auto]",
        "observe, supervised or auto, which is typed twice; without a name, the present one and what auto would do",
    ),
    (
        "adopt",
        "ACCOUNT",
        "take over an account with a past that the journal does not know",
    ),
    (
        "status",
        "",
        "network, endpoints, operators, alarms and what holds things up",
    ),
    ("cases", "", "the requests of pools"),
    ("case", "CASE", "one of them, with its history and its ways on"),
    ("ceremonies", "", "ceremonies that run, operator by operator"),
    ("transactions", "", "transactions and their blocks"),
    ("exits", "", "exits, and what became of them"),
    ("validators", "", "validators of all pools"),
    (
        "older",
        "LIST",
        "what is over and listed no more, some at a time: actions, cases, ceremonies, transactions or exits",
    ),
    (
        "logs",
        "[LEVEL] [NUMBER]",
        "the newest lines of the log of this process: error, warn, info or debug and worse",
    ),
    (
        "follow",
        "[on or off]",
        "print what happens as it happens (on at the start)",
    ),
    ("help", "", "this list"),
    ("quit", "", "leave"),
];

/// Prints the list; `beside` is the word of whatever else takes lines.
pub(super) fn help(beside: &str) {
    for (word, arguments, does) in TABLE {
        line(&usage(word, arguments, does));
    }
    if !beside.is_empty() {
        line(&format!(
            "{beside} [LINE]: pulls a lever of the show; without a line, lists them"
        ));
    }
}

impl FromStr for Command {
    type Err = String;

    fn from_str(typed: &str) -> Result<Self, String> {
        let typed = typed.trim();
        let (word, rest) = typed.split_once(' ').unwrap_or((typed, ""));
        let rest = rest.trim();
        let Some((word, arguments, _)) = TABLE.iter().find(|(known, ..)| *known == word) else {
            let known = TABLE.iter().map(|(known, ..)| *known);
            let near = known.filter(|known| strsim::jaro_winkler(known, word) > 0.8);
            let meant: Vec<_> = near.collect();
            return Err(match meant.first() {
                Some(meant) => format!("{word} is no command; did you mean {meant}?"),
                None => format!("{word} is no command; help lists them"),
            });
        };
        let wants = || match *arguments {
            "" => format!("{word} wants nothing behind it"),
            arguments => format!("{word} wants {arguments}"),
        };
        read(word, rest).ok_or_else(wants)
    }
}

/// None: what stands behind the word is not what it wants.
fn read(word: &str, rest: &str) -> Option<Command> {
    let bare = |command| rest.is_empty().then_some(command);
    let case = || rest.parse::<CaseId>().ok();
    let maybe_case = || {
        if rest.is_empty() {
            Some(None)
        } else {
            case().map(Some)
        }
    };
    let pool = || rest.parse::<u32>().ok().map(PoolId);
    let (first, behind) = rest.split_once(' ').unwrap_or((rest, ""));
    match word {
        "help" => bare(Command::Help),
        "quit" => bare(Command::Quit),
        "status" => bare(Command::Status),
        "waiting" => bare(Command::Waiting),
        "cases" => bare(Command::Cases),
        "ceremonies" => bare(Command::Ceremonies),
        "transactions" => bare(Command::Transactions),
        "exits" => bare(Command::Exits),
        "validators" => bare(Command::Validators),
        "older" => list(rest).map(Command::Older),
        "logs" => logs(rest),
        "undo" if rest.is_empty() => Some(Command::Undo(None)),
        "undo" => Some(Command::Undo(Some(rest.parse().ok()?))),
        "case" => case().map(Command::Case),
        "follow" => match rest {
            "" | "on" => Some(Command::Follow(true)),
            "off" => Some(Command::Follow(false)),
            _ => None,
        },
        "open" => Some(Command::Open(rest.to_owned())),
        "raw" => Some(Command::Raw(rest.to_owned())),
        "approve" => (!first.is_empty()).then(|| Command::Approve {
            code: first.to_owned(),
            phrase: words(behind),
        }),
        "reject" => (!rest.is_empty()).then(|| Command::Reject(rest.to_owned())),
        "committee" => committee(rest).map(Command::Committee),
        "pause" => maybe_case().map(Command::Pause),
        "resume" => maybe_case().map(Command::Resume),
        "retry" => Some(Command::Ask(Request::Retry { case: case()? })),
        "another-key" => Some(Command::Ask(Request::RedoKey { case: case()? })),
        "give-up" => Some(Command::Ask(Request::GiveUp {
            case: first.parse().ok()?,
            reason: Some(behind.trim()).filter(|reason| !reason.is_empty())?.into(),
        })),
        "lost" => Some(Command::Ask(Request::DeclareLost {
            request: rest.parse().ok()?,
        })),
        "reshare" => Some(Command::Ask(Request::RequestReshare { pool: pool()? })),
        "exit" => Some(Command::Exit {
            pool: PoolId(first.parse().ok()?),
            phrase: words(behind),
        }),
        "mode" if rest.is_empty() => Some(Command::Mode),
        "mode" => Some(Command::Ask(Request::SwitchMode {
            mode: mode(first)?,
            word: words(behind),
        })),
        "adopt" => Some(Command::Ask(Request::Adopt {
            account: rest.parse().ok()?,
        })),
        _ => None,
    }
}

/// What stands there, if anything.
fn words(text: &str) -> Option<String> {
    Some(text.trim().to_owned()).filter(|words| !words.is_empty())
}

fn list(word: &str) -> Option<ListKind> {
    match word {
        "actions" => Some(ListKind::Actions),
        "cases" => Some(ListKind::Cases),
        "ceremonies" => Some(ListKind::Ceremonies),
        "transactions" => Some(ListKind::Transactions),
        "exits" => Some(ListKind::Exits),
        _ => None,
    }
}

/// So many lines where no number is typed.
const LINES: usize = 20;

/// A level, a number of lines, both in this order, or nothing.
fn logs(text: &str) -> Option<Command> {
    let (mut level, mut lines) = (Level::INFO, LINES);
    let mut typed = text.split_whitespace().peekable();
    if let Some(named) = typed.peek().and_then(|word| self::level(word)) {
        level = named;
        typed.next();
    }
    if let Some(number) = typed.next() {
        lines = number.parse().ok()?;
    }
    typed.next().is_none().then_some(Command::Logs { level, lines })
}

fn level(word: &str) -> Option<Level> {
    match word {
        "error" => Some(Level::ERROR),
        "warn" => Some(Level::WARN),
        "info" => Some(Level::INFO),
        "debug" => Some(Level::DEBUG),
        "trace" => Some(Level::TRACE),
        _ => None,
    }
}

fn committee(text: &str) -> Option<Vec<OperatorId>> {
    let words = text.split([' ', ',']).filter(|word| !word.is_empty());
    let mut ids = words
        .map(|word| word.parse().ok().map(OperatorId))
        .collect::<Option<Vec<_>>>()?;
    ids.sort_unstable();
    ids.dedup();
    (!ids.is_empty()).then_some(ids)
}

fn mode(word: &str) -> Option<Mode> {
    match word {
        "observe" => Some(Mode::Observe),
        "supervised" => Some(Mode::Supervised),
        "auto" => Some(Mode::Auto),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_or_refused_with_what_they_want() {
        assert_eq!("open".parse(), Ok(Command::Open(String::new())));
        assert_eq!(
            "  approve 5f5f5-f5f5f exit 3 now ".parse(),
            Ok(Command::Approve {
                code: "5f5f5-f5f5f".to_owned(),
                phrase: Some("exit 3 now".to_owned())
            })
        );
        assert_eq!(
            "committee 4, 2 1 3".parse(),
            Ok(Command::Committee([1, 2, 3, 4].map(OperatorId).to_vec()))
        );
        for (line, says) in [
            ("aprove 1", "did you mean approve?"),
            ("xyzzy", "help lists them"),
            ("reject", "reject wants REASON"),
            ("give-up deposit/1", "give-up wants CASE REASON"),
            ("status now", "status wants nothing behind it"),
            ("undo this", "undo wants [ACTION]"),
            ("older things", "older wants LIST"),
            ("logs 5 warn", "logs wants [LEVEL] [NUMBER]"),
        ] {
            let why = line.parse::<Command>().unwrap_err();
            assert!(why.contains(says), "{why}");
        }
    }

    #[test]
    fn what_is_optional_may_be_left_out() {
        let logs = |level, lines| Ok(Command::Logs { level, lines });
        assert_eq!("logs".parse(), logs(Level::INFO, LINES));
        assert_eq!("logs warn".parse(), logs(Level::WARN, LINES));
        assert_eq!("logs 5".parse(), logs(Level::INFO, 5));
        assert_eq!("logs debug 300".parse(), logs(Level::DEBUG, 300));
        assert_eq!("undo".parse(), Ok(Command::Undo(None)));
        let named = Command::Undo(Some("deposit/3#2".parse().unwrap()));
        assert_eq!("undo deposit/3#2".parse(), Ok(named));
        let exit = |phrase: Option<&str>| Command::Exit {
            pool: PoolId(3),
            phrase: phrase.map(str::to_owned),
        };
        assert_eq!("exit 3".parse(), Ok(exit(None)));
        assert_eq!("exit 3 exit pool 3".parse(), Ok(exit(Some("exit pool 3"))));
        assert_eq!("mode".parse(), Ok(Command::Mode));
    }

    #[test]
    fn every_word_of_the_table_is_read() {
        for (word, arguments, _) in TABLE {
            let rest = match *arguments {
                "CASE" => "deposit/1",
                "CASE REASON" => "deposit/1 a reason",
                "CEREMONY" => "010101010101010101010101010101010101010101010101",
                "POOL" | "POOL [PHRASE]" => "1",
                "LIST" => "cases",
                "ACCOUNT" => "0x00000000219ab540356cBB839Cbe05303d7705Fa",
                "OPERATOR OPERATOR ..." => "1 2 3 4",
                "CODE [PHRASE]" | "REASON" => "something",
                _ => "",
            };
            let line = format!("{word} {rest}");
            assert!(line.parse::<Command>().is_ok(), "{line}");
        }
    }
}
