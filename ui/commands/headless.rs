//! `headless`: the engine without a screen.

use casimir_dkg::config::{self, LoadOptions};

use super::{oracle, serve};
use crate::exit::Outcome;
use crate::headless::{self, Ending, Form, Signals};
use crate::log::{self, Also};
use crate::output;

pub(crate) fn run(options: &LoadOptions, json: bool) -> anyhow::Result<Outcome> {
    let config = config::load(options)?;
    let _guard = log::init(&config.log, if json { Also::StderrJson } else { Also::Stderr })?;
    let signer = oracle::open_signer(&config)?;
    output::outlive_reader();
    serve(async {
        let mut signals = Signals::install()?;
        let started = tokio::select! {
            started = oracle::start(config, signer, Vec::new()) => started?,
            // nothing has left this machine yet
            _ = signals.next() => return Ok(Outcome::Success),
        };
        let form = if json { Form::Json } else { Form::Text };
        let ending = headless::run(started.running.handle.clone(), &mut signals, form, |_| false).await;
        finish(started.running, ending).await
    })
}

/// Ends with the engine: its own error says why it stopped by itself.
pub(crate) async fn finish(
    running: casimir_dkg::engine::service::Running,
    ending: Ending,
) -> anyhow::Result<Outcome> {
    match ending {
        Ending::Forced => Ok(Outcome::Forced),
        Ending::Finished | Ending::Stopped | Ending::EngineGone => {
            running.wait().await?;
            Ok(Outcome::Success)
        }
    }
}
