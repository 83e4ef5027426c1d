//! Modes that are switched while the engine runs.

use super::*;
use crate::oracle::fixture::{proposal, settings};
use crate::oracle::{
    ActionKind, Cause, Command, CommandReply, Decision, Durable, Input, Policy, Settings, Stamped, Verdict,
    step,
};
use crate::types::CaseId;

/// A process, its journal, and one action that waits.
struct Life {
    state: State,
    journal: Vec<Record>,
    action: ActionId,
}

impl Life {
    fn begin(mode: Mode) -> Self {
        let case: CaseId = "deposit/1".parse().unwrap();
        let action = ActionId { case, number: 1 };
        let proposal = proposal(ActionKind::Keygen);
        let cause = Cause::Manual {
            by: "ada".into(),
            at: UnixMillis(1),
        };
        let journal = vec![
            Record::CaseOpened { case, cause },
            Record::ActionProposed {
                action,
                digest: proposal.digest(action),
                proposal: Box::new(proposal),
            },
        ];
        let mut life = Self {
            state: State::new(settings()),
            journal,
            action,
        };
        life.restart(mode);
        life
    }

    /// With what the journal says, and nothing else.
    fn restart(&mut self, mode: Mode) {
        let records = (1..).zip(&self.journal).map(|(n, r)| (n, UnixMillis(1), r));
        let settings = Settings { mode, ..settings() };
        self.state = State::restored(settings, Durable::fold(records));
    }

    fn input(&mut self, input: Input) -> CommandReply {
        let stamped = Stamped {
            at: UnixMillis(2),
            up_ms: 2,
            entropy: [2; 24],
            input,
        };
        let (output, reply) = step(&mut self.state, stamped);
        self.journal.extend(output.records);
        reply
    }

    fn command(&mut self, command: Command) -> Result<SafeText, Refusal> {
        let by = "ann".into();
        self.input(Input::Command { by, command }).unwrap()
    }

    fn switch(&mut self, to: Mode, word: Option<&str>) -> Result<SafeText, Refusal> {
        let word = word.map(str::to_owned);
        self.command(Command::SwitchMode { to, word })
    }

    fn approve(&mut self) -> Result<SafeText, Refusal> {
        self.command(Command::Approve {
            action: self.action,
            digest: self.state.actions[&self.action].digest,
            phrase: None,
        })
    }

    fn stands(&self) -> ActionState {
        self.state.actions[&self.action].state.clone()
    }
}

#[test]
fn no_rule_approves_in_a_pause() {
    let case: CaseId = "deposit/1".parse().unwrap();
    for paused in [None, Some(case)] {
        let mut life = Life::begin(Mode::Supervised);
        life.command(Command::Pause(paused)).unwrap();
        life.restart(Mode::Auto);
        life.input(Input::Tick);
        assert_eq!(life.stands(), ActionState::Proposed, "{paused:?}");
        assert_eq!(life.state.rule_uses.len(), 0, "no use is counted");
        let why = life.state.waiting_reason(case).unwrap().as_str();
        let what = if paused.is_some() {
            "the case"
        } else {
            "everything"
        };
        assert!(
            why.contains(&format!("no rule approves while {what} is paused")),
            "{why}"
        );
        life.command(Command::Resume(paused)).unwrap();
        assert_eq!(life.stands(), ActionState::Approved, "{paused:?}");
        assert_eq!(life.state.rule_uses.len(), 1);
    }
}

#[test]
fn who_took_it_off_auto_does_not_find_it_on_again() {
    for to in [Mode::Supervised, Mode::Observe] {
        let mut life = Life::begin(Mode::Auto);
        life.switch(to, None).unwrap();
        assert_eq!(life.state.mode(), to, "at once");
        for started in [Mode::Auto, Mode::Supervised, Mode::Observe, Mode::Auto] {
            life.restart(started);
            assert_eq!(life.state.mode(), to.min(started));
            let away = life.state.switched_away().map(|s| (s.to, s.by.as_str()));
            assert_eq!(away, (to < started).then_some((to, "ann")));
        }
        // until somebody switches back
        life.switch(Mode::Auto, Some("auto")).unwrap();
        life.restart(Mode::Auto);
        assert_eq!(
            (life.state.mode(), life.state.switched_away()),
            (Mode::Auto, None)
        );
    }
}

