//! `POST /topics`, `GET /topics`, `GET /topics/{name}`, `DELETE /topics/{name}`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;

use super::super::hub::{self, DEFAULT, Hub, request_id};
use super::super::removed::Removal;
use super::super::store::{Changes, Write};
use super::super::topic::{Member, Origin, Topic, listed, room_of};
use super::super::{PROOF_HEADER, body, proof, reply};
use super::{SHORT_BODY, bad_body, client, not_stored, owner, parameter};
use crate::dkg::rockx::wire::codec::ObjectWriter;
use crate::dkg::rockx::wire::{CreateTopic, Encode, Subscriber, Topic as TopicReply, topic_text};
use crate::types::{RequestId, UnixMillis};

const BAD_BODY: &str = "failed to load data from request body";
const NOT_CREATED: &str = "failed to create topic";
const NOT_DELETED: &str = "failed to delete topic";
/// Of the room for guests' topics, one client's address has one.
const PARTS: usize = 4;

/// Creates or replaces a topic. Names that are not registered are left out, silently, as the protocol has it.
pub(super) async fn create(State(hub): State<Arc<Hub>>, request: Request) -> Response {
    let client = client(&request);
    let owner = owner(request.headers());
    let proof = request.headers().get(PROOF_HEADER).cloned();
    let wanted: CreateTopic = match body::read(&hub, client, request.into_body(), SHORT_BODY).await {
        Ok(bytes) => match body::decode(&bytes) {
            Ok(wanted) => wanted,
            Err(error) => return bad_body(&hub, &error, "", BAD_BODY),
        },
        Err(error) => return bad_body(&hub, &error, "", BAD_BODY),
    };
    if wanted.topic_name == DEFAULT {
        return reply::error(StatusCode::FORBIDDEN, "default cannot be replaced", NOT_CREATED);
    }
    let Some(id) = request_id(&wanted.topic_name) else {
        let text = "a topic's name is a request id: 48 lower-case hex digits";
        return reply::error(StatusCode::BAD_REQUEST, text, BAD_BODY);
    };
    let names = wanted.subscribers.as_slice();
    let claim = proof::topic(&wanted.topic_name, names);
    let signed = proof.and_then(|proof| hub.signed_by_initiator(proof.as_bytes(), &claim));
    let origin = if signed.is_some() || hub.is_house(owner.as_ref()) {
        hub.gate.mark_proven(client);
        Origin::Known
    } else {
        Origin::Guest(Some(client.0))
    };
    if origin != Origin::Known && !hub.config.initiators.is_empty() {
        hub.gate.refused(client);
        let text = "only initiators that are configured here create topics: sign the request with such a key";
        return reply::error(StatusCode::FORBIDDEN, text, NOT_CREATED);
    }
    if hub.store.is_overloaded() {
        return not_stored(&hub, NOT_CREATED);
    }
    let entered = enter(&hub, id, owner, (origin, signed), names);
    let text = match entered {
        Ok(topic) => topic.to_json(),
        Err(response) => return *response,
    };
    if hub.store.flush().await.is_err() {
        return not_stored(&hub, NOT_CREATED);
    }
    hub.metrics.topics_created.add_one();
    go_text(text)
}

