//! The words in which answers are compared: of each endpoint's answer, and of what was read of one of them before, which is
//! held against theirs. Both are made here, so that they differ where the answers do.

use alloy::primitives::{Address, Bytes, U256, keccak256};

use crate::ports::{Answer, KnownDeposit, PresentCommittee, SsvState, UNTOLD, Words};
use crate::types::{BlsPublicKey, ClusterSnapshot, OperatorId, PoolId, PoolView, Root, format_ether};

/// A subject, and what is said of it.
pub type Word = (&'static str, String);

pub(super) const CLUSTER: &str = "the SSV cluster of these operators";

/// What `word` makes of a value that is known; of none there is nothing to compare.
pub fn known<T>(answer: &Answer<T>, word: impl FnOnce(&T) -> Word) -> Option<Word> {
    answer.as_ref().yes().map(word)
}

/// Which pool the next deposit serves.
#[must_use]
pub fn head_of_queue(ready: &[PoolId]) -> Word {
    let head = ready.first().map(|head| format!("pool {head}"));
    (
        "the head of the ready queue",
        head.unwrap_or_else(|| "empty".to_owned()),
    )
}

/// Where a pool stands among those that wait for a deposit.
#[must_use]
pub fn place(pool: PoolId, ready: &[PoolId]) -> Word {
    let place = ready.iter().position(|other| *other == pool);
    let place = place.map_or_else(|| "none".to_owned(), |place| (place + 1).to_string());
    ("the pool's place in the ready queue", place)
}

/// The key that the contract has for a pool.
#[must_use]
pub fn key(key: Option<&BlsPublicKey>) -> Word {
    (
        "the pool's key",
        key.map_or_else(|| "none".to_owned(), BlsPublicKey::to_string),
    )
}

/// Whether it marks the pool as exiting.
#[must_use]
pub fn exiting(exiting: bool) -> Word {
    ("the pool's exiting", exiting.to_string())
}

/// Whether it is among the staked ones.
#[must_use]
pub fn staked(staked: bool) -> Word {
    ("the pool's being staked", staked.to_string())
}

/// Everything that the contract's state says of a pool by itself.
#[must_use]
pub fn pool(view: &PoolView) -> Words {
    let operators: Vec<_> = view.operator_ids.iter().map(OperatorId::to_string).collect();
    let nobody = operators.is_empty().then(|| "nobody".to_owned());
    vec![
        key(view.public_key.as_ref()),
        (
            "the pool's operators",
            nobody.unwrap_or_else(|| operators.join(", ")),
        ),
        ("the pool's deposits", view.deposits_wei.to_string()),
        ("the pool's deposit data root", view.deposit_data_root.to_string()),
        exiting(view.exiting),
        ("the pool's reshares", view.reshare_count.to_string()),
    ]
}

/// Who holds a pool's key, and what SSV was given for them.
#[must_use]
pub fn committee(said: &PresentCommittee) -> Words {
    let operators: Vec<_> = said.operator_ids.iter().map(OperatorId::to_string).collect();
    vec![
        ("who holds the pool's key", operators.join(", ")),
        ("the pool's reshares", said.reshare_count.to_string()),
        (
            "the shares of the pool's key",
            keccak256(&said.shares).to_string(),
        ),
    ]
}

/// From what registrations are paid.
#[must_use]
pub fn reserved_fees(wei: U256) -> Word {
    ("the reserved fees", wei.to_string())
}

/// How many transactions the account has sent.
#[must_use]
pub fn nonce(next: u64) -> Word {
    ("the oracle account's nonce", next.to_string())
}

/// What the account has.
#[must_use]
pub fn balance(wei: U256) -> Word {
    ("the oracle account's balance", format_ether(wei))
}

/// Whether the manager takes the oracle's calls. Some nodes pass on no words of a refusal, and that makes them silent on
/// nothing else.
#[must_use]
pub fn caller(answer: &Answer<()>) -> Word {
    let words = match answer {
        Answer::Yes(()) => "accepted",
        Answer::No(_) => "refused",
        Answer::NotKnown(_) => UNTOLD,
    };
    ("the oracle account's calls to the manager", words.to_owned())
}

/// Where the manager registers.
#[must_use]
pub fn ssv_network(network: &Address) -> Word {
    ("SSV's network contract", network.to_string())
}

/// To whom the pool's validator pays out.
#[must_use]
pub fn credentials(credentials: &Root) -> Word {
    ("the pool's withdrawal credentials", credentials.to_string())
}

/// What is at the deposit contract's address; none where it is not known.
#[must_use]
pub fn deposit_contract(code: &Answer<Bytes>) -> Option<Word> {
    let words = |code: &Bytes| format!("the code {}", keccak256(code));
    let code = code
        .as_ref()
        .known()
        .ok()?
        .map_or_else(|| "none".to_owned(), words);
    Some(("what is at the deposit contract's address", code))
}

/// How many deposits the new key has; none where it is not known.
#[must_use]
pub fn deposits(found: &Answer<Vec<KnownDeposit>>) -> Option<Word> {
    let found = found.as_ref().known().ok()?.map_or(0, Vec::len);
    Some(("the deposits for the new key", found.to_string()))
}

/// The snapshot that a registration has to carry.
#[must_use]
pub fn cluster(state: &SsvState) -> Word {
    let words = match state.known_cluster {
        true => snapshot(&state.cluster),
        false => "none".to_owned(),
    };
    (CLUSTER, words)
}

/// A cluster's snapshot, every field of it.
fn snapshot(cluster: &ClusterSnapshot) -> String {
    let ClusterSnapshot {
        validator_count,
        network_fee_index,
        index,
        balance,
        active,
    } = cluster;
    let state = if *active { "active" } else { "liquidated" };
    format!(
        "{validator_count} validators, indices {network_fee_index} and {index}, balance {balance}, {state}"
    )
}

/// The owner's registrations, as they are counted.
#[must_use]
pub fn registrations(state: &SsvState) -> Word {
    let newest = state.registered_at.map_or_else(String::new, |at| {
        format!(", the newest in block {} by {}", at.block.number, at.transaction)
    });
    (
        "the owner's registrations at SSV",
        format!("{}{newest}", state.owner_nonce),
    )
}
