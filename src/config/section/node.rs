//! `[node]`: the command `operator`.

use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use alloy::primitives::Address;
use secrecy::SecretString;

use crate::config::raw::Row;
use crate::config::reader::Reader;
use crate::config::schema::Key;
use crate::config::value::HttpUrl;
use crate::dkg::rockx::keys::OperatorPublicKey;
use crate::listen::{Network, TlsFiles};
use crate::types::{ForkVersion, OperatorId, RedactedUrl, Root, RsaPublicKeyText, SafeText};

pub(in crate::config) const KEYS: &[Key] = &[
    Key::new("node.id", "an operator id", "The operator's SSV id.").flag("--id"),
    Key::new("node.listen", "an address and port", "Where the node listens.")
        .default("0.0.0.0:8080")
        .flag("--listen"),
    Key::new(
        "node.public_url",
        "an http(s) URL",
        "How the messenger reaches the node; without it http://<listen address>.",
    )
    .url()
    .flag("--public-url"),
    Key::new("node.messenger_url", "an http(s) URL", "The messenger.")
        .url()
        .flag("--messenger"),
    Key::new(
        "node.key_file",
        "a path",
        "RSA private key: PEM, or the encrypted JSON of RockX.",
    )
    .flag("--key-file"),
    Key::new("node.key", "text", "RSA private key: base64 of the PEM.").secret(),
    Key::new(
        "node.password_file",
        "a path",
        "Password of an encrypted key file. It also encrypts the shares at rest.",
    )
    .flag("--password-file"),
    Key::new(
        "node.data_dir",
        "a path",
        "Where shares are kept, encrypted; without it node-<id> in the state directory.",
    ),
    Key::new(
        "node.round_timeout",
        "a time",
        "How long a round may take; RockX's nodes wait this long.",
    )
    .within("1s", "1d")
    .default("10m"),
    Key::new(
        "node.test_operators",
        "true or false",
        "Also know RockX's test operators 1 to 8, whose private keys are public: for local networks only.",
    )
    .default("false"),
    Key::new(
        "node.trusted_proxies",
        "a list of IP addresses or ranges",
        "Proxies before the node: whose X-Forwarded-For tells who asks.",
    ),
    Key::new(
        "node.tls_certificate_file",
        "a path",
        "PEM, the chain up to the authority: the node speaks TLS with it, and reads it anew when it changes. Without it plain HTTP.",
    ),
    Key::new(
        "node.tls_key_file",
        "a path",
        "Private key of that certificate, PEM.",
    ),
    Key::new(
        "node.plain_http",
        "a list of IP addresses or ranges",
        "Who may speak plain HTTP all the same, besides this machine and the trusted proxies.",
    ),
    Key::new(
        "node.withdrawal_credentials",
        "a list of 32-byte roots",
        "Withdrawal credentials that a new key's deposit may have; without it any.",
    ),
    Key::new(
        "node.fork_versions",
        "a list of 4-byte versions",
        "Genesis fork versions that a new key's deposit may be signed for; without it any.",
    ),
];

const TLS: [&str; 3] = [
    "node.tls_certificate_file",
    "node.tls_key_file",
    "node.plain_http",
];
const INITIATOR: &str = "node.initiator";
const OWNER: &str = "node.owner";
const EXIT: &str = "node.exit";

pub(in crate::config) const INITIATOR_KEYS: &[Key] = &[
    Key::new("name", "text", "A name for the log."),
    Key::new(
        "public_key",
        "text",
        "RSA public key that signs start messages. Without any such table anyone may start a ceremony.",
    ),
];

pub(in crate::config) const OWNER_KEYS: &[Key] = &[
    Key::new(
        "owner",
        "an address",
        "Account whose SSV registrations keys may sign: the manager contract.",
    ),
    Key::new(
        "last_nonce",
        "a number",
        "Highest registration nonce that may be signed.",
    ),
];

