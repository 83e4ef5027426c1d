//! Start messages: who asks, for what, and whether this node agrees.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use futures_util::future::try_join_all;

use super::super::policy::Refusal;
use super::super::session::{FrostPlan, FrostSession, KeysignPlan, KeysignSession, Peers, Purpose, Session};
use super::super::store::{KeyShare, SessionKind};
use super::claims::Claim;
use super::room::{Starter, make_room};
use super::{Refused, Service, Table, Taken};
use crate::dkg::rockx::wire::{Decode, Init, KeySign, MsgType, Reshare, SignedMessage};
use crate::listen::Client;
use crate::log_limit::LogLimit;
use crate::types::{OperatorId, RequestId, SafeText};

static REFUSED: LogLimit = LogLimit::usual();

const KEYGEN: &str = "could not start new dkg";
const OTHERS: &str = "could not start resharing";

/// What is about to start.
struct Ready {
    kind: SessionKind,
    peers: Peers,
    session: Box<dyn Session>,
    describe: String,
    /// Of a resharing: no other one of the key may run beside it.
    claim: Option<Claim>,
}

/// Held while a ceremony is about to start, which then is not new to anybody else.
struct Starting {
    service: Arc<Service>,
    ceremony: RequestId,
}

impl Drop for Starting {
    fn drop(&mut self) {
        self.service.table().starting.remove(&self.ceremony);
    }
}

impl Table {
    fn is_new(&self, ceremony: RequestId, kind: MsgType) -> Result<(), String> {
        if self.running.contains_key(&ceremony) || self.starting.contains(&ceremony) {
            Err(match kind {
                MsgType::KeySign => "signature protocol started already".into(),
                _ => "dkg started already".into(),
            })
        } else if self.over.contains(&ceremony) {
            Err(used(ceremony))
        } else {
            Ok(())
        }
    }
}

impl Service {
    pub(super) async fn start(
        self: &Arc<Self>,
        signed: SignedMessage,
        client: Client,
    ) -> Result<Taken, Refused> {
        let signer = signed.signer;
        let started = self.try_start(signed, client).await;
        if let Err(refused) = &started
            && let Some(left_out) = REFUSED.line()
        {
            tracing::warn!(target: "casimir_dkg::node", %signer, %refused, left_out, "start message refused");
        }
        started
    }

    async fn try_start(self: &Arc<Self>, signed: SignedMessage, client: Client) -> Result<Taken, Refused> {
        let Some(message) = &signed.message else {
            return Err(Refused::Json("no message".into()));
        };
        let ceremony = message.identifier;
        let context = if message.msg_type == MsgType::Init {
            KEYGEN
        } else {
            OTHERS
        };
        let refuse = |error: String| Refused::Start { context, error };
        if self.rules().initiators.is_none() {
            // before anybody is asked whether the signer exists
            self.is_new(ceremony, message.msg_type).map_err(refuse)?;
            if !client.is_this_machine() {
                self.log_limit(client).map_err(refuse)?;
            }
        }
        let (initiator, by_key) = self.admit(&signed).await?;
        let starter = Starter {
            client: client.0,
            signed: by_key,
        };
        let Some(message) = signed.message else {
            return Err(Refused::Json("no message".into()));
        };

        // one look before the work, one decision after it
        self.is_new(ceremony, message.msg_type).map_err(refuse)?;
        self.has_room(starter).map_err(refuse)?;
        let payload = message.data.as_slice();
        let ready = match message.msg_type {
            MsgType::Init => self.keygen(ceremony, payload).await?,
            MsgType::Reshare => self.reshare(ceremony, payload).await?,
            _ => self.keysign(ceremony, payload).await?,
        };
        let kind = message.msg_type;
        // goes on when whoever asked hangs up: a ceremony that was begun, and does not run, would be refused to everybody
        let this = Arc::clone(self);
        let begun = async move {
            this.begin(ceremony, context, kind, ready, &initiator, starter)
                .await
        };
        tokio::spawn(begun).await.map_err(|_| Refused::Stopping)?
    }

