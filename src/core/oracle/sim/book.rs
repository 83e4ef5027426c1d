//! What must hold, whatever happens: kept record by record and effect by effect, so that each step is judged at its own
//! cost.

use std::collections::{BTreeMap, BTreeSet};

use alloy::primitives::U256;

use super::chain::MADE_UP;
use super::truth::{Call, Outside};
use crate::oracle::state::Shares;
use crate::oracle::step::{CHECKS_FAILED, PAYLOAD_CHANGED};
use crate::oracle::*;
use crate::types::*;

mod decisions;
mod retired;
mod waiting;

/// An action as the journal tells of it.
#[derive(Debug)]
struct Told {
    proposal: Proposal,
    digest: Root,
    decided: bool,
    /// When it was approved: by the first one, where it took two.
    approved: Option<UnixMillis>,
    /// Who approved it while it took another one, and when.
    endorsed: Vec<(Decider, UnixMillis)>,
    /// It lost its ground: void, or its request left the chain before it had left this machine.
    lost: Option<&'static str>,
    left: bool,
    not_before: UnixMillis,
    by_person: bool,
    /// Who approved it, in the end.
    approved_by: Vec<Decider>,
    /// Since when it can be taken back, ms of the monotonic clock.
    undone_from: u64,
}

/// A ceremony as the journal tells of it.
#[derive(Debug)]
pub(super) struct Run {
    case: CaseId,
    role: CeremonyRole,
    ended: bool,
    /// Its outcome could not be found out so far.
    doubted: bool,
    /// This process began it, and was not told of it since.
    runs: bool,
    pub(super) given_up: bool,
}

#[derive(Debug, Default)]
pub(super) struct Book {
    actions: BTreeMap<ActionId, Told>,
    pub(super) runs: BTreeMap<RequestId, Run>,
    pub(super) nonces: BTreeMap<u64, ActionId>,
    signed: BTreeMap<ActionId, Vec<SignedTransaction>>,
    /// Transactions with the present key of their case that are in the chain.
    used: BTreeSet<ActionId>,
    /// When the newest bytes of a transaction were signed; not known since a clock moved.
    signed_at: BTreeMap<ActionId, UnixMillis>,
    pub(super) condemned: BTreeSet<BlsPublicKey>,
    /// Ceremonies that were told to have failed for sure.
    failed: BTreeSet<RequestId>,
    /// Nonces that somebody else used and that were told.
    pub(super) strange: Vec<(u64, u64)>,
    /// When a validator was last asked about in this process, and whether a hint came since.
    pub(super) asked: BTreeMap<CaseId, (UnixMillis, bool)>,
    /// Keys that were made for cases, and cases that people gave up.
    made: BTreeMap<CaseId, BlsPublicKey>,
    given_up: BTreeSet<CaseId>,
    /// Other committees that rules chose.
    pub(super) chosen_by_rule: BTreeMap<CaseId, u32>,
    /// Cases that were opened, and by what; those of them that left memory, and those that lost their request; and
    /// transactions that nothing changes any more.
    causes: BTreeMap<CaseId, Cause>,
    gone: BTreeSet<CaseId>,
    /// Actions that left memory before their cases.
    shed: BTreeSet<ActionId>,
    lost: BTreeSet<CaseId>,
    settled: BTreeSet<ActionId>,
    /// The account has a past that nobody has adopted.
    has_past: bool,
    /// What transactions that were overtaken cost since a person took the case up, wei.
    fees: BTreeMap<CaseId, U256>,
    /// Pools of which somebody went on telling something that never was.
    pub(super) lied_about: BTreeSet<PoolId>,
    /// Looks because of a hint, and by the clock.
    pub(super) looks: (u32, u32),
    pub(super) replaced: u32,
    /// The monotonic clock, ms; when rules approved something by it, and ceremonies that failed, which may have used up
    /// nothing.
    pub(super) up_ms: u64,
    rule_used: Vec<u64>,
    refunds: usize,
    /// When the checks of a case's newest action were made in this process, ms.
    made_at: BTreeMap<CaseId, u64>,
    /// What is to leave by what the endpoints contradict each other on, as the desk has just said.
    doubted: Option<ActionId>,
    /// How the chain is seen.
    pub(super) reach: Reach,
    /// Approvals of what was stale.
    waits: waiting::Waits,
}

