//! What a snapshot has, and that the words of the views are the core's.

use std::sync::Arc;
use std::time::Duration;

use alloy::primitives::Address;

use super::*;
use crate::engine::live::Live;
use crate::oracle::{
    self, Cause, CeremonyPayload, Fact, FactKind, Payload, Policy, Proposal, Record, Settings,
    TransactionPayload,
};
use crate::ports::CommitteeSize;
use crate::ports::fakes::FakeCeremonies;
use crate::types::{
    ActionId, BackendName, BlsPublicKey, CaseId, CeremonyFailure, CeremonyPlan, Check, DepositOrder,
    FailureKind, ForkVersion, OperatorId, PoolId, RequestId, RequestKind, Root,
};
use crate::view::{self, NEWEST_CLOSED, NetworkView, Transition, ValidatorView};

mod exits;
mod older;
mod validators;

pub(super) fn state(mode: Mode) -> State {
    State::new(Settings {
        mode,
        policy: Policy::default(),
        owner: Address::repeat_byte(1),
        deposit_order: DepositOrder::HeadOfQueue,
        backend: oracle::Backend {
            name: BackendName::default(),
            renews_registrations: Ok(()),
        },
        follows_beacon: false,
        look_up_every_ms: 1_000,
        ceremonies_at_once: 100,
        refresh_every_ms: 1_000,
        approval_expires_ms: 1_000,
        bump_after_ms: 1_000,
    })
}

pub(super) fn live() -> Live {
    live_with(FakeCeremonies::default())
}

fn live_with(backend: FakeCeremonies) -> Live {
    let network = NetworkView {
        name: "devnet".into(),
        chain_id: 31_337,
        mainnet: false,
        simulated: vec![],
        manager: Address::repeat_byte(1),
    };
    Live::new(network, None, Arc::new(backend))
}

pub(super) fn case_id(kind: RequestKind, pool: u32) -> CaseId {
    CaseId {
        kind,
        pool: PoolId(pool),
        ordinal: 0,
    }
}

/// Proposes an action of a case of pool 3.
pub(super) fn propose(state: &mut State, case: CaseId, payload: Payload, checks: Vec<Check>) -> ActionId {
    let kind = match &payload {
        Payload::Ceremony(p) if matches!(p.plan, CeremonyPlan::Reshare { .. }) => oracle::ActionKind::Reshare,
        Payload::Ceremony(_) => oracle::ActionKind::Keygen,
        Payload::Transaction(_) => oracle::ActionKind::SendDeposit,
        Payload::Exit(_) => oracle::ActionKind::BroadcastExit,
    };
    propose_kind(state, case, kind, payload, checks)
}

fn propose_kind(
    state: &mut State,
    case: CaseId,
    kind: oracle::ActionKind,
    payload: Payload,
    checks: Vec<Check>,
) -> ActionId {
    let cause = Cause::Manual {
        by: "ada".into(),
        at: UnixMillis(1),
    };
    state.apply(1, UnixMillis(1), &Record::CaseOpened { case, cause });
    let action = ActionId { case, number: 1 };
    let proposal = Proposal {
        kind,
        title: "do it".into(),
        facts: vec![Fact::new("amount", FactKind::Amount, "32 ETH")],
        checks,
        payload,
    };
    let digest = proposal.digest(action);
    let proposed = Record::ActionProposed {
        action,
        proposal: Box::new(proposal),
        digest,
    };
    state.apply(2, UnixMillis(2), &proposed);
    action
}

fn committee(ids: [u64; 4]) -> Vec<OperatorId> {
    ids.map(OperatorId).to_vec()
}

fn reshare() -> Payload {
    Payload::Ceremony(CeremonyPayload {
        plan: CeremonyPlan::Reshare {
            validator: BlsPublicKey::default(),
            old: committee([1, 2, 3, 4])[..3].to_vec(),
            new: committee([1, 2, 3, 5]),
            threshold: 3,
            brought: None,
            registration: None,
        },
        backend: BackendName::default(),
        parties: None,
    })
}

