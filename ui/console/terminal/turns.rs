//! Whose turn it is to write to the terminal. A panic elsewhere gives it back while the screen's thread may be painting:
//! what is under way ends first, and nothing is painted after.

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::{Duration, Instant};

use anyhow::Result;

/// Held while something is written.
static WRITING: Mutex<()> = Mutex::new(());

/// A frame takes milliseconds; one that takes longer is stuck with its terminal.
const STUCK: Duration = Duration::from_secs(2);

thread_local! {
    static MINE: Cell<bool> = const { Cell::new(false) };
}

/// Writes while the terminal is ours, else does nothing: then the program is ending, or will paint it all anew.
pub(super) fn write(ours: &AtomicBool, work: impl FnOnce() -> Result<()>) -> Result<()> {
    let _turn = WRITING.lock().unwrap_or_else(PoisonError::into_inner);
    if !ours.load(Ordering::SeqCst) {
        return Ok(());
    }
    MINE.set(true);
    let outcome = work();
    MINE.set(false);
    outcome
}

/// The last turn, for whoever gives the terminal back, after it was marked as no longer ours. `None`: this very thread
/// was writing and panicked, or the writer is stuck; there is nothing to wait for.
pub(super) fn last() -> Option<MutexGuard<'static, ()>> {
    if MINE.get() {
        return None;
    }
    let begun = Instant::now();
    loop {
        match WRITING.try_lock() {
            Ok(turn) => return Some(turn),
            Err(TryLockError::Poisoned(turn)) => return Some(turn.into_inner()),
            Err(TryLockError::WouldBlock) if begun.elapsed() >= STUCK => return None,
            Err(TryLockError::WouldBlock) => std::thread::sleep(Duration::from_millis(1)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn giving_back_waits_for_the_frame_under_way_and_nothing_is_painted_after() {
        static OURS: AtomicBool = AtomicBool::new(true);
        let (begun, wait) = std::sync::mpsc::channel();
        let painter = std::thread::spawn(move || {
            let mut painted = Vec::new();
            write(&OURS, || {
                begun.send(()).unwrap();
                std::thread::yield_now();
                painted.push("the frame under way");
                Ok(())
            })
            .unwrap();
            while OURS.load(Ordering::SeqCst) {
                std::thread::yield_now();
            }
            write(&OURS, || {
                painted.push("a frame too many");
                Ok(())
            })
            .unwrap();
            painted
        });
        wait.recv().unwrap();
        OURS.store(false, Ordering::SeqCst);
        let turn = last();
        assert!(turn.is_some());
        drop(turn);
        assert_eq!(painter.join().unwrap(), ["the frame under way"]);
    }

    #[test]
    fn a_panic_while_painting_waits_for_nobody() {
        static OURS: AtomicBool = AtomicBool::new(true);
        write(&OURS, || {
            assert!(last().is_none());
            Ok(())
        })
        .unwrap();
    }
}