pub(in crate::config) const EXIT_KEYS: &[Key] = &[
    Key::new("genesis_validators_root", "32 bytes of hex", "Of the chain."),
    Key::new(
        "capella_fork_version",
        "4 bytes of hex",
        "Of the chain (EIP-7044).",
    ),
    Key::new(
        OWN,
        "true or false",
        "Only the exits of validators whose shares this node holds; their indices are asked from beacon.urls. The four \
         ranges are optional then.",
    ),
    Key::new("first_index", "a number", "First validator index that may exit."),
    Key::new("last_index", "a number", "Last validator index that may exit."),
    Key::new("first_epoch", "a number", "First epoch of an exit."),
    Key::new("last_epoch", "a number", "Last epoch of an exit."),
];

const OWN: &str = "own_validators";

/// Where the node's RSA key is.
#[derive(Debug, Clone)]
pub enum NodeKey {
    /// A PEM file, or RockX's encrypted JSON with a password file.
    File {
        path: PathBuf,
        password_file: Option<PathBuf>,
    },
    /// Base64 of a PEM, from the environment.
    Inline(SecretString),
}

/// The command `operator`.
#[derive(Debug, Clone)]
pub struct NodeConfig {
    /// Id in the SSV registry, which ceremonies and shares name.
    pub id: OperatorId,
    /// Plain HTTP; port 0 takes a free one.
    pub listen: SocketAddr,
    /// How the messenger reaches it. `None`: `http://` and the address that was bound.
    pub public_url: Option<RedactedUrl>,
    /// Base URL, without the routes.
    pub messenger_url: RedactedUrl,
    /// Its public half is in the SSV registry: shares are encrypted to it, outputs are signed with it.
    pub key: NodeKey,
    /// Where shares are kept.
    pub data_dir: PathBuf,
    /// How long a round may take.
    pub round_timeout: Duration,
    /// Also know RockX's published test operators.
    pub test_operators: bool,
    /// Proxies before the node.
    pub trusted_proxies: Vec<Network>,
    /// The certificate with which it speaks TLS. `None`: plain HTTP.
    pub tls: Option<TlsFiles>,
    /// What the node agrees to do.
    pub rules: NodeRules,
    /// Beacon nodes, which know the index of a validator; one at least if a rule is about own validators.
    pub beacon_urls: Vec<RedactedUrl>,
}

/// What the node agrees to do. A list that is `None` accepts everything, as RockX's nodes do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NodeRules {
    /// Who may start a ceremony.
    pub initiators: Option<Vec<AllowedInitiator>>,
    /// Withdrawal credentials of new keys.
    pub withdrawal_credentials: Option<Vec<Root>>,
    /// Genesis fork versions of new keys.
    pub fork_versions: Option<Vec<ForkVersion>>,
    /// What existing keys may sign; both lists may be empty, which allows nothing.
    pub signing: Option<(Vec<AllowedOwner>, Vec<AllowedExits>)>,
}

/// Somebody who may start ceremonies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AllowedInitiator {
    /// Says in the log who started a ceremony; nothing is decided by it.
    pub name: SafeText,
    /// RSA public key as configured.
    pub public_key: RsaPublicKeyText,
}

/// SSV registrations that may be signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AllowedOwner {
    /// The manager contract, which owns the validators in SSV.
    pub owner: Address,
    /// Highest registration nonce of that owner, inclusive.
    pub last_nonce: u64,
}

/// Voluntary exits that may be signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AllowedExits {
    /// Enters the signing domain: exits of other chains are refused.
    pub genesis_validators_root: Root,
    /// The fork version of every exit since Deneb (EIP-7044).
    pub capella_fork_version: ForkVersion,
    /// Only of validators whose shares the node holds.
    pub own_validators: bool,
    /// Indices on the beacon chain, inclusive.
    pub indices: RangeInclusive<u64>,
    /// Epochs that the signed message may name, inclusive.
    pub epochs: RangeInclusive<u64>,
}

