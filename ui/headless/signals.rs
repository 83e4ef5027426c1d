//! The signals that end the program, or have it read what a person changed.

use std::io::IsTerminal as _;

use crate::early::{Caught, Taken};

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

/// Takes SIGINT, SIGTERM and SIGHUP over from its creation on.
#[derive(Debug)]
pub(crate) struct Signals {
    taken: Taken,
    on_hangup: Signal,
}

impl Signals {
    /// Takes them.
    pub(crate) fn take() -> Self {
        Self {
            taken: Taken::over(),
            on_hangup: Signal::Hangup,
        }
    }

    /// The same for a service.
    pub(crate) fn of_service() -> Self {
        let terminal = std::io::stdin().is_terminal()
            || std::io::stdout().is_terminal()
            || std::io::stderr().is_terminal();
        Self {
            taken: Taken::over(),
            on_hangup: if terminal { Signal::Hangup } else { Signal::Reload },
        }
    }

    pub(crate) async fn next(&mut self) -> Signal {
        match self.taken.next().await {
            Caught::Interrupt | Caught::Terminate => Signal::Stop,
            Caught::Hangup => self.on_hangup,
        }
    }
}
