//! `POST /register_node?subscribes_to=<request id>`: an observer tells where it is.

use std::sync::Arc;

use axum::http::StatusCode;

use super::super::hub::Hub;
use super::super::store::Write;
use super::super::topic::{Guest, Topic};
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
        (at, is_owner)
    });
    let Some((current, is_owner)) = looked else {
        return Err(no_topic(&id.to_string()).into());
    };
    match current {
        // whoever takes part moves by registering itself
        Some((old, false)) if old != address => return Err(displaced(hub, name, &old, address)),
        // what is known already changes nothing, whoever says it
        Some((old, direct)) if old == address && !(direct && is_owner) => return Ok(false),
        Some((old, true)) if old != address && !is_owner => {
            let silent = hub.deliverer.may_be_asked(&old).await && !hub.deliverer.answers_ping(&old).await;
            if !(silent || hub.config.allow_takeover) {
                return Err(displaced(hub, name, &old, address));
            }
        }
        _ => {}
    }
    if !is_house {
        reachable(hub, address).await?;
    }
    let mut state = hub.lock();
    let limits = &hub.config.limits;
    let is_full = !is_owner && state.room_of_guests(|_| true) >= limits.guest_topic_bytes;
    let Some(topic) = state.topics.get_mut(&id) else {
        return Err(no_topic(&id.to_string()).into());
    };
    // the topic may have been made anew meanwhile
    let founder = topic.members.get(name).filter(|member| !member.direct);
    if let Some(other) = founder.filter(|member| member.address != address) {
        return Err(displaced(hub, name, &other.address, address));
    }
    if !topic.members.contains_key(name) {
        let guest = (!is_owner).then_some(asker.client.0);
        let full = is_full.then_some("too many subscribers in all topics");
        if let Some(text) = full.or_else(|| topic.has_no_room(guest, address, limits)) {
            return Err(not_registered(StatusCode::SERVICE_UNAVAILABLE, text));
        }
    }
    let guest = Guest {
        client: asker.client.0,
        is_owner,
    };
    Ok(join(hub, topic, name, address, is_house, Some(guest)))
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
