//! Environment variables: `CASIMIR_DKG_` and the key in capitals, dots as underscores.

use std::collections::BTreeMap;

use super::error::{ConfigError, Place, nearest};
use super::raw::{Origin, Raw, Sourced};
use super::schema::{self, Secrecy};
use crate::inject;

/// What our variables begin with.
pub const ENV_PREFIX: &str = "CASIMIR_DKG_";

/// Variables that are not keys: directories, the file, and the tools' own.
const RESERVED: &[&str] = &[
    "CASIMIR_DKG_CONFIG",
    "CASIMIR_DKG_CONFIG_DIR",
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

/// Whether a container platform put this variable here to tell where a service is. Kubernetes does so for every service
/// of the namespace, Docker for every link, and a service whose name begins with `casimir-dkg` gets our prefix. Forms:
/// <https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables>.
fn is_service_link(name: &str, value: &str) -> bool {
    // a service that is called just `casimir-dkg` leaves no name between prefix and suffix
    let rest = &name[ENV_PREFIX.len() - 1..];
    let is_transport = |text: &str| ["TCP", "UDP", "SCTP"].contains(&text);
    let is_address = |text: &str| {
        let scheme = text
            .split_once("://")
            .map(|(scheme, _)| scheme.to_ascii_uppercase());
        scheme.is_some_and(|scheme| is_transport(&scheme))
    };
    // `_PORT_8080_TCP`, alone or with `_PROTO`, `_PORT` or `_ADDR` behind it
    let words: Vec<&str> = rest.split('_').collect();
    let is_port_detail = words
        .windows(3)
        .any(|window| window[0] == "PORT" && window[1].parse::<u16>().is_ok() && is_transport(window[2]));
    rest.ends_with("_SERVICE_HOST")
        || rest.ends_with("_SERVICE_PORT")
        || rest.contains("_SERVICE_PORT_")
        || (rest.ends_with("_PORT") && is_address(value))
        || rest.contains("_ENV_")
        || (rest.ends_with("_NAME") && value.starts_with('/'))
        || is_port_detail
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
            None if is_service_link(name, value) => {
                tracing::debug!(target: "casimir_dkg::config", variable = name, "describes a service of the cluster: no setting");
            }
            None => {
                let keys = schema::all_keys().map(|key| env_name(key.name));
                let known: Vec<String> = keys.chain(reserved().map(str::to_owned)).collect();
                errors.push(ConfigError {
                    place: Place::Variable(name.clone()),
                    key: String::new(),
                    message: "unknown variable".to_owned(),
                    suggestion: meant(name, &known),
                });
            }
        }
    }
    found
}

/// The variable that is meant: one with the same last words rather than one that begins alike, since all of them do.
fn meant(name: &str, known: &[String]) -> Option<String> {
    let words = name.strip_prefix(ENV_PREFIX)?;
    let bare = || known.iter().filter_map(|known| known.strip_prefix(ENV_PREFIX));
    let mut ends_so =
        bare().filter(|known| known.strip_suffix(words).is_some_and(|rest| rest.ends_with('_')));
    let only = match (ends_so.next(), ends_so.next()) {
        (Some(one), None) => Some(one.to_owned()),
        _ => nearest(words, bare()),
    };
    only.map(|words| format!("{ENV_PREFIX}{words}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_container_platform_injects_is_no_setting_and_no_mistake() {
        let injected = [
            ("CASIMIR_DKG_PORT", "tcp://10.0.0.1:8080"),
            ("CASIMIR_DKG_SERVICE_HOST", "10.0.0.1"),
            ("CASIMIR_DKG_SERVICE_PORT", "8080"),
            ("CASIMIR_DKG_SERVICE_PORT_HTTP", "8080"),
            ("CASIMIR_DKG_PORT_8080_TCP", "tcp://10.0.0.1:8080"),
            ("CASIMIR_DKG_PORT_8080_TCP_PROTO", "tcp"),
            ("CASIMIR_DKG_PORT_8080_TCP_PORT", "8080"),
            ("CASIMIR_DKG_PORT_8080_TCP_ADDR", "10.0.0.1"),
            ("CASIMIR_DKG_MESSENGER_PORT", "udp://10.0.0.2:9000"),
            ("CASIMIR_DKG_MESSENGER_PORT_9000_UDP_ADDR", "10.0.0.2"),
            ("CASIMIR_DKG_MESSENGER_NAME", "/oracle/messenger"),
            ("CASIMIR_DKG_MESSENGER_ENV_TZ", "UTC"),
        ];
        let mut errors = Vec::new();
        let environment = injected.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert!(read(&environment.into(), &mut errors).is_empty());
        assert!(errors.is_empty(), "{errors:?}");
    }

    #[test]
    fn a_name_without_its_section_leads_to_the_variable() {
        for (name, meant) in [
            ("CASIMIR_DKG_MODE", Some("CASIMIR_DKG_POLICY_MODE")),
            ("CASIMIR_DKG_POLICY_MOED", Some("CASIMIR_DKG_POLICY_MODE")),
            ("CASIMIR_DKG_RPC_URL", Some("CASIMIR_DKG_RPC_URLS")),
            ("CASIMIR_DKG_XYZZY", None),
        ] {
            let mut errors = Vec::new();
            read(&[(name.to_owned(), "auto".to_owned())].into(), &mut errors);
            assert_eq!(errors[0].suggestion.as_deref(), meant, "{name}");
        }
    }

    #[test]
    fn a_mistaken_name_is_still_a_mistake() {
        for (name, value) in [
            ("CASIMIR_DKG_PORT", "8080"),
            ("CASIMIR_DKG_MESSENGER_LISTN", "127.0.0.1:9000"),
            ("CASIMIR_DKG_RPC_URL", "tcp://10.0.0.1"),
            ("CASIMIR_DKG_NODE_NAME", "oracle"),
        ] {
            let mut errors = Vec::new();
            read(&[(name.to_owned(), value.to_owned())].into(), &mut errors);
            assert_eq!(errors.len(), 1, "{name}");
        }
    }
}
