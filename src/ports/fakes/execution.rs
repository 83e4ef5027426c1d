//! An execution chain that says what it is told to say, and keeps what was tried out on it.

use std::fmt;
use std::sync::Mutex;

use alloy::primitives::{Address, Bytes, U256};
use async_trait::async_trait;

use crate::ports::{
    Answer, At, Call, Execution, FeeQuote, FinalReceipt, HeadBlock, KnownDeposit, Log, Simulated,
};
use crate::types::{BlockRef, BlsPublicKey, Root};

/// Whether a call goes through.
type Takes = dyn Fn(&Call) -> bool + Send + Sync;

/// Every answer, changed by the test before or while it is asked.
pub(crate) struct FakeExecution {
    pub(crate) head: Answer<HeadBlock>,
    pub(crate) finalized: Answer<BlockRef>,
    pub(crate) balance: Answer<U256>,
    pub(crate) nonce: Answer<u64>,
    pub(crate) code: Answer<Bytes>,
    pub(crate) deployed: Answer<u64>,
    pub(crate) simulated: Answer<Simulated>,
    pub(crate) foreseen: Answer<Vec<Log>>,
    pub(crate) quote: Answer<FeeQuote>,
    pub(crate) deposits: Answer<Vec<KnownDeposit>>,
    pub(crate) receipt: Answer<FinalReceipt>,
    pub(crate) sender: Answer<(Address, u64)>,
    /// Calls that go through, whatever is said of the others.
    pub(crate) takes: Option<Box<Takes>>,
    /// What was tried out.
    pub(crate) tried: Mutex<Vec<Call>>,
}

impl fmt::Debug for FakeExecution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FakeExecution").finish_non_exhaustive()
    }
}

impl Default for FakeExecution {
    /// Block 9 on a chain where everything goes well.
    fn default() -> Self {
        let block = BlockRef {
            number: 9,
            hash: Root([9; 32]),
        };
        Self {
            head: Answer::Yes(HeadBlock {
                block,
                timestamp: 1_700_000_000,
                base_fee_wei: Some(U256::from(7)),
            }),
            finalized: Answer::Yes(block),
            balance: Answer::Yes(U256::from(10).pow(U256::from(18))),
            nonce: Answer::Yes(0),
            code: Answer::Yes(Bytes::from_static(&[0xfe])),
            deployed: Answer::not_known("missing trie node"),
            simulated: Answer::Yes(Simulated::Succeeds {
                gas: 100_000,
                doubt: None,
                less: None,
            }),
            foreseen: Answer::Yes(Vec::new()),
            quote: Answer::Yes(FeeQuote {
                base_fee: 1_000_000_000,
                priority: 100_000_000,
                alone: false,
                least_base_fee: 1_000_000_000,
            }),
            deposits: Answer::no("no deposit for this key in the deposit contract's logs"),
            receipt: Answer::no("has no receipt"),
            sender: Answer::no("has it in no block"),
            takes: None,
            tried: Mutex::default(),
        }
    }
}

#[async_trait]
impl Execution for FakeExecution {
    async fn head(&self) -> Answer<HeadBlock> {
        self.head.clone()
    }

    async fn block_at(&self, number: u64) -> Answer<BlockRef> {
        self.head().await.and_then(|head| match head.block {
            block if block.number == number => Answer::Yes(block),
            _ => Answer::not_known(format!("does not know block {number}")),
        })
    }

    async fn finalized(&self, _head: BlockRef) -> Answer<BlockRef> {
        self.finalized.clone()
    }

    async fn balance(&self, _of: Address, _at: At) -> Answer<U256> {
        self.balance.clone()
    }

    async fn nonce(&self, _of: Address, _at: At) -> Answer<u64> {
        self.nonce.clone()
    }

    async fn code(&self, _of: Address, _at: At) -> Answer<Bytes> {
        self.code.clone()
    }

    async fn deployed_at(&self, _contract: Address) -> Answer<u64> {
        self.deployed.clone()
    }

    async fn simulate(&self, call: &Call) -> Answer<Simulated> {
        self.tried.lock().unwrap().push(call.clone());
        if self.takes.as_ref().is_some_and(|takes| takes(call)) {
            return Answer::Yes(Simulated::Succeeds {
                gas: 100_000,
                doubt: None,
                less: None,
            });
        }
        self.simulated.clone()
    }

    async fn foresee(&self, _call: &Call) -> Answer<Vec<Log>> {
        self.foreseen.clone()
    }

    async fn fee_quote(&self) -> Answer<FeeQuote> {
        self.quote.clone()
    }

    async fn deposits_of(
        &self,
        _key: &BlsPublicKey,
        _since: u64,
        _block: BlockRef,
    ) -> Answer<Vec<KnownDeposit>> {
        self.deposits.clone()
    }

    async fn outcome(&self, _transaction: Root) -> Answer<(BlockRef, bool)> {
        let receipt = self.receipt.clone();
        receipt.map(|receipt| (receipt.block, receipt.succeeded))
    }

    async fn final_receipt(&self, _transaction: Root) -> Answer<FinalReceipt> {
        self.receipt.clone()
    }

    async fn sender_of(&self, _transaction: Root) -> Answer<(Address, u64)> {
        self.sender.clone()
    }
}
