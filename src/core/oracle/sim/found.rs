//! What lives found, each by itself in a world without other faults: answers that come twice, late, or beside a lie.

use super::bugs::{Bug, plant};
use super::lives::Kept;
use super::truth::{Event, Said};
use super::world::World;
use crate::oracle::*;
use crate::types::*;

/// Lives until an input like this has come, and gives it.
fn until(world: &mut World, wanted: impl Fn(&Input) -> bool) -> Input {
    for _ in 0..1_000 {
        let Some(effect) = world.waiting.pop_front() else {
            world.goes_on();
            continue;
        };
        world.perform(effect);
        let answer = world.answers.pop_front().expect("who is asked answers");
        let found = wanted(&answer).then(|| answer.clone());
        world.input(answer);
        if let Some(found) = found {
            return found;
        }
    }
    panic!("it never came");
}

fn is_result(input: &Input) -> bool {
    matches!(input, Input::CeremonyEnded { outcome: Ok(_), .. })
}

fn is_proposed(input: &Input) -> bool {
    let purpose = Purpose::Propose;
    matches!(input, Input::Prepared { purpose: p, outcome: Prepared::Proposal(_), .. } if *p == purpose)
}

fn is_to_be_sent(input: &Input) -> bool {
    matches!(
        input,
        Input::Prepared {
            purpose: Purpose::Send(_),
            ..
        }
    )
}

fn actions(world: &World, kind: ActionKind) -> Vec<&Action> {
    let all = world.state.actions.values();
    all.filter(|action| action.proposal.kind == kind).collect()
}

#[test]
fn a_result_that_is_told_twice_condemns_nothing() {
    let (mut world, case) = World::calm(RequestKind::Deposit);
    let result = until(&mut world, is_result);
    world.input(result);
    assert!(world.state.condemned.is_empty());
    assert!(world.state.cases[&case].keygen.is_some());
}

#[test]
fn bytes_that_are_told_twice_are_journaled_once() {
    let (mut world, _) = World::calm(RequestKind::Deposit);
    let signed = until(&mut world, |input| matches!(input, Input::Signed { .. }));
    world.input(signed);
    assert_eq!(world.seen.count("transaction-signed"), 1);
}

#[test]
fn a_proposal_for_a_step_that_is_over_is_not_taken() {
    let (mut world, _) = World::calm(RequestKind::Deposit);
    let keygen = until(&mut world, is_proposed);
    until(&mut world, is_result);
    until(&mut world, is_result);
    world.input(keygen);
    assert_eq!(actions(&world, ActionKind::Keygen).len(), 1);
}

#[test]
fn a_refusal_that_comes_late_halts_nothing() {
    let (mut world, case) = World::calm(RequestKind::Deposit);
    until(&mut world, is_to_be_sent);
    let step = world.state.cases[&case].step.clone();
    assert!(matches!(step, Step::RunCeremony(_)), "{step:?}");
    world.input(Input::Prepared {
        case,
        purpose: Purpose::Propose,
        outcome: Prepared::Refused(SafeText::new("it was not so")),
    });
    assert_eq!(world.state.cases[&case].step, step);
}

#[test]
fn a_registration_that_is_good_again_is_used() {
    let (mut world, case) = World::calm(RequestKind::Deposit);
    until(&mut world, is_result);
    until(&mut world, is_result);
    world.outside.chain.owner_nonce = 1;
    world.facts();
    let Step::Register(Some(request)) = world.state.cases[&case].step else {
        panic!("{:?}", world.state.cases[&case].step)
    };
    world.input(Input::CeremonyEnded {
        request,
        outcome: Err(fixture::lost()),
        transcript: None,
    });
    world.outside.chain.owner_nonce = 0;
    world.facts();
    for _ in 0..500 {
        world.goes_on();
    }
    assert!(
        world.state.cases[&case].is_closed(),
        "{:?}",
        world.state.cases[&case].step
    );
}

