//! Two people, and checks that move while they decide.

use super::*;
use crate::oracle::fixture::{block, proposal, settings};
use crate::oracle::{
    ActionState, ChainFacts, Command, CommandReply, Durable, Effect, Input, Mode, Payload, Prepared, Purpose,
    Reach, Refusal, Settings, Stamped, State, step,
};
use crate::types::{Check, LogRef, OperatorId, PersonSignature, PoolId, RequestKind, Stated, UnixMillis};

mod ended;
mod keys;
mod waiting;

const EXPIRES_MS: u64 = 3_600_000;

/// A process and its journal. The desk says of everything what `checks` says.
pub(in crate::oracle) struct Life {
    pub(in crate::oracle) state: State,
    pub(in crate::oracle) journal: Vec<(UnixMillis, Record)>,
    effects: Vec<Effect>,
    pub(in crate::oracle) settings: Settings,
    pub(in crate::oracle) checks: Vec<Check>,
    /// Bytes of what would leave; another number is something else.
    what: u64,
    now: u64,
}

impl Life {
    fn begin(two: TwoPersons) -> Self {
        Self::with(|settings| settings.policy.two_persons = vec![two])
    }

    /// Mode supervised, with the proposal of a key generation.
    pub(in crate::oracle) fn with(change: impl FnOnce(&mut Settings)) -> Self {
        let mut settings = Settings {
            mode: Mode::Supervised,
            approval_expires_ms: EXPIRES_MS,
            ..settings()
        };
        change(&mut settings);
        let person = |name: &str, key: u8| Person {
            name: name.into(),
            uid: None,
            key: PersonKey([key; 32]),
        };
        settings.policy.persons = vec![person("ada", 1), person("bob", 2)];
        let mut life = Self {
            state: State::new(settings.clone()),
            journal: Vec::new(),
            effects: Vec::new(),
            settings,
            checks: Vec::new(),
            what: 1,
            now: 1_000,
        };
        life.wake();
        let log = LogRef {
            block: block(10),
            transaction: Root([1; 32]),
            index: 0,
        };
        life.input(Input::Requested {
            leaving: None,
            kind: RequestKind::Deposit,
            pool: PoolId(1),
            log,
        });
        life.prepare();
        life
    }

    fn wake(&mut self) {
        self.input(Input::CaughtUp { finalized: None });
        self.input(Input::Facts(Box::new(ChainFacts {
            head: Some(block(10)),
            ready: vec![PoolId(1)],
            ..ChainFacts::default()
        })));
    }

    /// Another process on the same journal.
    pub(in crate::oracle) fn restart(&mut self) {
        let records = (1..).zip(&self.journal).map(|(n, (at, r))| (n, *at, r));
        let durable = Durable::fold(records);
        assert_eq!(durable, *self.state.durable());
        self.state = State::restored(self.settings.clone(), durable);
        self.effects.clear();
        self.wake();
    }

    pub(in crate::oracle) fn input(&mut self, input: Input) -> CommandReply {
        self.now += 1;
        let at = UnixMillis(self.now);
        let entropy = [7; 24];
        let (output, reply) = step(
            &mut self.state,
            Stamped {
                at,
                up_ms: self.now,
                entropy,
                input,
            },
        );
        self.journal.extend(output.records.into_iter().map(|r| (at, r)));
        self.effects.extend(output.effects);
        reply
    }

    pub(in crate::oracle) fn wait(&mut self, ms: u64) {
        self.now += ms;
        self.input(Input::Tick);
    }

    /// The desk answers whatever was asked.
    pub(in crate::oracle) fn prepare(&mut self) -> Option<Purpose> {
        let at = self
            .effects
            .iter()
            .position(|e| matches!(e, Effect::Prepare { .. }))?;
        let Effect::Prepare {
            case, purpose, draft, ..
        } = self.effects.remove(at)
        else {
            unreachable!("it was looked for")
        };
        let mut proposal = Proposal {
            checks: self.checks.clone(),
            ..proposal(draft.kind())
        };
        if let crate::oracle::Payload::Ceremony(payload) = &mut proposal.payload
            && let crate::types::CeremonyPlan::Keygen {
                withdrawal_credentials,
                ..
            } = &mut payload.plan
        {
            withdrawal_credentials.0[31] = u8::try_from(self.what).unwrap();
        }
        let outcome = Prepared::Proposal(Box::new(proposal));
        self.input(Input::Prepared {
            case,
            purpose,
            outcome,
        });
        Some(purpose)
    }

