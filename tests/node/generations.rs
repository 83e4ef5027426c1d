//! Several generations of a key's shares: one reshare at a time, and every member signs with the same generation, also
//! one that missed how its run ended.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use casimir_dkg::dkg::rockx::wire::{MsgType, SignedMessage};
use casimir_dkg::types::{BlsPublicKey, OperatorId};

use super::net::{identity, ids, peers, request};
use super::stage::{DEADLINE, Stage, config, ended, init, loopback, reshare, spawn, validator_of};
use crate::ceremony::byzantine::{Byzantine, Misbehaviour, Step};

/// The round timer where a test waits for it to end. Whoever is honest takes milliseconds for a round.
pub(super) const IMPATIENT: Duration = Duration::from_secs(15);

/// Operators 1 to 4 have made a key; 5 and 6 are there.
async fn with_a_key(round_timeout: Duration) -> (Stage, BlsPublicKey) {
    let stage = Stage::with(6, |config| config.round_timeout = round_timeout).await;
    let validator = validator_of(&stage.keygen(4, 1).await);
    // each of them has seen the end: what follows is about reshares
    ended(&stage, &stage.urls(&ids(1..=4)), &init(1, &ids(1..=4))).await;
    (stage, validator)
}

/// The start of a reshare from operators 1, 2 and 3 to them and `new`.
fn start(seed: u64, validator: BlsPublicKey, new: u64) -> SignedMessage {
    reshare(seed, validator, &ids([1, 2, 3]), &ids([1, 2, 3, new]))
}

impl Stage {
    /// Ends these nodes and starts them again on what they have, with this round timer.
    async fn restart(&mut self, nodes: &[OperatorId], round_timeout: Duration) {
        for id in nodes {
            let at = self.nodes.iter().position(|node| node.id() == *id).unwrap();
            self.nodes.remove(at).shutdown().await;
            let mut config = config(id.0, &self.messenger.url(), self.dir.path());
            config.round_timeout = round_timeout;
            self.nodes.push(spawn(config).await);
        }
    }

