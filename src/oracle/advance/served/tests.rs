//! What others did to a pool, final or taken back.

use crate::oracle::*;
use crate::types::*;

const POOL: PoolId = PoolId(1);

struct Life {
    state: State,
    journal: Vec<Record>,
    now: u64,
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
        };
        life.input(Input::Started);
        life.input(Input::Requested {
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
        let (output, _) = step(&mut self.state, Stamped { at, entropy, input });
        self.journal.extend(output.records);
    }

    /// Head and finality, and everything told up to there.
    fn looks(&mut self, head: u64, finalized: u64) {
        let facts = ChainFacts {
            head: Some(log(head).block),
            finalized: Some(log(finalized).block),
            ready: vec![POOL],
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
    life.looks(6, 5);
    let says = life.state.waiting_reason(life.case().id).map(ToString::to_string);
    assert!(says.is_some_and(|s| s.contains("block 6; waits for finality")));
    // finality is told with the head, before what left the chain is
    let facts = ChainFacts {
        head: Some(log(9).block),
        finalized: Some(log(8).block),
        ready: vec![POOL],
        ..ChainFacts::default()
    };
    life.input(Input::Facts(Box::new(facts)));
    assert!(!life.case().is_closed());
    life.restart();
    let (pool, log) = (POOL, log(6));
    life.input(Input::FulfilmentRemoved { what, pool, log });
    life.looks(9, 8);
    assert!(!life.case().is_closed() && life.case().served_by.is_none());
    // again, and it stays
    life.told(what, 10);
    life.looks(12, 10);
    assert!(life.case().is_closed());
}
