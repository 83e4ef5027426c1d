//! The console: a terminal screen on top of the engine's handle. It shows snapshots, sends requests, and knows nothing
//! else of the engine.
//!
//! `Msg` → `update` (pure) → `Effect`s and a changed model → `draw`. The loop is in `events`, the terminal in
//! `terminal`. It runs on a thread of its own: a terminal that takes no more output stops the screen, not the oracle.

mod app;
mod audit;
mod effect;
mod events;
mod keys;
mod msg;
mod save;
mod screens;
mod signals;
mod terminal;
#[cfg(test)]
mod tests;
mod theme;
mod update;
mod widgets;

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result};
use casimir_dkg::config::UiConfig;
use casimir_dkg::engine::{EngineHandle, Identity};
use casimir_dkg::secrets::judge_program;
use casimir_dkg::view::Seated;
use tokio::sync::{mpsc, oneshot};

use app::{Remembered, Settings};
use keys::KeyMap;
use theme::Theme;

/// What the console is started with.
#[derive(Debug)]
pub(crate) struct ConsoleOptions {
    /// The `[ui]` section.
    pub(crate) ui: UiConfig,
    /// Where theme files of the user are.
    pub(crate) theme_dir: Option<PathBuf>,
    /// Nothing can be decided from this console.
    pub(crate) read_only: bool,
    /// What libraries write to stderr while the screen is up goes to this file.
    pub(crate) stderr_to: Option<PathBuf>,
    /// Where the screen is saved.
    pub(crate) save_to: Option<PathBuf>,
    /// What leaving ends, where that is more than the engine of this process.
    pub(crate) leaving: Option<String>,
    /// The engine of another process, which goes on when the console is left.
    pub(crate) attached: Option<Seated>,
    /// Who pulls the levers of a show.
    pub(crate) director: Option<Director>,
}

/// The way to the director of a show.
#[derive(Debug)]
pub(crate) struct Director {
    /// What can be typed, a line each.
    pub(crate) levers: Vec<String>,
    /// Takes what was typed; what came of it goes back.
    pub(crate) pull: mpsc::UnboundedSender<(String, oneshot::Sender<String>)>,
    /// What it says by itself.
    pub(crate) says: mpsc::UnboundedReceiver<String>,
}

/// Whether theme and key file are what they should be: before anything is started that they are for.
///
/// # Errors
/// What is wrong with them.
pub(crate) fn check(ui: &UiConfig, theme_dir: &Path) -> Result<()> {
    let var = |name: &str| std::env::var(name).ok();
    Theme::choose(ui.theme.as_deref(), Some(theme_dir), theme::detect::depth(var))?;
    let changes = ui.keys.as_deref().map(key_file).transpose()?;
    KeyMap::new(changes.as_ref(), false)?;
    Ok(())
}

/// Why the console ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ExitReason {
    /// The user left, and the engine finished or had its time to.
    Quit,
    /// The user did not want to wait.
    Forced,
    /// A signal asked for it.
    Terminated,
    /// The terminal is gone.
    Hangup,
    /// The engine stopped though nobody asked.
    EngineGone,
}

/// How long the engine may take to stop after the console has ended without asking it to.
const STOP: Duration = Duration::from_secs(10);
/// How long the screen may take to end after a signal before it is left behind: its terminal may be stuck.
const STUCK: Duration = Duration::from_secs(20);

