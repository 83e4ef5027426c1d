//! Notices from snapshots, to receivers that take them, are slow, or fail.

use std::collections::BTreeSet;
use std::sync::atomic::AtomicBool;

use async_trait::async_trait;
use tokio::sync::{Semaphore, mpsc};

use super::*;
use crate::engine::channel;
use crate::ports::fakes::FakeNotifier;
use crate::ports::notifier::NotifyError;
use crate::types::SafeText;
use crate::view::fixture::surroundings;
use crate::view::{Snapshot, WaitReason};

fn snapshot(waits: Vec<Wait>) -> Snapshot {
    Snapshot {
        waits,
        ..surroundings(1)
    }
}

fn wait(reason: WaitReason) -> Wait {
    Wait {
        since: UnixMillis(1),
        ..Wait::new(reason, "rule all: attempt 4 is over its 3")
    }
}

/// Every reason to wait that the engine knows is told, as what it is, with why and what can be done.
#[test]
fn every_reason_to_wait_is_told_in_a_notice() {
    for reason in WaitReason::ALL {
        let reminder = Reminder::Waits(NoticePhase::Begun, wait(*reason));
        let notice = notice(&reminder, &snapshot(Vec::new()), UnixMillis(9));
        assert_eq!(notice.reason.as_deref(), Some(reason.code()));
        assert_eq!(notice.severity, reason.severity());
        assert_eq!(notice.advice.as_str(), reason.can_do());
        assert!(notice.sentence.as_str().contains("attempt 4 is over its 3"));
        assert!(notice.matter().contains(reason.code()), "{}", notice.matter());
    }
}

/// Else the end of one would close the other at a pager.
#[test]
fn two_alarms_of_one_reason_are_two_matters() {
    let of = |alarm: &str, phase| {
        let wait = Wait {
            alarm: Some(alarm.into()),
            ..wait(WaitReason::ALL[0])
        };
        notice(
            &Reminder::Waits(phase, wait),
            &snapshot(Vec::new()),
            UnixMillis(9),
        )
    };
    let (one, other) = (
        of("the disk is full", NoticePhase::Begun),
        of("a record is unknown", NoticePhase::Over),
    );
    assert_ne!(one.matter(), other.matter());
    assert_eq!(one.matter(), of("the disk is full", NoticePhase::Over).matter());
    assert_eq!(one.about.alarm.as_ref().unwrap().as_str(), "the disk is full");
}

/// Whoever is alerted by the metrics is alerted of the same decisions as those who get notices.
#[test]
fn the_alert_on_decisions_knows_every_reason_that_waits_for_one() {
    let rules = include_str!("../../../config/monitoring/alerts.yml");
    let rule = rules
        .split("- alert: ")
        .find(|rule| rule.starts_with("CasimirDecisionWaits"));
    let reasons = rule.unwrap().split_once("reason=~\"").unwrap().1;
    let reasons: Vec<_> = reasons.split_once('"').unwrap().0.split('|').collect();
    for reason in WaitReason::ALL {
        if kind::of(*reason) == NoticeKind::ApprovalWaiting || *reason == WaitReason::ExitDecision {
            assert!(reasons.contains(&reason.code()), "{reason} is not in {reasons:?}");
        }
    }
}

#[test]
fn every_kind_that_can_be_configured_is_told_for_some_reason() {
    let of_reasons = || WaitReason::ALL.iter().map(|reason| kind::of(*reason));
    for kind in NoticeKind::ALL {
        let otherwise = matches!(kind, NoticeKind::Test | NoticeKind::DeadlineNear);
        assert_eq!(of_reasons().any(|of| of == kind), !otherwise, "{kind}");
    }
}

#[test]
fn a_receiver_gets_what_it_wants() {
    let told = |least, kinds: &[NoticeKind]| Recipient {
        name: "duty".to_owned(),
        notifier: Arc::new(FakeNotifier::default()),
        least,
        kinds: kinds.to_vec(),
    };
    let of = |reason| {
        let reminder = Reminder::Waits(NoticePhase::Begun, wait(reason));
        notice(&reminder, &snapshot(Vec::new()), UnixMillis(9))
    };
    let (critical, warning) = (of(WaitReason::RelayAway), of(WaitReason::Decision));
    assert!(told(Severity::Critical, &[]).wants(&critical) && !told(Severity::Critical, &[]).wants(&warning));
    let approvals = told(Severity::Info, &[NoticeKind::ApprovalWaiting]);
    assert!(approvals.wants(&warning) && !approvals.wants(&critical));
}

/// Takes a notice when it is let, and hands it on.
#[derive(Debug)]
struct Slow {
    lets: Semaphore,
    fails: AtomicBool,
    taken: mpsc::UnboundedSender<Notice>,
}

