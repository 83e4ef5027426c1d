//! The service unit that is shipped, played by its own rules: <https://www.freedesktop.org/software/systemd/man/latest/systemd.service.html>
//! and `systemd.unit` for the limits of starts.

use std::time::Duration;

const UNIT: &str = include_str!("../../config/casimir-dkg.service");

/// The last value of a setting.
fn setting(name: &str) -> Option<&'static str> {
    let lines = UNIT.lines().rev().filter(|line| !line.starts_with('#'));
    let mut values = lines.filter_map(|line| line.strip_prefix(name)?.strip_prefix('='));
    values.next()
}

/// `10`, `10s`, `5min`: what the unit uses of the manager's spans.
fn span(text: &str) -> Duration {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let number: u64 = digits.parse().unwrap();
    Duration::from_secs(match &text[digits.len()..] {
        "" | "s" => number,
        "min" => number * 60,
        unit => panic!("{unit}"),
    })
}

/// Whether the manager starts the program again after this end.
fn restarts(exit: i32) -> bool {
    let never = setting("RestartPreventExitStatus").unwrap_or_default();
    if never.split(' ').any(|status| status == exit.to_string()) {
        return false;
    }
    match setting("Restart").unwrap_or("no") {
        "always" => true,
        "on-failure" => exit != 0,
        "no" => false,
        other => panic!("{other}"),
    }
}

/// How often the program is started when each start ends at once with this status, before the manager gives up; none
/// when it never does.
fn starts_until_it_is_given_up(exit: i32) -> Option<u64> {
    if !restarts(exit) {
        return Some(1);
    }
    let window = span(setting("StartLimitIntervalSec").unwrap_or("10s"));
    let burst: u64 = setting("StartLimitBurst").unwrap_or("5").parse().unwrap();
    let pause = span(setting("RestartSec").unwrap_or("0"));
    let fit = if pause.is_zero() {
        u64::MAX
    } else {
        window.as_secs() / pause.as_secs()
    };
    (!window.is_zero() && fit >= burst).then_some(burst)
}

#[test]
fn whatever_may_pass_by_itself_is_tried_for_ever() {
    // a port or a lock that is taken, a full disk, a part that died, a forced end, a signal from somebody
    for exit in [1, 101, 130, 0] {
        assert_eq!(starts_until_it_is_given_up(exit), None, "status {exit}");
    }
    assert!(
        span(setting("RestartSec").unwrap()) >= Duration::from_secs(1),
        "not in a frenzy"
    );
}

#[test]
fn a_mistake_in_command_line_or_configuration_is_not_repeated() {
    for exit in [2, 3] {
        assert_eq!(starts_until_it_is_given_up(exit), Some(1), "status {exit}");
    }
}

#[test]
fn the_manager_waits_longer_for_the_end_than_the_program_takes() {
    // 10 s for work under way, then messenger and runtime: 2 s each
    assert!(span(setting("TimeoutStopSec").unwrap()) > Duration::from_secs(14));
    assert!(setting("ExecStart").unwrap().ends_with("casimir-dkg headless"));
    assert_eq!(
        setting("TimeoutStartSec"),
        None,
        "no limit for a start that waits"
    );
    assert_eq!(
        setting("Type"),
        Some("exec"),
        "started once it runs, whatever it waits for"
    );
}
