//! The intake as a task.

use std::sync::Arc;

use tokio::sync::{Notify, mpsc};

use super::follow::tell;
use super::{Intake, IntakeError, IntakeEvent, wake};
use crate::log_limit::LogLimit;
use crate::types::SafeText;

/// Lines about polls that fail: each second one may.
static TROUBLE: LogLimit = LogLimit::slow();

impl Intake {
    /// Follows the chain until the receiver is dropped. Failures are told and tried again at the next look; the
    /// endpoints' own breakers keep that polite.
    pub async fn run(mut self, out: mpsc::Sender<IntakeEvent>) {
        let woken = Arc::new(Notify::new());
        let socket = self.config.socket.clone().map(|url| {
            let source = wake::Source {
                url,
                http: self.config.http.clone(),
                chain_id: self.rpc().chain_id(),
            };
            wake::Socket::spawn(source, woken.clone(), out.clone())
        });
        let mut said: Option<IntakeEvent> = None;
        let mut quick_retries = 0;
        loop {
            let pause = match self.step(&out).await {
                Ok(()) => {
                    said = None;
                    quick_retries = 0;
                    self.config.poll_interval
                }
                Err(IntakeError::Closed) => break,
                // the picture was blurred, not wrong: look again at once, but not for ever
                Err(IntakeError::Moved(_)) if quick_retries < 3 => {
                    quick_retries += 1;
                    self.config.poll_interval / 8
                }
                Err(error) => {
                    let text = SafeText::new(&error.to_string());
                    let event = match &error {
                        IntakeError::NoConnection(_) => IntakeEvent::NoConnection(text.clone()),
                        _ => IntakeEvent::Trouble(text.clone()),
                    };
                    if said.as_ref() != Some(&event) {
                        if let Some(left_out) = TROUBLE.line() {
                            tracing::warn!(target: "chain", error = %text, left_out, "event intake does not get on");
                        }
                        if tell(&out, event.clone()).await.is_err() {
                            break;
                        }
                        said = Some(event);
                    }
                    self.config.poll_interval
                }
            };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = woken.notified() => {}
                () = out.closed() => break,
            }
        }
        drop(socket);
    }
}
