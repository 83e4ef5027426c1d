//! Slack, by an incoming webhook: <https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks>.

use async_trait::async_trait;
use serde_json::json;

use super::message;
use super::post::Post;
use crate::ports::notifier::{Notice, Notifier, NotifyError};
use crate::types::SafeText;

/// Slack cuts longer texts itself, in the middle of a word.
const LONGEST: usize = 4_000;

#[derive(Debug)]
pub(super) struct Slack {
    post: Post,
    source: SafeText,
}

impl Slack {
    pub(super) fn new(post: Post, source: SafeText) -> Self {
        Self { post, source }
    }
}

#[async_trait]
impl Notifier for Slack {
    fn name(&self) -> SafeText {
        "Slack".into()
    }

    async fn notify(&self, notice: &Notice) -> Result<(), NotifyError> {
        let text = escaped(&message::text(notice, &self.source, LONGEST));
        let body = json!({ "text": text, "unfurl_links": false }).to_string();
        self.post.send(notice, "", body.into(), |call| call).await
    }
}

/// Slack's three control characters, so that nothing becomes a link or calls a channel.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}
