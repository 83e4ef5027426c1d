//! Beacon nodes: on the right chain, and following it.

use casimir_dkg::config::Config;
use casimir_dkg::http::Http;
use casimir_dkg::types::RedactedUrl;
use serde_json::Value;

use super::http::get;
use super::{Finding, Report};

pub(crate) async fn examine(config: &Config, http: &Http, report: &mut Report) {
    if config.beacon.urls.is_empty() {
        report.add(Finding::warn(
            "beacon nodes",
            "none configured",
            "exits will wait, and validators are not followed: set beacon.urls",
        ));
    }
    for url in &config.beacon.urls {
        let finding = node(config, http, url).await;
        report.add(finding);
    }
}

async fn node(config: &Config, http: &Http, url: &RedactedUrl) -> Finding {
    let what = format!("beacon {url}");
    let genesis = match field(
        config,
        http,
        url,
        "/eth/v1/beacon/genesis",
        "/data/genesis_validators_root",
    )
    .await
    {
        Ok(root) => root,
        Err(e) => return Finding::fail(&what, e, "is it a beacon node, and running?"),
    };
    if let Some(expected) = config.network.genesis_validators_root
        && !genesis.eq_ignore_ascii_case(&expected.to_string())
    {
        return Finding::fail(
            &what,
            format!("genesis validators root {genesis}, expected {expected}"),
            "the node is on another network",
        );
    }
    let version = field(config, http, url, "/eth/v1/node/version", "/data/version")
        .await
        .unwrap_or_default();
    let capella = field(
        config,
        http,
        url,
        "/eth/v1/config/spec",
        "/data/CAPELLA_FORK_VERSION",
    )
    .await;
    if let Ok(capella) = &capella
        && !capella.eq_ignore_ascii_case(&config.network.capella_fork_version.to_string())
    {
        return Finding::fail(
            &what,
            format!(
                "Capella fork version {capella}, expected {}",
                config.network.capella_fork_version
            ),
            "exits would be signed for another network: check network.name",
        );
    }
    match get(http, url, "/eth/v1/node/syncing", config.beacon.timeout).await {
        Ok(answer) => {
            let data = answer
                .json::<Value>()
                .ok()
                .and_then(|v| v.get("data").cloned())
                .unwrap_or_default();
            let flag = |name: &str| data.get(name).and_then(Value::as_bool).unwrap_or(false);
            let head = data.get("head_slot").and_then(Value::as_str).unwrap_or("?");
            let found = format!("{version}, head slot {head}");
            let hint = "what it is told does not count as delivered until it follows the chain";
            if flag("is_syncing") {
                Finding::warn(&what, format!("{found}, syncing"), hint)
            } else if flag("is_optimistic") {
                Finding::warn(&what, format!("{found}, optimistic"), hint)
            } else {
                Finding::ok(&what, found)
            }
        }
        Err(e) => Finding::warn(&what, format!("{version}: {e}"), ""),
    }
}

/// One text in an answer, e.g. `/data/version`.
async fn field(
    config: &Config,
    http: &Http,
    url: &RedactedUrl,
    path: &str,
    pointer: &str,
) -> Result<String, String> {
    let answer = get(http, url, path, config.beacon.timeout)
        .await
        .map_err(|e| e.to_string())?;
    if answer.status != 200 {
        return Err(format!("{path} answers {}", answer.status));
    }
    answer
        .json::<Value>()
        .ok()
        .and_then(|value| value.pointer(pointer)?.as_str().map(str::to_owned))
        .ok_or_else(|| format!("{path} does not say {pointer}"))
}
