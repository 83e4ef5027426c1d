//! The loop: print what happens, end when asked, when finished, or when the engine is gone.

use std::time::Duration;

use casimir_dkg::engine::{EngineHandle, Reminders};
use casimir_dkg::types::{SafeText, UnixMillis};
use casimir_dkg::view::{Snapshot, Transition};
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{Instant, sleep, sleep_until};

use super::endpoints::Endpoints;
pub(crate) use super::render::Form;
use super::signals::{Signal, SignalSource};

/// How long work may go on after the first signal.
pub(crate) const GRACE: Duration = Duration::from_secs(10);

/// Why the loop ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// `until` was met, and the engine has stopped.
    Finished,
    /// Asked to stop, and the engine has stopped.
    Stopped,
    /// A second signal, or the deadline after the first.
    Forced,
    /// The engine stopped though nobody asked: its own error says why.
    EngineGone,
}

/// Prints until the engine is gone. `until` looks at each snapshot and may end the run.
pub(crate) async fn run(
    engine: EngineHandle,
    signals: &mut impl SignalSource,
    form: Form,
    until: impl Fn(&Snapshot) -> bool,
) -> Ending {
    run_within(GRACE, engine, signals, form, until).await
}

async fn run_within(
    grace: Duration,
    engine: EngineHandle,
    signals: &mut impl SignalSource,
    form: Form,
    until: impl Fn(&Snapshot) -> bool,
) -> Ending {
    form.started(&engine.snapshots.borrow());
    let mut run = Run::new(grace, engine, form);
    loop {
        let due = run.deadline.unwrap_or_else(|| Instant::now() + NEVER);
        let again = run.until_reminder();
        let ended = tokio::select! {
            biased;
            signal = signals.next() => run.signal(signal),
            () = sleep_until(due), if run.deadline.is_some() => {
                run.note("the deadline for stopping has passed");
                Some(Ending::Forced)
            }
            transition = run.engine.transitions.recv() => run.transition(transition),
            changed = run.engine.snapshots.changed() => match changed {
                Ok(()) => {
                    run.snapshot(&until);
                    None
                }
                Err(_) => Some(run.last_lines()),
            },
            () = sleep(again) => {
                let snapshot = run.engine.snapshots.borrow().clone();
                run.remind(&snapshot);
                None
            }
        };
        if let Some(ending) = ended {
            return ending;
        }
    }
}

/// What still waits is said again after this time, and then after twice as long each time.
const AGAIN: Duration = Duration::from_secs(60);
/// But never less often than this.
const RARELY: Duration = Duration::from_secs(3_600);

/// A day: longer than anything that is waited for.
const NEVER: Duration = Duration::from_secs(86_400);

/// What the loop knows.
struct Run {
    grace: Duration,
    engine: EngineHandle,
    form: Form,
    /// What the run ends with, once somebody has asked for the end.
    ending: Option<Ending>,
    deadline: Option<Instant>,
    /// A signal has asked it to end; the next one forces it.
    signalled: bool,
    /// The terminal that hung up must not be written to.
    silent: bool,
    endpoints: Endpoints,
    reminders: Reminders,
}

impl Run {
    fn new(grace: Duration, mut engine: EngineHandle, form: Form) -> Self {
        // the work may be done already: the first snapshot is looked at like every other
        engine.snapshots.mark_changed();
        Self {
            grace,
            engine,
            form,
            ending: None,
            deadline: None,
            signalled: false,
            silent: false,
            endpoints: Endpoints::default(),
            reminders: Reminders::new(AGAIN, RARELY),
        }
    }

    fn note(&self, text: &str) {
        if !self.silent {
            self.form.note(text);
        }
    }

    fn signal(&mut self, signal: Signal) -> Option<Ending> {
        if signal == Signal::Reload {
            return None;
        }
        self.silent |= signal == Signal::Hangup;
        if std::mem::replace(&mut self.signalled, true) {
            self.note("stopped at once: what was under way is found out at the next start");
            return Some(Ending::Forced);
        }
        self.stop(Ending::Stopped);
        self.note(&waiting(&self.engine.snapshots.borrow(), self.grace));
        None
    }

    fn stop(&mut self, ending: Ending) {
        stop(&self.engine);
        self.ending.get_or_insert(ending);
        self.deadline = Some(Instant::now() + self.grace);
    }

    fn transition(&mut self, received: Result<Transition, RecvError>) -> Option<Ending> {
        match received {
            Ok(transition) if !self.silent => self.form.transition(&transition),
            Ok(_) => {}
            Err(RecvError::Lagged(missed)) => {
                self.note(&format!("{missed} lines skipped; the journal has them"));
            }
            Err(RecvError::Closed) => return Some(self.over()),
        }
        None
    }

    fn snapshot(&mut self, until: impl Fn(&Snapshot) -> bool) {
        let snapshot = self.engine.snapshots.borrow_and_update().clone();
        for words in self.endpoints.news(&snapshot.endpoints, Instant::now()) {
            self.note(&words);
        }
        self.remind(&snapshot);
        if self.ending.is_none() && until(&snapshot) {
            self.stop(Ending::Finished);
        }
    }

    /// What waits longer than is usual, and why.
    fn remind(&mut self, snapshot: &Snapshot) {
        let told = self.reminders.look(&snapshot.waits, UnixMillis::now());
        for reminder in self.form.worth_a_line(told) {
            if !self.silent {
                self.form.reminder(&reminder, snapshot);
            }
        }
    }

