//! How the records of an exit's offers change the state.

use crate::oracle::{ActionState, BadExit, Deferral, ExitAnswer, ExitStanding, ExitVerdict, Step};
use crate::types::{ActionId, SafeText, UnixMillis};

use super::{Case, Durable, Resume};

impl Durable {
    pub(super) fn exit_published(
        &mut self,
        at: UnixMillis,
        action: ActionId,
        verdicts: &[ExitVerdict],
        standing: Option<&ExitStanding>,
    ) {
        let overtaken = self.cases.get(&action.case).is_none_or(Case::is_past_its_exit);
        let bad = match standing {
            Some(ExitStanding::BadSignature { signing_root }) => Some(BadExit {
                signing_root: *signing_root,
                nodes: verdicts
                    .iter()
                    .filter(|v| v.answer == ExitAnswer::BadSignature)
                    .map(|v| v.node.clone())
                    .collect(),
            }),
            _ => None,
        };
        self.with(action.case, |c| {
            let offers = &mut c.offers;
            offers.verdicts = verdicts.to_vec();
            offers.standing = standing.cloned();
            offers.at = Some(at);
            offers.deferred = None;
            offers.refusals = standing.map_or(0, |standing| standing.refusals_after(offers.refusals));
        });
        if overtaken {
            return;
        }
        let Some(bad) = bad else {
            self.set_action(action, ActionState::Executing);
            self.go(action.case, at, Step::Execute(action));
            return;
        };
        let nodes: Vec<_> = bad.nodes.iter().map(SafeText::as_str).collect();
        let reason = SafeText::new(&format!("{} found the signature bad", nodes.join(", ")));
        self.set_action(
            action,
            ActionState::Failed {
                reason: reason.clone(),
            },
        );
        self.with(action.case, |c| {
            c.offers.bad = Some(bad);
            c.last_failure = Some(reason);
        });
        self.go(action.case, at, Step::PlanCeremony);
    }

    pub(super) fn exit_deferred(
        &mut self,
        at: UnixMillis,
        action: ActionId,
        until: UnixMillis,
        reason: &SafeText,
    ) {
        self.set_action(action, ActionState::Approved);
        self.with(action.case, |c| {
            c.offers.deferred = Some(Deferral {
                until,
                reason: reason.clone(),
                at,
            });
        });
        self.go(action.case, at, Step::DecideEffect(action));
    }

    /// A retry of a halted exit: approved as it was, its last checks are made again before it leaves.
    pub(super) fn offer_again(&mut self, resume: Resume) {
        if let Resume::Offer(action) = resume {
            self.set_action(action, ActionState::Approved);
        }
    }
}
