//! One call to the endpoints in turn, until one answers.

use std::sync::atomic::Ordering;

use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_json::value::RawValue;
use tokio::time::Instant;

use super::endpoint::{Admission, Endpoint};
use super::error::{Attempt, EndpointError, RpcError};
use super::http::{self, Said};
use super::server_error::ServerErrorKind;
use super::{EndpointIndex, Rpc};
use crate::http::HttpError;
use crate::types::SafeText;

/// Why one endpoint did not answer, and when it can be asked again, if waiting is all that it takes.
pub(super) struct Failed {
    pub(super) error: EndpointError,
    pub(super) again: Option<Instant>,
}

impl Rpc {
    /// One call, decoded.
    pub(crate) async fn request<R: DeserializeOwned>(
        &self,
        method: &'static str,
        params: Value,
    ) -> Result<R, RpcError> {
        self.request_from(method, params).await.map(|(answer, _)| answer)
    }

    /// One call, decoded, with the endpoint that answered it.
    pub(crate) async fn request_from<R: DeserializeOwned>(
        &self,
        method: &'static str,
        params: Value,
    ) -> Result<(R, EndpointIndex), RpcError> {
        let (raw, endpoint) = self.request_raw(method, &params).await?;
        match serde_json::from_str(raw.get()) {
            Ok(answer) => Ok((answer, endpoint)),
            Err(e) => Err(RpcError::Unexpected {
                method,
                reason: SafeText::new(&e.to_string()),
            }),
        }
    }

    async fn request_raw(
        &self,
        method: &'static str,
        params: &Value,
    ) -> Result<(Box<RawValue>, EndpointIndex), RpcError> {
        let give_up = Instant::now() + self.inner.config.patience;
        loop {
            let mut attempts = Vec::new();
            let mut retry_at: Option<Instant> = None;
            for index in self.indices() {
                let failed = match self.ask_one(index, method, params).await {
                    Ok(Said::Result(raw)) => return Ok((raw, index)),
                    Ok(Said::Error(error)) => return Err(RpcError::Server { method, error }),
                    Err(failed) => failed,
                };
                retry_at = retry_at.into_iter().chain(failed.again).min();
                attempts.push(self.attempt(index, failed.error));
            }
            match retry_at {
                // a rate limit passes by itself, so it is waited for; every other failure is the caller's to judge
                Some(at) if at < give_up => tokio::time::sleep_until(at).await,
                _ => return Err(RpcError::Unanswered { method, attempts }),
            }
        }
    }

    /// The endpoints that this client asks, in the configured order.
    pub(super) fn indices(&self) -> impl Iterator<Item = EndpointIndex> + use<> {
        let only = self.only;
        (0..self.inner.endpoints.len())
            .map(EndpointIndex)
            .filter(move |index| only.is_none_or(|only| only == *index))
    }

    pub(super) fn attempt(&self, index: EndpointIndex, error: EndpointError) -> Attempt {
        Attempt {
            endpoint: self.inner.endpoints[index.0].name.clone(),
            error,
        }
    }

    /// One call to one endpoint, if it may be asked now.
    pub(super) async fn ask_one(
        &self,
        index: EndpointIndex,
        method: &'static str,
        params: &Value,
    ) -> Result<Said, Failed> {
        let endpoint = &self.inner.endpoints[index.0];
        match endpoint.admission(self.inner.config.recheck) {
            Admission::No(error) => Err(Failed { error, again: None }),
            Admission::Later(at) => Err(Failed {
                error: EndpointError::RateLimited(at - Instant::now()),
                again: Some(at),
            }),
            Admission::Ready => self.ask_checked(endpoint, method, params).await.map_err(|error| {
                let again = match endpoint.admission(self.inner.config.recheck) {
                    Admission::Later(at) => Some(at),
                    _ => over_budget(&error),
                };
                Failed { error, again }
            }),
        }
    }

    async fn ask_checked(
        &self,
        endpoint: &Endpoint,
        method: &'static str,
        params: &Value,
    ) -> Result<Said, EndpointError> {
        if endpoint.needs_check(self.inner.config.recheck) {
            self.check_chain(endpoint).await?;
        }
        self.ask(endpoint, method, params).await
    }

    pub(super) fn next_id(&self) -> u64 {
        self.inner.next_id.fetch_add(1, Ordering::Relaxed)
    }

    /// One exchange with one endpoint; its health is updated.
    pub(super) async fn ask(
        &self,
        endpoint: &Endpoint,
        method: &'static str,
        params: &Value,
    ) -> Result<Said, EndpointError> {
        let id = self.next_id();
        let started = Instant::now();
        let result = http::call(&endpoint.http, id, method, params).await;
        let took = started.elapsed();
        let error = match result {
            Ok(Said::Error(error)) => {
                // the node is alive and says honestly what it cannot do
                endpoint.succeeded(took);
                return match error.kind(method) {
                    ServerErrorKind::Answer => Ok(Said::Error(error)),
                    ServerErrorKind::NotHere | ServerErrorKind::RateLimited => {
                        Err(EndpointError::NotHere(error))
                    }
                };
            }
            Ok(reply) => {
                endpoint.succeeded(took);
                return Ok(reply);
            }
            Err(EndpointError::Http(error @ HttpError::TooLarge(_))) => {
                endpoint.succeeded(took);
                return Err(error.into());
            }
            Err(error) => error,
        };
        tracing::debug!(target: "chain", endpoint = %endpoint.name, method, %error, "call failed");
        endpoint.failed(&error);
        Err(error)
    }
}

/// When the endpoint's budget has room again, if that is what is wrong.
fn over_budget(error: &EndpointError) -> Option<Instant> {
    match error {
        EndpointError::Http(HttpError::OverBudget(wait)) => Some(Instant::now() + *wait),
        _ => None,
    }
}
