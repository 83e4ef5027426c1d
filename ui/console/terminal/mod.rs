//! The terminal, borrowed and given back. Giving back is idempotent and is done by whoever comes first: the end of the
//! loop, a panic in any thread, a stop signal.

mod clipboard;
mod panic;
mod stderr;
mod turns;

use std::io::{self, BufWriter, Stdout, Write as _, stdout};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context as _, Result};
use crossterm::cursor::{Hide, Show};
use crossterm::event::{
    DisableBracketedPaste, DisableFocusChange, DisableMouseCapture, EnableBracketedPaste, EnableFocusChange,
    EnableMouseCapture,
};
use crossterm::terminal::{
    BeginSynchronizedUpdate, EndSynchronizedUpdate, EnterAlternateScreen, LeaveAlternateScreen,
    disable_raw_mode, enable_raw_mode,
};
use crossterm::{execute, queue};
use ratatui::Frame;
use ratatui::backend::CrosstermBackend;
use ratatui::layout::{Rect, Size};

pub(super) use clipboard::sequence as clipboard_sequence;

/// The terminal is ours and must be given back.
static OURS: AtomicBool = AtomicBool::new(false);

/// A screen. Only one exists at a time.
pub(super) struct Screen {
    terminal: ratatui::Terminal<CrosstermBackend<BufWriter<Stdout>>>,
}

impl Screen {
    /// Takes the terminal; what is written to stderr from here on goes to a file.
    pub(super) fn open(stderr_to: Option<&Path>, mouse: bool) -> Result<Self> {
        panic::install();
        // crossterm's own NO_COLOR handling erases bold and reverse; our mono theme has no colours to begin with
        crossterm::style::force_color_output(true);
        stderr::redirect(stderr_to).context("cannot redirect stderr")?;
        enter(mouse)
            .inspect_err(|_| leave())
            .context("cannot set up the terminal")?;
        let backend = CrosstermBackend::new(BufWriter::with_capacity(1 << 16, stdout()));
        let terminal = ratatui::Terminal::new(backend)
            .inspect_err(|_| leave())
            .context("cannot draw")?;
        Ok(Self { terminal })
    }

    pub(super) fn size(&self) -> Result<Size> {
        self.terminal.size().context("cannot ask the terminal's size")
    }

    /// Paints one frame, in one go where the terminal can.
    pub(super) fn draw(&mut self, render: impl FnOnce(&mut Frame<'_>)) -> Result<()> {
        turns::write(&OURS, || {
            queue!(self.terminal.backend_mut(), BeginSynchronizedUpdate)?;
            self.terminal.draw(render)?;
            execute!(self.terminal.backend_mut(), EndSynchronizedUpdate)?;
            Ok(())
        })
    }

    /// Makes the next frame paint every cell.
    pub(super) fn repaint(&mut self) -> Result<()> {
        // not `clear`: that asks the terminal for its cursor, and the answer would have to pass the event stream
        let size = self.size()?;
        turns::write(&OURS, || {
            self.terminal
                .resize(Rect::from((ratatui::layout::Position::ORIGIN, size)))?;
            Ok(())
        })
    }

    pub(super) fn mouse(&mut self, on: bool) -> Result<()> {
        turns::write(&OURS, || {
            if on {
                execute!(self.terminal.backend_mut(), EnableMouseCapture)?;
            } else {
                execute!(self.terminal.backend_mut(), DisableMouseCapture)?;
            }
            Ok(())
        })
    }

    /// Writes a control sequence of our own making.
    pub(super) fn write(&mut self, sequence: &str) -> Result<()> {
        turns::write(&OURS, || {
            let out = self.terminal.backend_mut();
            out.write_all(sequence.as_bytes())?;
            io::Write::flush(out)?;
            Ok(())
        })
    }

    /// Takes the terminal again, after a stop.
    pub(super) fn enter_again(&mut self, mouse: bool) -> Result<()> {
        enter(mouse)?;
        self.repaint()
    }

    /// The terminal is gone: nothing is written to it any more, not even to give it back.
    pub(super) fn abandon() {
        OURS.store(false, Ordering::SeqCst);
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        leave();
    }
}

fn enter(mouse: bool) -> io::Result<()> {
    OURS.store(true, Ordering::SeqCst);
    enable_raw_mode()?;
    let mut out = stdout();
    execute!(
        out,
        EnterAlternateScreen,
        EnableBracketedPaste,
        EnableFocusChange,
        Hide
    )?;
    if mouse {
        execute!(out, EnableMouseCapture)?;
    }
    Ok(())
}

/// Gives the terminal back, once.
pub(super) fn leave() {
    if !OURS.swap(false, Ordering::SeqCst) {
        return;
    }
    let _last = turns::last();
    // nothing more can be done where this fails
    let _ = execute!(
        stdout(),
        EndSynchronizedUpdate,
        DisableMouseCapture,
        DisableFocusChange,
        DisableBracketedPaste,
        LeaveAlternateScreen,
        Show
    );
    let _ = disable_raw_mode();
    stderr::restore();
}
