//! Ceremonies without I/O: every operator's state machine in one thread.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use casimir_dkg::dkg::rockx::node::session::{
    Authentic, Finish, FrostPlan, FrostSession, Identity, Input, KeysignPlan, KeysignSession, Output, Peers,
    Purpose, Session,
};
use casimir_dkg::dkg::rockx::node::store::KeyShare;
use casimir_dkg::dkg::rockx::wire::SignedMessage;
use casimir_dkg::types::{ForkVersion, OperatorId, RequestId, Root};
use rand::rngs::OsRng;

use crate::{cpu, roles};

const ROUNDS: u32 = 5;

type Shares = BTreeMap<OperatorId, KeyShare>;

/// The operators of a ceremony, with their RSA keys.
pub(crate) struct Operators {
    identities: Vec<Identity>,
    peers: Peers,
    threshold: u8,
}

impl Operators {
    pub(crate) fn new(committee: &[OperatorId], threshold: u8) -> Self {
        let identities: Vec<Identity> = committee
            .iter()
            .map(|id| Identity {
                id: *id,
                key: Arc::new(roles::key(*id)),
            })
            .collect();
        let peers: Peers = Arc::new(
            identities
                .iter()
                .map(|me| (me.id, Arc::new(me.key.public().clone())))
                .collect(),
        );
        Self {
            identities,
            peers,
            threshold,
        }
    }

    /// CPU time of one key generation by all of them.
    pub(crate) fn keygen(&self) -> Duration {
        mean(|| drop(self.generate()))
    }

    /// CPU time of one resharing by the first of them, as many as the threshold, to all of them.
    pub(crate) fn reshare(&self) -> Duration {
        let shares = self.generate();
        let plan = |validator| FrostPlan {
            id: RequestId(rand::random()),
            dealers: self.ids().take(usize::from(self.threshold)).collect(),
            receivers: self.ids().collect(),
            threshold: self.threshold,
            purpose: Purpose::Reshare { validator },
        };
        mean(|| {
            let validator = shares.values().next().expect("a share").validator;
            drop(self.deal(&plan(validator), &shares));
        })
    }

    /// CPU time of one threshold signature by all of them.
    pub(crate) fn sign(&self) -> Duration {
        let shares = self.generate();
        mean(|| {
            let (id, root) = (RequestId(rand::random()), [7; 32]);
            let sessions = self.identities.iter().map(|me| {
                let plan = KeysignPlan {
                    id,
                    root: root.to_vec(),
                    key: shares[&me.id].clone(),
                };
                (me.id, KeysignSession::new(me.clone(), self.peers.clone(), plan))
            });
            self.talk(sessions.collect());
        })
    }

    fn ids(&self) -> impl Iterator<Item = OperatorId> {
        self.identities.iter().map(|me| me.id)
    }

    fn generate(&self) -> Shares {
        let plan = FrostPlan {
            id: RequestId(rand::random()),
            dealers: self.ids().collect(),
            receivers: self.ids().collect(),
            threshold: self.threshold,
            purpose: Purpose::Keygen {
                credentials: Root([1; 32]),
                fork: ForkVersion([0, 0, 0x10, 0x20]),
            },
        };
        self.deal(&plan, &Shares::new())
    }

    fn deal(&self, plan: &FrostPlan, old: &Shares) -> Shares {
        let sessions = self.identities.iter().map(|me| {
            let old = old.get(&me.id).filter(|_| plan.dealers.contains(&me.id)).cloned();
            let session = FrostSession::new(me.clone(), self.peers.clone(), plan.clone(), old);
            (me.id, session)
        });
        self.talk(sessions.collect())
    }

    /// Hands every message to everybody until nobody has anything to say, and returns what each kept.
    fn talk<S: Session>(&self, mut sessions: BTreeMap<OperatorId, S>) -> Shares {
        let (mut results, mut kept) = (0, Shares::new());
        let mut queue: VecDeque<SignedMessage> = VecDeque::new();
        let mut sort = |id: OperatorId, outputs: Vec<Output>, queue: &mut VecDeque<SignedMessage>| {
            for output in outputs {
                match output {
                    Output::Broadcast(message) => queue.push_back(message),
                    Output::Finished(Finish::Outputs(_)) => results += 1,
                    Output::Finished(other) => panic!("{other:?}"),
                    Output::Keep(share) => drop(kept.insert(id, share)),
                    Output::Arm(_) => {}
                }
            }
        };
        for (id, session) in &mut sessions {
            let outputs = session.start(&mut OsRng);
            sort(*id, outputs, &mut queue);
        }
        while let Some(message) = queue.pop_front() {
            for (id, session) in &mut sessions {
                if *id != message.signer {
                    // every receiver checks the signature for itself
                    let message =
                        Authentic::check(message.clone(), &self.peers[&message.signer]).expect("signed");
                    let outputs = session
                        .handle(Input::Message(message), &mut OsRng)
                        .expect("taken");
                    sort(*id, outputs, &mut queue);
                }
            }
        }
        assert_eq!(results, self.identities.len());
        kept
    }
}

/// CPU time of one; mean of some, after one that warms up.
fn mean(mut once: impl FnMut()) -> Duration {
    once();
    let before = cpu::thread();
    for _ in 0..ROUNDS {
        once();
    }
    (cpu::thread() - before) / ROUNDS
}
