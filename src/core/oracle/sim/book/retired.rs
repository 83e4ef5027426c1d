//! What must hold of cases that leave memory: nothing of them is under way, and nothing of them comes back.

use super::{Book, Run};
use crate::oracle::sim::truth::Outside;
use crate::oracle::state::OVER;
use crate::oracle::*;
use crate::types::*;

impl Book {
    /// After a restart everything is there that was: but for what had left memory, and that stays away.
    pub(super) fn are_restored(&mut self, state: &State) {
        // the step that it died in may have begun something
        self.sheds_what_is_over(state);
        for id in self.actions.keys() {
            let case = id.case;
            let here = state.cases.contains_key(&case);
            assert!(here || state.knows(case), "{case} is not restored");
            assert_eq!(
                state.actions.contains_key(id),
                here && !self.shed.contains(id),
                "{id}: an action is not restored"
            );
        }
    }

    /// Of a case in memory only what is over leaves, only where as much that is newer stays, and it stays away.
    fn sheds_what_is_over(&mut self, state: &State) {
        for id in self
            .actions
            .keys()
            .filter(|id| state.cases.contains_key(&id.case))
        {
            if state.actions.contains_key(id) {
                assert!(!self.shed.contains(id), "{id} is back");
                continue;
            }
            if !self.shed.insert(*id) {
                continue;
            }
            let newer = state.actions.range(*id..=*ActionId::all_of(id.case).end());
            let over = newer.filter(|(_, action)| action.state.is_over()).count();
            assert!(
                over >= OVER.get(),
                "{id} left memory before {over} that are newer"
            );
            let sent = self.signed.contains_key(id);
            assert!(
                !sent || self.settled.contains(id),
                "{id} left memory over its transaction"
            );
        }
        let open = |(request, run): &(&RequestId, &Run)| {
            !run.ended && state.cases.contains_key(&run.case) && !state.ceremonies.contains_key(request)
        };
        let left = self.runs.iter().find(open);
        assert!(left.is_none(), "{left:?} left memory before its end");
    }

    /// A case that is not in memory any more was over, and it stays away.
    pub(in crate::oracle::sim) fn leaves_nothing_open(&mut self, state: &State) {
        self.sheds_what_is_over(state);
        for id in self.causes.keys() {
            match state.cases.contains_key(id) {
                true => assert!(!self.gone.contains(id), "{id} is back"),
                false => drop(self.gone.insert(*id)),
            }
        }
        let open = |run: &&Run| !run.ended && self.gone.contains(&run.case);
        if let Some(run) = self.runs.values().find(open) {
            panic!("{} left memory over a ceremony", run.case);
        }
        let sent = |id: &&ActionId| self.gone.contains(&id.case) && !self.settled.contains(*id);
        if let Some(id) = self.signed.keys().find(sent) {
            panic!("{} left memory over the transaction of {id}", id.case);
        }
        let left = |id: &&ActionId| !state.cases.contains_key(&id.case);
        let back = state.actions.keys().find(left);
        assert_eq!(back, None, "an action whose case left memory");
    }

    /// A case is over without its request only where that was taken back, and came back neither as a log nor in the
    /// contract's list. A branch may bring it along that nobody has told of yet: the case goes on then.
    pub(in crate::oracle::sim) fn lost_its_request(&mut self, state: &State, id: CaseId) {
        let by_log = matches!(self.causes[&id], Cause::Event { .. });
        assert!(
            by_log && self.lost.contains(&id),
            "{id} is closed, and has its request"
        );
        let listed = cases::kind(id.kind).wanted_by_state(state.facts());
        assert!(
            !listed.contains(&id.pool),
            "{id} is closed, and its pool is listed"
        );
        self.key_is_condemned(state, id);
    }

    /// The key that a case made, and that nothing used, is never used. One that was used is not its own any more.
    pub(super) fn key_is_condemned(&mut self, state: &State, id: CaseId) {
        // one that leaves memory in the same step is known by its records alone
        let used = match state.cases.get(&id) {
            Some(case) => state.has_used_its_key(case),
            None => self.used.range(ActionId::all_of(id)).next().is_some(),
        };
        if used {
            self.made.remove(&id);
        }
        if let Some(key) = self.made.get(&id) {
            assert!(self.condemned.contains(key), "the key of {id} is not condemned");
        }
    }

    /// No pool was served twice by the transactions of one case: whatever was signed for it, in the chain as it stands. One
    /// that served another pool, which the contract's queue had put first, is not it.
    pub(in crate::oracle::sim) fn takes_effect_once(&self, outside: &Outside) {
        let mut effective = std::collections::BTreeMap::<CaseId, usize>::new();
        for (action, versions) in &self.signed {
            let is_effective = |version: &&SignedTransaction| {
                let mined = outside.chain.mined.get(&version.hash);
                mined.is_some_and(|mined| mined.success && mined.served == Some(action.case.pool))
            };
            let of_action = versions.iter().filter(is_effective).count();
            *effective.entry(action.case).or_default() += of_action;
        }
        let twice = effective.iter().find(|(_, times)| **times > 1);
        assert_eq!(twice, None, "a case took effect more than once");
    }
}
