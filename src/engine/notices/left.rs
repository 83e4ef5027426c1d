//! What was told before this run and was not told to be over. While it is looked at for the first time, nothing is known: what
//! is not among what waits then may be so all the same.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tokio::time::Instant;

use crate::engine::reminders::Reminder;
use crate::ports::notifier::{Notice, NoticeKind, NoticePhase};
use crate::types::{CheckStatus, OperatorId, UnixMillis};
use crate::view::{Health, LinkState, OperatorView, Snapshot, WaitReason};

/// Every feed has told something by then, or says that it cannot: before, nothing is called over.
const LOOKING: Duration = if cfg!(test) {
    Duration::ZERO
} else {
    Duration::from_secs(60)
};

#[derive(Debug)]
pub(super) struct Left {
    /// By receiver.
    notices: BTreeMap<String, Vec<Notice>>,
    /// From when on the absence of something is believed.
    from: Instant,
}

impl Left {
    pub(super) fn new(notices: BTreeMap<String, Vec<Notice>>) -> Self {
        Self {
            notices,
            from: Instant::now() + LOOKING,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.notices.is_empty()
    }

    /// Ends that are to be told now, with whom they are for. What was told anew ends like everything that this run tells.
    pub(super) fn over(
        &mut self,
        snapshot: &Snapshot,
        told: &[Notice],
        now: UnixMillis,
    ) -> Vec<(String, Notice)> {
        if self.is_empty() {
            return Vec::new();
        }
        let anew: BTreeSet<_> = told.iter().map(Notice::matter).collect();
        let waits = waiting(snapshot, now);
        let looked = Instant::now() >= self.from;
        let mut over = Vec::new();
        for (receiver, notices) in &mut self.notices {
            notices.retain(|notice| {
                let matter = notice.matter();
                if anew.contains(&matter) {
                    return false;
                }
                let is_over = looked && !waits.contains(&matter) && is_known(notice, snapshot);
                if is_over {
                    over.push((receiver.clone(), end_of(notice, now)));
                }
                !is_over
            });
        }
        self.notices.retain(|_, notices| !notices.is_empty());
        over
    }
}

/// Every matter that is so at this moment, told or not.
fn waiting(snapshot: &Snapshot, now: UnixMillis) -> BTreeSet<String> {
    let matter = |reminder| super::notice(&reminder, snapshot, now).matter();
    let waits = snapshot.waits.iter();
    waits
        .flat_map(|wait| {
            let near = wait
                .deadline()
                .map(|_| Reminder::Deadline(NoticePhase::Begun, wait.clone()));
            [Some(Reminder::Waits(NoticePhase::Begun, wait.clone())), near]
        })
        .flatten()
        .map(matter)
        .collect()
}

fn end_of(notice: &Notice, now: UnixMillis) -> Notice {
    let about = &notice.about;
    let subject = match (about.action, about.case) {
        (Some(action), _) => format!("{action}: "),
        (None, Some(case)) => format!("{case}: "),
        (None, None) => String::new(),
    };
    let what = notice.reason.clone().unwrap_or_else(|| notice.kind.to_string());
    Notice {
        phase: NoticePhase::Over,
        sentence: format!("{subject}{what} is over; it was told before the program was started again").into(),
        at: now,
        ..notice.clone()
    }
}

/// Whether a matter that does not wait is over, or was only not looked at yet.
fn is_known(notice: &Notice, snapshot: &Snapshot) -> bool {
    let verifies = |reason| matches!(reason, WaitReason::JournalVerifying);
    if snapshot.waits.iter().any(|wait| verifies(wait.reason)) {
        return false;
    }
    if let Some(operator) = notice.about.operator {
        return is_asked(&snapshot.operators, operator);
    }
    let endpoints = &snapshot.endpoints;
    if let Some(name) = &notice.about.endpoint {
        // one that is configured no more is nobody's matter
        return !endpoints.is_empty()
            && endpoints
                .iter()
                .all(|one| one.name != *name || one.health != Health::Unknown);
    }
    let asked = snapshot.chain.link == LinkState::Live
        && endpoints.iter().all(|one| one.health != Health::Unknown)
        && snapshot
            .operators
            .iter()
            .all(|one| is_asked(&snapshot.operators, one.id));
    asked
        && match notice.kind {
            NoticeKind::BalanceLow => snapshot.signer.balance_wei.is_some(),
            _ => {
                notice.reason.as_deref() != Some(WaitReason::NotAuthorised.code())
                    || snapshot.signer.authorised != CheckStatus::Unknown
            }
        }
}

/// Whoever has not been asked yet has no note.
fn is_asked(operators: &[OperatorView], id: OperatorId) -> bool {
    let unasked = |one: &OperatorView| one.health == Health::Unknown && one.note.as_str().is_empty();
    !operators.is_empty() && !operators.iter().any(|one| one.id == id && unasked(one))
}
