//! The oracle's two calls: encoded, decoded, and put in words.

use alloy::primitives::{B256, Bytes, U256, keccak256};
use alloy::sol_types::SolCall;

use super::Edition;
use super::abi::Manager::resharePoolCall;
use super::initiate::Parameter;
use crate::ports::{
    DecodedArgument, DecodedCall, InitiateDeposit, NoSuchCall, PoolCall, Registering, ResharePool,
};
use crate::types::{ClusterLayout, ClusterSnapshot, OperatorId, PoolId, SafeText};

/// A deposit of nothing: only its selector is of interest.
pub(super) fn empty() -> (InitiateDeposit, Registering) {
    let deposit = InitiateDeposit {
        pool: None,
        deposit_data_root: Default::default(),
        public_key: Default::default(),
        operator_ids: Vec::new(),
        shares: Bytes::new(),
        signature: Default::default(),
        withdrawal_credentials: Default::default(),
        registering: None,
    };
    (
        deposit,
        Registering::by_swap(ClusterSnapshot::fresh(), U256::ZERO),
    )
}

/// Calldata. These contracts serve the head of the queue, register with the deposit by a swap without a floor, and tell
/// SSV of no reshare: there is no place in their calls for anything else.
pub(super) fn encode(edition: &Edition, call: &PoolCall, layout: ClusterLayout) -> Result<Bytes, NoSuchCall> {
    let lacks = |call| {
        Err(NoSuchCall {
            version: edition.name,
            call,
        })
    };
    match call {
        PoolCall::InitiateDeposit(args) if args.pool.is_some() => lacks("that deposits for a pool by its id"),
        PoolCall::InitiateDeposit(args) => match &args.registering {
            None => lacks("that deposits without registering"),
            Some(with) if with.processed => lacks("that registers with SSV that was swapped before"),
            Some(with) if !with.min_token_amount.is_zero() => lacks("that swaps with a floor"),
            Some(with) => Ok((edition.initiate.encode)(args, with, layout)),
        },
        PoolCall::ActivateDeposit(_) => lacks("that activates a deposit"),
        PoolCall::Reshare(args) if args.handover.is_some() => lacks("that registers as it reshares"),
        PoolCall::Reshare(args) => Ok(encode_reshare(args)),
    }
}

/// Calldata of `resharePool`.
pub(super) fn encode_reshare(args: &ResharePool) -> Bytes {
    resharePoolCall {
        poolId: args.pool.0,
        operatorIds: args.operator_ids.iter().map(|id| id.0).collect(),
        shares: args.shares.clone(),
    }
    .abi_encode()
    .into()
}

/// Calldata of `resharePool`, read back; none when it would not encode to the same bytes again.
pub(super) fn decode_reshare(data: &[u8]) -> Option<ResharePool> {
    let call = resharePoolCall::abi_decode(data).ok()?;
    let args = ResharePool {
        pool: PoolId(call.poolId),
        operator_ids: call.operatorIds.into_iter().map(OperatorId).collect(),
        shares: call.shares,
        handover: None,
    };
    (encode_reshare(&args).as_ref() == data).then_some(args)
}

pub(super) fn decode(edition: &Edition, data: &[u8]) -> Option<PoolCall> {
    if *data.get(..4)? == resharePoolCall::SELECTOR {
        return decode_reshare(data).map(PoolCall::Reshare);
    }
    let (args, layout) = (edition.initiate.decode)(data)?;
    let call = PoolCall::InitiateDeposit(Box::new(args));
    let again = encode(edition, &call, layout).ok()?;
    (again.as_ref() == data).then_some(call)
}

/// The call in words; none where this edition has no such call.
pub(super) fn describe(edition: &Edition, call: &PoolCall) -> Option<DecodedCall> {
    Some(match call {
        PoolCall::InitiateDeposit(args) => {
            let registering = args.registering.as_ref()?;
            let parameters = edition.initiate.parameters.iter();
            DecodedCall {
                function: "initiatePoolDeposit".into(),
                arguments: parameters
                    .map(|(what, name, kind)| argument(name, kind, value(args, registering, *what)))
                    .collect(),
            }
        }
        PoolCall::ActivateDeposit(_) => return None,
        PoolCall::Reshare(a) => DecodedCall {
            function: "resharePool".into(),
            arguments: vec![
                argument("poolId", "uint32", a.pool.to_string()),
                argument("operatorIds", "uint64[]", list(&a.operator_ids)),
                argument("shares", "bytes", bytes(&a.shares)),
            ],
        },
    })
}

/// The argument of a parameter.
fn value(args: &InitiateDeposit, registering: &Registering, what: Parameter) -> String {
    match what {
        Parameter::depositDataRoot => args.deposit_data_root.to_string(),
        Parameter::publicKey => args.public_key.to_string(),
        Parameter::operatorIds => list(&args.operator_ids),
        Parameter::shares => bytes(&args.shares),
        Parameter::cluster => cluster(&registering.cluster),
        Parameter::signature => args.signature.to_string(),
        Parameter::withdrawalCredentials => args.withdrawal_credentials.to_string(),
        Parameter::feeAmount => format!("{} wei", registering.fee_amount),
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
