//! Checks fade by time and with the sight of the chain; what is approved on them waits until they are made again.

use super::*;
use crate::oracle::fixture::{block, proposal, settings};
use crate::oracle::state::EffectKey;
use crate::oracle::*;
use crate::types::*;

/// A core whose every question to the desk is kept.
struct Core {
    state: State,
    asked: Vec<(CaseId, Purpose, ActionKind)>,
    records: Vec<Record>,
}

const ACTION: &str = "deposit/1#1";

impl Core {
    /// With a key generation that was proposed at 1 s; in mode auto it waits for its unknown check.
    fn proposed(mode: Mode) -> Self {
        let settings = Settings { mode, ..settings() };
        let mut core = Self {
            state: State::new(settings),
            asked: Vec::new(),
            records: Vec::new(),
        };
        core.give(1_000, Input::CaughtUp { finalized: None });
        let facts = ChainFacts {
            head: Some(block(10)),
            ready: vec![PoolId(1)],
            ..ChainFacts::default()
        };
        core.give(1_000, Input::Facts(Box::new(facts)));
        let requested = Input::Requested {
            leaving: None,
            kind: RequestKind::Deposit,
            pool: PoolId(1),
            log: LogRef {
                block: block(10),
                transaction: Root([1; 32]),
                index: 0,
            },
        };
        core.give(1_000, requested);
        core.answers(1_000, CheckStatus::Unknown);
        core
    }

    fn give(&mut self, at: u64, input: Input) -> CommandReply {
        self.give_by(at, at, input)
    }

    /// The wall clock says `at`, and the monotonic one `up_ms`.
    fn give_by(&mut self, at: u64, up_ms: u64, input: Input) -> CommandReply {
        let stamped = Stamped {
            at: UnixMillis(at),
            up_ms,
            entropy: [3; 24],
            input,
        };
        let (output, reply) = step(&mut self.state, stamped);
        self.records.extend(output.records);
        self.asked
            .extend(output.effects.into_iter().filter_map(|effect| match effect {
                Effect::Prepare {
                    case, purpose, draft, ..
                } => Some((case, purpose, draft.kind())),
                _ => None,
            }));
        reply
    }

    /// The desk answers what it was asked last: of the chain, of an operator, and of what is here.
    fn answers(&mut self, at: u64, operators: CheckStatus) {
        let (case, purpose, kind) = self.asked.pop().expect("the desk was asked");
        let checks = vec![
            Check::pass("pool-ready", "so"),
            Check::pass("committee-size", "so"),
            Check::new("operators-reachable", operators, "so"),
        ];
        let outcome = Prepared::Proposal(Box::new(Proposal {
            checks,
            ..proposal(kind)
        }));
        self.give(
            at,
            Input::Prepared {
                case,
                purpose,
                outcome,
            },
        );
    }

    fn action(&self) -> &Action {
        &self.state.actions[&ACTION.parse().unwrap()]
    }

    /// What is stale, and why.
    fn stale(&self) -> (Vec<String>, String) {
        let faded = self.state.faded(self.action());
        faded.map_or_else(Default::default, |faded| (faded.checks, faded.why.to_string()))
    }

    /// As [`Core::answers`], where the desk was asked anything.
    fn answers_if_asked(&mut self, at: u64) {
        let up_ms = self.state.volatile.up_ms;
        if let Some((case, purpose, kind)) = self.asked.pop() {
            let outcome = Prepared::Proposal(Box::new(Proposal {
                checks: vec![Check::pass("committee-size", "so")],
                ..proposal(kind)
            }));
            let prepared = Input::Prepared {
                case,
                purpose,
                outcome,
            };
            self.give_by(at, up_ms, prepared);
        }
    }

    fn approve(&mut self, at: u64) -> String {
        self.approve_by(at, at)
    }

    fn approve_by(&mut self, at: u64, up_ms: u64) -> String {
        let command = Command::Approve {
            action: self.action().id,
            digest: self.action().digest,
            phrase: None,
        };
        let by = SafeText::new("ada").into();
        let reply = self.give_by(at, up_ms, Input::Command { by, command }).unwrap();
        reply.map_or_else(|refused| format!("{refused:?}"), |words| words.to_string())
    }
}

#[test]
fn what_is_older_than_its_bound_is_stale_and_what_is_here_never_is() {
    let mut core = Core::proposed(Mode::Supervised);
    core.asked.clear();
    let bound = u64::try_from(STALE_AFTER.as_millis()).unwrap();
    core.give(1_000 + bound, Input::Tick);
    assert_eq!(core.stale().0, [""; 0]);
    core.give(1_001 + bound, Input::Tick);
    let (stale, why) = core.stale();
    assert_eq!(stale, ["pool-ready"], "an unknown check is unknown");
    assert_eq!(why, "they are older than 60 s");
    core.answers(1_002 + bound, CheckStatus::Unknown);
    assert_eq!(core.stale().0, [""; 0]);
}