#[async_trait]
impl Notifier for Slow {
    fn name(&self) -> SafeText {
        "slow".into()
    }

    async fn notify(&self, notice: &Notice) -> Result<(), NotifyError> {
        self.lets.acquire().await.unwrap().forget();
        if self.fails.load(std::sync::atomic::Ordering::Relaxed) {
            return Err(NotifyError::Away("no route".into()));
        }
        self.taken.send(notice.clone()).unwrap();
        Ok(())
    }
}

fn slow() -> (Arc<Slow>, mpsc::UnboundedReceiver<Notice>) {
    let (taken, takes) = mpsc::unbounded_channel();
    let slow = Slow {
        lets: Semaphore::new(0),
        fails: AtomicBool::new(false),
        taken,
    };
    (Arc::new(slow), takes)
}

fn to(notifier: Arc<dyn Notifier>) -> Recipient {
    Recipient {
        name: "duty".to_owned(),
        notifier,
        least: Severity::Info,
        kinds: Vec::new(),
    }
}

const PLENTY: NonZeroU32 = NonZeroU32::new(10_000).unwrap();

#[tokio::test]
async fn a_receiver_that_hangs_holds_nothing_up_and_is_told_what_was_left_out() {
    let (notifier, mut takes) = slow();
    let (queue, work) = queue::open(to(notifier.clone()), PLENTY, Arc::default());
    let delivered = Arc::clone(queue.delivered());
    let work = tokio::spawn(work);
    let reminder = Reminder::Waits(NoticePhase::Begun, wait(WaitReason::Decision));
    let notice = notice(&reminder, &snapshot(Vec::new()), UnixMillis(9));
    // nobody takes one: one may be on its way, 64 wait, the rest is left out
    for _ in 0..200 {
        queue.put(&notice);
    }
    let left_out = delivered.counts()[2].1;
    assert!((135..=136).contains(&left_out), "{left_out}");
    notifier.lets.add_permits(1);
    let first = takes.recv().await.unwrap();
    let words = format!("({left_out} notices before this one left out)");
    assert!(first.sentence.as_str().contains(&words), "{}", first.sentence);
    notifier.lets.add_permits(1);
    let second = takes.recv().await.unwrap();
    assert_eq!(second, notice, "it was said once");
    notifier.lets.add_permits(200);
    drop(queue);
    work.await.unwrap();
    assert_eq!(delivered.counts()[0], ("delivered", 200 - left_out));
}

#[tokio::test]
async fn what_fails_is_counted_and_the_next_goes_on() {
    let (notifier, mut takes) = slow();
    notifier.fails.store(true, std::sync::atomic::Ordering::Relaxed);
    let (queue, work) = queue::open(to(notifier.clone()), PLENTY, Arc::default());
    let delivered = Arc::clone(queue.delivered());
    tokio::spawn(work);
    let reminder = Reminder::Waits(NoticePhase::Begun, wait(WaitReason::Decision));
    let notice = notice(&reminder, &snapshot(Vec::new()), UnixMillis(9));
    queue.put(&notice);
    notifier.lets.add_permits(1);
    while delivered.counts()[1].1 == 0 {
        tokio::task::yield_now().await;
    }
    notifier.fails.store(false, std::sync::atomic::Ordering::Relaxed);
    queue.put(&notice);
    notifier.lets.add_permits(1);
    assert_eq!(takes.recv().await.unwrap(), notice);
}

fn told_in(phase: NoticePhase, reason: WaitReason) -> Notice {
    let reminder = Reminder::Waits(phase, wait(reason));
    notice(&reminder, &snapshot(Vec::new()), UnixMillis(9))
}

/// Whoever was told that something is wrong is told that it is over, however long that takes.
#[tokio::test]
async fn what_is_over_is_kept_until_it_is_delivered() {
    let (notifier, mut takes) = slow();
    let fails = |fails| notifier.fails.store(fails, std::sync::atomic::Ordering::Relaxed);
    notifier.lets.add_permits(1_000);
    let pauses = (Duration::from_millis(1), Duration::from_millis(4));
    let (queue, work) = queue::open_with(to(notifier.clone()), PLENTY, Arc::default(), pauses);
    let delivered = Arc::clone(queue.delivered());
    tokio::spawn(work);
    fails(true);
    let reasons = [WaitReason::Decision, WaitReason::Paused];
    for reason in reasons {
        queue.put(&told_in(NoticePhase::Over, reason));
    }
    while delivered.counts()[1].1 < 6 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    fails(false);
    let mut said = Vec::new();
    for _ in reasons {
        said.push(takes.recv().await.unwrap().reason.unwrap());
    }
    said.sort();
    assert_eq!(said, ["decision", "paused"]);
    queue.put(&told_in(NoticePhase::Begun, WaitReason::Epoch));
    let next = takes.recv().await.unwrap();
    assert_eq!(next.reason.as_deref(), Some("epoch"), "each once");
}

