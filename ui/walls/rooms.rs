//! Arrows between the rooms of the engine run downwards only.

use std::collections::BTreeSet;

use super::source::{Source, places, sources, without_tests};

/// Every room of the engine, the lowest first, and the rooms that it knows: all of them stand before it, so that there is
/// no circle. Whoever needs an arrow upwards has something in the wrong room.
const ROOMS: &[(&str, &[&str])] = &[
    ("types", &[]),
    ("inject", &[]),
    ("lane", &["types"]),
    ("owner", &[]),
    ("lock", &["types", "owner"]),
    ("runtime", &[]),
    ("log_limit", &["types"]),
    ("alike", &[]),
    ("sqlite", &[]),
    ("secrets", &["types", "owner"]),
    ("listen", &["types", "log_limit", "secrets"]),
    ("monitor", &["types", "listen"]),
    ("http", &["types", "secrets"]),
    ("journal", &["types", "owner", "lock", "sqlite", "secrets"]),
    ("view", &["types"]),
    ("ports", &["types"]),
    ("oracle", &["types"]),
    // adapters: they implement ports and know nothing above them
    ("operators", &["types", "http"]),
    ("beacon", &["types", "log_limit", "alike", "ports", "http"]),
    (
        "chain",
        &["types", "log_limit", "alike", "secrets", "ports", "http"],
    ),
    ("ssv", &["types", "ports", "chain"]),
    ("tx", &["types", "log_limit", "ports", "chain"]),
    ("pool", &["types", "ports", "chain", "ssv"]),
    (
        "dkg",
        &[
            "types",
            "log_limit",
            "ports",
            "http",
            "lane",
            "owner",
            "lock",
            "sqlite",
            "secrets",
            "listen",
            "monitor",
            "beacon",
            "operators",
            "ssv",
        ],
    ),
    // what is configured names backends, versions, kinds of action and rules by the lists of their own rooms
    (
        "config",
        &[
            "types", "secrets", "http", "inject", "listen", "monitor", "ports", "oracle", "chain", "pool",
            "dkg",
        ],
    ),
    ("signer", &["types", "secrets", "ports", "http", "config"]),
    ("notify", &["types", "secrets", "ports", "http", "config"]),
    (
        "devnet",
        &["types", "log_limit", "config", "beacon", "chain", "dkg", "pool"],
    ),
    // besides ports, only the arithmetic of fees, of signing roots and of threshold signatures
    (
        "desk",
        &[
            "types",
            "log_limit",
            "ports",
            "oracle",
            "config",
            "beacon",
            "dkg",
            "tx",
        ],
    ),
    (
        "engine",
        &[
            "types",
            "log_limit",
            "inject",
            "lane",
            "lock",
            "runtime",
            "secrets",
            "listen",
            "monitor",
            "http",
            "journal",
            "view",
            "ports",
            "oracle",
            "operators",
            "beacon",
            "chain",
            "ssv",
            "tx",
            "pool",
            "dkg",
            "config",
            "notify",
            "desk",
        ],
    ),
    (
        "attach",
        &["types", "log_limit", "runtime", "view", "config", "engine"],
    ),
];

/// The room of a file: the folder below `src/` or `src/core/`, or the file itself.
fn room(source: &Source) -> &str {
    let inside = source.path.strip_prefix("src/").unwrap_or(&source.path);
    let inside = inside.strip_prefix("core/").unwrap_or(inside);
    inside.split('/').next().unwrap_or(inside).trim_end_matches(".rs")
}

/// The rooms that a file names, in code and not in comments.
fn named(source: &Source) -> BTreeSet<&str> {
    let code = source
        .text
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"));
    code.flat_map(|line| line.split("crate::").skip(1))
        .filter_map(|rest| rest.split(|c: char| !c.is_alphanumeric() && c != '_').next())
        .filter(|name| !name.is_empty())
        .collect()
}

#[test]
fn the_list_of_rooms_has_no_arrow_upwards() {
    for (n, (room, knows)) in ROOMS.iter().enumerate() {
        for known in *knows {
            let is_below = ROOMS[..n].iter().any(|(below, _)| below == known);
            assert!(is_below, "{room} stands below {known}");
        }
    }
}

#[test]
fn rooms_know_only_what_stands_below_them() {
    let nobody: [String; 0] = [];
    let mut wrong = Vec::new();
    let mut used = BTreeSet::new();
    for source in without_tests(sources(&["src"])) {
        let room = room(&source);
        if room == "lib" {
            continue;
        }
        let Some((room, knows)) = ROOMS.iter().find(|(listed, _)| *listed == room) else {
            wrong.push(format!("{}: the room {room} is not in the list", source.path));
            continue;
        };
        for other in named(&source) {
            let is_macro = !ROOMS.iter().any(|(listed, _)| *listed == other);
            if other == *room || is_macro {
                continue;
            }
            used.insert((*room, other.to_owned()));
            if !knows.contains(&other) {
                wrong.push(format!("{}: {room} does not know {other}", source.path));
            }
        }
    }
    assert_eq!(wrong, nobody);
    for (room, knows) in ROOMS {
        for known in *knows {
            let is_used = used.contains(&(*room, (*known).to_owned()));
            assert!(is_used, "{room} knows {known} for nothing: take it off the list");
        }
    }
}

/// Files of the engine that open what is outside: whom else the engine asks, it asks through a port.
const OPENS: &[&str] = &[
    "src/engine/service/backend.rs",
    "src/engine/service/beside.rs",
    "src/engine/service/doors.rs",
    "src/engine/service/start.rs",
];

