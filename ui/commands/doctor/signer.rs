//! The oracle's account.

use alloy::primitives::Address;
use casimir_dkg::chain::rpc::At;
use casimir_dkg::config::{Config, SignerKey, format_ether};
use casimir_dkg::ports::Answer;
use casimir_dkg::signer::{keystore, password};

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
    match &config.signer.key {
        SignerKey::Absent => {
            report.add(Finding::ok(what, "no key: observe mode"));
            None
        }
        SignerKey::MnemonicFile { .. } | SignerKey::Mnemonic { .. } => {
            report.add(Finding::ok(what, "a mnemonic, on a devnet"));
            None
        }
        SignerKey::Keystore {
            path,
            password_file,
            password: given,
        } => {
            let password = match (password_file, given) {
                (Some(file), _) => match password::from_file(file) {
                    Ok(found) => {
                        if let Some(warning) = found.warning {
                            report.add(Finding::warn("password file", warning, ""));
                        }
                        Some(found.password)
                    }
                    Err(e) => {
                        report.add(Finding::fail(what, e.to_string(), ""));
                        return None;
                    }
                },
                (None, given) => given.clone(),
            };
            let Some(password) = password else {
                return match keystore::address(path) {
                    Ok(address) => {
                        let found = format!("{}: its password will be asked for", path.display());
                        report.add(Finding::warn(
                            what,
                            found,
                            "a run without a terminal needs signer.password_file",
                        ));
                        address
                    }
                    Err(e) => {
                        report.add(Finding::fail(what, e.to_string(), ""));
                        None
                    }
                };
            };
            match keystore::open(path, &password) {
                Ok(opened) => {
                    let address = opened.signer.address();
                    if let Some(warning) = opened.warning {
                        report.add(Finding::warn("keystore file", warning, ""));
                    }
                    match config.signer.address {
                        Some(expected) if expected != address => report.add(Finding::fail(
                            what,
                            format!("the keystore holds {address}, signer.address says {expected}"),
                            "one of both is wrong",
                        )),
                        _ => report.add(Finding::ok(what, format!("{} opens: {address}", path.display()))),
                    }
                    Some(address)
                }
                Err(e) => {
                    report.add(Finding::fail(what, e.to_string(), ""));
                    None
                }
            }
        }
    }
}
