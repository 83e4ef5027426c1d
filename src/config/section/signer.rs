//! `[signer]`: the oracle's account.

use std::path::PathBuf;
use std::time::Duration;

use alloy::primitives::Address;
use secrecy::SecretString;

use super::{NetworkConfig, PolicyConfig};
use crate::config::preset::NetworkName;
use crate::config::reader::{Reader, words};
use crate::config::schema::Key;
use crate::config::value::HttpUrl;
use crate::oracle::Mode;
use crate::types::RedactedUrl;

pub(in crate::config) const KEYS: &[Key] = &[
    Key::new(
        "signer.kind",
        "local or remote",
        "local: the key is opened by this program. remote: a signer elsewhere (web3signer, or anything that speaks eth_signTransaction) has it.",
    )
    .default("local"),
    Key::new(
        "signer.keystore",
        "a path",
        "Web3 keystore v3 of the oracle's key; made by `keystore new` or `keystore import`.",
    )
    .flag("--keystore"),
    Key::new(
        "signer.password_file",
        "a path",
        "File that holds the keystore's password; without it the console asks.",
    )
    .flag("--password-file"),
    Key::new("signer.password", "text", "The keystore's password.").secret(),
    Key::new(
        "signer.mnemonic_file",
        "a path",
        "File that holds a BIP-39 mnemonic; on devnets only.",
    ),
    Key::new("signer.mnemonic", "text", "A BIP-39 mnemonic; on devnets only.").secret(),
    Key::new(
        "signer.mnemonic_index",
        "a number",
        "Which account of the mnemonic: m/44'/60'/0'/0/<index>.",
    )
    .within("0", "2147483647")
    .default("0"),
    Key::new(
        "signer.address",
        "an address",
        "The oracle's account: checked against the key; observe mode needs no key and uses this.",
    ),
    Key::new("signer.url", "an http(s) URL", "JSON-RPC of a remote signer.").url(),
    Key::new(
        "signer.client_certificate",
        "a path",
        "Certificate (PEM) that this program shows to a remote signer.",
    ),
    Key::new(
        "signer.client_key",
        "a path",
        "Private key (PEM) of that certificate.",
    ),
    Key::new(
        "signer.ca_file",
        "a path",
        "CA certificates (PEM) that are trusted for a remote signer beside the system's; without it those of http.ca_file.",
    ),
    Key::new(
        "signer.timeout",
        "a time",
        "How long a remote signer may take for a signature.",
    )
    .within("100ms", "10m")
    .default("30s"),
];

/// Who has the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Local,
    Remote,
}

words!(Kind { "local" => Self::Local, "remote" => Self::Remote } no_display);

/// A signer elsewhere.
#[derive(Debug, Clone)]
pub struct RemoteKey {
    /// Its JSON-RPC.
    pub url: RedactedUrl,
    /// The account that it signs for: nothing tells it, so it has to be said.
    pub address: Address,
    /// Certificate and private key (PEM) that are shown to it.
    pub identity: Option<(PathBuf, PathBuf)>,
    /// Certificates (PEM) that are trusted for it beside the system's, in the place of those of `http.ca_file`.
    pub ca_file: Option<PathBuf>,
    /// How long a signature may take.
    pub timeout: Duration,
}

/// Where the key is.
#[derive(Debug, Clone)]
pub enum SignerKey {
    /// No key: observe mode.
    Absent,
    /// Web3 Secret Storage, version 3.
    Keystore {
        path: PathBuf,
        password_file: Option<PathBuf>,
        /// Its password, from the environment. Neither: somebody has to be asked.
        password: Option<SecretString>,
    },
    MnemonicFile {
        path: PathBuf,
        /// The last number of the path m/44'/60'/0'/0/index (BIP-44).
        index: u32,
    },
    /// A mnemonic from the environment.
    Mnemonic {
        /// English words of BIP-39, separated by spaces.
        phrase: SecretString,
        /// The last number of the path m/44'/60'/0'/0/index (BIP-44).
        index: u32,
    },
    /// Elsewhere.
    Remote(RemoteKey),
}

/// The account that the manager knows as its oracle.
#[derive(Debug, Clone)]
pub struct SignerConfig {
    /// Where the key is.
    pub key: SignerKey,
    /// The account that is expected.
    pub address: Option<Address>,
}

