//! Whether a ceremony's result may be believed: pure functions over signed bytes, used before every approval, by the
//! console, and by the offline check of a transcript.
//!
//! Two sources are compared. The *outputs* are what each operator signed at the end (fetched from a messenger that is not
//! trusted); they are sufficient to accept a key. What was *observed* while the ceremony ran, where it was, must agree with
//! them in every point; where it was not, those checks say unknown.
//!
//! | check | of | holds if |
//! |---|---|---|
//! | `plan` | all | the order makes sense: sizes, threshold, distinct ids, a known RSA key for everybody |
//! | `outputs-present`, `outputs-by-committee` | all | one output of each committee member, and of nobody else |
//! | `output-signatures` | all | each output's RSA signature is valid under its operator's key |
//! | `request-id`, `output-kind` | all | each output is of this ceremony, and of its kind |
//! | `validator-key-equal`, `validator-key-point` | all, keys | one key in all outputs; a point of the prime-order subgroup |
//! | `validator-key-unchanged` | reshare | it is the key that was to be kept |
//! | `share-keys-interpolate` | keys | *all* share keys lie on one polynomial of degree t−1 through the validator key |
//! | `encrypted-shares` | keys | 256 bytes each; what is inside, only its operator can tell |
//! | `deposit-signature-equal`, `deposit-signature` | keygen | one signature, valid for exactly our credentials, 32 ETH, fork |
//! | `no-deposit-signature` | reshare | none was made |
//! | `signature-equal`, `signature` | sign | one signature, valid for the root under the key |
//! | `dealings` | keys, observed | every dealer's proof of knowledge and number of commitments |
//! | `share-keys-derived` | keys, observed | validator key and share keys are what the dealings add up to |
//! | `round-2-keys` | keys, observed | every member derived the same |
//! | `deposit-partials` | keygen, observed | each partial signature is valid under its operator's share key |
//! | `partial-signatures`, `combined-signatures` | sign, observed | as their names say; a bad one is named |
//! | `observed-outputs` | observed | the stored outputs are those that the operators broadcast |
//! | `equivocation` | observed | nobody signed two different messages of one round |
//! | `observed-messages` | observed | every message was seen, and is well-formed |

mod accusation;
mod blame;
mod context;
mod dealt;
mod key_outputs;
mod observed;
mod payload;
mod presence;
mod rejected;
mod sign_outputs;

use std::collections::BTreeMap;

use crate::dkg::rockx::wire::SignedOutput;
use crate::types::{CeremonyPlan, Check, OperatorId, Verification};

pub use accusation::Court;
pub(crate) use accusation::rests_on_shortened;
pub use blame::judge_blame;
pub(crate) use blame::weigh_blame;
pub use context::Context;
pub use observed::Observed;
pub use rejected::Rejected;

/// Verifies the result of a ceremony of any kind.
///
/// `outputs` are the signed outputs by *outer* signer, as the messenger stores them. Without `observed` the checks that
/// need it are unknown. The result is present only if no check failed; it never depends on the messenger's word.
#[must_use]
pub fn verify_ceremony(
    context: Context<'_>,
    outputs: &BTreeMap<OperatorId, SignedOutput>,
    observed: Option<&Observed>,
) -> Verification {
    let mut checks = vec![context.check_plan()];
    presence::check(context, outputs, &mut checks);
    let result = match context.plan {
        CeremonyPlan::Keygen { .. } | CeremonyPlan::Reshare { .. } => {
            key_outputs::check(context, outputs, observed, &mut checks)
        }
        CeremonyPlan::Sign { .. } => sign_outputs::check(context, outputs, observed, &mut checks),
    };
    presence::check_observed(context, outputs, observed, &mut checks);
    Verification::new(checks, result)
}

/// The ids, comma separated.
fn names<'a>(ids: impl IntoIterator<Item = &'a OperatorId>) -> String {
    ids.into_iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(", ")
}

/// A check over all operators: fails with the names of those to whom `faults` applies.
fn for_all(name: &str, faults: Vec<String>, holds: impl AsRef<str>) -> Check {
    if faults.is_empty() {
        Check::pass(name, holds)
    } else {
        Check::fail(name, faults.join("; "))
    }
}

/// The one value of all, if they agree.
fn agreed<'a, T: PartialEq>(mut values: impl Iterator<Item = &'a T>) -> Option<&'a T> {
    let first = values.next()?;
    values.all(|value| value == first).then_some(first)
}
