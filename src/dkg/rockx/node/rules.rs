//! What a node agrees to, and the door through which that changes while it runs.

use std::sync::Arc;

use tokio::sync::watch;

use super::NodeError;
use super::policy::{Initiator, Policy, SigningRules, ValidatorIndices};
use super::service::{Indices, Rules};
use crate::dkg::rockx::keys::OperatorPublicKey;
use crate::types::{OperatorId, SafeText};

/// Changes what a running node agrees to.
#[derive(Debug, Clone)]
pub struct RulesDoor {
    id: OperatorId,
    rules: watch::Sender<Arc<Rules>>,
}

impl RulesDoor {
    pub(super) fn of(id: OperatorId, rules: watch::Sender<Arc<Rules>>) -> Self {
        Self { id, rules }
    }

    /// From now on the node agrees to this, and asks `indices` what rules about own validators ask for. What it has agreed
    /// to goes on.
    ///
    /// # Errors
    /// A key or a rule is unusable, or nobody is named whom a rule has to ask: then everything stays as it was.
    pub fn set(&self, policy: Policy, indices: Option<Arc<dyn ValidatorIndices>>) -> Result<(), NodeError> {
        let asks = policy.signing.as_ref().is_some_and(SigningRules::asks_for_index);
        if asks && indices.is_none() {
            return Err(NodeError::NobodyToAsk);
        }
        let rules = Rules::of(policy, indices)?;
        rules.tell_open_doors(self.id);
        self.rules.send_replace(Arc::new(rules));
        Ok(())
    }
}

impl Rules {
    /// # Errors
    /// A key or a rule is unusable.
    pub(super) fn of(policy: Policy, indices: Option<Arc<dyn ValidatorIndices>>) -> Result<Self, NodeError> {
        if let Some(rules) = &policy.signing {
            rules.validate()?;
        }
        Ok(Self {
            initiators: parse_initiators(&policy)?,
            indices: Indices::new(indices),
            policy,
        })
    }

    pub(super) fn tell_open_doors(&self, me: OperatorId) {
        if let Some(doors) = self.policy.open_doors() {
            tracing::warn!(target: "casimir_dkg::node", operator = %me, "NO ALLOW-LIST FOR EVERYTHING, as in RockX's own nodes: {doors}");
        }
    }
}

fn parse_initiators(policy: &Policy) -> Result<Option<Vec<(SafeText, OperatorPublicKey)>>, NodeError> {
    let Some(initiators) = &policy.initiators else {
        return Ok(None);
    };
    let parse = |initiator: &Initiator| match OperatorPublicKey::parse(&initiator.public_key) {
        Ok(key) => Ok((initiator.name.clone(), key)),
        Err(error) => Err(NodeError::Initiator {
            name: initiator.name.clone(),
            error,
        }),
    };
    initiators
        .iter()
        .map(parse)
        .collect::<Result<Vec<_>, _>>()
        .map(Some)
}
