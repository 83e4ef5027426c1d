//! The engine's side: it lets seats in.

use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::net::{UnixListener, UnixStream};
use tokio::task::{JoinHandle, JoinSet};

use super::places::Places;
use super::{AttachError, Person, Role, frame, seat};
use crate::config::Access;
use crate::engine::EngineHandle;
use crate::types::{SafeText, UnixMillis};
use crate::view::{Hello, Seated, ToSeat};

/// Which engine this is.
#[derive(Debug, Clone)]
pub struct About {
    /// Since when it runs.
    pub since: UnixMillis,
    /// Who runs it.
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
    /// Device and inode of the socket's file: another engine may have taken its place.
    file: (u64, u64),
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
        if std::fs::metadata(&self.path).is_ok_and(|now| (now.dev(), now.ino()) == self.file) {
            // a file that stays is taken over by the next engine
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// Opens the socket and lets seats in until what this returns is dropped.
///
/// # Errors
/// Another engine listens there; the file cannot be made, or not be opened to the configured group.
pub async fn listen(
    path: &Path,
    access: Access,
    about: About,
    engine: EngineHandle,
) -> Result<Listening, AttachError> {
    let failed = |error| AttachError::Io {
        path: path.to_owned(),
        error,
    };
    let own_directory = make_directory(path).map_err(failed)?;
    take_over(path).await?;
    let listener = UnixListener::bind(path).map_err(failed)?;
    access.open(path, own_directory)?;
    let obstacle = access.obstacle(path);
    let file = std::fs::metadata(path).map_err(failed)?;
    let task = tokio::spawn(admit_all(listener, Arc::new(access), about, engine));
    Ok(Listening {
        path: path.to_owned(),
        file: (file.dev(), file.ino()),
        task,
        obstacle,
    })
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

/// Removes the file that a killed engine left; refuses where one answers.
async fn take_over(path: &Path) -> Result<(), AttachError> {
    match UnixStream::connect(path).await {
        Ok(_) => Err(AttachError::Taken(path.to_owned())),
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            std::fs::remove_file(path).map_err(|error| AttachError::Io {
                path: path.to_owned(),
                error,
            })
        }
        // not there; whatever else is wrong, binding says so
        Err(_) => Ok(()),
    }
}

async fn admit_all(listener: UnixListener, access: Arc<Access>, about: About, engine: EngineHandle) {
    let places = Arc::new(Places::default());
    let mut seats = JoinSet::new();
    loop {
        while seats.try_join_next().is_some() {}
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                // no descriptor left: those that are there go on, and one of them ends at some time
                tracing::warn!(target: "attach", %error, "a seat could not be taken");
                tokio::time::sleep(std::time::Duration::from_secs(1)).await;
                continue;
            }
        };
        let (access, about, engine) = (access.clone(), about.clone(), engine.clone());
        let places = places.clone();
        seats.spawn(async move {
            let admitted = admit(&stream, &access, &about).and_then(|(person, role)| {
                let place = Places::take(&places, person.uid, role)?;
                Ok((person, role, place))
            });
            let ended = match admitted {
                Ok((person, role, place)) => {
                    let seated = about.seated(&person, role);
                    tracing::info!(target: "attach", who = %person, %role, "a seat was taken");
                    let seat = engine.seat(person.identity());
                    let ended = seat::serve(stream, seat, seated).await;
                    drop(place);
                    tracing::info!(target: "attach", who = %person, "a seat was left");
                    ended
                }
                Err(why) => {
                    tracing::warn!(target: "attach", %why, "a seat was refused");
                    refuse(stream, why).await
                }
            };
            if let Err(error) = ended {
                tracing::debug!(target: "attach", %error, "a seat ended");
            }
        });
    }
}

/// Who is there, and what they may do here; else why not.
fn admit(stream: &UnixStream, access: &Access, about: &About) -> Result<(Person, Role), SafeText> {
    let unknown = |error: io::Error| SafeText::new(&format!("the system does not say who you are: {error}"));
    let person = Person::at(stream).map_err(unknown)?;
    match access.role(&person, about.run_by.uid) {
        Some(role) => Ok((person, role)),
        None => Err(SafeText::new(&format!(
            "{person} is neither in attach.view nor in attach.approve of the engine's configuration"
        ))),
    }
}

async fn refuse(mut stream: UnixStream, why: SafeText) -> io::Result<()> {
    let words = async {
        frame::write(&mut stream, &ToSeat::Hello(Hello::of_this_program())).await?;
        frame::write(&mut stream, &ToSeat::NotAdmitted(why)).await
    };
    tokio::time::timeout(seat::WRITE, words).await?
}
