//! The pool manager by version. A version is one room and one line in `VERSIONS`; the configuration chooses by name,
//! and the probe says when the code at the address answers to another one.
//!
//! What counts as *no* in the versions of 2023:
//!
//! | question | yes | no | not known |
//! |---|---|---|---|
//! | `probe` | every view answers, and `initiatePoolDeposit` exists in this order and layout | by every endpoint that answers there is no code there, or a view answers something else; a view reverts; another order or layout exists; each from a node that says `false` to `eth_syncing` and is at `from_block` or later | no endpoint answers, or the one that says no is syncing, or does not say whether |
//! | lists, pool, fees, addresses | what the view says at that block; a pool that never was is all zero | never | by no endpoint the view answers as expected |
//! | `watched` | the manager's own events, always | never | never |
//! | `event` | one of its events, with a pool id | another contract's, or another topic | its contract and topic, and no pool id in it |
//! | `meant` | the pool that the event names | never | never: every event of these versions names one |
//! | `authorises` | a reshare of an impossible pool goes through from this address, or is refused with the contract's words for a pool that was reshared too often, which stand behind its question for the caller | it is refused with the words for strangers | it is refused for any other reason or without a word, it returns something, there is no code, or no endpoint answers |
//! | `committee` | calldata of the newest reshare, else the pool's state | never | logs, transaction or view cannot be read, or the calldata is no plain reshare of this pool |
//! | `withdrawal_credentials` | the manager's address, always | never | never |
//! | `layout_of` | at one endpoint a call by which a version is known exists in this layout | each says that there is no code, or that it exists in none | an endpoint does not answer, and no other shows one |
//! | `implied_owner_nonce` | the id at the head of the ready queue, less one | the queue is empty | the view does not answer |

pub(crate) mod casimir_2023;
mod casimir_2023_05;
mod casimir_2023_05_26;
mod recognise;

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use alloy::primitives::{Address, Bytes};

use crate::chain::history_cache::HistoryCache;
use crate::chain::rpc::{At, Rpc, RpcError};
use crate::ports::{Answer, DecodedCall, PoolManager, Unknown};
use crate::types::{ClusterLayout, ParseIdError};

/// Every version that can be served, the oldest first.
static VERSIONS: &[&dyn Version] = &[&casimir_2023_05::EDITION, &casimir_2023_05_26::EDITION];

/// A version of the manager. One that is no line of `VERSIONS` can be named by [`AdapterName::of`].
pub trait Version: fmt::Debug + Sync {
    /// As `contract.adapter` names it.
    fn name(&self) -> &'static str;

    /// Calldata of a call that this version has in this layout, and no other version or layout.
    fn fingerprint(&self, layout: ClusterLayout) -> Bytes;

    /// Calldata of this version in words, read without a contract; none for another call.
    fn describe(&self, _data: &[u8]) -> Option<DecodedCall> {
        None
    }

