//! Before the first start message: everybody is there, the topic is whole, the observer listens.

use std::time::Duration;

use tokio::time::Instant;

use super::ceremony::Ceremony;
use super::messenger::{address_of, missing};
use crate::dkg::rockx::judgement::{list, not_started};
use crate::types::{CeremonyFailure, OperatorId};

/// Longest time that operators are waited for that are not registered yet: nodes of ours try again within five seconds.
const REGISTRATION: Duration = Duration::from_secs(20);
/// Pause between two looks.
const ASK_AGAIN: Duration = Duration::from_millis(250);

impl Ceremony {
    /// Everything that must hold before the first start message.
    pub(super) async fn prepare(&mut self) -> Result<(), CeremonyFailure> {
        let participants = self.record.plan().participants();
        let absent = self.attendance(&participants).await?;
        self.await_registration(&participants, &absent).await;
        let unregistered = self.create_topic(&participants, absent).await?;
        self.observe_topic(&participants, &unregistered).await
    }

    /// Asks every operator and the messenger whether they are there, and whether the request id is new. Returns who is
    /// absent, as far as the ceremony can do without.
    async fn attendance(&mut self, participants: &[OperatorId]) -> Result<Vec<OperatorId>, CeremonyFailure> {
        let host = self.host.clone();
        self.publish("asking every operator whether it is there");
        let (health, messenger, unused) = tokio::join!(
            host.preflight(participants),
            host.messenger.ping(),
            self.must_be_unused()
        );
        let (mut absent, mut whys) = (Vec::new(), Vec::new());
        for operator in health.iter().filter(|operator| operator.presence().is_none()) {
            self.record.tracker.failing(operator.id, operator.trouble());
            whys.push(format!("operator {} {}", operator.id, operator.trouble()));
            absent.push(operator.id);
        }
        if !self.record.can_do_without(absent.len()) {
            return Err(not_started(absent, whys.join("; ")));
        }
        if let Err(error) = messenger {
            return Err(not_started(Vec::new(), format!("the messenger {error}")));
        }
        unused?;
        Ok(absent)
    }

    /// Nodes register by themselves, some seconds after a messenger came up: after a first start, or a restart, whoever is
    /// still in a pause between two tries is waited for and not blamed. Who is still missing then is found out by the topic.
    async fn await_registration(&mut self, participants: &[OperatorId], absent: &[OperatorId]) {
        let until = Instant::now() + REGISTRATION.min(self.host.config.round_deadline);
        loop {
            let Ok(registered) = self.host.messenger.registered(participants).await else {
                return;
            };
            let mut away = missing(&registered, participants);
            away.retain(|id| !absent.contains(id));
            if self.record.can_do_without(absent.len() + away.len()) || Instant::now() >= until {
                return;
            }
            self.publish(format!(
                "waiting until the messenger knows operators {}",
                list(&away)
            ));
            tokio::time::sleep(ASK_AGAIN).await;
        }
    }

    /// Returns who is not registered at the messenger, as far as the ceremony can do without.
    async fn create_topic(
        &mut self,
        participants: &[OperatorId],
        mut absent: Vec<OperatorId>,
    ) -> Result<Vec<OperatorId>, CeremonyFailure> {
        let topic = self
            .host
            .messenger
            .create_topic(self.id, participants)
            .await
            .map_err(|error| not_started(Vec::new(), format!("creating the topic: the messenger {error}")))?;
        let unregistered = missing(&topic, participants);
        for id in &unregistered {
            self.record
                .tracker
                .failing(*id, "not registered at the messenger");
        }
        absent.extend(&unregistered);
        absent.sort_unstable();
        absent.dedup();
        if self.record.can_do_without(absent.len()) {
            return Ok(unregistered);
        }
        let who = list(&unregistered);
        Err(not_started(
            absent,
            format!("not registered at the messenger: {who}"),
        ))
    }

    /// Subscribes the observer, and reads the topic back: the messenger may have dropped what it accepted.
    async fn observe_topic(
        &self,
        participants: &[OperatorId],
        unregistered: &[OperatorId],
    ) -> Result<(), CeremonyFailure> {
        let messenger = &self.host.messenger;
        let address = self.host.observer_address(self.id);
        messenger
            .subscribe(self.id, &self.observer_name, &address)
            .await
            .map_err(|error| {
                not_started(
                    Vec::new(),
                    format!("subscribing the observer: the messenger {error}"),
                )
            })?;
        let mut wanted: Vec<String> = participants.iter().map(OperatorId::to_string).collect();
        wanted.push(self.observer_name.clone());
        let stored = messenger.topic(self.id, &wanted).await.map_err(|error| {
            not_started(
                Vec::new(),
                format!("reading the topic back: the messenger {error}"),
            )
        })?;
        let complete = stored.is_some_and(|topic| {
            missing(&topic, participants) == unregistered
                && address_of(&topic, &self.observer_name) == Some(address.as_str())
        });
        if complete {
            return Ok(());
        }
        Err(not_started(
            Vec::new(),
            "the messenger did not keep the topic's subscribers",
        ))
    }

    /// A node that finished a ceremony takes its start message again and begins a second one under the same id.
    async fn must_be_unused(&self) -> Result<(), CeremonyFailure> {
        let messenger = &self.host.messenger;
        let (topic, data) = tokio::join!(messenger.topic(self.id, &[]), messenger.data(self.id));
        match (topic, data) {
            (Ok(None), Ok(None)) => Ok(()),
            (Err(error), _) | (_, Err(error)) => Err(not_started(
                Vec::new(),
                format!("asking whether the request id is new: the messenger {error}"),
            )),
            _ => Err(not_started(
                Vec::new(),
                "the messenger knows this request id already: it was used before",
            )),
        }
    }
}
