//! Messages: everything that can happen to the console, each with the time at which it happened.

use std::sync::Arc;
use std::time::Duration;

use casimir_dkg::types::UnixMillis;
use casimir_dkg::view::{Listing, Refused, Reply, Snapshot, Transition};
use ratatui::layout::Size;

use super::keys::Key;
use crate::log;

/// A moment: `wall` is what people read, `mono` never jumps and measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) struct Now {
    pub(crate) wall: UnixMillis,
    /// Since the console started.
    pub(crate) mono: Duration,
}

/// One message.
#[derive(Debug, Clone)]
pub(crate) struct Msg {
    pub(crate) at: Now,
    pub(crate) event: Event,
}

/// What happened.
#[derive(Debug, Clone)]
pub(crate) enum Event {
    /// A key went down, or is held (`repeat`).
    Key { key: Key, repeat: bool },
    /// Text came in through the terminal's paste; it is never taken for keys.
    Paste(String),
    /// The mouse, while the console has it.
    Mouse(Mouse),
    /// The terminal has this size.
    Resize(Size),
    /// The engine published a state.
    Snapshot(Arc<Snapshot>),
    /// The engine reported something that happened.
    Transition(Transition),
    /// So many transitions came faster than they were read.
    Missed(u64),
    /// New lines of this process's log.
    Logged(Vec<log::Entry>),
    /// The answer to the request with this ticket.
    Reply { ticket: u64, reply: Reply },
    /// The answer to the query with this ticket.
    Rows {
        ticket: u64,
        answer: Result<Listing, Refused>,
    },
    /// The director of a show says something. `stays`: until it says the next thing, as the tour does.
    Told { words: String, stays: bool },
    /// The screen was written to these files, or why not.
    Saved(Result<String, String>),
    /// The audit page was written to this file, or why not.
    Audited(Result<String, String>),
    /// The engine's side of the handle is gone.
    EngineGone,
    /// Time passed.
    Tick,
    /// For how long the engine has not answered; none where it does.
    Silent(Option<Duration>),
    /// A frame with the present state was painted.
    Drawn,
    /// The terminal's window got the keyboard.
    Focus,
    /// A signal asked the process to end.
    Terminate,
    /// The terminal is gone.
    Hangup,
    /// The process was stopped and goes on; so long it did nothing.
    Resumed(Duration),
}

/// What the mouse did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mouse {
    Click {
        column: u16,
        row: u16,
    },
    /// So many lines down, or up where negative.
    Wheel {
        column: u16,
        row: u16,
        lines: i8,
    },
}
