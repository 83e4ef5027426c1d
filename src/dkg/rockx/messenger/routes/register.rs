//! `POST /register_node?subscribes_to=<topic>`: a node (on `default`) or an observer (on a request's topic) tells where
//! it is.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;

use super::super::hub::{DEFAULT, Hub, request_id};
use super::super::registry::{Claim, Entry, Verdict};
use super::super::store::Write;
use super::super::topic::Guest;
use super::super::{PROOF_HEADER, body, proof, reply, worker};
use super::{SHORT_BODY, bad_body, client, not_stored, owner, query};
use crate::dkg::rockx::wire::Subscriber;
use crate::listen::{Client, Ration};
use crate::types::{OperatorId, RedactedUrl, RequestId, SafeText};

const BAD_BODY: &str = "failed to parse subscriber data from the request body";
const INVALID: &str = "invalid subscriber data: empty name or addr";
const NOT_REGISTERED: &str = "failed to register subscriber";
/// Operator ids have at most 20 digits; observers choose their names.
const NAME_LIMIT: usize = 64;
const ADDRESS_LIMIT: usize = 512;

static TAKEOVERS: Ration = Ration::usual();

/// Where to register.
#[derive(Clone, Copy)]
enum Place {
    Default,
    Topic(RequestId),
}

type Answer<T> = Result<T, Box<Response>>;

/// Who asks, by what came with the request.
struct Asker {
    client: Client,
    /// Hash of the secret of a topic's owner.
    owner: Option<[u8; 32]>,
    proof: Option<Vec<u8>>,
}

