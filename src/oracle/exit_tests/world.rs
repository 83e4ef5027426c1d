//! One exit case, the desk and the operators behind it, and beacon nodes that answer what a test wants.

use std::collections::{BTreeMap, VecDeque};

use crate::oracle::*;
use crate::types::*;

pub(super) const CASE: CaseId = CaseId {
    kind: RequestKind::Exit,
    pool: PoolId(1),
    ordinal: 0,
};

pub(super) const APPROVAL_MS: u64 = 3_600_000;

/// The time of every step from one input to the next, ms.
const STEP_MS: u64 = 50;

pub(super) struct World {
    pub(super) state: State,
    pub(super) journal: Vec<(UnixMillis, Record)>,
    pub(super) waiting: VecDeque<Effect>,
    pub(super) now: u64,
    /// What the chain would have signed now.
    pub(super) root: Root,
    /// The desk finds the exit too early before this time.
    pub(super) ready_at: u64,
    /// The desk finds no such validator.
    pub(super) unknown: bool,
    /// How far the validator really is.
    pub(super) phase: ValidatorPhase,
    /// Exits that reached the nodes: when, and what was signed.
    pub(super) offered: Vec<(u64, Root)>,
    /// Start messages of ceremonies that left, by id.
    pub(super) started: BTreeMap<RequestId, u32>,
    /// Proposals to sign: whether an exit found bad was told, and why the last one failed.
    pub(super) drafts: Vec<(Option<BadExit>, Option<SafeText>)>,
}

fn settings() -> Settings {
    let rule = Rule {
        name: SafeText::new("exits"),
        kinds: vec![ActionKind::SignExit, ActionKind::BroadcastExit],
        pools: None,
        max_fee_wei: None,
        max_per_day: None,
        max_attempts: 1_000,
        // in vain
        unknown_ok: vec![NEW_SIGNING_ROOT.to_owned()],
    };
    Settings {
        mode: Mode::Auto,
        policy: Policy { rules: vec![rule] },
        approval_expires_ms: APPROVAL_MS,
        ..fixture::settings()
    }
}

pub(super) fn verdict(answer: ExitAnswer) -> ExitVerdict {
    ExitVerdict {
        node: SafeText::new("http://node"),
        answer,
        words: SafeText::new("in its own words"),
    }
}

impl World {
    pub(super) fn new() -> Self {
        let mut world = Self {
            state: State::new(settings()),
            journal: Vec::new(),
            waiting: VecDeque::new(),
            now: 1_000_000,
            root: Root([1; 32]),
            ready_at: 0,
            unknown: false,
            phase: ValidatorPhase::Active,
            offered: Vec::new(),
            started: BTreeMap::new(),
            drafts: Vec::new(),
        };
        world.wake();
        let log = LogRef {
            block: block(),
            transaction: Root([1; 32]),
            index: 0,
        };
        world.input(Input::Requested {
            kind: RequestKind::Exit,
            pool: CASE.pool,
            log,
        });
        world
    }

    /// A world whose validator was on its way out before anything was asked for, by a key that no case knows.
    pub(super) fn exiting_already() -> Self {
        let mut world = Self::new();
        world.phase = ValidatorPhase::Exiting;
        world.pass(10_000);
        world.settle();
        world
    }

    /// A world whose exit is signed, approved, and on its way to the nodes for the first time.
    pub(super) fn publishing() -> (Self, ActionId) {
        let mut world = Self::new();
        let action = world.until_offered();
        (world, action)
    }

    pub(super) fn wake(&mut self) {
        self.input(Input::Started);
        self.input(Input::CaughtUp { finalized: None });
        self.input(Input::Facts(Box::new(ChainFacts {
            head: Some(block()),
            finalized: Some(block()),
            staked: vec![CASE.pool],
            ..ChainFacts::default()
        })));
    }

    pub(super) fn input(&mut self, input: Input) -> WishReply {
        self.now += STEP_MS;
        let at = UnixMillis(self.now);
        let mut entropy = [0; 24];
        entropy[..8].copy_from_slice(&self.now.to_be_bytes());
        let (output, reply) = step(&mut self.state, Stamped { at, entropy, input });
        self.journal.extend(output.records.into_iter().map(|r| (at, r)));
        self.waiting.extend(output.effects);
        reply
    }

    /// The process dies and starts again: only the journal is left.
    pub(super) fn restart(&mut self) {
        self.waiting.clear();
        let mut state = State::new(settings());
        for (n, (at, record)) in self.journal.iter().enumerate() {
            let text = serde_json::to_string(record).unwrap();
            let read: Record = serde_json::from_str(&text).unwrap();
            assert_eq!(&read, record, "a record changes on its way through the journal");
            state.apply(n as u64 + 1, *at, &read);
        }
        if let Some(case) = self.state.cases.get(&CASE) {
            let restored = &state.cases[&CASE];
            assert_eq!(restored.step, case.step, "not restored");
            assert_eq!(restored.offers, case.offers, "not restored");
        }
        for (id, action) in &self.state.actions {
            assert_eq!(state.actions[id].state, action.state, "{id} is not restored");
        }
        self.state = state;
        self.wake();
    }

    pub(super) fn pass(&mut self, ms: u64) {
        self.now += ms;
        self.input(Input::Tick);
    }

    pub(super) fn case(&self) -> &Case {
        &self.state.cases[&CASE]
    }

    pub(super) fn action(&self, id: ActionId) -> &ActionState {
        &self.state.actions[&id].state
    }

    pub(super) fn retry(&mut self) {
        let wish = Wish::Retry(CASE);
        let by = SafeText::new("ann");
        self.input(Input::Wish { by, wish }).unwrap().unwrap();
    }

