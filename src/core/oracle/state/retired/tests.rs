//! What is asked of cases that left memory has the answer that it had.

use crate::oracle::fixture::{payload, plan_of, proposal, settings};
use crate::oracle::*;
use crate::types::*;

const ALL: u32 = CLOSED_KEPT as u32 + 50;

fn case(kind: RequestKind, pool: u32, ordinal: u32) -> CaseId {
    let pool = PoolId(pool);
    CaseId { kind, pool, ordinal }
}

fn log(number: u64) -> LogRef {
    LogRef {
        block: BlockRef {
            number,
            hash: Root([1; 32]),
        },
        transaction: Root([2; 32]),
        index: 0,
    }
}

fn key(pool: u32, tag: u8) -> BlsPublicKey {
    let mut key = [tag; 48];
    key[..4].copy_from_slice(&pool.to_be_bytes());
    BlsPublicKey(key)
}

fn request(case: CaseId) -> RequestId {
    let mut id = [0; 24];
    id[0] = 1 + case.kind as u8;
    id[1..5].copy_from_slice(&case.pool.0.to_be_bytes());
    id[5..9].copy_from_slice(&case.ordinal.to_be_bytes());
    RequestId(id)
}

/// Shares of operators from this one on, four of them.
fn shares(first: u64) -> std::collections::BTreeMap<OperatorId, BlsPublicKey> {
    (first..first + 4).map(|id| (OperatorId(id), key(0, 9))).collect()
}

/// The ceremony that a case of this kind runs, and what it makes.
fn made(id: CaseId) -> (ActionKind, CeremonyResult) {
    let pool = id.pool.0;
    match id.kind {
        RequestKind::Reshare => {
            let output = ReshareOutput {
                validator: key(pool, 5),
                share_public_keys: shares(3),
                encrypted_shares: Default::default(),
                handed_back: Default::default(),
                registration: None,
            };
            (ActionKind::Reshare, CeremonyResult::Reshare(output))
        }
        _ => {
            let output = KeygenOutput {
                validator: key(pool, 5),
                deposit_signature: BlsSignature::default(),
                share_public_keys: shares(1),
                encrypted_shares: Default::default(),
                registration: None,
                handed_back: Default::default(),
            };
            (ActionKind::Keygen, CeremonyResult::Keygen(output))
        }
    }
}

/// A case from its request to its end.
fn life(id: CaseId) -> Vec<Record> {
    let request = request(id);
    let pool = id.pool.0;
    let (kind, result) = made(id);
    let action = ActionId { case: id, number: 1 };
    let send = proposal(ActionKind::SendDeposit);
    assert!(matches!(
        payload(ActionKind::SendDeposit),
        Payload::Transaction(_)
    ));
    vec![
        Record::CaseOpened {
            case: id,
            cause: Cause::Event {
                log: log(u64::from(pool) + u64::from(id.ordinal)),
                leaving: None,
            },
        },
        Record::CeremonyStarted {
            request,
            case: id,
            action: None,
            role: CeremonyRole::Main,
            attempt: 1,
            plan: plan_of(kind),
            backend: BackendName::default(),
        },
        Record::CeremonyVerified {
            request,
            result,
            checks: Vec::new(),
            transcript: None,
        },
        Record::ActionProposed {
            action,
            digest: send.digest(action),
            proposal: Box::new(send),
        },
        Record::TransactionSigned {
            action,
            transaction: SignedTransaction {
                hash: Root([3; 32]),
                raw: vec![1].into(),
                nonce: u64::from(pool),
                max_fee_wei: Default::default(),
                priority_fee_wei: Default::default(),
                gas_limit: 1,
            },
        },
        Record::TransactionStatus {
            action,
            status: NonceStatus::Included {
                hash: Root([3; 32]),
                block: log(1).block,
                success: true,
                reason: None,
                fee_paid_wei: Default::default(),
                served: None,
                is_final: true,
                overtaken: false,
            },
        },
        Record::CaseClosed {
            case: id,
            outcome: SafeText::new("done"),
        },
    ]
}

