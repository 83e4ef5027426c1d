//! More ceremonies than there are places.

use crate::oracle::fixture::{block, lost, proposal, settings, success};
use crate::oracle::state::shadow::Shadow;
use crate::oracle::*;
use crate::types::*;

const MINUTE: u64 = 60_000;

/// No transaction is ever ready here.
fn desk(kind: ActionKind, now: UnixMillis) -> Prepared {
    match kind.family() {
        Family::Ceremony => Prepared::Proposal(Box::new(proposal(kind))),
        Family::Transaction | Family::Broadcast => Prepared::Later {
            reason: SafeText::new("not in this test"),
            at: now.plus(std::time::Duration::from_secs(86_400)),
        },
    }
}

fn deposit(pool: u32) -> CaseId {
    CaseId {
        kind: RequestKind::Deposit,
        pool: PoolId(pool),
        ordinal: 0,
    }
}

/// Pools that want to be deposited, in the order of the contract's queue. The desk answers at once, and ceremonies run
/// until a test ends them.
struct World {
    state: State,
    shadow: Shadow,
    settings: Settings,
    queue: Vec<PoolId>,
    owner_nonce: u64,
    running: Vec<(RequestId, CaseId, CeremonyPlan)>,
    /// Key generations in the order in which they were begun.
    begun: Vec<CaseId>,
    /// Registrations likewise.
    registered: Vec<CaseId>,
    /// Begun by an earlier process, and looked for.
    looked_for: usize,
    now: u64,
}

impl World {
    fn new(settings: Settings, queue: &[u32]) -> Self {
        let mut world = Self {
            state: State::new(settings.clone()),
            shadow: Shadow::default(),
            settings,
            queue: queue.iter().copied().map(PoolId).collect(),
            owner_nonce: 0,
            running: Vec::new(),
            begun: Vec::new(),
            registered: Vec::new(),
            looked_for: 0,
            now: 1_000_000,
        };
        world.wake();
        world
    }

    fn wake(&mut self) {
        self.input(Input::Started);
        self.input(Input::CaughtUp {
            finalized: Some(block(10)),
        });
        self.look();
    }

    fn look(&mut self) {
        let facts = ChainFacts {
            head: Some(block(10)),
            finalized: Some(block(10)),
            ready: self.queue.clone(),
            owner_nonce: Some(self.owner_nonce),
            ..ChainFacts::default()
        };
        self.input(Input::Facts(Box::new(facts)));
    }

    fn requested(&mut self) {
        for pool in self.queue.clone() {
            let log = LogRef {
                block: block(9),
                transaction: Root([7; 32]),
                index: u64::from(pool.0),
            };
            self.input(Input::Requested {
                leaving: None,
                kind: RequestKind::Deposit,
                pool,
                log,
            });
        }
    }

    /// One input, and everything that the desk has to say to what comes of it.
    fn input(&mut self, input: Input) {
        let mut inputs = vec![input];
        while let Some(input) = inputs.pop() {
            self.now += 10;
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
            assert!(reply.is_none_or(|reply| reply.is_ok()));
            self.shadow.follow(&self.state, at, &output.records);
            for effect in output.effects {
                match effect {
                    Effect::Prepare {
                        case, purpose, draft, ..
                    } => inputs.push(Input::Prepared {
                        case,
                        purpose,
                        outcome: desk(draft.kind(), at),
                    }),
                    Effect::RunCeremony {
                        case,
                        request,
                        plan,
                        start,
                        ..
                    } => {
                        let list = match &plan {
                            CeremonyPlan::Keygen { .. } => &mut self.begun,
                            _ => &mut self.registered,
                        };
                        if start {
                            list.push(case);
                        } else {
                            self.looked_for += 1;
                        }
                        self.running.push((request, case, plan));
                    }
                    other => panic!("nothing else is done here: {other:?}"),
                }
            }
        }
    }

    fn tick(&mut self, after_ms: u64) {
        self.now += after_ms;
        self.input(Input::Tick);
    }

    fn ends(
        &mut self,
        case: CaseId,
        outcome: impl Fn(&CeremonyPlan) -> Result<Box<CeremonySuccess>, CeremonyFailure>,
    ) {
        let place = self.running.iter().position(|(_, of, _)| *of == case).unwrap();
        let (request, _, plan) = self.running.remove(place);
        self.input(Input::CeremonyEnded {
            request,
            outcome: outcome(&plan),
            transcript: None,
        });
    }

    fn succeeds(&mut self, case: CaseId) {
        self.ends(case, |plan| Ok(success(plan)));
    }

    fn restart(&mut self) {
        self.running.clear();
        let durable = self.shadow.restart(&self.state);
        self.state = State::restored(self.settings.clone(), durable);
        self.wake();
    }

    fn approve(&mut self, case: CaseId) {
        let action = ActionId { case, number: 1 };
        let digest = self.state.actions[&action].digest;
        self.input(Input::Command {
            by: "ann".into(),
            command: Command::Approve {
                action,
                digest,
                phrase: None,
            },
        });
    }

    fn state_of(&self, case: CaseId) -> ActionState {
        self.state.actions[&ActionId { case, number: 1 }].state.clone()
    }

