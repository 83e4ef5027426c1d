//! Public keys of operators that are configured without one: from the SSV API's operator records, once, at the start.

use crate::config::{NetworkName, OperatorsConfig};
use crate::dkg::rockx::node::directory::{Directory, DirectoryError, DirectorySources, SsvApi};
use crate::http::Http;
use crate::types::SafeText;

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

/// Fills in what is missing. What is configured is never replaced.
pub(super) async fn fill_in(
    operators: &mut OperatorsConfig,
    network: NetworkName,
    http: &Http,
) -> Result<(), RegistryError> {
    let Some(base) = &operators.ssv_api else {
        return Ok(());
    };
    let api = SsvApi::new(http, base, network.as_str()).map_err(RegistryError::Api)?;
    let directory = Directory::new(DirectorySources {
        api: Some(api),
        ..DirectorySources::default()
    })?;
    for record in operators.by_id.values_mut().filter(|r| r.public_key.is_empty()) {
        record.public_key = directory.resolve(record.id).await?.to_registry_text();
        tracing::info!(target: "casimir_dkg::engine", operator = %record.id, "public key taken from the SSV API");
    }
    Ok(())
}