/// What is to leave, and rests on what the endpoints contradict each other on.
fn doubted(input: &Input) -> Option<ActionId> {
    let Input::Prepared {
        purpose: Purpose::Send(action),
        outcome: Prepared::Proposal(proposal),
        ..
    } = input
    else {
        return None;
    };
    let differ = proposal
        .failed_checks()
        .any(|check| check.name == ENDPOINTS_AGREE);
    differ.then_some(*action)
}

impl Book {
    pub(super) fn restarted(&mut self, state: &State) {
        self.asked.clear();
        self.made_at.clear();
        self.forgets_approvals();
        self.reach = Reach::Followed;
        self.runs.values_mut().for_each(|run| run.runs = false);
        self.are_restored(state);
        self.windows_begin_anew(None);
    }

    /// What comes in, before it is dealt with.
    pub(super) fn told(&mut self, at: UnixMillis, input: &Input) {
        let heard = match input {
            Input::CeremonyEnded { request, .. } => Some(*request),
            Input::Died { effect, .. } => match **effect {
                Effect::RunCeremony { request, .. } => Some(request),
                _ => None,
            },
            _ => None,
        };
        if let Some(run) = heard.and_then(|request| self.runs.get_mut(&request)) {
            run.runs = false;
        }
        self.doubted = doubted(input);
        self.told_of_approvals(input);
        match input {
            Input::CeremonyEnded {
                request,
                outcome: Err(failure),
                ..
            } if failure.kind != FailureKind::Unknown => drop(self.failed.insert(*request)),
            Input::Sight(reach) => self.reach = *reach,
            Input::Prepared {
                case,
                outcome: Prepared::Proposal(_),
                ..
            } => drop(self.made_at.insert(*case, at.0)),
            Input::BeaconMoved => self.asked.values_mut().for_each(|(_, hinted)| *hinted = true),
            // a person may want it looked up at once
            Input::Command {
                command: Command::Retry(case),
                ..
            } => drop(self.asked.remove(case)),
            _ => {}
        }
    }

    /// One durable record.
    pub(super) fn record(&mut self, outside: &Outside, state: &State, at: UnixMillis, record: &Record) {
        self.ends_approvals(record);
        match record {
            Record::ActionProposed {
                action,
                proposal,
                digest,
            } => {
                self.proposed(*action, proposal, *digest);
            }
            Record::ActionChanged {
                action,
                proposal,
                digest,
            } => self.changed(*action, proposal, *digest),
            Record::Decided { .. } | Record::Endorsed { .. } | Record::EndorsementsLost { .. } => {
                self.people(state, at, record);
            }
            Record::ActionVoided { action, reason } => self.voided(*action, reason),
            Record::CaseOpened { case, cause } | Record::CauseFound { case, cause } => {
                self.causes.insert(*case, cause.clone());
                self.lost.remove(case);
            }
            Record::CauseLost { case } => {
                self.lost.insert(*case);
                self.lose(*case, "lost its request in a reorganisation");
            }
            Record::ExitDeferred { action, until, .. } => {
                self.actions.get_mut(action).expect("it was proposed").not_before = *until;
            }
            // a person may want it tried at once
            Record::CaseRetried { case, .. } => {
                self.given_up.remove(case);
                self.fees.remove(case);
                let of = self.actions.iter_mut().filter(|(id, _)| id.case == *case);
                of.for_each(|(_, told)| told.not_before = told.not_before.min(at));
            }
            Record::CeremonyStarted { .. }
            | Record::CeremonyVerified { .. }
            | Record::CeremonyFailed { .. }
            | Record::CeremonyUnknown { .. }
            | Record::CeremonyDeclaredLost { .. } => self.ceremony(state, at, record),
            Record::KeyCondemned { validator, .. } => drop(self.condemned.insert(*validator)),
            Record::TransactionSigned { action, transaction } => {
                self.signed_at.insert(*action, at);
                self.signed(*action, transaction);
            }
            Record::TransactionStatus { .. }
            | Record::AccountSeen { .. }
            | Record::AccountAdopted { .. }
            | Record::AccountStrange { .. } => self.account(record),
            Record::Resumed { case, .. } => self.windows_begin_anew(*case),
            // set back and forward again, it lets everything be due
            Record::ClockMoved { .. } => {
                self.signed_at.clear();
                self.asked.clear();
            }
            Record::CaseGivenUp { case, .. } => self.is_given_up(state, *case),
            Record::KeyRedone { case, is_by_rule, .. } => self.key_redone(state, *case, *is_by_rule),
            Record::CaseClosed { case, outcome } => {
                self.closed(outside, state, *case, outcome);
                self.nobody_looks(*case);
            }
            _ => {}
        }
    }

