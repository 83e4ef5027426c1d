//! SSZ roots and signing domains of the two objects that this program has signed: deposits and voluntary exits.
//!
//! Each is a container of a few fixed-size fields, so its tree is at most three levels of SHA-256 and is written out by
//! hand. Source: the consensus specification (phase 0 containers, `compute_domain`, `compute_signing_root`; EIP-7044).

use sha2::{Digest, Sha256};

use crate::types::{BlsPublicKey, BlsSignature, ForkVersion, Root};

/// Phase 0, `beacon-chain.md`, domain types.
pub const DOMAIN_DEPOSIT: [u8; 4] = [3, 0, 0, 0];
/// Phase 0, `beacon-chain.md`, domain types.
pub const DOMAIN_VOLUNTARY_EXIT: [u8; 4] = [4, 0, 0, 0];

const ZERO: [u8; 32] = [0; 32];

fn hash(left: &[u8; 32], right: &[u8; 32]) -> [u8; 32] {
    Sha256::new()
        .chain_update(left)
        .chain_update(right)
        .finalize()
        .into()
}

/// A little-endian integer as a 32-byte chunk.
fn chunk(n: u64) -> [u8; 32] {
    let mut out = ZERO;
    out[..8].copy_from_slice(&n.to_le_bytes());
    out
}

/// 48 bytes are two chunks, the second padded with zeros.
fn key_root(key: &BlsPublicKey) -> [u8; 32] {
    Sha256::new()
        .chain_update(key.0)
        .chain_update([0; 16])
        .finalize()
        .into()
}

/// 96 bytes are three chunks, padded to four.
fn signature_root(signature: &BlsSignature) -> [u8; 32] {
    let (head, tail) = signature.0.split_at(64);
    let left: [u8; 32] = Sha256::digest(head).into();
    let right: [u8; 32] = Sha256::new()
        .chain_update(tail)
        .chain_update(ZERO)
        .finalize()
        .into();
    hash(&left, &right)
}

/// Root of `DepositMessage { pubkey, withdrawal_credentials, amount }`.
#[must_use]
pub fn deposit_message_root(pubkey: &BlsPublicKey, withdrawal_credentials: &Root, amount_gwei: u64) -> Root {
    let left = hash(&key_root(pubkey), &withdrawal_credentials.0);
    Root(hash(&left, &hash(&chunk(amount_gwei), &ZERO)))
}

/// Root of `DepositData { pubkey, withdrawal_credentials, amount, signature }`: the deposit contract recomputes it.
#[must_use]
pub fn deposit_data_root(
    pubkey: &BlsPublicKey,
    withdrawal_credentials: &Root,
    amount_gwei: u64,
    signature: &BlsSignature,
) -> Root {
    let left = hash(&key_root(pubkey), &withdrawal_credentials.0);
    Root(hash(
        &left,
        &hash(&chunk(amount_gwei), &signature_root(signature)),
    ))
}

/// Root of `ForkData { current_version, genesis_validators_root }`.
#[must_use]
pub fn fork_data_root(version: ForkVersion, genesis_validators_root: &Root) -> Root {
    let mut left = ZERO;
    left[..4].copy_from_slice(&version.0);
    Root(hash(&left, &genesis_validators_root.0))
}

/// `compute_domain`: the type, then the first 28 bytes of the fork data root.
#[must_use]
pub fn compute_domain(domain_type: [u8; 4], version: ForkVersion, genesis_validators_root: &Root) -> Root {
    let mut domain = ZERO;
    domain[..4].copy_from_slice(&domain_type);
    domain[4..].copy_from_slice(&fork_data_root(version, genesis_validators_root).0[..28]);
    Root(domain)
}

/// `compute_signing_root` of an object with this root.
#[must_use]
pub fn signing_root(object_root: &Root, domain: &Root) -> Root {
    Root(hash(&object_root.0, &domain.0))
}

/// The domain of deposits: genesis fork version and a *zero* genesis validators root, so that it is known before genesis.
#[must_use]
pub fn deposit_domain(genesis_fork_version: ForkVersion) -> Root {
    compute_domain(DOMAIN_DEPOSIT, genesis_fork_version, &Root(ZERO))
}

/// What the validator key signs for a deposit.
#[must_use]
pub fn deposit_signing_root(
    pubkey: &BlsPublicKey,
    withdrawal_credentials: &Root,
    amount_gwei: u64,
    genesis_fork_version: ForkVersion,
) -> Root {
    let message = deposit_message_root(pubkey, withdrawal_credentials, amount_gwei);
    signing_root(&message, &deposit_domain(genesis_fork_version))
}

/// Root of `VoluntaryExit { epoch, validator_index }`.
#[must_use]
pub fn voluntary_exit_root(epoch: u64, validator_index: u64) -> Root {
    Root(hash(&chunk(epoch), &chunk(validator_index)))
}

/// The domain of voluntary exits. Since Deneb (EIP-7044) its fork version is Capella's for ever, so that a signed exit
/// does not expire; pass Capella's version on every network that has reached Deneb.
#[must_use]
pub fn voluntary_exit_domain(capella_fork_version: ForkVersion, genesis_validators_root: &Root) -> Root {
    compute_domain(
        DOMAIN_VOLUNTARY_EXIT,
        capella_fork_version,
        genesis_validators_root,
    )
}

/// What the validator key signs for a voluntary exit, by the EIP-7044 rule.
#[must_use]
pub fn voluntary_exit_signing_root(
    epoch: u64,
    validator_index: u64,
    capella_fork_version: ForkVersion,
    genesis_validators_root: &Root,
) -> Root {
    let domain = voluntary_exit_domain(capella_fork_version, genesis_validators_root);
    signing_root(&voluntary_exit_root(epoch, validator_index), &domain)
}
