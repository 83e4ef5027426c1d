//! Every reason to wait is a metric, and `/readyz` says which of them stop everything.

use super::*;
use crate::engine::channel;
use crate::view::fixture::busy;
use crate::view::{Health, Mode, WaitReason};

fn probe(waits: Vec<Wait>) -> (crate::engine::EngineSide, OracleProbe) {
    let (side, handle) = channel(Snapshot { waits, ..busy() });
    let probe = OracleProbe::new(&handle, Vec::new());
    (side, probe)
}

fn wait(reason: WaitReason) -> Wait {
    Wait {
        since: UnixMillis(1),
        ..Wait::new(reason, "because of that")
    }
}

#[test]
fn every_reason_to_wait_is_a_metric() {
    for reason in WaitReason::ALL {
        let (_side, probe) = probe(vec![wait(*reason), wait(*reason)]);
        let text = probe.metrics();
        let counted = format!(
            "casimir_oracle_waits{{reason=\"{}\",severity=\"{}\",stops=\"{}\"}} 2",
            reason.code(),
            reason.severity(),
            reason.stops().word()
        );
        assert!(text.contains(&counted), "{counted} is not in\n{text}");
        let others = text
            .lines()
            .filter(|line| line.starts_with("casimir_oracle_waits{"));
        assert_eq!(others.count(), WaitReason::ALL.len());
        let oldest = format!(
            "casimir_oracle_wait_oldest_seconds{{reason=\"{}\"}} ",
            reason.code()
        );
        let seconds = text.lines().find_map(|line| line.strip_prefix(&oldest)).unwrap();
        assert!(seconds.parse::<f64>().unwrap() > 1e9, "{seconds}");
    }
}

/// What a rule decides in a moment was counted as what a person has to look at.
#[test]
fn what_a_rule_is_about_to_decide_does_not_wait_for_a_person() {
    let snapshot = |mode, waits| Snapshot {
        waits,
        mode,
        ..busy()
    };
    let said = |snapshot: Snapshot| {
        let (_side, handle) = channel(snapshot);
        let text = OracleProbe::new(&handle, Vec::new()).metrics();
        let mut lines = text.lines();
        let count = lines.find_map(|line| line.strip_prefix("casimir_oracle_actions_waiting "));
        count.unwrap().parse::<f64>().unwrap()
    };
    let all = busy().waiting().count();
    let first = busy().waiting().next().map(|action| action.id);
    assert!(all > 1, "{all}");
    assert_eq!(said(snapshot(Mode::Supervised, Vec::new())), all as f64);
    assert_eq!(said(snapshot(Mode::Auto, Vec::new())), 0.0);
    let policy = Wait {
        action: first,
        ..wait(WaitReason::Policy)
    };
    assert_eq!(said(snapshot(Mode::Auto, vec![policy])), 1.0);
}

#[test]
fn what_stops_everything_is_why_it_is_not_ready() {
    let (side, probe_of_one) = probe(vec![wait(WaitReason::Decision)]);
    assert!(probe_of_one.ready().yes, "a case that waits is no reason");
    drop(side);
    assert!(
        !probe_of_one.live().yes && !probe_of_one.ready().yes,
        "the engine has ended"
    );
    let (_side, probe) = probe(vec![wait(WaitReason::Decision), wait(WaitReason::RelayAway)]);
    let ready = probe.ready();
    assert!(!ready.yes && probe.live().yes);
    assert_eq!(ready.body["ready"], false);
    let why = ready.body["why"].as_array().unwrap();
    assert_eq!(why.len(), 1);
    assert_eq!(why[0]["waits_for"], "messenger-away");
    assert_eq!(why[0]["reason"], "because of that");
    assert!(probe.metrics().contains("casimir_oracle_ready 0"));
}

#[test]
fn an_engine_that_does_not_go_around_is_not_live() {
    let (_side, probe) = probe(Vec::new());
    let now = UnixMillis::now();
    assert!(probe.live_at(now).yes);
    let verdict = probe.live_at(now.plus(crate::monitor::HANGS_AFTER * 2));
    assert!(!verdict.yes);
    let why = verdict.body["why"].as_str().unwrap();
    assert!(why.contains("has not gone around for"), "{why}");
}

/// The alert is on what is below 1: it must be said of whoever is told of as away, and of nobody else.
#[test]
fn an_operator_without_a_usable_answer_is_not_up() {
    let mut snapshot = busy();
    let healths = [Health::Up, Health::Degraded, Health::Unknown, Health::Down];
    let first = snapshot.operators[0].clone();
    snapshot.operators = (1..)
        .zip(healths)
        .map(|(id, health)| crate::view::OperatorView {
            id: crate::types::OperatorId(id),
            health,
            ..first.clone()
        })
        .collect();
    let (_side, handle) = channel(snapshot);
    let text = OracleProbe::new(&handle, Vec::new()).metrics();
    for (id, up) in [(1, "1.0"), (2, "1.0"), (3, "0.5"), (4, "0.0")] {
        let line = format!("casimir_oracle_operator_up{{operator=\"{id}\"}} {up}");
        assert!(
            text.lines().any(|found| found == line),
            "{line} is not in\n{text}"
        );
    }
    let rules = include_str!("../../../config/monitoring/alerts.yml");
    assert!(rules.contains("expr: casimir_oracle_operator_up < 1\n"));
}
