//! Clients that shout, trickle, lie and never stop.

use std::time::{Duration, Instant};

use casimir_dkg::dkg::rockx::wire::MsgType;
use proptest::prelude::*;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::support::{Messenger, Node, config, id, message, output, round};
use crate::conformance::mutate::{mutated, numbers};

#[tokio::test]
async fn oversized_bodies_are_refused_on_every_route() {
    let mut config = config();
    config.limits.body = 10_000;
    let messenger = Messenger::start(config).await;
    messenger.topic(id(1), &[]).await;
    let failed = format!("failed to publish data to topic {}", id(1));
    for (path, prefix, text) in [
        (
            "/register_node?subscribes_to=default".to_owned(),
            "",
            "failed to parse subscriber data from the request body",
        ),
        ("/topics".to_owned(), "", "failed to load data from request body"),
        (format!("/publish?topic_name={}", id(1)), "", failed.as_str()),
        (
            format!("/stream/dkgoutput?request_id={}", id(1)),
            "",
            "failed to parse request body",
        ),
        (
            format!("/stream/dkgblame?request_id={}", id(1)),
            "Error: ",
            "failed to parse request body",
        ),
    ] {
        let reply = messenger.post(&path, vec![b' '; 10_001]).await;
        assert_eq!(reply.status, 413, "{path}");
        assert_eq!(
            reply.body,
            format!(r#"{{"error":"{prefix}http: request body too large","message":"{text}"}}"#)
        );
        // chunked, so that no length is announced
        let endless = futures_util::stream::repeat_with(|| Ok::<_, std::io::Error>(vec![b' '; 4000]));
        let body = reqwest::Body::wrap_stream(futures_util::StreamExt::take(endless, 5));
        assert_eq!(messenger.post(&path, body).await.status, 413, "{path}");
    }
    assert_eq!(messenger.metric("bodies_too_large_total").await, 10.0);
}

#[tokio::test]
async fn the_body_that_kills_the_go_messenger() {
    let messenger = Messenger::new().await;
    let node = Node::willing().await;
    for name in ["1", "2"] {
        messenger.register("default", name, &node.url).await;
    }
    messenger.topic(id(1), &["1", "2"]).await;
    let mut nil = vec![0; 68];
    nil[0] = 2;
    nil[64] = 68;
    for data in [
        "{}",
        "null",
        "",
        r#"{"Message":null,"Signer":1}"#,
        "[[[[",
        &"[".repeat(100_000),
    ] {
        let bytes = [&nil, data.as_bytes()].concat();
        let reply = messenger.publish(id(1), &bytes).await;
        assert_eq!(reply.status, 400, "{data:.20}: {}", reply.body);
    }
    let genuine = round(id(1), 1, 1, 1);
    messenger.publish(id(1), &genuine).await;
    assert_eq!(node.takes(1).await, [genuine]);
}

#[test]
fn no_body_and_no_path_brings_it_down() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let messenger = runtime.block_on(async {
        let messenger = Messenger::new().await;
        messenger.register("default", "1", "http://127.0.0.1:1").await;
        messenger.topic(id(1), &["1"]).await;
        messenger
    });
    let topic = id(1).to_string();
    let paths = [
        "/register_node?subscribes_to=default".to_owned(),
        format!("/register_node?subscribes_to={topic}"),
        "/topics".to_owned(),
        format!("/publish?topic_name={topic}"),
        format!("/stream/dkgoutput?request_id={}", id(2)),
        format!("/stream/dkgblame?request_id={}", id(2)),
    ];
    let genuine = round(id(1), 1, 2, 1);
    let texts = prop_oneof![
        // garbage
        proptest::collection::vec(any::<u8>(), 0..200),
        // JSON of any shape with the names that matter
        proptest::collection::vec(
            prop_oneof![
                Just("{"),
                Just("}"),
                Just("["),
                Just("]"),
                Just(":"),
                Just(","),
                Just("null"),
                Just("1"),
                Just("-1e999"),
                Just("\"\""),
                Just("\"1\""),
                Just("\"name\""),
                Just("\"srv_addr\""),
                Just("\"topic_name\""),
                Just("\"subscribers\""),
                Just("\"Message\""),
                Just("\"Signer\""),
                Just("\"Data\""),
                Just("\"BlameMessage\""),
            ],
            0..40
        )
        .prop_map(|parts| parts.concat().into_bytes()),
        // a genuine message with some bytes changed, or cut off
        proptest::collection::vec((0..genuine.len(), any::<u8>()), 0..6).prop_map({
            let genuine = genuine.clone();
            move |changes| {
                let mut bytes = genuine.clone();
                for (at, byte) in changes {
                    bytes[at] = byte;
                }
                bytes
            }
        }),
        (0..genuine.len()).prop_map(move |length| genuine[..length].to_vec()),
    ];
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig {
        cases: 600,
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    runner
        .run(&(0..paths.len(), texts), |(path, body)| {
            let reply = runtime.block_on(messenger.post(&paths[path], body));
            prop_assert!(
                matches!(reply.status, 200 | 400 | 409 | 413 | 429 | 500),
                "{} {}",
                reply.status,
                reply.body
            );
            let json: Result<serde_json::Value, _> = serde_json::from_str(&reply.body);
            prop_assert!(json.is_ok(), "{}", reply.body);
            Ok(())
        })
        .unwrap();
    let ping = runtime.block_on(messenger.get("/ping"));
    assert_eq!(ping.body, r#"{"message":"pong"}"#);
}

#[tokio::test]
async fn a_request_that_trickles_in_is_cut_off() {
    let mut config = config();
    config.limits.request_deadline = Duration::from_millis(300);
    config.limits.connections = 2;
    let messenger = Messenger::start(config).await;
    let begun = Instant::now();
    // as many as are served at once: one in its header, one in its body
    let mut connections = Vec::new();
    for start in [
        "POST /topics HTTP/1.1\r\nx: ",
        "POST /topics HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{",
    ] {
        let mut stream = TcpStream::connect(messenger.handle.addr()).await.unwrap();
        stream.write_all(start.as_bytes()).await.unwrap();
        connections.push(tokio::spawn(async move {
            let mut reply = Vec::new();
            let (mut read, mut write) = stream.split();
            // a byte every 20 ms does not prolong it
            let trickle = async {
                while write.write_all(b" ").await.is_ok() {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            };
            tokio::select! {
                _ = read.read_to_end(&mut reply) => {}
                () = trickle => {}
            }
        }));
    }
    // a third client gets its turn as soon as they are gone
    assert_eq!(messenger.get("/ping").await.status, 200);
    assert!(
        begun.elapsed() >= Duration::from_millis(250),
        "{:?}",
        begun.elapsed()
    );
    for connection in connections {
        tokio::time::timeout(super::support::SOON, connection)
            .await
            .unwrap()
            .unwrap();
    }
}

#[tokio::test]
async fn silent_connections_are_closed() {
    let mut config = config();
    config.limits.idle = Duration::from_millis(200);
    let messenger = Messenger::start(config).await;
    let mut stream = TcpStream::connect(messenger.handle.addr()).await.unwrap();
    let mut rest = Vec::new();
    let closed = tokio::time::timeout(super::support::SOON, stream.read_to_end(&mut rest)).await;
    assert!(closed.is_ok(), "still open");
}

#[tokio::test]
async fn a_subscriber_that_never_answers_is_given_up() {
    let mut config = config();
    config.limits.delivery_deadline = Duration::from_millis(100);
    config.limits.delivery_ttl = Duration::from_secs(5);
    let messenger = Messenger::start(config).await;
    // half open: the kernel takes the connection, nobody ever answers
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    messenger.register("default", "1", "http://127.0.0.1:1").await;
    messenger.register("default", "2", &address).await;
    messenger.topic(id(1), &["1", "2"]).await;
    messenger.publish(id(1), &round(id(1), 1, 1, 1)).await;
    let begun = Instant::now();
    while messenger.metric("deliveries_dropped_total").await < 1.0 {
        assert!(begun.elapsed() < super::support::SOON);
    }
    assert!(messenger.metric("deliveries_unreachable_total").await >= 2.0);
    messenger.metric_becomes("pending", 0.0).await;
}

#[tokio::test]
async fn what_is_held_is_bounded() {
    let mut config = config();
    config.limits.registered = 3;
    config.limits.topics = 4;
    config.limits.subscribers = 3;
    config.limits.messages_per_signer = 5;
    config.limits.messages_per_topic = 8;
    config.limits.message_bytes = 100_000;
    config.limits.result_bytes = 20_000;
    config.limits.conflicts = 3;
    config.limits.body = 60_000;
    let messenger = Messenger::start(config).await;
    for name in ["1", "2", "3"] {
        assert_eq!(
            messenger
                .register("default", name, "http://127.0.0.1:1")
                .await
                .status,
            200
        );
    }
    assert_eq!(
        messenger
            .register("default", "4", "http://127.0.0.1:1")
            .await
            .status,
        503
    );
    let long = "x".repeat(600);
    assert_eq!(messenger.register("default", &long, "http://x").await.status, 400);
    assert_eq!(messenger.register("default", "1", &long).await.status, 400);

    for n in 1..=4 {
        assert_eq!(messenger.topic(id(n), &["1", "2", "3"]).await.status, 200);
    }
    assert_eq!(messenger.topic(id(5), &["1"]).await.status, 503);
    assert_eq!(
        messenger
            .register(&id(1).to_string(), "watcher", "http://x")
            .await
            .status,
        503
    );

    for mark in 0..5 {
        assert_eq!(
            messenger.publish(id(1), &round(id(1), 1, 1, mark)).await.status,
            200
        );
    }
    assert_eq!(
        messenger.publish(id(1), &round(id(1), 1, 1, 5)).await.status,
        429,
        "one signer's share"
    );
    for mark in 0..3 {
        assert_eq!(
            messenger.publish(id(1), &round(id(1), 2, 1, mark)).await.status,
            200,
            "the others have theirs"
        );
    }
    assert_eq!(
        messenger.publish(id(1), &round(id(1), 2, 1, 9)).await.status,
        429,
        "the topic is full"
    );
    let big = |topic, signer| {
        let filler = "A".repeat(40_000);
        message(
            id(topic),
            MsgType::DepositData,
            signer,
            &format!(r#"{{"x":"{filler}"}}"#),
        )
    };
    assert_eq!(messenger.publish(id(2), &big(2, 1)).await.status, 200);
    assert_eq!(
        messenger.publish(id(3), &big(3, 1)).await.status,
        503,
        "all topics together"
    );
    assert!(messenger.metric("message_bytes").await <= 100_000.0);

    for n in 0..40u8 {
        let path = format!("/stream/dkgoutput?request_id={}", id(n / 4));
        let signer = u64::from(n % 3 + 1);
        let body = format!(r#"{{"{signer}":{}}}"#, output(id(n / 4), signer, n));
        assert_eq!(messenger.post(&path, body).await.status, 200);
    }
    // the last that was told may be of before these came
    messenger.metric_is("results", |told| told >= 3.0).await;
    assert!(messenger.metric("result_bytes").await <= 20_000.0);
}

/// What proxies and those before them write is nearly right: whoever it makes of the sender, the request is answered.
/// `CASIMIR_DKG_MUTATIONS=10000` tries more.
#[tokio::test]
async fn mutations_of_what_a_proxy_says() {
    let mut config = config();
    config.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()];
    let messenger = Messenger::start(config).await;
    let corpus: Vec<Vec<u8>> = [
        "203.0.113.7",
        "1.1.1.1, 203.0.113.7, 127.0.0.2",
        "2001:db8:1:2:3::4",
        "unknown, [2001:db8:1:2:3::4]:4711",
        "x,, 203.0.113.8:4711 ",
        "::ffff:203.0.113.9",
    ]
    .map(|text| text.as_bytes().to_vec())
    .into();
    for number in numbers(1) {
        let mut value = mutated(number, &corpus);
        // these end the line, or the head
        value.retain(|byte| !matches!(byte, b'\r' | b'\n'));
        let mut stream = TcpStream::connect(messenger.handle.addr()).await.unwrap();
        let head = b"GET /ping HTTP/1.1\r\nhost: x\r\nconnection: close\r\nx-forwarded-for: ";
        stream
            .write_all(&[head, value.as_slice(), b"\r\n\r\n"].concat())
            .await
            .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let status = answer.get(..12).unwrap_or_default();
        assert!(
            ["HTTP/1.1 200", "HTTP/1.1 400", "HTTP/1.1 429"].contains(&status),
            "{number}: {value:?}: {answer}"
        );
    }
}
