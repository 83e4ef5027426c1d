//! The oracle's account.

use alloy::primitives::Address;
use casimir_dkg::chain::rpc::At;
use casimir_dkg::config::Config;
use casimir_dkg::ports::tx_signer::HasKey;
use casimir_dkg::ports::{Answer, TxSigner};
use casimir_dkg::signer::{self, OpenError};
use casimir_dkg::types::{Round, rounded_ether};

use super::chain::Chain;
use super::{Finding, Report};

/// Gives the account, where it is known.
pub(crate) async fn examine(config: &Config, chain: Option<&Chain>, report: &mut Report) -> Option<Address> {
    let address = match key(config, report).await {
        Some(address) => Some(address),
        None => config.signer.address,
    };
    let (Some(account), Some(chain)) = (address, chain) else {
        return address;
    };
    on_chain(config, account, chain, report).await;
    address
}

async fn on_chain(config: &Config, address: Address, chain: &Chain, report: &mut Report) {
    match chain.rpc.balance(address, At::Latest).await {
        Ok(balance) if balance < config.fees.max_fee_wei => report.add(Finding::warn(
            "balance",
            format!("{address} has {}", rounded_ether(balance, Round::Down)),
            "one transaction may cost up to fees.max_fee: send some ETH to the account",
        )),
        Ok(balance) => report.add(Finding::ok(
            "balance",
            format!("{address} has {}", rounded_ether(balance, Round::Down)),
        )),
        Err(e) => report.add(Finding::fail("balance", e.to_string(), "")),
    }
    match chain.manager.authorises(address, At::Latest).await {
        Answer::Yes(()) => report.add(Finding::ok(
            "authorised",
            "the manager accepts this account as its oracle",
        )),
        Answer::No(_) => report.add(Finding::fail(
            "authorised",
            "the manager refuses this account",
            "the manager's owner has to set it as the oracle, or another key is meant",
        )),
        Answer::NotKnown(why) => report.add(Finding::warn(
            "authorised",
            why.to_string(),
            "nobody tells: run it again when the endpoints answer",
        )),
    }
}

/// The key's address, with a finding about the key.
async fn key(config: &Config, report: &mut Report) -> Option<Address> {
    let what = "signer";
    let nobody = "doctor asks nothing";
    match signer::open(config, |_| Err(nobody.to_owned())) {
        Ok(None) => {
            report.add(Finding::ok(what, "no key: observe mode"));
            None
        }
        Ok(Some(opened)) => {
            for warning in opened.warnings {
                report.add(Finding::warn("key file", warning, ""));
            }
            let address = opened.signer.address();
            match opened.signer.is_elsewhere() {
                true => elsewhere(&*opened.signer, report).await,
                false => report.add(Finding::ok(what, format!("{} opens: {address}", opened.what))),
            }
            Some(address)
        }
        Err(OpenError::NoPassword { path, address, .. }) => {
            report.add(Finding::warn(
                what,
                format!("{}: its password will be asked for", path.display()),
                "a run without a terminal needs signer.password_file",
            ));
            address
        }
        Err(error) => {
            report.add(Finding::fail(what, error.to_string(), ""));
            None
        }
    }
}

/// Nothing is signed to find out.
async fn elsewhere(signer: &dyn TxSigner, report: &mut Report) {
    let (what, who) = ("signer", signer.name());
    let account = signer.address();
    report.add(match signer.reach().await {
        Answer::Yes(HasKey::Told) => Finding::ok(what, format!("{who} answers for {account}")),
        Answer::Yes(HasKey::Untold) => Finding::warn(
            what,
            format!("{who} answers, and does not tell whose keys it has (eth_accounts)"),
            "look there whether it has this account's: otherwise the first transaction finds out",
        ),
        Answer::No(evidence) => Finding::fail(
            what,
            evidence.to_string(),
            "give the signer this key, or say its account in signer.address",
        ),
        Answer::NotKnown(why) => Finding::fail(
            what,
            why.to_string(),
            "start the signer, or look at signer.url and the certificates: what is approved is held while it is away",
        ),
    });
}
