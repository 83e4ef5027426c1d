//! People: they decide what was shown to them a while ago, at once with somebody else, twice, and not always sensibly.

use rand::Rng as _;
use rand::seq::SliceRandom as _;

use super::truth::Said;
use super::world::{POOLS, World};
use crate::oracle::*;
use crate::types::*;

/// Whoever tried so often stops trying.
const TRIES: u32 = 40;

impl World {
    pub(super) fn command(&mut self, by: &str, command: Command) -> Result<SafeText, Refusal> {
        let by = SafeText::new(by);
        self.input(Input::Command {
            by: by.into(),
            command,
        })
        .expect("a command has an answer")
    }

    /// One person does something.
    pub(super) fn somebody_acts(&mut self) {
        self.look_at_actions();
        // nobody leaves it so for long
        let observes = self.state.mode() == Mode::Observe && self.mode != Mode::Observe;
        if self.various && observes && self.rng.gen_bool(0.5) {
            self.switch_mode();
        }
        let case = self
            .state
            .cases
            .keys()
            .copied()
            .collect::<Vec<_>>()
            .choose(&mut self.rng)
            .copied();
        let action = self
            .shown
            .keys()
            .copied()
            .collect::<Vec<_>>()
            .choose(&mut self.rng)
            .copied();
        match (self.rng.gen_range(0..24), case, action) {
            (0..7, _, Some(action)) => self.decide(action),
            (7 | 8, _, Some(action)) if self.is_approved(action) => {
                drop(self.command("bob", Command::TakeBack(action)))
            }
            (7..12, Some(case), _) => drop(self.command("ann", Command::Retry(case))),
            (12..14, ..) => {
                let doubtful = |c: &Case| doubtful_ceremony(&self.state, c).map(|(id, _)| id);
                let doubtful: Vec<_> = self.state.cases.values().filter_map(doubtful).collect();
                if let Some(request) = doubtful.choose(&mut self.rng).copied() {
                    let _ = self.command("bob", Command::DeclareLost(request));
                }
            }
            (14..16, ..) => self.pause_or_resume(case),
            (16 | 18, ..) => {
                let pool = PoolId(self.rng.gen_range(1..=POOLS));
                let exits = self.rng.gen_bool(0.3);
                let _ = self.command(
                    "bob",
                    if exits {
                        Command::RequestExit(pool)
                    } else {
                        Command::Reshare(pool)
                    },
                );
            }
            (21 | 22, ..) => {
                if let Some(unadopted) = self.state.unadopted() {
                    let _ = self.command("bob", Command::Adopt(unadopted.account));
                }
            }
            (19, Some(case), _) => {
                let reason = SafeText::new("not needed");
                let _ = self.command("ann", Command::GiveUp { case, reason });
            }
            (20, ..) => {
                let with_key = self.state.cases.values().filter(|c| c.keygen.is_some());
                let with_key: Vec<_> = with_key.map(|c| c.id).collect();
                if let Some(case) = with_key.choose(&mut self.rng).copied() {
                    let _ = self.command("bob", Command::RedoKey(case));
                }
            }
            (17, _, Some(action)) => self.choose_committee(action),
            (23, ..) => self.switch_mode(),
            _ => {}
        }
    }

    fn is_approved(&self, action: ActionId) -> bool {
        let action = self.state.actions.get(&action);
        action.is_some_and(|a| a.state == ActionState::Approved)
    }

    /// Also to the mode that there is, or to one that this process cannot have.
    fn switch_mode(&mut self) {
        let to = [Mode::Auto, Mode::Auto, Mode::Supervised, Mode::Observe][self.rng.gen_range(0..4)];
        let word = self.rng.gen_bool(0.9).then(|| "auto".to_owned());
        let _ = self.command("ann", Command::SwitchMode { to, word });
    }

    /// What a person signed on another machine, where it was verified already. Each signature is another one.
    fn signed(&mut self, action: ActionId, digest: Root, phrase: Option<String>) -> Command {
        let unknown = self
            .state
            .actions
            .get(&action)
            .map(|a| a.proposal.unknown_checks());
        let proposed_at = self.state.actions.get(&action).map(|a| a.proposed_at);
        let ms = self.rng.gen_range(1..100_000);
        let statement = Statement {
            chain_id: 1,
            manager: Default::default(),
            account: None,
            action,
            proposed_at: Some(proposed_at.unwrap_or_default()),
            digest,
            verdict: Stated::Approve,
            unknown: unknown.unwrap_or_default(),
            phrase,
            expires: UnixMillis(self.now + ms),
        };
        let mut signature = [0; 64];
        self.rng.fill(&mut signature[..]);
        let signed = Box::new(SignedStatement {
            statement,
            key: PersonKey([2; 32]),
            signature: PersonSignature(signature),
        });
        let (name, uid) = ("bob".into(), None);
        Command::ApproveSigned { name, uid, signed }
    }

