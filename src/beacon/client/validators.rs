//! Validators of the head state, and what makes a *no* (see the table in [`crate::beacon`]).

use std::fmt;

use futures_util::future::join_all;

use super::http::NodeError;
use super::node::Node;
use super::voices::{self, Told};
use super::wire::{Data, MissingConstant, SPEC_PATH, Spec, StateRoot};
use super::{Beacon, BeaconError};
use crate::ports::consensus::{Heard, Validator};
use crate::ports::{Answer, Evidence};
use crate::types::{BlsPublicKey, Root, SafeText, UnixMillis};

const PATH: &str = "/eth/v1/beacon/states/head/validators";
/// A head that is older than this, in milliseconds, proves nobody absent.
const OLD_MS: u64 = 3_600_000;
const ROOT_PATH: &str = "/eth/v1/beacon/states/head/root";

/// How a question names a validator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Id {
    Key(BlsPublicKey),
    Index(u64),
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key(key) => key.fmt(f),
            Self::Index(index) => index.fmt(f),
        }
    }
}

impl Id {
    fn names(&self, validator: &Validator) -> bool {
        match self {
            Self::Key(key) => validator.public_key == *key,
            Self::Index(index) => validator.index == *index,
        }
    }
}

impl Beacon {
    /// Asks the nodes in order; the first that can tell counts. Whom it does not know, the next one may: one that lags, or
    /// does not understand the question, knows nobody. One answer for each id, in their order.
    pub(super) async fn look_up(&self, ids: &[Id]) -> Vec<Heard<Validator>> {
        let (mut attempts, mut nodes) = (Vec::new(), self.inner.nodes.iter());
        let mut empty = Vec::new();
        while let Some(node) = nodes.next() {
            match self.validators_of(node, ids).await {
                Ok(answers) => {
                    if let Some(validator) = answers.iter().find_map(|answer| answer.as_ref().yes()) {
                        empty
                            .iter()
                            .for_each(|denies: &&Node| denies.is_contradicted(validator, node));
                    }
                    let heard = self.known_elsewhere(node, nodes.as_slice(), ids, answers).await;
                    return self.judged_by_all(ids, heard).await;
                }
                Err(error) => {
                    if matches!(error, NodeError::ListsNobody) {
                        empty.push(node);
                    }
                    attempts.push((node.name.clone(), error));
                }
            }
        }
        let error = BeaconError::Unanswered {
            what: "validators",
            attempts,
        };
        ids.iter().map(|_| Heard::of(Answer::not_known(&error))).collect()
    }

    /// Asks others about those that the first one does not know. Where nobody else denies it either, it is said to be one
    /// voice's.
    async fn known_elsewhere(
        &self,
        first: &Node,
        others: &[Node],
        ids: &[Id],
        mut answers: Vec<Answer<Validator>>,
    ) -> Vec<Heard<Validator>> {
        let mut confirmed = vec![false; ids.len()];
        for other in others {
            let denied = answers
                .iter()
                .zip(ids)
                .filter(|(answer, _)| matches!(answer, Answer::No(_)));
            let denied: Vec<Id> = denied.map(|(_, id)| *id).collect();
            if denied.is_empty() {
                break;
            }
            let Ok(found) = self.validators_of(other, &denied).await else {
                continue;
            };
            for (id, answer) in denied.iter().zip(found) {
                for place in (0..ids.len()).filter(|place| ids[*place] == *id) {
                    match &answer {
                        Answer::Yes(_) => answers[place] = answer.clone(),
                        Answer::No(_) => confirmed[place] = true,
                        Answer::NotKnown(_) => {}
                    }
                }
            }
        }
        let is_one_of_several = self.inner.nodes.len() > 1;
        let told = answers.into_iter().zip(confirmed).zip(ids);
        told.map(|((answer, confirmed), id)| match answer {
            Answer::No(evidence) if !confirmed => Heard {
                answer: Answer::No(Evidence::new(format!("one voice: {evidence}"))),
                alone: is_one_of_several.then(|| voices::denied_alone(first, *id)),
            },
            answer => Heard::of(answer),
        })
        .collect()
    }

