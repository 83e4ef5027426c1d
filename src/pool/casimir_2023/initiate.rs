//! `initiatePoolDeposit` of an edition: the same arguments in an order of its own, once for each field order of the
//! cluster tuple. So one macro writes it all, and an edition gives the order.

use alloy::primitives::Bytes;

use crate::ports::{InitiateDeposit, Registering};
use crate::types::ClusterLayout;

/// A parameter of the call, by the name that the contract gives it.
#[allow(
    non_camel_case_types,
    reason = "the contract's own names, which the macro repeats"
)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::pool) enum Parameter {
    depositDataRoot,
    publicKey,
    operatorIds,
    shares,
    cluster,
    signature,
    withdrawalCredentials,
    feeAmount,
}

/// The call as an edition has it.
#[derive(Debug, Clone, Copy)]
pub(in crate::pool) struct InitiateCall {
    /// Parameters in order, each with its name and its Solidity type.
    pub(in crate::pool) parameters: &'static [(Parameter, &'static str, &'static str)],
    /// Calldata.
    pub(in crate::pool) encode: fn(&InitiateDeposit, &Registering, ClusterLayout) -> Bytes,
    /// Reads calldata of either layout. It may have been encoded in other ways than by `encode`.
    pub(in crate::pool) decode: fn(&[u8]) -> Option<(InitiateDeposit, ClusterLayout)>,
}

/// Defines `INITIATE`, an [`InitiateCall`] whose parameters stand in the order given: `name(type), …`.
macro_rules! initiate_call {
    ($($name:ident($($kind:tt)+)),+ $(,)?) => {
        mod abi {
            pub(super) mod balance_then_active {
                alloy::sol! {
                    #[derive(Debug)]
                    struct Cluster {
                        uint32 validatorCount; uint64 networkFeeIndex; uint64 index; uint256 balance; bool active;
                    }
                    #[derive(Debug)]
                    interface Manager {
                        function initiatePoolDeposit($($($kind)+ $name),+) external;
                    }
                }
            }
            pub(super) mod active_then_balance {
                alloy::sol! {
                    #[derive(Debug)]
                    struct Cluster {
                        uint32 validatorCount; uint64 networkFeeIndex; uint64 index; bool active; uint256 balance;
                    }
                    #[derive(Debug)]
                    interface Manager {
                        function initiatePoolDeposit($($($kind)+ $name),+) external;
                    }
                }
            }
            $crate::ssv::abi::cluster!(balance_then_active, active_then_balance);
        }

        const INITIATE: $crate::pool::casimir_2023::initiate::InitiateCall = {
            use abi::active_then_balance::Manager::initiatePoolDepositCall as ActiveThenBalance;
            use abi::balance_then_active::Manager::initiatePoolDepositCall as BalanceThenActive;
            use alloy::sol_types::SolCall as _;
            use $crate::pool::casimir_2023::initiate::{InitiateCall, Parameter, from_call, to_call};
            use $crate::types::ClusterLayout as Layout;

            InitiateCall {
                parameters: &[$((Parameter::$name, stringify!($name), stringify!($($kind)+))),+],
                encode: |args, with, layout| match layout {
                    Layout::BalanceThenActive => to_call!(BalanceThenActive, args, with).abi_encode().into(),
                    Layout::ActiveThenBalance => to_call!(ActiveThenBalance, args, with).abi_encode().into(),
                },
                decode: |data| match data.get(..4)?.try_into().ok()? {
                    BalanceThenActive::SELECTOR => {
                        let call = BalanceThenActive::abi_decode(data).ok()?;
                        Some((from_call!(call), Layout::BalanceThenActive))
                    }
                    ActiveThenBalance::SELECTOR => {
                        let call = ActiveThenBalance::abi_decode(data).ok()?;
                        Some((from_call!(call), Layout::ActiveThenBalance))
                    }
                    _ => None,
                },
            }
        };
    };
}

/// Arguments by name, whatever their order.
macro_rules! to_call {
    ($call:ident, $args:expr, $with:expr) => {
        $call {
            depositDataRoot: $args.deposit_data_root.0.into(),
            publicKey: $args.public_key.0.into(),
            operatorIds: $args.operator_ids.iter().map(|id| id.0).collect(),
            shares: $args.shares.clone(),
            cluster: $with.cluster.clone().into(),
            signature: $args.signature.0.into(),
            withdrawalCredentials: $args.withdrawal_credentials.0.into(),
            feeAmount: $with.fee_amount,
        }
    };
}

/// The reverse; leaves the surrounding function with `None` where a part has no fixed length that it must have.
macro_rules! from_call {
    ($call:expr) => {
        $crate::ports::InitiateDeposit {
            pool: None,
            deposit_data_root: $crate::types::Root($call.depositDataRoot.0),
            public_key: $call.publicKey.as_ref().try_into().ok()?,
            operator_ids: $call
                .operatorIds
                .into_iter()
                .map($crate::types::OperatorId)
                .collect(),
            shares: $call.shares,
            signature: $call.signature.as_ref().try_into().ok()?,
            withdrawal_credentials: $call.withdrawalCredentials.as_ref().try_into().ok()?,
            registering: Some($crate::ports::Registering::by_swap(
                $call.cluster.into(),
                $call.feeAmount,
            )),
        }
    };
}

pub(in crate::pool) use {from_call, initiate_call, to_call};
