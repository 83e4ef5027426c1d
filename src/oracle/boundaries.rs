//! A deposit, a reshare and an exit, killed at every boundary of the journal, with what was asked for by then done or
//! not done: the same end, one effective transaction, one start of each ceremony, one signed exit.
//!
//! `tests/engine/crashes.rs` does the same to the real binary for deposits.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use alloy::primitives::{Address, Bytes, U256, keccak256};

use super::*;
use crate::types::*;

mod observer;

const POOL: PoolId = PoolId(1);

pub(super) fn settings() -> Settings {
    use ActionKind::*;
    let rule = Rule {
        name: SafeText::new("all"),
        kinds: vec![Keygen, Reshare, SignExit, SendDeposit, SendReshare, BroadcastExit],
        pools: None,
        max_fee_wei: None,
        max_per_day: None,
        max_attempts: 9,
        unknown_ok: Vec::new(),
    };
    Settings {
        mode: Mode::Auto,
        policy: Policy { rules: vec![rule] },
        owner: Address::repeat_byte(7),
        follows_beacon: true,
        look_up_every_ms: 4_000,
        refresh_every_ms: 5_000,
        approval_expires_ms: 3_600_000,
        bump_after_ms: 60_000,
    }
}

/// What happened outside, and what the process knows.
struct Life {
    kind: RequestKind,
    state: State,
    journal: Vec<(UnixMillis, Record)>,
    waiting: VecDeque<Effect>,
    now: u64,
    height: u64,
    account_nonce: u64,
    served: bool,
    started: BTreeMap<RequestId, u32>,
    sent: BTreeSet<Root>,
    mined: BTreeMap<Root, u64>,
    exits_signed: BTreeSet<Root>,
    exit_published: u32,
    looked_up: u32,
    /// What comes of the next offers of an exit; then it is taken.
    answers: VecDeque<ExitStanding>,
}

pub(super) fn block(number: u64) -> BlockRef {
    BlockRef {
        number,
        hash: Root([u8::try_from(number % 251).unwrap(); 32]),
    }
}