#[test]
fn a_false_report_beside_a_true_one_leaves_the_true_one() {
    let (mut world, case) = World::calm(RequestKind::Deposit);
    world.strange_transaction(Root([0; 32]));
    world.look();
    let (what, pool) = (Fulfilment::DepositInitiated, case.pool);
    let log = LogRef {
        block: world.outside.chain.at(),
        transaction: Root([0xee; 32]),
        index: 0,
    };
    world.input(Input::Fulfilled { what, pool, log });
    world.input(Input::FulfilmentRemoved { what, pool, log });
    for _ in 0..500 {
        world.goes_on();
    }
    assert!(
        world.state.cases[&case].is_closed(),
        "{:?}",
        world.state.cases[&case].step
    );
}

#[test]
fn a_false_request_that_is_taken_back_does_not_take_the_true_one_along() {
    let (mut world, case) = World::calm(RequestKind::Deposit);
    let Cause::Event { log, .. } = world.state.cases[&case].cause else {
        panic!("{:?}", world.state.cases[&case].cause)
    };
    let (kind, pool) = (case.kind, case.pool);
    // nothing new was opened for the true one, which stands beside it
    world.input(Input::RequestRemoved { kind, pool, log });
    assert!(world.state.cases[&case].orphaned);
    for _ in 0..500 {
        world.goes_on();
    }
    assert!(
        world.state.cases[&case].is_closed(),
        "{:?}",
        world.state.cases[&case]
    );
}

/// F08 of the list of faults.
#[test]
fn f08_a_request_that_leaves_the_chain_takes_its_approval_with_it() {
    let (mut world, case) = World::calm(RequestKind::Deposit);
    let Cause::Event { log, .. } = world.state.cases[&case].cause else {
        panic!("{:?}", world.state.cases[&case].cause)
    };
    until(&mut world, is_proposed);
    let approved = actions(&world, ActionKind::Keygen)[0];
    assert_eq!(approved.state, ActionState::Approved, "by a rule");
    let (kind, pool) = (case.kind, case.pool);
    // the block with it is replaced by one without it, while the last checks are under way
    let chain = &mut world.outside.chain;
    chain.ready.retain(|ready| *ready != pool);
    chain.events.retain(|event| event.pool != pool);
    world.input(Input::RequestRemoved { kind, pool, log });
    for _ in 0..50 {
        world.goes_on();
    }
    let gone = actions(&world, ActionKind::Keygen)[0];
    assert!(matches!(gone.state, ActionState::Void { .. }), "{:?}", gone.state);
    assert!(world.state.ceremonies.is_empty(), "nothing was begun on its word");
    world.request(kind, pool);
    world.look();
    for _ in 0..500 {
        world.goes_on();
    }
    assert!(
        world.state.cases[&case].is_closed(),
        "{:?}",
        world.state.cases[&case]
    );
}

/// F11 of the list of faults.
#[test]
fn f11_a_request_that_is_told_twice_is_one_case() {
    let (mut world, case) = World::calm(RequestKind::Deposit);
    let Cause::Event { log, .. } = world.state.cases[&case].cause else {
        panic!("{:?}", world.state.cases[&case].cause)
    };
    let told = Input::Requested {
        kind: case.kind,
        pool: case.pool,
        log,
        leaving: None,
    };
    world.input(told.clone());
    for _ in 0..500 {
        world.goes_on();
    }
    assert!(world.state.cases[&case].is_closed());
    world.input(told);
    for _ in 0..20 {
        world.goes_on();
    }
    let of_pool = world.state.cases.keys().filter(|id| id.pool == case.pool);
    assert_eq!(of_pool.collect::<Vec<_>>(), [&case]);
    assert_eq!(actions(&world, ActionKind::Keygen).len(), 1);
}

#[test]
fn a_deposit_that_was_given_up_knows_that_somebody_else_made_it() {
    let (mut world, case) = World::calm(RequestKind::Deposit);
    let reason = SafeText::new("not needed");
    world.command("ann", Command::GiveUp { case, reason }).unwrap();
    world.strange_transaction(Root([0; 32]));
    world.look();
    assert!(world.state.cases[&case].is_closed() && world.state.cases[&case].given_up);
    world.command("ann", Command::Resume(None)).unwrap();
    world.command("ann", Command::Retry(case)).unwrap();
    for _ in 0..20 {
        world.goes_on();
    }
    let step = &world.state.cases[&case].step;
    assert!(matches!(step, Step::Closed { .. }), "{step:?}");
    assert!(!world.state.cases[&case].given_up && world.state.ceremonies.is_empty());
}

