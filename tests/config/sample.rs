//! The annotated sample says the truth: every key is in it, with its default.

use std::fs;

use alloy::primitives::{Address, Bytes, U256};
use casimir_dkg::config::{self, Config, Floors, NetworkName, SAMPLE, all_keys, list_keys};
use casimir_dkg::http::MAX_PAUSE;
use casimir_dkg::oracle::UndoWindows;
use casimir_dkg::oracle::{
    Action, ActionKind, ActionState, CHECKS, Family, OVERTAKEN_AT_MOST, Payload, Proposal, REFUSED_AT_MOST,
    REFUSED_FOR, STALE_AFTER, TransactionPayload,
};
use casimir_dkg::types::{ActionId, CaseId, PoolId, RequestKind, Root, SafeText, UnixMillis};

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
    let text = SAMPLE
        .lines()
        .map(|line| match setting(line) {
            Some(rest) if keep(rest) => rest,
            _ => line,
        })
        .collect::<Vec<_>>()
        .join("\n");
    support::with_keys(&text, "LS0tLS1CRUdJTi...")
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
    let mut options = support::options(&file, scratch.path());
    // it is a key, and the environment would win
    options.environment.remove("CASIMIR_DKG_STATE_DIR");
    let layers = match config::gather(&options) {
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
    let excluded = ["public_key_file", "command = [", "url_file"];
    let text = uncommented(|line| !excluded.iter().any(|key| line.starts_with(key)))
        .replacen("name = \"mainnet\"", "name = \"devnet\"", 1)
        .replace("irreversible = false", "");
    fs::write(&file, &text).unwrap();
    fs::write(
        scratch.path().join("operators.toml"),
        (2..=7)
            .map(|id| {
                format!(
                    "[[operator]]\nid = {id}\nendpoint = \"http://o{id}\"\npublic_key = \"{}\"\n",
                    support::other_key(id)
                )
            })
            .collect::<String>(),
    )
    .unwrap();
    fs::write(scratch.path().join("policy.toml"), "").unwrap();
    let layers = config::gather(&support::options(&file, scratch.path())).unwrap();
    let errors = layers.oracle().unwrap_err();
    let keys: Vec<&str> = errors.0.iter().map(|e| e.key.as_str()).collect();
    let excluded = [
        "signer.mnemonic_file",
        "signer.url",
        "signer.client_certificate",
        "signer.client_key",
        "signer.ca_file",
        "selection.candidates",
    ];
    assert_eq!(keys, excluded, "{errors}");
    layers.node().unwrap();
    layers.messenger().unwrap();
}

/// A configuration with these rules and nothing else that is not needed.
fn with_rules(rules: &str) -> Config {
    let scratch = tempfile::tempdir().unwrap();
    fs::write(scratch.path().join("policy.toml"), rules).unwrap();
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
    config::load(&support::options(&file, scratch.path())).unwrap()
}

const EXAMPLE: &str = include_str!("../../config/policy.example.toml");

#[test]
fn the_policy_example_is_valid() {
    let all: Vec<&str> = EXAMPLE
        .lines()
        .map(|line| setting(line).unwrap_or(line))
        .collect();
    let config = with_rules(&all.join("\n"));
    let names: Vec<&str> = config.policy.rules.iter().map(|r| r.name.as_str()).collect();
    assert_eq!(
        names,
        ["routine deposits", "reshares of the first pools", "exits"]
    );
    let policy = config.policy.to_policy();
    let allowed: Vec<_> = policy
        .rules
        .iter()
        .map(|rule| rule.unknown_ok.join(" "))
        .collect();
    assert_eq!(allowed, ["endpoints-agree registration-nonce", "", ""]);
    let others: Vec<_> = policy.rules.iter().map(|rule| rule.other_committees).collect();
    assert_eq!(others, [2, 0, 0]);
}

#[test]
fn the_policy_example_says_what_every_check_means() {
    let shown: Vec<(&str, &str)> = EXAMPLE
        .lines()
        .filter_map(|line| line.strip_prefix("#   "))
        .map(|line| line.split_once("  ").expect("a name and what it says"))
        .map(|(name, says)| (name, says.trim()))
        .collect();
    let made: Vec<_> = CHECKS.iter().map(|check| (check.name, check.says)).collect();
    assert_eq!(shown, made);
}

