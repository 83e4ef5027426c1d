//! Streams of events, before the development beacon.

use std::time::Duration;

use casimir_dkg::devnet::beacon::{DevBeacon, Event};
use casimir_dkg::devnet::proxy::{FaultProxy, Kind};
use serde_json::Value;

use super::super::beacon::manual;
use super::super::support::eventually;
use super::{proxy, said};

struct Stream {
    beacon: DevBeacon,
    proxy: FaultProxy,
    response: reqwest::Response,
    early: String,
}

const PATH: &str = "/eth/v1/events?topics=head&topics=chain_reorg";

impl Stream {
    async fn open(rules: &str) -> Self {
        let beacon = manual().await;
        let proxy = proxy(Kind::Beacon, &[&beacon.url()], rules).await;
        let url = proxy.url("beacon.0").unwrap();
        let response = request(&url).await.unwrap();
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        eventually("the stream is open", async || beacon.listeners() == 1).await;
        Self {
            beacon,
            proxy,
            response,
            early: String::new(),
        }
    }

    fn head(&self, slot: u64) {
        self.beacon.tell(Event::Head {
            slot,
            epoch_transition: false,
        });
    }

    /// The next event's text; none when the stream ends properly.
    async fn next(&mut self) -> Result<Option<String>, reqwest::Error> {
        loop {
            if let Some((event, rest)) = self.early.split_once("\n\n") {
                let event = event.to_owned();
                self.early = rest.to_owned();
                return Ok(Some(event));
            }
            match self.response.chunk().await? {
                Some(chunk) => self.early.push_str(&String::from_utf8_lossy(&chunk)),
                None => return Ok(None),
            }
        }
    }

    /// The slot of the next event.
    async fn slot(&mut self) -> Value {
        let event = tokio::time::timeout(crate::TIMEOUT, self.next())
            .await
            .unwrap()
            .unwrap()
            .unwrap();
        let data = event
            .lines()
            .find_map(|line| line.strip_prefix("data: "))
            .unwrap();
        serde_json::from_str::<Value>(data).unwrap()["slot"].clone()
    }
}

async fn request(url: &str) -> reqwest::Result<reqwest::Response> {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    client
        .get(format!("{url}{PATH}"))
        .header("accept", "text/event-stream")
        .send()
        .await
}

const RULE: &str = "[[rule]]\nname = \"r\"\nat = \"beacon.0\"\n";

#[tokio::test]
async fn events_pass() {
    let mut stream = Stream::open("").await;
    for slot in 1..=3 {
        stream.head(slot);
        assert_eq!(stream.slot().await, slot.to_string());
    }
    assert_eq!(stream.proxy.calls("beacon.0", "event head of /eth/v1/events"), 3);
    assert_eq!(stream.proxy.calls("beacon.0", "GET /eth/v1/events"), 1);
    let Stream {
        beacon,
        proxy,
        mut response,
        ..
    } = stream;
    drop(proxy);
    assert!(
        matches!(response.chunk().await, Ok(None) | Err(_)),
        "it ends with the proxy"
    );
    eventually("the node is left, too", async || {
        beacon.tell(Event::Head {
            slot: 9,
            epoch_transition: false,
        });
        beacon.listeners() == 0
    })
    .await;
}