pub(super) fn keygen() -> Payload {
    Payload::Ceremony(CeremonyPayload {
        plan: CeremonyPlan::Keygen {
            committee: committee([1, 2, 3, 5]),
            threshold: 3,
            withdrawal_credentials: Root::default(),
            fork_version: ForkVersion::default(),
            registration: None,
        },
        backend: BackendName::default(),
        parties: None,
    })
}

pub(super) fn transaction() -> Payload {
    Payload::Transaction(TransactionPayload {
        chain_id: 1,
        from: Address::default(),
        to: Address::default(),
        value_wei: Default::default(),
        data: Default::default(),
        fee_ceiling_wei: Default::default(),
        call: None,
    })
}

#[test]
fn a_committee_is_shown_with_everybody_who_holds_a_share_and_with_possible_sizes() {
    let mut backend = FakeCeremonies::default();
    // no size is RockX's, nor is any threshold
    backend.capabilities.committees = [(4, 4), (5, 4)]
        .map(|(operators, threshold)| CommitteeSize { operators, threshold })
        .to_vec();
    let mut live = live_with(backend);
    live.validators = vec![ValidatorView {
        pool: PoolId(3),
        public_key: BlsPublicKey::default(),
        operators: committee([1, 2, 3, 4]),
        index: None,
        status: SafeText::default(),
        reshares: (0, 3),
        can_reshare: Can::Yes,
        can_exit: Can::Yes,
    }]
    .into();
    let mut state = state(Mode::Supervised);
    let id = propose(&mut state, case_id(RequestKind::Reshare, 3), reshare(), vec![]);
    let shown = actions::view(&state, &live, id).unwrap().committee.unwrap();
    assert_eq!(shown.proposed, committee([1, 2, 3, 5]));
    // the plan names 1, 2 and 3 only, which deal
    assert_eq!(shown.holders, committee([1, 2, 3, 4]));
    assert_eq!(shown.sizes_in_words(), "4 or 5");
    let thresholds = [4, 5, 7].map(|operators| shown.threshold(operators));
    assert_eq!(thresholds, [Some(4), Some(4), None]);
    let id = propose(&mut state, case_id(RequestKind::Deposit, 3), keygen(), vec![]);
    let shown = actions::view(&state, &live, id).unwrap().committee.unwrap();
    assert!(shown.holders.is_empty(), "nobody holds a new key");
}

#[test]
fn where_a_member_is_down_the_engine_offers_another_committee() {
    use crate::view::{Health, OperatorView, WorseView};
    let operator = |id, health| OperatorView {
        id: OperatorId(id),
        name: SafeText::default(),
        endpoint: SafeText::default(),
        key: None,
        health,
        version: "0.2.13".into(),
        latency_ms: Some(20),
        ceremonies_done: 0,
        ceremonies_failed: 0,
        note: SafeText::default(),
    };
    let mut live = live();
    live.operators = (1..=6).map(|id| operator(id, Health::Up)).collect();
    let mut state = state(Mode::Supervised);
    let id = propose(&mut state, case_id(RequestKind::Reshare, 3), reshare(), vec![]);
    let worse = |state: &State, live: &Live| actions::view(state, live, id).unwrap().committee.unwrap().worse;
    assert_eq!(worse(&state, &live), None);
    // silence proves nothing, and is nobody's replacement
    for silent in [0, 3, 5] {
        live.operators[silent].health = Health::Unknown;
    }
    assert_eq!(worse(&state, &live), None);
    live.operators[1].health = Health::Down;
    let offered = WorseView {
        down: vec![OperatorId(2)],
        proven: vec![],
        instead: None,
    };
    assert_eq!(worse(&state, &live), Some(offered));
    live.operators[5].health = Health::Up;
    let instead = worse(&state, &live).unwrap().instead;
    assert_eq!(instead, Some(committee([1, 3, 5, 6])));
    // a ceremony of another case proves operator 5 guilty: this one has it still
    live.operators.iter_mut().for_each(|o| o.health = Health::Up);
    assert_eq!(worse(&state, &live), None);
    let request = RequestId([4; 24]);
    let oracle::Payload::Ceremony(payload) = keygen() else {
        panic!()
    };
    let started = Record::CeremonyStarted {
        request,
        case: case_id(RequestKind::Deposit, 9),
        action: None,
        role: oracle::CeremonyRole::Main,
        attempt: 1,
        plan: payload.plan,
        backend: BackendName::default(),
    };
    state.apply(3, UnixMillis(3), &started);
    let failure = CeremonyFailure {
        kind: FailureKind::Blamed,
        round: None,
        culprits: vec![OperatorId(5)],
        reason: "a share that fits no commitment".into(),
        blames: vec![],
    };
    let failed = Record::CeremonyFailed {
        request,
        failure,
        transcript: None,
    };
    state.apply(4, UnixMillis(4), &failed);
    let offered = worse(&state, &live).unwrap();
    let words = "of this committee was proven to break the protocol since it was proposed: 5";
    assert_eq!(offered.to_string(), words);
    assert_eq!(offered.instead, Some(committee([1, 2, 3, 4])));
}

