//! Alertmanager, by its API v2: <https://prometheus.io/docs/alerting/latest/alerts_api>. It forgets what nobody repeats,
//! so every alert says until when it is believed: longer than the longest pause between two notices of one matter.

use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Map, Value, json};

use super::post::Post;
use crate::ports::notifier::{Notice, NoticeKind, NoticePhase, Notifier, NotifyError};
use crate::types::SafeText;

/// More than twice the longest pause between two notices.
const BELIEVED: Duration = Duration::from_secs(13 * 3_600);
/// Somebody only tries it out.
const TRIED: Duration = Duration::from_secs(60);

#[derive(Debug)]
pub(super) struct Alertmanager {
    post: Post,
    source: SafeText,
}

impl Alertmanager {
    pub(super) fn new(post: Post, source: SafeText) -> Self {
        Self { post, source }
    }
}

#[async_trait]
impl Notifier for Alertmanager {
    fn name(&self) -> SafeText {
        format!("Alertmanager at {}", self.post.name()).into()
    }

    async fn notify(&self, notice: &Notice) -> Result<(), NotifyError> {
        let ends = match (notice.phase, notice.kind) {
            (NoticePhase::Over, _) => notice.at,
            (_, NoticeKind::Test) => notice.at.plus(TRIED),
            _ => notice.at.plus(BELIEVED),
        };
        let body = json!([{
            "labels": labels(notice, &self.source),
            "annotations": {
                "summary": notice.sentence,
                "description": notice.advice,
            },
            "startsAt": notice.since.to_rfc3339(),
            "endsAt": ends.to_rfc3339(),
        }]);
        self.post
            .send(notice, "api/v2/alerts", body.to_string().into(), |call| call)
            .await
    }
}

/// What tells one matter from another, and nothing that changes while it goes on.
fn labels(notice: &Notice, source: &SafeText) -> Map<String, Value> {
    let about = &notice.about;
    let labels = [
        ("alertname", Some(format!("casimir-{}", notice.kind))),
        ("severity", Some(notice.severity.to_string())),
        ("source", Some(source.to_string())),
        ("case", about.case.map(|case| case.to_string())),
        ("action", about.action.map(|action| action.to_string())),
        ("operator", about.operator.map(|operator| operator.to_string())),
        ("endpoint", about.endpoint.as_ref().map(ToString::to_string)),
        ("alarm", about.alarm.as_ref().map(ToString::to_string)),
        ("reason", notice.reason.clone()),
    ];
    let said = labels
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?.into())));
    said.collect()
}
