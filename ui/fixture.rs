//! What the tests of both front ends begin with.

use alloy::primitives::{Address, Bytes, U256};
use casimir_dkg::types::{ActionId, Root, SafeText, UnixMillis};
use casimir_dkg::view::{
    ActionState, ActionView, Can, ChainView, Decider, Decision, Family, JournalView, Mode, NetworkView,
    Older, Payload, Risk, SignerView, Snapshot, TransactionPayload, TransactionState, TransactionView,
    Verdict,
};

/// An engine on the devnet that has read and done nothing yet.
pub(crate) fn unread() -> Snapshot {
    Snapshot {
        revision: 0,
        at: UnixMillis(0),
        version: "test".to_owned(),
        network: NetworkView {
            name: "devnet".into(),
            chain_id: 31_337,
            mainnet: false,
            simulated: vec![],
            manager: Default::default(),
        },
        mode: Mode::Supervised,
        switched: None,
        paused: None,
        stopping: None,
        chain: ChainView::unread(),
        signer: SignerView::unread(None),
        endpoints: vec![],
        operators: vec![],
        cases: vec![],
        ceremonies: vec![],
        actions: vec![],
        transactions: vec![],
        exits: vec![],
        validators: Default::default(),
        older: Older::default(),
        journal: JournalView {
            records: 0,
            head: Root::default(),
            path: SafeText::default(),
            checkpoint: None,
            unwritable: None,
        },
        alarms: vec![],
        waits: vec![],
        trends: Default::default(),
    }
}

/// A transaction that waits, and can be decided; the rest is for each test to say.
pub(crate) fn action(id: ActionId) -> ActionView {
    ActionView {
        id,
        kind: "send-deposit".to_owned(),
        family: Family::Transaction,
        risk: Risk::Money,
        title: SafeText::default(),
        facts: vec![],
        checks: vec![],
        payload: Payload::Transaction(TransactionPayload {
            chain_id: 31_337,
            from: Address::ZERO,
            to: Address::ZERO,
            value_wei: U256::ZERO,
            data: Bytes::new(),
            fee_ceiling_wei: U256::ZERO,
            call: None,
        }),
        digest: Root::default(),
        refreshed_at: None,
        checked_at: None,
        checked_block: None,
        nonce_now: None,
        faded: None,
        proposed_at: UnixMillis(0),
        since: UnixMillis(0),
        anew: None,
        state: ActionState::Proposed,
        decision: None,
        can_approve: Can::Yes,
        can_reject: Can::Yes,
        undo: None,
        refreshing: None,
        approvals_ended: Vec::new(),
        phrase: None,
        committee: None,
        people: None,
        approval_good_for_ms: None,
        by_rules: None,
    }
}

/// An approval that was given then.
pub(crate) fn approval(at: u64) -> Decision {
    Decision {
        verdict: Verdict::Approve,
        decider: Decider::Person { name: "ada".into() },
        at: UnixMillis(at),
        digest: Root::default(),
        nth: None,
        key: None,
        lets_pass: None,
    }
}

/// A transaction with the account's first nonce, that nothing is known of yet.
pub(crate) fn transaction(action: ActionId) -> TransactionView {
    TransactionView {
        action,
        function: "initiatePoolDeposit".into(),
        nonce: 0,
        hashes: vec![],
        raw: Bytes::new(),
        max_fee_wei: U256::ZERO,
        priority_fee_wei: U256::ZERO,
        gas_limit: 0,
        fee_ceiling_wei: U256::ZERO,
        fee_paid_wei: None,
        signed_at: UnixMillis(0),
        state: TransactionState::Signed,
        note: SafeText::default(),
    }
}

/// An approval that waits for stale checks.
pub(crate) fn refreshing() -> casimir_dkg::view::RefreshingView {
    casimir_dkg::view::RefreshingView {
        by: "ada".into(),
        at: UnixMillis(1_000),
        until: UnixMillis(601_000),
        is_enough: true,
        why: Some("no endpoint answers".into()),
    }
}