#[test]
fn the_rules_decide_at_once_and_only_by_the_word_and_only_in_this_process() {
    let mut life = Life::begin(Mode::Supervised);
    life.input(Input::Started);
    assert_eq!(life.stands(), ActionState::Proposed);
    for word in [None, Some("yes"), Some("AUTO")] {
        let refused = life.switch(Mode::Auto, word).unwrap_err();
        assert!(matches!(&refused, Refusal::NotNow(why) if why.as_str().contains("«auto»")));
    }
    let rules = std::mem::take(&mut life.state.settings.policy);
    let refused = life.switch(Mode::Auto, Some("auto")).unwrap_err();
    assert!(matches!(&refused, Refusal::NotNow(why) if why.as_str().contains("without a rule")));
    assert_eq!(life.state.settings.policy, Policy::default());
    life.state.settings.policy = rules;

    life.switch(Mode::Auto, Some("auto")).unwrap();
    assert_eq!(life.stands(), ActionState::Approved, "the rule covers it");
    let again = life.switch(Mode::Auto, Some("auto")).unwrap_err();
    assert!(matches!(&again, Refusal::NotNow(why) if why.as_str().contains("already")));
    life.restart(Mode::Supervised);
    assert_eq!(life.state.mode(), Mode::Supervised);
}

#[test]
fn what_a_rule_approved_and_has_not_left_is_asked_again_and_what_a_person_approved_stands() {
    for to in [Mode::Supervised, Mode::Observe] {
        let mut life = Life::begin(Mode::Auto);
        life.input(Input::Started);
        assert_eq!(life.stands(), ActionState::Approved);
        let said = life.switch(to, None).unwrap();
        assert!(said.as_str().contains("1 approval of rules"), "{said}");
        let ActionState::Void { reason } = life.stands() else {
            panic!("{}", life.stands().word())
        };
        assert!(
            reason.as_str().starts_with("rule all had approved it"),
            "{reason}"
        );

        let mut life = Life::begin(Mode::Supervised);
        life.approve().unwrap();
        life.switch(Mode::Auto, Some("auto")).unwrap();
        life.switch(to, None).unwrap();
        assert_eq!(life.stands(), ActionState::Approved);
    }
}

#[test]
fn an_observer_switches_to_supervised_unless_it_was_started_without_a_key() {
    let mut life = Life::begin(Mode::Supervised);
    life.switch(Mode::Observe, None).unwrap();
    assert!(matches!(life.approve(), Err(Refusal::Mode(_))));
    life.switch(Mode::Supervised, None).unwrap();
    assert!(life.approve().is_ok());

    let mut life = Life::begin(Mode::Observe);
    let refused = life.switch(Mode::Supervised, None).unwrap_err();
    assert!(matches!(&refused, Refusal::Mode(why) if why.as_str().contains("started in mode observe")));
}

#[test]
fn a_journal_from_before_says_nothing_of_it() {
    let old = r#"{"record":"engine-started","version":"0.1.0","network":"hoodi","mode":"auto"}"#;
    let started: Record = serde_json::from_str(old).unwrap();
    assert_eq!(serde_json::to_string(&started).unwrap(), old);
    let switched = Record::ModeSwitched {
        from: Mode::Auto,
        to: Mode::Supervised,
        by: "ann (uid 1000)".into(),
    };
    assert_eq!(
        switched.sentence().as_str(),
        "switched from mode auto to supervised by ann (uid 1000)"
    );
    let decision = Decision::alone(
        Verdict::Approve,
        Decider::Rule { name: "all".into() },
        UnixMillis(1),
        Default::default(),
    );
    let text = serde_json::to_string(&decision).unwrap();
    assert_eq!(serde_json::from_str::<Decision>(&text).unwrap(), decision);
}
