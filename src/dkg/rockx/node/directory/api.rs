//! The operator record of the SSV API: `GET {base}/api/v4/{network}/operators/{id}`.

use std::time::Duration;

use serde::Deserialize;

use super::super::http;
use crate::types::{OperatorId, RedactedUrl, RsaPublicKeyText, SafeText};

/// Where to ask. TLS certificates are verified, redirects are not followed, the answer is bounded.
#[derive(Debug, Clone)]
pub struct SsvApi {
    base: RedactedUrl,
    network: String,
    client: reqwest::Client,
}

/// An operator record takes about 2 KiB.
const MAX_ANSWER: usize = 64 * 1024;
const DEADLINE: Duration = Duration::from_secs(10);

#[derive(Deserialize)]
struct Record {
    id: u64,
    public_key: RsaPublicKeyText,
}

impl SsvApi {
    /// An API at this base URL (without `/api/…`), for this network's path segment, e.g. `mainnet` or `hoodi`.
    ///
    /// # Errors
    /// The HTTP client cannot be built, or the network is not a plain word.
    pub fn new(base: RedactedUrl, network: &str) -> Result<Self, SafeText> {
        if network.is_empty() || !network.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
            return Err(SafeText::new(&format!(
                "\"{network}\" is not the name of a network"
            )));
        }
        Ok(Self {
            base,
            network: network.to_owned(),
            client: http::client(DEADLINE)?,
        })
    }

    pub(super) async fn public_key(&self, id: OperatorId) -> Result<RsaPublicKeyText, SafeText> {
        let url = format!(
            "{}/api/v4/{}/operators/{id}",
            self.base.expose().trim_end_matches('/'),
            self.network
        );
        let answer = self
            .client
            .get(url)
            .send()
            .await
            .map_err(|e| http::describe(&e))?;
        let status = answer.status();
        let body = http::body_of(answer, MAX_ANSWER).await?;
        if !status.is_success() {
            return Err(SafeText::new(&format!("the operator registry answered {status}")));
        }
        let record: Record = serde_json::from_slice(&body)
            .map_err(|e| SafeText::new(&format!("the operator registry's answer: {e}")))?;
        if record.id != id.0 {
            return Err(SafeText::new(&format!(
                "the operator registry answered about operator {}",
                record.id
            )));
        }
        Ok(record.public_key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Serves this answer on every path.
    async fn serving(status: u16, headers: &'static [(&'static str, &'static str)], body: String) -> SsvApi {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}/", listener.local_addr().unwrap());
        let answer = move |uri: axum::http::Uri| async move {
            assert!(uri.path().starts_with("/api/v4/hoodi/operators/"), "{uri}");
            let mut answer = axum::response::Response::builder().status(status);
            for (name, value) in headers {
                answer = answer.header(*name, *value);
            }
            answer.body(axum::body::Body::from(body)).unwrap()
        };
        let router = axum::Router::new().fallback(answer);
        tokio::spawn(async move { axum::serve(listener, router).await });
        SsvApi::new(RedactedUrl::new(base), "hoodi").unwrap()
    }

    #[tokio::test]
    async fn only_a_proper_record_of_this_operator_is_believed() {
        let record = r#"{"id":7,"owner_address":"0x00","public_key":"cGVt","status":"Active"}"#;
        let good = serving(200, &[], record.into()).await;
        assert_eq!(good.public_key(OperatorId(7)).await.unwrap(), "cGVt");
        for (api, id, error) in [
            (good, 8, "answered about operator 7"),
            (serving(404, &[], record.into()).await, 7, "answered 404"),
            (
                serving(200, &[], r#"{"error":"none"}"#.into()).await,
                7,
                "missing field",
            ),
            (
                serving(200, &[], " ".repeat(MAX_ANSWER + 1)).await,
                7,
                "an answer of more than",
            ),
            (
                serving(302, &[("location", "http://127.0.0.1:1/")], String::new()).await,
                7,
                "answered 302",
            ),
        ] {
            let text = api.public_key(OperatorId(id)).await.unwrap_err().to_string();
            assert!(text.contains(error), "{text}");
        }
        assert!(SsvApi::new(RedactedUrl::new("http://x"), "../admin").is_err());
    }
}
