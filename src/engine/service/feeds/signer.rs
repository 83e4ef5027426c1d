//! Whether a signer elsewhere is there, asked now and then: who is away is told before something has to be signed. One that
//! stays away is asked ever more rarely, unless something that was approved waits for it.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{broadcast, mpsc, watch};

use crate::engine::core::Incoming;
use crate::engine::{EngineHandle, LiveUpdate};
use crate::ports::{Answer, TxSigner};
use crate::types::{SafeText, UnixMillis};
use crate::view::{ActionState, Payload, Snapshot, Transition};

/// How long it is left alone. It is asked over the network, and with it whoever watches its log.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pauses {
    /// While it is there.
    there: Duration,
    /// While it is away: at first, and for as long as something waits for it.
    soonest: Duration,
    /// What the pauses grow to, each twice as long as the one before.
    longest: Duration,
    /// Whatever happens.
    least: Duration,
}

impl Pauses {
    pub(super) const USUAL: Self = Self {
        there: Duration::from_secs(20),
        soonest: Duration::from_secs(5),
        longest: Duration::from_secs(60),
        least: Duration::from_secs(1),
    };
}

/// The next pause of somebody who is away and for whom nothing waits.
struct Growing(Duration);

impl Growing {
    fn next(&mut self, pauses: &Pauses, away: bool, waited_for: bool) -> Duration {
        if !away || waited_for {
            self.0 = pauses.soonest;
        }
        let pause = if away { self.0 } else { pauses.there };
        if away && !waited_for {
            self.0 = (self.0 * 2).min(pauses.longest);
        }
        pause
    }
}

/// What a person did that may need a signature: then nobody waits for the end of a long pause.
const DONE_BY_PEOPLE: &[&str] = &["decided", "case-retried", "resumed", "mode-switched"];

/// What the engine says of who waits for it.
#[derive(Debug)]
pub(in crate::engine::service) struct News {
    snapshots: watch::Receiver<Arc<Snapshot>>,
    transitions: broadcast::Receiver<Transition>,
}

impl News {
    pub(in crate::engine::service) fn of(engine: &EngineHandle) -> Self {
        Self {
            snapshots: engine.snapshots.clone(),
            transitions: engine.transitions.resubscribe(),
        }
    }

    /// What the engine shows.
    pub(super) fn snapshots(&self) -> watch::Receiver<Arc<Snapshot>> {
        self.snapshots.clone()
    }

    /// Whether a transaction was approved and has not left.
    fn something_waits(&self) -> bool {
        waits_for_it(&self.snapshots.borrow())
    }

    /// Returns when something waits for it where nothing did (`waited`), or a person has done something.
    async fn call(&mut self, waited: bool) {
        let Self {
            snapshots,
            transitions,
        } = self;
        let begins = async {
            let news = |snapshot: &Arc<Snapshot>| !waited && waits_for_it(snapshot);
            if snapshots.wait_for(news).await.is_err() {
                // the core is gone, which ends the feed
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            () = person(transitions) => {}
            () = begins => {}
        }
    }
}

fn waits_for_it(snapshot: &Snapshot) -> bool {
    let approved = |state: &ActionState| *state == ActionState::Approved;
    let mut actions = snapshot.actions.iter();
    actions.any(|action| approved(&action.state) && matches!(action.payload, Payload::Transaction(_)))
}

async fn person(transitions: &mut broadcast::Receiver<Transition>) {
    loop {
        match transitions.recv().await {
            Ok(transition) if DONE_BY_PEOPLE.contains(&transition.kind.as_str()) => return,
            // one of those that were missed may be such a one
            Err(broadcast::error::RecvError::Lagged(_)) => return,
            Ok(_) => {}
            Err(broadcast::error::RecvError::Closed) => std::future::pending().await,
        }
    }
}

/// Ends when the core is gone.
pub(super) async fn run(
    signer: Arc<dyn TxSigner>,
    pauses: Pauses,
    mut news: News,
    core: mpsc::Sender<Incoming>,
) {
    let mut away: Option<(UnixMillis, SafeText)> = None;
    let mut growing = Growing(pauses.soonest);
    loop {
        let why = match signer.reach().await {
            Answer::Yes(_) => None,
            Answer::No(evidence) => Some(evidence.words),
            Answer::NotKnown(unknown) => Some(unknown.words().clone()),
        };
        let since = away.as_ref().map_or_else(UnixMillis::now, |(since, _)| *since);
        let now = why.map(|why| (since, why));
        if now != away {
            away = now;
            let words = away.as_ref().map_or_else(SafeText::default, words);
            match words.as_str() {
                "" => tracing::info!(target: "engine::told", "{}: it is there", signer.name()),
                _ => tracing::warn!(target: "engine::told", "{words}"),
            }
            let alarm = LiveUpdate::Alarm("signer", words);
            if core.send(Incoming::Live(alarm)).await.is_err() {
                return;
            }
        }
        // what begins to wait from here on is news
        let waited = news.something_waits();
        let pause = growing.next(&pauses, away.is_some(), waited);
        let called = async {
            tokio::time::sleep(pauses.least).await;
            news.call(waited).await;
        };
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = called, if away.is_some() => growing = Growing(pauses.soonest),
            () = core.closed() => return,
        }
    }
}

