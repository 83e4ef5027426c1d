//! Asking the messenger for the result, again and again, with growing pauses.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use super::http::CallError;
use super::messenger::Messenger;
use crate::types::RequestId;

/// The first pause when the result is due any moment.
const SHORT: Duration = Duration::from_millis(15);
/// How long our own messenger may hold the question for a result that is due.
const DUE: Duration = Duration::from_secs(2);
/// The pause while the rounds are running: enough to see an accusation or a dead messenger soon.
const LONG: Duration = Duration::from_secs(1);

type Polled = Result<Option<Vec<u8>>, CallError>;

/// The running question, or the pause before it.
pub(super) struct Poll {
    messenger: Messenger,
    id: RequestId,
    pause: Duration,
    wait: Duration,
    running: Pin<Box<dyn Future<Output = Polled> + Send>>,
}

impl Poll {
    pub(super) fn new(messenger: Messenger, id: RequestId) -> Self {
        let running = ask(messenger.clone(), id, LONG, Duration::ZERO);
        Self {
            messenger,
            id,
            pause: LONG,
            wait: Duration::ZERO,
            running,
        }
    }

    /// The next answer. Cancel-safe: a question that was begun goes on.
    pub(super) async fn next(&mut self) -> Polled {
        let answer = self.running.as_mut().await;
        self.running = ask(self.messenger.clone(), self.id, self.pause, self.wait);
        self.pause = (self.pause * 2).min(LONG);
        answer
    }

    /// The result is due: ask now, then soon again.
    pub(super) fn hurry(&mut self) {
        self.pause = SHORT;
        self.wait = DUE;
        self.running = ask(self.messenger.clone(), self.id, Duration::ZERO, self.wait);
    }
}

fn ask(
    messenger: Messenger,
    id: RequestId,
    pause: Duration,
    wait: Duration,
) -> Pin<Box<dyn Future<Output = Polled> + Send>> {
    Box::pin(async move {
        if !pause.is_zero() {
            tokio::time::sleep(pause).await;
        }
        messenger.data_within(id, wait).await
    })
}
