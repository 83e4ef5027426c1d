//! The beacon chain: validators, exits, and what nodes say of both.

use rand::Rng as _;

use super::world::World;
use crate::oracle::*;
use crate::types::*;

const EPOCH_MS: u64 = 1_000;

fn moment(epoch: u64) -> Option<Moment> {
    let at = UnixMillis(epoch * EPOCH_MS);
    Some(Moment { epoch, at })
}

impl World {
    /// How far a validator is at this block.
    pub(super) fn phase_at(&self, key: &BlsPublicKey, block: u64) -> ValidatorPhase {
        if let Some(phase) = self.outside.phase {
            return phase;
        }
        if let Some(age) = self.outside.exits.get(key).and_then(|at| block.checked_sub(*at)) {
            return match age {
                0..4 => ValidatorPhase::Exiting,
                4..7 => ValidatorPhase::Exited,
                7..10 => ValidatorPhase::Withdrawable,
                _ => ValidatorPhase::Withdrawn,
            };
        }
        let since = self.outside.chain.since.get(key);
        match since.and_then(|at| block.checked_sub(*at)) {
            None | Some(0..2) => ValidatorPhase::Absent,
            Some(2..8) => ValidatorPhase::Pending,
            Some(_) => ValidatorPhase::Active,
        }
    }

    pub(super) fn phase_of(&self, key: &BlsPublicKey) -> ValidatorPhase {
        self.phase_at(key, self.outside.height())
    }

    /// The pool's validator has left and its balance is withdrawn, some blocks ago.
    pub(super) fn has_paid_out(&self, pool: PoolId) -> bool {
        let exit = self
            .outside
            .chain
            .keys
            .get(&pool)
            .and_then(|key| self.outside.exits.get(key));
        exit.is_some_and(|at| at + 12 <= self.outside.height())
    }

    /// Exits that nodes have come into the newest block, or wait for another one.
    pub(super) fn exits_come_about(&mut self) {
        let height = self.outside.height();
        for key in std::mem::take(&mut self.outside.exit_pool) {
            if self.calm || self.rng.gen_bool(0.5) {
                self.outside.exits.entry(key).or_insert(height);
            } else {
                self.outside.exit_pool.insert(key);
            }
        }
    }

    /// Absent, then pending with an activation that may still move, then active; and out again in steps.
    pub(super) fn sighting(&mut self, key: &BlsPublicKey, published: Option<Published>) -> Sighting {
        let lags = !self.calm && self.rng.gen_bool(0.03);
        let height = self.outside.height() - if lags { 2 } else { 0 };
        let phase = self.phase_at(key, height);
        let since = self.outside.chain.since.get(key).copied();
        let activation = since.filter(|at| at + 4 <= height).and_then(|at| moment(at + 8));
        let exit = self.outside.exits.get(key).filter(|at| **at <= height).copied();
        Sighting {
            phase,
            since: match phase {
                ValidatorPhase::Active => activation,
                ValidatorPhase::Exited => exit.and_then(|at| moment(at + 4)),
                _ => None,
            },
            index: since,
            by_state: Forecast {
                active: activation,
                exited: exit.and_then(|at| moment(at + 4)),
                withdrawable: exit.and_then(|at| moment(at + 7)),
                ..Forecast::default()
            },
            by_rules: published.map(|exit| Forecast {
                exiting: moment(exit.at.0 / EPOCH_MS),
                exited: moment(exit.at.0 / EPOCH_MS + 4),
                withdrawable: moment(exit.at.0 / EPOCH_MS + 7),
                ..Forecast::default()
            }),
        }
    }

    /// What comes of an exit that is offered to every node: anything (F47), while there are faults.
    pub(super) fn offer(&mut self, exit: &ExitPayload) -> (Vec<ExitVerdict>, ExitStanding) {
        use ExitAnswer as A;
        let phase = self.phase_of(&exit.validator);
        if phase >= ValidatorPhase::Exiting {
            return (verdicts(&[A::AlreadyExiting]), ExitStanding::Exiting { phase });
        }
        if let Some(standing) = self.outside.script.pop_front() {
            return self.as_written(standing);
        }
        let signing_root = exit.signing_root;
        if signing_root.0[0] != self.outside.exit_root {
            return (
                verdicts(&[A::BadSignature]),
                ExitStanding::BadSignature { signing_root },
            );
        }
        let what = if self.calm { 0 } else { self.rng.gen_range(0..12) };
        let (answers, standing): (&[A], _) = match what {
            1 => (&[A::NoAnswer, A::OutOfSync], ExitStanding::Unheard),
            2 => {
                let at = UnixMillis(self.now + self.rng.gen_range(1..60_000));
                (&[A::TooYoung, A::NotNow], ExitStanding::TooEarly { epoch: 3, at })
            }
            3 => (&[A::NotActive], ExitStanding::NotActive),
            4 => {
                // what nodes find bad is bad now: the chain is past a fork
                self.outside.exit_root = self.outside.exit_root.wrapping_add(1);
                (&[A::BadSignature], ExitStanding::BadSignature { signing_root })
            }
            5 => (&[A::UnknownIndex], ExitStanding::UnknownIndex),
            6 | 7 => (&[A::Other, A::FutureEpoch], ExitStanding::Refused),
            8 => {
                // somebody else published it
                let height = self.outside.height();
                self.outside.exits.insert(exit.validator, height);
                let phase = ValidatorPhase::Exiting;
                (&[A::AlreadyExiting], ExitStanding::Exiting { phase })
            }
            _ => {
                self.outside.exit_pool.insert(exit.validator);
                (&[A::Accepted, A::BadSignature], ExitStanding::Delivered)
            }
        };
        (verdicts(answers), standing)
    }

    /// What a test wants to come of an offer.
    fn as_written(&mut self, standing: ExitStanding) -> (Vec<ExitVerdict>, ExitStanding) {
        let bad = matches!(standing, ExitStanding::BadSignature { .. });
        self.outside.exit_root += u8::from(bad);
        let answer = if bad {
            ExitAnswer::BadSignature
        } else {
            ExitAnswer::Other
        };
        (verdicts(&[answer]), standing)
    }
}

fn verdicts(answers: &[ExitAnswer]) -> Vec<ExitVerdict> {
    let verdict = |answer: &ExitAnswer| ExitVerdict {
        node: SafeText::new("http://node"),
        answer: *answer,
        words: SafeText::new("in its own words"),
    };
    answers.iter().map(verdict).collect()
}
