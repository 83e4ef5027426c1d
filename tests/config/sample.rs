//! The annotated sample says the truth: every key is in it, with its default.

use std::fs;

use casimir_dkg::config::{self, SAMPLE, all_keys, list_keys};

use super::support;

/// A line of the sample that is a setting, commented out.
fn setting(line: &str) -> Option<&str> {
    let rest = line.strip_prefix("# ")?;
    let name = rest.split(" = ").next()?;
    let key = rest.contains(" = ")
        && name
            .chars()
            .all(|c| c.is_ascii_lowercase() || c == '_' || c.is_ascii_digit());
    (key || rest.starts_with("[[")).then_some(rest)
}

/// The sample with settings uncommented where `keep` says so.
fn uncommented(keep: impl Fn(&str) -> bool) -> String {
    SAMPLE
        .lines()
        .map(|line| match setting(line) {
            Some(rest) if keep(rest) => rest,
            _ => line,
        })
        .collect::<Vec<_>>()
        .join("\n")
        .replace("LS0tLS1CRUdJTi...", support::operator_key())
}

#[test]
fn as_it_stands_the_sample_says_nothing() {
    let scratch = tempfile::tempdir().unwrap();
    let file = scratch.path().join("c.toml");
    fs::write(&file, SAMPLE).unwrap();
    let layers = config::gather(&support::options(&file, scratch.path())).unwrap();
    for key in all_keys() {
        assert!(
            !matches!(layers.origin(key.name), Some(config::Origin::File { .. })),
            "{}",
            key.name
        );
    }
}

#[test]
fn every_key_is_in_the_sample_and_defaults_are_right() {
    let scratch = tempfile::tempdir().unwrap();
    let file = scratch.path().join("c.toml");
    let text = uncommented(|_| true).replacen("name = \"mainnet\"", "name = \"devnet\"", 1);
    fs::write(&file, &text).unwrap();
    fs::write(scratch.path().join("operators.toml"), "").unwrap();
    fs::write(scratch.path().join("policy.toml"), "").unwrap();
    let layers = match config::gather(&support::options(&file, scratch.path())) {
        Ok(layers) => layers,
        Err(errors) => panic!("{errors}"),
    };
    let shown = layers.shown();
    for key in all_keys() {
        let secret = key.secrecy == config::Secrecy::Secret;
        let from_file = matches!(layers.origin(key.name), Some(config::Origin::File { .. }));
        assert_eq!(from_file, !secret, "{} in the sample", key.name);
    }
    for key in all_keys().filter(|key| key.name != "network.name") {
        let Some(default) = key.default else { continue };
        let value = shown
            .iter()
            .find(|s| s.key == key.name)
            .and_then(|s| s.value.clone());
        assert_eq!(value.unwrap().trim_matches('"'), default, "{}", key.name);
    }
    for (list, keys) in list_keys() {
        for key in keys {
            let name = format!("{list}[1].{}", key.name);
            assert!(shown.iter().any(|s| s.key == name), "{name} in the sample");
        }
    }
    // what is in force only when nothing else is said must be marked, or a reader takes the example for the default
    for line in SAMPLE.lines() {
        let Some(rest) = setting(line).filter(|rest| !rest.starts_with("[[")) else {
            continue;
        };
        let name = rest.split(" = ").next().unwrap();
        let has_default = all_keys().any(|k| k.name.rsplit('.').next() == Some(name) && k.default.is_some());
        let marked = line.ends_with("# no default");
        let in_list = list_keys().any(|(_, keys)| keys.iter().any(|k| k.name == name));
        assert!(marked || has_default || in_list, "{line}");
    }
}

/// With everything uncommented, only what excludes each other is wrong: so every example is a valid value.
#[test]
fn every_example_is_a_valid_value() {
    let scratch = tempfile::tempdir().unwrap();
    let file = scratch.path().join("c.toml");
    let text = uncommented(|line| !line.starts_with("public_key_file"))
        .replacen("name = \"mainnet\"", "name = \"devnet\"", 1)
        .replace("irreversible = false", "");
    fs::write(&file, &text).unwrap();
    fs::write(
        scratch.path().join("operators.toml"),
        (2..=7)
            .map(|id| {
                format!(
                    "[[operator]]\nid = {id}\nendpoint = \"http://o{id}\"\npublic_key = \"{}\"\n",
                    support::operator_key()
                )
            })
            .collect::<String>(),
    )
    .unwrap();
    fs::write(scratch.path().join("policy.toml"), "").unwrap();
    let layers = config::gather(&support::options(&file, scratch.path())).unwrap();
    let errors = layers.oracle().unwrap_err();
    let keys: Vec<&str> = errors.0.iter().map(|e| e.key.as_str()).collect();
    assert_eq!(keys, ["signer.mnemonic_file", "selection.candidates"], "{errors}");
    layers.node().unwrap();
    layers.messenger().unwrap();
}

#[test]
fn the_policy_example_is_valid() {
    let scratch = tempfile::tempdir().unwrap();
    let example = include_str!("../../config/policy.example.toml");
    let all = example
        .replace("# [[rule]]", "[[rule]]")
        .replace("# name =", "name =");
    let all = all
        .replace("# kinds =", "kinds =")
        .replace("# irreversible =", "irreversible =");
    let all = all.replace("# per_day =", "per_day =");
    fs::write(scratch.path().join("policy.toml"), all).unwrap();
    let file = scratch.path().join("c.toml");
    fs::write(
        &file,
        format!(
            "{}file = \"policy.toml\"\n{}",
            support::MINIMAL,
            support::operators()
        ),
    )
    .unwrap();
    let config = config::load(&support::options(&file, scratch.path())).unwrap();
    let names: Vec<&str> = config.policy.rules.iter().map(|r| r.name.as_str()).collect();
    assert_eq!(
        names,
        ["routine deposits", "reshares of the first pools", "exits"]
    );
}
