//! JSON-RPC to the node, with a deadline on every call.

use std::time::Duration;

use alloy::primitives::U256;
use alloy::providers::{DynProvider, Provider, ProviderBuilder};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::error::{DevnetError, failed};

const CALL_DEADLINE: Duration = Duration::from_secs(60);

/// Whole ether times 10^18.
pub(super) fn ether_to_wei(ether: u64) -> U256 {
    U256::from(ether) * U256::from(10_u64.pow(18))
}

/// A provider without fillers: anvil fills in what is missing for its own accounts.
pub(super) fn connect(url: &str) -> Result<DynProvider, DevnetError> {
    let part = |reason: String| DevnetError::Part {
        what: "the JSON-RPC client",
        reason: reason.into(),
    };
    let client = reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(CALL_DEADLINE)
        .build()
        .map_err(|error| part(error.to_string()))?;
    let url = url.parse().map_err(|_| part(format!("{url} is no URL")))?;
    Ok(ProviderBuilder::new()
        .disable_recommended_fillers()
        .connect_reqwest(client, url)
        .erased())
}

pub(super) async fn rpc<T: DeserializeOwned>(
    provider: &DynProvider,
    method: &'static str,
    params: impl Serialize,
) -> Result<T, DevnetError> {
    let params = serde_json::value::to_raw_value(&params).map_err(|error| failed(method, &error))?;
    let answer = provider
        .raw_request_dyn(method.into(), &params)
        .await
        .map_err(|error| failed(method, &error))?;
    serde_json::from_str(answer.get()).map_err(|error| failed(method, &error))
}
