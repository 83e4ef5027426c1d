//! From a state to each reason to wait, and from the reason to everybody who is told: one scene for each, and none without.

use alloy::primitives::{Bytes, U256};

use super::tests::{operator, snapshot_with};
use super::*;
use crate::engine::notices::notice;
use crate::engine::publish::tests::{case_id, keygen, live, propose, state, take_at, transaction};
use crate::engine::{Costs, LiveUpdate, OracleProbe, Reminder, Reminders, channel};
use crate::monitor::Probe as _;
use crate::oracle::{
    AccountFacts, ActionKind, Cause, CeremonyRole, CeremonySuccess, ChainFacts, Command, Decider, Decision,
    ExitPayload, ExitStanding, Input, Mode, Payload, Prepared, Purpose, Reach, Record, Step, TwoPersons,
    UndoWindows, ValidatorPhase, Verdict,
};
use crate::ports::notifier::NoticePhase;
use crate::types::{
    ActionId, BackendName, BlockRef, BlsPublicKey, BlsSignature, CaseId, CeremonyFailure, CeremonyPlan,
    CeremonyResult, Check, CheckStatus, FailureKind, KeygenOutput, NonceStatus, OperatorId, PoolId,
    RequestId, RequestKind, Root, SignedTransaction,
};
use crate::view::{EndpointKind, EndpointView, Health, LinkState, Wait, WaitReason};

/// From each thing that happens in a scene to the next one: whatever was there before is old.
const BETWEEN: Duration = Duration::from_secs(86_400);

/// For so long an approval is good in a scene.
const APPROVAL: Duration = Duration::from_secs(30 * 86_400);

/// A state, and what is shown beside it.
struct Scene {
    state: State,
    /// When the last thing happened.
    at: UnixMillis,
    live: Live,
    unwritable: Option<SafeText>,
}

impl Scene {
    /// Nothing waits.
    fn new(mode: Mode) -> Self {
        let mut state = state(mode);
        state.settings.approval_expires_ms = u64::try_from(APPROVAL.as_millis()).unwrap();
        let scene = Self {
            state,
            at: UnixMillis(10),
            live: live(),
            unwritable: None,
        };
        scene.shows(LiveUpdate::Link(LinkState::Live))
    }

    fn record(mut self, record: Record) -> Self {
        self.at = self.at.plus(BETWEEN);
        self.state.apply(self.state.newest + 1, self.at, &record);
        self
    }

    fn hears(mut self, input: Input) -> Self {
        self.at = self.at.plus(BETWEEN);
        take_at(&mut self.state, self.at, input);
        self
    }

    fn shows(mut self, update: LiveUpdate) -> Self {
        self.live.update(self.at, update);
        self
    }

    fn asks(self, command: Command) -> Self {
        self.hears(Input::Command {
            by: "ada (uid 1000)".into(),
            command,
        })
    }

    /// The chain, with these pools ready.
    fn sees(self, ready: &[u32]) -> Self {
        self.sees_at(10, ready)
    }

    fn sees_at(self, head: u64, ready: &[u32]) -> Self {
        let facts = ChainFacts {
            head: Some(block(head)),
            ready: ready.iter().copied().map(PoolId).collect(),
            owner_nonce: Some(0),
            ..ChainFacts::default()
        };
        self.hears(Input::Started)
            .hears(Input::CaughtUp { finalized: None })
            .hears(Input::Facts(Box::new(facts)))
    }

    fn opened(mode: Mode) -> Self {
        let cause = Cause::Manual {
            by: "ada".into(),
            at: UnixMillis(10),
        };
        let case = deposit();
        Self::new(mode).record(Record::CaseOpened { case, cause })
    }

    fn proposed(mode: Mode, case: CaseId, payload: Payload, checks: Vec<Check>) -> Self {
        let mut scene = Self::new(mode);
        propose(&mut scene.state, case, payload, checks);
        scene
    }

    /// A person approved its one action.
    fn approved(self) -> Self {
        let action = self.action();
        let by = Decider::person("ada (uid 1000)");
        let decision = Decision::alone(Verdict::Approve, by, self.at, self.state.actions[&action].digest);
        self.record(Record::Decided { action, decision })
    }

