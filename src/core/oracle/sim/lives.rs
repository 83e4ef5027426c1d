//! Whole lives, one seed each: a while with every fault, then calm, in which everything must come to its end.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use rand::Rng as _;

use super::bugs::{Bug, plant};
use super::coverage::Coverage;
use super::world::World;
use crate::oracle::state::{KEPT, OVER};
use crate::oracle::*;
use crate::types::*;

/// Turns with faults in a life.
const TURNS: u32 = 260;

impl World {
    /// Something happens.
    fn turn(&mut self) {
        if self.book.reach != Reach::Followed && self.rng.gen_bool(0.2) {
            self.input(Input::Sight(Reach::Followed));
        }
        if self.rereads && self.rng.gen_bool(0.03) {
            self.rules_change();
        }
        match self.rng.gen_range(0..100) {
            0..5 => {
                self.request_or_withdraw();
                self.look();
            }
            5..19 => {
                match self.rng.gen_range(0..16) {
                    0 => {
                        let hash = Root(self.rng.r#gen());
                        self.strange_transaction(hash);
                    }
                    1..3 => self.reorganise(),
                    3 => self.false_log(),
                    _ => self.mine(),
                }
                // an endpoint may be behind
                if self.rng.gen_bool(0.8) {
                    self.look();
                }
            }
            19 => self.die(0),
            20..24 => drop(self.input(Input::Tick)),
            24 => {
                // true, false or repeated: it means nothing but that one may look
                for _ in 0..self.rng.gen_range(1..4) {
                    self.input(Input::BeaconMoved);
                }
            }
            25..32 => self.somebody_acts(),
            32 => {
                let ms = [500, 5_000, 90_000][self.rng.gen_range(0..3)];
                self.sleep(ms);
            }
            33 => match self.rng.gen_range(0..4) {
                0 => {
                    let process = self.process;
                    self.input(Input::Ends {
                        reason: SafeText::new("the intake has ended"),
                    });
                    if self.process == process {
                        self.input(Input::Stops);
                    }
                    if self.process == process {
                        self.die(0);
                    }
                }
                1 => self.outside.exits_from = self.now + self.rng.gen_range(0..90_000),
                2 => {
                    let reach = [Reach::Followed, Reach::Still, Reach::Lost][self.rng.gen_range(0..3)];
                    self.input(Input::Sight(reach));
                }
                3 if self.counts_by_day() => self.push_clock(),
                _ => {}
            },
            _ => self.perform_any(),
        }
    }

    fn counts_by_day(&self) -> bool {
        let rule = self.settings.policy.rules.first();
        rule.is_some_and(|rule| rule.max_per_day.is_some())
    }

    /// No more faults: everything that was requested must come to its end.
    fn settle(&mut self) {
        self.calm = true;
        self.outside.exits_from = 0;
        self.outside.lies.clear();
        self.rules_are_as_at_first();
        if self.mode == Mode::Observe {
            self.mode = Mode::Supervised;
            self.restart(0);
        }
        self.input(Input::Sight(Reach::Followed));
        for _ in 0..3_000 {
            if !self.goes_on() && self.is_settled() {
                return;
            }
        }
        let open = self
            .state
            .cases
            .values()
            .filter(|c| !c.is_closed() && !c.orphaned);
        let open: Vec<_> = open
            .map(|c| {
                let stays = ways::can_give_up(&self.state, c).err();
                (c.id, &c.step, self.state.waiting_reason(c.id), stays)
            })
            .collect();
        panic!("not at an end: {open:?}, queue {:?}", self.outside.chain.ready);
    }

    /// What is under way is done, then people do what they can, then a block comes. Whether there was anything to do.
    pub(super) fn goes_on(&mut self) -> bool {
        if !self.waiting.is_empty() || !self.answers.is_empty() {
            if let Some(effect) = self.waiting.pop_front() {
                self.perform(effect);
            }
            self.deliver();
            return true;
        }
        if self.everybody_helps() {
            return true;
        }
        self.mine();
        self.look();
        self.sleep(3_000);
        false
    }

    fn is_settled(&self) -> bool {
        let open = self
            .state
            .cases
            .values()
            .filter(|c| !c.is_closed() && !c.orphaned);
        open.count() == 0 && self.outside.chain.ready.is_empty()
    }
}

/// What a life was.
pub(super) struct Life {
    pub(super) steps: u64,
    pub(super) seen: Coverage,
    pub(super) looks: (u32, u32),
    pub(super) replaced: u32,
    /// Why people gave cases up.
    pub(super) given_up: Vec<&'static str>,
}

/// How many closed cases stay in memory, and how much of each case that is over, until it is dropped.
pub(super) struct Kept;

impl Kept {
    pub(super) fn at_most(closed: usize) -> Self {
        KEPT.set(closed);
        Self
    }

