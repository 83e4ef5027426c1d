//! What the upkeep asks of a beacon node, ours or another one.

use std::time::Duration;

use serde::Deserialize;

use crate::types::BlsPublicKey;

const DEADLINE: Duration = Duration::from_secs(5);
/// A validator's record is a few hundred bytes.
const MAX_BODY: usize = 64 * 1024;

#[derive(Deserialize)]
struct Answer {
    data: Record,
}

#[derive(Deserialize)]
struct Record {
    status: String,
}

/// Looks at validators through the Beacon API.
#[derive(Debug, Clone)]
pub struct BeaconWatch {
    url: String,
    client: reqwest::Client,
}

impl BeaconWatch {
    /// Asks the node at `url`. `None`: no HTTP client can be made.
    #[must_use]
    pub fn new(url: &str) -> Option<Self> {
        let client = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(DEADLINE)
            .build()
            .ok()?;
        Some(Self {
            url: url.trim_end_matches('/').to_owned(),
            client,
        })
    }

    /// Whether the validator's balance has been withdrawn. An answer that cannot be had counts as no: it is asked again.
    pub async fn is_withdrawn(&self, key: &BlsPublicKey) -> bool {
        self.status(key).await.as_deref() == Some("withdrawal_done")
    }

    /// The validator's status, where the node knows it and answers.
    pub async fn status(&self, key: &BlsPublicKey) -> Option<String> {
        let url = format!("{}/eth/v1/beacon/states/head/validators/{key}", self.url);
        let mut answer = self.client.get(url).send().await.ok()?;
        if !answer.status().is_success() {
            return None;
        }
        let mut body = Vec::new();
        while let Some(part) = answer.chunk().await.ok()? {
            body.extend_from_slice(&part);
            if body.len() > MAX_BODY {
                return None;
            }
        }
        serde_json::from_slice::<Answer>(&body)
            .ok()
            .map(|answer| answer.data.status)
    }
}