pub(in crate::config) fn read(r: &mut Reader<'_>) -> Option<NodeConfig> {
    let id = r.required::<OperatorId>("node.id");
    let listen = r.required("node.listen");
    let public_url = r.optional::<HttpUrl>("node.public_url");
    let messenger_url = r.required::<HttpUrl>("node.messenger_url");
    let key = key(r);
    let data_dir = r.path("node.data_dir");
    let round_timeout = r.required("node.round_timeout");
    let test_operators = r.required("node.test_operators");
    let trusted_proxies = super::proxies(r, "node.trusted_proxies");
    let tls = super::tls(r, TLS);
    let rules = rules(r);
    let beacon_urls = beacon_urls(r);
    let id = id?;
    Some(NodeConfig {
        id,
        listen: listen?,
        public_url: public_url?.map(|url| url.0),
        messenger_url: messenger_url?.0,
        key: key?,
        data_dir: data_dir?.unwrap_or_else(|| of_state(r, id)),
        round_timeout: round_timeout?,
        test_operators: test_operators?,
        trusted_proxies: trusted_proxies?.unwrap_or_default(),
        tls: tls?,
        rules: rules?,
        beacon_urls: beacon_urls?,
    })
}

fn of_state(r: &Reader<'_>, id: OperatorId) -> PathBuf {
    r.directories().state.join(format!("node-{id}"))
}

/// Where shares are kept, for whoever needs nothing else of a node.
pub(in crate::config) fn data_dir(r: &mut Reader<'_>) -> Option<PathBuf> {
    if let Some(given) = r.path("node.data_dir")? {
        return Some(given);
    }
    let id = r.required("node.id")?;
    Some(of_state(r, id))
}

/// The node's key.
pub(in crate::config) fn key(r: &mut Reader<'_>) -> Option<NodeKey> {
    let key_file = r.path("node.key_file");
    let inline = r.optional::<SecretString>("node.key");
    let password_file = r.path("node.password_file");
    match (key_file?, inline?) {
        (Some(_), Some(_)) => {
            r.error("node.key_file", "both a key file and a key are given".to_owned());
            None
        }
        (Some(path), None) => Some(NodeKey::File {
            path,
            password_file: password_file?,
        }),
        (None, Some(key)) => Some(NodeKey::Inline(key)),
        (None, None) => {
            r.missing("node.key_file");
            None
        }
    }
}

fn beacon_urls(r: &mut Reader<'_>) -> Option<Vec<RedactedUrl>> {
    let urls = r.optional::<Vec<HttpUrl>>("beacon.urls")?;
    Some(urls.unwrap_or_default().into_iter().map(|url| url.0).collect())
}

/// For the oracle, which needs no node: reports bad values, not missing ones.
pub(in crate::config) fn check(r: &mut Reader<'_>) {
    let _ = r.optional::<OperatorId>("node.id");
    let _ = r.optional::<SocketAddr>("node.listen");
    let _ = r.optional::<HttpUrl>("node.public_url");
    let _ = r.optional::<HttpUrl>("node.messenger_url");
    let _ = (
        r.path("node.key_file"),
        r.path("node.password_file"),
        r.path("node.data_dir"),
    );
    let _ = r.required::<Duration>("node.round_timeout");
    let _ = r.required::<bool>("node.test_operators");
    let _ = super::proxies(r, "node.trusted_proxies");
    let _ = super::tls(r, TLS);
    let _ = rules(r);
}

