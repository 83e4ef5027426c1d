//! Whole lives of cases against a simulated chain, operators and people, from one seed each, with crashes, lost and
//! doubled answers, reorganisations and refusals. The core is pure, so a failing seed fails again.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use alloy::primitives::{Address, Bytes, U256};
use rand::seq::SliceRandom as _;
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use super::*;
use crate::types::*;

const POOLS: u32 = 4;
const LOOK_UP_EVERY_MS: u64 = 12_000;

/// Blocks that a reorganisation may drop.
const FINAL_AFTER: u64 = 3;

/// The chain as it stands at one block. A reorganisation goes back to an earlier one.
#[derive(Clone, Default)]
struct Chain {
    /// Ready queue of the contract, and who served which pool: (transaction, key).
    ready: Vec<PoolId>,
    served: BTreeMap<PoolId, Vec<(Root, BlsPublicKey)>>,
    /// Events of that, in order.
    fulfilled: Vec<(PoolId, LogRef)>,
    owner_nonce: u64,
    account_nonce: u64,
    mined: BTreeMap<Root, (BlockRef, bool, Option<PoolId>)>,
    /// Nonces of the account that somebody else used.
    strange: BTreeMap<u64, (BlockRef, Root)>,
    /// Requests that stand in it.
    requests: BTreeMap<PoolId, LogRef>,
}

/// What really happened outside, whatever the core believes.
#[derive(Default)]
struct Outside {
    height: u64,
    /// Tells blocks of one height apart.
    branch: u8,
    chain: Chain,
    /// The chain at the blocks below, newest last, as far as a reorganisation goes.
    older: VecDeque<Chain>,
    /// Bytes that reached a node: (nonce, hash, key, registration nonce).
    pool: BTreeMap<Root, (u64, BlsPublicKey, u64)>,
    /// Bytes of somebody else that wait at the nodes, by nonce.
    strange_pool: BTreeMap<u64, Root>,
    /// Ceremonies whose start message left, by id.
    started: BTreeMap<RequestId, u32>,
    keys: u8,
    /// How ceremonies really ended, known to the core or not.
    outcomes: BTreeMap<RequestId, Result<Box<CeremonySuccess>, CeremonyFailure>>,
}

impl Outside {
    fn head(&self) -> BlockRef {
        block(self.height, self.branch)
    }

    fn is_final(&self, block: BlockRef) -> bool {
        block.number + FINAL_AFTER <= self.height
    }

    /// The account's next nonce behind what waits at the nodes.
    fn pending_nonce(&self) -> u64 {
        let waits = |nonce: &u64| {
            self.strange_pool.contains_key(nonce) || self.pool.values().any(|entry| entry.0 == *nonce)
        };
        let first = self.chain.account_nonce;
        (first..).find(|nonce| !waits(nonce)).unwrap_or(first)
    }

    /// A new block on top, with nothing in it yet.
    fn grow(&mut self) {
        self.older.push_back(self.chain.clone());
        if self.older.len() as u64 > FINAL_AFTER {
            self.older.pop_front();
        }
        self.height += 1;
    }
}

struct Sim {
    rng: ChaCha8Rng,
    outside: Outside,
    state: State,
    journal: Vec<(UnixMillis, Record)>,
    waiting: VecDeque<Effect>,
    at: u64,
    /// When the core last asked for a validator, and whether anybody has hinted since.
    asked: BTreeMap<CaseId, (u64, bool)>,
    /// Looks because of a hint, and by the poll.
    looks: (u32, u32),
    /// The messenger answers always.
    calm: bool,
    /// Below what is paid, mostly.
    base_fee: u64,
}

fn settings(mode: Mode) -> Settings {
    Settings {
        mode,
        policy: Policy {
            rules: vec![Rule {
                name: SafeText::new("all"),
                kinds: vec![ActionKind::Keygen, ActionKind::SendDeposit],
                pools: None,
                max_fee_wei: None,
                max_per_day: None,
                max_attempts: 50,
                unknown_ok: Vec::new(),
            }],
        },
        owner: Address::repeat_byte(7),
        follows_beacon: true,
        look_up_every_ms: LOOK_UP_EVERY_MS,
        refresh_every_ms: 5_000,
        approval_expires_ms: 3_600_000,
        bump_after_ms: 3_000,
    }
}