    /// In half of the lives so few that cases leave memory in them, and in half that parts of them do.
    fn of(seed: u64) -> Self {
        OVER.set(match seed % 8 {
            1 | 2 => 0,
            4 => 1,
            7 => 2,
            _ => OVER_KEPT,
        });
        Self::at_most(match seed % 8 {
            1 => 0,
            5 => 1,
            3 | 7 => 2,
            _ => CLOSED_KEPT,
        })
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        KEPT.set(CLOSED_KEPT);
        OVER.set(OVER_KEPT);
    }
}

/// Lives a life; panics where something does not hold.
pub(super) fn live(seed: u64, order: DepositOrder, aloud: bool) -> Life {
    let world = lived(seed, order, aloud);
    Life {
        steps: world.steps,
        given_up: world.given_up,
        looks: world.book.looks,
        replaced: world.book.replaced,
        seen: world.seen,
    }
}

fn lived(seed: u64, order: DepositOrder, aloud: bool) -> World {
    let _kept = Kept::of(seed);
    let mut world = World::new(seed, order, aloud);
    for _ in 0..TURNS {
        world.turn();
    }
    world.settle();
    world
        .book
        .at_the_end(&world.outside, &world.state, |request| world.key_made_by(request));
    world
}

/// What a life's journal holds in the end.
pub(in crate::oracle) fn records_of_a_life(seed: u64) -> Vec<Record> {
    lived(seed, DepositOrder::HeadOfQueue, false)
        .shadow
        .records()
        .collect()
}

/// The same, each record with its time.
pub(in crate::oracle) fn journal_of_a_life(seed: u64) -> Vec<(UnixMillis, Record)> {
    let life = lived(seed, DepositOrder::HeadOfQueue, false);
    life.shadow.journal().collect()
}

/// How many lives are lived: more, where the environment says so.
fn number_of_lives() -> u64 {
    number("CASIMIR_DKG_LIVES").unwrap_or(2_000)
}

fn number(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(
        text.parse()
            .unwrap_or_else(|_| panic!("{name} is a number, not {text}")),
    )
}

/// How a life is named: `17-by-order`, `17-by-id`.
fn name_of(seed: u64, order: DepositOrder) -> String {
    let order = match order {
        DepositOrder::HeadOfQueue => "by-order",
        DepositOrder::ById => "by-id",
    };
    format!("{seed}-{order}")
}

/// The life that the environment names, to be replayed; by a number alone it is the one by order.
fn life_to_replay() -> Option<(u64, DepositOrder)> {
    let name = std::env::var("CASIMIR_DKG_SEED").ok()?;
    let (seed, order) = name.split_once('-').unwrap_or((&name, "by-order"));
    let seed = seed.parse().ok();
    let order = match order {
        "by-order" => Some(DepositOrder::HeadOfQueue),
        "by-id" => Some(DepositOrder::ById),
        _ => None,
    };
    let life = seed.zip(order);
    Some(life.unwrap_or_else(|| panic!("CASIMIR_DKG_SEED is like 17-by-order or 17-by-id, not {name}")))
}

/// Replays the life that the environment names, in the test of its order. Whether there is one.
fn replays(order: DepositOrder) -> bool {
    let Some((seed, named)) = life_to_replay() else {
        return false;
    };
    if named == order {
        live(seed, order, true);
    }
    true
}

/// Names the lives that failed as they are replayed.
fn none_failed(failed: &[u64], order: DepositOrder) {
    let named: Vec<_> = failed
        .iter()
        .map(|seed| format!("CASIMIR_DKG_SEED={}", name_of(*seed, order)))
        .collect();
    assert!(
        named.is_empty(),
        "these lives fail, and each is replayed step by step by its name:\n{}",
        named.join("\n")
    );
}

/// Lives all of these, on every core; with a defect, where one is planted. The seeds that fail, in order.
fn live_all(
    seeds: u64,
    order: DepositOrder,
    bug: Option<Bug>,
    enough: impl Fn(u64) -> bool + Sync,
) -> (Vec<Life>, Vec<u64>) {
    let next = AtomicU64::new(0);
    let failing = AtomicU64::new(0);
    let work = || {
        plant(bug);
        let (mut lives, mut failed) = (Vec::new(), Vec::new());
        while !enough(failing.load(Ordering::Relaxed)) {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds {
                break;
            }
            match std::panic::catch_unwind(|| live(seed, order, false)) {
                Ok(life) => lives.push(life),
                Err(_) => {
                    failed.push(seed);
                    failing.fetch_add(1, Ordering::Relaxed);
                }
            }
        }
        (lives, failed)
    };
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..cores).map(|_| scope.spawn(work)).collect();
        let (mut lives, mut failed) = (Vec::new(), Vec::new());
        for thread in threads {
            let (some, bad) = thread.join().expect("a life's panic is caught");
            lives.extend(some);
            failed.extend(bad);
        }
        failed.sort_unstable();
        (lives, failed)
    })
}

