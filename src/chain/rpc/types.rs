//! The parts of JSON-RPC answers that are used. Unknown and missing optional fields are tolerated, because clients and
//! development nodes differ in them.

use std::cmp::Ordering;

use alloy::primitives::{Address, B256, Bloom, Bytes, U64, U256};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::ports::{At, Log};
use crate::types::{BlockRef, LogRef, Root, TRANSFER_GAS, UnixMillis};

impl At {
    pub(crate) fn to_json(self) -> Value {
        match self {
            Self::Hash(hash) => json!({"blockHash": hash}),
            Self::Number(number) => json!(U64::from(number)),
            Self::Latest => json!("latest"),
            Self::Pending => json!("pending"),
            Self::Finalized => json!("finalized"),
        }
    }
}

/// A number in an answer: of blocks, of things in them, of gas, of seconds, of transactions. One that no chain comes to
/// cannot be read: who says so has not answered, and nobody has to calculate with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(try_from = "U64")]
pub(crate) struct Quantity(u64);

impl Quantity {
    /// What JSON has without loss everywhere, and more than anything counted here comes to in thousands of years.
    pub(crate) const MOST: u64 = 1 << 53;

    pub(crate) fn get(self) -> u64 {
        self.0
    }
}

impl TryFrom<U64> for Quantity {
    type Error = String;

    fn try_from(told: U64) -> Result<Self, String> {
        let told = told.to::<u64>();
        if told > Self::MOST {
            return Err(format!("{told:#x} is more than any chain comes to"));
        }
        Ok(Self(told))
    }
}

/// What is used of `eth_getBlockByNumber` and `eth_getBlockByHash`, called without transactions.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BlockHeader {
    number: Quantity,
    /// keccak256 of the RLP of the header, by the node's word.
    pub hash: B256,
    pub parent_hash: B256,
    timestamp: Quantity,
    /// Base fee in wei for each gas.
    pub base_fee_per_gas: Option<U256>,
    gas_used: Option<U256>,
    /// Some development nodes have no limit, and tell the highest number: it makes no header unreadable.
    gas_limit: Option<U256>,
    /// Bloom filter over the addresses and topics of its logs.
    pub logs_bloom: Option<Bloom>,
    /// Root of the tree of its receipts.
    pub receipts_root: Option<B256>,
}

impl BlockHeader {
    /// Blocks before it: genesis has 0.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.number.get()
    }

    /// Seconds since the Unix epoch.
    #[must_use]
    pub fn timestamp(&self) -> u64 {
        self.timestamp.get()
    }

    pub(crate) fn time(&self) -> UnixMillis {
        UnixMillis(self.timestamp().saturating_mul(1_000))
    }

    /// Number and hash.
    #[must_use]
    pub fn block(&self) -> BlockRef {
        BlockRef {
            number: self.number(),
            hash: Root(self.hash.0),
        }
    }

    /// Base fee of the block after it, wei for each gas, which this header alone determines: it moves by an eighth at most, as
    /// far as the gas used is from half of the limit (EIP-1559, `BASE_FEE_MAX_CHANGE_DENOMINATOR` and
    /// `ELASTICITY_MULTIPLIER`). None before EIP-1559, and where the node does not tell what it takes, or tells more gas than 64 bits hold.
    #[must_use]
    pub fn next_base_fee(&self) -> Option<u128> {
        let base = u128::try_from(self.base_fee_per_gas?).ok();
        let base = base.filter(|fee| *fee <= MOST_FOR_GAS)?;
        let gas = |told: U256| u64::try_from(told).ok().map(u128::from);
        let (used, limit) = (gas(self.gas_used?)?, gas(self.gas_limit?)?);
        let target = (limit / 2).max(1);
        let change = base * used.min(limit).abs_diff(target) / target / 8;
        Some(match used.cmp(&target) {
            Ordering::Greater => base + change.max(1),
            Ordering::Equal => base,
            Ordering::Less => base - change,
        })
    }
}

/// An entry of `eth_getLogs`, or of a receipt.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LogEntry {
    /// The contract that emitted it.
    pub address: Address,
    /// Topic 0 is the event's, then the indexed arguments.
    pub topics: Vec<B256>,
    /// The arguments that are not indexed, ABI-encoded.
    pub data: Bytes,
    block_number: Quantity,
    block_hash: B256,
    transaction_hash: B256,
    log_index: Quantity,
    /// A node says so of logs whose block was dropped.
    #[serde(default)]
    pub removed: bool,
}

impl LogEntry {
    /// Where it stands.
    #[must_use]
    pub fn at(&self) -> LogRef {
        LogRef {
            block: BlockRef {
                number: self.block_number.get(),
                hash: Root(self.block_hash.0),
            },
            transaction: Root(self.transaction_hash.0),
            index: self.log_index.get(),
        }
    }

    /// The same contract logged the same at the same place.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        (self.at(), self.address, &self.topics, &self.data)
            == (other.at(), other.address, &other.topics, &other.data)
    }

    /// As it crosses the ports.
    #[must_use]
    pub fn log(&self) -> Log {
        Log {
            address: self.address,
            topics: self.topics.clone(),
            data: self.data.clone(),
            at: self.at(),
        }
    }
}

