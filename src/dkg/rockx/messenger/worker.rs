//! The workers of the lanes: each delivers one message after another, in its lane's order, until none is left.

use std::sync::Arc;
use std::time::Instant;

use axum::body::Bytes;
use tokio::sync::Notify;

use super::hub::Hub;
use super::lane::{DeliveryOutcome, DeliveryResult};
use super::message::Message;
use super::store::Write;
use super::topic::Topic;
use crate::log_limit::LogLimit;
use crate::types::{RedactedUrl, RequestId, SafeText};

static GIVEN_UP: LogLimit = LogLimit::usual();

struct Job {
    address: String,
    exempt: bool,
    message: Arc<Message>,
    wake: Arc<Notify>,
}

/// Sends a worker to every lane of the topic that has something to deliver and no worker.
pub(super) fn start(hub: &Arc<Hub>, topic: &mut Topic) {
    for (name, member) in &mut topic.members {
        if !member.lane.running && member.lane.len() > 0 {
            member.lane.running = true;
            spawn(Arc::clone(hub), topic.id, topic.generation, name.clone());
        }
    }
}

/// Resumes the deliveries that a restart interrupted.
pub(super) fn resume(hub: &Arc<Hub>) {
    let mut state = hub.lock();
    for topic in state.topics.values_mut() {
        start(hub, topic);
    }
}

/// The lane is marked as running, so that it has one worker only.
fn spawn(hub: Arc<Hub>, topic: RequestId, generation: u64, name: String) {
    tokio::spawn(async move {
        let mut stop = hub.stop.subscribe();
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => {}
            () = run(&hub, topic, generation, &name) => {}
        }
    });
}

async fn run(hub: &Hub, topic: RequestId, generation: u64, name: &str) {
    while let Some(job) = next(hub, topic, generation, name) {
        let body: Bytes = job.message.body.clone();
        let begun = Instant::now();
        let outcome = hub.deliverer.deliver(&job.address, job.exempt, body).await;
        hub.metrics.attempt_took(begun.elapsed());
        note(hub, topic, name, &job, &outcome);
        match settle(hub, topic, generation, name, &job.message, outcome) {
            Some(DeliveryOutcome::Again(pause)) => {
                tokio::select! {
                    () = tokio::time::sleep(pause) => {}
                    () = job.wake.notified() => {}
                }
            }
            Some(DeliveryOutcome::Delivered) => {
                hub.metrics.deliveries.add_one();
                hub.hear(name);
            }
            Some(DeliveryOutcome::Dropped(reason)) => {
                hub.metrics.deliveries_dropped.add_one();
                if let Some(left_out) = GIVEN_UP.line() {
                    let name = SafeText::new(name);
                    tracing::warn!(target: "messenger", %topic, subscriber = %name, signer = %job.message.signer,
                        round = %job.message.rank, %reason, left_out, "message given up for this subscriber");
                }
            }
            None => return,
        }
    }
}

/// The lane's next message; without one, the worker's time is over.
fn next(hub: &Hub, topic: RequestId, generation: u64, name: &str) -> Option<Job> {
    let mut state = hub.lock();
    let topic = state
        .topics
        .get_mut(&topic)
        .filter(|t| t.generation == generation)?;
    let member = topic.members.get_mut(name)?;
    let Some(message) = member.lane.next() else {
        member.lane.running = false;
        return None;
    };
    Some(Job {
        address: member.address.clone(),
        exempt: member.exempt,
        message,
        wake: Arc::clone(&member.lane.wake),
    })
}

fn settle(
    hub: &Hub,
    id: RequestId,
    generation: u64,
    name: &str,
    message: &Message,
    outcome: DeliveryResult,
) -> Option<DeliveryOutcome> {
    let now = hub.now();
    let mut state = hub.lock();
    let topic = state.topics.get_mut(&id).filter(|t| t.generation == generation)?;
    let finished = topic.finished.is_some();
    let lane = &mut topic.members.get_mut(name)?.lane;
    let fate = lane.settle(message, outcome, finished, now, &hub.config.limits);
    if !matches!(fate, DeliveryOutcome::Again(_)) {
        hub.store.write(Write::Settled {
            topic: id,
            name: name.to_owned(),
            seq: message.seq,
            delivered: fate == DeliveryOutcome::Delivered,
        });
    }
    Some(fate)
}

fn note(hub: &Hub, topic: RequestId, name: &str, job: &Job, outcome: &DeliveryResult) {
    let reason = match outcome {
        DeliveryResult::Delivered => return,
        DeliveryResult::NoSession | DeliveryResult::TooEarly => {
            hub.metrics.deliveries_held.add_one();
            return;
        }
        DeliveryResult::Final(reason) | DeliveryResult::Failed(reason) => {
            hub.metrics.deliveries_failed.add_one();
            reason
        }
        DeliveryResult::Unreachable(reason) => {
            hub.metrics.deliveries_unreachable.add_one();
            reason
        }
    };
    let (name, address) = (SafeText::new(name), RedactedUrl::new(&*job.address));
    tracing::debug!(target: "messenger", %topic, subscriber = %name, %address, %reason, "delivery failed");
}
