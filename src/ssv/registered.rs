//! The operators' public keys as SSV's contract logged them at their registration (`OperatorAdded`). A key never changes
//! there: whoever wants another one registers another operator.
//!
//! | question | yes | no | not known |
//! |---|---|---|---|
//! | [`registered`] | the log of this operator's registration, which can be read | never: an operator without a log may be one that this endpoint does not tell | logs that cannot be read, or that tell two registrations of one operator |
//!
//! Who is removed (`OperatorRemoved`) stays what it was in what was made before: its key as it registered it counts, and that it
//! was removed is said. No number is given a second time.

use std::collections::{BTreeMap, BTreeSet};

use alloy::primitives::{Address, B256, U256};
use alloy::sol_types::{SolEvent, SolValue as _};

use self::abi::Registry::{OperatorAdded, OperatorRemoved};
use crate::chain::logs::patiently;
use crate::chain::rpc::{LogEntry, LogFilter, Rpc, RpcError};
use crate::types::{OperatorId, RsaPublicKeyText, SafeText};

mod abi {
    alloy::sol! {
        /// Of SSVNetwork, since its first release on a public network.
        #[derive(Debug)]
        interface Registry {
            event OperatorAdded(uint64 indexed operatorId, address indexed owner, bytes publicKey, uint256 fee);
            event OperatorRemoved(uint64 indexed operatorId);
        }
    }
}

/// SSV's registry cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// The endpoint does not tell the logs.
    #[error(transparent)]
    Rpc(#[from] RpcError),
    /// A log is not as SSV writes it, or contradicts another.
    #[error("the registration of operator {operator} in block {block}: {why}")]
    Unreadable {
        operator: OperatorId,
        block: u64,
        /// What is wrong with it.
        why: SafeText,
    },
}

/// What SSV's logs tell of an operator.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Registered {
    /// The key with which it registered, in the form of the registry; none where only its removal is told.
    pub key: Option<RsaPublicKeyText>,
    /// The block in which it was removed.
    pub removed: Option<u64>,
}

/// These operators as they registered at the SSV network contract `network` and were removed from it, as this client's endpoint
/// tells the logs from block `from` to its newest. Who is not in the answer is not known.
///
/// # Errors
/// See [`RegistryError`].
pub async fn registered(
    rpc: &Rpc,
    network: Address,
    operators: &BTreeSet<OperatorId>,
    from: u64,
) -> Result<BTreeMap<OperatorId, Registered>, RegistryError> {
    let topic = |id: &OperatorId| B256::from(U256::from(id.0));
    let filter = LogFilter {
        addresses: vec![network],
        topics: vec![
            vec![OperatorAdded::SIGNATURE_HASH, OperatorRemoved::SIGNATURE_HASH],
            operators.iter().map(topic).collect(),
        ],
    };
    let mut known = BTreeMap::new();
    if operators.is_empty() {
        return Ok(known);
    }
    let head = rpc.head().await?.number();
    let mut next = from;
    while next <= head {
        let piece = patiently(rpc, &filter, next, head).await?;
        for log in &piece.logs {
            take(&mut known, log)?;
        }
        next = piece.end + 1;
    }
    Ok(known)
}

/// Logs come in the order of the chain.
fn take(known: &mut BTreeMap<OperatorId, Registered>, log: &LogEntry) -> Result<(), RegistryError> {
    if log.topics.first() == Some(&OperatorRemoved::SIGNATURE_HASH) {
        let id = named(log);
        let bad = |why: &str| unreadable(id, log, why);
        OperatorRemoved::decode_raw_log(&log.topics, &log.data)
            .map_err(|_| bad("its removal is not as SSV writes it"))?;
        let entry = known.entry(id).or_default();
        if entry.removed.replace(log.at().block.number).is_some() {
            return Err(bad("its removal is told a second time"));
        }
        return Ok(());
    }
    let (id, key) = read(log)?;
    let entry = known.entry(id).or_default();
    if entry.removed.is_some() {
        return Err(unreadable(id, log, "it was removed before"));
    }
    if entry.key.replace(key).is_some() {
        return Err(unreadable(id, log, "it is told a second time"));
    }
    Ok(())
}

fn named(log: &LogEntry) -> OperatorId {
    let topic = log.topics.get(1);
    OperatorId(topic.map_or(0, |topic| U256::from_be_bytes(topic.0).saturating_to()))
}

fn unreadable(operator: OperatorId, log: &LogEntry, why: &str) -> RegistryError {
    RegistryError::Unreadable {
        operator,
        block: log.at().block.number,
        why: SafeText::new(why),
    }
}

fn read(log: &LogEntry) -> Result<(OperatorId, RsaPublicKeyText), RegistryError> {
    let bad = |why: &str| unreadable(named(log), log, why);
    let event = OperatorAdded::decode_raw_log(&log.topics, &log.data)
        .map_err(|_| bad("it is not as SSV writes it"))?;
    let text = text_of(&event.publicKey).ok_or_else(|| bad("its key is no text"))?;
    Ok((OperatorId(event.operatorId), text))
}

/// SSV's web application registers the key's text ABI-encoded as a string, and SSV's nodes expect it so; others have
/// registered the bare text.
fn text_of(bytes: &[u8]) -> Option<RsaPublicKeyText> {
    if let Ok(text) = String::abi_decode(bytes) {
        return Some(text);
    }
    let text = std::str::from_utf8(bytes).ok()?;
    text.bytes()
        .all(|b| b.is_ascii_graphic() || b.is_ascii_whitespace())
        .then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_as_it_was_registered() {
        let text = "LS0tLS1CRUdJTiBSU0EgUFVCTElDIEtFWS0tLS0tCg==".to_owned();
        assert_eq!(text_of(&text.abi_encode()), Some(text.clone()));
        assert_eq!(text_of(text.as_bytes()), Some(text));
        assert_eq!(text_of(&[0xff; 40]), None);
    }
}
