//! The operators' public keys as SSV's contract logged them at their registration (`OperatorAdded`). A key never changes
//! there: whoever wants another one registers another operator.
//!
//! | question | yes | no | not known |
//! |---|---|---|---|
//! | [`registered_keys`] | the log of this operator's registration, which can be read | never: an operator without a log may be one that this endpoint does not tell | logs that cannot be read, or that tell two registrations of one operator |

use std::collections::{BTreeMap, BTreeSet};

use alloy::primitives::{Address, B256, U256};
use alloy::sol_types::{SolEvent, SolValue as _};

use self::abi::Registry::OperatorAdded;
use crate::chain::logs::patiently;
use crate::chain::rpc::{LogEntry, LogFilter, Rpc, RpcError};
use crate::types::{OperatorId, RsaPublicKeyText, SafeText};

mod abi {
    alloy::sol! {
        /// Of SSVNetwork, since its first release on a public network.
        #[derive(Debug)]
        interface Registry {
            event OperatorAdded(uint64 indexed operatorId, address indexed owner, bytes publicKey, uint256 fee);
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

/// The keys with which these operators registered at the SSV network contract `network`, in the form of the registry, as
/// this client's endpoint tells the logs from block `from` to its newest. Who is not in the answer is not known.
///
/// # Errors
/// See [`RegistryError`].
pub async fn registered_keys(
    rpc: &Rpc,
    network: Address,
    operators: &BTreeSet<OperatorId>,
    from: u64,
) -> Result<BTreeMap<OperatorId, RsaPublicKeyText>, RegistryError> {
    let topic = |id: &OperatorId| B256::from(U256::from(id.0));
    let filter = LogFilter {
        addresses: vec![network],
        topics: vec![
            vec![OperatorAdded::SIGNATURE_HASH],
            operators.iter().map(topic).collect(),
        ],
    };
    let mut keys = BTreeMap::new();
    if operators.is_empty() {
        return Ok(keys);
    }
    let head = rpc.head().await?.number();
    let mut next = from;
    while next <= head {
        let piece = patiently(rpc, &filter, next, head).await?;
        for log in &piece.logs {
            let (id, key) = read(log)?;
            if keys.insert(id, key).is_some() {
                return Err(unreadable(id, log, "it is told a second time"));
            }
        }
        next = piece.end + 1;
    }
    Ok(keys)
}

fn unreadable(operator: OperatorId, log: &LogEntry, why: &str) -> RegistryError {
    RegistryError::Unreadable {
        operator,
        block: log.at().block.number,
        why: SafeText::new(why),
    }
}

fn read(log: &LogEntry) -> Result<(OperatorId, RsaPublicKeyText), RegistryError> {
    let named = log
        .topics
        .get(1)
        .map_or(0, |topic| U256::from_be_bytes(topic.0).saturating_to());
    let bad = |why: &str| unreadable(OperatorId(named), log, why);
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
