//! Ceremonies of whole nodes over HTTP, with a real messenger between them.

use std::time::{Duration, Instant};

use casimir_dkg::dkg::rockx::node;
use casimir_dkg::dkg::rockx::wire::{
    DataStore, Decode, Encode, GoMap, KeygenMessage, KeysignMessage, ProtocolRound, SignedOutput,
};
use casimir_dkg::types::{BlsPublicKey, OperatorId};

use super::generations::IMPATIENT;
use super::net::{identity, ids, peers, public, request};
use super::stage::{DEADLINE, Stage, config, ended, init, keysign, reshare, spawn, validator_of};
use crate::ceremony::byzantine::{Byzantine, Lie, Misbehaviour, Step};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thirteen_nodes_in_one_process_make_a_key() {
    let stage = Stage::new(13).await;
    let outputs = stage.keygen(13, 1).await;
    assert_eq!(outputs.len(), 13);
    for (id, output) in outputs.iter() {
        assert!(output.verify(&public(*id)), "operator {id}");
    }
    stage.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_lives_through_restart_resharing_and_signing() {
    let mut stage = Stage::new(5).await;
    let validator = validator_of(&stage.keygen(4, 1).await);

    // all nodes end and come back with nothing but their data directory
    for node in std::mem::take(&mut stage.nodes) {
        node.shutdown().await;
    }
    for id in 1..=5 {
        stage
            .nodes
            .push(spawn(config(id, &stage.messenger.url(), stage.dir.path())).await);
    }
    let first = stage.sign(validator, &ids(1..=4), &[3; 32], 2).await;

    let (old, new) = (ids([1, 2, 3]), ids([1, 2, 3, 5]));
    let union = ids([1, 2, 3, 5]);
    stage.topic(request(3), &union).await;
    stage
        .start(&reshare(3, validator, &old, &new), &stage.urls(&union))
        .await;
    let outputs = stage.result(request(3)).await.dkg_outputs;
    assert_eq!(outputs.len(), 4);
    assert_eq!(validator_of(&outputs), validator);
    // every member switches to its new share only when it has seen all results
    let until = Instant::now() + DEADLINE;
    for id in &new {
        let url = format!(
            "{}/dkg_results/{}",
            stage.urls(&[*id])[0],
            hex::encode(validator.0)
        );
        loop {
            let text = stage.http.get(&url).send().await.unwrap().text().await.unwrap();
            if text.contains(r#""5":{}"#) && !text.contains(r#""4":{}"#) {
                break;
            }
            assert!(Instant::now() < until, "{id}: {text}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
    assert_eq!(
        stage.sign(validator, &new, &[3; 32], 4).await,
        first,
        "the key is the same"
    );
    stage.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_before_the_start_are_kept_and_no_request_id_is_used_twice() {
    let stage = Stage::new(4).await;
    let members = ids(1..=4);
    let start = init(1, &members);
    let urls = stage.urls(&members);
    stage.topic(request(1), &members).await;
    stage.start(&start, &urls[..3]).await;
    // the first three have sent their preparations to the fourth, which must not lose them
    let (status, text) = stage.send(&urls[0], &start).await;
    assert_eq!(status, 500);
    assert_eq!(
        text,
        r#"{"error":"could not start new dkg: dkg started already","message":"dkg node failed to process message"}"#
    );
    stage.start(&start, &urls[3..]).await;
    assert_eq!(stage.result(request(1)).await.dkg_outputs.len(), 4);

    // RockX's nodes would start a second ceremony under the old id here
    let until = Instant::now() + DEADLINE;
    loop {
        let (status, text) = stage.send(&urls[0], &start).await;
        assert_eq!(status, 500, "{text}");
        if text.contains("never used again") {
            break;
        }
        assert!(
            text.contains("dkg started already") && Instant::now() < until,
            "{text}"
        );
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    stage.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lying_operator_is_blamed_to_the_messenger() {
    let stage = Stage::new(3).await;
    let members = ids(1..=4);
    let lie = Misbehaviour::Lies(Lie::Share(OperatorId(2)));
    let liar = Byzantine::spawn(identity(4), peers(&members), &stage.messenger.url(), lie).await;
    stage.topic(request(1), &members).await;
    let mut urls = stage.urls(&members[..3]);
    urls.push(liar.url());
    stage.start(&init(1, &members), &urls).await;
    let result = stage.result(request(1)).await;
    assert!(result.dkg_outputs.is_empty());
    let blame = result.blame_output.unwrap();
    assert!(blame.valid);
    assert_eq!(
        blame.blame_message.unwrap().signer,
        OperatorId(2),
        "only the victim can show it"
    );
    stage.shutdown().await;
}

/// Everybody stored its share before the last operator cries foul: from then on the key may be known to others.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_key_of_a_blamed_run_is_never_used() {
    let mut stage = Stage::new(3).await;
    let members = ids(1..=4);
    let slander = Misbehaviour::SlandersLate(OperatorId(2));
    let liar = Byzantine::spawn(identity(4), peers(&members), &stage.messenger.url(), slander).await;
    stage.topic(request(1), &members).await;
    let mut urls = stage.urls(&members[..3]);
    urls.push(liar.url());
    let start = init(1, &members);
    stage.start(&start, &urls).await;
    let result = stage.result(request(1)).await;
    let Some(blame) = result.blame_output else {
        panic!(
            "no accusation; no outputs either: {}",
            result.dkg_outputs.is_empty()
        );
    };
    assert!(!blame.valid, "the accusation proves nothing");
    // the messenger has the blame as soon as the first node has posted it
    ended(&stage, &urls[..1], &start).await;
    stage.nodes.remove(0).shutdown().await;
    let path = stage.dir.path().join("1").join(node::STORE_FILE);
    let store = rusqlite::Connection::open(path).unwrap();
    let (validator, state, ending): (Vec<u8>, String, String) = store
        .query_row(
            "SELECT validator, state, ending FROM shares JOIN sessions USING (request_id)",
            [],
            |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?)),
        )
        .unwrap();
    assert_eq!((state.as_str(), ending.as_str()), ("never-use", "blamed"));
    drop(store);
    let node = spawn(config(1, &stage.messenger.url(), stage.dir.path())).await;
    let validator = BlsPublicKey::try_from(validator.as_slice()).unwrap();
    let (status, text) = stage
        .send(node.public_url(), &keysign(2, validator, &[1; 32]))
        .await;
    assert!(status == 500 && text.contains("Key not found"), "{text}");
    stage.nodes.push(node);
    stage.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_that_dies_ends_the_ceremony_after_the_round_timer_without_blame() {
    let stage = Stage::with(3, |config| config.round_timeout = IMPATIENT).await;
    let members = ids(1..=4);
    let dies = Misbehaviour::Dies(Step::Round2);
    let liar = Byzantine::spawn(identity(4), peers(&members), &stage.messenger.url(), dies).await;
    stage.topic(request(1), &members).await;
    let mut urls = stage.urls(&members[..3]);
    urls.push(liar.url());
    let start = init(1, &members);
    stage.start(&start, &urls).await;
    ended(&stage, &urls[..3], &start).await;
    let result = stage.result(request(1)).await;
    assert!(result.dkg_outputs.is_empty());
    let (signer, round) = given_up(&result);
    assert!(members[..3].contains(&signer));
    assert_eq!(round, ProtocolRound::Round2);
    stage.shutdown().await;
}

/// Who gave up in which round, as the messenger tells it: in the form of a blame that accuses nobody.
fn given_up(result: &DataStore) -> (OperatorId, ProtocolRound) {
    let report = result.blame_output.as_ref().expect("a report");
    assert!(!report.valid, "nobody is blamed");
    let notice = report.blame_message.as_ref().unwrap();
    assert!(notice.verify(&public(notice.signer)));
    let data = notice.message.as_ref().unwrap().data.as_slice();
    let timeout = KeysignMessage::from_json(data).unwrap().timeout;
    assert!(KeygenMessage::from_json(data).unwrap().blame.is_none());
    (notice.signer, timeout.expect("a timeout").round)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_signature_that_does_not_come_leaves_word_too_and_never_in_the_place_of_a_result() {
    let mut stage = Stage::with(4, |config| config.round_timeout = IMPATIENT).await;
    let members = ids(1..=4);
    let outputs = stage.keygen(4, 1).await;
    let validator = validator_of(&outputs);
    stage.nodes.pop().unwrap().shutdown().await;

    stage.topic(request(2), &members).await;
    let three = stage.urls(&members[..3]);
    stage.start(&keysign(2, validator, &[1; 32]), &three).await;
    let result = stage.result(request(2)).await;
    assert_eq!(
        given_up(&result).1,
        ProtocolRound::Round1,
        "three have signed, the fourth is missed"
    );

    // somebody was first: what is there stays, and has no rival
    stage.topic(request(3), &members).await;
    let of_this = outputs.iter().map(|(id, output)| {
        let mut data = output.data.clone().unwrap();
        data.request_id = request(3);
        let key = &identity(id.0).key;
        (*id, SignedOutput::of_output(data, *id, key).unwrap())
    });
    let body = GoMap(Some(of_this.collect())).to_json();
    let url = format!(
        "{}/stream/dkgoutput?request_id={}",
        stage.messenger.url(),
        request(3)
    );
    let answer = stage.http.post(url).body(body.clone()).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    let start = keysign(3, validator, &[1; 32]);
    stage.start(&start, &three).await;
    ended(&stage, &three, &start).await;
    // time for what must not come
    tokio::time::sleep(Duration::from_millis(300)).await;
    let result = stage.result(request(3)).await;
    assert_eq!(result.dkg_outputs.to_json(), body);
    let url = format!("{}/data/{}/conflicts", stage.messenger.url(), request(3));
    let conflicts = stage.http.get(url).send().await.unwrap().text().await.unwrap();
    assert_eq!(conflicts, "[]");
    stage.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_ceremonies_run_side_by_side() {
    let stage = Stage::new(4).await;
    let runs = (1..=6).map(|seed| stage.keygen(4, seed));
    let results = futures_util::future::join_all(runs).await;
    let keys: std::collections::BTreeSet<_> = results.iter().map(validator_of).collect();
    assert_eq!(keys.len(), 6);
    stage.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_is_killed_in_a_ceremony_refuses_to_go_on_with_it_afterwards() {
    let mut stage = Stage::new(4).await;
    let members = ids(1..=4);
    let start = init(1, &members);
    stage.topic(request(1), &members).await;
    let fourth = stage.nodes.pop().unwrap();
    stage.start(&start, &[fourth.public_url().to_owned()]).await;
    fourth.shutdown().await;
    let fourth = spawn(config(4, &stage.messenger.url(), stage.dir.path())).await;
    let (status, text) = stage.send(fourth.public_url(), &start).await;
    assert!(status == 500 && text.contains("never used again"), "{text}");
    stage.nodes.push(fourth);
    // a new ceremony works
    assert_eq!(stage.keygen(4, 2).await.len(), 4);
    stage.shutdown().await;
}
