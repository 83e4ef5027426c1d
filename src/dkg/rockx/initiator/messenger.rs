//! The messenger as its client sees it: topics, subscriptions, results.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};

use super::http::{CallError, again_if_broken, unexpected};
use super::subscribers;
use crate::dkg::rockx::keys::OperatorPrivateKey;
use crate::dkg::rockx::messenger::{OWNER_HEADER, PROOF_HEADER, proof};
use crate::dkg::rockx::wire::{CreateTopic, Encode, Subscriber, Topic};
use crate::http::{BadUrl, Call, Endpoint, Http, Limits};
use crate::types::{OperatorId, RedactedUrl, RequestId, SafeText, UnixMillis};

/// Results of 13 operators are 30 KB; a blame carries a few messages in base64 of base64.
const MAX_RESULT: usize = 1024 * 1024;
/// Names that a query holds: beyond that everybody is asked for.
const MAX_NAMES: usize = 200;
/// Name of the topic that makes its subscribers registered.
const EVERYBODY: &str = "default";
/// Everything else is a sentence.
const MAX_SMALL: usize = 16 * 1024;

/// A client of one messenger.
#[derive(Clone)]
pub(crate) struct Messenger {
    endpoint: Endpoint,
    deadline: Duration,
    /// Proves to our own messenger that a topic is ours: nobody else may delete one in use. Kept for this process's life
    /// only; topics of an earlier one expire by themselves.
    owner: SecretString,
    /// Proves who makes a topic, to messengers that name their initiators.
    key: Option<Arc<OperatorPrivateKey>>,
}

/// The keys are not shown.
impl fmt::Debug for Messenger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Messenger")
            .field("endpoint", &self.endpoint)
            .field("signs", &self.key.is_some())
            .finish_non_exhaustive()
    }
}

/// The operators of `wanted` that are not subscribed to `topic`.
pub(crate) fn missing(topic: &Topic, wanted: &[OperatorId]) -> Vec<OperatorId> {
    wanted
        .iter()
        .copied()
        .filter(|id| address_of(topic, &id.to_string()).is_none_or(str::is_empty))
        .collect()
}

/// The address registered under `name`.
pub(crate) fn address_of<'a>(topic: &'a Topic, name: &str) -> Option<&'a str> {
    let subscriber = topic.subscribers.get(&name.to_owned())?;
    Some(subscriber.srv_addr.as_str())
}

impl Messenger {
    /// `house`: the secret that a messenger in this process knows its own initiator by.
    pub(crate) fn new(
        http: &Http,
        url: &str,
        deadline: Duration,
        house: Option<SecretString>,
        key: Option<Arc<OperatorPrivateKey>>,
    ) -> Result<Self, BadUrl> {
        let limits = Limits {
            deadline,
            size: MAX_SMALL,
        };
        Ok(Self {
            endpoint: http.endpoint(&RedactedUrl::new(url), limits)?,
            deadline,
            owner: house.unwrap_or_else(|| hex::encode(rand::random::<[u8; 32]>()).into()),
            key,
        })
    }

    /// Whether it answers, and its version (empty in unstamped builds, `None` when it does not tell).
    pub(crate) async fn ping(&self) -> Result<Option<SafeText>, CallError> {
        super::preflight::ping(&self.endpoint).await
    }

    /// Creates the topic, or replaces it, and returns it as stored. Names that are not registered are dropped silently
    /// by the messenger: the caller compares.
    pub(crate) async fn create_topic(
        &self,
        id: RequestId,
        subscribers: &[OperatorId],
    ) -> Result<Topic, CallError> {
        let body = CreateTopic {
            topic_name: id.to_string(),
            subscribers: subscribers.iter().map(OperatorId::to_string).collect(),
        };
        let subscribers = body.subscribers.as_slice();
        let created = again_if_broken(|| {
            let call = self.own(json_body(self.endpoint.post("topics"), &body));
            let call = self.prove(call, &proof::topic(&body.topic_name, subscribers));
            subscribers::read(call, &body.topic_name, subscribers)
        });
        created.await?.ok_or_else(|| no_topic(&body.topic_name))
    }

