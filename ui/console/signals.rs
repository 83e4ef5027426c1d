//! Signals that concern a program with a screen.

use anyhow::{Context as _, Result};
use tokio::signal::unix::{Signal as Stream, SignalKind, signal};

use crate::early::{Caught, Taken};

/// What a signal means here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Signal {
    /// SIGTERM, SIGINT or SIGQUIT: end.
    Terminate,
    /// SIGHUP: the terminal is gone; end without touching it.
    Hangup,
    /// SIGTSTP: give the terminal back and stop.
    Suspend,
    /// SIGCONT: goes on after a stop.
    Continue,
}

impl Signal {
    /// The process is to end.
    pub(crate) fn ends(self) -> bool {
        matches!(self, Signal::Terminate | Signal::Hangup)
    }
}

/// Catches them.
#[derive(Debug)]
pub(crate) struct Signals {
    taken: Taken,
    quit: Stream,
    suspend: Stream,
    resume: Stream,
}

impl Signals {
    /// Installs the handlers. Needs a runtime.
    pub(crate) fn install() -> Result<Self> {
        let catch = |kind| signal(kind).context("cannot catch signals");
        let raw = |signal: rustix::process::Signal| SignalKind::from_raw(signal.as_raw());
        Ok(Self {
            taken: Taken::over(),
            quit: catch(SignalKind::quit())?,
            suspend: catch(raw(rustix::process::Signal::TSTP))?,
            resume: catch(raw(rustix::process::Signal::CONT))?,
        })
    }

    pub(crate) async fn next(&mut self) -> Signal {
        tokio::select! {
            biased;
            caught = self.taken.next() => match caught {
                Caught::Hangup => Signal::Hangup,
                Caught::Interrupt | Caught::Terminate => Signal::Terminate,
            },
            _ = self.quit.recv() => Signal::Terminate,
            _ = self.suspend.recv() => Signal::Suspend,
            _ = self.resume.recv() => Signal::Continue,
        }
    }
}
