//! A seat's side: it makes of the socket what a front end in the engine's own process has.

use std::collections::HashMap;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::frame::{self, Lines};
use super::{AttachError, Person};
use crate::engine::{EngineHandle, EngineSide, ToEngine, channel};
use crate::types::{PoolId, SafeText};
use crate::view::{Accepted, FromSeat, Hello, Listing, Query, Refused, Reply, Seated, Snapshot, ToSeat};

/// How long the engine may take to greet, to seat and to show its state.
const GREETING: Duration = Duration::from_secs(15);

/// An engine that has told nothing for so long is asked something: nothing may have happened, or it may hang.
const QUIET: Duration = Duration::from_secs(3);

/// An engine in another process.
#[derive(Debug)]
pub struct Attached {
    /// What a front end holds of an engine. Shutting it down leaves the engine: the seat ends, the engine goes on.
    pub handle: EngineHandle,
    /// Who the engine takes this process for.
    pub seated: Seated,
}

/// A crowded door is tried again for so long, after a pause that grows from the first to the second.
const CROWDED: Duration = Duration::from_secs(8);
const AGAIN: (Duration, Duration) = (Duration::from_millis(10), Duration::from_millis(200));

/// Why there is no seat.
enum Unseated {
    /// The door has no room, or others pushed this connection out before it had greeted: nothing was said by either side.
    Crowded(AttachError),
    Refused(AttachError),
}

impl From<AttachError> for Unseated {
    fn from(error: AttachError) -> Self {
        Self::Refused(error)
    }
}

/// Whether others may be the reason that a connection was not taken, or was dropped.
fn is_crowd(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe
    )
}

/// Sits down at the engine that listens at `path`. Where others crowd the door, it comes again for some seconds.
///
/// # Errors
/// Nobody listens there, the engine is another version's, does not let this person in, or does not keep to the
/// protocol.
pub async fn attach(path: &Path) -> Result<Attached, AttachError> {
    let until = Instant::now() + CROWDED;
    let (mut pause, longest) = AGAIN;
    loop {
        match sit_down(path).await {
            Ok(attached) => return Ok(attached),
            Err(Unseated::Crowded(_)) if Instant::now() + pause < until => {}
            Err(Unseated::Crowded(error) | Unseated::Refused(error)) => return Err(error),
        }
        sleep(pause).await;
        pause = (pause * 2).min(longest);
    }
}

async fn sit_down(path: &Path) -> Result<Attached, Unseated> {
    let stream = UnixStream::connect(path)
        .await
        .map_err(|error| match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => {
                Unseated::Refused(AttachError::NoEngine(path.to_owned()))
            }
            _ if is_crowd(&error) => Unseated::Crowded(not_reached(path, error)),
            _ => Unseated::Refused(not_reached(path, error)),
        })?;
    let (read, mut write) = stream.into_split();
    let mut lines = Lines::new(read, frame::TO_SEAT);
    let greeted = timeout(GREETING, greet(path, &mut lines, &mut write)).await;
    let (seated, first) = greeted.unwrap_or_else(|_| {
        let words = format!("it took longer than {} s to answer", GREETING.as_secs());
        Err(protocol(path, &words).into())
    })?;
    let (side, handle) = channel(first);
    let (heard_to, heard) = mpsc::channel(64);
    tokio::spawn(hear(lines, heard_to));
    tokio::spawn(converse(write, side, heard));
    Ok(Attached { handle, seated })
}

/// Who may see the socket and not connect to it is told whose it is.
fn not_reached(path: &Path, error: io::Error) -> AttachError {
    let path = path.to_owned();
    let denied = error.kind() == io::ErrorKind::PermissionDenied;
    match std::fs::metadata(&path) {
        Ok(socket) if denied => AttachError::Shut {
            path,
            me: Person::of_this_process(),
            owner: Person::owns(&socket),
        },
        _ => AttachError::Io { path, error },
    }
}

fn protocol(path: &Path, why: &str) -> AttachError {
    AttachError::Protocol {
        path: path.to_owned(),
        why: SafeText::new(why),
    }
}

async fn greet(
    path: &Path,
    lines: &mut Lines<OwnedReadHalf>,
    write: &mut OwnedWriteHalf,
) -> Result<(Seated, Snapshot), Unseated> {
    let failed = |error: io::Error| AttachError::Io {
        path: path.to_owned(),
        error,
    };
    // an engine that does not take the seat may be gone before it reads this: its words say why
    let _ = frame::write(write, &FromSeat::Hello(Hello::of_this_program())).await;
    let mut seated = None;
    loop {
        let message = match lines.next::<ToSeat>().await {
            Ok(Some(message)) => message,
            Ok(None) if seated.is_none() => {
                return Err(Unseated::Crowded(protocol(
                    path,
                    "it hung up before it had greeted",
                )));
            }
            Ok(None) => return Err(protocol(path, "it hung up").into()),
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                return Err(protocol(path, &error.to_string()).into());
            }
            Err(error) if seated.is_none() && is_crowd(&error) => {
                return Err(Unseated::Crowded(failed(error)));
            }
            Err(error) => return Err(failed(error).into()),
        };
        match message {
            ToSeat::Hello(hello) => hello.check().map_err(AttachError::from)?,
            ToSeat::Seated(who) => seated = Some(who),
            ToSeat::NotAdmitted(why) => {
                let path = path.to_owned();
                return Err(AttachError::NotAdmitted { path, why }.into());
            }
            ToSeat::Snapshot(first) => {
                let seated = seated.ok_or_else(|| protocol(path, "a state before a seat"))?;
                return Ok((seated, *first));
            }
            _ => return Err(protocol(path, "an answer before a question").into()),
        }
    }
}

