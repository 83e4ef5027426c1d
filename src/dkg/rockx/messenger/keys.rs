//! Whose signature counts: the operators that the configuration names, with their keys; of all others the key that their
//! registration proved.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::hub::Hub;
use super::results::Backing;
use super::subscriber;
use crate::dkg::rockx::keys::OperatorPublicKey;
use crate::dkg::rockx::node::directory::{Directory, DirectoryError, DirectorySources};
use crate::dkg::rockx::wire::{
    BlameOutput, Decode, GoMap, KeygenMessage, MsgType, ProtocolRound, SignedMessage, SignedOutput,
};
use crate::types::{OperatorId, OperatorRecord, RequestId};

/// Keys from the SSV API are asked for again after this time; the directory forgets them after ten minutes.
const RENEW: Duration = Duration::from_secs(300);
/// While one is missing, all are asked for more often.
const RETRY: Duration = Duration::from_secs(20);

/// The operators that the configuration names.
pub(super) struct ConfiguredOperators {
    /// Id and the address at which it gets in without a proof, if one is told.
    addresses: BTreeMap<OperatorId, String>,
    directory: Directory,
    /// From the API; what was learned once stays until something else is learned.
    learned: Mutex<BTreeMap<OperatorId, Arc<OperatorPublicKey>>>,
}

impl fmt::Debug for ConfiguredOperators {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Named").field(&self.addresses.keys()).finish()
    }
}

impl ConfiguredOperators {
    pub(super) fn new(
        operators: &[OperatorRecord],
        mut sources: DirectorySources,
    ) -> Result<Self, DirectoryError> {
        let with_key = operators.iter().filter(|record| !record.public_key.is_empty());
        sources.configured.extend(with_key.cloned());
        let mut addresses: BTreeMap<OperatorId, String> = sources
            .configured
            .iter()
            .map(|record| (record.id, listed(record)))
            .collect();
        for record in operators {
            addresses.insert(record.id, listed(record));
        }
        if sources.test_operators {
            for id in (1..=8).map(OperatorId) {
                addresses.entry(id).or_default();
            }
        }
        Ok(Self {
            addresses,
            directory: sources.open()?,
            learned: Mutex::default(),
        })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.addresses.is_empty()
    }

    /// Whether `name` is the id of an operator that is named.
    pub(super) fn has(&self, id: OperatorId) -> bool {
        self.addresses.contains_key(&id)
    }

    /// Whether a key of this operator is known from the configuration.
    pub(super) fn vouches(&self, id: OperatorId) -> bool {
        self.directory.known(id).is_some() || self.learned().contains_key(&id)
    }

    /// Whether a key that once was the one of operator `name` is so still, as far as it is known at the moment.
    pub(super) fn may_be_of(&self, name: &str, key: Option<&OperatorPublicKey>) -> bool {
        let Some(id) = operator_id(name).filter(|id| self.has(*id)) else {
            return false;
        };
        let known = self.directory.known(id);
        key.is_some_and(|key| known.is_none_or(|known| *known == *key))
    }

    /// Whether `name` is an operator that gets in at `address`, which is in its normal form, without a proof.
    pub(super) fn lists(&self, name: &str, address: &str) -> bool {
        let id = operator_id(name);
        let listed = id.and_then(|id| self.addresses.get(&id));
        listed.is_some_and(|listed| !listed.is_empty() && listed == address)
    }

    /// The key of an operator that is named, as far as it is known by now: nobody is asked.
    pub(super) fn known(&self, id: OperatorId) -> Option<Arc<OperatorPublicKey>> {
        let is_named = self.addresses.contains_key(&id);
        is_named
            .then(|| {
                self.directory
                    .known(id)
                    .or_else(|| self.learned().get(&id).cloned())
            })
            .flatten()
    }

    /// The key of an operator that is named. Asks the API for a key that was never learned.
    pub(super) async fn key(&self, id: OperatorId) -> Option<Arc<OperatorPublicKey>> {
        if !self.addresses.contains_key(&id) {
            return None;
        }
        match self.known(id) {
            Some(key) => Some(key),
            None => self.learn(id).await,
        }
    }

    async fn learn(&self, id: OperatorId) -> Option<Arc<OperatorPublicKey>> {
        match self.directory.resolve(id).await {
            Ok(key) => {
                self.learned().insert(id, Arc::clone(&key));
                Some(key)
            }
            Err(error) => {
                tracing::debug!(target: "messenger", operator = %id, %error, "no key of an operator that is named");
                None
            }
        }
    }

    fn learned(&self) -> std::sync::MutexGuard<'_, BTreeMap<OperatorId, Arc<OperatorPublicKey>>> {
        self.learned.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The operator whose id a subscriber's name is, as it is written in decimal.
pub(super) fn operator_id(name: &str) -> Option<OperatorId> {
    let id = name.parse().ok().map(OperatorId);
    id.filter(|id| id.to_string() == name)
}

/// Where the configuration lists an operator. What is no URL lists nobody anywhere.
fn listed(record: &OperatorRecord) -> String {
    subscriber::normal(&record.endpoint).unwrap_or_default()
}

/// Keeps the keys fresh, so that no message waits for the API.
pub(super) async fn keep(hub: Arc<Hub>) {
    let mut stop = hub.stop.subscribe();
    loop {
        let mut missing = Vec::new();
        for id in hub.named.addresses.keys() {
            if hub.named.learn(*id).await.is_none() && hub.named.key(*id).await.is_none() {
                missing.push(id.to_string());
            }
        }
        if !missing.is_empty() {
            let operators = missing.join(", ");
            tracing::warn!(target: "messenger", %operators,
                "no key is known of these operators that are named: what they sign is taken only after their nodes proved one");
        }
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => return,
            () = tokio::time::sleep(if missing.is_empty() { RENEW } else { RETRY }) => {}
        }
    }
}

