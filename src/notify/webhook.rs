//! A webhook that gets the notice as JSON, signed where there is a key.

use std::fmt;

use async_trait::async_trait;
use aws_lc_rs::hmac;
use secrecy::{ExposeSecret as _, SecretString};

use super::message::NoticePayload;
use super::post::Post;
use crate::ports::notifier::{Notice, Notifier, NotifyError};
use crate::types::{SafeText, UnixMillis};

/// Header with the seconds since the Unix epoch at which the attempt was made, so that an old one cannot be sent again.
pub const TIMESTAMP: &str = "x-casimir-timestamp";
/// Header with `sha256=` and HMAC-SHA256 in hex, over the timestamp's digits, a full stop, and the body's bytes.
pub const SIGNATURE: &str = "x-casimir-signature";

pub(super) struct Webhook {
    post: Post,
    key: Option<hmac::Key>,
    source: SafeText,
}

impl Webhook {
    pub(super) fn new(post: Post, key: Option<SecretString>, source: SafeText) -> Self {
        let key = key.map(|key| hmac::Key::new(hmac::HMAC_SHA256, key.expose_secret().as_bytes()));
        Self { post, key, source }
    }
}

impl fmt::Debug for Webhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Webhook({})", self.post.name())
    }
}

#[async_trait]
impl Notifier for Webhook {
    fn name(&self) -> SafeText {
        format!("webhook {}", self.post.name()).into()
    }

    async fn notify(&self, notice: &Notice) -> Result<(), NotifyError> {
        let body = NoticePayload::new(notice, &self.source).to_json();
        let signed = body.clone();
        let dress = |call: crate::http::Call| {
            let timestamp = (UnixMillis::now().0 / 1_000).to_string();
            let call = call.header(TIMESTAMP, &timestamp);
            match &self.key {
                None => call,
                Some(key) => call.header(SIGNATURE, &signature(key, &timestamp, &signed)),
            }
        };
        self.post.send(notice, "", body.into(), dress).await
    }
}

fn signature(key: &hmac::Key, timestamp: &str, body: &[u8]) -> String {
    let mut over = hmac::Context::with_key(key);
    over.update(timestamp.as_bytes());
    over.update(b".");
    over.update(body);
    format!("sha256={}", hex::encode(over.sign()))
}
