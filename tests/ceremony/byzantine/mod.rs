//! Operators that misbehave, made of the production state machines, the production wire types and a small server. They
//! sign properly, so that only what they *say* is wrong.

mod lies;

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, post};
use casimir_dkg::dkg::rockx::messenger::{PROOF_HEADER, prove_registration};
use casimir_dkg::dkg::rockx::node::session::{
    Authentic, Finish, FrostPlan, FrostSession, Identity, Input, KeysignPlan, KeysignSession, Output, Peers,
    Session,
};
use casimir_dkg::dkg::rockx::node::store::KeyShare;
use casimir_dkg::dkg::rockx::wire::{
    Blame, BlameType, Decode, Encode, GoBytes, GoMap, Init, KeySign, KeygenMessage, Message, MsgType,
    Preparation, ProtocolRound, Reshare, SignedMessage, SignedOutput, Subscriber, Timeout,
};
use casimir_dkg::dkg::threshold::SecretScalar;
use casimir_dkg::types::{BlsPublicKey, OperatorId, RequestId};
use rand::rngs::OsRng;
use tokio::sync::oneshot;

use lies::step_of;
pub(crate) use lies::{Lie, Step, corrupt};

/// How an operator misbehaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Misbehaviour {
    /// It does not: a control.
    None,
    /// Takes every message and never says anything.
    Silent,
    /// Its process ends when it would send its first message of this kind: connections are refused from then on.
    Dies(Step),
    /// Never sends its messages of this kind, and goes on with the next ones.
    Withholds(Step),
    /// Says that its time ran out as soon as it is started.
    GivesUp,
    /// Answers a start message with an error.
    RefusesToStart,
    /// Waits before everything that it sends.
    Slow(Duration),
    /// See [`Lie`].
    Lies(Lie),
    /// Accuses this innocent operator as soon as it has anything from it.
    Slanders(OperatorId),
    /// Accuses this innocent operator instead of sending its result, when everybody has a share already.
    SlandersLate(OperatorId),
    /// Reports a forged result to the messenger when the ceremony ends.
    ForgesResult,
}

/// A running misbehaving operator. Dropping it ends it.
pub(crate) struct Byzantine {
    address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    me: Identity,
    peers: Peers,
    messenger: String,
    misbehaviour: Misbehaviour,
    client: reqwest::Client,
    state: tokio::sync::Mutex<Sessions>,
    /// Fires to end the server.
    end: Mutex<Option<oneshot::Sender<()>>>,
}

#[derive(Default)]
struct Sessions {
    running: HashMap<RequestId, Box<dyn Session>>,
    /// Messages that came before their start message.
    early: HashMap<RequestId, Vec<Authentic>>,
    session_keys: BTreeMap<OperatorId, Preparation>,
    /// A protocol message of each operator.
    heard: BTreeMap<OperatorId, SignedMessage>,
    keys: HashMap<BlsPublicKey, KeyShare>,
    slandered: bool,
    dead: bool,
}