    fn waits(&self, case: CaseId) -> String {
        self.state
            .waiting_reason(case)
            .map_or_else(String::new, SafeText::to_string)
    }
}

fn two_at_once() -> Settings {
    Settings {
        ceremonies_at_once: 2,
        ..settings()
    }
}

#[test]
fn as_many_run_as_there_are_places_and_the_next_of_the_queue_begins_when_one_ends() {
    // not in the order of their numbers
    let mut world = World::new(two_at_once(), &[4, 1, 5, 2, 3]);
    world.requested();
    assert_eq!(world.begun, [4, 1].map(deposit));
    for waiting in [5, 2, 3].map(deposit) {
        assert_eq!(
            world.waits(waiting),
            "waits for a free place: 2 of 2 ceremonies run"
        );
        assert_eq!(case_status(&world.state, waiting), CaseStatus::Queued);
        assert_eq!(world.state_of(waiting), ActionState::Approved);
    }
    world.tick(MINUTE);
    assert_eq!(world.begun.len(), 2, "time frees no place");
    world.succeeds(deposit(1));
    assert_eq!(world.begun[2..], [5].map(deposit), "the next of the queue");
    assert_eq!(world.waits(deposit(5)), "", "what was said of it is over");
    world.succeeds(deposit(5));
    world.succeeds(deposit(2));
    assert_eq!(world.begun, [4, 1, 5, 2, 3].map(deposit));
    assert_eq!(world.running.len(), 2);
}

#[test]
fn a_hundred_requests_at_once_run_two_at_a_time_in_the_order_of_the_queue() {
    let queue: Vec<u32> = (1..=100).rev().collect();
    let mut world = World::new(two_at_once(), &queue);
    world.requested();
    let mut most = 0;
    while let Some((_, case, _)) = world.running.first().cloned() {
        most = most.max(world.running.len());
        world.succeeds(case);
    }
    assert_eq!(most, 2);
    assert_eq!(world.begun, queue.into_iter().map(deposit).collect::<Vec<_>>());
    assert_eq!(world.registered, [deposit(100)], "whoever stands at the head");
}

#[test]
fn a_restart_counts_what_it_finds_running_and_keeps_approvals() {
    let mut world = World::new(two_at_once(), &[1, 2, 3]);
    world.requested();
    world.restart();
    assert_eq!((world.begun.len(), world.looked_for), (2, 2));
    assert_eq!(world.state_of(deposit(3)), ActionState::Approved);
    assert_eq!(
        world.waits(deposit(3)),
        "waits for a free place: 2 of 2 ceremonies run"
    );
    world.succeeds(deposit(2));
    assert_eq!(world.begun.last(), Some(&deposit(3)));
}

#[test]
fn what_is_only_looked_for_holds_no_place() {
    let mut world = World::new(two_at_once(), &[1, 2, 3]);
    world.requested();
    world.ends(deposit(1), |_| {
        let kind = FailureKind::Unknown;
        Err(CeremonyFailure { kind, ..lost() })
    });
    assert_eq!(world.begun, [1, 2, 3].map(deposit));
    world.tick(MINUTE);
    assert_eq!(world.looked_for, 1, "beside two that run");
}

#[test]
fn an_approval_that_waits_for_a_place_expires_as_any_other_and_says_for_what_it_waited() {
    let settings = Settings {
        mode: Mode::Supervised,
        ceremonies_at_once: 1,
        ..settings()
    };
    let expires = settings.approval_expires_ms;
    let mut world = World::new(settings, &[1, 2]);
    world.requested();
    world.approve(deposit(2));
    world.approve(deposit(1));
    assert_eq!(world.begun, [deposit(2)], "approved first");
    assert_eq!(
        world.waits(deposit(1)),
        "waits for a free place: 1 of 1 ceremony runs"
    );
    world.tick(expires - MINUTE);
    assert_eq!(world.state_of(deposit(1)), ActionState::Approved);
    world.tick(2 * MINUTE);
    let reason = "the approval expired before it could be executed: no place among the ceremonies got free";
    assert_eq!(
        world.state_of(deposit(1)),
        ActionState::Void {
            reason: SafeText::new(reason)
        }
    );
}

#[test]
fn a_registration_at_the_head_of_the_queue_goes_before_key_generations() {
    let settings = Settings {
        ceremonies_at_once: 1,
        ..settings()
    };
    let mut world = World::new(settings, &[1, 2, 3]);
    world.requested();
    world.succeeds(deposit(1));
    assert_eq!(
        (&*world.begun, &*world.registered),
        (&[deposit(1)][..], &[deposit(1)][..])
    );
    world.succeeds(deposit(1));
    assert_eq!(world.begun, [1, 2].map(deposit));
}

#[test]
fn what_is_paused_or_told_to_wait_takes_no_place_from_others() {
    let settings = Settings {
        ceremonies_at_once: 1,
        ..settings()
    };
    let mut world = World::new(settings, &[1, 2, 3]);
    world.requested();
    let by = SafeText::new("ann");
    world.input(Input::Command {
        by: by.into(),
        command: Command::Pause(Some(deposit(2))),
    });
    world.ends(deposit(1), |_| Err(lost()));
    assert_eq!(world.begun.last(), Some(&deposit(3)));
}
