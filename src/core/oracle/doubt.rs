//! A ceremony whose outcome is not known: found out, never repeated, and given up by a person alone.

use super::fixture::{block, proposal, settings, success};
use super::*;
use crate::types::*;

struct Desk {
    state: State,
    records: Vec<Record>,
    effects: Vec<Effect>,
    now: u64,
    /// Comes with the next end of a ceremony.
    transcript: Option<(SafeText, Root)>,
}

const CASE: CaseId = CaseId {
    kind: RequestKind::Deposit,
    pool: PoolId(1),
    ordinal: 0,
};

impl Desk {
    /// A key generation that was approved by rule and has left.
    fn running() -> (Self, RequestId) {
        let mut desk = Self {
            state: State::new(settings()),
            records: Vec::new(),
            effects: Vec::new(),
            now: 1_000_000,
            transcript: None,
        };
        let log = LogRef {
            block: block(10),
            transaction: Root([1; 32]),
            index: 0,
        };
        desk.wake();
        desk.input(Input::Requested {
            leaving: None,
            kind: CASE.kind,
            pool: CASE.pool,
            log,
        });
        while desk.runs().is_empty() {
            desk.prepare();
        }
        let (request, start) = desk.runs()[0];
        assert!(start);
        desk.effects.clear();
        (desk, request)
    }

    fn wake(&mut self) {
        self.input(Input::Started);
        self.input(Input::CaughtUp { finalized: None });
        let facts = ChainFacts {
            head: Some(block(10)),
            ready: vec![CASE.pool],
            ..ChainFacts::default()
        };
        self.input(Input::Facts(Box::new(facts)));
    }

    fn input(&mut self, input: Input) -> CommandReply {
        self.now += 10;
        let mut entropy = [0; 24];
        entropy[..8].copy_from_slice(&self.now.to_be_bytes());
        let at = UnixMillis(self.now);
        let (output, reply) = step(
            &mut self.state,
            Stamped {
                at,
                up_ms: at.0,
                entropy,
                input,
            },
        );
        self.records.extend(output.records);
        self.effects.extend(output.effects);
        reply
    }

    /// Answers what the desk was asked to prepare.
    fn prepare(&mut self) {
        let place = self
            .effects
            .iter()
            .position(|e| matches!(e, Effect::Prepare { .. }));
        let Effect::Prepare {
            case, purpose, draft, ..
        } = self.effects.remove(place.expect("something to prepare"))
        else {
            unreachable!()
        };
        let outcome = Prepared::Proposal(Box::new(proposal(draft.kind())));
        self.input(Input::Prepared {
            case,
            purpose,
            outcome,
        });
    }

    /// Ceremonies asked for: whether each is to be started.
    fn runs(&self) -> Vec<(RequestId, bool)> {
        let run = |e: &Effect| match e {
            Effect::RunCeremony { request, start, .. } => Some((*request, *start)),
            _ => None,
        };
        self.effects.iter().filter_map(run).collect()
    }

    fn fails(&mut self, request: RequestId, kind: FailureKind, reason: &str) {
        self.effects.clear();
        let failure = CeremonyFailure {
            kind,
            round: None,
            culprits: Vec::new(),
            reason: SafeText::new(reason),
            blames: Vec::new(),
        };
        let transcript = self.transcript.take();
        self.input(Input::CeremonyEnded {
            request,
            outcome: Err(failure),
            transcript,
        });
    }

    fn succeeds(&mut self, request: RequestId) {
        let plan = self.state.ceremonies[&request].plan.clone();
        let transcript = self.transcript.take();
        self.input(Input::CeremonyEnded {
            request,
            outcome: Ok(success(&plan)),
            transcript,
        });
    }

    /// How long the core lets pass before it looks again, ms.
    fn until_it_looks(&mut self, request: RequestId) -> u64 {
        self.effects.clear();
        let from = self.now;
        while self.runs().is_empty() {
            assert!(self.now < from + 600_000, "nobody looks");
            self.now += 490;
            self.input(Input::Tick);
        }
        assert_eq!(self.runs(), [(request, false)], "looked for, not started");
        self.now - from
    }

    /// A new process on the same journal.
    fn restart(&mut self) {
        let mut state = State::new(settings());
        for (n, record) in self.records.iter().enumerate() {
            state.apply(n as u64 + 1, UnixMillis(self.now), record);
        }
        self.state = state;
        self.effects.clear();
        self.wake();
    }

    fn count(&self, kind: &str) -> usize {
        self.records.iter().filter(|r| r.kind() == kind).count()
    }
}

#[test]
fn an_unknown_outcome_stays_open_is_looked_for_calmly_and_used_when_found() {
    let (mut desk, request) = Desk::running();
    desk.fails(request, FailureKind::Unknown, "the relay does not answer");
    let mut pauses = Vec::new();
    for _ in 0..8 {
        assert_eq!(case_status(&desk.state, CASE), CaseStatus::Unknown);
        assert_eq!(desk.state.cases[&CASE].step, Step::RunCeremony(request));
        pauses.push(desk.until_it_looks(request));
        desk.fails(request, FailureKind::Unknown, "the relay does not answer");
    }
    assert!(pauses.is_sorted(), "{pauses:?}");
    assert!(
        pauses[0] < 10_000 && (110_000..130_000).contains(&pauses[7]),
        "{pauses:?}"
    );
    assert_eq!(desk.count("ceremony-unknown"), 1, "said once, not at each look");
    assert_eq!(desk.count("ceremony-started"), 1, "and never repeated");
    desk.until_it_looks(request);
    desk.succeeds(request);
    assert_eq!(desk.count("ceremony-verified"), 1);
    assert!(desk.state.cases[&CASE].keygen.is_some());
    assert_ne!(case_status(&desk.state, CASE), CaseStatus::Unknown);
}

