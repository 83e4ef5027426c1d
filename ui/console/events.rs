//! The loop: waits for whatever comes first, gives it to `update`, does the effects, and paints when something changed.
//! Idle it sleeps; ages on the screen cost one frame a second, a running ceremony four.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use casimir_dkg::config::Notify;
use casimir_dkg::engine::{EngineGone, EngineHandle, Identity, Seat};
use casimir_dkg::inject;
use casimir_dkg::types::{CaseId, SafeText, UnixMillis};
use casimir_dkg::view::{Query, Refused, Reply, Request};
use crossterm::event::{Event as Input, EventStream, KeyEventKind, MouseButton, MouseEvent, MouseEventKind};
use futures_util::StreamExt as _;
use futures_util::future::{BoxFuture, FutureExt as _};
use futures_util::stream::FuturesUnordered;
use ratatui::layout::Size;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{mpsc, oneshot};
use tokio::time::sleep_until;

use super::Director;
use super::ExitReason;
use super::app::{App, Overlay, Remembered, Settings};
use super::audit;
use super::effect::Effect;
use super::msg::{Event, Mouse, Msg, Now};
use super::save;
use super::screens;
use super::signals::Signal;
use super::terminal::{Screen, clipboard_sequence, leave};
use super::theme::Token;
use super::update::update;
use crate::log;

/// Frames are at least this far apart.
const FRAME: Duration = Duration::from_millis(16);
/// And under a flood of events at most so far.
const LATEST: Duration = Duration::from_millis(50);
/// Lines that a notch of the wheel scrolls.
const WHEEL: i8 = 3;
/// A gap in the loop's own time that only a stopped process explains.
const STOPPED: Duration = Duration::from_secs(5);

/// What the loop is started with.
#[derive(Debug)]
pub(super) struct Setup {
    pub(super) settings: Settings,
    pub(super) mouse: bool,
    pub(super) notify: Notify,
    pub(super) stderr_to: Option<PathBuf>,
    /// Where the screen is saved.
    pub(super) save_to: Option<PathBuf>,
    pub(super) tmux: bool,
    pub(super) director: Option<Director>,
    /// How it was left the last time; what is wrong with that, in words.
    pub(super) remembered: Result<Remembered, String>,
    /// Where that is kept.
    pub(super) remember_in: Option<PathBuf>,
    /// Neither the configuration nor the environment names a theme.
    pub(super) theme_is_free: bool,
}

/// Runs the console on the present thread.
pub(super) fn run(
    engine: EngineHandle,
    identity: Identity,
    setup: Setup,
    signals: mpsc::Receiver<Signal>,
) -> Result<ExitReason> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the console")?;
    runtime.block_on(async {
        let screen = Screen::open(setup.stderr_to.as_deref(), setup.mouse)?;
        let seat = engine.seat(identity);
        Console::new(engine, seat, setup, signals, screen)?.turn().await
    })
}

struct Console {
    app: App,
    /// Only to stop the engine with the console.
    engine: EngineHandle,
    seat: Seat,
    screen: Screen,
    input: Option<EventStream>,
    signals: mpsc::Receiver<Signal>,
    replies: FuturesUnordered<BoxFuture<'static, Event>>,
    notify: Notify,
    director: Option<Director>,
    /// What is in the file, and where that is.
    kept: Remembered,
    remember_in: Option<PathBuf>,
    save_to: Option<PathBuf>,
    tmux: bool,
    started: Instant,
    /// When the newest unpainted change came.
    dirty_since: Option<Instant>,
    last_frame: Option<Instant>,
    last_wake: Instant,
    feed_open: bool,
    /// So many lines of the log were taken.
    logged: u64,
    /// The terminal is given back and the process stopped, since then, until SIGCONT comes.
    stopped: Option<Instant>,
}

