//! What others do with what runs within this process: somebody who has our operators hold a ceremony is named.

use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::MissedTickBehavior;

use crate::engine::LiveUpdate;
use crate::engine::core::Incoming;
use crate::journal::Archive;
use crate::types::{RequestId, SafeText};

/// Looking costs nothing but a lock, and for each ceremony of others a question to the journal.
const LOOK: Duration = Duration::from_secs(2);

/// What others do, in words; empty while nobody does anything.
pub(in crate::engine::service) type Onlook = Box<dyn Fn() -> SafeText + Send + Sync>;

/// What is heard of whatever runs within this process.
pub(in crate::engine::service) struct Companions {
    pub(in crate::engine::service) onlook: Onlook,
    /// Why it can no longer do its part, once that is so.
    pub(in crate::engine::service) broken: watch::Receiver<Option<SafeText>>,
}

/// Ends the engine with the reason why what runs within this process cannot go on. Without the engine's end it would be away
/// for good, and nothing would start it again.
pub(in crate::engine::service) async fn end_with(
    mut broken: watch::Receiver<Option<SafeText>>,
    core: mpsc::WeakSender<Incoming>,
) {
    let told = broken.wait_for(Option::is_some).await;
    let Some(why) = told.ok().and_then(|why| why.clone()) else {
        // it has ended with everything else
        return std::future::pending().await;
    };
    if let Some(core) = core.upgrade() {
        // with the core gone there is nobody left to tell
        let _ = core.send(Incoming::Fatal(why)).await;
    }
}

/// Whether a ceremony is one of this oracle's.
pub(in crate::engine::service) type Own = Box<dyn Fn(RequestId) -> bool + Send + Sync>;

/// Asks the journal at `path`, where every ceremony that this oracle ever began is found by its id: whoever kept signed
/// messages of an old one can replay them into a topic of the same name. A journal that cannot be asked says no.
pub(in crate::engine::service) fn own(path: &Path) -> Own {
    let path = path.to_owned();
    let open: Mutex<Option<Archive>> = Mutex::default();
    Box::new(move |id| {
        let mut open = open.lock().unwrap_or_else(PoisonError::into_inner);
        if open.is_none() {
            *open = Archive::open(&path).ok();
        }
        match open.as_ref().map(|journal| journal.records_of(&id.to_string())) {
            Some(Ok(records)) => !records.is_empty(),
            Some(Err(_)) => {
                *open = None;
                false
            }
            None => false,
        }
    })
}

/// Tells of it whenever it changes. Ends when the core is gone.
pub(in crate::engine::service) async fn watch(look: Onlook, core: mpsc::WeakSender<Incoming>) {
    every(LOOK, look, core).await;
}

async fn every(pause: Duration, look: Onlook, core: mpsc::WeakSender<Incoming>) {
    let mut tick = tokio::time::interval(pause);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut told = SafeText::default();
    loop {
        tick.tick().await;
        let words = look();
        if words == told {
            continue;
        }
        told.clone_from(&words);
        let Some(core) = core.upgrade() else {
            return;
        };
        if !words.as_str().is_empty() {
            tracing::warn!(target: "engine::told", "{words}");
        }
        let alarm = Incoming::Live(LiveUpdate::Alarm("ceremonies", words));
        if core.send(alarm).await.is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::journal::{Anchor, Journal, JournalError, JournalOptions, NewRecord};
    use crate::types::UnixMillis;

    /// Signed messages of an old ceremony, replayed into a topic made anew, were an alarm.
    #[test]
    fn what_the_journal_knows_is_own_however_old() {
        let folder = tempfile::tempdir().unwrap();
        let options = JournalOptions::at(folder.path().join("journal.sqlite"));
        let is_own = own(&options.path);
        let (old, strange) = (RequestId([1; 24]), RequestId([2; 24]));
        assert!(!is_own(old), "there is no journal yet");
        let opened = Journal::open(&options, Anchor::BEGINNING, |_| Ok::<_, JournalError>(()));
        let (mut journal, _) = opened.unwrap();
        let record = NewRecord {
            at: UnixMillis(1),
            kind: "ceremony-started",
            body: "{}".to_owned(),
            subjects: vec!["deposit/1".to_owned(), old.to_string()],
        };
        journal.append(&[record]).unwrap();
        assert!(is_own(old));
        assert!(!is_own(strange));
    }

    #[tokio::test]
    async fn what_cannot_go_on_within_this_process_ends_it_with_the_reason() {
        let why = watch::Sender::new(None);
        let (core, mut told) = mpsc::channel(4);
        let watching = tokio::spawn(end_with(why.subscribe(), core.downgrade()));
        tokio::task::yield_now().await;
        assert!(told.try_recv().is_err(), "it works");
        why.send_replace(Some("the disk".into()));
        let Some(Incoming::Fatal(heard)) = told.recv().await else {
            panic!("it is fatal");
        };
        assert_eq!(heard.as_str(), "the disk");
        watching.await.unwrap();
    }

    #[tokio::test]
    async fn what_others_begin_is_told_once_and_when_it_is_over() {
        let says = Arc::new(Mutex::new(SafeText::default()));
        let (core, mut told) = mpsc::channel(4);
        let look: Onlook = Box::new({
            let says = Arc::clone(&says);
            move || says.lock().unwrap().clone()
        });
        let watching = tokio::spawn(every(Duration::from_millis(2), look, core.downgrade()));
        for words in ["somebody else", ""] {
            tokio::time::sleep(Duration::from_millis(20)).await;
            assert!(told.try_recv().is_err(), "nothing has changed");
            *says.lock().unwrap() = words.into();
            let Some(Incoming::Live(LiveUpdate::Alarm("ceremonies", heard))) = told.recv().await else {
                panic!("it is an alarm");
            };
            assert_eq!(heard.as_str(), words);
        }
        drop(core);
        *says.lock().unwrap() = "more".into();
        watching.await.unwrap();
    }
}
