//! A chain as long as a year of mainnet that nobody stores: every block is computed when it is asked for. Nine of ten bits
//! of every bloom filter are set, the manager's past pools are spread over it, and one more waits for its deposit.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use alloy::primitives::{Address, B256, Bloom, BloomInput, Bytes, U256, address, keccak256};
use alloy::sol_types::{SolCall, SolEvent, SolValue};
use serde_json::{Value, json};

pub(crate) const MANAGER: Address = address!("1111111111111111111111111111111111111111");
pub(crate) const SSV: Address = address!("2222222222222222222222222222222222222222");
pub(crate) const DEPOSITS: Address = address!("4242424242424242424242424242424242424242");
/// The manager's deployment.
pub(crate) const FIRST: u64 = 20_000_000;
/// Seconds between blocks.
const SLOT: u64 = 12;
/// Blocks above the newest final one.
const UNSETTLED: u64 = 70;
/// Blocks whose state a node still has.
const STATES: u64 = 128;
/// Somebody deposits in every so many blocks.
const DEPOSIT_EVERY: u64 = 50;

#[allow(missing_docs, unreachable_pub, reason = "the macro writes them so")]
mod abi {
    alloy::sol! {
        struct Pool {
            uint256 deposits; bool exiting; uint256 reshareCount; bytes32 depositDataRoot; bytes publicKey;
            uint64[] operatorIds; bytes shares; bytes signature; bytes withdrawalCredentials;
        }
        struct Cluster { uint32 validatorCount; uint64 networkFeeIndex; uint64 index; bool active; uint256 balance; }
        event PoolDepositRequested(uint32 poolId);
        event PoolDepositInitiated(uint32 poolId);
        event PoolDeposited(uint32 poolId);
        event ValidatorAdded(address indexed owner, uint64[] operatorIds, bytes publicKey, bytes shares, Cluster cluster);
        event DepositEvent(bytes pubkey, bytes withdrawal_credentials, bytes amount, bytes signature, bytes index);
        function getPool(uint32 poolId) external view returns (Pool memory);
        function getReadyPoolIds() external view returns (uint32[] memory);
        function getPendingPoolIds() external view returns (uint32[] memory);
        function getStakedPoolIds() external view returns (uint32[] memory);
        function getSSVNetworkAddress() external view returns (address);
        function getUpkeepAddress() external view returns (address);
        function getReservedFees() external view returns (uint256);
        function getValidatorPublicKeys() external view returns (bytes[] memory);
        function getExitingValidatorCount() external view returns (uint256);
        function get_deposit_count() external view returns (bytes);
        function resharePool(uint32 poolId, uint64[] operatorIds, bytes shares) external;
        function initiatePoolDeposit(bytes32 depositDataRoot, bytes publicKey, uint64[] operatorIds, bytes shares,
            Cluster cluster, bytes signature, bytes withdrawalCredentials, uint256 feeAmount) external;
    }
}

struct Log {
    address: Address,
    topics: Vec<B256>,
    data: Bytes,
}

pub(crate) struct Chain {
    begun: Instant,
    length: u64,
    pools: u32,
    oracle: Address,
    /// What the manager and SSV logged, by block.
    logs: BTreeMap<u64, Vec<Log>>,
}

/// What a node says, or how it refuses: code, words, and the bytes of a revert.
pub(crate) type Said = Result<Value, (i64, String, Option<Bytes>)>;

fn key(pool: u32) -> Bytes {
    let mut key = [0xaa; 48];
    key[44..].copy_from_slice(&pool.to_be_bytes());
    key.to_vec().into()
}

