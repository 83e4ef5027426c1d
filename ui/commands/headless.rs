//! `headless`: the engine without a screen.

use casimir_dkg::config::{self, LoadOptions};

use super::{oracle, serve};
use crate::early;
use crate::exit::Outcome;
use crate::headless::{self, Ending, Form, Service};
use crate::log::{self, Also};
use crate::output;

pub(crate) fn run(options: &LoadOptions, json: bool) -> anyhow::Result<Outcome> {
    early::is_service();
    let config = config::load(options)?;
    let _guard = log::init(&config.log, if json { Also::StderrJson } else { Also::Stderr })?;
    log::worries(&config.worries);
    let signer = oracle::open_signer(&config)?;
    output::outlive_reader();
    serve(async {
        let mut service = Service::begin();
        let started = tokio::select! {
            started = oracle::start(config, signer, Vec::new()) => started?,
            // nothing has left this machine yet
            () = service.ends() => return Ok(Outcome::Success),
        };
        let engine = started.running.handle.clone();
        let (reloads, options) = (started.running.reloads(), options.clone());
        service.runs_with(
            engine.clone(),
            Box::new(move || {
                let (reloads, options) = (reloads.clone(), options.clone());
                Box::pin(async move { Ok(reloads.take(&config::load(&options)?).await?) })
            }),
        );
        let form = if json { Form::Json } else { Form::Text };
        let ending = headless::run(engine, &mut service, form, |_| false).await;
        // who sends another signal does not want to wait
        drop(service);
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
