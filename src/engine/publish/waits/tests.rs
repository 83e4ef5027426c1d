//! Why things wait, by what the core and the feeds say.

use std::collections::BTreeSet;
use std::path::Path;

use alloy::primitives::U256;

use super::*;
use crate::engine::Costs;
use crate::engine::EngineError;
use crate::engine::live::LiveUpdate;
use crate::engine::publish::tests::{case_id, keygen, live, obeyed, propose, state, take};
use crate::engine::publish::{ValidatorRows, compose, written};
use crate::journal::{Anchor, Journal, JournalOptions};
use crate::oracle::{AccountFacts, ActionKind, ChainFacts, Command, Input, Mode, Policy, TwoPersons};
use crate::types::{ActionId, Check, OperatorId, RequestKind, SafeText};
use crate::view::{EndpointKind, EndpointView, Health, LinkState, OperatorView, WaitReason};

fn snapshot_of(state: &State, live: &Live) -> Snapshot {
    snapshot_with(state, live, None)
}

/// With a journal that cannot be written, where it says why. The times of what waits are as the state tells them.
pub(super) fn snapshot_with(state: &State, live: &Live, unwritable: Option<&SafeText>) -> Snapshot {
    let folder = tempfile::tempdir().unwrap();
    let options = JournalOptions::at(folder.path().join("journal.sqlite"));
    let (journal, _) = Journal::open(&options, Anchor::BEGINNING, |_| Ok::<_, EngineError>(())).unwrap();
    let journal = written(&journal, unwritable);
    compose(state, live, journal, 1, &mut ValidatorRows::default())
}

fn reasons(state: &State, live: &Live) -> Vec<WaitReason> {
    let snapshot = snapshot_of(state, live);
    snapshot.waits.iter().map(|wait| wait.reason).collect()
}

fn found(state: &State, live: &Live, reason: WaitReason) -> Wait {
    let snapshot = snapshot_of(state, live);
    let of = snapshot.waits.into_iter().find(|wait| wait.reason == reason);
    of.unwrap_or_else(|| panic!("{reason} is not among {}", words(&reasons(state, live))))
}

fn words(reasons: &[WaitReason]) -> String {
    let codes: Vec<_> = reasons.iter().map(|reason| reason.code()).collect();
    codes.join(", ")
}

fn of_keygens() -> TwoPersons {
    TwoPersons {
        kinds: vec![ActionKind::Keygen],
        at_least_wei: None,
        personal_keys: false,
    }
}

fn approved_by_ada(state: &mut State, action: ActionId) {
    let digest = state.actions[&action].digest;
    let command = Command::Approve {
        action,
        digest,
        phrase: None,
    };
    obeyed(state, "ada (uid 1000)", command);
}

/// The core's own words decide what a rule does not let pass: they must stay as they are looked for.
#[test]
fn what_no_rule_lets_pass_waits_for_a_person_and_says_which_checks_are_unknown() {
    let mut state = state(Mode::Auto);
    state.settings.policy = Policy::default();
    let checks = vec![Check::unknown("endpoints-agree", "one voice")];
    let case = case_id(RequestKind::Deposit, 3);
    let action = propose(&mut state, case, keygen(), checks);
    assert_eq!(
        found(&state, &live(), WaitReason::Gathering).action,
        Some(action),
        "no rule has looked at it yet"
    );
    take(&mut state, Input::Started);
    take(&mut state, Input::Tick);
    let wait = found(&state, &live(), WaitReason::Policy);
    assert_eq!((wait.case, wait.action), (Some(case), Some(action)));
    assert_eq!(
        wait.sentence.as_str(),
        "waits for a person: no policy rule covers keygen of pool 3; unknown: endpoints-agree"
    );
}

#[test]
fn what_a_person_decides_and_what_nobody_can_approve() {
    let case = case_id(RequestKind::Deposit, 3);
    let mut supervised = state(Mode::Supervised);
    propose(&mut supervised, case, keygen(), Vec::new());
    found(&supervised, &live(), WaitReason::Decision);
    let mut failing = state(Mode::Supervised);
    propose(
        &mut failing,
        case,
        keygen(),
        vec![Check::fail("balance", "0 ETH")],
    );
    let wait = found(&failing, &live(), WaitReason::CheckFailed);
    assert_eq!(
        wait.sentence.as_str(),
        "cannot be approved: failed checks: balance (0 ETH)"
    );
    let mut observing = state(Mode::Observe);
    propose(&mut observing, case, keygen(), Vec::new());
    found(&observing, &live(), WaitReason::Observed);
    found(&observing, &live(), WaitReason::Observing);
}

