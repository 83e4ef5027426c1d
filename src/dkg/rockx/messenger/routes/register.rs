//! `POST /register_node?subscribes_to=<topic>`: a node (on `default`) or an observer (on a request's topic) tells where
//! it is.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;

use super::super::hub::{self, DEFAULT, Hub, request_id};
use super::super::store::Write;
use super::super::{body, reply, worker};
use super::{bad_body, not_stored, query};
use crate::dkg::rockx::wire::Subscriber;
use crate::types::{RedactedUrl, RequestId, SafeText};

const BAD_BODY: &str = "failed to parse subscriber data from the request body";
const INVALID: &str = "invalid subscriber data: empty name or addr";
const NOT_REGISTERED: &str = "failed to register subscriber";
/// Operator ids have at most 20 digits; observers choose their names.
const NAME_LIMIT: usize = 64;
const ADDRESS_LIMIT: usize = 512;

/// Where to register.
#[derive(Clone, Copy)]
enum Place {
    Default,
    Topic(RequestId),
}

/// What the state says about a registration.
enum Entry {
    /// The topic does not exist.
    NoTopic,
    /// The name is free, or at this address already.
    Open,
    /// The name is at another address.
    Taken(String),
    /// No room for another name.
    Full,
}

pub(super) async fn register(State(hub): State<Arc<Hub>>, request: Request) -> Response {
    let topic = query(&request, "subscribes_to");
    let place = match topic.as_str() {
        DEFAULT => Some(Place::Default),
        name => request_id(name).map(Place::Topic),
    };
    let Some(place) = place.filter(|place| exists(&hub, *place)) else {
        return no_topic(&topic);
    };
    let subscriber: Subscriber = match body::read(request.into_body(), hub.config.limits.body).await {
        Ok(bytes) => match body::decode(&bytes) {
            Ok(subscriber) => subscriber,
            Err(error) => return bad_body(&hub, &error, "", BAD_BODY),
        },
        Err(error) => return bad_body(&hub, &error, "", BAD_BODY),
    };
    let Subscriber { name, srv_addr } = subscriber;
    if name.is_empty() || srv_addr.is_empty() {
        let text = format!("empty name {name} or subscriber's address {srv_addr}");
        return reply::error(StatusCode::BAD_REQUEST, &text, INVALID);
    }
    if name.len() > NAME_LIMIT || srv_addr.len() > ADDRESS_LIMIT {
        let text = format!("name over {NAME_LIMIT} or address over {ADDRESS_LIMIT} bytes");
        return reply::error(StatusCode::BAD_REQUEST, &text, BAD_BODY);
    }
    let old = match look(&hub.lock(), &hub, place, &name, &srv_addr) {
        Entry::Taken(old) => old,
        _ => String::new(),
    };
    if !old.is_empty() && !hub.config.allow_takeover && hub.deliverer.answers_ping(&old).await {
        hub.metrics.takeovers_refused.add_one();
        let (name, old, new) = (
            SafeText::new(&name),
            RedactedUrl::new(old),
            RedactedUrl::new(srv_addr),
        );
        tracing::warn!(target: "messenger", subscriber = %name, %old, %new, "takeover refused: the old address answers");
        let text = format!("{name} is registered with another address, which answers");
        return reply::error(StatusCode::CONFLICT, &text, NOT_REGISTERED);
    }
    if let Err(response) = enter(&hub, place, &topic, &name, &srv_addr, &old) {
        return *response;
    }
    if hub.store.flush().await.is_err() {
        return not_stored(&hub, NOT_REGISTERED);
    }
    hub.metrics.registrations.add_one();
    reply::null(StatusCode::OK)
}

fn no_topic(name: &str) -> Response {
    reply::error(
        StatusCode::NOT_FOUND,
        &format!("topic with name {name} not found\n"),
        &format!("topic {name} doesn't exist"),
    )
}

fn exists(hub: &Hub, place: Place) -> bool {
    match place {
        Place::Default => true,
        Place::Topic(id) => hub.lock().topics.contains_key(&id),
    }
}

fn look(state: &hub::State, hub: &Hub, place: Place, name: &str, address: &str) -> Entry {
    let limits = &hub.config.limits;
    let (current, full) = match place {
        Place::Default => (
            state.registered.get(name),
            state.registered.len() >= limits.registered,
        ),
        Place::Topic(id) => match state.topics.get(&id) {
            None => return Entry::NoTopic,
            Some(topic) => (
                topic.members.get(name).map(|member| &member.address),
                topic.members.len() >= limits.subscribers,
            ),
        },
    };
    match current {
        Some(current) if current != address => Entry::Taken(current.clone()),
        Some(_) => Entry::Open,
        None if full => Entry::Full,
        None => Entry::Open,
    }
}

/// Enters the registration, if the state still is as it was when `old` (empty: none) was asked for life.
fn enter(
    hub: &Arc<Hub>,
    place: Place,
    topic: &str,
    name: &str,
    address: &str,
    old: &str,
) -> Result<(), Box<Response>> {
    let mut state = hub.lock();
    match look(&state, hub, place, name, address) {
        Entry::NoTopic => return Err(no_topic(topic).into()),
        Entry::Full => {
            let text = "too many subscribers";
            return Err(reply::error(StatusCode::SERVICE_UNAVAILABLE, text, NOT_REGISTERED).into());
        }
        Entry::Taken(current) if current != old && !hub.config.allow_takeover => {
            let text = "registered with another address meanwhile";
            return Err(reply::error(StatusCode::CONFLICT, text, NOT_REGISTERED).into());
        }
        Entry::Taken(_) => {
            let (name, old, new) = (
                SafeText::new(name),
                RedactedUrl::new(old),
                RedactedUrl::new(address),
            );
            tracing::warn!(target: "messenger", subscriber = %name, %old, %new, "registered again with another address");
        }
        Entry::Open => {}
    }
    let state = &mut *state;
    match place {
        Place::Default => {
            state.registered.insert(name.to_owned(), address.to_owned());
            hub.store.write(Write::Registered {
                name: name.to_owned(),
                address: address.to_owned(),
            });
            // a node that comes back elsewhere gets what its running ceremonies have for it
            for topic in state.topics.values_mut() {
                if topic.members.get(name).is_some_and(|member| !member.direct) {
                    join(hub, topic, name, address);
                }
            }
        }
        Place::Topic(id) => {
            if let Some(topic) = state.topics.get_mut(&id) {
                join(hub, topic, name, address);
            }
        }
    }
    Ok(())
}

fn join(hub: &Arc<Hub>, topic: &mut super::super::topic::Topic, name: &str, address: &str) {
    let changed = topic
        .members
        .get(name)
        .is_none_or(|member| member.address != address);
    topic.subscribe(name, address);
    if changed {
        hub.store.write(Write::Member {
            topic: topic.id,
            name: name.to_owned(),
            address: address.to_owned(),
            direct: topic.members.get(name).is_some_and(|member| member.direct),
        });
    }
    worker::start(hub, topic);
}
