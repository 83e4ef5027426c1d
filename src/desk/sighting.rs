//! Where a validator is on its way in or out, and when it will be further.

use crate::log_limit::LogLimit;
use crate::oracle::{Forecast, Moment, Published, Sighting, ValidatorPhase};
use crate::ports::Unknown;
use crate::ports::consensus::{Consensus, ExitRules, Validator, ValidatorStatus};
use crate::types::{BlsPublicKey, CaseId, RequestKind, SafeText};

/// Lines about validators that no beacon node tells of: each is asked for again and again.
static UNSEEN: LogLimit = LogLimit::slow();

/// The chain's rules and the validator, from nodes that serve our chain.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) rules: ExitRules,
    /// Whose word alone the rules are, though several nodes are configured.
    pub(super) rules_alone: Option<SafeText>,
    /// None where there is none with the key.
    pub(super) validator: Option<Validator>,
    /// Whose word alone that is.
    pub(super) alone: Option<SafeText>,
}

pub(super) async fn state(beacon: &dyn Consensus, key: &BlsPublicKey) -> Result<Told, Unknown> {
    let (rules, validator) = tokio::join!(beacon.rules(), beacon.validator(key));
    Ok(Told {
        rules: rules.answer.value()?,
        rules_alone: rules.alone,
        validator: validator.answer.known()?,
        alone: validator.alone,
    })
}

/// What the beacon chain says of a case's validator, none when nobody could be asked; and whose word alone it is.
pub(crate) async fn look_up(
    beacon: &dyn Consensus,
    case: CaseId,
    key: &BlsPublicKey,
    published: Option<Published>,
) -> (Option<Sighting>, Option<SafeText>) {
    match state(beacon, key).await {
        Ok(told) => {
            let seen = sighting(case.kind, &told.rules, told.validator.as_ref(), published);
            (Some(seen), told.alone)
        }
        Err(why) => {
            if let Some(left_out) = UNSEEN.line() {
                tracing::warn!(target: "beacon", %case, left_out, "{why}");
            }
            (None, None)
        }
    }
}

fn sighting(
    kind: RequestKind,
    rules: &ExitRules,
    validator: Option<&Validator>,
    published: Option<Published>,
) -> Sighting {
    let at = |epoch: u64| Moment {
        epoch,
        at: rules.start_of(epoch),
    };
    let by_rules = published.map(|exit| by_rules(rules, exit));
    let Some(v) = validator else {
        return Sighting {
            phase: ValidatorPhase::Absent,
            since: None,
            index: None,
            by_state: Forecast::default(),
            by_rules,
        };
    };
    let by_state = Forecast {
        active: v.activation_epoch.map(at),
        // the state does not keep the block
        exiting: None,
        exited: v.exit_epoch.map(at),
        withdrawable: v.withdrawable_epoch.map(at),
    };
    Sighting {
        phase: phase(v.status),
        since: since(v).map(at),
        index: Some(v.index),
        by_state: by_state.waited_for(kind),
        by_rules,
    }
}

/// The earliest times of an exit that was published, as they stood then.
fn by_rules(rules: &ExitRules, exit: Published) -> Forecast {
    // it can be in the next block, or in the first of the epoch from which on it is valid
    let included = rules.next_slot(exit.at).max(rules.start_of(exit.epoch));
    let epoch = rules.epoch_at(included);
    let (exited, withdrawable) = rules.earliest_exit(epoch);
    let at = |epoch| {
        let at = rules.start_of(epoch);
        Some(Moment { epoch, at })
    };
    Forecast {
        active: None,
        exiting: Some(Moment { epoch, at: included }),
        exited: at(exited),
        withdrawable: at(withdrawable),
    }
}

/// The epoch with which the present status began. The state does not keep when an exit was taken into a block, nor when
/// a balance was withdrawn.
fn since(validator: &Validator) -> Option<u64> {
    match validator.status {
        ValidatorStatus::ActiveOngoing => validator.activation_epoch,
        ValidatorStatus::ExitedUnslashed | ValidatorStatus::ExitedSlashed => validator.exit_epoch,
        ValidatorStatus::WithdrawalPossible => validator.withdrawable_epoch,
        ValidatorStatus::PendingInitialized
        | ValidatorStatus::PendingQueued
        | ValidatorStatus::ActiveExiting
        | ValidatorStatus::ActiveSlashed
        | ValidatorStatus::WithdrawalDone => None,
    }
}