    fn approves(self) -> Self {
        let action = self.action();
        let digest = self.state.actions[&action].digest;
        self.asks(Command::Approve {
            action,
            digest,
            phrase: None,
        })
    }

    fn action(&self) -> ActionId {
        *self.state.actions.keys().next().unwrap()
    }

    /// A key generation that was approved and runs.
    fn runs(ready: &[u32]) -> Self {
        let scene = Self::proposed(Mode::Supervised, deposit(), keygen(), Vec::new());
        let scene = scene.sees(ready).approves();
        let action = scene.action();
        let proposal = scene.state.actions[&action].proposal.clone();
        scene.hears(Input::Prepared {
            case: action.case,
            purpose: Purpose::Send(action),
            outcome: Prepared::Proposal(Box::new(proposal)),
        })
    }

    /// It has made a key.
    fn made(ready: &[u32]) -> Self {
        let scene = Self::runs(ready);
        let Step::RunCeremony(request) = scene.state.cases[&deposit()].step else {
            panic!("it runs");
        };
        let key = BlsPublicKey([5; 48]);
        let output = KeygenOutput {
            validator: key,
            deposit_signature: BlsSignature::default(),
            share_public_keys: [1, 2, 3, 5].map(|id| (OperatorId(id), key)).into(),
            encrypted_shares: Default::default(),
            registration: None,
            handed_back: Default::default(),
        };
        let success = CeremonySuccess {
            result: CeremonyResult::Keygen(output),
            checks: Vec::new(),
        };
        scene.hears(Input::CeremonyEnded {
            request,
            outcome: Ok(Box::new(success)),
            transcript: None,
        })
    }

    /// A deposit that was signed.
    fn signed() -> Self {
        let scene = Self::proposed(Mode::Supervised, deposit(), transaction(), Vec::new()).approved();
        let action = scene.action();
        scene.record(Record::TransactionSigned {
            action,
            transaction: SignedTransaction {
                raw: Bytes::new(),
                hash: Root([8; 32]),
                nonce: 7,
                max_fee_wei: U256::from(1),
                priority_fee_wei: U256::from(1),
                gas_limit: 1,
            },
        })
    }

    fn stands(self, status: NonceStatus) -> Self {
        let action = self.action();
        self.record(Record::TransactionStatus { action, status })
    }

    /// An exit that was approved and offered.
    fn offered(standing: ExitStanding) -> Self {
        let scene = Self::proposed(Mode::Supervised, exit(), exit_payload(), Vec::new()).approved();
        let action = scene.action();
        scene.record(Record::ExitPublished {
            action,
            verdicts: Vec::new(),
            standing: Some(standing),
        })
    }

    fn account(self, next: u64, balance: u64) -> Self {
        let account = AccountFacts {
            address: Default::default(),
            next,
            pending: next,
            balance_wei: U256::from(balance),
            is_open: false,
        };
        self.hears(Input::Facts(Box::new(ChainFacts {
            account: Some(account),
            ..ChainFacts::default()
        })))
    }

    fn snapshot(&self) -> Snapshot {
        snapshot_with(&self.state, &self.live, self.unwritable.as_ref())
    }

    fn wait(&self, reason: WaitReason) -> Wait {
        let waits = self.snapshot().waits;
        let found = waits.iter().find(|wait| wait.reason == reason).cloned();
        let all: Vec<_> = waits.iter().map(|wait| wait.reason.code()).collect();
        found.unwrap_or_else(|| panic!("{reason} is not among {}", all.join(", ")))
    }
}

fn deposit() -> CaseId {
    case_id(RequestKind::Deposit, 3)
}

fn exit() -> CaseId {
    case_id(RequestKind::Exit, 3)
}

fn block(number: u64) -> BlockRef {
    BlockRef {
        number,
        hash: Root([9; 32]),
    }
}

fn exit_payload() -> Payload {
    Payload::Exit(ExitPayload {
        validator: BlsPublicKey([5; 48]),
        validator_index: 4,
        epoch: 8,
        signing_root: Root([9; 32]),
        signature: BlsSignature::default(),
    })
}

fn plan() -> CeremonyPlan {
    match keygen() {
        Payload::Ceremony(payload) => payload.plan,
        Payload::Transaction(_) | Payload::Exit(_) => unreachable!("it is a ceremony"),
    }
}

