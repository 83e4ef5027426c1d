//! Engine states to draw and to decide on.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use alloy::primitives::{Address, Bytes, U256};
use casimir_dkg::oracle::{
    Action, ActionKind, ActionState, CallArgument, CallView, CaseStatus, Cause, CeremonyPayload, Decider,
    Decision, ExitPayload, Fact, FactKind, HistoryEntry, Mode, Payload, Proposal, TransactionPayload,
    Verdict,
};
use casimir_dkg::snapshot::*;
use casimir_dkg::types::*;
use ratatui::layout::Size;

use crate::console::app::{App, Settings};
use crate::console::keys::KeyMap;
use crate::console::msg::{Event, Msg, Now};
use crate::console::theme::{Depth, Theme};
use crate::console::update::update;

/// 2026-03-14 09:26:53 UTC.
pub(crate) const T0: UnixMillis = UnixMillis(1_773_480_413_000);

pub(crate) fn ago(seconds: u64) -> UnixMillis {
    UnixMillis(T0.0 - seconds * 1000)
}

pub(crate) fn root(n: u8) -> Root {
    let mut bytes = [n; 32];
    bytes[0] = 0x5e;
    bytes[31] = n.wrapping_mul(7);
    Root(bytes)
}

pub(crate) fn key(n: u8) -> BlsPublicKey {
    let mut bytes = [n; 48];
    bytes[0] = 0xa1;
    BlsPublicKey(bytes)
}

pub(crate) fn block(number: u64) -> BlockRef {
    BlockRef {
        number,
        hash: root((number % 251) as u8),
    }
}

pub(crate) fn action_id(text: &str) -> ActionId {
    text.parse().unwrap()
}

/// A state right after the start: nothing was read yet.
pub(crate) fn loading() -> Snapshot {
    Snapshot {
        revision: 0,
        at: T0,
        version: "0.1.0",
        network: NetworkView {
            name: "devnet".into(),
            chain_id: 31_337,
            mainnet: false,
            simulated: vec!["SSV stand-in".into(), "development beacon".into()],
            manager: Address::repeat_byte(0x42),
        },
        mode: Mode::Supervised,
        paused: None,
        chain: ChainView {
            head: None,
            head_at: None,
            finalized: None,
            cursor: None,
            base_fee_wei: None,
            link: LinkState::Connecting,
            ready_queue: vec![],
            owner_nonce: None,
        },
        signer: SignerView {
            address: None,
            balance_wei: None,
            authorised: CheckStatus::Unknown,
        },
        endpoints: vec![],
        operators: vec![],
        cases: vec![],
        ceremonies: vec![],
        actions: vec![],
        transactions: vec![],
        exits: vec![],
        validators: vec![],
        journal: JournalView {
            records: 0,
            head: Root::default(),
            path: "state/journal.sqlite".into(),
            unwritable: None,
        },
        alarms: vec![],
    }
}

/// Connected, and nothing was requested.
pub(crate) fn quiet() -> Snapshot {
    let operators = ["alpha", "bravo", "charlie", "delta", "echo", "foxtrot", "golf"];
    Snapshot {
        revision: 7,
        chain: ChainView {
            head: Some(block(19_204_112)),
            head_at: Some(ago(3)),
            finalized: Some(block(19_204_048)),
            cursor: Some(block(19_204_112)),
            base_fee_wei: Some(U256::from(12_345_678_901u64)),
            link: LinkState::Live,
            ready_queue: vec![],
            owner_nonce: Some(4),
        },
        signer: SignerView {
            address: Some(Address::repeat_byte(0xc5)),
            balance_wei: Some(U256::from(1_234_567_890_123_456_789u64)),
            authorised: CheckStatus::Pass,
        },
        endpoints: vec![
            endpoint(
                EndpointKind::Execution,
                "http://127.0.0.1:8545",
                Health::Up,
                "anvil/1.7.1",
                Some(2),
            ),
            endpoint(
                EndpointKind::Messenger,
                "http://127.0.0.1:9000",
                Health::Up,
                "7 subscribers",
                Some(1),
            ),
            endpoint(
                EndpointKind::Beacon,
                "http://127.0.0.1:5052",
                Health::Degraded,
                "syncing, 12 slots behind",
                Some(4),
            ),
        ],
        operators: operators
            .iter()
            .enumerate()
            .map(|(i, name)| OperatorView {
                id: OperatorId(i as u64 + 1),
                name: (*name).into(),
                endpoint: SafeText::new(&format!("http://127.0.0.1:{}", 9101 + i)),
                health: if i == 3 { Health::Down } else { Health::Up },
                version: if i == 3 { "".into() } else { "0.2.13".into() },
                latency_ms: (i != 3).then_some(3 + i as u64),
                ceremonies_done: 12,
                ceremonies_failed: u32::from(i == 3) * 2,
                note: if i == 3 {
                    "no answer for 4 min".into()
                } else {
                    "".into()
                },
            })
            .collect(),
        journal: JournalView {
            records: 41,
            head: root(9),
            path: "state/journal.sqlite".into(),
            unwritable: None,
        },
        ..loading()
    }
}