    /// How long until something has to be told again though nothing changes.
    fn until_reminder(&self) -> Duration {
        let next = self.reminders.next();
        next.map_or(NEVER, |at| at.since(UnixMillis::now()).min(NEVER))
    }

    /// What was sent before the end is still worth a line.
    fn last_lines(&mut self) -> Ending {
        while let Ok(transition) = self.engine.transitions.try_recv() {
            if !self.silent {
                self.form.transition(&transition);
            }
        }
        self.over()
    }

    fn over(&self) -> Ending {
        self.ending.unwrap_or(Ending::EngineGone)
    }
}

/// A refusal means that the engine is gone already, which the loop notices by itself.
fn stop(engine: &EngineHandle) {
    if let Ok(reply) = engine.try_shutdown() {
        tokio::spawn(reply);
    }
}

fn waiting(snapshot: &Snapshot, grace: Duration) -> String {
    let work = snapshot.work_of_a_stop();
    if work.is_empty() {
        return "stopping".to_owned();
    }
    let list: Vec<&str> = work.iter().map(SafeText::as_str).collect();
    format!(
        "stopping: waiting up to {} s for {}; a second signal stops at once",
        grace.as_secs(),
        list.join("; ")
    )
}

#[cfg(test)]
mod tests {
    use casimir_dkg::engine::{EngineSide, ToEngine, channel};
    use casimir_dkg::view::Accepted;
    use tokio::sync::mpsc;

    use super::*;
    use crate::fixture::unread;

    struct Scripted(mpsc::UnboundedReceiver<Signal>);

    impl SignalSource for Scripted {
        async fn next(&mut self) -> Signal {
            match self.0.recv().await {
                Some(signal) => signal,
                None => std::future::pending().await,
            }
        }
    }

    /// The loop on a scripted engine and scripted signals.
    fn start(
        until: impl Fn(&Snapshot) -> bool + Send + 'static,
    ) -> (
        EngineSide,
        mpsc::UnboundedSender<Signal>,
        tokio::task::JoinHandle<Ending>,
    ) {
        let (side, handle) = channel(unread());
        let (sender, signals) = mpsc::unbounded_channel();
        let task = tokio::spawn(async move { run(handle, &mut Scripted(signals), Form::Json, until).await });
        (side, sender, task)
    }

    async fn accept_shutdown(side: &mut EngineSide) {
        let asked = side.asked.recv().await.unwrap();
        let ToEngine::Shutdown { reply } = asked else {
            panic!("{asked:?}");
        };
        let message = SafeText::new("stopping");
        reply.send(Ok(Accepted { message })).unwrap();
    }

    #[tokio::test]
    async fn a_signal_asks_the_engine_to_stop_and_waits_for_it() {
        let (mut side, signal, task) = start(|_| false);
        signal.send(Signal::Stop).unwrap();
        accept_shutdown(&mut side).await;
        assert!(!task.is_finished());
        drop(side);
        assert_eq!(task.await.unwrap(), Ending::Stopped);
    }

    #[tokio::test]
    async fn a_second_signal_forces() {
        let (mut side, signal, task) = start(|_| false);
        signal.send(Signal::Stop).unwrap();
        accept_shutdown(&mut side).await;
        signal.send(Signal::Stop).unwrap();
        assert_eq!(task.await.unwrap(), Ending::Forced);
    }

    #[tokio::test]
    async fn so_does_the_deadline_and_never_before() {
        let (mut side, handle) = channel(unread());
        let (signal, signals) = mpsc::unbounded_channel();
        let grace = Duration::from_millis(80);
        let begun = Instant::now();
        signal.send(Signal::Hangup).unwrap();
        let mut signals = Scripted(signals);
        let (ending, ()) = tokio::join!(
            run_within(grace, handle, &mut signals, Form::Json, |_| false),
            accept_shutdown(&mut side)
        );
        assert_eq!(ending, Ending::Forced);
        assert!(begun.elapsed() >= grace);
    }

    #[tokio::test]
    async fn an_engine_that_ends_by_itself_ends_the_run() {
        let (side, _signal, task) = start(|_| false);
        side.transitions
            .send(Transition {
                at: UnixMillis(0),
                record: 1,
                case: None,
                kind: "engine-started".to_owned(),
                text: SafeText::new("x"),
                ..Transition::default()
            })
            .unwrap();
        drop(side);
        assert_eq!(task.await.unwrap(), Ending::EngineGone);
    }

    #[tokio::test]
    async fn the_run_ends_when_its_work_is_done() {
        let (mut side, _signal, task) = start(|snapshot| snapshot.revision == 2);
        for revision in 1..=2 {
            let snapshot = Snapshot { revision, ..unread() };
            side.snapshots.send_replace(std::sync::Arc::new(snapshot));
        }
        accept_shutdown(&mut side).await;
        drop(side);
        assert_eq!(task.await.unwrap(), Ending::Finished);
    }
    /// The first one after the work is done was taken for the second, and the exit code told a forced end.
    #[tokio::test]
    async fn the_first_signal_forces_nothing_also_when_the_work_is_done() {
        let (mut side, signal, task) = start(|_| true);
        accept_shutdown(&mut side).await;
        signal.send(Signal::Stop).unwrap();
        accept_shutdown(&mut side).await;
        drop(side);
        assert_eq!(task.await.unwrap(), Ending::Finished);
    }
}