const REQUEST: RequestId = RequestId([1; 24]);

fn started() -> Record {
    Record::CeremonyStarted {
        request: REQUEST,
        case: deposit(),
        action: None,
        role: CeremonyRole::Main,
        attempt: 1,
        plan: plan(),
        backend: BackendName::default(),
    }
}

fn included(success: bool) -> NonceStatus {
    NonceStatus::Included {
        hash: Root([8; 32]),
        block: block(10),
        success,
        reason: None,
        fee_paid_wei: U256::from(1),
        served: None,
        is_final: false,
        overtaken: false,
    }
}

fn endpoints(kind: EndpointKind, healths: &[Health]) -> LiveUpdate {
    let one = |health: &Health| EndpointView {
        kind,
        name: "http://a".into(),
        health: *health,
        detail: "refused".into(),
        latency_ms: None,
    };
    LiveUpdate::Endpoints(kind, healths.iter().map(one).collect())
}

fn operators(healths: &[Health]) -> LiveUpdate {
    let each = (1..).zip(healths).map(|(id, health)| operator(id, *health));
    LiveUpdate::Operators(each.collect())
}

/// The alarm under which a reason is told that is nothing but an alarm.
fn alarm_of(reason: WaitReason) -> Option<&'static str> {
    use WaitReason as Reason;
    Some(match reason {
        Reason::JournalVerifying => "journal",
        Reason::ContractUnread => "contract",
        Reason::OperatorsUnread => "operators",
        Reason::EventsUntold => "chain",
        Reason::FactsUnread => "facts",
        Reason::LogsDoubted => "logs",
        Reason::HeadDoubted => "head",
        Reason::ExecutionSyncing => "syncing",
        Reason::ClockDiffers => "clock",
        Reason::SsvUnsuited => "ssv",
        Reason::VersionLacks => "version",
        Reason::NameTaken => "name",
        Reason::RulesSuspended => "rules",
        Reason::FromBlockUnset => "from-block",
        Reason::StateDoubted => "state",
        Reason::OneVoice => "voices",
        Reason::ReceiptDoubted => "receipt",
        Reason::SignerAway => "signer",
        Reason::TranscriptUnwritten => "transcript",
        Reason::ForeignCeremony => "ceremonies",
        Reason::PartDied => "lane",
        Reason::Fatal => "fatal",
        Reason::Alarm => "something else",
        _ => return None,
    })
}

/// What holds everything up, or nothing of ours.
fn around(reason: WaitReason) -> Option<Scene> {
    use WaitReason as Reason;
    if let Some(subject) = alarm_of(reason) {
        return Some(Scene::new(Mode::Supervised).shows(LiveUpdate::Alarm(subject, "so it is".into())));
    }
    let quiet = || Scene::new(Mode::Supervised);
    Some(match reason {
        Reason::Paused => quiet().asks(Command::Pause(None)),
        Reason::ForeignTransaction => quiet().hears(Input::Started).account(0, 1).account(1, 1),
        Reason::Observing => Scene::new(Mode::Observe),
        Reason::ModeSwitched => Scene::new(Mode::Auto).asks(Command::SwitchMode {
            to: Mode::Supervised,
            word: None,
        }),
        Reason::JournalUnwritable => Scene {
            unwritable: Some("no space left".into()),
            ..quiet()
        },
        Reason::JournalAhead => quiet()
            .record(Record::EventsRead { upto: block(1_000) })
            .sees(&[]),
        Reason::AccountUnadopted => quiet().hears(Input::Started).account(5, 1),
        Reason::CatchingUp => quiet().shows(LiveUpdate::Link(LinkState::CatchingUp)),
        Reason::ChainStale => quiet().shows(LiveUpdate::Link(LinkState::Stale)),
        Reason::ChainDown => quiet().shows(LiveUpdate::Link(LinkState::Down)),
        Reason::EndpointDown => {
            quiet().shows(endpoints(EndpointKind::Execution, &[Health::Down, Health::Up]))
        }
        Reason::ExecutionAway => quiet().shows(endpoints(EndpointKind::Execution, &[Health::Down])),
        Reason::RelayAway => quiet().shows(endpoints(EndpointKind::Relay, &[Health::Down])),
        Reason::BeaconAway => quiet().shows(endpoints(EndpointKind::Beacon, &[Health::Down])),
        Reason::OperatorDown => quiet().shows(operators(&[Health::Down])),
        Reason::OperatorNotKnown => quiet().shows(operators(&[Health::Unknown])),
        Reason::OperatorsShort => quiet().shows(operators(&[Health::Up, Health::Down])),
        Reason::NotAuthorised => quiet().shows(LiveUpdate::Authorised(CheckStatus::Fail)),
        Reason::BalanceLow | Reason::BalanceOut => {
            let costs = Costs {
                ceiling_wei: U256::from(100),
                least_deposits: 8,
            };
            let balance = if reason == Reason::BalanceOut { 99 } else { 799 };
            quiet().shows(LiveUpdate::Costs(costs)).account(0, balance)
        }
        _ => return None,
    })
}

