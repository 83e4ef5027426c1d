//! `operator`: an operator's DKG node until SIGINT or SIGTERM.

mod kept;
mod key;
mod rockx;

pub(super) use key::read as key;

use std::sync::Arc;

use casimir_dkg::beacon::client::{Beacon, BeaconConfig};
use casimir_dkg::config::{
    self, ConfigErrors, Layers, LoadOptions, MetricsListen, NodeConfig as Settings, NodeKey, NodeRules,
    OperatorsConfig,
};
use casimir_dkg::dkg::rockx::node::directory::{DirectorySources, SsvApi};
use casimir_dkg::dkg::rockx::node::policy::{
    ExitRule, Initiator, OwnerRule, Policy, SigningRules, ValidatorIndices,
};
use casimir_dkg::dkg::rockx::node::{self, NodeConfig};
use casimir_dkg::engine::service::{self, Judged};
use casimir_dkg::http::{Http, HttpOptions};
use casimir_dkg::listen::Tls;
use casimir_dkg::monitor::{self, Role};
use casimir_dkg::secrets::Holds;

use crate::args::OperatorCommand;
use crate::early;
use crate::exit::{self, Outcome};
use crate::headless::{Service, Takes};
use crate::log::{self, Also};
use crate::output;

pub(crate) fn run(
    command: Option<&OperatorCommand>,
    options: &LoadOptions,
    json: bool,
) -> anyhow::Result<Outcome> {
    if let Some(command) = command {
        return kept::run(command, options, json);
    }
    early::is_service();
    let layers = gather(options)?;
    let (settings, operators, http, listen, logging) = layers.node()?;
    let _guard = log::init(&logging, if json { Also::StderrJson } else { Also::Stderr })?;
    log::worries(layers.worries());
    log::worries(&layers.node_worries());
    service::walk(&files(&settings, &http))?;
    let private_key = key(&settings.key)?;
    let network = layers.network_name()?;
    let http = Http::new(&http)?;
    let config = NodeConfig {
        listen: settings.listen,
        public_url: settings.public_url.as_ref().map(|url| url.expose().to_owned()),
        directory: directory(&settings, operators, network.as_str(), &http)?,
        policy: policy(&settings.rules),
        validator_indices: indices(&settings, &http)?,
        round_timeout: settings.round_timeout,
        trusted_proxies: settings.trusted_proxies.clone(),
        tls: settings.tls.as_ref().map(Tls::open).transpose()?,
        http,
        ..NodeConfig::new(
            settings.id,
            private_key.into(),
            settings.messenger_url.clone(),
            settings.data_dir.clone(),
        )
    };
    output::outlive_reader();
    let again = {
        let (options, http) = (options.clone(), config.http.clone());
        move || read_anew(&layers, &options, &http)
    };
    super::serve(serve(config, listen, json, again))
}

/// A node agrees by the rules that were read last, and asks the beacon nodes that stand with them.
const TAKES: Takes = Takes {
    own: |key| {
        let own = [
            "node.",
            "operator",
            "beacon.urls",
            "http.",
            "metrics.",
            "log.",
            "network.name",
        ];
        own.iter().any(|of| key.starts_with(of))
    },
    anew: |key| {
        let rules = [
            "node.initiator",
            "node.owner",
            "node.exit",
            "node.withdrawal_credentials",
            "node.fork_versions",
            "beacon.urls",
        ];
        rules.contains(&key)
    },
};

/// What was read anew.
struct Anew {
    policy: Policy,
    /// Whom its rules ask.
    indices: Option<Arc<dyn ValidatorIndices>>,
    /// Keys that only a restart takes.
    left: Vec<&'static str>,
}

/// The one list of the files that a node opens by itself.
pub(super) fn files(settings: &Settings, http: &HttpOptions) -> Vec<Judged> {
    let mut all = service::of_http(http);
    if let NodeKey::File { path, password_file } = &settings.key {
        all.push(Judged::needed("node.key_file", path, Holds::Secret));
        // beside a key in clear nobody opens it
        let password = password_file.iter().filter(|_| key::is_encrypted(path));
        all.extend(password.map(|path| Judged::needed("node.password_file", path, Holds::Secret)));
    }
    let tls = settings.tls.iter();
    all.extend(tls.flat_map(|tls| service::of_tls("node", tls)));
    let store = settings.data_dir.join(node::STORE_FILE);
    let manifest = node::store::manifest_of(&store);
    all.extend(Judged::database("share store", &store, Holds::Secret));
    all.push(Judged::if_there("share manifest", manifest, Holds::Trusted));
    all
}

/// With what RockX's own variables say.
fn gather(options: &LoadOptions) -> Result<Layers, ConfigErrors> {
    config::gather(&rockx::with_fallbacks(options, |name| std::env::var(name).ok()))
}

/// The same for what uses a part of it.
pub(super) fn survey(options: &LoadOptions) -> Result<Layers, ConfigErrors> {
    config::survey(&rockx::with_fallbacks(options, |name| std::env::var(name).ok()))
}

