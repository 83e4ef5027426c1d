//! The engine's socket, from both sides: opened beside an engine of this process, looked for when another may run.

use std::io;
use std::path::PathBuf;

use casimir_dkg::attach::{self, About, AttachError, Attached, Listening, Person, Surroundings};
use casimir_dkg::config::{SeatConfig, Socket};
use casimir_dkg::engine::EngineHandle;
use casimir_dkg::types::{SafeText, UnixMillis};

use crate::output;

/// Opens the socket of an engine that runs here. What is wrong with the socket does not stop the engine: it is said.
pub(crate) async fn open(config: &SeatConfig, engine: &EngineHandle) -> Option<Listening> {
    let path = attach::place(&Surroundings::of_process(), config)?;
    let about = About {
        since: UnixMillis::now(),
        run_by: Person::of_this_process(),
    };
    match attach::listen(&path, config.attach.access.clone(), about, engine.clone()).await {
        Ok(listening) => {
            tracing::info!(target: "attach", socket = %path.display(), "consoles and commands can attach");
            if let Some(obstacle) = listening.obstacle() {
                tracing::warn!(target: "attach", "{obstacle}");
                output::note(obstacle.as_str());
            }
            Some(listening)
        }
        Err(error) => {
            let words = SafeText::new(&format!("nobody can attach to this engine: {error}"));
            tracing::warn!(target: "attach", "{words}");
            output::note(words.as_str());
            None
        }
    }
}

/// Where an engine is looked for.
#[derive(Debug)]
pub(crate) struct Places {
    pub(crate) paths: Vec<PathBuf>,
    /// By a flag or by the configuration: no guess, so that what is wrong there is said.
    pub(crate) named: bool,
}

/// What was found where an engine may listen.
#[derive(Debug)]
pub(crate) enum Found {
    Engine(Attached),
    /// Nobody listens there; with what could not be looked at, in words that go after "here", or nothing.
    Nobody(String),
}

/// The engine at the given socket, or the one that the configuration leads to.
///
/// # Errors
/// Somebody listens and cannot be spoken with, or the place that was named cannot be looked at.
pub(crate) async fn find(places: &Places) -> Result<Found, AttachError> {
    let mut hidden = Vec::new();
    let mut closed = None;
    for path in &places.paths {
        match attach::attach(path).await {
            Ok(attached) => return Ok(Found::Engine(attached)),
            Err(AttachError::NoEngine(_)) => {}
            Err(error) => match judged(&error, std::fs::metadata(path).map(drop), places.named) {
                Judged::Hidden => hidden.push(path.display().to_string()),
                Judged::Closed => closed = closed.or(Some(error)),
                Judged::Wrong => return Err(error),
            },
        }
    }
    match closed {
        Some(error) => Err(error),
        None => Ok(Found::Nobody(remark(&hidden, &Person::of_this_process()))),
    }
}

/// What an error at one place says of an engine there.
#[derive(Debug, PartialEq, Eq)]
enum Judged {
    /// This person may not even see whether there is a socket: the directory of a service is shut, also while none runs.
    Hidden,
    /// There is a socket, and not for this person. Another place may have one that is.
    Closed,
    Wrong,
}

fn judged(error: &AttachError, seen: io::Result<()>, named: bool) -> Judged {
    let denied = |error: &io::Error| error.kind() == io::ErrorKind::PermissionDenied;
    match error {
        AttachError::Shut { .. } if !named => Judged::Closed,
        AttachError::Io { error, .. } if !named && denied(error) => match seen {
            Err(error) if denied(&error) => Judged::Hidden,
            _ => Judged::Closed,
        },
        _ => Judged::Wrong,
    }
}

fn remark(hidden: &[String], me: &Person) -> String {
    match hidden {
        [] => String::new(),
        _ => format!(" ({} cannot be looked into as {me})", hidden.join(", ")),
    }
}

/// Why the configured group cannot reach the engine that runs here, wherever it listens.
pub(crate) fn obstacle(config: &SeatConfig) -> Option<SafeText> {
    let here = places(config).paths.into_iter().find(|path| path.exists())?;
    config.attach.access.obstacle(&here)
}

/// Where an engine may listen.
pub(crate) fn places(config: &SeatConfig) -> Places {
    Places {
        paths: attach::candidates(&Surroundings::of_process(), config),
        named: matches!(config.attach.socket, Socket::At(_)),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn denied() -> io::Error {
        io::ErrorKind::PermissionDenied.into()
    }

    fn refused(error: io::Error) -> AttachError {
        let path = PathBuf::from("/var/lib/casimir-dkg/oracle.sock");
        AttachError::Io { path, error }
    }

    #[test]
    fn what_may_not_be_looked_into_is_nobody_unless_it_was_named() {
        let error = refused(denied());
        assert_eq!(judged(&error, Err(denied()), false), Judged::Hidden);
        assert_eq!(judged(&error, Err(denied()), true), Judged::Wrong);
        // an engine is there, and lets this person not in
        assert_eq!(judged(&error, Ok(()), false), Judged::Closed);
        let other = refused(io::ErrorKind::InvalidInput.into());
        assert_eq!(judged(&other, Err(denied()), false), Judged::Wrong);
        let me = Person::of_this_process();
        let words = remark(&["/var/lib/casimir-dkg/oracle.sock".to_owned()], &me);
        assert!(
            words.ends_with(&format!("oracle.sock cannot be looked into as {me})")),
            "{words}"
        );
        assert_eq!(remark(&[], &me), "");
    }

    /// The superuser sees what is in it: then there is nobody all the same.
    #[tokio::test]
    async fn a_directory_that_is_shut_has_nobody_in_it() {
        let folder = tempfile::tempdir().unwrap();
        let shut = folder.path().join("shut");
        std::fs::create_dir(&shut).unwrap();
        std::fs::set_permissions(&shut, std::fs::Permissions::from_mode(0o0)).unwrap();
        let seen = std::fs::metadata(shut.join("oracle.sock")).unwrap_err();
        let places = Places {
            paths: vec![shut.join("oracle.sock"), folder.path().join("oracle.sock")],
            named: false,
        };
        let Found::Nobody(words) = find(&places).await.unwrap() else {
            panic!("nobody listens");
        };
        let said = words.contains("shut/oracle.sock cannot be looked into");
        assert_eq!(said, seen.kind() == io::ErrorKind::PermissionDenied, "{words}");
        std::fs::set_permissions(&shut, std::fs::Permissions::from_mode(0o700)).unwrap();
    }
}
