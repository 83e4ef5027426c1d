//! Somebody who can be asked: a base URL, limits for its answers, and how often.

use std::fmt;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use reqwest::{Method, Url};
use tokio::time::Instant;

use super::budget::{Budget, Turn};
use super::{BadUrl, Call, Http, HttpError, join, parse};
use crate::types::{RedactedUrl, SafeText, told_apart};

/// How long an answer may take and be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// From connecting to the last byte.
    pub deadline: Duration,
    /// Longest body in bytes.
    pub size: usize,
}

/// Somebody who can be asked. Clones share the budget.
#[derive(Clone)]
pub struct Endpoint {
    inner: Arc<Inner>,
}

struct Inner {
    http: Http,
    base: Url,
    name: SafeText,
    limits: Limits,
    budget: Option<Budget>,
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Endpoint({})", self.inner.name)
    }
}

#[cfg(test)]
impl Endpoint {
    /// Whether both ask over the same connections.
    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.inner, &other.inner)
    }
}

impl Http {
    /// Somebody to ask, within these limits unless a call has its own.
    ///
    /// # Errors
    /// The URL is not one that can be asked.
    pub fn endpoint(&self, base: &RedactedUrl, limits: Limits) -> Result<Endpoint, BadUrl> {
        self.endpoint_with(base, limits, None)
    }

    /// Somebody to ask so many times a second and no more, and not while it asks to be left alone (429, or 503 with
    /// `Retry-After`).
    ///
    /// # Errors
    /// The URL is not one that can be asked.
    pub fn paced_endpoint(
        &self,
        base: &RedactedUrl,
        limits: Limits,
        calls_per_second: NonZeroU32,
    ) -> Result<Endpoint, BadUrl> {
        self.endpoint_with(base, limits, Some(Budget::new(calls_per_second)))
    }

    fn endpoint_with(
        &self,
        base: &RedactedUrl,
        limits: Limits,
        budget: Option<Budget>,
    ) -> Result<Endpoint, BadUrl> {
        Ok(Endpoint {
            inner: Arc::new(Inner {
                http: self.clone(),
                name: SafeText::new(&base.to_string()),
                base: parse(base)?,
                limits,
                budget,
            }),
        })
    }
}

impl Endpoint {
    /// The URL without its secrets.
    #[must_use]
    pub fn name(&self) -> &SafeText {
        &self.inner.name
    }

    /// `GET` of a path below the base.
    pub fn get(&self, path: &str) -> Call {
        self.call(Method::GET, path)
    }

    /// `POST` to a path below the base; an empty path is the base itself.
    pub fn post(&self, path: &str) -> Call {
        self.call(Method::POST, path)
    }

    /// `DELETE` of a path below the base.
    pub fn delete(&self, path: &str) -> Call {
        self.call(Method::DELETE, path)
    }

    fn call(&self, method: Method, path: &str) -> Call {
        Call::new(
            self.clone(),
            method,
            join(&self.inner.base, path),
            self.inner.limits,
        )
    }

    /// Nobody stands between: a refused connection was refused at its own address.
    #[must_use]
    pub fn is_direct(&self) -> bool {
        self.inner.http.is_direct(&self.inner.base)
    }

    /// Until when it wants to be left alone, if it does.
    #[must_use]
    pub fn paused_until(&self) -> Option<Instant> {
        self.inner.budget.as_ref()?.paused_until()
    }

    /// Within this time calls waited here for their turn by our own pace: that they took long says nothing of the endpoint.
    #[must_use]
    pub fn had_queue(&self, within: Duration) -> bool {
        let budget = self.inner.budget.as_ref();
        budget.is_some_and(|budget| budget.had_queue(within))
    }

    pub(super) fn http(&self) -> &Http {
        &self.inner.http
    }

    pub(super) fn is_paced(&self) -> bool {
        self.inner.budget.is_some()
    }

    /// Waits for this call's turn, for `patience` at most.
    pub(super) async fn turn(&self, patience: Duration) -> Result<Pass, HttpError> {
        let mut pass = Pass {
            endpoint: self.clone(),
            turn: None,
            answered: false,
        };
        let Some(budget) = &self.inner.budget else {
            return Ok(pass);
        };
        match budget.turn(patience) {
            Turn::Take { number, after } => {
                pass.turn = Some(number);
                if !after.is_zero() {
                    tokio::time::sleep(after).await;
                }
                Ok(pass)
            }
            Turn::UsedUp(wait) => Err(HttpError::OverBudget(wait)),
            Turn::Paused(wait) => Err(HttpError::RateLimited(wait)),
        }
    }
}

/// A turn that was taken. Dropped, it tells the budget what came of it: a call that is given up half-way must not be
/// waited for.
#[derive(Debug)]
pub(super) struct Pass {
    endpoint: Endpoint,
    /// None without a budget, or when it was told already.
    turn: Option<u64>,
    answered: bool,
}

impl Pass {
    /// The endpoint has answered. It may still turn out to be a refusal.
    pub(super) fn answered(&mut self) {
        self.answered = true;
    }

    /// The endpoint said that it is asked too often: it is left alone for a while, which is returned. Without a budget
    /// nothing is remembered. Calls that were under way together are refused together, and that is one refusal.
    pub(super) fn refused(&mut self, asked: Option<Duration>) -> Duration {
        match (&self.endpoint.inner.budget, self.turn.take()) {
            (Some(budget), Some(turn)) => budget.refused(turn, asked),
            _ => asked.unwrap_or_default(),
        }
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        if let (Some(budget), Some(turn)) = (&self.endpoint.inner.budget, self.turn) {
            match self.answered {
                true => budget.answered(turn),
                false => budget.given_up(turn),
            }
        }
    }
}

/// Endpoints of one kind with their names. Without their keys, two of one provider have one name, and get their numbers.
pub fn named_apart(endpoints: Vec<Endpoint>) -> impl Iterator<Item = (Endpoint, SafeText)> {
    let names: Vec<_> = endpoints.iter().map(|endpoint| endpoint.name().clone()).collect();
    endpoints.into_iter().zip(told_apart(&names))
}
