//! A second backend, a second version of the contract and a second signer: each is one file behind its port, and nothing
//! else of the program knows of it.

mod backend;
mod signer;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use casimir_dkg::devnet::{DemoOptions, ManagerVersion};
use casimir_dkg::engine::service::{self, ServiceOptions};
use casimir_dkg::oracle::ActionKind;
use casimir_dkg::ports::TxSigner;
use casimir_dkg::types::OperatorState;
use casimir_dkg::view::CeremonyEnd;

use super::support::{Ground, drive, four_operators, stop, until, waiting};
use backend::ToyBackend;
use signer::ToySigner;

#[tokio::test(flavor = "multi_thread")]
async fn a_deposit_runs_through_another_backend_another_contract_and_another_signer() {
    let ground = Ground::start(DemoOptions {
        manager: ManagerVersion::May26,
        ..four_operators()
    })
    .await;
    let words = std::fs::read_to_string(ground.network.folder().join("oracle.mnemonic")).unwrap();
    let signer = Arc::new(ToySigner::new(words.trim()));
    let oracle = service::start(ServiceOptions {
        config: ground.config(false),
        signer: Some(Arc::clone(&signer) as Arc<dyn TxSigner>),
        backend: Some(Arc::new(ToyBackend::default())),
        simulated: Vec::new(),
    })
    .await
    .unwrap();
    assert_eq!(oracle.messenger_url, None, "nobody relays");
    ground.devnet().deposit_pool(1).await.unwrap();
    let proposed = waiting(&oracle, "deposit/1", ActionKind::Keygen).await;
    let registration = proposed.facts.iter().find(|f| f.label == "SSV registration");
    let told = registration.map(|f| f.value.to_string()).unwrap_or_default();
    assert!(
        told.ends_with(":0"),
        "the first registration of this owner: {told}"
    );
    let done = drive(&oracle, "deposit/1").await;

    let view = ground.devnet().manager().getPool(1).call().await.unwrap();
    assert_eq!(
        view.publicKey.as_ref(),
        done.validator.unwrap().as_bytes().as_slice()
    );
    assert_eq!(signer.signed.load(Ordering::Relaxed), 1);
    // what the panes of ceremonies and of the matrix are drawn from
    let ceremony = until(&oracle, "the ceremony", |s| s.ceremonies.first().cloned()).await;
    let steps: Vec<_> = ceremony.steps.iter().map(|step| step.title.as_str()).collect();
    assert_eq!(steps, ["deal", "sign"]);
    assert!(
        ceremony
            .operators
            .values()
            .all(|row| row.state == OperatorState::Done)
    );
    assert!(matches!(
        ceremony.ended,
        Some((_, CeremonyEnd::Verified { validator })) if Some(validator) == done.validator
    ));
    let all = oracle.handle.snapshots.borrow().ceremonies.len();
    assert_eq!(all, 1, "the registration was signed within the key generation");
    stop(oracle).await;
    ground.end().await;
}
