//! A case of one kind, brought to every moment of its life.

use alloy::primitives::{Bytes, U256};

use super::*;
use crate::oracle::fixture::success;
use crate::oracle::state::shadow::Shadow;

pub(super) const POOL: PoolId = PoolId(3);
pub(super) const KEY: BlsPublicKey = BlsPublicKey([5; 48]);

/// A case of one kind, brought forward record by record.
pub(super) struct Life {
    pub(super) state: State,
    pub(super) shadow: Shadow,
    pub(super) id: CaseId,
    pub(super) now: u64,
    pub(super) facts: ChainFacts,
}

impl Life {
    pub(super) fn new(kind: RequestKind) -> Self {
        let mode = Mode::Supervised;
        let staked = if kind == RequestKind::Deposit {
            vec![]
        } else {
            vec![POOL]
        };
        let mut life = Self {
            state: State::new(Settings { mode, ..settings() }),
            shadow: Shadow::default(),
            id: CaseId {
                kind,
                pool: POOL,
                ordinal: 0,
            },
            now: 1_000_000,
            facts: ChainFacts {
                owner_nonce: Some(0),
                head: Some(block(10)),
                ready: vec![POOL, PoolId(4), PoolId(5)],
                staked,
                ..ChainFacts::default()
            },
        };
        if kind != RequestKind::Deposit {
            life.facts.ready = vec![];
        }
        life
    }

    pub(super) fn opened(kind: RequestKind) -> Self {
        let mut life = Self::new(kind);
        let case = life.id;
        let cause = Cause::State { block: block(9) };
        life.record(Record::CaseOpened { case, cause });
        life
    }

    /// The same with everything that a record of a life can do before, up to the last of these.
    pub(super) fn until(kind: RequestKind, moment: Moment) -> Self {
        let mut life = Self::opened(kind);
        for record in life.course(moment) {
            life.record(record);
        }
        life
    }

    pub(super) fn record(&mut self, record: Record) {
        self.now += 10;
        let at = UnixMillis(self.now);
        let seq = self.state.newest + 1;
        self.state.apply(seq, at, &record);
        self.shadow.follow(&self.state, at, &[record]);
    }

    pub(super) fn input(&mut self, input: Input) -> (Output, CommandReply) {
        self.now += 10;
        let at = UnixMillis(self.now);
        let mut entropy = [0; 24];
        entropy[..8].copy_from_slice(&self.now.to_be_bytes());
        let (output, reply) = step(
            &mut self.state,
            Stamped {
                at,
                up_ms: at.0,
                entropy,
                input,
            },
        );
        self.shadow.follow(&self.state, at, &output.records);
        (output, reply)
    }

    pub(super) fn command(&mut self, command: Command) -> Result<SafeText, Refusal> {
        let by = SafeText::new("ann");
        self.input(Input::Command {
            by: by.into(),
            command,
        })
        .1
        .unwrap()
    }

    pub(super) fn give_up(&mut self) -> Result<SafeText, Refusal> {
        let reason = SafeText::new("filled by mistake");
        self.command(Command::GiveUp {
            case: self.id,
            reason,
        })
    }

    /// Another process: everything up to the head is read, and the state of the contract.
    pub(super) fn restart(&mut self) -> Output {
        let mode = Mode::Supervised;
        let settings = Settings { mode, ..settings() };
        self.state = State::restored(settings, self.shadow.restart(&self.state));
        self.wake()
    }

    /// The contract's state again, so much later.
    pub(super) fn look(&mut self, later_ms: u64) -> Output {
        self.now += later_ms;
        let facts = Input::Facts(Box::new(self.facts.clone()));
        self.input(facts).0
    }

    pub(super) fn wake(&mut self) -> Output {
        let mut all = self.input(Input::Started).0;
        let facts = Input::Facts(Box::new(self.facts.clone()));
        for input in [
            Input::CaughtUp {
                finalized: Some(block(10)),
            },
            facts,
        ] {
            let output = self.input(input).0;
            all.records.extend(output.records);
            all.effects.extend(output.effects);
        }
        all
    }