#[test]
fn a_key_that_is_condemned_is_not_used_where_nothing_else_followed_from_it() {
    let (mut world, case) = World::calm(RequestKind::Deposit);
    until(&mut world, is_result);
    until(&mut world, is_result);
    let made = world.state.cases[&case].keygen.clone().unwrap().validator;
    // the process dies before it is told that another key is made
    world.death = Some((world.records + 1, false));
    world.command("ann", Command::RedoKey(case)).unwrap();
    assert!(world.state.condemned.contains_key(&made));
    let step = |world: &World| world.state.cases[&case].step.clone();
    assert!(matches!(step(&world), Step::Halted { .. }), "{:?}", step(&world));
    world.command("ann", Command::RedoKey(case)).unwrap();
    for _ in 0..500 {
        world.goes_on();
    }
    assert!(matches!(step(&world), Step::Closed { .. }), "{:?}", step(&world));
    assert_ne!(world.state.cases[&case].keygen.clone().unwrap().validator, made);
}

#[test]
fn a_deposit_that_was_closed_on_a_lie_goes_on_with_the_ceremony_that_it_left() {
    let (mut world, case) = World::calm(RequestKind::Deposit);
    until(&mut world, is_to_be_sent);
    let Step::RunCeremony(request) = world.state.cases[&case].step else {
        panic!("{:?}", world.state.cases[&case].step)
    };
    let (pool, what) = (case.pool, Fulfilment::DepositInitiated);
    let log = LogRef {
        block: world.outside.chain.at(),
        transaction: Root([0xee; 32]),
        index: 0,
    };
    let event = Event {
        said: Said::Did(what),
        pool,
        log,
    };
    world.outside.lies.push(event);
    world.book.lied_about.insert(pool);
    // no endpoint has the pool in the list any more, until the lie is final
    let ready = std::mem::take(&mut world.outside.chain.ready);
    world.input(Input::Fulfilled { what, pool, log });
    for _ in 0..6 {
        world.mine();
        world.look();
    }
    assert!(world.state.cases[&case].is_closed());
    world.outside.chain.ready = ready;
    for _ in 0..3 {
        world.mine();
        world.look();
    }
    assert_eq!(world.state.cases[&case].step, Step::RunCeremony(request));
    world.outside.lies.clear();
    for _ in 0..500 {
        world.goes_on();
    }
    assert!(world.state.cases[&case].is_closed());
    assert_eq!(actions(&world, ActionKind::Keygen).len(), 1);
}

#[test]
fn a_deposit_that_was_closed_on_a_lie_goes_on_by_another_case_when_it_left_memory() {
    let _kept = Kept::at_most(1);
    let (mut world, case, ready) = closed_on_a_lie();
    let pool = case.pool;
    // the next one that is over takes its place
    world.request(RequestKind::Reshare, PoolId(5));
    for _ in 0..500 {
        world.goes_on();
    }
    assert!(!world.state.cases.contains_key(&case) && world.state.knows(case));
    world.tells_the_truth_again(ready);
    let next = CaseId { ordinal: 1, ..case };
    assert!(world.state.cases[&next].is_closed());
    assert_eq!(world.outside.chain.deposits[&pool].len(), 1);
}

#[test]
fn a_deposit_that_was_closed_on_a_lie_is_taken_up_again() {
    let (mut world, case, ready) = closed_on_a_lie();
    world.tells_the_truth_again(ready);
    assert!(world.state.cases[&case].is_closed());
    let made = world.outside.chain.deposits.get(&case.pool).map_or(0, Vec::len);
    assert_eq!(made, 1, "deposits of the pool that the contract lists again");
}

