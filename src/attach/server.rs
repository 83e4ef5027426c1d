//! The engine's side: it lets seats in.

use std::io;
use std::os::unix::fs::{DirBuilderExt as _, FileTypeExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::net::unix::UCred;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;
use tokio::task::{JoinHandle, JoinSet, spawn_blocking};

use super::door::{Admission, Door, Strangers, turn_away};
use super::seat_limits::{SeatLimits, SeatPermit};
use super::{AttachError, Person, Role, seat};
use crate::config::Access;
use crate::engine::EngineHandle;
use crate::log_limit::LogLimit;
use crate::types::{SafeText, UnixMillis};
use crate::view::Seated;

static TAKEN: LogLimit = LogLimit::usual();
static REFUSED: LogLimit = LogLimit::usual();

/// Look-ups of persons that run at the same time. A list that is kept on a network answers when it likes, and whoever was
/// sent away meanwhile still waits for it on a thread.
const LOOKUPS: usize = 8;

/// Which engine this is.
#[derive(Debug, Clone)]
pub struct About {
    /// Since when it runs.
    pub since: UnixMillis,
    /// The owner of its process, as the system says.
    pub run_by: Person,
}

impl About {
    /// What a seat is told of itself, and of this engine.
    fn seated(&self, person: &Person, role: Role) -> Seated {
        Seated {
            you: SafeText::new(&person.to_string()),
            may_decide: role == Role::Approve,
            process: std::process::id(),
            run_by: SafeText::new(&self.run_by.to_string()),
            since: self.since,
        }
    }
}

/// A socket that is open; gone with this.
#[derive(Debug)]
pub struct Listening {
    path: PathBuf,
    file: Arc<Bound>,
    task: JoinHandle<()>,
    obstacle: Option<SafeText>,
}

impl Listening {
    /// Why the configured group cannot reach it all the same.
    #[must_use]
    pub fn obstacle(&self) -> Option<&SafeText> {
        self.obstacle.as_ref()
    }

    /// Where.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.task.abort();
        if self.file.is_at(&self.path) {
            // a file that stays is taken over by the next engine
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// Opens the socket and lets seats in until what this returns is dropped.
///
/// # Errors
/// Another engine listens there; what stands there is no socket; the file cannot be made, or not be opened to the configured group.
pub async fn listen(
    path: &Path,
    access: Access,
    about: About,
    engine: EngineHandle,
) -> Result<Listening, AttachError> {
    let access = Arc::new(access);
    let (lists, run_by) = (Arc::clone(&access), about.run_by.uid);
    let judge: Judge = Arc::new(move |peer| admit(peer, &lists, run_by));
    listen_by(path, access, judge, about, engine).await
}

/// The same with another judge of who comes.
pub(super) async fn listen_by(
    path: &Path,
    access: Arc<Access>,
    judge: Judge,
    about: About,
    engine: EngineHandle,
) -> Result<Listening, AttachError> {
    let file = Arc::<Bound>::default();
    let listener = bind(path, &access, &file).await?;
    let obstacle = {
        let (access, path) = (Arc::clone(&access), path.to_owned());
        looked_up(move || access.obstacle(&path)).await.ok().flatten()
    };
    let socket = Socket {
        path: path.to_owned(),
        file: Arc::clone(&file),
        listener,
        complaint: None,
    };
    let task = tokio::spawn(admit_all(socket, access, judge, about, engine));
    Ok(Listening {
        path: path.to_owned(),
        file,
        task,
        obstacle,
    })
}

/// Device and inode of the socket's file: it may be removed, and another engine may have taken its place.
#[derive(Debug, Default)]
struct Bound(Mutex<(u64, u64)>);

impl Bound {
    fn number(path: &Path) -> io::Result<(u64, u64)> {
        std::fs::symlink_metadata(path).map(|found| (found.dev(), found.ino()))
    }

    fn is_at(&self, path: &Path) -> bool {
        let bound = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Self::number(path).is_ok_and(|now| now == bound)
    }

    fn set(&self, number: (u64, u64)) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = number;
    }
}

/// What takes a look at the system's lists, off the threads that serve everybody.
async fn looked_up<T: Send + 'static>(look: impl FnOnce() -> T + Send + 'static) -> io::Result<T> {
    spawn_blocking(look).await.map_err(io::Error::other)
}

async fn bind(path: &Path, access: &Arc<Access>, file: &Bound) -> Result<UnixListener, AttachError> {
    let failed = |error| AttachError::Io {
        path: path.to_owned(),
        error,
    };
    let own_directory = make_directory(path).map_err(failed)?;
    take_over(path).await?;
    let listener = UnixListener::bind(path).map_err(failed)?;
    let (lists, socket) = (Arc::clone(access), path.to_owned());
    let own_directory = own_directory.map(Path::to_owned);
    let opened = looked_up(move || lists.open(&socket, own_directory.as_deref())).await;
    opened.map_err(failed)??;
    file.set(Bound::number(path).map_err(failed)?);
    Ok(listener)
}

/// Whether the socket is still where seats look for it is looked at this often: a session that ends takes its directory
/// along, and whoever tidies up what is old removes sockets, too.
const LOOK: Duration = if cfg!(test) {
    Duration::from_millis(50)
} else {
    Duration::from_secs(3)
};

/// Where seats come in, for as long as the engine runs.
struct Socket {
    path: PathBuf,
    file: Arc<Bound>,
    listener: UnixListener,
    /// Why it could not be opened anew, as it was said.
    complaint: Option<SafeText>,
}

impl Socket {
    /// The next who comes. Where the file is gone, another one is made; those who sit go on sitting.
    async fn accept(&mut self, access: &Arc<Access>) -> io::Result<UnixStream> {
        loop {
            tokio::select! {
                came = self.listener.accept() => return came.map(|(stream, _)| stream),
                () = tokio::time::sleep(LOOK) => {
                    if !self.file.is_at(&self.path) {
                        self.open_anew(access).await;
                    }
                }
            }
        }
    }

    async fn open_anew(&mut self, access: &Arc<Access>) {
        let socket = self.path.display();
        match bind(&self.path, access, &self.file).await {
            Ok(listener) => {
                self.listener = listener;
                self.complaint = None;
                tracing::warn!(target: "attach", %socket, "the socket's file was removed or replaced; it is made again");
            }
            Err(error) => {
                let words = SafeText::new(&error.to_string());
                if self.complaint.as_ref() != Some(&words) {
                    tracing::warn!(target: "attach", %socket, "the socket's file was removed or replaced, and nobody can attach: {words}");
                }
                self.complaint = Some(words);
            }
        }
    }
}

/// Name of the directory that is the engine's own, wherever it is.
pub(super) const OWN: &str = "casimir-dkg";

/// Makes the socket's directory where it is missing, for its owner alone; tells it where it is the engine's own: an engine
/// that had no group yet, or another one, may have made it.
fn make_directory(path: &Path) -> io::Result<Option<&Path>> {
    let Some(directory) = path
        .parent()
        .filter(|directory| !directory.as_os_str().is_empty())
    else {
        return Ok(None);
    };
    if let Ok(found) = std::fs::metadata(directory) {
        let is_ours = directory.ends_with(OWN) && found.uid() == nix::unistd::geteuid().as_raw();
        return Ok(is_ours.then_some(directory));
    }
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(directory)?;
    Ok(Some(directory))
}

/// Removes the socket that a killed engine left; refuses where one answers. Linux refuses connections to whatever is no
/// socket, too: such a file is somebody's, and stays.
async fn take_over(path: &Path) -> Result<(), AttachError> {
    let failed = |error| AttachError::Io {
        path: path.to_owned(),
        error,
    };
    match UnixStream::connect(path).await {
        Ok(_) => Err(AttachError::Taken(path.to_owned())),
        // so many wait there that one listens
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Err(AttachError::Taken(path.to_owned())),
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            let found = std::fs::symlink_metadata(path).map_err(failed)?;
            if !found.file_type().is_socket() {
                return Err(AttachError::NoSocket(path.to_owned()));
            }
            std::fs::remove_file(path).map_err(failed)
        }
        // a link to nothing stands in the way; whatever else is wrong, binding says so
        Err(_) if std::fs::symlink_metadata(path).is_ok_and(|found| found.is_symlink()) => {
            Err(AttachError::NoSocket(path.to_owned()))
        }
        Err(_) => Ok(()),
    }
}

