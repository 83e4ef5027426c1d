//! Which validator keys already stand in the beacon chain's deposit contract. A second deposit for a key is taken as
//! a top-up, and a first one by someone else decides the withdrawal credentials: both lose the pool's money.

use std::collections::BTreeMap;

use alloy::primitives::Address;
use alloy::sol_types::SolEvent;
use tokio::sync::Mutex;

use self::abi::DepositContract::DepositEvent;
use super::replay::{Replay, ReplayError};
use super::rpc::{LogEntry, LogFilter, Rpc};
use crate::ports::KnownDeposit;
use crate::types::{BlockRef, BlsPublicKey, Root, SafeText};

pub(crate) mod abi {
    alloy::sol! {
        /// The beacon chain's deposit contract.
        #[derive(Debug)]
        interface DepositContract {
            event DepositEvent(bytes pubkey, bytes withdrawal_credentials, bytes amount, bytes signature, bytes index);
        }
    }
}

#[derive(Debug, Default)]
struct Deposits {
    by_key: BTreeMap<BlsPublicKey, Vec<KnownDeposit>>,
    /// Lowest and highest index in the deposit tree, and how many there are.
    first: Option<u64>,
    last: Option<u64>,
    count: u64,
}

/// Reads the deposit contract's logs.
#[derive(Debug)]
pub struct DepositLogs {
    rpc: Rpc,
    replay: Mutex<Replay<Deposits>>,
}

impl DepositLogs {
    /// From `from_block` on. A key that a ceremony makes cannot have been deposited before the ceremony, so the
    /// manager's deployment is early enough.
    #[must_use]
    pub fn new(rpc: Rpc, contract: Address, from_block: u64) -> Self {
        let filter = LogFilter {
            addresses: vec![contract],
            topics: vec![vec![DepositEvent::SIGNATURE_HASH]],
        };
        Self {
            rpc,
            replay: Mutex::new(Replay::new(filter, from_block, fold)),
        }
    }

    /// Reads on up to a block, so that a later question finds little to do.
    ///
    /// # Errors
    /// Logs or headers cannot be read, or the block was dropped meanwhile.
    pub async fn keep_up(&self, block: BlockRef) -> Result<(), ReplayError> {
        let mut replay = self.replay.lock().await;
        replay.at(&self.rpc, block).await.map(drop)
    }

    /// Every deposit for a key, up to a block. That there is none is an answer only when no log can be missing.
    ///
    /// # Errors
    /// As [`DepositLogs::keep_up`]; `Unproven` where none was found and one may be missing.
    pub async fn of(&self, key: &BlsPublicKey, block: BlockRef) -> Result<Vec<KnownDeposit>, ReplayError> {
        let mut replay = self.replay.lock().await;
        let replayed = replay.at(&self.rpc, block).await?;
        let parts = [replayed.settled, &replayed.recent];
        let of_key = parts.into_iter().filter_map(|part| part.by_key.get(key));
        let found: Vec<_> = of_key.flatten().cloned().collect();
        if found.is_empty() {
            if let Some(why) = replayed.unproven {
                return Err(ReplayError::Unproven(why));
            }
            if let Some(why) = gaps(replayed.settled, &replayed.recent) {
                return Err(ReplayError::Unproven(why));
            }
        }
        Ok(found)
    }
}

/// The contract numbers deposits without gaps, so one that is missing among others of its block is noticed too, which
/// no header tells.
fn gaps(settled: &Deposits, recent: &Deposits) -> Option<SafeText> {
    let parts = [settled, recent];
    let first = parts.iter().filter_map(|part| part.first).min()?;
    let last = parts.iter().filter_map(|part| part.last).max()?;
    let known = parts.iter().map(|part| part.count).sum::<u64>();
    let wanted = last - first + 1;
    (known != wanted).then(|| {
        SafeText::new(&format!(
            "{known} deposits are in the logs, their numbers {first} to {last} ask for {wanted}"
        ))
    })
}

fn fold(deposits: &mut Deposits, log: &LogEntry) {
    if let Some((key, deposit)) = decode(log) {
        let index = deposit.index;
        deposits.first = Some(deposits.first.map_or(index, |first| first.min(index)));
        deposits.last = Some(deposits.last.map_or(index, |last| last.max(index)));
        deposits.count += 1;
        deposits.by_key.entry(key).or_default().push(deposit);
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
