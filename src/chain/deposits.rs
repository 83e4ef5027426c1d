//! Which validator keys already stand in the beacon chain's deposit contract. A second deposit for a key is taken as
//! a top-up, and a first one by someone else decides the withdrawal credentials: both lose the pool's money.
//!
//! Nobody can deposit for a key before it is made, so only the logs since then matter. The contract numbers deposits
//! without gaps and keeps their count in its state: logs that skip a number, or end below the count, lack something. How many
//! there were before is in a state that most nodes throw away within the hour; an older deposit in the logs says as much.

use std::collections::BTreeMap;

use alloy::primitives::Address;
use alloy::sol_types::SolEvent;
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;

use self::abi::DepositContract::{DepositEvent, get_deposit_countCall};
use super::replay::{Replay, ReplayError};
use super::rpc::{At, LogEntry, LogFilter, Rpc};
use super::view::view;
use crate::ports::KnownDeposit;
use crate::types::{BlockRef, BlsPublicKey, Root, SafeText};

pub(crate) mod abi {
    alloy::sol! {
        /// The beacon chain's deposit contract.
        #[derive(Debug)]
        interface DepositContract {
            event DepositEvent(bytes pubkey, bytes withdrawal_credentials, bytes amount, bytes signature, bytes index);
            function get_deposit_count() external view returns (bytes);
        }
    }
}

#[derive(Debug, Default, Clone, Serialize, Deserialize)]
struct Deposits {
    by_key: BTreeMap<BlsPublicKey, Vec<KnownDeposit>>,
    /// Lowest and highest index in the deposit tree, and how many there are.
    first: Option<u64>,
    last: Option<u64>,
    count: u64,
}

/// Blocks before the first that matters in which a deposit is looked for that says how many there were: a day of mainnet.
const EARLIER: u64 = 7_200;

/// Reads the deposit contract's logs.
#[derive(Debug)]
pub struct DepositLogs {
    rpc: Rpc,
    contract: Address,
    replays: Mutex<Replays>,
}

/// Of the newest key alone: keys are made one after the other.
#[derive(Debug, Default)]
struct Replays {
    /// Since it was made.
    since: Option<Replay<Deposits>>,
    /// Since [`EARLIER`] blocks before, where the number of the first deposit takes it.
    earlier: Option<Replay<Deposits>>,
}

/// What logs tell of the deposits' numbers.
#[derive(Debug, Clone, Copy)]
struct Numbers {
    first_and_last: Option<(u64, u64)>,
    /// How many logs there are.
    count: u64,
}

impl Numbers {
    fn of(parts: [&Deposits; 2]) -> Self {
        let first = parts.iter().filter_map(|part| part.first).min();
        let last = parts.iter().filter_map(|part| part.last).max();
        Self {
            first_and_last: first.zip(last),
            count: parts.iter().map(|part| part.count).sum(),
        }
    }
}

impl DepositLogs {
    /// Of this contract; nothing is read yet.
    #[must_use]
    pub fn new(rpc: Rpc, contract: Address) -> Self {
        Self {
            rpc,
            contract,
            replays: Mutex::default(),
        }
    }

    /// Every deposit for a key from block `since` on, up to a block. That there is none is an answer only when no number is
    /// missing.
    ///
    /// # Errors
    /// Logs or the contract's count cannot be read, or they do not fit each other.
    pub async fn of(
        &self,
        key: &BlsPublicKey,
        since: u64,
        block: BlockRef,
    ) -> Result<Vec<KnownDeposit>, ReplayError> {
        let mut replays = self.replays.lock().await;
        let (found, numbers) = self.read(&mut replays.since, since, key, block).await?;
        if !found.is_empty() {
            return Ok(found);
        }
        let counted = self.counted(At::block(block)).await;
        let counted = counted.map_err(|error| ReplayError::Unproven(SafeText::new(&error)))?;
        let before = match since.checked_sub(1) {
            Some(before) => self.counted(At::Number(before)).await.ok(),
            None => Some(0),
        };
        let (found, numbers) = if numbers.count == 0 && before.is_none() {
            let from = since.saturating_sub(EARLIER);
            self.read(&mut replays.earlier, from, key, block).await?
        } else {
            (found, numbers)
        };
        match gaps(numbers, before, counted) {
            Some(why) => {
                // a log that was left out once is asked for again
                *replays = Replays::default();
                Err(ReplayError::Unproven(why))
            }
            None => Ok(found),
        }
    }

    /// The deposits for a key in the logs from this block on, and what the numbers of all are.
    async fn read(
        &self,
        replay: &mut Option<Replay<Deposits>>,
        from: u64,
        key: &BlsPublicKey,
        block: BlockRef,
    ) -> Result<(Vec<KnownDeposit>, Numbers), ReplayError> {
        let replay = match replay {
            Some(replay) if replay.from() == from => replay,
            replay => {
                let filter = LogFilter {
                    addresses: vec![self.contract],
                    topics: vec![vec![DepositEvent::SIGNATURE_HASH]],
                };
                replay.insert(Replay::new(filter, from, fold))
            }
        };
        let replayed = replay.at(&self.rpc, block).await?;
        let parts = [replayed.settled, &replayed.recent];
        let of_key = parts.into_iter().filter_map(|part| part.by_key.get(key));
        Ok((of_key.flatten().cloned().collect(), Numbers::of(parts)))
    }

