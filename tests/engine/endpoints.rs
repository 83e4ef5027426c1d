//! Two endpoints, of which one tells lies when money is about to move.

use casimir_dkg::oracle::ActionKind;
use casimir_dkg::types::{CheckStatus, RedactedUrl, SafeText};
use casimir_dkg::view::{ActionState, CaseStatus, LinkState, TransactionState};

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
    let alarms = oracle.handle.snapshots.borrow().alarms.clone();
    assert!(
        !alarms
            .iter()
            .any(|a| a.as_str().contains("is not taken for final")),
        "{alarms:?}"
    );
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
        let says = |a: &&SafeText| a.as_str().contains("no endpoint answered");
        s.alarms.iter().find(says).cloned()
    })
    .await;
    only.rescript(|_| Act::Forward);
    link(LinkState::Live).await;
    // it answers, but not this
    only.rescript(|call| match call.method.as_str() {
        "eth_getLogs" => Act::Error(-32000, "the index is broken".into()),
        _ => Act::Forward,
    });
    link(LinkState::Stale).await;
    stop(oracle).await;
    ground.end().await;
}