#[test]
fn once_it_is_known_that_it_failed_another_is_proposed() {
    let (mut desk, request) = Desk::running();
    desk.fails(request, FailureKind::Unknown, "the relay does not answer");
    desk.until_it_looks(request);
    desk.fails(
        request,
        FailureKind::Lost,
        "the relay has neither topic nor result",
    );
    assert_eq!(desk.state.cases[&CASE].step, Step::PlanCeremony);
    assert_eq!(desk.count("ceremony-failed"), 1);
}

#[test]
fn a_restart_finds_it_as_it_was() {
    let (mut desk, request) = Desk::running();
    desk.fails(request, FailureKind::Unknown, "the relay does not answer");
    desk.restart();
    assert_eq!(case_status(&desk.state, CASE), CaseStatus::Unknown);
    assert_eq!(desk.runs(), [(request, false)], "looked for at once");
    desk.succeeds(request);
    assert!(desk.state.cases[&CASE].keygen.is_some());
    let mains = desk.state.ceremonies.values();
    assert_eq!(mains.filter(|c| c.role == CeremonyRole::Main).count(), 1);
}

#[test]
fn only_a_person_gives_it_up_and_what_it_made_is_never_used() {
    let (mut desk, request) = Desk::running();
    let by = SafeText::new("ann@desk");
    let command = |command| Input::Command {
        by: by.clone().into(),
        command,
    };
    let early = desk.input(command(Command::DeclareLost(request)));
    assert!(
        matches!(early, Some(Err(Refusal::NotNow(_)))),
        "it runs: {early:?}"
    );
    desk.fails(request, FailureKind::Unknown, "the relay does not answer");
    // a retry looks at once, and gives nothing up
    desk.input(command(Command::Retry(CASE))).unwrap().unwrap();
    assert_eq!(desk.runs(), [(request, false)]);
    assert_eq!(case_status(&desk.state, CASE), CaseStatus::Unknown);
    desk.input(command(Command::DeclareLost(request)))
        .unwrap()
        .unwrap();
    assert_eq!(desk.count("ceremony-declared-lost"), 1);
    let twice = desk.input(command(Command::DeclareLost(request)));
    assert!(matches!(twice, Some(Err(Refusal::NotNow(_)))), "{twice:?}");
    while desk.count("ceremony-started") < 2 {
        desk.prepare();
    }
    assert!(
        desk.count("action-proposed") == 2 && desk.count("decided") == 2,
        "the new ceremony has an approval of its own"
    );
    // the look that was under way finds the first key after all
    desk.succeeds(request);
    let found = success(&desk.state.ceremonies[&request].plan).result;
    let CeremonyResult::Keygen(found) = found else {
        panic!()
    };
    assert!(desk.state.condemned.contains_key(&found.validator));
    assert!(desk.state.cases[&CASE].keygen.is_none());
    desk.restart();
    assert!(desk.state.condemned.contains_key(&found.validator));
}

#[test]
fn the_evidence_of_a_failed_ceremony_is_journaled_and_older_journals_are_read() {
    let (mut desk, request) = Desk::running();
    let file = SafeText::new("evidence.json");
    desk.transcript = Some((file.clone(), Root([7; 32])));
    desk.fails(request, FailureKind::Blamed, "operator 2 lied about a share");
    let record = desk.records.iter().find(|r| r.kind() == "ceremony-failed");
    let words = record.unwrap().sentence();
    let digest = Root([7; 32]).to_string();
    assert!(
        words.as_str().contains(&digest) && words.as_str().contains("evidence.json"),
        "{words}"
    );
    desk.restart();
    let known = desk.state.ceremonies[&request].transcript.clone();
    assert_eq!(known, Some((file, Root([7; 32]))));
    let old = serde_json::json!({
        "record": "ceremony-failed",
        "request": request,
        "failure": {"kind": "timeout", "round": null, "culprits": [2], "reason": "late", "blames": []},
    });
    let old: Record = serde_json::from_value(old).unwrap();
    assert!(matches!(old, Record::CeremonyFailed { transcript: None, .. }));
}

#[test]
fn each_look_that_has_evidence_journals_it() {
    let (mut desk, request) = Desk::running();
    for n in 0..2 {
        let file = SafeText::new(&format!("look-{n}.json"));
        desk.transcript = Some((file, Root([n; 32])));
        desk.fails(request, FailureKind::Unknown, "the relay does not answer");
    }
    desk.fails(request, FailureKind::Unknown, "the relay does not answer");
    assert_eq!(desk.count("ceremony-unknown"), 2);
    let newest = desk.state.ceremonies[&request].transcript.clone();
    assert_eq!(newest.unwrap().1, Root([1; 32]));
}

#[test]
fn a_key_that_was_condemned_or_not_taken_is_not_the_pools_key() {
    let (mut desk, request) = Desk::running();
    desk.succeeds(request);
    let known = desk.state.known_key(CASE.pool).unwrap();
    let mut taken = desk.state.durable().clone();
    let mut condemned = taken.clone();
    taken.cases.get_mut(&CASE).unwrap().served_by = Some(Served {
        transaction: Root([9; 32]),
        log: None,
    });
    assert_eq!(taken.known_key(CASE.pool), None);
    let reason = SafeText::new("test");
    condemned.condemned.insert(known.validator, reason);
    assert_eq!(condemned.known_key(CASE.pool), None);
}
