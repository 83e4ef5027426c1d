//! What waits, told to people elsewhere. One task looks at the snapshots and writes notices; each receiver has a queue
//! and a task of its own, so that whoever does not answer holds up neither the engine nor the others. What a full queue
//! or the limit of an hour left out is counted and said with the next notice. What was told and is not over is kept over
//! restarts.

mod book;
mod kind;
mod left;
mod queue;
#[cfg(test)]
mod tests;

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;

use super::reminders::{Reminder, Reminders};
use crate::engine::EngineHandle;
use crate::ports::notifier::{About, Notice, NoticeKind, NoticePhase, Notifier, Severity};
use crate::types::UnixMillis;
use crate::view::{Snapshot, Wait};

pub use book::Book;
use left::Left;
pub use queue::Delivered;
use queue::Queue;

/// What goes on is told again after a pause of this at the latest.
pub const LONGEST_PAUSE: Duration = Duration::from_secs(6 * 3_600);
/// Looked at again after this at the latest.
const LOOK: Duration = Duration::from_secs(3_600);
/// While ends of what an earlier run told are owed, it is looked this often.
const LOOK_FOR_ENDS: Duration = Duration::from_secs(5);
/// A matter that comes and goes is told once in a while: what is new is looked at this often at most.
const AT_MOST_EVERY: Duration = Duration::from_millis(200);

/// Somebody who is told, and of what.
#[derive(Debug, Clone)]
pub struct Recipient {
    pub name: String,
    pub notifier: Arc<dyn Notifier>,
    /// Nothing that is less bad.
    pub least: Severity,
    /// Only these kinds; empty: all.
    pub kinds: Vec<NoticeKind>,
}

impl Recipient {
    fn wants(&self, notice: &Notice) -> bool {
        notice.severity >= self.least && (self.kinds.is_empty() || self.kinds.contains(&notice.kind))
    }
}

/// How often somebody is told.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// The first pause before something is told again.
    pub repeat: Duration,
    /// The most that one receiver gets within an hour: so many that are critical, and so many others.
    pub per_hour: NonZeroU32,
}

/// The tasks that tell, and what they have told. They end by themselves when the engine has ended and everything that it
/// said was told.
#[derive(Debug)]
pub struct Telling {
    pub tasks: JoinSet<()>,
    /// One for each receiver, in their order.
    pub delivered: Vec<Arc<Delivered>>,
}

/// Begins to tell. The book says what an earlier run has told and not told to be over.
#[must_use]
pub fn tell(engine: &EngineHandle, receivers: Vec<Recipient>, pace: Pace, book: Book) -> Telling {
    let book = Arc::new(book);
    let names: Vec<_> = receivers.iter().map(|to| to.name.clone()).collect();
    let left = Left::new(book.left(&names));
    let mut tasks = JoinSet::new();
    let mut delivered = Vec::new();
    let mut queues = Vec::new();
    for to in receivers {
        let (queue, work) = queue::open(to, pace.per_hour, Arc::clone(&book));
        delivered.push(Arc::clone(queue.delivered()));
        tasks.spawn(work);
        queues.push(queue);
    }
    if !queues.is_empty() {
        tasks.spawn(watch(
            engine.clone(),
            queues,
            Reminders::new(pace.repeat, LONGEST_PAUSE),
            left,
        ));
    }
    Telling { tasks, delivered }
}

/// Ends with the engine, after a last look: why it ended may be what matters most.
async fn watch(engine: EngineHandle, queues: Vec<Queue>, mut reminders: Reminders, mut left: Left) {
    let mut snapshots = engine.snapshots.clone();
    // only the side that owns the engine keeps it going
    drop(engine);
    let mut ended = false;
    loop {
        let snapshot = Arc::clone(&snapshots.borrow_and_update());
        let now = UnixMillis::now();
        let reminders_now = reminders.look(&snapshot.waits, now).into_iter();
        let told: Vec<_> = reminders_now
            .map(|reminder| notice(&reminder, &snapshot, now))
            .collect();
        for notice in &told {
            queues.iter().for_each(|queue| queue.put(notice));
        }
        for (receiver, end) in left.over(&snapshot, &told, now) {
            let of = queues.iter().find(|queue| queue.delivered().name() == receiver);
            of.into_iter().for_each(|queue| queue.put_owed(&end));
        }
        if ended {
            return;
        }
        let next = reminders.next();
        let longest = if left.is_empty() { LOOK } else { LOOK_FOR_ENDS };
        let pause = next.map_or(longest, |at| at.since(UnixMillis::now()).min(longest));
        tokio::select! {
            changed = snapshots.changed() => {
                ended = changed.is_err();
                if !ended {
                    tokio::time::sleep(AT_MOST_EVERY).await;
                }
            }
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// What is told of a reminder. The words are those of the snapshot.
pub(super) fn notice(reminder: &Reminder, snapshot: &Snapshot, now: UnixMillis) -> Notice {
    let (kind, phase, wait) = match reminder {
        Reminder::Waits(phase, wait) => (kind::of(wait.reason), *phase, wait),
        Reminder::Deadline(phase, wait) => (NoticeKind::DeadlineNear, *phase, wait),
    };
    let severity = match kind {
        NoticeKind::DeadlineNear => wait.reason.severity().max(Severity::Warning),
        _ => wait.reason.severity(),
    };
    Notice {
        kind,
        phase,
        severity,
        sentence: sentence(wait, phase, snapshot).into(),
        advice: wait.reason.can_do().into(),
        about: About {
            case: wait.case,
            action: wait.action,
            operator: wait.operator,
            endpoint: wait.endpoint.clone(),
            alarm: wait.alarm.clone(),
        },
        since: wait.since,
        at: now,
        reason: Some(wait.reason.code().to_owned()),
        due: wait.due,
    }
}

/// With what it is about, since whoever reads it sees nothing else.
fn sentence(wait: &Wait, phase: NoticePhase, snapshot: &Snapshot) -> String {
    let action = wait.action.and_then(|id| snapshot.action(id));
    let subject = match (wait.case, action) {
        (_, Some(action)) => format!("{} ({}): ", action.id, action.title),
        (Some(case), None) => format!("{case}: "),
        (None, None) => String::new(),
    };
    match phase {
        NoticePhase::Over => format!("{subject}{} is over", wait.reason),
        _ => format!("{subject}{}", wait.sentence),
    }
}
