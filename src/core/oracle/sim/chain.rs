//! The execution chain moves: blocks, the contract, strangers, reorganisations, requests.

use alloy::primitives::{Address, U256};
use rand::Rng as _;
use rand::seq::IteratorRandom as _;

use super::truth::{Call, Event, FINAL_AFTER, Mined, Said};
use super::world::{POOLS, World};
use crate::oracle::*;
use crate::types::*;

/// What a transaction costs in fees, wei.
const FEE_PAID: u64 = 200;

/// Blocks from a deposit to the contract's word that the validator is at work.
const STAKED_AFTER: u64 = 9;

/// Transactions that an endpoint makes up: more than an account makes in a life.
pub(super) const MADE_UP: u64 = 1_000;

impl World {
    /// The contract says it in the newest block.
    fn says(&mut self, said: Said, pool: PoolId, transaction: Root) {
        let index = self.outside.chain.events.len() as u64;
        let log = LogRef {
            block: self.outside.chain.at(),
            transaction,
            index,
        };
        self.outside.chain.events.push(Event { said, pool, log });
    }

    /// The next block, with what pays enough and is next in line.
    pub(super) fn mine(&mut self) {
        let nonce = self.outside.chain.account_nonce;
        let base_fee = self.outside.base_fee;
        let mut pays = self
            .outside
            .pool
            .iter()
            .filter(|(_, entry)| entry.fee >= base_fee);
        let next = pays
            .find(|(_, entry)| entry.nonce == nonce)
            .map(|(hash, entry)| (*hash, *entry));
        let races = next.is_none() || self.rng.gen_bool(0.5);
        let strange = self.outside.strange_pool.get(&nonce).copied();
        if let Some(by) = strange.filter(|_| races) {
            return self.strange_transaction(by);
        }
        self.grow();
        let Some((hash, entry)) = next else { return };
        let block = self.outside.chain.at();
        self.outside.chain.account_nonce += 1;
        let overtaken = entry.call.registration != self.outside.chain.owner_nonce;
        let served = self.call(hash, entry.call);
        let success = served.is_some();
        if let Some(first) =
            served.and_then(|_| self.outside.chain.numbers.insert(entry.call.registration, hash))
        {
            panic!("{first} and {hash} registered with one nonce: SSV's nodes ignore the second");
        }
        let mined = Mined {
            nonce,
            block,
            success,
            served,
            overtaken,
        };
        self.outside.chain.mined.insert(hash, mined);
    }

    /// A block on top, and what comes about in it by itself. What a block costs jumps (F24).
    fn grow(&mut self) {
        self.now += self.rng.gen_range(500..2_000);
        self.outside.grow();
        self.outside.base_fee = if self.rng.gen_bool(if self.calm { 0.05 } else { 0.3 }) {
            12
        } else {
            7
        };
        let height = self.outside.height();
        let pending = self.outside.chain.pending.iter();
        let done: Vec<_> = pending
            .filter(|(_, at)| **at + STAKED_AFTER <= height)
            .map(|(pool, _)| *pool)
            .collect();
        for pool in done {
            self.outside.chain.pending.remove(&pool);
            self.outside.chain.staked.insert(pool);
            self.says(Said::Did(Fulfilment::Deposited), pool, Root([2; 32]));
        }
        self.exits_come_about();
        let chain = &self.outside.chain;
        let gone: Vec<_> = chain
            .staked
            .iter()
            .copied()
            .filter(|pool| self.has_paid_out(*pool))
            .collect();
        for pool in gone {
            self.outside.chain.staked.remove(&pool);
            self.outside.chain.left.insert(pool);
            self.says(Said::Did(Fulfilment::Exited), pool, Root([3; 32]));
        }
    }

