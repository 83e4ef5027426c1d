//! What the journal tells of each operator: the history that a committee is proposed from.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::oracle::{CeremonyRole, ValidatorPhase};
use crate::types::{OperatorId, PoolId, UnixMillis};

use super::{Case, Ceremony, Durable, Step};

/// What happened within this time counts as recent, ms: fourteen days.
pub(super) const RECENT_MS: u128 = 14 * 86_400_000;

/// One operator's history in this journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Track {
    /// Key generations, reshares and exit signatures that it took part in and that gave a result.
    pub done: u32,
    /// Ceremonies that gave none because of it.
    pub failed: u32,
    /// Those of `done` within the last fourteen days.
    pub done_lately: u32,
    /// Those of `failed` within the last fourteen days.
    pub failed_lately: u32,
    /// Validators that it holds a share of, as far as this journal knows.
    pub holds: u32,
}

/// Whether by a reshare and since which record, and by whom a pool's key is held.
type Held = ((bool, u64), Vec<OperatorId>);

/// Part in a ceremony that ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Work {
    /// It gave a result; otherwise it gave none because of them.
    pub(super) done: bool,
    pub(super) operators: Vec<OperatorId>,
}

impl Ceremony {
    /// Whose work it was that it gave a result, or whose fault that it gave none, and when it ended.
    pub(super) fn work(&self) -> Option<(UnixMillis, Work)> {
        let (at, outcome) = self.ended.as_ref()?;
        let (done, operators) = match outcome {
            Ok(_) if self.role == CeremonyRole::Main => (true, self.plan.participants()),
            Ok(_) => return None,
            Err(failure) => (false, failure.culprits.clone()),
        };
        Some((*at, Work { done, operators }))
    }
}

impl Durable {
    /// Everybody's history, as of `now`.
    pub(super) fn tracks_at(&self, now: UnixMillis) -> BTreeMap<OperatorId, Track> {
        let mut tracks: BTreeMap<OperatorId, Track> = BTreeMap::new();
        for (id, counts) in self.tally.all() {
            let track = tracks.entry(*id).or_default();
            (track.done, track.failed) = (counts.done, counts.failed);
        }
        for (id, counts) in self.tally.recent(now) {
            let track = tracks.entry(id).or_default();
            (track.done_lately, track.failed_lately) = (counts.done, counts.failed);
        }
        for (id, holds) in self.holders() {
            tracks.entry(id).or_default().holds = holds;
        }
        tracks
    }

