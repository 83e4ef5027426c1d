//! The oracle's calls, whatever order a version has their arguments in.

use alloy::primitives::{Bytes, U256};
use serde::{Deserialize, Serialize};

use crate::types::{BlsPublicKey, BlsSignature, ClusterSnapshot, OperatorId, PoolId, Root, SafeText};

/// What a call carries that registers a validator with SSV.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Registering {
    /// The present snapshot of the committee's cluster.
    pub cluster: ClusterSnapshot,
    /// What pays for it: wei of the reserved fees that are swapped for SSV, or, where they were swapped before, that much
    /// SSV in its smallest unit.
    pub fee_amount: U256,
    /// The least SSV that the swap must bring, in its smallest unit; zero where the call has no floor.
    pub min_token_amount: U256,
    /// The manager has the SSV already, and swaps nothing. False where the call knows no such thing.
    pub processed: bool,
}

impl Registering {
    /// Paid by a swap within the call, without a floor: what every version can.
    #[must_use]
    pub fn by_swap(cluster: ClusterSnapshot, fee_amount: U256) -> Self {
        Self {
            cluster,
            fee_amount,
            min_token_amount: U256::ZERO,
            processed: false,
        }
    }
}

/// Deposits for a pool, and registers its validator where the version does both in one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InitiateDeposit {
    /// The pool, where the call names it; none for the one at the head of the queue.
    pub pool: Option<PoolId>,
    /// Hash tree root of the deposit data; the deposit contract compares it.
    pub deposit_data_root: Root,
    /// The validator.
    pub public_key: BlsPublicKey,
    /// Operators, ascending.
    pub operator_ids: Vec<OperatorId>,
    /// SSV's shares data: owner-nonce signature, share public keys, encrypted shares.
    pub shares: Bytes,
    /// Over the deposit message, by the validator key.
    pub signature: BlsSignature,
    /// To whom the validator pays out.
    pub withdrawal_credentials: Root,
    /// None where a later call registers.
    pub registering: Option<Registering>,
}

/// Registers a validator whose deposit was initiated before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActivateDeposit {
    /// Where its pool stands in the contract's pending list: the list moves, so it is read at the block of the call.
    pub pending_index: u64,
    /// With the shares that the contract has from the deposit.
    pub registering: Registering,
}

/// Tells the manager who holds a pool's key from now on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResharePool {
    pub pool: PoolId,
    /// The new operators, ascending.
    pub operator_ids: Vec<OperatorId>,
    /// The new shares data.
    pub shares: Bytes,
    /// None where the manager tells SSV nothing.
    pub handover: Option<Box<Handover>>,
}

/// How the manager moves a validator from one cluster of SSV to another, as one operator takes another's place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Handover {
    /// Who comes.
    pub new_operator: OperatorId,
    /// Who leaves.
    pub old_operator: OperatorId,
    /// The operators so far, ascending, where the call names them.
    pub old_operator_ids: Option<Vec<OperatorId>>,
    /// The present snapshot of their cluster, where the call takes it.
    pub old_cluster: Option<ClusterSnapshot>,
    /// With the cluster of the new ones.
    pub registering: Registering,
}

/// A call of the oracle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "call")]
pub enum PoolCall {
    /// See [`InitiateDeposit`].
    InitiateDeposit(Box<InitiateDeposit>),
    /// See [`ActivateDeposit`].
    ActivateDeposit(ActivateDeposit),
    /// See [`ResharePool`].
    Reshare(ResharePool),
}

/// A version of the contract lacks a call.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{version} has no call {call}")]
pub struct NoSuchCall {
    pub version: &'static str,
    /// What it lacks.
    pub call: &'static str,
}

/// One argument in words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DecodedArgument {
    /// As the contract's interface names it.
    pub name: String,
    /// As in the interface: `uint32`, `uint64[]`.
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