fn endpoint(
    kind: EndpointKind,
    name: &str,
    health: Health,
    detail: &str,
    latency_ms: Option<u64>,
) -> EndpointView {
    EndpointView {
        kind,
        name: name.into(),
        health,
        detail: detail.into(),
        latency_ms,
    }
}

/// An ordinary working day: everything at once.
pub(crate) fn busy() -> Snapshot {
    let deposit = send_deposit("deposit/3#2", 3);
    let exit = broadcast_exit("exit/1#2", 1);
    Snapshot {
        revision: 1204,
        actions: vec![
            deposit.clone(),
            exit,
            keygen("reshare/2#1", ActionState::Proposed, true),
            Action {
                state: ActionState::Executing,
                decision: Some(approved(40)),
                ..keygen("deposit/4#1", ActionState::Executing, false)
            },
            Action {
                decision: Some(approved(500)),
                ..keygen("deposit/3#1", ActionState::Done, false)
            },
        ],
        cases: vec![
            case(
                "deposit/4",
                CaseStatus::Ceremony,
                "Key generation runs with operators 1, 2, 5, 7.",
                12,
            ),
            case(
                "deposit/3",
                CaseStatus::AwaitingDecision,
                "The deposit is ready to send and waits for a decision.",
                95,
            ),
            case(
                "reshare/2",
                CaseStatus::AwaitingDecision,
                "A new committee is proposed and waits for a decision.",
                300,
            ),
            case(
                "exit/1",
                CaseStatus::AwaitingDecision,
                "The exit is signed and waits for a decision.",
                640,
            ),
            case("deposit/2", CaseStatus::Done, "Validator 1,017 is active.", 9_000),
            case(
                "deposit/1",
                CaseStatus::Done,
                "Validator 1,016 is active.",
                90_000,
            ),
            case(
                "deposit/0",
                CaseStatus::Attention,
                "The deposit was rejected: wrong pool.",
                200_000,
            ),
        ],
        ceremonies: vec![running(), verified(), timed_out()],
        transactions: vec![
            transaction(
                "deposit/2#2",
                18,
                TransactionState::Included {
                    block: block(19_204_100),
                    confirmations: 13,
                },
            ),
            transaction(
                "deposit/1#2",
                17,
                TransactionState::Final {
                    block: block(19_200_000),
                },
            ),
            transaction(
                "deposit/0#2",
                16,
                TransactionState::Reverted {
                    block: block(19_190_000),
                    reason: "PoolNotReady(0)".into(),
                },
            ),
        ],
        exits: vec![ExitView {
            case: "exit/1".parse().unwrap(),
            validator: key(1),
            validator_index: Some(1_016),
            epoch: Some(301_122),
            state: "signed".into(),
            verdicts: vec![
                NodeVerdict {
                    node: "http://127.0.0.1:5052".into(),
                    delivered: true,
                    detail: "200, in the pool".into(),
                    at: ago(20),
                },
                NodeVerdict {
                    node: "http://127.0.0.1:5053".into(),
                    delivered: false,
                    detail: "503, syncing".into(),
                    at: ago(20),
                },
            ],
            timeline: vec![
                ("requested".into(), Some(ago(640))),
                ("signed".into(), Some(ago(600))),
                ("exit epoch".into(), Some(UnixMillis(T0.0 + 3_900_000))),
                ("withdrawable".into(), None),
            ],
        }],
        validators: (1..=3u8)
            .map(|n| ValidatorView {
                pool: PoolId(n.into()),
                public_key: key(n),
                operators: [1, 2, 3, 5].map(OperatorId).to_vec(),
                index: (n < 3).then_some(1_015 + u64::from(n)),
                status: if n < 3 {
                    "active_ongoing".into()
                } else {
                    "no deposit yet".into()
                },
                reshares: (u64::from(n), 3),
            })
            .collect(),
        ..quiet()
    }
}