fn after(lives: impl IntoIterator<Item = CaseId>) -> State {
    let mut state = State::new(settings());
    for record in lives.into_iter().flat_map(life) {
        let seq = state.newest + 1;
        state.apply(seq, UnixMillis(seq), &record);
    }
    state
}

fn deposits() -> impl Iterator<Item = CaseId> {
    (0..ALL).map(|pool| case(RequestKind::Deposit, pool, 0))
}

#[test]
fn the_oldest_closed_cases_leave_and_everything_of_them() {
    let state = after(deposits());
    let kept = CLOSED_KEPT;
    assert_eq!(
        (
            state.cases.len(),
            state.actions.len(),
            state.sendings.len(),
            state.ceremonies.len()
        ),
        (kept, kept, kept, kept)
    );
    let oldest = case(RequestKind::Deposit, 0, 0);
    assert!(!state.cases.contains_key(&oldest) && state.knows(oldest));
    assert!(!state.knows(case(RequestKind::Deposit, 0, 1)));
    assert!(!state.knows(case(RequestKind::Exit, 0, 0)));
    assert!(!state.knows(case(RequestKind::Deposit, ALL, 0)));
    assert_eq!(state.retired.cases[&RequestKind::Deposit], 50);
}

#[test]
fn keys_nonces_and_what_operators_did_stay() {
    // pools 0 to 9 were reshared at the end, and are the newest that stay
    let reshares = (0..10).map(|pool| case(RequestKind::Reshare, pool, 0));
    let state = after(deposits().chain(reshares));
    for pool in 0..ALL {
        let known = state.known_key(PoolId(pool)).unwrap();
        assert_eq!(known.validator, key(pool, 5));
        let first = if pool < 10 { 3 } else { 1 };
        assert_eq!(known.share_public_keys, shares(first), "{pool}");
    }
    let tracks = state.tracks();
    let of = |id| (tracks[&OperatorId(id)].done, tracks[&OperatorId(id)].holds);
    assert_eq!(of(1), (ALL + 10, ALL - 10));
    assert_eq!(of(3), (ALL + 10, ALL));
    assert_eq!(tracks[&OperatorId(6)].holds, 10);
    assert_eq!(tracks[&OperatorId(1)].done_lately, ALL + 10);
    let own = &state.nonces[&alloy::primitives::Address::ZERO];
    assert_eq!((own.lowest(), own.first_free(0)), (Some(0), u64::from(ALL)));
}

/// The life of a reshare, closed before a clock was set back, counted as newer than the one after it: shares that nobody uses.
#[test]
fn of_two_reshares_the_later_record_counts_whatever_the_clock_said() {
    let reshare = |ordinal| case(RequestKind::Reshare, 0, ordinal);
    let committee_of = |id: CaseId, first| {
        let mut records = life(id);
        for record in &mut records {
            if let Record::CeremonyVerified {
                result: CeremonyResult::Reshare(output),
                ..
            } = record
            {
                output.share_public_keys = shares(first);
            }
        }
        records
    };
    let two = || [committee_of(reshare(0), 3), committee_of(reshare(1), 5)];
    let holds = |state: &State, id| state.tracks().get(&OperatorId(id)).map_or(0, |of| of.holds);
    for more in [0, ALL] {
        let mut state = State::new(settings());
        let others = (1..=more).flat_map(|pool| life(case(RequestKind::Deposit, pool, 0)));
        for record in two().into_iter().flatten().chain(others) {
            let seq = state.newest + 1;
            state.apply(seq, UnixMillis(1_000_000 - seq), &record);
        }
        assert_eq!(state.cases.contains_key(&reshare(1)), more == 0);
        let known = state.known_key(PoolId(0)).unwrap();
        assert_eq!(known.share_public_keys, shares(5), "{more}");
        assert_eq!((holds(&state, 8), holds(&state, 3)), (1, more.min(1) * more));
    }
}