/// Why a case waits for a decision, for its last checks, or for people.
fn undecided(reason: WaitReason) -> Option<Scene> {
    use WaitReason as Reason;
    let proposed = |mode| Scene::proposed(mode, deposit(), keygen(), Vec::new());
    let checked = |check| Scene::proposed(Mode::Supervised, deposit(), keygen(), vec![check]);
    let case = deposit();
    Some(match reason {
        Reason::Decision => proposed(Mode::Supervised),
        Reason::ExitDecision => Scene::proposed(Mode::Supervised, exit(), exit_payload(), Vec::new()),
        Reason::SecondPerson => by_two(Vec::new()).approves(),
        // no rule is configured
        Reason::Policy => proposed(Mode::Auto).hears(Input::Started).hears(Input::Tick),
        Reason::CheckFailed => checked(Check::fail("balance", "0 ETH")),
        Reason::CasePaused => proposed(Mode::Supervised).asks(Command::Pause(Some(case))),
        Reason::HeldByPause => proposed(Mode::Supervised).approved().asks(Command::Pause(None)),
        Reason::Observed => proposed(Mode::Observe),
        Reason::LastChecks => proposed(Mode::Supervised).approved(),
        Reason::UndoWindow => {
            let mut scene = proposed(Mode::Supervised).approved();
            let undo = &mut scene.state.settings.policy.undo;
            undo.set(ActionKind::Keygen, UndoWindows::PUBLIC);
            scene.hears(Input::Tick)
        }
        Reason::NoEndpoint => proposed(Mode::Supervised)
            .approved()
            .hears(Input::Sight(Reach::Lost)),
        // made by a process before this one
        Reason::Refreshing => checked(Check::pass("balance", "1 ETH")).approves(),
        Reason::Epoch => {
            let scene = Scene::proposed(Mode::Supervised, exit(), exit_payload(), Vec::new()).approved();
            let action = scene.action();
            scene.record(Record::ExitDeferred {
                action,
                until: UnixMillis::default().plus(APPROVAL),
                reason: "its epoch has not come".into(),
            })
        }
        _ => return None,
    })
}

/// A key generation that takes two people.
fn by_two(checks: Vec<Check>) -> Scene {
    let mut scene = Scene::proposed(Mode::Supervised, deposit(), keygen(), checks);
    scene.state.settings.policy.two_persons = vec![TwoPersons {
        kinds: vec![crate::oracle::ActionKind::Keygen],
        at_least_wei: None,
        personal_keys: false,
    }];
    scene
}

/// What is over, and listed by the contract all the same.
fn over(reason: WaitReason) -> Option<Scene> {
    use WaitReason as Reason;
    let opened = || Scene::opened(Mode::Supervised);
    let case = deposit();
    Some(match reason {
        Reason::GivenUp => opened()
            .record(Record::CaseGivenUp {
                case,
                by: "ada".into(),
                reason: "a mistake".into(),
            })
            .sees(&[3]),
        Reason::ListedAgain => opened()
            .record(Record::CaseClosed {
                case,
                outcome: "the validator is active".into(),
            })
            .sees(&[3])
            .sees_at(12, &[3]),
        _ => return None,
    })
}

