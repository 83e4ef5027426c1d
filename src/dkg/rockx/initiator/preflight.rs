//! Who is there: `/ping` and `/version` of operators and messenger.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde::{Deserialize, Serialize};

use super::http::{CallError, endpoint, unexpected};
use crate::http::{Endpoint, Http};
use crate::types::{OperatorId, OperatorRecord, SafeText};

const MAX_SMALL: usize = 4 * 1024;

/// The health of one operator's node as seen from here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OperatorHealth {
    /// Which operator.
    pub id: OperatorId,
    /// `/ping` was answered as the protocol says.
    pub reachable: bool,
    /// What `/version` says: empty text in unstamped builds, `None` when it was not answered.
    pub version: Option<SafeText>,
    /// Time to the answer of `/ping`.
    pub latency: Option<Duration>,
    /// What is wrong, in words; empty when nothing is.
    pub note: SafeText,
}

/// The health of the messenger as seen from here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MessengerHealth {
    /// `/ping` was answered as the protocol says.
    pub reachable: bool,
    /// What `/version` says.
    pub version: Option<SafeText>,
    /// Time to the answers.
    pub latency: Option<Duration>,
    /// What is wrong, in words; empty when nothing is.
    pub note: SafeText,
}

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
        let Some(record) = record else {
            return OperatorHealth {
                id: *id,
                reachable: false,
                version: None,
                latency: None,
                note: "not in the directory of operators".into(),
            };
        };
        let begun = Instant::now();
        let answer = match endpoint(http, &record.endpoint, deadline, MAX_SMALL) {
            Ok(endpoint) => ping(&endpoint).await,
            Err(error) => Err(error),
        };
        match answer {
            Ok(version) => OperatorHealth {
                id: *id,
                reachable: true,
                note: if version.is_some() {
                    SafeText::default()
                } else {
                    "does not tell its version".into()
                },
                version,
                latency: Some(begun.elapsed()),
            },
            Err(error) => OperatorHealth {
                id: *id,
                reachable: false,
                version: None,
                latency: None,
                note: error.to_string().into(),
            },
        }
    }))
    .await
}
