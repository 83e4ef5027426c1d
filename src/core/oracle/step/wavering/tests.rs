//! Liars by turns, over days.

use crate::oracle::fixture::{block, proposal, settings};
use crate::oracle::*;
use crate::types::*;

const AGREE: &str = "endpoints-agree";
const SIMULATION: &str = "simulation";
/// Between two looks, ms.
const EVERY_MS: u64 = 12_000;
/// So many looks are an hour.
const AN_HOUR: u64 = 3_600_000 / EVERY_MS;

fn give(state: &mut State, at: u64, input: Input) -> Output {
    crate::oracle::fixture::give(state, at, input).0
}

fn facts(head: u64) -> Input {
    Input::Facts(Box::new(ChainFacts {
        head: Some(block(head)),
        ready: vec![PoolId(1)],
        ..ChainFacts::default()
    }))
}

/// A deposit is asked for, whose key generation waits for a person.
fn begin() -> (State, ActionId) {
    begin_in(Mode::Supervised)
}

fn begin_in(mode: Mode) -> (State, ActionId) {
    let mut state = State::new(Settings { mode, ..settings() });
    give(&mut state, 1_000, Input::CaughtUp { finalized: None });
    give(&mut state, 1_000, facts(10));
    let asked = Input::Requested {
        kind: RequestKind::Deposit,
        pool: PoolId(1),
        log: LogRef {
            block: block(10),
            transaction: Root([1; 32]),
            index: 0,
        },
        leaving: None,
    };
    give(&mut state, 1_000, asked);
    let case = *state.cases.keys().next().unwrap();
    (state, ActionId { case, number: 1 })
}

fn look(action: ActionId, n: u64, outcome: Prepared) -> Input {
    let purpose = match n {
        0 => Purpose::Propose,
        _ => Purpose::Refresh(action),
    };
    let case = action.case;
    Input::Prepared {
        case,
        purpose,
        outcome,
    }
}

fn checked(n: u64, checks: Vec<Check>) -> Prepared {
    Prepared::Proposal(Box::new(Proposal {
        facts: vec![Fact::new("look", FactKind::Text, n.to_string())],
        checks,
        ..proposal(ActionKind::Keygen)
    }))
}

fn check(name: &str, n: u64, holds: bool) -> Check {
    Check::of(name, holds, format!("by look {n}"))
}

/// The lines that as many looks at one action write, and what it says afterwards.
fn journaled(looks: u64, says: impl Fn(u64) -> Prepared) -> (usize, Vec<(String, CheckStatus)>) {
    let (mut state, action) = begin();
    let mut lines = 0;
    for n in 0..looks {
        let records = give(&mut state, 2_000 + n * EVERY_MS, look(action, n, says(n))).records;
        let is_line = |record: &&Record| matches!(record, Record::ActionChanged { .. } | Record::Note { .. });
        lines += records.iter().filter(is_line).count();
    }
    let checks = &state.actions[&action].proposal.checks;
    (lines, checks.iter().map(|c| (c.name.clone(), c.status)).collect())
}

fn agree(looks: u64, agrees: impl Fn(u64) -> bool) -> (usize, CheckStatus) {
    let (lines, said) = journaled(looks, |n| checked(n, vec![check(AGREE, n, agrees(n))]));
    (lines, said[0].1)
}

#[test]
fn a_liar_by_turns_has_few_lines_and_nothing_rests_on_the_moments_in_between() {
    let (lines, status) = agree(20_000, |n| n % 2 == 0);
    assert!((1..=8).contains(&lines), "{lines}");
    assert_eq!(status, CheckStatus::Fail);
}

#[test]
fn a_lie_that_is_over_is_over_at_once_the_first_times_and_later_when_that_lasts() {
    assert_eq!(agree(20_000, |n| n != 7), (2, CheckStatus::Pass), "once");
    let (lines, status) = agree(20_000, |n| n > 1_000 || n % 2 == 0);
    assert!((1..=8).contains(&lines), "{lines}");
    assert_eq!(status, CheckStatus::Pass, "it has lasted");
}

/// What a liar says by turns flips more than the endpoints' agreement, has checks come and go, and changes their order.
#[test]
fn a_liar_by_turns_has_few_lines_whatever_checks_flip() {
    let is = |n: u64, every: u64| n.is_multiple_of(every);
    type Says = fn(u64, bool, bool) -> Vec<Check>;
    let liars: [(&str, Says); 4] = [
        ("together", |n, one, _| {
            vec![check(AGREE, n, one), check(SIMULATION, n, one)]
        }),
        ("one against the other", |n, one, _| {
            vec![check(AGREE, n, one), check(SIMULATION, n, !one)]
        }),
        ("each for itself", |n, one, other| {
            vec![check(AGREE, n, one), check(SIMULATION, n, other)]
        }),
        ("coming, going and in another order", |n, one, other| {
            let mut checks = vec![check(AGREE, n, true), check("pool-ready", n, true)];
            checks.extend(one.then(|| check("ssv-operators", n, false)));
            checks.extend(other.then(|| check(SIMULATION, n, true)));
            checks.rotate_left(usize::from(one));
            checks
        }),
    ];
    for (name, says) in liars {
        let (lines, said) = journaled(5_000, |n| checked(n, says(n, is(n, 2), is(n, 3))));
        assert!((1..=12).contains(&lines), "{name}: {lines}");
        let failed = said.iter().any(|(_, status)| *status == CheckStatus::Fail);
        assert!(failed, "{name}: {said:?}");
    }
}