    /// Of how many pools' keys each operator has a share: of the newest finished reshare, else of the deposit.
    fn holders(&self) -> BTreeMap<OperatorId, u32> {
        // what pools without a case in memory have is counted already
        let mut holds = self.retired.holds.clone();
        let mut newest: BTreeMap<PoolId, Option<Held>> = BTreeMap::new();
        for case in self.cases.values() {
            let known = newest.entry(case.id.pool).or_insert_with(|| {
                let (age, ids) = self.retired.past(case.id.pool)?.holders()?;
                for id in ids {
                    holds.entry(*id).and_modify(|n| *n = n.saturating_sub(1));
                }
                Some((age, ids.to_vec()))
            });
            let shares = match (&case.reshare, &case.keygen) {
                (Some(r), _) if matches!(case.step, Step::Closed { .. } | Step::Follow) => {
                    &r.share_public_keys
                }
                (None, Some(k)) if !self.condemned.contains_key(&k.validator) => &k.share_public_keys,
                _ => continue,
            };
            if case.served_by.is_some() {
                continue;
            }
            let age = (case.reshare.is_some(), case.moved_by);
            if known.as_ref().is_none_or(|(known, _)| *known < age) {
                *known = Some((age, shares.keys().copied().collect()));
            }
        }
        // a key whose validator has left is of no use to anybody
        let left_by = |case: &&Case| case.phase.is_some_and(|p| p >= ValidatorPhase::Exited);
        for case in self.cases.values().filter(left_by) {
            newest.remove(&case.id.pool);
        }
        newest.retain(|pool, _| self.retired.past(*pool).is_none_or(|past| !past.left));
        for (_, ids) in newest.into_values().flatten() {
            for id in ids {
                *holds.entry(id).or_default() += 1;
            }
        }
        holds.retain(|_, n| *n > 0);
        holds
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle::*;
    use crate::types::*;

    fn plan(committee: [u64; 4]) -> CeremonyPlan {
        CeremonyPlan::Keygen {
            committee: committee.map(OperatorId).to_vec(),
            threshold: 3,
            withdrawal_credentials: Root([1; 32]),
            fork_version: ForkVersion([0; 4]),
            registration: None,
        }
    }

    /// A ceremony of pool `pool`, begun and ended at `at`: with a key, or by the fault of some.
    fn ceremony(pool: u32, at: u64, committee: [u64; 4], culprits: &[u64]) -> Vec<(u64, Record)> {
        let case = CaseId {
            kind: RequestKind::Deposit,
            pool: PoolId(pool),
            ordinal: 0,
        };
        let request = RequestId([u8::try_from(pool).unwrap(); 24]);
        let log = LogRef {
            block: BlockRef {
                number: 1,
                hash: Root([1; 32]),
            },
            transaction: Root([2; 32]),
            index: 0,
        };
        let validator = BlsPublicKey([u8::try_from(pool).unwrap(); 48]);
        let end = if culprits.is_empty() {
            Record::CeremonyVerified {
                request,
                result: CeremonyResult::Keygen(KeygenOutput {
                    validator,
                    deposit_signature: BlsSignature::default(),
                    share_public_keys: committee.map(|id| (OperatorId(id), validator)).into(),
                    encrypted_shares: BTreeMap::new(),
                    registration: None,
                    handed_back: BTreeMap::new(),
                }),
                checks: Vec::new(),
                transcript: None,
            }
        } else {
            Record::CeremonyFailed {
                request,
                failure: CeremonyFailure {
                    kind: FailureKind::Timeout,
                    round: None,
                    culprits: culprits.iter().copied().map(OperatorId).collect(),
                    reason: SafeText::new("silence"),
                    blames: Vec::new(),
                },
                transcript: None,
            }
        };
        let opened = Record::CaseOpened {
            case,
            cause: Cause::Event { log, leaving: None },
        };
        let started = Record::CeremonyStarted {
            request,
            case,
            action: None,
            role: CeremonyRole::Main,
            attempt: 1,
            plan: plan(committee),
            backend: BackendName::default(),
        };
        [opened, started, end].map(|record| (at, record)).into()
    }

    #[test]
    fn what_operators_did_is_counted_and_what_they_did_lately_by_itself() {
        const DAY: u64 = 86_400_000;
        let mut state = State::new(fixture::settings());
        let records = [
            ceremony(1, DAY, [1, 2, 3, 4], &[]),
            ceremony(2, 2 * DAY, [1, 2, 3, 4], &[4]),
            ceremony(3, 30 * DAY, [1, 2, 3, 5], &[]),
            ceremony(4, 31 * DAY, [1, 2, 3, 4], &[2, 4]),
        ];
        for (seq, (at, record)) in (1..).zip(records.into_iter().flatten()) {
            state.apply(seq, UnixMillis(at), &record);
        }
        state.volatile.now = UnixMillis(32 * DAY);
        let tracks = state.tracks();
        let of = |id| tracks[&OperatorId(id)];
        let track = |done, failed, done_lately, failed_lately, holds| Track {
            done,
            failed,
            done_lately,
            failed_lately,
            holds,
        };
        assert_eq!(of(1), track(2, 0, 1, 0, 2));
        assert_eq!(of(2), track(2, 1, 1, 1, 2));
        assert_eq!(of(4), track(1, 2, 0, 1, 1));
        assert_eq!(of(5), track(1, 0, 1, 0, 1));
    }
}