#[test]
fn time_is_the_monotonic_clocks_and_the_wall_clocks_where_that_says_more() {
    for (at, up_ms, stale) in [
        (1_000, 100_000, true),
        (100_000, 1_000, true),
        (500, 2_000, false),
    ] {
        let mut core = Core::proposed(Mode::Supervised);
        core.state.volatile.now = UnixMillis(at);
        core.state.volatile.up_ms = up_ms;
        assert_eq!(core.stale().0.is_empty(), !stale, "wall {at}, monotonic {up_ms}");
    }
}

#[test]
fn what_rests_on_the_chain_is_stale_while_it_is_out_of_sight_and_until_it_is_made_again() {
    for (reach, words) in [
        (Reach::Lost, "no endpoint answers since 1970-01-01 00:00:02"),
        (Reach::Still, "the head stands still since 1970-01-01 00:00:02"),
    ] {
        let mut core = Core::proposed(Mode::Supervised);
        core.give(2_000, Input::Sight(reach));
        let (stale, why) = core.stale();
        assert_eq!(stale, ["pool-ready"]);
        assert!(why.starts_with(words), "{why}");
        core.give(9_000, Input::Tick);
        assert_eq!(
            core.asked.is_empty(),
            reach == Reach::Lost,
            "nobody is there to be asked"
        );
        core.give(9_000, Input::Sight(Reach::Followed));
        assert_eq!(core.stale().0, ["pool-ready"]);
        core.give(14_000, Input::Tick);
        core.answers(14_000, CheckStatus::Unknown);
        // what was asked before the chain was seen again says nothing of now
        let asked_before = reach == Reach::Still;
        assert_eq!(core.stale().0.is_empty(), !asked_before);
    }
}

#[test]
fn what_nobody_says_takes_the_place_of_nothing() {
    let mut core = Core::proposed(Mode::Supervised);
    core.give(8_000, Input::Tick);
    core.give(8_001, Input::Sight(Reach::Lost));
    let digest = core.action().digest;
    core.answers(8_002, CheckStatus::Fail);
    assert_eq!(core.action().digest, digest);
}

#[test]
fn an_approval_of_what_is_stale_refreshes_first_and_counts_when_it_says_the_same() {
    let mut core = Core::proposed(Mode::Supervised);
    core.give(2_000, Input::Sight(Reach::Lost));
    let words = core.approve(3_000);
    assert!(
        words.starts_with("refreshing: 1 check is stale (no endpoint answers"),
        "{words}"
    );
    assert!(core.action().decision.is_none(), "nothing rests on what is stale");
    core.give(20_000, Input::Sight(Reach::Followed));
    assert!(core.action().decision.is_none());
    core.answers(21_000, CheckStatus::Unknown);
    let decision = core.action().decision.clone().unwrap();
    assert_eq!(decision.decider.to_string(), "ada");
    assert_eq!(
        (decision.at, decision.digest),
        (UnixMillis(3_000), core.action().digest),
        "it is as old as it was given"
    );
}

#[test]
fn an_approval_of_what_is_stale_does_not_count_for_what_it_has_become() {
    for worse in [CheckStatus::Unknown, CheckStatus::Fail] {
        let mut core = Core::proposed(Mode::Supervised);
        core.give(2_100, Input::Tick);
        core.answers(2_200, CheckStatus::Pass);
        core.give(3_000, Input::Sight(Reach::Lost));
        core.approve(3_500);
        core.give(20_000, Input::Sight(Reach::Followed));
        core.answers(21_000, worse);
        assert!(core.action().decision.is_none(), "{worse:?}");
        let said = core.records.iter().any(|record| {
            let note = matches!(record, Record::Note { case: Some(_), .. });
            note && record.sentence().as_str().contains("by ada does not count")
        });
        // what is not known is not refreshed yet
        assert_eq!(said, worse == CheckStatus::Fail, "{:?}", core.records);
        let waits = core.state.approving(core.action().id).is_some();
        assert_eq!(waits, worse == CheckStatus::Unknown);
    }
}

#[test]
fn an_approval_of_what_is_stale_counts_where_a_check_is_known_by_now() {
    let mut core = Core::proposed(Mode::Supervised);
    core.give(2_000, Input::Sight(Reach::Lost));
    core.approve(3_000);
    core.give(20_000, Input::Sight(Reach::Followed));
    core.answers(21_000, CheckStatus::Pass);
    let decision = core.action().decision.as_ref();
    assert!(decision.is_some_and(|d| d.verdict == Verdict::Approve));
}

