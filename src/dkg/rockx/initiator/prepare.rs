//! Before the first start message: everybody is there, the topic is whole, the observer listens.

use super::ceremony::Ceremony;
use super::messenger::{address_of, missing};
use crate::dkg::rockx::judgement::{list, not_started};
use crate::types::CeremonyFailure;

impl Ceremony {
    /// Everything that must hold before the first start message.
    pub(super) async fn prepare(&mut self) -> Result<(), CeremonyFailure> {
        let host = self.host.clone();
        let participants = self.record.plan().participants();
        self.publish("asking every operator whether it is there");
        let (health, messenger, unused) = tokio::join!(
            host.preflight(&participants),
            host.messenger.ping(),
            self.must_be_unused()
        );
        let mut absent = Vec::new();
        for operator in &health {
            if operator.presence().is_none() {
                self.record.tracker.failing(operator.id, operator.trouble());
                absent.push(operator.id);
            }
        }
        if !self.record.can_do_without(absent.len()) {
            let whys: Vec<String> = health
                .iter()
                .filter(|operator| operator.presence().is_none())
                .map(|operator| format!("operator {} {}", operator.id, operator.trouble()))
                .collect();
            return Err(not_started(absent, whys.join("; ")));
        }
        if let Err(error) = messenger {
            return Err(not_started(Vec::new(), format!("the messenger {error}")));
        }
        unused?;
        let topic = host
            .messenger
            .create_topic(self.id, &participants)
            .await
            .map_err(|error| not_started(Vec::new(), format!("creating the topic: the messenger {error}")))?;
        let unregistered = missing(&topic, &participants);
        for id in &unregistered {
            self.record
                .tracker
                .failing(*id, "not registered at the messenger");
        }
        absent.extend(&unregistered);
        absent.sort_unstable();
        absent.dedup();
        if !self.record.can_do_without(absent.len()) {
            let who = list(&unregistered);
            return Err(not_started(
                absent,
                format!("not registered at the messenger: {who}"),
            ));
        }
        let address = host.observer_address(self.id);
        let subscribed = host
            .messenger
            .subscribe(self.id, &self.observer_name, &address)
            .await;
        subscribed.map_err(|error| {
            not_started(
                Vec::new(),
                format!("subscribing the observer: the messenger {error}"),
            )
        })?;
        let stored = host.messenger.topic(self.id).await.map_err(|error| {
            not_started(
                Vec::new(),
                format!("reading the topic back: the messenger {error}"),
            )
        })?;
        let complete = stored.is_some_and(|topic| {
            missing(&topic, &participants) == unregistered
                && address_of(&topic, &self.observer_name) == Some(address.as_str())
        });
        if complete {
            Ok(())
        } else {
            Err(not_started(
                Vec::new(),
                "the messenger did not keep the topic's subscribers".to_owned(),
            ))
        }
    }

    /// A node that finished a ceremony takes its start message again and begins a second one under the same id.
    async fn must_be_unused(&self) -> Result<(), CeremonyFailure> {
        let messenger = &self.host.messenger;
        let (topic, data) = tokio::join!(messenger.topic(self.id), messenger.data(self.id));
        match (topic, data) {
            (Ok(None), Ok(None)) => Ok(()),
            (Err(error), _) | (_, Err(error)) => Err(not_started(
                Vec::new(),
                format!("asking whether the request id is new: the messenger {error}"),
            )),
            _ => Err(not_started(
                Vec::new(),
                "the messenger knows this request id already: it was used before".to_owned(),
            )),
        }
    }
}
