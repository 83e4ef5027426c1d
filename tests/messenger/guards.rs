//! What outsiders cannot take over, replace or inject.

use casimir_dkg::dkg::rockx::wire::MsgType;

use super::support::{Messenger, Node, config, id, message, output, round};

#[tokio::test]
async fn a_live_operator_is_not_displaced_and_a_moved_one_is_let_in() {
    let messenger = Messenger::new().await;
    let (old, thief) = (Node::willing().await, Node::willing().await);
    assert_eq!(messenger.register("default", "1", &old.url).await.status, 200);
    let refused = messenger.register("default", "1", &thief.url).await;
    assert_eq!(refused.status, 409);
    assert_eq!(
        refused.body,
        r#"{"error":"1 is registered with another address, which answers","message":"failed to register subscriber"}"#
    );
    assert!(messenger.get("/topics/default").await.body.contains(&old.url));
    assert_eq!(messenger.metric("takeovers_refused_total").await, 1.0);
    // the same on a topic
    messenger.topic(id(1), &["1"]).await;
    assert_eq!(
        messenger
            .register(&id(1).to_string(), "1", &thief.url)
            .await
            .status,
        409
    );

    let gone = old.url.clone();
    old.stop().await;
    assert_eq!(messenger.register("default", "1", &thief.url).await.body, "null");
    let topic = messenger.get(&format!("/topics/{}", id(1))).await.body;
    assert!(
        topic.contains(&thief.url) && !topic.contains(&gone),
        "running topics follow: {topic}"
    );
}

#[tokio::test]
async fn takeover_can_be_allowed() {
    let mut config = config();
    config.allow_takeover = true;
    let messenger = Messenger::start(config).await;
    let (old, new) = (Node::willing().await, Node::willing().await);
    messenger.register("default", "1", &old.url).await;
    assert_eq!(messenger.register("default", "1", &new.url).await.body, "null");
    assert!(messenger.get("/topics/default").await.body.contains(&new.url));
}

#[tokio::test]
async fn the_registry_is_neither_replaced_nor_deleted() {
    let messenger = Messenger::new().await;
    messenger.register("default", "1", "http://x").await;
    let reply = messenger
        .post("/topics", r#"{"topic_name":"default","subscribers":[]}"#)
        .await;
    assert_eq!(reply.status, 403);
    assert_eq!(messenger.send("DELETE", "/topics/default", "").await.status, 403);
    assert!(messenger.get("/topics/default").await.body.contains("http://x"));
}

#[tokio::test]
async fn a_topic_in_use_stays_as_it_is() {
    let messenger = Messenger::new().await;
    let node = Node::willing().await;
    for name in ["1", "2", "3"] {
        messenger.register("default", name, &node.url).await;
    }
    let created = messenger.topic(id(1), &["1", "2"]).await;
    messenger.publish(id(1), &round(id(1), 1, 1, 1)).await;
    // the creator may ask again: its first reply may have been lost
    assert_eq!(messenger.topic(id(1), &["2", "1"]).await, created);
    let other = messenger.topic(id(1), &["1", "2", "3"]).await;
    assert_eq!(
        (other.status, other.body.as_str()),
        (
            409,
            r#"{"error":"a ceremony is running in the topic","message":"failed to create topic"}"#
        )
    );
    assert_eq!(
        messenger
            .send("DELETE", &format!("/topics/{}", id(1)), "")
            .await
            .status,
        409
    );

    let payload = output(id(1), 1, 1);
    messenger
        .publish(id(1), &message(id(1), MsgType::Output, 1, &payload))
        .await;
    let path = format!("/stream/dkgoutput?request_id={}", id(1));
    messenger.post(&path, format!(r#"{{"1":{payload}}}"#)).await;
    let again = messenger.topic(id(1), &["1", "2", "3"]).await;
    assert_eq!(
        (again.status, again.body.as_str()),
        (
            409,
            r#"{"error":"the topic has a result","message":"failed to create topic"}"#
        )
    );
    assert_eq!(
        messenger.get(&format!("/topics/{}", id(1))).await.body,
        created.body
    );
}

#[tokio::test]
async fn a_creator_who_left_a_secret_may_delete_its_topic_at_any_time() {
    use casimir_dkg::dkg::rockx::messenger::OWNER_HEADER;
    let dir = tempfile::tempdir().unwrap();
    let mut config = config();
    config.data_dir = Some(dir.path().to_owned());
    let messenger = Messenger::start(config.clone()).await;
    messenger.register("default", "1", "http://127.0.0.1:1").await;
    let body = format!(r#"{{"topic_name":"{}","subscribers":["1"]}}"#, id(1));
    let create = messenger
        .client
        .post(messenger.url("/topics"))
        .header(OWNER_HEADER, "secret");
    assert_eq!(create.body(body).send().await.unwrap().status(), 200);
    messenger.publish(id(1), &round(id(1), 1, 1, 1)).await;
    // asking for the same topic again does not make somebody else its owner
    messenger.topic(id(1), &["1"]).await;
    messenger.handle.shutdown().await;

    let messenger = Messenger::start(config).await;
    let url = messenger.url(&format!("/topics/{}", id(1)));
    let delete = async |secret: &'static str| {
        let request = messenger.client.delete(&url).header(OWNER_HEADER, secret);
        request.send().await.unwrap().status().as_u16()
    };
    assert_eq!(delete("guess").await, 409);
    assert_eq!(
        messenger
            .send("DELETE", &format!("/topics/{}", id(1)), "")
            .await
            .status,
        409
    );
    assert_eq!(delete("secret").await, 200);
    assert_eq!(messenger.get(&format!("/topics/{}", id(1))).await.status, 404);
    messenger.handle.shutdown().await;
}

#[tokio::test]
async fn only_members_messages_of_this_request_are_forwarded() {
    let messenger = Messenger::new().await;
    let (one, two) = (Node::willing().await, Node::willing().await);
    for (name, node) in [("1", &one), ("2", &two), ("3", &two)] {
        messenger.register("default", name, &node.url).await;
    }
    messenger.topic(id(1), &["1", "2"]).await;
    // an observer does not become a member by choosing an operator's id as its name
    messenger.register(&id(1).to_string(), "3", &two.url).await;

    let foreign = messenger.publish(id(1), &round(id(2), 1, 1, 1)).await;
    assert_eq!(foreign.status, 400);
    assert_eq!(
        foreign.body,
        format!(
            r#"{{"error":"the message belongs to request {}","message":"failed to publish data to topic {}"}}"#,
            id(2),
            id(1)
        )
    );
    for kind in [MsgType::Init, MsgType::Reshare, MsgType::KeySign] {
        let reply = messenger.publish(id(1), &message(id(1), kind, 1, "{}")).await;
        assert_eq!(reply.status, 400);
        assert!(
            reply.body.contains("start messages are not forwarded"),
            "{}",
            reply.body
        );
    }
    for signer in [3, 9] {
        assert_eq!(
            messenger.publish(id(1), &round(id(1), signer, 1, 1)).await.status,
            200
        );
    }
    assert_eq!(messenger.metric("messages_not_forwarded_total").await, 2.0);

    let genuine = round(id(1), 2, 1, 1);
    messenger.publish(id(1), &genuine).await;
    assert_eq!(
        one.takes(1).await,
        std::slice::from_ref(&genuine),
        "nothing of the above came through"
    );
    // published twice: delivered once
    assert_eq!(messenger.publish(id(1), &genuine).await.status, 200);
    let next = round(id(1), 2, 2, 1);
    messenger.publish(id(1), &next).await;
    assert_eq!(one.takes(2).await, [genuine, next]);
}