impl Console {
    fn new(
        engine: EngineHandle,
        mut seat: Seat,
        setup: Setup,
        signals: mpsc::Receiver<Signal>,
        screen: Screen,
    ) -> Result<Self> {
        let snapshot = seat.snapshots.borrow_and_update().clone();
        let now = Now {
            wall: UnixMillis::now(),
            mono: Duration::ZERO,
        };
        let mut app = App::new(setup.settings, snapshot, now, screen.size()?, setup.mouse);
        match &setup.remembered {
            Ok(remembered) => app.take_up(remembered, setup.theme_is_free),
            Err(why) => app.say(Token::Warn, why.clone()),
        }
        let kept = app.remembered();
        let started = Instant::now();
        Ok(Self {
            app,
            engine,
            seat,
            screen,
            input: Some(EventStream::new()),
            signals,
            replies: FuturesUnordered::new(),
            notify: setup.notify,
            director: setup.director,
            kept,
            remember_in: setup.remember_in,
            save_to: setup.save_to,
            tmux: setup.tmux,
            started,
            dirty_since: Some(started),
            last_frame: None,
            last_wake: started,
            feed_open: true,
            logged: 0,
            stopped: None,
        })
    }

    fn now(&self) -> Now {
        Now {
            wall: UnixMillis::now(),
            mono: self.started.elapsed(),
        }
    }

    async fn turn(mut self) -> Result<ExitReason> {
        loop {
            let event = self.next().await?;
            let gap = self.last_wake.elapsed();
            self.last_wake = Instant::now();
            if let Some(event) = event {
                let passed = matches!(event, Event::Tick);
                let silent = self.engine.pulse.silent(UnixMillis::now());
                if silent != self.app.silent {
                    self.take(Event::Silent(silent))?;
                }
                let left = self.take(event)?;
                if passed || left.is_some() {
                    self.remember();
                }
                if let Some(reason) = left {
                    return Ok(reason);
                }
            } else if gap > STOPPED && self.take(Event::Resumed(gap))?.is_some() {
                return Ok(ExitReason::Quit);
            }
            if self.frame_is_due() {
                self.draw()?;
            }
        }
    }

    /// Waits. `None` means that only time passed or that the event concerns the loop alone.
    async fn next(&mut self) -> Result<Option<Event>> {
        let wake = self.wake();
        let input = async {
            match &mut self.input {
                Some(stream) => stream.next().await,
                None => std::future::pending().await,
            }
        };
        let told = async {
            match &mut self.director {
                Some(director) => director.says.recv().await,
                None => None,
            }
        };
        tokio::select! {
            biased;
            Some(signal) = self.signals.recv() => self.signal(signal),
            event = input => match event {
                Some(Ok(event)) => Ok(translate(event)),
                // the terminal is gone
                Some(Err(_)) | None => {
                    Screen::abandon();
                    self.input = None;
                    self.signal(Signal::Hangup)
                }
            },
            changed = self.seat.snapshots.changed(), if !self.app.engine_gone => Ok(Some(match changed {
                Ok(()) => Event::Snapshot(self.seat.snapshots.borrow_and_update().clone()),
                Err(_) => Event::EngineGone,
            })),
            Some(words) = told => Ok(Some(Event::Told { words, stays: true })),
            Some(event) = self.replies.next(), if !self.replies.is_empty() => Ok(Some(event)),
            news = self.seat.transitions.recv(), if self.feed_open => Ok(match news {
                Ok(transition) => Some(Event::Transition(transition)),
                Err(RecvError::Lagged(missed)) => Some(Event::Missed(missed)),
                Err(RecvError::Closed) => {
                    self.feed_open = false;
                    None
                }
            }),
            () = sleep_until(wake.into()) => Ok(Some(Event::Tick)),
        }
    }

    /// When to wake up if nothing happens: for the frame that is due, or because something on the screen moves.
    fn wake(&self) -> Instant {
        let now = Instant::now();
        if self.dirty_since.is_some() && self.stopped.is_none() {
            return self.last_frame.map_or(now, |last| last + FRAME);
        }
        let app = &self.app;
        let turning = app.settings.animations && app.busy();
        let mut wait = Duration::from_millis(if turning { 250 } else { 1_000 });
        if let Some(Overlay::Ask(ask)) = &app.overlay
            && let Some(since) = ask.quiet_since
        {
            // the moment at which yes begins to count is shown
            let left = (since + app.settings.grace).saturating_sub(app.now.mono);
            if left > Duration::ZERO {
                wait = wait.min(left);
            }
        }
        now + wait
    }

