//! Whoever tells people elsewhere what waits for them: a command, a webhook, a pager.
//!
//! A notice says one thing once: what it is, how bad, in one sentence, and what a person can do. Whoever sends notices
//! decides how often a matter is told again, keeps the queue, and waits for nobody; whoever delivers them tries for as
//! long as it sees fit.

use std::fmt;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

pub use crate::types::Severity;
use crate::types::{ActionId, CaseId, OperatorId, SafeText, UnixMillis};

/// What a notice is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NoticeKind {
    /// An action waits for a decision.
    ApprovalWaiting,
    /// Nothing new is begun until somebody resumes.
    Paused,
    /// An action failed, or its outcome needs a person.
    ActionFailed,
    /// Something that should go on by itself has stood still for longer than is usual.
    Stuck,
    /// An operator's node does not answer.
    OperatorDown,
    /// An endpoint (execution, beacon, messenger) does not answer or is not believed.
    EndpointDown,
    /// The oracle's account will not pay for what is to come.
    BalanceLow,
    /// Something runs out soon: an approval, a ceremony, a request.
    DeadlineNear,
    /// A transaction left the oracle's account that this oracle did not send.
    ForeignTransaction,
    /// The journal cannot be written, or does not verify.
    JournalTrouble,
    /// A signed exit may be published now.
    ExitDue,
    /// Somebody tries out whether notices arrive.
    Test,
}

impl NoticeKind {
    /// Every kind, in the order in which the configuration lists them.
    pub const ALL: [Self; 12] = [
        Self::ApprovalWaiting,
        Self::Paused,
        Self::ActionFailed,
        Self::Stuck,
        Self::OperatorDown,
        Self::EndpointDown,
        Self::BalanceLow,
        Self::DeadlineNear,
        Self::ForeignTransaction,
        Self::JournalTrouble,
        Self::ExitDue,
        Self::Test,
    ];
}

impl NoticeKind {
    /// How bad a notice of this kind is at worst: a receiver that wants nothing less bad than worse is never told of it.
    /// What can wait says so of each reason (`view::WaitReason`), and a test holds both together.
    #[must_use]
    pub fn worst(self) -> Severity {
        match self {
            Self::Test => Severity::Info,
            Self::ApprovalWaiting | Self::Paused | Self::ExitDue => Severity::Warning,
            Self::ActionFailed
            | Self::Stuck
            | Self::OperatorDown
            | Self::EndpointDown
            | Self::BalanceLow
            | Self::DeadlineNear
            | Self::ForeignTransaction
            | Self::JournalTrouble => Severity::Critical,
        }
    }
}

impl fmt::Display for NoticeKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::ApprovalWaiting => "approval-waiting",
            Self::Paused => "paused",
            Self::ActionFailed => "action-failed",
            Self::Stuck => "stuck",
            Self::OperatorDown => "operator-down",
            Self::EndpointDown => "endpoint-down",
            Self::BalanceLow => "balance-low",
            Self::DeadlineNear => "deadline-near",
            Self::ForeignTransaction => "foreign-transaction",
            Self::JournalTrouble => "journal-trouble",
            Self::ExitDue => "exit-due",
            Self::Test => "test",
        })
    }
}

/// Where a matter stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NoticePhase {
    /// It is told for the first time.
    Begun,
    /// It was told before and is not over.
    GoesOn,
    /// It is over; nothing has to be done any more.
    Over,
}

impl fmt::Display for NoticePhase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Begun => "begun",
            Self::GoesOn => "goes-on",
            Self::Over => "over",
        })
    }
}

/// Whom or what it concerns, as far as it concerns one.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct About {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub case: Option<CaseId>,
    /// An action of the case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<ActionId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operator: Option<OperatorId>,
    /// An endpoint, by its name without secrets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<SafeText>,
    /// Which alarm it is, where it is one: several may have one reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alarm: Option<SafeText>,
}

