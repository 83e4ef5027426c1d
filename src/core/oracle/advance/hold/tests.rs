//! One key, and several cases that want it.

use std::collections::VecDeque;

use alloy::primitives::{Address, Bytes, U256};

use crate::oracle::fixture::{block, proposal, settings, success};
use crate::oracle::state::shadow::Shadow;
use crate::oracle::*;
use crate::types::*;

const POOL: PoolId = PoolId(1);

fn case(text: &str) -> CaseId {
    text.parse().unwrap()
}

/// A staked pool, and everybody who acts on it. Ceremonies run until a test ends them; everything else is done at once.
struct World {
    state: State,
    shadow: Shadow,
    journal: Vec<(UnixMillis, Record)>,
    waiting: VecDeque<Effect>,
    running: Vec<RequestId>,
    now: u64,
    /// Of the newest block, and of what is mined in it.
    height: u64,
    mode: Mode,
}

impl World {
    fn new(mode: Mode) -> Self {
        let mut world = Self {
            state: State::new(Settings { mode, ..settings() }),
            shadow: Shadow::default(),
            journal: Vec::new(),
            waiting: VecDeque::new(),
            running: Vec::new(),
            now: 1_000_000,
            height: 10,
            mode,
        };
        world.wake();
        world
    }

    fn wake(&mut self) {
        self.input(Input::Started);
        self.input(Input::CaughtUp {
            finalized: Some(block(self.height)),
        });
        self.look();
    }

    fn look(&mut self) {
        let facts = ChainFacts {
            owner_nonce: Some(0),
            head: Some(block(self.height)),
            finalized: Some(block(self.height)),
            staked: vec![POOL],
            account: Some(AccountFacts {
                address: Address::ZERO,
                next: 0,
                pending: 0,
                balance_wei: U256::ZERO,
                is_open: false,
            }),
            ..ChainFacts::default()
        };
        self.input(Input::Facts(Box::new(facts)));
    }

    fn input(&mut self, input: Input) -> CommandReply {
        self.now += 50;
        let at = UnixMillis(self.now);
        let mut entropy = [0; 24];
        entropy[..8].copy_from_slice(&self.now.to_be_bytes());
        let (output, reply) = step(
            &mut self.state,
            Stamped {
                at,
                up_ms: at.0,
                entropy,
                input,
            },
        );
        self.shadow.follow(&self.state, at, &output.records);
        self.journal.extend(output.records.into_iter().map(|r| (at, r)));
        self.waiting.extend(output.effects);
        reply
    }

    fn restart(&mut self) {
        self.waiting.clear();
        self.running.clear();
        let settings = Settings {
            mode: self.mode,
            ..settings()
        };
        self.state = State::restored(settings, self.shadow.restart(&self.state));
        self.wake();
    }

    fn log(n: u64) -> LogRef {
        LogRef {
            block: block(n),
            transaction: Root([u8::try_from(n).unwrap(); 32]),
            index: 0,
        }
    }

    /// An event of the contract in block `n`.
    fn requested(&mut self, kind: RequestKind, n: u64) {
        self.input(Input::Requested {
            leaving: None,
            kind,
            pool: POOL,
            log: Self::log(n),
        });
    }

    /// Does what is asked for, until nothing but ceremonies is under way.
    fn settle(&mut self) {
        for _ in 0..400 {
            let Some(effect) = self.waiting.pop_front() else {
                self.height += 1;
                self.now += 1_000;
                self.look();
                if self.waiting.is_empty() {
                    return;
                }
                continue;
            };
            self.perform(effect);
        }
    }

