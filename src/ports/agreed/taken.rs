//! Whose transaction a nonce is, as each endpoint has it in its blocks.

use alloy::primitives::Address;
use async_trait::async_trait;

use crate::ports::{Answer, At, Question, Unknown, Voice, Words};
use crate::types::Root;

const SUBJECT: &str = "what used the nonce";

/// Whether those words say that the nonce is this transaction's.
#[must_use]
pub fn is_taken_by(said: &Words, by: Root) -> bool {
    *said == taken_by(by)
}

fn taken_by(by: Root) -> Words {
    vec![(SUBJECT, by.to_string())]
}

/// Whoever has the nonce used, and neither that transaction nor one of ours in a block, may lag behind itself, and is silent.
pub(super) struct TakenNonce<'a> {
    pub(super) account: Address,
    pub(super) nonce: u64,
    pub(super) by: Root,
    pub(super) ours: &'a [Root],
}

#[async_trait]
impl Question for TakenNonce<'_> {
    async fn put(&self, voice: &Voice) -> Result<Words, Unknown> {
        let execution = &voice.execution;
        match execution.sender_of(self.by).await {
            Answer::Yes(sent) if sent == (self.account, self.nonce) => return Ok(taken_by(self.by)),
            Answer::Yes((from, nonce)) => {
                let words = format!("not this one, which is number {nonce} of {from}");
                return Ok(vec![(SUBJECT, words)]);
            }
            Answer::No(_) => {}
            Answer::NotKnown(why) => return Err(why),
        }
        for hash in self.ours {
            match execution.outcome(*hash).await {
                Answer::Yes(_) => return Ok(vec![(SUBJECT, format!("{hash}, which is ours"))]),
                Answer::No(_) => {}
                Answer::NotKnown(why) => return Err(why),
            }
        }
        let next = execution.nonce(self.account, At::Latest).await.value()?;
        if next <= self.nonce {
            return Ok(vec![(SUBJECT, format!("nothing: the next nonce is {next}"))]);
        }
        let words = format!("has the nonce used, and {} in no block", self.by);
        Err(Unknown::because(words))
    }
}