/// One message to people elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    pub kind: NoticeKind,
    /// Where the matter stands.
    pub phase: NoticePhase,
    /// How bad it is.
    pub severity: Severity,
    /// What happened, in one sentence.
    pub sentence: SafeText,
    /// What a person can do, in one sentence; empty where there is nothing to do.
    #[serde(default)]
    pub advice: SafeText,
    /// Whom it concerns.
    #[serde(default)]
    pub about: About,
    /// When the matter began.
    pub since: UnixMillis,
    /// When the notice was written.
    pub at: UnixMillis,
    /// What it waits for, by the name in the table of reasons, where it is about something that waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Until when it has to be dealt with, where there is such a time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due: Option<UnixMillis>,
}

impl Notice {
    /// The same for every notice of one matter, and different for others of its kind: what pagers and alert managers
    /// tell repetitions and the end of an alarm by.
    #[must_use]
    pub fn matter(&self) -> String {
        let About {
            case,
            action,
            operator,
            endpoint,
            alarm,
        } = &self.about;
        let mut matter = self.kind.to_string();
        if let Some(reason) = &self.reason {
            matter.push(' ');
            matter.push_str(reason);
        }
        let parts = [
            case.map(|case| case.to_string()),
            action.map(|action| action.to_string()),
            operator.map(|operator| format!("operator {operator}")),
            endpoint.as_ref().map(|endpoint| endpoint.to_string()),
            alarm.as_ref().map(|alarm| alarm.to_string()),
        ];
        for part in parts.into_iter().flatten() {
            matter.push(' ');
            matter.push_str(&part);
        }
        matter
    }
}

/// A notice did not arrive, told apart by what helps.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotifyError {
    /// Nobody was there: it may be tried again.
    #[error("the notice did not arrive: {0}")]
    Away(SafeText),
    /// It was refused, or cannot be sent at all: a person has to look at the configuration.
    #[error("the notice was refused: {0}")]
    Refused(SafeText),
}

/// Delivers notices.
#[async_trait]
pub trait Notifier: fmt::Debug + Send + Sync {
    /// Where they go, for people: without a secret.
    fn name(&self) -> SafeText;

    /// Delivers a notice. It may arrive twice, and later than one that was given later; it ends within a bounded time.
    ///
    /// # Errors
    /// See [`NotifyError`].
    async fn notify(&self, notice: &Notice) -> Result<(), NotifyError>;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::fakes::FakeNotifier;
    use crate::types::{PoolId, RequestKind};

    fn waiting(number: u32, phase: NoticePhase) -> Notice {
        let case = CaseId {
            kind: RequestKind::Deposit,
            pool: PoolId(7),
            ordinal: 0,
        };
        Notice {
            kind: NoticeKind::ApprovalWaiting,
            phase,
            severity: Severity::Warning,
            sentence: "a deposit of 32 ETH waits for a decision".into(),
            advice: "look at it in the console and press a to approve".into(),
            about: About {
                case: Some(case),
                action: Some(ActionId { case, number }),
                ..About::default()
            },
            since: UnixMillis(1_000),
            at: UnixMillis(2_000),
            reason: None,
            due: None,
        }
    }

    #[test]
    fn a_matter_is_the_same_until_it_is_over() {
        let begun = waiting(3, NoticePhase::Begun).matter();
        assert_eq!(begun, waiting(3, NoticePhase::Over).matter());
        assert_ne!(begun, waiting(4, NoticePhase::Begun).matter());
        let kind = NoticeKind::Test;
        let other = Notice {
            kind,
            ..waiting(3, NoticePhase::Begun)
        };
        assert_ne!(begun, other.matter());
        assert_eq!(serde_json::to_value(kind).unwrap(), kind.to_string().as_str());
    }

    #[tokio::test]
    async fn a_notice_goes_through_the_port_and_through_json() {
        let notifier = FakeNotifier::default();
        let notice = waiting(3, NoticePhase::Begun);
        notifier.notify(&notice).await.unwrap();
        assert_eq!(notifier.delivered(), std::slice::from_ref(&notice));
        notifier.fails(Some(NotifyError::Away("no route".into())));
        let error = notifier.notify(&notice).await.unwrap_err();
        assert_eq!(error.to_string(), "the notice did not arrive: no route");
        let json = serde_json::to_value(&notice).unwrap();
        assert_eq!(json["kind"], "approval-waiting");
        assert!(json["about"].get("endpoint").is_none() && json.get("due").is_none());
        assert_eq!(serde_json::from_value::<Notice>(json).unwrap(), notice);
    }
}