fn enter(
    hub: &Arc<Hub>,
    id: RequestId,
    owner: Option<[u8; 32]>,
    (origin, signed): (Origin, Option<UnixMillis>),
    names: &[String],
) -> Result<TopicReply, Box<Response>> {
    let limits = &hub.config.limits;
    let now = hub.now();
    let mut state = hub.lock();
    if let Some(text) = state.removed.refuses(&id, origin, signed) {
        return Err(reply::error(StatusCode::CONFLICT, text, NOT_CREATED).into());
    }
    let members = registered(&state, names);
    if members.len() > limits.subscribers {
        return Err(refused("too many subscribers").into());
    }
    if let Some(old) = state.topics.get(&id) {
        let same = old.founders().eq(members.keys().map(String::as_str));
        match in_use(old) {
            // asked twice, for instance because the first reply was lost
            Some(_) if same => return Ok(old.reply()),
            Some(reason) => return Err(reply::error(StatusCode::CONFLICT, reason, NOT_CREATED).into()),
            None if belongs_to_another(old, owner, origin) => {
                // also of an initiator that was restarted, which has another secret than before
                if same {
                    return Ok(old.reply());
                }
                let text = "the topic belongs to another initiator";
                return Err(reply::error(StatusCode::CONFLICT, text, NOT_CREATED).into());
            }
            None => {}
        }
    } else if state.results.get(&id).is_some_and(|kept| kept.weight > 0) {
        return Err(reply::error(StatusCode::CONFLICT, HAS_RESULT, NOT_CREATED).into());
    } else if let Some(text) = has_no_room(hub, &mut state, origin, now) {
        return Err(refused(text).into());
    }
    if origin != Origin::Known
        && let Some(text) = has_no_bytes(hub, &mut state, (id, origin), &members, now)
    {
        return Err(refused(text).into());
    }
    state.remove_topic(&id);
    let generation = state.generation();
    for name in members.keys() {
        state.registry.touch(name, now);
    }
    hub.store.write(Write::Topic {
        id,
        at: now,
        owner,
        origin,
        members: members
            .iter()
            .map(|(name, (address, _))| (name.clone(), address.clone()))
            .collect(),
    });
    let founders = members.into_iter();
    let members = founders.map(|(name, (address, listed))| (name, Member::new(address, false, listed)));
    let mut topic = Topic::new(id, generation, members, now);
    topic.owner = owner;
    topic.origin = origin;
    let reply = topic.reply();
    state.topics.insert(id, topic);
    Ok(reply)
}

/// Where those of these names are that are registered, and whether the configuration lists them there.
fn registered(state: &hub::State, names: &[String]) -> BTreeMap<String, (String, bool)> {
    names
        .iter()
        .filter_map(|name| {
            let entry = state.registry.get(name)?;
            Some((name.clone(), (entry.address.clone(), entry.listed)))
        })
        .collect()
}

/// Whether only its owner may put another one in the place of this topic.
fn belongs_to_another(old: &Topic, owner: Option<[u8; 32]>, origin: Origin) -> bool {
    let owned = old.origin == Origin::Known || old.owner.is_some() && old.owner != owner;
    owned && origin != Origin::Known
}

const HAS_RESULT: &str = "the topic has a result";

/// Why a topic may be neither replaced by another nor deleted.
fn in_use(topic: &Topic) -> Option<&'static str> {
    if topic.finished.is_some() {
        Some(HAS_RESULT)
    } else if topic.messages.is_empty() {
        None
    } else {
        Some("a ceremony is running in the topic")
    }
}

fn refused(text: &str) -> Response {
    reply::error(StatusCode::SERVICE_UNAVAILABLE, text, NOT_CREATED)
}

/// Why there is no room for another topic. Guests make room for each other, and none for themselves at the expense of
/// initiators that are known.
fn has_no_room(hub: &Hub, state: &mut hub::State, origin: Origin, now: UnixMillis) -> Option<&'static str> {
    let limits = &hub.config.limits;
    if origin == Origin::Known {
        let full = state.topics.len() >= limits.topics + limits.topics / 4;
        let no = full && !make_room(hub, state, now, |_| true);
        return no.then_some("too many topics");
    }
    let is_same = |topic: &Topic| topic.origin == origin && topic.finished.is_none();
    let same = state.topics.values().filter(|topic| is_same(topic)).count();
    if same >= limits.topics_per_client && !make_room(hub, state, now, is_same) {
        return Some("too many topics of one address");
    }
    let guests = state
        .topics
        .values()
        .filter(|t| t.origin != Origin::Known)
        .count();
    let no = guests >= limits.topics && !make_room(hub, state, now, |t| t.origin != Origin::Known);
    no.then_some("too many topics")
}

/// Why the names and addresses of a guest's topic take too much, where no other one can go for it.
fn has_no_bytes(
    hub: &Hub,
    state: &mut hub::State,
    (id, origin): (RequestId, Origin),
    members: &BTreeMap<String, (String, bool)>,
    now: UnixMillis,
) -> Option<&'static str> {
    let limits = &hub.config.limits;
    let listed = members.iter().map(|(name, (address, _))| listed(name, address));
    let list_bytes: usize = listed.sum();
    if list_bytes > limits.topic_bytes {
        return Some("the names and addresses of the subscribers are too long");
    }
    let room = room_of(list_bytes, members.len());
    // what it replaces gives its room
    let is_other = |topic: &Topic| topic.id != id;
    let is_same = |topic: &Topic| topic.origin == origin && is_other(topic);
    let is_guests = |topic: &Topic| topic.origin != Origin::Known && is_other(topic);
    while state.room_of_guests(is_same) + room > limits.guest_topic_bytes / PARTS {
        if !make_room(hub, state, now, is_same) {
            return Some("too many bytes of topics of one address");
        }
    }
    while state.room_of_guests(is_other) + room > limits.guest_topic_bytes {
        if !make_room(hub, state, now, is_guests) {
            return Some("too many bytes of topics");
        }
    }
    None
}

