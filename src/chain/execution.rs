//! The execution chain behind its port, over JSON-RPC.
//!
//! | question | yes | no | not known |
//! |---|---|---|---|
//! | `head`, `balance`, `nonce` | what the node says | never | no endpoint answers in a form that can be used, or none has that state |
//! | `fee_quote` | what most endpoints tell, with the lower of two beside it; where they are more than a block apart, what their headers of the head that they share determine | never | none answers, or they are far apart and their headers, too, or fewer than two of them have one |
//! | `block_at` | the block at that height | never | no endpoint has it after a few seconds, or none answers |
//! | `finalized` | the newest block that two endpoints which keep up call final, or the only one that tells any | a node says that nothing is final yet, by `null` or in its client's words, and no other tells a final block; the chain is shorter than the configured depth | every other error, no endpoint answers |
//! | `code` | the code that the first endpoint has that has any | every endpoint that answers has that state, and no code in it | no endpoint answers |
//! | `deployed_at` | the first block with code there | there is none now, by every endpoint that answers | an endpoint lacks an old state, or none answers |
//! | `simulate` | what came of it; that it reverts is a *yes* with the revert, and with the block at which two endpoints say the same; that one of several says so alone, or another that it goes through, too, and so are estimates of gas that are far apart; of two that are not, both | never | no endpoint answers, or the node fails without a revert |
//! | `foresee` | the logs, by `eth_simulateV1` or `debug_traceCall` | never | the call reverts, or no endpoint offers either |
//! | `deposits_of` | the deposits | the logs are numbered without a gap up to the count in the contract's state, and none is for this key | a log is missing by the numbers, or cannot be read; there is none, not in the day before either, and no endpoint tells the count that was |
//! | `final_receipt` | the receipt, its block being final | every endpoint that is asked says `null`, as one does that lags | not final yet, or told of a block that is not in the chain, or an endpoint does not answer and no other has it |
//! | `sender_of` | its sender and nonce | every endpoint says that it is in no block of its chain, as one does that lags | an endpoint does not answer and no other has it in a block |
//! | `outcome` | its block, and whether it went through | as above | an endpoint does not answer and no other has the receipt |

use std::time::Duration;

use alloy::primitives::{Address, B256, Bytes, U256};
use async_trait::async_trait;
use serde_json::json;

use super::Finality;
use super::deployed::deployed_at;
use super::deposits::DepositLogs;
use super::fees;
use super::rpc::{At, InChain, Rpc, RpcError};
use super::tried::{request, try_out};
use crate::ports::{
    Answer, Call, Evidence, Execution, FeeQuote, FinalReceipt, HeadBlock, KnownDeposit, Log, Simulated,
};
use crate::types::{BlockRef, BlsPublicKey, LogRef, Root, SafeText};

/// Providers are a second or two apart: this often, with this pause, a block is asked for that is not there yet.
const WAITS_FOR_BLOCK: (u32, Duration) = (8, Duration::from_millis(400));

const NO_RECEIPT: &str = "has no receipt";

/// The nodes of the execution chain, or one of them.
#[derive(Debug)]
pub struct Nodes {
    rpc: Rpc,
    /// Each endpoint by itself, where more than one may be asked.
    beside: Vec<(SafeText, Rpc)>,
    deposits: DepositLogs,
    finality: Finality,
}

impl Nodes {
    /// Over these endpoints.
    #[must_use]
    pub fn new(rpc: Rpc, deposit_contract: Address, finality: Finality) -> Self {
        Self {
            deposits: DepositLogs::new(rpc.clone(), deposit_contract),
            rpc,
            beside: Vec::new(),
            finality,
        }
    }

    /// The same; what one endpoint says of a call that reverts is asked of these, each by its name.
    #[must_use]
    pub fn beside(mut self, each: Vec<(SafeText, Rpc)>) -> Self {
        self.beside = each;
        self
    }

    async fn patiently(&self, number: u64) -> Result<Option<BlockRef>, RpcError> {
        let (times, pause) = WAITS_FOR_BLOCK;
        for _ in 0..times {
            match self.rpc.header(At::Number(number)).await {
                Ok(Some(header)) => return Ok(Some(header.block())),
                Ok(None) => {}
                Err(error) if error.server().is_some() => {}
                Err(error) => return Err(error),
            }
            tokio::time::sleep(pause).await;
        }
        Ok(None)
    }

    async fn logs_of(&self, call: &Call) -> Result<Answer<Vec<Log>>, RpcError> {
        let call = request(call);
        let block = self.rpc.head().await?.block();
        let emitted = match self.rpc.simulate(vec![json!(call)], At::Latest, None).await {
            Ok(mut tried) => match tried.pop() {
                Some(tried) if tried.succeeded() => tried.logs,
                _ => return Ok(Answer::not_known("the call reverts")),
            },
            Err(no_simulation) => match self.rpc.trace_call(&call).await {
                Ok(frame) if frame.error.is_none() => frame.emitted(),
                Ok(_) => return Ok(Answer::not_known("the call reverts")),
                Err(no_trace) => {
                    let words =
                        format!("no endpoint tells what a call would log: {no_simulation}; {no_trace}");
                    return Ok(Answer::not_known(words));
                }
            },
        };
        let logs = (0..).zip(emitted).map(|(index, log)| Log {
            address: log.address,
            topics: log.topics,
            data: log.data,
            at: LogRef {
                block,
                transaction: Root::default(),
                index,
            },
        });
        Ok(Answer::Yes(logs.collect()))
    }

