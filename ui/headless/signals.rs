//! The signals that end the program, or have it read what a person changed.

use std::io::IsTerminal as _;

use anyhow::Context;
use tokio::signal::unix::{Signal as Stream, SignalKind, signal};

use crate::early::Taken;

/// What the program is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Signal {
    /// SIGINT or SIGTERM: end.
    Stop,
    /// SIGHUP from a terminal that is gone, and must not be written to.
    Hangup,
    /// SIGHUP to a service, which has no terminal: reopen the logs, read certificates and rules anew.
    Reload,
}

/// Where signals come from; tests make them up.
pub(crate) trait SignalSource {
    /// The next one; pending for ever when there is none.
    async fn next(&mut self) -> Signal;
}

impl SignalSource for Signals {
    async fn next(&mut self) -> Signal {
        Self::next(self).await
    }
}

/// Catches SIGINT, SIGTERM and SIGHUP from its creation on.
#[derive(Debug)]
pub(crate) struct Signals {
    interrupt: Stream,
    terminate: Stream,
    hangup: Stream,
    on_hangup: Signal,
    _taken: Taken,
}

impl Signals {
    /// Installs the handlers. Needs a runtime.
    ///
    /// # Errors
    /// The system refuses.
    pub(crate) fn install() -> anyhow::Result<Self> {
        let catch = |kind| signal(kind).context("cannot catch signals");
        Ok(Self {
            interrupt: catch(SignalKind::interrupt())?,
            terminate: catch(SignalKind::terminate())?,
            hangup: catch(SignalKind::hangup())?,
            on_hangup: Signal::Hangup,
            _taken: Taken::over(),
        })
    }

    /// The same for a service.
    ///
    /// # Errors
    /// The system refuses.
    pub(crate) fn of_service() -> anyhow::Result<Self> {
        let terminal = std::io::stdin().is_terminal()
            || std::io::stdout().is_terminal()
            || std::io::stderr().is_terminal();
        Ok(Self {
            on_hangup: if terminal { Signal::Hangup } else { Signal::Reload },
            ..Self::install()?
        })
    }

    /// The next one.
    pub(crate) async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.interrupt.recv() => Signal::Stop,
            _ = self.terminate.recv() => Signal::Stop,
            _ = self.hangup.recv() => self.on_hangup,
        }
    }
}