impl Byzantine {
    /// Listens on a free loopback port and registers with the messenger. `peers` holds the RSA keys of everybody that it
    /// will have to do with, itself included.
    pub(crate) async fn spawn(
        me: Identity,
        peers: Peers,
        messenger_url: &str,
        misbehaviour: Misbehaviour,
    ) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a free port");
        let address = listener.local_addr().expect("an address");
        let (end, ended) = oneshot::channel::<()>();
        let shared = Arc::new(Shared {
            me,
            peers,
            messenger: messenger_url.trim_end_matches('/').to_owned(),
            misbehaviour,
            client: reqwest::Client::builder().no_proxy().build().expect("a client"),
            state: tokio::sync::Mutex::default(),
            end: Mutex::new(Some(end)),
        });
        let router = Router::new()
            .route("/consume", post(consume))
            .route("/ping", get(async || r#"{"message":"pong"}"#))
            .route("/version", get(async || r#"{"version":"0.2.13"}"#))
            .with_state(shared.clone());
        tokio::spawn(async move {
            // not graceful: a process that dies says no farewell to its connections
            tokio::select! {
                served = axum::serve(listener, router) => served.expect("serving"),
                _ = ended => {}
            }
        });
        let body = Subscriber {
            name: shared.me.id.to_string(),
            srv_addr: format!("http://{address}"),
        };
        let key = &shared.me.key;
        let proof = prove_registration(key, "default", &body.name, &body.srv_addr).expect("RSA");
        let url = format!("{}/register_node?subscribes_to=default", shared.messenger);
        let call = shared.client.post(url).header(PROOF_HEADER, proof);
        let answer = call.body(body.to_json()).send().await.expect("an answer");
        assert!(answer.status().is_success(), "{}", answer.status());
        Self { address, shared }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Gives it a share that it did not take part in making.
    pub(crate) async fn hold(&self, share: KeyShare) {
        self.shared.state.lock().await.keys.insert(share.validator, share);
    }
}

impl Drop for Byzantine {
    fn drop(&mut self) {
        self.shared.die();
    }
}

async fn consume(State(shared): State<Arc<Shared>>, body: Bytes) -> (StatusCode, String) {
    match shared.take(&body).await {
        Ok(()) => (
            StatusCode::OK,
            r#"{"error":null,"message":"processed message successfully"}"#.into(),
        ),
        Err(error) => (
            StatusCode::INTERNAL_SERVER_ERROR,
            format!(r#"{{"error":"{error}","message":"dkg node failed to process message"}}"#),
        ),
    }
}

impl Shared {
    fn die(&self) {
        if let Some(end) = self.end.lock().expect("never poisoned").take() {
            let _ = end.send(());
        }
    }

    async fn take(self: &Arc<Self>, body: &[u8]) -> Result<(), String> {
        let signed = SignedMessage::from_ssv(body).map_err(|e| e.to_string())?;
        let message = signed.message.clone().ok_or("no message")?;
        let mut state = self.state.lock().await;
        if state.dead {
            return Err("dead".into());
        }
        let id = message.identifier;
        let outputs = if message.msg_type.is_start() {
            if self.misbehaviour == Misbehaviour::RefusesToStart {
                return Err("could not start new dkg: this operator does not feel like it".into());
            }
            let mut session = self.session(&message, &state.keys)?;
            let mut outputs = session.start(&mut OsRng);
            for early in state.early.remove(&id).unwrap_or_default() {
                outputs.extend(
                    session
                        .handle(Input::Message(early), &mut OsRng)
                        .unwrap_or_default(),
                );
            }
            state.running.insert(id, session);
            if self.misbehaviour == Misbehaviour::GivesUp {
                let body = KeygenMessage::from(Timeout {
                    round: ProtocolRound::Round1,
                });
                let gives_up = self.me.sign(MsgType::Protocol, id, &body).expect("RSA");
                outputs.insert(0, Output::Broadcast(gives_up));
            }
            outputs
        } else {
            let key = self.peers.get(&signed.signer).ok_or("a stranger")?;
            if let Ok(KeygenMessage {
                preparation: Some(preparation),
                ..
            }) = KeygenMessage::from_json(message.data.as_slice())
            {
                state.session_keys.insert(signed.signer, preparation);
                state.heard.insert(signed.signer, signed.clone());
            }
            let authentic = Authentic::check(signed.clone(), key).ok_or("invalid signature")?;
            let mut outputs = match state.running.get_mut(&id) {
                Some(session) => session
                    .handle(Input::Message(authentic), &mut OsRng)
                    .unwrap_or_default(),
                None => {
                    state.early.entry(id).or_default().push(authentic);
                    Vec::new()
                }
            };
            if let Misbehaviour::Slanders(victim) = &self.misbehaviour
                && *victim == signed.signer
                && !state.slandered
            {
                state.slandered = true;
                outputs.push(Output::Broadcast(self.slander(&signed)));
            }
            outputs
        };
        let mut posts = Vec::new();
        for output in outputs {
            match output {
                Output::Broadcast(message) => {
                    if self.misbehaviour == Misbehaviour::Silent {
                        continue;
                    }
                    if let Misbehaviour::Withholds(step) = &self.misbehaviour
                        && step_of(&message) == Some(*step)
                    {
                        continue;
                    }
                    if let Misbehaviour::Dies(step) = &self.misbehaviour
                        && step_of(&message) == Some(*step)
                    {
                        state.dead = true;
                        self.die();
                        break;
                    }
                    if let Misbehaviour::SlandersLate(victim) = &self.misbehaviour
                        && step_of(&message) == Some(Step::Output)
                    {
                        let evidence = state.heard.get(victim).ok_or("nothing heard from the victim")?;
                        let slander = self.slander(evidence).to_ssv();
                        posts.push((format!("publish?topic_name={id}"), slander));
                        continue;
                    }
                    for message in self.say(message, &state.session_keys) {
                        posts.push((format!("publish?topic_name={id}"), message.to_ssv()));
                    }
                }
                Output::Keep(key) => drop(state.keys.insert(key.validator, key)),
                Output::Finished(Finish::Outputs(outputs)) => {
                    let mut outputs = outputs;
                    if self.misbehaviour == Misbehaviour::ForgesResult {
                        self.forge(&mut outputs);
                    }
                    // whoever accuses instead of ending keeps the whole result to itself
                    let tells_none = matches!(
                        self.misbehaviour,
                        Misbehaviour::Silent | Misbehaviour::SlandersLate(_)
                    );
                    if !tells_none {
                        posts.push((format!("stream/dkgoutput?request_id={id}"), outputs.to_json()));
                    }
                }
                Output::Finished(Finish::Blame { report, .. }) => {
                    posts.push((format!("stream/dkgblame?request_id={id}"), report.to_json()));
                }
                Output::Finished(Finish::Failed { .. }) | Output::Arm(_) => {}
            }
        }
        drop(state);
        let this = self.clone();
        tokio::spawn(async move {
            for (route, body) in posts {
                if let Misbehaviour::Slow(pause) = this.misbehaviour {
                    tokio::time::sleep(pause).await;
                }
                this.post_to(&route, body).await;
            }
        });
        Ok(())
    }

    fn session(
        &self,
        start: &Message,
        keys: &HashMap<BlsPublicKey, KeyShare>,
    ) -> Result<Box<dyn Session>, String> {
        let (id, data) = (start.identifier, start.data.as_slice());
        let (me, peers) = (self.me.clone(), self.peers.clone());
        Ok(match start.msg_type {
            MsgType::Init => {
                let init = Init::from_json(data).map_err(|e| e.to_string())?;
                let plan = FrostPlan::keygen(id, &init, me.id).map_err(|e| e.to_string())?;
                Box::new(FrostSession::new(me, peers, plan, None))
            }
            MsgType::Reshare => {
                let start = Reshare::from_json(data).map_err(|e| e.to_string())?;
                let validator = BlsPublicKey::try_from(start.validator_pk.as_slice());
                let old = validator.ok().and_then(|v| keys.get(&v).cloned());
                let plan = FrostPlan::reshare(id, &start, me.id).map_err(|e| e.to_string())?;
                Box::new(FrostSession::new(me, peers, plan, old))
            }
            _ => {
                let start = KeySign::from_json(data).map_err(|e| e.to_string())?;
                let (validator, root) = KeysignPlan::request(&start).map_err(|e| e.to_string())?;
                let key = keys.get(&validator).cloned().ok_or("Key not found")?;
                Box::new(KeysignSession::new(me, peers, KeysignPlan { id, root, key }))
            }
        })
    }

    fn say(
        &self,
        message: SignedMessage,
        session_keys: &BTreeMap<OperatorId, Preparation>,
    ) -> Vec<SignedMessage> {
        match &self.misbehaviour {
            Misbehaviour::Lies(lie) if lie.concerns(&message, self.me.id) => {
                corrupt(lie, &message, &self.me, session_keys)
            }
            _ => vec![message],
        }
    }

    fn slander(&self, innocent: &SignedMessage) -> SignedMessage {
        let body = Blame {
            kind: BlameType::InvalidMessage,
            target: innocent.signer,
            evidence: vec![GoBytes::from(innocent.to_json())].into(),
            blamer_session_sk: GoBytes::NIL,
        };
        let id = innocent.message.as_ref().expect("it was parsed").identifier;
        self.me
            .sign(MsgType::Protocol, id, &KeygenMessage::from(body))
            .expect("RSA")
    }

    /// Every result gets another validator key, under the signatures of the true ones.
    fn forge(&self, outputs: &mut GoMap<SignedOutput>) {
        let key = SecretScalar::random(&mut OsRng).public_key();
        for output in outputs.0.iter_mut().flat_map(BTreeMap::values_mut) {
            if let Some(data) = &mut output.data {
                data.validator_pub_key = key.0.into();
            }
        }
    }

    /// Posts until the messenger takes it: also misbehaving operators are patient.
    async fn post_to(&self, route: &str, body: Vec<u8>) {
        let url = format!("{}/{route}", self.messenger);
        for attempt in 0..300_u64 {
            let answer = self.client.post(&url).body(body.clone()).send().await;
            if answer.is_ok_and(|a| a.status().is_success()) {
                return;
            }
            tokio::time::sleep(Duration::from_millis((20 * (attempt + 1)).min(1_000))).await;
        }
    }
}
