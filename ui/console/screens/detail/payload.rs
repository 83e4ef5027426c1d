//! What would leave this machine: decoded where it could be, and always raw.

use std::fmt::Display;

use casimir_dkg::types::{BroughtAlong, CeremonyPlan, OperatorId, OwnerNonce, Parties, SignPurpose};
use casimir_dkg::view::{Payload, TransactionPayload};

use crate::console::theme::Token;
use crate::console::widgets::format;
use crate::console::widgets::page::Page;

/// `unfolded`: raw bytes too, not only how many there are.
pub(super) fn build(page: &mut Page<'_>, payload: &Payload, unfolded: bool) {
    match payload {
        Payload::Ceremony(ceremony) => {
            page.heading("Ceremony");
            plan(page, &ceremony.plan);
            if let Some(parties) = &ceremony.parties {
                self::parties(page, parties);
            }
        }
        Payload::Transaction(tx) => transaction(page, tx, unfolded),
        Payload::Exit(exit) => {
            page.heading("Signed voluntary exit");
            page.field("validator", Token::Value, exit.validator);
            page.field("validator index", Token::Text, exit.validator_index);
            page.field("epoch", Token::Text, exit.epoch);
            page.field("signing root", Token::Value, exit.signing_root);
            page.field("signature", Token::Value, exit.signature);
        }
    }
}

/// What the plan names by numbers alone: the digest binds it, too.
fn parties(page: &mut Page<'_>, parties: &Parties) {
    page.field(
        "contract",
        Token::Value,
        format!("{} on chain {}", parties.manager, parties.chain_id),
    );
    page.text(Token::Muted, "Keys of the operators, by their SHA-256");
    for (operator, key) in &parties.keys {
        page.field(&format!("operator {operator}"), Token::Value, key);
    }
}

fn transaction(page: &mut Page<'_>, tx: &TransactionPayload, unfolded: bool) {
    page.heading("Transaction");
    page.field("chain id", Token::Text, tx.chain_id);
    page.field("from", Token::Value, tx.from);
    page.field("to", Token::Value, tx.to);
    page.field("value", Token::Text, format!("{} ETH", format::eth(tx.value_wei)));
    page.field(
        "fees, at most",
        Token::Emphasis,
        format!("{} ETH", format::eth(tx.fee_ceiling_wei)),
    );
    match &tx.call {
        Some(call) => {
            page.heading(&format!("Call: {}", call.function));
            for argument in &call.arguments {
                page.field(
                    &format!("{} {}", argument.solidity_type, argument.name),
                    Token::Value,
                    &argument.value,
                );
            }
        }
        None => {
            page.heading("Call: not decoded");
            page.text(
                Token::Warn,
                "The call data below could not be decoded. Do not approve what you cannot read.",
            );
        }
    }
    page.heading(&format!("Raw call data: {} bytes", tx.data.len()));
    if unfolded {
        page.bytes(&tx.data);
    }
}

fn ids(ids: &[OperatorId]) -> String {
    ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

fn of_all(threshold: impl Display, committee: &[OperatorId]) -> String {
    format!("{threshold} of {}", committee.len())
}

fn registration(owner: &str, nonce: u64) -> String {
    format!("SSV registration of owner {owner}, nonce {nonce}")
}

fn plan(page: &mut Page<'_>, plan: &CeremonyPlan) {
    page.field("kind", Token::Text, plan.kind());
    match plan {
        CeremonyPlan::Keygen {
            committee,
            threshold,
            withdrawal_credentials,
            fork_version,
            registration,
        } => {
            page.field("committee", Token::Emphasis, ids(committee));
            page.field("threshold", Token::Text, of_all(threshold, committee));
            page.field("withdrawal credentials", Token::Value, withdrawal_credentials);
            page.field("fork version", Token::Value, fork_version);
            if let Some(OwnerNonce { owner, nonce }) = registration {
                page.field("signs, too", Token::Text, self::registration(owner, *nonce));
            }
        }
        CeremonyPlan::Reshare {
            validator,
            old,
            new,
            threshold,
            registration,
            brought,
        } => {
            page.field("validator", Token::Value, validator);
            page.field("dealing now", Token::Text, ids(old));
            page.field("new committee", Token::Emphasis, ids(new));
            page.field("threshold", Token::Text, of_all(threshold, new));
            if let Some(OwnerNonce { owner, nonce }) = registration {
                page.field("signs, too", Token::Text, self::registration(owner, *nonce));
            }
            brought_along(page, brought.as_deref());
        }
        CeremonyPlan::Sign {
            validator,
            committee,
            threshold,
            signing_root,
            what,
            brought,
            ..
        } => {
            page.field("validator", Token::Value, validator);
            page.field("committee", Token::Text, ids(committee));
            page.field("threshold", Token::Text, of_all(threshold, committee));
            page.field("signing root", Token::Value, signing_root);
            let (token, purpose) = purpose(what);
            page.field("signs", token, purpose);
            brought_along(page, brought.as_deref());
        }
    }
}

fn brought_along(page: &mut Page<'_>, brought: Option<&BroughtAlong>) {
    let Some(brought) = brought else {
        return;
    };
    let holders: Vec<_> = brought.handed_back.keys().copied().collect();
    let with = format!("what operators {} handed back with their shares", ids(&holders));
    page.field("brought along", Token::Text, with);
    page.field(
        "withdrawal credentials",
        Token::Value,
        brought.withdrawal_credentials,
    );
    page.field("fork version", Token::Value, brought.fork_version);
    if let Some(signature) = &brought.owner_signature {
        page.field("owner's signature", Token::Value, signature);
    }
}

/// What the signature is good for. An exit stands out: it is final.
fn purpose(what: &SignPurpose) -> (Token, String) {
    match what {
        SignPurpose::OwnerNonce { owner, nonce } => (Token::Text, registration(owner, *nonce)),
        SignPurpose::VoluntaryExit {
            validator_index,
            epoch,
            ..
        } => (
            Token::Danger,
            format!("voluntary exit of validator {validator_index}, from epoch {epoch}"),
        ),
    }
}
