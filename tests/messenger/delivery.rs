//! Order, patience and isolation of deliveries.

use std::time::{Duration, Instant};

use casimir_dkg::dkg::rockx::messenger::SERVER_NAME;
use casimir_dkg::dkg::rockx::wire::MsgType;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::support::{
    Messenger, NO_SESSION, Node, PROCESSED, config, eventually, id, message, output, round,
};

/// A messenger with nodes 1 to n registered and a topic of all of them.
async fn ceremony(messenger: &Messenger, topic: u8, nodes: &[&Node]) {
    let names: Vec<String> = (1..=nodes.len()).map(|n| n.to_string()).collect();
    for (name, node) in names.iter().zip(nodes) {
        assert_eq!(messenger.register("default", name, &node.url).await.status, 200);
    }
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    assert_eq!(messenger.topic(id(topic), &names).await.status, 200);
}

#[tokio::test]
async fn early_messages_are_held_and_delivered_as_soon_as_the_session_starts() {
    let mut config = config();
    config.limits.backoff_first = Duration::from_millis(5);
    config.limits.backoff_max = Duration::from_secs(3_600);
    let messenger = Messenger::start(config).await;
    let (one, two) = (Node::willing().await, Node::willing().await);
    let late = Node::new(|_, _| (500, NO_SESSION)).await;
    ceremony(&messenger, 1, &[&one, &two, &late]).await;
    // the others are two rounds ahead before the late one has its start message
    for (signer, number) in [(1, 1), (2, 1), (1, 2), (2, 2)] {
        let sent = round(id(1), signer, number, number);
        assert_eq!(messenger.publish(id(1), &sent).await.status, 200);
    }
    // by now it is left alone for longer than this test would wait for it
    eventually("the late node is asked again and again", || {
        late.seen().len() > 11
    })
    .await;
    // as a Go node, it is known to have started when it publishes; its session is there a moment later
    late.change(|_, before| {
        if before % 2 == 0 {
            (500, NO_SESSION)
        } else {
            (200, PROCESSED)
        }
    });
    messenger.publish(id(1), &round(id(1), 3, 1, 3)).await;
    let taken = late.takes(4).await;
    assert_eq!(
        taken,
        [(1, 1), (2, 1), (1, 2), (2, 2)].map(|(signer, number)| round(id(1), signer, number, number)),
        "rounds in order, each in order of arrival"
    );
    assert!(messenger.metric("deliveries_held_total").await >= 4.0);
    assert_eq!(one.takes(3).await.len(), 3);
}

#[tokio::test]
async fn rounds_never_overtake_and_a_failing_message_keeps_its_place() {
    let messenger = Messenger::new().await;
    let (one, two) = (Node::willing().await, Node::willing().await);
    let moody = Node::new(|_, before| match before {
        0..4 => (
            500,
            r#"{"error":"something","message":"dkg node failed to process message"}"#,
        ),
        _ => (200, PROCESSED),
    })
    .await;
    ceremony(&messenger, 1, &[&one, &two, &moody]).await;
    // published in the wrong order while the first is being refused
    for (signer, number) in [(1, 1), (1, 3), (1, 2), (2, 2), (2, 1)] {
        messenger
            .publish(id(1), &round(id(1), signer, number, number))
            .await;
    }
    let taken = moody.takes(5).await;
    let expected = [(1, 1), (2, 1), (1, 2), (2, 2), (1, 3)];
    assert_eq!(
        taken,
        expected.map(|(signer, number)| round(id(1), signer, number, number))
    );
    let attempts = moody.seen();
    assert!(
        attempts[..5].iter().all(|seen| seen.body == attempts[0].body),
        "retried at the head"
    );
}

#[tokio::test]
async fn final_errors_are_not_repeated() {
    let messenger = Messenger::new().await;
    let one = Node::willing().await;
    let strict = Node::new(|_, before| match before {
        0 => (
            500,
            r#"{"error":"msg already exists","message":"dkg node failed to process message"}"#,
        ),
        1 => (
            500,
            r#"{"error":"inconsistent partial signature received","message":""}"#,
        ),
        2 => (
            500,
            r#"{"error":"could not process dkg message: bad: invalid signature","message":""}"#,
        ),
        3 => (
            400,
            r#"{"error":"incorrect size","message":"failed to parse data from request body"}"#,
        ),
        _ => (200, PROCESSED),
    })
    .await;
    ceremony(&messenger, 1, &[&one, &strict]).await;
    let sent: Vec<Vec<u8>> = (0..5).map(|mark| round(id(1), 1, 1, mark)).collect();
    for message in &sent {
        messenger.publish(id(1), message).await;
    }
    assert_eq!(strict.takes(1).await, [sent[4].clone()]);
    let bodies: Vec<_> = strict.seen().into_iter().map(|seen| seen.body.to_vec()).collect();
    assert_eq!(bodies, sent, "each exactly once");
    assert_eq!(messenger.metric("deliveries_dropped_total").await, 4.0);
}

