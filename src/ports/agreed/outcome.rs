//! Where a transaction of an account is, as each endpoint has it in its blocks.

use alloy::primitives::Address;
use async_trait::async_trait;

use crate::ports::{At, Question, Unknown, Voice, Words};
use crate::types::{BlockRef, Root};

const BLOCK: &str = "its block";

/// How whoever has the nonce unused says that it is in none.
const NONE: &str = "none: the next nonce is ";

/// Whether what most say of a transaction is that it is in this block, and whether it went through.
#[must_use]
pub fn are_of(most: &Words, block: BlockRef, succeeded: bool) -> bool {
    most.starts_with(&placed(block, succeeded))
}

/// Whether what is said of a transaction is that it is in this block, whatever came of it.
#[must_use]
pub fn is_in(said: &Words, block: BlockRef) -> bool {
    said.first() == placed(block, true).first()
}

/// Whether those words say that it is in no block, and its nonce unused.
#[must_use]
pub fn is_in_no_block(said: &Words) -> bool {
    matches!(said.first(), Some((BLOCK, value)) if value.starts_with(NONE))
}

pub(super) fn placed(block: BlockRef, succeeded: bool) -> Words {
    vec![
        (BLOCK, format!("{} {}", block.number, block.hash)),
        ("its success", succeeded.to_string()),
    ]
}

/// A transaction with the nonce of an account, and what somebody tells of it. Whether it went through is compared only where it
/// is said that it did not: that it did is believed when it is final, and its block is what ends its being sent.
#[derive(Debug, Clone, Copy)]
pub struct Told {
    pub transaction: Root,
    pub account: Address,
    pub nonce: u64,
    pub block: BlockRef,
    pub succeeded: bool,
    /// The number of the newest block that is followed: whoever has not come so far is behind.
    pub followed: u64,
}

/// Whoever has the nonce used, and the transaction in no block, may lag behind itself, or keep no receipts, and is silent. So is
/// who stands still before that block, where others have got there: it has nothing to say of it, for good.
pub(super) struct Outcome(pub(super) Told);

impl Outcome {
    async fn placed(&self, voice: &Voice) -> Result<Option<Words>, Unknown> {
        let told = voice.execution.outcome(self.0.transaction).await.known()?;
        let mut placed = told.map(|(block, succeeded)| placed(block, succeeded));
        if let Some(words) = placed.as_mut().filter(|_| self.0.succeeded) {
            words.truncate(1);
        }
        Ok(placed)
    }

    /// An error where this one stands still before the block that is told of. A block that nobody follows may be made up: that it is
    /// not there is said of it.
    async fn has_got_there(&self, voice: &Voice) -> Result<(), Unknown> {
        let head = voice.execution.head().await.value()?.block.number;
        let told = self.0.block.number;
        match head < told && told <= self.0.followed {
            true => Err(Unknown::because(format!(
                "is behind: its newest block is {head}, and {told} is told of"
            ))),
            false => Ok(()),
        }
    }

    async fn next_nonce(&self, voice: &Voice) -> Result<u64, Unknown> {
        voice.execution.nonce(self.0.account, At::Latest).await.value()
    }
}

#[async_trait]
impl Question for Outcome {
    async fn put(&self, voice: &Voice) -> Result<Words, Unknown> {
        let Told {
            transaction,
            nonce,
            block,
            ..
        } = self.0;
        if let Some(placed) = self.placed(voice).await? {
            return Ok(placed);
        }
        // one that is a moment behind gets to know that block, and the transaction, too
        if self.next_nonce(voice).await? <= nonce {
            drop(voice.execution.block_at(block.number).await);
            if let Some(placed) = self.placed(voice).await? {
                return Ok(placed);
            }
        }
        // before the nonce: one that gets there meanwhile tells the nonce of that block
        self.has_got_there(voice).await?;
        match self.next_nonce(voice).await? {
            next if next <= nonce => Ok(vec![(BLOCK, format!("{NONE}{next}"))]),
            _ => {
                let words = format!("has the nonce used, and no receipt of {transaction}");
                Err(Unknown::because(words))
            }
        }
    }
}
