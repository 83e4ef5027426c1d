//! A signer elsewhere that is away when something was approved.

use casimir_dkg::engine::service::{self, ServiceOptions};
use casimir_dkg::oracle::ActionKind;
use casimir_dkg::signer;
use casimir_dkg::view::{ActionState, CaseStatus, WaitReason};

use super::support::{Ground, approve_next, case_is, four_operators, records_of, stop, until};
use crate::chain::stand_in::StandIn;

#[tokio::test(flavor = "multi_thread")]
async fn a_signer_that_is_away_holds_a_deposit_and_signs_it_under_the_same_approval_once_it_is_back() {
    let ground = Ground::start(four_operators()).await;
    let address = crate::nobody();
    let words = std::fs::read_to_string(ground.network.folder().join("oracle.mnemonic")).unwrap();
    let key = alloy::signers::local::MnemonicBuilder::english()
        .phrase(words.trim())
        .build()
        .unwrap();
    let mut config = ground.config(false);
    config.signer = casimir_dkg::config::SignerConfig {
        key: casimir_dkg::config::SignerKey::Remote(casimir_dkg::config::RemoteKey {
            url: casimir_dkg::types::RedactedUrl::new(format!("http://{address}")),
            address: key.address(),
            identity: None,
            ca_file: None,
            timeout: std::time::Duration::from_secs(30),
        }),
        address: Some(key.address()),
    };
    let opened = signer::open(&config, |_| unreachable!("it has no password"))
        .unwrap()
        .unwrap();
    let chain_id = config.network.chain_id;
    let options = ServiceOptions {
        config,
        signer: Some(opened.signer),
        backend: None,
        simulated: Vec::new(),
    };
    let oracle = service::start(options).await.unwrap();
    ground.devnet().deposit_pool(1).await.unwrap();
    approve_next(&oracle, "deposit/1", ActionKind::Keygen).await;
    let away = until(&oracle, "an alarm", |s| {
        s.waits
            .iter()
            .find(|wait| wait.reason == WaitReason::SignerAway)
            .cloned()
    });
    let away = away.await.sentence.to_string();
    assert!(
        away.starts_with("the signer is away since 2") && away.contains("connection refused"),
        "{away}"
    );
    let approved = approve_next(&oracle, "deposit/1", ActionKind::SendDeposit).await;
    let held = until(&oracle, "a held deposit", |s| {
        let is_held = |wait: &&casimir_dkg::view::Wait| {
            wait.reason == WaitReason::SignerAway && wait.action == Some(approved.id)
        };
        s.waits.iter().find(is_held).cloned()
    });
    let held = held.await;
    assert!(
        held.sentence
            .as_str()
            .starts_with("approved; it leaves when the signer is back: "),
        "{}",
        held.sentence
    );
    assert!(held.due.is_some(), "the approval expires");
    let state = until(&oracle, "the action", |s| {
        s.action(approved.id).map(|a| a.state.clone())
    })
    .await;
    assert_eq!(state, ActionState::Approved);

    let stand_in = StandIn::at(address, key.to_bytes().0, chain_id).await;
    case_is(&oracle, "deposit/1", CaseStatus::Done).await;
    assert!(stand_in.signed() >= 1);
    until(&oracle, "no alarm", |s| {
        let gone = !s.waits.iter().any(|wait| wait.reason == WaitReason::SignerAway);
        gone.then_some(())
    })
    .await;
    stop(oracle).await;
    let decided = records_of(&ground.journal(), "decided");
    assert_eq!(decided.len(), 2, "one for the key, one for the deposit");
    assert_eq!(records_of(&ground.journal(), "action-voided").len(), 0);
    ground.end().await;
}