    /// The waiting action is looked at again.
    fn refresh(&mut self, checks: Vec<Check>) {
        self.checks = checks;
        self.wait(20_000);
        assert!(matches!(self.prepare(), Some(Purpose::Refresh(_))));
    }

    /// The last checks before it leaves.
    fn send(&mut self, checks: Vec<Check>) {
        self.checks = checks;
        self.wait(20_000);
        assert!(matches!(self.prepare(), Some(Purpose::Send(_))));
    }

    pub(in crate::oracle) fn action(&self) -> &Action {
        self.state.actions.values().next_back().unwrap()
    }

    pub(in crate::oracle) fn approve(&mut self, name: &str, uid: u32) -> Result<SafeText, Refusal> {
        let (action, digest) = (self.action().id, self.action().digest);
        let by = Asker {
            uid: Some(uid),
            ..Asker::from(name)
        };
        let command = Command::Approve {
            action,
            digest,
            phrase: None,
        };
        self.input(Input::Command { by, command }).unwrap()
    }

    fn approve_signed(
        &mut self,
        name: &str,
        key: u8,
        change: impl FnOnce(&mut Statement),
    ) -> Result<SafeText, Refusal> {
        let mut statement = Statement {
            chain_id: 1,
            manager: Default::default(),
            account: None,
            action: self.action().id,
            proposed_at: Some(self.action().proposed_at),
            digest: self.action().digest,
            verdict: Stated::Approve,
            unknown: self.action().proposal.unknown_checks(),
            phrase: None,
            expires: UnixMillis(self.now + 10_000),
        };
        change(&mut statement);
        let signed = Box::new(SignedStatement {
            statement,
            key: PersonKey([key; 32]),
            signature: PersonSignature([key; 64]),
        });
        let by = "whoever brings it".into();
        let (name, uid) = (name.into(), None);
        let command = Command::ApproveSigned { name, uid, signed };
        self.input(Input::Command { by, command }).unwrap()
    }

    /// What people signed until now, they signed under the first text, and another process goes on.
    fn restart_with_first_text(&mut self) {
        for (_, record) in &mut self.journal {
            if let Record::Endorsed { decision, .. } | Record::Decided { decision, .. } = record
                && let Decider::Person {
                    signed: Some(signed), ..
                } = &mut decision.decider
            {
                signed.statement.proposed_at = None;
            }
        }
        let records = (1..).zip(&self.journal).map(|(n, (at, r))| (n, *at, r));
        self.state = State::restored(self.settings.clone(), Durable::fold(records));
        self.restart();
    }

    /// The words of the last record of this kind.
    pub(in crate::oracle) fn last(&self, kind: &str) -> String {
        let found = self.journal.iter().rfind(|(_, record)| record.kind() == kind);
        found.map_or_else(String::new, |(_, record)| record.sentence().to_string())
    }
}

fn of_keygens() -> TwoPersons {
    TwoPersons {
        kinds: vec![ActionKind::Keygen],
        at_least_wei: None,
        personal_keys: false,
    }
}

