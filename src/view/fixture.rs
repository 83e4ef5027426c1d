//! Rows of every list, by number and version: what the tests of this room are made of.

use alloy::primitives::{Address, Bytes, U256};

use super::*;
use crate::types::*;

pub(super) fn case_id(n: u8) -> CaseId {
    let kinds = [RequestKind::Deposit, RequestKind::Reshare, RequestKind::Exit];
    CaseId {
        kind: kinds[usize::from(n) % 3],
        pool: PoolId(n.into()),
        ordinal: u32::from(n / 3),
    }
}

fn action_id(n: u8) -> ActionId {
    ActionId {
        case: case_id(n),
        number: 1 + u32::from(n),
    }
}

fn block(n: u8) -> BlockRef {
    BlockRef {
        number: 19_000_000 + u64::from(n),
        hash: Root([n; 32]),
    }
}

fn text(words: &str, version: u8) -> SafeText {
    SafeText::new(&format!("{words}, version {version} \u{202e}"))
}

fn at(n: u8) -> UnixMillis {
    UnixMillis(1_773_480_413_000 + u64::from(n))
}

fn operators(n: u8) -> Vec<OperatorId> {
    (1..=4).map(|id| OperatorId(id + u64::from(n))).collect()
}

fn checks() -> Vec<Check> {
    vec![
        Check::pass("ready-queue", "pool 3 is at the head"),
        Check::unknown("deposit-logs", "no answer"),
        Check::fail("balance", "0 ETH"),
    ]
}

fn payload(n: u8) -> Payload {
    match n % 5 {
        0 => Payload::Ceremony(CeremonyPayload {
            plan: CeremonyPlan::Keygen {
                committee: operators(n),
                threshold: 3,
                withdrawal_credentials: Root([1; 32]),
                fork_version: ForkVersion([0, 1, 2, 3]),
                registration: None,
            },
        }),
        1 => Payload::Ceremony(CeremonyPayload {
            plan: CeremonyPlan::Reshare {
                validator: BlsPublicKey([n; 48]),
                old: operators(n)[..3].to_vec(),
                new: operators(n + 1),
                threshold: 3,
            },
        }),
        2 => Payload::Ceremony(CeremonyPayload {
            plan: CeremonyPlan::Sign {
                validator: BlsPublicKey([n; 48]),
                committee: operators(n),
                threshold: 3,
                signing_root: Root([2; 32]),
                what: SignPurpose::VoluntaryExit {
                    validator_index: u64::MAX,
                    epoch: 7,
                },
                share_public_keys: operators(n)
                    .into_iter()
                    .map(|id| (id, BlsPublicKey([3; 48])))
                    .collect(),
            },
        }),
        3 => Payload::Transaction(TransactionPayload {
            chain_id: u64::MAX,
            from: Address::repeat_byte(1),
            to: Address::repeat_byte(2),
            value_wei: U256::MAX,
            data: Bytes::from(vec![n; 40]),
            fee_ceiling_wei: U256::from(20_000_000_000_000_000u64),
            call: Some(CallView {
                function: "initiatePoolDeposit".to_owned(),
                arguments: vec![CallArgument {
                    name: "operatorIds".to_owned(),
                    solidity_type: "uint64[]".to_owned(),
                    value: "1, 2, 3, 4".into(),
                }],
            }),
        }),
        _ => Payload::Exit(ExitPayload {
            validator: BlsPublicKey([n; 48]),
            validator_index: 17,
            epoch: 301_122,
            signing_root: Root([4; 32]),
            signature: BlsSignature([7; 96]),
        }),
    }
}

fn action_state(n: u8) -> ActionState {
    let reason = text("why", n);
    match n % 8 {
        0 => ActionState::Proposed,
        1 => ActionState::Approved,
        2 => ActionState::Executing,
        3 => ActionState::Done,
        4 => ActionState::Rejected,
        5 => ActionState::Failed { reason },
        6 => ActionState::Void { reason },
        _ => ActionState::Unknown { reason },
    }
}

