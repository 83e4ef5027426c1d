//! The cluster's snapshot that a registration carries. No contract keeps it, so each endpoint's is rebuilt from SSV's logs, and
//! one that once left a log out would keep its own wrong for ever: from then on every deposit of the committee reverts.
//! What several tell alike is taken; where they differ each is tried out, and one that SSV does not call stale is right.

use crate::ports::{
    Agreement, Answer, Call, Execution, InitiateDeposit, PoolCall, PoolManager, Simulated, Ssv, SsvState,
    agreed,
};
use crate::types::{BlockRef, OperatorId};

/// SSV's state with the snapshot to register with: `told` is one endpoint's, and `call` the registration with another one.
pub(super) async fn settle(
    (agreement, execution, ssv): (&dyn Agreement, &dyn Execution, &dyn Ssv),
    block: BlockRef,
    operators: &[OperatorId],
    told: Answer<SsvState>,
    call: impl Fn(&SsvState) -> Option<Call> + Send + Sync,
) -> Answer<SsvState> {
    let candidates = agreed::on_cluster(agreement, block, operators).await;
    if candidates.len() > 1 {
        for state in &candidates {
            let Some(call) = call(state) else { break };
            match execution.simulate(&call).await {
                Answer::Yes(tried) if !is_stale(ssv, &tried) => return Answer::Yes(state.clone()),
                _ => {}
            }
        }
    }
    match candidates.into_iter().next() {
        Some(most) => Answer::Yes(most),
        None => told,
    }
}

/// SSV calls the snapshot of a registration stale, by anybody's word.
fn is_stale(ssv: &dyn Ssv, tried: &Simulated) -> bool {
    match tried {
        Simulated::Reverts { revert, .. } | Simulated::Unconfirmed { revert, .. } => {
            ssv.snapshot_was_stale(revert)
        }
        Simulated::Succeeds { .. } | Simulated::Disputed { .. } => false,
    }
}

/// A registration was tried out. Where its snapshot is stale, and the logs up to the newest block tell no other, one of them
/// was left out when they were read: they are read anew.
pub(super) async fn doubt(
    (manager, execution, ssv): (&dyn PoolManager, &dyn Execution, &dyn Ssv),
    data: &[u8],
    tried: &Answer<Simulated>,
) {
    let Answer::Yes(tried) = tried else { return };
    if !is_stale(ssv, tried) {
        return;
    }
    let Some(PoolCall::InitiateDeposit(call)) = manager.decode(data) else {
        return;
    };
    let InitiateDeposit {
        operator_ids,
        registering: Some(registering),
        ..
    } = &*call
    else {
        return;
    };
    let Answer::Yes(head) = execution.head().await else {
        return;
    };
    let newest = ssv.state(head.block, operator_ids).await;
    if newest.yes().is_some_and(|newest| newest.cluster == registering.cluster) {
        ssv.read_anew().await;
    }
}