/// Who tells the truth for just long enough writes so often, and not more.
#[test]
fn a_change_for_the_worse_is_journaled_at_once_and_not_often() {
    let hours = 10;
    for truth_lasts in [1, 2, 7, 30, 48, 49, 50, 51, 52, 60] {
        let both = |n: u64| {
            let holds = !n.is_multiple_of(truth_lasts + 1);
            checked(n, vec![check(AGREE, n, holds), check(SIMULATION, n, holds)])
        };
        let (lines, _) = journaled(hours * AN_HOUR, both);
        let an_hour = lines as u64 / hours;
        assert!(an_hour <= 18, "{truth_lasts}: {an_hour} lines an hour");
    }
    let (mut state, action) = begin();
    for n in 0..400 {
        let holds = n > 20 && n < 399 || n % 2 == 0;
        let says = checked(n, vec![check(AGREE, n, holds)]);
        let records = give(&mut state, 2_000 + n * EVERY_MS, look(action, n, says)).records;
        let changed = records.iter().any(|r| matches!(r, Record::ActionChanged { .. }));
        assert!(n < 399 || changed, "a decision rests on it");
    }
}

/// Operators gain nothing by coming and going, and endpoints do.
#[test]
fn a_recovery_counts_in_a_minute_where_operators_tell_it_and_in_ten_where_endpoints_do() {
    let flaps = 22;
    for (name, lasting_ms) in [
        ("operators-reachable", 60_000),
        ("operator-versions", 60_000),
        ("messenger-reachable", 60_000),
        (AGREE, 600_000),
        (SIMULATION, 600_000),
        ("key-unknown-to-beacon", 600_000),
        ("beacon-node-in-sync", 600_000),
    ] {
        let (mut state, action) = begin();
        let mut recovered = None;
        for n in 0..=200 {
            let holds = n >= flaps || n % 2 == 0;
            let says = checked(n, vec![check(name, n, holds)]);
            give(&mut state, 2_000 + n * EVERY_MS, look(action, n, says));
            let status = state.actions[&action].proposal.checks[0].status;
            let counts = n >= flaps && status == CheckStatus::Pass;
            recovered = recovered.or(counts.then(|| (n - flaps) * EVERY_MS));
        }
        let after = recovered.expect(name);
        assert!(
            (lasting_ms..lasting_ms + 2 * EVERY_MS).contains(&after),
            "{name}: {after} ms"
        );
    }
}

#[test]
fn what_was_better_once_and_again_much_later_has_not_lasted() {
    let fails = |n: u64| vec![check(AGREE, n, false), check(SIMULATION, n, false)];
    let better = |n: u64| vec![check(AGREE, n, true), check(SIMULATION, n, true)];
    let worse = |n: u64| vec![check(AGREE, n, false), check(SIMULATION, n, true)];
    type Between = fn(u64, Vec<Check>) -> Prepared;
    let between: [(&str, Between); 2] = [
        ("another check was worse", |n, checks| checked(n, checks)),
        ("nobody could look", |_, _| Prepared::Later {
            reason: "no endpoint tells it".into(),
            at: UnixMillis(0),
        }),
    ];
    for (name, between) in between {
        let (_, said) = journaled(101, |n| match n {
            0..=20 if n % 2 == 0 => checked(n, worse(n)),
            0..=20 => checked(n, better(n)),
            21 => checked(n, vec![check(AGREE, n, true), check(SIMULATION, n, true)]),
            100 => checked(n, better(n)),
            _ => between(n, fails(n)),
        });
        assert_eq!(said[0].1, CheckStatus::Fail, "{name}");
    }
}

