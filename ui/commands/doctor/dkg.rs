//! Messenger and operators.

use std::time::Duration;

use casimir_dkg::config::{Config, MessengerChoice, SelectionRule};
use casimir_dkg::http::Http;
use casimir_dkg::types::{OperatorId, OperatorRecord, RedactedUrl, SafeText};
use futures_util::future::join_all;

use super::http::get;
use super::{Finding, Report};

/// A person waits.
const DEADLINE: Duration = Duration::from_secs(10);

pub(crate) async fn examine(config: &Config, http: &Http, report: &mut Report) {
    messenger(config, http, report).await;
    report.add(access(config, http).await);
    let asked = config
        .operators
        .by_id
        .values()
        .map(|record| operator(http, record));
    let answers = join_all(asked).await;
    let reachable = answers
        .iter()
        .filter(|(_, there, _)| *there)
        .map(|(id, ..)| *id)
        .collect::<Vec<_>>();
    for (_, _, finding) in answers {
        report.add(finding);
    }
    report.add(committee(config, &reachable));
}

async fn messenger(config: &Config, http: &Http, report: &mut Report) {
    let what = "messenger";
    report.add(match &config.dkg.messenger {
        MessengerChoice::Foreign(url) => match get(http, url, "/ping", DEADLINE).await {
            Ok(answer) if answer.status == 200 => {
                let version = get(http, url, "/version", DEADLINE).await.ok();
                let version = version.and_then(|answer| version_of(&answer.body)).unwrap_or_default();
                Finding::ok(what, format!("{url} answers in {} ms, {}", answer.took.as_millis(), or_unnamed(&version)))
            }
            Ok(answer) => Finding::fail(what, format!("{url} answers {}", answer.status), "is it a messenger?"),
            Err(e) => Finding::fail(what, format!("{url}: {e}"), "is it running?"),
        },
        MessengerChoice::Embedded { listen, public_url } => {
            let reach = public_url
                .as_ref()
                .map_or_else(|| format!("http://{listen}"), ToString::to_string);
            match std::net::TcpListener::bind(listen) {
                Ok(_) if public_url.is_none() && listen.ip().is_loopback() => Finding::warn(
                    what,
                    format!("within the process, on {listen}"),
                    "operators on other hosts cannot reach it: set dkg.messenger_public_url, or dkg.messenger_url",
                ),
                Ok(_) => Finding::ok(what, format!("within the process, on {listen}, reached as {reach}")),
                Err(e) => Finding::fail(
                    what,
                    format!("cannot listen on {listen}: {e}"),
                    "is another oracle running? Else set dkg.messenger_listen",
                ),
            }
        }
    });
}

/// Who gets in at the messenger, and by what.
async fn access(config: &Config, http: &Http) -> Finding {
    let what = "messenger access";
    match &config.dkg.messenger {
        MessengerChoice::Embedded { .. } => Finding::ok(
            what,
            "our nodes prove their keys, RockX's get in at the endpoint of their [[operator]] or the address of a \
             [[messenger.operator]]; what no operator signed is not kept",
        ),
        MessengerChoice::Foreign(url) => {
            let answer = get(http, url, "/topics/default", DEADLINE).await;
            let away: Option<Vec<String>> = answer.ok().and_then(|answer| {
                let topic: serde_json::Value = serde_json::from_slice(&answer.body).ok()?;
                let known = topic.get("Subscribers")?.as_object()?;
                let ids = config.operators.by_id.keys().map(ToString::to_string);
                Some(ids.filter(|id| !known.contains_key(id)).collect())
            });
            let hint = "a messenger of this program lets a node in that proves its key, or that its own configuration lists \
                        ([[messenger.operator]]); it keeps nothing of an operator whose key it does not know";
            match away {
                Some(away) if away.is_empty() && config.dkg.initiator_key_file.is_none() => Finding::ok(
                    what,
                    "every operator is registered; without dkg.initiator_key_file a messenger that names its initiators \
                     ([[messenger.initiator]]) creates no topic for this oracle",
                ),
                Some(away) if away.is_empty() => {
                    Finding::ok(what, "every operator is registered; topics are signed")
                }
                Some(away) => Finding::warn(
                    what,
                    format!("not registered: operators {}", away.join(", ")),
                    hint,
                ),
                None => Finding::warn(what, "who is registered could not be found out", hint),
            }
        }
    }
}

async fn operator(http: &Http, record: &OperatorRecord) -> (OperatorId, bool, Finding) {
    let what = format!("operator {}", record.id);
    let url = RedactedUrl::new(&record.endpoint);
    let (ping, version) = tokio::join!(
        get(http, &url, "/ping", DEADLINE),
        get(http, &url, "/version", DEADLINE)
    );
    let there = matches!(&ping, Ok(answer) if answer.status == 200);
    let finding = match ping {
        Ok(answer) if answer.status == 200 => {
            let version = version
                .ok()
                .and_then(|answer| version_of(&answer.body))
                .unwrap_or_default();
            let found = format!(
                "{} {url} answers in {} ms, {}",
                record.name,
                answer.took.as_millis(),
                or_unnamed(&version)
            );
            if record.public_key.is_empty() {
                Finding::warn(
                    &what,
                    found,
                    "its public key will be asked from operators.ssv_api",
                )
            } else {
                Finding::ok(&what, found)
            }
        }
        Ok(answer) => Finding::warn(
            &what,
            format!("{url} answers {}", answer.status),
            "is it an operator's node?",
        ),
        Err(e) => Finding::warn(
            &what,
            format!("{url}: {e}"),
            "no ceremony with it can be started now",
        ),
    };
    (record.id, there, finding)
}

/// One operator that is away is a warning; a committee that cannot be formed is a failure.
fn committee(config: &Config, reachable: &[OperatorId]) -> Finding {
    let what = "committee";
    let hint = "no deposit can be served until they are back, or the selection is changed";
    match &config.selection.rule {
        SelectionRule::Fixed(ids) => {
            let away: Vec<String> = ids
                .iter()
                .filter(|id| !reachable.contains(id))
                .map(ToString::to_string)
                .collect();
            if away.is_empty() {
                Finding::ok(what, format!("all {} of the fixed committee answer", ids.len()))
            } else {
                Finding::fail(what, format!("operators {} do not answer", away.join(", ")), hint)
            }
        }
        SelectionRule::Choose { from, size } => {
            let there = from.iter().filter(|id| reachable.contains(id)).count();
            let found = format!("{there} of {} candidates answer, {size} are needed", from.len());
            if there < *size {
                Finding::fail(what, found, hint)
            } else {
                Finding::ok(what, found)
            }
        }
    }
}

fn version_of(body: &[u8]) -> Option<SafeText> {
    let value: serde_json::Value = serde_json::from_slice(body).ok()?;
    value.get("version")?.as_str().map(SafeText::new)
}

fn or_unnamed(version: &SafeText) -> String {
    match version.as_str() {
        "" => "of unnamed version".to_owned(),
        version => format!("version {version}"),
    }
}
