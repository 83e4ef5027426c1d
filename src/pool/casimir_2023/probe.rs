//! Before anything else: does the code at the address answer as this edition does? And whom does it take calls from?

use alloy::primitives::{Address, U256};

use super::{Manager, Version as _, calls};
use crate::chain::revert::revert_of;
use crate::chain::rpc::{At, CallRequest, RpcError};
use crate::chain::view::ViewError;
use crate::pool::AdapterName;
use crate::pool::recognise::{Recognised, has, recognise};
use crate::ports::{Answer, DecodedRevert, Evidence, PoolManager as _, Probe, ResharePool, RevertForm};
use crate::types::{BlockRef, PoolId};

/// What `resharePool` refuses an oracle with: `require(reshareCount < 3, …)`, which stands behind its question for the
/// caller. It is the only other text of that call.
const BEHIND_THE_ORACLE_CHECK: &[&str] = &["Pool has been reshared twice"];

impl Manager {
    /// Asks for the calls of this edition, and every view once, at one block.
    pub(super) async fn examine(&self) -> Answer<Probe> {
        match self.look().await {
            Ok(Answer::No(evidence)) => self.of_the_present(evidence).await,
            Ok(answer) => answer,
            Err(error) => Answer::not_known(error),
        }
    }

    /// A *no* counts only from a node that knows the present state: one that is still syncing has an old one, or none, in
    /// which the contract is not there yet.
    async fn of_the_present(&self, evidence: Evidence) -> Answer<Probe> {
        let head = evidence.block.map_or(0, |block| block.number);
        if head < self.from_block {
            return Answer::not_known(format!(
                "the endpoint is at block {head}, and the contract begins at block {} (contract.from_block): it is still \
                 syncing, or of another chain",
                self.from_block
            ));
        }
        match self.rpc.says_it_is_syncing().await {
            Ok(false) => Answer::No(evidence),
            Ok(true) => Answer::not_known(format!(
                "the endpoint is still syncing, so what it lacks at block {head} may be there: {evidence}"
            )),
            Err(error) => Answer::not_known(format!(
                "whether the endpoint is still syncing is not known ({error}), and it says: {evidence}"
            )),
        }
    }

    async fn look(&self) -> Result<Answer<Probe>, RpcError> {
        let head = self.rpc.head().await?;
        let (block, at) = (head.block(), At::Hash(head.hash));
        let no = |words: String| Ok(Answer::No(Evidence::at(block, words)));
        if self.rpc.code(self.address, at).await?.is_empty() {
            return no(format!("there is no contract at {}", self.address));
        }
        let fingerprint = self.edition.fingerprint(self.layout);
        let ours = has(&self.rpc, self.address, fingerprint, at).await?;
        if !ours {
            let found = recognise(&self.rpc, self.address, at).await?;
            if let Some(words) = self.another(&found) {
                return no(words);
            }
        }
        let probe = match self.every_view(block, at).await {
            Ok(probe) => probe,
            Err(ViewError::Rpc { source, .. }) => return Err(source),
            Err(error) => {
                return no(format!(
                    "the contract at {} is not {}: {error}",
                    self.address,
                    self.name()
                ));
            }
        };
        if !ours {
            let known: Vec<_> = AdapterName::all().map(AdapterName::as_str).collect();
            return no(format!(
                "the contract at {} has no initiatePoolDeposit of a known version ({}), in either cluster layout",
                self.address,
                known.join(", ")
            ));
        }
        Ok(Answer::Yes(probe))
    }

    /// What the code is instead, and what to set.
    fn another(&self, found: &[Recognised]) -> Option<String> {
        let ours = |r: &&Recognised| r.name.as_str() == self.name();
        let same_layout = |r: &&Recognised| r.layout == self.layout;
        let found = found
            .iter()
            .find(ours)
            .or_else(|| found.iter().find(same_layout))
            .or(found.first())?;
        let Recognised { name, layout } = found;
        let set_layout = format!("contract.cluster_layout = \"{layout}\"");
        Some(if ours(&found) {
            format!(
                "the contract at {} takes SSV's cluster with its fields as {layout}, not as {}; set {set_layout}",
                self.address, self.layout
            )
        } else {
            let and = if same_layout(&found) {
                String::new()
            } else {
                format!(" and {set_layout}")
            };
            format!(
                "the contract at {} is {name}, not {}; set contract.adapter = \"{name}\"{and}",
                self.address,
                self.name()
            )
        })
    }

    async fn every_view(&self, block: BlockRef, at: At) -> Result<Probe, ViewError> {
        let probe = Probe {
            block,
            ssv_network: self.view_ssv_network(at).await?,
            upkeep: self.upkeep(at).await?,
            ready: self.ready_pools(at).await?,
            pending: self.pending_pools(at).await?,
            staked: self.staked_pools(at).await?,
            reserved_fees_wei: self.view_reserved_fees(at).await?,
        };
        self.validator_public_keys(at).await?;
        self.exiting_validators(at).await?;
        self.pool_with_shares(PoolId(0), at).await?;
        Ok(probe)
    }

