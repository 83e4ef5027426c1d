//! Environment variables: `CASIMIR_DKG_` and the key in capitals, dots as underscores.

use std::collections::BTreeMap;

use super::error::{ConfigError, Place, nearest};
use super::raw::{Origin, Raw, Sourced};
use super::schema::{self, Secrecy};

/// What our variables begin with.
pub const ENV_PREFIX: &str = "CASIMIR_DKG_";

/// Variables that are not keys: directories, the file, and the tools' own.
const RESERVED: &[&str] = &[
    "CASIMIR_DKG_CONFIG",
    "CASIMIR_DKG_CONFIG_DIR",
    "CASIMIR_DKG_STATE_DIR",
    "CASIMIR_DKG_CACHE_DIR",
    "CASIMIR_DKG_KEYSTORE_PASSWORD",
    crate::engine::CRASH_AT,
    #[cfg(debug_assertions)]
    crate::engine::inject::PANIC_AT,
];

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
        if !ours || RESERVED.contains(&name.as_str()) {
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
                let names: Vec<String> = schema::all_keys().map(|key| env_name(key.name)).collect();
                let known = names.iter().map(String::as_str).chain(RESERVED.iter().copied());
                errors.push(ConfigError {
                    place: Place::Variable(name.clone()),
                    key: String::new(),
                    message: "unknown variable".to_owned(),
                    suggestion: nearest(name, known),
                });
            }
        }
    }
    found
}
