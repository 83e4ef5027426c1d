//! What others did to a pool, final or taken back.

use crate::oracle::*;
use crate::types::*;

const POOL: PoolId = PoolId(1);

struct Life {
    state: State,
    journal: Vec<Record>,
    now: u64,
    /// The contract's ready queue.
    ready: Vec<PoolId>,
}

fn settings() -> Settings {
    Settings {
        mode: Mode::Supervised,
        policy: Policy::default(),
        ..fixture::settings()
    }
}

fn log(number: u64) -> LogRef {
    let root = Root([u8::try_from(number).unwrap(); 32]);
    LogRef {
        block: BlockRef { number, hash: root },
        transaction: root,
        index: 0,
    }
}

impl Life {
    fn new(kind: RequestKind) -> Self {
        let mut life = Self {
            state: State::new(settings()),
            journal: Vec::new(),
            now: 0,
            ready: vec![POOL],
        };
        life.input(Input::Started);
        life.input(Input::Requested {
            leaving: None,
            kind,
            pool: POOL,
            log: log(1),
        });
        life
    }

    fn input(&mut self, input: Input) {
        self.now += 1;
        let at = UnixMillis(self.now);
        let entropy = [0; 24];
        let (output, _) = step(
            &mut self.state,
            Stamped {
                at,
                up_ms: at.0,
                entropy,
                input,
            },
        );
        self.journal.extend(output.records);
    }

    /// Head and finality, and everything told up to there.
    fn looks(&mut self, head: u64, finalized: u64) {
        let facts = ChainFacts {
            head: Some(log(head).block),
            finalized: Some(log(finalized).block),
            ready: self.ready.clone(),
            ..ChainFacts::default()
        };
        self.input(Input::Facts(Box::new(facts)));
        let finalized = Some(log(finalized).block);
        self.input(Input::CaughtUp { finalized });
    }

    fn case(&self) -> &Case {
        self.state.cases.values().next().unwrap()
    }

    fn restart(&mut self) {
        let mut state = State::new(settings());
        for (n, record) in self.journal.iter().enumerate() {
            let text = serde_json::to_string(record).unwrap();
            state.apply(n as u64 + 1, UnixMillis(0), &serde_json::from_str(&text).unwrap());
        }
        self.state = state;
        self.input(Input::Started);
    }

    fn refused(&mut self) {
        let outcome = Prepared::Refused(SafeText::new("no validator for pool 1"));
        let (case, purpose) = (self.case().id, Purpose::Propose);
        self.input(Input::Prepared {
            case,
            purpose,
            outcome,
        });
    }

    /// Its ceremony waits for a decision.
    fn proposed(&mut self) {
        let case = self.case().id;
        let action = ActionId { case, number: 1 };
        let proposal = fixture::proposal(ActionKind::Keygen);
        let proposed = Record::ActionProposed {
            action,
            digest: proposal.digest(action),
            proposal: Box::new(proposal),
        };
        self.state.apply(self.state.newest + 1, UnixMillis(0), &proposed);
        self.journal.push(proposed);
    }

    fn read(&mut self, upto: u64, told: bool) {
        let upto = log(upto).block;
        self.input(Input::EventsRead { upto, told });
    }

    fn told(&mut self, what: Fulfilment, number: u64) {
        let (pool, log) = (POOL, log(number));
        self.input(Input::Fulfilled { what, pool, log });
    }
}

#[test]
fn an_exit_that_ended_before_the_first_start_is_closed() {
    let mut life = Life::new(RequestKind::Exit);
    life.told(Fulfilment::Exited, 2);
    assert!(!life.case().is_closed(), "nothing is known to be final yet");
    life.looks(20, 15);
    assert!(life.case().is_closed(), "{:?}", life.case().step);
}

