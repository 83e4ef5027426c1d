//! Public keys of operators that are configured without one: from the SSV API's operator records.

use std::collections::BTreeMap;

use super::{Directory, DirectoryError, OperatorKey};
use crate::types::{OperatorId, OperatorRecord};

/// Fills in what is missing from the directory. What is configured is never replaced.
///
/// # Errors
/// See [`DirectoryError`]. What was filled in before it stays.
pub async fn fill_in<K: OperatorKey>(
    operators: &mut BTreeMap<OperatorId, OperatorRecord>,
    directory: &Directory<K>,
) -> Result<(), DirectoryError> {
    for record in operators.values_mut().filter(|r| r.public_key.is_empty()) {
        record.public_key = directory.resolve(record.id).await?.registry_text();
        tracing::info!(target: "casimir_dkg::operators", operator = %record.id, "public key taken from the SSV API");
    }
    Ok(())
}