/// Where else a case stands still.
fn under_way(reason: WaitReason) -> Option<Scene> {
    use WaitReason as Reason;
    let opened = || Scene::opened(Mode::Supervised);
    let case = deposit();
    Some(match reason {
        Reason::Orphaned => opened().record(Record::CauseLost { case }),
        Reason::Attention => opened().record(Record::CaseHalted {
            case,
            reason: "refused".into(),
        }),
        Reason::AttemptFailed => opened().record(started()).record(Record::CeremonyFailed {
            request: REQUEST,
            failure: CeremonyFailure {
                kind: FailureKind::Timeout,
                round: None,
                culprits: vec![OperatorId(2)],
                reason: "operator 2 sent nothing".into(),
                blames: Vec::new(),
            },
            transcript: None,
        }),
        Reason::Gathering => opened(),
        Reason::Held => opened().hears(Input::Started).hears(Input::Tick),
        Reason::Turn => Scene::made(&[4, 3]),
        Reason::ServedElsewhere => opened().record(Record::PoolServed {
            case,
            transaction: Root([7; 32]),
            by: None,
            log: None,
        }),
        Reason::Ceremony => Scene::runs(&[3]),
        // begun by a process before this one
        Reason::CeremonyUnknown => opened().record(started()),
        Reason::Registration => Scene::made(&[3]),
        Reason::TransactionUnknown => Scene::signed(),
        Reason::TransactionUnsent => {
            let scene = Scene::signed();
            let action = scene.action();
            scene.hears(Input::Inspected {
                action,
                status: Some(NonceStatus::Missing),
            })
        }
        Reason::TransactionPending => Scene::signed().stands(NonceStatus::Pending),
        Reason::Finality => Scene::signed().stands(included(true)),
        Reason::Reverted => Scene::signed().stands(included(false)),
        Reason::NonceUsed => Scene::signed().stands(NonceStatus::Replaced {
            by: Some(Root([6; 32])),
            is_final: false,
        }),
        Reason::ExitUnseen => Scene::offered(ExitStanding::Delivered),
        Reason::ExitRefused => Scene::offered(ExitStanding::Refused),
        Reason::ExitUndelivered => Scene::offered(ExitStanding::Unheard),
        Reason::Following => Scene::offered(ExitStanding::Delivered).record(Record::ValidatorPhaseSeen {
            case: exit(),
            phase: ValidatorPhase::Exiting,
            since: None,
            validator: None,
        }),
        _ => return None,
    })
}

fn scene_of(reason: WaitReason) -> Scene {
    let scene = around(reason)
        .or_else(|| undecided(reason))
        .or_else(|| over(reason))
        .or_else(|| under_way(reason));
    scene.unwrap_or_else(|| panic!("no state comes to {reason}"))
}

/// Each reason comes of a state, and everybody is told of it by its name: the sentence, JSON, notices and metrics. How front
/// ends word it, their own tests say of every reason.
#[test]
fn every_reason_comes_of_a_state_and_reaches_everybody() {
    for reason in WaitReason::ALL.iter().copied() {
        let scene = scene_of(reason);
        let wait = scene.wait(reason);
        assert!(!wait.sentence.as_str().is_empty(), "{reason} says why");
        let json = serde_json::to_value(&wait).unwrap();
        assert_eq!(json["reason"], reason.code());
        assert_eq!(json["sentence"], wait.sentence.as_str());

        let snapshot = scene.snapshot();
        let told = notice(
            &Reminder::Waits(NoticePhase::Begun, wait.clone()),
            &snapshot,
            scene.at,
        );
        assert_eq!(told.reason.as_deref(), Some(reason.code()));
        assert!(
            told.sentence.as_str().contains(wait.sentence.as_str()),
            "{told:?}"
        );

        let (_side, handle) = channel(snapshot);
        let metrics = OracleProbe::new(&handle, Vec::new()).metrics();
        let counted = format!("casimir_oracle_waits{{reason=\"{}\"", reason.code());
        let line = metrics.lines().find(|line| line.starts_with(&counted)).unwrap();
        assert!(!line.ends_with(" 0"), "{line}");
    }
}

