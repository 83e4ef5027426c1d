//! Whole lives of cases against a simulated chain, operators and people, from one seed each, with crashes, lost and
//! doubled answers, reorganisations and refusals. The core is pure, so a failing seed fails again.

mod answers;
mod chain;
mod checks;
mod world;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use alloy::primitives::{Address, Bytes, U256};
use rand::seq::SliceRandom as _;
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use super::*;
use crate::types::*;

use world::Outside;

const POOLS: u32 = 4;
const LOOK_UP_EVERY_MS: u64 = 12_000;

/// Blocks that a reorganisation may drop.
const FINAL_AFTER: u64 = 3;

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
        look_up_every_ms: LOOK_UP_EVERY_MS,
        ceremonies_at_once: 2,
        bump_after_ms: 3_000,
        ..fixture::settings()
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

/// How many lives a simulation lives: more, where the environment says so.
pub(super) fn lives() -> u64 {
    match std::env::var("CASIMIR_DKG_LIVES") {
        Ok(number) => number.parse().expect("CASIMIR_DKG_LIVES is a number"),
        Err(_) => 400,
    }
}

#[test]
fn deposits_are_served_once_and_in_order_whatever_happens() {
    let mut looks = (0, 0);
    let mut replaced = 0;
    for seed in 0..lives() {
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