#[test]
fn the_second_person_is_waited_for_by_a_reason_of_its_own_until_the_first_approval_expires() {
    for mode in [Mode::Supervised, Mode::Auto] {
        let mut state = state(mode);
        state.settings.policy.two_persons = vec![of_keygens()];
        let case = case_id(RequestKind::Deposit, 3);
        let action = propose(&mut state, case, keygen(), Vec::new());
        let snapshot = snapshot_of(&state, &live());
        let people = snapshot.action(action).unwrap().people.clone().unwrap();
        assert_eq!((people.to_string(), people.until), ("0 of 2".to_owned(), None));
        approved_by_ada(&mut state, action);
        let wait = found(&state, &live(), WaitReason::SecondPerson);
        assert_eq!((wait.case, wait.action), (Some(case), Some(action)));
        assert_eq!(
            wait.sentence.as_str(),
            "waits for a decision on deposit/3#1 by 2 people, 1 of 2: ada (uid 1000) approved it, and it takes another person"
        );
        let snapshot = snapshot_of(&state, &live());
        let people = snapshot.action(action).unwrap().people.clone().unwrap();
        assert_eq!(wait.due, people.until);
        assert!(
            people
                .words()
                .starts_with("1 of 2: ada (uid 1000); that counts until"),
            "{}",
            people.words()
        );
    }
}

/// One of two approved it: whoever reads it afterwards does not take it for approved by all that it took.
#[test]
fn what_was_rejected_after_one_approval_of_two_says_how_many_it_took() {
    let mut state = state(Mode::Supervised);
    state.settings.policy.two_persons = vec![of_keygens()];
    let case = case_id(RequestKind::Deposit, 3);
    let action = propose(&mut state, case, keygen(), Vec::new());
    approved_by_ada(&mut state, action);
    let digest = state.actions[&action].digest;
    let reason = "no quorum".into();
    obeyed(
        &mut state,
        "bob",
        Command::Reject {
            action,
            digest,
            reason,
        },
    );
    let snapshot = snapshot_of(&state, &live());
    let view = snapshot.action(action).unwrap();
    let people = view.people.clone().unwrap();
    assert_eq!((people.needed, people.to_string().as_str()), (2, "1 of 2"));
    assert_eq!(view.standing_in_full(), "rejected by bob: no quorum");
}

/// Its checks were made by a process before this one, so they are stale.
#[test]
fn an_approval_that_waits_for_stale_checks_waits_for_them_or_for_another_person_until_it_lapses() {
    let lapses = crate::oracle::REFRESHING_FOR_MS;
    for (two, reason) in [(false, WaitReason::Refreshing), (true, WaitReason::SecondPerson)] {
        let mut state = state(Mode::Supervised);
        state.settings.approval_expires_ms = 6 * lapses;
        if two {
            state.settings.policy.two_persons = vec![of_keygens()];
        }
        let case = case_id(RequestKind::Deposit, 3);
        let checks = vec![Check::pass("balance", "1 ETH")];
        let action = propose(&mut state, case, keygen(), checks);
        approved_by_ada(&mut state, action);
        let refreshing = state.refreshing(action).unwrap();
        assert_eq!(refreshing.is_enough, !two);
        let wait = found(&state, &live(), reason);
        let says = wait.sentence.as_str();
        assert!(
            says.starts_with("approved by ada (uid 1000), refreshing its checks ("),
            "{says}"
        );
        assert_eq!(says.ends_with("; it takes another person"), two, "{says}");
        assert_eq!(wait.due, Some(refreshing.until));
        let at = refreshing.at;
        assert_eq!(refreshing.until.since(at).as_millis(), u128::from(lapses));
    }
}

