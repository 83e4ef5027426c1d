//! Signals from the first instruction on. Until somebody takes them over who ends in order, one ends the program at once:
//! then nothing has begun that could be left half done. The handlers are installed, and not left to the system, because
//! the first process of a container has no defaults, and because a prompt must give the terminal back.

use std::fs::File;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::mpsc::sync_channel;
use std::sync::{LazyLock, Mutex, PoisonError};

use anyhow::Context as _;
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};
use secrecy::SecretString;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::broadcast::{self, error::RecvError};

/// Forced, as in the table of exit codes.
const FORCED: u8 = 130;

/// What a signal ends the program with.
static CODE: AtomicU8 = AtomicU8::new(FORCED);
/// The terminal as it was before a prompt.
static TERMINAL: Mutex<Option<(File, Termios)>> = Mutex::new(None);

/// A signal that can end the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Caught {
    Interrupt,
    Terminate,
    Hangup,
}

/// To whoever has taken signals over. One thread hands each signal on or ends the program by it, so that no signal counts
/// twice.
static HANDS_ON: LazyLock<broadcast::Sender<Caught>> = LazyLock::new(|| broadcast::channel(16).0);

/// What a new file must leave to its owner.
const OWNERS: u32 = 0o700;

/// That this process can use what it makes. Call it before there is a second thread: the umask is everybody's.
///
/// # Errors
/// The umask takes the owner's own rights away: databases, logs and sockets could be made and not opened.
pub(crate) fn judge_umask() -> anyhow::Result<()> {
    let found = rustix::process::umask(rustix::fs::Mode::empty());
    rustix::process::umask(found);
    leaves_to_owner(found.bits())
}

fn leaves_to_owner(bits: u32) -> anyhow::Result<()> {
    anyhow::ensure!(
        bits & OWNERS == 0,
        "the umask {bits:04o} takes from new files what their owner needs, so nothing that is made here could be opened: run \
         `umask 0077` first; in a service unit, UMask=0077"
    );
    Ok(())
}

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
            // they would end the program at once, and mean nothing here: whoever rotates logs sends them by habit
            let mut first = catch(SignalKind::user_defined1())?;
            let mut second = catch(SignalKind::user_defined2())?;
            let mut alarm = catch(SignalKind::alarm())?;
            let mut ready = catch(SignalKind::io())?;
            // a file that may not grow any more is told by the write that fails, and not by the end of the program
            let too_long = SignalKind::from_raw(rustix::process::Signal::XFSZ.as_raw());
            let _too_long = catch(too_long)?;
            let _ = tell.send(());
            loop {
                let caught = tokio::select! {
                    _ = interrupt.recv() => Caught::Interrupt,
                    _ = terminate.recv() => Caught::Terminate,
                    _ = hangup.recv() => Caught::Hangup,
                    _ = first.recv() => { means_nothing("SIGUSR1"); continue }
                    _ = second.recv() => { means_nothing("SIGUSR2"); continue }
                    _ = alarm.recv() => { means_nothing("SIGALRM"); continue }
                    _ = ready.recv() => { means_nothing("SIGIO"); continue }
                };
                if HANDS_ON.send(caught).is_err() {
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

fn means_nothing(signal: &str) {
    tracing::info!(target: "signals", signal, "a signal that means nothing here; SIGHUP opens the logs of a service anew");
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

/// Takes signals over, as long as this lives. Whoever sends one later forces the end.
#[derive(Debug)]
pub(crate) struct Taken(broadcast::Receiver<Caught>);

impl Taken {
    pub(crate) fn over() -> Self {
        Self(HANDS_ON.subscribe())
    }

    pub(crate) async fn next(&mut self) -> Caught {
        loop {
            match self.0.recv().await {
                Ok(caught) => return caught,
                // of so many that some were lost, those that are left say enough
                Err(RecvError::Lagged(_)) => {}
                // the sender lives as long as the program
                Err(RecvError::Closed) => std::future::pending().await,
            }
        }
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        CODE.store(FORCED, Ordering::SeqCst);
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
    // ctrl-c is a key there, which sends the signal: it may be on its way still
    if let Err(error) = &answer
        && error.kind() == std::io::ErrorKind::Interrupted
    {
        end();
    }
    kept(None);
    answer.map(SecretString::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_umask_that_takes_the_owners_rights_is_refused_by_name() {
        for fine in [0, 0o002, 0o022, 0o027, 0o077] {
            assert!(leaves_to_owner(fine).is_ok(), "{fine:o}");
        }
        // without the last of these a directory could not be entered
        for bits in [0o777, 0o400, 0o200, 0o100] {
            let words = leaves_to_owner(bits).unwrap_err().to_string();
            assert!(
                words.contains(&format!("umask {bits:04o}")) && words.contains("umask 0077"),
                "{words}"
            );
        }
    }
}
