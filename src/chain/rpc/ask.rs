//! One call to the endpoints in turn, until one answers. Where one does not answer in time, the next is asked as well, and
//! the first answer counts.

use std::sync::atomic::Ordering;

use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_json::value::RawValue;
use tokio::time::Instant;

use super::endpoint::{Admission, Endpoint, Responsiveness};
use super::error::{Attempt, EndpointError, RpcError};
use super::hedged::HedgedCalls;
use super::http::{self, RpcOutcome};
use super::server_error::ServerErrorKind;
use super::{EndpointIndex, Rpc};
use crate::http::HttpError;
use crate::types::SafeText;

/// What an endpoint answered, as it is read.
pub(super) enum Reading<R> {
    Found(R),
    /// It says that it has nothing there, in words: another may have it.
    Nothing(SafeText),
}

impl<R> Reading<R> {
    /// `null` is nothing.
    pub(super) fn of(told: Option<R>) -> Self {
        told.map_or_else(|| Self::Nothing("none".into()), Self::Found)
    }
}

/// An endpoint that answered, and has nothing.
#[derive(Debug, Clone)]
pub(super) struct Lacking {
    pub(super) endpoint: EndpointIndex,
    pub(super) why: SafeText,
}

/// What the endpoints come to that were asked in turn.
pub(super) enum Round<R> {
    /// What the first had that had anything, and who said before it that there is nothing.
    Found {
        found: R,
        teller: EndpointIndex,
        lacking: Vec<Lacking>,
    },
    /// Whoever answered has nothing, and who did not answer may have it.
    Nowhere {
        lacking: Vec<Lacking>,
        silent: Vec<Attempt>,
    },
}

impl<R> Round<R> {
    pub(super) fn found(self) -> Option<R> {
        match self {
            Self::Found { found, .. } => Some(found),
            Self::Nowhere { .. } => None,
        }
    }
}

/// An answer in the form that a method promises.
///
/// # Errors
/// It has another, in words.
pub(super) fn decoded<R: DeserializeOwned>(raw: &RawValue) -> Result<R, SafeText> {
    serde_json::from_str(raw.get()).map_err(|error| SafeText::new(&error.to_string()))
}

/// Why one endpoint did not answer, and when it can be asked again, if waiting is all that it takes.
pub(super) struct Failed {
    pub(super) error: EndpointError,
    pub(super) again: Option<Instant>,
}

impl Rpc {
    /// One call, decoded: the first endpoint whose answer has the form that the method promises is heard.
    pub(crate) async fn request<R: DeserializeOwned>(
        &self,
        method: &'static str,
        params: Value,
    ) -> Result<R, RpcError> {
        self.request_from(method, params).await.map(|(answer, _)| answer)
    }

    /// One call, decoded, with the endpoint that is heard.
    pub(super) async fn request_from<R: DeserializeOwned>(
        &self,
        method: &'static str,
        params: Value,
    ) -> Result<(R, EndpointIndex), RpcError> {
        let read = |raw: &RawValue| decoded(raw).map(Reading::Found);
        match self.ask_in_turn(method, &params, read).await? {
            Round::Found { found, teller, .. } => Ok((found, teller)),
            // nothing is read as nothing here
            Round::Nowhere { silent, .. } => Err(RpcError::Unanswered {
                method,
                attempts: silent,
            }),
        }
    }

    /// What anybody has: where an endpoint says that there is none, which is `null`, the next is asked. One that lags, or has
    /// forgotten, says so.
    pub(super) async fn anybodys<R: DeserializeOwned>(
        &self,
        method: &'static str,
        params: Value,
    ) -> Result<Round<R>, RpcError> {
        let read = |raw: &RawValue| decoded(raw).map(Reading::of);
        self.ask_in_turn(method, &params, read).await
    }

    /// Asks one endpoint after the other until one has something, as `read` reads its answer.
    pub(super) async fn ask_in_turn<R>(
        &self,
        method: &'static str,
        params: &Value,
        read: impl Fn(&RawValue) -> Result<Reading<R>, SafeText>,
    ) -> Result<Round<R>, RpcError> {
        let give_up = Instant::now() + self.inner.config.patience;
        let mut lacking: Vec<Lacking> = Vec::new();
        loop {
            let mut silent = Vec::new();
            let mut retry_at: Option<Instant> = None;
            let knows = |index: &EndpointIndex| !lacking.iter().any(|lacking| lacking.endpoint == *index);
            let order = self.order().into_iter().filter(knows).collect();
            let ask = async |index| (index, self.ask_one(index, method, params).await);
            let mut turns = HedgedCalls::new(self, method, order, ask);
            while let Some((index, said)) = turns.next().await {
                let failed = match said {
                    Ok(RpcOutcome::Result(raw)) => match self.read(index, method, &raw, &read) {
                        Ok(Reading::Found(found)) => {
                            return Ok(Round::Found {
                                found,
                                teller: index,
                                lacking,
                            });
                        }
                        Ok(Reading::Nothing(why)) => {
                            lacking.push(Lacking { endpoint: index, why });
                            continue;
                        }
                        Err(failed) => failed,
                    },
                    Ok(RpcOutcome::Error(error)) => return Err(RpcError::Server { method, error }),
                    Err(failed) => failed,
                };
                retry_at = retry_at.into_iter().chain(failed.again).min();
                silent.push(self.attempt(index, failed.error));
            }
            match retry_at {
                // a rate limit passes by itself, so it is waited for; every other failure is the caller's to judge
                Some(at) if at < give_up => tokio::time::sleep_until(at).await,
                _ if lacking.is_empty() => {
                    return Err(RpcError::Unanswered {
                        method,
                        attempts: silent,
                    });
                }
                _ => return Ok(Round::Nowhere { lacking, silent }),
            }
        }
    }

