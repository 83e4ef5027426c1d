//! The small server, against whoever may come.

use std::net::SocketAddr;
use std::sync::Arc;

use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::*;

#[derive(Debug)]
struct Sleepy;

impl Probe for Sleepy {
    fn live(&self) -> Verdict {
        Verdict {
            yes: true,
            body: json!({ "live": true }),
        }
    }

    fn ready(&self) -> Verdict {
        Verdict {
            yes: false,
            body: json!({ "ready": false, "why": ["it sleeps"] }),
        }
    }

    fn metrics(&self) -> String {
        render(vec![
            Family::gauge("beds", "Beds.").with([("room", "a \"b\"\n\\c")], 2.0),
            Family::counter("naps", "Naps.").is(3.0),
            Family::gauge("dreams", "Dreams, if any.").is(None),
        ])
    }
}

/// One address that trickles had all of them.
#[test]
fn nobody_has_all_places() {
    let bounds = server::bounds(server::DEADLINES);
    assert!(bounds.reserve > 0 && bounds.per_client < bounds.connections - bounds.reserve);
}

async fn start() -> Monitor {
    let at = MetricsListen::At("127.0.0.1:0".parse().unwrap());
    let bound = bind(at, Role::Oracle).await.unwrap().unwrap();
    bound.serve(Arc::new(Sleepy))
}

/// One at which nobody's time is over: whoever waits for that waits for ever.
async fn start_without_deadlines() -> Monitor {
    let at = MetricsListen::At("127.0.0.1:0".parse().unwrap());
    let bound = bind(at, Role::Oracle).await.unwrap().unwrap();
    let hour = std::time::Duration::from_secs(60 * 60);
    let deadlines = server::Deadlines {
        head: hour,
        answer: hour,
    };
    bound.serve_within(Arc::new(Sleepy), deadlines)
}

/// Only what hangs for ever takes so long.
const HANGS: std::time::Duration = std::time::Duration::from_secs(120);