    /// Cases are closed by what a validator is: at work, or gone. So where several nodes are configured no node's word is
    /// enough while another denies it, and it is said where nobody else answers.
    async fn judged_by_all(&self, ids: &[Id], mut heard: Vec<Heard<Validator>>) -> Vec<Heard<Validator>> {
        let is_known = |heard: &Heard<Validator>| matches!(heard.answer, Answer::Yes(_));
        let places: Vec<usize> = (0..ids.len()).filter(|place| is_known(&heard[*place])).collect();
        if places.is_empty() || self.inner.nodes.len() < 2 {
            return heard;
        }
        let asked: Vec<Id> = places.iter().map(|place| ids[*place]).collect();
        let voices = self.inner.nodes.iter().map(async |node| {
            let told = self.validators_of(node, &asked).await;
            told.ok().map(|told| (node, told))
        });
        let voices: Vec<_> = join_all(voices).await.into_iter().flatten().collect();
        for (nth, place) in places.into_iter().enumerate() {
            let told: Vec<Told<'_>> = voices.iter().map(|(node, told)| (*node, &told[nth])).collect();
            let alone = match told[..] {
                [(node, Answer::Yes(validator))] => Some(voices::told_alone(node, validator)),
                _ => None,
            };
            let is_lag = match voices::disputed_start(&told) {
                Some(epoch) => self.came_lately(epoch, &told).await,
                None => false,
            };
            heard[place] = Heard {
                answer: voices::judged(ids[place], &told, is_lag),
                alone,
            };
        }
        heard
    }