    fn frame_is_due(&self) -> bool {
        if self.stopped.is_some() {
            return false;
        }
        let now = Instant::now();
        self.dirty_since.is_some_and(|since| {
            let free = self.last_frame.is_none_or(|last| now >= last + FRAME);
            // while events keep coming they are taken in first, but not for ever
            free && (now >= since + FRAME || self.last_frame.is_none_or(|last| now >= last + LATEST))
        })
    }

    fn draw(&mut self) -> Result<()> {
        self.take_log();
        let app = &mut self.app;
        self.screen.draw(|frame| screens::draw(frame, app))?;
        self.dirty_since = None;
        self.last_frame = Some(Instant::now());
        let at = self.now();
        update(
            &mut self.app,
            Msg {
                at,
                event: Event::Drawn,
            },
        );
        Ok(())
    }

    /// Keeps how it looks now, where that changed. Nothing depends on it: what cannot be written is said once.
    fn remember(&mut self) {
        let now = self.app.remembered();
        let Some(place) = self.remember_in.as_ref().filter(|_| now != self.kept) else {
            return;
        };
        if let Err(error) = now.write(place) {
            tracing::warn!(target: "casimir_dkg::console", "how it looks is not remembered: {}: {error}", place.display());
            self.remember_in = None;
        }
        self.kept = now;
    }

    /// New lines of the log come with the frame that shows them: none is worth a frame of its own.
    fn take_log(&mut self) {
        let (lines, logged) = log::since(self.logged);
        self.logged = logged;
        if !lines.is_empty() {
            let at = self.now();
            let event = Event::Logged(lines);
            update(&mut self.app, Msg { at, event });
        }
    }

    /// Gives a message to the model and does what it wants done.
    fn take(&mut self, event: Event) -> Result<Option<ExitReason>> {
        if matches!(event, Event::Paste(_)) {
            inject::panic_at("console");
        }
        let at = self.now();
        self.dirty_since.get_or_insert_with(Instant::now);
        for effect in update(&mut self.app, Msg { at, event }) {
            if let Some(reason) = self.perform(effect)? {
                return Ok(Some(reason));
            }
        }
        Ok(None)
    }

    fn perform(&mut self, effect: Effect) -> Result<Option<ExitReason>> {
        match effect {
            Effect::Send { ticket, request } => self.send(ticket, request),
            Effect::Read { ticket, query } => self.read(ticket, query),
            Effect::Stop { ticket } => {
                let answer = self.engine.try_shutdown().map(|answer| async {
                    // that it is gone is what was asked for
                    answer.await.unwrap_or_else(|_| Err(EngineGone.into()))
                });
                self.answer(ticket, answer);
            }
            Effect::Pull(line) => self.pull(line),
            Effect::Notify => self.tell_user()?,
            Effect::Copy(text) => self.screen.write(&clipboard_sequence(&text, self.tmux))?,
            Effect::SaveScreen => {
                let saved = save::screen(&mut self.app, self.save_to.as_deref(), UnixMillis::now());
                self.replies.push(std::future::ready(Event::Saved(saved)).boxed());
            }
            Effect::Audit(case) => self.audit(case),
            Effect::Mouse(on) => self.screen.mouse(on)?,
            Effect::Repaint => self.screen.repaint()?,
            Effect::Suspend => self.suspend()?,
            Effect::Exit(reason) => {
                if reason == ExitReason::Hangup {
                    Screen::abandon();
                }
                return Ok(Some(reason));
            }
        }
        Ok(None)
    }

    /// Without a director nothing comes back, and the key says so before.
    fn pull(&mut self, line: String) {
        let Some(director) = &self.director else { return };
        let (reply, answer) = oneshot::channel();
        let sent = director.pull.send((line, reply)).is_ok();
        let answer = async move {
            let words = match answer.await {
                Ok(words) if sent => words,
                _ => "the director is gone".to_owned(),
            };
            Event::Told { words, stays: false }
        };
        self.replies.push(answer.boxed());
    }

    /// Reading a journal takes as long as the disk: not on this thread.
    fn audit(&mut self, case: CaseId) {
        let place = audit::place(&self.app);
        let to = self.save_to.clone();
        let written = tokio::task::spawn_blocking(move || audit::write(&place, case, to.as_deref()));
        let told = async move {
            let gone = |_| Err("its writer died".to_owned());
            Event::Audited(written.await.unwrap_or_else(gone))
        };
        self.replies.push(told.boxed());
    }

