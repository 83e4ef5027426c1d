//! `POST /register_node?subscribes_to=<topic>`: a node (on `default`) tells where it is; an observer (on a request's topic)
//! does in `observe`.

use std::sync::Arc;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;

use super::super::hub::{DEFAULT, Hub, request_id};
use super::super::keys::operator_id;
use super::super::reach::{Asker, Verdict as Reached};
use super::super::registry::{Claim, Entry, Verdict};
use super::super::store::Write;
use super::super::{PROOF_HEADER, body, proof, reply, subscriber};
use super::observe::{join, observer};
use super::{SHORT_BODY, bad_body, client, not_stored, owner, query};
use crate::dkg::rockx::wire::Subscriber;
use crate::listen::Client;
use crate::log_limit::LogLimit;
use crate::types::{RedactedUrl, RequestId, SafeText};

const BAD_BODY: &str = "failed to parse subscriber data from the request body";
const INVALID: &str = "invalid subscriber data: empty name or addr";
const NOT_REGISTERED: &str = "failed to register subscriber";

static TAKEOVERS: LogLimit = LogLimit::usual();
static KEYS: LogLimit = LogLimit::usual();

const KNOWN_KEY: &str = "the proof is by another key than the one that is known of this operator. Where it has a new one, the \
                         messenger's host changes public_key of its [[messenger.operator]], or the operator its key at SSV where \
                         the messenger asks there; then the messenger is restarted";

/// Where to register.
#[derive(Clone, Copy)]
enum RegistryPlace {
    Default,
    Topic(RequestId),
}

pub(super) type Answer<T> = Result<T, Box<Response>>;

/// Who asks, by what came with the request.
pub(super) struct Registrant {
    pub(super) client: Client,
    /// Hash of the secret of a topic's owner.
    pub(super) owner: Option<[u8; 32]>,
    proof: Option<Vec<u8>>,
    /// The address as it was sent, which is the one that is proved.
    said: String,
}

impl Registrant {
    /// For whom its addresses are looked up.
    pub(super) fn looks_up(&self, is_known: bool) -> Asker {
        Asker {
            client: self.client.0,
            is_known,
        }
    }

    /// The address is told by the body.
    fn of(request: &Request) -> Self {
        let headers: &HeaderMap = request.headers();
        Self {
            client: client(request),
            owner: owner(headers),
            proof: headers.get(PROOF_HEADER).map(|value| value.as_bytes().to_vec()),
            said: String::new(),
        }
    }
}

