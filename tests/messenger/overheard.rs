//! What strangers make of messages that they overheard: whoever subscribes to a ceremony gets all of them.

use casimir_dkg::dkg::rockx::messenger::{MessengerConfig, OWNER_HEADER};
use casimir_dkg::dkg::rockx::wire::MsgType;

use super::crowd::{from, proof, proxied, subscriber};
use super::support::{Messenger, Node, config, id, message, round};

/// One preparation of an operator, sent 63 times with another id in its envelope, used up its 64 messages: its first round
/// was refused, and it was named as silent.
#[tokio::test]
async fn a_message_in_other_wrappings_takes_no_room_of_its_signer() {
    let open = proxied(|_| {}).await;
    let address = "http://192.0.2.3:8080";
    let register = "/register_node?subscribes_to=default";
    let (status, text) = open
        .post(register, &[proof(3, "3", address)], subscriber("3", address))
        .await;
    assert_eq!(status, 200, "{text}");
    let names = format!(r#"{{"topic_name":"{}","subscribers":["3"]}}"#, id(1));
    assert_eq!(open.post("/topics", &[], names).await.0, 200);
    let path = format!("/publish?topic_name={}", id(1));
    let publish = async |client: &str, message: Vec<u8>| open.post(&path, &[from(client)], message).await;

    let genuine = round(id(1), 3, 1, 1);
    assert_eq!(publish("203.0.113.3", genuine.clone()).await.0, 200);
    let stranger = "203.0.113.9";
    for n in 0..70 {
        let mut envelope = genuine.clone();
        envelope[8] = n;
        // another text of the same message
        if n % 2 == 0 {
            envelope.insert(68, b' ');
        }
        assert_eq!(publish(stranger, envelope).await.0, 200);
    }
    assert_eq!(open.0.metric("messages_accepted_total").await, 1.0);
    let (status, text) = publish("203.0.113.3", round(id(1), 3, 2, 2)).await;
    assert_eq!(status, 200, "{text}");
    assert_eq!(open.0.metric("messages_accepted_total").await, 2.0);
    let mut now = 0;
    // on a busy machine some are forgiven meanwhile
    for _ in 0..2_000 {
        now = publish(stranger, b"junk".to_vec()).await.0;
        if now == 429 {
            break;
        }
    }
    assert_eq!(now, 429, "a repetition proved who sent it");
}

/// A quarter of all room for messages was taken by 32 copies with padding.
#[tokio::test]
async fn a_message_that_is_longer_than_it_needs_to_be_is_refused() {
    let messenger = Messenger::new().await;
    messenger.register("default", "3", "http://127.0.0.1:1").await;
    messenger.topic(id(1), &["3"]).await;
    let genuine = round(id(1), 3, 1, 1);
    let mut gap = genuine.clone();
    gap[64] = 69;
    gap.insert(68, 0);
    let mut padded = genuine.clone();
    padded.extend(vec![b' '; 50_000]);
    let unknown_field = genuine.iter().copied().take(68).chain(*br#"{"More":""#);
    let unknown_field = unknown_field.chain(vec![b'x'; 50_000]).chain(*br#"","#);
    let unknown_field: Vec<u8> = unknown_field.chain(genuine.iter().copied().skip(69)).collect();
    for (what, body) in [
        ("gap", gap),
        ("padding", padded),
        ("unknown field", unknown_field),
    ] {
        let reply = messenger.publish(id(1), &body).await;
        assert_eq!(reply.status, 400, "{what}: {}", reply.body);
    }
    assert_eq!(messenger.publish(id(1), &genuine).await.status, 200);
    assert_eq!(messenger.metric("messages_accepted_total").await, 1.0);
}

/// What a message is told by is the same after a restart, by whose wrapping it was kept.
#[tokio::test]
async fn a_message_in_other_wrappings_is_known_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let stored = || MessengerConfig {
        data_dir: Some(dir.path().to_owned()),
        ..config()
    };
    let messenger = Messenger::start(stored()).await;
    messenger.register("default", "3", "http://127.0.0.1:1").await;
    messenger.topic(id(1), &["3"]).await;
    let genuine = round(id(1), 3, 1, 1);
    assert_eq!(messenger.publish(id(1), &genuine).await.status, 200);
    messenger.handle.shutdown().await;
    let messenger = Messenger::start(stored()).await;
    let mut again = genuine.clone();
    again[8] = 1;
    assert_eq!(messenger.publish(id(1), &again).await.status, 200);
    assert_eq!(messenger.metric("messages_accepted_total").await, 0.0);
    assert_eq!(messenger.metric("messages_duplicate_total").await, 1.0);
}

/// Guests make topics where no initiator is configured: one of them made that of a failed ceremony again, sent what it had
/// overheard, and the ceremony completed behind the oracle that had given it up.
#[tokio::test]
async fn what_its_owner_removed_nobody_else_makes_again() {
    let dir = tempfile::tempdir().unwrap();
    let stored = || MessengerConfig {
        data_dir: Some(dir.path().to_owned()),
        house: Some("house".into()),
        ..config()
    };
    let mut messenger = Messenger::start(stored()).await;
    for name in ["1", "2"] {
        messenger.register("default", name, "http://127.0.0.1:1").await;
    }
    let call = async |messenger: &Messenger, method: &str, n: u8, owner: Option<&str>| {
        let (path, body) = match method {
            "POST" => {
                let body = format!(r#"{{"topic_name":"{}","subscribers":["1","2"]}}"#, id(n));
                ("/topics".to_owned(), body)
            }
            _ => (format!("/topics/{}", id(n)), String::new()),
        };
        let call = messenger
            .client
            .request(method.parse().unwrap(), messenger.url(&path));
        let call = match owner {
            Some(owner) => call.header(OWNER_HEADER, owner),
            None => call,
        };
        call.body(body).send().await.unwrap().status().as_u16()
    };
    // that of the oracle of this process, and that of one elsewhere, which is a guest here
    for (n, owner) in [(1, "house"), (2, "elsewhere")] {
        assert_eq!(call(&messenger, "POST", n, Some(owner)).await, 200);
        for signer in [1, 2] {
            let sent = round(id(n), signer, 1, 1);
            assert_eq!(messenger.publish(id(n), &sent).await.status, 200);
        }
        assert_eq!(call(&messenger, "DELETE", n, Some(owner)).await, 200);
    }
    for life in ["the same process", "the next one"] {
        for n in [1, 2] {
            for owner in [None, Some("a stranger's")] {
                let made = call(&messenger, "POST", n, owner).await;
                assert_eq!(made, 409, "{life}, topic {n}, {owner:?}");
            }
            let gone = messenger.get(&format!("/topics/{}", id(n))).await.status;
            assert_eq!(gone, 404, "{life}, topic {n}");
        }
        messenger.handle.shutdown().await;
        messenger = Messenger::start(stored()).await;
    }
    assert_eq!(
        call(&messenger, "POST", 1, Some("house")).await,
        200,
        "whoever removed it may mean it after all"
    );
}

/// The signature over an overheard preparation was taken for one over an accusation: `GET /data` told that an operator had
/// accused somebody, truly.
#[tokio::test]
async fn only_an_accusation_is_kept_as_one() {
    let messenger = Messenger::new().await;
    let node = Node::willing().await;
    messenger.register("default", "1", &node.url).await;
    messenger.topic(id(1), &["1"]).await;
    let report = async |valid: bool, message: &[u8]| {
        let signed = std::str::from_utf8(&message[68..]).unwrap();
        let body = format!(r#"{{"Valid":{valid},"BlameMessage":{signed}}}"#);
        let path = format!("/stream/dkgblame?request_id={}", id(1));
        messenger.post(&path, body).await
    };
    let timeout = message(
        id(1),
        MsgType::Protocol,
        1,
        r#"{"round":6,"timeout":{"Round":2}}"#,
    );
    let not_even_json = message(id(1), MsgType::Protocol, 1, "no JSON");
    let empty = message(id(1), MsgType::Protocol, 1, r#"{"round":5}"#);
    let other_kind = message(id(1), MsgType::DepositData, 1, r#"{"round":5,"blame":{}}"#);
    for (what, valid, message) in [
        ("a preparation", true, &round(id(1), 1, 1, 1)),
        ("a round", false, &round(id(1), 1, 2, 1)),
        ("a surrender that accuses", true, &timeout),
        ("no JSON", true, &not_even_json),
        ("an accusation of nobody", true, &empty),
        ("a message of another kind", true, &other_kind),
    ] {
        let reply = report(valid, message).await;
        assert_eq!(reply.status, 400, "{what}: {}", reply.body);
    }
    assert_eq!(messenger.get(&format!("/data/{}", id(1))).await.status, 404);
    let reply = report(false, &timeout).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    let kept = messenger.get(&format!("/data/{}", id(1))).await.body;
    assert!(kept.contains(r#""Valid":false"#), "{kept}");
}