fn block(number: u64, salt: u8) -> BlockRef {
    let mut hash = [salt; 32];
    hash[..8].copy_from_slice(&number.to_be_bytes());
    BlockRef {
        number,
        hash: Root(hash),
    }
}

impl Sim {
    fn new(seed: u64) -> Self {
        let mut sim = Self {
            rng: ChaCha8Rng::seed_from_u64(seed),
            outside: Outside {
                height: 10,
                ..Outside::default()
            },
            state: State::new(settings(Mode::Auto)),
            journal: Vec::new(),
            waiting: VecDeque::new(),
            at: 1_000_000,
            asked: BTreeMap::new(),
            looks: (0, 0),
            calm: false,
            base_fee: 7,
        };
        sim.state.set_next_record(1);
        sim.input(Input::Started);
        sim.facts();
        sim
    }

    fn input(&mut self, input: Input) -> WishReply {
        self.at += self.rng.gen_range(1..400);
        let mut entropy = [0; 24];
        self.rng.fill(&mut entropy);
        let at = UnixMillis(self.at);
        match &input {
            Input::BeaconMoved => self.asked.values_mut().for_each(|(_, hinted)| *hinted = true),
            // a person may want it looked up at once
            Input::Wish {
                wish: Wish::Retry(case),
                ..
            } => drop(self.asked.remove(case)),
            _ => {}
        }
        let (output, reply) = step(&mut self.state, Stamped { at, entropy, input });
        self.check_look_ups(&output.effects);
        self.journal.extend(output.records.into_iter().map(|r| (at, r)));
        self.waiting.extend(output.effects);
        self.check_due();
        reply
    }

    /// A hint is followed at once, and never more than once a second; without one the core is calm.
    fn check_look_ups(&mut self, effects: &[Effect]) {
        for effect in effects {
            let Effect::LookUpValidator { case, .. } = effect else {
                continue;
            };
            if let Some((asked, hinted)) = self.asked.insert(*case, (self.at, false)) {
                let least = if hinted {
                    self.looks.0 += 1;
                    advance::LOOK_UP_LEAST_MS
                } else {
                    self.looks.1 += 1;
                    LOOK_UP_EVERY_MS
                };
                let pause = self.at - asked;
                assert!(
                    pause >= least,
                    "{case} is looked up after {pause} ms, hinted: {hinted}"
                );
            }
        }
    }

    /// Whatever is due was asked for.
    fn check_due(&self) {
        for (id, (asked, hinted)) in &self.asked {
            let followed = self
                .state
                .cases
                .get(id)
                .is_some_and(|c| c.step == Step::Follow && !c.orphaned);
            let least = if *hinted {
                advance::LOOK_UP_LEAST_MS
            } else {
                LOOK_UP_EVERY_MS
            };
            let waits = |e: &Effect| matches!(e, Effect::LookUpValidator { case, .. } if case == id);
            assert!(
                !followed || self.at - asked < least || self.waiting.iter().any(waits),
                "{id} is not looked up, hinted: {hinted}"
            );
        }
    }

    /// A look at the chain: its state, what was told since, and the end of it.
    fn facts(&mut self) {
        self.base_fee = if self.rng.gen_bool(0.2) { 12 } else { 7 };
        self.head();
        self.caught_up();
    }

    fn finalized(&self) -> BlockRef {
        block(self.outside.height.saturating_sub(FINAL_AFTER), 0)
    }

    fn caught_up(&mut self) {
        let finalized = Some(self.finalized());
        self.input(Input::CaughtUp { finalized });
    }

