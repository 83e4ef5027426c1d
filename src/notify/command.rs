//! A program that is started for each notice and reads it as JSON from stdin. No shell is in between, and nothing of a
//! notice is among its arguments. It leads a process group of its own, and whatever it starts ends with it: what hangs
//! once hangs at each notice.

use std::process::Stdio;
use std::time::Duration;

use async_trait::async_trait;
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::AsyncWriteExt as _;

use super::message::NoticePayload;
use crate::ports::notifier::{Notice, Notifier, NotifyError};
use crate::types::{SafeText, in_words};

/// A program that takes longer is ended.
const LONGEST: Duration = Duration::from_secs(30);

/// The program and whatever it has started; all of it ends with this, which goes at the program's end, at the deadline,
/// and when this program ends.
struct Group(Option<Pid>);

impl Group {
    fn of(child: &tokio::process::Child) -> Self {
        let number = child.id().and_then(|id| i32::try_from(id).ok());
        Self(number.and_then(Pid::from_raw))
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(leader) = self.0 {
            // nobody may be left in it
            let _ = kill_process_group(leader, Signal::KILL);
        }
    }
}

#[derive(Debug)]
pub(super) struct Command {
    words: Vec<String>,
    source: SafeText,
    longest: Duration,
}

impl Command {
    pub(super) fn new(words: Vec<String>, source: SafeText) -> Self {
        Self {
            words,
            source,
            longest: LONGEST,
        }
    }

    #[cfg(test)]
    pub(super) fn within(mut self, longest: Duration) -> Self {
        self.longest = longest;
        self
    }

    fn program(&self) -> &str {
        self.words.first().map_or("", String::as_str)
    }

    async fn run(&self, body: &[u8]) -> Result<(), NotifyError> {
        let program = self.program();
        let mut child = tokio::process::Command::new(program)
            .args(self.words.iter().skip(1))
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| NotifyError::Refused(format!("{program} cannot be started: {error}").into()))?;
        let _group = Group::of(&child);
        if let Some(mut stdin) = child.stdin.take() {
            // a program that does not read is judged by how it ends
            let _ = stdin.write_all(body).await;
            let _ = stdin.shutdown().await;
        }
        let status = child
            .wait()
            .await
            .map_err(|error| NotifyError::Away(format!("{program}: {error}").into()))?;
        if status.success() {
            return Ok(());
        }
        Err(NotifyError::Refused(
            format!("{program} ended with {status}").into(),
        ))
    }
}

#[async_trait]
impl Notifier for Command {
    fn name(&self) -> SafeText {
        format!("command {}", self.program()).into()
    }

    async fn notify(&self, notice: &Notice) -> Result<(), NotifyError> {
        let body = NoticePayload::new(notice, &self.source).to_json();
        let run = self.run(&body);
        tokio::time::timeout(self.longest, run).await.unwrap_or_else(|_| {
            let words = format!(
                "{} did not end within {} and was ended",
                self.program(),
                in_words(self.longest)
            );
            Err(NotifyError::Away(words.into()))
        })
    }
}