fn rules(r: &mut Reader<'_>) -> Option<NodeRules> {
    let withdrawal_credentials = r.optional::<Vec<Root>>("node.withdrawal_credentials");
    let fork_versions = r.optional::<Vec<ForkVersion>>("node.fork_versions");
    new_keys(r, withdrawal_credentials.as_ref(), fork_versions.as_ref());
    let initiators = r.each(INITIATOR, |r, row| {
        let name = r.row_optional::<String>(INITIATOR, row, "name");
        let public_key = r.row_required::<String>(INITIATOR, row, "public_key");
        if let Some(text) = &public_key
            && let Err(e) = OperatorPublicKey::parse(text)
        {
            r.row_error(INITIATOR, row, "public_key", e.to_string());
        }
        Some(AllowedInitiator {
            name: SafeText::new(&name?.unwrap_or_default()),
            public_key: public_key?,
        })
    });
    let owners = r.each(OWNER, |r, row| {
        let owner = r.row_required::<Address>(OWNER, row, "owner");
        if owner.is_some_and(|owner| owner.is_zero()) {
            r.row_error(OWNER, row, "owner", "is the zero address".to_owned());
        }
        let last_nonce = r.row_required(OWNER, row, "last_nonce");
        Some(AllowedOwner {
            owner: owner?,
            last_nonce: last_nonce?,
        })
    });
    let exits = r.each(EXIT, exits);
    let (initiators, owners, exits) = (initiators?, owners?, exits?);
    Some(NodeRules {
        initiators: (!initiators.is_empty()).then_some(initiators),
        withdrawal_credentials: withdrawal_credentials?,
        fork_versions: fork_versions?,
        signing: (!owners.is_empty() || !exits.is_empty()).then_some((owners, exits)),
    })
}

/// A list that nothing is in would have the node refuse every new key, and credentials of another form every deposit.
fn new_keys(
    r: &mut Reader<'_>,
    credentials: Option<&Option<Vec<Root>>>,
    versions: Option<&Option<Vec<ForkVersion>>>,
) {
    let lists = [
        (
            "node.withdrawal_credentials",
            credentials.map(|list| list.as_ref().map(Vec::len)),
        ),
        (
            "node.fork_versions",
            versions.map(|list| list.as_ref().map(Vec::len)),
        ),
    ];
    for (key, length) in lists {
        if length == Some(Some(0)) {
            let message = "an empty list has the node refuse every new key: leave it out to accept any";
            r.error(key, message.to_owned());
        }
    }
    for root in credentials.into_iter().flatten().flatten() {
        let is_contract = matches!(root.0[0], 1 | 2) && root.0[1..12].iter().all(|byte| *byte == 0);
        let is_key = root.0[0] == 0 && root.0[1..].iter().any(|byte| *byte != 0);
        if !is_contract && !is_key {
            let message = format!(
                "expected 0x00 and a hash, or 0x01 or 0x02 with 11 zero bytes and an address, got {root}: no deposit has such \
                 credentials"
            );
            r.error("node.withdrawal_credentials", message);
        }
    }
}

fn exits(r: &mut Reader<'_>, row: &Row) -> Option<AllowedExits> {
    let genesis_validators_root = r.row_required::<Root>(EXIT, row, "genesis_validators_root");
    if genesis_validators_root == Some(Root::default()) {
        let message = "is zero, as of no chain: no exit could be signed by this table";
        r.row_error(EXIT, row, "genesis_validators_root", message.to_owned());
    }
    let capella_fork_version = r.row_required(EXIT, row, "capella_fork_version");
    let own_validators = r.row_optional::<bool>(EXIT, row, OWN)?.unwrap_or(false);
    if own_validators && beacon_urls(r).is_some_and(|urls| urls.is_empty()) {
        let why = "needs beacon.urls: a beacon node knows which index a validator has";
        r.row_error(EXIT, row, OWN, why.to_owned());
    }
    let mut range = |first: &str, last: &str| {
        let mut end = |key: &str, otherwise: u64| {
            if own_validators {
                Some(r.row_optional::<u64>(EXIT, row, key)?.unwrap_or(otherwise))
            } else {
                r.row_required::<u64>(EXIT, row, key)
            }
        };
        let (from, to) = (end(first, 0), end(last, u64::MAX));
        let (from, to) = (from?, to?);
        if from > to {
            r.row_error(EXIT, row, last, format!("is below {first}"));
        }
        Some(from..=to)
    };
    let indices = range("first_index", "last_index");
    let epochs = range("first_epoch", "last_epoch");
    Some(AllowedExits {
        genesis_validators_root: genesis_validators_root?,
        capella_fork_version: capella_fork_version?,
        own_validators,
        indices: indices?,
        epochs: epochs?,
    })
}
