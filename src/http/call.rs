//! One call and its answer.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use reqwest::header::{ACCEPT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, Url};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::time::Instant;

use super::client::Purpose;
use super::endpoint::Pass;
use super::response::Patience;
use super::{Endpoint, HttpError, Limits, NotJson, Response, retry_after};
use crate::types::SafeText;

/// Shown of the body of a failure.
const WORDS: usize = 512;

/// A call that was not sent yet.
#[derive(Debug)]
#[must_use = "nothing is asked until it is sent"]
pub struct Call {
    endpoint: Endpoint,
    method: Method,
    url: Url,
    headers: HeaderMap,
    body: Bytes,
    limits: Limits,
    /// Why it cannot be sent.
    problem: Option<SafeText>,
    /// Nothing about the body of the answer is an error.
    any_body: bool,
}

impl Call {
    pub(super) fn new(endpoint: Endpoint, method: Method, url: Url, limits: Limits) -> Self {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        Self {
            endpoint,
            method,
            url,
            headers,
            body: Bytes::new(),
            limits,
            problem: None,
            any_body: false,
        }
    }

    /// Another deadline than the endpoint's.
    pub fn within(mut self, deadline: Duration) -> Self {
        self.limits.deadline = deadline;
        self
    }

    /// Another longest body than the endpoint's.
    pub fn at_most(mut self, size: usize) -> Self {
        self.limits.size = size;
        self
    }

    /// A parameter; the same name may come again.
    pub fn query(mut self, name: &str, value: &str) -> Self {
        self.url.query_pairs_mut().append_pair(name, value);
        self
    }

    /// A header, its name in small letters. Its value is never shown.
    pub fn header(mut self, name: &'static str, value: &str) -> Self {
        match HeaderValue::from_str(value) {
            Ok(mut value) => {
                value.set_sensitive(true);
                self.headers.insert(HeaderName::from_static(name), value);
            }
            Err(_) => self.problem = Some(SafeText::new(&format!("the header {name} has no valid value"))),
        }
        self
    }

    /// A body of this media type. Shared bytes are not copied.
    pub fn body(mut self, media_type: &'static str, body: impl Into<Bytes>) -> Self {
        self.headers
            .insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
        self.body = body.into();
        self
    }

    /// A body with the content type `application/json`; what cannot be encoded fails when it is sent.
    pub fn json(mut self, body: &impl Serialize) -> Self {
        match serde_json::to_vec(body) {
            Ok(bytes) => self.body("application/json", bytes),
            Err(error) => {
                self.problem = Some(SafeText::new(&error.to_string()));
                self
            }
        }
    }

    /// Sends the call and reads its whole answer, whatever its status.
    ///
    /// # Errors
    /// See [`HttpError`]; a status is none here, unless the endpoint is paced and asks to be left alone.
    pub async fn send(self) -> Result<Reply, HttpError> {
        let size = self.limits.size;
        let begun = Instant::now();
        let whole = self.limits.deadline;
        let (response, mut pass) = self.begin(whole, Patience::whole(whole)).await?;
        let (status, headers) = (response.status(), response.headers().clone());
        let body = response.read(size).await?;
        pass.answered();
        Ok(Reply {
            body,
            status,
            headers,
            took: begun.elapsed(),
            pass,
        })
    }

    /// Sends the call for the status of its answer alone, with the beginning of the body where that is no success:
    /// whatever a body is, a success is one.
    ///
    /// # Errors
    /// As [`Call::send`], and [`HttpError::Status`]; nothing about the body is one.
    pub async fn accepted(mut self) -> Result<(), HttpError> {
        self.any_body = true;
        let response = self.open().await?;
        let status = response.status();
        if (200..300).contains(&status) {
            return Ok(());
        }
        let (words, _) = response.read_head(WORDS).await;
        Err(HttpError::Status {
            status,
            words: SafeText::from_bytes(&words),
        })
    }

    /// Sends the call and returns when its answer begins; the deadline goes on counting.
    ///
    /// # Errors
    /// As [`Call::send`].
    pub async fn open(self) -> Result<Response, HttpError> {
        let whole = self.limits.deadline;
        let (response, mut pass) = self.begin(whole, Patience::whole(whole)).await?;
        pass.answered();
        Ok(response)
    }

    /// Sends the call for an answer that never ends: it is over when nothing comes for as long as `silence`.
    ///
    /// # Errors
    /// As [`Call::send`], and every status that is no success.
    pub async fn stream(self, silence: Duration) -> Result<Response, HttpError> {
        let size = self.limits.size;
        let (response, mut pass) = self.begin(silence, |_| Patience::Silence(silence)).await?;
        pass.answered();
        let status = response.status();
        if (200..300).contains(&status) {
            return Ok(response);
        }
        let (words, _) = response.read_head(size.min(WORDS)).await;
        Err(HttpError::Status {
            status,
            words: SafeText::from_bytes(&words),
        })
    }

    async fn begin(
        self,
        deadline: Duration,
        patience: impl FnOnce(Instant) -> Patience,
    ) -> Result<(Response, Pass), HttpError> {
        if let Some(problem) = self.problem {
            return Err(HttpError::Unsendable(problem));
        }
        let built = self.endpoint.http().client(&self.url, Purpose::Calls)?;
        let mut pass = self.endpoint.turn(deadline).await?;
        let request = built
            .client
            .request(self.method, self.url)
            .headers(self.headers)
            .body(self.body);
        let begun = Instant::now();
        let response = tokio::time::timeout(deadline, request.send())
            .await
            .map_err(|_| HttpError::NoAnswer(deadline))?
            .map_err(|error| built.failure(&error))?;
        let response = match self.any_body {
            true => Response::of_any_body(response, patience(begun)),
            false => Response::new(response, patience(begun))?,
        };
        if self.endpoint.is_paced() {
            let wait = retry_after::of(response.headers(), SystemTime::now());
            if response.status() == 429 || (response.status() == 503 && wait.is_some()) {
                return Err(HttpError::RateLimited(pass.refused(wait)));
            }
        }
        Ok((response, pass))
    }
}

/// A whole answer.
#[derive(Debug)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
    /// From the call to the last byte.
    pub took: Duration,
    pass: Pass,
}

impl Reply {
    /// Whether the status is a success.
    #[must_use]
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The answer, if its status is a success.
    ///
    /// # Errors
    /// [`HttpError::Status`], with the first bytes of the body.
    pub fn ok(self) -> Result<Self, HttpError> {
        self.succeeded().map(|()| self)
    }

    /// Whether its status is a success.
    ///
    /// # Errors
    /// [`HttpError::Status`], with the first bytes of the body.
    pub fn succeeded(&self) -> Result<(), HttpError> {
        if self.is_success() {
            return Ok(());
        }
        Err(HttpError::Status {
            status: self.status,
            words: SafeText::from_bytes(&self.body[..self.body.len().min(WORDS)]),
        })
    }

    /// The endpoint says in its own words that it is asked too often: it is left alone for a while, which is returned.
    /// `asked`: for how long, in its words; else what its header `Retry-After` says. Without a budget nothing is remembered.
    pub fn too_often(mut self, asked: Option<Duration>) -> Duration {
        let told = retry_after::of(&self.headers, SystemTime::now());
        self.pass.refused(asked.or(told))
    }

    /// The body, read as JSON.
    ///
    /// # Errors
    /// It is none, or not of this form.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, NotJson> {
        serde_json::from_slice(&self.body).map_err(|error| NotJson::of(&error, self.body.len()))
    }
}