    fn perform(&mut self, effect: Effect) {
        let answer = match effect {
            Effect::Prepare {
                case, purpose, draft, ..
            } => Input::Prepared {
                case,
                purpose,
                outcome: Prepared::Proposal(Box::new(proposal(draft.kind()))),
            },
            Effect::RunCeremony { request, plan, .. } => {
                let registration = CeremonyPlan::Sign {
                    validator: BlsPublicKey::default(),
                    committee: Vec::new(),
                    threshold: 0,
                    signing_root: Root::default(),
                    what: SignPurpose::OwnerNonce {
                        owner: String::new(),
                        nonce: 0,
                    },
                    share_public_keys: Default::default(),
                    brought: None,
                };
                let what = |plan: &CeremonyPlan| match plan {
                    CeremonyPlan::Sign { what, .. } => Some(std::mem::discriminant(what)),
                    _ => None,
                };
                if what(&plan) != what(&registration) {
                    self.running.push(request);
                    return;
                }
                Input::CeremonyEnded {
                    request,
                    outcome: Ok(success(&plan)),
                    transcript: None,
                }
            }
            Effect::Sign { action, nonce, .. } => {
                let mut hash = [0; 32];
                hash[..8].copy_from_slice(&(1_000 + nonce).to_be_bytes());
                Input::Signed {
                    action,
                    outcome: Ok(SignedTransaction {
                        raw: Bytes::new(),
                        hash: Root(hash),
                        nonce,
                        max_fee_wei: U256::from(1),
                        priority_fee_wei: U256::from(1),
                        gas_limit: 1,
                    }),
                }
            }
            Effect::Send { action, .. } => Input::Sent {
                action,
                outcome: Ok(()),
            },
            Effect::Inspect { action, hashes, .. } => Input::Inspected {
                action,
                status: Some(NonceStatus::Included {
                    hash: hashes[0],
                    block: block(self.height),
                    success: true,
                    reason: None,
                    fee_paid_wei: U256::from(1),
                    served: Some(POOL),
                    is_final: true,
                    overtaken: false,
                }),
            },
            Effect::PublishExit { action, .. } => Input::ExitPublished {
                action,
                verdicts: Vec::new(),
                standing: ExitStanding::Unheard,
            },
            Effect::LookUpValidator { case, validator, .. } => Input::ValidatorSeen {
                case,
                validator,
                seen: None,
            },
        };
        self.input(answer);
    }

    /// The ceremony that runs; there is never more than one here.
    fn runs(&mut self) -> Option<CaseId> {
        self.settle();
        self.running.dedup();
        assert!(self.running.len() <= 1, "{:?}", self.running);
        let request = self.running.first()?;
        Some(self.state.ceremonies[request].case)
    }

    fn ends(&mut self, failure: Option<FailureKind>) {
        let request = self.running.remove(0);
        let plan = self.state.ceremonies[&request].plan.clone();
        let outcome = match failure {
            None => Ok(success(&plan)),
            Some(kind) => Err(CeremonyFailure {
                kind,
                ..fixture::lost()
            }),
        };
        self.input(Input::CeremonyEnded {
            request,
            outcome,
            transcript: None,
        });
    }

    fn step(&self, id: &str) -> &Step {
        &self.state.cases[&case(id)].step
    }

    fn is_closed(&self, id: &str) -> bool {
        self.state.cases[&case(id)].is_closed()
    }

    /// What a case waits for, in words.
    fn says(&self, id: &str) -> &str {
        self.state.waiting_reason(case(id)).map_or("", SafeText::as_str)
    }

    fn command(&mut self, command: Command) -> Result<SafeText, Refusal> {
        let by = SafeText::new("ann");
        self.input(Input::Command {
            by: by.into(),
            command,
        })
        .unwrap()
    }

    /// A person decides on what the case proposes.
    fn decide(&mut self, id: &str, approve: bool) {
        self.settle();
        let (Step::DecideCeremony(action) | Step::DecideEffect(action)) = *self.step(id) else {
            panic!("{id}: {:?}", self.step(id))
        };
        let shown = &self.state.actions[&action];
        let (digest, phrase) = (shown.digest, shown.phrase());
        let command = if approve {
            Command::Approve {
                action,
                digest,
                phrase,
            }
        } else {
            let reason = SafeText::new("not these");
            Command::Reject {
                action,
                digest,
                reason,
            }
        };
        self.command(command).unwrap();
    }
}