    fn voided(&mut self, action: ActionId, reason: &SafeText) {
        let reason = reason.as_str();
        let by_last_checks = reason.starts_with(CHECKS_FAILED) || reason == PAYLOAD_CHANGED;
        assert!(
            !by_last_checks || self.doubted != Some(action),
            "{action} is void by what one endpoint says and others deny"
        );
        self.actions.get_mut(&action).expect("it was proposed").lost = Some("is void");
    }

    /// The key that there was is never used, and a rule keeps to its bound.
    fn key_redone(&mut self, state: &State, case: CaseId, is_by_rule: bool) {
        self.lose(case, "was made with a key that is given up");
        self.used.retain(|action| action.case != case);
        if let Some(key) = self.made.remove(&case) {
            let condemned = self.condemned.contains(&key);
            assert!(condemned, "the old key of {case} is not condemned");
        }
        if is_by_rule {
            let chosen = self.chosen_by_rule.entry(case).or_default();
            *chosen += 1;
            let most = state.settings.policy.rules[0].other_committees;
            assert!(
                *chosen <= most,
                "a rule chose {chosen} committees for {case}, and {most} are allowed"
            );
        }
    }

    fn changed(&mut self, action: ActionId, proposal: &Proposal, digest: Root) {
        assert_eq!(proposal.digest(action), digest, "{action} has another digest");
        let told = self.actions.get_mut(&action).expect("it was proposed");
        assert!(!told.decided, "{action} changed after it was decided");
        if told.digest != digest {
            assert!(told.endorsed.is_empty(), "{action} changed under an approval");
        }
        told.proposal = proposal.clone();
        told.digest = digest;
    }

    /// What people approved, and what does not count any more.
    fn people(&mut self, state: &State, at: UnixMillis, record: &Record) {
        match record {
            Record::Decided { action, decision } => self.decided(state, at, *action, decision),
            Record::Endorsed { action, decision } => self.endorsed(state, at, *action, decision),
            Record::EndorsementsLost { action, .. } => {
                self.actions
                    .get_mut(action)
                    .expect("it was proposed")
                    .endorsed
                    .clear();
            }
            _ => {}
        }
    }

    fn proposed(&mut self, action: ActionId, proposal: &Proposal, digest: Root) {
        assert_eq!(proposal.digest(action), digest, "{action} has another digest");
        let told = Told {
            proposal: proposal.clone(),
            digest,
            decided: false,
            approved: None,
            endorsed: Vec::new(),
            lost: None,
            left: false,
            not_before: UnixMillis(0),
            by_person: false,
            approved_by: Vec::new(),
            undone_from: 0,
        };
        assert!(
            self.actions.insert(action, told).is_none(),
            "{action} is proposed twice"
        );
    }

    /// What the account has done, here and elsewhere.
    fn account(&mut self, record: &Record) {
        match record {
            Record::TransactionStatus { action, status } => self.stands(*action, status),
            Record::AccountSeen { nonce, .. } => self.has_past = *nonce > 0,
            Record::AccountAdopted { nonce, .. } => {
                self.has_past = false;
                // who adopts it was told of everything below
                self.strange.push((0, *nonce));
            }
            Record::AccountStrange { nonce, next, .. } => {
                assert!(
                    *next < MADE_UP,
                    "somebody is accused by what one endpoint made up"
                );
                self.strange.push((*nonce, *next));
            }
            _ => {}
        }
    }