/// The first seed of so many that finds a defect, near enough: cores do not wait for each other.
pub(super) fn first_failure(bug: Bug, order: DepositOrder, within: u64) -> Option<u64> {
    let (_, failed) = live_all(within, order, Some(bug), |failed| failed > 0);
    failed.first().copied()
}

/// F60.
#[allow(clippy::disallowed_macros, reason = "tells what was lived")]
#[test]
fn everything_comes_to_its_end_whatever_happens() {
    if replays(DepositOrder::HeadOfQueue) {
        return;
    }
    let began = Instant::now();
    let (lives, failed) = live_all(number_of_lives(), DepositOrder::HeadOfQueue, None, |failed| {
        failed >= 20
    });
    let steps: u64 = lives.iter().map(|life| life.steps).sum();
    let seconds = began.elapsed().as_secs_f64();
    println!(
        "{} lives, {steps} steps, {:.0} steps a second, {seconds:.1} s",
        lives.len(),
        steps as f64 / seconds
    );
    none_failed(&failed, DepositOrder::HeadOfQueue);
    let mut given_up = std::collections::BTreeMap::new();
    let reasons = lives.iter().flat_map(|life| &life.given_up);
    reasons.for_each(|why| *given_up.entry(*why).or_insert(0) += 1);
    println!("given up in the end: {given_up:?}");
    if lives.len() < 400 {
        // too few to have met everything
        return;
    }
    let looks = lives.iter().map(|life| life.looks);
    let looks = looks.fold((0, 0), |a, b| (a.0 + b.0, a.1 + b.1));
    assert!(
        looks.0 > 50 && looks.1 > 500,
        "validators were followed: {looks:?}"
    );
    let replaced: u32 = lives.iter().map(|life| life.replaced).sum();
    assert!(replaced > 50, "{replaced} transactions were replaced");
    let seen = lives
        .into_iter()
        .map(|life| life.seen)
        .fold(Coverage::default(), Coverage::with);
    seen.must_be_whole();
}

/// The same where deposits name their pools, and none waits for another.
#[test]
fn deposits_by_id_come_to_their_end_as_well() {
    if replays(DepositOrder::ById) {
        return;
    }
    let lives = number_of_lives() / 4;
    let (_, failed) = live_all(lives, DepositOrder::ById, None, |failed| failed >= 20);
    none_failed(&failed, DepositOrder::ById);
}
