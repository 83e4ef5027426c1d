//! A stranger with much time: so many connections that say nothing, and so many requests a second whatever is answered.
//! The benchmark of attacks uses it, too.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpSocket, UnixStream};
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, timeout};

/// Connections that say nothing.
pub(crate) const IDLE: u64 = 2_000;
/// Requests a second.
pub(crate) const RATE: u64 = 1_000;
/// Connections that the requests are spread over.
const SENDERS: u64 = 25;
/// An idle connection that was sent away comes again after so long.
const AGAIN: Duration = Duration::from_secs(2);
/// How long somebody who reads nothing holds its connection.
const HELD: Duration = Duration::from_secs(30);
/// A port that takes nothing for so long has lost this request.
const STUCK: Duration = Duration::from_secs(2);

/// What is attacked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Port {
    Tcp(SocketAddr),
    Unix(PathBuf),
}

trait Wire: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Wire for T {}

impl Port {
    /// A connection from an address of the attackers' own, of which they have four.
    async fn connect(&self, number: u64) -> io::Result<Box<dyn Wire>> {
        match self {
            Self::Tcp(at) => {
                let socket = TcpSocket::new_v4()?;
                let last = 66 + u8::try_from(number % 4).unwrap_or_default();
                socket.bind((Ipv4Addr::new(127, 0, 0, last), 0).into())?;
                Ok(Box::new(socket.connect(*at).await?))
            }
            Self::Unix(path) => Ok(Box::new(UnixStream::connect(path).await?)),
        }
    }
}

/// The `n`th request, as its bytes.
pub(crate) type Request = Arc<dyn Fn(u64) -> Vec<u8> + Send + Sync>;

/// An attack that goes on until it is dropped.
#[derive(Debug)]
pub(crate) struct Flood {
    sent: Arc<AtomicU64>,
    answered: Arc<AtomicU64>,
    begun: Instant,
    _tasks: JoinSet<()>,
}

impl Flood {
    pub(crate) fn start(port: &Port, request: &Request) -> Self {
        Self::saying(port, request, &[])
    }

    /// As [`Flood::start`], and each of the idle connections has said this, and reads no answer.
    pub(crate) fn saying(port: &Port, request: &Request, said: &[u8]) -> Self {
        let said: Arc<[u8]> = said.into();
        let (sent, answered) = (Arc::<AtomicU64>::default(), Arc::<AtomicU64>::default());
        let mut tasks = JoinSet::new();
        for number in 0..IDLE {
            match said.is_empty() {
                true => tasks.spawn(say_nothing(port.clone(), number)),
                false => tasks.spawn(say_once(port.clone(), number, Arc::clone(&said))),
            };
        }
        for number in 0..SENDERS {
            let sender = Sender {
                port: port.clone(),
                number,
                request: Arc::clone(request),
                sent: Arc::clone(&sent),
                answered: Arc::clone(&answered),
            };
            tasks.spawn(sender.run());
        }
        Self {
            sent,
            answered,
            begun: Instant::now(),
            _tasks: tasks,
        }
    }

    /// Requests that were sent.
    pub(crate) fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// In words: how much it was.
    pub(crate) fn told(&self) -> String {
        let seconds = self.begun.elapsed().as_secs_f64();
        #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
        let a_second = self.sent() as f64 / seconds;
        let answered = self.answered.load(Ordering::Relaxed);
        format!(
            "{} requests in {seconds:.1} s, {a_second:.0} a second, {answered} pieces of answers",
            self.sent()
        )
    }
}

async fn say_nothing(port: Port, number: u64) {
    // not all in the same instant: 1,000 come a second
    sleep(Duration::from_millis(number)).await;
    loop {
        if let Ok(mut wire) = port.connect(number).await {
            let mut piece = [0; 256];
            while wire.read(&mut piece).await.is_ok_and(|read| read > 0) {}
        }
        sleep(AGAIN).await;
    }
}

async fn say_once(port: Port, number: u64, said: Arc<[u8]>) {
    sleep(Duration::from_millis(number)).await;
    loop {
        if let Ok(mut wire) = port.connect(number).await
            && timeout(STUCK, wire.write_all(&said))
                .await
                .is_ok_and(|done| done.is_ok())
        {
            sleep(HELD).await;
        }
        sleep(AGAIN).await;
    }
}

struct Sender {
    port: Port,
    number: u64,
    request: Request,
    sent: Arc<AtomicU64>,
    answered: Arc<AtomicU64>,
}

impl Sender {
    async fn run(self) {
        let mut tick = interval(Duration::from_micros(1_000_000 * SENDERS / RATE));
        // what a port that does not take it delays is lost, and not sent all at once
        tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let mut next = self.number;
        loop {
            let Ok(Ok(wire)) = timeout(STUCK, self.port.connect(self.number)).await else {
                tick.tick().await;
                continue;
            };
            let (mut read, mut write) = tokio::io::split(wire);
            let listens = async {
                let mut piece = [0; 4096];
                while read.read(&mut piece).await.is_ok_and(|read| read > 0) {
                    self.answered.fetch_add(1, Ordering::Relaxed);
                }
            };
            let sends = async {
                loop {
                    tick.tick().await;
                    let bytes = (self.request)(next);
                    next += SENDERS;
                    if !timeout(STUCK, write.write_all(&bytes))
                        .await
                        .is_ok_and(|done| done.is_ok())
                    {
                        break;
                    }
                    self.sent.fetch_add(1, Ordering::Relaxed);
                }
            };
            let (listens, sends) = (pin!(listens), pin!(sends));
            tokio::select! {
                () = listens => {}
                () = sends => {}
            }
        }
    }
}

/// Lets this process have as many files and connections as it may.
pub(crate) fn raise_descriptors() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    // what is too few shows in what fails
    let _ = setrlimit(Resource::Nofile, raised);
}
