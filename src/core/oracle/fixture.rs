//! What the tests of the core share: settings under which everything passes, how the core is
//! given an input, and a payload and a result for everything.

use std::collections::BTreeMap;

use alloy::primitives::{Address, Bytes, U256};

use super::*;
use crate::types::*;

/// Mode auto with one rule for every kind of action.
pub(super) fn settings() -> Settings {
    let rule = Rule {
        name: SafeText::new("all"),
        kinds: ActionKind::ALL.to_vec(),
        pools: None,
        max_fee_wei: None,
        max_per_day: None,
        max_attempts: 9,
        other_committees: 0,
        unknown_ok: Vec::new(),
    };
    Settings {
        mode: Mode::Auto,
        policy: Policy {
            rules: vec![rule],
            ..Policy::default()
        },
        owner: Address::repeat_byte(7),
        deposit_order: DepositOrder::HeadOfQueue,
        backend: Backend {
            name: BackendName::default(),
            renews_registrations: Ok(()),
        },
        follows_beacon: true,
        look_up_every_ms: 4_000,
        ceremonies_at_once: 100,
        refresh_every_ms: 5_000,
        approval_expires_ms: 3_600_000,
        bump_after_ms: 60_000,
    }
}

/// Hands the core one input at this time, by both clocks.
pub(super) fn give(state: &mut State, at: u64, input: Input) -> (Output, CommandReply) {
    let stamped = Stamped {
        at: UnixMillis(at),
        up_ms: at,
        entropy: [0; 24],
        input,
    };
    step(state, stamped)
}

pub(super) fn block(number: u64) -> BlockRef {
    BlockRef {
        number,
        hash: Root([u8::try_from(number % 251).unwrap(); 32]),
    }
}

/// A ceremony of operators 1 to 4.
pub(super) fn plan_of(kind: ActionKind) -> CeremonyPlan {
    let committee: Vec<_> = (1..=4).map(OperatorId).collect();
    let validator = BlsPublicKey([5; 48]);
    match kind {
        ActionKind::Keygen => CeremonyPlan::Keygen {
            committee,
            threshold: 3,
            withdrawal_credentials: Root([1; 32]),
            fork_version: ForkVersion([0; 4]),
            registration: None,
        },
        ActionKind::Reshare => CeremonyPlan::Reshare {
            validator,
            old: committee[..3].to_vec(),
            new: committee,
            threshold: 3,
            brought: None,
            registration: None,
        },
        _ => CeremonyPlan::Sign {
            validator,
            committee,
            threshold: 3,
            signing_root: Root([9; 32]),
            what: SignPurpose::VoluntaryExit {
                validator_index: 4,
                epoch: 8,
                domain: None,
            },
            share_public_keys: BTreeMap::new(),
            brought: None,
        },
    }
}

/// What an action of this kind would let leave.
pub(super) fn payload(kind: ActionKind) -> Payload {
    match kind.family() {
        Family::Ceremony => Payload::Ceremony(CeremonyPayload {
            plan: plan_of(kind),
            backend: BackendName::default(),
            parties: None,
        }),
        Family::Transaction => Payload::Transaction(TransactionPayload {
            chain_id: 1,
            from: Address::ZERO,
            to: Address::repeat_byte(7),
            value_wei: U256::ZERO,
            data: Bytes::from(vec![1, 2, 3]),
            fee_ceiling_wei: U256::from(1_000),
            call: None,
        }),
        Family::Broadcast => Payload::Exit(ExitPayload {
            validator: BlsPublicKey([5; 48]),
            validator_index: 4,
            epoch: 8,
            signing_root: Root([9; 32]),
            signature: BlsSignature::default(),
        }),
    }
}

/// The proposal of an action of this kind that nothing speaks against.
pub(super) fn proposal(kind: ActionKind) -> Proposal {
    Proposal {
        kind,
        title: SafeText::new("do it"),
        facts: Vec::new(),
        checks: Vec::new(),
        payload: payload(kind),
    }
}

/// An action of this kind that waits for a decision.
pub(super) fn action(kind: ActionKind) -> Action {
    let case = CaseId {
        kind: RequestKind::Deposit,
        pool: PoolId(1),
        ordinal: 0,
    };
    let id = ActionId { case, number: 1 };
    let proposal = proposal(kind);
    Action {
        id,
        digest: proposal.digest(id),
        proposal,
        proposed_at: UnixMillis(0),
        anew: None,
        state: ActionState::Proposed,
        decision: None,
        endorsements: Vec::new(),
        spent: Vec::new(),
    }
}

/// What comes out of a ceremony that goes well.
pub(super) fn success(plan: &CeremonyPlan) -> Box<CeremonySuccess> {
    let validator = BlsPublicKey([5; 48]);
    let keys = || (1..=4).map(|id| (OperatorId(id), validator)).collect();
    let result = match plan {
        CeremonyPlan::Keygen { .. } => CeremonyResult::Keygen(KeygenOutput {
            validator,
            deposit_signature: BlsSignature::default(),
            share_public_keys: keys(),
            encrypted_shares: BTreeMap::new(),
            registration: None,
            handed_back: BTreeMap::new(),
        }),
        CeremonyPlan::Reshare { .. } => CeremonyResult::Reshare(ReshareOutput {
            validator,
            share_public_keys: keys(),
            encrypted_shares: BTreeMap::new(),
            handed_back: BTreeMap::new(),
            registration: None,
        }),
        CeremonyPlan::Sign { .. } => CeremonyResult::Sign {
            signature: BlsSignature::default(),
        },
    };
    Box::new(CeremonySuccess {
        result,
        checks: Vec::new(),
    })
}

/// The failure of a ceremony that never began.
pub(super) fn lost() -> CeremonyFailure {
    CeremonyFailure {
        kind: FailureKind::Lost,
        round: None,
        culprits: Vec::new(),
        reason: SafeText::new("nobody knows of it"),
        blames: Vec::new(),
    }
}