#[tokio::test]
async fn what_has_begun_anew_is_not_told_to_be_over() {
    let (notifier, mut takes) = slow();
    let fails = |fails| notifier.fails.store(fails, std::sync::atomic::Ordering::Relaxed);
    notifier.lets.add_permits(1_000);
    let pauses = (LONGEST_PAUSE, LONGEST_PAUSE);
    let (queue, work) = queue::open_with(to(notifier.clone()), PLENTY, Arc::default(), pauses);
    let delivered = Arc::clone(queue.delivered());
    let work = tokio::spawn(work);
    fails(true);
    queue.put(&told_in(NoticePhase::Over, WaitReason::Decision));
    while delivered.counts()[1].1 == 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    fails(false);
    queue.put(&told_in(NoticePhase::Begun, WaitReason::Decision));
    assert_eq!(takes.recv().await.unwrap().phase, NoticePhase::Begun);
    drop(queue);
    work.await.unwrap();
    assert!(takes.try_recv().is_err(), "nothing was owed any more");
}

/// A full queue takes the end of a matter from nobody, and the end of the engine neither.
#[tokio::test]
async fn the_end_of_a_matter_passes_a_full_queue() {
    let (notifier, mut takes) = slow();
    let (queue, work) = queue::open(to(notifier.clone()), PLENTY, Arc::default());
    let delivered = Arc::clone(queue.delivered());
    let work = tokio::spawn(work);
    for _ in 0..200 {
        queue.put(&told_in(NoticePhase::GoesOn, WaitReason::Decision));
    }
    let left_out = delivered.counts()[2].1;
    queue.put(&told_in(NoticePhase::Over, WaitReason::Paused));
    assert_eq!(delivered.counts()[2].1, left_out);
    notifier.lets.add_permits(1_000);
    drop(queue);
    work.await.unwrap();
    let mut said = Vec::new();
    while let Ok(notice) = takes.try_recv() {
        said.push(notice.phase);
    }
    assert_eq!(
        said.iter().filter(|phase| **phase == NoticePhase::Over).count(),
        1
    );
}

/// A warning that comes and goes uses up neither the hour nor the queue of what is critical.
#[tokio::test]
async fn what_is_critical_passes_however_many_others_were_told() {
    let (notifier, mut takes) = slow();
    let (queue, work) = queue::open(to(notifier.clone()), NonZeroU32::new(3).unwrap(), Arc::default());
    let delivered = Arc::clone(queue.delivered());
    let work = tokio::spawn(work);
    for _ in 0..200 {
        queue.put(&told_in(NoticePhase::Begun, WaitReason::EndpointDown));
    }
    let left_out = delivered.counts()[2].1;
    queue.put(&told_in(NoticePhase::Begun, WaitReason::JournalUnwritable));
    assert_eq!(delivered.counts()[2].1, left_out, "there was room for it");
    notifier.lets.add_permits(1_000);
    while delivered.counts()[0].1 < 4 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    // that they are over is owed, and what is critical does not wait for the hour of the others
    queue.put(&told_in(NoticePhase::Over, WaitReason::EndpointDown));
    queue.put(&told_in(NoticePhase::Over, WaitReason::JournalUnwritable));
    while delivered.counts()[0].1 < 5 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    drop(queue);
    work.await.unwrap();
    let mut said = Vec::new();
    while let Ok(notice) = takes.try_recv() {
        said.push((notice.reason.unwrap(), notice.phase));
    }
    let of = |reason: &str| said.iter().filter(|(of, _)| of == reason).count();
    assert_eq!(
        (of("endpoint-down"), of("journal-unwritable")),
        (3, 2),
        "{said:?}"
    );
}

#[tokio::test]
async fn within_an_hour_no_more_than_the_limit() {
    let (notifier, mut takes) = slow();
    notifier.lets.add_permits(100);
    let (queue, work) = queue::open(to(notifier), NonZeroU32::new(3).unwrap(), Arc::default());
    let delivered = Arc::clone(queue.delivered());
    let reminder = Reminder::Waits(NoticePhase::Begun, wait(WaitReason::Decision));
    let notice = notice(&reminder, &snapshot(Vec::new()), UnixMillis(9));
    (0..10).for_each(|_| queue.put(&notice));
    drop(queue);
    work.await;
    let mut taken = 0;
    while takes.try_recv().is_ok() {
        taken += 1;
    }
    assert_eq!((taken, delivered.counts()[2]), (3, ("left-out", 7)));
}

