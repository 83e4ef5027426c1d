//! Who decides what `GET /data` says.

use casimir_dkg::dkg::rockx::wire::MsgType;
use serde_json::Value;

use super::support::{Messenger, Node, id, message, output};

const ACCUSATION: &str =
    r#"{"round":5,"blame":{"Type":1,"TargetOperatorID":2,"BlameData":[],"BlamerSessionSk":null}}"#;

/// The signed message's own JSON.
fn text_of(message: &[u8]) -> String {
    String::from_utf8(message[68..].to_vec()).unwrap()
}

async fn stream(messenger: &Messenger, outputs: &[(u64, &str)]) {
    let entries: Vec<String> = outputs
        .iter()
        .map(|(n, text)| format!(r#""{n}":{text}"#))
        .collect();
    let path = format!("/stream/dkgoutput?request_id={}", id(1));
    let reply = messenger.post(&path, format!("{{{}}}", entries.join(","))).await;
    assert_eq!((reply.status, reply.body.as_str()), (200, "null"));
}

async fn data(messenger: &Messenger) -> String {
    messenger.get(&format!("/data/{}", id(1))).await.body
}

async fn conflicts(messenger: &Messenger) -> Vec<Value> {
    let text = messenger.get(&format!("/data/{}/conflicts", id(1))).await.body;
    serde_json::from_str(&text).unwrap()
}

fn result(outputs: &[(u64, &str)]) -> String {
    let entries: Vec<String> = outputs
        .iter()
        .map(|(n, text)| format!(r#""{n}":{text}"#))
        .collect();
    format!(r#"{{"DKGOutputs":{{{}}},"BlameOutput":null}}"#, entries.join(","))
}

#[tokio::test]
async fn the_first_result_stays_unless_the_members_vouch_for_another() {
    let messenger = Messenger::new().await;
    let node = Node::willing().await;
    for name in ["1", "2"] {
        messenger.register("default", name, &node.url).await;
    }
    messenger.topic(id(1), &["1", "2"]).await;
    let (one, two, forged) = (output(id(1), 1, 1), output(id(1), 2, 2), output(id(1), 2, 66));

    // somebody is early with a result of its own
    stream(&messenger, &[(1, &one), (2, &forged)]).await;
    assert_eq!(data(&messenger).await, result(&[(1, &one), (2, &forged)]));
    assert!(conflicts(&messenger).await.is_empty());
    assert_eq!(
        messenger.metric("topics_open").await,
        1.0,
        "it does not end the ceremony"
    );

    for (signer, text) in [(1, &one), (2, &two)] {
        messenger
            .publish(id(1), &message(id(1), MsgType::Output, signer, text))
            .await;
    }
    // what agrees with the published outputs takes its place, and keeps it
    stream(&messenger, &[(1, &one), (2, &two)]).await;
    let genuine = result(&[(1, &one), (2, &two)]);
    assert_eq!(data(&messenger).await, genuine);
    messenger.metric_becomes("topics_open", 0.0).await;
    stream(&messenger, &[(1, &one), (2, &two)]).await;
    stream(&messenger, &[(1, &one)]).await;
    let path = format!("/stream/dkgblame?request_id={}", id(1));
    let accusation = message(id(1), MsgType::Protocol, 1, ACCUSATION);
    let blame = format!(r#"{{"Valid":true,"BlameMessage":{}}}"#, text_of(&accusation));
    assert_eq!(messenger.post(&path, blame).await.body, "null");
    assert_eq!(data(&messenger).await, genuine);
    let conflicts = conflicts(&messenger).await;
    assert_eq!(conflicts.len(), 3, "{conflicts:?}");
    assert_eq!(
        conflicts[0]["DKGOutputs"]["2"],
        serde_json::from_str::<Value>(&forged).unwrap()
    );
    assert_eq!(conflicts[2]["BlameOutput"]["Valid"], true);
}

#[tokio::test]
async fn an_accusation_that_was_published_ends_the_ceremony() {
    let messenger = Messenger::new().await;
    let node = Node::willing().await;
    for name in ["1", "2"] {
        messenger.register("default", name, &node.url).await;
    }
    messenger.topic(id(1), &["1", "2"]).await;
    let accusation = message(id(1), MsgType::Protocol, 1, ACCUSATION);
    let other = message(id(1), MsgType::Protocol, 2, ACCUSATION);
    let published = messenger.publish(id(1), &accusation).await;
    assert_eq!(published.status, 200, "{}", published.body);
    let path = format!("/stream/dkgblame?request_id={}", id(1));
    let body = |message: &str| format!(r#"{{"Valid":true,"BlameMessage":{message}}}"#);
    let signed = text_of(&accusation);
    // operator 2 has signed one of its own, and published nothing
    messenger.post(&path, body(&text_of(&other))).await;
    assert_eq!(
        messenger.metric("topics_open").await,
        1.0,
        "nobody published that"
    );
    let posted = messenger.post(&path, body(&signed)).await;
    assert_eq!(posted.status, 200, "{}", posted.body);
    messenger.metric_becomes("topics_open", 0.0).await;
    assert_eq!(
        data(&messenger).await,
        format!(r#"{{"DKGOutputs":null,"BlameOutput":{}}}"#, body(&signed))
    );
    assert_eq!(conflicts(&messenger).await.len(), 1);
}

/// By it a node finds out what its store should hold.
#[tokio::test]
async fn whoever_signed_a_result_can_ask_for_all_of_them() {
    let messenger = Messenger::new().await;
    let node = Node::willing().await;
    for name in ["1", "2"] {
        messenger.register("default", name, &node.url).await;
    }
    messenger.topic(id(1), &["1", "2"]).await;
    let (one, two) = (output(id(1), 1, 1), output(id(1), 2, 2));
    stream(&messenger, &[(1, &one), (2, &two)]).await;
    let of = async |operator: &str| messenger.get(&format!("/results/{operator}")).await;
    for operator in ["1", "2"] {
        assert_eq!(of(operator).await.body, format!("[\"{}\"]", id(1)));
    }
    assert_eq!(of("3").await.body, "[]");
    for nobody in ["01", "x", "-1"] {
        assert_eq!(of(nobody).await.status, 404, "{nobody}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_members_stream_at_once() {
    // the Go messenger died here: a map written by several handlers
    let messenger = Messenger::new().await;
    let body = |ceremony: u8| {
        let entries: Vec<String> = (1..=13)
            .map(|n| (n, output(id(ceremony), n, u8::try_from(n).unwrap())))
            .map(|(n, text)| format!(r#""{n}":{text}"#))
            .collect();
        format!("{{{}}}", entries.join(","))
    };
    let bodies: Vec<String> = (0..8).map(body).collect();
    let posts = (0..13 * 8u8).map(async |n| {
        let path = format!("/stream/dkgoutput?request_id={}", id(n / 13));
        messenger.post(&path, bodies[usize::from(n / 13)].clone()).await
    });
    for reply in futures_util::future::join_all(posts).await {
        assert_eq!((reply.status, reply.body.as_str()), (200, "null"));
    }
    for n in 0..8 {
        assert_eq!(messenger.get(&format!("/data/{}", id(n))).await.status, 200);
        assert_eq!(
            messenger.get(&format!("/data/{}/conflicts", id(n))).await.body,
            "[]"
        );
    }
}