fn why(refused: Result<SafeText, Refusal>) -> String {
    match refused {
        Err(Refusal::NotNow(why) | Refusal::Stale(why)) => why.to_string(),
        other => panic!("{other:?}"),
    }
}
#[test]
fn the_first_waits_for_the_second_who_is_somebody_else_and_a_restart_keeps_it() {
    let mut life = Life::begin(of_keygens());
    let said = life.approve("ada (uid 1000)", 1000).unwrap();
    assert!(said.as_str().contains("1 of 2"), "{said}");
    assert_eq!(life.action().state, ActionState::Proposed);
    assert_eq!(
        life.last("endorsed"),
        "deposit/1#1 approved by ada (uid 1000), 1 of 2"
    );
    // by whatever name: the system says who it is
    let again = why(life.approve("ada (uid 1000, as root)", 1000));
    assert!(again.contains("it takes another person (1 of 2)"), "{again}");
    life.restart();
    assert!(why(life.approve("ada (uid 1000)", 1000)).contains("another person"));
    let said = life.approve("bob (uid 1001)", 1001).unwrap();
    assert!(said.as_str().contains("2 of 2"), "{said}");
    assert_eq!(life.action().state, ActionState::Approved);
    assert_eq!(
        life.last("decided"),
        "deposit/1#1 approved by bob (uid 1001), 2 of 2"
    );
    life.send(Vec::new());
    assert_eq!(life.action().state, ActionState::Executing);
}

#[test]
fn both_may_approve_what_is_stale_and_each_counts_once_it_was_made_again() {
    let mut life = Life::begin(of_keygens());
    life.refresh(vec![Check::pass("pool-ready", "so")]);
    life.input(Input::Sight(Reach::Lost));
    life.wait(1);
    // whoever asks twice is one person
    for says in [
        "refreshing: 1 check is stale",
        "ada (uid 1000) has approved deposit/1#1 already",
    ] {
        let said = life.approve("ada (uid 1000)", 1000).unwrap();
        assert!(said.as_str().starts_with(says), "{said}");
    }
    life.approve_signed("bob", 2, |_| {}).unwrap();
    let names = life.state.approving(life.action().id);
    assert_eq!(names.unwrap().as_str(), "ada (uid 1000) and bob");
    assert!(life.action().endorsements.is_empty());
    life.input(Input::Sight(Reach::Followed));
    life.wait(5_000);
    life.prepare();
    assert_eq!(
        life.last("endorsed"),
        "deposit/1#1 approved by ada (uid 1000), 1 of 2"
    );
    let decided = life.last("decided");
    assert!(decided.starts_with("deposit/1#1 approved by bob"), "{decided}");
    assert!(decided.ends_with("2 of 2"), "{decided}");
}

#[test]
fn anybody_alone_rejects_it() {
    let mut life = Life::begin(of_keygens());
    life.approve("ada", 1000).unwrap();
    let (action, digest) = (life.action().id, life.action().digest);
    let command = Command::Reject {
        action,
        digest,
        reason: "not today".into(),
    };
    let by = Asker {
        uid: Some(1000),
        ..Asker::from("ada")
    };
    life.input(Input::Command { by, command }).unwrap().unwrap();
    assert_eq!(life.action().state, ActionState::Rejected);
}

#[test]
fn a_rule_is_none_of_the_two() {
    let mut life = Life::begin(of_keygens());
    life.settings.mode = Mode::Auto;
    life.restart();
    life.wait(1_000);
    assert_eq!(life.action().state, ActionState::Proposed);
    let reason = life.state.waiting_reason(life.action().id.case).unwrap();
    assert!(
        reason.as_str().contains("2 people must approve keygen: 0 of 2"),
        "{reason}"
    );
    life.approve("ada", 1000).unwrap();
    life.wait(1_000);
    assert_eq!(life.action().state, ActionState::Proposed);
    life.approve("bob", 1001).unwrap();
    assert_eq!(life.action().state, ActionState::Approved);
}

#[test]
fn a_check_that_flaps_between_two_approvals_voids_neither() {
    let mut life = Life::begin(of_keygens());
    life.refresh(vec![Check::pass("endpoints-agree", "")]);
    let digest = life.action().digest;
    life.approve("ada", 1000).unwrap();
    for moved in [
        Check::unknown("endpoints-agree", "one voice"),
        Check::fail("endpoints-agree", "they differ"),
    ] {
        life.refresh(vec![moved]);
        assert_eq!(life.action().digest, digest);
        assert_eq!(life.action().endorsements.len(), 1);
    }
    assert!(why(life.approve("bob", 1001)).contains("failed checks"));
    life.refresh(vec![Check::pass("endpoints-agree", "")]);
    life.approve("bob", 1001).unwrap();
    life.send(vec![Check::pass("endpoints-agree", "")]);
    assert_eq!(life.action().state, ActionState::Executing);
}