/// Its checks were made by a process before this one, so they are stale.
#[test]
fn whoever_has_two_approvals_that_wait_is_not_asked_for_another_person() {
    let mut state = state(Mode::Supervised);
    state.settings.policy.two_persons = vec![of_keygens()];
    let case = case_id(RequestKind::Deposit, 3);
    let action = propose(&mut state, case, keygen(), vec![Check::pass("balance", "1 ETH")]);
    approved_by_ada(&mut state, action);
    let digest = state.actions[&action].digest;
    let command = Command::Approve {
        action,
        digest,
        phrase: None,
    };
    let people = |state: &State| {
        let snapshot = snapshot_of(state, &live());
        snapshot.action(action).unwrap().people.clone().unwrap().words()
    };
    assert_eq!(
        people(&state),
        "0 of 2; that of ada (uid 1000) waits for stale checks, and one more person's makes it 2"
    );
    obeyed(&mut state, "bob", command);
    assert_eq!(
        people(&state),
        "0 of 2; those of ada (uid 1000) and bob wait for stale checks, and then it is 2 of 2"
    );
    let wait = found(&state, &live(), WaitReason::Refreshing);
    assert_eq!(
        wait.sentence.as_str(),
        "approved by ada (uid 1000) and bob, refreshing its checks (they were made before this program started)"
    );
}

#[test]
fn a_mode_that_a_person_made_more_careful_is_told_as_long_as_it_lasts() {
    let mut state = state(Mode::Auto);
    let command = Command::SwitchMode {
        to: Mode::Supervised,
        word: None,
    };
    let by = "ada (uid 1000)".into();
    take(&mut state, Input::Command { by, command });
    let wait = found(&state, &live(), WaitReason::ModeSwitched);
    assert!(
        wait.sentence
            .as_str()
            .starts_with("ada (uid 1000) switched to mode supervised at 1970-01-01"),
        "{}",
        wait.sentence
    );
    let snapshot = snapshot_of(&state, &live());
    assert_eq!(snapshot.mode, crate::view::Mode::Supervised);
    state.settings.mode = Mode::Supervised;
    assert!(!reasons(&state, &live()).contains(&WaitReason::ModeSwitched));
}

/// Somebody else's transaction is told apart from a pause that a person made, by the core's own words.
#[test]
fn somebody_elses_transaction_is_no_persons_pause() {
    let mut state = state(Mode::Supervised);
    let account = |next| AccountFacts {
        address: Default::default(),
        next,
        pending: next,
        balance_wei: U256::ZERO,
        is_open: false,
    };
    take(&mut state, Input::Started);
    for next in [3, 4] {
        let facts = ChainFacts {
            account: Some(account(next)),
            ..ChainFacts::default()
        };
        take(&mut state, Input::Facts(Box::new(facts)));
    }
    let wait = found(&state, &live(), WaitReason::ForeignTransaction);
    assert!(
        wait.sentence
            .as_str()
            .starts_with("nonce 3 of the oracle account"),
        "{}",
        wait.sentence
    );
    assert!(!reasons(&state, &live()).contains(&WaitReason::Paused));
    assert!(wait.details.is_empty());
    // what the contract's logs say of it is read later, and shown with it
    let mut live = live();
    let read = (
        "by the contract's logs: 3 resharePool".into(),
        vec!["nonce 3: a line".into()],
    );
    live.update(UnixMillis(1), LiveUpdate::Strange(Some(read)));
    let wait = found(&state, &live, WaitReason::ForeignTransaction);
    assert!(
        wait.sentence
            .as_str()
            .ends_with("the key; by the contract's logs: 3 resharePool"),
        "{}",
        wait.sentence
    );
    assert_eq!(wait.details, ["nonce 3: a line".into()]);
}

pub(super) fn operator(id: u64, health: Health) -> OperatorView {
    OperatorView {
        id: OperatorId(id),
        name: SafeText::default(),
        endpoint: "http://operator".into(),
        key: None,
        health,
        version: SafeText::default(),
        latency_ms: None,
        ceremonies_done: 0,
        ceremonies_failed: 0,
        note: "no answer".into(),
    }
}

/// Operators of the smallest committee.
fn least(live: &Live) -> u64 {
    let committees = live.backend.capabilities().committees.iter();
    let least = committees.map(|size| size.operators).min().unwrap();
    u64::try_from(least).unwrap()
}

