//! What became of a transaction in the chain. Some nodes go on showing the receipts of blocks that a reorganisation dropped:
//! what an endpoint tells is held against its own chain, and what another has in its own is looked for.

use alloy::primitives::B256;
use serde_json::json;

use super::ask::Round;
use super::types::{Receipt, TransactionInfo};
use super::{At, EndpointIndex, Rpc, RpcError};
use crate::types::{BlockRef, SafeText};

/// What endpoints tell of a transaction.
pub(crate) struct InChain<R> {
    /// Of a block that is in the chain of the endpoint that tells it.
    pub(crate) found: Option<R>,
    /// Somebody tells it of a block that is not in their own chain.
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
    /// One tells it of a dropped block, nobody who answers has it in the chain, and somebody is silent.
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
        let told: Round<Receipt> = self.anybodys(method, json!([hash])).await?;
        let first = match told {
            Round::Found { found, teller, .. } if self.has_in_chain(teller, found.block()).await? => {
                return Ok(InChain::of(found));
            }
            Round::Found { teller, .. } => teller,
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
        let ask = move |voice: Rpc| async move {
            let found = voice.receipt(hash).await?;
            Ok(found.map(|found| (found.block(), found)))
        };
        let told = self.of_each(others, ask).await;
        Ok(InChain {
            is_stale: true,
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
                Ok(Some((block, found))) => match self.has_in_chain(index, block).await {
                    Ok(true) => return InChain::of(found),
                    Ok(false) => {
                        is_stale = true;
                        Ok(())
                    }
                    Err(error) => Err(error),
                },
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

    /// Whether the chain holds this block by the word of the endpoint that told of it, and by another's only where that one
    /// is silent: who lags, or is on another fork, makes nobody else wrong.
    async fn has_in_chain(&self, teller: EndpointIndex, block: BlockRef) -> Result<bool, RpcError> {
        let at = At::Number(block.number);
        let header = match self.voice(teller).header(at).await {
            Ok(header) => header,
            Err(_) => self.header(at).await?,
        };
        let holds = header.is_some_and(|header| header.block() == block);
        if !holds {
            let words = format!(
                "says that a transaction is in block {} {}, which is not in its own chain",
                block.number, block.hash
            );
            self.blame_for_contradiction(teller, &SafeText::new(&words));
        }
        Ok(holds)
    }
}