/// A deposit that somebody else made, says a log of which nothing is true, and what the queue held.
fn closed_on_a_lie() -> (World, CaseId, Vec<PoolId>) {
    let (mut world, case) = World::calm(RequestKind::Deposit);
    let (pool, what) = (case.pool, Fulfilment::DepositInitiated);
    let log = LogRef {
        block: world.outside.chain.at(),
        transaction: Root([0xee; 32]),
        index: 0,
    };
    let said = Said::Did(what);
    world.outside.lies.push(Event { said, pool, log });
    world.book.lied_about.insert(pool);
    let ready = std::mem::take(&mut world.outside.chain.ready);
    world.input(Input::Fulfilled { what, pool, log });
    for _ in 0..6 {
        world.mine();
        world.look();
    }
    assert!(world.state.cases[&case].is_closed());
    (world, case, ready)
}

impl World {
    /// The contract lists again what the lie took out of its queue, and all goes on.
    fn tells_the_truth_again(&mut self, ready: Vec<PoolId>) {
        self.outside.chain.ready = ready;
        self.outside.lies.clear();
        for _ in 0..500 {
            self.goes_on();
        }
    }
}

/// Lives at random come to such a lie about once in a thousand.
#[test]
fn a_deposit_that_stays_closed_on_a_lie_is_found() {
    let why = ends_with(
        Bug::StaysClosed,
        a_deposit_that_was_closed_on_a_lie_is_taken_up_again,
    );
    assert!(
        why.contains("deposits of the pool that the contract lists again"),
        "{why}"
    );
}

/// Why a life with a defect ends.
fn ends_with(bug: Bug, life: impl FnOnce() + std::panic::UnwindSafe) -> String {
    plant(Some(bug));
    let lived = std::panic::catch_unwind(life);
    plant(None);
    let why = lived.expect_err("it is found");
    why.downcast_ref::<String>().cloned().expect("it is worded")
}

/// A deposit of a fixed committee with an operator of which SSV takes nothing, and a rule that may choose one other.
fn bound() -> (World, CaseId) {
    bound_by(false)
}

fn bound_by(one_voice: bool) -> (World, CaseId) {
    let (mut world, case) = World::calm(RequestKind::Deposit);
    (world.bound, world.one_voice) = (true, one_voice);
    for policy in [&mut world.settings.policy, &mut world.state.settings.policy] {
        policy.rules[0].other_committees = 1;
    }
    for _ in 0..500 {
        world.goes_on();
    }
    (world, case)
}

#[test]
fn a_rule_has_another_committee_make_another_key_where_ssv_refuses_the_first_one() {
    let (world, case) = bound();
    let step = &world.state.cases[&case].step;
    assert!(matches!(step, Step::Closed { .. }), "{step:?}");
    assert_eq!(world.book.chosen_by_rule[&case], 1);
    let made = world.state.cases[&case].keygen.clone().unwrap().validator;
    let condemned = &world.state.condemned;
    assert!(!condemned.is_empty() && !condemned.contains_key(&made));
}

/// A lie, or an old state: what it would cost cannot be taken back.
#[test]
fn one_endpoints_refusal_condemns_no_key_and_waits_for_a_person() {
    let (world, case) = bound_by(true);
    let case = &world.state.cases[&case];
    assert!(matches!(case.step, Step::DecideEffect(_)), "{:?}", case.step);
    assert!(world.state.condemned.is_empty());
    assert_eq!(case.chosen_by_rule, 0);
}

#[test]
fn the_old_key_used_again_after_a_rule_chose_another_committee_is_found() {
    let why = ends_with(Bug::OldKeyGood, || drop(bound()));
    assert!(why.contains("is not condemned"), "{why}");
}

#[test]
fn a_reshare_that_is_prepared_anew_takes_effect_twice_which_is_found() {
    let why = ends_with(Bug::PreparedAnew, || {
        let (mut world, _) = World::calm(RequestKind::Reshare);
        for _ in 0..500 {
            world.goes_on();
        }
    });
    assert!(why.contains("took effect more than once"), "{why}");
}

