//! One receiver: queues with a bound, limits for each hour, and counts of what came of it. What is critical has a queue and a
//! limit of its own, so that a warning that comes and goes keeps nobody from hearing it. What is over is kept until it is
//! delivered: nothing tells it again.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use super::{Book, Recipient};
use crate::log_limit::RepeatFilter;
use crate::ports::notifier::{Notice, NoticePhase, NotifyError};
use crate::types::{SafeText, Severity, counted};

/// Notices that wait for a receiver who takes his time. What comes on top is left out.
const WAITING: usize = 64;
/// Ends of matters that are kept for a receiver until he takes them; each matter has one.
const OWED: usize = 256;
/// What is owed is tried again after the first pause; each is twice the one before, up to the second.
const AGAIN: (Duration, Duration) = (Duration::from_secs(30), Duration::from_secs(1_800));

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

/// Ends of matters that somebody was not told yet, by matter: whoever heard that something is wrong hears that it is over.
#[derive(Debug, Default)]
struct Owed(Mutex<BTreeMap<String, Notice>>);

impl Owed {
    fn all(&self) -> MutexGuard<'_, BTreeMap<String, Notice>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether it is kept: it is the end of a matter, and there is room.
    fn keep(&self, notice: &Notice) -> bool {
        let (mut all, matter) = (self.all(), notice.matter());
        let kept = notice.phase == NoticePhase::Over && (all.len() < OWED || all.contains_key(&matter));
        if kept {
            all.insert(matter, notice.clone());
        }
        kept
    }

    /// The matter goes on, or its end was told.
    fn forget(&self, notice: &Notice) {
        self.all().remove(&notice.matter());
    }

    /// The worst comes first.
    fn first(&self) -> Option<Notice> {
        self.all().values().max_by_key(|notice| notice.severity).cloned()
    }

    fn is_empty(&self) -> bool {
        self.all().is_empty()
    }
}

/// The side of whoever writes notices: it never waits.
#[derive(Debug)]
pub(super) struct Queue {
    to: Recipient,
    critical: mpsc::Sender<Notice>,
    rest: mpsc::Sender<Notice>,
    delivered: Arc<Delivered>,
    owed: Arc<Owed>,
}

impl Queue {
    pub(super) fn delivered(&self) -> &Arc<Delivered> {
        &self.delivered
    }

    pub(super) fn put(&self, notice: &Notice) {
        if self.to.wants(notice) {
            self.put_owed(notice);
        }
    }

    /// The same for the end of what was told, whatever is wanted by now.
    pub(super) fn put_owed(&self, notice: &Notice) {
        let queue = match notice.severity {
            Severity::Critical => &self.critical,
            Severity::Warning | Severity::Info => &self.rest,
        };
        if queue.try_send(notice.clone()).is_err() && !self.owed.keep(notice) {
            // what goes on is told again, and must not be told to be over before
            self.owed.forget(notice);
            self.delivered.leave_out();
        }
    }
}

/// A queue, and the work that empties it until the queue is gone.
pub(super) fn open(
    to: Recipient,
    per_hour: NonZeroU32,
    book: Arc<Book>,
) -> (Queue, impl Future<Output = ()> + Send + 'static) {
    open_with(to, per_hour, book, AGAIN)
}

/// The same with other pauses before what is owed is tried again.
pub(super) fn open_with(
    to: Recipient,
    per_hour: NonZeroU32,
    book: Arc<Book>,
    again: (Duration, Duration),
) -> (Queue, impl Future<Output = ()> + Send + 'static) {
    let (critical, critical_waiting) = mpsc::channel(WAITING);
    let (rest, rest_waiting) = mpsc::channel(WAITING);
    let delivered = Arc::new(Delivered {
        name: to.name.clone(),
        ..Delivered::default()
    });
    let owed = Arc::<Owed>::default();
    let queue = Queue {
        to: to.clone(),
        critical,
        rest,
        delivered: Arc::clone(&delivered),
        owed: Arc::clone(&owed),
    };
    let delivery = Delivery {
        to,
        book,
        delivered,
        owed,
        critical: Limit::new(per_hour),
        rest: Limit::new(per_hour),
        again,
        refrain: RepeatFilter::default(),
    };
    let waiting = Waiting {
        critical: critical_waiting,
        rest: rest_waiting,
    };
    (queue, delivery.run(waiting))
}

