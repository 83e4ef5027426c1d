//! What a snapshot has, what pages have, and that the words of the views are the core's.

use std::sync::Arc;

use alloy::primitives::Address;

use super::*;
use crate::engine::commit::{Committer, Pending};
use crate::engine::live::Live;
use crate::journal::{Anchor, JournalError, JournalOptions};
use crate::oracle::{
    self, CLOSED_KEPT, Cause, CeremonyPayload, Fact, FactKind, Payload, Policy, Proposal, Record, Settings,
    TransactionPayload,
};
use crate::ports::CommitteeSize;
use crate::ports::fakes::FakeCeremonies;
use crate::types::{
    ActionId, BackendName, BlockRef, BlsPublicKey, CaseId, CeremonyFailure, CeremonyPlan, Check, FailureKind,
    ForkVersion, NonceStatus, OperatorId, PoolId, RequestId, RequestKind, Root, SignedTransaction,
};
use crate::view::{
    self, Kind, Listing, NEWEST_CLOSED, NetworkView, Page, Query, Refused, RowId, Rows, Transition,
    ValidatorView,
};

fn state(mode: Mode) -> State {
    State::new(Settings {
        mode,
        policy: Policy::default(),
        owner: Address::repeat_byte(1),
        follows_beacon: false,
        look_up_every_ms: 1_000,
        refresh_every_ms: 1_000,
        approval_expires_ms: 1_000,
        bump_after_ms: 1_000,
    })
}

fn live() -> Live {
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

fn case_id(kind: RequestKind, pool: u32) -> CaseId {
    CaseId {
        kind,
        pool: PoolId(pool),
        ordinal: 0,
    }
}

/// A state, and the journal that says so.
struct Told {
    state: State,
    committer: Committer,
    _directory: tempfile::TempDir,
}

impl Told {
    fn nothing() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let options = JournalOptions {
            path: directory.path().join("journal.sqlite"),
            checkpoint: None,
        };
        let (journal, _) = Journal::open(&options, Anchor::BEGINNING, |_| Ok::<_, JournalError>(())).unwrap();
        Self {
            state: state(Mode::Supervised),
            committer: Committer::new(journal),
            _directory: directory,
        }
    }

    fn take(&mut self, at: u64, records: Vec<Record>) {
        let at = UnixMillis(at);
        for record in &records {
            self.state.apply(self.state.newest + 1, at, record);
        }
        let records = records.into_iter().map(|record| (at, record)).collect();
        let pending = Pending {
            records,
            ..Pending::default()
        };
        self.committer.commit(&pending, self.state.durable()).unwrap();
    }

    fn read(&self, query: Query) -> Result<Listing, Refused> {
        match read(&self.state, &live(), query) {
            Read::Here(answer) => answer,
            Read::There(older) => older.read(self.committer.journal().path()),
        }
    }
}

/// A case per pool, opened and closed in the order of the pools.
fn with_closed_cases(kind: RequestKind, pools: std::ops::Range<u32>) -> Told {
    let mut told = Told::nothing();
    let block = BlockRef {
        number: 1,
        hash: Root::default(),
    };
    for pool in pools {
        let case = case_id(kind, pool);
        let cause = Cause::State { block };
        let outcome = SafeText::new("done");
        let records = vec![
            Record::CaseOpened { case, cause },
            Record::CaseClosed { case, outcome },
        ];
        told.take(u64::from(pool), records);
    }
    told
}