/// The rows of the README's table of defaults: what, on a public network, on a devnet, in the demo.
fn defaults_told() -> Vec<[String; 4]> {
    const README: &str = include_str!("../../README.md");
    let rows = README
        .lines()
        .skip_while(|line| !line.starts_with("| | public network | devnet |"))
        .skip(2)
        .take_while(|line| line.starts_with('|'));
    let cells = |line: &str| {
        let cells: Vec<_> = line
            .trim_matches('|')
            .split('|')
            .map(|cell| cell.trim().to_owned())
            .collect();
        cells.try_into().unwrap_or_else(|_| panic!("{line}"))
    };
    rows.map(cells).collect()
}

/// Everything of which money, an endpoint's patience or a person's depends, and that somebody can set: these keys have a
/// row each, also the one that is added next.
fn is_at_stake(key: &str) -> bool {
    let named = [
        "network.finality",
        "policy.approval_expires",
        "dkg.round_deadline",
    ];
    let sections = ["fees.", "contract."];
    let identity = ["contract.address", "contract.adapter"];
    named.contains(&key)
        || key.starts_with("rpc.") && key.ends_with("_per_second")
        || sections.iter().any(|section| key.starts_with(section)) && !identity.contains(&key)
}

/// What the table in the README says of the defaults is what they are, and none is missing.
#[test]
fn the_readme_tells_the_defaults_of_each_network() {
    let config = with_rules("[[rule]]\nname = \"r\"\nkinds = [\"keygen\"]\nper_day = 1\n");
    let (public, devnet) = (
        config.contract.floors(NetworkName::Mainnet),
        config.contract.floors(NetworkName::Devnet),
    );
    assert_eq!(devnet, Floors::default());
    let days = public.min_runway.unwrap().as_secs() / 86_400;
    let stale = format!("{} s", STALE_AFTER.as_secs());
    let rule = config.policy.to_policy().rules.remove(0);
    let attempts = rule.max_attempts;
    assert_eq!(rule.other_committees, 0, "a person chooses");
    // what no key sets, and what depends on the network
    let special = [
        ("one execution endpoint", "unknown: a person".to_owned()),
        ("events of reshares and exits", "believed".to_owned()),
        ("which chain the endpoints serve", "by the preset".to_owned()),
        (
            "of several beacon nodes one alone",
            "unknown: a person".to_owned(),
        ),
        ("no beacon node", "unknown: a person".to_owned()),
        (
            "`Retry-After` of an endpoint",
            format!("{} min", MAX_PAUSE.as_secs() / 60),
        ),
        ("no node foresees them", "unknown: a person".to_owned()),
        (
            "`contract.min_ssv`",
            casimir_dkg::types::format_ssv(public.min_ssv.unwrap()),
        ),
        ("`contract.min_runway`", format!("{days}d")),
        ("`contract.from_block`", "a warning".to_owned()),
        ("`contract.cluster_layout`", "the contract is asked".to_owned()),
        (
            "`[[policy.undo]]`",
            format!("{} s", UndoWindows::PUBLIC.as_secs()),
        ),
        ("checks are stale", stale),
        (
            "deposits overtaken in their block",
            format!("{OVERTAKEN_AT_MOST}, "),
        ),
        ("blocks between two looks", format!("{REFUSED_FOR}; ")),
        (
            "deposits that SSV refused in a block",
            format!("{}, ", REFUSED_AT_MOST - 1),
        ),
        (
            "ceremonies of one step that a rule starts",
            format!("{attempts}, "),
        ),
        (
            "other committees that a rule chooses",
            "none: a person".to_owned(),
        ),
        ("approvals of a rule in 24 hours", "must be said".to_owned()),
    ];
    let told = defaults_told();
    let mut keys: Vec<&str> = all_keys()
        .map(|key| key.name)
        .filter(|key| is_at_stake(key))
        .collect();
    for [what, public, devnet, _] in &told {
        if let Some((_, value)) = special.iter().find(|(row, _)| what.starts_with(row)) {
            assert!(public.starts_with(value), "{what}: {public}, and it is {value}");
            keys.retain(|key| !what.starts_with(&format!("`{key}`")));
            continue;
        }
        let key = all_keys()
            .find(|key| what.starts_with(&format!("`{}`", key.name)))
            .unwrap_or_else(|| panic!("no default is called {what}"));
        let default = key.default.expect("it has one");
        assert_eq!([public.as_str(), devnet.as_str()], [default, default], "{what}");
        keys.retain(|other| *other != key.name);
    }
    assert_eq!(keys, Vec::<&str>::new(), "without a row");
    for (row, _) in special {
        let rows = told.iter().filter(|[what, ..]| what.starts_with(row)).count();
        assert_eq!(rows, 1, "{row}");
    }
    for floor in ["min_ssv", "min_runway"] {
        let row = told.iter().find(|[what, ..]| what.contains(floor)).unwrap();
        assert_eq!(
            [row[2].as_str(), row[3].as_str()],
            ["no floor", "no floor"],
            "{floor}"
        );
    }
}

