//! Every file that a start opens by itself, of the oracle, of a messenger and of an operator's node, for whoever looks before it does. The configuration and its rules are read
//! before, and what the signer opens is the signer's.

use std::path::{Path, PathBuf};

use super::backend::{self, BackendError};
use crate::config::{Config, MessengerConfig, NodeConfig, NodeKey, Receiver, UrlSource};
use crate::dkg::rockx::keys::OperatorPrivateKey;
use crate::dkg::rockx::{messenger, node};
use crate::engine::journal_at;
use crate::http::HttpOptions;
use crate::listen::TlsFiles;
use crate::secrets::{Holds, open};

/// A file that a start judges.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judged {
    /// Its key, or what it is.
    pub what: String,
    pub path: PathBuf,
    pub holds: Holds,
    /// No start without it.
    pub is_needed: bool,
}

impl Judged {
    fn needed(what: impl Into<String>, path: &Path, holds: Holds) -> Self {
        Self {
            what: what.into(),
            path: path.to_owned(),
            holds,
            is_needed: true,
        }
    }

    fn if_there(what: &str, path: PathBuf, holds: Holds) -> Self {
        Self {
            what: what.to_owned(),
            path,
            holds,
            is_needed: false,
        }
    }
}

/// The one list of them.
#[must_use]
pub fn files(config: &Config) -> Vec<Judged> {
    let mut all = of_http(&config.http);
    let initiator = config.dkg.initiator_key_file.iter();
    all.extend(initiator.map(|path| Judged::needed("dkg.initiator_key_file", path, Holds::Secret)));
    all.extend(
        config
            .messenger
            .tls
            .iter()
            .flat_map(|tls| of_tls("messenger", tls)),
    );
    for to in &config.notices.to {
        let of = secrets_of(&to.receiver).into_iter();
        all.extend(of.map(|path| Judged::needed(format!("notices to {}", to.name), path, Holds::Secret)));
    }
    let beside = journal_at(&config.journal).beside().into_iter();
    all.extend(beside.map(|(what, path, holds)| Judged::if_there(what, path, holds)));
    all
}

/// The one list of those that a messenger opens by itself.
#[must_use]
pub fn files_of_messenger(settings: &MessengerConfig, http: &HttpOptions) -> Vec<Judged> {
    let mut all = of_http(http);
    all.extend(settings.tls.iter().flat_map(|tls| of_tls("messenger", tls)));
    let store = settings.data_dir.join(messenger::STORE_FILE);
    all.push(Judged::if_there("messenger's store", store, Holds::Trusted));
    all
}

/// The one list of those that an operator's node opens by itself.
#[must_use]
pub fn files_of_node(settings: &NodeConfig, http: &HttpOptions) -> Vec<Judged> {
    let mut all = of_http(http);
    if let NodeKey::File { path, password_file } = &settings.key {
        all.push(Judged::needed("node.key_file", path, Holds::Secret));
        // beside a key in clear nobody opens it
        let password = password_file.iter().filter(|_| is_encrypted(path));
        all.extend(password.map(|path| Judged::needed("node.password_file", path, Holds::Secret)));
    }
    all.extend(settings.tls.iter().flat_map(|tls| of_tls("node", tls)));
    let store = settings.data_dir.join(node::STORE_FILE);
    let manifest = node::store::manifest_of(&store);
    all.push(Judged::if_there("share store", store, Holds::Secret));
    all.push(Judged::if_there("share manifest", manifest, Holds::Trusted));
    all
}

/// As the node reads a key: RockX's encrypted JSON, or a PEM.
fn is_encrypted(key: &Path) -> bool {
    let text = open(key, Holds::Secret).and_then(|found| found.bytes(OperatorPrivateKey::MAX_FILE));
    text.is_ok_and(|text| text.trim_ascii_start().starts_with(b"{"))
}

fn of_http(http: &HttpOptions) -> Vec<Judged> {
    let bundle = http.ca_file.iter();
    bundle
        .map(|path| Judged::needed("http.ca_file", path, Holds::Trusted))
        .collect()
}

/// Certificate and key of a port of `section`.
fn of_tls(section: &str, tls: &TlsFiles) -> [Judged; 2] {
    [
        Judged::needed(
            format!("{section}.tls_certificate_file"),
            &tls.certificate,
            Holds::Trusted,
        ),
        Judged::needed(format!("{section}.tls_key_file"), &tls.key, Holds::Secret),
    ]
}

fn secrets_of(receiver: &Receiver) -> Vec<&Path> {
    match receiver {
        Receiver::Webhook { to, key_file } => file_of(to).into_iter().chain(key_file.as_deref()).collect(),
        Receiver::Slack { to } => file_of(to).into_iter().collect(),
        Receiver::Telegram { token_file, .. } => vec![token_file],
        Receiver::PagerDuty { key_file, .. } => vec![key_file],
        Receiver::Alertmanager { base } => file_of(base).into_iter().collect(),
        Receiver::Command(_) => Vec::new(),
    }
}

fn file_of(url: &UrlSource) -> Option<&Path> {
    match url {
        UrlSource::Url(_) => None,
        UrlSource::File(path) => Some(path),
    }
}

/// Whether the initiator's key can be used, as a start finds it.
///
/// # Errors
/// As the start's.
pub fn judge_initiator_key(config: &Config) -> Result<(), BackendError> {
    let path = config.dkg.initiator_key_file.as_deref();
    path.map_or(Ok(()), |path| backend::signing_key(path).map(drop))
}