fn pools(listing: &Listing) -> Vec<u32> {
    match &listing.rows {
        Rows::Cases(cases) => cases.iter().map(|c| c.id.pool.0).collect(),
        Rows::Exits(exits) => exits.iter().map(|e| e.case.pool.0).collect(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_snapshot_has_the_newest_and_pages_have_the_rest_each_once() {
    const ALL: u32 = NEWEST_CLOSED as u32 + 250;
    let told = with_closed_cases(RequestKind::Exit, 0..ALL);
    let state = &told.state;
    assert_eq!(state.cases.len(), CLOSED_KEPT, "the rest left memory");
    for kind in [Kind::Cases, Kind::Exits] {
        let order = match kind {
            Kind::Cases => lists::cases(state, |_| true),
            _ => lists::exits(state),
        };
        let carried: Vec<_> = order.carried().collect();
        assert_eq!(carried.len(), NEWEST_CLOSED);
        assert_eq!(carried[0].pool.0, ALL - 1, "newest first");
        assert_eq!(order.rest().len() as u64 + lists::retired(state, kind), 250);
        let row = |id| match kind {
            Kind::Cases => RowId::Case(id),
            _ => RowId::Exit(id),
        };
        let mut last = *carried.last().unwrap();
        let mut seen: Vec<u32> = carried.iter().map(|id| id.pool.0).collect();
        loop {
            let before = Some(row(last));
            let page = Page {
                kind,
                before,
                limit: 100,
            };
            let listing = told.read(Query::Page(page)).unwrap();
            let page = pools(&listing);
            assert_eq!(
                listing.older,
                u64::from(ALL) - seen.len() as u64 - page.len() as u64
            );
            seen.extend(&page);
            let Some(oldest) = page.last().filter(|_| listing.older > 0) else {
                break;
            };
            last = case_id(RequestKind::Exit, *oldest);
        }
        assert_eq!(seen, (0..ALL).rev().collect::<Vec<_>>());
    }
}

#[test]
fn pages_are_bounded_and_wrong_ones_refused() {
    let told = with_closed_cases(RequestKind::Deposit, 0..Page::MOST as u32 + 7);
    let ask = |kind, before| {
        let page = Page {
            kind,
            before,
            limit: usize::MAX,
        };
        told.read(Query::Page(page))
    };
    let first = ask(Kind::Cases, None).unwrap();
    assert_eq!((pools(&first).len(), first.older), (Page::MOST, 7));
    let absent = RowId::Case(case_id(RequestKind::Exit, 1));
    let action: RowId = RowId::Action("deposit/1#1".parse().unwrap());
    for (kind, before) in [
        (Kind::Cases, absent),
        (Kind::Cases, action),
        (Kind::Actions, action),
    ] {
        let refused = ask(kind, Some(before));
        assert!(matches!(refused, Err(Refused::NotNow(_))), "{refused:?}");
    }
}

#[test]
fn one_thing_and_the_cases_of_a_pool_are_found_however_old() {
    let mut told = with_closed_cases(RequestKind::Deposit, 0..300);
    let cause = Cause::Manual {
        by: "ada".into(),
        at: UnixMillis(900),
    };
    let case = case_id(RequestKind::Reshare, 7);
    told.take(900, vec![Record::CaseOpened { case, cause }]);
    let row = RowId::Case(case_id(RequestKind::Deposit, 7));
    let one = told.read(Query::One { row }).unwrap();
    assert_eq!(pools(&one), [7]);
    let of_pool = told.read(Query::Pool { pool: PoolId(7) }).unwrap();
    let Rows::Cases(cases) = of_pool.rows else {
        panic!()
    };
    assert_eq!(
        cases.iter().map(|c| c.id).collect::<Vec<_>>(),
        [case, case_id(RequestKind::Deposit, 7)]
    );
    let row = RowId::Case(case_id(RequestKind::Exit, 7));
    let none = told.read(Query::One { row }).unwrap();
    assert!(pools(&none).is_empty());
}

/// A deposit from its request to its end, with two actions, a ceremony and a transaction.
fn life(pool: u32) -> Vec<Record> {
    let case = case_id(RequestKind::Deposit, pool);
    let block = BlockRef {
        number: 1,
        hash: Root::default(),
    };
    let (first, make) = proposed(ActionId { case, number: 1 }, oracle::ActionKind::Keygen, keygen());
    let (second, send) = proposed(
        ActionId { case, number: 2 },
        oracle::ActionKind::SendDeposit,
        transaction(),
    );
    let mut request = [0; 24];
    request[..4].copy_from_slice(&pool.to_be_bytes());
    let request = RequestId(request);
    let Payload::Ceremony(CeremonyPayload { plan, backend }) = keygen() else {
        panic!()
    };
    let failure = oracle_failure();
    let signed = SignedTransaction {
        hash: Root([1; 32]),
        raw: vec![1, 2, 3].into(),
        nonce: u64::from(pool),
        max_fee_wei: Default::default(),
        priority_fee_wei: Default::default(),
        gas_limit: 1,
    };
    let cause = Cause::State { block };
    let started = Record::CeremonyStarted {
        request,
        case,
        action: Some(first),
        role: oracle::CeremonyRole::Main,
        attempt: 1,
        plan,
        backend,
    };
    let failed = Record::CeremonyFailed {
        request,
        failure,
        transcript: None,
    };
    let signed = Record::TransactionSigned {
        action: second,
        transaction: signed,
    };
    let done = Record::TransactionStatus {
        action: second,
        status: NonceStatus::Included {
            hash: Root([1; 32]),
            block,
            success: true,
            is_final: true,
            served: None,
            reason: None,
            fee_paid_wei: Default::default(),
        },
    };
    let outcome = SafeText::new("done");
    vec![
        Record::CaseOpened { case, cause },
        make,
        started,
        failed,
        send,
        signed,
        done,
        Record::CaseClosed { case, outcome },
    ]
}

fn proposed(action: ActionId, kind: oracle::ActionKind, payload: Payload) -> (ActionId, Record) {
    let proposal = Proposal {
        kind,
        title: "do it".into(),
        facts: vec![],
        checks: vec![],
        payload,
    };
    let digest = proposal.digest(action);
    let proposal = Box::new(proposal);
    (
        action,
        Record::ActionProposed {
            action,
            proposal,
            digest,
        },
    )
}

fn oracle_failure() -> CeremonyFailure {
    CeremonyFailure {
        kind: FailureKind::Timeout,
        round: None,
        culprits: vec![OperatorId(2)],
        reason: "silence".into(),
        blames: vec![],
    }
}

/// The ids of a page, whatever list it is of.
fn rows(listing: &Listing) -> Vec<RowId> {
    match &listing.rows {
        Rows::Actions(rows) => rows.iter().map(|a| RowId::Action(a.id)).collect(),
        Rows::Cases(rows) => rows.iter().map(|c| RowId::Case(c.id)).collect(),
        Rows::Ceremonies(rows) => rows.iter().map(|c| RowId::Ceremony(c.id)).collect(),
        Rows::Transactions(rows) => rows.iter().map(|t| RowId::Transaction(t.action)).collect(),
        Rows::Exits(rows) => rows.iter().map(|e| RowId::Exit(e.case)).collect(),
    }
}

#[test]
fn every_list_goes_on_in_the_journal_and_counts_what_is_there() {
    const ALL: u32 = CLOSED_KEPT as u32 + 60;
    let mut told = Told::nothing();
    for pool in 0..ALL {
        told.take(u64::from(pool), life(pool));
    }
    let state = &told.state;
    assert_eq!(
        (state.cases.len(), state.sendings.len()),
        (CLOSED_KEPT, CLOSED_KEPT)
    );
    assert_eq!(
        (state.actions.len(), state.ceremonies.len()),
        (2 * CLOSED_KEPT, CLOSED_KEPT)
    );
    let snapshot = snapshot(state, &live(), told.committer.journal(), None, 1);
    for (kind, each) in [
        (Kind::Actions, 2),
        (Kind::Cases, 1),
        (Kind::Ceremonies, 1),
        (Kind::Transactions, 1),
    ] {
        let all = u64::from(ALL) * each;
        assert_eq!(snapshot.older.of(kind), all - NEWEST_CLOSED as u64, "{kind:?}");
        let (mut seen, mut before) = (Vec::new(), None);
        loop {
            let page = Page {
                kind,
                before,
                limit: 47,
            };
            let listing = told.read(Query::Page(page)).unwrap();
            seen.extend(rows(&listing));
            assert_eq!(
                listing.older,
                all - seen.len() as u64,
                "{kind:?} after {before:?}"
            );
            before = seen.last().copied();
            if listing.older == 0 {
                break;
            }
        }
        let each_once: std::collections::BTreeSet<_> = seen.iter().collect();
        assert_eq!((seen.len() as u64, each_once.len()), (all, seen.len()));
        // each by itself, too
        for row in [seen[0], seen[seen.len() - 1]] {
            let one = told.read(Query::One { row }).unwrap();
            assert_eq!(rows(&one), [row]);
        }
    }
}

#[test]
fn a_row_of_the_journal_is_what_it_was_in_memory() {
    let mut told = Told::nothing();
    told.take(0, life(0));
    let of = |told: &Told, row| told.read(Query::One { row }).unwrap().rows;
    let case = case_id(RequestKind::Deposit, 0);
    let (first, second) = (ActionId { case, number: 1 }, ActionId { case, number: 2 });
    let named = [
        RowId::Case(case),
        RowId::Action(first),
        RowId::Action(second),
        RowId::Transaction(second),
        RowId::Ceremony(RequestId([0; 24])),
    ];
    let before = named.map(|row| of(&told, row));
    assert!(before.iter().all(|rows| !rows.is_empty()));
    for pool in 1..=CLOSED_KEPT as u32 {
        told.take(u64::from(pool), life(pool));
    }
    assert!(!told.state.cases.contains_key(&case));
    assert_eq!(named.map(|row| of(&told, row)), before);
}

#[test]
fn a_long_file_keeps_its_beginning_and_its_newest_and_says_so() {
    let mut told = Told::nothing();
    let case = case_id(RequestKind::Deposit, 1);
    told.take(0, vec![life(1).remove(0)]);
    for n in 1..500 {
        let text = SafeText::new(&format!("line {n}"));
        told.take(
            n,
            vec![Record::Note {
                case: Some(case),
                text,
            }],
        );
    }
    let shown = cases::view(&told.state, case).unwrap().history;
    assert_eq!(shown.len(), 201);
    let text = |at: usize| shown[at].text.as_str();
    assert_eq!(
        (text(19), text(20)),
        ("line 19", "300 lines left out here, in the journal")
    );
    assert_eq!((text(21), text(200)), ("line 320", "line 499"));
}

/// Proposes an action of a case of pool 3.
fn propose(state: &mut State, case: CaseId, payload: Payload, checks: Vec<Check>) -> ActionId {
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
        },
        backend: BackendName::default(),
    })
}