    /// Of one case or of everything, whichever way round it is now.
    fn pause_or_resume(&mut self, case: Option<CaseId>) {
        let case = case.filter(|_| self.rng.gen_bool(0.5));
        let paused = match case {
            None => self.state.paused.is_some(),
            Some(case) => self.state.cases[&case].paused.is_some(),
        };
        let command = if paused {
            Command::Resume(case)
        } else {
            Command::Pause(case)
        };
        let _ = self.command("ann", command);
    }

    /// Now and then one of a size that there is none of.
    fn choose_committee(&mut self, action: ActionId) {
        let mut committee: Vec<_> = (1..=8).map(OperatorId).collect();
        committee.shuffle(&mut self.rng);
        committee.truncate(if self.rng.gen_bool(0.9) { 4 } else { 5 });
        let command = Command::SetCommittee {
            action,
            committee,
            sizes: vec![4, 7, 10, 13],
        };
        let _ = self.command("ann", command);
    }

    /// What waits is seen by people, as it is now.
    fn look_at_actions(&mut self) {
        let proposed = self
            .state
            .actions
            .values()
            .filter(|a| a.state == ActionState::Proposed);
        let news: Vec<_> = proposed.map(|a| (a.id, a.digest)).collect();
        for (id, digest) in news {
            let seen = self.shown.entry(id).or_default();
            if seen.last() != Some(&digest) {
                seen.push(digest);
            }
        }
    }

    /// Two people decide at once (F29), now and then, and what they saw may be out of date.
    fn decide(&mut self, action: ActionId) {
        let seen = self.shown[&action].clone();
        let Some(digest) = seen.choose(&mut self.rng).copied() else {
            return;
        };
        let phrase = self
            .state
            .actions
            .get(&action)
            .and_then(Action::phrase)
            .filter(|_| self.rng.gen_bool(0.9));
        // whoever verifies signatures takes none of a key that is nobody's
        let has_key = !self.state.settings.policy.persons.is_empty();
        let by_key = self.various && self.rng.gen_bool(0.2) && has_key;
        let approve = match by_key {
            true => self.signed(action, digest, phrase),
            false => Command::Approve {
                action,
                digest,
                phrase,
            },
        };
        let reason = SafeText::new("not today");
        let reject = Command::Reject {
            action,
            digest,
            reason,
        };
        let again = approve.clone();
        let (first, second) = if self.rng.gen_bool(0.8) {
            (approve, reject)
        } else {
            (reject, approve)
        };
        let process = self.process;
        let taken = self.command("ann", first).is_ok();
        let waits = |world: &Self| {
            let action = world.state.actions.get(&action);
            action.is_some_and(|a| a.state == ActionState::Proposed)
        };
        // an approval that waits for stale checks is not a decision yet
        let refreshes = self.state.approving(action).is_some();
        if self.various && self.process == process && taken && waits(self) && !refreshes {
            // whoever approved it does so again, and counts once
            let again = self.command("ann", again);
            assert!(
                again.is_err() || self.state.approving(action).is_some(),
                "{action}: one person is two"
            );
        }
        if self.process == process && self.rng.gen_bool(0.3) {
            // it takes another one
            let waits = waits(self);
            let refused = self.command("bob", second);
            assert!(
                !taken || waits || refused.is_err(),
                "{action} was decided twice, and both were told that they did"
            );
        }
    }

    /// People who want everything to come to its end: they end pauses, take up what is halted, approve what they can, and
    /// give up what cannot be. Whether anything was left for them to do.
    pub(super) fn everybody_helps(&mut self) -> bool {
        if self.state.mode() == Mode::Observe {
            let to = Mode::Supervised;
            return self
                .command("ann", Command::SwitchMode { to, word: None })
                .is_ok();
        }
        if self.state.paused.is_some() {
            return self.command("ann", Command::Resume(None)).is_ok();
        }
        if let Some(unadopted) = self.state.unadopted() {
            return self.command("ann", Command::Adopt(unadopted.account)).is_ok();
        }
        let height = self.outside.chain.height;
        let is_new = |command: &Command| match command {
            Command::Retry(case) => self.tried_at.get(case) != Some(&height),
            _ => true,
        };
        let mut cases = self.state.cases.values();
        let command = cases.find_map(|case| self.helps(case).filter(is_new));
        let held = held_out_of_memory(&self.state).into_iter();
        let mut held = held.map(|(id, _)| Command::Retry(id));
        let command = command.or_else(|| held.find(is_new));
        let Some(command) = command else { return false };
        if let Command::Retry(case) = command {
            *self.tries.entry(case).or_insert(0) += 1;
            self.tried_at.insert(case, self.outside.chain.height);
        }
        if let Command::GiveUp { case, .. } = &command {
            let why = self.hopeless(&self.state.cases[case]);
            self.given_up.extend(why);
        }
        // whoever comes second is somebody else
        let second = match &command {
            Command::Approve { action, .. } => !self.state.actions[action].endorsements.is_empty(),
            _ => false,
        };
        let (one, other) = if second { ("bob", "cat") } else { ("ann", "bob") };
        self.command(one, command.clone()).is_ok() || self.command(other, command).is_ok()
    }

