//! Who it is that SSV does not take any more. Its errors about operators name none, and whoever chooses another committee must
//! know whom to leave out.

use crate::oracle::{Prepared, SSV_OPERATORS};
use crate::ports::Ssv;
use crate::types::{Check, CheckStatus, OperatorId, SafeText, listed};

/// Adds those of the committee that were removed to the words of the check that SSV takes its operators, where it does not.
pub(super) async fn name(ssv: &dyn Ssv, committee: &[OperatorId], checks: &mut [Check]) {
    let refused = |check: &&mut Check| check.name == SSV_OPERATORS && check.status != CheckStatus::Pass;
    let Some(check) = checks.iter_mut().find(refused) else {
        return;
    };
    // the check stands with or without their names
    let Some(removed) = ssv
        .removed(committee)
        .await
        .yes()
        .filter(|removed| !removed.is_empty())
    else {
        return;
    };
    let each = removed
        .iter()
        .map(|(id, block)| format!("operator {id} in block {block}"));
    check.reason = SafeText::new(&format!(
        "{}; removed from SSV: {}",
        check.reason,
        listed(each, "and")
    ));
}

/// The same in what was prepared.
pub(super) async fn named(ssv: &dyn Ssv, committee: &[OperatorId], mut prepared: Prepared) -> Prepared {
    if let Prepared::Proposal(proposal) = &mut prepared {
        name(ssv, committee, &mut proposal.checks).await;
    }
    prepared
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::fakes::FakeSsv;

    #[tokio::test]
    async fn who_was_removed_is_named_where_ssv_takes_them_no_more() {
        let ssv = FakeSsv {
            removed: [(OperatorId(2), 77), (OperatorId(9), 78)].into(),
            ..FakeSsv::default()
        };
        let committee: Vec<_> = (1..=4).map(OperatorId).collect();
        let words = async |check: Check| {
            let mut checks = [Check::pass("simulation", "x"), check];
            name(&ssv, &committee, &mut checks).await;
            checks[1].reason.to_string()
        };
        let refused = Check::fail(SSV_OPERATORS, "OperatorDoesNotExist()");
        assert_eq!(
            words(refused).await,
            "OperatorDoesNotExist(); removed from SSV: operator 2 in block 77"
        );
        assert_eq!(words(Check::pass(SSV_OPERATORS, "taken")).await, "taken");
        assert_eq!(words(Check::fail("balance", "0 ETH")).await, "0 ETH");
    }
}