/// The rules as they are written now, with the beacon nodes that they ask.
fn read_anew(begun: &Layers, options: &LoadOptions, http: &Http) -> anyhow::Result<Anew> {
    let layers = gather(options)?;
    let (settings, ..) = layers.node()?;
    Ok(Anew {
        policy: policy(&settings.rules),
        indices: indices(&settings, http)?,
        left: TAKES.left(begun, &layers),
    })
}

async fn serve(
    config: NodeConfig,
    listen: MetricsListen,
    json: bool,
    rules: impl Fn() -> anyhow::Result<Anew> + Clone + Send + 'static,
) -> anyhow::Result<Outcome> {
    // before the port is open: whoever waits for the port may signal at once
    let mut service = Service::begin();
    let http = config.http.clone();
    let tls = config.tls.clone();
    let messenger = config.messenger_url.clone();
    let start = async {
        anyhow::Ok((
            monitor::bind(listen, Role::Operator).await?,
            node::spawn(config).await?,
        ))
    };
    // a node asks for its own key before it opens its port
    let Some(started) = service.begins(start).await else {
        return Ok(Outcome::Success);
    };
    let (port, mut handle) = started?;
    let _monitor = port.map(|port| port.serve(handle.probe()));
    let (id, url) = (handle.id(), handle.public_url().to_owned());
    if json {
        output::json(&serde_json::json!({
            "type": "listening", "role": "operator", "id": id, "url": url, "address": handle.local_addr(),
            "process": std::process::id(),
        }));
    } else {
        output::line(&format!(
            "operator {id} listening on {}, registers {url} with {messenger}",
            handle.local_addr()
        ));
    }
    let door = handle.rules();
    service.runs(Box::new(move || {
        let (http, tls, rules, door) = (http.clone(), tls.clone(), rules.clone(), door.clone());
        Box::pin(async move {
            tls.map_or(Ok(()), |tls| tls.reload())?;
            http.reload()?;
            let Anew {
                policy,
                indices,
                left,
            } = rules()?;
            door.set(policy, indices)?;
            Ok(left)
        })
    }));
    tokio::select! {
        () = service.ends() => {}
        ended = handle.ended() => {
            ended?;
            let words = "the node ended by itself".to_owned();
            return Ok(exit::judged(None, vec![words]));
        }
    }
    tokio::select! {
        () = handle.shutdown() => Ok(Outcome::Success),
        () = service.ends() => Ok(Outcome::Forced),
    }
}

fn directory(
    settings: &Settings,
    operators: OperatorsConfig,
    network: &str,
    http: &Http,
) -> anyhow::Result<DirectorySources> {
    let api = match operators.ssv_api {
        Some(base) => {
            Some(SsvApi::new(http, &base, network).map_err(|e| anyhow::anyhow!("operators.ssv_api: {e}"))?)
        }
        None => None,
    };
    // those without a key are asked from the API when they are needed
    let configured = operators
        .by_id
        .into_values()
        .filter(|record| !record.public_key.is_empty());
    Ok(DirectorySources {
        configured: configured.collect(),
        test_operators: settings.test_operators,
        api,
    })
}

/// The beacon nodes, if a rule is about own validators; of the chain that the first such rule names.
fn indices(settings: &Settings, http: &Http) -> anyhow::Result<Option<Arc<dyn ValidatorIndices>>> {
    let (_, exits) = settings
        .rules
        .signing
        .as_ref()
        .map_or((&[][..], &[][..]), |(o, e)| (o, e));
    let Some(rule) = exits.iter().find(|rule| rule.own_validators) else {
        return Ok(None);
    };
    let config = BeaconConfig {
        http: http.clone(),
        ..BeaconConfig::new(settings.beacon_urls.clone(), Some(rule.genesis_validators_root))
    };
    Ok(Some(Arc::new(Beacon::new(config)?)))
}

/// What the configured rules agree to.
pub(super) fn policy(rules: &NodeRules) -> Policy {
    let initiators = rules.initiators.as_ref().map(|list| {
        list.iter()
            .map(|allowed| Initiator {
                name: allowed.name.clone(),
                public_key: allowed.public_key.clone(),
            })
            .collect()
    });
    let signing = rules.signing.as_ref().map(|(owners, exits)| SigningRules {
        owners: owners
            .iter()
            .map(|allowed| OwnerRule {
                owner: allowed.owner,
                last_nonce: allowed.last_nonce,
            })
            .collect(),
        exits: exits
            .iter()
            .map(|allowed| ExitRule {
                genesis_validators_root: allowed.genesis_validators_root,
                capella_fork_version: allowed.capella_fork_version,
                own_validators: allowed.own_validators,
                indices: allowed.indices.clone(),
                epochs: allowed.epochs.clone(),
            })
            .collect(),
    });
    Policy {
        initiators,
        withdrawal_credentials: rules.withdrawal_credentials.clone(),
        fork_versions: rules.fork_versions.clone(),
        signing,
    }
}
