//! The custom errors of SSV's network contract, old and new, by its published interface.

use crate::chain::revert::{ErrorBook, KnownError};

const USED_KEY: &str = "this validator key is registered already; it must not be used again";
const REFUSED: &str = "an operator does not accept this validator; choose another committee";
const NO_COMMITTEE: &str = "the committee is not one that SSV accepts";

/// What a registration may end in.
pub(crate) const ERRORS: ErrorBook = &[
    KnownError::plain("CallerNotOwner()"),
    KnownError::plain("CallerNotOwnerWithData(address,address)"),
    KnownError::advised("CallerNotWhitelisted()", REFUSED),
    KnownError::advised("CallerNotWhitelistedWithData(uint64)", REFUSED),
    KnownError::plain("ClusterAlreadyEnabled()"),
    KnownError::plain("ClusterDoesNotExists()"),
    KnownError::advised(
        "ClusterIsLiquidated()",
        "the SSV cluster is liquidated; it has to be reactivated first",
    ),
    KnownError::plain("ClusterNotLiquidatable()"),
    KnownError::plain("EmptyPublicKeysList()"),
    KnownError::advised("ExceedValidatorLimit()", REFUSED),
    KnownError::advised("ExceedValidatorLimitWithData(uint64)", REFUSED),
    KnownError::advised(
        "IncorrectClusterState()",
        "the SSV cluster changed meanwhile; rebuild its snapshot and propose again",
    ),
    KnownError::plain("IncorrectClusterVersion()"),
    KnownError::plain("IncorrectValidatorState()"),
    KnownError::plain("IncorrectValidatorStateWithData(bytes)"),
    KnownError::advised(
        "InsufficientBalance()",
        "the fee is too small for the SSV cluster; raise it",
    ),
    KnownError::advised("InvalidOperatorIdsLength()", NO_COMMITTEE),
    KnownError::plain("InvalidPublicKeyLength()"),
    KnownError::plain("MaxValueExceeded()"),
    KnownError::plain("NotAuthorized()"),
    KnownError::plain("OperatorAlreadyExists()"),
    KnownError::advised("OperatorDoesNotExist()", REFUSED),
    KnownError::advised("OperatorsListNotUnique()", NO_COMMITTEE),
    KnownError::plain("PublicKeysSharesLengthMismatch()"),
    KnownError::plain("TargetModuleDoesNotExist()"),
    KnownError::plain("TargetModuleDoesNotExistWithData(uint8)"),
    KnownError::plain("TokenTransferFailed()"),
    KnownError::advised("UnsortedOperatorsList()", NO_COMMITTEE),
    KnownError::advised("ValidatorAlreadyExists()", USED_KEY),
    KnownError::advised("ValidatorAlreadyExistsWithData(bytes)", USED_KEY),
    KnownError::advised("ValidatorAlreadyRegistered()", USED_KEY),
    KnownError::plain("ValidatorDoesNotExist()"),
    KnownError::plain("ValidatorOwnedByOtherAddress()"),
];

#[cfg(test)]
mod tests {
    #[test]
    fn every_error_can_be_read() {
        crate::chain::revert::readable(super::ERRORS);
    }
}