/// Once its committee changed, the page has to say so for as long as it waits, and after a restart as well.
#[test]
fn an_action_says_when_what_would_leave_last_changed_and_what_the_digest_was() {
    let mut state = state(Mode::Supervised);
    let id = propose(&mut state, case_id(RequestKind::Deposit, 3), keygen(), vec![]);
    let view = |state: &State| actions::view(state, &live(), id).unwrap();
    let was = view(&state).digest;
    assert_eq!(view(&state).approval_good_for_ms, Some(1_000));
    let mut proposal = state.actions[&id].proposal.clone();
    let change = |state: &mut State, seq, proposal: &Proposal| {
        let digest = proposal.digest(id);
        let record = Record::ActionChanged {
            action: id,
            proposal: Box::new(proposal.clone()),
            digest,
        };
        state.apply(seq, UnixMillis(seq), &record);
    };
    proposal.checks = vec![Check::fail("messenger", "silent")];
    change(&mut state, 3, &proposal);
    assert_eq!(view(&state).anew, None, "the same would be sent");
    proposal.payload = reshare();
    change(&mut state, 4, &proposal);
    let anew = view(&state).anew.unwrap();
    assert_eq!((anew.at, anew.was), (UnixMillis(4), was));
    proposal.checks.clear();
    change(&mut state, 5, &proposal);
    assert_eq!(view(&state).anew, Some(anew));
    let restarted = State::restored(state.settings.clone(), state.durable().clone());
    assert_eq!(view(&restarted).anew, Some(anew));
}

/// Its checks were made by a process before this one; then one of them cannot be looked at.
#[test]
fn what_an_approval_waits_for_is_told_and_what_is_not_stale_can_be_approved_beside_it() {
    let mut state = state(Mode::Supervised);
    let case = case_id(RequestKind::Deposit, 3);
    let id = propose(&mut state, case, keygen(), vec![Check::pass("balance", "1 ETH")]);
    let digest = state.actions[&id].digest;
    let command = oracle::Command::Approve {
        action: id,
        digest,
        phrase: None,
    };
    obeyed(&mut state, "ada", command);
    let stale = actions::view(&state, &live(), id).unwrap();
    let why = "they were made before this program started";
    assert!(stale.is_refreshing() && !stale.takes_approval());
    assert_eq!(stale.refreshing.unwrap().why, Some(why.into()));
    let words = stale.can_approve.check().unwrap_err().to_string();
    assert!(words.contains(why), "{words}");

    let mut proposal = state.actions[&id].proposal.clone();
    proposal.checks = vec![Check::unknown("balance", "no answer")];
    let refreshed = oracle::Input::Prepared {
        case,
        purpose: oracle::Purpose::Refresh(id),
        outcome: oracle::Prepared::Proposal(Box::new(proposal)),
    };
    take(&mut state, refreshed);
    let shown = actions::view(&state, &live(), id).unwrap();
    assert!(shown.is_refreshing() && shown.takes_approval() && !shown.waits());
    assert_eq!(
        shown.refreshing.unwrap().why,
        Some("balance is not known yet".into())
    );
}

