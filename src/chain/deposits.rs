//! Which validator keys already stand in the beacon chain's deposit contract. A second deposit for a key is taken as
//! a top-up, and a first one by someone else decides the withdrawal credentials: both lose the pool's money.

use std::collections::BTreeMap;

use alloy::primitives::Address;
use alloy::sol_types::SolEvent;
use tokio::sync::Mutex;

use super::contracts::abi::DepositContract::DepositEvent;
use super::replay::{Replay, ReplayError};
use super::rpc::{LogEntry, LogFilter, Rpc};
use crate::types::{BlockRef, BlsPublicKey, LogRef, Root};

/// A deposit in the logs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownDeposit {
    /// Where.
    pub at: LogRef,
    /// For whom.
    pub withdrawal_credentials: Root,
    /// How much, in gwei.
    pub amount_gwei: u64,
    /// Index in the deposit tree.
    pub index: u64,
}

type ByKey = BTreeMap<BlsPublicKey, Vec<KnownDeposit>>;

/// Reads the deposit contract's logs.
#[derive(Debug)]
pub struct DepositLogs {
    rpc: Rpc,
    contract: Address,
    replay: Mutex<Replay<ByKey>>,
}

impl DepositLogs {
    /// From `from_block` on. A key that a ceremony makes can not have been deposited before the ceremony, so the
    /// manager's deployment is early enough.
    #[must_use]
    pub fn new(rpc: Rpc, contract: Address, from_block: u64) -> Self {
        let filter = LogFilter {
            addresses: vec![contract],
            topics: vec![vec![DepositEvent::SIGNATURE_HASH]],
        };
        Self {
            rpc,
            contract,
            replay: Mutex::new(Replay::new(filter, from_block, fold)),
        }
    }

    /// The contract.
    #[must_use]
    pub fn contract(&self) -> Address {
        self.contract
    }

    /// Every deposit for a key, up to a block.
    pub async fn of(&self, key: &BlsPublicKey, block: BlockRef) -> Result<Vec<KnownDeposit>, ReplayError> {
        let mut replay = self.replay.lock().await;
        let (settled, recent) = replay.at(&self.rpc, block).await?;
        let parts = [settled.get(key), recent.get(key)];
        Ok(parts.into_iter().flatten().flatten().cloned().collect())
    }
}

fn fold(deposits: &mut ByKey, log: &LogEntry) {
    if let Some((key, deposit)) = decode(log) {
        deposits.entry(key).or_default().push(deposit);
    }
}

/// The contract writes amount and index as 8 bytes, little-endian.
fn decode(log: &LogEntry) -> Option<(BlsPublicKey, KnownDeposit)> {
    let event = DepositEvent::decode_raw_log(log.topics.iter().copied(), &log.data).ok()?;
    let little_endian = |bytes: &[u8]| Some(u64::from_le_bytes(bytes.try_into().ok()?));
    let deposit = KnownDeposit {
        at: log.at(),
        withdrawal_credentials: Root::try_from(event.withdrawal_credentials.as_ref()).ok()?,
        amount_gwei: little_endian(&event.amount)?,
        index: little_endian(&event.index)?,
    };
    Some((BlsPublicKey::try_from(event.pubkey.as_ref()).ok()?, deposit))
}