fn approved(seconds: u64) -> Decision {
    Decision {
        verdict: Verdict::Approve,
        decider: Decider::Person {
            name: "ada@console".into(),
        },
        at: ago(seconds),
        digest: root(3),
    }
}

pub(crate) fn finish(mut action: Action) -> Action {
    action.digest = action.proposal.digest(action.id);
    action
}

/// The transaction of a deposit.
pub(crate) fn send_deposit(id: &str, pool: u32) -> Action {
    let data: Vec<u8> = (0..420u32).map(|i| (i * 37 % 251) as u8).collect();
    finish(Action {
        id: action_id(id),
        proposal: Proposal {
            kind: ActionKind::SendDeposit,
            title: SafeText::new(&format!(
                "Deposit 32 ETH for pool {pool} with the new validator key."
            )),
            facts: vec![
                Fact::new("validator key", FactKind::Hex, key(3)),
                Fact::new("withdrawal credentials", FactKind::Hex, root(1)),
                Fact::new("deposit data root", FactKind::Hex, root(2)),
                Fact::new("operators", FactKind::Text, "1, 2, 3, 5"),
                Fact::new("amount", FactKind::Amount, "32 ETH from the pool"),
                Fact::new("manager", FactKind::Address, Address::repeat_byte(0x42)),
                Fact::new(
                    "registration",
                    FactKind::Warning,
                    "the SSV network is a stand-in on this chain",
                ),
            ],
            checks: vec![
                Check::pass("operator-outputs", "4 of 4 signed outputs present and equal"),
                Check::pass(
                    "deposit-signature",
                    "valid for 32 ETH, these credentials and fork version 0x00000000",
                ),
                Check::unknown(
                    "deposit-logs",
                    "no beacon node answers: pubkey not looked up in the beacon state",
                ),
                Check::pass("ready-queue", "pool 3 is at the head"),
                Check::pass(
                    "simulation",
                    "eth_call from the oracle address succeeds, 412,033 gas",
                ),
            ],
            payload: Payload::Transaction(TransactionPayload {
                chain_id: 31_337,
                from: Address::repeat_byte(0xc5),
                to: Address::repeat_byte(0x42),
                value_wei: U256::ZERO,
                data: Bytes::from(data),
                fee_ceiling_wei: U256::from(20_000_000_000_000_000u64),
                call: Some(CallView {
                    function: "initiatePoolDeposit".to_owned(),
                    arguments: vec![
                        argument("depositDataRoot", "bytes32", root(2)),
                        argument("publicKey", "bytes", key(3)),
                        argument("operatorIds", "uint64[]", "1, 2, 3, 5"),
                        argument("feeAmount", "uint256", "1200000000000000000"),
                    ],
                }),
            }),
        },
        digest: Root::default(),
        proposed_at: ago(95),
        state: ActionState::Proposed,
        decision: None,
    })
}

fn argument(name: &str, solidity_type: &str, value: impl ToString) -> CallArgument {
    CallArgument {
        name: name.to_owned(),
        solidity_type: solidity_type.to_owned(),
        value: SafeText::new(&value.to_string()),
    }
}

