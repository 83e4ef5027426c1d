//! The engine's socket, from both sides: opened beside an engine of this process, looked for when another may run.

use std::path::PathBuf;

use casimir_dkg::attach::{self, About, AttachError, Attached, Listening, Person, Surroundings};
use casimir_dkg::config::SeatConfig;
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

/// The engine at the given socket, or the one that the configuration leads to. None: nobody listens there.
///
/// # Errors
/// Somebody listens and cannot be spoken with.
pub(crate) async fn find(paths: &[PathBuf]) -> Result<Option<Attached>, AttachError> {
    for path in paths {
        match attach::attach(path).await {
            Ok(attached) => return Ok(Some(attached)),
            Err(AttachError::NoEngine(_)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(None)
}

/// Why the configured group cannot reach the engine that runs here, wherever it listens.
pub(crate) fn obstacle(config: &SeatConfig) -> Option<SafeText> {
    let here = places(config).into_iter().find(|path| path.exists())?;
    config.attach.access.obstacle(&here)
}

/// Where an engine may listen.
pub(crate) fn places(config: &SeatConfig) -> Vec<PathBuf> {
    attach::candidates(&Surroundings::of_process(), config)
}
