//! `transcript verify --ssv`: the operators' keys beside those with which they registered at SSV, as execution endpoints
//! tell its logs. Each endpoint is asked by itself: one is one voice.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, bail};
use casimir_dkg::chain::rpc::{Rpc, RpcConfig};
use casimir_dkg::config::{self, LoadOptions};
use casimir_dkg::dkg::transcript::fingerprint;
use casimir_dkg::http::Http;
use casimir_dkg::ssv::{Registered, registered};
use casimir_dkg::types::{BackendName, Check, Examined, OperatorId, RedactedUrl};

use super::super::serve;

const NAME: &str = "ssv-registry";

/// What is asked, and of whom.
pub(super) struct SsvQuery<'a> {
    pub(super) endpoints: &'a [String],
    /// First block whose logs are read.
    pub(super) from: u64,
}

/// A check for each endpoint, and who was removed when, as one of them tells.
///
/// # Errors
/// The network or its SSV contract is not known, or the transcript says that it is of another chain.
pub(super) fn compare(
    examined: &Examined,
    backend: &BackendName,
    asked: &SsvQuery<'_>,
    options: &LoadOptions,
) -> anyhow::Result<(Vec<Check>, BTreeMap<OperatorId, u64>)> {
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
        let (mut checks, mut removed) = (Vec::new(), BTreeMap::new());
        for (rpc, url) in &clients {
            checks.push(match registered(rpc, contract, &ids, asked.from).await {
                Ok(known) => {
                    let gone = known.iter().filter_map(|(id, found)| Some((*id, found.removed?)));
                    removed.extend(gone);
                    let place = format!("SSV {contract}, as {url} tells it");
                    judge(examined, backend, &known, &place)
                }
                Err(error) => Check::unknown(NAME, error.to_string()),
            });
        }
        Ok((checks, removed))
    })
}

/// Another key is a fault. No registration that is told is no evidence: this endpoint may not tell it. Who was removed since had
/// the key all the same when the ceremony was held.
fn judge(
    examined: &Examined,
    backend: &BackendName,
    known: &BTreeMap<OperatorId, Registered>,
    place: &str,
) -> Check {
    let (mut wrong, mut untold, mut removed) = (Vec::new(), Vec::new(), Vec::new());
    for (id, text) in &examined.operators {
        let ours = fingerprint(backend, text);
        let found = known.get(id).cloned().unwrap_or_default();
        let gone = found
            .removed
            .map(|block| format!("operator {id} was removed at block {block}"));
        let Some(key) = found.key else {
            let since = found.removed.map(|block| format!(" (removed at block {block})"));
            untold.push(format!("operator {id}{}", since.unwrap_or_default()));
            continue;
        };
        let theirs = fingerprint(backend, &key);
        let words = match (&theirs, &gone) {
            (Some(theirs), Some(gone)) => format!("{gone}; its key as last registered was SHA-256:{theirs}"),
            (Some(theirs), None) => format!("operator {id} registered another key, SHA-256:{theirs}"),
            (None, _) => format!("operator {id} registered what is no key of {backend}"),
        };
        match (theirs.is_some() && theirs == ours, gone.is_some()) {
            (true, true) => removed.push(format!("{words}, which is the transcript's")),
            (true, false) => {}
            (false, true) => wrong.push(format!("{words}, which is not the transcript's")),
            (false, false) => wrong.push(words),
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
    let removed: String = removed.iter().map(|words| format!("; {words}")).collect();
    Check::pass(
        NAME,
        format!("each key is the one registered at {place}{removed}"),
    )
}

#[cfg(test)]
mod tests {
    use casimir_dkg::dkg::transcript::examine;
    use casimir_dkg::types::{CheckStatus, Transcript};

    use super::*;

    #[test]
    fn who_was_removed_is_told_with_the_key_it_had() {
        let text = include_bytes!("../../../tests/vectors/transcripts/keygen-timed-out.json");
        let transcript = Transcript::read(text).unwrap();
        let (examined, backend) = (examine(&transcript).unwrap(), transcript.backend());
        let keys: Vec<(OperatorId, String)> = examined
            .operators
            .iter()
            .map(|(id, key)| (*id, key.to_string()))
            .collect();
        let known = |third: Registered| {
            let mut known: BTreeMap<_, _> = keys
                .iter()
                .map(|(id, key)| {
                    (
                        *id,
                        Registered {
                            key: Some(key.clone()),
                            removed: None,
                        },
                    )
                })
                .collect();
            known.insert(OperatorId(3), third);
            judge(&examined, backend, &known, "SSV")
        };
        let (own, other) = (Some(keys[2].1.clone()), Some(keys[0].1.clone()));
        let fine = known(Registered {
            key: own.clone(),
            removed: None,
        });
        assert_eq!(
            (fine.status, fine.reason.as_str()),
            (CheckStatus::Pass, "each key is the one registered at SSV")
        );
        for (key, status, words) in [
            (
                own,
                CheckStatus::Pass,
                "operator 3 was removed at block 9; its key as last registered was SHA-256:",
            ),
            (other, CheckStatus::Fail, ", which is not the transcript's"),
            (
                None,
                CheckStatus::Unknown,
                "no registration is told of operator 3 (removed at block 9)",
            ),
        ] {
            let check = known(Registered {
                key,
                removed: Some(9),
            });
            assert_eq!(check.status, status, "{}", check.reason);
            assert!(check.reason.as_str().contains(words), "{}", check.reason);
        }
    }
}