#[test]
fn the_sample_names_every_kind_of_action() {
    let listed = SAMPLE
        .lines()
        .find(|line| line.starts_with("# keygen, "))
        .and_then(|line| line.strip_prefix("# "))
        .expect("the kinds stand above policy.rule.kinds");
    let kinds: Vec<_> = ActionKind::ALL.iter().map(ToString::to_string).collect();
    assert_eq!(listed, kinds.join(", "));
}

/// A transaction of this kind, as it is proposed: its ceiling is that of the configuration.
fn transaction(kind: ActionKind, pool: PoolId, fee_ceiling_wei: U256) -> Action {
    let case = CaseId {
        kind: RequestKind::Deposit,
        pool,
        ordinal: 0,
    };
    Action {
        anew: None,
        id: ActionId { case, number: 1 },
        proposal: Proposal {
            kind,
            title: SafeText::new("do it"),
            facts: Vec::new(),
            checks: Vec::new(),
            payload: Payload::Transaction(TransactionPayload {
                chain_id: 1,
                from: Address::ZERO,
                to: Address::repeat_byte(7),
                value_wei: U256::ZERO,
                data: Bytes::new(),
                fee_ceiling_wei,
                call: None,
            }),
        },
        digest: Root::default(),
        proposed_at: UnixMillis(0),
        state: ActionState::Proposed,
        decision: None,
        endorsements: Vec::new(),
        spent: Vec::new(),
    }
}

/// What a rule is compared with is the ceiling of a transaction, and that is `fees.max_fee`, whatever the fee of the
/// moment: an example below the default would be a rule that never fits.
#[test]
fn the_rules_of_the_samples_let_transactions_with_the_default_ceiling_pass() {
    let from = SAMPLE.find("# [[policy.rule]]").expect("the sample shows a rule");
    let until = SAMPLE[from..].find("\n[").map(|length| from + length).unwrap();
    let shown: String = SAMPLE[from..until]
        .lines()
        .filter_map(setting)
        .filter(|line| !line.starts_with("irreversible"))
        .map(|line| format!("{line}\n"))
        .collect();
    for rules in [shown.replace("[[policy.rule]]", "[[rule]]"), EXAMPLE.to_owned()] {
        let config = with_rules(&rules);
        let policy = config.policy.to_policy();
        let mut fitting = 0;
        for rule in &config.policy.rules {
            let pool = rule.pools.as_ref().map_or(PoolId(1), |pools| pools[0]);
            let transactions = rule
                .kinds
                .iter()
                .filter(|kind| kind.family() == Family::Transaction);
            for kind in transactions {
                let action = transaction(*kind, pool, config.fees.max_fee_wei);
                let passes = policy.permits(&action, 1, &[], UnixMillis(0));
                assert_eq!(passes.unwrap().name.as_str(), rule.name);
                let dearer = transaction(*kind, pool, config.fees.max_fee_wei + U256::ONE);
                let why = policy.permits(&dearer, 1, &[], UnixMillis(0)).unwrap_err();
                assert!(why.contains("fee ceiling"), "{why}");
                fitting += 1;
            }
        }
        assert!(fitting > 0, "no rule for a transaction in\n{rules}");
    }
}