    /// What would bring a case to its end.
    fn helps(&self, case: &Case) -> Option<Command> {
        if case.is_closed() {
            return is_held(&self.state, case).then_some(Command::Retry(case.id));
        }
        if self.hopeless(case).is_some() && can_give_up(&self.state, case).is_ok() {
            let reason = SafeText::new("it cannot be");
            let case = case.id;
            return Some(Command::GiveUp { case, reason });
        }
        // also without its request: what it has sent holds up every higher nonce
        if case.paused.is_some() {
            return Some(Command::Resume(Some(case.id)));
        }
        if case.orphaned {
            return None;
        }
        match &case.step {
            Step::Halted { .. } => {
                let made = case.keygen.as_ref().map(|key| key.validator);
                let condemned = made.is_some_and(|key| self.state.condemned.contains_key(&key));
                let again = condemned && can_redo_key(&self.state, case).is_ok();
                Some(if again {
                    Command::RedoKey(case.id)
                } else {
                    Command::Retry(case.id)
                })
            }
            Step::DecideCeremony(id) | Step::DecideEffect(id) => {
                let action = self.state.actions.get(id)?;
                if action.approvable().is_err() {
                    // SSV takes nothing of these operators, whoever asks
                    let refused = action.proposal.failed_checks().any(|c| c.name == "simulation");
                    let another = refused && !self.leaves_it_to_rules(case);
                    let another = another && can_redo_key(&self.state, case).is_ok();
                    return another.then_some(Command::RedoKey(case.id));
                }
                if self.state.approving(*id).is_some() {
                    return None;
                }
                Some(Command::Approve {
                    action: *id,
                    digest: action.digest,
                    phrase: action.phrase(),
                })
            }
            _ => None,
        }
    }

    /// Whether people wait for what the rules make of SSV's refusal: for twice as long as that takes, and for ever where one
    /// endpoint alone refuses.
    fn leaves_it_to_rules(&self, case: &Case) -> bool {
        let stood = self.state.volatile.refusals.get(&case.id);
        let soon = stood.is_some_and(|refusal| refusal.last - refusal.since < 2 * REFUSED_FOR);
        self.one_voice || self.state.mode() == Mode::Auto && soon
    }

    /// Whether a case waits for a decision that nobody can make: its pool has another key by now.
    fn has_its_key(&self, case: &Case) -> bool {
        let (Step::DecideCeremony(id) | Step::DecideEffect(id)) = &case.step else {
            return false;
        };
        let action = self.state.actions.get(id);
        action.is_some_and(|action| {
            let mut failed = action.proposal.failed_checks();
            failed.any(|check| check.name == "pool-without-key")
        })
    }

    /// Why a case cannot come to its end whatever else is done.
    fn hopeless(&self, case: &Case) -> Option<&'static str> {
        let chain = &self.outside.chain;
        let (kind, pool) = (case.id.kind, &case.id.pool);
        let asked = chain
            .events
            .iter()
            .any(|e| (e.said, e.pool) == (Said::Asked(kind), *pool));
        let done = chain.reshares.get(pool).map_or(0, Vec::len);
        let listed = chain.ready.contains(pool) || self.state.facts().ready.contains(pool);
        let tried = self.tries.get(&case.id).is_some_and(|tries| *tries > TRIES);
        match kind {
            _ if case.orphaned => case
                .reshare
                .as_ref()
                .map(|_| "the request for its new shares left the chain"),
            RequestKind::Reshare if chain.left.contains(pool) => Some("its pool has left"),
            RequestKind::Reshare if done >= self.outside.adapters.reshares => {
                Some("the contract takes no more reshares of its pool")
            }
            RequestKind::Deposit if listed || case.served_by.is_some() => None,
            RequestKind::Deposit if !asked && !chain.keys.contains_key(pool) => {
                Some("it was found in the contract's state, and its request left the chain unseen")
            }
            RequestKind::Deposit if chain.deposits.contains_key(pool) && self.has_its_key(case) => {
                Some("its pool was served while it had no case")
            }
            _ if tried => Some("it was tried often enough"),
            _ => None,
        }
    }
}
