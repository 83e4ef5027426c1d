//! `messenger`: a RockX messenger until SIGINT or SIGTERM.

use casimir_dkg::config::{self, LoadOptions, MessengerConfig as Settings, MetricsListen, Takeover};
use casimir_dkg::dkg::rockx::messenger::{self, MessengerConfig};
use casimir_dkg::dkg::rockx::node::directory::SsvApi;
use casimir_dkg::engine::service::{self, Judged};
use casimir_dkg::http::{Http, HttpOptions};
use casimir_dkg::listen::Tls;
use casimir_dkg::monitor::{self, Role};
use casimir_dkg::secrets::Holds;

use crate::early;
use crate::exit::Outcome;
use crate::headless::{Service, Takes};
use crate::log::{self, Also};
use crate::output;

pub(crate) fn run(options: &LoadOptions, json: bool) -> anyhow::Result<Outcome> {
    early::is_service();
    let layers = config::gather(options)?;
    let (settings, operators, http, listen, logging) = layers.messenger()?;
    let _guard = log::init(&logging, if json { Also::StderrJson } else { Also::Stderr })?;
    log::worries(layers.worries());
    log::worries(&layers.messenger_worries());
    service::walk(&files(&settings, &http))?;
    let http = Http::new(&http)?;
    let ssv_api = match &operators.ssv_api {
        Some(base) => {
            let network = layers.network_name()?;
            let api = SsvApi::new(&http, base, network.as_str());
            Some(api.map_err(|e| anyhow::anyhow!("operators.ssv_api: {e}"))?)
        }
        None => None,
    };
    let config = MessengerConfig {
        http,
        data_dir: Some(settings.data_dir.clone()),
        allow_takeover: settings.takeover == Takeover::Allow,
        operators: settings.known_operators(&operators),
        ssv_api,
        initiators: settings.initiators.clone(),
        private_addresses: settings.private_addresses,
        trusted_proxies: settings.trusted_proxies.clone(),
        tls: settings.tls.as_ref().map(Tls::open).transpose()?,
        ..MessengerConfig::new(settings.listen)
    };
    output::outlive_reader();
    let (begun, options) = (layers, options.clone());
    let left = move || Ok(TAKES.left(&begun, &config::gather(&options)?));
    super::serve(serve(config, listen, json, left))
}

/// The one list of the files that a messenger opens by itself.
pub(super) fn files(settings: &Settings, http: &HttpOptions) -> Vec<Judged> {
    let mut all = service::of_http(http);
    let tls = settings.tls.iter();
    all.extend(tls.flat_map(|tls| service::of_tls("messenger", tls)));
    let store = settings.data_dir.join(messenger::STORE_FILE);
    all.extend(Judged::database("messenger's store", &store, Holds::Trusted));
    all
}

/// The messenger takes the certificates of its files, and no other value.
const TAKES: Takes = Takes {
    own: |key| {
        let own = [
            "messenger.",
            "operator",
            "http.",
            "metrics.",
            "log.",
            "network.name",
        ];
        own.iter().any(|of| key.starts_with(of))
    },
    anew: |_| false,
};

async fn serve(
    config: MessengerConfig,
    listen: MetricsListen,
    json: bool,
    left: impl Fn() -> anyhow::Result<Vec<&'static str>> + Clone + Send + 'static,
) -> anyhow::Result<Outcome> {
    // before the port is open: whoever waits for the port may signal at once
    let mut service = Service::begin();
    let http = config.http.clone();
    let tls = config.tls.clone();
    let start = async {
        anyhow::Ok((
            monitor::bind(listen, Role::Messenger).await?,
            messenger::spawn(config).await?,
        ))
    };
    let Some(started) = service.begins(start).await else {
        return Ok(Outcome::Success);
    };
    let (port, handle) = started?;
    let _monitor = port.map(|port| port.serve(handle.probe()));
    let url = handle.url();
    if json {
        output::json(&serde_json::json!({"type": "listening", "role": "messenger", "url": url}));
    } else {
        output::line(&format!("messenger listening on {url}"));
    }
    service.runs(Box::new(move || {
        let (http, tls, left) = (http.clone(), tls.clone(), left.clone());
        Box::pin(async move {
            tls.map_or(Ok(()), |tls| tls.reload())?;
            http.reload()?;
            left()
        })
    }));
    let mut broken = handle.broken();
    let why = tokio::select! {
        () = service.ends() => None,
        // the sender is gone only with the messenger
        Ok(why) = broken.wait_for(Option::is_some) => why.clone(),
    };
    tokio::select! {
        () = handle.shutdown() => why.map_or(Ok(Outcome::Success), |why| Err(anyhow::anyhow!("{why}"))),
        () = service.ends() => Ok(Outcome::Forced),
    }
}
