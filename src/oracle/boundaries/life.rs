//! One case, what it asks for, and what comes of it outside.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use alloy::primitives::{Address, U256, keccak256};

use super::times::sighting;
use crate::oracle::fixture::{block, lost, proposal, settings, success};
use crate::oracle::*;
use crate::types::*;

pub(super) const POOL: PoolId = PoolId(1);

/// What happened outside, and what the process knows.
pub(super) struct Life {
    pub(super) kind: RequestKind,
    pub(super) state: State,
    pub(super) journal: Vec<(UnixMillis, Record)>,
    pub(super) waiting: VecDeque<Effect>,
    pub(super) now: u64,
    pub(super) height: u64,
    pub(super) account_nonce: u64,
    pub(super) served: bool,
    pub(super) started: BTreeMap<RequestId, u32>,
    pub(super) sent: BTreeSet<Root>,
    pub(super) mined: BTreeMap<Root, u64>,
    pub(super) exits_signed: BTreeSet<Root>,
    pub(super) exit_published: u32,
    pub(super) looked_up: u32,
    /// What comes of the next offers of an exit; then it is taken.
    pub(super) answers: VecDeque<ExitStanding>,
}

impl Life {
    pub(super) fn new(kind: RequestKind) -> Self {
        let mut life = Self {
            kind,
            state: State::new(settings()),
            journal: Vec::new(),
            waiting: VecDeque::new(),
            now: 1_000_000,
            height: 10,
            account_nonce: 0,
            served: false,
            started: BTreeMap::new(),
            sent: BTreeSet::new(),
            mined: BTreeMap::new(),
            exits_signed: BTreeSet::new(),
            exit_published: 0,
            looked_up: 0,
            answers: VecDeque::new(),
        };
        life.wake();
        let log = LogRef {
            block: block(10),
            transaction: Root([1; 32]),
            index: 0,
        };
        life.input(Input::Requested {
            kind,
            pool: POOL,
            log,
        });
        life
    }

    pub(super) fn wake(&mut self) {
        self.input(Input::Started);
        self.input(Input::CaughtUp { finalized: None });
        self.facts();
    }

    pub(super) fn input(&mut self, input: Input) {
        self.now += 50;
        let at = UnixMillis(self.now);
        let mut entropy = [0; 24];
        entropy[..8].copy_from_slice(&self.now.to_be_bytes());
        let (output, _) = step(&mut self.state, Stamped { at, entropy, input });
        self.journal.extend(output.records.into_iter().map(|r| (at, r)));
        self.waiting.extend(output.effects);
    }

    pub(super) fn facts(&mut self) {
        let pool = |wanted| if wanted { vec![POOL] } else { Vec::new() };
        let deposit = self.kind == RequestKind::Deposit;
        let facts = ChainFacts {
            head: Some(block(self.height)),
            finalized: Some(block(self.height.saturating_sub(3))),
            ready: pool(deposit && !self.served),
            staked: pool(!deposit),
            owner_nonce: Some(u64::from(deposit && self.served)),
            account: Some(AccountFacts {
                address: Address::ZERO,
                next: self.account_nonce,
                pending: self.account_nonce,
                balance_wei: U256::ZERO,
            }),
            ..ChainFacts::default()
        };
        self.input(Input::Facts(Box::new(facts)));
    }

    pub(super) fn kill(&mut self, effects_happen: bool) {
        self.restart(Mode::Auto, effects_happen);
    }

    /// Dies, and comes up again in `mode`.
    pub(super) fn restart(&mut self, mode: Mode, effects_happen: bool) {
        for effect in std::mem::take(&mut self.waiting) {
            if effects_happen {
                self.happen(&effect);
            }
        }
        let mut state = State::new(Settings { mode, ..settings() });
        for (n, (at, record)) in self.journal.iter().enumerate() {
            let text = serde_json::to_string(record).unwrap();
            state.apply(n as u64 + 1, *at, &serde_json::from_str(&text).unwrap());
        }
        self.state = state;
        self.wake();
    }

    pub(super) fn happen(&mut self, effect: &Effect) {
        match effect {
            Effect::RunCeremony {
                request,
                start: true,
                plan,
                ..
            } => {
                *self.started.entry(*request).or_default() += 1;
                if let CeremonyPlan::Sign {
                    what: SignPurpose::VoluntaryExit { .. },
                    signing_root,
                    ..
                } = plan
                {
                    self.exits_signed.insert(*signing_root);
                }
            }
            Effect::Send { transaction, .. } => {
                self.sent.insert(transaction.hash);
            }
            Effect::PublishExit { .. } => {
                let taken = self
                    .answers
                    .front()
                    .is_none_or(|a| matches!(a, ExitStanding::Exiting { .. }));
                self.exit_published += u32::from(taken);
            }
            _ => {}
        }
    }