    /// Whether an epoch began at most an hour ago, or has not begun, by each of those who were asked: by its own word alone
    /// none is excused for long that it has not got there.
    async fn came_lately(&self, epoch: u64, told: &[Told<'_>]) -> bool {
        let old = |began: UnixMillis| UnixMillis::now().0.saturating_sub(began.0) > OLD_MS;
        let asked = told.iter().map(async |(node, _)| {
            let spec: Data<Spec> = self.get(node, SPEC_PATH, &[]).await.ok()?;
            let length = spec.data.epoch().ok()?;
            node.dated(epoch, length)
        });
        { join_all(asked).await.into_iter() }.all(|began| began.is_some_and(|began| !old(began)))
    }

    /// What one node says, if its word counts: *yes* or *no* for each id.
    pub(super) async fn validators_of(
        &self,
        node: &Node,
        ids: &[Id],
    ) -> Result<Vec<Answer<Validator>>, NodeError> {
        self.admit(node).await?;
        // repeated, because a comma list is answered with nothing by one client
        let query: Vec<_> = ids.iter().map(|id| ("id", id.to_string())).collect();
        let listed: Vec<Validator> = match self.get::<Data<_>>(node, PATH, &query).await {
            Ok(list) => list.checked()?,
            // a list without the wanted is empty, but not with every client
            Err(NodeError::Status { status: 404, .. }) => return self.one_by_one(node, ids).await,
            Err(error) => return Err(error),
        };
        listed.iter().try_for_each(can_be)?;
        let found = |id: &Id| listed.iter().any(|v| id.names(v));
        let root = if ids.iter().all(found) {
            None
        } else {
            self.lists_somebody(node).await?;
            Some(self.head_state(node).await?)
        };
        let stranger = listed.iter().any(|v| !ids.iter().any(|id| id.names(v)));
        if stranger && root.is_some() {
            return Err(NodeError::Malformed(
                "it lists validators that were not asked for".into(),
            ));
        }
        let words = root.map(|root| format!("its list of the state with root {root} is without it"));
        let answer = |id: &Id| match (listed.iter().find(|v| id.names(v)), &words) {
            (Some(validator), _) => Answer::Yes(validator.clone()),
            (None, words) => Answer::No(node.absent(*id, words.as_deref().unwrap_or_default())),
        };
        Ok(ids.iter().map(answer).collect())
    }

    /// Everything without which a *no* of this node is none.
    pub(super) async fn tells_validators(&self, node: &Node) -> Result<(), NodeError> {
        self.lists_somebody(node).await?;
        self.head_state(node).await.map(drop)
    }

    /// A node that filters wrongly, or whose state is empty, lists nobody. Validator 0 is on every chain.
    async fn lists_somebody(&self, node: &Node) -> Result<(), NodeError> {
        let first = [("id", "0".to_owned())];
        let listed: Vec<Validator> = self.get::<Data<_>>(node, PATH, &first).await?.checked()?;
        match listed.iter().any(|validator| validator.index == 0) {
            true => Ok(()),
            false => Err(NodeError::ListsNobody),
        }
    }

    async fn one_by_one(&self, node: &Node, ids: &[Id]) -> Result<Vec<Answer<Validator>>, NodeError> {
        let mut answers = Vec::new();
        // what shows that a 404 is about the validator; asked once
        let mut proof = None;
        for id in ids {
            let found = self.get(node, &format!("{PATH}/{id}"), &[]).await;
            answers.push(match found.and_then(Data::<Validator>::checked) {
                Ok(validator) if id.names(&validator) => {
                    can_be(&validator)?;
                    Answer::Yes(validator)
                }
                Ok(_) => return Err(NodeError::Malformed("it answers about another validator".into())),
                Err(NodeError::Status {
                    status: 404, message, ..
                }) => {
                    let root = match proof {
                        Some(root) => root,
                        None => *proof.insert(self.head_state(node).await?),
                    };
                    let words = format!("it has the state with root {root} and says \"{message}\"");
                    Answer::No(node.absent(*id, &words))
                }
                Err(error) => return Err(error),
            });
        }
        Ok(answers)
    }

    /// The root of the node's head state, if the node has that state, which is not old, and the route that was asked. A
    /// 404 says neither: web servers, gateways and nodes without the state answer 404 to everything. So the node is asked
    /// for the state's root, and by the same route for validator 0, which every chain has from its genesis.
    async fn head_state(&self, node: &Node) -> Result<Root, NodeError> {
        self.is_no_relic(node).await?;
        let or_without = |error| match error {
            NodeError::Status { status: 404, .. } => NodeError::NoState,
            error => error,
        };
        let state = self.get::<Data<StateRoot>>(node, ROOT_PATH, &[]).await;
        let root = state.and_then(Data::checked).map_err(or_without)?.root;
        let first = self.get::<Data<Validator>>(node, &format!("{PATH}/0"), &[]).await;
        match first.and_then(Data::checked).map_err(or_without)?.index {
            0 => Ok(root),
            _ => Err(NodeError::Malformed("it answers about another validator".into())),
        }
    }

    /// A node that follows nobody can call itself in sync: with a head from before the key was deposited it denies every
    /// new key.
    async fn is_no_relic(&self, node: &Node) -> Result<(), NodeError> {
        let spec: Data<Spec> = self.get(node, SPEC_PATH, &[]).await?;
        let unusable = |missing: MissingConstant| NodeError::Malformed(SafeText::new(&missing.to_string()));
        let slot = spec.data.slot().map_err(unusable)?;
        let dated = node.head_dated(slot).ok_or(NodeError::NoState)?;
        match UnixMillis::now().0.saturating_sub(dated.0) > OLD_MS {
            true => Err(NodeError::NotSynced(
                "more than an hour behind this machine's clock",
            )),
            false => Ok(()),
        }
    }
}

/// Whether what a node tells of a validator can be so.
fn can_be(validator: &Validator) -> Result<(), NodeError> {
    match validator.contradiction() {
        None => Ok(()),
        Some(what) => Err(NodeError::Malformed(SafeText::new(&format!(
            "it tells what no state has: validator {} is {}, {what}",
            validator.index, validator.status
        )))),
    }
}

impl Node {
    /// It denies a validator that another node knows.
    pub(super) fn is_contradicted(&self, validator: &Validator, by: &Self) {
        let words = format!(
            "does not know validator {}, whom {} knows",
            validator.index, by.name
        );
        self.contradicted(SafeText::new(&words));
    }

    /// The evidence of a node in sync that has the head state without the validator.
    fn absent(&self, id: Id, why: &str) -> Evidence {
        let what = match id {
            Id::Key(key) => format!("key {key}"),
            Id::Index(index) => format!("index {index}"),
        };
        let slot = self.head_slot().unwrap_or_default();
        Evidence::new(format!(
            "beacon node {}, in sync at slot {slot}, has no validator with {what}: {why}",
            self.name
        ))
    }
}

impl<T> Data<T> {
    /// What is in the envelope, unless it is about a state that nobody has checked.
    fn checked(self) -> Result<T, NodeError> {
        if self.execution_optimistic {
            return Err(NodeError::NotSynced("optimistic"));
        }
        Ok(self.data)
    }
}
