//! Deposits one after the other through the core, into a journal, with a world that does everything at once.

use std::collections::VecDeque;
use std::path::Path;
use std::time::{Duration, Instant};

use alloy::primitives::U256;
use casimir_dkg::journal::{Anchor, Journal, JournalError, JournalOptions, NewRecord};
use casimir_dkg::oracle::{
    AccountFacts, ActionKind, Backend, Case, ChainFacts, Effect, Forecast, Input, Mode, Policy, Prepared,
    Record, Rule, Settings, Sighting, Stamped, State, ValidatorPhase, step,
};
use casimir_dkg::types::{
    BackendName, BlockRef, CeremonyPlan, DepositOrder, LogRef, NonceStatus, PoolId, RequestKind, SafeText,
    UnixMillis,
};
use serde::{Deserialize, Serialize};

use crate::template::{Template, root};

/// So many lots of so many pools each are measured behind those that are closed.
pub(crate) const MEASURED: (u32, u32) = (25, 2);
/// A pool is deposited this often, ms: some 300 in the fourteen days in which work counts as recent.
const EVERY_MS: u64 = 3_600_000;

/// Of the pools behind the others: the median of all lots.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Played {
    pub(crate) step_us: f64,
    pub(crate) append_us: f64,
    pub(crate) journal_mib: f64,
}

/// The file that is played into.
pub(crate) fn journal(folder: &Path) -> JournalOptions {
    JournalOptions::at(folder.join("journal.sqlite"))
}

/// Mode auto, and one rule for everything.
pub(crate) fn settings() -> Settings {
    let rule = Rule {
        name: SafeText::new("all"),
        kinds: vec![ActionKind::Keygen, ActionKind::SendDeposit],
        pools: None,
        max_fee_wei: Some(U256::MAX),
        max_per_day: None,
        max_attempts: 9,
        other_committees: 0,
        // the run that the proposals are of had one endpoint
        unknown_ok: vec!["endpoints-agree".to_owned()],
    };
    Settings {
        mode: Mode::Auto,
        policy: Policy {
            rules: vec![rule],
            ..Policy::default()
        },
        owner: Template::read().payload().to,
        deposit_order: DepositOrder::HeadOfQueue,
        backend: Backend {
            name: BackendName::default(),
            renews_registrations: Ok(()),
        },
        follows_beacon: true,
        look_up_every_ms: 60_000,
        ceremonies_at_once: 4,
        refresh_every_ms: 15_000,
        approval_expires_ms: 3_600_000,
        bump_after_ms: 180_000,
    }
}

/// What the contract and the account are like at a block, with these pools closed and as many open.
pub(crate) fn facts(
    block: u64,
    closed: u32,
    open: u32,
    account: casimir_dkg::oracle::AccountFacts,
) -> ChainFacts {
    ChainFacts {
        head: Some(at(block)),
        listed: Default::default(),
        finalized: Some(at(block)),
        base_fee_wei: U256::from(7),
        ready: (closed + 1..=closed + open).map(PoolId).collect(),
        pending: Vec::new(),
        staked: (1..=closed).map(PoolId).collect(),
        owner_nonce: Some(u64::from(closed)),
        account: Some(account),
        one_voice: None,
        account_one_voice: None,
    }
}

fn at(number: u64) -> BlockRef {
    BlockRef {
        number,
        hash: root(number),
    }
}

/// Plays until so many are closed and measures the next ones; what is open stays open.
pub(crate) fn play(folder: &Path, closed: u32, open: u32) -> Played {
    let options = journal(folder);
    let (journal, _) =
        Journal::open(&options, Anchor::BEGINNING, |_| Ok::<_, JournalError>(())).expect("a new journal");
    let mut play = Play {
        state: State::new(settings()),
        journal,
        template: Template::read(),
        open,
        closed: 0,
        block: 100,
        now: 1_700_000_000_000,
        drawn: 0,
        effects: VecDeque::new(),
        rows: Vec::new(),
        measured: None,
    };
    play.begin();
    while play.closed < closed {
        play.pool();
        // one commit a pool: nothing is measured here
        play.append();
    }
    let (lots, lot) = MEASURED;
    let mut means = (Vec::new(), Vec::new());
    for _ in 0..lots {
        play.measured = Some(Measured::default());
        (0..lot).for_each(|_| play.pool());
        let measured = play.measured.take().unwrap_or_default();
        means.0.push(measured.steps.mean_us());
        means.1.push(measured.appends.mean_us());
    }
    let size = std::fs::metadata(&options.path).map_or(0, |file| file.len());
    Played {
        step_us: median(means.0),
        append_us: median(means.1),
        journal_mib: size as f64 / f64::from(1 << 20),
    }
}

pub(crate) fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

#[derive(Debug, Default)]
struct Mean {
    sum: Duration,
    count: u32,
}

impl Mean {
    fn add(&mut self, time: Duration) {
        self.sum += time;
        self.count += 1;
    }

    fn mean_us(&self) -> f64 {
        self.sum.as_secs_f64() * 1e6 / f64::from(self.count.max(1))
    }
}

#[derive(Debug, Default)]
struct Measured {
    steps: Mean,
    appends: Mean,
}

struct Play {
    state: State,
    journal: Journal,
    template: Template,
    open: u32,
    closed: u32,
    block: u64,
    now: u64,
    drawn: u64,
    effects: VecDeque<Effect>,
    rows: Vec<NewRecord>,
    measured: Option<Measured>,
}