    fn send(&mut self, ticket: u64, request: Request) {
        let answer = self.seat.try_request(request);
        self.answer(ticket, answer);
    }

    fn answer(
        &mut self,
        ticket: u64,
        answer: Result<impl Future<Output = Reply> + Send + 'static, EngineGone>,
    ) {
        self.replies.push(
            async move {
                let reply = answered(answer).await;
                Event::Reply { ticket, reply }
            }
            .boxed(),
        );
    }

    fn read(&mut self, ticket: u64, query: Query) {
        let answer = self.seat.try_read(query);
        self.replies.push(
            async move {
                let answer = answered(answer).await;
                Event::Rows { ticket, answer }
            }
            .boxed(),
        );
    }

    fn tell_user(&mut self) -> Result<()> {
        match &self.notify {
            Notify::Off => {}
            Notify::Bell => self.screen.write("\x07")?,
            Notify::Command(program) => {
                let child = Command::new(program)
                    .stdin(Stdio::null())
                    .stdout(Stdio::null())
                    .stderr(Stdio::null())
                    .spawn();
                match child {
                    // somebody must wait for it, or it stays in the process table
                    Ok(mut child) => drop(std::thread::spawn(move || child.wait())),
                    Err(error) => {
                        tracing::warn!(target: "casimir_dkg::console", %error, "ui.notify: cannot start it")
                    }
                }
            }
        }
        Ok(())
    }

    fn signal(&mut self, signal: Signal) -> Result<Option<Event>> {
        match signal {
            Signal::Terminate => Ok(Some(Event::Terminate)),
            Signal::Hangup => {
                // crossterm's reader would spin on the dead terminal: the process is going to end
                Screen::abandon();
                self.input = None;
                Ok(Some(Event::Hangup))
            }
            Signal::Suspend => {
                self.suspend()?;
                Ok(None)
            }
            Signal::Continue => {
                self.input = None;
                self.screen.enter_again(self.app.mouse)?;
                self.input = Some(EventStream::new());
                self.dirty_since.get_or_insert_with(Instant::now);
                Ok(self.stopped.take().map(|since| Event::Resumed(since.elapsed())))
            }
        }
    }

    /// Gives the terminal back and stops the process. This thread may run on for a moment before the stop takes hold,
    /// so the terminal is taken again only when SIGCONT arrives.
    fn suspend(&mut self) -> Result<()> {
        self.input = None;
        leave();
        self.stopped = Some(Instant::now());
        rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::STOP)
            .context("cannot stop the process")
    }
}

/// The engine's answer, or that nothing was sent.
async fn answered<T>(
    answer: Result<impl Future<Output = Result<T, Refused>>, EngineGone>,
) -> Result<T, Refused> {
    match answer {
        Ok(answer) => answer.await,
        Err(_) => {
            let words = SafeText::new("the engine takes no requests now");
            Err(Refused::Unavailable(words))
        }
    }
}

fn wheel(mouse: &MouseEvent, lines: i8) -> Mouse {
    let (column, row) = (mouse.column, mouse.row);
    Mouse::Wheel { column, row, lines }
}

/// What the terminal reports, in our words.
fn translate(event: Input) -> Option<Event> {
    Some(match event {
        Input::Key(key) => match key.kind {
            KeyEventKind::Press => Event::Key {
                key: key.into(),
                repeat: false,
            },
            KeyEventKind::Repeat => Event::Key {
                key: key.into(),
                repeat: true,
            },
            KeyEventKind::Release => return None,
        },
        Input::Paste(text) => Event::Paste(text),
        Input::Resize(width, height) => Event::Resize(Size::new(width, height)),
        Input::FocusGained => Event::Focus,
        Input::FocusLost => return None,
        Input::Mouse(mouse) => Event::Mouse(match mouse.kind {
            MouseEventKind::Down(MouseButton::Left) => Mouse::Click {
                column: mouse.column,
                row: mouse.row,
            },
            MouseEventKind::ScrollUp => wheel(&mouse, -WHEEL),
            MouseEventKind::ScrollDown => wheel(&mouse, WHEEL),
            _ => return None,
        }),
    })
}
