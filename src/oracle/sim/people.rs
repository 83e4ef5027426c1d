//! People: they decide what was shown to them a while ago, at once with somebody else, twice, and not always sensibly.

use rand::Rng as _;
use rand::seq::SliceRandom as _;

use super::world::{POOLS, World};
use crate::oracle::*;
use crate::types::*;

impl World {
    pub(super) fn wish(&mut self, by: &str, wish: Wish) -> Result<SafeText, Refusal> {
        let by = SafeText::new(by);
        self.input(Input::Wish { by, wish })
            .expect("a wish has an answer")
    }

    /// One person does something.
    pub(super) fn somebody_acts(&mut self) {
        self.look_at_actions();
        let case = self
            .state
            .cases
            .keys()
            .copied()
            .collect::<Vec<_>>()
            .choose(&mut self.rng)
            .copied();
        let action = self
            .shown
            .keys()
            .copied()
            .collect::<Vec<_>>()
            .choose(&mut self.rng)
            .copied();
        match (self.rng.gen_range(0..20), case, action) {
            (0..7, _, Some(action)) => self.decide(action),
            (7..12, Some(case), _) => drop(self.wish("ann", Wish::Retry(case))),
            (12..14, ..) => {
                let doubtful = |c: &Case| doubtful_ceremony(&self.state, c).map(|(id, _)| id);
                let doubtful: Vec<_> = self.state.cases.values().filter_map(doubtful).collect();
                if let Some(request) = doubtful.choose(&mut self.rng).copied() {
                    let _ = self.wish("bob", Wish::DeclareLost(request));
                }
            }
            (14..16, ..) => {
                let case = case.filter(|_| self.rng.gen_bool(0.5));
                let paused = match case {
                    None => self.state.paused.is_some(),
                    Some(case) => self.state.cases[&case].paused.is_some(),
                };
                let wish = if paused {
                    Wish::Resume(case)
                } else {
                    Wish::Pause(case)
                };
                let _ = self.wish("ann", wish);
            }
            (16, ..) => {
                let pool = PoolId(self.rng.gen_range(1..=POOLS));
                let _ = self.wish("bob", Wish::Reshare(pool));
            }
            (17, _, Some(action)) => {
                let mut committee: Vec<_> = (1..=8).map(OperatorId).collect();
                committee.shuffle(&mut self.rng);
                committee.truncate(if self.rng.gen_bool(0.9) { 4 } else { 5 });
                let _ = self.wish("ann", Wish::SetCommittee { action, committee });
            }
            _ => {}
        }
    }

    /// What waits is seen by people, as it is now.
    fn look_at_actions(&mut self) {
        let proposed = self
            .state
            .actions
            .values()
            .filter(|a| a.state == ActionState::Proposed);
        let news: Vec<_> = proposed.map(|a| (a.id, a.digest)).collect();
        for (id, digest) in news {
            let seen = self.shown.entry(id).or_default();
            if seen.last() != Some(&digest) {
                seen.push(digest);
            }
        }
    }

    /// Two people decide at once, now and then, and what they saw may be out of date.
    fn decide(&mut self, action: ActionId) {
        let seen = self.shown[&action].clone();
        let Some(digest) = seen.choose(&mut self.rng).copied() else {
            return;
        };
        let phrase = self
            .state
            .actions
            .get(&action)
            .and_then(Action::phrase)
            .filter(|_| self.rng.gen_bool(0.9));
        let approve = Wish::Approve {
            action,
            digest,
            phrase,
        };
        let reason = SafeText::new("not today");
        let reject = Wish::Reject {
            action,
            digest,
            reason,
        };
        let (first, second) = if self.rng.gen_bool(0.8) {
            (approve, reject)
        } else {
            (reject, approve)
        };
        let process = self.process;
        let taken = self.wish("ann", first).is_ok();
        if self.process == process && self.rng.gen_bool(0.3) {
            let refused = self.wish("bob", second);
            assert!(
                !taken || refused.is_err(),
                "{action} was decided twice, and both were told that they did"
            );
        }
    }

    /// People who want everything to come to its end: they end pauses, take up what is halted and approve what they can.
    /// Whether anything was left for them to do.
    pub(super) fn everybody_helps(&mut self) -> bool {
        if self.state.paused.is_some() {
            return self.wish("ann", Wish::Resume(None)).is_ok();
        }
        let cases = self
            .state
            .cases
            .values()
            .filter(|c| !c.is_closed() && !c.orphaned);
        let wish = cases.clone().find_map(|case| {
            if case.paused.is_some() {
                return Some(Wish::Resume(Some(case.id)));
            }
            match &case.step {
                Step::Halted { .. } if !self.gave_up.contains(&case.id) => Some(Wish::Retry(case.id)),
                Step::DecideCeremony(id) | Step::DecideEffect(id) => {
                    let action = self.state.actions.get(id)?;
                    let digest = action.digest;
                    action.approvable().ok()?;
                    let phrase = action.phrase();
                    Some(Wish::Approve {
                        action: *id,
                        digest,
                        phrase,
                    })
                }
                _ => None,
            }
        });
        let Some(wish) = wish else { return false };
        if let Wish::Retry(case) = wish {
            // who tried often enough stops trying
            let tries = self.tries.entry(case).or_insert(0);
            *tries += 1;
            if *tries > 40 {
                self.gave_up.insert(case);
            }
        }
        self.wish("ann", wish).is_ok()
    }
}
