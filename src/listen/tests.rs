//! Crowds, strangers and proxies, against real connections.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::Extension;
use axum::routing::{get, post};
use futures_util::StreamExt as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};

use super::client_limits::ClientLimits;
use super::limiter::{Admission, ConnectionLimiter};
use super::slot::Phase;
use super::*;

mod proxies;

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

async fn serving(bounds: Bounds, proxies: &[&str]) -> SocketAddr {
    let (tcp, at) = bind(([127, 0, 0, 1], 0).into()).await.unwrap();
    let proxies = proxies.iter().map(|text| text.parse().unwrap()).collect();
    let listener = Listener::new("test", tcp, bounds, proxies);
    let gate = listener.gate();
    let router = Router::new()
        .route(
            "/who",
            get(async |Extension(client): Extension<Client>| client.0.to_string()),
        )
        .route(
            "/refuse",
            get(async move |Extension(client): Extension<Client>| {
                gate.refused(client);
                "no"
            }),
        )
        .route("/take", post(async |body: Bytes| body.len().to_string()));
    tokio::spawn(serve(listener, router, std::future::pending()));
    at
}

async fn ask(at: SocketAddr, path: &str, forwarded: &str) -> String {
    let mut stream = TcpStream::connect(at).await.unwrap();
    let head = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{forwarded}\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

fn bounds(connections: usize) -> Bounds {
    Bounds::new(connections, Duration::from_secs(60), Duration::from_secs(60))
}

#[tokio::test]
async fn the_idle_make_room_for_who_has_something_to_say() {
    let at = serving(bounds(16), &[]).await;
    let mut silent = Vec::new();
    for _ in 0..64 {
        silent.push(TcpStream::connect(at).await.unwrap());
    }
    // nobody's deadline is over: the silent had to go
    assert!(ask(at, "/who", "").await.ends_with("127.0.0.1"));
    let mut rest = Vec::new();
    let _ = silent[0].read_to_end(&mut rest).await;
    assert!(rest.is_empty());
}

#[tokio::test]
async fn heads_that_trickle_go_before_their_deadline_when_room_is_needed() {
    let bounds = Bounds {
        // nothing else than the want of room ends them
        head: Duration::from_secs(60 * 60),
        ..bounds(8)
    };
    let at = serving(bounds, &[]).await;
    let mut trickling = Vec::new();
    for _ in 0..8 {
        let mut stream = TcpStream::connect(at).await.unwrap();
        stream.write_all(b"GET /who HT").await.unwrap();
        trickling.push(stream);
    }
    // on a busy machine the heads were read late, and are young for as much longer: until then who asks is turned away
    while !try_ask(at)
        .await
        .is_ok_and(|answer| answer.ends_with("127.0.0.1"))
    {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn try_ask(at: SocketAddr) -> io::Result<String> {
    let mut stream = TcpStream::connect(at).await?;
    let head = b"GET /who HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    stream.write_all(head).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}

/// Whoever waits at a full port is told when somebody leaves. That somebody falls silent, or begins to trickle, nobody
/// tells: it waited until one left all the same.
#[tokio::test]
async fn who_waits_at_a_full_port_gets_in_when_somebody_falls_silent_or_begins_to_trickle() {
    let all = Bounds {
        reserve: 0,
        ..bounds(4)
    };
    // only what hangs for ever is waited for so long
    let patience = crate::TIMEOUT;
    for silent in [true, false] {
        let limiter = ConnectionLimiter::new(all, Vec::new());
        let mut slots = Vec::new();
        for _ in 0..4 {
            let slot = limiter.place(ip("127.0.0.1")).await.unwrap();
            slot.enter(if silent { Phase::Served } else { Phase::Head });
            slots.push(slot);
        }
        let falls_silent = async {
            tokio::task::yield_now().await;
            if silent {
                slots[2].enter(Phase::Idle);
            }
        };
        let place = tokio::time::timeout(patience, limiter.place(ip("127.0.0.1")));
        let (got_in, ()) = tokio::join!(place, falls_silent);
        assert!(matches!(got_in, Ok(Some(_))), "silent: {silent}");
        assert_eq!(slots.iter().filter(|slot| slot.is_sent_away()).count(), 1);
        assert!(!silent || slots[2].is_sent_away());
    }
}

/// Whoever was sent away may end late: its place is another's by then, and is not given out twice.
#[tokio::test]
async fn a_place_is_given_on_once() {
    let all = Bounds {
        reserve: 0,
        ..bounds(2)
    };
    let limiter = ConnectionLimiter::new(all, Vec::new());
    let here = ip("127.0.0.1");
    let first = limiter.place(here).await.unwrap();
    first.enter(Phase::Served);
    let idle = limiter.place(here).await.unwrap();
    let third = limiter.place(here).await.unwrap();
    assert!(idle.is_sent_away() && !first.is_sent_away());
    third.enter(Phase::Served);
    idle.leave();
    assert!(matches!(limiter.admit(here), Admission::Full));
    let leaves = async { first.leave() };
    let (got_in, ()) = tokio::join!(limiter.place(here), leaves);
    assert!(got_in.is_some());
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn the_last_places_are_not_for_who_has_some_already() {
    let bounds = Bounds {
        per_client: 16,
        ..bounds(16)
    };
    let at = serving(bounds, &["127.0.0.9"]).await;
    // the stranger's requests hang in their bodies, so that none of them can be sent away
    let mut busy = Vec::new();
    for _ in 0..32 {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind((ip("127.0.0.7"), 0).into()).unwrap();
        let mut stream = socket.connect(at).await.unwrap();
        let _ = stream.write_all(b"GET /who HTTP/1.1\r\nhost").await;
        busy.push(stream);
    }
    assert!(
        ask(at, "/who", "").await.ends_with("127.0.0.1"),
        "another client gets in"
    );
}

#[tokio::test]
async fn only_trusted_proxies_speak_for_others_and_only_strangers_run_out_of_patience() {
    let plain = serving(bounds(16), &[]).await;
    let header = "x-forwarded-for: 203.0.113.7\r\n";
    assert!(ask(plain, "/who", header).await.ends_with("127.0.0.1"));

    let proxied = serving(bounds(16), &["127.0.0.0/8", "10.0.0.0/8"]).await;
    for (header, client) in [
        ("x-forwarded-for: 203.0.113.7\r\n", "203.0.113.7"),
        (
            "x-forwarded-for: 1.1.1.1, 203.0.113.7, 10.1.2.3\r\n",
            "203.0.113.7",
        ),
        (
            "x-forwarded-for: 1.1.1.1\r\nx-forwarded-for: 203.0.113.7\r\n",
            "203.0.113.7",
        ),
        ("x-forwarded-for: nonsense\r\n", "127.0.0.1"),
        ("x-forwarded-for: 2001:db8:1:2:3::4\r\n", "2001:db8:1::"),
    ] {
        let answer = ask(proxied, "/who", header).await;
        assert!(answer.ends_with(client), "{header} {answer}");
    }
    for _ in 0..210 {
        ask(proxied, "/refuse", header).await;
    }
    assert!(ask(proxied, "/who", header).await.starts_with("HTTP/1.1 429"));
    let other = "x-forwarded-for: 203.0.113.8\r\n";
    assert!(ask(proxied, "/who", other).await.starts_with("HTTP/1.1 200"));
}

/// nginx writes behind whatever it was sent: what cannot be read before it makes nobody this machine.
#[tokio::test]
async fn what_a_stranger_writes_before_the_proxy_does_not_hide_the_stranger() {
    let proxied = serving(bounds(16), &["127.0.0.0/8"]).await;
    for (header, client) in [
        ("x-forwarded-for: x, 203.0.113.8\r\n", "203.0.113.8"),
        ("x-forwarded-for: \u{ff}, 203.0.113.8\r\n", "203.0.113.8"),
        (
            "x-forwarded-for: x\r\nx-forwarded-for: 203.0.113.8\r\n",
            "203.0.113.8",
        ),
        ("x-forwarded-for: x,, 203.0.113.8 \r\n", "203.0.113.8"),
        ("x-forwarded-for: x, 203.0.113.8:4711\r\n", "203.0.113.8"),
        ("x-forwarded-for: x, [2001:db8:1:2:3::4]:4711\r\n", "2001:db8:1::"),
        ("x-forwarded-for: [2001:db8:1:2:3::4]\r\n", "2001:db8:1::"),
        ("x-forwarded-for: 203.0.113.8, x\r\n", "127.0.0.1"),
    ] {
        let answer = ask(proxied, "/who", header).await;
        assert!(answer.ends_with(client), "{header} {answer}");
    }
    let header = "x-forwarded-for: x, 203.0.113.8\r\n";
    for _ in 0..210 {
        ask(proxied, "/refuse", header).await;
    }
    assert!(ask(proxied, "/who", header).await.starts_with("HTTP/1.1 429"));
}

/// Where a trusted proxy stands on this machine, who is not told apart behind it is not this machine.
#[tokio::test]
async fn who_cannot_be_told_apart_behind_a_proxy_is_not_exempt() {
    let proxied = serving(bounds(16), &["127.0.0.0/8"]).await;
    let plain = serving(bounds(16), &["10.0.0.0/8"]).await;
    let header = "x-forwarded-for: unknown\r\n";
    for _ in 0..210 {
        ask(proxied, "/refuse", header).await;
        ask(plain, "/refuse", header).await;
    }
    assert!(ask(proxied, "/who", header).await.starts_with("HTTP/1.1 429"));
    assert!(ask(plain, "/who", header).await.starts_with("HTTP/1.1 200"));
}

#[test]
fn a_proxy_that_nobody_named_is_told_of_once_and_what_a_proxy_calls_itself_is_the_proxy() {
    let headers = |value: &str| {
        let mut headers = axum::http::HeaderMap::new();
        headers.insert("x-forwarded-for", value.parse().unwrap());
        headers
    };
    let gate = Gate::new(ConnectionLimiter::new(
        bounds(4),
        vec!["10.0.0.0/8".parse().unwrap()],
    ));
    let named = headers("203.0.113.8");
    assert!(!gate.is_news(ip("10.0.0.1"), &named), "it is trusted");
    assert!(
        !gate.is_news(ip("203.0.113.1"), &named),
        "a stranger's header is nobody's business"
    );
    assert!(!gate.is_news(ip("192.168.0.1"), &axum::http::HeaderMap::new()));
    assert!(gate.is_news(ip("192.168.0.1"), &named));
    assert!(!gate.is_news(ip("192.168.0.1"), &named), "it was said");

    let client = gate.client(ip("10.0.0.1"), &headers("203.0.113.8, 127.0.0.1"));
    assert_eq!((client.0, client.is_this_machine()), (ip("10.0.0.1"), false));
    assert!(gate.client(ip("127.0.0.1"), &named).is_this_machine());
}

/// A head without an end had 400 KiB of each connection.
#[tokio::test]
async fn a_head_has_a_longest_length_and_what_comes_behind_it_has_its_own() {
    let at = serving(bounds(8), &[]).await;
    let mut stream = TcpStream::connect(at).await.unwrap();
    let head = format!(
        "GET /who HTTP/1.1\r\nhost: x\r\nconnection: close\r\nx: {}\r\n\r\n",
        "x".repeat(64 << 10)
    );
    let _ = stream.write_all(head.as_bytes()).await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    assert!(
        !answer.starts_with(b"HTTP/1.1 200"),
        "{} bytes were read",
        head.len()
    );

    // long bodies on one connection, each written with its head at once, are no long heads
    let mut stream = TcpStream::connect(at).await.unwrap();
    let body = "x".repeat(200 << 10);
    for _ in 0..4 {
        let request = format!(
            "POST /take HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        while !answer.ends_with(b"204800") {
            let mut piece = [0; 1024];
            let read = stream.read(&mut piece).await.unwrap();
            assert!(read > 0, "{}", String::from_utf8_lossy(&answer));
            answer.extend_from_slice(&piece[..read]);
        }
    }
}

/// One who asked for much and read nothing kept it in memory for the silence of a quiet connection.
#[tokio::test]
async fn who_asks_and_does_not_read_goes() {
    let bounds = Bounds {
        stuck: Duration::from_millis(200),
        idle: Duration::from_secs(60 * 60),
        ..bounds(8)
    };
    let (tcp, at) = bind(([127, 0, 0, 1], 0).into()).await.unwrap();
    let listener = Listener::new("test", tcp, bounds, Vec::new());
    let gate = listener.gate();
    const LONG: usize = 64 << 20;
    // whose text others share is not counted
    let router = Router::new().route("/", get(async || (Extension(SharedText), vec![b'x'; LONG])));
    tokio::spawn(serve(listener, router, std::future::pending()));
    let mut stream = TcpStream::connect(at).await.unwrap();
    stream
        .write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        .await
        .unwrap();
    let mut piece = [0; 1];
    stream.read_exact(&mut piece).await.unwrap();
    while gate.connections() > 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let mut rest = Vec::new();
    let _ = stream.read_to_end(&mut rest).await;
    assert!(rest.len() < LONG);
}

/// A reader that took a little now and then kept an answer in memory for as long as it liked.
#[tokio::test]
async fn who_reads_an_answer_drop_by_drop_goes() {
    const LONG: usize = 16 << 20;
    let bounds = Bounds {
        stuck: Duration::from_secs(2),
        ..bounds(8)
    };
    let (tcp, at) = bind(([127, 0, 0, 1], 0).into()).await.unwrap();
    let listener = Listener::new("test", tcp, bounds, Vec::new());
    let gate = listener.gate();
    let router = Router::new().route("/", get(async || (Extension(SharedText), vec![b'x'; LONG])));
    tokio::spawn(serve(listener, router, std::future::pending()));
    let socket = TcpSocket::new_v4().unwrap();
    // what the system keeps for the reader comes in small pieces then
    socket.set_recv_buffer_size(4 << 10).unwrap();
    let mut stream = socket.connect(at).await.unwrap();
    stream
        .write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        .await
        .unwrap();
    let begun = Instant::now();
    let mut piece = [0; 1 << 10];
    while gate.connections() > 0 || begun.elapsed() < Duration::from_secs(1) {
        assert!(begun.elapsed() < crate::TIMEOUT, "it is still served");
        let _ = stream.read(&mut piece).await;
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn client(address: &str) -> Client {
    Gate::new(ConnectionLimiter::new(bounds(4), Vec::new()))
        .client(ip(address), &axum::http::HeaderMap::new())
}

/// A slice of a connection's buffer keeps all of it: of a body that comes byte by byte each byte kept 8 KiB.
#[tokio::test]
async fn a_body_keeps_nothing_that_it_came_in() {
    struct Buffer(#[expect(dead_code, reason = "it is counted")] Arc<()>);
    impl AsRef<[u8]> for Buffer {
        fn as_ref(&self) -> &[u8] {
            &[7; 8 << 10]
        }
    }
    let gate = Gate::new(ConnectionLimiter::new(bounds(4), Vec::new()));
    for chunks in [1, 3] {
        let alive = Arc::new(());
        let lease = || Bytes::from_owner(Buffer(Arc::clone(&alive))).slice(5..6);
        let parts: Vec<_> = (0..chunks).map(|_| Ok::<_, io::Error>(lease())).collect();
        let body = Body::from_stream(futures_util::stream::iter(parts));
        let read = gate.read(client("203.0.113.7"), body, 100, Duration::from_secs(60));
        let content = read.await.unwrap();
        assert_eq!(*content, vec![7; chunks]);
        assert_eq!(Arc::strong_count(&alive), 1, "{chunks}");
    }
}

/// Sixteen connections that began a long body and fell silent denied all others theirs.
#[tokio::test]
async fn no_client_has_all_places_for_long_bodies() {
    let gate = Gate::new(ConnectionLimiter::new(bounds(64), Vec::new()));
    let long = || {
        let head = futures_util::stream::iter([Ok::<_, io::Error>(Bytes::from(vec![7; 40 << 10]))]);
        Body::from_stream(head.chain(futures_util::stream::pending()))
    };
    let whole = || Body::from(vec![7; 40 << 10]);
    let mut slow = Vec::new();
    let begins = |address: &'static str| {
        let (gate, body) = (gate.clone(), long());
        tokio::spawn(async move {
            let forever = Duration::from_secs(60 * 60);
            gate.read(client(address), body, 1 << 20, forever).await.map(drop)
        })
    };
    for address in ["203.0.113.1", "203.0.113.2", "203.0.113.3", "203.0.113.4"] {
        for _ in 0..16 {
            slow.push(begins(address));
        }
    }
    // those that got no place are answered at once
    let refused = |slow: &[tokio::task::JoinHandle<_>]| slow.iter().filter(|task| task.is_finished()).count();
    while refused(&slow) < 64 - 12 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let soon = Duration::from_secs(60);
    let read = async |address| gate.read(client(address), whole(), 1 << 20, soon).await;
    assert_eq!(
        read("203.0.113.9").await.unwrap_err(),
        BodyFault::Busy,
        "a stranger waits"
    );
    gate.mark_proven(client("203.0.113.9"));
    assert_eq!(read("203.0.113.9").await.unwrap().len(), 40 << 10);
    for task in &slow {
        task.abort();
    }
}

/// Two hundred and fifty-six connections that ask for a long answer and do not read it had a copy each.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn answers_that_nobody_takes_are_bounded_in_all_and_the_stuck_make_room() {
    const LONG: usize = 512 << 10;
    // the kernel would take a whole answer into its own room
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_send_buffer_size(16 << 10).unwrap();
    socket.bind((ip("127.0.0.1"), 0).into()).unwrap();
    let tcp = socket.listen(256).unwrap();
    let at = tcp.local_addr().unwrap();
    let listener = Listener::new("test", tcp, bounds(256), Vec::new());
    let made = Arc::new(());
    let alive = Arc::clone(&made);
    struct Text(Vec<u8>, #[expect(dead_code, reason = "it is counted")] Arc<()>);
    impl AsRef<[u8]> for Text {
        fn as_ref(&self) -> &[u8] {
            &self.0
        }
    }
    let long = get(async move || Bytes::from_owner(Text(vec![b'x'; LONG], Arc::clone(&alive))));
    let router = Router::new().route("/", long);
    tokio::spawn(serve(listener, router, std::future::pending()));
    let asks = async |from: &str| {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4 << 10).unwrap();
        socket.bind((ip(from), 0).into()).unwrap();
        let mut stream = socket.connect(at).await.unwrap();
        stream
            .write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
            .await
            .unwrap();
        let mut begin = [0; 12];
        stream.read_exact(&mut begin).await.unwrap();
        (begin, stream)
    };
    let mut held = Vec::new();
    for n in 0..128 {
        held.push(asks(&format!("127.0.1.{}", 1 + n % 4)).await);
    }
    let served = held.iter().filter(|(begin, _)| begin == b"HTTP/1.1 200").count();
    let refused = held.iter().filter(|(begin, _)| begin == b"HTTP/1.1 503").count();
    assert_eq!(served + refused, 128);
    // the router and this test have one each; there is room for sixteen
    let texts = Arc::strong_count(&made) - 2;
    assert!((1..=16).contains(&texts), "{texts} of {served}");
    // whoever has taken nothing for a while goes
    let begun = Instant::now();
    while asks("127.0.2.1").await.0 != *b"HTTP/1.1 200" {
        assert!(begun.elapsed() < crate::TIMEOUT);
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// Whoever asked for long answers and read none of them had each of its further requests answered, 40 on each connection.
#[tokio::test]
async fn what_is_sent_behind_a_refused_request_is_not_read_unless_a_proxy_sent_it() {
    use std::sync::atomic::{AtomicUsize, Ordering};
    for (proxies, answered) in [(&[][..], 0), (&["127.0.0.0/8"][..], 1)] {
        let (tcp, at) = bind(([127, 0, 0, 1], 0).into()).await.unwrap();
        let proxies = proxies.iter().map(|text| text.parse().unwrap()).collect();
        let listener = Listener::new("test", tcp, bounds(16), proxies);
        let counted = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&counted);
        let router = Router::new()
            // more than one client may have
            .route("/long", get(async || vec![b'x'; 3 << 20]))
            .route(
                "/next",
                get(async move || count.fetch_add(1, Ordering::Relaxed).to_string()),
            );
        tokio::spawn(serve(listener, router, std::future::pending()));
        let mut stream = TcpStream::connect(at).await.unwrap();
        let both =
            "GET /long HTTP/1.1\r\nhost: x\r\n\r\nGET /next HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
        stream.write_all(both.as_bytes()).await.unwrap();
        let mut answers = Vec::new();
        // a connection that ends with something unread is reset
        let _ = stream.read_to_end(&mut answers).await;
        let answers = String::from_utf8(answers).unwrap();
        assert!(answers.starts_with("HTTP/1.1 503"), "{answers}");
        assert_eq!(answers.matches("HTTP/1.1 ").count(), 1 + answered, "{answers}");
        assert_eq!(counted.load(Ordering::Relaxed), answered);
    }
}

/// Strangers behind the same proxies as an operator sent its connection away before it had asked.
#[test]
fn idle_connections_of_strangers_go_before_those_of_who_proved_who_they_are() {
    let proxies = vec!["10.0.0.0/8".parse().unwrap()];
    let limiter = ConnectionLimiter::new(bounds(32), proxies);
    let slot = |client: &str| match limiter.admit(ip(client)) {
        Admission::Slot(slot) => slot,
        other => panic!("{client}: {other:?}"),
    };
    let operator = ip("10.0.0.1");
    limiter.client_limits.mark_proven(operator, Instant::now());
    let about_to_ask = slot("10.0.0.1");
    std::thread::sleep(Duration::from_millis(5));
    let strangers: Vec<_> = (0..256).map(|n| slot(&format!("10.0.1.{n}"))).collect();
    let left = strangers.iter().filter(|slot| !slot.is_sent_away()).count();
    assert_eq!((left, about_to_ask.is_sent_away()), (27, false));
    // where there is nobody else, the oldest of its own goes
    let own: Vec<_> = (0..64).map(|_| slot("10.0.0.1")).collect();
    assert!(about_to_ask.is_sent_away());
    assert!(!own[63].is_sent_away());
}

/// One customer of a provider has 256 prefixes of 56 bits: they filled the last places, too.
#[test]
fn the_very_last_places_are_for_those_who_proved_who_they_are() {
    let limiter = ConnectionLimiter::new(bounds(32), Vec::new());
    let mut slots = Vec::new();
    for n in 0..256 {
        if let Admission::Slot(slot) = limiter.admit(ip(&format!("2001:db8:1:{n:x}00::1"))) {
            slot.enter(Phase::Served);
            slots.push(slot);
        }
    }
    assert_eq!(slots.len(), 30);
    let operator = ip("203.0.113.1");
    assert!(matches!(limiter.admit(operator), Admission::Refused));
    limiter.client_limits.mark_proven(operator, Instant::now());
    assert!(matches!(limiter.admit(operator), Admission::Slot(_)));
}

/// An idle connection of one who proved itself went for a newcomer who was then refused all the same.
#[test]
fn nobody_goes_for_who_is_not_let_in_and_one_at_most_for_who_is() {
    let limiter = ConnectionLimiter::new(bounds(32), Vec::new());
    let stranger = ip("198.51.100.1");
    let slot = |client| match limiter.admit(client) {
        Admission::Slot(slot) => slot,
        other => panic!("{client}: {other:?}"),
    };
    let busy = slot(stranger);
    busy.enter(Phase::Served);
    let idle: Vec<_> = (1..32)
        .map(|n| {
            let operator = ip(&format!("203.0.113.{n}"));
            limiter.client_limits.mark_proven(operator, Instant::now());
            slot(operator)
        })
        .collect();
    let gone = || idle.iter().filter(|slot| slot.is_sent_away()).count();
    assert!(matches!(limiter.admit(stranger), Admission::Refused));
    assert_eq!(gone(), 0, "for who was refused");
    slot(ip("198.51.100.2"));
    assert_eq!(gone(), 1);
    assert_eq!(limiter.connections(), 32);
}

/// The answer `100 Continue` was taken for the reply, and the body behind it for an endless head.
#[tokio::test]
async fn a_body_that_waits_to_be_asked_for_is_read_to_its_end() {
    let at = serving(bounds(16), &[]).await;
    let mut stream = TcpStream::connect(at).await.unwrap();
    let length = 200_000;
    let head = format!(
        "POST /take HTTP/1.1\r\nhost: x\r\ncontent-length: {length}\r\nexpect: 100-continue\r\nconnection: close\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut interim = [0; 25];
    stream.read_exact(&mut interim).await.unwrap();
    assert_eq!(&interim, b"HTTP/1.1 100 Continue\r\n\r\n");
    for lease in vec![b'x'; length].chunks(1_000) {
        stream.write_all(lease).await.unwrap();
        tokio::task::yield_now().await;
    }
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.ends_with(&length.to_string()), "{answer}");
}

#[test]
fn whoever_proves_itself_again_stays_a_friend_also_among_many() {
    let client_limits = ClientLimits::default();
    let begun = Instant::now();
    let proven: Vec<IpAddr> = (0..5_000u32).map(|n| IpAddr::from(n.to_be_bytes())).collect();
    for friend in &proven {
        client_limits.mark_proven(*friend, begun);
    }
    let later = begun + Duration::from_secs(59 * 60);
    client_limits.mark_proven(proven[0], later);
    assert!(client_limits.is_proven(proven[0], later + Duration::from_secs(59 * 60)));
}

#[test]
fn patience_comes_back_and_a_friend_never_loses_it() {
    let client_limits = ClientLimits::default();
    let (stranger, now) = (ip("203.0.113.7"), Instant::now());
    for _ in 0..1000 {
        client_limits.refused(stranger, now);
    }
    assert!(client_limits.is_over(stranger, now));
    assert!(!client_limits.is_over(stranger, now + Duration::from_secs(150)));
    client_limits.mark_proven(stranger, now);
    assert!(!client_limits.is_over(stranger, now));
    assert!(
        client_limits.is_over(stranger, now + Duration::from_secs(0))
            != client_limits.is_proven(stranger, now)
    );
}

/// A handshake costs more than a request, also one that a request follows.
#[test]
fn handshakes_of_one_client_are_rationed() {
    let client_limits = ClientLimits::default();
    let (stranger, now) = (ip("203.0.113.7"), Instant::now());
    let handshakes = |now| {
        (0..1000)
            .filter(|_| client_limits.may_greet(stranger, now))
            .count()
    };
    assert_eq!(handshakes(now), 200);
    assert_eq!(handshakes(now + Duration::from_secs(1)), 10);
    assert!(client_limits.may_greet(ip("203.0.113.8"), now));
    assert!(!client_limits.is_over(stranger, now), "its requests are read");
}

#[test]
fn ranges_hold_what_they_say() {
    let holds = |range: &str, address: &str| range.parse::<Network>().unwrap().contains(ip(address));
    assert!(holds("10.0.0.0/8", "10.9.9.9") && !holds("10.0.0.0/8", "11.0.0.0"));
    assert!(holds("10.0.0.1", "::ffff:10.0.0.1") && !holds("10.0.0.1", "10.0.0.2"));
    assert!(holds("0.0.0.0/0", "8.8.8.8") && holds("fd00::/8", "fd12::1"));
    for bad in ["10.0.0.0/33", "x", "10.0.0.0/", ""] {
        assert!(bad.parse::<Network>().is_err(), "{bad}");
    }
    assert_eq!(client_of(ip("2001:db8:1:2:3::4")), ip("2001:db8:1::"));
}

/// Every bound counts one request to a connection, and HTTP/2 has hundreds there. Whatever a crate of the build wants, a
/// port speaks HTTP/1.1 alone: the preface begins no conversation.
#[tokio::test]
async fn a_preface_of_http_2_begins_nothing() {
    let at = serving(bounds(16), &[]).await;
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
    for pieces in [vec![&preface[..]], preface.chunks(3).collect()] {
        let mut stream = TcpStream::connect(at).await.unwrap();
        for piece in pieces {
            // it may have been refused by then
            let _ = stream.write_all(piece).await;
            tokio::task::yield_now().await;
        }
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        assert!(
            answer.is_empty() || answer.starts_with(b"HTTP/1.1 4"),
            "{:?}",
            String::from_utf8_lossy(&answer)
        );
    }
}