/// Removes the topic that is missed least: the one that finished first, else one that never saw a message.
fn make_room(hub: &Hub, state: &mut hub::State, now: UnixMillis, of: impl Fn(&Topic) -> bool) -> bool {
    /// An initiator needs some time between creating the topic and the first message.
    const UNUSED: std::time::Duration = std::time::Duration::from_secs(60);
    let least = state
        .topics
        .values()
        .filter(|t| of(t))
        .filter(|t| t.finished.is_some() || (t.messages.is_empty() && now.since(t.touched) >= UNUSED))
        .min_by_key(|t| (t.finished.is_none(), t.finished, t.touched))
        .map(|t| t.id);
    let Some(id) = least else {
        return false;
    };
    state.remove_topic(&id);
    hub.store.write(Write::DropTopic { id });
    true
}

/// All topics, `default` among them.
pub(super) async fn list(State(hub): State<Arc<Hub>>) -> Response {
    let text = hub.all_topics.text(&hub, Changes::of_all, all).await;
    reply::list(text)
}

/// A JSON object as of a Go map, one topic after the other: all their names and addresses are there once, not twice.
fn all(state: &hub::State) -> Vec<u8> {
    /// What a topic's name takes in two places, with what stands around it.
    const NAME: usize = 160;
    let mut names: Vec<(String, Option<&Topic>)> = state
        .topics
        .values()
        .map(|topic| (topic.id.to_string(), Some(topic)))
        .collect();
    names.push((DEFAULT.to_owned(), None));
    names.sort_unstable_by(|a, b| a.0.cmp(&b.0));
    let topics = names.iter().filter_map(|(_, topic)| *topic);
    let bytes: usize = topics.map(|topic| topic.list_bytes() + NAME).sum();
    let mut out = Vec::with_capacity(bytes);
    let mut object = ObjectWriter::begin(&mut out);
    for (name, topic) in names {
        object.field(&name, &topic.map_or_else(|| registry(state), Topic::reply));
    }
    object.end();
    out
}

/// One topic; with `?names=` and names with commas between only these of its subscribers, which RockX's messenger does not
/// know.
pub(super) async fn show(
    State(hub): State<Arc<Hub>>,
    uri: Uri,
    name: Result<Path<String>, PathRejection>,
) -> Response {
    let name = name.map(|path| path.0).unwrap_or_default();
    let named = parameter(&uri, "names");
    let named: Option<BTreeSet<&str>> = named.as_ref().map(|names| names.split(',').collect());
    let wants = |name: &str| named.as_ref().is_none_or(|names| names.contains(name));
    if name != DEFAULT {
        let topic =
            request_id(&name).and_then(|id| hub.lock().topics.get(&id).map(|topic| topic.text(wants)));
        return match topic {
            Some(text) => go_text(text),
            None => reply::null(StatusCode::NOT_FOUND),
        };
    }
    if let Some(names) = &named {
        let state = hub.lock();
        let found = names
            .iter()
            .filter_map(|name| Some((*name, state.registry.get(name)?)));
        return go_text(topic_text(
            DEFAULT,
            found.map(|(name, entry)| (name, entry.address.as_str())),
        ));
    }
    let make = |state: &hub::State| {
        let known = state.registry.iter().filter(|(_, entry)| entry.is_vouched());
        let guests = state.registry.iter().filter(|(_, entry)| !entry.is_vouched());
        let all = known.chain(guests);
        topic_text(
            DEFAULT,
            all.map(|(name, entry)| (name.as_str(), entry.address.as_str())),
        )
    };
    let text = hub.all_registered.text(&hub, Changes::of_registered, make).await;
    reply::list(text)
}

