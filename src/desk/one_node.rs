//! Whether what an action rests on is the word of one beacon node, though several are configured.
//!
//! Such a word is used: a second node that is away, or out of sync, would hold everything up otherwise. But no rule decides by
//! it without being told to, and it ends nothing that was approved.

use crate::oracle::{BEACON_AGREE, RULES_AGREE};
use crate::types::{Check, SafeText};

/// What follows for who reads it.
const WAY_ON: &str = "it is looked at again by itself, and known once a second node tells the same; until then a person can approve it as it is";

/// Of what the nodes told, the first that is one node's word.
pub(super) fn check<'a>(told: impl IntoIterator<Item = &'a Option<SafeText>>) -> Option<Check> {
    let alone = told.into_iter().flatten().next()?;
    Some(Check::unknown(BEACON_AGREE, format!("{alone}: {WAY_ON}")))
}

/// By the chain's rules the epoch follows that is signed, and the domain: nothing, where several nodes tell them, or they are
/// built in.
pub(super) fn rules_check(alone: Option<&SafeText>) -> Option<Check> {
    Some(Check::unknown(RULES_AGREE, format!("{}: {WAY_ON}", alone?)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::CheckStatus;

    #[test]
    fn what_one_of_several_nodes_tells_is_a_check_that_is_not_known_and_names_it() {
        let alone = || Some(SafeText::new("that validator 9 waits is told by a alone"));
        assert_eq!(check([&None, &None]), None);
        assert_eq!(rules_check(None), None);
        for found in [
            check([&None, &alone()]).unwrap(),
            rules_check(alone().as_ref()).unwrap(),
        ] {
            assert_eq!(found.status, CheckStatus::Unknown);
            assert!(found.reason.as_str().contains("by a alone"), "{}", found.reason);
        }
    }
}
