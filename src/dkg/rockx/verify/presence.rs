//! Checks that every kind of result has in common: who signed what.

use std::collections::BTreeMap;

use super::{Context, Observed, for_all, names};
use crate::dkg::rockx::wire::SignedOutput;
use crate::types::{CeremonyKind, Check, OperatorId, RequestId};

/// All outputs are there, by the committee only, signed, of this ceremony and kind.
pub(super) fn check(
    context: Context<'_>,
    outputs: &BTreeMap<OperatorId, SignedOutput>,
    checks: &mut Vec<Check>,
) {
    checks.extend([
        all_present(context, outputs),
        by_committee(context, outputs),
        signatures(context, outputs),
        of_this_ceremony(context, outputs),
        of_this_kind(context, outputs),
    ]);
}

fn all_present(context: Context<'_>, outputs: &BTreeMap<OperatorId, SignedOutput>) -> Check {
    let committee = context.plan.committee();
    let missing: Vec<&OperatorId> = committee.iter().filter(|id| !outputs.contains_key(id)).collect();
    Check::of(
        "outputs-present",
        missing.is_empty(),
        if missing.is_empty() {
            format!("outputs of all {} operators", committee.len())
        } else {
            format!("no output of operator {}", names(missing))
        },
    )
}

fn by_committee(context: Context<'_>, outputs: &BTreeMap<OperatorId, SignedOutput>) -> Check {
    let committee = context.plan.committee();
    let foreign = outputs
        .iter()
        .filter_map(|(outer, output)| match output.signer {
            inner if inner != *outer => Some(format!("operator {outer} sent an output signed as {inner}")),
            _ if !committee.contains(outer) => Some(format!("operator {outer} is not of the committee")),
            _ => None,
        })
        .collect();
    for_all("outputs-by-committee", foreign, "each output is its sender's own")
}

fn signatures(context: Context<'_>, outputs: &BTreeMap<OperatorId, SignedOutput>) -> Check {
    let unsigned = outputs
        .iter()
        .filter_map(|(id, output)| match context.keys.get(id) {
            None => Some(format!("no RSA key is known of operator {id}")),
            Some(key) if !output.verify(key) => Some(format!("operator {id}'s signature is not valid")),
            Some(_) => None,
        })
        .collect();
    for_all("output-signatures", unsigned, "every RSA signature is valid")
}

fn of_this_ceremony(context: Context<'_>, outputs: &BTreeMap<OperatorId, SignedOutput>) -> Check {
    let other = outputs
        .iter()
        .filter_map(|(id, output)| match request_id(output) {
            Some(found) if found == context.request_id => None,
            Some(found) => Some(format!("operator {id}'s output is of ceremony {found}")),
            None => Some(format!("operator {id}'s output has no result")),
        })
        .collect();
    for_all(
        "request-id",
        other,
        format!("all outputs are of ceremony {}", context.request_id),
    )
}

fn of_this_kind(context: Context<'_>, outputs: &BTreeMap<OperatorId, SignedOutput>) -> Check {
    let kind = context.plan.kind();
    let sign = kind == CeremonyKind::Sign;
    let wrong_kind = outputs
        .iter()
        .filter(|(_, output)| {
            output.blame_data.is_some()
                || output.data.is_some() == sign
                || output.key_sign_data.is_some() != sign
        })
        .map(|(id, _)| format!("operator {id}'s output is not the result of a {kind}"))
        .collect();
    for_all("output-kind", wrong_kind, format!("all are results of a {kind}"))
}

fn request_id(output: &SignedOutput) -> Option<RequestId> {
    let of_key = output.data.as_ref().map(|data| data.request_id);
    of_key.or_else(|| output.key_sign_data.as_ref().map(|data| data.request_id))
}

/// What the messenger stored is what the operators were heard to say, and nobody said two different things.
pub(super) fn check_observed(
    context: Context<'_>,
    outputs: &BTreeMap<OperatorId, SignedOutput>,
    observed: Option<&Observed>,
    checks: &mut Vec<Check>,
) {
    let Some(observed) = observed else {
        for name in ["observed-outputs", "equivocation", "observed-messages"] {
            checks.push(Check::unknown(name, "the ceremony was not observed"));
        }
        return;
    };
    let differing: Vec<_> = outputs
        .iter()
        .filter(|(id, output)| observed.outputs.get(id).is_some_and(|seen| seen != *output))
        .collect();
    let unseen: Vec<_> = outputs
        .keys()
        .filter(|id| !observed.outputs.contains_key(id))
        .collect();
    checks.push(if !differing.is_empty() {
        let ids = names(differing.into_iter().map(|(id, _)| id));
        Check::fail(
            "observed-outputs",
            format!("stored and observed output differ for operator {ids}"),
        )
    } else if unseen.is_empty() {
        Check::pass("observed-outputs", "every stored output was observed as it is")
    } else {
        Check::unknown(
            "observed-outputs",
            format!("the output of operator {} was not observed", names(unseen)),
        )
    });

    let twice = observed
        .equivocations
        .iter()
        .map(|(id, round)| format!("operator {id} sent two different messages of {round}"))
        .collect();
    checks.push(for_all(
        "equivocation",
        twice,
        "nobody was heard to say two different things",
    ));

    let broken: Vec<String> = observed
        .faults
        .iter()
        .map(|(id, reason)| format!("operator {id}: {reason}"))
        .collect();
    let missing = observed.missing(context);
    checks.push(if !broken.is_empty() {
        for_all("observed-messages", broken, "")
    } else if missing.is_empty() {
        Check::pass(
            "observed-messages",
            "every message of every operator was observed and is well-formed",
        )
    } else {
        let missing: Vec<String> = missing
            .iter()
            .map(|(round, ids)| format!("{round} of operator {}", names(ids)))
            .collect();
        Check::unknown(
            "observed-messages",
            format!("not observed: {}", missing.join("; ")),
        )
    });
}
