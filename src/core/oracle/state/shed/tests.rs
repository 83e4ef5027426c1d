//! A case that fails for months: what stays of it in memory, and that nothing is decided otherwise for it.

use super::{OVER, OVER_KEPT};
use crate::oracle::fixture::{block, proposal, settings, success};
use crate::oracle::*;
use crate::types::*;

const CASE: CaseId = CaseId {
    kind: RequestKind::Deposit,
    pool: PoolId(1),
    ordinal: 0,
};

/// The longest pause between attempts that start nothing, ms: 288 of them are a day.
const PAUSE_MS: u64 = 300_000;

/// A process, and beside it the same one whose memory keeps everything.
struct Twins {
    state: State,
    /// Each of its steps takes longer than the one before.
    whole: Option<State>,
    now: u64,
    effects: Vec<Effect>,
    records: Vec<Record>,
}

/// Does it with a memory that keeps everything.
fn with_all<T>(work: impl FnOnce() -> T) -> T {
    OVER.set(usize::MAX);
    let done = work();
    OVER.set(OVER_KEPT);
    done
}

impl Twins {
    fn new(settings: Settings) -> Self {
        let mut twins = Self {
            state: State::new(settings.clone()),
            whole: Some(State::new(settings)),
            now: 1_000_000,
            effects: Vec::new(),
            records: Vec::new(),
        };
        twins.input(Input::Started);
        twins.input(Input::CaughtUp { finalized: None });
        twins.input(Input::Facts(Box::new(ChainFacts {
            head: Some(block(10)),
            ready: vec![CASE.pool],
            owner_nonce: Some(0),
            ..ChainFacts::default()
        })));
        let log = LogRef {
            block: block(10),
            transaction: Root([1; 32]),
            index: 0,
        };
        twins.input(Input::Requested {
            leaving: None,
            kind: CASE.kind,
            pool: CASE.pool,
            log,
        });
        twins
    }

    /// Both take it, and do the same.
    fn input(&mut self, input: Input) {
        self.now += 10;
        let mut entropy = [0; 24];
        entropy[..8].copy_from_slice(&self.now.to_be_bytes());
        let at = UnixMillis(self.now);
        let up_ms = at.0;
        let stamped = Stamped {
            at,
            up_ms,
            entropy,
            input,
        };
        let whole = self
            .whole
            .as_mut()
            .map(|whole| with_all(|| step(whole, stamped.clone())));
        let (output, _) = step(&mut self.state, stamped);
        if let Some((whole, _)) = whole {
            assert_eq!(output, whole, "what left memory was decided on");
        }
        self.records.extend(output.records);
        self.effects = output.effects;
    }

    /// The desk proposes whatever it is asked for, until a ceremony is to begin; `None` where nothing is asked for.
    fn until_it_runs(&mut self) -> Option<RequestId> {
        loop {
            match self.effects.first()?.clone() {
                Effect::RunCeremony { request, .. } => return Some(request),
                Effect::Prepare {
                    case, purpose, draft, ..
                } => {
                    let outcome = Prepared::Proposal(Box::new(proposal(draft.kind())));
                    self.input(Input::Prepared {
                        case,
                        purpose,
                        outcome,
                    });
                }
                other => panic!("{}", other.name()),
            }
        }
    }

    /// Another attempt begins and fails; `false` where nobody begins one.
    fn fails_once_more(&mut self, kind: FailureKind) -> bool {
        if self.effects.is_empty() {
            self.now += PAUSE_MS;
            self.input(Input::Tick);
        }
        let Some(request) = self.until_it_runs() else {
            return false;
        };
        let failure = CeremonyFailure {
            kind,
            round: None,
            culprits: vec![OperatorId(4)],
            reason: SafeText::new("operator 4 is away"),
            blames: Vec::new(),
        };
        self.input(Input::CeremonyEnded {
            request,
            outcome: Err(failure),
            transcript: None,
        });
        true
    }

    /// What memory has of the case: actions, ceremonies.
    fn in_memory(&self) -> (usize, usize) {
        (self.state.actions.len(), self.state.ceremonies.len())
    }

