//! The oracle's account.

use alloy::primitives::Address;
use casimir_dkg::chain::rpc::At;
use casimir_dkg::config::{Config, format_ether};
use casimir_dkg::ports::Answer;
use casimir_dkg::signer::{self, AsksNobody};

use super::chain::Chain;
use super::{Finding, Report};

pub(crate) async fn examine(config: &Config, chain: Option<&Chain>, report: &mut Report) {
    let address = match key(config, report) {
        Some(address) => Some(address),
        None => config.signer.address,
    };
    let (Some(address), Some(chain)) = (address, chain) else {
        return;
    };
    match chain.rpc.balance(address, At::Latest).await {
        Ok(balance) if balance < config.fees.max_fee_wei => report.add(Finding::warn(
            "balance",
            format!("{} has {}", address, format_ether(balance)),
            "one transaction may cost up to fees.max_fee: send some ETH to the account",
        )),
        Ok(balance) => report.add(Finding::ok(
            "balance",
            format!("{address} has {}", format_ether(balance)),
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
fn key(config: &Config, report: &mut Report) -> Option<Address> {
    let what = "signer";
    let signing = match signer::open(config, &AsksNobody) {
        Ok(Some(signing)) => signing,
        Ok(None) => {
            report.add(Finding::ok(what, "no key: observe mode"));
            return None;
        }
        Err(error) => {
            report.add(Finding::fail(what, error.to_string(), ""));
            return None;
        }
    };
    for warning in &signing.warnings {
        report.add(Finding::warn("signer's files", warning.to_string(), ""));
    }
    match (&signing.signer, signing.address) {
        (None, _) => report.add(Finding::warn(
            what,
            format!("{}: its password will be asked for", signing.what),
            "a run without a terminal needs signer.password_file",
        )),
        (Some(_), Some(address)) => {
            report.add(Finding::ok(what, format!("{} opens: {address}", signing.what)));
        }
        (Some(_), None) => report.add(Finding::ok(what, signing.what.to_string())),
    }
    signing.address
}
