//! Who is there: `/ping` and `/version` of operators and messenger.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde::Deserialize;

use super::http::{CallError, call, join};
use crate::ports::{Answer, OperatorHealth, Presence};
use crate::types::{OperatorId, OperatorRecord, SafeText};

const MAX_SMALL: usize = 4 * 1024;

#[derive(Deserialize)]
struct Version {
    #[serde(default)]
    version: String,
}

/// `GET /ping` must be answered by 200; `GET /version` at the same time. Pong's text is not compared: the status decides.
pub(crate) async fn ping(
    http: &reqwest::Client,
    base: &str,
    deadline: Duration,
) -> Result<Option<SafeText>, CallError> {
    let (answer, version) = tokio::join!(
        call(http.get(join(base, "ping")), deadline, MAX_SMALL),
        call(http.get(join(base, "version")), deadline, MAX_SMALL),
    );
    let answer = answer?;
    if answer.status != 200 {
        return Err(answer.unexpected());
    }
    Ok(version
        .ok()
        .filter(|answer| answer.status == 200)
        .and_then(|answer| answer.json::<Version>().ok())
        .map(|answer| SafeText::new(&answer.version)))
}

/// Asks all of `operators` in parallel.
pub(crate) async fn ask_all(
    http: &reqwest::Client,
    operators: &[(OperatorId, Option<&OperatorRecord>)],
    deadline: Duration,
) -> Vec<OperatorHealth> {
    join_all(operators.iter().map(|(id, record)| async move {
        let begun = Instant::now();
        let answers = match record {
            None => Answer::no("not in the directory of operators"),
            Some(record) => match ping(http, &record.endpoint, deadline).await {
                Ok(version) => Answer::Yes(Presence {
                    version,
                    latency: begun.elapsed(),
                }),
                Err(error) => Answer::no(error.to_string()),
            },
        };
        OperatorHealth { id: *id, answers }
    }))
    .await
}
