//! What strangers do to the messenger, and that it comes to nothing: forged results, junk registrations, topics without
//! end, addresses that are not theirs, idle connections.

use std::net::SocketAddr;
use std::time::Duration;

use casimir_dkg::dkg::rockx::keys::OperatorPrivateKey;
use casimir_dkg::dkg::rockx::messenger::{
    MessengerConfig, OWNER_HEADER, PROOF_HEADER, prove_registration, prove_topic,
};
use casimir_dkg::dkg::rockx::wire::{Message, MsgType};
use casimir_dkg::types::OperatorId;
use tokio::net::TcpStream;

use super::support::{Messenger, Node, config, eventually, forged, id, message, operator, output, round};
use crate::node::net::identity;

/// A messenger that strangers on other machines reach, and the way to it from here.
pub(super) struct Open(pub(super) Messenger);

impl Open {
    pub(super) async fn start(change: impl FnOnce(&mut MessengerConfig)) -> Self {
        let mut config = config();
        config.listen = "0.0.0.0:0".parse().unwrap();
        change(&mut config);
        Self(Messenger::start(config).await)
    }

    async fn register(&self, name: &str, address: &str) -> (u16, String) {
        let body = format!(r#"{{"name":"{name}","srv_addr":"{address}"}}"#);
        self.post("/register_node?subscribes_to=default", &[], body).await
    }

    pub(super) async fn post(
        &self,
        path: &str,
        headers: &[(&str, String)],
        body: impl Into<reqwest::Body>,
    ) -> (u16, String) {
        let at = SocketAddr::from(([127, 0, 0, 1], self.0.handle.addr().port()));
        let mut call = self.0.client.post(format!("http://{at}{path}"));
        for (name, value) in headers {
            call = call.header(*name, value);
        }
        let answer = call.body(body).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }
}

async fn prove(messenger: &Messenger, n: u64, address: &str) -> u16 {
    let name = n.to_string();
    let proof = prove_registration(&identity(n).key, "default", &name, address).unwrap();
    let body = format!(r#"{{"name":"{name}","srv_addr":"{address}"}}"#);
    let call = messenger
        .client
        .post(messenger.url("/register_node?subscribes_to=default"))
        .header(PROOF_HEADER, proof);
    call.body(body).send().await.unwrap().status().as_u16()
}

fn stream(id: casimir_dkg::types::RequestId) -> String {
    format!("/stream/dkgoutput?request_id={id}")
}

fn result(outputs: &[(u64, String)]) -> String {
    let entries: Vec<String> = outputs
        .iter()
        .map(|(n, text)| format!(r#""{n}":{text}"#))
        .collect();
    format!("{{{}}}", entries.join(","))
}

/// Our own sample: behind a proxy on this machine everybody was this machine, and the messenger posted wherever it was told.
#[tokio::test]
async fn behind_a_proxy_on_this_machine_nobody_registers_an_address_of_it() {
    let open = Open::start(|config| {
        config.listen = "127.0.0.1:0".parse().unwrap();
        config.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()];
    })
    .await;
    let from = [("x-forwarded-for", "203.0.113.9".to_owned())];
    let body = r#"{"name":"77","srv_addr":"http://127.0.0.1:18765/admin"}"#.to_owned();
    let (status, text) = open
        .post("/register_node?subscribes_to=default", &from, body)
        .await;
    assert_eq!(status, 400, "{text}");
    assert!(text.contains("this machine's own"), "{text}");
}

/// A key that somebody made for itself opened the reserve, and was never refused again.
#[tokio::test]
async fn who_proves_a_key_that_nobody_knows_is_a_stranger_as_before() {
    let open = Open::start(|config| {
        config.listen = "127.0.0.1:0".parse().unwrap();
        config.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()];
        config.operators.truncate(2);
    })
    .await;
    let address = "http://192.0.2.1:8080";
    // operator 1 is named, 9 is anybody
    for (n, from, patience) in [(1, "203.0.113.1", true), (9, "203.0.113.9", false)] {
        let from = ("x-forwarded-for", from.to_owned());
        let proof = prove_registration(&identity(n).key, "default", &n.to_string(), address).unwrap();
        let body = format!(r#"{{"name":"{n}","srv_addr":"{address}"}}"#);
        let (status, text) = open
            .post(
                "/register_node?subscribes_to=default",
                &[(PROOF_HEADER, proof)],
                body,
            )
            .await;
        assert_eq!(status, 200, "{text}");
        let topic = id(u8::try_from(n).unwrap());
        let names = format!(r#"{{"topic_name":"{topic}","subscribers":["{n}"]}}"#);
        assert_eq!(open.post("/topics", &[], names).await.0, 200);
        let publish = async |message: Vec<u8>| {
            let path = format!("/publish?topic_name={topic}");
            open.post(&path, std::slice::from_ref(&from), message).await.0
        };
        assert_eq!(publish(round(topic, n, 1, 1)).await, 200);
        let mut now = 400;
        // on a busy machine some are forgiven meanwhile
        for sent in 0..2_000 {
            if now == 429 || patience && sent > 210 {
                break;
            }
            now = publish(b"junk".to_vec()).await;
        }
        assert_eq!(now, if patience { 400 } else { 429 }, "operator {n}");
    }
}

/// Whoever made a topic without being a named initiator lost it to anybody before its first message.
#[tokio::test]
async fn a_topic_with_an_owner_is_replaced_and_removed_by_its_owner_alone() {
    let messenger = Messenger::new().await;
    for name in ["1", "2"] {
        messenger.register("default", name, "http://127.0.0.1:1").await;
    }
    let make = async |n: u8, secret: Option<&str>, names: &str| {
        let body = format!(r#"{{"topic_name":"{}","subscribers":[{names}]}}"#, id(n));
        let call = messenger.client.post(messenger.url("/topics")).body(body);
        let call = match secret {
            Some(secret) => call.header(OWNER_HEADER, secret),
            None => call,
        };
        call.send().await.unwrap().status().as_u16()
    };
    let create = async |secret: Option<&str>, names: &str| make(1, secret, names).await;
    let remove = async |n: u8, secret: &str| {
        let call = messenger
            .client
            .delete(messenger.url(&format!("/topics/{}", id(n))));
        let call = call.header(OWNER_HEADER, secret);
        call.send().await.unwrap().status().as_u16()
    };
    let delete = async |secret: &str| remove(1, secret).await;
    assert_eq!(create(Some("ours"), r#""1""#).await, 200);
    assert_eq!(create(None, r#""2""#).await, 409);
    assert_eq!(create(Some("a guess"), r#""2""#).await, 409);
    assert_eq!(
        create(Some("after a restart"), r#""1""#).await,
        200,
        "the same is there"
    );
    assert_eq!(delete("a guess").await, 409);
    assert_eq!(create(Some("ours"), r#""1","2""#).await, 200);
    assert_eq!(delete("ours").await, 200);
    assert_eq!(
        create(Some("a guess"), r#""1""#).await,
        409,
        "its owner has removed it"
    );
    // where nobody said whose it is, it is anybody's
    for _ in 0..2 {
        assert_eq!(make(2, None, r#""1""#).await, 200);
        assert_eq!(make(2, None, r#""2""#).await, 200);
        assert_eq!(remove(2, "whoever").await, 200);
    }
}

/// One topic of a guest sent 64 messages of 1 MiB to 48 observers at somebody's host, each of them eleven times.
#[tokio::test]
async fn guests_send_little_and_to_each_host_once() {
    let open = Open::start(|_| {}).await;
    assert_eq!(open.register("1", "http://192.0.2.1:1").await.0, 200);
    let names = format!(r#"{{"topic_name":"{}","subscribers":["1"]}}"#, id(1));
    assert_eq!(open.post("/topics", &[], names).await.0, 200);
    let subscribe = async |name: &str, address: &str| {
        let body = format!(r#"{{"name":"{name}","srv_addr":"{address}"}}"#);
        let path = format!("/register_node?subscribes_to={}", id(1));
        open.post(&path, &[], body).await
    };
    assert_eq!(subscribe("a", "http://192.0.2.7:80/a").await.0, 200);
    assert_eq!(
        subscribe("a", "http://192.0.2.7:80/a").await.0,
        200,
        "the same again"
    );
    let (status, text) = subscribe("b", "http://192.0.2.7:81/b").await;
    assert_eq!(status, 503, "{text}");
    assert!(text.contains("another observer at the same host"), "{text}");
    assert_eq!(subscribe("c", "http://192.0.2.8:80").await.0, 200);

    let publish = async |length: usize| {
        let payload = format!("\"{}\"", "x".repeat(length));
        let message = message(id(1), MsgType::DepositData, 1, &payload);
        let path = format!("/publish?topic_name={}", id(1));
        open.post(&path, &[], message).await
    };
    let (status, text) = publish(128 << 10).await;
    assert_eq!(status, 413, "{text}");
    let (status, text) = publish(20 << 10).await;
    assert_eq!(status, 200, "{text}");
}

/// Whoever waits holds a connection: waits for what nobody makes held all of them.
#[tokio::test]
async fn few_wait_for_a_result_that_no_topic_has() {
    use futures_util::StreamExt as _;
    let mut config = config();
    config.limits.connections = 64;
    let messenger = Messenger::start(config).await;
    let path = format!("/data/{}?wait=9000", id(1));
    let mut waits: futures_util::stream::FuturesUnordered<_> = (0..8).map(|_| messenger.get(&path)).collect();
    for _ in 0..4 {
        assert_eq!(waits.next().await.unwrap().status, 404);
    }
    let results = stream(id(1));
    let posts = messenger.post(&results, result(&[(1, output(id(1), 1, 1))]));
    let rest = waits.map(|reply| reply.status).collect::<Vec<_>>();
    let (posted, rest) = tokio::join!(posts, rest);
    assert_eq!(posted.status, 200, "{}", posted.body);
    assert_eq!(rest, [200; 4]);
}

/// A stranger's topics made lists of 11 MB, one for each who asked and did not read.
#[tokio::test]
async fn the_list_of_topics_tells_what_is_there_however_often_it_is_asked() {
    let messenger = Messenger::new().await;
    for n in 1..=3 {
        messenger
            .register("default", &n.to_string(), "http://127.0.0.1:1")
            .await;
        messenger.topic(id(n), &["1"]).await;
        let asks = (0..20).map(|_| messenger.get("/topics"));
        for reply in futures_util::future::join_all(asks).await {
            let count = reply.body.matches(r#""Name":"#).count();
            assert_eq!(count, usize::from(n) + 1, "with default: {}", reply.body);
        }
        let default = messenger.get("/topics/default").await.body;
        assert!(default.contains(&format!(r#""{n}""#)), "{default}");
    }
}

/// Four unsigned output messages and one posted result were "vouched for by four", and the true result the conflict.
#[tokio::test]
async fn what_no_operator_signed_is_neither_kept_nor_a_conflict() {
    let messenger = Messenger::new().await;
    let node = Node::willing().await;
    for name in ["1", "2", "3", "4"] {
        messenger.register("default", name, &node.url).await;
    }
    messenger.topic(id(1), &["1", "2", "3", "4"]).await;
    // the outputs that a stranger makes up: of its own key, or of another ceremony
    let made_up: Vec<(u64, String)> = (1..=4)
        .map(|n| {
            (
                n,
                output(id(1), 9, 66).replace(r#""Signer":9"#, &format!(r#""Signer":{n}"#)),
            )
        })
        .collect();
    let of_another: Vec<(u64, String)> = (1..=4).map(|n| (n, output(id(2), n, 66))).collect();
    for fake in [&made_up, &of_another] {
        for (n, text) in fake {
            let reply = messenger
                .publish(id(1), &forged(id(1), MsgType::Output, *n, text))
                .await;
            assert_eq!(reply.status, 400, "{}", reply.body);
            assert!(
                reply.body.contains(&format!("not that of operator {n}")),
                "{}",
                reply.body
            );
        }
        let reply = messenger.post(&stream(id(1)), result(fake)).await;
        assert_eq!(reply.status, 400, "{}", reply.body);
    }
    // of strangers that signed it well, of nobody, and an accusation under another's name
    let outsider = [(9, output(id(1), 9, 66))];
    assert_eq!(
        messenger.post(&stream(id(1)), result(&outsider)).await.status,
        400
    );
    assert_eq!(messenger.post(&stream(id(1)), "{}").await.status, 400);
    let slander =
        r#"{"round":5,"blame":{"Type":1,"TargetOperatorID":2,"BlameData":[],"BlamerSessionSk":null}}"#;
    let slander = forged(id(1), MsgType::Protocol, 1, slander);
    let signed = String::from_utf8(slander[68..].to_vec()).unwrap();
    let path = format!("/stream/dkgblame?request_id={}", id(1));
    for text in [signed.as_str(), "null"] {
        let blame = format!(r#"{{"Valid":true,"BlameMessage":{text}}}"#);
        assert_eq!(messenger.post(&path, blame).await.status, 400);
    }
    assert_eq!(messenger.get(&format!("/data/{}", id(1))).await.status, 404);
    assert_eq!(messenger.metric("messages_accepted_total").await, 0.0);
    messenger.metric_becomes("pending", 0.0).await;

    let truth: Vec<(u64, String)> = (1..=4).map(|n| (n, output(id(1), n, 1))).collect();
    for (n, text) in &truth {
        let message = message(id(1), MsgType::Output, *n, text);
        assert_eq!(messenger.publish(id(1), &message).await.status, 200);
    }
    assert_eq!(messenger.post(&stream(id(1)), result(&truth)).await.status, 200);
    let kept = messenger.get(&format!("/data/{}", id(1))).await.body;
    assert_eq!(
        kept,
        format!(r#"{{"DKGOutputs":{},"BlameOutput":null}}"#, result(&truth))
    );
    let conflicts = messenger.get(&format!("/data/{}/conflicts", id(1))).await.body;
    assert_eq!(conflicts, "[]");
}

#[tokio::test]
async fn a_part_of_the_result_gives_way_to_the_whole() {
    let messenger = Messenger::new().await;
    for n in 1..=4 {
        messenger
            .register("default", &n.to_string(), "http://127.0.0.1:1")
            .await;
    }
    messenger.topic(id(1), &["1", "2", "3", "4"]).await;
    let truth: Vec<(u64, String)> = (1..=4).map(|n| (n, output(id(1), n, 1))).collect();
    for (n, text) in &truth {
        messenger
            .publish(id(1), &message(id(1), MsgType::Output, *n, text))
            .await;
    }
    // one of them is early with its own alone
    messenger.post(&stream(id(1)), result(&truth[..1])).await;
    messenger.post(&stream(id(1)), result(&truth)).await;
    messenger.post(&stream(id(1)), result(&truth[..3])).await;
    let kept = messenger.get(&format!("/data/{}", id(1))).await.body;
    assert_eq!(
        kept,
        format!(r#"{{"DKGOutputs":{},"BlameOutput":null}}"#, result(&truth))
    );
}

/// Of an operator that nobody names the key counts that its own registration proved.
#[tokio::test]
async fn without_a_key_nothing_is_kept_and_the_proved_one_counts() {
    let mut config = config();
    config.operators.clear();
    let messenger = Messenger::start(config).await;
    let node = Node::willing().await;
    messenger.register("default", "1", &node.url).await;
    assert_eq!(prove(&messenger, 2, &node.url).await, 200);
    messenger.topic(id(1), &["1", "2"]).await;
    let unknown = messenger.publish(id(1), &round(id(1), 1, 1, 1)).await;
    assert_eq!(unknown.status, 400);
    assert!(
        unknown.body.contains("no public key of operator 1 is known"),
        "{}",
        unknown.body
    );
    assert_eq!(messenger.publish(id(1), &round(id(1), 2, 1, 1)).await.status, 200);
    let forged = forged(id(1), MsgType::DepositData, 2, "{}");
    assert_eq!(messenger.publish(id(1), &forged).await.status, 400);
}

/// 1,015 junk registrations in 0.64 s filled the registry, over a restart and for ever.
#[tokio::test]
async fn junk_registrations_keep_no_operator_out() {
    let dir = tempfile::tempdir().unwrap();
    let mut config = config();
    config.data_dir = Some(dir.path().join("messenger"));
    let messenger = Messenger::start(config.clone()).await;
    let mut let_in = 0;
    for n in 0..1015 {
        let reply = messenger
            .register("default", &format!("junk-{n}"), "http://127.0.0.1:1")
            .await;
        let_in += u32::from(reply.status == 200);
    }
    assert_eq!(let_in, 64, "one client's share");
    // names of operators are not the stranger's either
    let node = Node::willing().await;
    for n in 1..=13 {
        assert_eq!(prove(&messenger, n, &node.url).await, 200);
    }
    messenger.handle.shutdown().await;

    config.limits.guest_ttl = Duration::from_millis(500);
    config.limits.linger = Duration::from_millis(200);
    let messenger = Messenger::start(config).await;
    for n in 1..=13 {
        assert_eq!(prove(&messenger, n, &node.url).await, 200);
    }
    let begun = std::time::Instant::now();
    while messenger.metric("registered").await > 13.0 {
        assert!(begun.elapsed() < super::support::SOON, "junk stays for ever");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let left = messenger.get("/topics/default").await.body;
    assert!(!left.contains("junk") && left.contains(r#""13""#), "{left}");
    messenger.handle.shutdown().await;
}

#[tokio::test]
async fn a_proved_name_belongs_to_its_key() {
    let messenger = Messenger::new().await;
    let (squatter, own) = (Node::willing().await, Node::willing().await);
    // somebody was first, and answers
    messenger.register("default", "1", &squatter.url).await;
    assert_eq!(prove(&messenger, 1, &own.url).await, 200);
    assert!(messenger.get("/topics/default").await.body.contains(&own.url));
    own.stop().await;
    let reply = messenger.register("default", "1", &squatter.url).await;
    assert_eq!(reply.status, 409, "however silent the owner is: {}", reply.body);
    // a proof by another key, or for another address, is none
    let body = format!(r#"{{"name":"1","srv_addr":"{}"}}"#, squatter.url);
    for proof in [
        prove_registration(&identity(2).key, "default", "1", &squatter.url).unwrap(),
        prove_registration(&identity(1).key, "default", "1", "http://127.0.0.1:1").unwrap(),
        "nonsense".to_owned(),
    ] {
        let call = messenger
            .client
            .post(messenger.url("/register_node?subscribes_to=default"))
            .header(PROOF_HEADER, proof);
        assert_eq!(call.body(body.clone()).send().await.unwrap().status(), 403);
    }
    // whoever has another key is told who lets it in, and can ask by which one it is known
    let other = prove_registration(&identity(2).key, "default", "1", &squatter.url).unwrap();
    let call = messenger
        .client
        .post(messenger.url("/register_node?subscribes_to=default"))
        .header(PROOF_HEADER, other);
    let refused = call.body(body).send().await.unwrap().text().await.unwrap();
    assert!(
        refused.contains("[[messenger.operator]]") && refused.contains("restarted"),
        "{refused}"
    );
    let known = messenger.get("/keys/1").await;
    let key = identity(1).key.public().to_registry_text().to_string();
    assert!(known.status == 200 && known.body.contains(&key), "{}", known.body);
    assert_eq!(messenger.get("/keys/999").await.status, 404);
    let moved = Node::willing().await;
    assert_eq!(prove(&messenger, 1, &moved.url).await, 200, "its owner moves");
}

/// RockX's nodes prove nothing: the configuration lists them.
#[tokio::test]
async fn a_listed_operator_gets_in_at_its_address_and_nobody_else_takes_its_name() {
    let (own, thief) = (Node::willing().await, Node::willing().await);
    let url = own.url.clone();
    let open = Open::start(|config| config.operators[0] = operator(1, &url)).await;
    assert_eq!(open.register("1", "http://192.0.2.1:8080").await.0, 200);
    assert_eq!(
        open.register("1", &own.url).await.0,
        200,
        "on loopback, as it is listed"
    );
    let (status, text) = open.register("1", "http://192.0.2.1:8080").await;
    assert_eq!(status, 409, "{text}");
    assert_eq!(
        open.register("2", &thief.url).await.0,
        400,
        "loopback is for the listed"
    );
    // and it is reached there
    open.register("2", "http://192.0.2.1:8080").await;
    let names = format!(r#"{{"topic_name":"{}","subscribers":["1","2"]}}"#, id(1));
    assert_eq!(open.post("/topics", &[], names).await.0, 200);
    let at = SocketAddr::from(([127, 0, 0, 1], open.0.handle.addr().port()));
    let sent = round(id(1), 2, 1, 1);
    let call = open
        .0
        .client
        .post(format!("http://{at}/publish?topic_name={}", id(1)));
    assert_eq!(call.body(sent.clone()).send().await.unwrap().status(), 200);
    assert_eq!(own.takes(1).await, [sent]);
}

/// It took `file:`, link-local and loopback addresses, posted to them, and told whether an internal address answers.
#[tokio::test]
async fn addresses_that_are_no_operators_are_refused_and_nobody_learns_who_answers() {
    let open = Open::start(|_| {}).await;
    let inside = Node::willing().await;
    for address in [
        inside.url.as_str(),
        "file:///etc/passwd",
        "gopher://192.0.2.1",
        "http://169.254.169.254/latest/meta-data",
        "http://[fe80::1]:8080",
        "http://[::ffff:127.0.0.1]:8080",
        "http://0.0.0.0:8080",
        "http://localhost:8080",
    ] {
        let (status, text) = open.register("5", address).await;
        assert_eq!(status, 400, "{address}: {text}");
    }
    // of two internal addresses one may answer: neither is asked
    for (name, first) in [("6", "http://10.255.255.1:1"), ("7", "http://10.255.255.2:1")] {
        assert_eq!(open.register(name, first).await.0, 200);
        let (status, _) = open.register(name, "http://10.255.255.3:1").await;
        assert_eq!(status, 409);
    }
    // nor is a topic's subscriber reached there
    let names = format!(r#"{{"topic_name":"{}","subscribers":["6"]}}"#, id(1));
    assert_eq!(open.post("/topics", &[], names).await.0, 200);
    let body = format!(r#"{{"name":"me","srv_addr":"{}"}}"#, inside.url);
    let path = format!("/register_node?subscribes_to={}", id(1));
    assert_eq!(open.post(&path, &[], body).await.0, 400);
    assert!(inside.seen().is_empty());

    let closed = Open::start(|config| config.private_addresses = false).await;
    assert_eq!(closed.register("6", "http://10.255.255.1:1").await.0, 400);
    assert_eq!(closed.register("6", "http://192.0.2.1:1").await.0, 200);
}

/// 4,096 topics in 2 s locked the oracle out.
#[tokio::test]
async fn topics_of_strangers_keep_no_initiator_out() {
    let mut config = config();
    config.limits.topics = 40;
    config.limits.topics_per_client = 20;
    config.house = Some("of this process".to_owned().into());
    let messenger = Messenger::start(config).await;
    messenger.register("default", "1", "http://127.0.0.1:1").await;
    let mut made = 0;
    for n in 0..60 {
        made += u32::from(messenger.topic(id(n), &["1"]).await.status == 200);
    }
    assert_eq!(made, 20, "one client's share");
    let ours = async |secret: &str| {
        let body = format!(r#"{{"topic_name":"{}","subscribers":["1"]}}"#, id(200));
        let call = messenger.client.post(messenger.url("/topics"));
        let call = call.header(OWNER_HEADER, secret).body(body);
        call.send().await.unwrap().status().as_u16()
    };
    assert_eq!(ours("a guess").await, 503);
    assert_eq!(ours("of this process").await, 200);
    // nobody takes it away
    assert_eq!(messenger.topic(id(200), &[]).await.status, 409);
    let delete = messenger
        .send("DELETE", &format!("/topics/{}", id(200)), "")
        .await;
    assert_eq!(delete.status, 409);
    // subscribers of strangers leave room for the owner's observer
    let path = format!("/register_node?subscribes_to={}", id(200));
    for n in 0..100 {
        let body = format!(r#"{{"name":"w{n}","srv_addr":"http://127.0.0.1:1"}}"#);
        messenger.post(&path, body).await;
    }
    let observer = r#"{"name":"observer","srv_addr":"http://127.0.0.1:1"}"#;
    let call = messenger.client.post(messenger.url(&path));
    let call = call.header(OWNER_HEADER, "of this process").body(observer);
    assert_eq!(call.send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn where_initiators_are_named_only_they_create_topics() {
    let mut config = config();
    config.initiators = vec![identity(5).key.public().clone()];
    let messenger = Messenger::start(config).await;
    messenger.register("default", "1", "http://127.0.0.1:1").await;
    let create = async |key: Option<u64>| {
        let (topic, names) = (id(1).to_string(), ["1".to_owned()]);
        let body = format!(r#"{{"topic_name":"{topic}","subscribers":["1"]}}"#);
        let mut call = messenger.client.post(messenger.url("/topics")).body(body);
        if let Some(key) = key {
            let proof = prove_topic(&identity(key).key, &topic, &names).unwrap();
            call = call.header(PROOF_HEADER, proof);
        }
        call.send().await.unwrap().status().as_u16()
    };
    assert_eq!(create(None).await, 403);
    assert_eq!(create(Some(6)).await, 403);
    assert_eq!(create(Some(5)).await, 200);
}

/// 1,024 idle connections: no answer for 25 s.
#[tokio::test]
async fn idle_connections_keep_nobody_waiting() {
    let mut config = config();
    config.limits.connections = 128;
    let messenger = Messenger::start(config).await;
    let mut idle = Vec::new();
    for _ in 0..400 {
        idle.push(TcpStream::connect(messenger.handle.addr()).await.unwrap());
    }
    // no deadline of theirs is near: the idle made room
    for _ in 0..20 {
        assert_eq!(messenger.get("/ping").await.status, 200);
    }
}

/// A flood of forgeries goes by, and the ceremony beside it loses nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_forgeries_crowds_nothing_out() {
    let messenger = Messenger::new().await;
    let (one, two) = (Node::willing().await, Node::willing().await);
    for (name, node) in [("1", &one), ("2", &two)] {
        messenger.register("default", name, &node.url).await;
    }
    messenger.topic(id(1), &["1", "2"]).await;
    let flood = async {
        for n in 0..500u32 {
            let payload = format!(r#"{{"round":1,"preparation":{{"SessionPk":"{n:08}"}}}}"#);
            let reply = messenger
                .publish(id(1), &forged(id(1), MsgType::Protocol, 1, &payload))
                .await;
            assert_eq!(reply.status, 400);
        }
    };
    let ceremony = async {
        for number in 1..=3 {
            for signer in [1, 2] {
                let sent = round(id(1), signer, number, number);
                assert_eq!(messenger.publish(id(1), &sent).await.status, 200);
            }
        }
    };
    tokio::join!(flood, ceremony);
    assert_eq!(one.takes(3).await.len(), 3);
    assert_eq!(two.takes(3).await.len(), 3);
    eventually("everything is delivered", || one.seen().len() == 3).await;
    assert_eq!(messenger.metric("messages_accepted_total").await, 6.0);
}

/// A key that somebody makes proves a guest's name, and its signatures are good: its results took the place of the true
/// ones, the oldest of these first.
#[tokio::test]
async fn results_of_guests_push_out_none_of_named_operators() {
    let mut config = config();
    config.limits.result_bytes = 20_000;
    config.operators.retain(|operator| operator.id.0 != 13);
    let messenger = Messenger::start(config).await;
    let node = Node::willing().await;
    for name in ["1", "2", "3", "4"] {
        messenger.register("default", name, &node.url).await;
    }
    assert_eq!(prove(&messenger, 13, &node.url).await, 200);
    messenger.topic(id(1), &["1", "2", "3", "4"]).await;
    let truth: Vec<(u64, String)> = (1..=4).map(|n| (n, output(id(1), n, 1))).collect();
    assert_eq!(messenger.post(&stream(id(1)), result(&truth)).await.status, 200);
    for n in 2..60 {
        messenger.topic(id(n), &["13"]).await;
        let text = output(id(n), 13, n);
        let sent = message(id(n), MsgType::Output, 13, &text);
        assert_eq!(messenger.publish(id(n), &sent).await.status, 200);
        let reply = messenger.post(&stream(id(n)), result(&[(13, text)])).await;
        assert_eq!(reply.status, 200, "{}", reply.body);
    }
    assert!(messenger.metric("result_bytes").await <= 20_000.0);
    assert_eq!(messenger.get(&format!("/data/{}", id(1))).await.status, 200);
}

/// One operator sends as much as it may in every topic.
#[tokio::test]
async fn an_operator_fills_its_own_part_of_the_room_for_messages() {
    let mut config = config();
    config.limits.message_bytes = 400_000;
    let messenger = Messenger::start(config).await;
    for name in ["1", "2"] {
        messenger.register("default", name, "http://127.0.0.1:1").await;
    }
    let big = |n, signer| {
        let filler = format!(r#"{{"x":"{}"}}"#, "A".repeat(30_000));
        message(id(n), MsgType::DepositData, signer, &filler)
    };
    let mut taken = 0;
    for n in 1..=12 {
        messenger.topic(id(n), &["1", "2"]).await;
        taken += usize::from(messenger.publish(id(n), &big(n, 1)).await.status == 200);
    }
    assert!((1..12).contains(&taken), "{taken}");
    for n in 1..=2 {
        assert_eq!(messenger.publish(id(n), &big(n, 2)).await.status, 200);
    }
}

/// The oracle and its messenger start again together, and the oracle's secret is another one.
#[tokio::test]
async fn an_oracle_that_was_restarted_watches_its_ceremonies_on() {
    let dir = tempfile::tempdir().unwrap();
    let start = async |secret: &'static str| {
        Open::start(|config| {
            config.data_dir = Some(dir.path().join("messenger"));
            config.house = Some(secret.to_owned().into());
        })
        .await
    };
    let observer = Node::willing().await;
    let subscribe = async |open: &Open, secret: &str| {
        let body = format!(r#"{{"name":"observer-{secret}","srv_addr":"{}"}}"#, observer.url);
        let path = format!("/register_node?subscribes_to={}", id(1));
        let headers = [(OWNER_HEADER, secret.to_owned())];
        open.post(&path, &headers, body).await.0
    };
    let open = start("first").await;
    let names = format!(r#"{{"topic_name":"{}","subscribers":[]}}"#, id(1));
    let headers = [(OWNER_HEADER, "first".to_owned())];
    assert_eq!(open.post("/topics", &headers, names).await.0, 200);
    assert_eq!(subscribe(&open, "first").await, 200);
    open.0.handle.shutdown().await;
    let open = start("second").await;
    assert_eq!(subscribe(&open, "second").await, 200, "on loopback, as before");
    assert_eq!(subscribe(&open, "a guess").await, 400);
    open.0.handle.shutdown().await;
}

/// Somebody asks operators for a ceremony at the messenger of an oracle: it is named once an operator's signature proves
/// that it takes part, and what the oracle began itself never is.
#[tokio::test]
async fn a_ceremony_that_somebody_else_began_is_named_with_those_who_take_part() {
    let mut config = config();
    config.house = Some("of this process".to_owned().into());
    // it looks four times within this
    config.limits.linger = Duration::from_millis(200);
    let messenger = Messenger::start(config).await;
    let onlooker = messenger.handle.onlooker();
    for name in ["1", "2", "3", "4"] {
        let node = Node::willing().await;
        assert_eq!(messenger.register("default", name, &node.url).await.status, 200);
    }
    assert_eq!(messenger.topic(id(1), &["1", "2", "3", "4"]).await.status, 200);
    assert_eq!(onlooker.foreign(), [], "anybody can make a topic");
    let own = format!(r#"{{"topic_name":"{}","subscribers":["1","2","3","4"]}}"#, id(2));
    let request = messenger.client.post(messenger.url("/topics")).body(own);
    let made = request
        .header(OWNER_HEADER, "of this process")
        .send()
        .await
        .unwrap();
    assert_eq!(made.status(), 200);
    for topic in [1, 2] {
        for signer in [3, 2] {
            let sent = round(id(topic), signer, 1, 1);
            assert_eq!(messenger.publish(id(topic), &sent).await.status, 200);
        }
    }
    let found = onlooker.foreign();
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].id, id(1));
    assert!(found[0].from.is_loopback());
    let operators: Vec<u64> = found[0].operators.iter().map(|id| id.0).collect();
    assert_eq!(operators, [2, 3]);
    // the messenger itself tells of it, once
    let begun = std::time::Instant::now();
    while messenger.metric("foreign_ceremonies_total").await < 1.0 {
        assert!(begun.elapsed() < super::support::SOON, "nobody tells of it");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(messenger.metric("foreign_ceremonies_total").await, 1.0);
    // who made itself an operator of its own is none of ours
    let stranger = OperatorPrivateKey::generate().unwrap();
    let proof = prove_registration(&stranger, "default", "99", "http://127.0.0.1:1").unwrap();
    let body = r#"{"name":"99","srv_addr":"http://127.0.0.1:1"}"#;
    let call = messenger
        .client
        .post(messenger.url("/register_node?subscribes_to=default"));
    let call = call.header(PROOF_HEADER, proof).body(body);
    assert_eq!(call.send().await.unwrap().status(), 200);
    assert_eq!(messenger.topic(id(3), &["99"]).await.status, 200);
    let message = Message {
        msg_type: MsgType::DepositData,
        identifier: id(3),
        data: b"{}".as_slice().into(),
    };
    let sent = message.sign(OperatorId(99), &stranger).unwrap().to_ssv();
    assert_eq!(messenger.publish(id(3), &sent).await.status, 200);
    assert_eq!(onlooker.foreign(), found);
}

/// Names and addresses as long as they may be, in as many topics as there may be: one list of them took 62 MB.
#[tokio::test]
async fn names_and_addresses_of_guests_topics_have_a_room_in_one_topic_and_in_all() {
    let mut config = config();
    config.limits.topic_bytes = 4_000;
    config.limits.guest_topic_bytes = 64_000;
    let messenger = Messenger::start(config).await;
    let names: Vec<String> = (0..20).map(|n| format!("{n:a>64}")).collect();
    for (n, name) in names.iter().enumerate() {
        let address = format!("http://127.0.0.1:1/{n}{}", "a".repeat(400));
        assert_eq!(messenger.register("default", name, &address).await.status, 200);
    }
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let all = messenger.topic(id(1), &names).await;
    assert_eq!(all.status, 503, "{}", all.body);
    assert!(all.body.contains("too long"), "{}", all.body);
    let mut made = 0;
    for n in 1..40 {
        made += usize::from(messenger.topic(id(n), &names[..1]).await.status == 200);
    }
    // a quarter of the room is one address's, and each takes 512 bytes, its name twice, and its address
    assert!((1..=64_000 / 4 / (512 + 2 * 64 + 400)).contains(&made), "{made}");
    let list = messenger.get("/topics").await.body;
    let registry = messenger.get("/topics/default").await.body;
    assert!(list.len() < registry.len() + 16_000, "{}", list.len());
}

/// Where nobody is named, everybody is a guest: the room of all is that of guests, and no address has more than its part.
#[tokio::test]
async fn where_nobody_is_named_one_address_does_not_fill_the_room_for_messages() {
    let mut config = config();
    config.operators.clear();
    config.limits.guest_message_bytes = 240_000;
    config.limits.guest_result_bytes = 9_000;
    let messenger = Messenger::start(config).await;
    for n in 1..=4 {
        assert_eq!(prove(&messenger, n, "http://127.0.0.1:1").await, 200);
    }
    let mut taken = 0;
    for n in 1..=30 {
        messenger.topic(id(n), &["1", "2", "3", "4"]).await;
        for signer in 1..=4 {
            let filler = format!(r#"{{"x":"{}"}}"#, "A".repeat(2_000));
            let sent = message(id(n), MsgType::DepositData, signer, &filler);
            taken += usize::from(messenger.publish(id(n), &sent).await.status == 200);
        }
    }
    assert!((1..120).contains(&taken), "{taken}");
    let held = messenger.metric("message_bytes").await;
    assert!(held < 240_000.0 / 6.0 + 8_000.0, "{held}");
    for n in 1..=30 {
        let text = output(id(n), 1, n);
        messenger.post(&stream(id(n)), result(&[(1, text)])).await;
    }
    // the last that was told may be of before these came
    messenger.metric_is("results", |told| told >= 1.0).await;
    assert!(messenger.metric("result_bytes").await <= 9_000.0);
}

/// What finished ceremonies keep for observers that come late is not kept at the expense of those that go on.
#[tokio::test]
async fn finished_ceremonies_make_room_for_messages() {
    let mut config = config();
    config.limits.message_bytes = 60_000;
    let messenger = Messenger::start(config).await;
    for name in ["1", "2", "3", "4"] {
        messenger.register("default", name, "http://127.0.0.1:1").await;
    }
    for n in 1..=12 {
        messenger.topic(id(n), &["1", "2", "3", "4"]).await;
        let mut outputs = Vec::new();
        for signer in 1..=4 {
            let text = output(id(n), signer, n);
            let sent = message(id(n), MsgType::Output, signer, &text);
            let reply = messenger.publish(id(n), &sent).await;
            assert_eq!(reply.status, 200, "{n}: {}", reply.body);
            outputs.push((signer, text));
        }
        assert_eq!(messenger.post(&stream(id(n)), result(&outputs)).await.status, 200);
    }
    assert!(messenger.metric("message_bytes").await <= 60_000.0);
}
