//! What strangers do to lists, names and deliveries by registering, and that it comes to nothing.

use std::time::Duration;

use casimir_dkg::dkg::rockx::messenger::{
    MessengerConfig, PROOF_HEADER, prove_registration, prove_removal, prove_topic,
};

use super::slow;
use super::strangers::Open;
use super::support::{Messenger, Node, PROCESSED, config, eventually, id, operator, round};
use crate::node::net::identity;

const REGISTER: &str = "/register_node?subscribes_to=default";

/// A messenger behind a proxy, which tells it who asks.
pub(super) async fn proxied(change: impl FnOnce(&mut MessengerConfig)) -> Open {
    Open::start(|config| {
        config.listen = "127.0.0.1:0".parse().unwrap();
        config.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()];
        change(config);
    })
    .await
}

pub(super) fn from(client: &str) -> (&'static str, String) {
    ("x-forwarded-for", client.to_owned())
}

pub(super) fn proof(key: u64, name: &str, address: &str) -> (&'static str, String) {
    let proof = prove_registration(&identity(key).key, "default", name, address);
    (PROOF_HEADER, proof.unwrap())
}

pub(super) fn subscriber(name: &str, address: &str) -> String {
    format!(r#"{{"name":"{name}","srv_addr":"{address}"}}"#)
}

/// 276 guests made the list of everybody longer than the oracle reads, for a week, with characters that a list escapes
/// sixfold; and 32 observers a topic.
#[tokio::test]
async fn a_crowd_makes_no_list_long_and_stands_behind_those_who_are_known() {
    let open = proxied(|_| {}).await;
    let fillers = ["x", "<", "‹", "&"];
    let junk = |n: usize| {
        let filler = fillers[n % fillers.len()];
        let name = if n.is_multiple_of(2) { "z" } else { filler };
        let name = format!("0{n}-{}", name.repeat((64 - 5) / name.len()));
        let url = format!("http://8.8.8.{}:{n}/", n % 200);
        (
            name,
            format!("{url}{}", filler.repeat((500 - url.len()) / filler.len())),
        )
    };
    let clients = (1..=8).map(|n| format!("203.0.113.{n}"));
    let guests: Vec<(usize, String)> = clients.flat_map(|client| vec![client; 64]).enumerate().collect();
    for (n, client) in &guests {
        let (name, address) = junk(*n);
        open.post(REGISTER, &[from(client)], subscriber(&name, &address))
            .await;
    }
    assert!(open.0.metric("registered").await >= 100.0, "a crowd");
    let own = "http://192.0.2.1:8080";
    let (status, text) = open
        .post(REGISTER, &[proof(5, "5", own)], subscriber("5", own))
        .await;
    assert_eq!(status, 200, "{text}");
    let all = open.0.get("/topics/default").await.body;
    assert!(all.len() < 400 << 10, "{} bytes", all.len());
    let entry = format!(r#""5":{}"#, subscriber("5", own));
    let first = format!(r#"{{"Name":"default","Subscribers":{{{entry},"#);
    assert!(all.starts_with(&first), "{}", &all[..200]);
    let asked = open.0.get("/topics/default?names=5,6,observer").await.body;
    assert_eq!(
        asked,
        format!(r#"{{"Name":"default","Subscribers":{{{entry}}}}}"#)
    );

    let topic = id(1);
    let names = format!(r#"{{"topic_name":"{topic}","subscribers":["5"]}}"#);
    assert_eq!(open.post("/topics", &[], names).await.0, 200);
    let path = format!("/register_node?subscribes_to={topic}");
    for (n, client) in &guests {
        let (name, address) = junk(*n);
        open.post(&path, &[from(client)], subscriber(&name, &address))
            .await;
    }
    let all = open.0.get(&format!("/topics/{topic}")).await.body;
    assert!(all.len() < 48 << 10, "{} bytes", all.len());
    assert!(
        all.starts_with(&format!(r#"{{"Name":"{topic}","Subscribers":{{{entry},"#)),
        "{}",
        &all[..200]
    );
    let asked = open.0.get(&format!("/topics/{topic}?names=5")).await.body;
    assert_eq!(
        asked,
        format!(r#"{{"Name":"{topic}","Subscribers":{{{entry}}}}}"#)
    );
    let nobody = open.0.get(&format!("/topics/{topic}?names=")).await.body;
    assert_eq!(nobody, format!(r#"{{"Name":"{topic}","Subscribers":{{}}}}"#));
}

/// What earlier versions took is in their files.
#[tokio::test]
async fn a_restart_keeps_no_name_and_no_address_that_would_not_be_taken() {
    let dir = tempfile::tempdir().unwrap();
    let start = async || {
        let mut config = config();
        config.data_dir = Some(dir.path().to_owned());
        Messenger::start(config).await
    };
    let messenger = start().await;
    messenger.register("default", "1", "http://127.0.0.1:1").await;
    messenger.handle.shutdown().await;
    let long = format!("http://127.0.0.1/{}", "&".repeat(200));
    let db = rusqlite::Connection::open(dir.path().join("messenger.sqlite")).unwrap();
    for (name, address) in [
        ("<b>", "http://127.0.0.1:2"),
        ("2", "http://127.0.0.1:3/"),
        ("3", "http://127.0.0.1:4/<<"),
        ("4", long.as_str()),
    ] {
        db.execute("INSERT INTO registered VALUES (?1, ?2)", [name, address])
            .unwrap();
    }
    drop(db);
    let messenger = start().await;
    let entries = [
        ("1", "http://127.0.0.1:1"),
        ("2", "http://127.0.0.1:3"),
        ("3", "http://127.0.0.1:4/%3C%3C"),
    ];
    let entries = entries.map(|(name, at)| format!(r#""{name}":{}"#, subscriber(name, at)));
    let all = format!(r#"{{"Name":"default","Subscribers":{{{}}}}}"#, entries.join(","));
    assert_eq!(messenger.get("/topics/default").await.body, all);
    messenger.handle.shutdown().await;
    let db = rusqlite::Connection::open(dir.path().join("messenger.sqlite")).unwrap();
    let left: i64 = db
        .query_row("SELECT COUNT(*) FROM registered", [], |row| row.get(0))
        .unwrap();
    assert_eq!(left, 3, "what is not taken is not kept");
}

/// While the registry of keys is away, a proof by any key at the address that is listed was taken for the operator's: it
/// took the place of the true one, and its sender was never refused again.
#[tokio::test]
async fn at_the_address_of_a_listed_operator_a_strange_key_is_a_strangers() {
    const LISTED: [&str; 2] = ["http://192.0.2.1:8080", "http://192.0.2.2:8080"];
    let open = proxied(|config| {
        for (listed, address) in config.operators.iter_mut().zip(LISTED) {
            *listed = operator(listed.id.0, address);
            listed.public_key = "".into();
        }
    })
    .await;
    let register = async |name: &str, key: u64, address: &str, client: &str| {
        let headers = [proof(key, name, address), from(client)];
        open.post(REGISTER, &headers, subscriber(name, address)).await
    };
    let topic = async |n: u8, name: &str| {
        let body = format!(r#"{{"topic_name":"{}","subscribers":["{name}"]}}"#, id(n));
        assert_eq!(open.post("/topics", &[], body).await.0, 200);
    };
    let publish = async |n: u8, client: &str, message: Vec<u8>| {
        let path = format!("/publish?topic_name={}", id(n));
        open.post(&path, &[from(client)], message).await.0
    };
    // the true key is there first
    let (status, text) = register("1", 1, LISTED[0], "203.0.113.1").await;
    assert_eq!(status, 200, "{text}");
    let (status, text) = register("1", 9, LISTED[0], "203.0.113.9").await;
    assert_eq!(status, 409, "{text}");
    topic(1, "1").await;
    assert_eq!(
        publish(1, "203.0.113.1", round(id(1), 1, 1, 1)).await,
        200,
        "its key stays"
    );
    // a stranger that is first is one all the same
    let (status, text) = register("2", 9, LISTED[1], "203.0.113.8").await;
    assert_eq!(status, 200, "{text}");
    topic(2, "2").await;
    for _ in 0..210 {
        publish(2, "203.0.113.8", b"junk".to_vec()).await;
    }
    assert_eq!(
        publish(2, "203.0.113.8", b"junk".to_vec()).await,
        429,
        "it was befriended"
    );
}

/// Eleven strangers' words used up a subscriber's eleven attempts at once, and the message was dropped.
#[tokio::test]
async fn who_says_again_where_a_founder_is_uses_up_no_attempt() {
    let mut config = config();
    config.limits.backoff_first = Duration::from_secs(600);
    config.limits.backoff_max = Duration::from_secs(600);
    let messenger = Messenger::start(config).await;
    let one = Node::new(|_, _| (500, "passes")).await;
    let two = Node::willing().await;
    let observer = Node::new(|_, _| (500, "passes")).await;
    messenger.register("default", "1", &one.url).await;
    messenger.register("default", "2", &two.url).await;
    messenger.topic(id(1), &["1", "2"]).await;
    let topic = id(1).to_string();
    assert_eq!(
        messenger.register(&topic, "observer", &observer.url).await.status,
        200
    );
    let sent = round(id(1), 2, 1, 1);
    assert_eq!(messenger.publish(id(1), &sent).await.status, 200);
    eventually("the first attempts", || {
        one.seen().len() == 1 && observer.seen().len() == 1
    })
    .await;
    for _ in 0..15 {
        for place in ["default", &topic] {
            assert_eq!(messenger.register(place, "1", &one.url).await.status, 200);
            assert_eq!(
                messenger
                    .register(place, "1", &format!("{}/", one.url))
                    .await
                    .status,
                200
            );
        }
        assert_eq!(
            messenger.register(&topic, "observer", &observer.url).await.status,
            200
        );
    }
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!((one.seen().len(), observer.seen().len()), (1, 1));
    // the operator's own message wakes it
    one.change(|_, _| (200, PROCESSED));
    assert_eq!(messenger.publish(id(1), &round(id(1), 1, 1, 2)).await.status, 200);
    assert_eq!(one.takes(1).await, [sent]);
    assert_eq!(messenger.metric("deliveries_dropped_total").await, 0.0);
}

/// Whoever overheard an initiator made its topic anew after the ceremony was given up and the topic removed.
#[tokio::test]
async fn a_topic_that_its_initiator_removed_is_not_made_again_by_an_earlier_word() {
    let mut config = config();
    config.initiators = vec![identity(5).key.public().clone()];
    let messenger = Messenger::start(config).await;
    let topic = id(1).to_string();
    let sent = async |call: reqwest::RequestBuilder, proof: String| {
        let call = call.header(PROOF_HEADER, proof);
        call.send().await.unwrap().status().as_u16()
    };
    let create = async |proof: &str| {
        let body = format!(r#"{{"topic_name":"{topic}","subscribers":[]}}"#);
        sent(
            messenger.client.post(messenger.url("/topics")).body(body),
            proof.to_owned(),
        )
        .await
    };
    let word = || prove_topic(&identity(5).key, &topic, &[]).unwrap();
    let overheard = word();
    assert_eq!(create(&overheard).await, 200);
    let removal = prove_removal(&identity(5).key, &topic).unwrap();
    let delete = messenger
        .client
        .delete(messenger.url(&format!("/topics/{topic}")));
    assert_eq!(sent(delete, removal).await, 200);
    assert_eq!(create(&overheard).await, 409);
    assert_eq!(messenger.get(&format!("/topics/{topic}")).await.status, 404);
    tokio::time::sleep(Duration::from_millis(5)).await;
    assert_eq!(create(&word()).await, 200, "whoever signs it anew means it");
}

/// Four clients with slow bodies, each below its share, had all connections of the proxy: nobody else was answered.
#[tokio::test]
async fn slow_bodies_behind_a_proxy_shut_nobody_out() {
    let open = proxied(|config| {
        config.limits.connections = 64;
        // no body ends by itself
        config.limits.body_deadline = Duration::from_secs(3_600);
        config.limits.request_deadline = Duration::from_secs(3_600);
    })
    .await;
    let at = open.0.handle.addr();
    let clients: Vec<String> = (1..=4).map(|n| format!("203.0.113.{n}")).collect();
    let _held = slow::bodies(at, REGISTER, &clients, 14).await;
    for n in 1..=4 {
        let client = format!("198.51.100.{n}");
        assert!(
            slow::gets_in(at, "/ping", &client, crate::TIMEOUT).await,
            "{client}"
        );
    }
}
