//! Nodes that say what a test wrote for them.

use axum::http::{StatusCode, Uri};
use axum::response::IntoResponse;
use casimir_dkg::beacon::client::{Beacon, BeaconConfig};
use casimir_dkg::types::{RedactedUrl, Root, UnixMillis};
use serde_json::{Value, json};

use super::key;

/// A node whose answers are written by hand: what it does not say is a 404, in the words of a node or of a web server.
pub(super) struct Stub {
    pub(super) url: String,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Stub {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Stub {
    pub(super) async fn start(says: impl Fn(&str) -> Option<Value> + Clone + Send + Sync + 'static) -> Self {
        let answer = move |uri: Uri| async move {
            // what is asked of the list, too, for who answers that
            let asked = says(uri.path_and_query().map_or("", |asked| asked.as_str()));
            match asked.or_else(|| says(uri.path())) {
                Some(answer) => axum::Json(answer).into_response(),
                None => (StatusCode::NOT_FOUND, NOT_FOUND).into_response(),
            }
        };
        let router = axum::Router::new().fallback(answer);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, task }
    }

    pub(super) fn client(&self) -> Beacon {
        Beacon::new(BeaconConfig::new(vec![RedactedUrl::new(&self.url)], None)).unwrap()
    }
}

pub(super) const VALIDATORS: &str = "/eth/v1/beacon/states/head/validators";
pub(super) const NOT_FOUND: &str = r#"{"code":404,"message":"Validator not found"}"#;

/// Of a chain whose slot 77, of 12 s, is now.
pub(super) fn genesis_time() -> String {
    (UnixMillis::now().0 / 1_000 - 77 * 12).to_string()
}

/// What a node says of itself: our chain, in sync.
pub(super) fn in_sync(path: &str) -> Option<Value> {
    match path {
        "/eth/v1/beacon/genesis" => Some(json!({"data": {
            "genesis_time": genesis_time(), "genesis_validators_root": Root([1; 32]),
        }})),
        "/eth/v1/node/syncing" => Some(json!({"data": {
            "head_slot": "77", "sync_distance": "0", "is_syncing": false,
        }})),
        "/eth/v1/config/spec" => Some(json!({"data": {
            "SECONDS_PER_SLOT": "12", "SLOTS_PER_EPOCH": "32", "SHARD_COMMITTEE_PERIOD": "256",
            "MAX_SEED_LOOKAHEAD": "4", "MIN_VALIDATOR_WITHDRAWABILITY_DELAY": "256",
            "GENESIS_FORK_VERSION": "0x00000000", "CAPELLA_FORK_VERSION": "0x03000000",
        }})),
        _ => None,
    }
}

pub(super) fn state_root(optimistic: bool) -> Value {
    json!({"execution_optimistic": optimistic, "data": {"root": Root([0xab; 32])}})
}

pub(super) fn record(index: u64) -> Value {
    let far = u64::MAX.to_string();
    json!({
        "index": index.to_string(), "balance": "32000000000", "status": "active_ongoing",
        "validator": {
            "pubkey": key(index), "withdrawal_credentials": Root([1; 32]), "effective_balance": "32000000000",
            "slashed": false, "activation_eligibility_epoch": "0", "activation_epoch": "0", "exit_epoch": far,
            "withdrawable_epoch": far,
        },
    })
}