pub(in crate::config) fn read(
    r: &mut Reader<'_>,
    network: Option<&NetworkConfig>,
    policy: Option<&PolicyConfig>,
) -> Option<SignerConfig> {
    let kind: Option<Kind> = r.required("signer.kind");
    let address = r.optional("signer.address");
    let (local, remote) = (local(r, network), remote(r));
    let (kind, address, local, remote): (_, Option<Address>, _, _) = (kind?, address?, local?, remote?);
    if address.is_some_and(|address| address.is_zero()) {
        r.error(
            "signer.address",
            "is the zero address, whose key nobody has".to_owned(),
        );
    }
    let key = match kind {
        Kind::Local => {
            for key in &remote.given {
                r.error(key, "is for signer.kind = \"remote\"".to_owned());
            }
            if matches!(local, SignerKey::Absent) && policy.is_some_and(|policy| policy.mode != Mode::Observe)
            {
                r.missing("signer.keystore");
            }
            local
        }
        Kind::Remote => {
            if !matches!(local, SignerKey::Absent) {
                r.error(
                    "signer.kind",
                    "remote, and a key is given too: who signs must be one of them".to_owned(),
                );
            }
            if remote.url.is_none() {
                r.missing("signer.url");
            }
            if address.is_none() {
                r.missing("signer.address");
            }
            SignerKey::Remote(RemoteKey {
                url: remote.url?,
                address: address?,
                identity: remote.identity,
                ca_file: remote.ca_file,
                timeout: remote.timeout,
            })
        }
    };
    Some(SignerConfig { key, address })
}

/// A key that this program opens; absent where none is given.
fn local(r: &mut Reader<'_>, network: Option<&NetworkConfig>) -> Option<SignerKey> {
    let keystore = r.path("signer.keystore");
    let password_file = r.path("signer.password_file");
    let password = r.optional::<SecretString>("signer.password");
    let mnemonic_file = r.path("signer.mnemonic_file");
    let mnemonic = r.optional::<SecretString>("signer.mnemonic");
    let index = r.required("signer.mnemonic_index");

    let (keystore, mnemonic_file, mnemonic, index) = (keystore?, mnemonic_file?, mnemonic?, index?);
    let devnet = network.is_none_or(|n| n.name == NetworkName::Devnet);
    for (key, given) in [
        ("signer.mnemonic_file", mnemonic_file.is_some()),
        ("signer.mnemonic", mnemonic.is_some()),
    ] {
        if given && !devnet {
            r.error(
                key,
                "mnemonics are for devnets only: import the key with `keystore import`".to_owned(),
            );
        }
        if given && keystore.is_some() {
            r.error(key, "both a keystore and a mnemonic are given".to_owned());
        }
    }
    if keystore.is_none() && (mnemonic_file.is_some() || mnemonic.is_some()) {
        for key in ["signer.password_file", "signer.password"] {
            if !r.is_said(key) {
                continue;
            }
            r.error(key, "is for signer.keystore, and a mnemonic is given".to_owned());
        }
    }
    if matches!((&password_file, &password), (Some(Some(_)), Some(Some(_)))) {
        let message = "both a password and its file are given: only one of both can hold";
        r.error("signer.password_file", message.to_owned());
    }
    Some(match (keystore, mnemonic_file, mnemonic) {
        (Some(path), ..) => SignerKey::Keystore {
            path,
            password_file: password_file?,
            password: password?,
        },
        (None, Some(path), _) => SignerKey::MnemonicFile { path, index },
        (None, None, Some(phrase)) => SignerKey::Mnemonic { phrase, index },
        (None, None, None) => SignerKey::Absent,
    })
}

/// What is said of a signer elsewhere.
struct Remote {
    url: Option<RedactedUrl>,
    identity: Option<(PathBuf, PathBuf)>,
    ca_file: Option<PathBuf>,
    timeout: Duration,
    /// The keys that only a remote signer has.
    given: Vec<&'static str>,
}

fn remote(r: &mut Reader<'_>) -> Option<Remote> {
    let url = r.optional::<HttpUrl>("signer.url");
    let certificate = r.path("signer.client_certificate");
    let key = r.path("signer.client_key");
    let ca_file = r.path("signer.ca_file");
    let timeout = r.required("signer.timeout");
    let (url, certificate, key, ca_file) = (url?, certificate?, key?, ca_file?);
    let given = [
        ("signer.url", url.is_some()),
        ("signer.client_certificate", certificate.is_some()),
        ("signer.client_key", key.is_some()),
        ("signer.ca_file", ca_file.is_some()),
    ];
    let given = given.iter().filter(|(_, is)| *is).map(|(key, _)| *key).collect();
    let identity = match (certificate, key) {
        (Some(certificate), Some(key)) => Some((certificate, key)),
        (None, None) => None,
        (Some(_), None) => {
            r.missing("signer.client_key");
            return None;
        }
        (None, Some(_)) => {
            r.missing("signer.client_certificate");
            return None;
        }
    };
    Some(Remote {
        url: url.map(|url| url.0),
        identity,
        ca_file,
        timeout: timeout?,
        given,
    })
}
