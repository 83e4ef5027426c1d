//! PagerDuty, by its Events API v2: <https://developer.pagerduty.com/docs/send-alert-event>. A matter is one alert: it is
//! triggered, triggered again while it goes on, and resolved when it is over.

use std::fmt;

use async_trait::async_trait;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::message::{self, NoticePayload};
use super::post::Post;
use crate::ports::notifier::{Notice, NoticePhase, Notifier, NotifyError};
use crate::types::SafeText;

/// A summary has at most so many characters.
const SUMMARY: usize = 1_024;
/// A deduplication key has at most so many.
const KEY: usize = 255;

pub(super) struct PagerDuty {
    post: Post,
    routing_key: SecretString,
    source: SafeText,
}

impl PagerDuty {
    pub(super) fn new(post: Post, routing_key: SecretString, source: SafeText) -> Self {
        Self {
            post,
            routing_key,
            source,
        }
    }
}

impl fmt::Debug for PagerDuty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PagerDuty({})", self.post.name())
    }
}

#[async_trait]
impl Notifier for PagerDuty {
    fn name(&self) -> SafeText {
        format!("PagerDuty at {}", self.post.name()).into()
    }

    async fn notify(&self, notice: &Notice) -> Result<(), NotifyError> {
        let action = match notice.phase {
            NoticePhase::Begun | NoticePhase::GoesOn => "trigger",
            NoticePhase::Over => "resolve",
        };
        let component = notice.about.endpoint.as_ref().map(SafeText::as_str);
        let body = json!({
            "routing_key": self.routing_key.expose_secret(),
            "event_action": action,
            "dedup_key": dedup_key(&self.source, &notice.matter()),
            "client": "casimir-dkg",
            "payload": {
                "summary": message::cut(&message::line(notice, &self.source), SUMMARY),
                "source": self.source,
                "severity": notice.severity,
                "timestamp": notice.at.to_rfc3339(),
                "component": component.unwrap_or("oracle"),
                "class": notice.kind,
                "custom_details": NoticePayload::new(notice, &self.source),
            },
        });
        self.post
            .send(notice, "", body.to_string().into(), |call| call)
            .await
    }
}

/// The same for a matter of one source. What is too long is told apart by its digest.
fn dedup_key(source: &SafeText, matter: &str) -> String {
    let key = format!("{source} {matter}");
    if key.chars().count() <= KEY {
        return key;
    }
    let digest = hex::encode(Sha256::digest(key.as_bytes()));
    format!("{} {digest}", message::cut(&key, KEY - 1 - digest.len()))
}
