//! Nobody watches: the real binary says by itself that something waits, what went away, and why.

use std::time::Duration;

use alloy::primitives::Address;
use casimir_dkg::types::OperatorId;

use super::binary::Binary;
use super::support::{Ground, with_beacon};

const TIMEOUT: Duration = crate::TIMEOUT;

#[tokio::test]
async fn a_headless_engine_says_by_itself_what_waits_and_what_went_away() {
    let mut ground = Ground::start(with_beacon()).await;
    let mut engine = Binary::start_supervised(&ground);
    engine.says("account-seen", 0, TIMEOUT).await;
    ground.devnet().deposit_pool(1).await.unwrap();
    let waits = "warning: decision: waits for a decision on deposit/1#1";
    let decision = engine.says(waits, 0, TIMEOUT).await;
    let line = engine.said()[decision].clone();
    assert!(line.contains("[look at it, then approve or reject it]"), "{line}");

    // the oracle's key is revoked
    let other = Address::repeat_byte(0x11);
    ground.devnet().set_oracle(other).await.unwrap();
    ground.devnet().mine(1).await.unwrap();
    engine
        .says(
            "critical: not-authorised: the contract does not accept the oracle account 0x",
            decision,
            TIMEOUT,
        )
        .await;

    // fewer operators are left than a committee has
    let ids: Vec<OperatorId> = ground
        .network
        .operators()
        .iter()
        .map(|operator| operator.id)
        .collect();
    for id in &ids[3..] {
        assert!(ground.network.kill_operator(*id));
    }
    let short = format!("critical: operators-short: 3 of {} operators answer", ids.len());
    engine.says(&short, decision, TIMEOUT).await;
    engine
        .says(
            &format!("warning: operator-down: operator {} is down", ids[3]),
            decision,
            TIMEOUT,
        )
        .await;

    // each transition stands there once, whatever stderr says
    let said = engine.said();
    let proposed = said.iter().filter(|line| {
        line.contains("action-proposed") || line.contains("deposit/1#1 waits for a decision: ")
    });
    assert_eq!(proposed.count(), 1, "{}", said.join("\n"));
    #[cfg(target_os = "linux")]
    assert!(engine.end().await.success());
    ground.end().await;
}
