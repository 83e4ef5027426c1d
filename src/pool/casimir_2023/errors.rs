//! What these contracts say when they refuse.

use crate::chain::revert::{ErrorBook, KnownError};

const ANOTHER_ORACLE: &str = "the manager names another oracle address; check the signer";

/// Texts of every edition: no two of them mean something different by the same words.
pub(super) const ERRORS: ErrorBook = &[
    KnownError::advised("Only DKG oracle can initiate pools", ANOTHER_ORACLE),
    KnownError::advised("Only manager oracle can initiate pools", ANOTHER_ORACLE),
    KnownError::advised(
        "No ready pools",
        "the pool is not in the ready queue any more; look at the pool",
    ),
    KnownError::advised(
        "Not enough reserved fees",
        "the manager's reserved fees have to be filled up",
    ),
    KnownError::advised(
        "Pool has been reshared twice",
        "this pool cannot be reshared any more",
    ),
];
