//! What can lie over a screen and take the keyboard. There is at most one, and the user opened it: nothing opens itself but
//! what takes the place of one that closed by itself.

use std::time::Duration;

use casimir_dkg::types::{ActionId, CaseId, OperatorId, PoolId, Root, SafeText};
use casimir_dkg::view::{CommitteeView, Request};
use tui_input::Input;

use super::{Batch, Palette};
use crate::console::screens::panes::Pane;

#[derive(Debug, Clone)]
pub(crate) enum Overlay {
    Help(Help),
    /// Everything that was said in one line, from this line on.
    Messages {
        scroll: usize,
    },
    Quit {
        work: Vec<SafeText>,
    },
    Ask(Ask),
    Input(Field),
    Copy(CopyList),
    Committee(Editor),
    Batch(Box<Batch>),
    Palette(Palette),
    Closed(Closed),
}

impl Overlay {
    /// It lies over the page, and does not stand beneath it.
    pub(crate) fn floats(&self) -> bool {
        !matches!(self, Self::Ask(_) | Self::Input(_) | Self::Closed(_))
    }

    /// What somebody types into it, or is about to answer: keys that come later were meant for that.
    pub(crate) fn meant(&self) -> Meant {
        let text = |input: &Input| match input.value() {
            "" => Meant::Typed(None),
            text => Meant::Typed(Some(text.to_owned())),
        };
        match self {
            Self::Input(field) => text(&field.input),
            Self::Palette(palette) => text(&palette.input),
            Self::Batch(batch) => text(&batch.input),
            Self::Ask(_) | Self::Quit { .. } => Meant::Answered,
            Self::Committee(_) => Meant::Chosen,
            Self::Help(_) | Self::Messages { .. } | Self::Copy(_) | Self::Closed(_) => Meant::Read,
        }
    }
}

/// What the keys that go to something over a screen are meant for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Meant {
    /// A text, and what of it is there.
    Typed(Option<String>),
    /// A yes or a no.
    Answered,
    /// A choice of operators.
    Chosen,
    /// Nothing beside closing it.
    Read,
}

/// Stands in the place of what closed by itself: letters that are still on their way would be commands of the page.
#[derive(Debug, Clone)]
pub(crate) struct Closed {
    /// Why it closed.
    pub(crate) why: String,
    /// What became of what was typed or answered.
    pub(crate) unused: String,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Help {
    pub(crate) scroll: usize,
    /// Lines that have what is searched for, at the last draw.
    pub(crate) hits: Vec<usize>,
    /// The first of them comes into view with the next draw.
    pub(crate) seeks: bool,
}

/// A text that may be longer than its window, and how much of it was on the screen.
#[derive(Debug, Clone, Default)]
pub(crate) struct Window {
    pub(crate) scroll: usize,
    /// Lines beyond the window, its height and its width, at the last draw.
    pub(crate) max_scroll: usize,
    pub(crate) height: usize,
    width: u16,
    /// The first so many lines were on the screen.
    read: usize,
}

impl Window {
    /// Drawn with so many lines; for another width they are counted anew.
    pub(crate) fn fit(&mut self, lines: usize, height: usize, width: u16) {
        if self.width != width {
            (self.width, self.read) = (width, 0);
        }
        self.height = height;
        self.max_scroll = lines.saturating_sub(height);
        self.scroll = self.scroll.min(self.max_scroll);
    }

    /// What is in it now was seen, where it follows on what was seen before.
    pub(crate) fn looked_at(&mut self) {
        if self.scroll <= self.read {
            self.read = self.read.max(self.scroll + self.height);
        }
    }

    /// Whether every line was on the screen; of what fits, none can be missing.
    pub(crate) fn is_read(&self) -> bool {
        self.max_scroll == 0 || self.read >= self.max_scroll + self.height
    }

    /// Goes to the first line that was not on the screen; the last one that was stays, so that the reader finds the place.
    pub(crate) fn seek_unread(&mut self) {
        self.scroll = self.read.saturating_sub(1).min(self.max_scroll);
    }
}

/// A question that only its own key answers with yes.
#[derive(Debug, Clone)]
pub(crate) struct Ask {
    /// One line.
    pub(crate) question: String,
    /// More lines: what would happen.
    pub(crate) lines: Vec<String>,
    /// Verb of the yes key: `approve`, `resume`, …
    pub(crate) verb: &'static str,
    /// What is sent on yes, exactly.
    pub(crate) request: Request,
    /// When it was first painted, or a key was last swallowed. `None`: not on the screen yet.
    pub(crate) quiet_since: Option<Duration>,
    /// What of it is on the screen.
    pub(crate) window: Window,
}

impl Ask {
    /// Whether a yes counts at `mono`: all of it was on the screen, and keys that arrive within `grace` were meant for
    /// something else.
    pub(crate) fn ready(&self, mono: Duration, grace: Duration) -> bool {
        let quiet = |since| mono.saturating_sub(since) >= grace;
        self.window.is_read() && self.quiet_since.is_some_and(quiet)
    }

    /// The action that is asked about.
    pub(crate) fn action(&self) -> Option<(ActionId, Root)> {
        match &self.request {
            Request::Approve { action, digest, .. } => Some((*action, *digest)),
            _ => None,
        }
    }
}

/// A text field.
#[derive(Debug, Clone)]
pub(crate) struct Field {
    pub(crate) kind: FieldKind,
    pub(crate) input: Input,
    /// Why the text was not taken.
    pub(crate) problem: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum FieldKind {
    /// The filter of a pane; `before` comes back on Esc.
    Filter { pane: Pane, before: String },
    /// What is searched for on the page, or in the help that is scrolled so far; `before` comes back on Esc.
    Search { before: String, help: Option<usize> },
    /// Why an action is rejected.
    Reason { action: ActionId, digest: Root },
    /// Why a case is given up.
    GiveUp { case: CaseId },
    /// The name of the mode that shall be.
    Mode,
    /// A moment of the journal.
    Past,
    /// A lever of the show's director.
    Lever,
    /// The phrase that opening an exit demands, where a rule may let it be published without another question.
    ExitPhrase { pool: PoolId, expected: String },
    /// The phrase that an irreversible action demands.
    Phrase {
        action: ActionId,
        digest: Root,
        expected: String,
    },
}

/// Values to copy, in full.
#[derive(Debug, Clone)]
pub(crate) struct CopyList {
    pub(crate) values: Vec<(String, String)>,
    pub(crate) selected: usize,
    pub(crate) offset: usize,
}

/// The committee editor.
#[derive(Debug, Clone)]
pub(crate) struct Editor {
    pub(crate) action: ActionId,
    /// As proposed, with the sizes that are possible.
    pub(crate) committee: CommitteeView,
    /// Chosen now, ascending.
    pub(crate) chosen: Vec<OperatorId>,
    pub(crate) selected: usize,
    pub(crate) offset: usize,
}
