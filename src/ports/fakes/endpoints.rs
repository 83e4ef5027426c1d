//! Endpoints that are as a test wants them, and remember of what they are accused.

use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;

use crate::ports::{EndpointHealth, EndpointState, Endpoints};
use crate::types::SafeText;

/// How each is, and who told what others deny.
#[derive(Debug, Default)]
pub(crate) struct FakeEndpoints {
    pub(crate) health: Mutex<Vec<EndpointHealth>>,
    pub(crate) accused: Mutex<Vec<(usize, SafeText)>>,
}

/// One of this name, nothing else being known of it.
pub(crate) fn endpoint(name: &str, state: EndpointState) -> EndpointHealth {
    EndpointHealth {
        name: SafeText::new(name),
        state,
        chain_id: None,
        head: None,
        latency: None,
        last_error: None,
        last_ok: None,
        omitted_logs: 0,
        contradicted: 0,
        logs_behind: 0,
        log_span: None,
        refuses: None,
        no_logs: None,
        odd: None,
        slow: None,
        behind: None,
        no_receipts: false,
        syncing: false,
        limited: false,
        limited_for: None,
    }
}

#[async_trait]
impl Endpoints for FakeEndpoints {
    fn health(&self) -> Vec<EndpointHealth> {
        self.health.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn look(&self) {}

    fn contradicted(&self, position: usize, what: &SafeText) {
        let mut accused = self.accused.lock().unwrap_or_else(PoisonError::into_inner);
        accused.push((position, what.clone()));
    }
}
