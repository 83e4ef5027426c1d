//! `headless`: the engine without a screen.

use casimir_dkg::config::{self, LoadOptions};

use super::{oracle, serve};
use crate::early;
use crate::exit::Outcome;
use crate::headless::{self, Ending, Form, Service, Takes};
use crate::log::{self, Also};
use crate::output;

/// The oracle decides by the rules that were read last.
const TAKES: Takes = Takes {
    own: |key| {
        !["node.", "messenger.", "ui."]
            .iter()
            .any(|of| key.starts_with(of))
    },
    anew: |key| {
        matches!(
            key,
            "policy.rule" | "policy.two_persons" | "policy.undo" | "policy.file" | "person"
        )
    },
};

pub(crate) fn run(options: &LoadOptions, json: bool) -> anyhow::Result<Outcome> {
    early::is_service();
    let begun = config::gather(options)?;
    let config = begun.oracle()?;
    let _guard = log::init(&config.log, if json { Also::StderrJson } else { Also::Stderr })?;
    log::worries(&config.worries);
    let signer = oracle::open_signer(&config)?;
    output::outlive_reader();
    serve(async {
        let mut service = Service::begin();
        let Some(started) = service.begins(oracle::start(config, signer, Vec::new())).await else {
            // nothing has left this machine yet
            return Ok(Outcome::Success);
        };
        let started = started?;
        let engine = started.running.handle.clone();
        let (reloads, options) = (started.running.reloads(), options.clone());
        service.runs_with(
            engine.clone(),
            Box::new(move || {
                let (reloads, options, begun) = (reloads.clone(), options.clone(), begun.clone());
                Box::pin(async move {
                    let now = config::gather(&options)?;
                    reloads.take(&now.oracle()?).await?;
                    Ok(TAKES.left(&begun, &now))
                })
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