/// A ceremony to start.
pub(crate) fn keygen(id: &str, state: ActionState, reshare: bool) -> Action {
    let id = action_id(id);
    let committee = [1, 2, 3, 5].map(OperatorId).to_vec();
    let plan = if reshare {
        CeremonyPlan::Reshare {
            validator: key(2),
            old: [1, 2, 3].map(OperatorId).to_vec(),
            new: committee,
            threshold: 3,
        }
    } else {
        CeremonyPlan::Keygen {
            committee,
            threshold: 3,
            withdrawal_credentials: root(1),
            fork_version: ForkVersion([0, 0, 0, 0]),
        }
    };
    let (kind, title) = if reshare {
        (
            ActionKind::Reshare,
            format!("Hand the key of pool {} to operators 1, 2, 3, 5.", id.case.pool),
        )
    } else {
        (
            ActionKind::Keygen,
            format!(
                "Create a validator key for pool {} with operators 1, 2, 3, 5.",
                id.case.pool
            ),
        )
    };
    finish(Action {
        id,
        proposal: Proposal {
            kind,
            title: title.as_str().into(),
            facts: vec![Fact::new(
                "operators",
                FactKind::Text,
                "1 alpha, 2 bravo, 3 charlie, 5 echo",
            )],
            checks: vec![
                Check::pass("operators-reachable", "4 of 4 answer, slowest 7 ms"),
                Check::pass("messenger", "answers, topic unused"),
            ],
            payload: Payload::Ceremony(CeremonyPayload { plan }),
        },
        digest: Root::default(),
        proposed_at: ago(310),
        state,
        decision: None,
    })
}

/// An exit to broadcast.
pub(crate) fn broadcast_exit(id: &str, pool: u32) -> Action {
    finish(Action {
        id: action_id(id),
        proposal: Proposal {
            kind: ActionKind::BroadcastExit,
            title: SafeText::new(&format!(
                "Publish the voluntary exit of validator 1016 of pool {pool}."
            )),
            facts: vec![Fact::new("validator key", FactKind::Hex, key(1))],
            checks: vec![Check::pass("signature", "valid under the validator key")],
            payload: Payload::Exit(ExitPayload {
                validator: key(1),
                validator_index: 1_016,
                epoch: 301_122,
                signing_root: root(4),
                signature: BlsSignature([7; 96]),
            }),
        },
        digest: Root::default(),
        proposed_at: ago(600),
        state: ActionState::Proposed,
        decision: None,
    })
}

pub(crate) fn case(id: &str, status: CaseStatus, sentence: &str, since: u64) -> CaseView {
    let id: CaseId = id.parse().unwrap();
    let n = id.pool.0 as u8;
    CaseView {
        id,
        kind: id.kind,
        pool: id.pool,
        cause: Cause::Event {
            log: LogRef {
                block: block(19_204_000 - since),
                transaction: root(n),
                index: 3,
            },
        },
        opened_at: ago(since + 30),
        status,
        sentence: sentence.into(),
        since: ago(since),
        action: (status == CaseStatus::AwaitingDecision).then(|| {
            let number = if id.kind == RequestKind::Reshare { 1 } else { 2 };
            ActionId { case: id, number }
        }),
        ceremony: (status == CaseStatus::Ceremony).then(|| running().id),
        validator: (status != CaseStatus::Ceremony).then(|| key(n)),
        history: vec![
            HistoryEntry {
                at: ago(since + 30),
                text: "Requested in block 19,203,905.".into(),
                record: 31,
            },
            HistoryEntry {
                at: ago(since + 20),
                text: "Key generation proposed.".into(),
                record: 33,
            },
            HistoryEntry {
                at: ago(since),
                text: sentence.into(),
                record: 40,
            },
        ],
        paused: false,
    }
}

