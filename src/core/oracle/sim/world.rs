//! A process and the world around it: inputs go in, records are kept, effects wait to be performed. The process may die
//! between any two records.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use super::book::Book;
use super::bugs::{Bug, is_planted};
use super::coverage::Coverage;
use super::replay;
use super::truth::{Adapters, Event, Outside};
use crate::oracle::state::OVER;
use crate::oracle::state::shadow::Shadow;
use crate::oracle::*;
use crate::types::*;

pub(super) const POOLS: u32 = 6;
/// Pools from this one on are staked before the life begins.
const STAKED_FROM: u32 = 5;
const APPROVAL_MS: u64 = 60_000;
/// Lives before this one have a twin.
const ALL_WITH_TWINS: u64 = 160;

pub(super) struct World {
    pub(super) rng: ChaCha8Rng,
    pub(super) outside: Outside,
    pub(super) state: State,
    pub(super) shadow: Shadow,
    /// The same process with a memory that keeps every part of a case, which looks at every case in each step: in the first
    /// lives, by which planted defects are found, and in every eighth eight of the others. Eight are of all kinds.
    twin: Option<State>,
    /// Whether every way that is shown is tried on a copy: in the first lives, and in every third eight of the others, since
    /// it takes a third of a life's time. Else the first few are.
    pub(super) tries_all_ways: bool,
    pub(super) book: Book,
    pub(super) seen: Coverage,
    /// Effects that were asked for, and answers that are under way.
    pub(super) waiting: VecDeque<Effect>,
    pub(super) answers: VecDeque<Input>,
    pub(super) now: u64,
    /// By how much the wall clock was set forward, ms.
    pub(super) pushed: u64,
    /// No faults any more.
    pub(super) calm: bool,
    /// The process dies once so many records are durable, and whether what was under way then happens.
    pub(super) death: Option<(usize, bool)>,
    /// Processes so far.
    pub(super) process: u32,
    pub(super) steps: u64,
    /// Records that are durable.
    pub(super) records: usize,
    /// Events that the process was told, and its journal holds.
    pub(super) told: Vec<Event>,
    /// Events that the journal holds by the word of whichever process, and that none was told to be gone since.
    pub(super) journaled: Vec<Event>,
    /// The event that it is being told, or that is taken back.
    pub(super) telling: Option<(Event, bool)>,
    pub(super) mode: Mode,
    /// What each process is told, but for its mode.
    pub(super) settings: Settings,
    /// The most that passes from one input to the next, ms.
    pub(super) pace: u64,
    /// What the desk was told of exits to sign: one that was found bad, and why the last one failed.
    pub(super) drafts: Vec<(Option<BadExit>, Option<SafeText>)>,
    /// Digests that people have seen.
    pub(super) shown: BTreeMap<ActionId, Vec<Root>>,
    /// Cases that people tried to take up again, and how often.
    pub(super) tries: BTreeMap<CaseId, u32>,
    /// At which height it was tried last: nothing is different before the next block.
    pub(super) tried_at: BTreeMap<CaseId, u64>,
    /// Why people gave cases up in the end.
    pub(super) given_up: Vec<&'static str>,
    /// Where cases stood when somebody last asked who could move them.
    pub(super) stood: BTreeMap<CaseId, (u64, &'static str)>,
    /// How often the ways were tried of a kind of case that stands at this.
    pub(super) tried: BTreeMap<(RequestKind, &'static str), u32>,
    /// People switch modes, sign elsewhere, and some things take two of them: in every fourth life, so that the others
    /// have time for everything else.
    pub(super) various: bool,
    /// Ceremonies take long, and much happens meanwhile: in those lives in which nothing that is closed stays in memory.
    pub(super) slow: bool,
    /// People change the file of rules, and the process reads it anew.
    pub(super) rereads: bool,
    /// What the file said at first.
    first: Policy,
    /// One committee is configured, SSV takes nothing of one of its operators, and a rule may choose others.
    pub(super) bound: bool,
    /// One endpoint alone says so, for ever.
    pub(super) one_voice: bool,
    /// Every step is printed.
    pub(super) aloud: bool,
}

impl World {
    pub(super) fn new(seed: u64, order: DepositOrder, aloud: bool) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mode = if rng.gen_bool(0.7) {
            Mode::Auto
        } else {
            Mode::Supervised
        };
        let max_fee = if rng.gen_bool(0.5) { 5_000 } else { 50_000 };
        let mut world = Self::at_rest(rng, mode, max_fee);
        world.aloud = aloud;
        world.outside.adapters = Adapters {
            asks: world.rng.gen_bool(0.6),
            reshares: if world.rng.gen_bool(0.5) { 3 } else { usize::MAX },
            by_id: order == DepositOrder::ById,
            registers_with_key: world.rng.gen_bool(0.3),
            one_voice: world.rng.gen_bool(0.2),
        };
        if world.rng.gen_bool(0.2) {
            // the account has a past
            world.outside.chain.account_nonce = 5;
            world
                .outside
                .older
                .iter_mut()
                .for_each(|chain| chain.account_nonce = 5);
        }
        world.settings.ceremonies_at_once = [1, 2, 100][world.rng.gen_range(0..3)];
        world.settings.deposit_order = order;
        if world.settings.ceremonies_at_once == 1 && max_fee > 5_000 {
            world.settings.policy.rules[0].max_per_day = Some(3);
        }
        world.various = seed.is_multiple_of(4);
        world.slow = seed % 8 == 1;
        world.bound = seed % 8 == 6;
        if world.bound {
            let rule = &mut world.settings.policy.rules[0];
            (rule.max_attempts, rule.other_committees) = (2, 2);
        }
        if world.various {
            world.settings.policy.two_persons.push(TwoPersons {
                kinds: vec![
                    ActionKind::SendReshare,
                    ActionKind::SendDeposit,
                    ActionKind::BroadcastExit,
                ],
                at_least_wei: None,
                personal_keys: false,
            });
            let (name, uid, key) = ("bob".into(), None, PersonKey([2; 32]));
            world.settings.policy.persons.push(Person { name, uid, key });
        }
        world.rereads = matches!(seed % 8, 0 | 5);
        world.first = world.settings.policy.clone();
        let mode = world.mode;
        world.state.settings = Settings {
            mode,
            ..world.settings.clone()
        };
        world.tries_all_ways = seed < ALL_WITH_TWINS || (seed / 8).is_multiple_of(3);
        if seed < ALL_WITH_TWINS || (seed / 8).is_multiple_of(8) {
            world.twin = Some(world.state.clone());
        }
        world.begin();
        world
    }

    /// A world without faults, in which every rule applies and one request was made.
    pub(super) fn calm(kind: RequestKind) -> (Self, CaseId) {
        let mut world = Self::at_rest(ChaCha8Rng::seed_from_u64(7), Mode::Auto, 50_000);
        world.calm = true;
        // its time stands for what nobody waits for: what is sent once more is the very same
        world.settings.bump_after_ms = u64::MAX;
        world.state.settings.bump_after_ms = u64::MAX;
        world.begin();
        let pool = PoolId(if kind == RequestKind::Deposit {
            1
        } else {
            STAKED_FROM
        });
        world.request(kind, pool);
        world.look();
        let ordinal = 0;
        (world, CaseId { kind, pool, ordinal })
    }

    fn at_rest(rng: ChaCha8Rng, mode: Mode, max_fee: u64) -> Self {
        let mut outside = Outside {
            base_fee: 7,
            exit_root: 1,
            ..Outside::default()
        };
        outside.chain.height = 20;
        for pool in STAKED_FROM..=POOLS {
            let key = BlsPublicKey([200 + pool as u8; 48]);
            outside.chain.keys.insert(PoolId(pool), key);
            outside.chain.since.insert(key, 1);
            outside.chain.staked.insert(PoolId(pool));
        }
        (0..3).for_each(|_| outside.grow());
        Self {
            rng,
            outside,
            state: State::new(settings(mode, max_fee)),
            shadow: Shadow::default(),
            twin: None,
            tries_all_ways: true,
            book: Book::default(),
            seen: Coverage::default(),
            waiting: VecDeque::new(),
            answers: VecDeque::new(),
            now: 1_000_000,
            pushed: 0,
            calm: false,
            death: None,
            process: 0,
            steps: 0,
            records: 0,
            told: Vec::new(),
            journaled: Vec::new(),
            telling: None,
            mode,
            settings: settings(mode, max_fee),
            pace: 400,
            drafts: Vec::new(),
            shown: BTreeMap::new(),
            tries: BTreeMap::new(),
            tried_at: BTreeMap::new(),
            given_up: Vec::new(),
            stood: BTreeMap::new(),
            tried: BTreeMap::new(),
            various: false,
            slow: false,
            rereads: false,
            first: Policy::default(),
            bound: false,
            one_voice: false,
            aloud: false,
        }
    }

    /// The journal holds that an event was told, or was taken back.
    fn holds(&mut self, event: Event, removed: bool) {
        for events in [&mut self.told, &mut self.journaled] {
            events.retain(|known| *known != event);
            events.extend((!removed).then_some(event));
        }
    }

    /// One input, and everything that must hold after it.
    pub(super) fn input(&mut self, input: Input) -> CommandReply {
        self.now += self.rng.gen_range(1..self.pace);
        let mut entropy = [0; 24];
        self.rng.fill(&mut entropy);
        let at = UnixMillis(self.now);
        self.steps += 1;
        self.seen.input(&input);
        let up_ms = self.now - self.pushed;
        self.book.up_ms = up_ms;
        self.book.told(at, &input);
        if self.aloud {
            replay::input(self.steps, at, &input);
        }
        let stamped = Stamped {
            at,
            up_ms,
            entropy,
            input,
        };
        let twins = self.twin.as_mut().map(|twin| {
            with_all(|| {
                twin.volatile.agenda.mark_all();
                step(twin, stamped.clone())
            })
        });
        let (output, reply) = step(&mut self.state, stamped);
        if let Some(twins) = twins {
            self.is_as_its_twin((&output, &reply), (&twins.0, &twins.1));
        }
        let Output { records, effects } = output;
        if records.is_empty() {
            assert_eq!(
                self.state.newest, self.records as u64,
                "a record is not in the journal"
            );
        } else {
            self.shadow.follow(&self.state, at, &records);
        }
        let (kept, dies) = self.durable_of(records.len());
        for record in &records[..kept] {
            self.seen.record(record);
            self.book.record(&self.outside, &self.state, at, record);
        }
        self.records += kept;
        if self.aloud {
            replay::output(&records, kept, &effects, dies, reply.as_ref());
        }
        if let Some((event, removed)) = self.telling.take().filter(|_| !dies || kept > 0) {
            self.holds(event, removed);
        }
        if is_planted(Bug::EffectFirst) && dies {
            effects.iter().for_each(|effect| self.happen(effect));
        }
        if dies {
            self.die(records.len() - kept);
            return reply;
        }
        for effect in &effects {
            self.seen.effect(effect);
            assert_eq!(violated(&self.state, effect), None, "{}", effect.name());
            self.book.effect(&self.state, at, effect);
        }
        self.waiting.extend(effects);
        self.book.takes_to_wait(&self.state, at);
        self.book
            .must_hold(&self.state, &self.outside, at, &self.waiting, &self.answers);
        self.check_ways();
        reply
    }

    /// The twin, which kept everything and looked at every case, did the same and knows the same.
    fn is_as_its_twin(&self, own: (&Output, &CommandReply), twins: (&Output, &CommandReply)) {
        let Some(twin) = &self.twin else { return };
        assert_eq!(
            own.0, twins.0,
            "what left memory, or was not looked at, was decided on"
        );
        // a refusal may name what left memory
        let is_taken = |reply: &CommandReply| reply.as_ref().map(Result::is_ok);
        assert_eq!(
            is_taken(own.1),
            is_taken(twins.1),
            "a command was taken otherwise"
        );
        assert!(
            twin.volatile == self.state.volatile,
            "what was not looked at had changed: {:?}\n{:?}",
            twin.volatile,
            self.state.volatile
        );
        let stale = self.state.stale_checks();
        assert_eq!(stale, twin.stale_checks(), "checks faded unnoticed");
    }

    /// The shell has records of its own, before the first input.
    fn shell_records(&mut self, record: Record) {
        let at = UnixMillis(self.now);
        self.state.apply(self.state.newest + 1, at, &record);
        if let Some(twin) = &mut self.twin {
            with_all(|| twin.apply(twin.newest + 1, at, &record));
        }
        self.shadow.follow(&self.state, at, std::slice::from_ref(&record));
        self.records += 1;
        self.seen.record(&record);
        if self.aloud {
            replay::output(std::slice::from_ref(&record), 1, &[], false, None);
        }
    }

    /// Somebody changes the file of rules, and the process reads it anew: whom rules spare, what takes two people, whose
    /// keys count, what a rule may spend, and how long an approval can be taken back.
    pub(super) fn rules_change(&mut self) {
        let mut policy = self.first.clone();
        let rng = &mut self.rng;
        if rng.gen_bool(0.2) {
            policy.rules.clear();
        }
        for rule in &mut policy.rules {
            let max_fee = [5_000, 50_000][rng.gen_range(0..2)];
            rule.max_fee_wei = Some(alloy::primitives::U256::from(max_fee));
            rule.max_attempts = [1, 50][rng.gen_range(0..2)];
            if rng.gen_bool(0.3) {
                rule.kinds.retain(|kind| kind.family() == Family::Ceremony);
            }
        }
        if rng.gen_bool(0.3) {
            policy.persons.clear();
        }
        policy.two_persons.clear();
        if rng.gen_bool(0.5) {
            policy.two_persons.push(TwoPersons {
                kinds: ActionKind::ALL.to_vec(),
                at_least_wei: None,
                personal_keys: rng.gen_bool(0.2),
            });
        }
        for kind in ActionKind::ALL {
            let window = [Duration::ZERO, UNDO, 10 * UNDO][rng.gen_range(0..3)];
            policy.undo.set(*kind, window);
        }
        self.read_rules(policy);
    }

    /// The file says again what it said at first.
    pub(super) fn rules_are_as_at_first(&mut self) {
        if self.rereads {
            self.read_rules(self.first.clone());
        }
    }

    /// As the engine does it on SIGHUP.
    fn read_rules(&mut self, policy: Policy) {
        self.settings.policy.clone_from(&policy);
        if let Some(twin) = &mut self.twin {
            twin.rule_by(policy.clone());
        }
        let text = SafeText::new(&format!("the policy was read anew: {} rules", policy.rules.len()));
        self.state.rule_by(policy);
        self.shell_records(Record::Note { case: None, text });
    }

    /// How many of the records of a step become durable, and whether the process dies then (F05, F06).
    fn durable_of(&mut self, made: usize) -> (usize, bool) {
        let planned = self.death.and_then(|(at, _)| at.checked_sub(self.records));
        match planned {
            Some(left) if left <= made => (left, true),
            None if !self.calm && made > 0 && self.rng.gen_bool(0.01) => (self.rng.gen_range(0..=made), true),
            _ => (made, false),
        }
    }

    /// The process dies, and the newest records of its last step with it (F02, F03, F04, F58). What was under way may have
    /// happened.
    pub(super) fn die(&mut self, lost: usize) {
        while let Some(effect) = self.waiting.pop_front() {
            let happens = self
                .death
                .map_or_else(|| self.rng.gen_bool(0.5), |(_, happens)| happens);
            if happens {
                self.happen(&effect);
            }
        }
        self.death = None;
        self.restart(lost);
    }

    pub(super) fn restart(&mut self, lost: usize) {
        self.waiting.clear();
        self.answers.clear();
        let whole = self.shadow.restart(&self.state);
        let durable = if lost == 0 { whole } else { self.shadow.lose(lost) };
        if !self.calm && self.rng.gen_bool(0.15) {
            let max_fee = [5_000, 50_000][self.rng.gen_range(0..2)];
            if let Some(rule) = self.settings.policy.rules.first_mut() {
                rule.max_fee_wei = Some(alloy::primitives::U256::from(max_fee));
            }
            self.mode = [Mode::Auto, Mode::Supervised, Mode::Observe][self.rng.gen_range(0..3)];
        }
        let settings = Settings {
            mode: self.mode,
            ..self.settings.clone()
        };
        self.twin = self.twin.is_some().then(|| {
            let whole = with_all(|| self.shadow.folded());
            State::restored(settings.clone(), whole)
        });
        self.state = State::restored(settings, durable);
        self.process += 1;
        self.book.restarted(&self.state);
        if self.aloud {
            replay::restarted(self.process, self.mode);
        }
        self.begin();
    }

    fn begin(&mut self) {
        self.read_on();
        if self.process == 0 {
            self.shell_records(Record::JournalKeyed {
                key: JournalKey([7; 32]),
                by: None,
                reason: None,
                former: None,
            });
        }
        if self.process == 0 && !self.calm && self.rng.gen_bool(0.2) {
            let cursor = Some(self.outside.chain.at()).filter(|_| self.rng.gen_bool(0.5));
            self.shell_records(Record::JournalUpgraded { from: 1, cursor });
        }
        self.shell_records(Record::EngineStarted {
            version: "1".to_owned(),
            network: SafeText::new("simulated"),
            mode: self.state.mode(),
            configured: Some(self.mode).filter(|mode| *mode != self.state.mode()),
            speaks: None,
            serves: None,
        });
        let process = self.process;
        self.input(Input::Started);
        if self.process == process {
            self.look();
        }
    }

    /// The chain is looked at: its state, and what was said since.
    pub(super) fn look(&mut self) {
        let process = self.process;
        if self.rng.gen_bool(0.5) {
            self.facts();
            if self.process == process {
                self.read_events();
            }
        } else {
            self.read_events();
            if self.process == process {
                self.facts();
            }
        }
    }

    /// Somebody sets the wall clock forward by 25 hours, or back again where no time of the chain was told meanwhile:
    /// here the chain's time is the wall clock's.
    pub(super) fn push_clock(&mut self) {
        const BY_MS: u64 = 25 * 3_600_000;
        let told = self.state.cases.values().any(|c| c.offers.deferred.is_some());
        if self.pushed == 0 {
            self.pushed = BY_MS;
            self.sleep(BY_MS);
        } else if !told && self.answers.is_empty() && self.outside.exits_from < self.now {
            self.pushed = 0;
            self.outside.exits_from = 0;
            self.now -= BY_MS;
            self.input(Input::Tick);
        }
    }

    /// Time passes while everything stands still, as on a machine that was suspended.
    pub(super) fn sleep(&mut self, ms: u64) {
        self.now += ms;
        self.input(Input::Tick);
    }
}

/// Does it with a memory that keeps every part of a case.
fn with_all<T>(work: impl FnOnce() -> T) -> T {
    let kept = OVER.replace(usize::MAX);
    let done = work();
    OVER.set(kept);
    done
}

/// How long a person's approval of a deposit or an exit waits.
const UNDO: Duration = Duration::from_secs(2);

fn settings(mode: Mode, max_fee: u64) -> Settings {
    let mut settings = fixture::settings();
    settings.policy.undo.set(ActionKind::SendDeposit, UNDO);
    settings.policy.undo.set(ActionKind::BroadcastExit, UNDO);
    let rule = &mut settings.policy.rules[0];
    rule.max_attempts = 50;
    rule.max_fee_wei = Some(alloy::primitives::U256::from(max_fee));
    rule.unknown_ok = vec!["endpoints-agree".to_owned(), NEW_SIGNING_ROOT.to_owned()];
    Settings {
        mode,
        look_up_every_ms: 12_000,
        approval_expires_ms: APPROVAL_MS,
        bump_after_ms: 3_000,
        ..settings
    }
}
