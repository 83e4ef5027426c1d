//! `[messenger]`: the command `messenger`, and whom a messenger lets in, also the one within the oracle.

use std::net::SocketAddr;
use std::path::PathBuf;

use crate::config::raw::Row;
use crate::config::reader::{Reader, words};
use crate::config::schema::Key;
use crate::config::section::OperatorsConfig;
use crate::config::value::HttpUrl;
use crate::dkg::rockx::keys::OperatorPublicKey;
use crate::listen::{Network, TlsFiles};
use crate::types::{OperatorId, OperatorRecord, SafeText};

pub(in crate::config) const KEYS: &[Key] = &[
    Key::new(
        "messenger.listen",
        "an address and port",
        "Where `messenger` listens.",
    )
    .default("0.0.0.0:3000"),
    Key::new(
        "messenger.data_dir",
        "a path",
        "Where registrations, topics and undelivered messages survive a restart; without it messenger in the state directory.",
    ),
    Key::new(
        "messenger.takeover",
        "refuse or allow",
        "Whether a name may be registered anew while its old address still answers, as RockX allows.",
    )
    .default("refuse"),
    Key::new(
        "messenger.private_addresses",
        "true or false",
        "Whether operators may register private addresses. Link-local ones never, loopback only where it listens there itself, without trusted_proxies.",
    )
    .default("true"),
    Key::new(
        "messenger.trusted_proxies",
        "a list of IP addresses or ranges",
        "Proxies before the messenger: whose X-Forwarded-For tells who asks.",
    ),
    Key::new(
        "messenger.tls_certificate_file",
        "a path",
        "PEM, the chain up to the authority: the messenger speaks TLS with it, and reads it anew when it changes. Without it plain HTTP.",
    ),
    Key::new(
        "messenger.tls_key_file",
        "a path",
        "Private key of that certificate, PEM.",
    ),
    Key::new(
        "messenger.plain_http",
        "a list of IP addresses or ranges",
        "Who may speak plain HTTP all the same, besides this machine and the trusted proxies.",
    ),
];

const OPERATOR: &str = "messenger.operator";
const INITIATOR: &str = "messenger.initiator";

pub(in crate::config) const OPERATOR_KEYS: &[Key] = &[
    Key::new("id", "a number", "SSV operator id."),
    Key::new(
        "address",
        "an http(s) URL",
        "At exactly this address the operator gets in without a proof of its key, as RockX's nodes need it.",
    )
    .url(),
    Key::new(
        "public_key",
        "text",
        "RSA public key; without it that of [[operator]], or the one that operators.ssv_api has.",
    ),
];

pub(in crate::config) const INITIATOR_KEYS: &[Key] = &[
    Key::new("name", "text", "A name for people."),
    Key::new(
        "public_key",
        "text",
        "RSA public key that signs the creation of topics. Without any such table everyone may create some.",
    ),
];

/// What a registration of a known name with another address does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Takeover {
    /// It is refused.
    Refuse,
    /// It replaces the address.
    Allow,
}

words!(Takeover { "refuse" => Takeover::Refuse, "allow" => Takeover::Allow });

/// The command `messenger`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessengerConfig {
    /// Plain HTTP; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Where registrations, topics and undelivered messages are kept.
    pub data_dir: PathBuf,
    /// Whether addresses may be taken over.
    pub takeover: Takeover,
    /// Whether messages are sent to private addresses.
    pub private_addresses: bool,
    /// Proxies whose `X-Forwarded-For` counts.
    pub trusted_proxies: Vec<Network>,
    /// The certificate with which it speaks TLS. `None`: plain HTTP.
    pub tls: Option<TlsFiles>,
    /// Operators that get in at an address, by `[[messenger.operator]]`; the name is empty.
    pub operators: Vec<OperatorRecord>,
    /// Who may create topics. Empty: everybody.
    pub initiators: Vec<OperatorPublicKey>,
}

impl MessengerConfig {
    /// Every operator that the configuration names, those of `[[operator]]` too, with the address at which it gets in.
    #[must_use]
    pub fn known_operators(&self, operators: &OperatorsConfig) -> Vec<OperatorRecord> {
        let mut known = operators.by_id.clone();
        for row in &self.operators {
            let record = known.entry(row.id).or_insert_with(|| row.clone());
            record.endpoint.clone_from(&row.endpoint);
            if !row.public_key.is_empty() {
                record.public_key.clone_from(&row.public_key);
            }
        }
        known.into_values().collect()
    }
}

pub(in crate::config) fn read(r: &mut Reader<'_>) -> Option<MessengerConfig> {
    let listen = r.required("messenger.listen");
    let data_dir = r.path("messenger.data_dir");
    let takeover = r.required("messenger.takeover");
    let private_addresses = r.required("messenger.private_addresses");
    let trusted_proxies = super::proxies(r, "messenger.trusted_proxies");
    let tls = super::tls(
        r,
        [
            "messenger.tls_certificate_file",
            "messenger.tls_key_file",
            "messenger.plain_http",
        ],
    );
    let mut known: Vec<OperatorRecord> = Vec::new();
    let operators = r.each(OPERATOR, |r, row| {
        let record = operator(r, row)?;
        if known.iter().any(|other| other.id == record.id) {
            let message = format!("operator {} has an address already", record.id);
            r.row_error(OPERATOR, row, "id", message);
        }
        if let Some(other) = known.iter().find(|other| other.endpoint == record.endpoint) {
            let message = format!("operator {} is at this address already", other.id);
            r.row_error(OPERATOR, row, "address", message);
        }
        known.push(record.clone());
        Some(record)
    });
    let initiators = r.each(INITIATOR, |r, row| {
        let _ = r.row_optional::<String>(INITIATOR, row, "name");
        let text = r.row_required::<String>(INITIATOR, row, "public_key")?;
        key(r, INITIATOR, row, &text)
    });
    Some(MessengerConfig {
        listen: listen?,
        data_dir: data_dir?.unwrap_or_else(|| r.directories().state.join("messenger")),
        takeover: takeover?,
        private_addresses: private_addresses?,
        trusted_proxies: trusted_proxies?.unwrap_or_default(),
        tls: tls?,
        operators: operators?,
        initiators: initiators?,
    })
}

fn operator(r: &mut Reader<'_>, row: &Row) -> Option<OperatorRecord> {
    let id = r.row_required::<OperatorId>(OPERATOR, row, "id");
    let address = r.row_required::<HttpUrl>(OPERATOR, row, "address");
    let text = r
        .row_optional::<String>(OPERATOR, row, "public_key")?
        .unwrap_or_default();
    if !text.is_empty() {
        key(r, OPERATOR, row, &text)?;
    }
    Some(OperatorRecord {
        id: id?,
        name: SafeText::default(),
        endpoint: address?.0.expose().to_owned(),
        public_key: text,
    })
}

fn key(r: &mut Reader<'_>, list: &'static str, row: &Row, text: &str) -> Option<OperatorPublicKey> {
    match OperatorPublicKey::parse(text) {
        Ok(key) => Some(key),
        Err(error) => {
            r.row_error(list, row, "public_key", error.to_string());
            None
        }
    }
}