#[test]
fn a_condemned_key_or_one_that_was_not_taken_leaves_no_trace() {
    let mut state = State::new(settings());
    let (condemned, foreign) = (case(RequestKind::Deposit, 0, 0), case(RequestKind::Deposit, 1, 0));
    let mut records: Vec<Record> = deposits().flat_map(life).collect();
    let end = |records: &[Record], id: CaseId| {
        let closes = |r: &Record| matches!(r, Record::CaseClosed { case, .. } if *case == id);
        records.iter().position(closes).unwrap()
    };
    let reason = SafeText::new("test");
    let validator = key(0, 5);
    records.insert(
        end(&records, condemned),
        Record::KeyCondemned { validator, reason },
    );
    let served = Record::PoolServed {
        case: foreign,
        transaction: Root([8; 32]),
        by: None,
        log: None,
    };
    records.insert(end(&records, foreign), served);
    for record in &records {
        let seq = state.newest + 1;
        state.apply(seq, UnixMillis(seq), record);
    }
    assert!(!state.cases.contains_key(&condemned) && !state.cases.contains_key(&foreign));
    assert_eq!(state.known_key(PoolId(0)), None);
    assert_eq!(state.known_key(PoolId(1)), None);
    assert_eq!(state.tracks()[&OperatorId(1)].holds, ALL - 2);
}

#[test]
fn a_ceremony_that_runs_keeps_its_case() {
    let mut state = State::new(settings());
    let first = case(RequestKind::Deposit, 0, 0);
    let mut lives: Vec<Record> = deposits().flat_map(life).collect();
    // its pool was served by somebody else while it ran
    lives.remove(2);
    for record in &lives {
        let seq = state.newest + 1;
        state.apply(seq, UnixMillis(seq), record);
    }
    assert!(state.cases.contains_key(&first));
    assert_eq!(state.cases.len(), CLOSED_KEPT, "the next one went instead");
    assert!(!state.cases.contains_key(&case(RequestKind::Deposit, 1, 0)));
}

fn give(state: &mut State, input: Input) -> (Vec<Record>, CommandReply) {
    let (output, reply) = crate::oracle::fixture::give(state, 1_000_000, input);
    (output.records, reply)
}

#[test]
fn what_was_served_is_not_opened_again() {
    let mut state = after(deposits());
    give(&mut state, Input::CaughtUp { finalized: None });
    let requested = |kind, pool, block| Input::Requested {
        leaving: None,
        kind,
        pool: PoolId(pool),
        log: log(block),
    };
    // the very event, once more
    let (records, _) = give(&mut state, requested(RequestKind::Deposit, 3, 3));
    assert_eq!(records, []);
    // another one of a kind that does not repeat
    let (records, _) = give(&mut state, requested(RequestKind::Deposit, 3, 5_000));
    assert!(matches!(&records[..], [Record::Note { .. }]), "{records:?}");
    // the contract lists it still
    for number in [10, 20, 30] {
        let facts = ChainFacts {
            head: Some(log(number).block),
            ready: vec![PoolId(3)],
            ..ChainFacts::default()
        };
        let (records, _) = give(&mut state, Input::Facts(Box::new(facts)));
        let opened = |r: &Record| matches!(r, Record::CaseOpened { .. });
        assert!(!records.iter().any(opened), "{records:?}");
    }
}