    /// Takes down that the ceremony was begun, and runs it.
    async fn begin(
        self: &Arc<Self>,
        ceremony: RequestId,
        context: &'static str,
        kind: MsgType,
        ready: Ready,
        initiator: &SafeText,
        starter: Starter,
    ) -> Result<Taken, Refused> {
        let refuse = |error: String| Refused::Start { context, error };
        // whoever takes part may bring the initiator's message first: the initiator is told that it started all the same
        let _starting = self.reserve(ceremony, kind).map_err(refuse)?;
        let (kind, signed) = (ready.kind, starter.signed);
        let fresh = self
            .with_store(move |store| match signed {
                true => store.begin_signed(ceremony, kind),
                false => store.begin(ceremony, kind),
            })
            .await?;
        if !fresh {
            return Err(refuse(used(ceremony)));
        }
        tracing::info!(
            target: "casimir_dkg::node",
            %ceremony, kind = kind.as_str(), %initiator, what = %SafeText::new(&ready.describe),
            "ceremony started"
        );
        self.launch(ceremony, &ready.peers, ready.session, ready.claim, starter);
        Ok(if signed { Taken::Signed } else { Taken::Unsigned })
    }

    /// Lets one client elsewhere send so many start messages that nobody signed.
    fn log_limit(&self, client: Client) -> Result<(), String> {
        match self.table().starts.admit(client.0, Instant::now()) {
            true => Ok(()),
            false => Err("too many start messages from one address".to_owned()),
        }
    }

    /// Makes room for a ceremony, before there was any work for it.
    fn has_room(&self, starter: Starter) -> Result<(), String> {
        let now = Instant::now();
        let mut table = self.table();
        if let Some(silent) = make_room(&table.running, starter, now)? {
            // its task takes it off the list; it does not count from now on
            if let Some(running) = table.running.remove(&silent) {
                table.over.insert(silent);
                running.displaced.send_replace(true);
            }
        }
        Ok(())
    }

    /// Who is asking, and whether a configured key says so. With a list of initiators, one of their keys must have made the signature; without one, the signer
    /// must at least be an operator that exists, as RockX's nodes ask.
    async fn admit(&self, signed: &SignedMessage) -> Result<(SafeText, bool), Refused> {
        let rules = self.rules();
        let Some(initiators) = &rules.initiators else {
            let signer = signed.signer;
            return match self.directory.resolve(signer).await {
                Ok(_) => Ok((SafeText::new(&format!("anybody, as operator {signer}")), false)),
                Err(error) => Err(Refused::Signer {
                    signer,
                    error: error.to_string(),
                }),
            };
        };
        initiators
            .iter()
            .find(|(_, key)| signed.verify(key))
            .map(|(name, _)| (name.clone(), true))
            .ok_or_else(|| Refused::Start {
                context: "start message",
                error: Refusal::Initiator.to_string(),
            })
    }

    fn is_new(&self, ceremony: RequestId, kind: MsgType) -> Result<(), String> {
        self.table().is_new(ceremony, kind)
    }

    /// Says that the ceremony starts here, until it runs or could not start.
    fn reserve(self: &Arc<Self>, ceremony: RequestId, kind: MsgType) -> Result<Starting, String> {
        let mut table = self.table();
        table.is_new(ceremony, kind)?;
        table.starting.insert(ceremony);
        Ok(Starting {
            service: Arc::clone(self),
            ceremony,
        })
    }

    async fn keygen(&self, ceremony: RequestId, payload: &[u8]) -> Result<Ready, Refused> {
        let refuse = |error: String| Refused::Start {
            context: KEYGEN,
            error,
        };
        let init = Init::from_json(payload).map_err(|e| refuse(e.to_string()))?;
        let plan = FrostPlan::keygen(ceremony, &init, self.me.id)
            .map_err(|e| refuse(format!("init message invalid: {e}")))?;
        if let Purpose::Keygen { credentials, fork } = plan.purpose {
            self.rules()
                .policy
                .check_keygen(credentials, fork)
                .map_err(|e| refuse(e.to_string()))?;
        }
        let peers = self.peers(&plan.participants()).await?;
        let describe = format!("{} operators, threshold {}", plan.receivers.len(), plan.threshold);
        Ok(Ready {
            kind: SessionKind::Keygen,
            claim: None,
            session: Box::new(FrostSession::new(self.me.clone(), peers.clone(), plan, None)),
            peers,
            describe,
        })
    }