fn ceremony(n: u8, case: &str, kind: CeremonyKind) -> CeremonyView {
    CeremonyView {
        id: RequestId([n; 24]),
        case: case.parse().unwrap(),
        kind,
        what: "".into(),
        attempt: 1,
        threshold: 3,
        rounds: Round::of(kind).to_vec(),
        operators: BTreeMap::new(),
        old_committee: vec![],
        committee: [1, 2, 5, 7].map(OperatorId).to_vec(),
        started_at: ago(12),
        deadline: None,
        ended: None,
        checks: vec![],
        transcript: None,
    }
}

fn progress(state: OperatorState, note: &str, seen: &[(Round, u64)]) -> OperatorProgress {
    OperatorProgress {
        state,
        seen: seen
            .iter()
            .map(|(round, ms)| (*round, UnixMillis(ago(12).0 + ms)))
            .collect(),
        note: note.into(),
    }
}

/// A key generation in its second round.
pub(crate) fn running() -> CeremonyView {
    use Round as R;
    let all = [
        (R::Started, 40),
        (R::Preparation, 110),
        (R::Round1, 420),
        (R::Round2, 700),
    ];
    let mut view = ceremony(0xab, "deposit/4", CeremonyKind::Keygen);
    view.deadline = Some(UnixMillis(T0.0 + 48_000));
    view.operators = [
        (1, progress(OperatorState::Working, "round 2 sent", &all)),
        (2, progress(OperatorState::Working, "round 1 sent", &all[..3])),
        (
            5,
            progress(
                OperatorState::Failing,
                "answered 500: wait a moment, please",
                &all[..2],
            ),
        ),
        (7, progress(OperatorState::Working, "round 2 sent", &all)),
    ]
    .map(|(id, p)| (OperatorId(id), p))
    .into();
    view
}

/// A verified reshare.
pub(crate) fn verified() -> CeremonyView {
    use Round as R;
    let old = [
        (R::Started, 30),
        (R::Preparation, 90),
        (R::Round1, 300),
        (R::Output, 900),
    ];
    let new = [
        (R::Started, 30),
        (R::Preparation, 95),
        (R::Round2, 600),
        (R::Output, 910),
    ];
    let both = [
        (R::Started, 30),
        (R::Preparation, 95),
        (R::Round1, 310),
        (R::Round2, 600),
        (R::Output, 910),
    ];
    let mut view = ceremony(0xcd, "reshare/1", CeremonyKind::Reshare);
    view.old_committee = [1, 2, 3].map(OperatorId).to_vec();
    view.committee = [1, 2, 5, 7].map(OperatorId).to_vec();
    view.operators = [
        (1, &both[..]),
        (2, &both[..]),
        (3, &old[..]),
        (5, &new[..]),
        (7, &new[..]),
    ]
    .map(|(id, seen)| {
        (
            OperatorId(id),
            progress(OperatorState::Done, "output signed", seen),
        )
    })
    .into();
    view.ended = Some((
        UnixMillis(ago(12).0 + 950),
        CeremonyEnd::Verified { validator: key(1) },
    ));
    view.checks = vec![
        Check::pass("same-key", "the reshared key equals the validator key"),
        Check::pass("share-keys", "every 3 of 4 interpolate to the validator key"),
    ];
    view.transcript = Some("transcripts/cdcdcd.json".into());
    view
}

/// A key generation that one operator let time out.
pub(crate) fn timed_out() -> CeremonyView {
    use Round as R;
    let seen = [(R::Started, 40), (R::Preparation, 110)];
    let mut view = ceremony(0xef, "deposit/0", CeremonyKind::Keygen);
    view.attempt = 2;
    view.operators = [1, 2, 5]
        .map(|id| {
            (
                OperatorId(id),
                progress(OperatorState::Working, "session key sent", &seen),
            )
        })
        .into();
    view.operators.insert(
        OperatorId(4),
        progress(OperatorState::Missing, "nothing since the start", &seen[..1]),
    );
    view.committee = [1, 2, 4, 5].map(OperatorId).to_vec();
    view.ended = Some((
        UnixMillis(ago(12).0 + 60_000),
        CeremonyEnd::Failed(CeremonyFailure {
            kind: FailureKind::Timeout,
            round: Some(Round::Preparation),
            culprits: vec![OperatorId(4)],
            reason: "operator 4 sent nothing in the preparation for 60 s".into(),
            blames: vec![Blame {
                blamer: OperatorId(2),
                culprit: None,
                proven: false,
                reason: "no share received from 4".into(),
            }],
        }),
    ));
    view
}

