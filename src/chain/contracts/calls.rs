//! The oracle's two calls: encoded, decoded, and put in words.

use alloy::primitives::{B256, Bytes, FixedBytes, U256, keccak256};
use alloy::sol_types::SolCall;
use serde::{Deserialize, Serialize};

use super::abi::{Manager, active_then_balance, balance_then_active};
use crate::types::{
    BlsPublicKey, BlsSignature, ClusterLayout, ClusterSnapshot, OperatorId, PoolId, Root, SafeText,
};

/// Arguments of `initiatePoolDeposit`, in order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InitiatePoolDeposit {
    /// Hash tree root of the deposit data; the deposit contract compares it.
    pub deposit_data_root: Root,
    /// The validator.
    pub public_key: BlsPublicKey,
    /// Operators, ascending.
    pub operator_ids: Vec<OperatorId>,
    /// SSV's shares data: owner-nonce signature, share public keys, encrypted shares.
    pub shares: Bytes,
    /// The cluster's present snapshot.
    pub cluster: ClusterSnapshot,
    /// The deposit signature.
    pub signature: BlsSignature,
    /// 0x01, eleven zero bytes, the manager's address.
    pub withdrawal_credentials: Root,
    /// Wei of the reserved fees that are swapped for SSV.
    pub fee_amount: U256,
}

/// Arguments of `resharePool`, in order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResharePool {
    /// The pool.
    pub pool: PoolId,
    /// The new operators, ascending.
    pub operator_ids: Vec<OperatorId>,
    /// The new shares data.
    pub shares: Bytes,
}

/// A call of the oracle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "call")]
pub enum ManagerCall {
    /// `initiatePoolDeposit`.
    InitiatePoolDeposit(Box<InitiatePoolDeposit>),
    /// `resharePool`.
    ResharePool(ResharePool),
}

/// One argument in words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DecodedArgument {
    /// Parameter name.
    pub name: String,
    /// Solidity type.
    pub solidity_type: String,
    /// The value; bytes that are too long for a screen are given by length, hash and both ends.
    pub value: SafeText,
}

/// A call in words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DecodedCall {
    /// Function name.
    pub function: String,
    /// Arguments in order.
    pub arguments: Vec<DecodedArgument>,
}

/// Calldata of `initiatePoolDeposit`.
#[must_use]
pub fn encode_initiate_pool_deposit(args: &InitiatePoolDeposit, layout: ClusterLayout) -> Bytes {
    macro_rules! encode {
        ($module:ident) => {
            $module::Manager::initiatePoolDepositCall {
                depositDataRoot: FixedBytes(args.deposit_data_root.0),
                publicKey: Bytes::copy_from_slice(&args.public_key.0),
                operatorIds: raw_ids(&args.operator_ids),
                shares: args.shares.clone(),
                cluster: args.cluster.clone().into(),
                signature: Bytes::copy_from_slice(&args.signature.0),
                withdrawalCredentials: Bytes::copy_from_slice(&args.withdrawal_credentials.0),
                feeAmount: args.fee_amount,
            }
            .abi_encode()
            .into()
        };
    }
    match layout {
        ClusterLayout::BalanceThenActive => encode!(balance_then_active),
        ClusterLayout::ActiveThenBalance => encode!(active_then_balance),
    }
}

/// Calldata of `resharePool`.
#[must_use]
pub fn encode_reshare_pool(args: &ResharePool) -> Bytes {
    Manager::resharePoolCall {
        poolId: args.pool.0,
        operatorIds: raw_ids(&args.operator_ids),
        shares: args.shares.clone(),
    }
    .abi_encode()
    .into()
}

fn raw_ids(ids: &[OperatorId]) -> Vec<u64> {
    ids.iter().map(|id| id.0).collect()
}

fn operator_ids(raw: Vec<u64>) -> Vec<OperatorId> {
    raw.into_iter().map(OperatorId).collect()
}

/// Reads calldata back. None when it is another call, or when it would not encode to the same bytes again: an
/// approver must not be shown a reading that leaves part of the bytes out.
#[must_use]
pub fn decode_manager_call(data: &[u8]) -> Option<ManagerCall> {
    let (call, again) = match data.get(..4)? {
        selector if selector == Manager::resharePoolCall::SELECTOR => {
            let c = Manager::resharePoolCall::abi_decode(data).ok()?;
            let args = ResharePool {
                pool: PoolId(c.poolId),
                operator_ids: operator_ids(c.operatorIds),
                shares: c.shares,
            };
            let again = encode_reshare_pool(&args);
            (ManagerCall::ResharePool(args), again)
        }
        _ => {
            let (args, layout) = decode_initiate(data)?;
            let again = encode_initiate_pool_deposit(&args, layout);
            (ManagerCall::InitiatePoolDeposit(Box::new(args)), again)
        }
    };
    (again.as_ref() == data).then_some(call)
}

