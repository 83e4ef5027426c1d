//! Why a call reverted, from the bytes it returned.

use std::fmt;

use alloy::dyn_abi::{DynSolType, DynSolValue};
use alloy::primitives::{Bytes, keccak256};
use alloy::sol_types::{Panic, Revert, SolError};
use serde::{Deserialize, Serialize};

use crate::chain::rpc::ServerError;
use crate::types::SafeText;

/// Which form the reason has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RevertForm {
    /// `Error(string)`: the contract's own words.
    Message,
    /// `Panic(uint256)`: the compiler's checks.
    Panic,
    /// A custom error that is known here.
    Custom,
    /// Bytes that mean nothing to us; they are shown as they are.
    Unknown,
    /// The contract said nothing. A function that does not exist also ends so.
    Empty,
}

/// A revert, decoded as far as it can be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DecodedRevert {
    /// Which form the reason has.
    pub form: RevertForm,
    /// The reason: the contract's words, or the custom error with its arguments.
    pub reason: SafeText,
    /// The returned bytes.
    pub data: Bytes,
}

impl fmt::Display for DecodedRevert {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.reason.fmt(f)
    }
}

/// The custom errors of what lies on the way of our calls: SSV's network (its published interface, old and new), the
/// token it takes, and the swap router's pools.
const KNOWN: &[&str] = &[
    // SSV: clusters and validators
    "CallerNotOwner()",
    "CallerNotOwnerWithData(address,address)",
    "CallerNotWhitelisted()",
    "CallerNotWhitelistedWithData(uint64)",
    "ClusterAlreadyEnabled()",
    "ClusterDoesNotExists()",
    "ClusterIsLiquidated()",
    "ClusterNotLiquidatable()",
    "EmptyPublicKeysList()",
    "ExceedValidatorLimit()",
    "ExceedValidatorLimitWithData(uint64)",
    "IncorrectClusterState()",
    "IncorrectClusterVersion()",
    "IncorrectValidatorState()",
    "IncorrectValidatorStateWithData(bytes)",
    "InsufficientBalance()",
    "InvalidOperatorIdsLength()",
    "InvalidPublicKeyLength()",
    "MaxValueExceeded()",
    "NotAuthorized()",
    "OperatorAlreadyExists()",
    "OperatorDoesNotExist()",
    "OperatorsListNotUnique()",
    "PublicKeysSharesLengthMismatch()",
    "TargetModuleDoesNotExist()",
    "TargetModuleDoesNotExistWithData(uint8)",
    "TokenTransferFailed()",
    "UnsortedOperatorsList()",
    "ValidatorAlreadyExists()",
    "ValidatorAlreadyExistsWithData(bytes)",
    "ValidatorAlreadyRegistered()",
    "ValidatorDoesNotExist()",
    "ValidatorOwnedByOtherAddress()",
    // ERC-6093 tokens
    "ERC20InsufficientAllowance(address,uint256,uint256)",
    "ERC20InsufficientBalance(address,uint256,uint256)",
    // OpenZeppelin guards
    "EnforcedPause()",
    "OwnableUnauthorizedAccount(address)",
    "ReentrancyGuardReentrantCall()",
];

/// Decodes what a reverted call returned.
#[must_use]
pub fn decode_revert(data: &[u8]) -> DecodedRevert {
    let (form, reason) = if data.is_empty() {
        (RevertForm::Empty, "reverted without a reason".to_owned())
    } else if let Ok(Revert { reason }) = Revert::abi_decode(data) {
        (RevertForm::Message, reason)
    } else if let Ok(panic) = Panic::abi_decode(data) {
        let kind = panic
            .kind()
            .map_or_else(|| format!("code {:#x}", panic.code), |kind| kind.to_string());
        (RevertForm::Panic, format!("panic: {kind}"))
    } else if let Some(text) = known(data) {
        (RevertForm::Custom, text)
    } else {
        (
            RevertForm::Unknown,
            format!("unknown error 0x{}", hex::encode(&data[..data.len().min(900)])),
        )
    };
    DecodedRevert {
        form,
        reason: SafeText::new(&reason),
        data: Bytes::copy_from_slice(data),
    }
}

/// The revert behind a node's error, if it is one. Where the node gives no bytes its words are kept.
#[must_use]
pub fn revert_of(error: &ServerError) -> Option<DecodedRevert> {
    if let Some(data) = error.revert_data() {
        return Some(decode_revert(&data));
    }
    if !error.is_revert() {
        return None;
    }
    let text = error.message.as_str();
    let reason = ["execution reverted: ", "reverted with reason string "]
        .iter()
        .find_map(|prefix| Some(&text[text.find(prefix)? + prefix.len()..]))
        .unwrap_or(text);
    let said_nothing = text.trim() == "execution reverted";
    Some(DecodedRevert {
        form: if said_nothing {
            RevertForm::Empty
        } else {
            RevertForm::Message
        },
        reason: SafeText::new(if said_nothing {
            "reverted without a reason"
        } else {
            reason
        }),
        data: Bytes::new(),
    })
}

fn known(data: &[u8]) -> Option<String> {
    let selector = data.get(..4)?;
    let signature = KNOWN
        .iter()
        .find(|signature| keccak256(signature.as_bytes())[..4] == *selector)?;
    let (name, types) = signature.split_once('(')?;
    let types = format!("({types}");
    if types == "()" {
        return (data.len() == 4).then(|| name.to_owned());
    }
    let values = DynSolType::parse(&types)
        .ok()?
        .abi_decode_params(&data[4..])
        .ok()?;
    let values = match values {
        DynSolValue::Tuple(values) => values,
        single => vec![single],
    };
    let words: Vec<_> = values.iter().map(word).collect();
    Some(format!("{name}({})", words.join(", ")))
}

fn word(value: &DynSolValue) -> String {
    match value {
        DynSolValue::Address(address) => address.to_string(),
        DynSolValue::Uint(number, _) => number.to_string(),
        DynSolValue::Bytes(bytes) => format!("0x{}", hex::encode(bytes)),
        other => format!("{other:?}"),
    }
}

impl DecodedRevert {
    /// What a person can do about it, where that is known.
    #[must_use]
    pub fn advice(&self) -> Option<&'static str> {
        let name = self.reason.as_str();
        let name = name.split('(').next().unwrap_or(name);
        Some(match name {
            "Only DKG oracle can initiate pools" => {
                "the manager names another oracle address; check the signer"
            }
            "No ready pools" => "the pool is not in the ready queue any more; look at the pool",
            "Not enough reserved fees" => "the manager's reserved fees have to be filled up",
            "Pool has been reshared twice" => "this pool can not be reshared any more",
            "IncorrectClusterState" => {
                "the SSV cluster changed meanwhile; rebuild its snapshot and propose again"
            }
            "ClusterIsLiquidated" => "the SSV cluster is liquidated; it has to be reactivated first",
            "InsufficientBalance" => "the fee is too small for the SSV cluster; raise it",
            "ValidatorAlreadyExists" | "ValidatorAlreadyExistsWithData" | "ValidatorAlreadyRegistered" => {
                "this validator key is registered already; it must not be used again"
            }
            "OperatorDoesNotExist"
            | "CallerNotWhitelisted"
            | "CallerNotWhitelistedWithData"
            | "ExceedValidatorLimit"
            | "ExceedValidatorLimitWithData" => {
                "an operator does not accept this validator; choose another committee"
            }
            "UnsortedOperatorsList" | "OperatorsListNotUnique" | "InvalidOperatorIdsLength" => {
                "the committee is not one that SSV accepts"
            }
            _ => return None,
        })
    }
}