    pub(super) fn case(&self) -> &Case {
        &self.state.cases[&self.id]
    }

    pub(super) fn way(&self, way: Way) -> WayOn {
        let ways = ways(&self.state, self.case());
        let found = ways.on.iter().find(|on| on.way == way).cloned();
        found.unwrap_or_else(|| panic!("{way:?} is not among {ways:?}"))
    }

    /// What happens to a case until this moment.
    pub(super) fn course(&self, until: Moment) -> Vec<Record> {
        let kind = cases::kind(self.id.kind);
        let mut course = Vec::new();
        for moment in Moment::ALL {
            if moment <= until {
                course.extend(moment.records(self.id, kind.ceremony(), kind.effect()));
            }
        }
        course
    }
}

/// How far a life has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Moment {
    Opened,
    CeremonyProposed,
    CeremonyRuns,
    CeremonyDoubtful,
    CeremonyDone,
    RegistrationRuns,
    RegistrationFails,
    Registered,
    EffectProposed,
    Sent,
    Final,
}

const REQUEST: RequestId = RequestId([1; 24]);
const REGISTRATION: [RequestId; 2] = [RequestId([2; 24]), RequestId([3; 24])];

impl Moment {
    pub(super) const ALL: [Self; 11] = [
        Self::Opened,
        Self::CeremonyProposed,
        Self::CeremonyRuns,
        Self::CeremonyDoubtful,
        Self::CeremonyDone,
        Self::RegistrationRuns,
        Self::RegistrationFails,
        Self::Registered,
        Self::EffectProposed,
        Self::Sent,
        Self::Final,
    ];

    pub(super) fn records(self, case: CaseId, ceremony: ActionKind, effect: ActionKind) -> Vec<Record> {
        let (first, second) = (ActionId { case, number: 1 }, ActionId { case, number: 2 });
        let registers = effect.definition().carries_registration();
        let registration = |n: u32| {
            let plan = registration_plan();
            let request = REGISTRATION[n as usize];
            started(case, request, None, CeremonyRole::Registration, n + 1, plan)
        };
        match self {
            Self::Opened => vec![],
            Self::CeremonyProposed => vec![proposed(first, ceremony)],
            Self::CeremonyRuns => vec![
                approved(first, ceremony),
                started(
                    case,
                    REQUEST,
                    Some(first),
                    CeremonyRole::Main,
                    1,
                    plan_of(ceremony),
                ),
            ],
            Self::CeremonyDoubtful => vec![Record::CeremonyUnknown {
                request: REQUEST,
                reason: "the relay does not answer".into(),
                transcript: None,
            }],
            Self::CeremonyDone => vec![verified(REQUEST, plan_of(ceremony))],
            Self::RegistrationRuns if registers => vec![registration(0)],
            Self::RegistrationFails if registers => vec![Record::CeremonyFailed {
                request: REGISTRATION[0],
                failure: CeremonyFailure {
                    culprits: vec![OperatorId(2)],
                    ..lost()
                },
                transcript: None,
            }],
            Self::Registered if registers => {
                vec![registration(1), verified(REGISTRATION[1], registration_plan())]
            }
            Self::RegistrationRuns | Self::RegistrationFails | Self::Registered => vec![],
            Self::EffectProposed => vec![proposed(second, effect)],
            Self::Sent => {
                let left = match effect.family() {
                    Family::Transaction => signed(second),
                    _ => Record::ExitPublished {
                        action: second,
                        verdicts: vec![],
                        standing: Some(ExitStanding::Unheard),
                    },
                };
                vec![approved(second, effect), left]
            }
            Self::Final => vec![match effect.family() {
                Family::Transaction => status(second, true),
                _ => Record::ValidatorPhaseSeen {
                    case,
                    phase: ValidatorPhase::Exiting,
                    since: None,
                    validator: None,
                },
            }],
        }
    }
}

fn proposed(action: ActionId, kind: ActionKind) -> Record {
    let proposal = proposal(kind);
    Record::ActionProposed {
        action,
        digest: proposal.digest(action),
        proposal: Box::new(proposal),
    }
}