#[test]
fn endpoints_and_operators_that_are_down_are_told_one_by_one_and_all_together() {
    let state = state(Mode::Supervised);
    let mut live = live();
    let endpoint = |name: &str, health| EndpointView {
        kind: EndpointKind::Execution,
        name: name.into(),
        health,
        detail: "down: refused".into(),
        latency_ms: None,
    };
    let now = UnixMillis(7);
    let some = vec![
        endpoint("http://a", Health::Down),
        endpoint("http://b", Health::Up),
    ];
    live.update(now, LiveUpdate::Endpoints(EndpointKind::Execution, some));
    let wait = found(&state, &live, WaitReason::EndpointDown);
    assert_eq!(wait.subject(), "http://a");
    let all = vec![
        endpoint("http://a", Health::Down),
        endpoint("http://b", Health::Down),
    ];
    live.update(now, LiveUpdate::Endpoints(EndpointKind::Execution, all));
    let away = found(&state, &live, WaitReason::ExecutionAway);
    assert!(
        away.sentence
            .as_str()
            .contains("http://a (down: refused), http://b"),
        "{}",
        away.sentence
    );
    // b's going is no answer of a, and b is told of with all
    let wait = found(&state, &live, WaitReason::EndpointDown);
    assert_eq!(wait.subject(), "http://a");
    let back = vec![
        endpoint("http://a", Health::Up),
        endpoint("http://b", Health::Down),
    ];
    live.update(now, LiveUpdate::Endpoints(EndpointKind::Execution, back));
    let wait = found(&state, &live, WaitReason::EndpointDown);
    assert_eq!(wait.subject(), "http://b");

    let least = least(&live);
    let down = |count| {
        let health = move |id| if id <= count { Health::Down } else { Health::Up };
        LiveUpdate::Operators((1..=least + 1).map(|id| operator(id, health(id))).collect())
    };
    live.update(now, down(1));
    let wait = found(&state, &live, WaitReason::OperatorDown);
    assert_eq!(wait.sentence.as_str(), "operator 1 is down: no answer");
    assert!(!reasons(&state, &live).contains(&WaitReason::OperatorsShort));
    live.update(now, down(2));
    found(&state, &live, WaitReason::OperatorsShort);
}

/// Whoever gives no usable answer is missing as well, and not called down.
#[test]
fn operators_that_cannot_be_asked_are_not_known_with_the_reason() {
    let (state, mut live, now) = (state(Mode::Supervised), live(), UnixMillis(7));
    let least = least(&live);
    let not_known = |count, note: &'static str| {
        let one = move |id| OperatorView {
            note: if id <= count { note.into() } else { "".into() },
            ..operator(id, if id <= count { Health::Unknown } else { Health::Up })
        };
        LiveUpdate::Operators((1..=least + 1).map(one).collect())
    };
    live.update(now, not_known(1, "no route"));
    let wait = found(&state, &live, WaitReason::OperatorNotKnown);
    assert_eq!(
        wait.sentence.as_str(),
        "operator 1 gives no usable answer, and whether it is there is not known: no route"
    );
    let all = reasons(&state, &live);
    assert!(!all.contains(&WaitReason::OperatorDown) && !all.contains(&WaitReason::OperatorsShort));
    live.update(now, not_known(2, "no route"));
    found(&state, &live, WaitReason::OperatorsShort);
    // before they were asked nothing is said
    live.update(now, not_known(2, ""));
    let all = reasons(&state, &live);
    assert!(!all.contains(&WaitReason::OperatorNotKnown) && !all.contains(&WaitReason::OperatorsShort));
}

/// Whoever is told of them keeps them apart: otherwise each would be told anew at every look.
#[test]
fn two_alarms_of_one_reason_are_two_matters() {
    let (state, mut live) = (state(Mode::Supervised), live());
    for subject in ["comparison", "registrations"] {
        live.update(UnixMillis(1), LiveUpdate::Alarm(subject, subject.into()));
    }
    let waits = snapshot_of(&state, &live).waits;
    let matters: BTreeSet<_> = waits.iter().map(Wait::matter).collect();
    assert_eq!(matters.len(), waits.len(), "{waits:?}");
    let doubts = waits.iter().filter(|wait| wait.reason == WaitReason::LogsDoubted);
    assert_eq!(doubts.count(), 2);
}