    /// The contract's answer to a call: the pool that was served, or nothing where it reverts (F25). A deposit serves the pool
    /// that it names, else the head of the queue. SSV's contract takes a registration for any nonce; where deposits name no
    /// pool, one for another nonce reverts here, so that each life tells only of what it is for.
    fn call(&mut self, transaction: Root, call: Call) -> Option<PoolId> {
        let at = self.outside.height();
        let chain = &mut self.outside.chain;
        if call.registration != chain.owner_nonce && !self.outside.adapters.by_id {
            return None;
        }
        let (pool, what) = match call.reshares {
            Some(pool) => {
                chain.staked.get(&pool)?;
                let before = chain.reshares.get(&pool).map_or(0, Vec::len);
                (before < self.outside.adapters.reshares).then_some(())?;
                chain.reshares.entry(pool).or_default().push(transaction);
                (pool, Fulfilment::Reshared)
            }
            None => {
                let pool = call.deposits.or(chain.ready.first().copied())?;
                let place = chain.ready.iter().position(|ready| *ready == pool)?;
                chain.ready.remove(place);
                chain.pending.insert(pool, at);
                chain.keys.insert(pool, call.key);
                chain.since.insert(call.key, at);
                chain
                    .deposits
                    .entry(pool)
                    .or_default()
                    .push((transaction, call.key));
                (pool, Fulfilment::DepositInitiated)
            }
        };
        chain.owner_nonce += 1;
        self.says(Said::Did(what), pool, transaction);
        Some(pool)
    }

    /// Somebody else's transaction takes the nonce that is next, as of a second oracle (F28); it may be a deposit, or a reshare.
    pub(super) fn strange_transaction(&mut self, hash: Root) {
        self.grow();
        let chain = &mut self.outside.chain;
        let nonce = chain.account_nonce;
        self.outside.strange_pool.remove(&nonce);
        chain.strange.insert(nonce, (chain.at(), hash));
        chain.account_nonce += 1;
        let registration = chain.owner_nonce;
        let reshares = chain.staked.iter().copied().choose(&mut self.rng);
        let by_id = self.outside.adapters.by_id;
        let deposits = chain.ready.first().copied().filter(|_| by_id);
        let key = BlsPublicKey([0xf0 + hash.0[1] % 15; 48]);
        match hash.0[0] % 4 {
            0 | 1 => drop(self.call(
                hash,
                Call {
                    reshares: None,
                    deposits,
                    key,
                    registration,
                },
            )),
            2 if reshares.is_some() => drop(self.call(
                hash,
                Call {
                    reshares,
                    deposits: None,
                    key,
                    registration,
                },
            )),
            _ => {}
        }
    }

    /// The newest blocks are dropped, and others stand in their place, with nothing in them. Transactions are back in
    /// the pools, or forgotten there.
    pub(super) fn reorganise(&mut self) {
        let depth = self.rng.gen_range(1..=FINAL_AFTER);
        let Some(at) = (self.outside.older.len() as u64).checked_sub(depth) else {
            return;
        };
        let back = self.outside.older[at as usize].clone();
        let dropped = std::mem::replace(&mut self.outside.chain, back);
        self.outside.older.truncate(at as usize);
        self.outside.branch = self.outside.branch.wrapping_add(1);
        let fork = self.outside.height();
        self.outside.exits.retain(|_, in_block| *in_block <= fork);
        self.outside.lies.retain(|lie| lie.log.block.number <= fork);
        for _ in 0..depth {
            self.grow();
        }
        for hash in dropped.mined.keys() {
            if !self.outside.chain.mined.contains_key(hash) && self.rng.gen_bool(0.3) {
                self.outside.pool.remove(hash);
            }
        }
        for (nonce, (_, hash)) in dropped.strange {
            if nonce >= self.outside.chain.account_nonce {
                self.outside.strange_pool.insert(nonce, hash);
            }
        }
    }

    /// A staker fills a pool, the contract wants a reshare or an exit, or a request goes away (F07).
    pub(super) fn request_or_withdraw(&mut self) {
        let lie = self.outside.lies.last().filter(|_| self.rng.gen_bool(0.5));
        let lied = lie.map(|lie| lie.pool);
        let pool = lied.unwrap_or_else(|| PoolId(self.rng.gen_range(1..=POOLS)));
        let chain = &mut self.outside.chain;
        let (asked, ready) = (Said::Asked(RequestKind::Deposit), chain.ready.contains(&pool));
        if chain.staked.contains(&pool) {
            let reshare = self.rng.gen_bool(0.5);
            match (self.outside.adapters.asks, reshare) {
                (true, true) => self.request(RequestKind::Reshare, pool),
                (true, false) => self.request(RequestKind::Exit, pool),
                (false, true) => drop(self.command("carol", Command::Reshare(pool))),
                (false, false) => drop(self.command("carol", Command::RequestExit(pool))),
            }
        } else if ready && self.rng.gen_bool(if lied.is_some() { 0.7 } else { 0.3 }) {
            // the block with the request is replaced by one without it
            chain.ready.retain(|p| *p != pool);
            chain.events.retain(|e| (e.said, e.pool) != (asked, pool));
            self.grow();
        } else if !ready && !chain.keys.contains_key(&pool) {
            self.request(RequestKind::Deposit, pool);
        }
    }