pub(super) fn phase(status: ValidatorStatus) -> ValidatorPhase {
    match status {
        ValidatorStatus::PendingInitialized | ValidatorStatus::PendingQueued => ValidatorPhase::Pending,
        ValidatorStatus::ActiveOngoing => ValidatorPhase::Active,
        ValidatorStatus::ActiveExiting => ValidatorPhase::Exiting,
        ValidatorStatus::ActiveSlashed | ValidatorStatus::ExitedSlashed => ValidatorPhase::Slashed,
        ValidatorStatus::ExitedUnslashed => ValidatorPhase::Exited,
        ValidatorStatus::WithdrawalPossible => ValidatorPhase::Withdrawable,
        ValidatorStatus::WithdrawalDone => ValidatorPhase::Withdrawn,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::desk::fixture::{self, rules};
    use crate::types::UnixMillis;

    fn validator(status: ValidatorStatus, exit_epoch: Option<u64>) -> Validator {
        Validator {
            status,
            exit_epoch,
            withdrawable_epoch: exit_epoch.map(|epoch| epoch + 256),
            ..fixture::validator()
        }
    }

    fn moment(epoch: u64) -> Option<Moment> {
        let at = rules().start_of(epoch);
        Some(Moment { epoch, at })
    }

    #[test]
    fn the_rules_count_from_the_block_after_publishing() {
        let rules = rules();
        // 5 s into the last slot of epoch 999: the next block is the first of epoch 1000
        let at = UnixMillis(rules.start_of(1_000).0 - 7_000);
        let exit = Published { at, epoch: 356 };
        let forecast = by_rules(&rules, exit);
        assert_eq!(forecast.exiting, moment(1_000));
        assert_eq!(forecast.exited, moment(1_005), "MAX_SEED_LOOKAHEAD and one");
        assert_eq!(forecast.withdrawable, moment(1_261));
        // in the middle of an epoch the block is named, not the epoch's first
        let at = UnixMillis(rules.start_of(1_000).0 + 25_000);
        let exiting = by_rules(&rules, Published { at, epoch: 356 }).exiting.unwrap();
        assert_eq!(exiting.at.since(rules.start_of(1_000)), Duration::from_secs(36));
        assert_eq!(exiting.epoch, 1_000);
        // not valid yet
        let early = by_rules(&rules, Published { at, epoch: 1_100 });
        assert_eq!((early.exiting, early.exited), (moment(1_100), moment(1_105)));
    }

    #[test]
    fn the_state_has_the_rest() {
        let look = |kind, v: &Validator| sighting(kind, &rules(), Some(v), None);
        let active = validator(ValidatorStatus::ActiveOngoing, None);
        let seen = look(RequestKind::Exit, &active);
        assert_eq!(seen.by_state, Forecast::default(), "nothing is set");
        let seen = look(RequestKind::Deposit, &active);
        assert_eq!((seen.by_state.active, seen.since), (moment(100), moment(100)));
        let exiting = look(
            RequestKind::Exit,
            &validator(ValidatorStatus::ActiveExiting, Some(1_007)),
        );
        assert_eq!(
            exiting.by_state,
            Forecast {
                exited: moment(1_007),
                withdrawable: moment(1_263),
                ..Forecast::default()
            }
        );
        assert_eq!(exiting.since, None, "the state does not keep the block");
        let done = look(
            RequestKind::Exit,
            &validator(ValidatorStatus::WithdrawalPossible, Some(1_007)),
        );
        assert_eq!(
            (done.phase, done.since),
            (ValidatorPhase::Withdrawable, moment(1_263))
        );
        let absent = sighting(RequestKind::Deposit, &rules(), None, None);
        assert_eq!((absent.phase, absent.index), (ValidatorPhase::Absent, None));
    }
}
