//! Which adapters stand behind the doors of the chains. The one place where the engine has the endpoints in its hands.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use alloy::primitives::{Address, B256};
use futures_util::future::join_all;
use rand::RngCore as _;
use rand::rngs::OsRng;
use zeroize::Zeroizing;

use super::ServiceError;
use crate::beacon::client::{Beacon, BeaconConfig};
use crate::chain::Finality;
use crate::chain::agreement::Voices;
use crate::chain::comparison::{Comparison, WatchedLogs};
use crate::chain::execution::Nodes;
use crate::chain::history_cache::{self, About, HistoryCache, Seal};
use crate::chain::intake::{EventSources, Intake, IntakeConfig, Resume};
use crate::chain::rpc::{Rpc, RpcConfig};
use crate::chain::sent::LookBack;
use crate::config::{Config, NetworkConfig, NetworkName, NoticesConfig, NoticesTo, presets};
use crate::engine::journal_at;
use crate::engine::notices::Recipient;
use crate::http::Http;
use crate::journal::{self, places};
use crate::notify;
use crate::pool::{self, Connection};
use crate::ports::consensus::{ExitRules, Genesis};
use crate::ports::{
    Agreement, Answer, Consensus, Endpoints, Execution, PoolManager, Ssv, Transactions, Unknown, Voice,
    WatchedEvent,
};
use crate::ssv::{SsvReader, SsvVoices};
use crate::tx;
use crate::types::{ClusterLayout, SafeText};

/// The line to the endpoints of the execution layer. Only this file can ask something over it: everybody else asks through
/// the doors that are made of it here.
#[derive(Debug, Clone)]
pub(super) struct Line {
    rpc: Rpc,
    http: Http,
}

/// The doors of the execution layer: for whoever answers first, and once more for each endpoint.
pub(super) struct Chain {
    pub(super) execution: Arc<dyn Execution>,
    pub(super) manager: Arc<dyn PoolManager>,
    pub(super) ssv: Arc<dyn Ssv>,
    pub(super) agreement: Arc<dyn Agreement>,
    /// The same for whoever looks at each head: it has no time to wait for one that hangs.
    pub(super) looking: Arc<dyn Agreement>,
    pub(super) transactions: Arc<dyn Transactions>,
}

/// The field order of SSV's cluster: the one that is configured, else the one that the contract takes. Where it takes none
/// that is known, it does not matter: the probe says what is there.
///
/// # Errors
/// Nobody tells, and why.
pub(super) async fn layout(config: &Config, line: &Line) -> Result<ClusterLayout, Unknown> {
    let contract = &config.contract;
    if let Some(layout) = contract.cluster_layout {
        return Ok(layout);
    }
    let told = join_all(line.rpc.each().into_iter().map(async |(name, rpc)| {
        (
            name,
            pool::layout_of(contract.adapter, &rpc, contract.address).await,
        )
    }))
    .await;
    let layout = alike(told, |name, other| {
        format!(
            "{name} and {other} tell different orders of SSV's cluster: take the one that lies out of rpc.urls, or set \
             contract.cluster_layout"
        )
    })?;
    Ok(layout.unwrap_or(ANY_LAYOUT))
}

/// What all endpoints tell that say *yes*; none where none does and all say *no*. `apart`: that two of them, by name, differ.
///
/// # Errors
/// They differ, or nobody says *yes* and not everybody says *no*.
fn alike<T: PartialEq>(
    told: Vec<(SafeText, Answer<T>)>,
    apart: impl Fn(&SafeText, &SafeText) -> String,
) -> Result<Option<T>, Unknown> {
    let mut first: Option<(SafeText, T)> = None;
    let mut silent = None;
    for (name, told) in told {
        match (told, &first) {
            (Answer::Yes(told), None) => first = Some((name, told)),
            (Answer::Yes(told), Some((other, known))) => {
                if told != *known {
                    return Err(Unknown::because(apart(&name, other)));
                }
            }
            (Answer::No(_), _) => {}
            (Answer::NotKnown(why), _) => silent = Some(why),
        }
    }
    match (first, silent) {
        (Some((_, told)), _) => Ok(Some(told)),
        (None, Some(why)) => Err(why),
        (None, None) => Ok(None),
    }
}

