//! Arrows between the rooms of the engine run downwards only.

use std::collections::BTreeSet;

use super::source::{Source, sources, without_tests};

/// Every room of the engine, the lowest first, and the rooms that it knows: all of them stand before it, so that there is
/// no circle. Whoever needs an arrow upwards has something in the wrong room.
const ROOMS: &[(&str, &[&str])] = &[
    ("types", &[]),
    ("inject", &[]),
    ("lane", &["types"]),
    ("lock", &["types"]),
    ("runtime", &[]),
    ("secrets", &["types"]),
    ("listen", &[]),
    ("monitor", &["types", "listen"]),
    ("http", &["types"]),
    ("journal", &["types", "lock"]),
    ("view", &["types"]),
    ("ports", &["types"]),
    ("oracle", &["types"]),
    // adapters: they implement ports and know nothing above them
    ("operators", &["types", "http"]),
    ("beacon", &["types", "ports", "http"]),
    ("chain", &["types", "ports", "http"]),
    ("ssv", &["types", "ports", "chain"]),
    ("tx", &["types", "ports", "chain"]),
    ("pool", &["types", "ports", "chain", "ssv"]),
    (
        "dkg",
        &[
            "types",
            "ports",
            "http",
            "lane",
            "lock",
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
            "types", "http", "inject", "listen", "monitor", "ports", "oracle", "chain", "pool", "dkg",
        ],
    ),
    ("signer", &["types", "secrets", "ports", "http", "config"]),
    ("notify", &["types", "secrets", "ports", "http", "config"]),
    ("devnet", &["types", "config", "beacon", "chain", "dkg", "pool"]),
    // besides ports, only the arithmetic of fees, of signing roots and of threshold signatures
    (
        "desk",
        &["types", "ports", "oracle", "config", "beacon", "dkg", "tx"],
    ),
    (
        "engine",
        &[
            "types",
            "inject",
            "lane",
            "lock",
            "runtime",
            "secrets",
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
    ("attach", &["types", "runtime", "view", "config", "engine"]),
];

/// The room of a file: the folder below `src/`, or the file itself.
fn room(source: &Source) -> &str {
    let inside = source.path.strip_prefix("src/").unwrap_or(&source.path);
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
const BEHIND_PORTS: &[&str] = &["beacon", "notify", "operators", "pool", "ssv", "tx", "chain::rpc"];

#[test]
fn the_engine_knows_adapters_only_where_it_opens_them() {
    let nobody: [String; 0] = [];
    let mut wrong = Vec::new();
    for source in without_tests(sources(&["src/engine"])) {
        if OPENS.contains(&source.path.as_str()) {
            continue;
        }
        for (number, line) in source.text.lines().enumerate() {
            if line.trim_start().starts_with("//") {
                continue;
            }
            for adapter in BEHIND_PORTS {
                let knows = line.split("crate::").skip(1).any(|rest| {
                    rest.strip_prefix(adapter)
                        .is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_'))
                });
                if knows {
                    wrong.push(format!("{}:{}: knows {adapter}", source.path, number + 1));
                }
            }
        }
    }
    assert_eq!(wrong, nobody);
}
