//! Environment variables: `CASIMIR_DKG_` and the key in capitals, dots as underscores.

use std::collections::BTreeMap;

use super::error::{ConfigError, Place, nearest};
use super::raw::{Origin, Raw, Sourced};
use super::schema::{self, Secrecy};
use crate::engine::inject;

/// What our variables begin with.
pub const ENV_PREFIX: &str = "CASIMIR_DKG_";

/// Variables that are not keys: directories, the file, and the tools' own.
const RESERVED: &[&str] = &[
    "CASIMIR_DKG_CONFIG",
    "CASIMIR_DKG_CONFIG_DIR",
    "CASIMIR_DKG_STATE_DIR",
    "CASIMIR_DKG_CACHE_DIR",
    "CASIMIR_DKG_KEYSTORE_PASSWORD",
];

/// Everything of ours that is no key. Tests have variables of their own.
fn reserved() -> impl Iterator<Item = &'static str> {
    RESERVED.iter().chain(inject::VARIABLES).copied()
}

/// Variables of tests and benches begin with this and are left alone.
const TEST_PREFIX: &str = "CASIMIR_DKG_TEST_";

/// The variable of a key: `rpc.urls` is `CASIMIR_DKG_RPC_URLS`.
#[must_use]
pub fn env_name(key: &str) -> String {
    format!("{ENV_PREFIX}{}", key.to_ascii_uppercase().replace('.', "_"))
}

/// Our variables of this process, for [`super::LoadOptions::environment`]. Values that are not UTF-8 are reported as
/// what they are: unreadable.
#[must_use]
pub fn process_environment() -> BTreeMap<String, String> {
    std::env::vars_os()
        .filter_map(|(name, value)| {
            let name = name.into_string().ok()?;
            name.starts_with(ENV_PREFIX)
                .then(|| (name, value.to_string_lossy().into_owned()))
        })
        .collect()
}

pub(super) fn read(
    environment: &BTreeMap<String, String>,
    errors: &mut Vec<ConfigError>,
) -> Vec<(String, Sourced)> {
    let mut found = Vec::new();
    for (name, value) in environment {
        let ours = name.starts_with(ENV_PREFIX) && !name.starts_with(TEST_PREFIX);
        if !ours || reserved().any(|known| known == name) {
            continue;
        }
        match schema::all_keys().find(|key| env_name(key.name) == *name) {
            Some(key) => {
                let raw = match key.secrecy {
                    Secrecy::Secret => Raw::Secret(value.clone().into()),
                    _ => Raw::Loose(value.clone()),
                };
                let origin = Origin::Variable(name.clone());
                found.push((key.name.to_owned(), Sourced { raw, origin }));
            }
            None => {
                let keys = schema::all_keys().map(|key| env_name(key.name));
                let known: Vec<String> = keys.chain(reserved().map(str::to_owned)).collect();
                errors.push(ConfigError {
                    place: Place::Variable(name.clone()),
                    key: String::new(),
                    message: "unknown variable".to_owned(),
                    suggestion: nearest(name, known.iter().map(String::as_str)),
                });
            }
        }
    }
    found
}