    fn stands(&mut self, action: ActionId, status: &NonceStatus) {
        match status {
            NonceStatus::Included { success: true, .. } => drop(self.used.insert(action)),
            _ => drop(self.used.remove(&action)),
        }
        match status {
            NonceStatus::Included {
                overtaken,
                is_final: true,
                fee_paid_wei,
                ..
            } => {
                self.settled.insert(action);
                if *overtaken {
                    *self.fees.entry(action.case).or_default() += fee_paid_wei;
                }
            }
            NonceStatus::Replaced { is_final: true, .. } => drop(self.settled.insert(action)),
            _ => {}
        }
    }

    /// What of a case has not left may not leave any more.
    fn lose(&mut self, case: CaseId, how: &'static str) {
        let of = self.actions.iter_mut();
        let waiting = of.filter(|(id, told)| id.case == case && !told.left);
        waiting.for_each(|(_, told)| told.lost = Some(how));
    }

    /// Nothing of it is under way, nothing of it leaves any more, and the key that it made is never used.
    fn is_given_up(&mut self, state: &State, id: CaseId) {
        let runs = |run: &Run| run.case == id && !run.ended;
        assert!(!self.runs.values().any(runs), "{id} is given up over a ceremony");
        let own = self.signed.range(ActionId::all_of(id));
        for (action, _) in own {
            let settled = self.settled.contains(action);
            assert!(settled, "{id} is given up over the transaction of {action}");
        }
        self.key_is_condemned(state, id);
        self.lose(id, "was given up");
        self.given_up.insert(id);
    }

    fn ceremony(&mut self, state: &State, at: UnixMillis, record: &Record) {
        match record {
            Record::CeremonyStarted { .. } => self.started(state, at, record),
            Record::CeremonyVerified { request, result, .. } => {
                self.ended(*request, "verified");
                if let CeremonyResult::Keygen(output) = result {
                    let case = self.runs[request].case;
                    self.made.insert(case, output.validator);
                }
            }
            Record::CeremonyFailed { request, .. } => {
                assert!(
                    self.failed.contains(request),
                    "the outcome of {request} was guessed"
                );
                self.ended(*request, "failed");
                self.refunds += 1;
            }
            Record::CeremonyUnknown { request, .. } => {
                self.runs.get_mut(request).expect("it was started").doubted = true;
            }
            Record::CeremonyDeclaredLost { request, .. } => {
                self.ended(*request, "declared lost");
                self.runs.get_mut(request).expect("it was started").given_up = true;
            }
            _ => {}
        }
    }

    /// A closed case does not look any more for what could not be found out.
    fn nobody_looks(&mut self, id: CaseId) {
        let open = |run: &&mut Run| run.case == id && run.doubted && !run.ended;
        for run in self.runs.values_mut().filter(open) {
            (run.ended, run.given_up) = (true, true);
        }
    }

    /// Its approval holds, and what leaves is what was approved.
    fn may_leave(&mut self, state: &State, id: ActionId, at: UnixMillis, payload: &Payload) {
        let told = self.actions.get_mut(&id).expect("it was proposed");
        let approved = told
            .approved
            .unwrap_or_else(|| panic!("{id} leaves without an approval"));
        assert_eq!(told.lost, None, "{id} leaves although it {:?}", told.lost);
        assert_eq!(
            *payload, told.proposal.payload,
            "{id}: something else leaves than was approved"
        );
        assert!(told.not_before <= at, "{id} leaves before its time");
        assert!(
            told.left || told.undone_from + told.undo_ms(state) <= self.up_ms,
            "{id} leaves in its undo window"
        );
        assert!(
            told.left || told.is_approved_by_enough(state),
            "{id} leaves, and by the policy of today {:?} are not enough",
            told.approved_by
        );
        let (kind, rules) = (told.proposal.kind, &state.settings.policy.rules);
        let by_rule = |by: &Decider| matches!(by, Decider::Rule { .. });
        assert!(
            told.left
                || !told.approved_by.iter().any(by_rule)
                || rules.iter().any(|rule| rule.covers(kind, id.case.pool)),
            "{id} leaves on the word of {:?}, and no rule of today covers it",
            told.approved_by
        );
        let late = told.approved_by.iter().find(|by| decisions::has_expired(by, at));
        assert!(
            told.left || late.is_none(),
            "{id} leaves after the signature of {late:?} expired"
        );
        let since = approved.max(told.not_before);
        let age = at.since(since).as_millis();
        assert!(
            told.left || age <= u128::from(state.settings.approval_expires_ms),
            "{id} leaves {age} ms after its approval"
        );
    }