#[test]
fn another_reshare_is_the_next_one() {
    let reshares = (0..3).map(|ordinal| case(RequestKind::Reshare, 900, ordinal));
    let mut state = after(reshares.chain(deposits()));
    assert!(!state.cases.contains_key(&case(RequestKind::Reshare, 900, 2)));
    give(&mut state, Input::CaughtUp { finalized: None });
    let facts = ChainFacts {
        head: Some(log(1).block),
        staked: vec![PoolId(900)],
        ..ChainFacts::default()
    };
    give(&mut state, Input::Facts(Box::new(facts)));
    let by = SafeText::new("ada");
    let retry = Command::Retry(case(RequestKind::Reshare, 900, 1));
    let (_, reply) = give(
        &mut state,
        Input::Command {
            by: by.clone().into(),
            command: retry,
        },
    );
    let closed = Refusal::NotNow(SafeText::new("reshare/900.1 is closed"));
    assert_eq!(reply, Some(Err(closed)));

    let mut by_hand = state.clone();
    let command = Command::Reshare(PoolId(900));
    let (records, _) = give(
        &mut by_hand,
        Input::Command {
            by: by.into(),
            command,
        },
    );
    let opened = |records: &[Record]| match records.first() {
        Some(Record::CaseOpened { case, .. }) => Some(*case),
        _ => None,
    };
    let next = case(RequestKind::Reshare, 900, 3);
    assert_eq!(opened(&records), Some(next));
    let event = |block| Input::Requested {
        leaving: None,
        kind: RequestKind::Reshare,
        pool: PoolId(900),
        log: log(block),
    };
    assert_eq!(give(&mut state, event(902)).0, [], "told before");
    let (records, _) = give(&mut state, event(5_000));
    assert_eq!(opened(&records), Some(next));
}

#[test]
fn a_transaction_that_may_take_effect_keeps_its_case() {
    let mut state = State::new(settings());
    let first = case(RequestKind::Deposit, 0, 0);
    let mut lives: Vec<Record> = deposits().flat_map(life).collect();
    let settled = |r: &Record| matches!(r, Record::TransactionStatus { action, .. } if action.case == first);
    let at = lives.iter().position(settled).unwrap();
    let settled = lives.remove(at);
    for record in &lives {
        let seq = state.newest + 1;
        state.apply(seq, UnixMillis(seq), record);
    }
    assert!(state.cases.contains_key(&first));
    assert_eq!(state.cases.len(), CLOSED_KEPT, "the next one went instead");
    let seq = state.newest + 1;
    state.apply(seq, UnixMillis(seq), &settled);
    let next = case(RequestKind::Deposit, ALL, 0);
    for record in life(next) {
        let seq = state.newest + 1;
        state.apply(seq, UnixMillis(seq), &record);
    }
    assert!(!state.cases.contains_key(&first));
}

/// A deposit of pool 0 that ended as told, and so many after it that it left memory.
fn left(ended: Vec<Record>) -> State {
    let mut state = State::new(settings());
    let id = case(RequestKind::Deposit, 0, 0);
    let cause = Cause::Event {
        log: log(1),
        leaving: None,
    };
    let opened = Record::CaseOpened { case: id, cause };
    let others = (1..=ALL).flat_map(|pool| life(case(RequestKind::Deposit, pool, 0)));
    for record in [opened].into_iter().chain(ended).chain(others) {
        let seq = state.newest + 1;
        state.apply(seq, UnixMillis(seq), &record);
    }
    assert!(!state.cases.contains_key(&id) && state.knows(id));
    give(&mut state, Input::CaughtUp { finalized: None });
    state
}

/// What is recorded while the contract lists pools at three heads in a row.
fn listed(state: &mut State, ready: &[u32]) -> Vec<Record> {
    let mut all = Vec::new();
    for number in [1_000, 1_001, 1_002, 1_003] {
        let facts = ChainFacts {
            head: Some(log(number).block),
            ready: ready.iter().copied().map(PoolId).collect(),
            ..ChainFacts::default()
        };
        all.extend(give(state, Input::Facts(Box::new(facts))).0);
    }
    all
}

fn opened(records: &[Record]) -> Vec<CaseId> {
    let opened = records.iter().filter_map(|record| match record {
        Record::CaseOpened { case, .. } => Some(*case),
        _ => None,
    });
    opened.collect()
}

fn notes(records: &[Record]) -> Vec<String> {
    let notes = records.iter().filter_map(|record| match record {
        Record::Note { text, .. } => Some(text.to_string()),
        _ => None,
    });
    notes.collect()
}