#[tokio::test]
async fn events_are_rewritten_lost_and_garbled() {
    let rules = "event = \"head\"\npath = \"/eth/v1/events\"\nwhen = { times = 1 }\n\
        does = { fault = \"rewrite\", set = { \"/slot\" = \"999\" } }";
    let mut stream = Stream::open(&format!("{RULE}{rules}")).await;
    (1..=2).for_each(|slot| stream.head(slot));
    assert_eq!(
        (stream.slot().await, stream.slot().await),
        ("999".into(), "2".into())
    );

    let rules = "event = \"he*\"\nwhen = { from_call = 2, times = 2 }\ndoes = { fault = \"hang\" }";
    let mut stream = Stream::open(&format!("{RULE}{rules}")).await;
    (1..=4).for_each(|slot| stream.head(slot));
    assert_eq!(
        (stream.slot().await, stream.slot().await),
        ("1".into(), "4".into())
    );
    assert_eq!(said(&stream.proxy), ["lost the message", "lost the message"]);

    let mut stream = Stream::open(&format!("{RULE}event = \"head\"\ndoes = {{ fault = \"half\" }}")).await;
    stream.head(1);
    let cut = stream.next().await.unwrap().unwrap();
    let data = cut.lines().find_map(|line| line.strip_prefix("data: ")).unwrap();
    assert!(
        data.starts_with('{') && serde_json::from_str::<Value>(data).is_err(),
        "{data}"
    );

    let mut stream = Stream::open(&format!("{RULE}event = \"head\"\ndoes = {{ fault = \"html\" }}")).await;
    stream.head(1);
    assert!(stream.next().await.unwrap().unwrap().contains("It works!"));

    let mut stream = Stream::open(&format!(
        "{RULE}event = \"chain_reorg\"\ndoes = {{ fault = \"reset\" }}"
    ))
    .await;
    stream.head(1);
    assert_eq!(stream.slot().await, "1");
    stream.beacon.tell(Event::ChainReorg { slot: 1, depth: 1 });
    assert!(stream.next().await.is_err(), "cut in the middle");
    assert_eq!(said(&stream.proxy), ["reset the connection"]);
}

#[tokio::test]
async fn a_standing_stream_falls_silent_between_two_levers() {
    let rules = "when = { from_lever = \"down\", to_lever = \"up\" }\ndoes = { fault = \"hang\" }";
    let mut stream = Stream::open(&format!("{RULE}{rules}")).await;
    stream.head(1);
    assert_eq!(stream.slot().await, "1");
    stream.proxy.pull("down").unwrap();
    eventually("it is silenced", async || {
        said(&stream.proxy) == ["silenced the standing connection"]
    })
    .await;
    stream.head(2);
    eventually("the event has come to the proxy", async || {
        stream.proxy.calls("beacon.0", "event head of /eth/v1/events") == 2
    })
    .await;
    let silence = tokio::time::timeout(Duration::from_millis(400), stream.next()).await;
    assert!(silence.is_err(), "it stands and says nothing");
    stream.proxy.pull("up").unwrap();
    // that it speaks again is seen by what it says
    let mut slot = 2;
    let event = loop {
        slot += 1;
        stream.head(slot);
        if let Ok(event) = tokio::time::timeout(Duration::from_secs(1), stream.next()).await {
            break event.unwrap().unwrap();
        }
        assert!(slot < 100, "it stays silent");
    };
    assert!(
        !event.contains(r#""slot":"2""#),
        "what was said meanwhile is lost: {event}"
    );
}

#[tokio::test]
async fn a_standing_stream_is_cut_and_opened_again() {
    let rules = "when = { from_lever = \"cut\", to_lever = \"mended\" }\ndoes = { fault = \"reset\" }";
    let mut stream = Stream::open(&format!("{RULE}{rules}")).await;
    stream.proxy.pull("cut").unwrap();
    assert!(stream.next().await.is_err());
    let url = stream.proxy.url("beacon.0").unwrap();
    assert!(request(&url).await.is_err(), "nor is there another");
    assert_eq!(
        said(&stream.proxy),
        ["cut the standing connection", "reset the connection"]
    );
    stream.proxy.pull("mended").unwrap();
    stream.response = request(&url).await.unwrap();
    eventually("it is open again", async || stream.beacon.listeners() >= 1).await;
    stream.head(5);
    assert_eq!(stream.slot().await, "5");
}

#[tokio::test]
async fn a_stream_ends_after_its_time() {
    let mut stream = Stream::open(&format!(
        "{RULE}when = {{ after = \"5 s\" }}\ndoes = {{ fault = \"reset\" }}"
    ))
    .await;
    stream.head(1);
    assert_eq!(stream.slot().await, "1");
    assert!(stream.next().await.is_err());
}

#[tokio::test]
async fn a_refused_stream_is_an_answer_like_any_other() {
    let beacon = manual().await;
    let proxy = proxy(Kind::Beacon, &[&beacon.url()], "").await;
    let url = proxy.url("beacon.0").unwrap();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let request = client
        .get(format!("{url}/eth/v1/events?topics=nonsense"))
        .header("accept", "text/event-stream");
    let answer = request.send().await.unwrap();
    assert_eq!(answer.status(), 400);
    assert!(answer.text().await.unwrap().contains("unknown topic nonsense"));
}