    fn left(&mut self, id: ActionId) {
        self.actions.get_mut(&id).expect("it was proposed").left = true;
    }

    fn started(&mut self, state: &State, at: UnixMillis, record: &Record) {
        let Record::CeremonyStarted {
            request,
            case,
            action,
            role,
            plan,
            backend,
            ..
        } = record
        else {
            return;
        };
        if let Some(action) = action {
            let mut payload = self.actions[action].proposal.payload.clone();
            if let Payload::Ceremony(approved) = &mut payload {
                approved.plan.clone_from(plan);
                approved.backend.clone_from(backend);
            }
            self.may_leave(state, *action, at, &payload);
            self.left(*action);
        }
        let open = |run: &&Run| !run.ended;
        let beside = self.runs.values().filter(open).find(|run| run.case == *case);
        assert!(beside.is_none(), "{case} has two ceremonies at once");
        let shares = |id: &CaseId| cases::kind(id.kind).shares();
        let deals = |run: &&Run| {
            run.case.pool == case.pool
                && run.role == CeremonyRole::Main
                && (shares(&run.case) == Shares::Replaces || shares(case) == Shares::Replaces)
                && shares(&run.case) != Shares::Makes
        };
        if *role == CeremonyRole::Main {
            let other = self.runs.values().filter(open).find(deals);
            assert!(
                other.is_none(),
                "{case} uses a key beside {:?}",
                other.map(|run| run.case)
            );
        }
        assert!(state.may_leave(*case), "a ceremony of {case} begins in a pause");
        let run = Run {
            case: *case,
            role: *role,
            ended: false,
            runs: true,
            given_up: false,
            doubted: false,
        };
        let beside = self.runs.values().filter(|run| run.runs).count();
        assert!(
            beside < state.settings.ceremonies_at_once,
            "a ceremony of {case} begins beside {beside} others"
        );
        assert!(
            self.runs.insert(*request, run).is_none(),
            "{request} is used twice"
        );
    }

    fn ended(&mut self, request: RequestId, how: &str) {
        let run = self.runs.get_mut(&request).expect("it was started");
        assert!(!run.ended, "{request} is {how} after its end");
        run.ended = true;
    }

    fn signed(&mut self, id: ActionId, transaction: &SignedTransaction) {
        let told = self.actions.get(&id).expect("it was proposed");
        let Payload::Transaction(payload) = &told.proposal.payload else {
            panic!("{id} is no transaction")
        };
        assert!(told.approved.is_some(), "{id} was signed without an approval");
        assert!(
            told.left || told.lost.is_none(),
            "{id} was signed although it {:?}",
            told.lost
        );
        assert_eq!(
            transaction.raw[..Call::BYTES],
            payload.data[..],
            "{id}: something else was signed"
        );
        let cost = transaction.max_fee_wei * U256::from(transaction.gas_limit);
        assert!(
            cost <= payload.fee_ceiling_wei,
            "{id} costs more than its ceiling"
        );
        let key = Call::read(&transaction.raw).key;
        assert!(!self.condemned.contains(&key), "{id} uses a condemned key");
        let owner = *self.nonces.entry(transaction.nonce).or_insert(id);
        assert_eq!(owner, id, "nonce {} has two intents", transaction.nonce);
        let versions = self.signed.entry(id).or_default();
        let same = versions.iter().all(|v| v.nonce == transaction.nonce);
        assert!(same, "{id} has two nonces");
        let again = versions.iter().any(|v| v.hash == transaction.hash);
        assert!(!again, "{id}: the same bytes are signed twice");
        self.replaced += u32::from(!versions.is_empty());
        versions.push(transaction.clone());
        self.left(id);
    }