#[test]
fn a_record_with_which_a_case_leaves_memory_says_that_it_ends_one() {
    let id = case(RequestKind::Deposit, ALL + 1, 0);
    let (by, reason) = (SafeText::new("ann"), SafeText::new("filled by mistake"));
    let given_up = |case| Record::CaseGivenUp {
        case,
        by: by.clone(),
        reason: reason.clone(),
    };
    let outcome = SafeText::new("the deposit is final");
    for ends in [given_up(id), Record::CaseClosed { case: id, outcome }] {
        let mut state = left(vec![given_up(case(RequestKind::Deposit, 0, 0))]);
        let cause = Cause::State { block: log(9).block };
        let opens = Record::CaseOpened { case: id, cause };
        for (record, leaves) in [(opens, false), (ends, true)] {
            let (seq, before) = (state.newest + 1, state.retired.cases.clone());
            state.apply(seq, UnixMillis(seq), &record);
            assert_eq!(state.retired.cases != before, leaves, "{}", record.kind());
            assert_eq!(record.ends_its_case(), leaves, "{}", record.kind());
        }
    }
}

#[test]
fn what_was_given_up_is_held_out_of_memory_until_a_person_takes_it_up() {
    let id = case(RequestKind::Deposit, 0, 0);
    let (by, reason) = (SafeText::new("ann"), SafeText::new("filled by mistake"));
    let mut state = left(vec![Record::CaseGivenUp {
        case: id,
        by: by.clone(),
        reason,
    }]);
    let behind = case(RequestKind::Deposit, ALL + 1, 0);
    give(
        &mut state,
        Input::Requested {
            kind: behind.kind,
            pool: behind.pool,
            leaving: None,
            log: log(999),
        },
    );
    let records = listed(&mut state, &[0, behind.pool.0]);
    assert_eq!(opened(&records), [], "not by itself");
    let said = notes(&records);
    assert!(
        matches!(&said[..], [said] if said.contains("given up by ann: filled by mistake") && said.contains("held")),
        "{said:?}"
    );
    let outcome = SafeText::new("given up by ann: filled by mistake");
    assert_eq!(held_out_of_memory(&state), [(id, outcome)]);
    let first = crate::oracle::ways::first_given_up(&state);
    let stopped_by = |id| crate::oracle::ways::stopped_by(&state, &first, id);
    assert_eq!((stopped_by(behind), stopped_by(id)), (Some(id), None));
    // the same request once more is asked for by nobody
    let (records, _) = give(
        &mut state,
        Input::Requested {
            kind: id.kind,
            pool: id.pool,
            leaving: None,
            log: log(1_003),
        },
    );
    assert_eq!(opened(&records), []);

    let command = Command::Retry(id);
    let by = by.into();
    let (records, reply) = give(&mut state, Input::Command { by, command });
    assert!(matches!(reply, Some(Ok(_))), "{reply:?}");
    let next = case(RequestKind::Deposit, 0, 1);
    assert_eq!(opened(&records), [next]);
    assert_eq!(
        state.cases[&next].cause,
        Cause::Event {
            log: log(1),
            leaving: None
        }
    );
    assert_eq!(held_out_of_memory(&state), []);
}

#[test]
fn an_exit_that_was_given_up_long_ago_is_taken_up_again_instead_of_opened_anew() {
    let id = case(RequestKind::Exit, 7, 0);
    let by = SafeText::new("ann");
    let cause = Cause::Manual {
        by: by.clone(),
        at: UnixMillis(1),
    };
    let given_up = [
        Record::CaseOpened { case: id, cause },
        Record::CaseGivenUp {
            case: id,
            by: by.clone(),
            reason: SafeText::new("not now"),
        },
    ];
    let mut state = State::new(settings());
    for record in given_up.into_iter().chain(deposits().flat_map(life)) {
        let seq = state.newest + 1;
        state.apply(seq, UnixMillis(seq), &record);
    }
    assert!(!state.cases.contains_key(&id));
    let facts = ChainFacts {
        head: Some(log(1_000).block),
        staked: vec![PoolId(7)],
        ..ChainFacts::default()
    };
    give(&mut state, Input::CaughtUp { finalized: None });
    give(&mut state, Input::Facts(Box::new(facts)));
    let refused = can_request_exit(&state, PoolId(7)).unwrap_err();
    assert!(refused.contains("exit/7 was given up"), "{refused}");
    let command = Command::Retry(id);
    let by = by.into();
    let (records, _) = give(&mut state, Input::Command { by, command });
    assert_eq!(opened(&records), [case(RequestKind::Exit, 7, 1)]);
}