#[test]
fn what_can_be_done_is_what_the_desk_would_take() {
    let case = case_id(RequestKind::Deposit, 3);
    let failed = vec![Check::fail("balance", "0 ETH")];
    let mut supervised = state(Mode::Supervised);
    let id = propose(&mut supervised, case, keygen(), failed.clone());
    let shown = actions::view(&supervised, &live(), id).unwrap();
    assert_eq!(shown.can_approve, Can::no("failed checks: balance (0 ETH)"));
    assert!(shown.can_reject.is_yes());
    let reason = SafeText::new("wrong pool");
    supervised.apply(3, UnixMillis(3), &Record::ActionVoided { action: id, reason });
    let gone = actions::view(&supervised, &live(), id).unwrap();
    let words = "deposit/3#1 is void, it waits for no decision";
    assert_eq!(
        (gone.can_approve, gone.can_reject),
        (Can::no(words), Can::no(words))
    );
    assert_eq!(gone.committee, None);

    let mut observe = state(Mode::Observe);
    let id = propose(&mut observe, case, keygen(), failed);
    let shown = actions::view(&observe, &live(), id).unwrap();
    assert!(!shown.can_approve.is_yes() && !shown.can_reject.is_yes() && shown.committee.is_none());
    let shown = cases::view(&observe, case).unwrap();
    assert!(!shown.can_retry.is_yes() && !shown.can_pause.is_yes());
    assert!(!super::validators::can_reshare(&observe, PoolId(3)).is_yes());
}

#[test]
fn an_irreversible_action_says_its_phrase_and_its_family() {
    let mut state = state(Mode::Supervised);
    let payload = Payload::Exit(oracle::ExitPayload {
        validator: BlsPublicKey::default(),
        validator_index: 17,
        epoch: 3,
        signing_root: Root::default(),
        signature: Default::default(),
    });
    let id = propose(&mut state, case_id(RequestKind::Exit, 3), payload, vec![]);
    let shown = actions::view(&state, &live(), id).unwrap();
    assert_eq!(shown.phrase.as_deref(), Some("exit validator 17"));
    assert_eq!(shown.risk, crate::view::Risk::Irreversible);
    assert_eq!(shown.family, crate::view::Family::Broadcast);
    assert_eq!(shown.kind, "broadcast-exit");
}

/// A version of the contract may take exits by a call: what leaves decides, not what the action is called.
#[test]
fn the_family_is_the_payloads() {
    let mut state = state(Mode::Supervised);
    let case = case_id(RequestKind::Exit, 3);
    let kind = oracle::ActionKind::BroadcastExit;
    let id = propose_kind(&mut state, case, kind, transaction(), vec![]);
    let shown = actions::view(&state, &live(), id).unwrap();
    assert_eq!(shown.kind, "broadcast-exit");
    assert_eq!(shown.family, crate::view::Family::Transaction);
}

#[test]
fn a_reshare_is_offered_exactly_where_it_would_be_opened() {
    let mut state = state(Mode::Supervised);
    let pool = PoolId(3);
    let agree = |state: &mut State, expected: Option<&str>| {
        let shown = super::validators::can_reshare(state, pool);
        let by = SafeText::new("ada");
        let command = oracle::Command::Reshare(pool);
        let stamped = oracle::Stamped {
            at: UnixMillis(9),
            up_ms: 9,
            entropy: [9; 24],
            input: oracle::Input::Command {
                by: by.into(),
                command,
            },
        };
        let (_, answer) = oracle::step(state, stamped);
        match expected {
            None => {
                assert_eq!(shown, Can::Yes);
                answer.unwrap().unwrap();
            }
            Some(why) => {
                assert_eq!(shown, Can::no(why));
                assert_eq!(answer.unwrap(), Err(oracle::Refusal::NotNow(why.into())));
            }
        }
    };
    let unstaked = "pool 3 is not staked: only a staked pool can be reshared";
    agree(&mut state, Some(unstaked));
    let facts = oracle::ChainFacts {
        staked: [pool].into(),
        ..oracle::ChainFacts::default()
    };
    let told = oracle::Stamped {
        at: UnixMillis(8),
        up_ms: 8,
        entropy: [8; 24],
        input: oracle::Input::Facts(Box::new(facts)),
    };
    oracle::step(&mut state, told);
    agree(&mut state, None);
    agree(
        &mut state,
        Some("reshare/3 is open already: one reshare of a key at a time"),
    );
}

