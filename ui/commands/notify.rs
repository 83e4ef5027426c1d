//! `notify test`: whether notices arrive, tried out for everybody who is configured.

use casimir_dkg::config::{self, LoadOptions};
use casimir_dkg::engine::notices::Recipient;
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
    let mut meant = notices.to;
    if let Some(name) = to {
        meant.retain(|to| to.name == *name);
        if meant.is_empty() {
            anyhow::bail!("nobody in [[notices.to]] is called \"{name}\"");
        }
    }
    if meant.is_empty() {
        anyhow::bail!("nobody is told anything: there is no [[notices.to]] in the configuration");
    }
    super::serve(async {
        let mut problems = Vec::new();
        // all at once: one that does not answer takes minutes, and one that cannot be opened is no reason not to try the rest
        let tried = meant.iter().map(|to| {
            let opened = service::receiver(to, &network, &http);
            async move {
                match opened {
                    Ok(told) => {
                        let failed = told.notifier.notify(&notice()).await.err();
                        (Some(told), failed.map(|error| SafeText::new(&error.to_string())))
                    }
                    Err(error) => (None, Some(error.problem)),
                }
            }
        });
        let outcomes = futures_util::future::join_all(tried).await;
        for (to, (told, problem)) in meant.iter().zip(outcomes) {
            print(&to.name, told.as_ref(), problem.as_ref(), json);
            problems.extend(problem.map(|problem| format!("{}: {problem}", to.name)));
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

/// `told` is none where the receiver could not be opened, so that nothing was sent.
fn print(name: &str, told: Option<&Recipient>, problem: Option<&SafeText>, json: bool) {
    let to = told.map(|told| told.notifier.name());
    if json {
        output::json(&json!({
            "type": "notice", "name": name, "to": to, "delivered": problem.is_none(), "problem": problem,
        }));
    } else {
        let to = to.map_or_else(String::new, |to| format!(" ({to})"));
        let words = match problem {
            None => "delivered".to_owned(),
            Some(problem) if told.is_none() => format!("not tried: {problem}"),
            Some(problem) => problem.to_string(),
        };
        output::line(&format!("{name}{to}: {words}"));
    }
}
