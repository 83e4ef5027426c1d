//! The oracle's calls, whatever order a version has their arguments in.

use alloy::primitives::{Bytes, U256};
use serde::{Deserialize, Serialize};

use crate::types::{BlsPublicKey, BlsSignature, ClusterSnapshot, OperatorId, PoolId, Root, SafeText};

/// Deposits for a pool, and registers its validator where the version does both in one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InitiateDeposit {
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
    /// To whom the validator pays out.
    pub withdrawal_credentials: Root,
    /// Wei of the reserved fees that are swapped for SSV.
    pub fee_amount: U256,
}

/// Tells the manager who holds a pool's key from now on.
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
pub enum PoolCall {
    /// See [`InitiateDeposit`].
    InitiateDeposit(Box<InitiateDeposit>),
    /// See [`ResharePool`].
    Reshare(ResharePool),
}

/// A version of the contract lacks a call.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{version} has no call {call}")]
pub struct NoSuchCall {
    /// The version.
    pub version: &'static str,
    /// What it lacks.
    pub call: &'static str,
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
