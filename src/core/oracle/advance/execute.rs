//! After the decision: transactions and exits until they are facts.

use std::time::Duration;

use alloy::primitives::{Address, U256};

use crate::oracle::state::EffectKey;
use crate::oracle::turn::Turn;
use crate::oracle::{Effect, ExitPayload, Payload, TransactionPayload};
use crate::types::{ActionId, NonceStatus, SignedTransaction, UnixMillis};

use super::*;

/// By what was approved, whatever kind of case it is of.
pub(super) fn execute(turn: &mut Turn<'_>, id: ActionId) {
    match turn.state.actions.get(&id).map(|a| a.proposal.payload.clone()) {
        Some(Payload::Transaction(payload)) => transaction(turn, id, payload),
        Some(Payload::Exit(payload)) => broadcast(turn, id, payload),
        // a ceremony is attended to under its request id
        Some(Payload::Ceremony(_)) | None => {}
    }
}

/// Signed and journaled: it is sent until a node has it, looked at until it is final, and replaced when it is stuck.
fn transaction(turn: &mut Turn<'_>, id: ActionId, payload: TransactionPayload) {
    let Some(sending) = turn.state.sendings.get(&id) else {
        return;
    };
    let head = turn.state.volatile.facts.head.map_or(0, |h| h.number);
    let live = &turn.state.volatile;
    let passed = |since: UnixMillis, ms| live.has_come(since.plus(Duration::from_millis(ms)));
    let due = match turn.state.volatile.inspected_at.get(&id) {
        None => true,
        Some((block, at)) => *block != head || passed(*at, REINSPECT_MS),
    };
    let (nonce, hashes) = (sending.newest().nonce, sending.hashes());
    let newest = sending.newest().clone();
    let missing = sending.status == NonceStatus::Missing;
    let waited = |since: &UnixMillis| passed(*since, turn.state.settings.bump_after_ms);
    let unmined = matches!(sending.status, NonceStatus::Pending | NonceStatus::Missing);
    // what pays the base fee may still be too little for a pool or for who builds blocks, who say so or do not
    let stuck = unmined
        && live.unmined_since.get(&id).is_some_and(waited)
        && takes_more(turn.state, &payload, &newest);
    let is_foreign = turn.state.is_foreign(payload.from);
    if is_foreign && missing && turn.state.volatile.facts.account.is_some() {
        let words = crate::oracle::account::foreign(payload.from);
        turn.state.volatile.notes.insert(id, words);
    }
    if unmined && let Some(why) = waits_behind(turn.state, payload.from, nonce) {
        turn.waits(id.case, &why);
    }
    let may_leave = turn.state.may_leave(id.case) && !is_foreign;
    if due && !turn.state.volatile.in_flight.contains(&EffectKey::Inspect(id)) {
        turn.state.volatile.inspected_at.insert(id, (head, turn.at));
        turn.state.volatile.agenda.mark(id.case);
        turn.ask(EffectKey::Inspect(id), || Effect::Inspect {
            action: id,
            nonce,
            hashes,
        });
    }
    if missing && (may_leave || planted!(PausedSends)) {
        turn.ask(EffectKey::Send(id), || Effect::Send {
            action: id,
            transaction: newest.clone(),
        });
    }
    if (stuck || (missing && planted!(SignedAnew))) && may_leave {
        turn.ask(EffectKey::Sign(id), || Effect::Sign {
            action: id,
            payload,
            nonce,
            replaces: Some(newest),
        });
    }
}

/// The lowest nonce of the account that is not in a block holds up every higher one, whatever those pay.
fn waits_behind(state: &State, account: Address, nonce: u64) -> Option<String> {
    let lower = state.sendings.iter().filter(|(id, sending)| {
        let unmined = matches!(sending.status, NonceStatus::Pending | NonceStatus::Missing);
        let of = state.actions.get(id).map(|action| &action.proposal.payload);
        let is_own = matches!(of, Some(Payload::Transaction(payload)) if payload.from == account);
        unmined && is_own && sending.newest().nonce < nonce
    });
    let (first, sending) = lower.min_by_key(|(_, sending)| sending.newest().nonce)?;
    let why = match state.paused_with(first.case) {
        Some("the case") => format!("it does not leave while {} is paused, so resume that", first.case),
        _ if sending.status == NonceStatus::Missing => "no node has it".to_owned(),
        _ => "it is not in a block yet".to_owned(),
    };
    Some(format!(
        "waits behind nonce {} of {}: {why}",
        sending.newest().nonce,
        first.case
    ))
}

/// Whether a dearer version has a chance, as far as the account is known: its nonce is free at the head, and an account that
/// cannot pay this much cannot pay more.
fn takes_more(state: &State, payload: &TransactionPayload, transaction: &SignedTransaction) -> bool {
    let fee = transaction
        .max_fee_wei
        .checked_mul(U256::from(transaction.gas_limit));
    let cost = fee.and_then(|fee| fee.checked_add(payload.value_wei));
    let account = state.facts().account.as_ref();
    account.is_none_or(|account| {
        account.next <= transaction.nonce
            && (cost.is_some_and(|cost| cost <= account.balance_wei) || planted!(PoorReplaces))
    })
}

/// Published, not yet seen in a block: offered again, and the validator watched.
fn broadcast(turn: &mut Turn<'_>, id: ActionId, payload: ExitPayload) {
    let fresh = turn.state.cases.get(&id.case).is_some_and(|c| {
        let live = &turn.state.volatile;
        let pause = Duration::from_millis(offer_pause(live.refusals_of(id, &c.offers)));
        // a time in the future was taken from a clock that has been set back since
        let offered = c.offers.at.filter(|t| live.has_come(*t));
        offered.is_some_and(|t| !live.has_come(t.plus(pause)))
    });
    if turn.state.may_leave(id.case) && !fresh {
        turn.ask(EffectKey::Publish(id), || Effect::PublishExit {
            action: id,
            payload,
        });
    }
    look_up(turn, id.case);
}

/// How long an exit rests before it is offered again, after so many refusals in a row, ms.
pub(in crate::oracle) fn offer_pause(refusals: u32) -> u64 {
    match refusals {
        0 => REPUBLISH_MS,
        n => AFTER_REFUSAL_MS << (n - 1).min(REFUSALS),
    }
}
