//! Signals from the first instruction on. Until somebody takes them over who ends in order, one ends the program at once:
//! then nothing has begun that could be left half done. The handlers are installed, and not left to the system, because
//! the first process of a container has no defaults, and because a prompt must give the terminal back.

use std::fs::File;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::sync::mpsc::sync_channel;
use std::sync::{Mutex, PoisonError};

use anyhow::Context as _;
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};
use secrecy::SecretString;
use tokio::signal::unix::{SignalKind, signal};

/// Forced, as in the table of exit codes.
const FORCED: u8 = 130;

/// How many watch for signals themselves.
static TAKEN: AtomicUsize = AtomicUsize::new(0);
/// What a signal ends the program with.
static CODE: AtomicU8 = AtomicU8::new(FORCED);
/// The terminal as it was before a prompt.
static TERMINAL: Mutex<Option<(File, Termios)>> = Mutex::new(None);

/// Watches from now on, from a thread of its own: the first one may be busy with a key, or in a prompt.
///
/// # Errors
/// The system refuses.
pub(crate) fn watch() -> anyhow::Result<()> {
    let (tell, told) = sync_channel(1);
    let watch = move || -> anyhow::Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        runtime.block_on(async {
            let catch = |kind| signal(kind).context("cannot catch signals");
            let mut interrupt = catch(SignalKind::interrupt())?;
            let mut terminate = catch(SignalKind::terminate())?;
            let mut hangup = catch(SignalKind::hangup())?;
            let _ = tell.send(());
            loop {
                tokio::select! {
                    _ = interrupt.recv() => {}
                    _ = terminate.recv() => {}
                    _ = hangup.recv() => {}
                }
                if TAKEN.load(Ordering::SeqCst) == 0 {
                    end();
                }
            }
        })
    };
    let thread = std::thread::Builder::new().name("signals".to_owned());
    let watching = thread.spawn(watch).context("cannot watch for signals")?;
    if told.recv().is_err()
        && let Ok(Err(error)) = watching.join()
    {
        return Err(error);
    }
    Ok(())
}

fn end() -> ! {
    let terminal = TERMINAL.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some((terminal, before)) = terminal {
        let _ = tcsetattr(&terminal, OptionalActions::Now, &before);
    }
    std::process::exit(CODE.load(Ordering::SeqCst).into())
}

/// A service: to be told to end before it has begun is in order.
pub(crate) fn is_service() {
    CODE.store(0, Ordering::SeqCst);
}

/// Somebody watches for signals, as long as this lives. Whoever sends one later forces the end.
#[derive(Debug)]
pub(crate) struct Taken(());

impl Taken {
    pub(crate) fn over() -> Self {
        TAKEN.fetch_add(1, Ordering::SeqCst);
        Self(())
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        CODE.store(FORCED, Ordering::SeqCst);
        TAKEN.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Asks for something that is not shown. A signal meanwhile gives the terminal back and ends the program.
///
/// # Errors
/// Nobody can be asked.
pub(crate) fn ask_hidden(prompt: &str) -> std::io::Result<SecretString> {
    let terminal = File::options().read(true).write(true).open("/dev/tty")?;
    let before = tcgetattr(&terminal)?;
    let kept = |what| *TERMINAL.lock().unwrap_or_else(PoisonError::into_inner) = what;
    kept(Some((terminal, before)));
    let answer = rpassword::prompt_password(prompt);
    kept(None);
    answer.map(SecretString::from)
}