    /// One effect that is asked for.
    pub(super) fn effect(&mut self, state: &State, at: UnixMillis, effect: &Effect) {
        let leaves = matches!(
            effect,
            Effect::RunCeremony { start: true, .. }
                | Effect::Sign { .. }
                | Effect::Send { .. }
                | Effect::PublishExit { .. }
        );
        let case = effect.case();
        assert!(
            !self.given_up.contains(&case) || matches!(effect, Effect::Inspect { .. }),
            "{} of {case}, which is given up",
            effect.name()
        );
        assert!(
            !leaves || !self.has_past,
            "{} of {case} before the account is adopted",
            effect.name()
        );
        assert!(
            !leaves || state.may_leave(case),
            "{} of {case} in a pause",
            effect.name()
        );
        match effect {
            Effect::Sign {
                action,
                payload,
                nonce,
                replaces,
            } => {
                pays_for_it(state, payload, replaces.as_ref());
                let payload = Payload::Transaction(payload.clone());
                match replaces {
                    None => {
                        self.may_leave(state, *action, at, &payload);
                        let owner = self.nonces.get(nonce);
                        assert!(owner.is_none(), "nonce {nonce} of {owner:?} is given to {action}");
                    }
                    Some(_) => {
                        let waited = self
                            .signed_at
                            .get(action)
                            .map(|since| at.since(*since).as_millis());
                        assert!(
                            waited.is_none_or(|ms| ms >= state.settings.bump_after_ms.into()),
                            "{action} is signed again and was not stuck"
                        );
                    }
                }
            }
            Effect::PublishExit { action, payload } => {
                self.may_leave(state, *action, at, &Payload::Exit(payload.clone()));
                self.left(*action);
            }
            Effect::LookUpValidator { case, .. } => self.looks_up(state, at, *case),
            _ => {}
        }
    }

    /// What really leaves was journaled before, as it is.
    pub(super) fn leaves(&self, effect: &Effect) {
        match effect {
            Effect::RunCeremony {
                request, start: true, ..
            } => assert!(
                self.runs.contains_key(request),
                "a ceremony starts that is not in the journal"
            ),
            Effect::Send { action, transaction } => {
                let journaled = self
                    .signed
                    .get(action)
                    .is_some_and(|all| all.contains(transaction));
                assert!(journaled, "bytes leave that are not in the journal");
            }
            Effect::PublishExit { action, .. } => {
                let approved = self
                    .actions
                    .get(action)
                    .is_some_and(|told| told.approved.is_some());
                assert!(approved, "an exit leaves without an approval");
            }
            _ => {}
        }
    }

    /// A hint is followed at once, and never more than once a second; without one the core is calm.
    fn looks_up(&mut self, state: &State, at: UnixMillis, case: CaseId) {
        let Some((asked, hinted)) = self.asked.insert(case, (at, false)) else {
            return;
        };
        let least = if hinted {
            self.looks.0 += 1;
            advance::LOOK_UP_LEAST_MS
        } else {
            self.looks.1 += 1;
            state.settings.look_up_every_ms
        };
        let pause = at.since(asked).as_millis();
        assert!(
            pause >= u128::from(least),
            "{case} is looked up after {pause} ms, hinted: {hinted}"
        );
    }
}

/// Nothing dearer is signed by an account that cannot pay what was signed before it.
fn pays_for_it(state: &State, payload: &TransactionPayload, replaces: Option<&SignedTransaction>) {
    let (Some(old), Some(account)) = (replaces, state.facts().account) else {
        return;
    };
    let cost = old.max_fee_wei * U256::from(old.gas_limit) + payload.value_wei;
    assert!(
        cost <= account.balance_wei,
        "replaced by an account that has less"
    );
}
