//! Families of actions: how an action takes effect, and so how it is executed, followed and taken up again.

use crate::oracle::{Resume, Step};
use crate::types::ActionId;

/// How an action takes effect. Execution goes by the family of the payload that was approved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    /// The operators run it under a request id, once; its result or failure is found out.
    Ceremony,
    /// The oracle's account sends it under a nonce, once; its receipt is followed until it is final.
    Transaction,
    /// It is offered to beacon nodes, the same bytes as often as it takes, until the validator's state shows it.
    Broadcast,
}

impl Family {
    /// Where its case waits for a decision on it.
    pub(in crate::oracle) fn decided_at(self, action: ActionId) -> Step {
        match self {
            Self::Ceremony => Step::DecideCeremony(action),
            Self::Transaction | Self::Broadcast => Step::DecideEffect(action),
        }
    }

    /// Where its case goes on when it was rejected, or lost its ground: another one is prepared.
    pub(in crate::oracle) fn prepared_again_at(self) -> Resume {
        match self {
            Self::Ceremony => Resume::PlanCeremony,
            Self::Transaction | Self::Broadcast => Resume::PlanEffect,
        }
    }

    /// Where a retry goes on when its case was halted on the way. What was broadcast may be in a block at any time: it
    /// stays what it is, and is offered again under the same approval.
    pub(in crate::oracle) fn taken_up_at(self, action: ActionId) -> Resume {
        match self {
            Self::Ceremony => Resume::PlanCeremony,
            Self::Transaction => Resume::PlanEffect,
            Self::Broadcast => Resume::Offer(action),
        }
    }
}