    async fn reshare(&self, ceremony: RequestId, payload: &[u8]) -> Result<Ready, Refused> {
        let refuse = |error: String| Refused::Start {
            context: OTHERS,
            error,
        };
        let start = Reshare::from_json(payload).map_err(|e| refuse(e.to_string()))?;
        let plan = FrostPlan::reshare(ceremony, &start, self.me.id)
            .map_err(|e| refuse(format!("reshare message invalid: {e}")))?;
        let Purpose::Reshare { validator } = plan.purpose else {
            return Err(refuse("not a resharing".into()));
        };
        let claim = self.reshares.claim(validator, ceremony).map_err(refuse)?;
        let mut old_key = None;
        if plan.dealers.contains(&self.me.id) {
            self.settle_key(validator).await?;
            let key = self.key(validator).await?.ok_or_else(|| {
                refuse("could not find the keygen output from storage: Key not found".into())
            })?;
            check_dealers(&plan, &key).map_err(|why| refuse(format!("reshare message invalid: {why}")))?;
            old_key = Some(key);
        }
        let peers = self.peers(&plan.participants()).await?;
        let describe = format!(
            "{validator}: {} to {} operators",
            plan.dealers.len(),
            plan.receivers.len()
        );
        Ok(Ready {
            kind: SessionKind::Reshare(validator),
            claim: Some(claim),
            session: Box::new(FrostSession::new(self.me.clone(), peers.clone(), plan, old_key)),
            peers,
            describe,
        })
    }

    async fn keysign(&self, ceremony: RequestId, payload: &[u8]) -> Result<Ready, Refused> {
        let refuse = |error: String| Refused::Start {
            context: OTHERS,
            error,
        };
        let start = KeySign::from_json(payload).map_err(|e| refuse(e.to_string()))?;
        let (validator, root) =
            KeysignPlan::request(&start).map_err(|e| refuse(format!("keysign message invalid: {e}")))?;
        self.settle_key(validator).await?;
        let key = self.key(validator).await?.ok_or_else(|| {
            refuse("failed to retrieve secret keyshare for given validator pk: Key not found".into())
        })?;
        let meaning = self
            .permitted(validator, &root)
            .await
            .map_err(|e| refuse(e.to_string()))?;
        let members: Vec<OperatorId> = key.share_public_keys.keys().copied().collect();
        let peers = self.peers(&members).await?;
        let describe = format!("{validator} signs {meaning}: 0x{}", hex::encode(&root));
        let plan = KeysignPlan {
            id: ceremony,
            root,
            key,
        };
        Ok(Ready {
            kind: SessionKind::Keysign,
            claim: None,
            session: Box::new(KeysignSession::new(self.me.clone(), peers.clone(), plan)),
            peers,
            describe,
        })
    }

    /// The RSA keys of everybody who takes part.
    pub(super) async fn peers(&self, members: &[OperatorId]) -> Result<Peers, Refused> {
        let keys = try_join_all(members.iter().map(|id| async move {
            match self.directory.resolve(*id).await {
                Ok(key) => Ok((*id, key)),
                Err(error) => Err(Refused::Signer {
                    signer: *id,
                    error: error.to_string(),
                }),
            }
        }))
        .await?;
        let keys: BTreeMap<_, _> = keys.into_iter().collect();
        Ok(Arc::new(keys))
    }
}

/// With more or fewer dealers the sum of what they deal is not the key; strangers have nothing to deal.
fn check_dealers(plan: &FrostPlan, key: &KeyShare) -> Result<(), String> {
    if plan.dealers.len() != usize::from(key.threshold) {
        return Err(format!(
            "{} old operators are listed, exactly {} must deal",
            plan.dealers.len(),
            key.threshold
        ));
    }
    let mut strangers = plan.dealers.iter();
    match strangers.find(|id| !key.share_public_keys.contains_key(id)) {
        Some(stranger) => Err(format!("operator {stranger} holds no share of this key")),
        None => Ok(()),
    }
}

fn used(ceremony: RequestId) -> String {
    format!("request id {ceremony} was used before and is never used again")
}
