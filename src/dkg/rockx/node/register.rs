//! Registration with the messenger: at start until it succeeds, again as soon as it does not take what a ceremony sends, and
//! from time to time, since a messenger that was restarted may have forgotten everybody.

use std::time::Duration;

use tokio::sync::watch;

use super::service::Messenger;
use crate::dkg::rockx::wire::{Encode, Subscriber};
use crate::types::OperatorId;

const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// A post that is tried again and again must not make as many registrations.
const AFTER_REFUSAL: Duration = Duration::from_millis(250);

/// Runs for ever; `registered` tells whether the last attempt succeeded.
pub(super) async fn keep_registered(
    messenger: Messenger,
    id: OperatorId,
    public_url: String,
    interval: Duration,
    registered: watch::Sender<bool>,
) {
    let body = Subscriber {
        name: id.to_string(),
        srv_addr: public_url,
    }
    .to_json();
    let mut pause = FIRST_PAUSE;
    loop {
        let wait = match messenger
            .post("register_node?subscribes_to=default", body.clone())
            .await
        {
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