impl Hub {
    /// The key that an operator's signatures are checked with, and whether the configuration vouches for it.
    pub(super) async fn key_of(&self, id: OperatorId) -> Option<(Arc<OperatorPublicKey>, bool)> {
        if let Some(key) = self.named.key(id).await {
            return Some((key, true));
        }
        let proved = self.lock().registry.key(&id.to_string());
        proved.map(|key| (key, false))
    }

    /// Who signed a result of this ceremony, if the operators themselves signed all of it.
    ///
    /// # Errors
    /// Which signature is missing, in words.
    pub(super) async fn check_outputs(
        &self,
        id: RequestId,
        outputs: &GoMap<SignedOutput>,
    ) -> Result<Backing, String> {
        let mut signers: Vec<OperatorId> = outputs.iter().map(|(signer, _)| *signer).collect();
        signers.sort_unstable();
        if signers.is_empty() {
            return Err("a result without any signed output".to_owned());
        }
        self.may_report(id, &signers)?;
        let mut all_vouched = true;
        for (signer, output) in outputs.iter() {
            let (key, vouched) = self.key_of(*signer).await.ok_or_else(|| no_key(*signer))?;
            self.may_vouch(id, *signer, vouched)?;
            if !is_own_output(id, *signer, output, &key) {
                return Err(bad_signature(*signer));
            }
            all_vouched &= vouched;
        }
        let vouched = all_vouched || self.named.is_empty();
        Ok(Backing { vouched, signers })
    }

    /// Who signed the accusation, if it is an operator of this ceremony.
    ///
    /// # Errors
    /// Which signature is missing, in words.
    pub(super) async fn check_blame(&self, id: RequestId, blame: &BlameOutput) -> Result<Backing, String> {
        let message = blame
            .blame_message
            .as_ref()
            .ok_or("an accusation without a signed message")?;
        let signer = message.signer;
        if !is_report(message, blame.valid) {
            return Err(format!(
                "what operator {signer} signed there is neither an accusation nor, in a report that accuses nobody, a \
                 surrender"
            ));
        }
        self.may_report(id, &[signer])?;
        let (key, vouched) = self.key_of(signer).await.ok_or_else(|| no_key(signer))?;
        self.may_vouch(id, signer, vouched)?;
        let is_of_this = message.message.as_ref().is_some_and(|m| m.identifier == id);
        match is_of_this && message.verify(&key) {
            true => Ok(Backing {
                vouched: vouched || self.named.is_empty(),
                signers: vec![signer],
            }),
            false => Err(bad_signature(signer)),
        }
    }

    /// Only those for whom the topic was made can say how its ceremony ended.
    fn may_report(&self, id: RequestId, signers: &[OperatorId]) -> Result<(), String> {
        let state = self.lock();
        let Some(topic) = state.topics.get(&id) else {
            return Ok(());
        };
        match signers.iter().find(|signer| !topic.has_founder(**signer)) {
            Some(stranger) => Err(format!("operator {stranger} is no member of the topic")),
            None => Ok(()),
        }
    }

    /// After the topic is gone nobody knows who took part: where operators are named, the word of others is worth nothing.
    fn may_vouch(&self, id: RequestId, signer: OperatorId, vouched: bool) -> Result<(), String> {
        if vouched || self.named.is_empty() || self.lock().topics.contains_key(&id) {
            return Ok(());
        }
        Err(format!(
            "there is no topic, and operator {signer} is none that is named here"
        ))
    }
}

/// Whether a message may stand in a report of a ceremony's end. `valid` is signed by nobody, and programs take it at its word:
/// with it any other overheard message would be an accusation that holds.
fn is_report(message: &SignedMessage, valid: bool) -> bool {
    let message = message.message.as_ref();
    let Some(message) = message.filter(|message| message.msg_type == MsgType::Protocol) else {
        return false;
    };
    let Ok(payload) = KeygenMessage::from_json(message.data.as_slice()) else {
        return false;
    };
    match payload.round {
        ProtocolRound::Blame => payload.blame.is_some(),
        // our nodes' word that they go no further
        ProtocolRound::Timeout => payload.timeout.is_some() && !valid,
        _ => false,
    }
}

/// Whether `output` is what this operator signed as its result of this ceremony.
pub(super) fn is_own_output(
    id: RequestId,
    signer: OperatorId,
    output: &SignedOutput,
    key: &OperatorPublicKey,
) -> bool {
    let of = output.data.as_ref().map(|data| data.request_id);
    let of = of.or_else(|| output.key_sign_data.as_ref().map(|data| data.request_id));
    output.signer == signer && of == Some(id) && output.verify(key)
}

/// Why nothing that an operator signs can be kept.
pub(super) fn no_key(id: OperatorId) -> String {
    format!(
        "no public key of operator {id} is known here: name the operator in the messenger's configuration, or let its \
         node prove its key"
    )
}

/// Why something that an operator did not sign is not kept.
pub(super) fn bad_signature(id: OperatorId) -> String {
    format!("the signature is not that of operator {id}")
}
