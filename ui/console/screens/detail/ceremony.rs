//! A ceremony: its matrix, how it ended, and every check on its result.

use casimir_dkg::types::{CeremonyFailure, OperatorId};
use casimir_dkg::view::{CeremonyEnd, CeremonyView};

use crate::console::app::App;
use crate::console::screens::matrix;
use crate::console::theme::Token;
use crate::console::widgets::page::Page;
use crate::console::widgets::{format, status};

pub(in crate::console::screens) fn build(page: &mut Page<'_>, app: &App, ceremony: &CeremonyView) {
    for line in matrix::lines(app, ceremony, page.width() as u16) {
        page.push(line);
    }
    page.gap();
    page.status("state", status::ceremony(ceremony), "");
    page.field("request id and topic", Token::Value, ceremony.id);
    page.field("started", Token::Text, format::date(ceremony.started_at));
    if let Some((at, _)) = &ceremony.ended {
        let took = format::short(at.since(ceremony.started_at));
        page.field(
            "ended",
            Token::Text,
            format!("{}, after {took}", format::date(*at)),
        );
    }
    if let Some((since, reason)) = &ceremony.doubt {
        page.field("unknown since", Token::Danger, format::date(*since));
        page.field("why", Token::Danger, reason);
        page.text(
            Token::Text,
            "Its result is looked for, after growing pauses. It is not repeated meanwhile; the retry key declares it \
             lost.",
        );
    }
    page.field("committee", Token::Text, names(app, &ceremony.committee));
    if !ceremony.old_committee.is_empty() {
        page.field("old committee", Token::Text, names(app, &ceremony.old_committee));
    }
    match &ceremony.ended {
        Some((_, CeremonyEnd::Verified { validator })) => page.field("validator", Token::Value, validator),
        Some((_, CeremonyEnd::Failed(failure))) => why_it_failed(page, app, ceremony, failure),
        None => {}
    }
    if !ceremony.checks.is_empty() {
        page.heading("Verification");
        page.checks(&ceremony.checks, |check| check.status.into());
    }
    last_messages(page, app, ceremony);
    if let Some((file, digest)) = &ceremony.transcript {
        page.gap();
        page.field("transcript", Token::Text, file);
        page.field("its SHA-256, as journaled", Token::Value, digest);
    }
}

fn why_it_failed(page: &mut Page<'_>, app: &App, ceremony: &CeremonyView, failure: &CeremonyFailure) {
    page.heading("Why it gave no result");
    page.text(Token::Danger, failure.reason.as_str());
    if let Some(id) = &failure.round {
        let step = ceremony.steps.iter().find(|step| step.id == *id);
        let title = step.map_or(id.as_str(), |step| step.title.as_str());
        page.field("stopped in", Token::Text, title);
    }
    if !failure.culprits.is_empty() {
        page.field("caused by", Token::Danger, names(app, &failure.culprits));
    }
    for blame in &failure.blames {
        let culprit = blame
            .culprit
            .map_or_else(|| "nobody".to_owned(), |c| c.to_string());
        let (proof, token) = match blame.proven {
            true => ("proven", Token::Danger),
            false => ("not proven", Token::Warn),
        };
        let text = format!(
            "{} accuses; the evidence names {culprit}, {proof}: {}",
            blame.blamer, blame.reason
        );
        page.field("accusation", token, text);
    }
}

fn last_messages(page: &mut Page<'_>, app: &App, ceremony: &CeremonyView) {
    page.heading("Last messages");
    for (id, progress) in &ceremony.operators {
        let note = match progress.note.as_str() {
            "" => "none",
            note => note,
        };
        page.field(&names(app, &[*id]), status::operator(progress.state).token, note);
    }
}

/// `1 alpha, 2 beta`
pub(super) fn names(app: &App, ids: &[OperatorId]) -> String {
    let name = |id: &OperatorId| {
        let known = app.snapshot.operators.iter().find(|o| o.id == *id);
        match known.map(|o| o.name.as_str()).filter(|n| !n.is_empty()) {
            Some(name) => format!("{id} {name}"),
            None => id.to_string(),
        }
    };
    ids.iter().map(name).collect::<Vec<_>>().join(", ")
}
