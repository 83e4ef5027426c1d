//! Seats that come and go at a running engine, and what that costs it. The benchmark of seats uses it, too.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use casimir_dkg::attach::attach;

/// Resident memory of a process, KiB.
pub(crate) fn rss(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// One seat comes, sees the engine's state and the next change of it, and goes. Gives the time to the first state.
pub(crate) async fn come_and_go(socket: &Path) -> Duration {
    let begun = Instant::now();
    let seat = attach(socket).await.unwrap();
    let shown = begun.elapsed();
    let mut snapshots = seat.handle.snapshots.clone();
    snapshots.changed().await.unwrap();
    shown
}

/// So many seats at once, each of which comes again as soon as it went, until each has come `times` times. Gives how
/// often one came.
pub(crate) async fn crowd(
    socket: &Path,
    seats: usize,
    times: impl Fn() -> bool + Clone + Send + 'static,
) -> usize {
    let one = |socket: PathBuf, goes_on: Box<dyn Fn() -> bool + Send>| async move {
        let mut came = 0;
        while goes_on() {
            come_and_go(&socket).await;
            came += 1;
        }
        came
    };
    let all: Vec<_> = (0..seats)
        .map(|_| tokio::spawn(one(socket.to_owned(), Box::new(times.clone()))))
        .collect();
    let mut came = 0;
    for seat in all {
        came += seat.await.unwrap();
    }
    came
}