    /// The contract at an address, spoken to as this version expects.
    fn open(&'static self, at: Connection) -> Arc<dyn PoolManager>;
}

/// Where a manager is.
#[derive(Debug, Clone)]
pub struct Connection {
    /// The endpoints to ask.
    pub rpc: Rpc,
    /// The contract.
    pub address: Address,
    /// Field order of SSV's cluster tuple in its calls.
    pub layout: ClusterLayout,
    /// SSV's network contract as it is configured: not every version tells it.
    pub ssv_network: Option<Address>,
    /// The block at which it was deployed, or an earlier one.
    pub from_block: u64,
    /// What was read of its logs before; none to read them all.
    pub kept: Option<Arc<HistoryCache>>,
}

/// The name of a version that can be served.
#[derive(Debug, Clone, Copy)]
pub struct AdapterName(&'static dyn Version);

impl PartialEq for AdapterName {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for AdapterName {}

impl AdapterName {
    /// Every version, the oldest first.
    pub fn all() -> impl Iterator<Item = Self> {
        VERSIONS.iter().map(|version| Self(*version))
    }

    /// A version by itself, for whoever brings one along.
    #[must_use]
    pub fn of(version: &'static dyn Version) -> Self {
        Self(version)
    }

    /// The name, as it is configured.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.0.name()
    }
}

impl fmt::Display for AdapterName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for AdapterName {
    type Err = ParseIdError;
    fn from_str(s: &str) -> Result<Self, Self::Err> {
        Self::all()
            .find(|name| name.as_str() == s)
            .ok_or_else(|| ParseIdError {
                text: s.into(),
                expected: "the name of a version of the manager contract",
            })
    }
}

/// What calldata says in each version that has such a call, without asking anybody: for whoever must not believe what
/// somebody else read in it.
#[must_use]
pub fn readings(data: &[u8]) -> Vec<DecodedCall> {
    let mut readings: Vec<DecodedCall> = Vec::new();
    for reading in VERSIONS.iter().filter_map(|version| version.describe(data)) {
        if !readings.contains(&reading) {
            readings.push(reading);
        }
    }
    readings
}

/// The field order of SSV's cluster tuple that the manager at `address` takes, by the calls that it has: in the version of
/// that name, else in any. Whom the first endpoint cannot show, the next may: one that is still syncing has no code there. No:
/// it has no call of a known version, and [`PoolManager::probe`] says what is there instead.
pub async fn layout_of(name: AdapterName, rpc: &Rpc, address: Address) -> Answer<ClusterLayout> {
    let (mut denied, mut silent) = (None, None);
    for (_, voice) in rpc.each() {
        match layout_by(name, &voice, address).await {
            Ok(Answer::Yes(layout)) => return Answer::Yes(layout),
            Ok(Answer::No(evidence)) => denied = Some(evidence),
            Ok(Answer::NotKnown(why)) => silent = Some(why),
            Err(error) => silent = Some(Unknown::because(error)),
        }
    }
    match (denied, silent) {
        (Some(evidence), None) => Answer::No(evidence),
        (Some(evidence), Some(why)) => {
            Answer::not_known(format!("{evidence}, says one endpoint, and another: {why}"))
        }
        (None, Some(why)) => Answer::NotKnown(why),
        (None, None) => Answer::not_known("no endpoint was asked"),
    }
}

/// What one endpoint shows. Where there is no code every call succeeds and returns nothing, which is no layout.
async fn layout_by(
    name: AdapterName,
    rpc: &Rpc,
    address: Address,
) -> Result<Answer<ClusterLayout>, RpcError> {
    if rpc.code(address, At::Latest).await?.is_empty() {
        return Ok(Answer::no(format!("there is no contract at {address}")));
    }
    let found = recognise::recognise(rpc, address, At::Latest).await?;
    let named = found.iter().find(|found| found.name == name);
    let known = AdapterName::all().map(AdapterName::as_str);
    Ok(match named.or(found.first()) {
        Some(found) => Answer::Yes(found.layout),
        None => Answer::no(format!(
            "the contract at {address} has no call of a known version ({}), in either cluster layout",
            known.collect::<Vec<_>>().join(", ")
        )),
    })
}

/// The manager in the version of that name. Nothing is asked yet: [`PoolManager::probe`] asks.
#[must_use]
pub fn open(name: AdapterName, at: Connection) -> Arc<dyn PoolManager> {
    name.0.open(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_fingerprints_tell_versions_and_layouts_apart() {
        let mut seen: Vec<(String, Bytes)> = Vec::new();
        for version in VERSIONS {
            assert_eq!(
                version.name().parse::<AdapterName>().unwrap().as_str(),
                version.name()
            );
            for layout in [ClusterLayout::BalanceThenActive, ClusterLayout::ActiveThenBalance] {
                let selector = Bytes::copy_from_slice(&version.fingerprint(layout)[..4]);
                assert!(seen.iter().all(|(_, other)| *other != selector), "{version:?}");
                seen.push((version.name().to_owned(), selector));
            }
        }
        assert!("casimir-2023".parse::<AdapterName>().is_err());
    }
}