    async fn refused(&self, node: u64, start: &SignedMessage, running: u64) {
        let url = &self.urls(&ids([node]))[0];
        let (status, text) = self.send(url, start).await;
        let says = [
            "could not start resharing: reshare ",
            &request(running).to_string(),
            "one at a time",
        ];
        assert!(
            status == 500 && says.iter().all(|part| text.contains(part)),
            "{text}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_reshare_of_a_key_is_refused_until_the_first_is_over() {
    let (stage, validator) = with_a_key(DEADLINE).await;
    let (first, second) = (start(2, validator, 5), start(3, validator, 6));
    stage.topic(request(2), &ids([1, 2, 3, 5])).await;
    stage.topic(request(3), &ids([1, 2, 3, 6])).await;
    stage.start(&first, &stage.urls(&ids([1, 2, 3]))).await;
    for node in [1, 2, 3] {
        stage.refused(node, &second, 2).await;
    }
    // it waits for operator 5 only
    stage.start(&first, &stage.urls(&ids([5]))).await;
    assert_eq!(stage.result(request(2)).await.dkg_outputs.len(), 4);
    ended(&stage, &stage.urls(&ids([1, 2, 3, 5])), &first).await;

    let members = ids([1, 2, 3, 6]);
    stage.start(&second, &stage.urls(&members)).await;
    assert_eq!(stage.result(request(3)).await.dkg_outputs.len(), 4);
    ended(&stage, &stage.urls(&members), &second).await;
    stage.sign(validator, &members, &[7; 32], 4).await;
    stage.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_reshares_whose_messages_interleave_none_spoils_the_key() {
    let (stage, validator) = with_a_key(IMPATIENT).await;
    let (first, second) = (start(2, validator, 5), start(3, validator, 6));
    stage.topic(request(2), &ids([1, 2, 3, 5])).await;
    stage.topic(request(3), &ids([1, 2, 3, 6])).await;
    stage.start(&first, &stage.urls(&ids([1]))).await;
    stage.start(&second, &stage.urls(&ids([2]))).await;
    stage.refused(2, &first, 3).await;
    stage.refused(1, &second, 2).await;
    stage.start(&first, &stage.urls(&ids([3, 5]))).await;
    stage.refused(3, &second, 2).await;
    stage.start(&second, &stage.urls(&ids([6]))).await;
    ended(&stage, &stage.urls(&ids([1, 3, 5])), &first).await;
    ended(&stage, &stage.urls(&ids([2, 6])), &second).await;
    for run in [2, 3] {
        assert!(stage.result(request(run)).await.dkg_outputs.is_empty());
    }

    let signature = stage.sign(validator, &ids(1..=4), &[7; 32], 4).await;
    let third = start(5, validator, 6);
    let members = ids([1, 2, 3, 6]);
    stage.topic(request(5), &members).await;
    stage.start(&third, &stage.urls(&members)).await;
    assert_eq!(stage.result(request(5)).await.dkg_outputs.len(), 4);
    ended(&stage, &stage.urls(&members), &third).await;
    assert_eq!(stage.sign(validator, &members, &[7; 32], 6).await, signature);
    stage.shutdown().await;
}

/// Stands between the messenger and a node, and loses the results of the others while it is told to.
#[derive(Clone, Default)]
struct Gate {
    node: Arc<OnceLock<String>>,
    closed: Arc<AtomicBool>,
    http: reqwest::Client,
}

impl Gate {
    async fn open(&self) -> String {
        let listener = tokio::net::TcpListener::bind(loopback()).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new()
            .route("/consume", post(Self::pass))
            .with_state(self.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        url
    }

    async fn pass(State(gate): State<Self>, body: Bytes) -> (StatusCode, String) {
        let message = SignedMessage::from_ssv(&body).unwrap().message.unwrap();
        if message.msg_type == MsgType::Output && gate.closed.load(Ordering::SeqCst) {
            return (StatusCode::OK, String::new());
        }
        let url = format!("{}/consume", gate.node.get().expect("the node runs"));
        let answer = gate.http.post(url).body(body).send().await.unwrap();
        (answer.status(), answer.text().await.unwrap())
    }
}

/// Operator 1 of four, with this round timer, does not see the end of a reshare that completes at 2, 3 and 5.
async fn one_misses_the_end(round_timeout: Duration) -> (Stage, BlsPublicKey, Gate) {
    let (mut stage, validator) = with_a_key(DEADLINE).await;
    stage.nodes.remove(0).shutdown().await;
    let gate = Gate::default();
    let mut behind = config(1, &stage.messenger.url(), stage.dir.path());
    behind.round_timeout = round_timeout;
    behind.public_url = Some(gate.open().await);
    let node = spawn(behind).await;
    gate.node.set(format!("http://{}", node.local_addr())).unwrap();
    stage.nodes.push(node);

    gate.closed.store(true, Ordering::SeqCst);
    let members = ids([1, 2, 3, 5]);
    let start = start(2, validator, 5);
    stage.topic(request(2), &members).await;
    stage.start(&start, &stage.urls(&members)).await;
    assert_eq!(stage.result(request(2)).await.dkg_outputs.len(), 4);
    ended(&stage, &stage.urls(&ids([2, 3, 5])), &start).await;
    gate.closed.store(false, Ordering::SeqCst);
    (stage, validator, gate)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_lost_patience_signs_with_the_others_all_the_same() {
    let (stage, validator, _gate) = one_misses_the_end(IMPATIENT).await;
    ended(&stage, &stage.urls(&ids([1])), &start(2, validator, 5)).await;
    let members = ids([1, 2, 3, 5]);
    stage.sign(validator, &members, &[7; 32], 3).await;
    // and deals with them
    let next = start(4, validator, 6);
    let members = ids([1, 2, 3, 6]);
    stage.topic(request(4), &members).await;
    stage.start(&next, &stage.urls(&members)).await;
    assert_eq!(stage.result(request(4)).await.dkg_outputs.len(), 4);
    stage.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_was_restarted_in_between_signs_with_the_others_all_the_same() {
    let (mut stage, validator, _gate) = one_misses_the_end(DEADLINE).await;
    stage.nodes.pop().unwrap().shutdown().await;
    let node = spawn(config(1, &stage.messenger.url(), stage.dir.path())).await;
    stage.nodes.push(node);
    stage.sign(validator, &ids([1, 2, 3, 5]), &[7; 32], 3).await;
    stage.shutdown().await;
}

/// Everybody has its new share, and the last result never comes: the old shares still count.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_reshare_that_nobody_completed_the_old_committee_signs() {
    let mut stage = Stage::new(4).await;
    let validator = validator_of(&stage.keygen(4, 1).await);
    ended(&stage, &stage.urls(&ids(1..=4)), &init(1, &ids(1..=4))).await;
    // only the run that is in vain waits for its timer
    stage.restart(&ids([1, 2, 3]), IMPATIENT).await;
    let members = ids([1, 2, 3, 5]);
    let dies = Misbehaviour::Dies(Step::Output);
    let fifth = Byzantine::spawn(identity(5), peers(&members), &stage.messenger.url(), dies).await;
    let start = start(2, validator, 5);
    stage.topic(request(2), &members).await;
    let mut urls = stage.urls(&ids([1, 2, 3]));
    urls.push(fifth.url());
    stage.start(&start, &urls).await;
    ended(&stage, &urls[..3], &start).await;
    assert!(stage.result(request(2)).await.dkg_outputs.is_empty());
    stage.restart(&ids([1, 2, 3]), DEADLINE).await;
    stage.sign(validator, &ids(1..=4), &[7; 32], 3).await;
    stage.shutdown().await;
}