pub(super) async fn register(State(hub): State<Arc<Hub>>, request: Request) -> Response {
    let topic = query(&request, "subscribes_to");
    let place = match topic.as_str() {
        DEFAULT => Some(RegistryPlace::Default),
        name => request_id(name).map(RegistryPlace::Topic),
    };
    let Some(place) = place.filter(|place| exists(&hub, *place)) else {
        return no_topic(&topic);
    };
    let mut asker = Registrant::of(&request);
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
    if !subscriber::is_name(&name) {
        hub.gate.refused(asker.client);
        return reply::error(StatusCode::BAD_REQUEST, subscriber::NAME_RULE, BAD_BODY);
    }
    let address = match subscriber::normal(&srv_addr) {
        Ok(address) => address,
        Err(why) => {
            hub.gate.refused(asker.client);
            return *not_an_address(&hub, &why.to_string());
        }
    };
    asker.said = srv_addr;
    if hub.store.is_overloaded() {
        return not_stored(&hub, NOT_REGISTERED);
    }
    let done = match place {
        RegistryPlace::Default => operator(&hub, &asker, &name, &address).await,
        RegistryPlace::Topic(id) => observer(&hub, &asker, id, &name, &address).await,
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

pub(super) fn no_topic(name: &str) -> Response {
    reply::error(
        StatusCode::NOT_FOUND,
        &format!("topic with name {name} not found\n"),
        &format!("topic {name} doesn't exist"),
    )
}

fn exists(hub: &Hub, place: RegistryPlace) -> bool {
    match place {
        RegistryPlace::Default => true,
        RegistryPlace::Topic(id) => hub.lock().topics.contains_key(&id),
    }
}

pub(super) fn not_registered(status: StatusCode, text: &str) -> Box<Response> {
    reply::error(status, text, NOT_REGISTERED).into()
}

/// Registers an operator's node. Gives whether there is anything to store.
async fn operator(hub: &Arc<Hub>, asker: &Registrant, name: &str, address: &str) -> Answer<bool> {
    let claim = claim(hub, asker, name, address).await?;
    let is_known = claim.entry.confirmed;
    let mut asked = None;
    // a second time if the state changed while the old address was asked for life
    for _ in 0..2 {
        let verdict = judge(hub, &claim);
        match verdict {
            Verdict::Ask { old, unasked } if asked.as_ref() != Some(&old) => {
                if !claim.entry.listed {
                    reachable(hub, asker, is_known, address).await?;
                }
                let answers = match hub.deliverer.may_be_asked(&old, asker.looks_up(is_known)).await {
                    true => hub.deliverer.answers_ping(&old).await,
                    false => !unasked,
                };
                if answers {
                    return Err(displaced(hub, name, &old, address));
                }
                asked = Some(old);
            }
            Verdict::Taken(why) => return Err(taken(hub, &claim, why)),
            Verdict::Full(why) => return Err(not_registered(StatusCode::SERVICE_UNAVAILABLE, why)),
            Verdict::Enter { .. } | Verdict::Ask { .. } => {
                if asked.is_none() && !claim.entry.listed && !is_there(hub, name, address) {
                    reachable(hub, asker, is_known, address).await?;
                }
                return enter(hub, claim, asked.as_deref());
            }
        }
    }
    let text = "registered with another address meanwhile";
    Err(not_registered(StatusCode::CONFLICT, text))
}

/// Checks what can be checked of a registration without looking at others.
async fn claim(hub: &Hub, asker: &Registrant, name: &str, address: &str) -> Answer<Claim> {
    let now = hub.now();
    let listed = hub.named.lists(name, address);
    let mut entry = Entry {
        address: address.to_owned(),
        key: None,
        proved: None,
        signed: None,
        confirmed: false,
        listed,
        client: Some(asker.client.0),
        seen: now,
        heard: false,
    };
    if let Some(value) = &asker.proof {
        let claimed = proof::registration(DEFAULT, name, &asker.said);
        let proof = proof::read(value, &claimed, now)
            .map_err(|error| not_registered(StatusCode::FORBIDDEN, &error.to_string()))?;
        if let Some(id) = operator_id(name)
            && let Some(known) = hub.named.key(id).await
        {
            if *known != proof.key {
                tell_key(name, address, KNOWN_KEY);
                return Err(not_registered(StatusCode::FORBIDDEN, KNOWN_KEY));
            }
            entry.confirmed = true;
            hub.gate.mark_proven(asker.client);
        }
        entry.key = Some(Arc::new(proof.key));
        entry.signed = Some(proof.at);
        entry.proved = Some(now);
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
fn is_there(hub: &Hub, name: &str, address: &str) -> bool {
    let state = hub.lock();
    state.registry.get(name).is_some_and(|old| old.address == address)
}

/// Whoever brings names that take long uses up patience as with what is refused: they hold what others wait for.
pub(super) async fn reachable(hub: &Hub, asker: &Registrant, is_known: bool, address: &str) -> Answer<()> {
    match hub.deliverer.reach.judge(address, asker.looks_up(is_known)).await {
        Reached::Good => Ok(()),
        Reached::Slow => {
            hub.gate.refused(asker.client);
            Ok(())
        }
        Reached::Bad(why) => Err(not_an_address(hub, &why)),
        // others hold the turns
        Reached::Busy => {
            let text = "too many host names are being looked up: try again";
            Err(not_registered(StatusCode::SERVICE_UNAVAILABLE, text))
        }
    }
}

fn not_an_address(hub: &Hub, why: &str) -> Box<Response> {
    hub.metrics.addresses_refused.add_one();
    let text = format!("the address is not one that messages are sent to: {why}");
    not_registered(StatusCode::BAD_REQUEST, &text)
}

pub(super) fn displaced(hub: &Hub, name: &str, old: &str, new: &str) -> Box<Response> {
    hub.metrics.takeovers_refused.add_one();
    if let Some(left_out) = TAKEOVERS.line() {
        let (name, old, new) = (SafeText::new(name), RedactedUrl::new(old), RedactedUrl::new(new));
        tracing::warn!(target: "messenger", subscriber = %name, %old, %new, left_out, "takeover refused");
    }
    let text = format!("{name} is registered with another address, which answers");
    not_registered(StatusCode::CONFLICT, &text)
}

fn taken(hub: &Hub, claim: &Claim, why: &str) -> Box<Response> {
    hub.metrics.takeovers_refused.add_one();
    let name = &claim.name;
    tell_key(name, &claim.entry.address, &format!("it is {why}"));
    not_registered(StatusCode::CONFLICT, &format!("{name} is {why}"))
}

/// The host is who can let a new key in.
fn tell_key(name: &str, address: &str, why: &str) {
    if let Some(left_out) = KEYS.line() {
        let (name, address) = (SafeText::new(name), RedactedUrl::new(address));
        tracing::warn!(target: "messenger", subscriber = %name, %address, left_out, "registration refused: {why}");
    }
}

/// The key by which this messenger tells an operator, that of the configuration or of its registration: by it the operator
/// finds out why its node is refused. Keys are public.
pub(super) async fn key_of(
    State(hub): State<Arc<Hub>>,
    name: Result<Path<String>, PathRejection>,
) -> Response {
    let Some(operator) = name.ok().and_then(|path| operator_id(&path.0)) else {
        return reply::empty(StatusCode::NOT_FOUND);
    };
    let registered = || hub.lock().registry.key(&operator.to_string());
    match hub.named.known(operator).or_else(registered) {
        Some(key) => {
            let key = serde_json::json!({ "public_key": key.to_registry_text() });
            reply::json(StatusCode::OK, &key)
        }
        None => reply::empty(StatusCode::NOT_FOUND),
    }
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
        claim.entry.inherit(old);
        if old.address != claim.entry.address
            && let Some(left_out) = TAKEOVERS.line()
        {
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

#[cfg(test)]
mod tests {
    use futures_util::future::join_all;

    use super::super::super::topic::{Origin, Topic};
    use super::super::super::{MessengerConfig, MessengerHandle, spawn};
    use super::*;

    async fn messenger() -> MessengerHandle {
        let config = MessengerConfig::new(([127, 0, 0, 1], 0).into());
        spawn(config).await.unwrap()
    }

    fn asker(owner: Option<[u8; 32]>) -> Registrant {
        Registrant {
            client: Client::unknown(),
            owner,
            proof: None,
            said: String::new(),
        }
    }

    /// A name that the system's resolver refuses by itself: a part of it is too long.
    fn name() -> String {
        format!("http://{}.example:1", "a".repeat(64))
    }

    /// The observer of an initiator that the messenger knows waited for its turn behind the names of strangers.
    #[tokio::test]
    async fn the_observer_of_a_known_initiator_is_looked_up_as_known() {
        let messenger = messenger().await;
        let hub = &messenger.hub;
        let _all = hub.deliverer.reach.hold_strangers().await;
        let owner = Some([7; 32]);
        let topics = [(1, Origin::Known), (2, Origin::Guest(None))].map(|(n, origin)| {
            let id = RequestId([n; 24]);
            let mut state = hub.lock();
            let mut topic = Topic::new(id, state.generation(), [], hub.now());
            (topic.owner, topic.origin) = (owner, origin);
            state.topics.insert(id, topic);
            id
        });
        let address = name();
        let register = async |id: RequestId, owner: Option<[u8; 32]>| {
            let answer = observer(hub, &asker(owner), id, "observer", &address).await;
            answer.map_err(|response| response.status().as_u16())
        };
        let [known, of_guest] = topics;
        let (own, anothers, of_guest) = tokio::join!(
            register(known, owner),
            register(known, Some([8; 32])),
            register(of_guest, owner)
        );
        assert_eq!(own, Ok(true));
        assert_eq!((anothers, of_guest), (Err(503), Err(503)), "these are guests");
        messenger.shutdown().await;
    }

    /// Whom others kept waiting until it was refused unread had done nothing wrong.
    #[tokio::test]
    async fn who_waits_for_a_turn_in_vain_loses_no_patience() {
        let messenger = messenger().await;
        let hub = &messenger.hub;
        let _all = hub.deliverer.reach.hold_strangers().await;
        let (asker, address) = (asker(None), name());
        let all = join_all((0..300).map(|_| reachable(hub, &asker, false, &address))).await;
        for answer in all {
            assert_eq!(answer.unwrap_err().status(), StatusCode::SERVICE_UNAVAILABLE);
        }
        assert!(!hub.gate.is_over(asker.client));
        messenger.shutdown().await;
    }
}