    fn head(&mut self) {
        let outside = &self.outside;
        let facts = ChainFacts {
            head: Some(outside.head()),
            finalized: Some(self.finalized()),
            base_fee_wei: U256::from(self.base_fee),
            ready: outside.chain.ready.clone(),
            owner_nonce: outside.chain.owner_nonce,
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

    /// The process dies: what was not journaled is gone, effects may or may not have happened.
    fn crash(&mut self) {
        while let Some(effect) = self.waiting.pop_front() {
            if self.rng.gen_bool(0.5) {
                self.happen(&effect);
            }
        }
        let mut state = State::new(settings(Mode::Auto));
        for (n, (at, record)) in self.journal.iter().enumerate() {
            // what the file would give back
            let text = serde_json::to_string(record).unwrap();
            let read: Record = serde_json::from_str(&text).unwrap();
            assert_eq!(&read, record, "a record changes on its way through the journal");
            state.apply(n as u64 + 1, *at, &read);
        }
        state.set_next_record(self.journal.len() as u64 + 1);
        for (id, case) in &self.state.cases {
            let restored = &state.cases[id];
            assert_eq!(
                (&restored.step, restored.orphaned),
                (&case.step, case.orphaned),
                "{id} is not restored"
            );
        }
        self.state = state;
        self.asked.clear();
        self.input(Input::Started);
        self.caught_up();
    }

    /// The effect's footprint outside.
    fn happen(&mut self, effect: &Effect) {
        match effect {
            Effect::RunCeremony {
                request, start: true, ..
            } => {
                *self.outside.started.entry(*request).or_default() += 1;
            }
            Effect::Send { transaction, .. } => {
                let mut key = [0; 48];
                key.copy_from_slice(&transaction.raw[..48]);
                let registration = u64::from(transaction.raw[48]);
                self.outside.pool.insert(
                    transaction.hash,
                    (transaction.nonce, BlsPublicKey(key), registration),
                );
            }
            _ => {}
        }
    }

    fn mine(&mut self) {
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
    fn serve(&mut self, transaction: Root, key: BlsPublicKey) {
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
    fn strange_transaction(&mut self, hash: Root) {
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
    fn reorganise(&mut self) {
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

    fn perform(&mut self, effect: Effect) {
        // its task dies, before its work or after it
        let death = self.rng.gen_range(0..60);
        if death != 0 {
            self.happen(&effect);
        }
        if death <= 1 {
            self.input(Input::Died {
                effect: Box::new(effect),
                words: "a defect".into(),
            });
            return;
        }
        let answer = match effect {
            Effect::Prepare {
                case, purpose, draft, ..
            } => {
                let outcome = self.prepare(case, *draft);
                Input::Prepared {
                    case,
                    purpose,
                    outcome,
                }
            }
            Effect::RunCeremony { request, plan, .. } => Input::CeremonyEnded {
                request,
                outcome: self.ceremony(request, &plan),
                transcript: None,
            },
            Effect::Sign {
                action,
                payload,
                nonce,
                replaces,
            } => {
                // a replacement pays more, so it is other bytes
                let fee = replaces.map_or(U256::from(10), |old| old.max_fee_wei + U256::from(5));
                let mut raw = payload.data.to_vec();
                raw.extend(nonce.to_be_bytes());
                raw.extend(fee.to_be_bytes::<32>());
                let outcome = if self.rng.gen_bool(0.1) {
                    Err(SafeText::new("over the ceiling"))
                } else {
                    let hash = Root(alloy::primitives::keccak256(&raw).0);
                    Ok(SignedTransaction {
                        raw: raw.into(),
                        hash,
                        nonce,
                        max_fee_wei: fee,
                        priority_fee_wei: U256::from(1),
                        gas_limit: 100,
                    })
                };
                Input::Signed { action, outcome }
            }
            Effect::Send { action, .. } => {
                let outcome = if self.rng.gen_bool(0.3) {
                    Err(SafeText::new("already known"))
                } else {
                    Ok(())
                };
                Input::Sent { action, outcome }
            }
            Effect::Inspect {
                action,
                nonce,
                hashes,
            } => {
                let status = self.rng.gen_bool(0.9).then(|| self.inspect(nonce, &hashes));
                Input::Inspected { action, status }
            }
            Effect::PublishExit { action, .. } => Input::ExitPublished {
                action,
                verdicts: Vec::new(),
                standing: ExitStanding::Unheard,
            },
            Effect::LookUpValidator { case, validator, .. } => Input::ValidatorSeen {
                case,
                validator,
                seen: self.rng.gen_bool(0.8).then(|| self.sighting(&validator)),
            },
        };
        self.input(answer);
    }

    /// Absent, then pending with an activation that may still move, then active.
    fn sighting(&self, validator: &BlsPublicKey) -> Sighting {
        let chain = &self.outside.chain;
        let served = chain.served.values().flatten().find(|(_, key)| key == validator);
        let mined = served.map(|(hash, _)| chain.mined[hash].0.number);
        let age = mined.map_or(0, |mined| self.outside.height - mined);
        let activation = mined.filter(|_| age >= 4).map(|mined| Moment {
            epoch: mined + 8,
            at: UnixMillis((mined + 8) * 1_000),
        });
        let phase = match age {
            0..2 => ValidatorPhase::Absent,
            2..8 => ValidatorPhase::Pending,
            _ => ValidatorPhase::Active,
        };
        Sighting {
            phase,
            since: activation.filter(|_| phase == ValidatorPhase::Active),
            index: mined,
            by_state: Forecast {
                active: activation,
                ..Forecast::default()
            },
            by_rules: None,
        }
    }

    fn inspect(&mut self, nonce: u64, hashes: &[Root]) -> NonceStatus {
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

    fn prepare(&mut self, case: CaseId, draft: Draft) -> Prepared {
        if self.rng.gen_bool(0.1) {
            let at = UnixMillis(self.at + self.rng.gen_range(0..2_000));
            return Prepared::Later {
                reason: SafeText::new("an endpoint is down"),
                at,
            };
        }
        let committee: Vec<_> = (1..=4).map(OperatorId).collect();
        let (kind, payload) = match draft {
            Draft::Keygen { .. } => {
                let plan = CeremonyPlan::Keygen {
                    committee,
                    threshold: 3,
                    withdrawal_credentials: Root([1; 32]),
                    fork_version: ForkVersion([0; 4]),
                };
                (ActionKind::Keygen, Payload::Ceremony(CeremonyPayload { plan }))
            }
            Draft::SendDeposit {
                keygen, registration, ..
            } => {
                let mut data = keygen.validator.0.to_vec();
                data.push(u8::try_from(registration.nonce).unwrap());
                let payload = TransactionPayload {
                    chain_id: 1,
                    from: Address::ZERO,
                    to: Address::repeat_byte(7),
                    value_wei: U256::ZERO,
                    data: Bytes::from(data),
                    fee_ceiling_wei: U256::from(1_000),
                    call: None,
                };
                (ActionKind::SendDeposit, Payload::Transaction(payload))
            }
            other => panic!("{case} asks for {other:?}"),
        };
        let head_of_queue =
            kind == ActionKind::Keygen || self.outside.chain.ready.first() == Some(&case.pool);
        let checks = vec![Check::of("head-of-queue", head_of_queue, "")];
        Prepared::Proposal(Box::new(Proposal {
            kind,
            title: SafeText::new("do it"),
            facts: Vec::new(),
            checks,
            payload,
        }))
    }

    /// What the messenger lets the initiator know: sometimes it is away, whatever became of the ceremony.
    fn ceremony(
        &mut self,
        request: RequestId,
        plan: &CeremonyPlan,
    ) -> Result<Box<CeremonySuccess>, CeremonyFailure> {
        let fails = |kind, culprits, reason: &str| {
            Err(CeremonyFailure {
                kind,
                round: None,
                culprits,
                reason: SafeText::new(reason),
                blames: Vec::new(),
            })
        };
        if !self.calm && self.rng.gen_bool(0.3) {
            return fails(FailureKind::Unknown, Vec::new(), "the messenger does not answer");
        }
        if !self.outside.started.contains_key(&request) {
            return fails(FailureKind::Lost, Vec::new(), "the messenger does not know it");
        }
        if let Some(outcome) = self.outside.outcomes.get(&request) {
            return outcome.clone();
        }
        let outcome = if self.rng.gen_bool(0.7) {
            Ok(self.succeed(plan))
        } else {
            fails(
                FailureKind::Timeout,
                vec![OperatorId(2)],
                "operator 2 sent nothing",
            )
        };
        self.outside.outcomes.insert(request, outcome.clone());
        outcome
    }

    fn succeed(&mut self, plan: &CeremonyPlan) -> Box<CeremonySuccess> {
        let result = match plan {
            CeremonyPlan::Keygen { committee, .. } => {
                self.outside.keys += 1;
                let validator = BlsPublicKey([self.outside.keys; 48]);
                CeremonyResult::Keygen(KeygenOutput {
                    validator,
                    deposit_signature: BlsSignature::default(),
                    share_public_keys: committee.iter().map(|id| (*id, validator)).collect(),
                    encrypted_shares: BTreeMap::new(),
                })
            }
            CeremonyPlan::Sign { .. } => CeremonyResult::Sign {
                signature: BlsSignature::default(),
            },
            CeremonyPlan::Reshare { .. } => panic!("no reshare was asked for"),
        };
        Box::new(CeremonySuccess {
            result,
            checks: Vec::new(),
        })
    }

    /// A staker fills a pool, or a request goes away although it was final.
    fn request_or_withdraw(&mut self) {
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

    fn run(&mut self, steps: usize) {
        for _ in 0..steps {
            match self.rng.gen_range(0..100) {
                0..5 => self.request_or_withdraw(),
                5..15 => {
                    match self.rng.gen_range(0..12) {
                        0 => {
                            let hash = Root(self.rng.r#gen());
                            self.strange_transaction(hash);
                        }
                        1..3 => self.reorganise(),
                        _ => self.mine(),
                    }
                    self.facts();
                }
                15..17 => self.crash(),
                17..21 => {
                    self.input(Input::Tick);
                }
                // true, false or repeated: it means nothing but that one may look
                21..22 => {
                    for _ in 0..self.rng.gen_range(1..4) {
                        self.input(Input::BeaconMoved);
                    }
                }
                22..24 => {
                    let halted: Vec<_> = self.state.cases.keys().copied().collect();
                    if let Some(case) = halted.choose(&mut self.rng).copied() {
                        self.input(Input::Wish {
                            by: SafeText::new("ann"),
                            wish: Wish::Retry(case),
                        });
                    }
                }
                26 => {
                    let doubtful = |c: &Case| doubtful_ceremony(&self.state, c).map(|(id, _)| id);
                    let doubtful: Vec<_> = self.state.cases.values().filter_map(doubtful).collect();
                    if let Some(request) = doubtful.choose(&mut self.rng).copied() {
                        self.input(Input::Wish {
                            by: SafeText::new("ann"),
                            wish: Wish::DeclareLost(request),
                        });
                    }
                }
                24..26 => {
                    let wish = if self.state.paused.is_some() {
                        Wish::Resume(None)
                    } else {
                        Wish::Pause(None)
                    };
                    self.input(Input::Wish {
                        by: SafeText::new("ann"),
                        wish,
                    });
                }
                _ => {
                    if !self.waiting.is_empty() {
                        // answers come in any order
                        let n = self.rng.gen_range(0..self.waiting.len());
                        let effect = self.waiting.remove(n).unwrap();
                        self.perform(effect);
                    }
                }
            }
            self.check();
        }
    }

    /// What must hold at every moment.
    fn check(&self) {
        for (pool, served) in &self.outside.chain.served {
            assert!(served.len() <= 1, "pool {pool} was served {} times", served.len());
        }
        for case in self.state.cases.values().filter(|c| c.is_closed()) {
            let pool = case.id.pool;
            assert!(
                self.outside.chain.served.contains_key(&pool),
                "{} is closed and pool {pool} is not served",
                case.id
            );
        }
        for (request, starts) in &self.outside.started {
            assert!(*starts <= 1, "ceremony {request} was started {starts} times");
        }
        let mut nonces: BTreeMap<u64, ActionId> = BTreeMap::new();
        let mut intents: BTreeMap<ActionId, u64> = BTreeMap::new();
        let mut approved = BTreeSet::new();
        for (_, record) in &self.journal {
            match record {
                Record::Decided { action, decision } if decision.verdict == Verdict::Approve => {
                    approved.insert(*action);
                }
                Record::TransactionSigned { action, transaction } => {
                    assert!(
                        approved.contains(action),
                        "{action} was signed without an approval"
                    );
                    let owner = nonces.entry(transaction.nonce).or_insert(*action);
                    assert_eq!(owner, action, "nonce {} has two intents", transaction.nonce);
                    let nonce = intents.entry(*action).or_insert(transaction.nonce);
                    assert_eq!(*nonce, transaction.nonce, "{action} has two nonces");
                }
                _ => {}
            }
        }
        let journaled: BTreeSet<_> = self.state.sendings.values().flat_map(Sending::hashes).collect();
        for hash in self.outside.pool.keys() {
            assert!(journaled.contains(hash), "bytes left that are not in the journal");
        }
        // an unknown outcome is found out: nothing else is begun beside it, and what was given up is not used
        for id in self.state.cases.keys() {
            let open = self.state.ceremonies.values();
            let open = open.filter(|c| c.case == *id && c.ended.is_none()).count();
            assert!(open <= 1, "{id} has {open} ceremonies at once");
        }
        let given_up: BTreeSet<_> = self
            .journal
            .iter()
            .filter_map(|(_, record)| match record {
                Record::CeremonyDeclaredLost { request, .. } => self.outside.outcomes.get(request),
                _ => None,
            })
            .filter_map(|outcome| match &outcome.as_ref().ok()?.result {
                CeremonyResult::Keygen(output) => Some(output.validator),
                _ => None,
            })
            .collect();
        let signed_keys: Vec<_> = self
            .outside
            .chain
            .served
            .values()
            .flatten()
            .map(|(_, key)| key)
            .collect();
        for key in signed_keys {
            assert!(
                !self.state.condemned.contains_key(key),
                "a condemned key was used"
            );
            assert!(
                !given_up.contains(key),
                "the key of a ceremony that was given up was used"
            );
        }
    }

    /// Nobody else used the account unnoticed.
    fn check_strangers(&self) {
        let told = |wanted: u64| {
            self.journal.iter().any(|(_, record)| match record {
                Record::AccountStrange { nonce, next, .. } => (*nonce..*next).contains(&wanted),
                Record::TransactionSigned { transaction, .. } => transaction.nonce == wanted,
                _ => false,
            })
        };
        for nonce in self.outside.chain.strange.keys() {
            assert!(
                told(*nonce),
                "nonce {nonce} was used by a stranger, and nobody was told"
            );
        }
    }

    /// No more faults: everything that was requested must come to an end.
    fn settle(&mut self) {
        self.calm = true;
        for _ in 0..4_000 {
            if self.state.paused.is_some() {
                self.input(Input::Wish {
                    by: SafeText::new("ann"),
                    wish: Wish::Resume(None),
                });
            }
            let halted = self
                .state
                .cases
                .values()
                .find(|c| matches!(c.step, Step::Halted { .. }))
                .map(|c| c.id);
            if let Some(case) = halted {
                self.input(Input::Wish {
                    by: SafeText::new("ann"),
                    wish: Wish::Retry(case),
                });
            }
            match self.waiting.pop_front() {
                Some(effect) => self.perform(effect),
                None => {
                    self.mine();
                    self.at += 3_000;
                    self.facts();
                }
            }
            self.check();
            let open = self.state.cases.values().any(|c| !c.is_closed() && !c.orphaned);
            if !open && self.outside.chain.ready.is_empty() {
                self.check_strangers();
                return;
            }
        }
        let open: Vec<_> = self
            .state
            .cases
            .values()
            .filter(|c| !c.is_closed())
            .map(|c| (c.id, &c.step))
            .collect();
        #[allow(clippy::disallowed_macros, reason = "tells why the simulation failed")]
        for (at, record) in &self.journal {
            eprintln!("{} {}", at.0, record.sentence());
        }
        panic!(
            "not at an end: {open:?}, queue {:?}, served {:?}",
            self.outside.chain.ready, self.outside.chain.served
        );
    }
}

#[test]
fn deposits_are_served_once_and_in_order_whatever_happens() {
    let mut looks = (0, 0);
    let mut replaced = 0;
    for seed in 0..400 {
        let outcome = std::panic::catch_unwind(|| {
            let mut sim = Sim::new(seed);
            sim.run(300);
            sim.settle();
            let replaced = sim.state.sendings.values().map(|s| s.versions.len() - 1);
            (sim.looks, replaced.sum::<usize>())
        });
        let Ok(((hinted, polled), replacements)) = outcome else {
            panic!("seed {seed} fails");
        };
        replaced += replacements;
        looks = (looks.0 + hinted, looks.1 + polled);
    }
    assert!(
        looks.0 > 50 && looks.1 > 500,
        "validators were followed: {looks:?}"
    );
    assert!(replaced > 50, "{replaced} transactions were replaced");
}
