//! Messenger, operators and the SSV API: what they do not say is not known, and nobody is blamed for another.

use std::sync::Arc;

use axum::Router;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::routing::get;
use casimir_dkg::devnet::proxy::Switch;
use casimir_dkg::oracle::ActionKind;
use serde_json::json;

use super::program::Form;
use super::stage::{PAIR, Set, Stage};
use super::{Ground, each, with_beacon};

/// They keep the key generation from being approved, or are shown beside it.
pub(super) const RELAYS: &[&str] = &[
    "messenger-answers-404-to-everything",
    "messenger-is-a-web-server",
    "operator-answers-404",
    "operator-is-a-web-server",
];
/// The key of an operator is asked from there at the start.
pub(super) const REGISTRIES: &[&str] = &[
    "ssv-api-answers-404-to-everything",
    "ssv-api-answers-about-another-operator",
    "ssv-api-answers-with-an-unreadable-key",
    "ssv-api-is-a-web-server",
    "ssv-api-is-away",
];

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_blamed_for_what_another_does_not_say() {
    let ground = Ground::start(with_beacon()).await;
    ground.devnet().deposit_pool(1).await.unwrap();
    let scenes = RELAYS.iter().enumerate();
    each(scenes, |(n, name)| {
        relayed(&ground, name, [Form::Text, Form::Json][n % 2])
    })
    .await;
    let registry = registry(&ground).await;
    let scenes = REGISTRIES.iter().enumerate();
    each(scenes, |(n, name)| {
        registered(&ground, name, &registry, [Form::Text, Form::Json][n % 2])
    })
    .await;
    ground.end().await;
}

async fn relayed(ground: &Ground, name: &str, form: Form) {
    let stage = Stage::set(ground, name, PAIR, None).await;
    stage.switch(Switch::On);
    let program = stage.program(form, "auto", |_| ()).await;
    program.proposed("deposit/1", ActionKind::Keygen).await;
    stage.ends(&program).await;
    let snapshot = program.snapshot();
    assert!(
        snapshot.ceremonies.is_empty(),
        "{name}: a ceremony began\n{}",
        program.picture()
    );
    assert!(
        snapshot.operators.iter().all(|o| o.ceremonies_failed == 0),
        "{name}"
    );
    program.end().await;
}

/// The SSV API as it is for this network.
async fn registry(ground: &Ground) -> String {
    let operators = Arc::new(ground.network.operators().to_vec());
    let answer = move |Path((_, id)): Path<(String, u64)>| async move {
        let found = operators.iter().find(|o| o.id.0 == id);
        let found = found.map(|o| json!({ "id": id, "public_key": o.public_key }).to_string());
        found.ok_or(StatusCode::NOT_FOUND)
    };
    let router = Router::new().route("/api/v4/{network}/operators/{id}", get(answer));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}

async fn registered(ground: &Ground, name: &str, registry: &str, form: Form) {
    let set = Set {
        ssv_api: true,
        ..PAIR
    };
    let stage = Stage::set(ground, name, set, Some(registry)).await;
    stage.switch(Switch::On);
    let program = stage.program(form, "supervised", |_| ()).await;
    stage.ends(&program).await;
    assert!(stage.strikes() > 0, "{name}: nobody was asked");
    assert!(
        program.snapshot().actions.is_empty(),
        "{name}: proposed with a key that is not known"
    );
    stage.switch(Switch::Off);
    let keygen = program.proposed("deposit/1", ActionKind::Keygen).await;
    let passes = |check: &&casimir_dkg::types::Check| check.name == "operator-keys";
    let check = keygen.checks.iter().find(passes).unwrap();
    assert_eq!(
        check.status,
        casimir_dkg::types::CheckStatus::Pass,
        "{name}: {}",
        check.reason
    );
    program.end().await;
}
