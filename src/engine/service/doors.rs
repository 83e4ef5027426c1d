//! Which adapters stand behind the doors of the chains.

use std::sync::Arc;

use alloy::primitives::Address;

use super::ServiceError;
use crate::beacon::client::{Beacon, BeaconConfig};
use crate::chain::agreement::Voices;
use crate::chain::execution::Nodes;
use crate::chain::intake::Finality;
use crate::chain::rpc::{Rpc, RpcConfig};
use crate::config::{Config, NetworkName, NoticesConfig, NoticesTo};
use crate::engine::notices::Told;
use crate::http::Http;
use crate::notify;
use crate::pool::{self, Connection};
use crate::ports::{Agreement, Consensus, Execution, PoolManager, Ssv, Voice};
use crate::ssv::SsvReader;
use crate::types::SafeText;

/// Those who are told what waits, in the name of this network. Nobody is told anything yet.
///
/// # Errors
/// One of them cannot be opened.
pub fn receivers(
    notices: &NoticesConfig,
    network: NetworkName,
    http: &Http,
) -> Result<Vec<Told>, notify::NotOpened> {
    let source = SafeText::new(&format!("casimir-dkg on {}", network.as_str()));
    let open = |to: &NoticesTo| {
        Ok(Told {
            name: to.name.clone(),
            notifier: notify::open(to, http, &source)?,
            least: to.least,
            kinds: to.kinds.clone(),
        })
    };
    notices.to.iter().map(open).collect()
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

/// The manager in the version that is configured.
pub(super) fn manager(config: &Config, rpc: Rpc) -> Arc<dyn PoolManager> {
    let contract = &config.contract;
    let at = Connection {
        rpc,
        address: contract.address,
        layout: contract.cluster_layout,
        from_block: contract.from_block,
    };
    pool::open(contract.adapter, at)
}

/// SSV's network, for the manager as owner.
pub(super) fn ssv(config: &Config, rpc: Rpc, network: Address) -> Arc<dyn Ssv> {
    let contract = &config.contract;
    Arc::new(SsvReader::new(
        rpc,
        network,
        contract.address,
        contract.cluster_layout,
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
    rpc: &Rpc,
    ssv_network: Address,
    finality: Finality,
) -> Arc<dyn Agreement> {
    let voice = |(name, rpc): (_, Rpc)| Voice {
        name,
        execution: execution(config, rpc.clone(), finality),
        manager: manager(config, rpc.clone()),
        ssv: ssv(config, rpc, ssv_network),
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