    /// Performs everything but offers, which are left to the test.
    pub(super) fn settle(&mut self) {
        let mut offers = VecDeque::new();
        while let Some(effect) = self.waiting.pop_front() {
            match effect {
                Effect::PublishExit { .. } => offers.push_back(effect),
                other => self.perform(other),
            }
        }
        self.waiting = offers;
    }

    /// Whether an offer is under way now, and of which action.
    pub(super) fn offering(&mut self) -> Option<ActionId> {
        self.settle();
        self.waiting.iter().find_map(|effect| match effect {
            Effect::PublishExit { action, .. } => Some(*action),
            _ => None,
        })
    }

    /// Lets time pass until the exit is offered.
    pub(super) fn until_offered(&mut self) -> ActionId {
        for _ in 0..2_000 {
            if let Some(action) = self.offering() {
                return action;
            }
            self.pass(1_000);
        }
        panic!("never offered: {:?}", self.case().step);
    }

    /// The nodes answer the offer that is under way.
    pub(super) fn answer(&mut self, answers: &[ExitAnswer], standing: ExitStanding) {
        let action = self.offering().expect("an exit is offered");
        let offer = self.waiting.pop_front().unwrap();
        self.happen(&offer);
        self.input(Input::ExitPublished {
            action,
            verdicts: answers.iter().copied().map(verdict).collect(),
            standing,
        });
    }

    /// An effect's footprint outside.
    pub(super) fn happen(&mut self, effect: &Effect) {
        match effect {
            Effect::RunCeremony {
                request, start: true, ..
            } => *self.started.entry(*request).or_default() += 1,
            Effect::PublishExit { payload, .. } => self.offered.push((self.now, payload.signing_root)),
            _ => {}
        }
    }

    /// Performs an effect that is no offer.
    pub(super) fn perform(&mut self, effect: Effect) {
        self.happen(&effect);
        let answer = match effect {
            Effect::Prepare {
                case, purpose, draft, ..
            } => Input::Prepared {
                case,
                purpose,
                outcome: self.prepare(purpose, *draft),
            },
            Effect::RunCeremony { request, .. } => {
                let outcome = if self.started.contains_key(&request) {
                    Ok(Box::new(CeremonySuccess {
                        result: CeremonyResult::Sign {
                            signature: BlsSignature::default(),
                        },
                        checks: Vec::new(),
                    }))
                } else {
                    Err(CeremonyFailure {
                        kind: FailureKind::Lost,
                        round: None,
                        culprits: Vec::new(),
                        reason: SafeText::new("nobody knows of it"),
                        blames: Vec::new(),
                    })
                };
                Input::CeremonyEnded {
                    request,
                    outcome,
                    transcript: None,
                }
            }
            Effect::LookUpValidator { case, validator, .. } => Input::ValidatorSeen {
                case,
                validator,
                seen: Some(Sighting {
                    phase: self.phase,
                    since: None,
                    index: Some(4),
                    by_state: Forecast::default(),
                    by_rules: None,
                }),
            },
            other => panic!("an exit asks for {other:?}"),
        };
        self.input(answer);
    }

    fn prepare(&mut self, purpose: Purpose, draft: Draft) -> Prepared {
        if self.phase >= ValidatorPhase::Exiting {
            return Prepared::AlreadySo {
                phase: self.phase,
                validator: BlsPublicKey([5; 48]),
            };
        }
        let sending = matches!(purpose, Purpose::Send(_));
        let (kind, payload, checks) = match draft {
            Draft::SignExit(SignExitDraft {
                bad, last_failure, ..
            }) => {
                let plan = CeremonyPlan::Sign {
                    validator: BlsPublicKey([5; 48]),
                    committee: (1..=4).map(OperatorId).collect(),
                    threshold: 3,
                    signing_root: self.root,
                    what: SignPurpose::VoluntaryExit {
                        validator_index: 4,
                        epoch: 8,
                    },
                    share_public_keys: BTreeMap::new(),
                };
                let same = bad.as_ref().is_some_and(|b| b.signing_root == self.root);
                let checks = same.then(|| Check::unknown(NEW_SIGNING_ROOT, "the same bytes again"));
                self.drafts.push((bad, last_failure));
                let payload = Payload::Ceremony(CeremonyPayload {
                    plan,
                    backend: BackendName::default(),
                });
                (ActionKind::SignExit, payload, checks)
            }
            Draft::BroadcastExit(BroadcastExitDraft { plan, signature, .. }) => {
                if sending && self.unknown {
                    return Prepared::Refused(SafeText::new("no such validator"));
                }
                if sending && self.now < self.ready_at {
                    return Prepared::TooEarly {
                        reason: SafeText::new("too early"),
                        until: UnixMillis(self.ready_at),
                    };
                }
                let CeremonyPlan::Sign {
                    validator,
                    signing_root,
                    ..
                } = plan
                else {
                    panic!("{plan:?}")
                };
                let payload = Payload::Exit(ExitPayload {
                    validator,
                    validator_index: 4,
                    epoch: 8,
                    signing_root,
                    signature,
                });
                (ActionKind::BroadcastExit, payload, None)
            }
            other => panic!("an exit asks for {other:?}"),
        };
        Prepared::Proposal(Box::new(Proposal {
            kind,
            title: SafeText::new("do it"),
            facts: Vec::new(),
            checks: checks.into_iter().collect(),
            payload,
        }))
    }

    /// Approvals so far of a kind of action.
    pub(super) fn approvals(&self, kind: ActionKind) -> usize {
        self.state
            .actions
            .values()
            .filter(|a| a.proposal.kind == kind && a.was_approved())
            .count()
    }
}

fn block() -> BlockRef {
    BlockRef {
        number: 10,
        hash: Root([3; 32]),
    }
}