/// What waits for whoever is told.
struct Waiting {
    critical: mpsc::Receiver<Notice>,
    rest: mpsc::Receiver<Notice>,
}

impl Waiting {
    /// The next one, what is critical first; `None` at the end of both queues.
    async fn next(&mut self) -> Option<Notice> {
        let critical = tokio::select! {
            biased;
            critical = self.critical.recv() => critical,
            Some(notice) = self.rest.recv() => return Some(notice),
        };
        match critical {
            Some(notice) => Some(notice),
            None => self.rest.recv().await,
        }
    }
}

/// The side of whoever is told.
struct Delivery {
    to: Recipient,
    /// What is told and is not over, for the next start.
    book: Arc<Book>,
    delivered: Arc<Delivered>,
    owed: Arc<Owed>,
    critical: Limit,
    rest: Limit,
    /// The first and the longest pause before what is owed is tried again.
    again: (Duration, Duration),
    /// What was said of failures.
    refrain: RepeatFilter,
}

impl Delivery {
    async fn run(mut self, mut waiting: Waiting) {
        let (first, longest) = self.again;
        let (mut pause, mut again) = (first, Instant::now() + first);
        loop {
            let (notice, is_owed) = tokio::select! {
                next = waiting.next() => match next {
                    Some(notice) => (notice, false),
                    None => break,
                },
                () = sleep_until(again), if !self.owed.is_empty() => match self.owed.first() {
                    Some(notice) => (notice, true),
                    None => continue,
                },
            };
            if self.one(notice).await {
                // whoever takes one takes the others
                (pause, again) = (first, Instant::now());
            } else {
                if is_owed {
                    pause = (pause * 2).min(longest);
                }
                again = again.max(Instant::now() + pause);
            }
        }
        // the last chance: whoever tells ends with the engine
        let owed: Vec<_> = self.owed.all().values().cloned().collect();
        for notice in owed {
            if !self.one(notice).await {
                self.delivered.leave_out();
            }
        }
    }

    /// Whether it was delivered.
    async fn one(&mut self, mut notice: Notice) -> bool {
        if notice.phase != NoticePhase::Over {
            self.owed.forget(&notice);
        }
        let limit = match notice.severity {
            Severity::Critical => &mut self.critical,
            Severity::Warning | Severity::Info => &mut self.rest,
        };
        if !limit.lets_pass(Instant::now()) {
            if !self.owed.keep(&notice) {
                self.delivered.leave_out();
            }
            return false;
        }
        let plain = notice.clone();
        let unsaid = self.delivered.unsaid.swap(0, Ordering::Relaxed);
        if unsaid > 0 {
            let before = counted(usize::try_from(unsaid).unwrap_or(usize::MAX), "notice");
            let words = format!("{} ({before} before this one left out)", notice.sentence);
            notice.sentence = SafeText::new(&words);
        }
        self.book.begins(&self.to.name, &plain).await;
        match self.to.notifier.notify(&notice).await {
            Ok(()) => {
                if plain.phase == NoticePhase::Over {
                    self.book.ends(&self.to.name, &plain).await;
                }
                self.delivered.delivered.fetch_add(1, Ordering::Relaxed);
                self.owed.forget(&notice);
                true
            }
            Err(error) => {
                self.delivered.failed.fetch_add(1, Ordering::Relaxed);
                // what was to be said with it is said with the next
                self.delivered.unsaid.fetch_add(unsaid, Ordering::Relaxed);
                self.owed.keep(&plain);
                tell_of_failure(&self.to, &error, &mut self.refrain);
                false
            }
        }
    }
}

/// What is wrong once is wrong at each notice.
fn tell_of_failure(to: &Recipient, error: &NotifyError, refrain: &mut RepeatFilter) {
    if let Some(left_out) = refrain.line(&SafeText::new(&error.to_string())) {
        let (name, notifier) = (&to.name, to.notifier.name());
        tracing::warn!(target: "notices", to = %name, left_out, "{notifier}: {error}");
    }
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