/// Who is there, and what they may do here; else why not. It may wait for the system's lists.
pub(super) type Judge = Arc<dyn Fn(UCred) -> Result<(Person, Role), SafeText> + Send + Sync>;

/// What everybody who comes is judged by.
struct Host {
    judge: Judge,
    lookups: Arc<Semaphore>,
    about: About,
    engine: EngineHandle,
    places: Arc<SeatLimits>,
    strangers: Strangers,
}

impl Host {
    /// From the accepted connection to its end.
    async fn receive(&self, stream: UnixStream, peer: UCred, admission: Arc<Admission>) {
        let (person, role) = match self.admit(peer).await {
            Ok(admitted) => admitted,
            Err(why) => {
                tell_refusal(&why);
                self.strangers.remember((peer.uid(), peer.gid()), &why);
                return turn_away(stream, why);
            }
        };
        let sits = || {
            admission.greets().then(|| {
                let place = OccupiedSeat::at(&self.places, &person, role)?;
                let seat = self.engine.seat(person.identity());
                Ok((place, seat, self.about.seated(&person, role)))
            })
        };
        if let Err(error) = seat::serve(stream, sits).await {
            tracing::debug!(target: "attach", %error, "a seat ended");
        }
    }

    async fn admit(&self, peer: UCred) -> Result<(Person, Role), SafeText> {
        let unknown = |why: &str| SafeText::new(&format!("the system does not say who you are: {why}"));
        let turn = Arc::clone(&self.lookups).acquire_owned().await;
        let turn = turn.map_err(|error| unknown(&error.to_string()))?;
        let judge = Arc::clone(&self.judge);
        let judged = looked_up(move || {
            let judged = judge(peer);
            drop(turn);
            judged
        });
        let judged = judged.await;
        judged.unwrap_or_else(|died| Err(unknown(&died.to_string())))
    }
}

