//! Public keys of operators that are configured without one: from the SSV API's operator records, once, at the start.

use std::collections::BTreeMap;

use super::{Directory, DirectoryError, OperatorKey, Sources, SsvApi};
use crate::http::Http;
use crate::types::{OperatorId, OperatorRecord, RedactedUrl, SafeText};

/// An operator's public key could not be had.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// The API's address or the network's name is of no use.
    #[error("operators.ssv_api: {0}")]
    Api(SafeText),
    /// It does not know an operator, or cannot be asked.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
}

/// Fills in what is missing, from the API at `base` for the network of this name. What is configured is never replaced.
///
/// # Errors
/// See [`RegistryError`].
pub async fn fill_in<K: OperatorKey>(
    operators: &mut BTreeMap<OperatorId, OperatorRecord>,
    http: &Http,
    base: &RedactedUrl,
    network: &str,
) -> Result<(), RegistryError> {
    let api = SsvApi::new(http, base, network).map_err(RegistryError::Api)?;
    let directory = Directory::<K>::new(Sources {
        api: Some(api),
        ..Sources::default()
    })?;
    for record in operators.values_mut().filter(|r| r.public_key.is_empty()) {
        record.public_key = directory.resolve(record.id).await?.registry_text();
        tracing::info!(target: "casimir_dkg::operators", operator = %record.id, "public key taken from the SSV API");
    }
    Ok(())
}
