//! Whether an endpoint says of itself that it is behind (`eth_syncing`): what it tells is then of an old state, and what it
//! lacks may be there.

use futures_util::future::join_all;
use serde_json::{Value, json};

use super::endpoint::Admission;
use super::error::RpcError;
use super::http::{self, RpcOutcome};
use super::{EndpointIndex, Rpc};

const METHOD: &str = "eth_syncing";

impl Rpc {
    /// Whether the first endpoint that answers says of itself that it is behind.
    ///
    /// # Errors
    /// None answers. See [`RpcError`].
    pub async fn says_it_is_syncing(&self) -> Result<bool, RpcError> {
        let told: Value = self.request(METHOD, json!([])).await?;
        Ok(told != json!(false))
    }

    /// Whether an endpoint says of itself that it is behind.
    pub(super) async fn is_syncing(&self, index: EndpointIndex) -> bool {
        match self.ask_one(index, METHOD, &json!([])).await {
            Ok(RpcOutcome::Result(raw)) => raw.get() != "false",
            Ok(RpcOutcome::Error(_)) | Err(_) => false,
        }
    }

    /// Asks every endpoint and keeps it with its health. Many gateways do not offer the method, so whoever does not answer
    /// has no worse standing for it, and is shown as nothing but what it says itself.
    pub(super) async fn ask_whether_syncing(&self) {
        let all = self.indices().map(async |index| {
            let endpoint = &self.inner.endpoints[index.position()];
            if !matches!(endpoint.admission(self.inner.config.recheck), Admission::Ready) {
                return;
            }
            let id = self.next_id();
            let says = match http::call(&endpoint.http, id, METHOD, &json!([])).await {
                // what is neither `false` nor the progress is no answer to this question
                Ok(RpcOutcome::Result(raw)) => serde_json::from_str::<Value>(raw.get())
                    .is_ok_and(|told| told.is_object() || told == json!(true)),
                Ok(RpcOutcome::Error(_)) => false,
                // what it said before stands
                Err(_) => return,
            };
            endpoint.says_it_is_syncing(says);
        });
        join_all(all).await;
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::node_that;
    use super::super::{EndpointState, RpcConfig};
    use super::*;
    use crate::types::RedactedUrl;

    /// A node that answers `eth_syncing` with these members, and nothing else.
    async fn node(says: Value) -> RedactedUrl {
        node_that(move |_| says.clone()).await
    }

    #[tokio::test]
    async fn an_endpoint_is_syncing_by_its_own_word_only_and_no_worse_for_having_none() {
        let says = [
            (
                json!({"result": {"currentBlock": "0x1", "highestBlock": "0x9"}}),
                true,
            ),
            (json!({"result": true}), true),
            (json!({"result": false}), false),
            (json!({"result": "0x"}), false),
            (
                json!({"error": {"code": -32601, "message": "no such method"}}),
                false,
            ),
        ];
        let mut urls = Vec::new();
        for (says, _) in &says {
            urls.push(node(says.clone()).await);
        }
        urls.push(RedactedUrl::new("http://127.0.0.1:1"));
        let rpc = Rpc::new(RpcConfig::new(urls, 1)).unwrap();
        rpc.ask_whether_syncing().await;
        let shown: Vec<_> = rpc.health().iter().map(|health| health.syncing).collect();
        let expected: Vec<_> = says.iter().map(|(_, syncing)| *syncing).chain([false]).collect();
        assert_eq!(shown, expected);
        assert!(
            rpc.health()
                .iter()
                .all(|health| health.state == EndpointState::Unchecked && health.last_error.is_none())
        );
    }
}