    async fn receipt(&self, transaction: Root) -> Result<Answer<FinalReceipt>, RpcError> {
        let told = self.rpc.receipt_in_chain(B256::from(transaction.0)).await?;
        let found = match of_chain(told, NO_RECEIPT) {
            Answer::Yes(found) => found,
            Answer::No(evidence) => return Ok(Answer::No(evidence)),
            Answer::NotKnown(why) => return Ok(Answer::NotKnown(why)),
        };
        let head = self.rpc.head().await?.block();
        match self.finality.newest(&self.rpc, head).await {
            Answer::Yes(last) if last.number >= found.block().number => {}
            Answer::Yes(_) | Answer::No(_) => {
                return Ok(Answer::not_known("does not call its block final yet"));
            }
            Answer::NotKnown(why) => return Ok(Answer::NotKnown(why)),
        }
        Ok(Answer::Yes(FinalReceipt {
            block: found.block(),
            succeeded: found.succeeded(),
            logs: found.logs.iter().map(super::rpc::LogEntry::log).collect(),
        }))
    }
}

/// Who tells of a block that is not in the chain has told nothing.
fn of_chain<R>(told: InChain<R>, none: &str) -> Answer<R> {
    match told {
        InChain {
            found: Some(found), ..
        } => Answer::Yes(found),
        InChain {
            silent: Some(error), ..
        } => Answer::not_known(error),
        InChain { is_stale: true, .. } => {
            Answer::not_known("tells of a block that is not in the chain, and nobody of another")
        }
        InChain { .. } => Answer::no(none),
    }
}

#[async_trait]
impl Execution for Nodes {
    async fn head(&self) -> Answer<HeadBlock> {
        let header = self.rpc.head().await;
        header
            .map(|header| HeadBlock {
                block: header.block(),
                timestamp: header.timestamp(),
                base_fee_wei: header.base_fee_per_gas,
            })
            .into()
    }

    async fn block_at(&self, number: u64) -> Answer<BlockRef> {
        match self.patiently(number).await {
            Ok(Some(block)) => Answer::Yes(block),
            Ok(None) => Answer::not_known(format!("does not know block {number}")),
            Err(error) => Answer::not_known(error),
        }
    }

    async fn finalized(&self, head: BlockRef) -> Answer<BlockRef> {
        self.finality.newest(&self.rpc, head).await
    }

    async fn balance(&self, of: Address, at: At) -> Answer<U256> {
        self.rpc.balance(of, at).await.into()
    }

    async fn nonce(&self, of: Address, at: At) -> Answer<u64> {
        self.rpc.nonce(of, at).await.into()
    }

    async fn code(&self, of: Address, at: At) -> Answer<Bytes> {
        match self.rpc.code(of, at).await {
            Ok(code) if code.is_empty() => Answer::No(Evidence::new(format!("{of} has no code"))),
            other => other.into(),
        }
    }

    async fn deployed_at(&self, contract: Address) -> Answer<u64> {
        deployed_at(&self.rpc, contract).await
    }

    async fn simulate(&self, call: &Call) -> Answer<Simulated> {
        try_out(&self.rpc, &self.beside, call).await.into()
    }

    async fn foresee(&self, call: &Call) -> Answer<Vec<Log>> {
        self.logs_of(call).await.unwrap_or_else(Answer::not_known)
    }

    async fn fee_quote(&self) -> Answer<FeeQuote> {
        fees::quote(&self.rpc).await.into()
    }

    async fn deposits_of(
        &self,
        key: &BlsPublicKey,
        since: u64,
        block: BlockRef,
    ) -> Answer<Vec<KnownDeposit>> {
        match self.deposits.of(key, since, block).await {
            Ok(found) if found.is_empty() => {
                let words =
                    format!("no deposit for this key in the deposit contract's logs since block {since}");
                Answer::No(Evidence::at(block, words))
            }
            other => other.into(),
        }
    }

    async fn outcome(&self, transaction: Root) -> Answer<(BlockRef, bool)> {
        let told = self.rpc.receipt_in_chain(B256::from(transaction.0)).await;
        let told = told.map(|told| of_chain(told, NO_RECEIPT));
        let told = told.unwrap_or_else(Answer::not_known);
        told.map(|found| (found.block(), found.succeeded()))
    }

    async fn final_receipt(&self, transaction: Root) -> Answer<FinalReceipt> {
        self.receipt(transaction).await.unwrap_or_else(Answer::not_known)
    }

    async fn sender_of(&self, transaction: Root) -> Answer<(Address, u64)> {
        let told = self.rpc.mined(B256::from(transaction.0)).await;
        of_chain(told, "has it in no block").map(|found| (found.from, found.nonce()))
    }
}
