//! The line-oriented front end, for screen readers and terminals that cannot be drawn on: it prints lines and reads
//! lines, and can do all that the console can. Like the console it knows snapshots, requests and nothing else of the
//! engine; nothing is printed twice, nothing is erased, no line is for the eye alone.

mod command;
mod show;

use std::io::BufRead as _;
use std::time::Duration;

use casimir_dkg::engine::{EngineHandle, Identity, Seat};
use casimir_dkg::types::{ActionId, Root};
use casimir_dkg::view::{ActionView, Mode, Request, Scope, Snapshot, Transition};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::mpsc;

use crate::headless::{Signal, Signals};
use crate::output::line;
use crate::summary;
use command::Command;

/// How long the engine may take to stop.
const STOP: Duration = Duration::from_secs(15);
/// How long what is named may take to be in a snapshot.
const MOMENT: Duration = Duration::from_millis(500);
/// Fewest hex digits of a digest that name it: 40 bits. What it names was read here just before.
const DIGITS: usize = 10;

/// Something beside the engine that takes lines, such as a show's director.
pub(crate) trait Beside {
    /// What it is called by: the word before a line that is for it.
    fn word(&self) -> &'static str;
    /// Takes a line; says what came of it.
    async fn take(&self, line: &str) -> String;
}

/// Nothing beside the engine.
pub(crate) struct Nothing;

impl Beside for Nothing {
    fn word(&self) -> &'static str {
        ""
    }

    async fn take(&self, _: &str) -> String {
        String::new()
    }
}

/// Why it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Left {
    /// The user left, or a signal came.
    Quit,
    /// The engine stopped though nobody asked.
    EngineGone,
    /// A second signal.
    Forced,
}

/// Whether what was typed names this digest: its code, or enough of its hex digits.
fn names(typed: &str, digest: Root) -> bool {
    let (typed, whole) = (typed.to_ascii_lowercase(), digest.to_string());
    let begins = |digits: String| whole.trim_start_matches("0x").starts_with(&digits);
    typed == digest.code().to_string() || summary::beginning(&typed, DIGITS).is_some_and(begins)
}

struct Plain<'a, B> {
    seat: Seat,
    beside: &'a B,
    follow: bool,
    /// The action that was printed last, with the digest that it had.
    opened: Option<(ActionId, Root)>,
}

/// Runs until the user leaves, a signal comes, or the engine ends. `stops`: leaving stops the engine.
pub(crate) async fn run(
    handle: EngineHandle,
    identity: Identity,
    beside: &impl Beside,
    signals: &mut Signals,
    stops: bool,
) -> Left {
    let mut plain = Plain {
        seat: handle.seat(identity),
        beside,
        follow: true,
        opened: None,
    };
    plain.greet(stops);
    let mut lines = typed();
    let left = loop {
        tokio::select! {
            biased;
            signal = signals.next() => match signal {
                Signal::Reload => {}
                Signal::Stop | Signal::Hangup => break Left::Quit,
            },
            happened = plain.seat.transitions.recv() => match happened {
                Ok(transition) => plain.happened(&transition),
                Err(RecvError::Lagged(missed)) => line(&format!("{missed} lines skipped; the journal has them")),
                Err(RecvError::Closed) => break Left::EngineGone,
            },
            typed = lines.recv() => match typed {
                Some(typed) => if plain.typed(&typed).await { break Left::Quit },
                None => break Left::Quit,
            },
        }
    };
    if left != Left::Quit || !stops {
        return left;
    }
    for work in plain.snapshot().work_in_flight() {
        line(&format!("in flight: {work}"));
    }
    line("stopping; ctrl-c stops at once");
    tokio::select! {
        _ = tokio::time::timeout(STOP, handle.shutdown()) => Left::Quit,
        _ = signals.next() => Left::Forced,
    }
}

/// Lines of standard input, until its end. The thread that reads them cannot be cut off and ends with the process.
fn typed() -> mpsc::Receiver<String> {
    let (sender, lines) = mpsc::channel(16);
    std::thread::spawn(move || {
        for read in std::io::stdin().lock().lines() {
            let Ok(read) = read else { return };
            if sender.blocking_send(read).is_err() {
                return;
            }
        }
    });
    lines
}

