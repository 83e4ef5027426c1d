//! Operators, and whatever relays between them, as their backend finds them.

use std::time::Duration;

use casimir_dkg::config::{Config, SelectionRule};
use casimir_dkg::engine::service::{self, Examined};
use casimir_dkg::http::Http;
use casimir_dkg::ports::{Answer, OperatorHealth, Presence};
use casimir_dkg::types::{OperatorId, OperatorRecord, RedactedUrl, SafeText};

use super::{Finding, Report};

/// A person waits.
const DEADLINE: Duration = Duration::from_secs(10);

pub(crate) async fn examine(config: &Config, http: &Http, report: &mut Report) {
    let health = match service::health(config, http, DEADLINE).await {
        Ok(health) => health,
        Err(error) => return report.add(Finding::fail("DKG backend", error.to_string(), "set dkg.backend")),
    };
    for examined in &health.other {
        report.add(other(examined));
    }
    for operator in &health.operators {
        let keyless = health.keyless.get(&operator.id);
        report.add(one(config.operators.by_id.get(&operator.id), operator, keyless));
    }
    report.add(committee(config, &health.operators));
}

/// Nobody proves to be absent: what is not known is a warning.
fn other(examined: &Examined) -> Finding {
    let Examined { what, found, hint } = examined;
    let hint = hint.unwrap_or_default();
    match found {
        Answer::Yes(found) if hint.is_empty() => Finding::ok(what, found.as_str()),
        Answer::Yes(found) => Finding::warn(what, found.as_str(), hint),
        Answer::No(evidence) => Finding::fail(what, evidence.to_string(), hint),
        Answer::NotKnown(why) => Finding::warn(what, why.to_string(), hint),
    }
}

fn one(record: Option<&OperatorRecord>, health: &OperatorHealth, keyless: Option<&SafeText>) -> Finding {
    let what = format!("operator {}", health.id);
    let url = record.map(|record| RedactedUrl::new(&record.endpoint).to_string());
    let url = url.unwrap_or_default();
    match &health.answers {
        Answer::Yes(presence) => {
            let name = record.map(|record| record.name.as_str()).unwrap_or_default();
            let found = format!("{name} {url} {}", there(presence));
            match keyless {
                Some(why) => Finding::warn(
                    &what,
                    format!("{found}; its key is not known: {why}"),
                    "no ceremony begins before it is: configure its public_key, or look at operators.ssv_api",
                ),
                None => Finding::ok(&what, found),
            }
        }
        Answer::No(evidence) if record.is_none() => {
            Finding::fail(&what, evidence.to_string(), "add it as an [[operator]]")
        }
        Answer::No(evidence) => away(&what, format!("{url} {evidence}")),
        Answer::NotKnown(why) => away(&what, format!("{url} {why}")),
    }
}

/// One operator that is away is the operator's matter; what it means for us, the line of the committee says.
fn away(what: &str, found: String) -> Finding {
    let hint = "is its node running? No ceremony with it can be started now";
    Finding::warn(what, found, hint)
}

fn there(presence: &Presence) -> String {
    let version = match presence.version.as_ref().map(SafeText::as_str) {
        None | Some("") => "of unnamed version".to_owned(),
        Some(version) => format!("version {version}"),
    };
    format!("answers in {} ms, {version}", presence.latency.as_millis())
}

/// A committee that cannot be formed is a failure; one that waits for somebody who gives no answer now is a warning.
fn committee(config: &Config, operators: &[OperatorHealth]) -> Finding {
    let what = "committee";
    let hint = "no deposit can be served until they answer, or the selection is changed";
    let answer = |id: &OperatorId| operators.iter().find(|health| health.id == *id);
    let there = |id: &&OperatorId| answer(id).is_some_and(|health| health.presence().is_some());
    let may_come = |id: &&OperatorId| {
        matches!(
            answer(id).map(|health| &health.answers),
            Some(Answer::Yes(_) | Answer::NotKnown(_))
        )
    };
    let (from, size, found) = match &config.selection.rule {
        SelectionRule::Fixed(ids) => {
            let away: Vec<String> = ids
                .iter()
                .filter(|id| !there(id))
                .map(ToString::to_string)
                .collect();
            let found = match away.is_empty() {
                true => format!("all {} of the fixed committee answer", ids.len()),
                false => format!("operators {} do not answer", away.join(", ")),
            };
            (ids, ids.len(), found)
        }
        SelectionRule::Choose { from, size } => {
            let there = from.iter().filter(there).count();
            let found = format!("{there} of {} candidates answer, {size} are needed", from.len());
            (from, *size, found)
        }
    };
    if from.iter().filter(there).count() >= size {
        Finding::ok(what, found)
    } else if from.iter().filter(may_come).count() >= size {
        Finding::warn(what, found, hint)
    } else {
        Finding::fail(what, found, hint)
    }
}
