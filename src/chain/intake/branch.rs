//! Whether a block left the chain. What was told of it is taken back only then, so every endpoint is asked: one that tells
//! another branch than the others takes nothing back.
//!
//! | one endpoint | |
//! |---|---|
//! | it stands | it has this very block at its height |
//! | it is gone | it has another block there |
//! | not known | it has none there yet, or does not answer |
//!
//! It is gone when nobody says that it stands, or when two say that it is gone and fewer that it stands. Whoever two others
//! contradict is left alone for a while.

use std::collections::BTreeSet;

use futures_util::future::join_all;

use super::{Intake, IntakeError};
use crate::chain::rpc::{At, EndpointIndex};
use crate::types::{BlockRef, LogRef, SafeText};

impl Intake {
    /// Those of the events whose blocks left the chain.
    ///
    /// # Errors
    /// The endpoints contradict each other, or none knows.
    pub(super) async fn really_gone(&self, mut events: Vec<LogRef>) -> Result<Vec<LogRef>, IntakeError> {
        let blocks: BTreeSet<BlockRef> = events.iter().map(|at| at.block).collect();
        let mut gone = BTreeSet::new();
        for block in blocks {
            if self.left_the_chain(block).await? {
                gone.insert(block);
            }
        }
        events.retain(|at| gone.contains(&at.block));
        Ok(events)
    }

    async fn left_the_chain(&self, block: BlockRef) -> Result<bool, IntakeError> {
        let voices = self.rpc().voices();
        let asked = voices
            .iter()
            .map(|(_, _, rpc)| rpc.header(At::Number(block.number)));
        let said = join_all(asked).await;
        let (mut stands, mut gone): (Vec<usize>, Vec<usize>) = (Vec::new(), Vec::new());
        let mut failure = None;
        for (n, said) in said.into_iter().enumerate() {
            match said {
                Ok(Some(header)) if header.block() == block => stands.push(n),
                Ok(Some(_)) => gone.push(n),
                Ok(None) => {}
                Err(error) => failure = Some(error),
            }
        }
        let names = |of: &[usize]| {
            of.iter()
                .map(|n| voices[*n].1.as_str())
                .collect::<Vec<_>>()
                .join(", ")
        };
        let outvoted: &[usize] = match (stands.len(), gone.len()) {
            // a chain that is shorter now does not have it either
            (0, 0) => return failure.map_or(Ok(true), |error| Err(error.into())),
            (_, 0) => return Ok(false),
            (0, _) => return Ok(true),
            (yes, no) if no >= 2 && no > yes => &stands,
            (yes, no) if yes >= 2 && yes > no => &gone,
            _ => {
                return Err(IntakeError::Contested(SafeText::new(&format!(
                    "{} left the chain by {}, and stands by {}",
                    block_words(block),
                    names(&gone),
                    names(&stands)
                ))));
            }
        };
        let why = SafeText::new(&format!("tells another block {} than others", block.number));
        for n in outvoted {
            let index: EndpointIndex = voices[*n].0;
            self.rpc().bench(index, &why);
        }
        Ok(outvoted == stands.as_slice())
    }
}

fn block_words(block: BlockRef) -> String {
    format!("block {} {}", block.number, block.hash)
}
