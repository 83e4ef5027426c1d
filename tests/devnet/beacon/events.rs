//! The event stream.

use std::time::Duration;

use casimir_dkg::devnet::beacon::{ClientFamily, DevBeacon, Event, StreamFault, interop_secret};

use super::{EXITS, capella, exit, get, manual, post};

/// A subscription, read until it holds `wanted`.
async fn listen(beacon: &DevBeacon, topics: &str) -> reqwest::Response {
    let url = format!("{}/eth/v1/events?{topics}", beacon.url());
    let answer = reqwest::get(url).await.unwrap();
    assert_eq!(answer.status().as_u16(), 200);
    answer
}

async fn read_until(answer: &mut reqwest::Response, wanted: &str) -> String {
    let mut text = String::new();
    let read = async {
        while !text.contains(wanted) {
            let part = answer.chunk().await.unwrap().expect("the stream goes on");
            text.push_str(std::str::from_utf8(&part).unwrap());
        }
    };
    let in_time = tokio::time::timeout(crate::TIMEOUT, read).await;
    assert!(in_time.is_ok(), "{wanted:?} in {text:?}");
    text
}

#[tokio::test]
async fn heads_finality_and_exits_are_told() {
    let beacon = manual().await;
    let mut all = listen(&beacon, "topics=head&topics=finalized_checkpoint,voluntary_exit").await;
    let mut heads = listen(&beacon, "topics=head").await;
    beacon.advance_epochs(3).await;
    let text = read_until(&mut all, r#""epoch":"1""#).await;
    assert!(
        text.contains("event: head") && text.contains("event: finalized_checkpoint"),
        "{text}"
    );
    assert!(
        text.contains(r#""slot":"12""#) && text.contains(r#""epoch_transition":true"#),
        "{text}"
    );
    let wish = exit(&beacon, &interop_secret(1), 1, 3, capella());
    assert_eq!(post(&beacon, EXITS, &wish).await.0, 200);
    let text = read_until(&mut all, "event: voluntary_exit").await;
    assert!(
        text.contains(r#""validator_index":"1""#) || {
            let more = read_until(&mut all, r#""validator_index":"1""#).await;
            more.contains(r#""validator_index":"1""#)
        }
    );
    beacon.advance_slots(1).await;
    let text = read_until(&mut heads, r#""slot":"13""#).await;
    assert!(
        !text.contains("voluntary_exit") && !text.contains("finalized_checkpoint"),
        "{text}"
    );
}

#[tokio::test]
async fn an_unknown_topic_is_refused_but_by_lodestar() {
    let beacon = manual().await;
    assert_eq!(get(&beacon, "/eth/v1/events?topics=head,nonsense").await.0, 400);
    assert_eq!(get(&beacon, "/eth/v1/events").await.0, 400);
    beacon.faults(|faults| faults.family = ClientFamily::Lodestar);
    let mut nothing = listen(&beacon, "topics=head,voluntary_exit").await;
    let mut heads = listen(&beacon, "topics=head").await;
    beacon.advance_slots(1).await;
    read_until(&mut heads, "event: head").await;
    // a list with commas gives an open stream without events
    let quiet = tokio::time::timeout(Duration::from_millis(100), nothing.chunk()).await;
    assert!(quiet.is_err());
}

#[tokio::test]
async fn streams_end_with_the_node() {
    let beacon = manual().await;
    let mut stream = listen(&beacon, "topics=head").await;
    drop(beacon);
    let end = tokio::time::timeout(crate::TIMEOUT, stream.chunk()).await;
    assert!(matches!(end, Ok(Ok(None) | Err(_))), "the stream ends");
}

#[tokio::test]
async fn streams_can_be_cut_silent_or_of_an_old_node() {
    let beacon = manual().await;
    let mut stream = listen(&beacon, "topics=head&topics=chain_reorg").await;
    beacon.tell(Event::ChainReorg { slot: 9, depth: 2 });
    let text = read_until(&mut stream, "event: chain_reorg").await;
    assert!(!text.contains("event: head"), "{text}");

    beacon.faults(|faults| faults.streams = StreamFault::Silent);
    beacon.advance_slots(3).await;
    beacon.faults(|faults| faults.streams = StreamFault::None);
    beacon.advance_slots(1).await;
    let text = read_until(&mut stream, r#""slot":"4""#).await;
    assert!(!text.contains(r#""slot":"1""#), "{text}");

    beacon.faults(|faults| faults.streams = StreamFault::Absent);
    let end = async { while let Ok(Some(_)) = stream.chunk().await {} };
    tokio::time::timeout(crate::TIMEOUT, end)
        .await
        .expect("the stream ends");
    assert_eq!(get(&beacon, "/eth/v1/events?topics=head").await.0, 404);

    beacon.faults(|faults| faults.streams = StreamFault::Old);
    assert_eq!(
        get(&beacon, "/eth/v1/events?topics=head&topics=chain_reorg")
            .await
            .0,
        400
    );
    listen(&beacon, "topics=head").await;
}
