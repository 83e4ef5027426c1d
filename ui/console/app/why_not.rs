//! Why a command cannot be done now, in words, before anybody tries.

use casimir_dkg::types::CaseId;
use casimir_dkg::view::{Mode, Way};

use super::App;
use crate::console::keys::{Command, TABLE};
use crate::summary;

impl App {
    /// `None`: it can be done.
    pub(crate) fn why_not(&self, command: Command) -> Option<String> {
        self.can(command).err()
    }

    fn can(&self, command: Command) -> Result<(), String> {
        let decides = TABLE.iter().any(|row| row.command == command && row.dangerous);
        if decides
            && self.read_only()
            && (command != Command::Mode || self.settings.read_only || self.past.is_some())
        {
            if self.past.is_some() {
                return Err("this is the past: nothing is decided here".to_owned());
            }
            return Err(match self.snapshot.mode {
                Mode::Observe if !self.settings.read_only => "mode observe decides nothing".to_owned(),
                _ => "read-only: nothing is decided from here".to_owned(),
            });
        }
        match command {
            Command::Approve => self.can_approve(),
            Command::Mark => {
                let action = self.subject_action().ok_or("no action is selected")?;
                self.can_be_batched(action)
            }
            Command::Batch if self.marked.is_empty() => Err("nothing is marked".to_owned()),
            Command::NextWaiting | Command::PreviousWaiting => self.anything_waits(),
            Command::TakeBack => match self.undoable() {
                Some(_) => Ok(()),
                None => Err(summary::NOTHING_TO_TAKE_BACK.to_owned()),
            },
            Command::Reject | Command::Committee => self.can_on_action(command),
            Command::Retry | Command::Pause | Command::RedoKey | Command::GiveUp => self.can_on_case(command),
            Command::Reshare | Command::Exit => {
                let validator = self.subject_validator().ok_or("no validator is selected")?;
                let can = match command {
                    Command::Reshare => &validator.can_reshare,
                    _ => &validator.can_exit,
                };
                can.check().map_err(ToString::to_string)
            }
            Command::Adopt if self.snapshot.signer.unadopted.is_none() => {
                Err("no account waits for an adoption".to_owned())
            }
            Command::Director if self.settings.levers.is_empty() => {
                Err("the director is the demo's: there is none here".to_owned())
            }
            Command::Director if self.past.is_some() => {
                Err("this is the past: the director works on the network of now".to_owned())
            }
            Command::Messages => Ok(()),
            Command::FindNext | Command::FindPrevious if self.search.is_empty() => {
                Err("nothing is searched for".to_owned())
            }
            _ if !self.offers(command) => Err("there is nothing here to do it with".to_owned()),
            _ => Ok(()),
        }
    }

    fn anything_waits(&self) -> Result<(), String> {
        let waits = self.snapshot.waiting().next().is_some();
        waits
            .then_some(())
            .ok_or("nothing waits for a decision".to_owned())
    }

    /// Where nothing in front waits, the key goes to what does.
    fn can_approve(&self) -> Result<(), String> {
        match self.subject_action().filter(|a| self.takes_mine(a)) {
            Some(action) => action.can_approve.check().map_err(ToString::to_string),
            None if self.waits_for_me().next().is_some() => Ok(()),
            None => {
                let mine = self.subject_action().and_then(|action| self.my_approval(action));
                self.anything_waits()?;
                Err(mine
                    .unwrap_or_else(|| "what waits was approved by you: it takes another person".to_owned()))
            }
        }
    }

    fn can_on_action(&self, command: Command) -> Result<(), String> {
        let action = self.subject_action().ok_or("no action is selected")?;
        if !action.is_proposed() {
            return Err(format!("{} is {}", action.id, action.standing()));
        }
        match command {
            Command::Committee if action.committee.is_none() => {
                Err(format!("{} has no committee to choose", action.id))
            }
            Command::Committee => Ok(()),
            _ => action.can_reject.check().map_err(ToString::to_string),
        }
    }

    fn can_on_case(&self, command: Command) -> Result<(), String> {
        let id: CaseId = self.subject_case().ok_or("no case is selected")?;
        let way = match command {
            Command::RedoKey => Way::RedoKey,
            Command::GiveUp => Way::GiveUp,
            _ => {
                let known = self.known();
                let case = known.case(id).ok_or(format!("{id} is not in the newest state"))?;
                return match command {
                    Command::Pause if case.paused => Ok(()),
                    Command::Pause => case.can_pause.check().map_err(ToString::to_string),
                    _ if case.doubtful.is_some() => Ok(()),
                    _ => case.can_retry.check().map_err(ToString::to_string),
                };
            }
        };
        self.way_of(id, way).map(|_| ())
    }
}