impl Asker {
    fn of(request: &Request) -> Self {
        let headers: &HeaderMap = request.headers();
        Self {
            client: client(request),
            owner: owner(headers),
            proof: headers.get(PROOF_HEADER).map(|value| value.as_bytes().to_vec()),
        }
    }
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
    let asker = Asker::of(&request);
    let subscriber: Subscriber = match body::read(&hub, asker.client, request.into_body(), SHORT_BODY).await {
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
    if hub.store.is_overloaded() {
        return not_stored(&hub, NOT_REGISTERED);
    }
    let done = match place {
        Place::Default => operator(&hub, &asker, &name, &srv_addr).await,
        Place::Topic(id) => observer(&hub, &asker, id, &name, &srv_addr).await,
    };
    let changed = match done {
        Ok(changed) => changed,
        Err(response) => {
            if response.status().is_client_error() {
                hub.gate.refused(asker.client);
            }
            return *response;
        }
    };
    // what others wait for may be what this one said before
    if (changed || hub.store.is_behind()) && hub.store.flush().await.is_err() {
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

fn not_registered(status: StatusCode, text: &str) -> Box<Response> {
    reply::error(status, text, NOT_REGISTERED).into()
}

/// Registers an operator's node. Gives whether there is anything to store.
async fn operator(hub: &Arc<Hub>, asker: &Asker, name: &str, address: &str) -> Answer<bool> {
    let claim = claim(hub, asker, name, address).await?;
    let mut asked = None;
    // a second time if the state changed while the old address was asked for life
    for _ in 0..2 {
        let verdict = judge(hub, &claim);
        match verdict {
            Verdict::Ask { old, unasked } if asked.as_ref() != Some(&old) => {
                if !claim.entry.listed {
                    reachable(hub, address).await?;
                }
                let answers = match hub.deliverer.may_be_asked(&old).await {
                    true => hub.deliverer.answers_ping(&old).await,
                    false => !unasked,
                };
                if answers {
                    return Err(displaced(hub, name, &old, address));
                }
                asked = Some(old);
            }
            Verdict::Taken(why) => return Err(taken(hub, name, why)),
            Verdict::Full(why) => return Err(not_registered(StatusCode::SERVICE_UNAVAILABLE, why)),
            Verdict::Enter { .. } | Verdict::Ask { .. } => {
                if asked.is_none() && !claim.entry.listed && !is_known(hub, name, address) {
                    reachable(hub, address).await?;
                }
                return enter(hub, claim, asked.as_deref());
            }
        }
    }
    let text = "registered with another address meanwhile";
    Err(not_registered(StatusCode::CONFLICT, text))
}

/// Checks what can be checked of a registration without looking at others.
async fn claim(hub: &Hub, asker: &Asker, name: &str, address: &str) -> Answer<Claim> {
    let now = hub.now();
    let listed = hub.named.lists(name, address);
    let mut entry = Entry {
        address: address.to_owned(),
        key: None,
        proved: None,
        vouched: listed,
        listed,
        client: Some(asker.client.0),
        seen: now,
        heard: false,
    };
    if let Some(value) = &asker.proof {
        let claimed = proof::registration(DEFAULT, name, address);
        let key = proof::key_of(value, &claimed, now)
            .map_err(|error| not_registered(StatusCode::FORBIDDEN, &error.to_string()))?;
        let id = name
            .parse()
            .ok()
            .map(OperatorId)
            .filter(|id| id.to_string() == name);
        if let Some(id) = id
            && let Some(known) = hub.named.key(id).await
        {
            if *known != key {
                let text = "the proof is by another key than the one that is known of this operator";
                return Err(not_registered(StatusCode::FORBIDDEN, text));
            }
            entry.vouched = true;
        }
        entry.key = Some(Arc::new(key));
        entry.proved = Some(now);
        if entry.vouched {
            hub.gate.befriend(asker.client);
        }
    }
    Ok(Claim {
        name: name.to_owned(),
        entry,
    })
}

fn judge(hub: &Hub, claim: &Claim) -> Verdict {
    let (takeover, now) = (hub.config.allow_takeover, hub.now());
    let limits = &hub.config.limits;
    hub.lock().registry.judge(claim, takeover, now, limits)
}

/// The same address was judged when it was registered first, and is judged again at each connection.
fn is_known(hub: &Hub, name: &str, address: &str) -> bool {
    let state = hub.lock();
    state.registry.get(name).is_some_and(|old| old.address == address)
}

async fn reachable(hub: &Hub, address: &str) -> Answer<()> {
    match hub.deliverer.reach.refuses(address).await {
        None => Ok(()),
        Some(why) => {
            hub.metrics.addresses_refused.add_one();
            let text = format!("the address is not one that messages are sent to: {why}");
            Err(reply::error(StatusCode::BAD_REQUEST, &text, NOT_REGISTERED).into())
        }
    }
}

fn displaced(hub: &Hub, name: &str, old: &str, new: &str) -> Box<Response> {
    hub.metrics.takeovers_refused.add_one();
    if let Some(left_out) = TAKEOVERS.line() {
        let (name, old, new) = (SafeText::new(name), RedactedUrl::new(old), RedactedUrl::new(new));
        tracing::warn!(target: "messenger", subscriber = %name, %old, %new, left_out, "takeover refused");
    }
    let text = format!("{name} is registered with another address, which answers");
    not_registered(StatusCode::CONFLICT, &text)
}

fn taken(hub: &Hub, name: &str, why: &str) -> Box<Response> {
    hub.metrics.takeovers_refused.add_one();
    not_registered(StatusCode::CONFLICT, &format!("{name} is {why}"))
}

/// Enters an operator, if the state still is as it was when `asked` was asked for life. Gives whether there is anything to
/// store.
fn enter(hub: &Arc<Hub>, mut claim: Claim, asked: Option<&str>) -> Answer<bool> {
    let mut state = hub.lock();
    let state = &mut *state;
    let (takeover, now) = (hub.config.allow_takeover, hub.now());
    let limits = &hub.config.limits;
    match state.registry.judge(&claim, takeover, now, limits) {
        Verdict::Enter { instead_of } => {
            if let Some(guest) = instead_of {
                state.registry.remove(&guest);
                hub.store.write(Write::DropRegistered { name: guest });
            }
        }
        Verdict::Ask { old, .. } if asked == Some(&old) => {}
        Verdict::Full(why) => return Err(not_registered(StatusCode::SERVICE_UNAVAILABLE, why)),
        Verdict::Ask { .. } | Verdict::Taken(_) => {
            let text = "registered with another address meanwhile";
            return Err(not_registered(StatusCode::CONFLICT, text));
        }
    }
    let old = state.registry.get(&claim.name);
    let is_news = old.is_none_or(|old| !claim.entry.says_nothing_new(old, now));
    if let Some(old) = old {
        if old.address == claim.entry.address {
            claim.entry.inherit(old);
        } else if let Some(left_out) = TAKEOVERS.line() {
            let name = SafeText::new(&claim.name);
            let (old, new) = (
                RedactedUrl::new(&*old.address),
                RedactedUrl::new(&*claim.entry.address),
            );
            tracing::warn!(target: "messenger", subscriber = %name, %old, %new, left_out, "registered again with another address");
        }
    }
    if is_news {
        hub.store.write(Write::registered(&claim.name, &claim.entry));
    }
    // a node that comes back elsewhere gets what its running ceremonies have for it
    for topic in state.topics.values_mut() {
        if topic
            .members
            .get(&claim.name)
            .is_some_and(|member| !member.direct)
        {
            join(
                hub,
                topic,
                &claim.name,
                &claim.entry.address,
                claim.entry.listed,
                None,
            );
        }
    }
    // what is not stored is not remembered either, so that the next one is stored in time
    if is_news {
        state.registry.insert(claim.name, claim.entry);
    }
    Ok(is_news)
}

/// Subscribes somebody to one topic. Gives whether there is anything to store.
async fn observer(hub: &Arc<Hub>, asker: &Asker, id: RequestId, name: &str, address: &str) -> Answer<bool> {
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
fn join(
    hub: &Arc<Hub>,
    topic: &mut super::super::topic::Topic,
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