/// What stands behind ports.
const BEHIND_PORTS: &[&str] = &[
    "beacon",
    "notify",
    "operators",
    "pool",
    "ssv",
    "tx",
    "chain::rpc",
    "dkg::rockx",
];

/// What of the engine's library a front end does not name: adapters, and whatever stands behind the handle.
const BEHIND_THE_HANDLE: &[&str] = &[
    "beacon",
    "notify",
    "operators",
    "pool",
    "ssv",
    "tx",
    "chain",
    "dkg::rockx",
    "signer",
    "desk",
    "oracle",
];

/// Front ends that name adapters all the same. A role is run by its command and has no engine; whoever examines opens
/// what it examines; and a signer is handed to the engine, because its password is asked for at a terminal.
const UI_OPENS: &[(&str, &[&str])] = &[
    ("ui/commands/doctor/beacon.rs", &["beacon"]),
    ("ui/commands/doctor/chain.rs", &["chain", "pool"]),
    ("ui/commands/doctor/deployment.rs", &["chain", "ssv"]),
    ("ui/commands/doctor/endpoint.rs", &["chain"]),
    ("ui/commands/doctor/roles.rs", &["dkg::rockx"]),
    ("ui/commands/doctor/shares.rs", &["dkg::rockx"]),
    ("ui/commands/doctor/signer.rs", &["chain", "signer"]),
    // a manifest is of the share store's form
    ("ui/commands/journal/shares.rs", &["dkg::rockx"]),
    ("ui/commands/keystore/mod.rs", &["dkg::rockx", "signer"]),
    ("ui/commands/keystore/present.rs", &["dkg::rockx", "signer"]),
    ("ui/commands/messenger.rs", &["dkg::rockx"]),
    ("ui/commands/operator/kept.rs", &["dkg::rockx"]),
    ("ui/commands/operator/key.rs", &["dkg::rockx", "signer"]),
    ("ui/commands/operator/mod.rs", &["beacon", "dkg::rockx"]),
    ("ui/commands/oracle.rs", &["signer"]),
    // whoever signs reads the data of a call anew, whatever an engine says of it
    ("ui/commands/person.rs", &["pool"]),
    // whoever examines asks SSV's registry by himself
    ("ui/commands/transcript/ssv.rs", &["chain", "ssv"]),
];

/// Whether a line of code names a module of the library, `prefix` being what stands before it in a path.
fn names(line: &str, prefix: &str, module: &str) -> bool {
    let ends = |rest: &str| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_');
    let named = |rest: &str| rest.strip_prefix(module).is_some_and(ends);
    line.split(prefix)
        .skip(1)
        .any(|rest| match rest.strip_prefix('{') {
            // `use prefix::{a, b::c}`: the parts of one level
            Some(parts) => parts.split(", ").any(named),
            None => named(rest),
        })
}

fn is_comment(line: &str) -> bool {
    line.trim_start().starts_with("//")
}

#[test]
fn the_engine_knows_adapters_only_where_it_opens_them() {
    let nobody: [String; 0] = [];
    let mut wrong = Vec::new();
    for source in without_tests(sources(&["src/engine"])) {
        if OPENS.contains(&source.path.as_str()) {
            continue;
        }
        for (number, line) in source
            .text
            .lines()
            .enumerate()
            .filter(|(_, line)| !is_comment(line))
        {
            for adapter in BEHIND_PORTS {
                if names(line, "crate::", adapter) {
                    wrong.push(format!("{}:{}: knows {adapter}", source.path, number + 1));
                }
            }
        }
    }
    assert_eq!(wrong, nobody);
}

#[test]
fn front_ends_know_views_and_the_handle_and_name_adapters_only_where_they_open_them() {
    let nobody: [String; 0] = [];
    let (mut wrong, mut used) = (Vec::new(), BTreeSet::new());
    for source in sources(&["ui"]) {
        let path = source.path.as_str();
        let opens = UI_OPENS.iter().find(|(listed, _)| *listed == path);
        for (number, line) in source
            .text
            .lines()
            .enumerate()
            .filter(|(_, line)| !is_comment(line))
        {
            for module in BEHIND_THE_HANDLE {
                if !names(line, "casimir_dkg::", module) {
                    continue;
                }
                used.insert((path.to_owned(), *module));
                if !opens.is_some_and(|(_, may)| may.contains(module)) {
                    wrong.push(format!("{path}:{}: knows {module}", number + 1));
                }
            }
        }
    }
    assert_eq!(wrong, nobody);
    for (path, may) in UI_OPENS {
        for module in *may {
            let is_used = used.contains(&((*path).to_owned(), *module));
            assert!(
                is_used,
                "{path} does not name {module} any more: take it off the list"
            );
        }
    }
}

/// Whoever names such a file a second time names another one as soon as the first is renamed.
#[test]
fn what_stands_beside_the_journal_is_named_in_one_place() {
    let nobody: [String; 0] = [];
    let mut shipped = without_tests(sources(&["src", "ui"]));
    shipped.retain(|source| source.path != "src/journal/places.rs");
    let names = |line: &str| {
        [
            "journal.path.with_",
            "journal.with_extension(",
            "journal.with_file_name(",
        ]
        .iter()
        .any(|wrong| line.contains(wrong))
    };
    assert_eq!(places(&shipped, names), nobody);
}
