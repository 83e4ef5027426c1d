//! What attacks at a port cost the ceremonies beside it.
//!
//! `cargo bench --bench siege` starts the real program as a messenger and as four operators' nodes, and then as an oracle in
//! auto mode on a network as the demo has. For each attack (2,000 connections that say nothing, 1,000 requests a second) it
//! prints how long a key generation, or a pool's deposit, takes beside the attack, and how long beside the same attack at a
//! port of nobody that answers everything with a refusal: **slow-down** is the one divided by the other, so that what the
//! attackers themselves cost this machine does not count. The two take turns.
//!
//! `CASIMIR_BENCH_RUNS` sets the ceremonies of each turn (default 20; there are two turns of each). With
//! `CASIMIR_BENCH_ONLY` only attacks are made whose name has these words.

#![allow(clippy::disallowed_macros, reason = "a benchmark prints its results")]
#![cfg_attr(
    target_os = "linux",
    allow(
        dead_code,
        unreachable_pub,
        clippy::unwrap_used,
        reason = "tests need more of what they share"
    )
)]

#[cfg(target_os = "linux")]
#[path = "../engine/binary.rs"]
mod binary;
#[cfg(target_os = "linux")]
#[path = "../attacks/fleet.rs"]
mod fleet;
#[cfg(target_os = "linux")]
#[path = "../attacks/flood.rs"]
mod flood;
#[cfg(target_os = "linux")]
#[path = "../loopback/mod.rs"]
mod loopback;
#[cfg(target_os = "linux")]
#[path = "../attacks/oracle.rs"]
mod oracle;
#[cfg(target_os = "linux")]
#[path = "../engine/support.rs"]
mod support;
#[cfg(target_os = "linux")]
#[path = "../attacks/ways.rs"]
mod ways;

/// Where the tests have these two.
#[cfg(target_os = "linux")]
mod engine {
    pub(crate) use crate::{binary, support};
}

#[cfg(target_os = "linux")]
const TIMEOUT: std::time::Duration = std::time::Duration::from_secs(600);

fn main() {
    // `cargo test --benches` starts this, too: starting is enough then
    if std::env::args().any(|argument| argument == "--bench") {
        #[cfg(target_os = "linux")]
        tokio::runtime::Runtime::new()
            .expect("a runtime")
            .block_on(bench::siege());
        #[cfg(not(target_os = "linux"))]
        println!("needs the addresses that loopback has on Linux");
    }
}

#[cfg(target_os = "linux")]
mod bench {
    use std::time::{Duration, Instant};

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::{TcpListener, UnixListener};

    use crate::fleet::Fleet;
    use crate::flood::{Flood, Port, Request, raise_descriptors};
    use crate::oracle::{self, Oracle};

    /// An attack is at its height when so many requests were sent.
    const HEIGHT: u64 = 2_000;
    const REFUSAL: &[u8] = b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n";

    pub(crate) async fn siege() {
        raise_descriptors();
        let runs = std::env::var("CASIMIR_BENCH_RUNS").ok();
        let runs = runs.and_then(|runs| runs.parse().ok()).unwrap_or(20);
        println!(
            "{:45} {:>12} {:>16} {:>10}",
            "", "beside it", "beside a dummy", "slow-down"
        );
        relays(runs).await;
        engine(runs).await;
    }

    fn is_wanted(what: &str) -> bool {
        std::env::var("CASIMIR_BENCH_ONLY").map_or(true, |words| what.contains(&words))
    }

    async fn relays(runs: usize) {
        let fleet = Fleet::start().await;
        fleet.ceremonies(runs).await;
        for (what, port, way, _) in fleet.attacks().concat() {
            if !is_wanted(what) {
                continue;
            }
            let (mut real, mut dummy) = (Vec::new(), Vec::new());
            for _ in 0..2 {
                dummy.extend(beside(&nobody(&port), &way, fleet.ceremonies(runs)).await);
                real.extend(beside(&port, &way, fleet.ceremonies(runs)).await);
            }
            tell(what, median(real), median(dummy));
        }
    }

    async fn engine(runs: usize) {
        let mut oracle = Oracle::start().await;
        let seat = oracle.seat().await;
        let follows = tokio::spawn(oracle::follow(seat.handle.snapshots.clone(), oracle.targets()));
        oracle.serve(&seat, runs).await;
        for (what, port, way, _) in oracle::attacks(&oracle) {
            if !is_wanted(what) {
                continue;
            }
            let (mut real, mut dummy) = (Duration::ZERO, Duration::ZERO);
            let turns = 2 * u32::try_from(runs).expect("few");
            for _ in 0..2 {
                for (at, sum) in [(nobody(&port), &mut dummy), (port.clone(), &mut real)] {
                    let deposits = async {
                        let begun = Instant::now();
                        oracle.serve(&seat, runs).await;
                        begun.elapsed()
                    };
                    *sum += beside(&at, &way, deposits).await;
                }
            }
            tell(what, real / turns, dummy / turns);
        }
        follows.abort();
        drop(seat);
        oracle.end().await;
    }

    async fn beside<T>(port: &Port, way: &Request, work: impl Future<Output = T>) -> T {
        let flood = Flood::start(port, way);
        while flood.sent() < HEIGHT {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        work.await
    }

    /// A port of the same kind where nobody is at home.
    fn nobody(like: &Port) -> Port {
        match like {
            Port::Tcp(_) => {
                let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
                listener.set_nonblocking(true).expect("a socket");
                let at = listener.local_addr().expect("an address");
                let listener = TcpListener::from_std(listener).expect("a socket");
                tokio::spawn(async move {
                    while let Ok((stream, _)) = listener.accept().await {
                        tokio::spawn(refuse(stream));
                    }
                });
                Port::Tcp(at)
            }
            Port::Unix(path) => {
                let path = path.with_extension("nobody");
                let _ = std::fs::remove_file(&path);
                let listener = UnixListener::bind(&path).expect("a socket");
                tokio::spawn(async move {
                    while let Ok((stream, _)) = listener.accept().await {
                        tokio::spawn(refuse(stream));
                    }
                });
                Port::Unix(path)
            }
        }
    }

    async fn refuse(mut stream: impl tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin) {
        let mut piece = [0; 4096];
        while stream.read(&mut piece).await.is_ok_and(|read| read > 0) {
            if stream.write_all(REFUSAL).await.is_err() {
                return;
            }
        }
    }

    fn tell(what: &str, real: Duration, dummy: Duration) {
        println!(
            "{what:45} {:>9.0} ms {:>13.0} ms {:>10.2}",
            real.as_secs_f64() * 1e3,
            dummy.as_secs_f64() * 1e3,
            real.as_secs_f64() / dummy.as_secs_f64()
        );
    }

    fn median(mut times: Vec<Duration>) -> Duration {
        times.sort_unstable();
        times[times.len() / 2]
    }
}