/// Deletes a topic: its creator at any time, anybody else while it is not in use. A finished one goes by itself in time.
pub(super) async fn delete(
    State(hub): State<Arc<Hub>>,
    headers: HeaderMap,
    name: Result<Path<String>, PathRejection>,
) -> Response {
    let name = name.map(|path| path.0).unwrap_or_default();
    if name == DEFAULT {
        return reply::error(StatusCode::FORBIDDEN, "default cannot be deleted", NOT_DELETED);
    }
    let Some(id) = request_id(&name) else {
        return reply::null(StatusCode::NOT_FOUND);
    };
    let was_there = {
        let mut state = hub.lock();
        let topic = state.topics.get(&id);
        let signed = headers
            .get(PROOF_HEADER)
            .and_then(|proof| hub.signed_by_initiator(proof.as_bytes(), &proof::removal(&name)));
        let owner = owner(&headers);
        let is_known = |topic: &Topic| topic.origin == Origin::Known;
        let house = topic.is_none_or(is_known) && hub.is_house(owner.as_ref());
        let by_known = signed.is_some() || house;
        let removal = |origin| Removal {
            at: hub.now(),
            signed,
            origin: if by_known { Origin::Known } else { origin },
        };
        if let Some(topic) = topic {
            let by_owner = by_known || topic.owner.is_some() && topic.owner == owner;
            let owned = topic.origin == Origin::Known || topic.owner.is_some();
            let known = owned.then_some("the topic belongs to another initiator");
            if let Some(reason) = in_use(topic).or(known).filter(|_| !by_owner) {
                return reply::error(StatusCode::CONFLICT, reason, NOT_DELETED);
            }
            let removal = removal(topic.origin);
            state.remove_topic(&id);
            hub.store.write(Write::DropTopic { id });
            if by_owner {
                remember(&hub, &mut state, id, removal);
            }
            true
        } else if by_known {
            // it was lost here before its initiator gave it up, who means it all the same
            remember(&hub, &mut state, id, removal(Origin::Known));
            false
        } else {
            return reply::null(StatusCode::NOT_FOUND);
        }
    };
    if hub.store.flush().await.is_err() {
        return not_stored(&hub, NOT_DELETED);
    }
    match was_there {
        true => reply::empty(StatusCode::OK),
        false => reply::null(StatusCode::NOT_FOUND),
    }
}

fn remember(hub: &Hub, state: &mut hub::State, id: RequestId, removal: Removal) {
    hub.store.write(Write::Removed { id, removal });
    state.note_removed(&hub.store, id, removal);
}

fn registry(state: &hub::State) -> TopicReply {
    let subscribers = state.registry.iter().map(|(name, entry)| Subscriber {
        name: name.clone(),
        srv_addr: entry.address.clone(),
    });
    TopicReply::new(DEFAULT, subscribers)
}

/// Canonical text of a wire type.
fn go_text(json: Vec<u8>) -> Response {
    // our encoder writes UTF-8
    reply::json_text(StatusCode::OK, String::from_utf8(json).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::super::super::{MessengerConfig, OWNER_HEADER, STORE_FILE, spawn};
    use super::*;

    /// The initiator was told that nothing is there; after a power cut whoever overheard it made the topic again.
    #[tokio::test]
    async fn that_a_topic_was_given_up_which_is_not_here_is_kept_before_it_is_answered() {
        let dir = tempfile::tempdir().unwrap();
        let mut config = MessengerConfig::new(([127, 0, 0, 1], 0).into());
        config.data_dir = Some(dir.path().to_owned());
        config.house = Some("house".to_owned().into());
        let messenger = spawn(config).await.unwrap();
        let kept = || -> u32 {
            let db = rusqlite::Connection::open(dir.path().join(STORE_FILE)).unwrap();
            let sql = "SELECT COUNT(*) FROM removed WHERE known = 1";
            db.query_row(sql, [], |row| row.get(0)).unwrap()
        };
        let remove = async |id: RequestId, secret: &'static str| {
            let headers = [(OWNER_HEADER.parse().unwrap(), HeaderValue::from_static(secret))];
            let hub = State(Arc::clone(&messenger.hub));
            let answer = delete(hub, headers.into_iter().collect(), Ok(Path(id.to_string()))).await;
            (answer.status().as_u16(), kept())
        };
        assert_eq!(remove(RequestId([1; 24]), "anothers").await, (404, 0));
        assert_eq!(remove(RequestId([2; 24]), "house").await, (404, 1));
        messenger.shutdown().await;
    }
}