/// A wait that has the matter of another one would be told anew at every look.
#[test]
fn no_two_waits_of_a_snapshot_are_one_matter() {
    let (state, mut live, now) = (state(Mode::Supervised), live(), UnixMillis(1));
    let alarms = [
        "tip",
        "logs",
        "comparison",
        "registrations",
        "head",
        "something-else",
        "something-new",
    ];
    for subject in alarms {
        live.update(now, LiveUpdate::Alarm(subject, subject.into()));
    }
    live.update(now, LiveUpdate::Link(LinkState::Stale));
    // two endpoints of one provider, of which the keys are not shown
    let endpoint = |detail: &str, health| EndpointView {
        kind: EndpointKind::Execution,
        name: "https://provider".into(),
        health,
        detail: detail.into(),
        latency_ms: None,
    };
    let endpoints = vec![
        endpoint("refused", Health::Down),
        endpoint("no answer", Health::Down),
        endpoint("no answer", Health::Down),
        endpoint("", Health::Up),
    ];
    live.update(now, LiveUpdate::Endpoints(EndpointKind::Execution, endpoints));
    let waits = snapshot_of(&state, &live).waits;
    let matters: BTreeSet<_> = waits.iter().map(Wait::matter).collect();
    assert_eq!(matters.len(), waits.len(), "{waits:?}");
    let of = |reason| waits.iter().filter(move |wait| wait.reason == reason);
    let stale: Vec<_> = of(WaitReason::ChainStale).map(|w| w.sentence.as_str()).collect();
    assert_eq!(stale, ["tip"], "the alarm and the link say one thing");
    let down: Vec<_> = of(WaitReason::EndpointDown)
        .map(|w| w.sentence.as_str())
        .collect();
    assert_eq!(
        down,
        [
            "execution endpoint https://provider (refused) is down; execution endpoint https://provider (no answer) is down"
        ]
    );
}

#[test]
fn the_balance_is_told_as_so_many_deposits() {
    let mut state = state(Mode::Supervised);
    let mut live = live();
    let costs = Costs {
        ceiling_wei: U256::from(100),
        least_deposits: 8,
    };
    live.update(UnixMillis(1), LiveUpdate::Costs(costs));
    let mut with = |balance: u64| {
        let facts = ChainFacts {
            account: Some(AccountFacts {
                address: Default::default(),
                next: 0,
                pending: 0,
                balance_wei: U256::from(balance),
                is_open: false,
            }),
            ..ChainFacts::default()
        };
        take(&mut state, Input::Facts(Box::new(facts)));
        let snapshot = snapshot_of(&state, &live);
        let wait = snapshot
            .waits
            .into_iter()
            .find(|wait| matches!(wait.reason, WaitReason::BalanceLow | WaitReason::BalanceOut));
        wait.map(|wait| (wait.reason, wait.sentence.to_string()))
    };
    assert_eq!(with(800), None);
    let (low, words) = with(799).unwrap();
    assert_eq!(low, WaitReason::BalanceLow);
    assert_eq!(
        words,
        "the balance of the oracle account is enough for 7 more deposits"
    );
    assert_eq!(with(99).unwrap().0, WaitReason::BalanceOut);
}

#[test]
fn a_link_that_is_not_live_says_why_and_since_when() {
    let state = state(Mode::Supervised);
    let mut live = live();
    let mut begun = Begun::default();
    let mut since = |live: &Live, now| {
        let mut waits = snapshot_of(&state, live).waits;
        begun.stamp(&mut waits, UnixMillis(now));
        waits
            .into_iter()
            .map(|wait| (wait.reason, wait.since.0))
            .collect::<Vec<_>>()
    };
    live.update(UnixMillis(1), LiveUpdate::Link(LinkState::Down));
    assert_eq!(since(&live, 10), [(WaitReason::ChainDown, 10)]);
    assert_eq!(since(&live, 20), [(WaitReason::ChainDown, 10)]);
    live.update(UnixMillis(1), LiveUpdate::Link(LinkState::Stale));
    assert_eq!(since(&live, 30), [(WaitReason::ChainStale, 30)]);
    live.update(UnixMillis(1), LiveUpdate::Link(LinkState::Live));
    assert_eq!(since(&live, 40), []);
    live.update(UnixMillis(1), LiveUpdate::Link(LinkState::Down));
    assert_eq!(since(&live, 50), [(WaitReason::ChainDown, 50)], "it begins anew");
}

/// Every alarm that is raised anywhere in the engine has a reason of its own.
#[test]
fn every_alarm_has_a_reason() {
    let mut subjects = BTreeSet::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap();
            for how in [
                concat!("LiveUpdate::Ala", "rm(\""),
                concat!("Waits::of", "(self, \""),
            ] {
                let behind = text.split(how).skip(1);
                subjects.extend(behind.filter_map(|rest| Some(rest.split_once('"')?.0.to_owned())));
            }
        }
    }
    assert!(subjects.len() >= 10, "they are found: {subjects:?}");
    for subject in subjects {
        assert_ne!(
            super::surroundings::of_alarm(&subject),
            WaitReason::Alarm,
            "{subject}"
        );
    }
}
