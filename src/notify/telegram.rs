//! Telegram, by `sendMessage` of its Bot API: <https://core.telegram.org/bots/api#sendmessage>.

use std::fmt;

use async_trait::async_trait;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;

use super::message;
use super::post::Post;
use crate::ports::notifier::{Notice, NoticePhase, Notifier, NotifyError, Severity};
use crate::types::SafeText;

/// A message has 1 to 4096 characters.
const LONGEST: usize = 4_096;

pub(super) struct Telegram {
    post: Post,
    /// A part of the path, and so never shown.
    token: SecretString,
    chat: String,
    source: SafeText,
}

impl Telegram {
    pub(super) fn new(post: Post, token: SecretString, chat: String, source: SafeText) -> Self {
        Self {
            post,
            token,
            chat,
            source,
        }
    }
}

impl fmt::Debug for Telegram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Telegram({})", self.post.name())
    }
}

#[async_trait]
impl Notifier for Telegram {
    fn name(&self) -> SafeText {
        format!("Telegram at {}", self.post.name()).into()
    }

    async fn notify(&self, notice: &Notice) -> Result<(), NotifyError> {
        // no parse_mode: nothing in the text is markup
        let body = json!({
            "chat_id": self.chat,
            "text": message::text(notice, &self.source, LONGEST),
            "disable_notification": notice.severity == Severity::Info || notice.phase == NoticePhase::Over,
            "link_preview_options": { "is_disabled": true },
        });
        let path = format!("bot{}/sendMessage", self.token.expose_secret());
        self.post
            .send(notice, &path, body.to_string().into(), |call| call)
            .await
    }
}