impl Chain {
    /// So many blocks behind the first of interest, with so many pools that have a validator, and one that waits.
    pub(crate) fn new(length: u64, pools: u32, oracle: Address) -> Self {
        let mut logs: BTreeMap<u64, Vec<Log>> = BTreeMap::new();
        let of_pool = |topic: B256, pool: u32| Log {
            address: MANAGER,
            topics: vec![topic],
            data: U256::from(pool).abi_encode().into(),
        };
        let spacing = (length - 2_000) / u64::from(pools + 1);
        for pool in 1..=pools {
            let asked = FIRST + 100 + u64::from(pool) * spacing;
            let added = abi::ValidatorAdded {
                owner: MANAGER,
                operatorIds: vec![1, 2, 3, 4],
                publicKey: key(pool),
                shares: vec![7; 1_312].into(),
                cluster: cluster(pool),
            };
            let registered = Log {
                address: SSV,
                topics: vec![abi::ValidatorAdded::SIGNATURE_HASH, MANAGER.into_word()],
                data: added.encode_data().into(),
            };
            let initiated = of_pool(abi::PoolDepositInitiated::SIGNATURE_HASH, pool);
            logs.insert(
                asked,
                vec![of_pool(abi::PoolDepositRequested::SIGNATURE_HASH, pool)],
            );
            logs.insert(asked + 20, vec![registered, initiated]);
            logs.insert(
                asked + 40,
                vec![of_pool(abi::PoolDeposited::SIGNATURE_HASH, pool)],
            );
        }
        let waits = of_pool(abi::PoolDepositRequested::SIGNATURE_HASH, pools + 1);
        logs.insert(FIRST + length - 1_000, vec![waits]);
        Self {
            begun: Instant::now(),
            length,
            pools,
            oracle,
            logs,
        }
    }

    pub(crate) fn head(&self) -> u64 {
        FIRST + self.length + self.begun.elapsed().as_secs() / SLOT
    }

    fn logs_of(&self, number: u64) -> Vec<Log> {
        let known = self.logs.get(&number).into_iter().flatten();
        let mut logs: Vec<_> = known
            .map(|log| Log {
                address: log.address,
                topics: log.topics.clone(),
                data: log.data.clone(),
            })
            .collect();
        if number.is_multiple_of(DEPOSIT_EVERY) {
            let index = number / DEPOSIT_EVERY;
            let deposit = abi::DepositEvent {
                pubkey: vec![0xdd; 48].into(),
                withdrawal_credentials: vec![1; 32].into(),
                amount: 32_000_000_000_u64.to_le_bytes().to_vec().into(),
                signature: vec![3; 96].into(),
                index: index.to_le_bytes().to_vec().into(),
            };
            logs.push(Log {
                address: DEPOSITS,
                topics: vec![abi::DepositEvent::SIGNATURE_HASH],
                data: deposit.encode_data().into(),
            });
        }
        logs
    }

    /// Answers a call; `most`: blocks of a log query.
    pub(crate) fn answer(&self, method: &str, params: &Value, most: u64) -> Said {
        Ok(match method {
            "eth_chainId" => json!("0x7a69"),
            "eth_getBlockByNumber" => self.at(&params[0]).map_or(Value::Null, |n| self.block(n)),
            "eth_getBlockByHash" => self.by_hash(&params[0]).map_or(Value::Null, |n| self.block(n)),
            "eth_getLogs" => return self.logs(&params[0], most),
            "eth_getBlockReceipts" => self
                .by_hash(&params[0])
                .map_or(Value::Null, |n| json!([self.receipt(n)])),
            "eth_getTransactionReceipt" => {
                let number = number_in(&params[0], 0x7a).filter(|n| *n <= self.head());
                number.map_or(Value::Null, |n| self.receipt(n))
            }
            "eth_call" => return self.call(&params[0], &params[1]),
            "eth_estimateGas" => json!("0x1d4c00"),
            "eth_getBalance" => json!("0x8ac7230489e80000"),
            "eth_getTransactionCount" => json!("0x0"),
            "eth_getCode" => json!("0x60"),
            "eth_feeHistory" => json!({ "baseFeePerGas": ["0x3b9aca00"], "reward": [["0x3b9aca00"]] }),
            "eth_sendRawTransaction" => {
                let raw: Bytes = serde_json::from_value(params[0].clone()).expect("bytes");
                json!(keccak256(&raw))
            }
            "eth_getTransactionByHash" => Value::Null,
            other => return Err((-32601, format!("there is no {other}"), None)),
        })
    }

