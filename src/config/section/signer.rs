//! `[signer]`: the oracle's account.

use std::path::PathBuf;

use alloy::primitives::Address;
use secrecy::SecretString;

use super::{NetworkConfig, PolicyConfig};
use crate::config::preset::NetworkName;
use crate::config::reader::Reader;
use crate::config::schema::Key;
use crate::oracle::Mode;

pub(in crate::config) const KEYS: &[Key] = &[
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
    .default("0"),
    Key::new(
        "signer.address",
        "an address",
        "The oracle's account: checked against the key; observe mode needs no key and uses this.",
    ),
];

/// Where the key is.
#[derive(Debug, Clone)]
pub enum SignerKey {
    /// No key: observe mode.
    Absent,
    /// Web3 Secret Storage, version 3.
    Keystore {
        path: PathBuf,
        /// File with its password.
        password_file: Option<PathBuf>,
        /// Its password, from the environment. Neither: somebody has to be asked.
        password: Option<SecretString>,
    },
    /// A mnemonic in a file.
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
    let keystore = r.path("signer.keystore");
    let password_file = r.path("signer.password_file");
    let password = r.optional::<SecretString>("signer.password");
    let mnemonic_file = r.path("signer.mnemonic_file");
    let mnemonic = r.optional::<SecretString>("signer.mnemonic");
    let index = r.required("signer.mnemonic_index");
    let address = r.optional("signer.address");

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
    let key = match (keystore, mnemonic_file, mnemonic) {
        (Some(path), ..) => SignerKey::Keystore {
            path,
            password_file: password_file?,
            password: password?,
        },
        (None, Some(path), _) => SignerKey::MnemonicFile { path, index },
        (None, None, Some(phrase)) => SignerKey::Mnemonic { phrase, index },
        (None, None, None) => {
            if policy.is_some_and(|policy| policy.mode != Mode::Observe) {
                r.missing("signer.keystore");
            }
            SignerKey::Absent
        }
    };
    Some(SignerConfig {
        key,
        address: address?,
    })
}
