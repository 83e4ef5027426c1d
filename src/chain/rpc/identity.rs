//! Which chain an endpoint serves: asked before it is believed, again at intervals, and after every outage.

use alloy::primitives::{B256, U64};
use serde_json::json;

use super::Rpc;
use super::ask::decoded;
use super::endpoint::Endpoint;
use super::error::{Attempt, EndpointError, RpcError};
use super::http::Said;
use crate::types::SafeText;

impl Rpc {
    /// Looks at the chain of every endpoint now: one that serves ours is enough.
    ///
    /// # Errors
    /// `Unanswered`, with what is wrong with each of them.
    pub async fn verify_chain(&self) -> Result<(), RpcError> {
        let mut attempts = Vec::new();
        let mut good = false;
        for endpoint in &self.inner.endpoints {
            endpoint.forget_check();
            match self.check_chain(endpoint).await {
                Ok(()) => good = true,
                Err(error) => attempts.push(Attempt {
                    endpoint: endpoint.name.clone(),
                    error,
                }),
            }
        }
        if good {
            Ok(())
        } else {
            Err(RpcError::Unanswered {
                method: "eth_chainId",
                attempts,
            })
        }
    }

    /// Makes every endpoint that this client asks prove its chain again before its next answer counts: for use when what
    /// it says looks like another chain's history, and before money moves.
    pub fn distrust(&self) {
        for index in self.indices() {
            self.inner.endpoints[index.0].forget_check();
        }
    }

    pub(super) async fn check_chain(&self, endpoint: &Endpoint) -> Result<(), EndpointError> {
        let reply = self.ask(endpoint, "eth_chainId", &json!([])).await?;
        let verdict = match reply {
            Said::Result(raw) => {
                let id: u64 = endpoint.usable("eth_chainId", decoded::<U64>(&raw))?.to();
                endpoint.told_chain(id);
                let expected = self.inner.config.chain_id;
                match id == expected {
                    true => Ok(()),
                    false => Err(SafeText::new(&format!("serves chain {id}, expected {expected}"))),
                }
            }
            Said::Error(error) => return Err(EndpointError::NotHere(error)),
        };
        let verdict = match verdict {
            Ok(()) => self.check_genesis(endpoint).await?,
            wrong => wrong,
        };
        endpoint.checked(verdict.clone());
        verdict.map_err(EndpointError::WrongChain)
    }

    /// Development chains share ids, so block 0 is compared too. A node that does not know it any more is believed; one
    /// that is asked too often, is not done in time or tells something else has not said, and is not.
    async fn check_genesis(&self, endpoint: &Endpoint) -> Result<Result<(), SafeText>, EndpointError> {
        #[derive(serde::Deserialize)]
        struct Genesis {
            hash: B256,
        }
        let reply = match self
            .ask(endpoint, "eth_getBlockByNumber", &json!(["0x0", false]))
            .await
        {
            Ok(reply) => reply,
            Err(EndpointError::NotHere(error)) if !error.passes() => return Ok(Ok(())),
            Err(error) => return Err(error),
        };
        let Said::Result(raw) = reply else {
            return Ok(Ok(()));
        };
        let genesis = endpoint.usable("eth_getBlockByNumber", decoded::<Option<Genesis>>(&raw))?;
        let Some(Genesis { hash }) = genesis else {
            return Ok(Ok(()));
        };
        let mut known = self
            .inner
            .genesis
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        let expected = *known.get_or_insert(hash);
        Ok(if expected == hash {
            Ok(())
        } else {
            Err(SafeText::new(&format!(
                "same chain id, but another genesis block: {hash}, expected {expected}"
            )))
        })
    }
}
