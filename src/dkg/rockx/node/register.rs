//! Registration with the messenger: at start until it succeeds, again as soon as it does not take what a ceremony sends, and
//! from time to time, since a messenger that was restarted may have forgotten everybody.

use std::time::Duration;

use tokio::sync::watch;

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

/// Runs for ever; `registered` tells whether the last attempt succeeded.
pub(super) async fn keep_registered(
    messenger: Messenger,
    mut recall: Recall,
    public_url: String,
    interval: Duration,
    registered: watch::Sender<bool>,
) {
    let (id, key) = (recall.me.id, recall.me.key.clone());
    let mut recalled = false;
    let subscriber = Subscriber {
        name: id.to_string(),
        srv_addr: public_url,
    };
    let mut pause = FIRST_PAUSE;
    loop {
        recalled = recalled || recall.look(&messenger).await;
        let wait = match register(&messenger, &subscriber, &key).await {
            Ok(()) => {
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