#[test]
fn a_halted_exit_is_closed_by_the_final_report_alone() {
    let mut life = Life::new(RequestKind::Exit);
    life.looks(5, 3);
    life.refused();
    assert!(matches!(life.case().step, Step::Halted { .. }));
    life.told(Fulfilment::Exited, 6);
    life.looks(6, 5);
    assert!(
        matches!(life.case().step, Step::Halted { .. }),
        "it may be taken back"
    );
    life.restart();
    life.looks(7, 5);
    assert!(!life.case().is_closed());
    life.looks(8, 6);
    assert!(life.case().is_closed());
}

#[test]
fn a_deposit_of_somebody_else_waits_for_finality_and_may_be_taken_back() {
    let mut life = Life::new(RequestKind::Deposit);
    life.looks(5, 3);
    let what = Fulfilment::DepositInitiated;
    life.told(what, 6);
    life.ready.clear();
    life.looks(6, 5);
    let says = life.state.waiting_reason(life.case().id).map(ToString::to_string);
    assert!(says.is_some_and(|s| s.contains("block 6; waits for finality")));
    // finality is told with the head, before what left the chain is
    let facts = ChainFacts {
        head: Some(log(9).block),
        finalized: Some(log(8).block),
        ..ChainFacts::default()
    };
    life.input(Input::Facts(Box::new(facts)));
    assert!(!life.case().is_closed());
    life.restart();
    let (pool, log) = (POOL, log(6));
    life.input(Input::FulfilmentRemoved { what, pool, log });
    life.ready.push(POOL);
    life.looks(9, 8);
    assert!(!life.case().is_closed() && life.case().served_by.is_none());
    // again, and it stays
    life.told(what, 10);
    life.ready.clear();
    life.looks(12, 10);
    assert!(life.case().is_closed());
}

#[test]
fn a_log_against_the_contracts_state_voids_and_closes_nothing() {
    let mut life = Life::new(RequestKind::Deposit);
    life.looks(5, 3);
    life.proposed();
    life.told(Fulfilment::DepositInitiated, 6);
    for head in 6..12 {
        life.looks(head, head - 1);
        assert!(matches!(life.case().step, Step::DecideCeremony(_)), "{head}");
    }
    assert_eq!(life.case().served_by, None, "the state decided");
    let says = |text: &str| life.case().history.iter().any(|e| e.text.as_str().contains(text));
    assert!(says("the log is not believed"), "{:?}", life.case().history);
    assert_eq!(life.state.waiting_reason(life.case().id), None);
    life.restart();
    life.looks(20, 19);
    assert!(matches!(life.case().step, Step::DecideCeremony(_)));
}

/// An endpoint that invents the end of a pool in every block had three records of each.
#[test]
fn inventions_in_every_block_are_told_with_a_count_and_the_true_end_still_closes() {
    let mut life = Life::new(RequestKind::Deposit);
    life.looks(5, 3);
    let of_case = |life: &Life| {
        let strange = |r: &&Record| {
            matches!(
                r,
                Record::PoolServed { .. } | Record::PoolNotServed { .. } | Record::Note { .. }
            )
        };
        life.journal.iter().filter(strange).count()
    };
    for head in 6..60 {
        life.told(Fulfilment::DepositInitiated, head);
        life.looks(head, head - 1);
    }
    // of the first ones, before it was clear that they are none
    let first = of_case(&life);
    assert!(first < 12, "{:?}", life.journal);
    for head in 60..200 {
        life.told(Fulfilment::DepositInitiated, head);
        life.looks(head, head - 1);
    }
    assert!(of_case(&life) <= first + 1, "{:?}", life.journal);
    let says = |text: &str| life.case().history.iter().any(|e| e.text.as_str().contains(text));
    assert!(says("the log is not believed") && says("100 further logs say the same"));
    assert_eq!(life.case().served_by, None);
    assert!(!life.case().is_closed());
    // the true one, whose block is read before the state of it
    life.told(Fulfilment::DepositInitiated, 210);
    life.ready.clear();
    life.looks(210, 205);
    assert!(life.case().served_by.is_some_and(|by| by.log == Some(log(210))));
    life.looks(220, 215);
    assert!(life.case().is_closed());
}

