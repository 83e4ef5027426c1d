//! Decisions that were signed elsewhere with a person's own key: brought in through any seat, verified here.

use crate::oracle::{Command, Policy};
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

/// The command of whoever signed, whoever brings it.
///
/// # Errors
/// It is of nobody here, of another engine, or not what was signed.
pub(super) fn command(signed: Box<SignedStatement>, here: &Here<'_>) -> Result<Command, Refused> {
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
    Ok(Command::ApproveSigned { name, uid, signed })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle::Person;
    use crate::secrets::person::PersonSecret;
    use crate::types::{Root, Stated, Statement, UnixMillis};
    use crate::view::fixture::surroundings;

    #[test]
    fn what_is_foreign_changed_or_of_another_engine_is_refused_by_name() {
        let (ada, eve) = (PersonSecret::generate(), PersonSecret::generate());
        let person = Person {
            name: "Ada".into(),
            uid: Some(1000),
            key: ada.public(),
        };
        let policy = Policy {
            persons: vec![person],
            ..Policy::default()
        };
        let network = surroundings(1).network;
        let here = Here {
            policy: &policy,
            network: &network,
            account: None,
        };
        let statement = |change: fn(&mut Statement)| {
            let mut statement = Statement {
                chain_id: network.chain_id,
                manager: network.manager,
                account: None,
                action: "deposit/3#2".parse().unwrap(),
                proposed_at: Some(UnixMillis(3)),
                digest: Root([9; 32]),
                verdict: Stated::Approve,
                unknown: Vec::new(),
                phrase: None,
                expires: UnixMillis(7),
            };
            change(&mut statement);
            statement
        };
        let taken = |signed| command(Box::new(signed), &here);
        let why = |signed| match taken(signed) {
            Err(Refused::NotNow(why)) => why.to_string(),
            other => panic!("{other:?}"),
        };
        let right = ada.sign(statement(|_| ()));
        let Ok(Command::ApproveSigned { name, uid, .. }) = taken(right.clone()) else {
            panic!("it is right")
        };
        assert_eq!((name.as_str(), uid), ("Ada", Some(1000)));
        assert!(why(eve.sign(statement(|_| ()))).contains("nobody in [[person]]"));
        let mut changed = right;
        changed.statement.digest = Root([8; 32]);
        assert!(why(changed).contains("does not hold under the key of Ada"));
        assert!(why(ada.sign(statement(|s| s.chain_id += 1))).contains("Ada signed for the manager"));
        assert!(why(ada.sign(statement(|s| s.manager = Address::ZERO))).contains("this engine works for"));
        assert!(
            why(ada.sign(statement(|s| s.account = Some(Address::ZERO)))).contains("this one has no account")
        );
    }
}
