//! When an exit's validator gets where: one epoch a second.

use super::Life;
use crate::oracle::*;
use crate::types::*;

fn moment(epoch: u64) -> Option<Moment> {
    let at = UnixMillis(epoch * 1_000);
    Some(Moment { epoch, at })
}

/// What the beacon chain says. The queue makes the exit an epoch later than the rules' earliest.
pub(super) fn sighting(phase: ValidatorPhase, published: Option<Published>) -> Sighting {
    let exiting = phase >= ValidatorPhase::Exiting;
    let since = match phase {
        ValidatorPhase::Exited => moment(1_011),
        ValidatorPhase::Withdrawable => moment(1_013),
        _ => None,
    };
    Sighting {
        phase,
        since,
        index: Some(4),
        by_state: Forecast {
            exited: moment(1_011).filter(|_| exiting),
            withdrawable: moment(1_013).filter(|_| exiting),
            ..Forecast::default()
        },
        by_rules: published.map(|exit| Forecast {
            exiting: moment(exit.at.0 / 1_000),
            exited: moment(1_010),
            withdrawable: moment(1_012),
            ..Forecast::default()
        }),
    }
}

/// Of each stage: predicted before it was a fact, and a fact in the end.
pub(super) fn check(life: &Life, what: &str) {
    let case = life.state.cases.values().next().unwrap();
    let expected = |wanted| {
        let is = |r: &Record| matches!(r, Record::ValidatorForecast { basis, .. } if *basis == wanted);
        let all: Vec<_> = life.journal.iter().map(|(_, r)| r).collect();
        assert_eq!(all.iter().filter(|r| is(r)).count(), 1, "{what}: {wanted:?} once");
        all.iter().position(|r| is(r)).unwrap()
    };
    let seen = |wanted| {
        let is = |r: &Record| matches!(r, Record::ValidatorPhaseSeen { phase, .. } if *phase == wanted);
        life.journal.iter().position(|(_, r)| is(r)).unwrap()
    };
    assert!(
        expected(Basis::Rules) < seen(ValidatorPhase::Exiting),
        "{what}: by rules, before it was in a block"
    );
    assert!(
        expected(Basis::State) < seen(ValidatorPhase::Exited),
        "{what}: by the state, before it was so"
    );
    let epochs = |m: Option<Moment>| m.map(|m| m.epoch);
    let table: Vec<_> = milestones(case)
        .into_iter()
        .map(|m| {
            (
                m.stage,
                epochs(m.by_rules).is_some(),
                epochs(m.by_state),
                matches!(m.actual, Some(Actual::Since(_))),
                m.actual.is_some(),
            )
        })
        .collect();
    let wanted = [
        (Stage::Exiting, true, None, false, true),
        (Stage::Exited, true, Some(1_011), true, true),
        (Stage::Withdrawable, true, Some(1_013), true, true),
        (Stage::Withdrawn, false, None, false, true),
    ];
    assert_eq!(table, wanted, "{what}");
}