fn decision(n: u8) -> Option<Decision> {
    let name = text("ada", n);
    let (verdict, decider) = match n % 3 {
        0 => return None,
        1 => (Verdict::Approve, Decider::Rule { name }),
        _ => (
            Verdict::Reject {
                reason: text("wrong pool", n),
            },
            Decider::Person { name },
        ),
    };
    Some(Decision {
        verdict,
        decider,
        at: at(n),
        digest: Root([n; 32]),
    })
}

pub(super) fn action(n: u8, version: u8) -> ActionView {
    let (families, risks) = (
        [Family::Ceremony, Family::Transaction, Family::Broadcast],
        [Risk::Routine, Risk::Money, Risk::Irreversible],
    );
    let kinds = [
        FactKind::Text,
        FactKind::Address,
        FactKind::Hex,
        FactKind::Amount,
        FactKind::Warning,
    ];
    let fact = |kind| Fact {
        label: "validator key".to_owned(),
        value: text("0xa1", version),
        kind,
    };
    ActionView {
        id: action_id(n),
        kind: "send-deposit".to_owned(),
        family: families[usize::from(n) % 3],
        risk: risks[usize::from(n) % 3],
        title: text("Deposit 32 ETH", version),
        facts: kinds.map(fact).to_vec(),
        checks: checks(),
        payload: payload(n),
        digest: Root([version; 32]),
        refreshed_at: (version > 0).then(|| at(version)),
        proposed_at: at(n),
        state: action_state(n + version),
        decision: decision(n),
        can_approve: Can::no("failed checks: balance"),
        can_reject: Can::Yes,
        phrase: n.is_multiple_of(2).then(|| "exit validator 17".to_owned()),
        committee: n.is_multiple_of(3).then(|| CommitteeView {
            proposed: operators(n),
            holders: operators(n + 1),
            sizes: vec![CommitteeSize {
                operators: 4,
                threshold: 3,
            }],
        }),
    }
}

fn milestones() -> Vec<Milestone> {
    let moment = Some(Moment {
        epoch: 301_122,
        at: at(9),
    });
    let milestone = |stage, actual| Milestone {
        stage,
        by_rules: moment,
        by_state: None,
        actual,
    };
    vec![
        milestone(Stage::Active, moment.map(Actual::Since)),
        milestone(Stage::Exiting, Some(Actual::Seen { at: at(1) })),
        milestone(Stage::Exited, Some(Actual::Before { at: at(2) })),
        milestone(Stage::Withdrawable, None),
        milestone(Stage::Withdrawn, None),
    ]
}

const STATUSES: [CaseStatus; 11] = [
    CaseStatus::Preparing,
    CaseStatus::AwaitingDecision,
    CaseStatus::Ceremony,
    CaseStatus::Queued,
    CaseStatus::Sending,
    CaseStatus::Following,
    CaseStatus::Paused,
    CaseStatus::Attention,
    CaseStatus::Unknown,
    CaseStatus::Orphaned,
    CaseStatus::Done,
];

pub(super) fn case(n: u8, version: u8) -> CaseView {
    let log = LogRef {
        block: block(n),
        transaction: Root([n; 32]),
        index: 3,
    };
    CaseView {
        id: case_id(n),
        kind: case_id(n).kind,
        pool: case_id(n).pool,
        cause: match n % 3 {
            0 => Cause::Event { log },
            1 => Cause::State { block: block(n) },
            _ => Cause::Manual {
                by: "ada".into(),
                at: at(n),
            },
        },
        opened_at: at(n),
        status: STATUSES[usize::from(n + version) % STATUSES.len()],
        sentence: text("waits for a decision", version),
        since: at(version),
        action: Some(action_id(n)),
        ceremony: Some(RequestId([n; 24])),
        validator: Some(BlsPublicKey([n; 48])),
        times: milestones(),
        history: vec![HistoryEntry {
            at: at(n),
            text: text("requested", version),
            record: 31,
        }],
        paused: version > 0,
        can_retry: Can::Yes,
        can_pause: Can::no("it is paused already"),
        doubtful: (version > 0).then_some(RequestId([n; 24])),
    }
}

