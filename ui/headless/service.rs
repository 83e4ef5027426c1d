//! What every service does beside its work: it tells its manager how it is, and reads on SIGHUP what a person changed.

use std::sync::Arc;

use casimir_dkg::config::Layers;
use casimir_dkg::engine::{EngineHandle, Identity};
use casimir_dkg::types::{PoolId, SafeText};
use casimir_dkg::view::{Query, Snapshot, Wait};
use futures_util::future::BoxFuture;
use tokio::task::AbortHandle;

use super::signals::{Signal, SignalSource, Signals};
use crate::log;
use crate::manager::Manager;

/// Reads certificates and rules anew. Gives the keys that were changed and that only a restart takes.
pub(crate) type Reload = Box<dyn Fn() -> BoxFuture<'static, anyhow::Result<Vec<&'static str>>> + Send>;

/// Which keys a role reads, and which of them it takes while it runs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Takes {
    /// Sections, lists and keys that are the role's, by what they begin with.
    pub(crate) own: fn(&str) -> bool,
    pub(crate) anew: fn(&str) -> bool,
}

impl Takes {
    /// The keys of `now` that the role began with otherwise and does not take while it runs.
    pub(crate) fn left(self, begun: &Layers, now: &Layers) -> Vec<&'static str> {
        let mut changed = now.changed_since(begun);
        changed.retain(|key| (self.own)(key) && !(self.anew)(key));
        changed
    }
}

/// A service from its first signal handler to its end.
pub(crate) struct Service {
    signals: Signals,
    manager: Arc<Manager>,
    reload: Option<Reload>,
    watched: Option<AbortHandle>,
}

impl Service {
    /// Signals are its own from here on.
    pub(crate) fn begin() -> Self {
        Self {
            signals: Signals::of_service(),
            manager: Arc::new(Manager::of_process()),
            reload: None,
            watched: None,
        }
    }

    /// It runs, and does this on SIGHUP.
    pub(crate) fn runs(&mut self, reload: Reload) {
        self.reload = Some(reload);
        self.manager.ready();
        if self.watched.is_none() {
            let manager = Arc::clone(&self.manager);
            self.watch(async move { lives(&manager).await });
        }
    }

    /// The same, where only an engine that answers is alive.
    pub(crate) fn runs_with(&mut self, engine: EngineHandle, reload: Reload) {
        let manager = Arc::clone(&self.manager);
        self.watch(async move { tokio::join!(answers(&manager, &engine), tells(&manager, engine.clone())) });
        self.runs(reload);
    }

    fn watch<T: Send + 'static>(&mut self, work: impl Future<Output = T> + Send + 'static) {
        self.watched = Some(tokio::spawn(work).abort_handle());
    }

    /// What begins, unless somebody ends it before: whoever is asked on the way may take its time to answer.
    pub(crate) async fn begins<T>(&mut self, start: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            started = start => Some(started),
            () = self.ends() => None,
        }
    }

    /// Waits until somebody ends it.
    pub(crate) async fn ends(&mut self) {
        while self.next().await == Signal::Reload {}
    }

    fn read_anew(&self) {
        log::reopen();
        tracing::info!(target: "service", "the log files were opened anew");
        // not ready yet: what it begins with was read a moment ago
        let Some(reload) = &self.reload else {
            return;
        };
        let manager = Arc::clone(&self.manager);
        manager.reloading();
        let work = reload();
        tokio::spawn(async move {
            match work.await {
                Ok(left) => {
                    tracing::info!(target: "service", "certificates and rules were read anew");
                    if !left.is_empty() {
                        tracing::warn!(
                            target: "service",
                            "changed in the configuration, and taken by the next start only: {}",
                            left.join(", ")
                        );
                    }
                }
                Err(error) => tracing::error!(
                    target: "service",
                    "certificates and rules stay as they were: {error:#}"
                ),
            }
            manager.ready();
        });
    }
}

impl SignalSource for Service {
    async fn next(&mut self) -> Signal {
        loop {
            match self.signals.next().await {
                Signal::Reload => self.read_anew(),
                end => {
                    self.manager.stopping();
                    return end;
                }
            }
        }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        if let Some(watched) = self.watched.take() {
            watched.abort();
        }
    }
}

async fn lives(manager: &Manager) {
    let Some(every) = manager.signs_of_life() else {
        return;
    };
    loop {
        manager.alive();
        tokio::time::sleep(every).await;
    }
}

/// Asks the engine something small: a core that hangs gives no sign of life.
async fn answers(manager: &Manager, engine: &EngineHandle) {
    let Some(every) = manager.signs_of_life() else {
        return;
    };
    let seat = engine.seat(Identity::new("the service manager"));
    loop {
        let query = Query::Pool { pool: PoolId(0) };
        // whatever it answers
        let _ = seat.read(query).await;
        manager.alive();
        tokio::time::sleep(every).await;
    }
}

/// Keeps the manager's line about it: what holds it up, or nothing.
async fn tells(manager: &Manager, mut engine: EngineHandle) {
    let mut said = None;
    loop {
        let words = line(&engine.snapshots.borrow_and_update());
        if said.as_ref() != Some(&words) {
            manager.status(&words);
            said = Some(words);
        }
        if engine.snapshots.changed().await.is_err() {
            return;
        }
    }
}

/// The worst of what stops everything; a case that waits stops nothing else.
fn line(snapshot: &Snapshot) -> SafeText {
    let stops = |wait: &&Wait| wait.reason.stops().is_wide();
    // of equals the first
    let worst = snapshot
        .waits
        .iter()
        .rev()
        .filter(stops)
        .max_by_key(|wait| wait.urgency());
    match worst {
        Some(wait) => SafeText::new(&format!("{}: {}", wait.reason, wait.sentence)),
        None => SafeText::new("works"),
    }
}

#[cfg(test)]
mod tests {
    use casimir_dkg::view::{Stops, WaitReason};

    use super::*;
    use crate::fixture::unread;

    fn told(reasons: &[WaitReason]) -> String {
        let waits = reasons
            .iter()
            .map(|reason| Wait::new(*reason, "it is so"))
            .collect();
        line(&Snapshot { waits, ..unread() }).to_string()
    }

    #[test]
    fn the_manager_is_told_of_every_reason_that_stops_everything_and_of_no_other() {
        for reason in WaitReason::ALL {
            let wanted = match reason.stops() {
                Stops::Case | Stops::Nothing => "works".to_owned(),
                _ => format!("{reason}: it is so"),
            };
            assert_eq!(told(&[WaitReason::Decision, *reason]), wanted);
        }
        use WaitReason as Reason;
        let of_all = told(&[
            Reason::Attention,
            Reason::Paused,
            Reason::RelayAway,
            Reason::ExecutionAway,
        ]);
        assert_eq!(of_all, "messenger-away: it is so", "the worst of them");
    }
}
