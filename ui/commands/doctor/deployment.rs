//! What the contracts around the manager are: SSV's version, and where the manager's history begins.

use alloy::primitives::Address;
use casimir_dkg::chain::deployed::deployed_at;
use casimir_dkg::chain::rpc::{At, Rpc};
use casimir_dkg::config::Config;
use casimir_dkg::ports::{Answer, Ssv as _};
use casimir_dkg::ssv::SsvReader;
use casimir_dkg::types::ClusterLayout;

use super::{Finding, Report};

/// `network`: SSV's contract as the manager has it.
pub(crate) async fn examine(
    config: &Config,
    rpc: &Rpc,
    layout: ClusterLayout,
    network: Address,
    report: &mut Report,
) {
    let contract = &config.contract;
    let ssv = SsvReader::new(
        rpc.clone(),
        network,
        contract.address,
        layout,
        contract.from_block,
    );
    report.add(version(&ssv.takes_tokens(At::Latest).await));
    if contract.from_block == 0 && config.network.name.is_public() {
        report.add(begins(&deployed_at(rpc, contract.address).await));
    }
}

fn version(found: &Answer<casimir_dkg::types::SafeText>) -> Finding {
    const WHAT: &str = "SSV version";
    match found {
        Answer::Yes(version) => {
            let version = match version.as_str() {
                "" => "tells no version",
                version => version,
            };
            Finding::ok(
                WHAT,
                format!("{version}, takes registrations with a token amount"),
            )
        }
        Answer::No(evidence) => Finding::fail(
            WHAT,
            evidence.to_string(),
            "no deposit can succeed: the pools need a manager contract that pays SSV in ETH",
        ),
        Answer::NotKnown(why) => Finding::warn(
            WHAT,
            why.to_string(),
            "the check ssv-registers of every key generation stays unknown",
        ),
    }
}

fn begins(found: &Answer<u64>) -> Finding {
    const WHAT: &str = "contract.from_block";
    const HINT: &str = "set contract.from_block to the block of the contract's deployment";
    let zero = "0: every block of the chain is read";
    match found {
        Answer::Yes(block) => Finding::warn(
            WHAT,
            zero,
            &format!("set contract.from_block = {block}: the contract's code is there since"),
        ),
        Answer::No(evidence) => Finding::warn(WHAT, format!("{zero}; {evidence}"), HINT),
        Answer::NotKnown(why) => {
            Finding::warn(WHAT, format!("{zero}; its deployment was not found: {why}"), HINT)
        }
    }
}
