//! A deposit, a reshare and an exit, killed at every boundary of the journal, with what was asked for by then done or
//! not done: the same end, one effective transaction, one start of each ceremony, one signed exit.
//!
//! `tests/engine/crashes.rs` does the same to the real binary for deposits.

mod life;
mod observer;
mod times;

use super::*;
use crate::types::*;

use life::{Life, POOL};

#[test]
fn every_kind_of_case_survives_a_death_at_every_boundary() {
    for kind in cases::ALL {
        for effects_happen in [false, true] {
            let mut boundaries = 0;
            for boundary in 1.. {
                let mut life = Life::new(kind);
                if !life.run(boundary, effects_happen) {
                    break;
                }
                boundaries += 1;
                let what = format!("{kind}, boundary {boundary}, effects {effects_happen}");
                assert!(
                    life.started.values().all(|n| *n == 1),
                    "{what}: a ceremony was started twice"
                );
                // the main one and, where there is something to register, the registration: no other one ever left
                let ceremonies = if kind == RequestKind::Exit { 1 } else { 2 };
                assert_eq!(life.started.len(), ceremonies, "{what}: ceremonies that left");
                let effective = if kind == RequestKind::Exit { 0 } else { 1 };
                assert_eq!(life.mined.len(), effective, "{what}");
                assert_eq!(life.sent.len(), effective, "{what}: other bytes were sent");
                if kind == RequestKind::Exit {
                    assert_eq!(life.exits_signed.len(), 1, "{what}: other exits were signed");
                    assert!(life.exit_published >= 1, "{what}: never published");
                    times::check(&life, &what);
                }
            }
            assert!(boundaries >= 8, "{kind}: only {boundaries} boundaries");
        }
    }
}

#[test]
fn whatever_the_nodes_answer_an_exit_survives_a_death_at_every_boundary() {
    let early = |ms: u64| ExitStanding::TooEarly {
        epoch: 3,
        at: UnixMillis(1_000_000 + ms),
    };
    let bad = ExitStanding::BadSignature {
        signing_root: Root([9; 32]),
    };
    let phase = ValidatorPhase::Exiting;
    let scripts = [
        vec![ExitStanding::Exiting { phase }],
        vec![early(40_000)],
        vec![ExitStanding::NotActive, early(200_000), ExitStanding::Unheard],
        vec![bad.clone()],
        vec![ExitStanding::UnknownIndex],
        vec![ExitStanding::Refused; 9],
        vec![
            ExitStanding::Refused,
            bad,
            ExitStanding::UnknownIndex,
            early(90_000),
        ],
    ];
    for script in scripts {
        let resigned = script
            .iter()
            .any(|s| matches!(s, ExitStanding::BadSignature { .. }));
        for effects_happen in [false, true] {
            let mut boundaries = 0;
            for boundary in 1.. {
                let mut life = Life::new(RequestKind::Exit);
                life.answers = script.clone().into();
                if !life.run(boundary, effects_happen) {
                    break;
                }
                boundaries += 1;
                let what = format!("{script:?}, boundary {boundary}, effects {effects_happen}");
                assert!(life.answers.is_empty(), "{what}: not everything was answered");
                assert!(life.started.values().all(|n| *n == 1), "{what}: started twice");
                assert!(life.exit_published >= 1, "{what}: never taken");
                let verified = |r: &&(UnixMillis, Record)| matches!(r.1, Record::CeremonyVerified { .. });
                let signatures = life.journal.iter().filter(verified).count();
                assert_eq!(signatures, 1 + usize::from(resigned), "{what}: signatures");
                let kinds = |wanted| {
                    let actions = life.state.actions.values();
                    actions
                        .filter(|a| a.proposal.kind == wanted && a.state == ActionState::Done)
                        .count()
                };
                assert_eq!(
                    kinds(ActionKind::BroadcastExit),
                    1,
                    "{what}: not one exit is done"
                );
            }
            assert!(boundaries >= 8, "{script:?}: only {boundaries} boundaries");
        }
    }
}