#[test]
fn before_the_state_is_read_a_log_voids_nothing() {
    let mut life = Life::new(RequestKind::Deposit);
    life.looks(5, 3);
    life.proposed();
    life.told(Fulfilment::DepositInitiated, 6);
    assert!(matches!(life.case().step, Step::DecideCeremony(_)));
    let says = life.state.waiting_reason(life.case().id).map(ToString::to_string);
    assert!(says.is_some_and(|s| s.contains("in block 6; waits until the contract's state")));
    life.ready.clear();
    life.looks(6, 5);
    assert!(
        !matches!(life.case().step, Step::DecideCeremony(_)),
        "what stands in the state is taken into account at once"
    );
}

#[test]
fn a_case_that_was_closed_as_served_is_taken_up_again_when_the_contract_lists_its_pool() {
    let mut life = Life::new(RequestKind::Deposit);
    life.looks(5, 3);
    life.told(Fulfilment::DepositInitiated, 6);
    life.ready.clear();
    life.looks(8, 7);
    assert!(life.case().is_closed());
    life.ready.push(POOL);
    life.looks(9, 8);
    assert!(
        life.case().is_closed(),
        "one look may be of a branch that is left"
    );
    life.looks(11, 10);
    assert_eq!(life.case().step, Step::PlanCeremony);
    let says = |text: &str| life.case().history.iter().any(|e| e.text.as_str().contains(text));
    assert!(says("the contract lists pool 1 again: it is taken up again"));
    life.restart();
    life.looks(12, 11);
    assert!(!life.case().is_closed());
}

#[test]
fn a_case_that_was_closed_otherwise_is_held_and_says_so_once() {
    let mut life = Life::new(RequestKind::Deposit);
    life.looks(5, 3);
    let outcome = SafeText::new("given up by tess: no committee");
    let close = Record::CaseClosed {
        case: life.case().id,
        outcome,
    };
    life.state.apply(life.state.newest + 1, UnixMillis(0), &close);
    life.journal.push(close);
    for head in 6..12 {
        life.looks(head, head - 1);
    }
    life.restart();
    for head in 12..16 {
        life.looks(head, head - 1);
    }
    assert!(life.case().is_closed());
    let held = |r: &&Record| matches!(r, Record::Note { text, .. } if text.as_str().contains("it is held"));
    assert_eq!(life.journal.iter().filter(held).count(), 1);
}

#[test]
fn a_request_that_the_contract_does_not_list_opens_nothing_until_it_does() {
    let mut life = Life::new(RequestKind::Deposit);
    life.looks(5, 3);
    let (kind, pool) = (RequestKind::Deposit, PoolId(7));
    let log = log(5);
    life.input(Input::Requested {
        kind,
        pool,
        log,
        leaving: None,
    });
    assert_eq!(life.state.cases.len(), 1);
    life.ready.push(pool);
    life.looks(6, 4);
    life.looks(8, 6);
    assert_eq!(life.state.cases.len(), 2, "the state opens it");
}

#[test]
fn an_end_that_stands_before_its_request_answers_nothing() {
    let mut life = Life::new(RequestKind::Reshare);
    life.told(Fulfilment::Reshared, 0);
    assert_eq!(life.case().served_by, None);
    life.told(Fulfilment::Reshared, 2);
    assert!(life.case().served_by.is_some());
}

/// The state that denies it is that of an endpoint that lags, and the process may start again in between.
#[test]
fn a_true_log_that_the_state_of_one_that_lags_denied_counts_once_the_state_says_so_too() {
    for restarts_at in [0, 6, 7, 8, 9, 10] {
        let mut life = Life::new(RequestKind::Deposit);
        life.looks(5, 3);
        life.told(Fulfilment::DepositInitiated, 6);
        life.read(6, true);
        for head in 6..20 {
            if head == restarts_at {
                life.restart();
                if life.state.read_upto().is_none_or(|upto| upto.number < 6) {
                    life.told(Fulfilment::DepositInitiated, 6);
                }
            }
            life.looks(head, head - 1);
            life.read(head, false);
            assert!(
                !life.case().is_closed(),
                "{restarts_at}: the contract lists its pool"
            );
        }
        life.ready.clear();
        life.looks(20, 19);
        life.looks(21, 20);
        assert!(life.case().is_closed(), "{restarts_at}: {:?}", life.case().step);
    }
}