    /// The contract has no view that names its oracle, so a reshare of a pool that cannot exist is simulated from the
    /// address. `resharePool` asks for its oracle before anything else: a stranger is refused with the contract's
    /// well-known words.
    pub(super) async fn try_as(&self, oracle: Address, at: At) -> Answer<()> {
        let reshare = ResharePool {
            pool: PoolId(u32::MAX),
            operator_ids: Vec::new(),
            shares: Default::default(),
            handover: None,
        };
        let call = CallRequest {
            from: Some(oracle),
            to: self.address,
            input: calls::encode_reshare(&reshare),
            value: U256::ZERO,
        };
        let error = match self.rpc.call(&call, at).await {
            // code that has no such function may return something all the same
            Ok(returned) if !returned.is_empty() => {
                return Answer::not_known("resharePool returned something, which the manager's does not");
            }
            // a call to an address without code succeeds from everybody
            Ok(_) => {
                return match self.rpc.code(self.address, at).await {
                    Ok(code) if !code.is_empty() => Answer::Yes(()),
                    Ok(_) => Answer::not_known(format!("there is no contract at {}", self.address)),
                    Err(error) => Answer::not_known(error),
                };
            }
            Err(error) => error,
        };
        match error.server().and_then(revert_of).map(|r| self.explain(&r)) {
            None => Answer::not_known(error),
            Some(revert) => self.read_refusal(oracle, &revert),
        }
    }

    /// What a refused reshare says of whoever called. Only a text that the contract has behind its question for the
    /// oracle proves that the question was passed.
    fn read_refusal(&self, oracle: Address, revert: &DecodedRevert) -> Answer<()> {
        let reason = revert.reason.as_str();
        if reason.contains(self.edition.not_the_oracle) {
            Answer::No(Evidence::new(format!("the manager refuses calls from {oracle}")))
        } else if BEHIND_THE_ORACLE_CHECK.iter().any(|text| reason.contains(text)) {
            Answer::Yes(())
        } else if revert.form == RevertForm::Empty {
            Answer::not_known("the manager refuses without a word")
        } else {
            Answer::not_known(format!(
                "the manager refuses for a reason that does not tell whom it takes calls from: {reason}"
            ))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use axum::Json;
    use axum::extract::State;
    use axum::routing::post;
    use serde_json::{Value, json};

    use super::*;
    use crate::chain::rpc::{Rpc, RpcConfig};
    use crate::pool::{Connection, VERSIONS};
    use crate::types::{ClusterLayout, RedactedUrl};

    /// A node without a contract anywhere, at block 100, that says this of its syncing; an error where that is null.
    async fn node(syncing: Value) -> RedactedUrl {
        async fn answer(State(syncing): State<Arc<Value>>, Json(asked): Json<Value>) -> Json<Value> {
            let hash = format!("0x{}", "11".repeat(32));
            let result = match asked["method"].as_str().unwrap() {
                "eth_chainId" => json!("0x1"),
                "eth_getCode" => json!("0x"),
                "eth_syncing" if syncing.is_null() => {
                    let error = json!({"code": -32601, "message": "no such method"});
                    return Json(json!({"jsonrpc": "2.0", "id": asked["id"], "error": error}));
                }
                "eth_syncing" => (*syncing).clone(),
                _ => json!({
                    "number": "0x64", "hash": hash, "parentHash": hash, "timestamp": "0x1", "baseFeePerGas": "0x7",
                    "logsBloom": format!("0x{}", "00".repeat(256)), "gasLimit": "0x1", "gasUsed": "0x0",
                }),
            };
            Json(json!({"jsonrpc": "2.0", "id": asked["id"], "result": result}))
        }
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = axum::Router::new()
            .fallback(post(answer))
            .with_state(Arc::new(syncing));
        tokio::spawn(async move { axum::serve(listener, router).await });
        RedactedUrl::new(url)
    }

    async fn probe(syncing: Value, from_block: u64) -> Answer<Probe> {
        let rpc = Rpc::new(RpcConfig::new(vec![node(syncing).await], 1)).unwrap();
        let manager = VERSIONS[0].open(Connection {
            rpc,
            address: Address::repeat_byte(5),
            layout: ClusterLayout::ActiveThenBalance,
            ssv_network: None,
            from_block,
            kept: None,
        });
        manager.probe().await
    }

    #[tokio::test]
    async fn only_a_node_of_the_present_can_say_that_there_is_no_contract() {
        assert!(matches!(probe(json!(false), 100).await, Answer::No(_)));
        let behind = json!({"startingBlock": "0x0", "currentBlock": "0x64", "highestBlock": "0x1000"});
        for (syncing, from_block, words) in [
            (behind, 0, "still syncing"),
            (json!(false), 101, "contract.from_block"),
            (Value::Null, 0, "is not known"),
        ] {
            let Answer::NotKnown(why) = probe(syncing, from_block).await else {
                panic!("{words}")
            };
            assert!(why.to_string().contains(words), "{why}");
        }
    }
}
