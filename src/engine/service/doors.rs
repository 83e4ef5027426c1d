//! Which adapters stand behind the doors of the chains.

use std::sync::Arc;

use alloy::primitives::Address;

use super::ServiceError;
use crate::beacon::client::{Beacon, BeaconConfig};
use crate::chain::Finality;
use crate::chain::agreement::Voices;
use crate::chain::execution::Nodes;
use crate::chain::rpc::{Rpc, RpcConfig};
use crate::config::Config;
use crate::http::Http;
use crate::pool::{self, Connection};
use crate::ports::{Agreement, Answer, Consensus, Execution, PoolManager, Ssv, Unknown, Voice};
use crate::ssv::SsvReader;
use crate::types::ClusterLayout;

/// The field order of SSV's cluster: the one that is configured, else the one that the contract takes. Where it takes none
/// that is known, it does not matter: the probe says what is there.
///
/// # Errors
/// Nobody tells, and why.
pub(super) async fn layout(config: &Config, rpc: &Rpc) -> Result<ClusterLayout, Unknown> {
    let contract = &config.contract;
    if let Some(layout) = contract.cluster_layout {
        return Ok(layout);
    }
    match pool::layout_of(contract.adapter, rpc, contract.address).await {
        Answer::Yes(layout) => Ok(layout),
        Answer::No(_) => Ok(ANY_LAYOUT),
        Answer::NotKnown(why) => Err(why),
    }
}

/// The endpoints of the execution layer. None is asked yet.
pub(super) fn rpc(config: &Config, http: &Http) -> Result<Rpc, ServiceError> {
    Ok(Rpc::new(RpcConfig {
        deadline: config.rpc.timeout,
        calls_per_second: config.rpc.calls_per_second,
        http: http.clone(),
        ..RpcConfig::new(config.rpc.urls.clone(), config.network.chain_id)
    })?)
}

/// For questions that no cluster is part of.
pub(super) const ANY_LAYOUT: ClusterLayout = ClusterLayout::ActiveThenBalance;

/// The manager in the version that is configured.
pub(super) fn manager(config: &Config, layout: ClusterLayout, rpc: Rpc) -> Arc<dyn PoolManager> {
    let contract = &config.contract;
    let at = Connection {
        rpc,
        address: contract.address,
        layout,
        from_block: contract.from_block,
    };
    pool::open(contract.adapter, at)
}

/// SSV's network, for the manager as owner.
pub(super) fn ssv(config: &Config, layout: ClusterLayout, rpc: Rpc, network: Address) -> Arc<dyn Ssv> {
    let contract = &config.contract;
    Arc::new(SsvReader::new(
        rpc,
        network,
        contract.address,
        layout,
        contract.from_block,
    ))
}

/// The chain itself.
pub(super) fn execution(config: &Config, rpc: Rpc, finality: Finality) -> Arc<dyn Execution> {
    let deposit_contract = config.network.deposit_contract;
    Arc::new(Nodes::new(
        rpc,
        deposit_contract,
        config.contract.from_block,
        finality,
    ))
}

/// All of it once more for each endpoint.
pub(super) fn agreement(
    config: &Config,
    layout: ClusterLayout,
    rpc: &Rpc,
    ssv_network: Address,
    finality: Finality,
) -> Arc<dyn Agreement> {
    let voice = |(name, rpc): (_, Rpc)| Voice {
        name,
        execution: execution(config, rpc.clone(), finality),
        manager: manager(config, layout, rpc.clone()),
        ssv: ssv(config, layout, rpc, ssv_network),
    };
    Arc::new(Voices::new(rpc.each().into_iter().map(voice).collect()))
}

/// The beacon nodes, where any are configured. The arithmetic of exit domains is tried out on a known value first.
pub(super) fn beacon(config: &Config, http: &Http) -> Result<Option<Arc<dyn Consensus>>, ServiceError> {
    if config.beacon.urls.is_empty() {
        return Ok(None);
    }
    crate::beacon::exit::self_test()?;
    let root = config.network.genesis_validators_root;
    let settings = BeaconConfig {
        deadline: config.beacon.timeout,
        http: http.clone(),
        ..BeaconConfig::new(config.beacon.urls.clone(), root)
    };
    Ok(Some(Arc::new(Beacon::new(settings)?)))
}