    /// A request for a pool that can have it.
    pub(super) fn request(&mut self, kind: RequestKind, pool: PoolId) {
        self.grow();
        if kind == RequestKind::Deposit {
            self.outside.chain.ready.push(pool);
        }
        self.says(Said::Asked(kind), pool, Root([1; 32]));
    }

    /// What an endpoint says of the chain: as it is, as it was, or a lie; of an account that is empty now and then (F27).
    pub(super) fn facts(&mut self) {
        let lags = !self.calm && self.rng.gen_bool(0.1);
        let outside = &self.outside;
        let chain = outside.older.back().filter(|_| lags).unwrap_or(&outside.chain);
        let mut ready = chain.ready.clone();
        let mut owner_nonce = Some(chain.owner_nonce);
        if !self.calm && self.rng.gen_bool(0.03) {
            match self.rng.gen_range(0..4) {
                0 => ready.reverse(),
                1 => drop(ready.pop()),
                2 => owner_nonce = None,
                _ => owner_nonce = Some(chain.owner_nonce + 1),
            }
        }
        // the account is empty, for as long as nobody looks again
        let is_empty = !self.calm && self.steps % 37 == 5;
        // one of the endpoints makes up transactions of the account, and the others deny it
        let makes_up = !self.calm && self.steps % 41 == 7;
        // what one endpoint tells is not borne out by the others, and lists that were known before stay
        let is_news = !self.calm && self.steps % 43 < 6;
        let before = outside.older.front().filter(|_| is_news);
        let listed = before.map_or(Listed::AtHead, |before| Listed::Earlier(before.at()));
        let lists = before.unwrap_or(chain);
        if let Some(before) = before {
            (ready, owner_nonce) = (before.ready.clone(), None);
        }
        let next = chain.account_nonce + if makes_up { MADE_UP } else { 0 };
        let facts = ChainFacts {
            head: Some(chain.at()),
            listed,
            finalized: Some(outside.finalized()),
            base_fee_wei: U256::from(outside.base_fee),
            ready,
            pending: lists.pending.keys().copied().collect(),
            staked: lists.staked.iter().copied().collect(),
            owner_nonce,
            account: Some(AccountFacts {
                address: Address::ZERO,
                next,
                pending: outside.pending_nonce().max(next),
                balance_wei: U256::from(if is_empty { 0 } else { 10u64.pow(18) }),
                is_open: makes_up,
            }),
            one_voice: None,
            account_one_voice: None,
        };
        self.input(Input::Facts(Box::new(facts)));
    }

    /// What the nodes say of a nonce: the truth, less than it, or what one of them believes (F15).
    pub(super) fn inspect(&mut self, nonce: u64, hashes: &[Root]) -> NonceStatus {
        let outside = &self.outside;
        for hash in hashes {
            if let Some(mined) = outside.chain.mined.get(hash) {
                return NonceStatus::Included {
                    hash: *hash,
                    block: mined.block,
                    success: mined.success,
                    reason: None,
                    fee_paid_wei: U256::from(FEE_PAID),
                    served: mined.served,
                    is_final: outside.is_final(mined.block.number),
                    overtaken: mined.overtaken,
                };
            }
        }
        if let Some((block, by)) = outside.chain.strange.get(&nonce) {
            return NonceStatus::Replaced {
                by: Some(*by),
                is_final: outside.is_final(block.number),
            };
        }
        // a version of which the question knows nothing yet
        if let Some((hash, mined)) = outside.chain.mined.iter().find(|(_, mined)| mined.nonce == nonce) {
            return NonceStatus::Replaced {
                by: Some(*hash),
                is_final: outside.is_final(mined.block.number),
            };
        }
        assert!(
            outside.chain.account_nonce <= nonce,
            "nonce {nonce} has another intent"
        );
        let strange = outside.strange_pool.contains_key(&nonce);
        let known = hashes.iter().any(|h| outside.pool.contains_key(h));
        let contested = NonceStatus::Replaced {
            by: None,
            is_final: false,
        };
        // nodes have different pools: one has ours, another something else, or ours without our knowing
        match self.rng.gen_range(0..10) {
            0 if !self.calm => contested,
            1 if !self.calm => NonceStatus::Missing,
            _ if known => NonceStatus::Pending,
            _ if strange => contested,
            _ => NonceStatus::Missing,
        }
    }
}