/// Whatever holds an approval, it is known until when that is good.
#[test]
fn what_holds_an_approval_says_until_when_that_is_good() {
    let until = |scene: &Scene| {
        let action = &scene.state.actions[&scene.action()];
        Some(action.approved_since()?.plus(APPROVAL))
    };
    let proposed = |mode| Scene::proposed(mode, deposit(), keygen(), Vec::new());
    let paused = |scene: Scene| scene.asks(Command::Pause(Some(deposit())));
    let due = |scene: &Scene, reason| scene.wait(reason).due;
    let held = paused(proposed(Mode::Supervised).approved());
    assert!(until(&held).is_some());
    assert_eq!(due(&held, WaitReason::CasePaused), until(&held));
    let undecided = paused(proposed(Mode::Supervised));
    assert_eq!(
        due(&undecided, WaitReason::CasePaused),
        None,
        "nobody approved it"
    );
    let observed = proposed(Mode::Observe).approved();
    assert_eq!(due(&observed, WaitReason::Observed), until(&observed));
    assert_eq!(due(&proposed(Mode::Observe), WaitReason::Observed), None);
    // one of two approved it, and then a check failed
    let scene = by_two(Vec::new());
    let action = scene.action();
    let digest = scene.state.actions[&action].digest;
    let mut proposal = scene.state.actions[&action].proposal.clone();
    proposal.checks = vec![Check::fail("balance", "0 ETH")];
    let decision = Decision::alone(Verdict::Approve, Decider::person("ada"), scene.at, digest);
    let scene = scene
        .record(Record::Endorsed { action, decision })
        .record(Record::ActionChanged {
            action,
            proposal: Box::new(proposal),
            digest,
        });
    assert_eq!(due(&scene, WaitReason::CheckFailed), until(&scene));
}

/// A step may be days old when a reason begins within it, as an approval does in that of its decision.
#[test]
fn a_reason_that_begins_late_in_an_old_step_is_told_no_earlier_than_any_other() {
    for reason in WaitReason::ALL.iter().copied() {
        let scene = scene_of(reason);
        let waits = scene.snapshot().waits;
        let late = match reason {
            // it lapses within minutes, so it is never this old
            WaitReason::Refreshing => scene.at.plus(Duration::from_secs(2)),
            _ => scene.at.plus(BETWEEN),
        };
        let (mut begun, mut reminders) = (Begun::default(), Reminders::new(STARTING, STARTING));
        begun.stamp(&mut [], UnixMillis(1));
        begun.stamp(&mut [], UnixMillis(late.0 - 1_000));
        let usual = reason.usual_for();
        let last = usual.saturating_sub(Duration::from_millis(1));
        for passed in [Duration::ZERO, usual / 2, last] {
            let mut waits = waits.clone();
            begun.stamp(&mut waits, late.plus(passed));
            let told = reminders.look(&waits, late.plus(passed));
            let early = told.iter().find(|told| match told {
                Reminder::Deadline(_, wait) => wait.reason == reason,
                Reminder::Waits(_, wait) => wait.reason == reason && !usual.is_zero(),
            });
            assert_eq!(early, None, "{reason} after {passed:?} of {usual:?}");
            let wait = waits.iter().find(|wait| wait.reason == reason).unwrap();
            assert_eq!(wait.since, late, "{reason}");
        }
    }
}

/// Or a restart would have everything begin anew. In mode auto no rule has looked at anything before the first questions
/// are answered.
#[test]
fn what_waited_before_a_restart_has_waited_since_then() {
    let restart = UnixMillis::default().plus(APPROVAL);
    let mut begun = Begun::default();
    let mut since = |scene: &Scene, reason, passed: Duration| {
        let mut waits = vec![scene.wait(reason)];
        begun.stamp(&mut waits, restart.plus(passed));
        waits[0].since
    };
    let proposed = || Scene::proposed(Mode::Auto, deposit(), keygen(), Vec::new());
    let unasked = since(&proposed(), WaitReason::Gathering, Duration::ZERO);
    assert_eq!(unasked, restart);
    let asked = scene_of(WaitReason::Policy);
    let step = asked.state.cases[&deposit()].since;
    assert_eq!(since(&asked, WaitReason::Policy, STARTING / 2), step);
    assert_eq!(
        since(&asked, WaitReason::Policy, STARTING * 2),
        step,
        "it goes on"
    );
    let held = scene_of(WaitReason::HeldByPause);
    let later = since(&held, WaitReason::HeldByPause, STARTING * 3);
    assert_eq!(
        later,
        restart.plus(STARTING * 3),
        "what begins later does so then"
    );
}