fn words((since, why): &(UnixMillis, SafeText)) -> SafeText {
    SafeText::new(&format!("the signer is away since {}: {why}", since.to_utc()))
}

#[cfg(test)]
mod tests {
    use alloy::primitives::{Address, Bytes};

    use super::*;
    use crate::ports::fakes::FakeSigner;
    use crate::view::ActionView;

    const EVERY: Duration = Duration::from_millis(5);
    const PAUSES: Pauses = Pauses {
        there: EVERY,
        soonest: EVERY,
        longest: EVERY,
        least: Duration::ZERO,
    };

    /// News of an engine in which nothing waits, and how more is told.
    fn news() -> (News, watch::Sender<Arc<Snapshot>>, broadcast::Sender<Transition>) {
        let mut quiet = crate::view::fixture::busy();
        quiet.actions.clear();
        let (show, snapshots) = watch::channel(Arc::new(quiet));
        let (tell, transitions) = broadcast::channel(8);
        let news = News {
            snapshots,
            transitions,
        };
        (news, show, tell)
    }

    #[tokio::test]
    async fn who_is_away_is_told_once_with_the_time_and_again_when_it_is_back() {
        let signer = Arc::new(FakeSigner::of(Address::ZERO, Ok(Bytes::new())));
        signer.say(Answer::not_known("http://signer: connection refused"));
        let (core, mut told) = mpsc::channel(8);
        let (news, _show, _tell) = news();
        let feed = tokio::spawn(run(signer.clone(), PAUSES, news, core));
        let mut next = async || match told.recv().await {
            Some(Incoming::Live(LiveUpdate::Alarm("signer", words))) => words.to_string(),
            _ => panic!("something else"),
        };
        let first = next().await;
        let (since, why) = first.split_once(": ").unwrap();
        assert!(since.starts_with("the signer is away since 2"), "{since}");
        assert_eq!(why, "http://signer: connection refused");
        // the same is not told again; another reason is, since the same time
        tokio::time::sleep(EVERY * 3).await;
        signer.say(Answer::no("http://signer: it has no key of this account"));
        let second = next().await;
        assert_eq!(
            second,
            format!("{since}: http://signer: it has no key of this account")
        );
        signer.say(Answer::Yes(()));
        assert_eq!(next().await, "", "it is back");
        feed.abort();
    }

    /// It was asked as often after a night as at first.
    #[test]
    fn pauses_grow_while_nothing_waits_for_it_and_begin_anew_when_something_does_or_it_is_back() {
        let mut growing = Growing(Pauses::USUAL.soonest);
        let mut seconds = |away, waited_for| growing.next(&Pauses::USUAL, away, waited_for).as_secs();
        let alone = [(); 6].map(|()| seconds(true, false));
        assert_eq!(alone, [5, 10, 20, 40, 60, 60]);
        let waited_for = [(); 3].map(|()| seconds(true, true));
        assert_eq!(waited_for, [5, 5, 5]);
        assert_eq!([(); 2].map(|()| seconds(true, false)), [5, 10]);
        assert_eq!([(); 2].map(|()| seconds(false, false)), [20, 20]);
        assert_eq!(seconds(true, false), 5);
    }

    #[tokio::test]
    async fn nobody_waits_for_the_end_of_a_long_pause() {
        let signer = Arc::new(FakeSigner::of(Address::ZERO, Ok(Bytes::new())));
        signer.say(Answer::not_known("1"));
        let (core, mut told) = mpsc::channel(8);
        let hours = Pauses {
            soonest: Duration::from_secs(3_600),
            longest: Duration::from_secs(3_600),
            ..PAUSES
        };
        let (news, show, tell) = news();
        let feed = tokio::spawn(run(signer.clone(), hours, news, core));
        let mut next = async || match told.recv().await {
            Some(Incoming::Live(LiveUpdate::Alarm("signer", words))) => words.to_string(),
            _ => panic!("something else"),
        };
        assert!(next().await.ends_with(": 1"));
        // whatever happens by itself has nobody ask
        let transition = |kind: &str| Transition {
            kind: kind.to_owned(),
            ..Transition::default()
        };
        tell.send(transition("events-read")).unwrap();
        signer.say(Answer::not_known("2"));
        tell.send(transition("case-retried")).unwrap();
        assert!(next().await.ends_with(": 2"));
        // and something that was approved
        signer.say(Answer::Yes(()));
        let mut waiting = crate::view::fixture::busy();
        let transaction = |action: &&mut ActionView| matches!(action.payload, Payload::Transaction(_));
        let action = waiting.actions.iter_mut().find(transaction).unwrap();
        action.state = ActionState::Approved;
        waiting.actions = vec![action.clone()];
        show.send(Arc::new(waiting)).unwrap();
        assert_eq!(next().await, "", "it is back");
        feed.abort();
    }
}