pub(super) fn ceremony(n: u8, version: u8) -> CeremonyView {
    let progress = OperatorProgress {
        state: OperatorState::Working,
        seen: [(StepId::new("started"), at(1)), (StepId::new("round1"), at(2))].into(),
        note: text("round 1 sent", version),
    };
    let failure = CeremonyFailure {
        kind: FailureKind::Timeout,
        round: Some(StepId::new("preparation")),
        culprits: operators(n),
        reason: text("silence", version),
        blames: vec![Blame {
            blamer: OperatorId(2),
            culprit: None,
            proven: false,
            reason: "no share".into(),
        }],
    };
    CeremonyView {
        id: RequestId([n; 24]),
        case: case_id(n),
        kind: CeremonyKind::Reshare,
        what: "".into(),
        attempt: 1 + u32::from(version),
        threshold: 3,
        steps: [CeremonyStep {
            id: StepId::new("started"),
            title: "start".into(),
            senders: operators(n),
            short: vec!["st".into()],
            follows: Follows::Enough,
        }]
        .into(),
        operators: operators(n)
            .into_iter()
            .map(|id| (id, progress.clone()))
            .collect(),
        old_committee: operators(n),
        committee: operators(n + 1),
        started_at: at(n),
        deadline: Some(at(99)),
        doubt: (version > 0).then(|| (at(3), text("no answer", version))),
        ended: match n % 3 {
            0 => None,
            1 => Some((at(n), CeremonyEnd::Failed(failure))),
            _ => Some((
                at(n),
                CeremonyEnd::Verified {
                    validator: BlsPublicKey([n; 48]),
                },
            )),
        },
        checks: checks(),
        transcript: Some(("transcript.json".into(), Root([5; 32]))),
    }
}

pub(super) fn transaction(n: u8, version: u8) -> TransactionView {
    let block = block(n);
    TransactionView {
        action: action_id(n),
        function: "initiatePoolDeposit".into(),
        nonce: n.into(),
        hashes: vec![Root([n; 32]), Root([version; 32])],
        raw: Bytes::from(vec![2; 100]),
        max_fee_wei: U256::from(30_000_000_000u64),
        priority_fee_wei: U256::from(1_000_000_000u64),
        gas_limit: 600_000,
        fee_ceiling_wei: U256::MAX,
        fee_paid_wei: (version > 0).then_some(U256::from(5)),
        signed_at: at(n),
        state: match (n + version) % 7 {
            0 => TransactionState::Signed,
            1 => TransactionState::Pending,
            2 => TransactionState::Included {
                block,
                confirmations: 13,
            },
            3 => TransactionState::Final { block },
            4 => TransactionState::Reverted {
                block,
                reason: text("PoolNotReady", version),
            },
            5 => TransactionState::Replaced { by: None },
            _ => TransactionState::Unknown,
        },
        note: text("sent again", version),
    }
}

pub(super) fn exit(n: u8, version: u8) -> ExitView {
    ExitView {
        case: case_id(n),
        validator: BlsPublicKey([n; 48]),
        validator_index: Some(n.into()),
        epoch: None,
        state: text("published", version),
        over: version > 0,
        outcome: "it waits for a block".into(),
        verdicts: vec![NodeVerdict {
            node: "http://127.0.0.1:5052".into(),
            delivered: true,
            detail: "accepted".into(),
            at: at(version),
        }],
        times: milestones(),
    }
}

pub(super) fn validator(n: u8, version: u8) -> ValidatorView {
    ValidatorView {
        pool: PoolId(n.into()),
        // what an endpoint tells of two pools may be the same key
        public_key: BlsPublicKey([n / 2; 48]),
        operators: operators(n),
        index: Some(u64::MAX),
        status: text("active_ongoing", version),
        reshares: (version.into(), 3),
        can_reshare: Can::no("reshare/1 is open already"),
    }
}

