//! The chain moves: blocks, strangers, reorganisations, requests, and what a node says of a nonce.

use super::*;

impl Sim {
    /// A look at the chain: its state, what was told since, and the end of it.
    pub(super) fn facts(&mut self) {
        self.base_fee = if self.rng.gen_bool(0.2) { 12 } else { 7 };
        self.head();
        self.caught_up();
    }

    pub(super) fn finalized(&self) -> BlockRef {
        block(self.outside.height.saturating_sub(FINAL_AFTER), 0)
    }

    pub(super) fn caught_up(&mut self) {
        let finalized = Some(self.finalized());
        self.input(Input::CaughtUp { finalized });
    }

    pub(super) fn mine(&mut self) {
        let nonce = self.outside.chain.account_nonce;
        let next = self.outside.pool.iter().find(|(_, entry)| entry.0 == nonce);
        let next = next.map(|(hash, entry)| (*hash, *entry));
        let races = next.is_none() || self.rng.gen_bool(0.5);
        if let Some(by) = self.outside.strange_pool.get(&nonce).copied().filter(|_| races) {
            return self.strange_transaction(by);
        }
        self.outside.grow();
        let at = self.outside.head();
        let chain = &mut self.outside.chain;
        let Some((hash, (_, key, registration))) = next else {
            return;
        };
        let head = chain.ready.first().copied();
        // the contract serves the head of its queue; SSV refuses a registration for another nonce
        let served = head.filter(|_| registration == chain.owner_nonce);
        chain.account_nonce += 1;
        chain.mined.insert(hash, (at, served.is_some(), served));
        if served.is_some() {
            self.serve(hash, key);
        }
    }

    /// The contract serves the head of its queue.
    pub(super) fn serve(&mut self, transaction: Root, key: BlsPublicKey) {
        let block = self.outside.head();
        let chain = &mut self.outside.chain;
        let pool = chain.ready.remove(0);
        chain.owner_nonce += 1;
        chain.served.entry(pool).or_default().push((transaction, key));
        let log = LogRef {
            block,
            transaction,
            index: 0,
        };
        chain.fulfilled.push((pool, log));
        let what = Fulfilment::DepositInitiated;
        self.input(Input::Fulfilled { what, pool, log });
    }

    /// Somebody else's transaction takes the nonce that is next, and may be a deposit.
    pub(super) fn strange_transaction(&mut self, hash: Root) {
        self.outside.grow();
        let at = self.outside.head();
        let chain = &mut self.outside.chain;
        self.outside.strange_pool.remove(&chain.account_nonce);
        chain.strange.insert(chain.account_nonce, (at, hash));
        chain.account_nonce += 1;
        if hash.0[0].is_multiple_of(2) && !chain.ready.is_empty() {
            self.serve(hash, BlsPublicKey([0xff; 48]));
        }
    }

    /// The newest blocks are dropped, and others stand in their place, with nothing in them. Transactions are back in
    /// the nodes' pools, or forgotten.
    pub(super) fn reorganise(&mut self) {
        let depth = self.rng.gen_range(1..=FINAL_AFTER);
        let Some(at) = (self.outside.older.len() as u64).checked_sub(depth) else {
            return;
        };
        let back = self.outside.older[at as usize].clone();
        let dropped = std::mem::replace(&mut self.outside.chain, back);
        self.outside.older.truncate(at as usize);
        self.outside.height -= depth;
        self.outside.branch = self.outside.branch.wrapping_add(1);
        for _ in 0..depth {
            self.outside.grow();
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
        // the head is told before what left with the old one
        if self.rng.gen_bool(0.5) {
            self.head();
        }
        for (pool, log) in dropped.fulfilled.iter().rev() {
            if !self.outside.chain.fulfilled.contains(&(*pool, *log)) {
                let (what, pool, log) = (Fulfilment::DepositInitiated, *pool, *log);
                self.input(Input::FulfilmentRemoved { what, pool, log });
            }
        }
        let (kind, stands) = (RequestKind::Deposit, self.outside.chain.requests.clone());
        for (pool, log) in &dropped.requests {
            if stands.get(pool) != Some(log) {
                let (pool, log) = (*pool, *log);
                self.input(Input::RequestRemoved { kind, pool, log });
            }
        }
        for (pool, log) in stands {
            if dropped.requests.get(&pool) != Some(&log) {
                self.input(Input::Requested { kind, pool, log });
            }
        }
    }

    pub(super) fn inspect(&mut self, nonce: u64, hashes: &[Root]) -> NonceStatus {
        let outside = &self.outside;
        for hash in hashes {
            if let Some((block, success, served)) = outside.chain.mined.get(hash) {
                return NonceStatus::Included {
                    hash: *hash,
                    block: *block,
                    success: *success,
                    reason: None,
                    fee_paid_wei: U256::from(1),
                    served: *served,
                    is_final: outside.is_final(*block),
                };
            }
        }
        if let Some((block, by)) = outside.chain.strange.get(&nonce) {
            return NonceStatus::Replaced {
                by: Some(*by),
                is_final: outside.is_final(*block),
            };
        }
        assert!(
            outside.chain.account_nonce <= nonce,
            "nonce {nonce} has another intent"
        );
        let strange = outside.strange_pool.contains_key(&nonce);
        let known = hashes.iter().any(|h| outside.pool.contains_key(h));
        // nodes have different pools: one has ours, another something else, or ours without our knowing
        match self.rng.gen_range(0..10) {
            0 => NonceStatus::Replaced {
                by: None,
                is_final: false,
            },
            1 => NonceStatus::Missing,
            _ if known => NonceStatus::Pending,
            _ if strange => NonceStatus::Replaced {
                by: None,
                is_final: false,
            },
            _ => NonceStatus::Missing,
        }
    }

    /// A staker fills a pool, or a request goes away although it was final.
    pub(super) fn request_or_withdraw(&mut self) {
        let pool = PoolId(self.rng.gen_range(1..=POOLS));
        let kind = RequestKind::Deposit;
        let chain = &mut self.outside.chain;
        match (chain.requests.get(&pool).copied(), chain.ready.contains(&pool)) {
            (None, _) => {
                let log = LogRef {
                    block: block(self.outside.height, self.rng.gen_range(0..200)),
                    transaction: Root([1; 32]),
                    index: 0,
                };
                chain.requests.insert(pool, log);
                chain.ready.push(pool);
                self.input(Input::Requested { kind, pool, log });
                if self.rng.gen_bool(0.2) {
                    self.input(Input::Requested { kind, pool, log });
                }
            }
            (Some(log), true) if self.rng.gen_bool(0.3) => {
                chain.ready.retain(|p| *p != pool);
                chain.requests.remove(&pool);
                self.input(Input::RequestRemoved { kind, pool, log });
                self.facts();
            }
            _ => {}
        }
    }

    pub(super) fn head(&mut self) {
        let outside = &self.outside;
        let facts = ChainFacts {
            head: Some(outside.head()),
            finalized: Some(self.finalized()),
            base_fee_wei: U256::from(self.base_fee),
            ready: outside.chain.ready.clone(),
            owner_nonce: Some(outside.chain.owner_nonce),
            account: Some(AccountFacts {
                address: Address::ZERO,
                next: outside.chain.account_nonce,
                pending: outside.pending_nonce(),
                balance_wei: U256::from(10u64.pow(18)),
            }),
            ..ChainFacts::default()
        };
        self.input(Input::Facts(Box::new(facts)));
    }
}