impl<B: Beside> Plain<'_, B> {
    fn snapshot(&self) -> std::sync::Arc<Snapshot> {
        self.seat.snapshots.borrow().clone()
    }

    fn greet(&self, stops: bool) {
        let snapshot = self.snapshot();
        line(&format!(
            "casimir-dkg {}, {}, chain {}, mode {}. Type help for what can be typed.",
            snapshot.version, snapshot.network.name, snapshot.network.chain_id, snapshot.mode
        ));
        for simulated in &snapshot.network.simulated {
            line(&format!("simulated: {simulated}"));
        }
        line(match stops {
            true => "Leaving (quit) stops the engine.",
            false => "Leaving (quit) leaves the engine running.",
        });
        show::waiting(&snapshot);
    }

    fn happened(&self, transition: &Transition) {
        if self.follow {
            show::transition(transition);
        }
    }

    /// Does what was typed. `true`: leave.
    async fn typed(&mut self, typed: &str) -> bool {
        let beside = self.beside.word();
        if !beside.is_empty()
            && let Some(rest) = typed.trim().strip_prefix(beside)
            && (rest.is_empty() || rest.starts_with(' '))
        {
            line(&self.beside.take(rest.trim()).await);
            return false;
        }
        match typed.parse::<Command>() {
            Ok(Command::Quit) => return true,
            Ok(command) => self.perform(command).await,
            Err(why) if typed.trim().is_empty() => drop(why),
            Err(why) => line(&why),
        }
        false
    }

    async fn perform(&mut self, command: Command) {
        let snapshot = self.snapshot();
        let request = match command {
            Command::Quit => return,
            Command::Help => return command::help(self.beside.word()),
            Command::Status => return show::status(&snapshot),
            Command::Waiting => return show::waiting(&snapshot),
            Command::Cases => return show::cases(&snapshot),
            Command::Case(id) => return show::case(&snapshot, id),
            Command::Ceremonies => return show::ceremonies(&snapshot),
            Command::Transactions => return show::transactions(&snapshot),
            Command::Validators => return show::validators(&snapshot),
            Command::Follow(on) => {
                self.follow = on;
                return line(if on { "following" } else { "not following" });
            }
            Command::Open(named) => return self.open(&named).await,
            Command::Approve { code, phrase } => match self.approval(&snapshot, &code, phrase) {
                Ok(request) => request,
                Err(why) => return line(&why),
            },
            Command::Reject(reason) => match self.opened(&snapshot) {
                Ok(action) => Request::Reject {
                    action: action.id,
                    digest: action.digest,
                    reason: reason.as_str().into(),
                },
                Err(why) => return line(&why),
            },
            Command::Committee(committee) => match self.opened(&snapshot) {
                Ok(action) => Request::SetCommittee {
                    action: action.id,
                    committee,
                },
                Err(why) => return line(&why),
            },
            Command::Pause(case) => Request::Pause { scope: scope(case) },
            Command::Resume(case) => Request::Resume { scope: scope(case) },
            Command::Ask(request) => request,
        };
        self.ask(request).await;
    }

    async fn ask(&self, request: Request) {
        match self.seat.request(request).await {
            Ok(accepted) => line(accepted.message.as_str()),
            Err(refused) => line(&format!("refused: {refused}")),
        }
    }

    /// What was named. A line tells of it a moment before the snapshot has it.
    async fn named(&mut self, named: &str) -> Option<ActionView> {
        let find = |snapshot: &Snapshot| match named.parse::<usize>() {
            Ok(nth) => snapshot.waiting().nth(nth.checked_sub(1)?).cloned(),
            Err(_) if named.is_empty() => snapshot.waiting().next().cloned(),
            Err(_) => snapshot.action(named.parse().ok()?).cloned(),
        };
        let there = self.seat.snapshots.wait_for(|snapshot| find(snapshot).is_some());
        match tokio::time::timeout(MOMENT, there).await {
            Ok(Ok(snapshot)) => find(&snapshot),
            Ok(Err(_)) | Err(_) => None,
        }
    }

    /// Prints everything that an approval of it binds, and what to type.
    async fn open(&mut self, named: &str) {
        let Some(action) = self.named(named).await else {
            return line("there is no such action; `waiting` lists what waits, by number and name");
        };
        show::action(&action);
        self.opened = Some((action.id, action.digest));
        if !action.waits() {
            return line(&format!(
                "{} is {}: nothing to decide",
                action.id,
                action.state.word()
            ));
        }
        let code = action.digest.code();
        match &action.phrase {
            Some(phrase) => line(&format!(
                "This cannot be undone. To approve: approve {code} {phrase}"
            )),
            None => line(&format!("To approve: approve {code}")),
        }
        line("To reject: reject REASON");
    }

    /// What was opened, if it is still what it was.
    fn opened<'s>(&self, snapshot: &'s Snapshot) -> Result<&'s ActionView, String> {
        let Some((id, digest)) = self.opened else {
            return Err("open an action first: nobody decides what was not read".to_owned());
        };
        match snapshot.action(id) {
            Some(action) if action.digest == digest => Ok(action),
            Some(_) => Err(format!("{id} changed since it was opened: open it again")),
            None => Err(format!("{id} is not there any more")),
        }
    }

    fn approval(&self, snapshot: &Snapshot, typed: &str, phrase: Option<String>) -> Result<Request, String> {
        let action = self.opened(snapshot)?;
        if !names(typed, action.digest) {
            return Err(format!(
                "{typed} is not the code of {}, which is {}",
                action.id,
                action.digest.code()
            ));
        }
        if snapshot.mode == Mode::Observe {
            return Err("mode observe decides nothing".to_owned());
        }
        action.can_approve.check().map_err(ToString::to_string)?;
        if let Some(wanted) = &action.phrase
            && phrase.as_deref() != Some(wanted.as_str())
        {
            return Err(format!("type the phrase behind the code: {wanted}"));
        }
        Ok(Request::Approve {
            action: action.id,
            digest: action.digest,
            phrase: phrase.filter(|_| action.phrase.is_some()),
        })
    }
}

fn scope(case: Option<casimir_dkg::types::CaseId>) -> Scope {
    case.map_or(Scope::All, Scope::Case)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_or_ten_digits_name_their_digest_and_no_other_and_nothing_shorter_does() {
        let digest = Root([0x5f; 32]);
        let code = digest.code().to_string();
        assert!(names(&code, digest) && names(&code.to_uppercase(), digest));
        assert!(names("0x5F5f5f5f5f", digest) && names(&digest.to_string(), digest));
        assert!(!names("0x5f5f5f5f5", digest), "one digit less");
        assert!(!names(&code[..14], digest), "one word less");
        assert!(!names(&code, Root([0x5e; 32])) && !names("", digest));
    }
}
