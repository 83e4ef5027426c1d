//! A messenger of our own that dies, comes back, and is lied to; and initiators that are restarted.

use std::time::Duration;

use casimir_dkg::dkg::rockx::initiator::Initiator;
use casimir_dkg::dkg::rockx::round::Round;
use casimir_dkg::dkg::rockx::wire::{BlameOutput, Encode as _, Message, MsgType};
use casimir_dkg::types::{CeremonyResult, FailureKind, OperatorId};

use super::byzantine::{Misbehaviour, Step};
use super::house::{
    HASTY, House, PATIENT, Plan, check_transcript, document_of, fresh_id, ids, key_of, keygen_plan, until,
};

/// Whether any operator was seen in this round.
fn anybody_in(house: &House, round: Round) -> bool {
    let seen = house.seen.lock().expect("never poisoned");
    seen.iter().any(|update| {
        update
            .operators
            .values()
            .any(|row| row.seen.contains_key(&round.id()))
    })
}

async fn slow_house(total: Duration) -> House {
    House::build(Plan {
        honest: ids(1..=3),
        others: vec![(OperatorId(4), Misbehaviour::Slow(Duration::from_millis(1200)))],
        round: PATIENT,
        total,
        ..Plan::default()
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forged_result_is_kept_out() {
    let house = House::of_four([(3, Misbehaviour::ForgesResult)]).await;
    let end = house.run(&keygen_plan(ids(1..=4))).await;
    // ours keeps what more members vouch for; whatever it shows, only the truth is accepted
    let verified = end.unwrap_or_else(|failed| panic!("{failed}"));
    assert!(matches!(verified.result, CeremonyResult::Keygen(_)));
}

#[tokio::test(flavor = "multi_thread")]
async fn forgeries_by_outsiders_are_kept_out() {
    let house = House::build(Plan {
        honest: ids(1..=3),
        // while it is waited for, the forger has all the time that it needs
        others: vec![(OperatorId(4), Misbehaviour::Slow(Duration::from_secs(2)))],
        ..Plan::default()
    })
    .await;
    let id = fresh_id();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let forge = async {
        until("a first message", || anybody_in(&house, Round::Preparation)).await;
        for (route, body) in [
            (
                format!("stream/dkgoutput?request_id={id}"),
                r#"{"1":{"BlameData":null,"Data":null,"KeySignData":null,"Signer":1,"Signature":"AAAA"}}"#,
            ),
            (
                format!("stream/dkgblame?request_id={id}"),
                r#"{"Valid":true,"BlameMessage":{"Message":{"MsgType":1,"Identifier":[],"Data":"e30="},"Signer":1,"Signature":"AAAA"}}"#,
            ),
            (format!("publish?topic_name={id}"), "no message at all"),
        ] {
            let url = format!("{}/{route}", house.messenger_url);
            client.post(url).body(body).send().await.expect("an answer");
        }
        // straight to the observer, past the messenger
        let observer = format!("http://{}/{id}/consume", house.initiator.observer_addr());
        let answer = client
            .post(observer)
            .body(vec![0xff; 1000])
            .send()
            .await
            .expect("an answer");
        assert_eq!(answer.status(), 200, "nobody learns what became of it");
    };
    let plan = keygen_plan(ids(1..=4));
    let (end, ()) = tokio::join!(house.run_as(id, &plan), forge);
    let verified = end.unwrap_or_else(|failed| panic!("{failed}"));
    let document = document_of(&verified.transcript);
    assert_eq!(document.messages.len(), 20);
    assert_eq!(document.rejected.len(), 1, "{:?}", document.rejected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_messenger_that_comes_back_in_time_ends_the_ceremony() {
    let mut house = slow_house(Duration::ZERO).await;
    let plan = keygen_plan(ids(1..=4));
    let initiator = house.initiator.clone();
    let run = tokio::spawn({
        let (plan, updates) = (plan.clone(), house.watch());
        async move { initiator.run(fresh_id(), &plan, updates).await }
    });
    until("round 1", || anybody_in(&house, Round::Round1)).await;
    let address = house.stop_messenger().await;
    until("the initiator notices", || {
        house
            .seen
            .lock()
            .unwrap()
            .iter()
            .any(|update| update.note.as_str().contains("waiting for it"))
    })
    .await;
    house.restart_messenger(address).await;
    let end = run.await.unwrap();
    check_transcript(&end);
    end.unwrap_or_else(|failed| panic!("{failed}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_messenger_that_stays_away_leaves_the_outcome_unknown_until_somebody_looks_again() {
    let mut house = slow_house(HASTY * 2).await;
    let plan = keygen_plan(ids(1..=4));
    let id = fresh_id();
    let initiator = house.initiator.clone();
    let run = tokio::spawn({
        let (plan, updates) = (plan.clone(), house.watch());
        async move { initiator.run(id, &plan, updates).await }
    });
    until("round 1", || anybody_in(&house, Round::Round1)).await;
    let address = house.stop_messenger().await;
    let end = run.await.unwrap();
    check_transcript(&end);
    let failure = end.expect_err("nothing can be known").failure;
    assert_eq!(failure.kind, FailureKind::Unknown, "{failure}");
    assert_eq!(
        failure.culprits,
        [],
        "nobody is named while the messenger may be the cause"
    );
    house.restart_messenger(address).await;
    // another process, later
    let mut config = house.config.clone();
    config.total_deadline = Duration::from_secs(300);
    let later = Initiator::start(config).await.unwrap();
    let end = later.find(id, &plan, house.watch()).await;
    check_transcript(&end);
    let verified = end.unwrap_or_else(|failed| panic!("{failed}"));
    let document = document_of(&verified.transcript);
    assert!(document.attached && document.start_message.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn attached_again_a_finished_ceremony_gives_the_same_result() {
    let house = House::honest(4).await;
    let plan = keygen_plan(ids(1..=4));
    let id = fresh_id();
    let first = house
        .run_as(id, &plan)
        .await
        .unwrap_or_else(|failed| panic!("{failed}"));
    let again = house.initiator.find(id, &plan, house.watch()).await;
    check_transcript(&again);
    assert_eq!(
        again.unwrap_or_else(|failed| panic!("{failed}")).result,
        first.result
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn attached_again_a_ceremony_that_hangs_is_named_or_unknown_and_never_started() {
    let house = House::build(Plan {
        honest: ids(1..=3),
        others: vec![(OperatorId(4), Misbehaviour::Dies(Step::Round2))],
        round: HASTY,
        ..Plan::default()
    })
    .await;
    let plan = keygen_plan(ids(1..=4));
    let id = fresh_id();
    // the first process is gone as soon as round 1 is seen
    let initiator = house.initiator.clone();
    let run = tokio::spawn({
        let (plan, updates) = (plan.clone(), house.watch());
        async move { initiator.run(id, &plan, updates).await.map(drop) }
    });
    until("round 1", || anybody_in(&house, Round::Round1)).await;
    run.abort();
    assert!(run.await.is_err(), "it was still running");
    let end = house.initiator.find(id, &plan, house.watch()).await;
    check_transcript(&end);
    let failed = end.expect_err("operator 4 is dead");
    assert!(document_of(&failed.transcript).start_message.is_none());
    match failed.failure.kind {
        FailureKind::Timeout => assert_eq!(failed.failure.culprits, ids([4]), "{failed}"),
        FailureKind::Unknown => assert_eq!(failed.failure.culprits, []),
        other => panic!("{other:?}: {failed}"),
    }
}

/// The messenger within a process dies with it: what an operator sent meanwhile is not its fault.
#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_named_for_what_our_own_dead_messenger_may_have_swallowed() {
    let mut house = House::build(Plan {
        honest: ids(1..=3),
        others: vec![(OperatorId(4), Misbehaviour::Dies(Step::Round2))],
        round: HASTY,
        ..Plan::default()
    })
    .await;
    let plan = keygen_plan(ids(1..=4));
    let id = fresh_id();
    let initiator = house.initiator.clone();
    let run = tokio::spawn({
        let (plan, updates) = (plan.clone(), house.watch());
        async move { initiator.run(id, &plan, updates).await.map(drop) }
    });
    until("a first message", || anybody_in(&house, Round::Preparation)).await;
    run.abort();
    assert!(run.await.is_err(), "it was still running");
    let address = house.stop_messenger().await;
    house.restart_messenger(address).await;
    let mut config = house.config.clone();
    config.messenger_is_ours = true;
    let later = Initiator::start(config).await.unwrap();
    let end = later.find(id, &plan, house.watch()).await;
    check_transcript(&end);
    let failure = end.expect_err("operator 4 is dead").failure;
    assert_eq!(failure.culprits, [], "{failure}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_never_started_is_lost_when_attached() {
    let house = House::build(Plan {
        honest: ids(1..=4),
        round: HASTY,
        ..Plan::default()
    })
    .await;
    let end = house
        .initiator
        .find(fresh_id(), &keygen_plan(ids(1..=4)), house.watch())
        .await;
    check_transcript(&end);
    let failed = end.unwrap_err();
    assert_eq!(failed.failure.kind, FailureKind::Lost);
    assert!(!failed.is_evidence, "nothing was seen");
    // a directory that lost an operator does not make a running ceremony one that never began
    let end = house
        .initiator
        .find(fresh_id(), &keygen_plan(ids([1, 2, 3, 99])), house.watch())
        .await;
    check_transcript(&end);
    assert_eq!(end.unwrap_err().failure.kind, FailureKind::Unknown);
}

/// Whoever gives up reports it, and any such text at the messenger kept a ceremony that nobody can complete any more unknown for
/// a week: deposits are made one after the other, and all waited.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_given_up_and_is_gone_is_lost_when_attached() {
    let house = House::build(Plan {
        honest: ids(1..=4),
        round: HASTY,
        ..Plan::default()
    })
    .await;
    let id = fresh_id();
    let surrender = Message {
        msg_type: MsgType::Protocol,
        identifier: id,
        data: br#"{"round":6,"timeout":{"Round":1}}"#.as_slice().into(),
    };
    let report = BlameOutput {
        valid: false,
        blame_message: Some(surrender.sign(OperatorId(1), &key_of(OperatorId(1))).unwrap()),
    };
    let url = format!("{}/stream/dkgblame?request_id={id}", house.messenger_url);
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let answer = client.post(url).body(report.to_json()).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    let end = house
        .initiator
        .find(id, &keygen_plan(ids(1..=4)), house.watch())
        .await;
    check_transcript(&end);
    let failed = end.unwrap_err();
    assert_eq!(failed.failure.kind, FailureKind::Lost, "{failed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_messenger_nothing_is_started() {
    let mut house = House::honest(4).await;
    house.stop_messenger().await;
    let failed = house.run(&keygen_plan(ids(1..=4))).await.unwrap_err();
    assert_eq!(failed.failure.kind, FailureKind::NotStarted, "{failed}");
    assert!(failed.failure.reason.as_str().contains("messenger"), "{failed}");
}

/// 2,000 idle connections took the oracle's last descriptor, and a flood pushed real messages out.
#[tokio::test(flavor = "multi_thread")]
async fn a_flood_at_the_observer_takes_nothing_from_the_ceremony() {
    let house = House::build(Plan {
        honest: ids(1..=3),
        others: vec![(OperatorId(4), Misbehaviour::Slow(Duration::from_millis(200)))],
        ..Plan::default()
    })
    .await;
    let id = fresh_id();
    let observer = house.initiator.observer_addr();
    let mut idle = Vec::new();
    for _ in 0..400 {
        idle.push(tokio::net::TcpStream::connect(observer).await.unwrap());
    }
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let flood = async {
        until("a first message", || anybody_in(&house, Round::Preparation)).await;
        let url = format!("http://{observer}/{id}/consume");
        for _ in 0..20 {
            let posts = (0..100).map(|_| client.post(&url).body(vec![0xff; 500]).send());
            futures_util::future::join_all(posts).await;
        }
    };
    let plan = keygen_plan(ids(1..=4));
    let (end, ()) = tokio::join!(house.run_as(id, &plan), flood);
    let verified = end.unwrap_or_else(|failed| panic!("{failed}"));
    assert_eq!(document_of(&verified.transcript).messages.len(), 20);
}