    /// The topic with those subscribers whose names are `wanted`, or `None` when the messenger does not know it (any more).
    pub(crate) async fn topic(&self, id: RequestId, wanted: &[String]) -> Result<Option<Topic>, CallError> {
        self.subscribers(&id.to_string(), wanted).await
    }

    /// Those of `wanted` who are registered: the subscribers of the topic that every messenger has.
    pub(crate) async fn registered(&self, wanted: &[OperatorId]) -> Result<Topic, CallError> {
        let wanted: Vec<String> = wanted.iter().map(OperatorId::to_string).collect();
        let found = self.subscribers(EVERYBODY, &wanted).await?;
        found.ok_or_else(|| no_topic(EVERYBODY))
    }

    /// Our messenger tells those alone who are asked for, RockX's everybody.
    async fn subscribers(&self, topic: &str, wanted: &[String]) -> Result<Option<Topic>, CallError> {
        again_if_broken(|| {
            let call = self.endpoint.get(&format!("topics/{topic}"));
            let call = match wanted.len() <= MAX_NAMES {
                true => call.query("names", &wanted.join(",")),
                false => call,
            };
            subscribers::read(call, topic, wanted)
        })
        .await
    }

    /// Subscribes `address` under `name` directly on the topic.
    pub(crate) async fn subscribe(&self, id: RequestId, name: &str, address: &str) -> Result<(), CallError> {
        let body = Subscriber {
            name: name.to_owned(),
            srv_addr: address.to_owned(),
        };
        let path = format!("register_node?subscribes_to={id}");
        let answer = again_if_broken(|| {
            let call = self.own(json_body(self.endpoint.post(&path), &body));
            call.send()
        })
        .await?;
        if answer.status == 200 {
            Ok(())
        } else {
            Err(unexpected(&answer))
        }
    }

    /// Removes the topic, so that no late message of a finished ceremony is delivered to anybody.
    pub(crate) async fn delete_topic(&self, id: RequestId) -> Result<(), CallError> {
        let answer = again_if_broken(|| {
            let call = self.own(self.endpoint.delete(&format!("topics/{id}")));
            let call = self.prove(call, &proof::removal(&id.to_string()));
            call.send()
        })
        .await?;
        match answer.status {
            200 | 404 => Ok(()),
            _ => Err(unexpected(&answer)),
        }
    }

    /// What is stored under the request id, verbatim; `None` when nothing is.
    pub(crate) async fn data(&self, id: RequestId) -> Result<Option<Vec<u8>>, CallError> {
        self.data_within(id, Duration::ZERO).await
    }

    /// As [`Messenger::data`]; our own messenger answers "nothing" only after `wait`, and a result as soon as it has one.
    /// Other messengers do not know that parameter, and answer at once.
    pub(crate) async fn data_within(
        &self,
        id: RequestId,
        wait: Duration,
    ) -> Result<Option<Vec<u8>>, CallError> {
        let mut path = format!("data/{id}");
        if !wait.is_zero() {
            path.push_str(&format!("?wait={}", wait.min(self.deadline / 2).as_millis()));
        }
        let answer = again_if_broken(|| self.endpoint.get(&path).at_most(MAX_RESULT).send()).await?;
        match answer.status {
            200 => Ok(Some(answer.body)),
            404 => Ok(None),
            _ => Err(unexpected(&answer)),
        }
    }

    /// Proves who asks, where there is a key. A key that does not sign is noticed when the start message is signed.
    fn prove(&self, call: Call, claim: &str) -> Call {
        let proof = self
            .key
            .as_ref()
            .map(|key| proof::prove(key, claim, UnixMillis::now()));
        match proof {
            Some(Ok(proof)) => call.header(PROOF_HEADER, &proof),
            _ => call,
        }
    }

    /// Proves that the topic is ours.
    fn own(&self, call: Call) -> Call {
        call.header(OWNER_HEADER, self.owner.expose_secret())
    }
}

/// The answer of a messenger that does not know a topic which it was just told, or which every messenger has.
fn no_topic(name: &str) -> CallError {
    CallError::Unexpected {
        status: 404,
        text: SafeText::new(&format!("no topic {name}")),
    }
}

fn json_body(call: Call, body: &impl Encode) -> Call {
    call.body("application/json", body.to_json())
}
