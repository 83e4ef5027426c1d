//! Endpoints that tell lies when money is about to move, that cannot be talked to, and that hang.

use std::time::Duration;

use alloy::primitives::U256;
use casimir_dkg::oracle::ActionKind;
use casimir_dkg::types::{CheckStatus, PoolId, RedactedUrl, SafeText};
use casimir_dkg::view::{ActionState, CaseStatus, LinkState, Snapshot, TransactionState, WaitReason};

use super::support::{Ground, approve, approve_next, case_is, drive, four_operators, stop, until, waiting};
use crate::chain::proxy::{Act, Proxy};

/// `getReservedFees()`
const RESERVED_FEES: &str = "getReservedFees()";

#[tokio::test(flavor = "multi_thread")]
async fn a_lie_of_one_endpoint_blocks_the_deposit_and_a_lie_about_its_receipt_blocks_its_end() {
    let ground = Ground::start(four_operators()).await;
    let liar = Proxy::start(Some(ground.devnet().http_url()), |_| Act::Forward).await;
    let mut config = ground.config(false);
    config.rpc.urls.push(RedactedUrl::new(&liar.url));
    let oracle = ground.start_engine(config).await;
    ground.devnet().deposit_pool(1).await.unwrap();
    approve_next(&oracle, "deposit/1", ActionKind::Keygen).await;
    let deposit = waiting(&oracle, "deposit/1", ActionKind::SendDeposit).await;
    let agree = |action: &casimir_dkg::view::ActionView| {
        let found = action.checks.iter().find(|c| c.name == "endpoints-agree");
        found.cloned().expect("the check is made")
    };
    let check = agree(&deposit);
    assert_eq!(check.status, CheckStatus::Pass, "{}", check.reason);
    assert!(
        check.reason.as_str().contains("all 2 endpoints"),
        "{}",
        check.reason
    );

    let selector = format!(
        "0x{}",
        hex::encode(&alloy::primitives::keccak256(RESERVED_FEES)[..4])
    );
    liar.rescript(move |call| match call.params[0]["data"].as_str() {
        Some(data) if data.starts_with(&selector) => Act::Result(format!("0x{:064x}", 7u64 << 40).into()),
        _ => Act::Forward,
    });
    let blocked = until(&oracle, "a failed check", |s| {
        let action = s
            .actions
            .iter()
            .find(|a| a.kind == "send-deposit" && a.state == ActionState::Proposed)?;
        (agree(action).status == CheckStatus::Fail).then(|| action.clone())
    })
    .await;
    let words = agree(&blocked).reason;
    assert!(words.as_str().contains("the reserved fees"), "{words}");
    assert!(
        words.as_str().contains(liar.url.trim_start_matches("http://")),
        "{words}"
    );
    let refused = approve(&oracle, &blocked).await.unwrap_err();
    assert!(refused.to_string().contains("endpoints-agree"), "{refused}");

    // honest again, until the transaction is in a block: then it denies that it worked
    liar.rescript(|call| match call.method.as_str() {
        "eth_getTransactionReceipt" => Act::Change(Box::new(|mut receipt| {
            if receipt.is_object() {
                receipt["status"] = "0x0".into();
            }
            receipt
        })),
        _ => Act::Forward,
    });
    approve_next(&oracle, "deposit/1", ActionKind::SendDeposit).await;
    let alarm = until(&oracle, "an alarm about the receipt", |s| {
        s.alarms
            .iter()
            .find(|a| a.as_str().contains("is not taken for final"))
            .cloned()
    })
    .await;
    assert!(alarm.as_str().contains("its success"), "{alarm}");
    let transaction = oracle.handle.snapshots.borrow().transactions[0].clone();
    assert!(
        matches!(transaction.state, TransactionState::Included { .. }),
        "{:?}",
        transaction.state
    );
    liar.rescript(|_| Act::Forward);
    drive(&oracle, "deposit/1").await;
    case_is(&oracle, "deposit/1", CaseStatus::Done).await;
    // told beside the answer that it is final
    until(&oracle, "the end of the alarm", |s| {
        let says = |a: &SafeText| a.as_str().contains("is not taken for final");
        (!s.alarms.iter().any(says)).then_some(())
    })
    .await;
    stop(oracle).await;
    ground.end().await;
}

