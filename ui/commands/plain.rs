//! `console --plain`, where no engine runs yet.

use casimir_dkg::config::{self, LoadOptions};

use super::{oracle, serve};
use crate::exit::Outcome;
use crate::headless::Signals;
use crate::log::{self, Also};
use crate::person;
use crate::plain::{self, Beside, Left};

/// Starts an engine, and ends with it.
pub(super) fn start(options: &LoadOptions) -> anyhow::Result<Outcome> {
    let config = config::load(options)?;
    let _guard = log::init(&config.log, Also::Memory)?;
    let signer = oracle::open_signer(&config)?;
    serve(async {
        let mut signals = Signals::take();
        let started = oracle::start(config, signer, Vec::new()).await?;
        show(started.running, &plain::Nothing, &mut signals).await
    })
}

/// Reads lines until the user leaves, then ends with the engine.
pub(super) async fn show(
    running: casimir_dkg::engine::service::Running,
    beside: &impl Beside,
    signals: &mut Signals,
) -> anyhow::Result<Outcome> {
    match plain::run(running.handle.clone(), person::identity(), beside, signals, true).await {
        Left::Forced => Ok(Outcome::Forced),
        Left::Quit | Left::EngineGone => {
            running.wait().await?;
            Ok(Outcome::Success)
        }
    }
}
