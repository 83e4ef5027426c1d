//! `notify test`: whether notices arrive, tried out for everybody who is configured.

use casimir_dkg::config::{self, LoadOptions};
use casimir_dkg::engine::notices::Told;
use casimir_dkg::engine::service;
use casimir_dkg::http::Http;
use casimir_dkg::ports::notifier::{About, Notice, NoticeKind, NoticePhase, Severity};
use casimir_dkg::types::{SafeText, UnixMillis};
use serde_json::json;

use crate::args::NotifyCommand;
use crate::exit::{self, Outcome};
use crate::output;

pub(crate) fn run(command: &NotifyCommand, options: &LoadOptions, json: bool) -> anyhow::Result<Outcome> {
    let NotifyCommand::Test { to } = command;
    let layers = config::survey(options)?;
    let (notices, network, http) = super::part::used(layers.notices(), &layers)?;
    let http = Http::new(&http)?;
    let mut receivers = service::receivers(&notices, network, &http)?;
    if let Some(name) = to {
        receivers.retain(|told| told.name == *name);
        if receivers.is_empty() {
            anyhow::bail!("nobody in [[notices.to]] is called \"{name}\"");
        }
    }
    if receivers.is_empty() {
        anyhow::bail!("nobody is told anything: there is no [[notices.to]] in the configuration");
    }
    super::serve(async {
        let mut problems = Vec::new();
        // all at once: one that does not answer takes minutes
        let tried = receivers
            .iter()
            .map(|told| async move { (told, told.notifier.notify(&notice()).await) });
        for (told, result) in futures_util::future::join_all(tried).await {
            let problem = result.err().map(|error| SafeText::new(&error.to_string()));
            print(told, problem.as_ref(), json);
            problems.extend(problem.map(|problem| format!("{}: {problem}", told.name)));
        }
        Ok(exit::judged(None, problems))
    })
}

fn notice() -> Notice {
    let now = UnixMillis::now();
    Notice {
        kind: NoticeKind::Test,
        phase: NoticePhase::Begun,
        severity: Severity::Info,
        sentence: "this is a test: notices arrive".into(),
        advice: "nothing has to be done".into(),
        about: About::default(),
        since: now,
        at: now,
        reason: None,
        due: None,
    }
}

fn print(told: &Told, problem: Option<&SafeText>, json: bool) {
    let to = told.notifier.name();
    if json {
        output::json(&json!({
            "type": "notice", "name": told.name, "to": to, "delivered": problem.is_none(), "problem": problem,
        }));
    } else {
        let words = problem.map_or("delivered", SafeText::as_str);
        output::line(&format!("{} ({to}): {words}", told.name));
    }
}
