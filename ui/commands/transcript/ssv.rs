//! `transcript verify --ssv`: the operators' keys beside those with which they registered at SSV, as execution endpoints
//! tell its logs. Each endpoint is asked by itself: one is one voice.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, bail};
use casimir_dkg::chain::rpc::{Rpc, RpcConfig};
use casimir_dkg::config::{self, LoadOptions};
use casimir_dkg::dkg::transcript::fingerprint;
use casimir_dkg::http::Http;
use casimir_dkg::ssv::registered_keys;
use casimir_dkg::types::{BackendName, Check, Examined, OperatorId, RedactedUrl};

use super::super::serve;

const NAME: &str = "ssv-registry";

/// What is asked, and of whom.
pub(super) struct Asked<'a> {
    pub(super) endpoints: &'a [String],
    /// First block whose logs are read.
    pub(super) from: u64,
}

/// A check for each endpoint.
///
/// # Errors
/// The network or its SSV contract is not known, or the transcript says that it is of another chain.
pub(super) fn compare(
    examined: &Examined,
    backend: &BackendName,
    asked: &Asked<'_>,
    options: &LoadOptions,
) -> anyhow::Result<Vec<Check>> {
    let (network, http) = config::gather(options)?.chain()?;
    let (name, chain) = (network.name, network.chain_id);
    let Some(contract) = network.ssv_network else {
        bail!("no SSV network contract is known on {name}: set network.ssv_network");
    };
    if let Some(held_for) = examined.held_for
        && held_for.chain_id != chain
    {
        bail!(
            "the transcript is of chain {}, and {name} is chain {chain}: give --network",
            held_for.chain_id
        );
    }
    let http = Http::new(&http)?;
    let ids: BTreeSet<OperatorId> = examined.operators.keys().copied().collect();
    let mut clients = Vec::new();
    for url in asked.endpoints {
        let url = RedactedUrl::new(url);
        let settings = RpcConfig {
            http: http.clone(),
            ..RpcConfig::new(vec![url.clone()], chain)
        };
        clients.push((Rpc::new(settings).context("--ssv")?, url));
    }
    serve(async {
        let mut checks = Vec::new();
        for (rpc, url) in &clients {
            checks.push(match registered_keys(rpc, contract, &ids, asked.from).await {
                Ok(keys) => judge(
                    examined,
                    backend,
                    &keys,
                    &format!("SSV {contract}, as {url} tells it"),
                ),
                Err(error) => Check::unknown(NAME, error.to_string()),
            });
        }
        Ok(checks)
    })
}

/// Another key is a fault. No registration that is told is no evidence: this endpoint may not tell it.
fn judge(
    examined: &Examined,
    backend: &BackendName,
    keys: &BTreeMap<OperatorId, String>,
    place: &str,
) -> Check {
    let (mut wrong, mut untold) = (Vec::new(), Vec::new());
    for (id, text) in &examined.operators {
        let ours = fingerprint(backend, text);
        match keys.get(id).map(|key| fingerprint(backend, key)) {
            Some(Some(theirs)) if ours.as_ref() == Some(&theirs) => {}
            Some(Some(theirs)) => {
                wrong.push(format!("operator {id} registered another key, SHA-256:{theirs}"))
            }
            Some(None) => wrong.push(format!("operator {id} registered what is no key of {backend}")),
            None => untold.push(format!("operator {id}")),
        }
    }
    if examined.operators.is_empty() {
        return Check::unknown(NAME, "the transcript has no operator's key");
    }
    if !wrong.is_empty() {
        return Check::fail(NAME, format!("{place}: {}", wrong.join("; ")));
    }
    if !untold.is_empty() {
        let words = format!("{place}: no registration is told of {}", untold.join(", "));
        return Check::unknown(NAME, words);
    }
    Check::pass(NAME, format!("each key is the one registered at {place}"))
}