    fn at(&self, tag: &Value) -> Option<u64> {
        let head = self.head();
        match tag.as_str()? {
            "latest" | "pending" => Some(head),
            "finalized" => Some(head - UNSETTLED),
            hex => u64::from_str_radix(hex.trim_start_matches("0x"), 16)
                .ok()
                .filter(|n| *n <= head),
        }
    }

    fn by_hash(&self, hash: &Value) -> Option<u64> {
        number_in(hash, 0xb1).filter(|n| *n <= self.head())
    }

    fn block(&self, number: u64) -> Value {
        json!({
            "number": format!("{number:#x}"), "hash": hash(0xb1, number),
            "parentHash": hash(0xb1, number.saturating_sub(1)),
            "timestamp": format!("{:#x}", 1_700_000_000 + SLOT * number), "baseFeePerGas": "0x3b9aca00",
            "logsBloom": self.bloom(number), "transactions": [hash(0x7a, number)],
        })
    }

    /// Nine of ten bits are set, others in every block, and those of its logs.
    fn bloom(&self, number: u64) -> Bloom {
        let mut bloom = Bloom::default();
        let mut seed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        for byte in bloom.iter_mut() {
            for bit in 0..8 {
                seed ^= seed << 13;
                seed ^= seed >> 7;
                seed ^= seed << 17;
                *byte |= u8::from(!seed.is_multiple_of(10)) << bit;
            }
        }
        for log in self.logs_of(number) {
            bloom.accrue(BloomInput::Raw(log.address.as_slice()));
            for topic in &log.topics {
                bloom.accrue(BloomInput::Raw(topic.as_slice()));
            }
        }
        bloom
    }

    fn receipt(&self, number: u64) -> Value {
        let logs = self.logs_of(number).into_iter().enumerate();
        let logs: Vec<_> = logs.map(|(n, log)| written(number, n, &log)).collect();
        json!({
            "transactionHash": hash(0x7a, number), "blockNumber": format!("{number:#x}"), "blockHash": hash(0xb1, number),
            "status": "0x1", "gasUsed": "0x1d4c00", "effectiveGasPrice": "0x3b9aca00", "logs": logs,
        })
    }

    fn logs(&self, filter: &Value, most: u64) -> Said {
        let (from, to) = match (self.at(&filter["fromBlock"]), self.at(&filter["toBlock"])) {
            (Some(from), Some(to)) => (from, to),
            _ => {
                return Err((
                    -32000,
                    "block range extends beyond current head block".into(),
                    None,
                ));
            }
        };
        if to.saturating_sub(from) >= most {
            return Err((-32005, format!("query exceeds max block range {most}"), None));
        }
        let addresses: Vec<Address> = serde_json::from_value(filter["address"].clone()).expect("addresses");
        let topics: Vec<Option<Vec<B256>>> =
            serde_json::from_value(filter["topics"].clone()).expect("topics");
        let wanted = |log: &Log| {
            addresses.contains(&log.address)
                && topics.iter().enumerate().all(|(n, any)| match any {
                    None => true,
                    Some(any) => log.topics.get(n).is_some_and(|topic| any.contains(topic)),
                })
        };
        let with_logs: Vec<u64> = if addresses.contains(&DEPOSITS) {
            (from..=to).filter(|n| n.is_multiple_of(DEPOSIT_EVERY)).collect()
        } else {
            self.logs.range(from..=to).map(|(n, _)| *n).collect()
        };
        let found = with_logs.into_iter().flat_map(|number| {
            let logs = self.logs_of(number).into_iter().enumerate();
            let found = logs.filter(|(_, log)| wanted(log));
            found.map(|(n, log)| written(number, n, &log)).collect::<Vec<_>>()
        });
        Ok(found.collect())
    }