#[test]
fn deposits_wait_in_the_order_of_the_queue_after_everything_else() {
    let mut state = state(Mode::Supervised);
    let ids: Vec<_> = [
        (RequestKind::Deposit, 2, transaction()),
        (RequestKind::Reshare, 9, reshare()),
        (RequestKind::Deposit, 1, keygen()),
    ]
    .into_iter()
    .map(|(kind, pool, payload)| propose(&mut state, case_id(kind, pool), payload, vec![]))
    .collect();
    let reason = SafeText::new("gone");
    let over = propose(&mut state, case_id(RequestKind::Exit, 5), keygen(), vec![]);
    state.apply(9, UnixMillis(9), &Record::ActionVoided { action: over, reason });
    let order: Vec<_> = lists::actions(&state).carried().collect();
    assert_eq!(order, [ids[1], ids[2], ids[0], over]);
}

#[test]
fn the_views_use_the_words_of_the_core() {
    use crate::oracle::CaseStatus as Status;
    for mode in [Mode::Observe, Mode::Supervised, Mode::Auto] {
        assert_eq!(convert::mode(mode).to_string(), mode.to_string());
    }
    let statuses = [
        Status::Preparing,
        Status::AwaitingDecision,
        Status::Ceremony,
        Status::Queued,
        Status::Sending,
        Status::Following,
        Status::Paused,
        Status::Attention,
        Status::Unknown,
        Status::Orphaned,
        Status::GivenUp,
        Status::Done,
    ];
    for status in statuses {
        assert_eq!(convert::status(status).to_string(), status.to_string());
    }
    for stage in oracle::Stage::of(RequestKind::Exit) {
        let milestone = oracle::Milestone {
            stage: *stage,
            by_rules: None,
            by_state: None,
            actual: None,
        };
        assert_eq!(
            convert::milestone(&milestone).stage.to_string(),
            stage.to_string()
        );
    }
}