async fn say(to: SocketAddr, words: &[u8]) -> String {
    let mut stream = TcpStream::connect(to).await.unwrap();
    stream.write_all(words).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

async fn get(to: SocketAddr, path: &str) -> String {
    say(to, format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n").as_bytes()).await
}

#[tokio::test]
async fn each_path_has_its_answer() {
    let monitor = start().await;
    let at = monitor.address();
    let live = get(at, "/livez").await;
    assert!(
        live.starts_with("HTTP/1.1 200 OK\r\n") && live.ends_with("{\"live\":true}\n"),
        "{live}"
    );
    let ready = get(at, "/readyz?verbose").await;
    assert!(
        ready.starts_with("HTTP/1.1 503 ") && ready.contains("it sleeps"),
        "{ready}"
    );
    let metrics = get(at, "/metrics").await;
    for line in [
        "content-type: text/plain; version=0.0.4; charset=utf-8\r",
        "# TYPE beds gauge",
        "beds{room=\"a \\\"b\\\"\\n\\\\c\"} 2.0",
        "# TYPE naps_total counter",
        "naps_total 3.0",
        "# TYPE dreams gauge",
        "# TYPE process_resident_memory_bytes gauge",
    ] {
        assert!(
            metrics.lines().any(|said| said == line.trim_end()),
            "{line} is not in\n{metrics}"
        );
    }
    assert!(
        !metrics.lines().any(|line| line.starts_with("dreams")),
        "{metrics}"
    );
    assert!(get(at, "/").await.starts_with("HTTP/1.1 404 "));
    let post = say(at, b"POST /metrics HTTP/1.1\r\n\r\n").await;
    assert!(post.starts_with("HTTP/1.1 405 "), "{post}");
    let head = say(at, b"HEAD /livez HTTP/1.1\r\n\r\n").await;
    assert!(
        head.starts_with("HTTP/1.1 200 ") && head.ends_with("\r\n\r\n"),
        "{head}"
    );
    assert!(say(at, b"hello\r\n\r\n").await.starts_with("HTTP/1.1 400 "));
}

#[tokio::test]
async fn a_head_without_end_is_refused_and_a_slow_one_left_alone() {
    let monitor = start().await;
    let at = monitor.address();
    let mut endless = TcpStream::connect(at).await.unwrap();
    let words = [b"GET /metrics HTTP/1.1\r\n".to_vec(), b"a: b\r\n".repeat(3_000)].concat();
    // it may be refused before the last byte
    let _ = endless.write_all(&words).await;
    let mut answer = Vec::new();
    let _ = endless.read_to_end(&mut answer).await;
    assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 431 "));

    // as many as it serves at once say nothing, and the next is served when their time is over
    let mut silent = Vec::new();
    for _ in 0..16 {
        silent.push(TcpStream::connect(at).await.unwrap());
    }
    let live = get(at, "/livez").await;
    assert!(live.starts_with("HTTP/1.1 200 "), "{live}");
    for stream in &mut silent {
        let mut rest = Vec::new();
        assert_eq!(stream.read_to_end(&mut rest).await.unwrap_or_default(), 0);
    }
}

/// A supervisor that asks whether it lives waits a second or two.
#[tokio::test]
async fn whoever_says_nothing_or_half_a_word_keeps_nobody_waiting() {
    let monitor = start_without_deadlines().await;
    let at = monitor.address();
    for words in [&b""[..], b"GET /livez HTTP/1.1\r\n"] {
        let mut silent = Vec::new();
        for _ in 0..16 {
            let mut stream = TcpStream::connect(at).await.unwrap();
            // it may have been sent away by then
            let _ = stream.write_all(words).await;
            silent.push(stream);
        }
        // it is there that they have begun
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        let live = tokio::time::timeout(HANGS, get(at, "/livez")).await;
        assert!(
            live.as_ref().is_ok_and(|live| live.starts_with("HTTP/1.1 200 ")),
            "{words:?}: {live:?}"
        );
    }
}

/// For 2 s nobody was told anything as soon as 57 had begun, and for longer when more came.
#[tokio::test]
async fn heads_that_begin_all_the_time_and_never_end_keep_nobody_out() {
    let monitor = start_without_deadlines().await;
    let at = monitor.address();
    let (begun, mut begins) = tokio::sync::watch::channel(0_usize);
    let flood = tokio::spawn(async move {
        let mut open = std::collections::VecDeque::new();
        loop {
            let Ok(mut stream) = TcpStream::connect(at).await else {
                continue;
            };
            // it may have been sent away by then
            let _ = stream.write_all(b"GET /livez HTTP/1.1\r\n").await;
            open.push_back(stream);
            begun.send_modify(|begun| *begun += 1);
            if open.len() > 200 {
                open.pop_front();
            }
            tokio::time::sleep(std::time::Duration::from_millis(2)).await;
        }
    });
    for nth in 1..=5 {
        begins.wait_for(|begun| *begun >= 100 * nth).await.unwrap();
        // it may be one of those that go, as any other, when hundreds come before it is read
        let answered = async {
            loop {
                let answer = get_or_nothing(at, "/livez").await;
                if !answer.is_empty() {
                    break answer;
                }
            }
        };
        let live = tokio::time::timeout(HANGS, answered).await;
        assert!(
            live.as_ref().is_ok_and(|live| live.starts_with("HTTP/1.1 200 ")),
            "{nth}: {live:?}"
        );
    }
    flood.abort();
}

/// What came, if anything: the connection may be broken off.
async fn get_or_nothing(at: SocketAddr, path: &str) -> String {
    let mut answer = Vec::new();
    if let Ok(mut stream) = TcpStream::connect(at).await {
        let _ = stream
            .write_all(format!("GET {path} HTTP/1.1\r\n\r\n").as_bytes())
            .await;
        let _ = stream.read_to_end(&mut answer).await;
    }
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn an_address_that_was_configured_must_be_free_and_the_usual_one_need_not() {
    let monitor = start().await;
    let taken = bind(MetricsListen::At(monitor.address()), Role::Oracle).await;
    let error = taken.unwrap_err().to_string();
    assert!(
        error.starts_with("metrics.listen: cannot listen on 127.0.0.1:"),
        "{error}"
    );
    assert!(bind(MetricsListen::Off, Role::Oracle).await.unwrap().is_none());
    // free or taken by somebody else: no error in either case
    bind(MetricsListen::Usual, Role::Messenger).await.unwrap();
}