/// Those who are told what waits, in the name of this network. Nobody is told anything yet.
///
/// # Errors
/// One of them cannot be opened.
pub fn receivers(
    notices: &NoticesConfig,
    network: NetworkName,
    http: &Http,
) -> Result<Vec<Recipient>, notify::NotOpened> {
    let opened = |to| receiver(to, &network, http);
    notices.to.iter().map(opened).collect()
}

/// Opens one of them.
///
/// # Errors
/// A secret of it cannot be read, or its URL is none.
pub fn receiver(to: &NoticesTo, network: &NetworkName, http: &Http) -> Result<Recipient, notify::NotOpened> {
    let source = SafeText::new(&format!("casimir-dkg on {}", network.as_str()));
    Ok(Recipient {
        name: to.name.clone(),
        notifier: notify::open(to, http, &source)?,
        least: to.least,
        kinds: to.kinds.clone(),
    })
}

/// The endpoints of the execution layer. None is asked yet.
pub(super) fn line(config: &Config, http: &Http) -> Result<Line, ServiceError> {
    let rpc = Rpc::new(RpcConfig {
        deadline: config.rpc.timeout,
        calls_per_second: config.rpc.calls_per_second,
        http: http.clone(),
        genesis_block: config.network.genesis_block,
        ..RpcConfig::new(config.rpc.urls.clone(), config.network.chain_id)
    })?;
    let http = http.clone();
    Ok(Line { rpc, http })
}

/// How they are.
pub(super) fn endpoints(line: &Line) -> Arc<dyn Endpoints> {
    Arc::new(line.rpc.clone())
}

/// For questions that no cluster is part of.
pub(super) const ANY_LAYOUT: ClusterLayout = ClusterLayout::ActiveThenBalance;

/// The manager in the version that is configured.
pub(super) fn manager(config: &Config, layout: ClusterLayout, line: &Line) -> Arc<dyn PoolManager> {
    manager_over(config, layout, line.rpc.clone(), None)
}

/// The same as each endpoint alone tells it, in the configured order.
pub(super) fn each_manager(config: &Config, layout: ClusterLayout, line: &Line) -> Vec<Arc<dyn PoolManager>> {
    let alone = |(_, rpc)| manager_over(config, layout, rpc, None);
    line.rpc.each().into_iter().map(alone).collect()
}

/// What is listened for: as every endpoint tells it that does, because one may name another contract than the manager's.
///
/// # Errors
/// Nobody tells, or the endpoints contradict each other, and who.
pub(super) async fn watched(
    config: &Config,
    layout: ClusterLayout,
    line: &Line,
) -> Result<Vec<WatchedEvent>, Unknown> {
    let told = join_all(line.rpc.each().into_iter().map(async |(name, rpc)| {
        let manager = manager_over(config, layout, rpc, None);
        (name, manager.watched().await)
    }))
    .await;
    let watched = alike(told, |name, other| {
        format!(
            "{name} and {other} tell different contracts of the manager to listen to: take the one that lies out of rpc.urls"
        )
    })?;
    watched.ok_or_else(|| Unknown::because("no endpoint knows what the manager's contracts are"))
}

/// `kept`: what was read of its logs before.
fn manager_over(
    config: &Config,
    layout: ClusterLayout,
    rpc: Rpc,
    kept: Option<Arc<HistoryCache>>,
) -> Arc<dyn PoolManager> {
    let contract = &config.contract;
    let at = Connection {
        rpc,
        address: contract.address,
        layout,
        ssv_network: config.network.ssv_network,
        from_block: contract.from_block,
        kept,
    };
    pool::open(contract.adapter, at)
}

