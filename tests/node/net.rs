//! A committee in one thread: every operator's state machine, and the messages that are under way between them.

use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::sync::{Arc, LazyLock};

use casimir_dkg::dkg::rockx::keys::{OperatorPrivateKey, OperatorPublicKey};
use casimir_dkg::dkg::rockx::node::session::{
    Authentic, Finish, FrostPlan, FrostSession, Identity, Input, KeysignPlan, KeysignSession, Output, Peers,
    Purpose, Reject, Session,
};
use casimir_dkg::dkg::rockx::node::store::KeyShare;
use casimir_dkg::dkg::rockx::wire::{GoMap, ProtocolRound, SignedMessage, SignedOutput};
use casimir_dkg::dkg::threshold::{self, SecretScalar};
use casimir_dkg::types::{BlsPublicKey, ForkVersion, OperatorId, RequestId, Root};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha20Rng;
use serde_json::Value;

pub(crate) const CREDENTIALS: Root = Root([1; 32]);
pub(crate) const FORK: ForkVersion = ForkVersion([0, 0, 16, 32]);

pub(crate) fn vectors(file: &str) -> Value {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/vectors/rockx")
        .join(file);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    serde_json::from_str(&text).unwrap()
}

/// The published RSA keys of test operators 1 to 13.
static KEYS: LazyLock<BTreeMap<OperatorId, Arc<OperatorPrivateKey>>> = LazyLock::new(|| {
    let sets = vectors("test-keysets.json");
    let operators = sets["operators"].as_object().unwrap();
    operators
        .iter()
        .map(|(id, operator)| {
            let der = hex::decode(operator["rsa_private_pkcs1_der_hex"].as_str().unwrap()).unwrap();
            let key = OperatorPrivateKey::from_der(&der).unwrap();
            (OperatorId(id.parse().unwrap()), Arc::new(key))
        })
        .collect()
});

pub(crate) fn identity(id: u64) -> Identity {
    Identity {
        id: OperatorId(id),
        key: KEYS[&OperatorId(id)].clone(),
    }
}

pub(crate) fn public(id: OperatorId) -> Arc<OperatorPublicKey> {
    Arc::new(KEYS[&id].public().clone())
}

pub(crate) fn peers(ids: &[OperatorId]) -> Peers {
    Arc::new(ids.iter().map(|id| (*id, public(*id))).collect())
}

pub(crate) fn ids(ids: impl IntoIterator<Item = u64>) -> Vec<OperatorId> {
    ids.into_iter().map(OperatorId).collect()
}

pub(crate) fn request(seed: u64) -> RequestId {
    let mut id = [7; 24];
    id[..8].copy_from_slice(&seed.to_be_bytes());
    RequestId(id)
}

pub(crate) fn threshold_of(n: usize) -> u8 {
    u8::try_from((n - 1) / 3 * 2 + 1).unwrap()
}

pub(crate) fn keygen_plan(id: RequestId, committee: &[OperatorId]) -> FrostPlan {
    FrostPlan {
        id,
        dealers: committee.to_vec(),
        receivers: committee.to_vec(),
        threshold: threshold_of(committee.len()),
        purpose: Purpose::Keygen {
            credentials: CREDENTIALS,
            fork: FORK,
        },
    }
}

/// A message on its way.
pub(crate) enum Transit {
    /// The start message of this operator.
    Start(OperatorId),
    Message(OperatorId, Authentic),
}

/// See the module's description.
pub(crate) struct Net {
    sessions: BTreeMap<OperatorId, Box<dyn Session>>,
    /// Operators that had their start message; what comes earlier is kept for them, as the node does.
    started: Vec<OperatorId>,
    early: BTreeMap<OperatorId, Vec<Authentic>>,
    /// Nothing reaches these any more.
    deaf: Vec<OperatorId>,
    pub(crate) transit: VecDeque<Transit>,
    pub(crate) published: Vec<SignedMessage>,
    pub(crate) kept: BTreeMap<OperatorId, KeyShare>,
    pub(crate) finished: BTreeMap<OperatorId, Finish>,
    pub(crate) armed: BTreeMap<OperatorId, ProtocolRound>,
    pub(crate) rejected: Vec<(OperatorId, Reject)>,
    pub(crate) rng: ChaCha20Rng,
}

impl Net {
    fn new(sessions: BTreeMap<OperatorId, Box<dyn Session>>, seed: u64) -> Self {
        Self {
            transit: sessions.keys().copied().map(Transit::Start).collect(),
            sessions,
            started: Vec::new(),
            early: BTreeMap::new(),
            deaf: Vec::new(),
            published: Vec::new(),
            kept: BTreeMap::new(),
            finished: BTreeMap::new(),
            armed: BTreeMap::new(),
            rejected: Vec::new(),
            rng: ChaCha20Rng::seed_from_u64(seed),
        }
    }

    pub(crate) fn keygen(n: u64, seed: u64) -> Self {
        let plan = keygen_plan(request(seed), &ids(1..=n));
        Self::frost(&plan, &BTreeMap::new(), seed)
    }

    /// Hands the key of `old` over: `dealers` deal, `receivers` receive.
    pub(crate) fn reshare(
        old: &BTreeMap<OperatorId, KeyShare>,
        dealers: &[OperatorId],
        receivers: &[OperatorId],
        seed: u64,
    ) -> Self {
        let validator = old.values().next().unwrap().validator;
        let plan = FrostPlan {
            id: request(seed),
            dealers: dealers.to_vec(),
            receivers: receivers.to_vec(),
            threshold: threshold_of(receivers.len()),
            purpose: Purpose::Reshare { validator },
        };
        Self::frost(&plan, old, seed)
    }

