//! Events of the manager, decoded from logs.

use alloy::primitives::{Address, B256, U256};
use alloy::sol_types::SolEvent;

use super::abi::Manager;
use crate::ports::{Answer, PoolEvent, PoolEventKind, WatchedEvent};
use crate::types::{PoolId, counted};

/// What each event tells, its name in the contract, and its topic 0, which is the same whether the pool id is indexed or
/// not.
const EVENTS: [(PoolEventKind, &str, B256); 7] = [
    (
        PoolEventKind::DepositRequested,
        "PoolDepositRequested",
        Manager::PoolDepositRequested::SIGNATURE_HASH,
    ),
    (
        PoolEventKind::DepositInitiated,
        "PoolDepositInitiated",
        Manager::PoolDepositInitiated::SIGNATURE_HASH,
    ),
    (
        PoolEventKind::Deposited,
        "PoolDeposited",
        Manager::PoolDeposited::SIGNATURE_HASH,
    ),
    (
        PoolEventKind::ReshareRequested,
        "PoolReshareRequested",
        Manager::PoolReshareRequested::SIGNATURE_HASH,
    ),
    (
        PoolEventKind::Reshared,
        "PoolReshared",
        Manager::PoolReshared::SIGNATURE_HASH,
    ),
    (
        PoolEventKind::ExitRequested,
        "PoolExitRequested",
        Manager::PoolExitRequested::SIGNATURE_HASH,
    ),
    (
        PoolEventKind::Exited,
        "PoolExited",
        Manager::PoolExited::SIGNATURE_HASH,
    ),
];

pub(super) fn watched(contract: Address) -> impl Iterator<Item = WatchedEvent> {
    EVENTS.into_iter().map(move |(kind, name, topic)| WatchedEvent {
        contract,
        topic,
        name,
        kind,
    })
}

/// Decodes a log of the manager. No: it is not one of its events. Not known: it is one that holds no pool id.
pub(super) fn decode(topics: &[B256], data: &[u8]) -> Answer<PoolEvent> {
    let event = topics.first().and_then(|first| {
        let mut events = EVENTS.into_iter();
        events.find(|(_, _, topic)| topic == first)
    });
    let Some((kind, name, _)) = event else {
        return Answer::no("none of the manager's events");
    };
    let word = match (topics.len(), data.len()) {
        (1, 32) => B256::from_slice(data),
        (2, 0) => topics[1],
        (indexed, bytes) => {
            return Answer::not_known(format!(
                "{name} has one pool id, and this one has {} and {}",
                counted(indexed - 1, "indexed argument"),
                counted(bytes, "byte")
            ));
        }
    };
    let Ok(pool) = u32::try_from(U256::from_be_bytes(word.0)) else {
        return Answer::not_known(format!("{word} in {name} is no pool id: those have 32 bits"));
    };
    Answer::Yes(PoolEvent {
        kind,
        pool: PoolId(pool),
        leaving: None,
    })
}
