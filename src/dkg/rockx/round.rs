//! The rounds of the protocol, and the steps that they are to everybody else.
//!
//! | step | keygen | reshare | sign |
//! |---|---|---|---|
//! | start | all | old and new | all |
//! | preparation | session keys: all | session keys: new | partial signatures: all |
//! | round 1 | commitments and shares: all | the same: old | full signatures: all |
//! | round 2 | validator key and share key: all | the same: new | |
//! | deposit data | partial deposit signatures: all | | |
//! | output | signed results: all | signed results: new | signed results: all |

use std::fmt;

use crate::types::{CeremonyKind, CeremonyPlan, CeremonyStep, Follows, OperatorId, StepId};

/// A message of the protocol; each operator sends one of each round that is its part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Round {
    /// The start message was answered by the operator's node.
    Started,
    /// Session key (keygen, reshare) or partial signature (sign).
    Preparation,
    /// Commitments and encrypted shares (keygen; old committee of a reshare), or the full signature (sign).
    Round1,
    /// Validator key and share key (keygen; new committee of a reshare).
    Round2,
    /// Partial signature over the deposit (keygen).
    DepositData,
    /// The operator's signed output.
    Output,
}

impl Round {
    /// The rounds of a ceremony of this kind, in order.
    #[must_use]
    pub fn of(kind: CeremonyKind) -> &'static [Self] {
        match kind {
            CeremonyKind::Keygen => &[
                Self::Started,
                Self::Preparation,
                Self::Round1,
                Self::Round2,
                Self::DepositData,
                Self::Output,
            ],
            CeremonyKind::Reshare => &[
                Self::Started,
                Self::Preparation,
                Self::Round1,
                Self::Round2,
                Self::Output,
            ],
            CeremonyKind::Sign => &[Self::Started, Self::Preparation, Self::Round1, Self::Output],
        }
    }

    /// The step that this round is outside of this backend.
    #[must_use]
    pub const fn id(self) -> StepId {
        StepId::new(match self {
            Self::Started => "started",
            Self::Preparation => "preparation",
            Self::Round1 => "round1",
            Self::Round2 => "round2",
            Self::DepositData => "deposit-data",
            Self::Output => "output",
        })
    }

    /// Shorter forms of the name, the longest first.
    fn short(self) -> &'static [&'static str] {
        match self {
            Self::Started => &["st"],
            Self::Preparation => &["prepare", "prep", "pr"],
            Self::Round1 => &["r1"],
            Self::Round2 => &["r2"],
            Self::DepositData => &["deposit", "depos", "dd"],
            Self::Output => &["outp", "ou"],
        }
    }

    /// Who sends the message of this round: a reshare's old committee deals, its new one does everything else.
    #[must_use]
    pub fn senders(self, plan: &CeremonyPlan) -> Vec<OperatorId> {
        match (plan, self) {
            (_, Self::Started) => plan.participants(),
            (CeremonyPlan::Reshare { old, .. }, Self::Round1) => old.clone(),
            _ => plan.committee().to_vec(),
        }
    }

    /// Signing needs only `t` partial signatures, and a deposit signature is complete with `t` of them.
    fn follows(self, kind: CeremonyKind) -> Follows {
        match (kind, self) {
            (_, Self::Started | Self::Preparation) | (CeremonyKind::Keygen, Self::Output) => Follows::Enough,
            (CeremonyKind::Sign, round) if round != Self::Output => Follows::Enough,
            _ => Follows::All,
        }
    }
}

impl fmt::Display for Round {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Started => "start",
            Self::Preparation => "preparation",
            Self::Round1 => "round 1",
            Self::Round2 => "round 2",
            Self::DepositData => "deposit data",
            Self::Output => "output",
        })
    }
}

/// The steps of `plan`, in order.
#[must_use]
pub fn steps(plan: &CeremonyPlan) -> Vec<CeremonyStep> {
    let kind = plan.kind();
    let step = |round: &Round| CeremonyStep {
        id: round.id(),
        title: round.to_string().into(),
        short: round.short().iter().copied().map(Into::into).collect(),
        senders: round.senders(plan),
        follows: round.follows(kind),
    };
    Round::of(kind).iter().map(step).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::BlsPublicKey;

    #[test]
    fn names_stay_as_they_were_journaled() {
        let names: Vec<String> = Round::of(CeremonyKind::Keygen)
            .iter()
            .map(|round| serde_json::to_string(&round.id()).unwrap())
            .collect();
        assert_eq!(
            names,
            [
                r#""started""#,
                r#""preparation""#,
                r#""round1""#,
                r#""round2""#,
                r#""deposit-data""#,
                r#""output""#
            ]
        );
        for name in names {
            assert!(serde_json::from_str::<StepId>(&name).is_ok(), "{name}");
        }
    }

    #[test]
    fn who_leaves_is_asked_to_deal_and_for_nothing_else() {
        let ids = |list: &[u64]| list.iter().copied().map(OperatorId).collect::<Vec<_>>();
        let plan = CeremonyPlan::Reshare {
            validator: BlsPublicKey::default(),
            old: ids(&[1, 2, 4]),
            new: ids(&[1, 2, 3, 5]),
            threshold: 3,
            brought: None,
            registration: None,
        };
        let asked = |id: u64| -> Vec<String> {
            let steps = steps(&plan);
            let mine = steps.iter().filter(|step| step.asks(OperatorId(id)));
            mine.map(|step| step.title.to_string()).collect()
        };
        assert_eq!(asked(4), ["start", "round 1"]);
        assert_eq!(asked(5), ["start", "preparation", "round 2", "output"]);
        assert_eq!(asked(1), ["start", "preparation", "round 1", "round 2", "output"]);
        assert!(asked(9).is_empty());
    }
}