#[test]
fn a_check_that_fails_before_it_leaves_ends_it_and_one_that_is_unknown_only_then_holds_it() {
    let mut life = Life::begin(of_keygens());
    life.refresh(vec![Check::pass("balance", "")]);
    life.approve("ada", 1000).unwrap();
    life.approve("bob", 1001).unwrap();
    life.send(vec![Check::unknown("balance", "no answer")]);
    assert_eq!(life.action().state, ActionState::Approved);
    let case = life.action().id.case;
    let held = life.state.waiting_reason(case).unwrap().to_string();
    assert!(held.contains("known again: balance"), "{held}");
    life.send(vec![Check::fail("balance", "0 ETH")]);
    let first = life.state.actions.values().next().unwrap().state.clone();
    let ActionState::Void { reason } = first else {
        panic!("{}", first.word())
    };
    assert_eq!(reason.as_str(), "checks failed after the approval: balance");
}

#[test]
fn an_unknown_check_passes_where_everybody_who_approved_saw_it_so() {
    let unknown = || vec![Check::unknown("endpoints-agree", "one voice")];
    let pass = || vec![Check::pass("endpoints-agree", "")];
    for (first, second, leaves) in [
        (unknown(), unknown(), true),
        (unknown(), pass(), false),
        (pass(), unknown(), false),
    ] {
        let mut life = Life::begin(of_keygens());
        life.refresh(first);
        life.approve("ada", 1000).unwrap();
        life.refresh(second);
        life.approve("bob", 1001).unwrap();
        life.send(unknown());
        let left = life.action().state == ActionState::Executing;
        assert_eq!(left, leaves);
        life.restart();
        if !leaves {
            life.send(pass());
            assert_eq!(life.action().state, ActionState::Executing);
        }
    }
}

#[test]
fn what_would_leave_binds_and_another_one_loses_the_first_approval_aloud() {
    let mut life = Life::begin(of_keygens());
    life.approve("ada", 1000).unwrap();
    let (action, stale) = (life.action().id, life.action().digest);
    life.what = 2;
    life.refresh(Vec::new());
    assert_ne!(life.action().digest, stale);
    assert!(life.action().endorsements.is_empty());
    assert!(
        life.last("endorsements-lost")
            .contains("what would leave has changed")
    );
    let command = Command::Approve {
        action,
        digest: stale,
        phrase: None,
    };
    let refused = life
        .input(Input::Command {
            by: "bob".into(),
            command,
        })
        .unwrap();
    assert!(matches!(refused, Err(Refusal::Stale(_))), "{refused:?}");
    life.approve("ada", 1000).unwrap();
    life.approve("bob", 1001).unwrap();
    life.what = 3;
    life.send(Vec::new());
    let state = life.state.actions[&action].state.clone();
    let ActionState::Void { reason } = state else {
        panic!("{}", state.word())
    };
    assert_eq!(reason.as_str(), "what would be sent changed after the approval");
}

#[test]
fn both_expire_from_the_first_on() {
    let mut life = Life::begin(of_keygens());
    life.approve("ada", 1000).unwrap();
    life.wait(EXPIRES_MS + 1_000);
    assert!(life.action().endorsements.is_empty());
    assert!(life.last("endorsements-lost").contains("by ada expired"));

    life.approve("ada", 1000).unwrap();
    life.wait(EXPIRES_MS - 10_000);
    life.approve("bob", 1001).unwrap();
    life.wait(11_000);
    let first = life.state.actions.values().next().unwrap();
    assert!(matches!(&first.state, ActionState::Void { reason } if reason.as_str().contains("expired")));
}