/// What was final left the chain: the queue behind the pool stood still, nobody was told, and a retry was refused because the
/// case was closed.
#[test]
fn a_pool_whose_case_came_to_its_end_and_that_is_listed_again_is_taken_up_by_a_person() {
    let id = case(RequestKind::Deposit, 0, 0);
    let done = Record::CaseClosed {
        case: id,
        outcome: "the validator is active".into(),
    };
    let next = case(RequestKind::Deposit, 0, 1);
    let by = SafeText::new("ann");
    let retried = |state: &mut State| {
        let command = Command::Retry(id);
        let (records, _) = give(
            state,
            Input::Command {
                by: by.clone().into(),
                command,
            },
        );
        records
    };

    // in memory
    let mut state = State::new(settings());
    let cause = Cause::Event {
        leaving: None,
        log: log(1),
    };
    for record in [Record::CaseOpened { case: id, cause }, done.clone()] {
        let seq = state.newest + 1;
        state.apply(seq, UnixMillis(seq), &record);
    }
    give(&mut state, Input::CaughtUp { finalized: None });
    assert_eq!(opened(&retried(&mut state)), [], "nobody lists it");
    let records = listed(&mut state, &[0]);
    assert_eq!(opened(&records), [], "not by itself");
    assert!(is_held(&state, &state.cases[&id]) && is_listed_again(&state, id));
    let first = crate::oracle::ways::first_given_up(&state);
    let behind = case(RequestKind::Deposit, 9, 0);
    assert_eq!(crate::oracle::ways::stopped_by(&state, &first, behind), Some(id));
    assert_eq!(opened(&retried(&mut state)), [next]);
    assert!(!is_listed_again(&state, id));
    assert_eq!(opened(&retried(&mut state)), [], "once");

    // and where it left memory
    let mut state = left(vec![done]);
    let records = listed(&mut state, &[0]);
    assert_eq!(opened(&records), []);
    assert_eq!(held_out_of_memory(&state), [(id, "it came to its end".into())]);
    assert_eq!(opened(&retried(&mut state)), [next]);
    assert_eq!(held_out_of_memory(&state), []);
}

/// One of two endpoints is away: the other one's news are not borne out for some blocks, and what was known before stays.
#[test]
fn lists_of_a_block_before_the_end_of_a_case_do_not_list_its_pool_again() {
    let id = case(RequestKind::Deposit, 0, 0);
    let cause = Cause::Event {
        leaving: None,
        log: log(1),
    };
    let done = Record::CaseClosed {
        case: id,
        outcome: "the validator is active".into(),
    };
    let mut state = State::new(settings());
    for record in [Record::CaseOpened { case: id, cause }, done] {
        let seq = state.newest + 1;
        state.apply(seq, UnixMillis(seq), &record);
    }
    give(&mut state, Input::CaughtUp { finalized: None });
    let mut told = |number: u64, listed, ready: &[u32]| {
        let facts = ChainFacts {
            head: Some(log(number).block),
            listed,
            ready: ready.iter().copied().map(PoolId).collect(),
            ..ChainFacts::default()
        };
        let (records, _) = give(&mut state, Input::Facts(Box::new(facts)));
        (notes(&records), is_listed_again(&state, id))
    };
    for number in 10..30 {
        let before = Listed::Earlier(log(9).block);
        assert_eq!(told(number, before, &[0]), (vec![], false));
        assert_eq!(told(number, Listed::Nowhere, &[0]), (vec![], false));
    }
    assert_eq!(told(30, Listed::AtHead, &[]), (vec![], false));
    // and where it truly is, a person is told
    assert_eq!(told(31, Listed::AtHead, &[0]), (vec![], false));
    let (said, is_again) = told(33, Listed::AtHead, &[0]);
    assert!(is_again && said.len() == 1, "{said:?}");
}