#[test]
fn two_requests_to_reshare_a_key_are_served_one_after_the_other() {
    let mut world = World::new(Mode::Auto);
    world.requested(RequestKind::Reshare, 3);
    assert_eq!(world.runs(), Some(case("reshare/1")));
    world.requested(RequestKind::Reshare, 4);
    assert_eq!(world.runs(), Some(case("reshare/1")));
    assert_eq!(*world.step("reshare/1.1"), Step::PlanCeremony);
    let says = world.says("reshare/1.1").to_owned();
    assert!(
        says.contains("the reshare ceremony of reshare/1 has ended"),
        "{says}"
    );
    world.restart();
    assert_eq!(world.runs(), Some(case("reshare/1")), "looked for");
    world.ends(None);
    assert_eq!(world.runs(), Some(case("reshare/1.1")));
    assert!(world.is_closed("reshare/1"), "its resharePool is final");
    world.ends(None);
    world.settle();
    assert!(world.is_closed("reshare/1.1"));
}

#[test]
fn a_second_request_before_anything_has_begun_is_the_same_request() {
    let mut world = World::new(Mode::Supervised);
    world.requested(RequestKind::Reshare, 3);
    world.settle();
    world.requested(RequestKind::Reshare, 4);
    assert_eq!(world.state.cases.len(), 1);
    assert!(world.journal.iter().any(|(_, r)| r.kind() == "note"));
}

#[test]
fn the_end_of_the_first_is_not_taken_for_that_of_the_second() {
    let mut world = World::new(Mode::Auto);
    world.requested(RequestKind::Reshare, 3);
    world.runs();
    world.requested(RequestKind::Reshare, 4);
    world.ends(None);
    while world.state.sendings.is_empty() {
        let effect = world.waiting.pop_front().unwrap();
        world.perform(effect);
    }
    let hash = world.state.sendings.values().next().unwrap().newest().hash;
    let log = LogRef {
        transaction: hash,
        ..World::log(5)
    };
    let (what, pool) = (Fulfilment::Reshared, POOL);
    world.input(Input::Fulfilled { what, pool, log });
    assert!(world.state.cases.values().all(|c| c.served_by.is_none()));
    // what somebody else did serves who asked first, and may be taken back
    let log = World::log(6);
    world.input(Input::Fulfilled { what, pool, log });
    let served = |world: &World, id| world.state.cases[&case(id)].served_by.is_some();
    assert!(served(&world, "reshare/1") && !served(&world, "reshare/1.1"));
    world.input(Input::FulfilmentRemoved { what, pool, log });
    assert!(!served(&world, "reshare/1"));
}

#[test]
fn a_reshare_and_an_exit_of_one_key_do_not_run_at_once() {
    // both are asked for, decided and checked at the same time
    let mut world = World::new(Mode::Auto);
    world.requested(RequestKind::Reshare, 3);
    world.requested(RequestKind::Exit, 4);
    assert_eq!(world.runs(), Some(case("reshare/1")));
    let says = world.says("exit/1").to_owned();
    assert!(
        says.contains("the reshare ceremony of reshare/1 has ended"),
        "{says}"
    );
    world.ends(None);
    assert_eq!(world.runs(), Some(case("exit/1")));
    assert!(world.is_closed("reshare/1"), "not before resharePool is final");
    // and the other way round
    world.requested(RequestKind::Reshare, 8);
    assert_eq!(world.runs(), Some(case("exit/1")));
    let says = world.says("reshare/1.1").to_owned();
    assert!(says.contains("the sign ceremony of exit/1 has ended"), "{says}");
    world.ends(None);
    assert_eq!(world.runs(), Some(case("reshare/1.1")));
}

