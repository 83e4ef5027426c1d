//! The operators of the network: real nodes in this process, each with a key of its own and an allow-list.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use alloy::primitives::Address;

use super::failed_part;
use crate::beacon::client::{Beacon, BeaconConfig};
use crate::devnet::DevnetError;
use crate::devnet::beacon::BeaconSpec;
use crate::dkg::rockx::keys::OperatorPrivateKey;
use crate::dkg::rockx::node::directory::DirectorySources;
use crate::dkg::rockx::node::policy::{
    ExitRule, Initiator, OwnerRule, Policy, SigningRules, ValidatorIndices,
};
use crate::dkg::rockx::node::{self, NodeConfig, NodeHandle};
use crate::types::{OperatorId, OperatorRecord, RedactedUrl, Root, SafeText};

pub(super) const REGISTERED_DEADLINE: Duration = Duration::from_secs(20);
/// Longer than the oracle waits, so that it is the oracle who names the missing.
pub(super) const ROUND_TIMEOUT: Duration = Duration::from_secs(90);
/// Registrations that operators will sign for the manager.
pub(super) const LAST_NONCE: u64 = 1000;

/// The RSA keys of a network: of its operators and of the oracle.
#[derive(Clone)]
pub struct DemoKeys {
    /// In the order of their ids.
    pub(super) operators: Vec<Arc<OperatorPrivateKey>>,
    /// The oracle signs the start messages with it.
    pub(super) initiator: Arc<OperatorPrivateKey>,
}

impl fmt::Debug for DemoKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DemoKeys of {} operators", self.operators.len())
    }
}

impl DemoKeys {
    /// Makes fresh keys: about a tenth of a second each, all at once.
    ///
    /// # Errors
    /// The cryptographic library makes none.
    pub async fn generate(operators: u8) -> Result<Self, DevnetError> {
        let generate = || async {
            let made = tokio::task::spawn_blocking(OperatorPrivateKey::generate).await;
            match made {
                Ok(Ok(key)) => Ok(Arc::new(key)),
                Ok(Err(error)) => Err(failed_part("an operator's key", &error)),
                Err(error) => Err(failed_part("an operator's key", &error)),
            }
        };
        let operators = futures_util::future::try_join_all((0..operators).map(|_| generate()));
        let (operators, initiator) = futures_util::future::try_join(operators, generate()).await?;
        Ok(Self { operators, initiator })
    }

    /// The keys of the first so many operators, if there are so many.
    pub(super) fn first(mut self, operators: u8) -> Option<Self> {
        let operators = usize::from(operators);
        (operators <= self.operators.len()).then(|| {
            self.operators.truncate(operators);
            self
        })
    }
}

/// What the nodes are told about the network.
pub(super) struct Surroundings<'a> {
    pub(super) messenger_url: RedactedUrl,
    pub(super) manager: Address,
    pub(super) spec: &'a BeaconSpec,
    pub(super) genesis_validators_root: Option<Root>,
    pub(super) beacon_url: Option<&'a str>,
    pub(super) folder: &'a Path,
}

/// The operators as they are registered, without the addresses of their nodes.
pub(super) fn records(keys: &DemoKeys) -> Vec<OperatorRecord> {
    (1..)
        .zip(&keys.operators)
        .map(|(id, key)| OperatorRecord {
            id: OperatorId(id),
            name: SafeText::new(&format!("Operator {id}")),
            endpoint: String::new(),
            public_key: key.public().to_registry_text(),
        })
        .collect()
}

/// The withdrawal credentials of the manager's validators.
pub(super) fn credentials(manager: Address) -> Root {
    let mut credentials = [0; 32];
    credentials[0] = 1;
    credentials[12..].copy_from_slice(manager.as_slice());
    Root(credentials)
}

/// Starts a node for each key and waits until the messenger knows them all.
pub(super) async fn start(
    keys: &DemoKeys,
    around: &Surroundings<'_>,
) -> Result<(Vec<NodeHandle>, Vec<OperatorRecord>), DevnetError> {
    let mut records = records(keys);
    let policy = policy(keys, around);
    let indices = indices(around)?;
    let mut nodes = Vec::new();
    for (record, key) in records.iter().zip(&keys.operators) {
        let folder = around.folder.join(format!("operator-{}", record.id));
        let config = NodeConfig {
            directory: DirectorySources {
                configured: records.clone(),
                ..DirectorySources::default()
            },
            policy: policy.clone(),
            validator_indices: indices.clone(),
            round_timeout: ROUND_TIMEOUT,
            ..NodeConfig::new(record.id, Arc::clone(key), around.messenger_url.clone(), folder)
        };
        let node = node::spawn(config).await;
        nodes.push(node.map_err(|error| failed_part("an operator", &error))?);
    }
    for (record, node) in records.iter_mut().zip(&nodes) {
        node.public_url().clone_into(&mut record.endpoint);
    }
    let registered = futures_util::future::join_all(nodes.iter().map(NodeHandle::registered));
    tokio::time::timeout(REGISTERED_DEADLINE, registered)
        .await
        .map_err(|_| failed_part("an operator", &"the messenger does not know it in time"))?;
    Ok((nodes, records))
}

/// The beacon chain, which knows the index of each validator that operators let exit.
fn indices(around: &Surroundings<'_>) -> Result<Option<Arc<dyn ValidatorIndices>>, DevnetError> {
    let Some(url) = around.beacon_url else {
        return Ok(None);
    };
    let config = BeaconConfig::new(vec![RedactedUrl::new(url)], around.genesis_validators_root);
    let beacon = Beacon::new(config).map_err(|error| failed_part("the operators' beacon client", &error))?;
    Ok(Some(Arc::new(beacon)))
}

/// Operators serve this oracle and this manager, and nobody else.
fn policy(keys: &DemoKeys, around: &Surroundings<'_>) -> Policy {
    Policy {
        initiators: Some(vec![Initiator {
            name: "the oracle".into(),
            public_key: keys.initiator.public().to_registry_text(),
        }]),
        withdrawal_credentials: Some(vec![credentials(around.manager)]),
        fork_versions: Some(vec![around.spec.genesis_fork_version]),
        // without a beacon chain there are no exits; a chain whose root is not known yet cannot be listed
        signing: around
            .genesis_validators_root
            .map(|genesis_validators_root| SigningRules {
                owners: vec![OwnerRule {
                    owner: around.manager,
                    last_nonce: LAST_NONCE,
                }],
                exits: vec![ExitRule {
                    genesis_validators_root,
                    capella_fork_version: around.spec.capella_fork_version,
                    own_validators: true,
                    indices: 0..=u64::MAX,
                    epochs: 0..=u64::MAX,
                }],
            }),
    }
}
