//! Transactions of the oracle's account.

use crate::oracle::{Payload, Sending, State, Step, unknown_outcome};
use crate::types::{ActionId, NonceStatus, SafeText};
use crate::view::{TransactionState, TransactionView};

pub(super) fn view(state: &State, action: ActionId) -> Option<TransactionView> {
    let s = state.sendings.get(&action)?;
    let Payload::Transaction(payload) = &state.actions.get(&action)?.proposal.payload else {
        return None;
    };
    let head = state.facts().head.map_or(0, |h| h.number);
    let newest = s.newest();
    let fee_paid_wei = match &s.status {
        NonceStatus::Included { fee_paid_wei, .. } => Some(*fee_paid_wei),
        _ => None,
    };
    Some(TransactionView {
        action,
        function: SafeText::new(payload.call.as_ref().map_or("not decoded", |c| &c.function)),
        nonce: newest.nonce,
        hashes: s.hashes(),
        raw: newest.raw.clone(),
        max_fee_wei: newest.max_fee_wei,
        priority_fee_wei: newest.priority_fee_wei,
        gas_limit: newest.gas_limit,
        fee_ceiling_wei: payload.fee_ceiling_wei,
        fee_paid_wei,
        signed_at: s.signed_at,
        state: self::state(state, action, s, head),
        note: state.note(action).cloned().unwrap_or_default(),
    })
}

/// `head` is the number of the newest block, for confirmations.
pub(super) fn state(state: &State, action: ActionId, s: &Sending, head: u64) -> TransactionState {
    match &s.status {
        NonceStatus::Missing if unknown_outcome(state, &Step::Execute(action)).is_some() => {
            TransactionState::Unknown
        }
        NonceStatus::Missing if s.accepted => TransactionState::Pending,
        NonceStatus::Missing => TransactionState::Signed,
        NonceStatus::Pending => TransactionState::Pending,
        NonceStatus::Included {
            block,
            success: false,
            reason,
            ..
        } => TransactionState::Reverted {
            block: *block,
            reason: reason.clone().unwrap_or_default(),
        },
        NonceStatus::Included {
            block,
            is_final: true,
            ..
        } => TransactionState::Final { block: *block },
        NonceStatus::Included { block, .. } => TransactionState::Included {
            block: *block,
            confirmations: (head + 1).saturating_sub(block.number),
        },
        NonceStatus::Replaced { by, .. } => TransactionState::Replaced { by: *by },
    }
}