fn decode_initiate(data: &[u8]) -> Option<(InitiatePoolDeposit, ClusterLayout)> {
    macro_rules! decode {
        ($module:ident, $layout:expr) => {{
            let c = $module::Manager::initiatePoolDepositCall::abi_decode(data).ok()?;
            let args = InitiatePoolDeposit {
                deposit_data_root: Root(c.depositDataRoot.0),
                public_key: BlsPublicKey::try_from(c.publicKey.as_ref()).ok()?,
                operator_ids: operator_ids(c.operatorIds),
                shares: c.shares,
                cluster: c.cluster.into(),
                signature: BlsSignature::try_from(c.signature.as_ref()).ok()?,
                withdrawal_credentials: Root::try_from(c.withdrawalCredentials.as_ref()).ok()?,
                fee_amount: c.feeAmount,
            };
            Some((args, $layout))
        }};
    }
    let selector: [u8; 4] = data.get(..4)?.try_into().ok()?;
    if selector == initiate_selector(ClusterLayout::BalanceThenActive) {
        decode!(balance_then_active, ClusterLayout::BalanceThenActive)
    } else if selector == initiate_selector(ClusterLayout::ActiveThenBalance) {
        decode!(active_then_balance, ClusterLayout::ActiveThenBalance)
    } else {
        None
    }
}

/// Selector of `initiatePoolDeposit` in this layout.
#[must_use]
pub fn initiate_selector(layout: ClusterLayout) -> [u8; 4] {
    match layout {
        ClusterLayout::BalanceThenActive => balance_then_active::Manager::initiatePoolDepositCall::SELECTOR,
        ClusterLayout::ActiveThenBalance => active_then_balance::Manager::initiatePoolDepositCall::SELECTOR,
    }
}

/// Calldata in words, for people who decide about it.
#[must_use]
pub fn decode_call(data: &[u8]) -> Option<DecodedCall> {
    Some(decode_manager_call(data)?.describe())
}

impl ManagerCall {
    /// The call in words.
    #[must_use]
    pub fn describe(&self) -> DecodedCall {
        match self {
            Self::InitiatePoolDeposit(a) => DecodedCall {
                function: "initiatePoolDeposit".into(),
                arguments: vec![
                    argument("depositDataRoot", "bytes32", a.deposit_data_root.to_string()),
                    argument("publicKey", "bytes", a.public_key.to_string()),
                    argument("operatorIds", "uint64[]", list(&a.operator_ids)),
                    argument("shares", "bytes", bytes(&a.shares)),
                    argument("cluster", "Cluster", cluster(&a.cluster)),
                    argument("signature", "bytes", a.signature.to_string()),
                    argument(
                        "withdrawalCredentials",
                        "bytes",
                        a.withdrawal_credentials.to_string(),
                    ),
                    argument("feeAmount", "uint256", format!("{} wei", a.fee_amount)),
                ],
            },
            Self::ResharePool(a) => DecodedCall {
                function: "resharePool".into(),
                arguments: vec![
                    argument("poolId", "uint32", a.pool.to_string()),
                    argument("operatorIds", "uint64[]", list(&a.operator_ids)),
                    argument("shares", "bytes", bytes(&a.shares)),
                ],
            },
        }
    }
}

fn argument(name: &str, solidity_type: &str, value: String) -> DecodedArgument {
    DecodedArgument {
        name: name.into(),
        solidity_type: solidity_type.into(),
        value: SafeText::new(&value),
    }
}

fn list(ids: &[OperatorId]) -> String {
    let ids: Vec<_> = ids.iter().map(OperatorId::to_string).collect();
    format!("[{}]", ids.join(", "))
}

fn cluster(c: &ClusterSnapshot) -> String {
    format!(
        "validatorCount {}, networkFeeIndex {}, index {}, balance {}, active {}",
        c.validator_count, c.network_fee_index, c.index, c.balance, c.active
    )
}

fn bytes(data: &[u8]) -> String {
    if 2 + 2 * data.len() <= SafeText::MAX_CHARS {
        return format!("0x{}", hex::encode(data));
    }
    let hash: B256 = keccak256(data);
    format!(
        "{} bytes, keccak256 {hash}: 0x{}…{}",
        data.len(),
        hex::encode(&data[..96]),
        hex::encode(&data[data.len() - 32..])
    )
}