impl Play {
    fn begin(&mut self) {
        let finalized = Some(at(self.block));
        self.give(Input::Started);
        self.give(Input::CaughtUp { finalized });
        (1..=self.open).for_each(|pool| self.requested(PoolId(pool)));
    }

    /// The pool at the head of the queue gets its deposit, and another one comes.
    fn pool(&mut self) {
        self.now += EVERY_MS;
        self.block += 300;
        self.requested(PoolId(self.closed + self.open + 1));
        self.look();
        self.settle();
        self.closed += 1;
        let open = self.state.cases.values().filter(|case| !case.is_closed());
        let waits = |case: &Case| {
            (
                case.id,
                case.step.clone(),
                self.state.waiting_reason(case.id).cloned(),
            )
        };
        let open: Vec<_> = open.map(waits).collect();
        assert_eq!(
            open.len(),
            self.open as usize,
            "behind pool {}: {open:?}",
            self.closed
        );
    }

    fn look(&mut self) {
        let next = u64::from(self.closed);
        let account = AccountFacts {
            address: self.template.payload().from,
            next,
            pending: next,
            balance_wei: U256::from(10).pow(U256::from(18)),
            is_open: false,
        };
        let mut facts = facts(self.block, self.closed, self.open, account);
        facts.ready.push(PoolId(self.closed + self.open + 1));
        self.give(Input::Facts(Box::new(facts)));
        self.give(Input::EventsRead {
            upto: at(self.block),
            told: false,
        });
    }

    fn requested(&mut self, pool: PoolId) {
        let log = LogRef {
            block: at(self.block),
            transaction: root(u64::from(pool.0)),
            index: 0,
        };
        let kind = RequestKind::Deposit;
        self.give(Input::Requested {
            kind,
            pool,
            log,
            leaving: None,
        });
    }

    fn give(&mut self, input: Input) {
        let at = UnixMillis(self.now);
        self.drawn += 1;
        let mut entropy = [0; 24];
        entropy[..8].copy_from_slice(&self.drawn.to_be_bytes());
        let begun = Instant::now();
        let (output, _) = step(
            &mut self.state,
            Stamped {
                at,
                up_ms: at.0,
                entropy,
                input,
            },
        );
        if let Some(measured) = &mut self.measured {
            measured.steps.add(begun.elapsed());
        }
        let state = &self.state;
        let rows = output.records.iter().map(|record| row(at, record, state));
        self.rows.extend(rows);
        self.effects.extend(output.effects);
        if self.measured.is_some() {
            self.append();
        }
    }

    fn append(&mut self) {
        if self.rows.is_empty() {
            return;
        }
        let begun = Instant::now();
        self.journal.append(&self.rows).expect("it is written");
        if let Some(measured) = &mut self.measured {
            measured.appends.add(begun.elapsed());
        }
        self.rows.clear();
    }

    fn settle(&mut self) {
        while let Some(effect) = self.effects.pop_front() {
            self.now += 100;
            let answer = self.answer(effect);
            self.give(answer);
        }
    }

    fn answer(&self, effect: Effect) -> Input {
        match effect {
            Effect::Prepare {
                case, purpose, draft, ..
            } => Input::Prepared {
                case,
                purpose,
                outcome: Prepared::Proposal(Box::new(self.template.proposal(draft.kind()))),
            },
            Effect::RunCeremony {
                case, request, plan, ..
            } => {
                let success = match plan {
                    CeremonyPlan::Keygen { .. } => self.template.made(case.pool),
                    _ => self.template.registered(),
                };
                Input::CeremonyEnded {
                    request,
                    outcome: Ok(Box::new(success)),
                    transcript: Some((SafeText::new(&format!("{request}.json")), root(self.drawn))),
                }
            }
            Effect::Sign { action, nonce, .. } => Input::Signed {
                action,
                outcome: Ok(self.template.signed(nonce)),
            },
            Effect::Send { action, .. } => Input::Sent {
                action,
                outcome: Ok(()),
            },
            Effect::Inspect { action, hashes, .. } => Input::Inspected {
                action,
                status: Some(NonceStatus::Included {
                    hash: hashes[0],
                    block: at(self.block),
                    success: true,
                    reason: None,
                    fee_paid_wei: U256::from(1_000),
                    served: Some(action.case.pool),
                    is_final: true,
                    overtaken: false,
                }),
            },
            Effect::LookUpValidator { case, validator, .. } => Input::ValidatorSeen {
                case,
                validator,
                seen: Some(Sighting {
                    phase: ValidatorPhase::Active,
                    since: None,
                    index: Some(u64::from(case.pool.0)),
                    by_state: Forecast::default(),
                    by_rules: None,
                }),
            },
            Effect::PublishExit { .. } => unreachable!("nobody leaves"),
        }
    }
}

/// As the engine writes it.
fn row(at: UnixMillis, record: &Record, state: &State) -> NewRecord {
    let case = state.case_of(record).map(|case| case.to_string());
    let begun = match record {
        Record::CeremonyStarted { request, .. } => Some(request.to_string()),
        _ => None,
    };
    NewRecord {
        at,
        kind: record.kind(),
        body: serde_json::to_string(record).expect("plain data"),
        subjects: case.into_iter().chain(begun).collect(),
    }
}
