//! What the journal tells of each operator: the history that a committee is proposed from.

use std::collections::BTreeMap;

use crate::oracle::{CeremonyRole, ValidatorPhase};
use crate::types::{OperatorId, PoolId, UnixMillis};

use super::{Durable, Step};

/// What happened within this time counts as recent, ms: fourteen days.
const RECENT_MS: u128 = 14 * 86_400_000;

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

impl Durable {
    /// Everybody's history, as of `now`.
    pub(super) fn tracks_at(&self, now: UnixMillis) -> BTreeMap<OperatorId, Track> {
        let mut tracks: BTreeMap<OperatorId, Track> = BTreeMap::new();
        let recent = |at: UnixMillis| u32::from(now.since(at).as_millis() <= RECENT_MS);
        for ceremony in self.ceremonies.values() {
            match &ceremony.ended {
                Some((at, Ok(_))) if ceremony.role == CeremonyRole::Main => {
                    for id in ceremony.plan.participants() {
                        let track = tracks.entry(id).or_default();
                        track.done += 1;
                        track.done_lately += recent(*at);
                    }
                }
                Some((at, Err(failure))) => {
                    for id in &failure.culprits {
                        let track = tracks.entry(*id).or_default();
                        track.failed += 1;
                        track.failed_lately += recent(*at);
                    }
                }
                _ => {}
            }
        }
        for id in self.holders().into_values().flatten() {
            tracks.entry(id).or_default().holds += 1;
        }
        tracks
    }

    /// Who holds each pool's key: its newest finished reshare's committee, else its deposit's.
    fn holders(&self) -> BTreeMap<PoolId, Vec<OperatorId>> {
        let mut newest: BTreeMap<PoolId, ((bool, UnixMillis), Vec<OperatorId>)> = BTreeMap::new();
        for case in self.cases.values() {
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
            let age = (case.reshare.is_some(), case.since);
            let known = newest.get(&case.id.pool).map(|(age, _)| *age);
            if known.is_none_or(|known| known < age) {
                newest.insert(case.id.pool, (age, shares.keys().copied().collect()));
            }
        }
        // a key whose validator has left is of no use to anybody
        for case in self.cases.values() {
            if case.phase.is_some_and(|p| p >= ValidatorPhase::Exited) {
                newest.remove(&case.id.pool);
            }
        }
        newest.into_iter().map(|(pool, (_, ids))| (pool, ids)).collect()
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
            cause: Cause::Event { log },
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
        state.live.now = UnixMillis(32 * DAY);
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