#[tokio::test]
async fn an_error_of_unknown_meaning_is_repeated_a_bounded_number_of_times() {
    let mut config = config();
    config.limits.backoff_max = Duration::from_millis(10);
    let messenger = Messenger::start(config).await;
    let one = Node::willing().await;
    let bad = round(id(1), 1, 1, 1);
    let hated = bad.clone();
    let two = Node::new(move |body, _| {
        if *body == hated {
            (500, "no")
        } else {
            (200, PROCESSED)
        }
    })
    .await;
    ceremony(&messenger, 1, &[&one, &two]).await;
    messenger.publish(id(1), &bad).await;
    messenger.publish(id(1), &round(id(1), 1, 2, 2)).await;
    two.takes(1).await;
    assert_eq!(
        two.seen().len(),
        12,
        "eleven attempts, as the protocol's messenger makes, then the next message"
    );
}

#[tokio::test]
async fn connection_errors_are_waited_out() {
    let messenger = Messenger::new().await;
    let (one, two) = (Node::willing().await, Node::willing().await);
    ceremony(&messenger, 1, &[&one, &two]).await;
    let address = two.url.strip_prefix("http://").unwrap().to_owned();
    two.stop().await;
    let sent = [round(id(1), 1, 1, 1), round(id(1), 1, 2, 2)];
    for message in &sent {
        assert_eq!(messenger.publish(id(1), message).await.status, 200);
    }
    let begun = Instant::now();
    while messenger.metric("deliveries_unreachable_total").await < 2.0 {
        assert!(begun.elapsed() < super::support::SOON);
    }
    let back = Node::on(&address, |_, _| (200, PROCESSED)).await;
    assert_eq!(back.takes(2).await, sent);
}

#[tokio::test]
async fn a_dead_and_a_hanging_subscriber_do_not_hold_up_the_others() {
    let mut config = config();
    // who waited for the hanging one would wait for longer than this test
    config.limits.delivery_deadline = Duration::from_secs(3_600);
    let messenger = Messenger::start(config).await;
    let (one, two) = (Node::willing().await, Node::willing().await);
    let dead = Node::willing().await;
    // accepts connections and never answers
    let hanging = TcpListener::bind("127.0.0.1:0").await.unwrap();
    ceremony(&messenger, 1, &[&one, &two, &dead]).await;
    let address = format!("http://{}", hanging.local_addr().unwrap());
    messenger.register("default", "4", &address).await;
    messenger.topic(id(1), &["1", "2", "3", "4"]).await;
    dead.stop().await;
    for mark in 0..60 {
        assert_eq!(
            messenger.publish(id(1), &round(id(1), 1, 1, mark)).await.status,
            200
        );
    }
    assert_eq!(
        two.takes(60).await.len(),
        60,
        "more than the 50 that stop the Go messenger"
    );
}

#[tokio::test]
async fn a_stuck_ceremony_does_not_hold_up_another_one_at_the_same_node() {
    let messenger = Messenger::new().await;
    let one = Node::willing().await;
    let stuck = message(
        id(1),
        MsgType::Protocol,
        1,
        r#"{"round":1,"preparation":{"SessionPk":""}}"#,
    );
    let refused = stuck.clone();
    let two = Node::new(move |body, _| {
        if *body == refused {
            (500, NO_SESSION)
        } else {
            (200, PROCESSED)
        }
    })
    .await;
    ceremony(&messenger, 1, &[&one, &two]).await;
    ceremony(&messenger, 2, &[&one, &two]).await;
    messenger.publish(id(1), &stuck).await;
    for number in 1..=3 {
        messenger.publish(id(2), &round(id(2), 1, number, number)).await;
    }
    let expected: Vec<_> = (1..=3).map(|number| round(id(2), 1, number, number)).collect();
    assert_eq!(two.takes(3).await, expected);
}

/// A server that answers every request after `pause`, the first ones when it has so many at once, and counts how many it
/// holds.
async fn slow_server(
    pause: Duration,
    together: usize,
    header: &'static str,
) -> (String, std::sync::Arc<std::sync::atomic::AtomicUsize>) {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let most = Arc::new(AtomicUsize::new(0));
    let (now, peak) = (Arc::new(AtomicUsize::new(0)), Arc::clone(&most));
    let handler = async move || {
        peak.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        tokio::time::sleep(pause).await;
        // whoever gets one at a time is given up on, and counted as that
        let begun = Instant::now();
        while peak.load(Ordering::SeqCst) < together && begun.elapsed() < Duration::from_secs(10) {
            tokio::time::sleep(pause).await;
        }
        now.fetch_sub(1, Ordering::SeqCst);
        ([("server", header)], PROCESSED)
    };
    let router = axum::Router::new().route("/consume", axum::routing::post(handler));
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    (url, most)
}

