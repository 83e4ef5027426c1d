//! Effects: what `update` wants done. Only the event loop does it.

use casimir_dkg::types::CaseId;
use casimir_dkg::view::{Query, Request};

use super::ExitReason;

/// One thing to do outside the model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Send a request to the engine; its answer comes back as a message with the same ticket.
    Send { ticket: u64, request: Request },
    /// Have the engine finish what must not be interrupted and stop; its answer comes back in the same way.
    Stop { ticket: u64 },
    /// Read rows beyond the snapshot; they come back as a message with the same ticket.
    Read { ticket: u64, query: Query },
    /// Have the director of the show pull a lever; what came of it comes back as a message.
    Pull(String),
    /// Tell the user, as configured, that something waits for a decision.
    Notify,
    /// Put text on the user's clipboard.
    Copy(String),
    /// Take the mouse or give it back to the terminal.
    Mouse(bool),
    /// Write the audit page of a case; where it is comes back as a message.
    Audit(CaseId),
    /// Write what is on the screen to files; where they are comes back as a message.
    SaveScreen,
    /// Paint everything again.
    Repaint,
    /// Stop the process as the shell expects on Ctrl-Z.
    Suspend,
    /// Leave the console.
    Exit(ExitReason),
}