    fn call(&self, call: &Value, at: &Value) -> Said {
        let at = match at.get("blockHash") {
            Some(hash) => self.by_hash(hash),
            None => self.at(at),
        };
        let at = at.filter(|at| *at + STATES > self.head());
        let at = at.ok_or((-32000, "missing trie node".to_owned(), None))?;
        let data: Bytes = serde_json::from_value(call["data"].clone()).expect("call data");
        let selector: [u8; 4] = data[..4].try_into().expect("four bytes");
        let stranger = serde_json::from_value::<Address>(call["from"].clone()).ok() != Some(self.oracle);
        let staked: Vec<u32> = (1..=self.pools).collect();
        let answer = match selector {
            abi::getReadyPoolIdsCall::SELECTOR => vec![self.pools + 1].abi_encode(),
            abi::getPendingPoolIdsCall::SELECTOR => Vec::<u32>::new().abi_encode(),
            abi::getStakedPoolIdsCall::SELECTOR => staked.abi_encode(),
            abi::getSSVNetworkAddressCall::SELECTOR => SSV.abi_encode(),
            abi::getUpkeepAddressCall::SELECTOR => Address::repeat_byte(0x33).abi_encode(),
            abi::getReservedFeesCall::SELECTOR => U256::from(10).pow(U256::from(19)).abi_encode(),
            abi::getExitingValidatorCountCall::SELECTOR => U256::ZERO.abi_encode(),
            abi::getValidatorPublicKeysCall::SELECTOR => {
                staked.iter().map(|p| key(*p)).collect::<Vec<_>>().abi_encode()
            }
            abi::getPoolCall::SELECTOR => {
                let asked = abi::getPoolCall::abi_decode(&data).expect("a pool");
                self.pool(asked.poolId).abi_encode()
            }
            abi::get_deposit_countCall::SELECTOR => {
                Bytes::from((at / DEPOSIT_EVERY + 1).to_le_bytes().to_vec()).abi_encode()
            }
            abi::resharePoolCall::SELECTOR | abi::initiatePoolDepositCall::SELECTOR if stranger => {
                let words = "Only DKG oracle can initiate pools";
                let mut data = hex::decode("08c379a0").expect("a selector");
                data.extend(words.to_owned().abi_encode());
                return Err((3, format!("execution reverted: {words}"), Some(data.into())));
            }
            abi::resharePoolCall::SELECTOR | abi::initiatePoolDepositCall::SELECTOR => Vec::new(),
            _ => return Err((3, "execution reverted".into(), Some(Bytes::new()))),
        };
        Ok(json!(Bytes::from(answer)))
    }

    fn pool(&self, id: u32) -> abi::Pool {
        let staked = (1..=self.pools).contains(&id);
        let known = staked || id == self.pools + 1;
        abi::Pool {
            deposits: U256::from(32) * U256::from(10).pow(U256::from(if known { 18 } else { 0 })),
            exiting: false,
            reshareCount: U256::ZERO,
            depositDataRoot: B256::ZERO,
            publicKey: if staked { key(id) } else { Bytes::new() },
            operatorIds: if staked { vec![1, 2, 3, 4] } else { Vec::new() },
            shares: Bytes::new(),
            signature: Bytes::new(),
            withdrawalCredentials: Bytes::new(),
        }
    }
}

fn cluster(validators: u32) -> abi::Cluster {
    abi::Cluster {
        validatorCount: validators,
        networkFeeIndex: 0,
        index: 0,
        active: true,
        balance: U256::from(1_000_000),
    }
}

fn hash(kind: u8, number: u64) -> B256 {
    let mut hash = [0; 32];
    hash[0] = kind;
    hash[24..].copy_from_slice(&number.to_be_bytes());
    B256::from(hash)
}

fn number_in(hash: &Value, kind: u8) -> Option<u64> {
    let hash: B256 = serde_json::from_value(hash.clone()).ok()?;
    let number = hash[24..].try_into().ok().map(u64::from_be_bytes)?;
    (hash[0] == kind).then_some(number)
}

fn written(number: u64, index: usize, log: &Log) -> Value {
    json!({
        "address": log.address, "topics": log.topics, "data": log.data, "blockNumber": format!("{number:#x}"),
        "blockHash": hash(0xb1, number), "transactionHash": hash(0x7a, number), "transactionIndex": "0x0",
        "logIndex": format!("{index:#x}"), "removed": false,
    })
}

/// Time to a new block, at most.
pub(crate) const BLOCK: Duration = Duration::from_secs(SLOT);
