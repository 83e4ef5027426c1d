//! `POST /register_node?subscribes_to=<request id>`: an observer tells where it is.

use std::net::IpAddr;
use std::sync::Arc;

use axum::http::StatusCode;

use super::super::hub::{Hub, State};
use super::super::store::Write;
use super::super::topic::{Guest, Origin, Topic};
use super::super::worker;
use super::register::{Answer, Registrant, displaced, no_topic, not_registered, reachable};
use crate::types::RequestId;

/// Subscribes somebody to one topic. Gives whether there is anything to store.
pub(super) async fn observer(
    hub: &Arc<Hub>,
    asker: &Registrant,
    id: RequestId,
    name: &str,
    address: &str,
) -> Answer<bool> {
    // an oracle that was restarted has another secret than the one that it made its topics with
    let is_house = hub.is_house(asker.owner.as_ref());
    let looked = hub.lock().topics.get(&id).map(|topic| {
        let current = topic.members.get(name);
        let is_owner = is_house || asker.owner.is_some() && asker.owner == topic.owner;
        let at = current.map(|member| (member.address.clone(), member.direct));
        // who made a topic as a guest is still one
        (at, is_owner, is_owner && topic.origin == Origin::Known)
    });
    let Some((current, is_owner, is_known)) = looked else {
        return Err(no_topic(&id.to_string()).into());
    };
    match current {
        // whoever takes part moves by registering itself
        Some((old, false)) if old != address => return Err(displaced(hub, name, &old, address)),
        // what is known already changes nothing, whoever says it
        Some((old, direct)) if old == address && !(direct && is_owner) => return Ok(false),
        Some((old, true)) if old != address && !is_owner => {
            let may_ask = hub.deliverer.may_be_asked(&old, asker.looks_up(is_known)).await;
            let silent = may_ask && !hub.deliverer.answers_ping(&old).await;
            if !(silent || hub.config.allow_takeover) {
                return Err(displaced(hub, name, &old, address));
            }
        }
        _ => {}
    }
    let guest = (!is_owner).then_some(asker.client.0);
    if !is_house {
        // before its name is looked up, and again after it
        has_room(hub, &hub.lock(), id, name, address, guest)?;
        reachable(hub, asker, is_known, address).await?;
    }
    let mut state = hub.lock();
    has_room(hub, &state, id, name, address, guest)?;
    let Some(topic) = state.topics.get_mut(&id) else {
        return Err(no_topic(&id.to_string()).into());
    };
    let guest = Guest {
        client: asker.client.0,
        is_owner,
    };
    Ok(join(hub, topic, name, address, is_house, Some(guest)))
}

/// Whether there is room for this subscriber in a topic that may have been made anew meanwhile, of a guest or (`None`) of the
/// topic's owner.
fn has_room(
    hub: &Hub,
    state: &State,
    id: RequestId,
    name: &str,
    address: &str,
    guest: Option<IpAddr>,
) -> Answer<()> {
    let limits = &hub.config.limits;
    let Some(topic) = state.topics.get(&id) else {
        return Err(no_topic(&id.to_string()).into());
    };
    let founder = topic.members.get(name).filter(|member| !member.direct);
    if let Some(other) = founder.filter(|member| member.address != address) {
        return Err(displaced(hub, name, &other.address, address));
    }
    if topic.members.contains_key(name) {
        return Ok(());
    }
    let is_full = guest.is_some() && state.room_of_guests(|_| true) >= limits.guest_topic_bytes;
    let full = is_full.then_some("too many subscribers in all topics");
    match full.or_else(|| topic.has_no_room(guest, address, limits)) {
        Some(text) => Err(not_registered(StatusCode::SERVICE_UNAVAILABLE, text)),
        None => Ok(()),
    }
}

/// Whether that is anything new.
pub(super) fn join(
    hub: &Arc<Hub>,
    topic: &mut Topic,
    name: &str,
    address: &str,
    exempt: bool,
    guest: Option<Guest>,
) -> bool {
    let changed = topic
        .members
        .get(name)
        .is_none_or(|member| member.address != address);
    topic.subscribe(name, address, exempt, guest);
    if changed {
        hub.store.write(Write::Member {
            topic: topic.id,
            name: name.to_owned(),
            address: address.to_owned(),
            direct: topic.members.get(name).is_some_and(|member| member.direct),
        });
    }
    worker::start(hub, topic);
    changed
}
