//! Crowds behind a trusted proxy, whose connections are those of everybody.

use super::*;

#[path = "slow.rs"]
mod slow;

fn clients(numbers: std::ops::RangeInclusive<u32>) -> Vec<String> {
    numbers.map(|n| format!("203.0.113.{n}")).collect()
}

async fn gets_in(at: SocketAddr, client: &str, within: Duration) -> bool {
    slow::gets_in(at, "/who", client, within).await
}

fn patient(connections: usize) -> Bounds {
    Bounds {
        // nobody goes because of its slowness
        trickling: Duration::from_secs(60 * 60),
        ..bounds(connections)
    }
}

/// Many addresses take what is for newcomers, too. What is left is for who proved who it is.
#[tokio::test]
async fn behind_a_proxy_the_last_requests_are_for_those_who_proved_who_they_are() {
    let (tcp, at) = bind(([127, 0, 0, 1], 0).into()).await.unwrap();
    let proxies = vec!["127.0.0.0/8".parse().unwrap()];
    let listener = Listener::new("test", tcp, patient(64), proxies);
    let gate = listener.gate();
    let router = Router::new()
        .route(
            "/who",
            get(async |Extension(client): Extension<Client>| client.0.to_string()),
        )
        .route("/take", post(async |body: Bytes| body.len().to_string()));
    tokio::spawn(serve(listener, router, std::future::pending()));
    let held = slow::bodies(at, "/take", &clients(1..=100), 1).await;
    let (operator, stranger) = ("198.51.100.1", "198.51.100.2");
    assert!(!gets_in(at, stranger, Duration::from_secs(2)).await);
    let proved = gate.client(ip(operator), &axum::http::HeaderMap::new());
    gate.mark_proven(proved);
    assert!(gets_in(at, operator, Duration::from_secs(20)).await);
    assert!(!gets_in(at, stranger, Duration::from_millis(200)).await);
    drop(held);
    assert!(
        gets_in(at, stranger, Duration::from_secs(20)).await,
        "all of it is given back"
    );
}

/// Proxies that speak for many stand at several addresses: their connections are counted together.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn several_proxies_have_one_share() {
    let at = serving(patient(64), &["127.0.0.0/8"]).await;
    let mut held = Vec::new();
    for n in 0..120 {
        let socket = TcpSocket::new_v4().unwrap();
        socket
            .bind((ip(&format!("127.0.0.{}", 2 + n % 6)), 0).into())
            .unwrap();
        let mut stream = socket.connect(at).await.unwrap();
        let client = n % 4;
        let head = slow::beginning("/take", &format!("203.0.113.{client}"));
        let _ = stream.write_all(head.as_bytes()).await;
        held.push(stream);
    }
    assert!(gets_in(at, "198.51.100.1", Duration::from_secs(20)).await);
}

/// A body that does not move gives way, behind a proxy and without one; one that moves does not.
#[tokio::test]
async fn bodies_that_trickle_go_when_room_is_needed() {
    for proxies in [&["127.0.0.0/8"][..], &[]] {
        let at = serving(bounds(16), proxies).await;
        let _held = slow::bodies(at, "/take", &clients(1..=16), 1).await;
        if proxies.is_empty() {
            while !try_ask(at)
                .await
                .is_ok_and(|answer| answer.ends_with("127.0.0.1"))
            {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        } else {
            assert!(gets_in(at, "198.51.100.1", Duration::from_secs(30)).await);
        }
    }
}

#[test]
fn of_those_that_trickle_the_stranger_with_the_most_goes_and_a_body_that_moves_stays() {
    let all = Bounds {
        trickling: Duration::from_millis(1),
        reserve: 0,
        ..bounds(8)
    };
    let limiter = ConnectionLimiter::new(all, vec!["127.0.0.0/8".parse().unwrap()]);
    let begin = |client: &str| {
        let Admission::Slot(slot) = limiter.admit(ip("127.0.0.1")) else {
            panic!("{client} has no place");
        };
        let proxied_request = limiter.proxied_request(&slot, ip(client)).unwrap();
        slot.begin_body();
        (slot, proxied_request)
    };
    let mut held = Vec::new();
    for client in ["203.0.113.1", "203.0.113.2", "203.0.113.2", "203.0.113.3"] {
        held.push(begin(client));
    }
    for _ in 0..4 {
        let (moving, proxied_request) = begin(&format!("203.0.113.{}", 10 + held.len()));
        moving.came(1 << 30);
        held.push((moving, proxied_request));
    }
    limiter
        .client_limits
        .mark_proven(ip("203.0.113.2"), Instant::now());
    std::thread::sleep(Duration::from_millis(20));
    let gone = |held: &[(Arc<super::super::slot::Slot>, _)]| -> Vec<usize> {
        let gone = held
            .iter()
            .enumerate()
            .filter(|(_, (slot, _))| slot.is_sent_away());
        gone.map(|(at, _)| at).collect()
    };
    let first = begin("198.51.100.1");
    first.0.came(1 << 30);
    let second = begin("198.51.100.2");
    second.0.came(1 << 30);
    assert_eq!(gone(&held), [0, 3], "the friend's stay, and those that move");
    let third = begin("198.51.100.3");
    third.0.came(1 << 30);
    assert_eq!(gone(&held).len(), 3);
    drop((first, second, third, held));
}
