//! Which adapters stand behind the doors of the chains.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::Arc;

use alloy::primitives::{Address, B256};

use super::ServiceError;
use crate::beacon::client::{Beacon, BeaconConfig};
use crate::chain::agreement::Voices;
use crate::chain::comparison::{Comparison, Wanted};
use crate::chain::execution::Nodes;
use crate::chain::intake::Finality;
use crate::chain::kept::{self, About, Kept};
use crate::chain::rpc::Rpc;
use crate::config::Config;
use crate::http::Http;
use crate::pool::{self, Connection};
use crate::ports::{Agreement, Consensus, Execution, PoolManager, Ssv, Voice};
use crate::ssv::{SsvReader, SsvVoices};

/// The doors of the execution layer: for whoever answers first, and once more for each endpoint.
pub(super) struct Chain {
    pub(super) execution: Arc<dyn Execution>,
    pub(super) manager: Arc<dyn PoolManager>,
    pub(super) ssv: Arc<dyn Ssv>,
    pub(super) agreement: Arc<dyn Agreement>,
}

/// The manager in the version that is configured; `kept`: what was read of its logs before.
pub(super) fn manager(config: &Config, rpc: Rpc, kept: Option<Arc<Kept>>) -> Arc<dyn PoolManager> {
    let contract = &config.contract;
    let at = Connection {
        rpc,
        address: contract.address,
        layout: contract.cluster_layout,
        from_block: contract.from_block,
        kept,
    };
    pool::open(contract.adapter, at)
}

/// What was read of the history before, beside the journal.
pub(super) fn kept(config: &Config, ssv_network: Address) -> Arc<Kept> {
    let contract = &config.contract;
    let about = About {
        chain_id: config.network.chain_id,
        manager: contract.address,
        ssv_network,
        from_block: contract.from_block,
        read_as: format!("{} {}", contract.adapter, contract.cluster_layout),
    };
    let path = config.journal.path.with_file_name(kept::FILE_NAME);
    Arc::new(Kept::open(path, about))
}

/// All of it, going on from what was kept.
pub(super) fn chain(
    config: &Config,
    rpc: &Rpc,
    ssv_network: Address,
    finality: Finality,
    kept: &Arc<Kept>,
) -> Chain {
    let contract = &config.contract;
    let manager = |rpc: Rpc| self::manager(config, rpc, Some(Arc::clone(kept)));
    let execution = |rpc: Rpc| Arc::new(Nodes::new(rpc, config.network.deposit_contract, finality));
    let voice = |(name, rpc): (_, Rpc)| {
        let (owner, layout) = (contract.address, contract.cluster_layout);
        let ssv = SsvReader::new(rpc.clone(), ssv_network, owner, layout, contract.from_block);
        Voice {
            name,
            execution: execution(rpc.clone()),
            manager: manager(rpc),
            ssv: Arc::new(ssv.kept(Arc::clone(kept))),
        }
    };
    let voices: Vec<Voice> = rpc.each().into_iter().map(voice).collect();
    let mut of_ssv = voices.iter().map(|voice| Arc::clone(&voice.ssv));
    let first = of_ssv.next().expect("a client has at least one endpoint");
    Chain {
        execution: execution(rpc.clone()),
        manager: manager(rpc.clone()),
        ssv: Arc::new(SsvVoices::new(first, of_ssv.collect())),
        agreement: Arc::new(Voices::new(voices)),
    }
}

/// The comparison of old blocks with their headers; none where its budget is nothing.
pub(super) fn comparison(config: &Config, rpc: &Rpc, chain: &Chain, kept: &Arc<Kept>) -> Option<Comparison> {
    let budget = NonZeroU32::new(config.rpc.compare_calls_per_second)?;
    let (manager, ssv) = (&chain.manager, &chain.ssv);
    let mut wanted: BTreeMap<Address, Vec<B256>> = BTreeMap::new();
    for event in manager.watched() {
        wanted.entry(event.contract).or_default().push(event.topic);
    }
    let of_manager = wanted
        .into_iter()
        .map(|(contract, topics)| Wanted::of("events of the manager", contract, topics, None));
    let owner = Some(manager.address().into_word());
    let of_ssv = Wanted::of(
        "events of SSV for the manager",
        ssv.network(),
        ssv.topics(),
        owner,
    );
    let wanted = of_manager.chain([of_ssv]).collect();
    let from = config.contract.from_block;
    Some(Comparison::new(
        rpc.clone(),
        wanted,
        from,
        Arc::clone(kept),
        budget,
    ))
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