    fn bytes(&self) -> usize {
        serde_json::to_vec(self.state.durable()).unwrap().len()
    }
}

/// So many attempts, of which each tenth counts against the limit of the rule; then it asks a person.
fn fails_until_the_rule_stops(twins: &mut Twins, mut after: impl FnMut(u32, &Twins)) -> u32 {
    let most = 10 * twins.state.settings.policy.rules[0].max_attempts;
    let kind = |n: u32| match n % 10 {
        9 => FailureKind::Timeout,
        _ => FailureKind::NotStarted,
    };
    let mut attempts = 0;
    while twins.fails_once_more(kind(attempts)) {
        attempts += 1;
        assert!(attempts <= most, "a rule counts no attempt that left memory");
        let (actions, ceremonies) = twins.in_memory();
        assert!(actions <= OVER_KEPT + 2 && ceremonies <= OVER_KEPT + 2);
        after(attempts, twins);
    }
    attempts
}

#[test]
fn ten_thousand_attempts_take_no_more_room_than_five_thousand_and_none_is_forgotten() {
    let mut settings = settings();
    settings.policy.rules[0].max_attempts = 1_000;
    let mut twins = Twins::new(settings);
    twins.whole = None;
    let mut half = 0;
    let attempts = fails_until_the_rule_stops(&mut twins, |n, twins| {
        if n == 5_000 {
            half = twins.bytes();
        }
    });
    assert_eq!(attempts, 10_000);
    // numbers have more digits
    let whole = twins.bytes();
    assert!(
        100 * whole < 105 * half,
        "{half} bytes after 5,000 attempts, {whole} after 10,000"
    );
    let case = &twins.state.cases[&CASE];
    assert_eq!((case.attempts, case.actions), (1_000, 10_001));
    assert!(matches!(case.step, Step::DecideCeremony(id) if id.number == 10_001));
    assert_eq!(twins.state.tracks()[&OperatorId(4)].failed, 10_000);
    let shed = twins.state.retired.partly[&CASE];
    let here = twins.state.actions.len() as u64;
    assert_eq!(shed.actions + here, 10_001);
    assert_eq!(shed.ceremonies + twins.state.ceremonies.len() as u64, 10_000);
    assert!(!twins.state.retired.is_empty());
    // and a start knows the same
    let records = twins.records.iter().enumerate();
    let folded = Durable::fold(records.map(|(n, record)| (n as u64 + 1, UnixMillis(0), record)));
    assert_eq!(folded.actions.len(), twins.state.actions.len());
    assert_eq!(folded.retired.partly, twins.state.retired.partly);
}

#[test]
fn every_attempt_is_as_with_a_memory_that_keeps_everything() {
    let mut settings = settings();
    settings.policy.rules[0].max_attempts = 60;
    let mut twins = Twins::new(settings);
    assert_eq!(fails_until_the_rule_stops(&mut twins, |_, _| ()), 600);
    assert_eq!(twins.whole.as_ref().unwrap().actions.len(), 601);
    twins.asks_both(State::tracks);
    twins.asks_both(|state| state.cases.clone());
}

/// A key, and the refusal of SSV in the chain's own words.
fn refused_by_ssv() -> Twins {
    let mut twins = Twins::new(settings());
    let request = twins.until_it_runs().unwrap();
    let plan = twins.state.ceremonies[&request].plan.clone();
    twins.input(Input::CeremonyEnded {
        request,
        outcome: Ok(success(&plan)),
        transcript: None,
    });
    twins
}

impl Twins {
    fn take(&mut self, records: &[Record]) {
        for record in records {
            self.now += 10;
            let (seq, at) = (self.state.newest + 1, UnixMillis(self.now));
            if let Some(whole) = &mut self.whole {
                with_all(|| whole.apply(seq, at, record));
            }
            self.state.apply(seq, at, record);
        }
    }

    fn proposes(&mut self, kind: ActionKind) -> ActionId {
        let number = self.state.cases[&CASE].actions + 1;
        let action = ActionId { case: CASE, number };
        let proposal = proposal(kind);
        self.take(&[Record::ActionProposed {
            action,
            digest: proposal.digest(action),
            proposal: Box::new(proposal),
        }]);
        action
    }

