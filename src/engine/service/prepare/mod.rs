//! The desk: gathers facts, makes the checks, and writes down what would be done. Called when something is proposed,
//! while it waits, and right before it leaves: always from the world as it is at that moment.

mod committee;
mod deposit;
mod exit;
mod exit_checks;
mod facts;
mod key_checks;
mod keygen;
mod proposal;
mod publish;
mod ranking;
mod reshare;
mod send;

pub(super) use publish::publish_exit;
pub(super) use send::{gas_of, simulate};

use std::time::Duration;

use super::outside::Shared;
use crate::oracle::{
    BroadcastExitDraft, Draft, KeygenDraft, Prepared, Purpose, ReshareDraft, SendDepositDraft,
    SendReshareDraft, SignExitDraft,
};
use crate::types::{CaseId, Check, PoolId, SafeText, UnixMillis};

/// When something could not be looked at, it is tried again after this time.
const AGAIN: Duration = Duration::from_secs(4);

/// Prepares `draft` for `case`.
pub(super) async fn prepare(
    outside: &Shared,
    case: CaseId,
    pool: PoolId,
    purpose: Purpose,
    draft: Draft,
) -> Prepared {
    match draft {
        Draft::Keygen(KeygenDraft { wanted }) => keygen::prepare(outside, pool, wanted).await,
        Draft::SendDeposit(SendDepositDraft {
            keygen,
            ceremony_checks,
            registration,
        }) => deposit::prepare(outside, pool, &keygen, ceremony_checks, registration).await,
        Draft::Reshare(ReshareDraft { wanted, known }) => {
            reshare::prepare(outside, pool, wanted, known).await
        }
        Draft::SendReshare(SendReshareDraft {
            reshare,
            old_committee,
            ceremony_checks,
            registration,
        }) => {
            reshare::prepare_send(
                outside,
                pool,
                &reshare,
                &old_committee,
                ceremony_checks,
                registration,
            )
            .await
        }
        Draft::SignExit(SignExitDraft {
            known,
            last_failure,
            attempt,
            bad,
        }) => exit::prepare_sign(outside, pool, known, last_failure, attempt, bad).await,
        Draft::BroadcastExit(BroadcastExitDraft {
            plan,
            ceremony_checks,
            signature,
        }) => exit::prepare_broadcast(outside, case, purpose, plan, ceremony_checks, signature).await,
    }
}

fn later(reason: impl std::fmt::Display) -> Prepared {
    Prepared::Later {
        reason: SafeText::new(&reason.to_string()),
        at: UnixMillis::now().plus(AGAIN),
    }
}

fn refused(reason: impl std::fmt::Display) -> Prepared {
    Prepared::Refused(SafeText::new(&reason.to_string()))
}

/// The ceremony made some of these checks too: the worse verdict of a name is kept.
fn dedup(checks: &mut Vec<Check>) {
    let mut kept: Vec<Check> = Vec::with_capacity(checks.len());
    for check in checks.drain(..) {
        match kept.iter_mut().find(|k| k.name == check.name) {
            Some(existing) if check.status < existing.status => *existing = check,
            Some(_) => {}
            None => kept.push(check),
        }
    }
    *checks = kept;
}