/// Runs the console until the user leaves, a signal comes, the terminal goes, or the engine ends. The engine has been
/// asked to stop when this returns, except after [`ExitReason::Forced`]. Mistakes in theme and key files are found
/// before the terminal is touched.
///
/// # Errors
/// A theme or key file is wrong, or the terminal cannot be set up or written.
pub(crate) async fn run(
    handle: EngineHandle,
    identity: Identity,
    mut options: ConsoleOptions,
) -> Result<ExitReason> {
    let var = |name: &str| std::env::var(name).ok();
    let settings = settings(&options, identity.name().to_string(), var)?;
    if let casimir_dkg::config::Notify::Command(program) = &options.ui.notify {
        judge_program(std::slice::from_ref(program)).with_context(|| format!("ui.notify {program}"))?;
        tracing::warn!(
            target: "casimir_dkg::console",
            "ui.notify starts its program from this screen alone and tells it nothing; a [[notices.to]] with a command \
             tells it in every front end, with what it is about"
        );
    }
    let remember_in = app::place(var);
    let remembered = remember_in
        .as_deref()
        .map_or_else(|| Ok(Remembered::default()), Remembered::read);
    let setup = events::Setup {
        settings,
        mouse: options.ui.mouse,
        notify: options.ui.notify.clone(),
        stderr_to: options.stderr_to.clone(),
        save_to: options.save_to.clone(),
        tmux: var("TMUX").is_some(),
        director: options.director.take(),
        remembered,
        remember_in,
        theme_is_free: options.ui.theme.is_none() && var("NO_COLOR").is_none_or(|v| v.is_empty()),
    };
    let (signal_sender, signals) = mpsc::channel(8);
    let mut watcher = signals::Signals::install()?;
    let engine = handle.clone();
    let (done, mut finished) = oneshot::channel();
    std::thread::Builder::new()
        .name("console".to_owned())
        .spawn(move || {
            // the receiver is gone only when this thread was left behind
            let _ = done.send(events::run(engine, identity, setup, signals));
        })
        .context("cannot start the console's thread")?;

    let mut deadline = None;
    let reason = loop {
        let due = deadline.unwrap_or_else(|| tokio::time::Instant::now() + Duration::from_secs(86_400));
        tokio::select! {
            biased;
            result = &mut finished => break result.context("the console's thread died")??,
            signal = watcher.next() => {
                if signal.ends() {
                    deadline.get_or_insert(tokio::time::Instant::now() + STUCK);
                }
                // a full queue means that the thread is stuck; the deadline takes care of it
                let _ = signal_sender.try_send(signal);
            }
            () = tokio::time::sleep_until(due), if deadline.is_some() => break ExitReason::Forced,
        }
    };
    if matches!(
        reason,
        ExitReason::Hangup | ExitReason::Terminated | ExitReason::Quit
    ) {
        // already stopped when the console waited for it: then this returns at once
        let _ = tokio::time::timeout(STOP, handle.shutdown()).await;
    }
    Ok(reason)
}

/// Everything that can be wrong in what the user wrote.
fn settings(
    options: &ConsoleOptions,
    you: String,
    var: impl Fn(&str) -> Option<String> + Copy,
) -> Result<Settings> {
    let depth = theme::detect::depth(var);
    let themes = Theme::all(options.ui.theme.as_deref(), options.theme_dir.as_deref(), depth)?;
    let changes = options.ui.keys.as_deref().map(key_file).transpose()?;
    Ok(Settings {
        keys: KeyMap::new(changes.as_ref(), options.read_only)?,
        panes: screens::panes::TABLE.to_vec(),
        theme: themes[0].1.clone(),
        themes,
        ascii: options.ui.ascii || theme::detect::ascii_only(var),
        animations: options.ui.animations,
        notify: options.ui.notify != casimir_dkg::config::Notify::Off,
        grace: options.ui.grace,
        read_only: options.read_only,
        allow_suspend: options.ui.allow_suspend,
        you,
        attached: options.attached.clone(),
        leaving: options.leaving.clone(),
        levers: options
            .director
            .as_ref()
            .map_or_else(Vec::new, |director| director.levers.clone()),
    })
}

/// The `keys` table of a key file.
fn key_file(path: &Path) -> Result<toml::Table> {
    let shown = path.display();
    let text = theme::text_of(path).with_context(|| format!("key file {shown}"))?;
    let file: toml::Table = toml::from_str(&text).with_context(|| format!("key file {shown}"))?;
    let mut keys = toml::Table::new();
    for (name, value) in file {
        match value {
            toml::Value::Table(table) if name == "keys" => keys.extend(table),
            _ => anyhow::bail!("key file {shown}: \"{name}\" is not [keys.<group>]"),
        }
    }
    match KeyMap::new(Some(&keys), false) {
        Ok(_) => Ok(keys),
        Err(mistakes) => anyhow::bail!("key file {shown}:\n{}", mistakes.in_file(&text)),
    }
}
