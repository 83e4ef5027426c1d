//! Every route and every shape of the protocol file, byte for byte.

use casimir_dkg::dkg::rockx::wire::MsgType;

use super::support::{Messenger, Node, Reply, id, message, output as signed_output, round};

const JSON: &str = "application/json; charset=utf-8";

fn json(status: u16, body: &str) -> Reply {
    Reply {
        status,
        content_type: Some(JSON.into()),
        body: body.into(),
    }
}

fn page_not_found() -> Reply {
    Reply {
        status: 404,
        content_type: Some("text/plain".into()),
        body: "404 page not found".into(),
    }
}

fn nothing(status: u16) -> Reply {
    Reply {
        status,
        content_type: None,
        body: String::new(),
    }
}

#[tokio::test]
async fn ping_version_and_unknown_routes() {
    let messenger = Messenger::new().await;
    assert_eq!(messenger.get("/ping").await, json(200, r#"{"message":"pong"}"#));
    let version = format!(r#"{{"version":"{}"}}"#, env!("CARGO_PKG_VERSION"));
    assert_eq!(messenger.get("/version").await, json(200, &version));
    for (method, path) in [
        ("GET", "/"),
        ("GET", "/nothing"),
        ("POST", "/ping"),
        ("PUT", "/topics"),
        ("GET", "/publish"),
        ("GET", "/register_node"),
        ("GET", "/stream/dkgoutput"),
        ("POST", "/data/x"),
        ("POST", "/topics/default"),
        ("GET", "/stream/other"),
        ("OPTIONS", "/topics"),
    ] {
        assert_eq!(
            messenger.send(method, path, "").await,
            page_not_found(),
            "{method} {path}"
        );
    }
    // a reply to HEAD has no body, but the status must be gin's
    assert_eq!(messenger.send("HEAD", "/ping", "").await.status, 404);
}

#[tokio::test]
async fn registration() {
    let messenger = Messenger::new().await;
    let at = "http://127.0.0.1:1";
    assert_eq!(messenger.register("default", "1", at).await, json(200, "null"));
    assert_eq!(
        messenger.register("default", "1", at).await,
        json(200, "null"),
        "again"
    );
    let unknown = id(1).to_string();
    assert_eq!(
        messenger.register(&unknown, "1", at).await,
        json(
            404,
            &format!(
                r#"{{"error":"topic with name {unknown} not found\n","message":"topic {unknown} doesn't exist"}}"#
            )
        )
    );
    // text from outside comes back with Go's escapes
    assert_eq!(
        messenger.register("%3Cb%3E%26", "1", at).await,
        json(
            404,
            r#"{"error":"topic with name \u003cb\u003e\u0026 not found\n","message":"topic \u003cb\u003e\u0026 doesn't exist"}"#
        )
    );
    assert_eq!(
        messenger
            .post("/register_node", r#"{"name":"1","srv_addr":"x"}"#)
            .await,
        json(
            404,
            r#"{"error":"topic with name  not found\n","message":"topic  doesn't exist"}"#
        )
    );
    let bad = "failed to parse subscriber data from the request body";
    let path = "/register_node?subscribes_to=default";
    assert_eq!(
        messenger.post(path, r#"{"name":"#).await,
        json(400, &format!(r#"{{"error":"unexpected EOF","message":"{bad}"}}"#))
    );
    assert_eq!(
        messenger.post(path, "").await,
        json(400, &format!(r#"{{"error":"EOF","message":"{bad}"}}"#))
    );
    for body in ["not json", r#"{"name":1}"#, "[]"] {
        let reply = messenger.post(path, body).await;
        assert_eq!(reply.status, 400, "{body}");
        let value: serde_json::Value = serde_json::from_str(&reply.body).unwrap();
        assert_eq!(value["message"], bad);
        assert!(!value["error"].as_str().unwrap().is_empty());
    }
    let invalid = |name: &str, address: &str| {
        json(
            400,
            &format!(
                r#"{{"error":"empty name {name} or subscriber's address {address}","message":"invalid subscriber data: empty name or addr"}}"#
            ),
        )
    };
    assert_eq!(messenger.register("default", "", at).await, invalid("", at));
    assert_eq!(messenger.register("default", "2", "").await, invalid("2", ""));
    assert_eq!(messenger.post(path, "{}").await, invalid("", ""));
    assert_eq!(messenger.post(path, "null").await, invalid("", ""));
    // Go matches field names in any case and ignores what it does not know
    assert_eq!(
        messenger
            .post(path, r#"{"NAME":"3","Srv_Addr":"http://x","extra":[1]}"#)
            .await,
        json(200, "null")
    );
    assert_eq!(
        messenger.get("/topics/default").await.body,
        r#"{"Name":"default","Subscribers":{"1":{"name":"1","srv_addr":"http://127.0.0.1:1"},"3":{"name":"3","srv_addr":"http://x"}}}"#
    );
}

#[tokio::test]
async fn topics() {
    let messenger = Messenger::new().await;
    assert_eq!(
        messenger.get("/topics").await,
        json(200, r#"{"default":{"Name":"default","Subscribers":{}}}"#)
    );
    for (name, port) in [("1", 1), ("2", 2), ("10", 10)] {
        messenger
            .register("default", name, &format!("http://127.0.0.1:{port}"))
            .await;
    }
    let topic = id(0xab);
    let shown = format!(
        r#"{{"Name":"{topic}","Subscribers":{{"1":{{"name":"1","srv_addr":"http://127.0.0.1:1"}},"10":{{"name":"10","srv_addr":"http://127.0.0.1:10"}},"2":{{"name":"2","srv_addr":"http://127.0.0.1:2"}}}}}}"#
    );
    // names that are not registered are dropped, and the order is that of the texts
    assert_eq!(
        messenger.topic(topic, &["10", "2", "99", "1"]).await,
        json(200, &shown)
    );
    assert_eq!(
        messenger.get(&format!("/topics/{topic}")).await,
        json(200, &shown)
    );
    let all = messenger.get("/topics").await;
    let registry = shown.replace(&topic.to_string(), "default");
    assert_eq!(
        all,
        json(200, &format!(r#"{{"{topic}":{shown},"default":{registry}}}"#))
    );

    // replaced while nothing happened in it: earlier direct subscribers are gone
    assert_eq!(
        messenger
            .register(&topic.to_string(), "watcher", "http://w")
            .await
            .status,
        200
    );
    assert!(
        messenger
            .get(&format!("/topics/{topic}"))
            .await
            .body
            .contains("watcher")
    );
    let smaller = messenger.topic(topic, &["1"]).await;
    assert_eq!(
        smaller.body,
        format!(
            r#"{{"Name":"{topic}","Subscribers":{{"1":{{"name":"1","srv_addr":"http://127.0.0.1:1"}}}}}}"#
        )
    );
    let empty = messenger
        .post("/topics", format!(r#"{{"topic_name":"{}"}}"#, id(2)))
        .await;
    assert_eq!(
        empty,
        json(200, &format!(r#"{{"Name":"{}","Subscribers":{{}}}}"#, id(2)))
    );

    assert_eq!(messenger.get("/topics/unknown").await, json(404, "null"));
    assert_eq!(
        messenger.get(&format!("/topics/{}", id(3))).await,
        json(404, "null")
    );
    assert_eq!(
        messenger.send("DELETE", "/topics/unknown", "").await,
        json(404, "null")
    );
    assert_eq!(
        messenger.send("DELETE", &format!("/topics/{topic}"), "").await,
        nothing(200)
    );
    assert_eq!(
        messenger.get(&format!("/topics/{topic}")).await,
        json(404, "null")
    );

    assert_eq!(
        messenger.post("/topics", r#"{"topic_name":"#).await,
        json(
            400,
            r#"{"error":"unexpected EOF","message":"failed to load data from request body"}"#
        )
    );
    let upper = id(0xab).to_string().to_uppercase();
    for name in ["", "x", "deadbeef", &upper] {
        let reply = messenger
            .post("/topics", format!(r#"{{"topic_name":"{name}"}}"#))
            .await;
        assert_eq!(reply.status, 400, "{name}");
    }
}

#[tokio::test]
async fn publishing() {
    let messenger = Messenger::new().await;
    let topic = id(1);
    let unknown = json(
        500,
        &format!(
            r#"{{"error":"topic with name {topic} not found\n","message":"failed to publish data to topic {topic}"}}"#
        ),
    );
    assert_eq!(messenger.publish(topic, &round(topic, 1, 1, 1)).await, unknown);
    assert_eq!(
        messenger.post("/publish", "x").await,
        json(
            500,
            r#"{"error":"topic with name  not found\n","message":"failed to publish data to topic "}"#
        )
    );
    let node = Node::willing().await;
    for name in ["1", "2"] {
        messenger.register("default", name, &node.url).await;
    }
    messenger.topic(topic, &["1", "2"]).await;
    let sent = round(topic, 1, 1, 1);
    assert_eq!(
        messenger.publish(topic, &sent).await,
        json(
            200,
            &format!(r#"{{"error":"","message":"message successfully published to topic {topic}"}}"#)
        )
    );
    assert_eq!(
        node.takes(1).await,
        [sent],
        "forwarded unchanged, to the other one only"
    );
}

#[tokio::test]
async fn streams_and_data() {
    let messenger = Messenger::new().await;
    let request = id(5);
    let data = format!("/data/{request}");
    assert_eq!(messenger.get(&data).await, nothing(404));
    assert_eq!(messenger.get("/data/nonsense").await, nothing(404));

    let output = format!("/stream/dkgoutput?request_id={request}");
    assert_eq!(
        messenger.post(&output, r#"{"1":"#).await,
        json(
            400,
            r#"{"error":"unexpected EOF","message":"failed to parse request body"}"#
        )
    );
    let blame = format!("/stream/dkgblame?request_id={request}");
    assert_eq!(
        messenger.post(&blame, "").await,
        json(
            400,
            r#"{"error":"Error: EOF","message":"failed to parse request body"}"#
        )
    );
    assert_eq!(messenger.get(&data).await, nothing(404), "nothing was stored");

    // stored as Go's structs: declared fields in declared order, everything else left out
    let (two, ten) = (signed_output(request, 2, 1), signed_output(request, 10, 1));
    let (loose_two, loose_ten) = (
        two.replace(r#""Signer":2"#, r#""more":1,"signer":2"#),
        ten.replace(r#""BlameData":null,"#, "")
            .replace(r#""KeySignData":null,"#, ""),
    );
    let loose = format!(r#"{{ "2": {loose_two}, "10": {loose_ten} }}"#);
    assert_eq!(messenger.post(&output, loose).await, json(200, "null"));
    let stored = format!(r#"{{"DKGOutputs":{{"10":{ten},"2":{two}}},"BlameOutput":null}}"#);
    assert_eq!(messenger.get(&data).await, json(200, &stored));

    let accused = format!("/data/{}", id(6));
    let accusation = message(id(6), MsgType::Protocol, 3, r#"{"round":5,"blame":{}}"#);
    let signed = String::from_utf8(accusation[68..].to_vec()).unwrap();
    let body = format!(r#"{{"Valid":true,"BlameMessage":{signed}}}"#);
    let path = format!("/stream/dkgblame?request_id={}", id(6));
    assert_eq!(messenger.post(&path, body.clone()).await, json(200, "null"));
    assert_eq!(
        messenger.get(&accused).await,
        json(200, &format!(r#"{{"DKGOutputs":null,"BlameOutput":{body}}}"#))
    );
    // the key is matched literally
    assert_eq!(messenger.get(&format!("/data/{}", id(0xab))).await.status, 404);
    for path in ["/stream/dkgoutput", "/stream/dkgoutput?request_id=xyz"] {
        assert_eq!(messenger.post(path, "{}").await.status, 400);
    }
}

#[tokio::test]
async fn who_waits_for_a_result_hears_of_it_at_once() {
    let messenger = Messenger::new().await;
    let path = format!("/data/{}?wait=9000", id(1));
    let expected = signed_output(id(1), 1, 1);
    // a wait that ends without hearing anything has no body
    let waiting = messenger.get(&path);
    let stream = async {
        // another result wakes the waiting request, which is not its own
        let post = async |n: u8, output: &str| {
            let path = format!("/stream/dkgoutput?request_id={}", id(n));
            messenger.post(&path, format!(r#"{{"1":{output}}}"#)).await
        };
        post(2, &signed_output(id(2), 1, 1)).await;
        post(1, &expected).await
    };
    let (reply, streamed) = tokio::join!(waiting, stream);
    assert_eq!(streamed.status, 200);
    let stored = format!(r#"{{"DKGOutputs":{{"1":{expected}}},"BlameOutput":null}}"#);
    assert_eq!(reply, json(200, &stored));
    assert_eq!(
        messenger.get(&format!("/data/{}?wait=20", id(3))).await,
        nothing(404)
    );
    assert_eq!(
        messenger.get(&format!("/data/{}?wait=x", id(3))).await,
        nothing(404)
    );
}

#[tokio::test]
async fn metrics_are_prometheus_text() {
    let messenger = Messenger::new().await;
    messenger.register("default", "1", "http://127.0.0.1:1").await;
    let reply = messenger.get("/metrics").await;
    assert_eq!(reply.status, 200);
    assert_eq!(
        reply.content_type.as_deref(),
        Some("text/plain; version=0.0.4; charset=utf-8")
    );
    let mut typed = std::collections::HashSet::new();
    for line in reply.body.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            typed.insert(rest.split(' ').next().unwrap().to_owned());
        } else if !line.starts_with('#') {
            let (series, value) = line.rsplit_once(' ').unwrap();
            let name = series.split('{').next().unwrap();
            assert!(typed.contains(name), "{name} has no type");
            value.parse::<f64>().unwrap();
        }
    }
    messenger.metric_becomes("registered", 1.0).await;
    assert_eq!(messenger.metric("registrations_total").await, 1.0);
}