#[test]
fn amounts_are_those_that_a_validator_stakes() {
    let ether = U256::from(1_000_000_000_000_000_000_u64);
    let demand = |at_least, kind| {
        let policy = Policy {
            two_persons: vec![TwoPersons {
                kinds: ActionKind::ALL.to_vec(),
                at_least_wei: Some(ether * U256::from(at_least)),
                personal_keys: false,
            }],
            ..Policy::default()
        };
        policy.demand(&proposal(kind)).people
    };
    assert_eq!(demand(32, ActionKind::SendDeposit), 2);
    assert_eq!(demand(33, ActionKind::SendDeposit), 1);
    assert_eq!(demand(32, ActionKind::BroadcastExit), 2);
    assert_eq!(demand(1, ActionKind::SendReshare), 1);
}

/// What is demanded counts when it leaves: the file may have been read anew, or the program been started anew.
#[test]
fn what_one_approved_does_not_leave_once_two_are_demanded() {
    let nothing = || TwoPersons {
        kinds: Vec::new(),
        ..of_keygens()
    };
    for with_keys in [false, true] {
        for mode in [Mode::Supervised, Mode::Auto] {
            let mut life = Life::begin(nothing());
            life.settings.mode = mode;
            life.restart();
            match mode {
                Mode::Auto => life.wait(20_000),
                _ => drop(life.approve("ada (uid 1000)", 1000).unwrap()),
            }
            let id = life.action().id;
            if life.action().state != ActionState::Approved {
                // where no rule covers it a person does
                life.approve("ada (uid 1000)", 1000).unwrap();
            }
            let by = life.action().decision.as_ref().unwrap().decider.to_string();
            life.settings.policy.two_persons = vec![TwoPersons {
                personal_keys: with_keys,
                ..of_keygens()
            }];
            life.restart();
            life.wait(20_000);
            let state = life.state.actions[&id].state.clone();
            let ActionState::Void { reason } = state else {
                panic!("{}", state.word())
            };
            let reason = reason.as_str();
            assert!(
                reason.starts_with("the approval does not count any more: "),
                "{reason}"
            );
            let why = match with_keys {
                true => format!("and {by} signed with none"),
                false => format!("approved by {by} alone"),
            };
            assert!(reason.ends_with(&why), "{reason}");
        }
    }
}

#[test]
fn a_rule_that_approved_what_takes_two_by_now_is_not_enough() {
    let life = Life::begin(of_keygens());
    let mut action = life.action().clone();
    let by = Decider::Rule { name: "keys".into() };
    action.decision = Some(Decision::alone(
        Verdict::Approve,
        by,
        UnixMillis(1),
        action.digest,
    ));
    let policy = &life.settings.policy;
    assert_eq!(
        policy.lacks(&action).unwrap(),
        "2 people must approve keygen, and it was approved by rule keys alone"
    );
    let alone = Policy {
        rules: super::super::fixture::settings().policy.rules,
        ..Policy::default()
    };
    assert_eq!(alone.lacks(&action), None);
}

/// Whoever verifies the journal knows whom the policy asked when something was decided.
#[test]
fn whom_the_policy_asks_is_in_the_journal_before_anybody_decides_and_once_for_each_change() {
    let mut life = Life::begin(of_keygens());
    let told = |life: &Life| {
        let is_told = |(_, record): &&(UnixMillis, Record)| matches!(record, Record::PeopleDemanded(_));
        life.journal.iter().filter(is_told).count()
    };
    assert!(matches!(life.journal[0].1, Record::PeopleDemanded(_)));
    assert_eq!(
        life.last("people-demanded").split("; ").next(),
        Some("by the policy from here on: 2 people must approve keygen")
    );
    life.approve("ada (uid 1000)", 1000).unwrap();
    life.restart();
    assert_eq!(told(&life), 1, "it says the same");
    life.settings.policy.two_persons.clear();
    life.restart();
    life.wait(1);
    assert_eq!(told(&life), 2);
    assert!(life.last("people-demanded").contains("nothing takes two people"));
}