#[test]
fn an_approved_one_waits_under_its_approval() {
    let mut world = World::new(Mode::Supervised);
    world.requested(RequestKind::Exit, 3);
    world.requested(RequestKind::Reshare, 4);
    world.decide("exit/1", true);
    assert_eq!(world.runs(), Some(case("exit/1")));
    world.decide("reshare/1", true);
    assert_eq!(world.runs(), Some(case("exit/1")));
    assert!(
        world.says("reshare/1").contains("exit/1"),
        "{}",
        world.says("reshare/1")
    );
    world.ends(Some(FailureKind::Timeout));
    assert_eq!(world.runs(), Some(case("reshare/1")));
    // what was said of a hold ends with it
    world.ends(Some(FailureKind::Timeout));
    world.settle();
    assert_eq!(world.says("exit/1"), "");
}

#[test]
fn an_unknown_outcome_holds_until_it_is_known_or_declared_lost() {
    let mut world = World::new(Mode::Auto);
    world.requested(RequestKind::Reshare, 3);
    assert_eq!(world.runs(), Some(case("reshare/1")));
    let request = world.running[0];
    world.requested(RequestKind::Exit, 4);
    world.ends(Some(FailureKind::Unknown));
    for _ in 0..3 {
        world.now += 200_000;
        assert_eq!(world.runs(), Some(case("reshare/1")), "looked for");
        let says = world.says("exit/1").to_owned();
        assert!(says.contains("or it is declared lost"), "{says}");
        world.ends(Some(FailureKind::Unknown));
    }
    world.command(Command::DeclareLost(request)).unwrap();
    // both may begin now, and one does
    assert!(world.runs().is_some());
}

#[test]
fn by_hand_a_second_reshare_is_refused_with_words() {
    let mut world = World::new(Mode::Supervised);
    world.command(Command::Reshare(POOL)).unwrap();
    let refused = world.command(Command::Reshare(POOL)).unwrap_err();
    let Refusal::NotNow(words) = refused else {
        panic!("{refused:?}")
    };
    assert!(
        words.as_str().contains("one reshare of a key at a time"),
        "{words}"
    );
}

#[test]
fn shares_that_stand_still_hold_up_a_reshare_and_not_an_exit() {
    let mut world = World::new(Mode::Supervised);
    world.requested(RequestKind::Reshare, 3);
    world.decide("reshare/1", true);
    world.runs();
    world.requested(RequestKind::Reshare, 4);
    world.requested(RequestKind::Exit, 5);
    world.ends(None);
    world.settle();
    let says = world.says("exit/1").to_owned();
    assert!(
        says.contains("the contract does not know of them for good yet"),
        "{says}"
    );
    world.decide("reshare/1", false);
    world.settle();
    assert!(
        matches!(world.step("exit/1"), Step::DecideCeremony(_)),
        "{:?}",
        world.step("exit/1")
    );
    let says = world.says("reshare/1.1").to_owned();
    assert!(
        says.contains("reshare/1 needs a person: rejected by ann"),
        "{says}"
    );
    // the way on
    world.command(Command::Retry(case("reshare/1"))).unwrap();
    world.decide("reshare/1", true);
    world.settle();
    assert!(world.is_closed("reshare/1"));
    assert!(matches!(world.step("reshare/1.1"), Step::DecideCeremony(_)));
}

#[test]
fn a_reshare_that_somebody_else_did_is_over_when_its_own_ceremony_is() {
    let mut world = World::new(Mode::Auto);
    world.requested(RequestKind::Reshare, 3);
    world.runs();
    let (what, pool, log) = (Fulfilment::Reshared, POOL, World::log(4));
    world.input(Input::Fulfilled { what, pool, log });
    world.input(Input::CaughtUp {
        finalized: Some(block(9)),
    });
    assert!(
        !world.is_closed("reshare/1"),
        "its operators may make new shares yet"
    );
    world.requested(RequestKind::Reshare, 9);
    assert_eq!(world.runs(), Some(case("reshare/1")));
    world.ends(Some(FailureKind::Timeout));
    assert!(world.is_closed("reshare/1"));
    assert_eq!(world.runs(), Some(case("reshare/1.1")));
}