/// By the journal's own key. Without it nothing that is kept is believed by the next run.
fn seal(config: &Config) -> Seal {
    let secret = journal::derived_secret(&journal_at(&config.journal), history_cache::PURPOSE);
    let secret = secret.unwrap_or_else(|error| {
        tracing::warn!(target: "chain", %error, "what is read of the history is not kept for the next start");
        None
    });
    let secret = secret.unwrap_or_else(|| {
        let mut once = Zeroizing::new([0; 32]);
        OsRng.fill_bytes(&mut *once);
        once
    });
    Seal::of(&secret)
}

/// What was read of the history before, beside the journal.
pub(super) fn kept(config: &Config, layout: ClusterLayout, ssv_network: Address) -> Arc<HistoryCache> {
    let contract = &config.contract;
    let about = About {
        chain_id: config.network.chain_id,
        manager: contract.address,
        ssv_network,
        from_block: contract.from_block,
        read_as: format!("{} {layout}", contract.adapter),
    };
    let path = places::history_of(&config.journal.path);
    Arc::new(HistoryCache::open(path, about, seal(config)))
}

/// The time of each endpoint for what is asked at each head: less than half a slot.
const TO_LOOK: Duration = Duration::from_secs(5);

/// All of it, going on from what was kept.
pub(super) fn chain(
    config: &Config,
    layout: ClusterLayout,
    line: &Line,
    ssv_network: Address,
    finality: Finality,
    kept: &Arc<HistoryCache>,
) -> Chain {
    let (contract, rpc) = (&config.contract, &line.rpc);
    let manager = |rpc: Rpc| manager_over(config, layout, rpc, Some(Arc::clone(kept)));
    let execution = |rpc: Rpc| Nodes::new(rpc, config.network.deposit_contract, finality);
    let voice = |(name, rpc): (_, Rpc)| {
        let owner = contract.address;
        let ssv = SsvReader::new(rpc.clone(), ssv_network, owner, layout, contract.from_block);
        Voice {
            name,
            execution: Arc::new(execution(rpc.clone())),
            manager: manager(rpc),
            ssv: Arc::new(ssv.kept(Arc::clone(kept))),
        }
    };
    let voices: Vec<Voice> = rpc.each().into_iter().map(voice).collect();
    let mut of_ssv = voices.iter().map(|voice| Arc::clone(&voice.ssv));
    let first = of_ssv.next().expect("a client has at least one endpoint");
    let (manager, ssv) = (
        manager(rpc.clone()),
        Arc::new(SsvVoices::new(first, of_ssv.collect())),
    );
    let transactions = tx::Nodes::new(
        rpc.clone(),
        Arc::clone(&manager),
        Arc::clone(&ssv) as Arc<dyn Ssv>,
        finality,
    );
    Chain {
        execution: Arc::new(execution(rpc.clone()).beside(rpc.each())),
        manager,
        ssv,
        looking: Arc::new(Voices::within(TO_LOOK, voices.clone())),
        agreement: Arc::new(Voices::new(voices)),
        transactions: Arc::new(transactions),
    }
}

/// The event intake, which goes on where `resume` ended.
pub(super) fn intake(
    config: &Config,
    line: &Line,
    chain: &Chain,
    finality: Finality,
    resume: Resume,
) -> Intake {
    let sources = EventSources {
        manager: Arc::clone(&chain.manager),
        // its logs of all owners would come, and nothing here is made of them
        ssv: None,
    };
    let settings = IntakeConfig {
        finality,
        poll_interval: config.rpc.poll_interval,
        socket: config.rpc.ws_url.clone(),
        http: line.http.clone(),
        ..IntakeConfig::new(config.contract.from_block)
    };
    Intake::new(line.rpc.clone(), sources, settings, resume)
}

/// What an account sent to the manager, by the manager's logs.
pub(super) fn look_back(config: &Config, line: &Line, chain: &Chain) -> LookBack {
    let manager = Arc::clone(&chain.manager);
    LookBack::new(line.rpc.clone(), manager, config.contract.from_block)
}