#[test]
fn a_deposit_that_was_closed_on_a_lie_goes_on_when_the_contract_lists_it_although_it_left_memory() {
    let id = case(RequestKind::Deposit, 0, 0);
    let served = Record::PoolServed {
        case: id,
        transaction: Root([8; 32]),
        by: None,
        log: Some(log(2)),
    };
    let outcome = SafeText::new(cases::kind(id.kind).served());
    let mut state = left(vec![served, Record::CaseClosed { case: id, outcome }]);
    let records = listed(&mut state, &[0]);
    assert_eq!(opened(&records), [case(RequestKind::Deposit, 0, 1)]);
    let said = notes(&records);
    assert_eq!(
        said,
        ["deposit/0 was closed, and the contract lists pool 0 again: deposit/0.1 takes it up again"]
    );
}

#[test]
fn what_came_to_its_end_and_is_listed_again_is_named_once() {
    let mut state = after(deposits());
    give(&mut state, Input::CaughtUp { finalized: None });
    let records = listed(&mut state, &[3]);
    assert_eq!(opened(&records), []);
    let said = notes(&records);
    assert!(
        matches!(&said[..], [said] if said.contains("deposit/3 is closed") && said.contains("held")),
        "{said:?}"
    );
}

#[test]
fn a_request_that_left_for_good_ends_its_case_which_goes_on_when_it_is_back() {
    let mut state = State::new(settings());
    let id = case(RequestKind::Deposit, 0, 0);
    let (kind, pool) = (id.kind, id.pool);
    let seen = |state: &mut State, number: u64, finalized: u64| {
        let facts = ChainFacts {
            head: Some(log(number).block),
            ..ChainFacts::default()
        };
        let mut records = give(state, Input::Facts(Box::new(facts))).0;
        let finalized = Some(log(finalized).block);
        records.extend(give(state, Input::CaughtUp { finalized }).0);
        records
    };
    give(
        &mut state,
        Input::Requested {
            kind,
            pool,
            leaving: None,
            log: log(10),
        },
    );
    give(
        &mut state,
        Input::RequestRemoved {
            kind,
            pool,
            log: log(10),
        },
    );
    assert_eq!(seen(&mut state, 12, 9), [], "a branch may bring it back");
    let records = seen(&mut state, 13, 10);
    let outcome = SafeText::new(crate::oracle::state::REQUEST_GONE);
    assert_eq!(records, [Record::CaseClosed { case: id, outcome }]);
    // somebody asks again
    let asks = |state: &mut State, number| {
        let log = log(number);
        give(
            state,
            Input::Requested {
                kind,
                pool,
                log,
                leaving: None,
            },
        )
        .0
    };
    let mut back = state.clone();
    let records = asks(&mut back, 20);
    let cause = Cause::Event {
        log: log(20),
        leaving: None,
    };
    assert_eq!(records[0], Record::CauseFound { case: id, cause });
    assert!(back.open.contains(&id) && back.cases[&id].step == Step::PlanCeremony);
    // the same when it left memory
    for record in (1..=ALL).flat_map(|pool| life(case(RequestKind::Deposit, pool, 0))) {
        let seq = state.newest + 1;
        state.apply(seq, UnixMillis(seq), &record);
    }
    assert!(!state.cases.contains_key(&id));
    let mut listed_again = state.clone();
    let next = case(RequestKind::Deposit, 0, 1);
    assert_eq!(opened(&asks(&mut state, 20)), [next]);
    assert_eq!(opened(&listed(&mut listed_again, &[0])), [next]);
}