#[tokio::test]
async fn go_nodes_get_one_delivery_at_a_time_and_ours_several() {
    use std::sync::atomic::Ordering;
    let mut config = config();
    // none of these takes so long that the next topic goes on without it
    config.limits.overtake = crate::TIMEOUT;
    let messenger = Messenger::start(config).await;
    let pause = Duration::from_millis(30);
    let (go, go_peak) = slow_server(pause, 1, "").await;
    let (ours, our_peak) = slow_server(pause, 2, SERVER_NAME).await;
    messenger.register("default", "1", "http://127.0.0.1:1").await;
    messenger.register("default", "2", &go).await;
    messenger.register("default", "3", &ours).await;
    for topic in 1..=4 {
        messenger.topic(id(topic), &["1", "2", "3"]).await;
    }
    for number in 1..=3 {
        for topic in 1..=4 {
            messenger
                .publish(id(topic), &round(id(topic), 1, number, number))
                .await;
        }
    }
    let begun = Instant::now();
    while messenger.metric("deliveries_total").await < 24.0 {
        assert!(begun.elapsed() < super::support::SOON);
    }
    assert_eq!(go_peak.load(Ordering::SeqCst), 1);
    assert!(our_peak.load(Ordering::SeqCst) > 1);
}

#[tokio::test]
async fn observers_get_everything_also_when_they_come_late() {
    let messenger = Messenger::new().await;
    let (one, two) = (Node::willing().await, Node::willing().await);
    ceremony(&messenger, 1, &[&one, &two]).await;
    let topic = id(1).to_string();
    let early = Node::willing().await;
    assert_eq!(
        messenger.register(&topic, "observer", &early.url).await.body,
        "null"
    );
    let noise = message(
        id(1),
        MsgType::Protocol,
        2,
        r#"{"round":6,"timeout":{"Round":4}}"#,
    );
    let sent = [
        round(id(1), 1, 1, 1),
        round(id(1), 2, 1, 1),
        round(id(1), 1, 2, 1),
        noise.clone(),
    ];
    for message in &sent {
        assert_eq!(messenger.publish(id(1), message).await.status, 200);
    }
    assert_eq!(early.takes(4).await, sent);
    let late = Node::willing().await;
    messenger.register(&topic, "latecomer", &late.url).await;
    assert_eq!(
        late.takes(4).await,
        sent,
        "what was published before is delivered, too"
    );
    // the noise after success reaches no operator; a last message shows that nothing is on its way any more
    let last = message(
        id(1),
        MsgType::Protocol,
        2,
        r#"{"round":6,"timeout":{"Round":1}}"#,
    );
    messenger.publish(id(1), &last).await;
    let taken = one.takes(2).await;
    assert_eq!(taken, [sent[1].clone(), last]);
    assert!(!taken.contains(&axum::body::Bytes::from(noise)));
    assert_eq!(messenger.metric("timeouts_dropped_total").await, 1.0);
}

#[tokio::test]
async fn after_the_result_a_forgotten_session_is_not_asked_again() {
    let messenger = Messenger::new().await;
    let one = Node::willing().await;
    let gone = Node::new(|_, _| (500, NO_SESSION)).await;
    ceremony(&messenger, 1, &[&one, &gone]).await;
    let outputs = [1u64, 2].map(|signer| output(id(1), signer, u8::try_from(signer).unwrap()));
    for (signer, payload) in [1, 2].into_iter().zip(&outputs) {
        messenger
            .publish(id(1), &message(id(1), MsgType::Output, signer, payload))
            .await;
    }
    eventually("it is asked", || !gone.seen().is_empty()).await;
    let result = format!(r#"{{"1":{},"2":{}}}"#, outputs[0], outputs[1]);
    let path = format!("/stream/dkgoutput?request_id={}", id(1));
    assert_eq!(messenger.post(&path, result).await.body, "null");
    messenger.metric_becomes("pending", 0.0).await;
    assert_eq!(messenger.metric("deliveries_dropped_total").await, 1.0);
}

#[tokio::test]
async fn redirects_are_not_followed_and_endless_replies_not_read() {
    let messenger = Messenger::new().await;
    let victim = Node::willing().await;
    // answers every request with a redirect and then sends for ever
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let target = victim.url.clone();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let head = format!(
                "HTTP/1.1 307 Temporary Redirect\r\nlocation: {target}/consume\r\ntransfer-encoding: chunked\r\n\r\n"
            );
            tokio::spawn(async move {
                let mut request = [0; 4096];
                let _ = stream.read(&mut request).await;
                let _ = stream.write_all(head.as_bytes()).await;
                let chunk = format!("1000\r\n{}\r\n", "x".repeat(4096));
                while stream.write_all(chunk.as_bytes()).await.is_ok() {}
            });
        }
    });
    messenger.register("default", "1", "http://127.0.0.1:1").await;
    messenger.register("default", "2", &address).await;
    messenger.topic(id(1), &["1", "2"]).await;
    messenger.publish(id(1), &round(id(1), 1, 1, 1)).await;
    let begun = Instant::now();
    while messenger.metric("deliveries_failed_total").await < 2.0 {
        assert!(begun.elapsed() < super::support::SOON);
    }
    assert!(victim.seen().is_empty());
}