/// Three hours of an action that waits, by the clock that the program runs by: how often the desk was asked.
fn looks(agrees: impl Fn(u64) -> bool) -> u64 {
    let (mut state, action) = begin();
    let first = look(action, 0, checked(0, vec![check(AGREE, 0, false)]));
    give(&mut state, 1_000, first);
    let mut looks = 0;
    for second in 2..10_800 {
        let at = second * 1_000;
        let input = match second % 12 {
            0 => facts(10 + second / 12),
            _ => Input::Tick,
        };
        let asked = |out: &Output| {
            let mut effects = out.effects.iter();
            effects.any(|effect| matches!(effect, Effect::Prepare { .. }))
        };
        let out = give(&mut state, at, input);
        if asked(&out) {
            looks += 1;
            let says = checked(looks, vec![check(AGREE, looks, agrees(looks))]);
            let out = give(&mut state, at + 300, look(action, looks, says));
            assert!(!asked(&out), "at {second}: the desk has just looked");
            assert_eq!(state.checked_at(action), Some(UnixMillis(at + 300)));
        }
    }
    looks
}

#[test]
fn the_desk_looks_no_more_often_while_the_endpoints_waver() {
    let as_usual = looks(|_| false);
    assert_eq!(looks(|n| n % 2 == 0), as_usual);
    assert_eq!(looks(|n| n % 40 != 0), as_usual);
}

#[test]
fn what_stays_out_shows_the_facts_of_the_newest_look_and_what_it_says_of_the_check() {
    let (mut state, action) = begin();
    for n in 0..=10 {
        let says = vec![check(AGREE, n, n % 2 == 0), check(SIMULATION, n, true)];
        let at = 2_000 + n * EVERY_MS;
        give(&mut state, at, look(action, n, checked(n, says)));
    }
    let waiting = &state.actions[&action];
    let (shown, at) = state.shown(waiting);
    assert_eq!(at, Some(UnixMillis(2_000 + 10 * EVERY_MS)));
    assert_eq!(shown.facts[0].value.as_str(), "10");
    assert_eq!(shown.checks[0].status, CheckStatus::Fail);
    let why = shown.checks[0].reason.as_str();
    assert!(
        why.starts_with("better since ") && why.contains(", counts at ") && why.contains("; before: "),
        "{why}"
    );
    assert_eq!(shown.checks[1].reason.as_str(), "by look 10");
    assert_eq!(state.waiting_reason(action.case), None);
    let says = vec![check(AGREE, 11, false), check(SIMULATION, 11, true)];
    give(&mut state, 140_000, look(action, 11, checked(11, says)));
    let (shown, _) = state.shown(&state.actions[&action]);
    assert_eq!(shown.checks[0].reason.as_str(), "by look 11");
}

/// A look that finds a key generation that pays out to this, and whether the endpoints agree on what it rests on.
fn pays(n: u64, to: u64, agree: CheckStatus) -> Prepared {
    let agree = Check::new(AGREE, agree, "a is contradicted: b says 4, not 5");
    let mut found = proposal(ActionKind::Keygen);
    let Payload::Ceremony(payload) = &mut found.payload else {
        panic!("a key generation")
    };
    let CeremonyPlan::Keygen {
        withdrawal_credentials,
        ..
    } = &mut payload.plan
    else {
        panic!("a key generation")
    };
    withdrawal_credentials.0[24..].copy_from_slice(&to.to_be_bytes());
    Prepared::Proposal(Box::new(Proposal {
        facts: vec![Fact::new("look", FactKind::Text, n.to_string())],
        checks: vec![agree],
        ..found
    }))
}

/// What each look leaves in the journal: how many lines, and under which digest the action waits.
fn payloads(looks: u64, says: impl Fn(u64) -> Prepared) -> (Vec<u64>, Vec<Root>, State, ActionId) {
    let (mut state, action) = begin();
    let (mut lines, mut digests) = (Vec::new(), Vec::new());
    for n in 0..looks {
        let records = give(&mut state, 2_000 + n * EVERY_MS, look(action, n, says(n))).records;
        let changed = records.iter().any(|r| matches!(r, Record::ActionChanged { .. }));
        lines.extend(changed.then_some(n));
        digests.push(state.actions[&action].digest);
    }
    (lines, digests, state, action)
}

#[test]
fn a_liar_by_turns_changes_what_would_leave_a_few_times_and_is_named() {
    use CheckStatus::{Fail, Pass, Unknown};
    type Says = fn(u64) -> Prepared;
    let liars: [(&str, Says); 4] = [
        ("two by turns, which the checks miss", |n| pays(n, n % 2, Pass)),
        ("one that others deny", |n| {
            pays(n, n % 2, [Pass, Fail][n as usize % 2])
        }),
        ("another one each time", |n| pays(n, n, Fail)),
        ("three, by one voice", |n| pays(n, n % 3, Unknown)),
    ];
    for (name, says) in liars {
        let (lines, digests, state, action) = payloads(3_000, says);
        assert!((1..=14).contains(&lines.len()), "{name}: {lines:?}");
        let last = &state.actions[&action];
        assert!(
            digests[2_000..].iter().all(|digest| *digest == last.digest),
            "{name}"
        );
        let steady = last
            .proposal
            .checks
            .iter()
            .find(|check| check.name == "payload-steady");
        let steady = steady.expect(name);
        assert_eq!(steady.status, Fail, "{name}");
        if name.contains("deny") {
            assert!(
                steady.reason.as_str().contains("a is contradicted"),
                "{}",
                steady.reason
            );
        }
        assert!(
            last.approvable().is_err(),
            "{name}: nobody can approve what is not there at the next look"
        );
    }
}