fn keygen() -> Payload {
    Payload::Ceremony(CeremonyPayload {
        plan: CeremonyPlan::Keygen {
            committee: committee([1, 2, 3, 5]),
            threshold: 3,
            withdrawal_credentials: Root::default(),
            fork_version: ForkVersion::default(),
            registration: None,
        },
        backend: BackendName::default(),
    })
}

fn transaction() -> Payload {
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
    }];
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
fn what_can_be_done_is_what_the_desk_would_take() {
    let case = case_id(RequestKind::Deposit, 3);
    let failed = vec![Check::fail("balance", "0 ETH")];
    let mut supervised = state(Mode::Supervised);
    let id = propose(&mut supervised, case, keygen(), failed.clone());
    let shown = actions::view(&supervised, &live(), id).unwrap();
    assert_eq!(shown.can_approve, Can::no("failed checks: balance"));
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
    assert!(!validators::can_reshare(&observe, PoolId(3)).is_yes());
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
        let shown = validators::can_reshare(state, pool);
        let by = SafeText::new("ada");
        let wish = oracle::Wish::Reshare(pool);
        let stamped = oracle::Stamped {
            at: UnixMillis(9),
            entropy: [9; 24],
            input: oracle::Input::Wish { by, wish },
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
    };
    let text = serde_json::to_string(&transition).unwrap();
    assert_eq!(serde_json::from_str::<Transition>(&text).unwrap(), transition);
}

/// The core takes an input, at any time.
fn take(state: &mut State, input: oracle::Input) -> oracle::WishReply {
    let stamped = oracle::Stamped {
        at: UnixMillis(50),
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
    let wish = oracle::Wish::GiveUp { case, reason };
    take(&mut state, oracle::Input::Wish { by, wish })
        .unwrap()
        .unwrap();
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
    let can = |state: &State, pool, status| validators::can_exit(state, &validator(pool, status)).is_yes();
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
    let wish = oracle::Wish::RequestExit(PoolId(3));
    take(&mut supervised, oracle::Input::Wish { by, wish })
        .unwrap()
        .unwrap();
    assert!(!can(&supervised, 3, "active_ongoing"), "it is open");
}