/// One endpoint's queue opens a case; operators make no key on its word alone.
#[tokio::test(flavor = "multi_thread")]
async fn a_queue_that_one_endpoint_alone_tells_starts_no_key_generation() {
    let ground = Ground::start(four_operators()).await;
    let ready = format!(
        "0x{}",
        hex::encode(&alloy::primitives::keccak256("getReadyPoolIds()")[..4])
    );
    // pool 2 before pool 1
    let swapped = format!("0x{:064x}{:064x}{:064x}{:064x}", 32, 2, 2, 1);
    let lies = move |call: &crate::chain::proxy::Call| match call.params[0]["data"].as_str() {
        Some(data) if data == ready => Act::Result(swapped.clone().into()),
        _ => Act::Forward,
    };
    for _ in 1..=2 {
        ground.devnet().deposit_pool(1).await.unwrap();
    }
    let liar = Proxy::start(Some(ground.devnet().http_url()), lies).await;
    let mut config = ground.config(false);
    config.rpc.urls = vec![
        RedactedUrl::new(&liar.url),
        RedactedUrl::new(ground.devnet().http_url()),
    ];
    let oracle = ground.start_engine(config).await;
    let agree = |action: &casimir_dkg::view::ActionView| {
        let found = action.checks.iter().find(|c| c.name == "endpoints-agree");
        found.cloned().expect("the check is made")
    };
    let keygen = until(&oracle, "a key generation that nobody can approve", |s| {
        let proposed = |a: &&casimir_dkg::view::ActionView| {
            a.id.case.to_string() == "deposit/1" && a.kind == "keygen" && a.state == ActionState::Proposed
        };
        s.actions.iter().find(proposed).cloned()
    })
    .await;
    let check = agree(&keygen);
    assert_eq!(check.status, CheckStatus::Fail, "{}", check.reason);
    for words in [
        "the pool's place in the ready queue",
        liar.url.trim_start_matches("http://"),
    ] {
        assert!(check.reason.as_str().contains(words), "{}", check.reason);
    }
    let refused = approve(&oracle, &keygen).await.unwrap_err();
    assert!(refused.to_string().contains("endpoints-agree"), "{refused}");

    liar.rescript(|_| Act::Forward);
    until(&oracle, "a key generation that two endpoints bear out", |s| {
        let keygen = s.actions.iter().find(|a| {
            a.id.case.to_string() == "deposit/1" && a.kind == "keygen" && a.state == ActionState::Proposed
        })?;
        (agree(keygen).status == CheckStatus::Pass).then_some(())
    })
    .await;
    stop(oracle).await;
    ground.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_connection_is_told_apart_from_a_chain_that_can_not_be_read() {
    let ground = Ground::start(four_operators()).await;
    let only = Proxy::start(Some(ground.devnet().http_url()), |_| Act::Forward).await;
    let mut config = ground.config(false);
    config.rpc.urls = vec![RedactedUrl::new(&only.url)];
    let oracle = ground.start_engine(config).await;
    let link = async |wanted: LinkState| {
        until(&oracle, &format!("the link {wanted:?}"), |s| {
            (s.chain.link == wanted).then_some(())
        })
        .await;
    };
    link(LinkState::Live).await;
    only.rescript(|_| Act::Http(502, vec![], "bad gateway".into()));
    link(LinkState::Down).await;
    until(&oracle, "an alarm that says so", |s| {
        let says = |a: &&SafeText| a.as_str().contains("did not answer");
        s.alarms.iter().find(says).cloned()
    })
    .await;
    only.rescript(|_| Act::Forward);
    link(LinkState::Live).await;
    // it answers, but tells no logs, in whichever way it is asked
    only.rescript(|call| match call.method.as_str() {
        "eth_getLogs" | "eth_getBlockReceipts" | "eth_getTransactionReceipt" => {
            Act::Error(-32000, "the index is broken".into())
        }
        _ => Act::Forward,
    });
    // in an empty block there is nothing to read
    ground.devnet().deposit_pool(1).await.unwrap();
    link(LinkState::Stale).await;
    stop(oracle).await;
    ground.end().await;
}

/// The contract's past events cannot be read for as long as this lasts; what waits in it is its state.
#[tokio::test(flavor = "multi_thread")]
async fn what_waits_in_the_contract_is_shown_before_a_single_log_was_read() {
    let ground = Ground::start(four_operators()).await;
    ground.devnet().deposit_pool(2).await.unwrap();
    let mute = |call: &crate::chain::proxy::Call| match call.method.as_str() {
        "eth_getLogs" | "eth_getBlockReceipts" => Act::Hang,
        _ => Act::Forward,
    };
    let only = Proxy::start(Some(ground.devnet().http_url()), mute).await;
    let mut config = ground.config(false);
    config.rpc.urls = vec![RedactedUrl::new(&only.url)];
    let oracle = ground.start_engine(config).await;
    let chain = until(&oracle, "the queue and its pools", |s| {
        (s.chain.ready_pools.len() == 2).then(|| s.chain.clone())
    })
    .await;
    assert_eq!(chain.ready_queue, [PoolId(1), PoolId(2)]);
    let put_in: Vec<_> = chain.ready_pools.iter().map(|pool| pool.deposits_wei).collect();
    assert_eq!(put_in, [U256::from(10).pow(U256::from(18)) * U256::from(32); 2]);
    assert_eq!(chain.owner_nonce, Some(0), "the state implies it");
    assert_ne!(chain.link, LinkState::Connecting);
    assert!(oracle.handle.snapshots.borrow().cases.is_empty());

    // and goes on by itself
    only.rescript(|_| Act::Forward);
    waiting(&oracle, "deposit/1", ActionKind::Keygen).await;
    stop(oracle).await;
    ground.end().await;
}

/// Two voices that do not count the same registrations make no nonce, and a person sees why.
#[tokio::test(flavor = "multi_thread")]
async fn a_registration_that_one_endpoint_leaves_out_makes_the_nonce_unknown_and_is_an_alarm() {
    let ground = Ground::start(four_operators()).await;
    let liar = Proxy::start(Some(ground.devnet().http_url()), |_| Act::Forward).await;
    let mut config = ground.config(false);
    config.rpc.urls.push(RedactedUrl::new(&liar.url));
    let oracle = ground.start_engine(config).await;
    let nonce = |s: &casimir_dkg::view::Snapshot, case: &str| {
        let of = |a: &&casimir_dkg::view::ActionView| {
            a.id.case.to_string() == case && a.kind == "send-deposit" && a.state == ActionState::Proposed
        };
        let action = s.actions.iter().find(of)?;
        action
            .checks
            .iter()
            .find(|c| c.name == "registration-nonce")
            .cloned()
    };
    ground.devnet().deposit_pool(1).await.unwrap();
    approve_next(&oracle, "deposit/1", ActionKind::Keygen).await;
    let known = until(&oracle, "a known nonce", |s| {
        nonce(s, "deposit/1").filter(|check| check.status == CheckStatus::Pass)
    })
    .await;
    assert!(
        known.reason.as_str().contains("all 2 endpoints"),
        "{}",
        known.reason
    );
    drive(&oracle, "deposit/1").await;

    let ssv = format!("{:#x}", ground.devnet().addresses().ssv);
    liar.rescript(move |call| match call.params[0]["address"][0].as_str() {
        Some(asked) if call.method == "eth_getLogs" && asked == ssv => Act::Result(serde_json::json!([])),
        _ => Act::Forward,
    });
    ground.devnet().deposit_pool(1).await.unwrap();
    approve_next(&oracle, "deposit/2", ActionKind::Keygen).await;
    let unknown = until(&oracle, "an unknown nonce", |s| {
        nonce(s, "deposit/2").filter(|check| check.status == CheckStatus::Unknown)
    })
    .await;
    let words = unknown.reason;
    for said in ["signed for nonce 1", liar.url.trim_start_matches("http://")] {
        assert!(words.as_str().contains(said), "{words}");
    }
    until(&oracle, "an alarm", |s| {
        let says = |a: &&SafeText| a.as_str().contains("do not agree on SSV's registrations");
        s.alarms.iter().find(says).cloned()
    })
    .await;
    stop(oracle).await;
    ground.end().await;
}

/// Alarms ended with every call that the breaker let through, and began anew when nobody had answered that one either.
#[tokio::test(flavor = "multi_thread")]
async fn alarms_of_endpoints_that_hang_begin_once_and_end_with_an_answer() {
    const ALARMS: [WaitReason; 2] = [WaitReason::ExecutionAway, WaitReason::ChainDown];
    let ground = Ground::start(four_operators()).await;
    let forward = || Proxy::start(Some(ground.devnet().http_url()), |_| Act::Forward);
    let (first, second) = (forward().await, forward().await);
    let mut config = ground.config(false);
    config.rpc.urls = [&first, &second]
        .map(|proxy| RedactedUrl::new(&proxy.url))
        .to_vec();
    config.rpc.timeout = Duration::from_secs(4);
    let oracle = ground.start_engine(config).await;
    until(&oracle, "the chain is followed", |s| {
        (s.chain.link == LinkState::Live).then_some(())
    })
    .await;
    let waits = |s: &Snapshot, reason| s.waits.iter().any(|wait| wait.reason == reason);
    for proxy in [&first, &second] {
        proxy.rescript(|_| Act::Hang);
    }
    until(&oracle, "both alarms", |s| {
        ALARMS.iter().all(|reason| waits(s, *reason)).then_some(())
    })
    .await;
    let mut snapshots = oracle.handle.snapshots.clone();
    let mut seen = ALARMS.map(|_| Vec::new());
    let watching = async {
        loop {
            let snapshot = snapshots.borrow_and_update().clone();
            for (reason, seen) in ALARMS.iter().zip(&mut seen) {
                let mut waits = snapshot.waits.iter();
                let since = waits.find(|wait| wait.reason == *reason).map(|wait| wait.since);
                if seen.last() != Some(&since) {
                    seen.push(since);
                }
            }
            snapshots.changed().await.unwrap();
        }
    };
    // each breaker lets two calls through meanwhile, which hang for their whole time
    let while_nobody_answers = tokio::time::timeout(Duration::from_secs(45), watching).await;
    assert!(while_nobody_answers.is_err());
    for (reason, seen) in ALARMS.iter().zip(seen) {
        assert!(
            matches!(seen[..], [Some(_)]),
            "{reason}, each time since when: {seen:?}"
        );
    }
    for proxy in [&first, &second] {
        proxy.rescript(|_| Act::Forward);
    }
    until(&oracle, "neither", |s| {
        (!ALARMS.iter().any(|reason| waits(s, *reason))).then_some(())
    })
    .await;
    stop(oracle).await;
    ground.end().await;
}
