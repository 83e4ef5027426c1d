//! What holds a ceremony up that could begin otherwise: another one with the same key.

use crate::oracle::turn::Turn;
use crate::types::{CaseId, SafeText};

/// Whether another case has the key of this one. Says so where the case's sentence is made, and takes it back when it is
/// over.
pub(super) fn held(turn: &mut Turn<'_>, id: CaseId) -> bool {
    let why = turn.state.key_is_taken(id).filter(|_| !planted!(SharesAtOnce));
    let why = why.map(|why| SafeText::new(&why));
    let live = &mut turn.state.volatile;
    match why {
        Some(why) => {
            live.waiting.insert(id, why.clone());
            live.held.insert(id, why);
            true
        }
        None => {
            if let Some(told) = live.held.remove(&id)
                && live.waiting.get(&id) == Some(&told)
            {
                live.waiting.remove(&id);
            }
            false
        }
    }
}

#[cfg(test)]
mod tests;
