//! What became of a transaction in the chain. Some nodes go on showing the receipts of blocks that a reorganisation dropped:
//! what an endpoint tells is held against its own chain, and what another has in its own is looked for.

use alloy::primitives::B256;
use serde_json::json;

use super::ask::Round;
use super::types::{Receipt, TransactionInfo};
use super::{At, EndpointIndex, Rpc, RpcError};
use crate::types::{BlockRef, SafeText};

/// What one endpoint tells of a transaction, held against its own chain.
enum Standing<R> {
    InChain(R),
    Dropped,
    /// Whoever tells it has no such block, or does not answer: nodes behind one address are not at one block.
    Open(RpcError),
}

/// What endpoints tell of a transaction.
pub(crate) struct InChain<R> {
    /// Of a block that is in the chain of the endpoint that tells it.
    pub(crate) found: Option<R>,
    /// Somebody tells it of a block that is not, or not known to be, in their own chain.
    pub(crate) is_stale: bool,
    /// Who does not answer may have it.
    pub(crate) silent: Option<RpcError>,
}

impl<R> InChain<R> {
    fn of(found: R) -> Self {
        Self {
            found: Some(found),
            is_stale: false,
            silent: None,
        }
    }

    /// What was found; none where nobody who answers has it in their chain.
    ///
    /// # Errors
    /// One tells it of a block that is not known to be in the chain, nobody who answers has it in the chain, and somebody is silent.
    pub(crate) fn or_silent(self) -> Result<Option<R>, RpcError> {
        match (self.found, self.silent) {
            (None, Some(error)) if self.is_stale => Err(error),
            (found, _) => Ok(found),
        }
    }
}

impl Rpc {
    /// The receipt of a transaction in a block of the chain. Who tells that of another block is named, and the others are
    /// asked.
    ///
    /// # Errors
    /// See [`RpcError`].
    pub(crate) async fn receipt_in_chain(&self, hash: B256) -> Result<InChain<Receipt>, RpcError> {
        let method = "eth_getTransactionReceipt";
        let ask = move |voice: Rpc| async move {
            let found = voice.receipt(hash).await?;
            Ok(found.map(|found| (found.block(), found)))
        };
        let told: Round<Receipt> = self.anybodys(method, json!([hash])).await?;
        let (first, silent) = match told {
            Round::Found { found, teller, .. } => {
                match self.standing(teller, (found.block(), found), &ask).await {
                    Standing::InChain(found) => return Ok(InChain::of(found)),
                    Standing::Dropped => (teller, None),
                    Standing::Open(error) => (teller, Some(error)),
                }
            }
            Round::Nowhere { silent, .. } => {
                let attempts = silent;
                let silent = (!attempts.is_empty()).then_some(RpcError::Unanswered { method, attempts });
                return Ok(InChain {
                    found: None,
                    is_stale: false,
                    silent,
                });
            }
        };
        let others = self.indices().filter(|index| *index != first).collect();
        let told = self.of_each(others, ask).await;
        Ok(InChain {
            is_stale: true,
            silent: silent.or(told.silent),
            ..told
        })
    }

    /// A transaction that is in a block of the chain; likewise.
    pub(crate) async fn mined(&self, hash: B256) -> InChain<TransactionInfo> {
        let ask = move |voice: Rpc| async move {
            let found = voice.transaction(hash).await?;
            Ok(found.and_then(|found| Some((found.block()?, found))))
        };
        self.of_each(self.order(), ask).await
    }

    async fn of_each<R, F>(&self, asked: Vec<EndpointIndex>, ask: impl Fn(Rpc) -> F) -> InChain<R>
    where
        F: Future<Output = Result<Option<(BlockRef, R)>, RpcError>>,
    {
        let (mut is_stale, mut silent) = (false, None);
        for index in asked {
            let told = match ask(self.voice(index)).await {
                Ok(Some(told)) => {
                    is_stale = true;
                    match self.standing(index, told, &ask).await {
                        Standing::InChain(found) => return InChain::of(found),
                        Standing::Dropped => Ok(()),
                        Standing::Open(error) => Err(error),
                    }
                }
                Ok(None) => Ok(()),
                Err(error) => Err(error),
            };
            silent = silent.or(told.err());
        }
        InChain {
            found: None,
            is_stale,
            silent,
        }
    }

    /// Whether what an endpoint tells is of a block of the chain. A reorganisation may come between two questions, and nodes
    /// behind one address may be of two minds for a while: only who tells it again, and again has another block there, is
    /// named.
    async fn standing<R, F>(
        &self,
        teller: EndpointIndex,
        (block, found): (BlockRef, R),
        ask: &impl Fn(Rpc) -> F,
    ) -> Standing<R>
    where
        F: Future<Output = Result<Option<(BlockRef, R)>, RpcError>>,
    {
        match self.there(teller, block.number).await {
            Ok((there, _)) if there == block => return Standing::InChain(found),
            Ok(_) => {}
            Err(error) => return Standing::Open(error),
        }
        let (again, found) = match ask(self.voice(teller)).await {
            Ok(Some(told)) => told,
            Ok(None) => return Standing::Dropped,
            Err(error) => return Standing::Open(error),
        };
        match self.there(teller, again.number).await {
            Ok((there, _)) if there == again => Standing::InChain(found),
            Ok((_, is_its_own)) => {
                if is_its_own && again == block {
                    let words = format!(
                        "says that a transaction is in block {} {}, which is not in its own chain",
                        block.number, block.hash
                    );
                    self.blame_for_contradiction(teller, &SafeText::new(&words));
                }
                Standing::Dropped
            }
            Err(error) => Standing::Open(error),
        }
    }

    /// The block of a height by the word of the endpoint that told of it, and whether it is that: another one is asked only
    /// where it is silent, as who lags, or is on another fork, makes nobody else wrong.
    async fn there(&self, teller: EndpointIndex, number: u64) -> Result<(BlockRef, bool), RpcError> {
        let at = At::Number(number);
        let (header, is_its_own) = match self.voice(teller).header(at).await {
            Ok(header) => (header, true),
            Err(_) => (self.header(at).await?, false),
        };
        let header = header.ok_or_else(|| RpcError::Nowhere {
            method: "eth_getBlockByNumber",
            reason: SafeText::new(&format!(
                "{} tells of block {number}, and has none of that number",
                self.inner.endpoints[teller.position()].name
            )),
        })?;
        Ok((header.block(), is_its_own))
    }
}