#[test]
fn what_changes_to_something_new_counts_at_once_however_often() {
    let (lines, ..) = payloads(40, |n| pays(n, n / 2, CheckStatus::Unknown));
    assert_eq!(lines.len(), 19);
}

#[test]
fn a_payload_that_has_lasted_counts_and_can_be_approved_after_its_turns() {
    let turns = 100;
    let says = |n: u64| pays(n, if n < turns { n % 2 } else { 7 }, CheckStatus::Pass);
    let (lines, digests, state, action) = payloads(turns + 150, says);
    let lasting = 600_000 / EVERY_MS;
    assert_eq!(lines.last(), Some(&(turns + lasting)), "{lines:?}");
    assert_ne!(
        digests[usize::try_from(turns).unwrap()],
        state.actions[&action].digest
    );
    let checks = &state.actions[&action].proposal.checks;
    assert!(
        checks.iter().all(|check| check.status == CheckStatus::Pass),
        "{checks:?}"
    );
}

#[test]
fn a_payload_that_is_held_has_its_own_checks_and_the_newest_word_of_the_endpoints() {
    let of_balance = |n: u64| check("balance", n, n.is_multiple_of(2));
    let (_, _, state, action) = payloads(60, |n| {
        match pays(n, n % 2, [CheckStatus::Pass, CheckStatus::Fail][n as usize % 2]) {
            Prepared::Proposal(mut found) => {
                found.checks.push(of_balance(n));
                found.checks.push(check("of-the-other", n, n.is_multiple_of(2)));
                found.checks.truncate(if n.is_multiple_of(2) { 2 } else { 3 });
                Prepared::Proposal(found)
            }
            other => other,
        }
    });
    let waiting = &state.actions[&action].proposal;
    let said = |name: &str| {
        waiting
            .checks
            .iter()
            .filter(|check| check.name == name)
            .map(|check| check.status)
            .collect::<Vec<_>>()
    };
    let Payload::Ceremony(payload) = &waiting.payload else {
        panic!("a key generation")
    };
    let CeremonyPlan::Keygen {
        withdrawal_credentials,
        ..
    } = &payload.plan
    else {
        panic!("a key generation")
    };
    let is_other = withdrawal_credentials.0[31] == 1;
    let (balance, other) = match is_other {
        true => (CheckStatus::Fail, vec![CheckStatus::Fail]),
        false => (CheckStatus::Pass, vec![]),
    };
    assert_eq!(said("balance"), [balance]);
    assert_eq!(said("of-the-other"), other);
    assert_eq!(said("endpoints-agree"), [CheckStatus::Fail]);
    assert_eq!(said("payload-steady"), [CheckStatus::Fail]);
}

/// Each void and each new proposal is another action, with rations of its own.
#[test]
fn what_a_rule_approves_and_the_last_checks_void_is_proposed_ever_more_seldom() {
    type Says = fn(u64) -> Prepared;
    let liars: [(&str, Says); 2] = [
        ("what would leave", |n| pays(n, n % 2, CheckStatus::Pass)),
        ("a check", |n| {
            checked(n, vec![check("operators-reachable", n, n % 2 == 0)])
        }),
    ];
    for (name, says) in liars {
        let (mut state, action) = begin_in(Mode::Auto);
        let (mut voided, mut records, mut asked, mut n) = (Vec::new(), 0, Some(Purpose::Propose), 0);
        for second in 2..86_400 {
            let at = second * 1_000;
            let input = match asked.take() {
                Some(purpose) => {
                    n += 1;
                    let (case, outcome) = (action.case, says(n - 1));
                    Input::Prepared {
                        case,
                        purpose,
                        outcome,
                    }
                }
                None if second % 12 == 0 => facts(10 + second / 12),
                None => Input::Tick,
            };
            let output = give(&mut state, at, input);
            let is_void = |record: &&Record| matches!(record, Record::ActionVoided { .. });
            voided.extend(output.records.iter().filter(is_void).map(|_| second));
            records += output.records.len();
            asked = output.effects.iter().find_map(|effect| match effect {
                Effect::Prepare { purpose, .. } => Some(*purpose),
                _ => None,
            });
        }
        assert!((6..=40).contains(&voided.len()), "{name}: {voided:?}");
        assert!(voided[3] < 300, "{name}: the first ones at once: {voided:?}");
        assert!(records < 400, "{name}: {records}");
    }
}
