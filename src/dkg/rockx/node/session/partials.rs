//! Partial signatures of a committee over one message, until they combine.

use std::collections::BTreeMap;

use crate::dkg::threshold::{CombineError, combine, verify_partials};
use crate::log_limit::LogLimit;
use crate::types::{BlsPublicKey, BlsSignature, OperatorId};

/// Lines about bad signatures, of which their sender may post any number.
static BAD: LogLimit = LogLimit::usual();

/// First come, first kept; a signature that turns out bad is dropped and its sender may send another.
#[derive(Debug, Default)]
pub(super) struct Partials(BTreeMap<OperatorId, BlsSignature>);

impl Partials {
    pub(super) fn insert(&mut self, signer: OperatorId, signature: BlsSignature) {
        self.0.entry(signer).or_insert(signature);
    }

    pub(super) fn get(&self, signer: OperatorId) -> Option<&BlsSignature> {
        self.0.get(&signer)
    }

    pub(super) fn signers(&self) -> impl Iterator<Item = OperatorId> {
        self.0.keys().copied()
    }

    /// The signature under `key`, verified, as soon as there are enough good partial ones. The combined signature is
    /// verified first, alone: only if it is bad are the partial ones looked at one by one.
    pub(super) fn combine(
        &mut self,
        key: &BlsPublicKey,
        share_keys: &BTreeMap<OperatorId, BlsPublicKey>,
        message: &[u8],
        threshold: u8,
    ) -> Option<BlsSignature> {
        loop {
            match combine(key, message, threshold, &self.0) {
                Ok(signature) => return Some(signature),
                Err(CombineError::TooFew { .. }) => return None,
                Err(CombineError::Invalid | CombineError::Interpolation(_)) => {
                    let bad = verify_partials(share_keys, message, &self.0);
                    if bad.is_empty() {
                        // only if the share keys themselves do not belong to the key
                        return None;
                    }
                    for signer in bad {
                        if let Some(left_out) = BAD.line() {
                            tracing::warn!(target: "casimir_dkg::node", operator = %signer, left_out, "bad partial signature dropped");
                        }
                        self.0.remove(&signer);
                    }
                }
            }
        }
    }
}
