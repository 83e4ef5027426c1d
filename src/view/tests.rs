//! Whatever crosses comes out as it went in, and changes lead from any snapshot to any other.

use proptest::prelude::*;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::fixture::{self, busy, surroundings};
use super::*;
use crate::types::{
    ActionId, CaseId, OperatorId, PersonKey, PersonSignature, PoolId, RequestId, RequestKind, Root,
    SignedStatement, Stated, Statement, UnixMillis,
};
use alloy::primitives::Address;

/// Through JSON and back.
fn crossed<T: Serialize + DeserializeOwned>(value: &T) -> T {
    let text = serde_json::to_string(value).unwrap();
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[test]
fn a_busy_snapshot_comes_out_as_it_went_in() {
    let snapshot = busy();
    assert_eq!(crossed(&snapshot), snapshot);
    for n in 0..30 {
        let snapshot = surroundings(n);
        assert_eq!(crossed(&snapshot), snapshot);
    }
}

fn ids() -> (ActionId, CaseId, RequestId) {
    let action: ActionId = "reshare/3.1#2".parse().unwrap();
    (action, action.case, RequestId([7; 24]))
}

fn signed(action: ActionId, digest: Root) -> SignedStatement {
    SignedStatement {
        statement: Statement {
            chain_id: 1,
            manager: Address::repeat_byte(7),
            account: Some(Address::repeat_byte(8)),
            action,
            proposed_at: Some(UnixMillis(3)),
            digest,
            verdict: Stated::Approve,
            unknown: vec!["endpoints-agree".to_owned()],
            phrase: Some("exit validator 17".to_owned()),
            expires: UnixMillis(1_700_000_000_000),
        },
        key: PersonKey([3; 32]),
        signature: PersonSignature([4; 64]),
    }
}

#[test]
fn requests_come_out_as_they_went_in() {
    let (action, case, request) = ids();
    let digest = Root([9; 32]);
    let requests = [
        Request::Approve {
            action,
            digest,
            phrase: Some("exit validator 17".to_owned()),
        },
        Request::ApproveSigned {
            signed: Box::new(signed(action, digest)),
        },
        Request::Reject {
            action,
            digest,
            reason: "wrong pool".into(),
        },
        Request::Retry { case },
        Request::DeclareLost { request },
        Request::Pause { scope: Scope::All },
        Request::Resume {
            scope: Scope::Case(case),
        },
        Request::RequestReshare { pool: PoolId(3) },
        Request::SetCommittee {
            action,
            committee: [1, 2, 3, 5].map(OperatorId).to_vec(),
        },
        Request::GiveUp {
            case,
            reason: "the pool was filled by mistake".into(),
        },
        Request::RedoKey { case },
        Request::RequestExit { pool: PoolId(3) },
        Request::SwitchMode {
            mode: Mode::Auto,
            word: Some("auto".to_owned()),
        },
    ];
    for request in requests {
        let asked = FromSeat::Request { ticket: 1, request };
        assert_eq!(crossed(&asked), asked);
    }
}

#[test]
fn answers_come_out_as_they_went_in() {
    let refused = [
        Refused::Stale("the digest".into()),
        Refused::AlreadyDecided {
            by: "grace".into(),
            at: UnixMillis(3),
        },
        Refused::NotNow("later".into()),
        Refused::Mode("observe".into()),
        Refused::Unavailable("disk full".into()),
        Refused::NotKnown("it was gone".into()),
    ];
    for refused in refused {
        let answer = ToSeat::Answer {
            ticket: 1,
            reply: Err(refused),
        };
        assert_eq!(crossed(&answer), answer);
    }
}

#[test]
fn pages_come_out_as_they_went_in() {
    let (action, case, request) = ids();
    let rows = [
        RowId::Action(action),
        RowId::Case(case),
        RowId::Ceremony(request),
        RowId::Transaction(action),
        RowId::Exit(case),
        RowId::Validator(fixture::validator(1, 0).public_key),
    ];
    for row in rows {
        let one = FromSeat::Read {
            ticket: 1,
            query: Query::One { row },
        };
        assert_eq!(crossed(&one), one);
        for kind in ListKind::ALL {
            let query = Query::Page(Page {
                kind,
                before: Some(row),
                limit: 100,
            });
            assert_eq!(crossed(&query), query);
        }
    }
    let busy = busy();
    let listings = [
        Rows::Actions(busy.actions),
        Rows::Cases(busy.cases),
        Rows::Ceremonies(busy.ceremonies),
        Rows::Transactions(busy.transactions),
        Rows::Exits(busy.exits),
    ];
    for rows in listings {
        let listing = Ok(Listing { rows, older: 7 });
        let answer = ToSeat::Rows { ticket: 1, listing };
        assert_eq!(crossed(&answer), answer);
    }
}

/// The conversation of a seat that sits in another process: a greeting, a snapshot, then changes.
#[test]
fn a_seat_elsewhere_follows_by_changes() {
    let mut now = busy();
    let change: [fn(&mut Snapshot); 4] = [
        |s| s.actions[3].state = ActionState::Approved,
        |s| s.cases.rotate_left(5),
        |s| {
            s.ceremonies.remove(0);
            s.paused = None;
        },
        |s| s.transactions.insert(0, fixture::transaction(40, 0)),
    ];
    let mut told = vec![
        ToSeat::Hello(Hello::of_this_program()),
        ToSeat::Snapshot(Box::new(now.clone())),
    ];
    for change in change {
        let before = now.clone();
        change(&mut now);
        now.revision += 1;
        told.push(ToSeat::Changes {
            since: before.revision,
            changes: now.changes_since(&before),
        });
    }
    let mut seen: Option<Snapshot> = None;
    for message in told.iter().map(crossed) {
        match message {
            ToSeat::Hello(hello) => hello.check().unwrap(),
            ToSeat::Snapshot(snapshot) => seen = Some(*snapshot),
            ToSeat::Changes { since, changes } => {
                let seen = seen.as_mut().unwrap();
                assert_eq!(seen.revision, since);
                changes.into_iter().for_each(|change| seen.apply(change));
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(seen, Some(now));
}

#[test]
fn another_version_is_not_talked_to() {
    let newer = Hello {
        view: VERSION + 1,
        program: "9.9".to_owned(),
    };
    let words = newer.check().unwrap_err().to_string();
    let speaks = format!("casimir-dkg 9.9 speaks version {}", VERSION + 1);
    assert!(words.contains(&speaks), "{words}");
}

#[test]
fn a_row_that_moves_is_one_change() {
    let before = busy();
    let mut after = before.clone();
    let decided = after.actions.remove(0);
    after.actions.push(decided);
    let changes = after.changes_since(&before);
    assert_eq!(changes.len(), 1, "{changes:?}");
    assert!(
        matches!(&changes[0], Change::Action(RowChange::Put { row, .. }) if row.id == before.actions[0].id)
    );
    assert!(before.changes_since(&before.clone()).is_empty());
}

#[test]
fn what_follows_from_an_action_is_the_newest_that_waits_in_its_case() {
    let mut snapshot = surroundings(2);
    let mut action = |number, state| {
        let mut action = fixture::action(0, 0);
        action.id.number = number;
        action.state = state;
        snapshot.actions.push(action.clone());
        action.id
    };
    let keygen = action(1, ActionState::Done);
    let deposit = action(2, ActionState::Proposed);
    assert_eq!(snapshot.successor(keygen).map(|a| a.id), Some(deposit));
    assert_eq!(snapshot.successor(deposit), None);
}

#[test]
fn cases_that_are_over_are_counted_here_and_beyond() {
    let mut snapshot = surroundings(2);
    for n in [0, 3] {
        let mut case = fixture::case(n, 0);
        case.status = CaseStatus::Done;
        snapshot.cases.push(case);
    }
    assert_eq!(snapshot.cases_over(RequestKind::Deposit), 2 + 2);
    assert_eq!(snapshot.cases_over(RequestKind::Reshare), 0);
    assert_eq!(snapshot.cases_over(RequestKind::Exit), 2);
    assert_eq!(snapshot.older.of(ListKind::Cases), 4);
}

/// Up to twelve rows in any order, each in one of two versions.
fn rows<T: std::fmt::Debug + Clone>(make: fn(u8, u8) -> T) -> impl Strategy<Value = Vec<T>> {
    let ids = Just((0u8..12).collect::<Vec<_>>()).prop_shuffle();
    (ids, 0..=12usize, proptest::collection::vec(0u8..2, 12)).prop_map(move |(ids, n, versions)| {
        let ids = ids.into_iter().take(n).zip(versions);
        ids.map(|(id, version)| make(id, version)).collect()
    })
}

fn snapshots() -> impl Strategy<Value = Snapshot> {
    let lists = (
        rows(fixture::action),
        rows(fixture::case),
        rows(fixture::ceremony),
        rows(fixture::transaction),
        rows(fixture::exit),
        rows(fixture::validator),
        rows(fixture::operator),
    );
    (0u8..4, lists).prop_map(|(n, lists)| {
        let (actions, cases, ceremonies, transactions, exits, validators, operators) = lists;
        Snapshot {
            actions,
            cases,
            ceremonies,
            transactions,
            exits,
            validators: validators.into(),
            operators,
            ..surroundings(n)
        }
    })
}

proptest! {
    #[test]
    fn changes_lead_from_any_snapshot_to_any_other(before in snapshots(), after in snapshots()) {
        let mut copy = before.clone();
        for change in crossed(&after.changes_since(&before)) {
            copy.apply(change);
        }
        prop_assert_eq!(copy, after);
    }
}

/// The views stand on `types` alone: whoever reads them knows nothing of the engine.
#[test]
fn views_stand_on_types_alone() {
    let mut folders = vec![std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/view")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap();
            let here = concat!("crate", "::");
            for used in text.split(here).skip(1) {
                let line = used.lines().next().unwrap_or_default();
                assert!(used.starts_with("types::"), "{}: {here}{line}", path.display());
            }
        }
    }
}
