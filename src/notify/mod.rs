//! Those who deliver notices, a file each. All of them speak HTTP through the one client but `command`, which starts a
//! program.
//!
//! | said by the other side | means |
//! |---|---|
//! | a success | it was delivered |
//! | no connection, no answer in time, 408, 429, a 5xx | away: tried again after 1, 4, 16 and 60 s |
//! | a redirect, any other status, a request that cannot be sent | refused: a person has to look at the configuration |
//!
//! Redirects are never followed: they could lead what is told, and the key that signs it, elsewhere. No error shows a URL
//! with its secrets.

mod alertmanager;
mod command;
mod message;
mod pagerduty;
mod post;
mod secret;
mod slack;
mod telegram;
#[cfg(test)]
mod tests;
mod webhook;

use std::sync::Arc;

use crate::config::{NoticesTo, Receiver};
use crate::http::Http;
use crate::ports::Notifier;
use crate::secrets::judge_program;
use crate::types::SafeText;

pub use webhook::{SIGNATURE, TIMESTAMP};

/// A receiver cannot be opened: its file, its URL or its program is not what it must be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("notices.to \"{name}\": {problem}")]
pub struct NotOpened {
    pub name: String,
    pub problem: SafeText,
}

/// Opens a receiver. `source` says whose notices these are, as people read it.
///
/// # Errors
/// A secret cannot be read from its file, everybody may change the program, or the URL is none.
pub fn open(to: &NoticesTo, http: &Http, source: &SafeText) -> Result<Arc<dyn Notifier>, NotOpened> {
    let problem = |problem: String| NotOpened {
        name: to.name.clone(),
        problem: problem.into(),
    };
    let source = source.clone();
    Ok(match &to.receiver {
        Receiver::Command(words) => {
            for worry in judge_program(words).map_err(|error| problem(error.to_string()))? {
                tracing::warn!(target: "notify", worry, "others may get at the program that is told");
            }
            Arc::new(command::Command::new(words.clone(), source))
        }
        Receiver::Webhook { to, key_file } => {
            let key = key_file
                .as_deref()
                .map(secret::read)
                .transpose()
                .map_err(problem)?;
            let url = secret::address(to).map_err(problem)?;
            Arc::new(webhook::Webhook::new(
                post::Post::new(http, &url).map_err(problem)?,
                key,
                source,
            ))
        }
        Receiver::Slack { to } => {
            let url = secret::address(to).map_err(problem)?;
            Arc::new(slack::Slack::new(
                post::Post::new(http, &url).map_err(problem)?,
                source,
            ))
        }
        Receiver::Telegram {
            base,
            token_file,
            chat,
        } => {
            let token = secret::read(token_file).map_err(problem)?;
            let post = post::Post::new(http, base).map_err(problem)?;
            Arc::new(telegram::Telegram::new(post, token, chat.clone(), source))
        }
        Receiver::PagerDuty { to, key_file } => {
            let key = secret::read(key_file).map_err(problem)?;
            let post = post::Post::new(http, to).map_err(problem)?;
            Arc::new(pagerduty::PagerDuty::new(post, key, source))
        }
        Receiver::Alertmanager { base } => {
            let url = secret::address(base).map_err(problem)?;
            let post = post::Post::new(http, &url).map_err(problem)?;
            Arc::new(alertmanager::Alertmanager::new(post, source))
        }
    })
}