impl Life {
    fn new(kind: RequestKind) -> Self {
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
        life.state.set_next_record(1);
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

    fn wake(&mut self) {
        self.input(Input::Started);
        self.input(Input::CaughtUp { finalized: None });
        self.facts();
    }

    fn input(&mut self, input: Input) {
        self.now += 50;
        let at = UnixMillis(self.now);
        let mut entropy = [0; 24];
        entropy[..8].copy_from_slice(&self.now.to_be_bytes());
        let (output, _) = step(&mut self.state, Stamped { at, entropy, input });
        self.journal.extend(output.records.into_iter().map(|r| (at, r)));
        self.waiting.extend(output.effects);
    }

    fn facts(&mut self) {
        let pool = |wanted| if wanted { vec![POOL] } else { Vec::new() };
        let deposit = self.kind == RequestKind::Deposit;
        let facts = ChainFacts {
            head: Some(block(self.height)),
            finalized: Some(block(self.height.saturating_sub(3))),
            ready: pool(deposit && !self.served),
            staked: pool(!deposit),
            owner_nonce: u64::from(deposit && self.served),
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

    fn kill(&mut self, effects_happen: bool) {
        self.restart(Mode::Auto, effects_happen);
    }

    /// Dies, and comes up again in `mode`.
    fn restart(&mut self, mode: Mode, effects_happen: bool) {
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
        state.set_next_record(self.journal.len() as u64 + 1);
        self.state = state;
        self.wake();
    }

    fn happen(&mut self, effect: &Effect) {
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

    fn mine(&mut self) {
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

    fn perform(&mut self, effect: Effect) {
        self.happen(&effect);
        let answer = match effect {
            Effect::Prepare {
                case, purpose, draft, ..
            } => {
                let (kind, payload) = payload(&draft);
                let title = SafeText::new("do it");
                let proposal = Proposal {
                    kind,
                    title,
                    facts: Vec::new(),
                    checks: Vec::new(),
                    payload,
                };
                Input::Prepared {
                    case,
                    purpose,
                    outcome: Prepared::Proposal(Box::new(proposal)),
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
    fn run(&mut self, boundary: usize, effects_happen: bool) -> bool {
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

fn plan_of(kind: RequestKind) -> CeremonyPlan {
    let committee: Vec<_> = (1..=4).map(OperatorId).collect();
    let validator = BlsPublicKey([5; 48]);
    match kind {
        RequestKind::Deposit => CeremonyPlan::Keygen {
            committee,
            threshold: 3,
            withdrawal_credentials: Root([1; 32]),
            fork_version: ForkVersion([0; 4]),
            registration: None,
        },
        RequestKind::Reshare => CeremonyPlan::Reshare {
            validator,
            old: committee[..3].to_vec(),
            new: committee,
            threshold: 3,
        },
        RequestKind::Exit => CeremonyPlan::Sign {
            validator,
            committee,
            threshold: 3,
            signing_root: Root([9; 32]),
            what: SignPurpose::VoluntaryExit {
                validator_index: 4,
                epoch: 8,
            },
            share_public_keys: BTreeMap::new(),
        },
    }
}

pub(super) fn payload(draft: &Draft) -> (ActionKind, Payload) {
    let ceremony = |kind| {
        Payload::Ceremony(CeremonyPayload {
            plan: plan_of(kind),
            backend: BackendName::default(),
        })
    };
    let transaction = || {
        Payload::Transaction(TransactionPayload {
            chain_id: 1,
            from: Address::ZERO,
            to: Address::repeat_byte(7),
            value_wei: U256::ZERO,
            data: Bytes::from(vec![1, 2, 3]),
            fee_ceiling_wei: U256::from(1_000),
            call: None,
        })
    };
    match draft {
        Draft::Keygen { .. } => (ActionKind::Keygen, ceremony(RequestKind::Deposit)),
        Draft::Reshare { .. } => (ActionKind::Reshare, ceremony(RequestKind::Reshare)),
        Draft::SignExit { .. } => (ActionKind::SignExit, ceremony(RequestKind::Exit)),
        Draft::SendDeposit { .. } => (ActionKind::SendDeposit, transaction()),
        Draft::SendReshare { .. } => (ActionKind::SendReshare, transaction()),
        Draft::BroadcastExit { signature, .. } => {
            let payload = ExitPayload {
                validator: BlsPublicKey([5; 48]),
                validator_index: 4,
                epoch: 8,
                signing_root: Root([9; 32]),
                signature: *signature,
            };
            (ActionKind::BroadcastExit, Payload::Exit(payload))
        }
    }
}

pub(super) fn success(plan: &CeremonyPlan) -> Box<CeremonySuccess> {
    let validator = BlsPublicKey([5; 48]);
    let keys = || (1..=4).map(|id| (OperatorId(id), validator)).collect();
    let result = match plan {
        CeremonyPlan::Keygen { .. } => CeremonyResult::Keygen(KeygenOutput {
            validator,
            deposit_signature: BlsSignature::default(),
            share_public_keys: keys(),
            encrypted_shares: BTreeMap::new(),
            registration: None,
        }),
        CeremonyPlan::Reshare { .. } => CeremonyResult::Reshare(ReshareOutput {
            validator,
            share_public_keys: keys(),
            encrypted_shares: BTreeMap::new(),
        }),
        CeremonyPlan::Sign { .. } => CeremonyResult::Sign {
            signature: BlsSignature::default(),
        },
    };
    Box::new(CeremonySuccess {
        result,
        checks: Vec::new(),
    })
}

/// One epoch a second; the queue makes the exit an epoch later than the rules' earliest.
fn moment(epoch: u64) -> Option<Moment> {
    let at = UnixMillis(epoch * 1_000);
    Some(Moment { epoch, at })
}

fn sighting(phase: ValidatorPhase, published: Option<Published>) -> Sighting {
    let exiting = phase >= ValidatorPhase::Exiting;
    let since = match phase {
        ValidatorPhase::Exited => moment(1_011),
        ValidatorPhase::Withdrawable => moment(1_013),
        _ => None,
    };
    Sighting {
        phase,
        since,
        index: Some(4),
        by_state: Forecast {
            exited: moment(1_011).filter(|_| exiting),
            withdrawable: moment(1_013).filter(|_| exiting),
            ..Forecast::default()
        },
        by_rules: published.map(|exit| Forecast {
            exiting: moment(exit.at.0 / 1_000),
            exited: moment(1_010),
            withdrawable: moment(1_012),
            ..Forecast::default()
        }),
    }
}

/// Of each stage: predicted before it was a fact, and a fact in the end.
fn check_times(life: &Life, what: &str) {
    let case = life.state.cases.values().next().unwrap();
    let expected = |wanted| {
        let is = |r: &Record| matches!(r, Record::ValidatorForecast { basis, .. } if *basis == wanted);
        let all: Vec<_> = life.journal.iter().map(|(_, r)| r).collect();
        assert_eq!(all.iter().filter(|r| is(r)).count(), 1, "{what}: {wanted:?} once");
        all.iter().position(|r| is(r)).unwrap()
    };
    let seen = |wanted| {
        let is = |r: &Record| matches!(r, Record::ValidatorPhaseSeen { phase, .. } if *phase == wanted);
        life.journal.iter().position(|(_, r)| is(r)).unwrap()
    };
    assert!(
        expected(Basis::Rules) < seen(ValidatorPhase::Exiting),
        "{what}: by rules, before it was in a block"
    );
    assert!(
        expected(Basis::State) < seen(ValidatorPhase::Exited),
        "{what}: by the state, before it was so"
    );
    let epochs = |m: Option<Moment>| m.map(|m| m.epoch);
    let table: Vec<_> = milestones(case)
        .into_iter()
        .map(|m| {
            (
                m.stage,
                epochs(m.by_rules).is_some(),
                epochs(m.by_state),
                matches!(m.actual, Some(Actual::Since(_))),
                m.actual.is_some(),
            )
        })
        .collect();
    let wanted = [
        (Stage::Exiting, true, None, false, true),
        (Stage::Exited, true, Some(1_011), true, true),
        (Stage::Withdrawable, true, Some(1_013), true, true),
        (Stage::Withdrawn, false, None, false, true),
    ];
    assert_eq!(table, wanted, "{what}");
}

fn lost() -> CeremonyFailure {
    CeremonyFailure {
        kind: FailureKind::Lost,
        round: None,
        culprits: Vec::new(),
        reason: SafeText::new("nobody knows of it"),
        blames: Vec::new(),
    }
}

#[test]
fn every_kind_of_case_survives_a_death_at_every_boundary() {
    for kind in [RequestKind::Deposit, RequestKind::Reshare, RequestKind::Exit] {
        for effects_happen in [false, true] {
            let mut boundaries = 0;
            for boundary in 1.. {
                let mut life = Life::new(kind);
                if !life.run(boundary, effects_happen) {
                    break;
                }
                boundaries += 1;
                let what = format!("{kind}, boundary {boundary}, effects {effects_happen}");
                assert!(
                    life.started.values().all(|n| *n == 1),
                    "{what}: a ceremony was started twice"
                );
                // the main one and, where there is something to register, the registration: no other one ever left
                let ceremonies = if kind == RequestKind::Exit { 1 } else { 2 };
                assert_eq!(life.started.len(), ceremonies, "{what}: ceremonies that left");
                let effective = if kind == RequestKind::Exit { 0 } else { 1 };
                assert_eq!(life.mined.len(), effective, "{what}");
                assert_eq!(life.sent.len(), effective, "{what}: other bytes were sent");
                if kind == RequestKind::Exit {
                    assert_eq!(life.exits_signed.len(), 1, "{what}: other exits were signed");
                    assert!(life.exit_published >= 1, "{what}: never published");
                    check_times(&life, &what);
                }
            }
            assert!(boundaries >= 8, "{kind}: only {boundaries} boundaries");
        }
    }
}

#[test]
fn whatever_the_nodes_answer_an_exit_survives_a_death_at_every_boundary() {
    let early = |ms: u64| ExitStanding::TooEarly {
        epoch: 3,
        at: UnixMillis(1_000_000 + ms),
    };
    let bad = ExitStanding::BadSignature {
        signing_root: Root([9; 32]),
    };
    let phase = ValidatorPhase::Exiting;
    let scripts = [
        vec![ExitStanding::Exiting { phase }],
        vec![early(40_000)],
        vec![ExitStanding::NotActive, early(200_000), ExitStanding::Unheard],
        vec![bad.clone()],
        vec![ExitStanding::UnknownIndex],
        vec![ExitStanding::Refused; 9],
        vec![
            ExitStanding::Refused,
            bad,
            ExitStanding::UnknownIndex,
            early(90_000),
        ],
    ];
    for script in scripts {
        let resigned = script
            .iter()
            .any(|s| matches!(s, ExitStanding::BadSignature { .. }));
        for effects_happen in [false, true] {
            let mut boundaries = 0;
            for boundary in 1.. {
                let mut life = Life::new(RequestKind::Exit);
                life.answers = script.clone().into();
                if !life.run(boundary, effects_happen) {
                    break;
                }
                boundaries += 1;
                let what = format!("{script:?}, boundary {boundary}, effects {effects_happen}");
                assert!(life.answers.is_empty(), "{what}: not everything was answered");
                assert!(life.started.values().all(|n| *n == 1), "{what}: started twice");
                assert!(life.exit_published >= 1, "{what}: never taken");
                let verified = |r: &&(UnixMillis, Record)| matches!(r.1, Record::CeremonyVerified { .. });
                let signatures = life.journal.iter().filter(verified).count();
                assert_eq!(signatures, 1 + usize::from(resigned), "{what}: signatures");
                let kinds = |wanted| {
                    let actions = life.state.actions.values();
                    actions
                        .filter(|a| a.proposal.kind == wanted && a.state == ActionState::Done)
                        .count()
                };
                assert_eq!(
                    kinds(ActionKind::BroadcastExit),
                    1,
                    "{what}: not one exit is done"
                );
            }
            assert!(boundaries >= 8, "{script:?}: only {boundaries} boundaries");
        }
    }
}