#[tokio::test]
async fn what_waits_is_told_and_told_to_be_over_also_at_the_end_of_the_engine() {
    let notifier = Arc::new(FakeNotifier::default());
    let (side, handle) = channel(snapshot(vec![wait(WaitReason::Paused)]));
    let pace = Pace {
        repeat: Duration::from_secs(900),
        per_hour: PLENTY,
    };
    let mut telling = tell(&handle, vec![to(notifier.clone())], pace, Book::default());
    drop(handle);
    let told = |count| {
        let notifier = notifier.clone();
        async move {
            while notifier.delivered().len() < count {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
    };
    told(1).await;
    // the last snapshot of an engine that dies
    side.snapshots
        .send_replace(Arc::new(snapshot(vec![wait(WaitReason::Fatal)])));
    drop(side);
    while telling.tasks.join_next().await.is_some() {}
    let delivered = notifier.delivered();
    let said: Vec<_> = delivered
        .iter()
        .map(|notice| (notice.kind, notice.phase))
        .collect();
    assert_eq!(said[0], (NoticeKind::Paused, NoticePhase::Begun));
    assert!(
        said.contains(&(NoticeKind::ActionFailed, NoticePhase::Begun)),
        "{said:?}"
    );
    assert!(
        said.contains(&(NoticeKind::Paused, NoticePhase::Over)),
        "{said:?}"
    );
}

/// A run that tells with this book, until its engine is dropped.
fn run(book: Book, first: Snapshot) -> (crate::engine::EngineSide, Arc<FakeNotifier>, Telling) {
    let notifier = Arc::new(FakeNotifier::default());
    let (side, handle) = channel(first);
    let pace = Pace {
        repeat: Duration::from_secs(900),
        per_hour: PLENTY,
    };
    let telling = tell(&handle, vec![to(notifier.clone())], pace, book);
    (side, notifier, telling)
}

async fn end_of_run(side: crate::engine::EngineSide, mut telling: Telling) {
    drop(side);
    while telling.tasks.join_next().await.is_some() {}
}

/// The operator came back while no engine ran.
#[tokio::test]
async fn what_ended_between_two_runs_is_told_once_it_is_known() {
    use crate::types::OperatorId;
    use crate::view::{Health, LinkState};
    let folder = tempfile::tempdir().unwrap();
    let journal = folder.path().join("journal.sqlite");
    let of_operator = |id| Wait {
        operator: Some(OperatorId(id)),
        ..wait(WaitReason::OperatorDown)
    };
    let mut known = snapshot(Vec::new());
    known.chain.link = LinkState::Live;
    let operator = crate::view::fixture::busy().operators[0].clone();
    known.operators = [1, 2]
        .map(|id| crate::view::OperatorView {
            id: OperatorId(id),
            health: Health::Up,
            ..operator.clone()
        })
        .to_vec();
    for endpoint in &mut known.endpoints {
        endpoint.health = Health::Up;
    }
    let mut unknown = known.clone();
    for operator in &mut unknown.operators {
        (operator.health, operator.note) = (Health::Unknown, SafeText::default());
    }
    let with = |of: &Snapshot, waits| Snapshot { waits, ..of.clone() };

    let waits = vec![of_operator(1), of_operator(2), wait(WaitReason::Decision)];
    let (side, notifier, telling) = run(Book::beside(&journal), with(&known, waits));
    while notifier.delivered().len() < 3 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    end_of_run(side, telling).await;

    // the first snapshots know nothing, and nothing is called over
    let (side, notifier, telling) = run(Book::beside(&journal), with(&unknown, Vec::new()));
    tokio::time::sleep(Duration::from_millis(400)).await;
    assert!(notifier.delivered().is_empty(), "{:?}", notifier.delivered());
    side.snapshots
        .send_replace(Arc::new(with(&known, vec![of_operator(2)])));
    while notifier.delivered().len() < 3 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let said: BTreeSet<_> = notifier
        .delivered()
        .iter()
        .map(|notice| (notice.matter(), notice.phase.to_string()))
        .collect();
    let expected = [
        ("approval-waiting decision", "over"),
        ("operator-down operator-down operator 1", "over"),
        ("operator-down operator-down operator 2", "begun"),
    ];
    let expected = expected.map(|(matter, phase)| (matter.to_owned(), phase.to_owned()));
    assert_eq!(said, BTreeSet::from(expected));
    end_of_run(side, telling).await;

    // each end once
    let (side, notifier, telling) = run(Book::beside(&journal), with(&known, Vec::new()));
    while notifier.delivered().is_empty() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    end_of_run(side, telling).await;
    let said: Vec<_> = notifier.delivered().iter().map(Notice::matter).collect();
    assert_eq!(said, ["operator-down operator-down operator 2"]);
}
