//! Whether a signer elsewhere is there, asked now and then: who is away is told before something has to be signed.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

use crate::engine::LiveUpdate;
use crate::engine::core::Incoming;
use crate::ports::{Answer, TxSigner};
use crate::types::{SafeText, UnixMillis};

/// It is asked over the network, and with it whoever watches its log.
pub(super) const ASK: Duration = Duration::from_secs(20);

/// Ends when the core is gone.
pub(super) async fn run(signer: Arc<dyn TxSigner>, every: Duration, core: mpsc::Sender<Incoming>) {
    let mut away: Option<(UnixMillis, SafeText)> = None;
    loop {
        let why = match signer.reach().await {
            Answer::Yes(()) => None,
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
        tokio::select! {
            () = tokio::time::sleep(every) => {}
            () = core.closed() => return,
        }
    }
}

fn words((since, why): &(UnixMillis, SafeText)) -> SafeText {
    SafeText::new(&format!("the signer is away since {}: {why}", since.to_rfc3339()))
}

#[cfg(test)]
mod tests {
    use alloy::primitives::{Address, Bytes};

    use super::*;
    use crate::ports::fakes::FakeSigner;

    const EVERY: Duration = Duration::from_millis(5);

    #[tokio::test]
    async fn who_is_away_is_told_once_with_the_time_and_again_when_it_is_back() {
        let signer = Arc::new(FakeSigner::of(Address::ZERO, Ok(Bytes::new())));
        signer.say(Answer::not_known("http://signer: connection refused"));
        let (core, mut told) = mpsc::channel(8);
        let feed = tokio::spawn(run(signer.clone(), EVERY, core));
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
}
