//! The variables of RockX's node, for operators that move over with their environment as it is. Our own variables,
//! the file and flags win.

use casimir_dkg::config::{LoadOptions, env_name};

/// RockX's variable and the key that it sets.
const VARIABLES: [(&str, &str); 7] = [
    ("NODE_OPERATOR_ID", "node.id"),
    ("NODE_ADDR", "node.listen"),
    ("NODE_BROADCAST_ADDR", "node.public_url"),
    ("MESSENGER_SRV_ADDR", "node.messenger_url"),
    ("OPERATOR_PRIVATE_KEY_PATH", "node.key_file"),
    ("OPERATOR_PRIVATE_KEY_PASSWORD_PATH", "node.password_file"),
    ("OPERATOR_PRIVATE_KEY", "node.key"),
];

/// Values with which RockX's `USE_HARDCODED_OPERATORS` is on.
const TRUE: [&str; 5] = ["true", "True", "T", "t", "1"];

/// `options` with RockX's variables of the environment as fallbacks.
pub(crate) fn with_fallbacks(
    options: &LoadOptions,
    variable: impl Fn(&str) -> Option<String>,
) -> LoadOptions {
    let mut options = options.clone();
    // as in RockX: the plain key counts only when no password path is set
    let encrypted = variable("OPERATOR_PRIVATE_KEY_PASSWORD_PATH").is_some();
    for (theirs, key) in VARIABLES {
        if theirs == "OPERATOR_PRIVATE_KEY" && encrypted {
            continue;
        }
        if let Some(value) = variable(theirs).filter(|value| !value.is_empty()) {
            // Go listens on every address when the host is empty
            let value = match theirs {
                "NODE_ADDR" if value.starts_with(':') => format!("0.0.0.0{value}"),
                _ => value,
            };
            options.fallbacks.push((key, theirs, value));
        }
    }
    if variable("USE_HARDCODED_OPERATORS").is_some_and(|value| TRUE.contains(&value.as_str())) {
        options.fallbacks.push((
            "node.test_operators",
            "USE_HARDCODED_OPERATORS",
            "true".to_owned(),
        ));
    }
    let network = variable("OPERATOR_REGISTRY_NETWORK");
    if let Some(name @ ("holesky" | "mainnet")) = network.as_deref() {
        options
            .fallbacks
            .push(("network.name", "OPERATOR_REGISTRY_NETWORK", name.to_owned()));
    }
    assert!(
        options
            .fallbacks
            .iter()
            .all(|(key, ..)| !env_name(key).is_empty())
    );
    options
}

#[cfg(test)]
mod tests {
    use casimir_dkg::config::{self, NodeKey};

    use super::*;

    fn options(directory: &std::path::Path, more: &[(&str, &str)]) -> LoadOptions {
        let mut options = LoadOptions::default();
        for name in ["CONFIG", "STATE", "CACHE"] {
            let path = directory.to_str().unwrap().to_owned();
            options
                .environment
                .insert(format!("CASIMIR_DKG_{name}_DIR"), path);
        }
        for (name, value) in more {
            options
                .environment
                .insert((*name).to_owned(), (*value).to_owned());
        }
        options
    }

    #[test]
    fn rockx_variables_count_where_nothing_else_is_said() {
        let scratch = tempfile::tempdir().unwrap();
        let theirs = |name: &str| {
            let value = match name {
                "NODE_OPERATOR_ID" => "7",
                "NODE_ADDR" => ":8081",
                "NODE_BROADCAST_ADDR" => "http://host:8081",
                "MESSENGER_SRV_ADDR" => "https://messenger.example",
                "OPERATOR_PRIVATE_KEY" => "c2VjcmV0",
                "USE_HARDCODED_OPERATORS" => "T",
                _ => return None,
            };
            Some(value.to_owned())
        };
        let read = |options: &LoadOptions| {
            let (node, ..) = config::gather(&with_fallbacks(options, theirs))
                .unwrap()
                .node()
                .unwrap();
            node
        };
        let node = read(&options(scratch.path(), &[]));
        assert_eq!(
            (node.id.0, node.listen.to_string()),
            (7, "0.0.0.0:8081".to_owned())
        );
        assert!(node.test_operators && matches!(node.key, NodeKey::Inline(_)));
        let node = read(&options(scratch.path(), &[("CASIMIR_DKG_NODE_ID", "8")]));
        assert_eq!(node.id.0, 8, "ours win");
        let layers = config::gather(&with_fallbacks(&options(scratch.path(), &[]), theirs)).unwrap();
        assert!(!config::render(&layers.shown()).contains("c2VjcmV0"));
    }

    #[test]
    fn a_password_path_means_an_encrypted_key_file() {
        let scratch = tempfile::tempdir().unwrap();
        let theirs = |name: &str| {
            name.starts_with("OPERATOR_PRIVATE_KEY")
                .then(|| format!("/secrets/{name}"))
        };
        let ours = [
            ("CASIMIR_DKG_NODE_ID", "1"),
            ("CASIMIR_DKG_NODE_MESSENGER_URL", "http://m"),
        ];
        let options = with_fallbacks(&options(scratch.path(), &ours), theirs);
        let (node, ..) = config::gather(&options).unwrap().node().unwrap();
        assert!(matches!(
            node.key,
            NodeKey::File {
                password_file: Some(_),
                ..
            }
        ));
    }
}
