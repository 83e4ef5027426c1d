//! Registration with the messenger: at start until it succeeds, again as soon as it does not take what a ceremony sends, and
//! from time to time, since a messenger that was restarted may have forgotten everybody.

use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;

use super::recall::Recall;
use super::service::Messenger;
use crate::dkg::rockx::keys::OperatorPrivateKey;
use crate::dkg::rockx::messenger::prove_registration;
use crate::dkg::rockx::wire::{Encode, Subscriber};
use crate::types::SafeText;

/// The topic that makes its subscribers registered.
const DEFAULT: &str = "default";

const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// A post that is tried again and again must not make as many registrations.
const AFTER_REFUSAL: Duration = Duration::from_millis(250);

/// One registration, with the proof that this is the operator. Only our messengers read that.
async fn register(
    messenger: &Messenger,
    subscriber: &Subscriber,
    key: &OperatorPrivateKey,
) -> Result<(), SafeText> {
    let Subscriber { name, srv_addr } = subscriber;
    let proof = prove_registration(key, DEFAULT, name, srv_addr)
        .map_err(|error| SafeText::new(&format!("proving the operator's key: {error}")))?;
    messenger
        .register(
            &format!("register_node?subscribes_to={DEFAULT}"),
            subscriber.to_json(),
            &proof,
        )
        .await
}

/// Asks, each time after a pause, until the messenger has told all.
async fn recall_the_rest(mut recall: Recall, messenger: Messenger, pause: Duration) {
    loop {
        tokio::time::sleep(pause).await;
        if recall.look(&messenger).await {
            return;
        }
    }
}

/// Runs for ever; `registered` tells whether the last attempt succeeded.
pub(super) async fn keep_registered(
    messenger: Messenger,
    recall: Recall,
    public_url: String,
    interval: Duration,
    registered: watch::Sender<bool>,
) {
    let (id, key) = (recall.me.id, recall.me.key.clone());
    let mut recall = Some(recall);
    // it ends with this
    let mut rest = JoinSet::new();
    let subscriber = Subscriber {
        name: id.to_string(),
        srv_addr: public_url,
    };
    let mut pause = FIRST_PAUSE;
    loop {
        // only before the first success: what else is asked keeps nobody waiting whom the messenger has forgotten
        if let Some(mut first) = recall.take()
            && !first.look(&messenger).await
        {
            recall = Some(first);
        }
        let wait = match register(&messenger, &subscriber, &key).await {
            Ok(()) => {
                if let Some(recall) = recall.take() {
                    rest.spawn(recall_the_rest(recall, messenger.clone(), interval));
                }
                if !registered.send_replace(true) {
                    tracing::info!(target: "casimir_dkg::node", operator = %id, "registered with the messenger");
                }
                pause = FIRST_PAUSE;
                interval
            }
            Err(error) => {
                registered.send_replace(false);
                tracing::warn!(target: "casimir_dkg::node", operator = %id, %error, "cannot register with the messenger; trying again");
                let now = pause;
                pause = (pause * 2).min(LONGEST_PAUSE);
                now
            }
        };
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            // whoever takes no message of ours may have forgotten us, and sends us none either
            () = messenger.refusal() => tokio::time::sleep(wait.min(AFTER_REFUSAL)).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::{Arc, Weak};

    use axum::http::StatusCode;
    use axum::routing::{get, post};

    use super::*;
    use crate::dkg::rockx::node::session::Identity;
    use crate::http::Http;
    use crate::types::{OperatorId, RedactedUrl};

    /// A messenger that took long to tell what an operator signed kept each further registration waiting.
    #[tokio::test]
    async fn who_is_registered_registers_again_while_the_messenger_is_asked() {
        let (registrations, lists) = (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
        let (counted, asked) = (Arc::clone(&registrations), Arc::clone(&lists));
        let list = async move || {
            if asked.fetch_add(1, Ordering::Relaxed) > 0 {
                std::future::pending::<()>().await;
            }
            StatusCode::INTERNAL_SERVER_ERROR
        };
        let register = async move || {
            counted.fetch_add(1, Ordering::Relaxed);
        };
        let router = axum::Router::new()
            .route("/results/{operator}", get(list))
            .route("/register_node", post(register));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        let recall = Recall {
            me: Identity {
                id: OperatorId(1),
                key: Arc::new(OperatorPrivateKey::generate().unwrap()),
            },
            known: BTreeSet::new(),
            put_off: BTreeSet::new(),
            store: "shares.sqlite".into(),
            service: Weak::new(),
        };
        let messenger = Messenger::new(&Http::direct(), &RedactedUrl::new(&url)).unwrap();
        let registered = watch::Sender::new(false);
        let interval = Duration::from_millis(50);
        let keeping = tokio::spawn(keep_registered(messenger, recall, url, interval, registered));
        let again = async {
            while lists.load(Ordering::Relaxed) < 2 {
                tokio::time::sleep(interval).await;
            }
            let before = registrations.load(Ordering::Relaxed);
            while registrations.load(Ordering::Relaxed) < before + 3 {
                tokio::time::sleep(interval).await;
            }
        };
        // who waits for the list gives it up after 15 s
        tokio::time::timeout(Duration::from_secs(10), again)
            .await
            .unwrap();
        assert_eq!(lists.load(Ordering::Relaxed), 2, "one is asked for at a time");
        keeping.abort();
    }
}