    fn voids(&mut self, kind: ActionKind, times: usize) {
        for _ in 0..times {
            let action = self.proposes(kind);
            let reason = SafeText::new("SSV's registration nonce moved");
            self.take(&[Record::ActionVoided { action, reason }]);
        }
    }

    fn sends(&mut self, nonce: u64, status: NonceStatus) -> ActionId {
        let action = self.proposes(ActionKind::SendDeposit);
        let transaction = SignedTransaction {
            hash: Root([3; 32]),
            raw: vec![1].into(),
            nonce,
            max_fee_wei: Default::default(),
            priority_fee_wei: Default::default(),
            gas_limit: 1,
        };
        self.take(&[
            Record::TransactionSigned { action, transaction },
            Record::TransactionStatus { action, status },
        ]);
        action
    }

    fn asks_both<T: PartialEq + std::fmt::Debug>(&self, ask: impl Fn(&State) -> T) -> T {
        let answer = ask(&self.state);
        self.whole.iter().for_each(|whole| assert_eq!(answer, ask(whole)));
        answer
    }
}

fn included(success: bool) -> NonceStatus {
    NonceStatus::Included {
        hash: Root([3; 32]),
        block: block(11),
        success,
        reason: (!success).then(|| SafeText::new("OperatorDoesNotExist()")),
        fee_paid_wei: Default::default(),
        served: success.then_some(PoolId(2)),
        is_final: true,
        overtaken: false,
    }
}

#[test]
fn what_ssv_refused_is_known_however_often_it_was_prepared_since() {
    let mut twins = refused_by_ssv();
    let sent = twins.sends(0, included(false));
    twins.voids(ActionKind::SendDeposit, 3 * OVER_KEPT);
    assert!(twins.state.actions.contains_key(&sent));
    assert!(twins.state.actions.len() <= OVER_KEPT + 2);
    let refusal = twins.asks_both(|state| ways::refused_by_ssv(state, &state.cases[&CASE]));
    assert!(refusal.unwrap().contains("OperatorDoesNotExist"));
    // one that did nothing, and that later ones stand for, leaves with its bytes
    for nonce in (1..).take(ways::REFUSED_AT_MOST) {
        twins.sends(nonce, included(false));
        twins.voids(ActionKind::SendDeposit, 2 * OVER_KEPT);
    }
    assert!(!twins.state.sendings.contains_key(&sent));
    assert_eq!(twins.state.retired.partly[&CASE].transactions, 1);
}

#[test]
fn a_key_that_is_in_the_chain_stays_used() {
    let mut twins = refused_by_ssv();
    let sent = twins.sends(0, included(true));
    assert!(
        matches!(twins.state.cases[&CASE].step, Step::Halted { .. }),
        "it served another pool"
    );
    twins.voids(ActionKind::SendDeposit, 3 * OVER_KEPT);
    assert!(twins.state.sendings.contains_key(&sent));
    assert!(twins.asks_both(|state| state.has_used_its_key(&state.cases[&CASE])));
}

#[test]
fn a_ceremony_that_nobody_found_out_about_stays_so_that_its_key_is_condemned_when_it_turns_up() {
    let mut twins = Twins::new(settings());
    let lost = twins.until_it_runs().unwrap();
    let plan = twins.state.ceremonies[&lost].plan.clone();
    let reason = SafeText::new("the relay does not answer");
    twins.take(&[
        Record::CeremonyUnknown {
            request: lost,
            reason,
            transcript: None,
        },
        Record::CeremonyDeclaredLost {
            request: lost,
            by: SafeText::new("ann"),
        },
    ]);
    for _ in 0..3 * OVER_KEPT {
        assert!(twins.fails_once_more(FailureKind::NotStarted));
    }
    assert!(twins.state.ceremonies.contains_key(&lost));
    assert!(twins.state.ceremonies.len() <= OVER_KEPT + 2);
    twins.input(Input::CeremonyEnded {
        request: lost,
        outcome: Ok(success(&plan)),
        transcript: None,
    });
    assert_eq!(twins.asks_both(|state| state.condemned.len()), 1);
}