/// A person approves a deposit, which is paused for as long as its undo window and then goes on.
fn paused_in_its_window() -> (World, CaseId) {
    let (mut world, case) = World::calm(RequestKind::Deposit);
    world.pace = 50;
    until(&mut world, is_result);
    let to = Mode::Supervised;
    world
        .command("ann", Command::SwitchMode { to, word: None })
        .unwrap();
    let (action, digest) = loop {
        world.goes_on();
        if let [deposit] = actions(&world, ActionKind::SendDeposit)[..] {
            break (deposit.id, deposit.digest);
        }
    };
    let phrase = None;
    let approval = Command::Approve {
        action,
        digest,
        phrase,
    };
    world.command("ann", approval).unwrap();
    assert_eq!(world.state.actions[&action].state, ActionState::Approved);
    world.command("bob", Command::Pause(None)).unwrap();
    let window = world.settings.policy.undo.of(ActionKind::SendDeposit);
    world.sleep(u64::try_from(window.as_millis()).unwrap());
    world.command("bob", Command::Resume(None)).unwrap();
    for _ in 0..500 {
        world.goes_on();
    }
    (world, case)
}

#[test]
fn a_pause_begins_an_undo_window_anew_and_one_that_goes_on_is_found() {
    let (world, case) = paused_in_its_window();
    assert!(
        world.state.cases[&case].is_closed(),
        "it left at the end of its window"
    );
    assert_eq!(world.outside.chain.deposits[&case.pool].len(), 1);
    let why = ends_with(Bug::WindowGoesOn, || drop(paused_in_its_window()));
    assert!(why.contains("leaves in its undo window"), "{why}");
}

/// A deposit that somebody else makes while its key generation runs. Nothing that is closed stays in memory.
fn served_meanwhile() -> (World, CaseId) {
    let (mut world, case) = World::calm(RequestKind::Deposit);
    until(&mut world, is_to_be_sent);
    world.strange_transaction(Root([0; 32]));
    for _ in 0..6 {
        world.mine();
        world.look();
    }
    (world, case)
}

#[test]
fn a_case_whose_ceremony_runs_stays_until_that_has_ended() {
    let _kept = Kept::at_most(0);
    let (mut world, case) = served_meanwhile();
    assert!(world.state.cases[&case].is_closed());
    let ceremony = world.waiting.pop_front().expect("it runs");
    assert!(
        matches!(ceremony, Effect::RunCeremony { .. }),
        "{}",
        ceremony.name()
    );
    world.perform(ceremony);
    world.deliver();
    assert_eq!(world.state.condemned.len(), 1, "its key is never used");
    let why = ends_with(Bug::RetiredInFlight, || drop(served_meanwhile()));
    assert!(why.contains("left memory over a ceremony"), "{why}");
}

#[test]
fn a_log_that_is_told_again_after_its_case_does_not_end_the_next_one() {
    let (mut world, case) = World::calm(RequestKind::Reshare);
    world.strange_transaction(Root([2; 32]));
    world.look();
    for _ in 0..20 {
        world.goes_on();
    }
    assert!(world.state.cases[&case].is_closed());
    world.command("ann", Command::Reshare(case.pool)).unwrap();
    // its branch was left while the process was away: everything is read again
    world.outside.blocks.clear();
    world.restart(0);
    let next = CaseId { ordinal: 1, ..case };
    assert_eq!(world.state.cases[&next].reports().count(), 0);
}

#[test]
fn an_approval_that_expires_while_the_desk_looks_is_not_used() {
    let (mut world, _) = World::calm(RequestKind::Deposit);
    until(&mut world, is_proposed);
    let last_checks = world.waiting.pop_front().expect("a rule approved it");
    world.perform(last_checks);
    world.now += world.settings.approval_expires_ms + 1;
    world.deliver();
    assert!(world.state.ceremonies.is_empty());
    let keygen = actions(&world, ActionKind::Keygen)[0];
    assert!(
        matches!(keygen.state, ActionState::Void { .. }),
        "{:?}",
        keygen.state
    );
}