/// The comparison of old blocks with their headers; none where its budget is nothing.
pub(super) fn comparison(
    config: &Config,
    line: &Line,
    chain: &Chain,
    watched: Vec<WatchedEvent>,
    kept: &Arc<HistoryCache>,
) -> Option<Comparison> {
    let budget = NonZeroU32::new(config.rpc.compare_calls_per_second)?;
    let (manager, ssv) = (&chain.manager, &chain.ssv);
    let mut wanted: BTreeMap<Address, Vec<B256>> = BTreeMap::new();
    for event in watched {
        wanted.entry(event.contract).or_default().push(event.topic);
    }
    let of_manager = wanted
        .into_iter()
        .map(|(contract, topics)| WatchedLogs::of("events of the manager", contract, topics, None));
    let owner = Some(manager.address().into_word());
    let of_ssv = WatchedLogs::of(
        "events of SSV for the manager",
        ssv.network(),
        ssv.topics(),
        owner,
    );
    let wanted = of_manager.chain([of_ssv]).collect();
    let from = config.contract.from_block;
    Some(Comparison::new(
        line.rpc.clone(),
        wanted,
        from,
        Arc::clone(kept),
        budget,
    ))
}

/// The rules of a public network's beacon chain, all of which have mainnet's constants; none for one that is configured to be
/// another one.
fn known_rules(network: &NetworkConfig) -> Option<ExitRules> {
    let preset = &presets()[&network.name];
    let is_preset = network.genesis_fork_version == preset.genesis_fork_version
        && network.capella_fork_version == preset.capella_fork_version
        && network.genesis_validators_root == preset.genesis_validators_root;
    if !is_preset {
        return None;
    }
    let genesis = Genesis {
        genesis_time: preset.genesis_time?,
        genesis_validators_root: preset.genesis_validators_root?,
    };
    Some(ExitRules {
        slot: Duration::from_secs(12),
        slots_per_epoch: 32,
        shard_committee_period: 256,
        max_seed_lookahead: 4,
        withdrawability_delay: 256,
        genesis_fork_version: preset.genesis_fork_version,
        capella_fork_version: preset.capella_fork_version,
        genesis,
    })
}

/// The beacon nodes, where any are configured. The arithmetic of exit domains is tried out on a known value first.
pub(super) fn beacon(config: &Config, http: &Http) -> Result<Option<Arc<dyn Consensus>>, ServiceError> {
    if config.beacon.urls.is_empty() {
        return Ok(None);
    }
    crate::beacon::exit::self_test()?;
    let root = config.network.genesis_validators_root;
    let settings = BeaconConfig {
        rules: known_rules(&config.network),
        deadline: config.beacon.timeout,
        http: http.clone(),
        // two epochs: clients call themselves syncing long before
        most_behind: (config.network.name != NetworkName::Devnet).then_some(64),
        ..BeaconConfig::new(config.beacon.urls.clone(), root)
    };
    Ok(Some(Arc::new(Beacon::new(settings)?)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{ForkVersion, Root};

    #[test]
    fn the_rules_of_a_network_are_those_of_its_preset_and_of_no_network_that_is_told_apart() {
        let preset = &presets()[&NetworkName::Mainnet];
        let network = NetworkConfig {
            name: NetworkName::Mainnet,
            chain_id: preset.chain_id,
            genesis_fork_version: preset.genesis_fork_version,
            capella_fork_version: preset.capella_fork_version,
            genesis_validators_root: preset.genesis_validators_root,
            genesis_block: None,
            deposit_contract: preset.deposit_contract,
            ssv_network: None,
            finality: Finality::Tag,
        };
        let rules = known_rules(&network).unwrap();
        assert_eq!(rules.capella_fork_version, preset.capella_fork_version);
        let other = ForkVersion([9; 4]);
        for apart in [
            NetworkConfig {
                genesis_fork_version: other,
                ..network.clone()
            },
            NetworkConfig {
                capella_fork_version: other,
                ..network.clone()
            },
            NetworkConfig {
                genesis_validators_root: Some(Root([9; 32])),
                ..network.clone()
            },
            NetworkConfig {
                name: NetworkName::Devnet,
                ..network.clone()
            },
        ] {
            assert_eq!(known_rules(&apart), None, "{apart:?}");
        }
    }
}
