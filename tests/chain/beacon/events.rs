//! The event stream: hints, and its end.

use std::time::{Duration, Instant};

use casimir_dkg::devnet::beacon::StreamFault;
use casimir_dkg::ports::consensus::{Consensus, Hint};
use tokio::sync::mpsc;

use super::{beacon, node};

#[tokio::test]
async fn events_are_hints_and_the_end_of_a_stream_is_told() {
    let node = node().await;
    let beacon = beacon(&[&node]);
    let (out, mut hints) = mpsc::channel(100);
    let stream = tokio::spawn(async move { beacon.listen(out).await });
    let deadline = Instant::now() + crate::TIMEOUT;
    loop {
        // the stream may not stand yet when the first slots pass
        node.advance_slots(1).await;
        match tokio::time::timeout(Duration::from_millis(100), hints.recv()).await {
            Ok(Some(Hint::Head { slot, .. })) => {
                assert!(slot > 0);
                break;
            }
            Ok(other) => panic!("{other:?}"),
            Err(_) => assert!(Instant::now() < deadline, "no head heard"),
        }
    }
    drop(node);
    let lost = async { while !matches!(hints.recv().await, Some(Hint::Lost { .. })) {} };
    tokio::time::timeout(crate::TIMEOUT, lost).await.unwrap();
    stream.abort();
    let ended = async { while hints.recv().await.is_some() {} };
    tokio::time::timeout(crate::TIMEOUT, ended)
        .await
        .expect("it ends with its handle");
}

#[tokio::test]
async fn a_node_that_does_not_know_the_newest_topic_is_listened_to_all_the_same() {
    let node = node().await;
    node.faults(|faults| faults.streams = StreamFault::Old);
    let (out, mut hints) = mpsc::channel(100);
    let beacon = beacon(&[&node]);
    let heard = async {
        while node.listeners() == 0 {
            tokio::task::yield_now().await;
        }
        node.advance_slots(1).await;
        hints.recv().await
    };
    let heard = async {
        tokio::select! {
            heard = heard => heard,
            () = beacon.listen(out) => panic!("somebody receives"),
        }
    };
    let heard = tokio::time::timeout(crate::TIMEOUT, heard).await.unwrap();
    assert!(matches!(heard, Some(Hint::Head { slot: 1, .. })), "{heard:?}");
}
