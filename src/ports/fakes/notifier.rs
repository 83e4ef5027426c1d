//! A notifier that keeps what it is given.

use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;

use crate::ports::notifier::{Notice, Notifier, NotifyError};
use crate::types::SafeText;

/// Takes every notice, until a test tells it to fail.
#[derive(Debug, Default)]
pub(crate) struct FakeNotifier {
    delivered: Mutex<Vec<Notice>>,
    failure: Mutex<Option<NotifyError>>,
}

impl FakeNotifier {
    pub(crate) fn delivered(&self) -> Vec<Notice> {
        self.delivered
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    pub(crate) fn fails(&self, error: Option<NotifyError>) {
        *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = error;
    }
}

#[async_trait]
impl Notifier for FakeNotifier {
    fn name(&self) -> SafeText {
        "a notifier that a test made".into()
    }

    async fn notify(&self, notice: &Notice) -> Result<(), NotifyError> {
        let failure = self
            .failure
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        if let Some(error) = failure {
            return Err(error);
        }
        self.delivered
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(notice.clone());
        Ok(())
    }
}
