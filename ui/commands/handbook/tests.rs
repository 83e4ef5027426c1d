//! The handbook says nothing that the program does not understand, and has a page for every alarm.

use std::collections::BTreeSet;

use casimir_dkg::ports::notifier::NoticeKind;
use casimir_dkg::view::WaitReason;
use clap::Parser as _;

use super::*;
use crate::args::Cli;

/// The words of a command line, as a shell splits them; what is redirected, piped on or a comment is no part of it.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quoted) = (Vec::new(), String::new(), false);
    for c in line.chars() {
        match c {
            '"' => quoted = !quoted,
            '|' | '>' if !quoted => break,
            '#' if !quoted && word.is_empty() => break,
            ' ' if !quoted => words.extend((!word.is_empty()).then(|| std::mem::take(&mut word))),
            c => word.push(c),
        }
    }
    words.extend((!word.is_empty()).then_some(word));
    words
}

/// Every command of this program that a page has: the lines of its shell blocks, and what stands between backticks.
fn commands(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut shell = false;
    for line in text.lines() {
        if let Some(fence) = line.strip_prefix("```") {
            shell = fence.starts_with("sh");
        } else if shell {
            found.extend(line.starts_with("casimir-dkg ").then(|| line.to_owned()));
        } else {
            let spans = line.split('`').skip(1).step_by(2);
            found.extend(
                spans
                    .filter(|span| span.starts_with("casimir-dkg "))
                    .map(str::to_owned),
            );
        }
    }
    found
}

#[test]
fn every_command_of_the_handbook_is_one() {
    let mut seen = 0;
    for (name, text) in PAGES {
        for command in commands(text) {
            let parsed = Cli::try_parse_from(words(&command));
            let shown = parsed.as_ref().map_err(clap::Error::kind);
            let version = matches!(shown, Err(clap::error::ErrorKind::DisplayVersion));
            assert!(
                version || shown.is_ok(),
                "{name}: {command}: {}",
                parsed.unwrap_err()
            );
            seen += 1;
        }
    }
    assert!(seen > 60, "{seen} commands");
}

/// What people read before they have the handbook names commands and flags that there are, if not all of their arguments.
#[test]
fn every_command_that_is_named_beside_the_handbook_is_there() {
    use clap::error::ErrorKind::{InvalidSubcommand, UnknownArgument};

    let beside = [
        include_str!("../../../README.md"),
        include_str!("../../../config/monitoring/README.md"),
    ];
    let named: Vec<String> = beside.iter().flat_map(|text| commands(text)).collect();
    for command in &named {
        let kind = Cli::try_parse_from(words(command))
            .err()
            .map(|error| error.kind());
        assert!(
            !matches!(kind, Some(InvalidSubcommand | UnknownArgument)),
            "{command}"
        );
    }
    assert!(named.len() > 10, "{} commands", named.len());
}

/// A page that is named in a command of the handbook is there.
#[test]
fn pages_that_are_named_are_there() {
    let nobody: [String; 0] = [];
    let mut missing = Vec::new();
    for (page, text) in PAGES {
        for command in commands(text) {
            if let Some(name) = command.strip_prefix("casimir-dkg handbook ")
                && find(name).is_err()
            {
                missing.push(format!("{page}: {name}"));
            }
        }
        let links = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        for link in links.filter(|link| !link.contains("://")) {
            let (file, section) = link.split_once('#').unwrap_or((link, ""));
            let there = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
                .join("ui/handbook")
                .join(file);
            if !there.exists() || (!section.is_empty() && alarm(section).is_none()) {
                missing.push(format!("{page}: {link}"));
            }
        }
    }
    assert_eq!(missing, nobody);
}

