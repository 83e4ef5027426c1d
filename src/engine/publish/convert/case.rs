//! Cases: cause, status, file and times.

use crate::oracle;
use crate::view;

pub(in crate::engine::publish) fn mode(mode: oracle::Mode) -> view::Mode {
    match mode {
        oracle::Mode::Observe => view::Mode::Observe,
        oracle::Mode::Supervised => view::Mode::Supervised,
        oracle::Mode::Auto => view::Mode::Auto,
    }
}

pub(in crate::engine::publish) fn cause(cause: &oracle::Cause) -> view::Cause {
    match cause {
        oracle::Cause::Event { log, .. } => view::Cause::Event { log: *log },
        oracle::Cause::State { block } => view::Cause::State { block: *block },
        oracle::Cause::Manual { by, at } => view::Cause::Manual {
            by: by.clone(),
            at: *at,
        },
    }
}

pub(in crate::engine::publish) fn status(status: oracle::CaseStatus) -> view::CaseStatus {
    use oracle::CaseStatus as From;
    use view::CaseStatus as To;
    match status {
        From::Preparing => To::Preparing,
        From::AwaitingDecision => To::AwaitingDecision,
        From::Ceremony => To::Ceremony,
        From::Queued => To::Queued,
        From::Sending => To::Sending,
        From::Following => To::Following,
        From::Paused => To::Paused,
        From::Attention => To::Attention,
        From::Unknown => To::Unknown,
        From::Orphaned => To::Orphaned,
        From::GivenUp => To::GivenUp,
        From::Done => To::Done,
    }
}

pub(in crate::engine::publish) fn way(way: oracle::Way) -> view::Way {
    use oracle::Way as From;
    use view::Way as To;
    match way {
        From::Decide => To::Decide,
        From::Resume => To::Resume,
        From::Retry => To::Retry,
        From::DeclareLost => To::DeclareLost,
        From::RedoKey => To::RedoKey,
        From::GiveUp => To::GiveUp,
    }
}

pub(in crate::engine::publish) fn history(entry: &oracle::HistoryEntry) -> view::HistoryEntry {
    view::HistoryEntry {
        at: entry.at,
        text: entry.text.clone(),
        record: entry.record,
    }
}

pub(in crate::engine::publish) fn milestone(milestone: &oracle::Milestone) -> view::Milestone {
    use oracle::{Actual, Stage};
    let moment = |m: oracle::Moment| view::Moment {
        epoch: m.epoch,
        at: m.at,
    };
    view::Milestone {
        stage: match milestone.stage {
            Stage::Active => view::Stage::Active,
            Stage::Exiting => view::Stage::Exiting,
            Stage::Exited => view::Stage::Exited,
            Stage::Withdrawable => view::Stage::Withdrawable,
            Stage::Withdrawn => view::Stage::Withdrawn,
        },
        by_rules: milestone.by_rules.map(moment),
        by_state: milestone.by_state.map(moment),
        actual: milestone.actual.map(|actual| match actual {
            Actual::Since(since) => view::Actual::Since(moment(since)),
            Actual::Seen { at } => view::Actual::Seen { at },
            Actual::Before { at } => view::Actual::Before { at },
        }),
    }
}
