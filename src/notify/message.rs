//! A notice as programs and as people read it.

use serde::Serialize;

use crate::ports::notifier::{Notice, NoticePhase};
use crate::types::SafeText;

/// Version of [`NoticePayload`]: it grows when a field changes its meaning or goes.
const VERSION: u32 = 1;

/// What commands and webhooks get.
#[derive(Debug, Serialize)]
pub(super) struct NoticePayload<'a> {
    v: u32,
    source: &'a SafeText,
    /// The same for every notice of one matter.
    matter: String,
    #[serde(flatten)]
    notice: &'a Notice,
}

impl<'a> NoticePayload<'a> {
    pub(super) fn new(notice: &'a Notice, source: &'a SafeText) -> Self {
        Self {
            v: VERSION,
            source,
            matter: notice.matter(),
            notice,
        }
    }

    pub(super) fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("plain data serialises")
    }
}

/// In one line, without what can be done.
pub(super) fn line(notice: &Notice, source: &SafeText) -> String {
    let phase = match notice.phase {
        NoticePhase::Begun => "",
        NoticePhase::GoesOn => "still: ",
        NoticePhase::Over => "over: ",
    };
    format!("[{}] {source}: {phase}{}", notice.severity, notice.sentence)
}

/// For a chat: at most `most` characters, what is beyond is cut.
pub(super) fn text(notice: &Notice, source: &SafeText, most: usize) -> String {
    let mut text = line(notice, source);
    if notice.phase != NoticePhase::Over && !notice.advice.as_str().is_empty() {
        text.push_str("\nWhat can be done: ");
        text.push_str(notice.advice.as_str());
    }
    if let Some(due) = notice.due.filter(|_| notice.phase != NoticePhase::Over) {
        text.push_str("\nUntil: ");
        text.push_str(&due.to_utc());
    }
    cut(&text, most)
}

/// At most so many characters, the last of which says that something is missing.
pub(super) fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        None => text.to_owned(),
        Some(_) => text.chars().take(most.saturating_sub(1)).chain(['…']).collect(),
    }
}