#[test]
fn after_an_epoch_of_the_states_no_a_log_is_forgotten_and_the_position_goes_on() {
    let mut life = Life::new(RequestKind::Deposit);
    life.looks(5, 3);
    life.read(5, true);
    life.told(Fulfilment::DepositInitiated, 6);
    life.read(6, true);
    for head in 6..38 {
        life.looks(head, head - 1);
        life.read(head, false);
    }
    let upto = |life: &Life| life.state.cursor().map(|upto| upto.number);
    assert_eq!(
        upto(&life),
        Some(5),
        "a start has to be told of it again, and of little else"
    );
    life.looks(38, 37);
    life.read(38, true);
    assert_eq!(upto(&life), Some(38));
    life.ready.clear();
    life.looks(40, 39);
    assert_eq!(life.case().served_by, None);
}

/// The true log is the first one, and its endpoint's state lags; a liar invents so many that not all are kept.
#[test]
fn invented_logs_do_not_push_out_the_first_one() {
    let mut life = Life::new(RequestKind::Deposit);
    life.looks(5, 3);
    life.told(Fulfilment::DepositInitiated, 6);
    for head in 6..10 {
        life.looks(head, head - 1);
    }
    assert_eq!(life.case().served_by, None, "the state denied it");
    for index in 1..=100 {
        let invented = LogRef { index, ..log(12) };
        let (what, pool) = (Fulfilment::DepositInitiated, POOL);
        let log = invented;
        life.input(Input::Fulfilled { what, pool, log });
    }
    let says = |text: &str| life.case().history.iter().any(|e| e.text.as_str().contains(text));
    assert!(says("10 further logs say the same"), "{:?}", life.case().history);
    // the contract's state says so, too, where the others are not to be judged yet
    life.ready.clear();
    life.looks(10, 9);
    assert!(life.case().served_by.is_some_and(|by| by.log == Some(log(6))));
}

/// A deposit that names no pool serves whoever is at the head of the queue.
#[test]
fn a_log_that_is_believed_late_still_names_the_case_whose_transaction_it_was() {
    let mut life = Life::new(RequestKind::Deposit);
    life.ready.push(PoolId(2));
    life.looks(5, 3);
    life.input(Input::Requested {
        leaving: None,
        kind: RequestKind::Deposit,
        pool: PoolId(2),
        log: log(2),
    });
    let other = life.state.cases.keys().copied().find(|id| id.pool == PoolId(2));
    let action = ActionId {
        case: other.unwrap(),
        number: 1,
    };
    let proposal = fixture::proposal(ActionKind::SendDeposit);
    let of_other = [
        Record::ActionProposed {
            action,
            digest: proposal.digest(action),
            proposal: Box::new(proposal),
        },
        Record::TransactionSigned {
            action,
            transaction: SignedTransaction {
                raw: vec![1].into(),
                hash: log(6).transaction,
                nonce: 0,
                max_fee_wei: Default::default(),
                priority_fee_wei: Default::default(),
                gas_limit: 1,
            },
        },
    ];
    for record in of_other {
        life.state.apply(life.state.newest + 1, UnixMillis(0), &record);
        life.journal.push(record);
    }
    life.told(Fulfilment::DepositInitiated, 6);
    for head in 6..10 {
        life.looks(head, head - 1);
    }
    assert_eq!(
        life.case().served_by,
        None,
        "the state of one that lags denied it"
    );
    life.ready.clear();
    life.looks(10, 9);
    let by = |r: &Record| match r {
        Record::PoolServed { by, .. } => Some(*by),
        _ => None,
    };
    let by: Vec<_> = life.journal.iter().filter_map(by).collect();
    assert_eq!(by, [other, other]);
    let says = |text: &str| life.case().history.iter().any(|e| e.text.as_str().contains(text));
    assert!(!says("which is not in this journal"), "{:?}", life.case().history);
}
