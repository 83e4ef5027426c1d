//! What survives the end of the process.

use std::time::Duration;

use casimir_dkg::dkg::rockx::messenger::{self, MessengerConfig, MessengerError, StoreError};
use casimir_dkg::dkg::rockx::wire::MsgType;

use super::support::{
    Messenger, NO_SESSION, Node, PROCESSED, config, eventually, id, message, output, round,
};

fn stored(dir: &tempfile::TempDir) -> MessengerConfig {
    let mut config = config();
    config.data_dir = Some(dir.path().join("messenger"));
    config
}

#[tokio::test]
async fn registrations_topics_results_and_undelivered_messages() {
    let dir = tempfile::tempdir().unwrap();
    let messenger = Messenger::start(stored(&dir)).await;
    let one = Node::willing().await;
    let two = Node::new(|_, before| {
        if before == 0 {
            (200, PROCESSED)
        } else {
            (500, "not now")
        }
    })
    .await;
    let absent = Node::new(|_, _| (500, NO_SESSION)).await;
    for (name, node) in [("1", &one), ("2", &two), ("3", &absent)] {
        messenger.register("default", name, &node.url).await;
    }
    messenger.topic(id(1), &["1", "2", "3"]).await;
    messenger.topic(id(2), &["1"]).await;
    messenger.send("DELETE", &format!("/topics/{}", id(2)), "").await;
    let observer = Node::willing().await;
    messenger
        .register(&id(1).to_string(), "observer", &observer.url)
        .await;
    let sent = [
        round(id(1), 1, 1, 1),
        round(id(1), 1, 2, 2),
        round(id(1), 1, 3, 3),
    ];
    for message in &sent {
        assert_eq!(messenger.publish(id(1), message).await.status, 200);
    }
    let payload = output(id(9), 1, 1);
    let path = format!("/stream/dkgoutput?request_id={}", id(9));
    messenger.post(&path, format!(r#"{{"1":{payload}}}"#)).await;
    let other = output(id(9), 1, 2);
    messenger.post(&path, format!(r#"{{"1":{other}}}"#)).await;
    two.takes(1).await;
    observer.takes(3).await;
    eventually("the second message is tried", || two.seen().len() > 1).await;
    let (topics, result) = (
        messenger.get("/topics").await,
        messenger.get(&format!("/data/{}", id(9))).await,
    );
    let conflicts = messenger.get(&format!("/data/{}/conflicts", id(9))).await;
    messenger.handle.shutdown().await;

    let before = two.seen().len();
    two.change(|_, _| (200, PROCESSED));
    absent.change(|_, _| (200, PROCESSED));
    let messenger = Messenger::start(stored(&dir)).await;
    assert_eq!(messenger.get("/topics").await, topics);
    assert_eq!(messenger.get(&format!("/data/{}", id(9))).await, result);
    assert_eq!(
        messenger.get(&format!("/data/{}/conflicts", id(9))).await,
        conflicts
    );
    assert_eq!(two.takes(3).await, sent, "continues where it stopped, in order");
    assert_eq!(
        two.seen().len(),
        before + 2,
        "what was delivered is not delivered again"
    );
    assert_eq!(absent.takes(3).await, sent);
    // the same bytes are still known
    messenger.publish(id(1), &sent[0]).await;
    assert_eq!(messenger.metric("messages_duplicate_total").await, 1.0);
    assert_eq!(observer.taken().len(), 3);
    messenger.handle.shutdown().await;
}

#[tokio::test]
async fn a_finished_ceremony_stays_finished() {
    let dir = tempfile::tempdir().unwrap();
    let messenger = Messenger::start(stored(&dir)).await;
    messenger.register("default", "1", "http://127.0.0.1:1").await;
    messenger.topic(id(1), &["1"]).await;
    let payload = output(id(1), 1, 1);
    messenger
        .publish(id(1), &message(id(1), MsgType::Output, 1, &payload))
        .await;
    let path = format!("/stream/dkgoutput?request_id={}", id(1));
    messenger.post(&path, format!(r#"{{"1":{payload}}}"#)).await;
    messenger.handle.shutdown().await;
    let messenger = Messenger::start(stored(&dir)).await;
    messenger.metric_becomes("topics_open", 0.0).await;
    assert_eq!(messenger.topic(id(1), &[]).await.status, 409);
    messenger.handle.shutdown().await;
}

#[tokio::test]
async fn a_published_message_is_on_the_disk_before_it_is_answered() {
    let dir = tempfile::tempdir().unwrap();
    let messenger = Messenger::start(stored(&dir)).await;
    let node = Node::new(|_, _| (500, NO_SESSION)).await;
    for name in ["1", "2"] {
        messenger.register("default", name, &node.url).await;
    }
    messenger.topic(id(1), &["1", "2"]).await;
    assert_eq!(messenger.publish(id(1), &round(id(1), 1, 1, 1)).await.status, 200);
    // as after a crash: what the files hold now, without an orderly end
    let copy = tempfile::tempdir().unwrap();
    std::fs::create_dir(copy.path().join("messenger")).unwrap();
    for entry in std::fs::read_dir(dir.path().join("messenger")).unwrap() {
        let path = entry.unwrap().path();
        std::fs::copy(
            &path,
            copy.path().join("messenger").join(path.file_name().unwrap()),
        )
        .unwrap();
    }
    node.change(|_, _| (200, PROCESSED));
    messenger.handle.shutdown().await;
    let before = node.taken().len();
    let restarted = Messenger::start(stored(&copy)).await;
    let taken = node.takes(before + 1).await;
    assert_eq!(taken[before], round(id(1), 1, 1, 1));
    restarted.handle.shutdown().await;
}

#[tokio::test]
async fn a_second_messenger_does_not_get_the_directory() {
    let dir = tempfile::tempdir().unwrap();
    let messenger = Messenger::start(stored(&dir)).await;
    let second = messenger::spawn(stored(&dir)).await;
    let Err(MessengerError::Store(StoreError::InUse { by, .. })) = second else {
        panic!("{second:?}");
    };
    let holder = format!("process {}, since ", std::process::id());
    assert!(by.as_str().starts_with(&holder), "{by}");
    messenger.handle.shutdown().await;
    Messenger::start(stored(&dir)).await.handle.shutdown().await;
}

#[tokio::test]
async fn nothing_is_kept_for_ever() {
    let dir = tempfile::tempdir().unwrap();
    let mut config = stored(&dir);
    config.limits.topic_ttl = Duration::from_millis(300);
    config.limits.result_ttl = Duration::from_millis(300);
    let messenger = Messenger::start(config).await;
    messenger.register("default", "1", "http://127.0.0.1:1").await;
    messenger.topic(id(1), &["1"]).await;
    let path = format!("/stream/dkgoutput?request_id={}", id(9));
    messenger
        .post(&path, format!(r#"{{"1":{}}}"#, output(id(9), 1, 1)))
        .await;
    messenger.metric_becomes("topics", 0.0).await;
    messenger.metric_becomes("results", 0.0).await;
    assert_eq!(messenger.metric("topics_expired_total").await, 1.0);
    messenger.handle.shutdown().await;
    let messenger = Messenger::start(stored(&dir)).await;
    messenger.metric_becomes("topics", 0.0).await;
    messenger.metric_becomes("results", 0.0).await;
    assert_eq!(
        messenger.metric("registered").await,
        1.0,
        "an operator stays registered"
    );
    messenger.handle.shutdown().await;
}

/// Whoever registers again and again made the disk work each time.
#[tokio::test]
async fn a_registration_that_changes_nothing_is_not_written_again() {
    let dir = tempfile::tempdir().unwrap();
    let mut config = config();
    config.data_dir = Some(dir.path().to_owned());
    let messenger = Messenger::start(config).await;
    let register = async |name: &str, address: &str| {
        let reply = messenger.register("default", name, address).await;
        assert_eq!(reply.status, 200, "{}", reply.body);
    };
    let log = || std::fs::read(dir.path().join("messenger.sqlite-wal")).unwrap();
    register("1", "http://127.0.0.1:1").await;
    register("20", "http://127.0.0.1:2").await;
    let before = log();
    for _ in 0..20 {
        register("1", "http://127.0.0.1:1").await;
        register("20", "http://127.0.0.1:2").await;
    }
    assert!(log() == before, "written again");
    register("21", "http://127.0.0.1:2").await;
    assert!(log() != before);
    messenger.handle.shutdown().await;
}
