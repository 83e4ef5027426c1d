//! The truth about the consensus layer: a node that other people wrote takes our deposits and our exits.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic")]
#![allow(clippy::disallowed_macros, reason = "what takes minutes tells how far it is")]

mod install;
mod life;
mod process;

use tokio::sync::{Mutex, MutexGuard};

/// One Lodestar at a time: each wants a good part of a processor, and slots pass by the clock.
static ALONE: Mutex<()> = Mutex::const_new(());

async fn alone() -> MutexGuard<'static, ()> {
    ALONE.lock().await
}

fn say(line: &str) {
    println!("{line}");
}