/// A question for logs.
#[derive(Debug, Clone, Default)]
pub struct LogFilter {
    /// Contracts; empty means any.
    pub addresses: Vec<Address>,
    /// For each topic position the alternatives; an empty list means any.
    pub topics: Vec<Vec<B256>>,
}

impl LogFilter {
    pub(crate) fn to_json(&self, from: u64, to: u64) -> Value {
        let mut filter = self.body();
        filter["fromBlock"] = json!(U64::from(from));
        filter["toBlock"] = json!(U64::from(to));
        filter
    }

    fn body(&self) -> Value {
        let topics: Vec<Value> = self
            .topics
            .iter()
            .map(|alternatives| match alternatives.as_slice() {
                [] => Value::Null,
                some => json!(some),
            })
            .collect();
        json!({"address": self.addresses, "topics": topics})
    }

    /// Whether a log answers the question.
    #[must_use]
    pub fn matches(&self, log: &LogEntry) -> bool {
        (self.addresses.is_empty() || self.addresses.contains(&log.address))
            && self.topics.iter().enumerate().all(|(n, alternatives)| {
                alternatives.is_empty() || log.topics.get(n).is_some_and(|t| alternatives.contains(t))
            })
    }

    /// Whether a block with this bloom filter can hold a matching log. `true` may be wrong, `false` never is.
    #[must_use]
    pub fn may_match(&self, bloom: &Bloom) -> bool {
        use alloy::primitives::BloomInput::Raw;
        let address = self.addresses.is_empty()
            || self
                .addresses
                .iter()
                .any(|a| bloom.contains_input(Raw(a.as_slice())));
        address
            && self.topics.iter().all(|alternatives| {
                alternatives.is_empty()
                    || alternatives
                        .iter()
                        .any(|t| bloom.contains_input(Raw(t.as_slice())))
            })
    }
}

/// A call to be executed or simulated.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CallRequest {
    /// `msg.sender`; without it the node takes the zero address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<Address>,
    pub to: Address,
    /// Calldata; every client takes the older name `data`, not all take `input`.
    #[serde(rename = "data")]
    pub input: Bytes,
    /// Wei sent along.
    #[serde(skip_serializing_if = "U256::is_zero")]
    pub value: U256,
}

impl CallRequest {
    /// What a transaction with these bytes takes before anything runs: 21,000, and 4 for each zero byte and 16 for each other
    /// one (EIP-2028). What later forks add to it is left out: no chain takes less.
    #[must_use]
    pub fn intrinsic_gas(&self) -> u64 {
        let bytes = self.input.iter().map(|byte| if *byte == 0 { 4 } else { 16 });
        TRANSFER_GAS + bytes.sum::<u64>()
    }
}

/// What is used of `eth_getTransactionReceipt`.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Receipt {
    /// keccak256 of the signed envelope.
    pub transaction_hash: B256,
    block_number: Quantity,
    block_hash: B256,
    status: Quantity,
    gas_used: Quantity,
    /// Wei for each gas that was paid.
    #[serde(default)]
    pub effective_gas_price: U256,
    /// The contract that the transaction made.
    pub contract_address: Option<Address>,
    #[serde(rename = "type")]
    kind: Option<Quantity>,
    cumulative_gas_used: Option<Quantity>,
    /// What it logged.
    #[serde(default)]
    pub logs: Vec<LogEntry>,
}

impl Receipt {
    /// The block that includes the transaction.
    #[must_use]
    pub fn block(&self) -> BlockRef {
        BlockRef {
            number: self.block_number.get(),
            hash: Root(self.block_hash.0),
        }
    }

    /// Status 1 (EIP-658): it was not reverted.
    #[must_use]
    pub fn succeeded(&self) -> bool {
        self.status.get() == 1
    }

    /// Gas units of this transaction alone, not of its block up to it.
    #[must_use]
    pub fn gas_used(&self) -> u64 {
        self.gas_used.get()
    }

    /// The transaction's kind (EIP-2718; 0 where it is older) and the gas of its block up to it; none where the node does
    /// not tell.
    pub(crate) fn in_block(&self) -> Option<(u8, u64)> {
        let kind = self.kind.unwrap_or_default().get();
        Some((u8::try_from(kind).ok()?, self.cumulative_gas_used?.get()))
    }
}

/// What is used of `eth_getTransactionByHash`.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TransactionInfo {
    /// keccak256 of the signed envelope.
    pub hash: B256,
    nonce: Quantity,
    /// Whom its signature recovers, by the node's word.
    pub from: Address,
    /// The contract, none for a creation.
    pub to: Option<Address>,
    /// Calldata, or the code that makes the contract.
    pub input: Bytes,
    /// Wei sent along.
    #[serde(default)]
    pub value: U256,
    block_number: Option<Quantity>,
    /// Hash of the including block, none while it waits.
    pub block_hash: Option<B256>,
}

impl TransactionInfo {
    /// How many transactions its sender sent before it.
    #[must_use]
    pub fn nonce(&self) -> u64 {
        self.nonce.get()
    }