pub(crate) fn transaction(action: &str, nonce: u64, state: TransactionState) -> TransactionView {
    TransactionView {
        action: action_id(action),
        function: "initiatePoolDeposit".into(),
        nonce,
        hashes: vec![root(nonce as u8), root(nonce as u8 + 1)],
        raw: Bytes::from(vec![2; 100]),
        max_fee_wei: U256::from(30_000_000_000u64),
        priority_fee_wei: U256::from(1_000_000_000u64),
        gas_limit: 600_000,
        fee_ceiling_wei: U256::from(20_000_000_000_000_000u64),
        fee_paid_wei: state.is_over().then(|| U256::from(5_123_456_789_012_345u64)),
        signed_at: ago(160),
        state,
        note: "Sent again with a higher fee.".into(),
    }
}

/// What tests vary.
pub(crate) struct Setup {
    pub(crate) depth: Depth,
    pub(crate) theme: Option<&'static str>,
    pub(crate) ascii: bool,
    pub(crate) read_only: bool,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            depth: Depth::Ansi,
            theme: None,
            ascii: false,
            read_only: false,
        }
    }
}

pub(crate) fn app_with(snapshot: Snapshot, setup: Setup) -> App {
    let settings = Settings {
        keys: KeyMap::new(None, setup.read_only).unwrap(),
        theme: Theme::choose(setup.theme, None, setup.depth).unwrap(),
        ascii: setup.ascii,
        animations: true,
        notify: true,
        grace: Duration::from_millis(350),
        read_only: setup.read_only,
        allow_suspend: false,
        user: "ada@console".into(),
    };
    let now = Now {
        wall: T0,
        mono: Duration::from_secs(100),
    };
    App::new(settings, Arc::new(snapshot), now, Size::new(120, 40), false)
}

pub(crate) fn app(snapshot: Snapshot) -> App {
    app_with(snapshot, Setup::default())
}

/// A driver for tests: a clock that only tests move.
pub(crate) struct Driver {
    pub(crate) app: App,
    pub(crate) mono: Duration,
}

impl Driver {
    pub(crate) fn new(app: App) -> Self {
        Self {
            mono: app.now.mono,
            app,
        }
    }

    pub(crate) fn send(&mut self, event: Event) -> Vec<crate::console::effect::Effect> {
        let wall = T0.plus(self.mono - Duration::from_secs(100));
        let at = Now {
            wall,
            mono: self.mono,
        };
        update(&mut self.app, Msg { at, event })
    }

    /// Time passes and a frame is painted.
    pub(crate) fn look(&mut self, milliseconds: u64) {
        self.send(Event::Drawn);
        self.mono += Duration::from_millis(milliseconds);
        self.send(Event::Tick);
    }

    /// Keys in a burst, without a frame between them.
    pub(crate) fn keys(&mut self, keys: &str) -> Vec<crate::console::effect::Effect> {
        let mut out = Vec::new();
        for key in keys.split(' ') {
            let key = key.parse().unwrap();
            out.extend(self.send(Event::Key { key, repeat: false }));
        }
        out
    }

    /// Keys by a person: each with a look at the screen before it.
    pub(crate) fn slowly(&mut self, keys: &str) -> Vec<crate::console::effect::Effect> {
        let mut out = Vec::new();
        for key in keys.split(' ') {
            self.look(400);
            out.extend(self.keys(key));
        }
        self.look(400);
        out
    }

    /// Types a text.
    pub(crate) fn types(&mut self, text: &str) {
        for c in text.chars() {
            let key = if c == ' ' {
                "space".to_owned()
            } else {
                c.to_string()
            };
            self.keys(&key);
        }
    }
}