pub(super) fn operator(n: u8, version: u8) -> OperatorView {
    OperatorView {
        id: OperatorId(n.into()),
        name: "alpha".into(),
        endpoint: "http://127.0.0.1:9101".into(),
        health: [Health::Up, Health::Unknown, Health::Degraded, Health::Down][usize::from(n) % 4],
        version: "0.2.13".into(),
        latency_ms: (version > 0).then_some(7),
        ceremonies_done: 12,
        ceremonies_failed: version.into(),
        note: text("no answer", version),
    }
}

/// Everything that is no list; `n` chooses among the possibilities.
pub(super) fn surroundings(n: u8) -> Snapshot {
    let links = [
        LinkState::Connecting,
        LinkState::CatchingUp,
        LinkState::Live,
        LinkState::Stale,
        LinkState::Down,
    ];
    let kinds = [
        EndpointKind::Execution,
        EndpointKind::Messenger,
        EndpointKind::Beacon,
    ];
    let authorised = [CheckStatus::Pass, CheckStatus::Unknown, CheckStatus::Fail];
    let modes = [Mode::Observe, Mode::Supervised, Mode::Auto];
    let endpoint = |kind| EndpointView {
        kind,
        name: "http://127.0.0.1:8545".into(),
        health: Health::Up,
        detail: text("anvil", n),
        latency_ms: Some(n.into()),
    };
    Snapshot {
        revision: n.into(),
        at: at(n),
        version: format!("0.1.{n}"),
        network: NetworkView {
            name: "devnet".into(),
            chain_id: 31_337,
            mainnet: n.is_multiple_of(2),
            simulated: vec!["SSV stand-in".into()],
            manager: Address::repeat_byte(n),
        },
        mode: modes[usize::from(n) % 3],
        paused: n.is_multiple_of(2).then(|| PauseView {
            by: "ada".into(),
            since: at(n),
        }),
        chain: ChainView {
            head: Some(block(n)),
            head_at: Some(at(n)),
            finalized: None,
            cursor: Some(block(n)),
            base_fee_wei: Some(U256::from(n)),
            link: links[usize::from(n) % 5],
            ready_queue: vec![PoolId(3)],
            owner_nonce: Some(4),
        },
        signer: SignerView {
            address: Some(Address::repeat_byte(n)),
            balance_wei: Some(U256::MAX),
            authorised: authorised[usize::from(n) % 3],
        },
        endpoints: kinds.map(endpoint).to_vec(),
        operators: vec![],
        cases: vec![],
        ceremonies: vec![],
        actions: vec![],
        transactions: vec![],
        exits: vec![],
        validators: vec![],
        older: Older {
            actions: n.into(),
            cases: [(RequestKind::Deposit, u64::from(n)), (RequestKind::Exit, 2)].into(),
            ..Older::default()
        },
        journal: JournalView {
            records: n.into(),
            head: Root([n; 32]),
            path: "state/journal.sqlite".into(),
            unwritable: n.is_multiple_of(2).then(|| "disk full".into()),
        },
        alarms: vec![text("the balance is low", n)],
    }
}

/// Every variant of every view at least once.
pub(crate) fn busy() -> Snapshot {
    let all = |n: u8| (n, n % 2);
    let numbers = || (0..30).map(all);
    Snapshot {
        operators: numbers().map(|(n, v)| operator(n, v)).collect(),
        cases: numbers().map(|(n, v)| case(n, v)).collect(),
        ceremonies: numbers().map(|(n, v)| ceremony(n, v)).collect(),
        actions: numbers().map(|(n, v)| action(n, v)).collect(),
        transactions: numbers().map(|(n, v)| transaction(n, v)).collect(),
        exits: numbers().map(|(n, v)| exit(n, v)).collect(),
        validators: numbers().map(|(n, v)| validator(n, v)).collect(),
        ..surroundings(2)
    }
}
