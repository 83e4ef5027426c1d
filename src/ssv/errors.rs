//! The custom errors of SSV's network contract, old and new, by its published interface.

use crate::chain::revert::{ErrorBook, KnownError, decode};
use crate::ports::Revert;
use crate::types::SafeText;

const USED_KEY: &str = "this validator key is registered already; it must not be used again";
const REFUSED: &str = "an operator does not accept this validator; choose another committee";
const V2: &str =
    "SSV v2 takes no new validator into a cluster that pays in SSV; its owner has to migrate it to ETH";
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
    KnownError::plain("EBBelowMinimum()"),
    KnownError::plain("EBExceedsMaximum()"),
    KnownError::plain("ETHTransferFailed()"),
    KnownError::plain("EmptyPublicKeysList()"),
    KnownError::advised("ExceedValidatorLimit()", REFUSED),
    KnownError::advised("ExceedValidatorLimitWithData(uint64)", REFUSED),
    KnownError::advised(
        "IncorrectClusterState()",
        "the SSV cluster changed meanwhile; rebuild its snapshot and propose again",
    ),
    KnownError::advised("IncorrectClusterVersion()", V2),
    KnownError::plain("IncorrectOperatorVersion(uint8)"),
    KnownError::plain("IncorrectValidatorState()"),
    KnownError::plain("IncorrectValidatorStateWithData(bytes)"),
    KnownError::advised(
        "InsufficientBalance()",
        "the fee is too small for the SSV cluster; raise it",
    ),
    KnownError::advised("InvalidOperatorIdsLength()", NO_COMMITTEE),
    KnownError::plain("InvalidPublicKeyLength()"),
    KnownError::plain("MaxPrecisionExceeded()"),
    KnownError::plain("MaxValueExceeded()"),
    KnownError::plain("NotAuthorized()"),
    KnownError::plain("OperatorAlreadyExists()"),
    KnownError::advised("OperatorDoesNotExist()", REFUSED),
    KnownError::advised("OperatorsListNotUnique()", NO_COMMITTEE),
    KnownError::plain("PublicKeysSharesLengthMismatch()"),
    KnownError::plain("StaleUpdate()"),
    KnownError::plain("TargetModuleDoesNotExist()"),
    KnownError::plain("TargetModuleDoesNotExistWithData(uint8)"),
    KnownError::plain("TokenTransferFailed()"),
    KnownError::advised("UnsortedOperatorsList()", NO_COMMITTEE),
    KnownError::plain("UpdateTooFrequent()"),
    KnownError::advised("ValidatorAlreadyExists()", USED_KEY),
    KnownError::advised("ValidatorAlreadyExistsWithData(bytes)", USED_KEY),
    KnownError::advised("ValidatorAlreadyRegistered()", USED_KEY),
    KnownError::plain("ValidatorDoesNotExist()"),
    KnownError::plain("ValidatorOwnedByOtherAddress()"),
];

/// The errors of SSV that say that it does not take these operators, whoever asks for whatever key.
const OF_OPERATORS: &[&str] = &[
    "CallerNotWhitelisted",
    "CallerNotWhitelistedWithData",
    "ExceedValidatorLimit",
    "ExceedValidatorLimitWithData",
    "InvalidOperatorIdsLength",
    "OperatorDoesNotExist",
    "OperatorsListNotUnique",
    "UnsortedOperatorsList",
];

/// The errors of SSV that another committee gets around: of these operators, or of their cluster.
const OF_COMMITTEE: &[&str] = &[
    "CallerNotWhitelisted",
    "CallerNotWhitelistedWithData",
    "ClusterIsLiquidated",
    "ExceedValidatorLimit",
    "ExceedValidatorLimitWithData",
    "IncorrectClusterVersion",
    "OperatorDoesNotExist",
];

/// What SSV has against the committee or its cluster, if that is why it reverted.
pub(super) fn refused_committee(revert: &Revert) -> Option<SafeText> {
    among(OF_COMMITTEE, revert)
}

/// What SSV has against the operators, if that is why it reverted.
pub(super) fn refused_operators(revert: &Revert) -> Option<SafeText> {
    among(OF_OPERATORS, revert)
}

fn among(errors: &[&str], revert: &Revert) -> Option<SafeText> {
    let decoded = decode(revert, &[ERRORS]);
    let name = decoded.reason.as_str().split('(').next().unwrap_or_default();
    errors
        .contains(&name)
        .then(|| SafeText::new(&decoded.to_string()))
}

/// Whether SSV reverted because the snapshot was not the newest.
pub(super) fn stale_snapshot(revert: &Revert) -> bool {
    decode(revert, &[ERRORS]).reason.as_str() == "IncorrectClusterState"
}

#[cfg(test)]
mod tests {
    use alloy::primitives::keccak256;

    use super::*;

    fn revert(signature: &str, argument: Option<u8>) -> Revert {
        let mut data = keccak256(signature)[..4].to_vec();
        data.extend(argument.into_iter().flat_map(|n| {
            let mut word = [0; 32];
            word[31] = n;
            word
        }));
        Revert::of(&data)
    }

    #[test]
    fn what_ssv_has_against_operators_is_told_from_everything_else() {
        let limit = refused_operators(&revert("ExceedValidatorLimitWithData(uint64)", Some(7)));
        let limit = limit.unwrap();
        assert!(
            limit.as_str().starts_with("ExceedValidatorLimitWithData(7)"),
            "{limit}"
        );
        for name in OF_OPERATORS {
            let is_known = ERRORS
                .iter()
                .any(|known| known.says.split('(').next() == Some(name));
            assert!(is_known, "{name}");
        }
        assert!(refused_operators(&revert("OperatorDoesNotExist()", None)).is_some());
        for other in ["ClusterIsLiquidated()", "IncorrectClusterState()", "Stranger()"] {
            assert_eq!(refused_operators(&revert(other, None)), None, "{other}");
        }
        assert_eq!(refused_operators(&Revert::of(&[])), None);
    }

    #[test]
    fn every_error_can_be_read() {
        crate::chain::revert::readable(super::ERRORS);
    }
}
