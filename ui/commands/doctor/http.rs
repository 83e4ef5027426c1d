//! Small GETs, by the rules of `[http]` that the engine goes by.

use std::time::Duration;

use casimir_dkg::http::{Http, Limits, Reply};
use casimir_dkg::types::{RedactedUrl, SafeText};

/// Nothing that is asked for here is longer.
const MAX_BODY: usize = 1 << 20;

/// `GET` of a path below the base.
///
/// # Errors
/// In words, without the URL.
pub(crate) async fn get(
    http: &Http,
    base: &RedactedUrl,
    path: &str,
    deadline: Duration,
) -> Result<Reply, SafeText> {
    let limits = Limits {
        deadline,
        size: MAX_BODY,
    };
    let endpoint = http
        .endpoint(base, limits)
        .map_err(|e| SafeText::new(&e.to_string()))?;
    let answer = endpoint.get(path).send().await;
    answer.map_err(|e| SafeText::new(&e.to_string()))
}
