//! Decisions that were signed elsewhere with a person's own key: brought in through any seat, verified here.

use crate::oracle::{Policy, Wish};
use crate::secrets::person::is_signed;
use crate::types::{SafeText, SignedStatement};
use crate::view::{NetworkView, Refused};

use alloy::primitives::Address;

/// What the signer has to have meant.
pub(super) struct Here<'a> {
    pub(super) policy: &'a Policy,
    pub(super) network: &'a NetworkView,
    /// The oracle's account, where there is one.
    pub(super) account: Option<Address>,
}

/// The wish of whoever signed, whoever brings it.
///
/// # Errors
/// It is of nobody here, of another engine, or not what was signed.
pub(super) fn wish(signed: Box<SignedStatement>, here: &Here<'_>) -> Result<Wish, Refused> {
    let refused = |words: String| Err(Refused::NotNow(SafeText::new(&words)));
    let Some(person) = here.policy.persons.iter().find(|p| p.key == signed.key) else {
        return refused(format!(
            "the signature is by key {}, which is the key of nobody in [[person]] of the engine's configuration",
            signed.key
        ));
    };
    let name = person.name.clone();
    if !is_signed(&signed) {
        return refused(format!(
            "the signature does not hold under the key of {name}: what was signed has been changed, or another key signed it"
        ));
    }
    let (said, network) = (&signed.statement, here.network);
    if said.chain_id != network.chain_id || said.manager != network.manager {
        return refused(format!(
            "{name} signed for the manager {} on chain {}, and this engine works for {} on chain {}",
            said.manager, said.chain_id, network.manager, network.chain_id
        ));
    }
    if said.account != here.account {
        let words =
            |account: Option<Address>| account.map_or_else(|| "no account".to_owned(), |a| a.to_string());
        return refused(format!(
            "{name} signed for an engine with {}, and this one has {}",
            words(said.account),
            words(here.account)
        ));
    }
    let uid = person.uid;
    Ok(Wish::ApproveSigned { name, uid, signed })
}