    /// Reads what one endpoint answered. One whose answer has not the form of this method is shown as that until it has it.
    pub(super) fn read<R>(
        &self,
        index: EndpointIndex,
        method: &'static str,
        raw: &RawValue,
        read: impl Fn(&RawValue) -> Result<R, SafeText>,
    ) -> Result<R, Failed> {
        let endpoint = &self.inner.endpoints[index.0];
        endpoint
            .usable(method, read(raw))
            .map_err(|error| Failed { error, again: None })
    }

    /// The endpoints that this client asks, in the configured order.
    pub(super) fn indices(&self) -> impl Iterator<Item = EndpointIndex> + use<> {
        let only = self.only;
        (0..self.inner.endpoints.len())
            .map(EndpointIndex)
            .filter(move |index| only.is_none_or(|only| only == *index))
    }

    /// The same in the order in which they are asked: as configured, and after the others whoever is slow.
    pub(super) fn order(&self) -> Vec<EndpointIndex> {
        let mut order: Vec<_> = self.indices().collect();
        let responsiveness = |index: &EndpointIndex| self.inner.endpoints[index.0].responsiveness();
        let slow = |index| {
            matches!(
                responsiveness(index),
                Responsiveness::Slow | Responsiveness::Silent
            )
        };
        if order.iter().any(slow) {
            order.sort_by_key(responsiveness);
        }
        order
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
    ) -> Result<RpcOutcome, Failed> {
        let endpoint = &self.inner.endpoints[index.0];
        // one that is down said so before it fell silent
        let limited = |error: EndpointError| match endpoint.down() {
            Some(why) if error.is_of_too_many_calls() => EndpointError::BreakerOpen(why),
            _ => error,
        };
        match endpoint.admission(self.inner.config.recheck) {
            Admission::No(error) => Err(Failed { error, again: None }),
            Admission::Later(at) => Err(Failed {
                error: limited(EndpointError::RateLimited(at - Instant::now())),
                again: Some(at),
            }),
            Admission::Ready => self.ask_checked(index, method, params).await.map_err(|error| {
                let again = match endpoint.admission(self.inner.config.recheck) {
                    Admission::Later(at) => Some(at),
                    _ => over_budget(&error),
                };
                Failed {
                    error: limited(error),
                    again,
                }
            }),
        }
    }

    async fn ask_checked(
        &self,
        index: EndpointIndex,
        method: &'static str,
        params: &Value,
    ) -> Result<RpcOutcome, EndpointError> {
        let endpoint = &self.inner.endpoints[index.0];
        if endpoint.needs_check(self.inner.config.recheck) {
            self.check_chain(index).await?;
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
    ) -> Result<RpcOutcome, EndpointError> {
        let id = self.next_id();
        let started = Instant::now();
        let call = http::call(&endpoint.http, id, method, params);
        let result = in_time(endpoint, method, call).await;
        let took = started.elapsed();
        let error = match result {
            Ok(RpcOutcome::Error(error)) => {
                // the node is alive and says honestly what it cannot do
                endpoint.succeeded(took);
                return match error.kind(method) {
                    ServerErrorKind::Answer => Ok(RpcOutcome::Error(error)),
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

/// What comes of a call. One that takes long makes its endpoint one that is late, unless it waits for its turn by our pace.
async fn in_time<T>(endpoint: &Endpoint, method: &'static str, call: impl Future<Output = T>) -> T {
    let mut call = std::pin::pin!(call);
    if let Some(told) = endpoint.promptly(method, &mut call).await {
        return told;
    }
    endpoint.is_late(method);
    call.await
}

/// When the endpoint's budget has room again, if that is what is wrong.
fn over_budget(error: &EndpointError) -> Option<Instant> {
    match error {
        EndpointError::Http(HttpError::OverBudget(wait)) => Some(Instant::now() + *wait),
        _ => None,
    }
}
