//! One exit case in a world without faults, whose beacon nodes answer what a test wants, when it wants it.

use std::collections::VecDeque;
use std::ops::{Deref, DerefMut};

use crate::oracle::sim::world::World;
use crate::oracle::*;
use crate::types::*;

pub(super) const CASE: CaseId = CaseId {
    kind: RequestKind::Exit,
    pool: PoolId(5),
    ordinal: 0,
};

pub(super) const KEY: BlsPublicKey = BlsPublicKey([205; 48]);

pub(super) const APPROVAL_MS: u64 = 3_600_000;

pub(super) struct Scene(World);

impl Deref for Scene {
    type Target = World;
    fn deref(&self) -> &World {
        &self.0
    }
}

impl DerefMut for Scene {
    fn deref_mut(&mut self) -> &mut World {
        &mut self.0
    }
}

fn verdict(answer: ExitAnswer, words: &str) -> ExitVerdict {
    ExitVerdict {
        node: SafeText::new("http://node"),
        answer,
        words: SafeText::new(words),
    }
}

impl Scene {
    pub(super) fn new() -> Self {
        let (mut world, _) = World::calm(CASE.kind);
        world.pace = 50;
        world.settings.approval_expires_ms = APPROVAL_MS;
        world.settings.look_up_every_ms = 4_000;
        world.restart(0);
        Self(world)
    }

    /// A scene whose validator was on its way out before anything was asked for, by a key that no case knows.
    pub(super) fn exiting_already() -> Self {
        let mut scene = Self::new();
        scene.is(ValidatorPhase::Exiting);
        scene.pass(10_000);
        scene.settle();
        scene
    }

    /// A scene whose exit is signed, approved, and on its way to the nodes for the first time.
    pub(super) fn publishing() -> (Self, ActionId) {
        let mut scene = Self::new();
        let action = scene.until_offered();
        (scene, action)
    }

    /// How far the validator really is from now on.
    pub(super) fn is(&mut self, phase: ValidatorPhase) {
        self.outside.phase = Some(phase);
    }

    pub(super) fn restart(&mut self) {
        self.0.restart(0);
    }

    pub(super) fn pass(&mut self, ms: u64) {
        self.sleep(ms);
    }

    pub(super) fn case(&self) -> &Case {
        &self.state.cases[&CASE]
    }

    pub(super) fn action(&self, id: ActionId) -> &ActionState {
        &self.state.actions[&id].state
    }

    pub(super) fn retry(&mut self) {
        self.command("ann", Command::Retry(CASE)).unwrap();
    }

    /// Performs everything but offers, which are left to the test.
    pub(super) fn settle(&mut self) {
        let mut offers = VecDeque::new();
        loop {
            match self.waiting.pop_front() {
                Some(offer @ Effect::PublishExit { .. }) => offers.push_back(offer),
                Some(other) => {
                    // who is asked meanwhile is still asked
                    self.waiting.extend(offers.drain(..));
                    self.perform(other);
                    self.deliver();
                }
                None => break,
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
        self.answer_in("in its own words", answers, standing);
    }

    /// The same in these words.
    pub(super) fn answer_in(&mut self, words: &str, answers: &[ExitAnswer], standing: ExitStanding) {
        let action = self.offering().expect("an exit is offered");
        let offer = self.waiting.pop_front().expect("it is under way");
        self.happen(&offer);
        let answer = Input::ExitPublished {
            action,
            verdicts: { answers.iter() }.map(|answer| verdict(*answer, words)).collect(),
            standing,
        };
        self.input(answer);
    }

    /// Approvals so far of a kind of action.
    pub(super) fn approvals(&self, kind: ActionKind) -> usize {
        let actions = self.state.actions.values();
        actions
            .filter(|a| a.proposal.kind == kind && a.was_approved())
            .count()
    }
}