    pub(super) fn mine(&mut self) {
        self.height += 1;
        let next = self
            .sent
            .iter()
            .find(|hash| !self.mined.contains_key(*hash))
            .copied();
        if let Some(hash) = next {
            assert!(self.mined.is_empty(), "two transactions for one request");
            self.mined.insert(hash, self.height);
            self.account_nonce += 1;
            self.served = true;
        }
        self.now += 3_000;
        self.facts();
    }

    pub(super) fn perform(&mut self, effect: Effect) {
        self.happen(&effect);
        let answer = match effect {
            Effect::Prepare {
                case, purpose, draft, ..
            } => {
                let outcome = Prepared::Proposal(Box::new(proposal(draft.kind())));
                Input::Prepared {
                    case,
                    purpose,
                    outcome,
                }
            }
            Effect::RunCeremony { request, plan, .. } => {
                // one whose start message never left is found to have failed
                let outcome = if self.started.contains_key(&request) {
                    Ok(success(&plan))
                } else {
                    Err(lost())
                };
                Input::CeremonyEnded {
                    request,
                    outcome,
                    transcript: None,
                }
            }
            Effect::Sign {
                action,
                payload,
                nonce,
                ..
            } => {
                let mut raw = payload.data.to_vec();
                raw.extend(nonce.to_be_bytes());
                let hash = Root(keccak256(&raw).0);
                let fee = U256::from(1);
                let signed = SignedTransaction {
                    raw: raw.into(),
                    hash,
                    nonce,
                    max_fee_wei: fee,
                    priority_fee_wei: fee,
                    gas_limit: 1,
                };
                Input::Signed {
                    action,
                    outcome: Ok(signed),
                }
            }
            Effect::Send { action, .. } => Input::Sent {
                action,
                outcome: Ok(()),
            },
            Effect::Inspect { action, hashes, .. } => {
                let mined = hashes.iter().find_map(|h| self.mined.get(h).map(|at| (*h, *at)));
                let status = match mined {
                    Some((hash, at)) => NonceStatus::Included {
                        hash,
                        block: block(at),
                        success: true,
                        reason: None,
                        fee_paid_wei: U256::from(1),
                        served: Some(POOL),
                        is_final: at + 3 <= self.height,
                    },
                    None if hashes.iter().any(|h| self.sent.contains(h)) => NonceStatus::Pending,
                    None => NonceStatus::Missing,
                };
                Input::Inspected {
                    action,
                    status: Some(status),
                }
            }
            Effect::PublishExit { action, .. } => {
                let standing = self.answers.pop_front().unwrap_or(ExitStanding::Delivered);
                Input::ExitPublished {
                    action,
                    verdicts: vec![ExitVerdict {
                        node: SafeText::new("node"),
                        answer: match standing {
                            ExitStanding::Delivered => ExitAnswer::Accepted,
                            ExitStanding::BadSignature { .. } => ExitAnswer::BadSignature,
                            _ => ExitAnswer::Other,
                        },
                        words: SafeText::new("so it is"),
                    }],
                    standing,
                }
            }
            Effect::LookUpValidator {
                case,
                validator,
                published,
            } => {
                self.looked_up += u32::from(self.exit_published > 0);
                use ValidatorPhase::*;
                let phase = match (self.kind, self.exit_published, self.looked_up) {
                    (RequestKind::Exit, 0, _) => Active,
                    (RequestKind::Exit, _, n) => {
                        [Exiting, Exited, Withdrawable, Withdrawn][(n as usize / 2).min(3)]
                    }
                    _ => Active,
                };
                Input::ValidatorSeen {
                    case,
                    validator,
                    seen: Some(sighting(phase, published)),
                }
            }
        };
        self.input(answer);
    }

    /// Runs to the end; dies once after `boundary` records. `false`: there was no such boundary.
    pub(super) fn run(&mut self, boundary: usize, effects_happen: bool) -> bool {
        let case = CaseId {
            kind: self.kind,
            pool: POOL,
            ordinal: 0,
        };
        let mut killed = false;
        for _ in 0..2_000 {
            if self.state.cases.get(&case).is_some_and(Case::is_closed) {
                return killed;
            }
            if !killed && self.journal.len() >= boundary {
                killed = true;
                self.kill(effects_happen);
            }
            match self.waiting.pop_front() {
                Some(effect) => self.perform(effect),
                None if matches!(self.state.cases[&case].step, Step::Halted { .. }) => {
                    let (by, wish) = (SafeText::new("ann"), Wish::Retry(case));
                    self.input(Input::Wish { by, wish });
                }
                None => self.mine(),
            }
        }
        panic!("not at an end: {:?}", self.state.cases[&case].step);
    }
}
