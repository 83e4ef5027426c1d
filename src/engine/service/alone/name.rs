//! A name in the kernel. Its holder answers whoever connects with who it is. Everybody on the machine can take such a name
//! and answer anything, or nothing: whose process it is the system says (`SO_PEERCRED`), and nobody is waited for long.

use std::io;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::io::AsyncReadExt as _;
use tokio::net::UnixStream;
use tokio::time::{sleep, timeout};

use super::Holder;
use crate::lock;
use crate::types::SafeText;

/// How long whoever has the name is asked, all in all.
const DEADLINE: Duration = Duration::from_secs(2);
/// Between two attempts to reach somebody whose queue is full.
const PAUSE: Duration = Duration::from_millis(50);
/// Longest answer.
const MAX_TEXT: u64 = 200;

#[derive(Debug)]
pub(super) struct Name {
    listener: Arc<UnixListener>,
    ended: Arc<AtomicBool>,
    answers: Option<JoinHandle<()>>,
}

/// What became of a claim.
#[derive(Debug)]
pub(super) enum Claimed {
    Ours(Name),
    /// The system has no such names for us: then the files alone stand in the way.
    Unnamed,
    Taken(Holder),
}

/// Takes the name. `owner`: whose processes are oracles as well as this user's and root's.
pub(super) async fn claim(name: &str, owner: Option<u32>) -> Claimed {
    let asked = Instant::now();
    loop {
        let claimed =
            SocketAddr::from_abstract_name(name).and_then(|address| UnixListener::bind_addr(&address));
        match claimed {
            Ok(listener) => return Claimed::Ours(answer(listener)),
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => match look(name, owner).await {
                Some(holder) => return Claimed::Taken(holder),
                // given back just now, or nobody listens at it
                None if asked.elapsed() < DEADLINE => sleep(PAUSE).await,
                None => return Claimed::Taken(stranger(name, "a process that nobody can connect to")),
            },
            Err(error) => {
                tracing::warn!(target: "engine", %error, "no name in the kernel keeps other oracles away");
                return Claimed::Unnamed;
            }
        }
    }
}

/// Says who this is to whoever connects.
fn answer(listener: UnixListener) -> Name {
    let (listener, ended) = (Arc::new(listener), Arc::new(AtomicBool::new(false)));
    let (listens, over) = (Arc::clone(&listener), Arc::clone(&ended));
    let card = lock::holder();
    let answers = std::thread::spawn(move || {
        while !over.load(Ordering::Relaxed) {
            match listens.accept() {
                Ok((stream, _)) => {
                    // a card fits into any buffer: whoever connects holds up nobody
                    let _ = stream.set_nonblocking(true);
                    let _ = io::Write::write_all(&mut &stream, card.as_bytes());
                }
                // out of descriptors, or a caller that has gone: the name stays ours
                Err(_) => std::thread::sleep(PAUSE),
            }
        }
    });
    Name {
        listener,
        ended,
        answers: Some(answers),
    }
}

/// Who has the name, if anybody has.
pub(super) async fn look(name: &str, owner: Option<u32>) -> Option<Holder> {
    let connecting = timeout(DEADLINE, connect(name)).await;
    let stream = match connecting {
        Ok(Ok(stream)) => stream,
        Ok(Err(_)) => return None,
        Err(_) => return Some(stranger(name, "a process that takes no connection")),
    };
    let Ok(peer) = stream.peer_cred() else {
        return Some(stranger(name, "a process of which the system says nothing"));
    };
    let me = rustix::process::geteuid().as_raw();
    if ![Some(me), Some(0), owner].contains(&Some(peer.uid())) {
        let process = peer
            .pid()
            .map_or_else(String::new, |pid| format!(", process {pid}"));
        return Some(stranger(
            name,
            &format!("another user (uid {}{process})", peer.uid()),
        ));
    }
    // whatever came before an error or the deadline is as good as nothing
    let mut said = Vec::new();
    let _ = timeout(DEADLINE, stream.take(MAX_TEXT).read_to_end(&mut said)).await;
    if said.is_empty()
        && let Some(pid) = peer.pid()
    {
        said = format!("process {pid}, which does not say more").into_bytes();
    }
    Some(Holder::Oracle(lock::words(&said)))
}

async fn connect(name: &str) -> io::Result<UnixStream> {
    loop {
        match UnixStream::connect(format!("\0{name}")).await {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => sleep(PAUSE).await,
            done => return done,
        }
    }
}

fn stranger(name: &str, who: &str) -> Holder {
    Holder::Stranger(SafeText::new(&format!(
        "{who} has taken the name @{name}, by which the oracles of this machine find each other. It is no oracle of this user \
         and stops nothing, but another oracle for this account is kept away by the locks of its directories and by the \
         account's nonce alone. `ss -xlp` shows the process: end it, and start the oracle again"
    )))
}

impl Drop for Name {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        // wakes the thread, which gives the name back
        if rustix::net::shutdown(&self.listener, rustix::net::Shutdown::Both).is_ok()
            && let Some(answers) = self.answers.take()
        {
            let _ = answers.join();
        }
    }
}