    /// Deposits that were ever made, by the contract's state: 8 bytes, little-endian.
    async fn counted(&self, at: At) -> Result<u64, String> {
        let told = view(&self.rpc, self.contract, get_deposit_countCall {}, at).await;
        let told = told.map_err(|error| error.to_string())?;
        little_endian(&told).ok_or_else(|| "the deposit contract's count is not 8 bytes long".to_owned())
    }
}

/// What is missing by the numbers, which no header tells: among others of its block, too. `before` and `counted`: how many
/// there were before the first block that was read, where that is known, and how many there are.
fn gaps(numbers: Numbers, before: Option<u64>, counted: u64) -> Option<SafeText> {
    let known = numbers.count;
    // whoever tells a log tells its number, and may tell the largest there is
    let between = |first: u64, last: u64| last.saturating_sub(first).saturating_add(1);
    let why = match (numbers.first_and_last, before) {
        (Some((first, last)), _) if known != between(first, last) => Some(format!(
            "{known} deposits are in the logs, their numbers {first} to {last} ask for {}",
            between(first, last)
        )),
        (Some((_, last)), _) if last.checked_add(1) != Some(counted) => Some(format!(
            "the last deposit in the logs is number {last}, and the contract's state counts {counted}"
        )),
        (_, Some(before)) => match counted.checked_sub(before) {
            Some(made) if made == known => None,
            Some(made) => Some(format!(
                "{known} deposits are in the logs, the contract's state counts {made}"
            )),
            None => Some(format!(
                "the contract's state counts {counted}, and counted {before} before"
            )),
        },
        (None, None) if counted > 0 => Some(format!(
            "no deposit is in the logs, the contract's state counts {counted}, and no endpoint tells how many there were before"
        )),
        (_, None) => None,
    };
    why.map(|why| SafeText::new(&why))
}

fn fold(deposits: &mut Deposits, log: &LogEntry) -> Result<(), SafeText> {
    let read = decode(log);
    let (key, deposit) = read.ok_or_else(|| SafeText::new("it is not as the deposit contract writes it"))?;
    let index = deposit.index;
    deposits.first = Some(deposits.first.map_or(index, |first| first.min(index)));
    deposits.last = Some(deposits.last.map_or(index, |last| last.max(index)));
    deposits.count += 1;
    deposits.by_key.entry(key).or_default().push(deposit);
    Ok(())
}

/// The contract writes amount and index as 8 bytes, little-endian.
fn decode(log: &LogEntry) -> Option<(BlsPublicKey, KnownDeposit)> {
    let event = DepositEvent::decode_raw_log(log.topics.iter().copied(), &log.data).ok()?;
    let deposit = KnownDeposit {
        at: log.at(),
        withdrawal_credentials: Root::try_from(event.withdrawal_credentials.as_ref()).ok()?,
        amount_gwei: little_endian(&event.amount)?,
        index: little_endian(&event.index)?,
    };
    Some((BlsPublicKey::try_from(event.pubkey.as_ref()).ok()?, deposit))
}

fn little_endian(bytes: &[u8]) -> Option<u64> {
    Some(u64::from_le_bytes(bytes.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(first_and_last: Option<(u64, u64)>, count: u64) -> Numbers {
        Numbers {
            first_and_last,
            count,
        }
    }

    #[test]
    fn nothing_is_missing_where_logs_and_state_count_the_same() {
        for (found, before, counted) in [
            (numbers(None, 0), Some(7), 7),
            (numbers(None, 0), None, 0),
            (numbers(Some((7, 9)), 3), Some(7), 10),
            (numbers(Some((7, 9)), 3), None, 10),
        ] {
            assert_eq!(
                gaps(found, before, counted),
                None,
                "{found:?} {before:?} {counted}"
            );
        }
    }

    /// Two endpoints that contradict each other prove no absence.
    #[test]
    fn whatever_does_not_fit_is_unproven() {
        for (found, before, counted) in [
            (numbers(None, 0), Some(8), 7),
            (numbers(None, 0), Some(6), 7),
            (numbers(None, 0), None, 7),
            (numbers(Some((7, 9)), 2), Some(7), 10),
            (numbers(Some((7, 9)), 3), Some(7), 11),
            (numbers(Some((7, 9)), 3), Some(11), 10),
            (numbers(Some((0, u64::MAX)), 1), Some(0), 1),
        ] {
            assert!(
                gaps(found, before, counted).is_some(),
                "{found:?} {before:?} {counted}"
            );
        }
    }
}
