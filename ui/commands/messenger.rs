//! `messenger`: a RockX messenger until SIGINT or SIGTERM.

use casimir_dkg::config::{self, LoadOptions, MessengerConfig as Settings, MetricsListen, Takeover};
use casimir_dkg::dkg::rockx::messenger::{self, MessengerConfig};
use casimir_dkg::http::Http;
use casimir_dkg::monitor::{self, Role};

use crate::early;
use crate::exit::Outcome;
use crate::headless::Service;
use crate::log::{self, Also};
use crate::output;

pub(crate) fn run(options: &LoadOptions, json: bool) -> anyhow::Result<Outcome> {
    early::is_service();
    let (settings, http, listen, logging) = config::gather(options)?.messenger()?;
    let _guard = log::init(&logging, if json { Also::StderrJson } else { Also::Stderr })?;
    let http = Http::new(&http)?;
    output::outlive_reader();
    super::serve(serve(&settings, http, listen, json))
}

async fn serve(
    settings: &Settings,
    http: Http,
    listen: MetricsListen,
    json: bool,
) -> anyhow::Result<Outcome> {
    // before the port is open: whoever waits for the port may signal at once
    let mut service = Service::begin();
    let mut config = MessengerConfig::new(settings.listen);
    config.http = http.clone();
    config.data_dir = Some(settings.data_dir.clone());
    config.allow_takeover = settings.takeover == Takeover::Allow;
    let port = monitor::bind(listen, Role::Messenger).await?;
    let handle = messenger::spawn(config).await?;
    let _monitor = port.map(|port| port.serve(handle.probe()));
    let url = handle.url();
    if json {
        output::json(&serde_json::json!({"type": "listening", "role": "messenger", "url": url}));
    } else {
        output::line(&format!("messenger listening on {url}"));
    }
    service.runs(Box::new(move || {
        let http = http.clone();
        Box::pin(async move { Ok(http.reload()?) })
    }));
    service.ends().await;
    tokio::select! {
        () = handle.shutdown() => Ok(Outcome::Success),
        () = service.ends() => Ok(Outcome::Forced),
    }
}
