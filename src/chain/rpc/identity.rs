//! Which chain an endpoint serves: asked before it is believed, again at intervals, and after every outage.

use alloy::primitives::{B256, U64};
use futures_util::future::join_all;
use serde_json::json;

use super::ask::decoded;
use super::endpoint::Admission;
use super::error::{Attempt, EndpointError};
use super::http::RpcOutcome;
use super::{EndpointIndex, Rpc, RpcError};
use crate::alike::Dissent;
use crate::types::SafeText;

impl Rpc {
    /// Looks at the chain of every endpoint whose turn it is, so that none is believed because no other was asked; where
    /// they differ, at once again at those who were believed before.
    pub(super) async fn look_at_chains(&self) {
        for _ in 0..2 {
            let recheck = self.inner.config.recheck;
            let all = self.indices().map(async |index| {
                let endpoint = &self.inner.endpoints[index.0];
                let ready = matches!(endpoint.admission(recheck), Admission::Ready);
                if ready && endpoint.needs_check(recheck) {
                    // kept with its health
                    let _ = self.check_chain(index).await;
                }
            });
            join_all(all).await;
        }
    }

    /// Asks every endpoint which chain it serves. One that serves the right one is enough.
    ///
    /// # Errors
    /// `Unanswered`, with what is wrong with each of them.
    pub async fn verify_chain(&self) -> Result<(), RpcError> {
        let mut attempts = Vec::new();
        let mut good = false;
        for index in self.indices() {
            let endpoint = &self.inner.endpoints[index.0];
            endpoint.forget_check();
            match self.check_chain(index).await {
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

    pub(super) async fn check_chain(&self, index: EndpointIndex) -> Result<(), EndpointError> {
        let endpoint = &self.inner.endpoints[index.0];
        let reply = self.ask(endpoint, "eth_chainId", &json!([])).await?;
        let verdict = match reply {
            RpcOutcome::Result(raw) => {
                let id: u64 = endpoint.usable("eth_chainId", decoded::<U64>(&raw))?.to();
                endpoint.told_chain(id);
                let expected = self.inner.config.chain_id;
                match id == expected {
                    true => Ok(()),
                    false => Err(SafeText::new(&format!("serves chain {id}, expected {expected}"))),
                }
            }
            RpcOutcome::Error(error) => return Err(EndpointError::NotHere(error)),
        };
        let verdict = match verdict {
            Ok(()) => self.check_genesis(index).await?,
            wrong => wrong,
        };
        endpoint.checked(verdict.clone());
        verdict.map_err(EndpointError::WrongChain)
    }

    /// Development chains share ids, so block 0 is compared too, with what is configured or with what the others tell. A node
    /// that does not know it any more is believed; one that is asked too often, is not done in time or tells something else
    /// has not said, and is not.
    async fn check_genesis(&self, index: EndpointIndex) -> Result<Result<(), SafeText>, EndpointError> {
        let endpoint = &self.inner.endpoints[index.0];
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
        let RpcOutcome::Result(raw) = reply else {
            return Ok(Ok(()));
        };
        let genesis = endpoint.usable("eth_getBlockByNumber", decoded::<Option<Genesis>>(&raw))?;
        let Some(Genesis { hash }) = genesis else {
            return Ok(Ok(()));
        };
        let mut told = self
            .inner
            .genesis
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        let heard = told.judge(index.0, hash, |other| self.inner.endpoints[other].forget_check());
        Ok(heard.map_err(|dissent| {
            let words = match dissent {
                Dissent::Known(expected) => format!("{hash}, expected {expected}"),
                Dissent::Undecided { other, tells } => format!(
                    "{hash}, and {} tells {tells}: take the one that lies out of rpc.urls, or set network.genesis_block",
                    self.inner.endpoints[other].name
                ),
            };
            SafeText::new(&format!("same chain id, but another genesis block: {words}"))
        }))
    }
}
