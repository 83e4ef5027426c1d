//! One receiver: a queue with a bound, a limit for each hour, and counts of what came of it.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::mpsc;
use tokio::time::Instant;

use super::Told;
use crate::ports::notifier::{Notice, NotifyError};
use crate::types::{SafeText, counted};

/// Notices that wait for a receiver who takes his time. What comes on top is left out.
const WAITING: usize = 64;

/// What came of the notices for one receiver, since the start.
#[derive(Debug, Default)]
pub struct Delivered {
    name: String,
    delivered: AtomicU64,
    failed: AtomicU64,
    left_out: AtomicU64,
    /// Left out, and not said yet.
    unsaid: AtomicU64,
}

impl Delivered {
    /// The receiver's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Each outcome with its count.
    #[must_use]
    pub fn counts(&self) -> [(&'static str, u64); 3] {
        [
            ("delivered", self.delivered.load(Ordering::Relaxed)),
            ("failed", self.failed.load(Ordering::Relaxed)),
            ("left-out", self.left_out.load(Ordering::Relaxed)),
        ]
    }

    fn leave_out(&self) {
        self.left_out.fetch_add(1, Ordering::Relaxed);
        self.unsaid.fetch_add(1, Ordering::Relaxed);
    }
}

/// The side of whoever writes notices: it never waits.
#[derive(Debug)]
pub(super) struct Queue {
    to: Told,
    notices: mpsc::Sender<Notice>,
    delivered: Arc<Delivered>,
}

impl Queue {
    pub(super) fn delivered(&self) -> &Arc<Delivered> {
        &self.delivered
    }

    pub(super) fn put(&self, notice: &Notice) {
        if self.to.wants(notice) && self.notices.try_send(notice.clone()).is_err() {
            self.delivered.leave_out();
        }
    }
}

/// A queue, and the work that empties it until the queue is gone.
pub(super) fn open(to: Told, per_hour: NonZeroU32) -> (Queue, impl Future<Output = ()> + Send + 'static) {
    let (notices, waiting) = mpsc::channel(WAITING);
    let delivered = Arc::new(Delivered {
        name: to.name.clone(),
        ..Delivered::default()
    });
    let queue = Queue {
        to: to.clone(),
        notices,
        delivered: Arc::clone(&delivered),
    };
    (queue, deliver(to, waiting, delivered, Limit::new(per_hour)))
}

async fn deliver(to: Told, mut waiting: mpsc::Receiver<Notice>, delivered: Arc<Delivered>, mut limit: Limit) {
    while let Some(mut notice) = waiting.recv().await {
        if !limit.lets_pass(Instant::now()) {
            delivered.leave_out();
            continue;
        }
        let unsaid = delivered.unsaid.swap(0, Ordering::Relaxed);
        if unsaid > 0 {
            let before = counted(usize::try_from(unsaid).unwrap_or(usize::MAX), "notice");
            let words = format!("{} ({before} before this one left out)", notice.sentence);
            notice.sentence = SafeText::new(&words);
        }
        match to.notifier.notify(&notice).await {
            Ok(()) => {
                delivered.delivered.fetch_add(1, Ordering::Relaxed);
            }
            Err(error) => {
                delivered.failed.fetch_add(1, Ordering::Relaxed);
                // what was to be said with it is said with the next
                delivered.unsaid.fetch_add(unsaid, Ordering::Relaxed);
                tell_of_failure(&to, &error);
            }
        }
    }
}

fn tell_of_failure(to: &Told, error: &NotifyError) {
    let (name, notifier) = (&to.name, to.notifier.name());
    tracing::warn!(target: "notices", to = %name, "{notifier}: {error}");
}

/// A bucket of so many notices, filled evenly within an hour.
#[derive(Debug)]
struct Limit {
    most: f64,
    left: f64,
    filled: Instant,
}

const HOUR_SECONDS: f64 = 3_600.0;

impl Limit {
    fn new(per_hour: NonZeroU32) -> Self {
        let most = f64::from(per_hour.get());
        Self {
            most,
            left: most,
            filled: Instant::now(),
        }
    }

    fn lets_pass(&mut self, now: Instant) -> bool {
        let passed = now.saturating_duration_since(self.filled).as_secs_f64();
        self.left = (self.left + passed * self.most / HOUR_SECONDS).min(self.most);
        self.filled = now;
        let passes = self.left >= 1.0;
        if passes {
            self.left -= 1.0;
        }
        passes
    }
}
