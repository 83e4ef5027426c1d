//! Which block is the newest final one, and how it is told that none is.
//!
//! | | yes | no | not known |
//! |---|---|---|---|
//! | by the tag | the block that two endpoints call finalized, of those whose heads keep up, or the only one that tells any; the head, where the chain has gone on so far since that it is final itself | a node answers `null`, or in one of the ways in which clients say that nothing is final yet, and no other tells a final block | a block beyond the newest, a head that is not below it in the chain, two blocks of one height of which neither has most voices, every other error, no endpoint answers |
//! | by depth | the block so far below the head, as most endpoints have it | the chain is shorter than that | no endpoint has a block there, they contradict each other, or none answers |

use serde::{Deserialize, Serialize};

use super::rpc::{At, Rpc};
use crate::ports::{Answer, Evidence};
use crate::types::BlockRef;

/// From when on a block is not expected to be dropped any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Finality {
    /// The node's `finalized` tag.
    Tag,
    /// This many blocks on top of it.
    Depth(u64),
}

/// How far finality reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// As far as nodes say.
    Asked,
    /// To this height.
    Block(u64),
    /// To none: the chain has fewer blocks than this.
    Short(u64),
}

impl Finality {
    /// How far it reaches below the head at this height.
    #[must_use]
    pub fn reach(self, head: u64) -> Reach {
        match self {
            Self::Tag => Reach::Asked,
            Self::Depth(depth) => head.checked_sub(depth).map_or(Reach::Short(depth), Reach::Block),
        }
    }

    /// The newest final block, seen from `head`.
    pub async fn newest(self, rpc: &Rpc, head: BlockRef) -> Answer<BlockRef> {
        let at = match self.reach(head.number) {
            Reach::Asked => At::Finalized,
            Reach::Block(number) => At::Number(number),
            Reach::Short(depth) => {
                let words = format!("the chain has fewer than {depth} blocks");
                return Answer::No(Evidence::at(head, words));
            }
        };
        let told = match at {
            At::Number(number) => rpc.deep(number).await,
            at => rpc.header(at).await,
        };
        match told {
            Ok(Some(header)) if header.number() > head.number => passed(rpc, header.number(), head).await,
            Ok(Some(header)) => Answer::Yes(header.block()),
            Ok(None) => match at {
                At::Number(number) => Answer::not_known(format!("no endpoint has block {number}")),
                _ => Answer::No(Evidence::at(head, "nothing is final yet")),
            },
            Err(error) => Answer::not_known(error),
        }
    }
}

/// What is called final lies beyond `head`. Where the chain has gone on since, `head` itself is final, if it is in the chain;
/// else it is of whoever claims a block that nobody has.
async fn passed(rpc: &Rpc, last: u64, head: BlockRef) -> Answer<BlockRef> {
    let newest = match rpc.head().await {
        Ok(newest) => newest.number(),
        Err(error) => return Answer::not_known(error),
    };
    if newest < last {
        return Answer::not_known(format!(
            "block {last} is called final, and the newest is {}",
            newest.max(head.number)
        ));
    }
    match rpc.deep(head.number).await {
        Ok(Some(there)) if there.block() == head => Answer::Yes(head),
        Ok(Some(_)) => Answer::not_known(format!(
            "block {last} is called final, and block {} is another one below it",
            head.number
        )),
        Ok(None) => Answer::not_known(format!("no endpoint has block {}", head.number)),
        Err(error) => Answer::not_known(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_depth_counts_the_blocks_on_top() {
        let by = |depth, head| Finality::Depth(depth).reach(head);
        assert_eq!(by(0, 7), Reach::Block(7), "the head itself");
        assert_eq!(by(7, 7), Reach::Block(0));
        assert_eq!(by(8, 7), Reach::Short(8));
        assert_eq!(Finality::Tag.reach(7), Reach::Asked);
    }
}
