//! Whole lives of an exit, from one seed each: nodes that say anything, a person who retries and pauses, deaths of the
//! process, answers that are lost.

use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use super::world::{CASE, World};
use crate::oracle::*;
use crate::types::*;

struct Lives {
    world: World,
    rng: ChaCha8Rng,
    /// What the last answer bound the oracle to: nothing is offered before this time.
    not_before: u64,
    /// Bad signatures that were reported.
    bad: usize,
}

impl Lives {
    /// What nodes and state say, consistent with the world or not.
    fn standing(&mut self, root: Root) -> (Vec<ExitAnswer>, ExitStanding) {
        use ExitAnswer as A;
        let now = self.world.now;
        match self.rng.gen_range(0..9) {
            0 | 1 => (vec![A::Accepted, A::BadSignature], ExitStanding::Delivered),
            2 => (vec![A::NoAnswer, A::OutOfSync], ExitStanding::Unheard),
            3 => {
                let at = UnixMillis(now + self.rng.gen_range(1..500_000));
                (
                    vec![A::TooYoung, A::NotNow],
                    ExitStanding::TooEarly { epoch: 3, at },
                )
            }
            4 => (vec![A::NotActive], ExitStanding::NotActive),
            5 => (
                vec![A::BadSignature],
                ExitStanding::BadSignature { signing_root: root },
            ),
            6 => (vec![A::UnknownIndex], ExitStanding::UnknownIndex),
            7 => (vec![A::Other, A::FutureEpoch], ExitStanding::Refused),
            _ => {
                // somebody else published it
                self.world.phase = ValidatorPhase::Exiting;
                let phase = ValidatorPhase::Exiting;
                (vec![A::AlreadyExiting], ExitStanding::Exiting { phase })
            }
        }
    }

    fn offer(&mut self, lost: bool) {
        let Some(Effect::PublishExit { action, payload }) = self.world.waiting.pop_front() else {
            return;
        };
        let world = &mut self.world;
        assert!(world.now >= self.not_before, "offered before its time");
        assert!(
            !matches!(world.case().step, Step::Halted { .. }),
            "offered while it was set aside"
        );
        assert!(
            world.state.actions[&action].was_approved(),
            "offered without an approval"
        );
        let signing_root = payload.signing_root;
        world.happen(&Effect::PublishExit { action, payload });
        let (answers, standing) = self.standing(signing_root);
        if standing == ExitStanding::Delivered && self.rng.gen_bool(0.3) {
            self.world.phase = ValidatorPhase::Exiting;
        }
        if lost {
            // it left, and the process dies before it hears
            self.restart();
            return;
        }
        match &standing {
            ExitStanding::TooEarly { at, .. } => self.not_before = at.0,
            ExitStanding::BadSignature { .. } => {
                self.bad += 1;
                // the next one is over something else, so that the rule may sign it
                self.world.root.0[0] = self.world.root.0[0].wrapping_add(1);
            }
            _ => {}
        }
        let verdicts = answers.into_iter().map(super::world::verdict).collect();
        self.world.input(Input::ExitPublished {
            action,
            verdicts,
            standing,
        });
    }

    /// The process dies; what was under way may have happened.
    fn restart(&mut self) {
        for effect in std::mem::take(&mut self.world.waiting) {
            if self.rng.gen_bool(0.5) {
                self.world.happen(&effect);
            }
        }
        self.world.restart();
    }

    fn wish(&mut self, wish: Wish) {
        let by = SafeText::new("ann");
        // it may be refused
        let _ = self.world.input(Input::Wish { by, wish });
    }

    fn turn(&mut self) {
        match self.rng.gen_range(0..100) {
            0..3 => self.restart(),
            3..6 => {
                if matches!(self.world.case().step, Step::Halted { .. }) {
                    self.wish(Wish::Retry(CASE));
                }
            }
            6..9 if self.world.case().paused.is_some() => self.wish(Wish::Resume(Some(CASE))),
            6..8 => self.wish(Wish::Pause(Some(CASE))),
            9..30 => {
                let ms = self.rng.gen_range(1..30_000);
                self.world.pass(ms);
            }
            n => match self.world.waiting.front() {
                Some(Effect::PublishExit { .. }) => self.offer(n < 35),
                Some(_) => {
                    let effect = self.world.waiting.pop_front().unwrap();
                    self.world.perform(effect);
                }
                None => {
                    self.world.pass(1_000);
                }
            },
        }
        self.check();
    }

    fn check(&self) {
        let world = &self.world;
        assert!(
            world.started.values().all(|n| *n == 1),
            "a ceremony was started twice"
        );
        // one signature to begin with, and one more for each that was found bad, or whose start nobody knows of
        let failed = world
            .state
            .ceremonies
            .values()
            .filter(|c| matches!(c.ended, Some((_, Err(_)))))
            .count();
        let made = world.state.ceremonies.len();
        assert!(
            made <= 1 + self.bad + failed,
            "{made} ceremonies, {} found bad",
            self.bad
        );
        if world.case().step == Step::Follow {
            let lost = |a: &&Action| matches!(a.state, ActionState::Approved | ActionState::Executing);
            assert!(
                !world.state.actions.values().any(|a| lost(&a)),
                "an action is left behind"
            );
        }
    }

    /// No more faults: it must come to its end.
    fn end(&mut self) {
        self.wish(Wish::Resume(Some(CASE)));
        for _ in 0..5_000 {
            if self.world.case().is_closed() {
                return;
            }
            if self.world.case().step == Step::Follow {
                self.world.phase = ValidatorPhase::Withdrawn;
            }
            if matches!(self.world.case().step, Step::Halted { .. }) {
                self.wish(Wish::Retry(CASE));
            }
            match self.world.offering() {
                Some(_) => {
                    self.world
                        .answer(&[ExitAnswer::Accepted], ExitStanding::Delivered);
                    self.world.phase = ValidatorPhase::Exiting;
                }
                None => self.world.pass(3_000),
            }
            self.check();
        }
        panic!("not at an end: {:?}", self.world.case().step);
    }
}

#[test]
fn an_exit_comes_to_its_end_whatever_the_nodes_say() {
    let mut seen = std::collections::HashSet::new();
    for seed in 0..crate::oracle::simulation::lives() {
        let outcome = std::panic::catch_unwind(|| {
            let mut lives = Lives {
                world: World::new(),
                rng: ChaCha8Rng::seed_from_u64(seed),
                not_before: 0,
                bad: 0,
            };
            for _ in 0..300 {
                lives.turn();
                if lives.world.case().step == Step::Follow {
                    break;
                }
            }
            lives.end();
            lives.world.journal
        });
        let journal = outcome.unwrap_or_else(|_| panic!("seed {seed} fails"));
        for (_, record) in journal {
            if let Record::ExitPublished {
                standing: Some(standing),
                ..
            } = record
            {
                seen.insert(std::mem::discriminant(&standing));
            }
        }
    }
    assert_eq!(seen.len(), 8, "not every outcome was met");
}
