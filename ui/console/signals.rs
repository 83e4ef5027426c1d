//! Signals that concern a program with a screen.

use anyhow::{Context as _, Result};
use tokio::signal::unix::{Signal as Stream, SignalKind, signal};

use crate::early::Taken;

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
    interrupt: Stream,
    terminate: Stream,
    quit: Stream,
    hangup: Stream,
    suspend: Stream,
    resume: Stream,
    _taken: Taken,
}

impl Signals {
    /// Installs the handlers. Needs a runtime.
    pub(crate) fn install() -> Result<Self> {
        let catch = |kind| signal(kind).context("cannot catch signals");
        let raw = |signal: rustix::process::Signal| SignalKind::from_raw(signal.as_raw());
        Ok(Self {
            interrupt: catch(SignalKind::interrupt())?,
            terminate: catch(SignalKind::terminate())?,
            quit: catch(SignalKind::quit())?,
            hangup: catch(SignalKind::hangup())?,
            suspend: catch(raw(rustix::process::Signal::TSTP))?,
            resume: catch(raw(rustix::process::Signal::CONT))?,
            _taken: Taken::over(),
        })
    }

    /// The next one.
    pub(crate) async fn next(&mut self) -> Signal {
        tokio::select! {
            biased;
            _ = self.hangup.recv() => Signal::Hangup,
            _ = self.terminate.recv() => Signal::Terminate,
            _ = self.interrupt.recv() => Signal::Terminate,
            _ = self.quit.recv() => Signal::Terminate,
            _ = self.suspend.recv() => Signal::Suspend,
            _ = self.resume.recv() => Signal::Continue,
        }
    }
}
