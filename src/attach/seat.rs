//! One seat: what it asks goes to the engine, what changes goes to it.

use std::io;
use std::sync::Arc;
use std::time::Duration;

#[cfg(target_os = "linux")]
use tokio::io::Interest;
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout};

use super::frame::{self, Lines};
use crate::engine::Seat;
use crate::types::SafeText;
use crate::view::{FromSeat, Hello, Refused, Reply, Request, Seated, Snapshot, ToSeat};

/// A seat that says nothing at first is let go.
const GREETING: Duration = Duration::from_secs(5);
/// A seat that takes no message for so long is let go.
const WRITE: Duration = Duration::from_secs(10);
/// Changes are gathered for so long: a person reads no faster, and twenty seats cost the engine nothing.
const GATHER: Duration = Duration::from_millis(50);
/// Requests that a seat may have in flight; more wait in the socket.
const ASKED: usize = 8;

/// Serves a seat until it leaves, breaks the protocol, does not read, or the engine ends. Once it has greeted it `sits` down:
/// whoever says nothing takes nobody's place. `None` from it: others made it leave the door in that moment.
pub(super) async fn serve<P>(
    stream: UnixStream,
    sits: impl FnOnce() -> Option<Result<(P, Seat, Seated), SafeText>>,
) -> io::Result<()> {
    let (read, write) = stream.into_split();
    let mut to = Writer(write);
    to.say(&ToSeat::Hello(Hello::of_this_program())).await?;
    let mut lines = Lines::new(read, frame::FROM_SEAT);
    let first = timeout(GREETING, lines.next::<FromSeat>()).await?;
    let Some(FromSeat::Hello(hello)) = first? else {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "no greeting"));
    };
    if let Err(other) = hello.check() {
        return to
            .say(&ToSeat::NotAdmitted(SafeText::new(&other.to_string())))
            .await;
    }
    let (_place, seat, seated) = match sits() {
        None => return Ok(()),
        Some(Ok(sitting)) => sitting,
        Some(Err(why)) => return to.say(&ToSeat::NotAdmitted(why)).await,
    };
    let may_decide = seated.may_decide;
    to.say(&ToSeat::Seated(seated)).await?;

    let (heard_to, heard) = mpsc::channel(ASKED);
    // a task of its own, since half a read line must not be lost when something else happens
    let reader = tokio::spawn(hear(lines, heard_to));
    let ended = converse(to, seat, may_decide, heard).await;
    reader.abort();
    ended
}

struct Writer(OwnedWriteHalf);

impl Writer {
    async fn say(&mut self, message: &ToSeat) -> io::Result<()> {
        timeout(WRITE, frame::write(&mut self.0, message)).await?
    }

    /// Waits until the other end has hung up, even behind requests that nobody has read yet.
    #[cfg(target_os = "linux")]
    async fn hung_up(&self) {
        // no priority data comes on such a socket: what is left of this interest is the other side's end
        while self
            .0
            .ready(Interest::PRIORITY)
            .await
            .is_ok_and(|ready| !ready.is_read_closed())
        {
            tokio::task::yield_now().await;
        }
    }

    /// Elsewhere a write finds it out.
    #[cfg(not(target_os = "linux"))]
    async fn hung_up(&self) {
        std::future::pending().await
    }
}

async fn hear(mut lines: Lines<OwnedReadHalf>, heard: mpsc::Sender<io::Result<FromSeat>>) {
    loop {
        let message = match lines.next().await {
            Ok(Some(message)) => Ok(message),
            Ok(None) => return,
            Err(error) => Err(error),
        };
        let last = message.is_err();
        if heard.send(message).await.is_err() || last {
            return;
        }
    }
}

async fn converse(
    mut to: Writer,
    mut seat: Seat,
    may_decide: bool,
    mut heard: mpsc::Receiver<io::Result<FromSeat>>,
) -> io::Result<()> {
    // those of a seat that has left end with it
    let mut asked = JoinSet::new();
    let mut shown: Arc<Snapshot> = seat.snapshots.borrow_and_update().clone();
    to.say(&ToSeat::Snapshot(Box::new((*shown).clone()))).await?;
    let mut due = Instant::now();
    loop {
        tokio::select! {
            biased;
            // a seat that asks faster than it is answered waits, and never the loop that answers it
            message = heard.recv(), if asked.len() < ASKED => match message {
                None => return Ok(()),
                Some(Err(error)) => return Err(error),
                Some(Ok(FromSeat::Again)) => {
                    shown = seat.snapshots.borrow_and_update().clone();
                    to.say(&ToSeat::Snapshot(Box::new((*shown).clone()))).await?;
                }
                // a second greeting says nothing new
                Some(Ok(FromSeat::Hello(_))) => {}
                Some(Ok(FromSeat::Request { ticket, request })) => {
                    let asks = seat.clone();
                    asked.spawn(async move {
                        let reply = decide(&asks, may_decide, request).await;
                        ToSeat::Answer { ticket, reply }
                    });
                }
                Some(Ok(FromSeat::Read { ticket, query })) => {
                    let asks = seat.clone();
                    asked.spawn(async move {
                        let listing = asks.read(query).await;
                        ToSeat::Rows { ticket, listing }
                    });
                }
            },
            Some(answer) = asked.join_next(), if !asked.is_empty() => {
                // one that died died with a panic, which is told where panics are told
                let answer = answer.map_err(io::Error::other)?;
                // the snapshot with what was taken was there before its answer, and stays before it
                if matches!(answer, ToSeat::Answer { .. }) && seat.snapshots.has_changed().unwrap_or(false) {
                    show(&mut to, &mut seat, &mut shown).await?;
                    due = Instant::now() + GATHER;
                }
                to.say(&answer).await?;
            }
            () = to.hung_up(), if asked.len() >= ASKED => return Ok(()),
            transition = seat.transitions.recv() => match transition {
                Ok(transition) => to.say(&ToSeat::Happened(transition)).await?,
                Err(RecvError::Lagged(missed)) => to.say(&ToSeat::Missed(missed)).await?,
                Err(RecvError::Closed) => return Ok(()),
            },
            () = sleep_until(due), if due > Instant::now() => {}
            changed = seat.snapshots.changed(), if due <= Instant::now() => {
                if changed.is_err() {
                    return Ok(());
                }
                show(&mut to, &mut seat, &mut shown).await?;
                due = Instant::now() + GATHER;
            }
        }
    }
}

/// What has changed since what was shown.
async fn show(to: &mut Writer, seat: &mut Seat, shown: &mut Arc<Snapshot>) -> io::Result<()> {
    let now = seat.snapshots.borrow_and_update().clone();
    let changes = now.changes_since(shown);
    if !changes.is_empty() {
        let since = shown.revision;
        to.say(&ToSeat::Changes { since, changes }).await?;
    }
    *shown = now;
    Ok(())
}

/// Asks the engine, or refuses in its place.
async fn decide(seat: &Seat, may_decide: bool, request: Request) -> Reply {
    if may_decide {
        return seat.request(request).await;
    }
    let words = format!(
        "{} may look and not decide: attach.approve of the engine's configuration names who may",
        seat.identity()
    );
    Err(Refused::Role(SafeText::new(&words)))
}