#[test]
fn every_alarm_has_a_page_that_says_what_it_means_what_to_look_at_and_what_to_press() {
    for reason in WaitReason::ALL {
        let text = find(reason.code()).unwrap_or_else(|_| panic!("no page for {reason}"));
        let stops = reason.stops().word();
        let severity = reason.severity().to_string();
        let means = format!("\n{} It is {severity} and stops {stops}.\n", reason.means());
        assert!(
            text.starts_with(&format!("## {}\n", reason.code())),
            "{reason}: its section comes first"
        );
        assert!(text.contains(&means), "{reason} says {means}");
        for part in ["\n**Look at.** ", "\n**Press.** "] {
            assert!(text.contains(part), "{reason}: {part}");
        }
    }
    let known: BTreeSet<_> = WaitReason::ALL.iter().map(|reason| reason.code()).collect();
    let more: Vec<_> = sections(ALARMS)
        .map(title)
        .filter(|code| !known.contains(code))
        .collect();
    // a notice of no reason
    assert_eq!(more, [NoticeKind::DeadlineNear.to_string()]);
}

/// Whoever is woken by a rule that ships, or by a notice, finds what to look at and what to press under that name.
#[test]
fn every_alert_and_kind_of_notice_has_a_page() {
    let rules = include_str!("../../../config/monitoring/alerts.yml");
    let alerts = rules
        .lines()
        .filter_map(|line| line.trim().strip_prefix("- alert: "))
        .map(str::to_owned);
    let kinds = NoticeKind::ALL.iter().map(ToString::to_string);
    let named: BTreeSet<String> = alerts.chain(kinds).collect();
    assert!(named.len() > 25, "{named:?}");
    for name in &named {
        let text = find(name).unwrap_or_else(|error| panic!("{name}: {error}"));
        for part in ["\n**Look at.** ", "\n**Press.** "] {
            assert!(text.contains(part), "{name}: {part}");
        }
    }
    for section in sections(ALERTS) {
        assert!(named.contains(title(section)), "{} is none", title(section));
    }
    assert!(find("casimirmessengerstorage").is_ok());
}

/// An alarm and a page of one name are both printed.
#[test]
fn the_alarm_policy_is_not_hidden_by_the_page() {
    let text = find("policy").unwrap();
    let page = PAGES.iter().find(|(name, _)| *name == "policy").unwrap().1;
    assert!(text.starts_with("## policy\n") && text.ends_with(page), "{text}");
}

/// The table of ways is the one that simulated lives are held against, row by row.
#[test]
fn the_table_of_ways_is_what_lives_find() {
    const TRIED: &str = include_str!("../../../src/core/oracle/sim/ways.rs");
    let page = find("ways").unwrap();
    let tried: Vec<_> = TRIED
        .lines()
        .filter_map(|line| line.strip_prefix("//! | "))
        .collect();
    let told = page.lines().filter_map(|line| line.strip_prefix("| "));
    let told: Vec<_> = told.take(tried.len()).collect();
    assert_eq!(told, tried, "ui/handbook/ways.md and src/core/oracle/sim/ways.rs");
    // each way and each place is explained below the table
    let below = page.split_once("## The ways").unwrap().1;
    let names = |cell: &str| -> Vec<String> {
        let cells = below
            .lines()
            .filter_map(|line| line.strip_prefix("| ")?.split(" | ").next());
        let names = cells.flat_map(|cell| cell.split(", ").map(str::to_owned));
        let found: Vec<_> = names.filter(|name| name == cell).collect();
        found
    };
    for row in &tried[2..] {
        let cells: Vec<_> = row.trim_end_matches(" |").split(" | ").collect();
        let ways = cells[2].split(", ").map(|way| way.trim_matches(['(', ')']));
        for name in ways.chain([cells[1]]) {
            assert_eq!(names(name), [name], "explained once");
        }
    }
}

#[test]
fn a_page_is_found_by_its_name_and_a_slip_is_answered() {
    assert!(find("backup").unwrap().starts_with("# Backup and restore\n"));
    let section = find("signer-away").unwrap();
    assert!(section.starts_with("## signer-away\n") && !section.contains("## refreshing"));
    let error = find("singer-away").unwrap_err().to_string();
    assert!(error.ends_with("did you mean signer-away?"), "{error}");
    assert!(
        find("nothing-at-all-like-it")
            .unwrap_err()
            .to_string()
            .contains("lists them")
    );
    for (name, text) in PAGES {
        assert!(text.starts_with("# ") && contents().contains(name), "{name}");
    }
}

#[test]
fn a_line_is_split_as_by_a_shell() {
    assert_eq!(words("a --b \"c d\" > e"), ["a", "--b", "c d"]);
}