async fn admit_all(
    mut socket: Socket,
    access: Arc<Access>,
    judge: Judge,
    about: About,
    engine: EngineHandle,
) {
    let host = Arc::new(Host {
        judge,
        lookups: Arc::new(Semaphore::new(LOOKUPS)),
        about,
        engine,
        places: Arc::default(),
        strangers: Strangers::default(),
    });
    let mut seats = JoinSet::new();
    let mut door = Door::default();
    loop {
        while seats.try_join_next().is_some() {}
        let stream = match socket.accept(&access).await {
            Ok(stream) => stream,
            Err(error) => {
                // no descriptor left: those that are there go on, and one of them ends at some time
                tracing::warn!(target: "attach", %error, "a seat could not be taken");
                tokio::time::sleep(Duration::from_secs(1)).await;
                continue;
            }
        };
        // who it is costs nothing to ask; the rest takes a look at the system's lists
        let Ok(peer) = stream.peer_cred() else {
            turn_away(stream, SafeText::new("the system does not say who you are"));
            continue;
        };
        if let Some(why) = host.strangers.why_not((peer.uid(), peer.gid())) {
            tell_refusal(&why);
            turn_away(stream, why);
            // accepting is always ready then: others have their turn
            tokio::task::yield_now().await;
            continue;
        }
        let admission = Arc::<Admission>::default();
        let (host, passes) = (Arc::clone(&host), Arc::clone(&admission));
        let task = seats.spawn(async move { host.receive(stream, peer, passes).await });
        door.enters(peer.uid(), task, admission);
    }
}

/// Somebody at a seat, from the greeting on; the seat is free again when this is dropped.
pub(super) struct OccupiedSeat {
    person: String,
    _place: SeatPermit,
}

impl OccupiedSeat {
    fn at(places: &Arc<SeatLimits>, person: &Person, role: Role) -> Result<Self, SafeText> {
        let place = SeatLimits::take(places, person.uid, role).inspect_err(tell_refusal)?;
        if let Some(left_out) = TAKEN.line() {
            tracing::info!(target: "attach", who = %person, %role, left_out, "a seat was taken");
        }
        Ok(Self {
            person: person.to_string(),
            _place: place,
        })
    }
}

impl Drop for OccupiedSeat {
    fn drop(&mut self) {
        if let Some(left_out) = TAKEN.line() {
            tracing::info!(target: "attach", who = %self.person, left_out, "a seat was left");
        }
    }
}

fn tell_refusal(why: &SafeText) {
    if let Some(left_out) = REFUSED.line() {
        tracing::warn!(target: "attach", %why, left_out, "a seat was refused");
    }
}

fn admit(peer: UCred, access: &Access, engine_uid: u32) -> Result<(Person, Role), SafeText> {
    let person = Person::at(peer);
    match access.role(&person, engine_uid) {
        Some(role) => Ok((person, role)),
        None => Err(SafeText::new(&format!(
            "{person} is neither in attach.view nor in attach.approve of the engine's configuration"
        ))),
    }
}
