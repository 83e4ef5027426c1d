//! What a signing ceremony is for, and whether the root that it signs says so.

use crate::beacon::roots::voluntary_exit_signing_root;
use crate::types::{CeremonyPlan, Check, OwnerNonce, SignPurpose};

/// The root that is signed is that of what the plan calls it: nobody reads a root.
#[must_use]
pub fn purpose(plan: &CeremonyPlan) -> Option<Check> {
    const NAME: &str = "purpose";
    let CeremonyPlan::Sign {
        signing_root, what, ..
    } = plan
    else {
        return None;
    };
    Some(match what {
        SignPurpose::OwnerNonce { owner, nonce } => {
            let owner = OwnerNonce {
                owner: owner.clone(),
                nonce: *nonce,
            };
            let words = format!("what was signed is the SSV registration {owner}");
            Check::of(NAME, owner.root() == *signing_root, words)
        }
        SignPurpose::VoluntaryExit {
            validator_index,
            epoch,
            domain: Some(domain),
        } => {
            let (version, genesis) = (domain.fork_version, &domain.genesis_validators_root);
            let root = voluntary_exit_signing_root(*epoch, *validator_index, version, genesis);
            let words = format!(
                "what was signed is the voluntary exit of validator {validator_index} from epoch {epoch} on, where the genesis validators root is {genesis}"
            );
            Check::of(NAME, root == *signing_root, words)
        }
        SignPurpose::VoluntaryExit {
            validator_index,
            epoch,
            domain: None,
        } => Check::unknown(
            NAME,
            format!(
                "whether what was signed is the voluntary exit of validator {validator_index} from epoch {epoch} on: this plan does not say on which chain"
            ),
        ),
    })
}