async fn hear(mut lines: Lines<OwnedReadHalf>, heard: mpsc::Sender<ToSeat>) {
    // a broken line ends the conversation like a broken connection: what it was about cannot be known
    while let Ok(Some(message)) = lines.next().await {
        if heard.send(message).await.is_err() {
            return;
        }
    }
}

/// Questions that wait for their answers.
#[derive(Default)]
struct Open {
    ticket: u64,
    /// A question whose answer nobody wants: that it comes is the answer.
    probe: Option<u64>,
    requests: HashMap<u64, oneshot::Sender<Reply>>,
    queries: HashMap<u64, oneshot::Sender<Result<Listing, Refused>>>,
}

/// Ends when the engine is gone, the front end is, or the front end leaves. Dropping `side` tells the front end.
async fn converse(mut write: OwnedWriteHalf, mut side: EngineSide, mut heard: mpsc::Receiver<ToSeat>) {
    let mut open = Open::default();
    let mut heard_at = Instant::now();
    loop {
        tokio::select! {
            message = heard.recv() => {
                let Some(message) = message else { return };
                heard_at = Instant::now();
                side.pulse.beat();
                let told = tell(&side, &mut open, message);
                if told == Delivery::Missed && frame::write(&mut write, &FromSeat::Again).await.is_err() {
                    return;
                }
            }
            () = sleep_until(heard_at + QUIET), if open.probe.is_none() => {
                open.ticket += 1;
                open.probe = Some(open.ticket);
                // no pool has this number: it is quickly answered, and by the engine itself
                let query = Query::Pool { pool: PoolId(0) };
                let probe = FromSeat::Read { ticket: open.ticket, query };
                if frame::write(&mut write, &probe).await.is_err() {
                    return;
                }
            }
            asked = side.asked.recv() => {
                open.ticket += 1;
                let ticket = open.ticket;
                let message = match asked {
                    None => return,
                    // who asks is what the engine's system says
                    Some(ToEngine::Request { request, reply, by: _ }) => {
                        open.requests.insert(ticket, reply);
                        FromSeat::Request { ticket, request }
                    }
                    Some(ToEngine::Read { query, reply }) => {
                        open.queries.insert(ticket, reply);
                        FromSeat::Read { ticket, query }
                    }
                    Some(ToEngine::Shutdown { reply }) => {
                        let message = SafeText::new("left; the engine goes on");
                        let _ = reply.send(Ok(Accepted { message }));
                        return;
                    }
                };
                if frame::write(&mut write, &message).await.is_err() {
                    return;
                }
            }
        }
    }
}

#[derive(PartialEq)]
enum Delivery {
    /// The front end knows.
    Yes,
    /// Changes are of a state that is not here.
    Missed,
}

fn tell(side: &EngineSide, open: &mut Open, message: ToSeat) -> Delivery {
    match message {
        ToSeat::Snapshot(snapshot) => {
            side.snapshots.send_replace(Arc::new(*snapshot));
        }
        ToSeat::Changes { since, changes } => {
            let mut snapshot = (**side.snapshots.borrow()).clone();
            if snapshot.revision != since {
                return Delivery::Missed;
            }
            changes.into_iter().for_each(|change| snapshot.apply(change));
            side.snapshots.send_replace(Arc::new(snapshot));
        }
        // nobody listens: nothing is lost
        ToSeat::Happened(transition) => drop(side.transitions.send(transition)),
        ToSeat::Answer { ticket, reply } => {
            if let Some(waits) = open.requests.remove(&ticket) {
                let _ = waits.send(reply);
            }
        }
        ToSeat::Rows { ticket, listing } => {
            open.probe = open.probe.filter(|probe| *probe != ticket);
            if let Some(waits) = open.queries.remove(&ticket) {
                let _ = waits.send(listing);
            }
        }
        ToSeat::Missed(lines) => {
            tracing::warn!(target: "attach", lines, "lines were skipped; the journal has them");
        }
        ToSeat::Hello(_) | ToSeat::Seated(_) | ToSeat::NotAdmitted(_) => {}
    }
    Delivery::Yes
}