#[test]
fn records_are_told_in_sentences_where_they_are_known() {
    let record = Record::Note {
        case: None,
        text: "hello".into(),
    };
    let body = serde_json::to_string(&record).unwrap();
    assert_eq!(crate::engine::sentence(&body), Some("hello".into()));
    assert_eq!(
        crate::engine::sentence(r#"{"record":"of-a-later-version"}"#),
        None
    );
    let transition = Transition {
        at: UnixMillis(1),
        record: 1,
        case: None,
        kind: record.kind().to_owned(),
        text: record.sentence(),
        ..Transition::default()
    };
    let text = serde_json::to_string(&transition).unwrap();
    assert_eq!(serde_json::from_str::<Transition>(&text).unwrap(), transition);
}

/// The core takes an input, at any time.
pub(super) fn take(state: &mut State, input: oracle::Input) -> oracle::CommandReply {
    take_at(state, UnixMillis(50), input)
}

/// The core takes this person's command.
pub(super) fn obeyed(state: &mut State, by: &str, command: oracle::Command) {
    let by = SafeText::new(by).into();
    let reply = take(state, oracle::Input::Command { by, command });
    reply.unwrap().unwrap();
}

/// By two clocks that go alike.
pub(super) fn take_at(state: &mut State, at: UnixMillis, input: oracle::Input) -> oracle::CommandReply {
    let stamped = oracle::Stamped {
        at,
        up_ms: at.0,
        entropy: [0; 24],
        input,
    };
    oracle::step(state, stamped).1
}

fn lists(ready: &[u32], staked: &[u32]) -> oracle::Input {
    let pools = |pools: &[u32]| pools.iter().copied().map(PoolId).collect();
    oracle::Input::Facts(Box::new(oracle::ChainFacts {
        ready: pools(ready),
        staked: pools(staked),
        ..oracle::ChainFacts::default()
    }))
}

#[test]
fn what_was_given_up_stays_in_view_while_the_contract_lists_it() {
    let mut state = state(Mode::Supervised);
    let case = case_id(RequestKind::Deposit, 3);
    propose(&mut state, case, keygen(), vec![]);
    take(&mut state, lists(&[3, 4], &[]));
    let shown = cases::view(&state, case).unwrap();
    let of = |way| shown.way(way).map(|on| on.can.is_yes());
    assert_eq!(of(view::Way::Decide), Some(true));
    assert_eq!(of(view::Way::GiveUp), Some(true));
    assert_eq!(of(view::Way::RedoKey), None, "it has no key");

    let (by, reason) = (SafeText::new("ada"), SafeText::new("filled by mistake"));
    let command = oracle::Command::GiveUp { case, reason };
    obeyed(&mut state, by.as_str(), command);
    let shown = cases::view(&state, case).unwrap();
    assert_eq!(shown.status, view::CaseStatus::GivenUp);
    let words = "given up by ada: filled by mistake; it stays so until it is retried; the contract serves its queue \
                 in order and cannot skip pool 3: 1 deposit behind it, and every later one, wait";
    assert_eq!(shown.sentence.as_str(), words);
    assert!(shown.can_retry.is_yes() && !shown.can_pause.is_yes() && shown.is_over());
    assert_eq!(
        shown.ways.iter().map(|on| on.way).collect::<Vec<_>>(),
        [view::Way::Retry]
    );
    // newer ones than it go to the pages before it
    let open = |state: &State| super::lists::cases(state, |_| true).rest().len();
    for pool in 100..100 + NEWEST_CLOSED as u32 {
        let case = case_id(RequestKind::Reshare, pool);
        let cause = Cause::Manual {
            by: "ada".into(),
            at: UnixMillis(60),
        };
        let outcome = SafeText::new("done");
        for record in [
            Record::CaseOpened { case, cause },
            Record::CaseClosed { case, outcome },
        ] {
            state.apply(60, UnixMillis(60), &record);
        }
    }
    assert_eq!(
        open(&state),
        0,
        "held: it is carried beside the newest that are over"
    );
    take(&mut state, lists(&[], &[3]));
    assert_eq!(open(&state), 1, "the contract does not list it any more");
}

#[test]
fn an_exit_can_be_opened_for_an_active_validator_of_a_staked_pool() {
    let mut supervised = state(Mode::Supervised);
    take(&mut supervised, lists(&[], &[3]));
    let validator = |pool, status: &str| ValidatorView {
        pool: PoolId(pool),
        public_key: BlsPublicKey::default(),
        operators: vec![],
        index: None,
        status: status.into(),
        reshares: (0, 3),
        can_reshare: Can::Yes,
        can_exit: Can::Yes,
    };
    let can =
        |state: &State, pool, status| super::validators::can_exit(state, &validator(pool, status)).is_yes();
    assert!(can(&supervised, 3, "active_ongoing"));
    assert!(can(&supervised, 3, "unknown"), "the desk finds out");
    for status in [
        "pending_queued",
        "active_exiting",
        "active_slashed",
        "exited_unslashed",
        "withdrawal_done",
    ] {
        assert!(!can(&supervised, 3, status), "{status}");
    }
    assert!(!can(&supervised, 4, "active_ongoing"), "not staked");
    assert!(!can(&state(Mode::Observe), 3, "active_ongoing"));
    let by = SafeText::new("ada");
    let command = oracle::Command::RequestExit(PoolId(3));
    obeyed(&mut supervised, by.as_str(), command);
    assert!(!can(&supervised, 3, "active_ongoing"), "it is open");
}