    pub(crate) fn frost(plan: &FrostPlan, old: &BTreeMap<OperatorId, KeyShare>, seed: u64) -> Self {
        let members = plan.participants();
        let peers = peers(&members);
        let sessions = members.iter().map(|id| {
            let old_key = old.get(id).cloned().filter(|_| plan.dealers.contains(id));
            let session = FrostSession::new(identity(id.0), peers.clone(), plan.clone(), old_key);
            (*id, Box::new(session) as Box<dyn Session>)
        });
        Self::new(sessions.collect(), seed)
    }

    pub(crate) fn keysign(keys: &BTreeMap<OperatorId, KeyShare>, root: &[u8], seed: u64) -> Self {
        let members: Vec<OperatorId> = keys.keys().copied().collect();
        let peers = peers(&members);
        let sessions = keys.iter().map(|(id, key)| {
            let plan = KeysignPlan {
                id: request(seed),
                root: root.to_vec(),
                key: key.clone(),
            };
            let session = KeysignSession::new(identity(id.0), peers.clone(), plan);
            (*id, Box::new(session) as Box<dyn Session>)
        });
        Self::new(sessions.collect(), seed)
    }

    /// Delivers what is at this place of the queue.
    pub(crate) fn deliver(&mut self, place: usize) {
        match self.transit.remove(place).expect("a place in the queue") {
            Transit::Start(id) => {
                let outputs = self.sessions.get_mut(&id).unwrap().start(&mut self.rng);
                self.started.push(id);
                self.carry_out(id, outputs);
                for message in self.early.remove(&id).unwrap_or_default() {
                    self.feed(id, message);
                }
            }
            Transit::Message(to, _) if self.deaf.contains(&to) => {}
            Transit::Message(to, message) if self.started.contains(&to) => self.feed(to, message),
            Transit::Message(to, message) => self.early.entry(to).or_default().push(message),
        }
    }

    pub(crate) fn feed(&mut self, to: OperatorId, message: Authentic) {
        let session = self.sessions.get_mut(&to).unwrap();
        match session.handle(Input::Message(message), &mut self.rng) {
            Ok(outputs) => self.carry_out(to, outputs),
            Err(reject) => self.rejected.push((to, reject)),
        }
    }

    /// Lets the timer that `id` armed last run out.
    pub(crate) fn time_out(&mut self, id: OperatorId) {
        let input = Input::Timeout(self.armed[&id]);
        match self.sessions.get_mut(&id).unwrap().handle(input, &mut self.rng) {
            Ok(outputs) => self.carry_out(id, outputs),
            Err(reject) => self.rejected.push((id, reject)),
        }
    }

    fn carry_out(&mut self, from: OperatorId, outputs: Vec<Output>) {
        for output in outputs {
            match output {
                Output::Broadcast(message) => self.publish(message),
                Output::Keep(key) => {
                    assert!(!self.finished.contains_key(&from));
                    self.kept.insert(from, key);
                }
                Output::Arm(round) => {
                    self.armed.insert(from, round);
                }
                Output::Finished(finish) => {
                    assert!(self.finished.insert(from, finish).is_none(), "{from} ended twice");
                }
            }
        }
    }

    /// Puts a message on its way to everybody but its sender.
    pub(crate) fn publish(&mut self, message: SignedMessage) {
        let key = public(message.signer);
        let authentic = Authentic::check(message.clone(), &key).expect("operators sign what they send");
        for to in self.sessions.keys().filter(|to| **to != message.signer) {
            self.transit.push_back(Transit::Message(*to, authentic.clone()));
        }
        self.published.push(message);
    }

    /// In order of sending.
    pub(crate) fn run(&mut self) {
        while !self.transit.is_empty() {
            self.deliver(0);
        }
    }

    /// In an order drawn from `seed`.
    pub(crate) fn run_shuffled(&mut self, seed: u64) {
        let mut order = ChaCha20Rng::seed_from_u64(seed);
        while !self.transit.is_empty() {
            let place = order.gen_range(0..self.transit.len());
            self.deliver(place);
        }
    }

    /// Nothing reaches this operator any more, its start message neither; what it sent before arrives.
    pub(crate) fn deafen(&mut self, id: OperatorId) {
        self.deaf.push(id);
        self.transit
            .retain(|transit| !matches!(transit, Transit::Start(to) if *to == id));
    }

    /// The results that this operator would report; panics if it has none.
    pub(crate) fn outputs(&self, id: OperatorId) -> &GoMap<SignedOutput> {
        match &self.finished.get(&id) {
            Some(Finish::Outputs(outputs)) => outputs,
            other => panic!("operator {id}: {other:?}"),
        }
    }

    pub(crate) fn failure(&self, id: u64) -> String {
        match &self.finished.get(&OperatorId(id)) {
            Some(Finish::Failed { reason, .. }) => reason.to_string(),
            other => panic!("operator {id}: {other:?}"),
        }
    }
}

/// All shares fit the keys, and any `threshold` of them make the validator key.
pub(crate) fn check_shares(keys: &BTreeMap<OperatorId, KeyShare>, validator: BlsPublicKey) {
    let first = keys.values().next().unwrap();
    threshold::interpolates_to(&first.share_public_keys, first.threshold, &validator).unwrap();
    for (id, key) in keys {
        assert_eq!(key.validator, validator);
        assert_eq!(key.share_public_keys, first.share_public_keys);
        let share = SecretScalar::from_be_bytes(&*key.share).unwrap();
        assert_eq!(share.public_key(), key.share_public_keys[id]);
    }
    assert_eq!(
        first.share_public_keys.keys().collect::<Vec<_>>(),
        keys.keys().collect::<Vec<_>>()
    );
}