    /// The including block, none while it waits.
    #[must_use]
    pub fn block(&self) -> Option<BlockRef> {
        Some(BlockRef {
            number: self.block_number?.get(),
            hash: Root(self.block_hash?.0),
        })
    }
}

/// The most that any chain asks for one gas, wei: a million gwei, a hundred times what Ethereum ever asked.
const MOST_FOR_GAS: u128 = 1_000_000 * 1_000_000_000;

/// What is used of `eth_feeHistory`; all amounts are wei for each gas.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "ToldFees")]
pub struct FeeHistory {
    /// Of the next block.
    pub next_base_fee: u128,
    /// For each block the priority fees at the percentiles asked for.
    pub reward: Vec<Vec<U256>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ToldFees {
    /// One for each block asked for, and one for the next.
    base_fee_per_gas: Vec<U256>,
    #[serde(default)]
    reward: Option<Vec<Vec<U256>>>,
}

impl TryFrom<ToldFees> for FeeHistory {
    type Error = String;

    fn try_from(told: ToldFees) -> Result<Self, Self::Error> {
        let absurd = |what: &str, fee: &U256| {
            let most = MOST_FOR_GAS / 1_000_000_000;
            format!("{what} of {fee} wei is more than any chain asks for ({most} gwei)")
        };
        let is_absurd = |fee: &&U256| **fee > U256::from(MOST_FOR_GAS);
        let next = told.base_fee_per_gas.last().ok_or("no base fee")?;
        let next_base_fee = u128::try_from(*next).ok().filter(|fee| *fee <= MOST_FOR_GAS);
        let reward = told.reward.unwrap_or_default();
        if let Some(fee) = reward.iter().flatten().find(is_absurd) {
            return Err(absurd("a priority fee", fee));
        }
        Ok(Self {
            next_base_fee: next_base_fee.ok_or_else(|| absurd("a base fee", next))?,
            reward,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fee_that_no_chain_asks_for_is_no_answer() {
        let told = |base: U256, priority: U256| {
            serde_json::from_value::<FeeHistory>(json!({
                "baseFeePerGas": ["0x1", base],
                "reward": [["0x1"], [priority]],
            }))
        };
        let (one, most) = (U256::from(1), U256::from(MOST_FOR_GAS));
        assert_eq!(told(most, most).unwrap().next_base_fee, MOST_FOR_GAS);
        for absurd in [most + one, one << 120, one << 200] {
            let why = told(absurd, one).unwrap_err().to_string();
            let says = format!("a base fee of {absurd} wei is more than any chain asks for (1000000 gwei)");
            assert!(why.contains(&says), "{why}");
            let why = told(one, absurd).unwrap_err().to_string();
            assert!(why.contains("a priority fee of"), "{why}");
        }
    }

    #[test]
    fn the_next_base_fee_is_what_the_header_determines() {
        let next_of = |base: u64, used: u64, limit: U256| {
            let root = format!("0x{}", "11".repeat(32));
            let header = json!({
                "number": "0x1", "timestamp": "0x1", "hash": root, "parentHash": root,
                "baseFeePerGas": U256::from(base), "gasUsed": U256::from(used), "gasLimit": limit,
            });
            let header: BlockHeader = serde_json::from_value(header).unwrap();
            header.next_base_fee()
        };
        let next = |base, used, limit: u64| next_of(base, used, U256::from(limit));
        // full, empty, and half full
        assert_eq!(next(1_000_000_000, 30_000_000, 30_000_000), Some(1_125_000_000));
        assert_eq!(next(1_000_000_000, 0, 30_000_000), Some(875_000_000));
        assert_eq!(next(1_000_000_000, 15_000_000, 30_000_000), Some(1_000_000_000));
        assert_eq!(next(1, 15_000_001, 30_000_000), Some(2), "by one at least");
        // used more than the limit is used all of it
        assert_eq!(
            next(1_000_000_000, u64::from(u32::MAX), 30_000_000),
            Some(1_125_000_000)
        );
        // a node without a limit on blocks: its header is read all the same
        assert_eq!(next(1_000_000_000, 0, u64::MAX), Some(875_000_000));
        assert_eq!(next_of(1_000_000_000, 0, U256::from(1) << 64), None);
    }

    #[test]
    fn a_number_that_no_chain_comes_to_is_no_answer() {
        let header = |number: &str, timestamp: &str| {
            let root = format!("0x{}", "11".repeat(32));
            serde_json::from_value::<BlockHeader>(
                json!({"number": number, "timestamp": timestamp, "hash": root, "parentHash": root}),
            )
        };
        assert_eq!(
            header("0x20000000000000", "0x1").unwrap().number(),
            Quantity::MOST
        );
        for absurd in ["0x20000000000001", "0xffffffffffffffff"] {
            let why = header(absurd, "0x1").unwrap_err().to_string();
            assert!(
                why.contains(&format!("{absurd} is more than any chain comes to")),
                "{why}"
            );
            header("0x1", absurd).unwrap_err();
        }
    }
}