#[test]
fn an_approval_of_what_is_stale_is_forgotten_when_it_takes_too_long() {
    let mut core = Core::proposed(Mode::Supervised);
    core.give(2_000, Input::Sight(Reach::Lost));
    core.approve(3_000);
    let late = 3_001 + core.state.settings.approval_expires_ms;
    core.give(late, Input::Sight(Reach::Followed));
    core.answers(late, CheckStatus::Unknown);
    assert!(core.action().decision.is_none());
}

#[test]
fn no_rule_takes_what_is_stale_for_a_pass() {
    let mut core = Core::proposed(Mode::Auto);
    core.give(2_000, Input::Sight(Reach::Still));
    let rule = &mut core.state.settings.policy.rules[0];
    rule.unknown_ok = vec!["operators-reachable".to_owned()];
    core.give(3_000, Input::Tick);
    assert!(core.action().decision.is_none());
    let case = core.action().id.case;
    let words = core.state.waiting_reason(case).unwrap().to_string();
    assert!(
        words.contains("stale checks are made again first: pool-ready"),
        "{words}"
    );
    core.asked.clear();
    core.state.volatile.in_flight.clear();
    core.give(4_000, Input::Sight(Reach::Followed));
    core.give(9_000, Input::Tick);
    core.answers(9_001, CheckStatus::Unknown);
    assert!(core.action().decision.is_some());
}

#[test]
fn what_was_approved_is_held_while_no_endpoint_answers() {
    let mut core = Core::proposed(Mode::Supervised);
    let case = core.action().id.case;
    assert_eq!(core.approve(2_000), "deposit/1#1 approved");
    core.asked.clear();
    core.state.volatile.in_flight.clear();
    core.give(2_001, Input::Sight(Reach::Lost));
    core.give(9_000, Input::Tick);
    assert_eq!(core.state.waiting_reason(case).map(SafeText::as_str), Some(HELD));
    assert!(core.asked.is_empty());
    core.give(10_000, Input::Sight(Reach::Followed));
    assert_eq!(core.state.waiting_reason(case), None);
    assert!(
        matches!(core.asked[..], [(_, Purpose::Send(_), _)]),
        "it gets its last checks"
    );
}

/// By how much a clock was ahead: 25 hours, and until the year 3122.
const AHEAD: [u64; 2] = [25 * 3_600_000, 34_586_000_000_000];

#[test]
fn a_clock_that_is_set_back_puts_no_pause_off() {
    for ahead in AHEAD {
        let mut core = Core::proposed(Mode::Supervised);
        let case = core.action().id.case;
        core.asked.clear();
        core.state.volatile.in_flight.clear();
        core.give_by(ahead, 1_010, Input::Tick);
        core.answers_if_asked(ahead + 10);
        let key = EffectKey::Prepare(case);
        let (at, live) = (UnixMillis(ahead + 10), &mut core.state.volatile);
        live.looked_up.insert(case, (at, 0));
        live.not_before.insert(key, UnixMillis(ahead + 60_010));
        core.give_by(1_100, 1_100, Input::Tick);
        let live = &core.state.volatile;
        assert!(
            live.not_before[&key] <= UnixMillis(61_100),
            "{:?}",
            live.not_before
        );
        assert!(live.looked_up[&case].0 <= live.now);
        assert!(live.inspected_at.values().all(|(_, at)| *at <= live.now));
        assert!(live.looks_at.values().all(|look| look.at <= live.now));
        core.asked.clear();
        core.state.volatile.in_flight.clear();
        core.give_by(70_000, 70_000, Input::Tick);
        assert!(!core.asked.is_empty(), "it is refreshed by what really passed");
    }
}

#[test]
fn an_approval_is_as_old_as_the_clock_says_that_says_more() {
    let good_for = settings().approval_expires_ms;
    let hour = 3_600_000;
    // the wall clock is set back by less than an approval is good for, so nothing lies in the future
    let before = good_for / 2 + 120_000;
    for (wall, up_ms, void) in [
        (before - 100_000, before + 1_000, false),
        (2_000 + good_for / 2, 2_001 + good_for, true),
        (2_001 + good_for, 3_000, true),
        // given by a clock that was set back since
        (1_000_000_000 - hour, 3_000, true),
    ] {
        let begun = if wall > 900_000_000 { 1_000_000_000 } else { 2_000 };
        let mut core = Core::proposed(Mode::Supervised);
        core.give_by(begun, 2_000, Input::Tick);
        core.answers_if_asked(begun);
        let words = core.approve_by(begun, 2_000);
        assert_eq!(words, "deposit/1#1 approved");
        core.give_by(wall, up_ms, Input::Tick);
        let is_void = matches!(core.action().state, ActionState::Void { .. });
        assert_eq!(
            is_void,
            void,
            "wall {wall}, monotonic {up_ms}: {:?}",
            core.action().state
        );
    }
}
