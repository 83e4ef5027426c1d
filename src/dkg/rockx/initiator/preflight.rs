//! Who is there: `/ping` and `/version` of operators and messenger.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde::Deserialize;

use super::http::{CallError, endpoint, unexpected};
use crate::http::{Endpoint, Http};
use crate::ports::{Answer, OperatorHealth, Presence};
use crate::types::{OperatorId, OperatorRecord, SafeText};

const MAX_SMALL: usize = 4 * 1024;

#[derive(Deserialize)]
struct Version {
    #[serde(default)]
    version: String,
}

/// `GET /ping` must be answered by 200; `GET /version` at the same time. Pong's text is not compared: the status decides.
pub(crate) async fn ping(endpoint: &Endpoint) -> Result<Option<SafeText>, CallError> {
    let ask = |path| endpoint.get(path).at_most(MAX_SMALL).send();
    let (answer, version) = tokio::join!(ask("ping"), ask("version"));
    let answer = answer?;
    if answer.status != 200 {
        return Err(unexpected(&answer));
    }
    Ok(version
        .ok()
        .filter(|answer| answer.status == 200)
        .and_then(|answer| answer.json::<Version>().ok())
        .map(|answer| SafeText::new(&answer.version)))
}

/// Asks all of `operators` in parallel.
pub(crate) async fn ask_all(
    http: &Http,
    operators: &[(OperatorId, Option<&OperatorRecord>)],
    deadline: Duration,
) -> Vec<OperatorHealth> {
    join_all(operators.iter().map(|(id, record)| async move {
        let begun = Instant::now();
        let answers = match record {
            None => Answer::no("not in the directory of operators"),
            Some(record) => {
                let asked = match endpoint(http, &record.endpoint, deadline, MAX_SMALL) {
                    Ok(endpoint) => ping(&endpoint).await,
                    Err(error) => Err(error),
                };
                match asked {
                    Ok(version) => Answer::Yes(Presence {
                        version,
                        latency: begun.elapsed(),
                    }),
                    Err(error) => Answer::no(error.to_string()),
                }
            }
        };
        OperatorHealth { id: *id, answers }
    }))
    .await
}