#[test]
fn an_exit_whose_last_checks_are_told_twice_waits_for_its_time() {
    let (mut world, case) = World::calm(RequestKind::Exit);
    world.outside.script.push_back(ExitStanding::NotActive);
    until(&mut world, is_to_be_sent);
    let last_checks = until(&mut world, is_to_be_sent);
    until(&mut world, |input| matches!(input, Input::ExitPublished { .. }));
    world.input(last_checks);
    assert!(world.state.cases[&case].offers.deferred.is_some());
    let offers = |effect: &Effect| matches!(effect, Effect::PublishExit { .. });
    assert!(!world.waiting.iter().any(offers), "it is offered before its time");
}

#[test]
fn an_answer_to_an_offer_does_not_bring_a_void_approval_back() {
    let (mut world, case) = World::calm(RequestKind::Exit);
    world.outside.script.push_back(ExitStanding::Refused);
    until(&mut world, is_to_be_sent);
    until(&mut world, is_to_be_sent);
    let events = std::mem::take(&mut world.outside.chain.events);
    world.look();
    assert!(world.state.cases[&case].orphaned);
    until(&mut world, |input| matches!(input, Input::ExitPublished { .. }));
    let void = |world: &World| {
        matches!(
            actions(world, ActionKind::BroadcastExit)[0].state,
            ActionState::Void { .. }
        )
    };
    assert!(void(&world));
    world.outside.chain.events = events;
    world.look();
    assert!(!world.state.cases[&case].orphaned);
    assert!(void(&world), "its approval is over");
}

#[test]
fn an_approval_of_an_exit_that_was_set_aside_ends_with_its_request() {
    let (mut world, case) = World::calm(RequestKind::Exit);
    world.outside.no_validator = true;
    until(&mut world, is_to_be_sent);
    until(&mut world, is_to_be_sent);
    let step = |world: &World| world.state.cases[&case].step.clone();
    assert!(matches!(step(&world), Step::Halted { .. }), "{:?}", step(&world));
    let state = |world: &World| actions(world, ActionKind::BroadcastExit)[0].state.clone();
    assert_eq!(state(&world), ActionState::Approved);
    world.outside.chain.events.clear();
    world.look();
    assert!(
        matches!(state(&world), ActionState::Void { .. }),
        "{:?}",
        state(&world)
    );
}

/// A person approves what is stale, and something that nobody spoke of then is not known when it is looked at again.
fn counts_for_what_is_worse(bug: Option<Bug>) -> bool {
    plant(bug);
    let (mut world, _) = World::calm(RequestKind::Deposit);
    let to = Mode::Supervised;
    let switch = Command::SwitchMode { to, word: None };
    world.command("ann", switch).unwrap();
    until(&mut world, is_proposed);
    let keygens = actions(&world, ActionKind::Keygen);
    let (action, digest) = (keygens[0].id, keygens[0].digest);
    world.input(Input::Sight(Reach::Lost));
    let phrase = None;
    let approve = Command::Approve {
        action,
        digest,
        phrase,
    };
    world.command("ann", approve).unwrap();
    world.input(Input::Sight(Reach::Followed));
    let mut proposal = world.state.actions[&action].proposal.clone();
    proposal
        .checks
        .push(Check::unknown(ENDPOINTS_AGREE, "it did not answer"));
    world.waiting.clear();
    world.input(Input::Prepared {
        case: action.case,
        purpose: Purpose::Refresh(action),
        outcome: Prepared::Proposal(Box::new(proposal)),
    });
    world.state.actions[&action].decision.is_some()
}

#[test]
fn an_approval_that_waits_counts_for_nothing_worse_and_one_that_does_is_found() {
    assert!(!counts_for_what_is_worse(None));
    let found = std::panic::catch_unwind(|| counts_for_what_is_worse(Some(Bug::WorseCounts)));
    plant(None);
    let words = found.expect_err("the book finds it");
    let words = words.downcast_ref::<String>().expect("words");
    assert!(words.contains("endpoints-agree is worse"), "{words}");
}