fn approved(action: ActionId, kind: ActionKind) -> Record {
    let decision = Decision::alone(
        Verdict::Approve,
        Decider::person("ann"),
        UnixMillis(1),
        proposal(kind).digest(action),
    );
    Record::Decided { action, decision }
}

pub(super) fn plan_of(kind: ActionKind) -> CeremonyPlan {
    match proposal(kind).payload {
        Payload::Ceremony(payload) => payload.plan,
        other => panic!("{other:?}"),
    }
}

fn registration_plan() -> CeremonyPlan {
    CeremonyPlan::Sign {
        validator: KEY,
        committee: (1..=4).map(OperatorId).collect(),
        threshold: 3,
        signing_root: Root::default(),
        what: SignPurpose::OwnerNonce {
            owner: String::new(),
            nonce: 0,
        },
        share_public_keys: BTreeMap::new(),
        brought: None,
    }
}

pub(super) fn started(
    case: CaseId,
    request: RequestId,
    action: Option<ActionId>,
    role: CeremonyRole,
    attempt: u32,
    plan: CeremonyPlan,
) -> Record {
    Record::CeremonyStarted {
        request,
        case,
        action,
        role,
        attempt,
        plan,
        backend: BackendName::default(),
    }
}

pub(super) fn verified(request: RequestId, plan: CeremonyPlan) -> Record {
    Record::CeremonyVerified {
        request,
        result: success(&plan).result,
        checks: Vec::new(),
        transcript: None,
    }
}

fn signed(action: ActionId) -> Record {
    let transaction = SignedTransaction {
        raw: Bytes::new(),
        hash: Root([8; 32]),
        nonce: 7,
        max_fee_wei: U256::from(1),
        priority_fee_wei: U256::from(1),
        gas_limit: 1,
    };
    Record::TransactionSigned { action, transaction }
}

pub(super) fn status(action: ActionId, success: bool) -> Record {
    let reason = (!success).then(|| SafeText::new("ExceedValidatorLimitWithData(4)"));
    Record::TransactionStatus {
        action,
        status: NonceStatus::Included {
            hash: Root([8; 32]),
            block: block(10),
            success,
            reason,
            fee_paid_wei: U256::from(1),
            served: success.then_some(POOL),
            is_final: true,
            overtaken: false,
        },
    }
}

pub(super) fn name_of(step: &Step) -> &'static str {
    match step {
        Step::PlanCeremony => "plan-ceremony",
        Step::DecideCeremony(_) => "decide-ceremony",
        Step::RunCeremony(_) => "run-ceremony",
        Step::AwaitTurn => "await-turn",
        Step::Register(None) => "register",
        Step::Register(Some(_)) => "registering",
        Step::PlanEffect => "plan-effect",
        Step::DecideEffect(_) => "decide-effect",
        Step::Execute(_) => "execute",
        Step::Follow => "follow",
        Step::Halted { .. } => "halted",
        Step::Closed { .. } => "closed",
    }
}

/// Every state that a case of this kind can be in, from each moment of its life: as it is, halted, paused, without its
/// request, closed, and given up.
pub(super) fn everywhere(kind: RequestKind, mut look: impl FnMut(&str, &mut Life)) {
    for moment in Moment::ALL {
        let words = |what: &str| format!("{kind} at {moment:?}, {what}");
        let case = Life::new(kind).id;
        let reason = SafeText::new("the contract said no");
        let (by, outcome) = (SafeText::new("ann"), SafeText::new("it is done"));
        let after = [
            ("as it is", None),
            ("halted", Some(Record::CaseHalted { case, reason })),
            (
                "paused",
                Some(Record::Paused {
                    case: Some(case),
                    by: by.clone(),
                }),
            ),
            ("all paused", Some(Record::Paused { case: None, by })),
            ("orphaned", Some(Record::CauseLost { case })),
            ("closed", Some(Record::CaseClosed { case, outcome })),
        ];
        for (what, record) in after {
            let mut life = Life::until(kind, moment);
            record.into_iter().for_each(|record| life.record(record));
            look(&words(what), &mut life);
        }
    }
}
