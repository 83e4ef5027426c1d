//! What front ends are tested with: progress of real runs. To record it anew:
//!
//! ```text
//! cargo test --test whole record_for_front_ends -- --ignored
//! INSTA_UPDATE=always cargo test --bin casimir-dkg console::tests
//! ```
//!
//! and look at every picture that changed.

#[path = "../../ui/console/tests/fixture/recorded/mod.rs"]
mod files;

use std::path::Path;
use std::time::Duration;

use casimir_dkg::dkg::rockx::backend::capabilities;
use casimir_dkg::dkg::rockx::initiator::InitiatorConfig;
use casimir_dkg::dkg::rockx::round::{Round, steps};
use casimir_dkg::ports::CeremonyUpdate;
use casimir_dkg::types::{CeremonyPlan, FailureKind, OperatorId, OperatorState, UnixMillis, present_step};

use super::byzantine::{Lie, Misbehaviour};
use super::house::{HASTY, House, OldKey, Plan, check_transcript, fresh_id, ids, keygen_plan, reshare_plan};
use files::{BLAMED, KEYGEN, RESHARE, Recording, SILENT};
use tokio::sync::mpsc;

/// As it is configured where nothing is said.
const ROUND: Duration = InitiatorConfig::ROUND_DEADLINE;
const SLOW: Misbehaviour = Misbehaviour::Slow(Duration::from_millis(300));

async fn record(house: House, plan: CeremonyPlan) -> Recording {
    // room for every picture, so that none is left out
    let (updates, mut told) = mpsc::channel(1_000);
    let started_at = UnixMillis::now();
    let end = house.initiator.run(fresh_id(), &plan, updates).await;
    let ended_at = UnixMillis::now();
    check_transcript(&end);
    let mut pictures = Vec::new();
    while let Some(picture) = told.recv().await {
        pictures.push(picture);
    }
    pictures.dedup_by(|later, first| {
        let told = |p: &CeremonyUpdate| (p.step.clone(), p.operators.clone(), p.note.clone());
        told(later) == told(first)
    });
    let (end, checks, progress) = match end {
        Ok(verified) => (Ok(verified.result), verified.checks, verified.progress),
        Err(failed) => (Err(failed.failure), Vec::new(), failed.progress),
    };
    Recording {
        backend: capabilities().backend,
        steps: steps(&plan),
        plan,
        started_at,
        pictures,
        ended_at,
        end,
        checks,
        progress,
    }
}

async fn keygen_with(members: [u64; 4], odd: u64, how: Misbehaviour, round: Duration) -> Recording {
    let house = House::build(Plan {
        honest: ids(members.into_iter().filter(|id| *id != odd)),
        others: vec![(OperatorId(odd), how)],
        round,
        ..Plan::default()
    })
    .await;
    record(house, keygen_plan(ids(members))).await
}

async fn reshare() -> Recording {
    let key = OldKey::deal(&ids(1..=4));
    let house = House::build(Plan {
        honest: ids([1, 2, 3, 7]),
        others: vec![(OperatorId(5), SLOW)],
        key: Some(&key),
        round: ROUND,
        ..Plan::default()
    })
    .await;
    let plan = reshare_plan(&key, ids([1, 2, 3]), ids([1, 2, 5, 7]));
    record(house, plan).await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "writes files that are committed"]
async fn record_for_front_ends() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("ui/console/tests/fixture/recorded");
    let write = |name: &str, recording: &Recording| {
        let text = serde_json::to_string_pretty(recording).expect("JSON") + "\n";
        std::fs::write(folder.join(name), text).expect("written");
    };
    write("keygen.json", &keygen_with([1, 2, 5, 7], 5, SLOW, ROUND).await);
    let silent = keygen_with([1, 2, 4, 5], 4, Misbehaviour::Silent, HASTY).await;
    write("keygen-silent.json", &silent);
    let lies = Misbehaviour::Lies(Lie::Share(OperatorId(2)));
    write(
        "keygen-blamed.json",
        &keygen_with([1, 2, 5, 7], 5, lies, ROUND).await,
    );
    write("reshare.json", &reshare().await);
}

#[test]
fn recorded_progress_follows_the_steps_of_its_backend() {
    for (name, text) in [
        ("keygen", KEYGEN),
        ("silent", SILENT),
        ("blamed", BLAMED),
        ("reshare", RESHARE),
    ] {
        let recording = Recording::read(text);
        assert_eq!(recording.backend, capabilities().backend, "{name}");
        assert_eq!(recording.steps, steps(&recording.plan), "{name}");
        assert!(recording.pictures.len() > 5, "{name}: it was drawn while it ran");
        for picture in &recording.pictures {
            follows_its_steps(name, &recording, picture);
        }
        let last = recording.pictures.last().expect("pictures");
        assert_eq!(last.operators, recording.progress, "{name}");
    }
}

/// Who sent something was asked for it, in the order of the steps, and the step that is waited for is the one that the
/// backend named.
fn follows_its_steps(name: &str, recording: &Recording, picture: &CeremonyUpdate) {
    let participants = recording.plan.participants();
    assert!(picture.operators.keys().eq(&participants), "{name}");
    for (id, row) in &picture.operators {
        for step in row.seen.keys() {
            let step = recording.steps.iter().find(|s| s.id == *step);
            assert!(
                step.is_some_and(|step| step.asks(*id)),
                "{name}: {id} sent {step:?}"
            );
        }
        // the answer to the start message may be overtaken by what the start led to
        let sent = recording
            .steps
            .iter()
            .skip(1)
            .filter_map(|step| row.seen.get(&step.id));
        assert!(
            sent.is_sorted(),
            "{name}: {id} sent a message before an earlier one"
        );
    }
    let present = present_step(&recording.steps, &picture.operators);
    assert_eq!(
        present.map(|(step, _)| step.id.clone()),
        picture.step,
        "{name} at {}",
        picture.at.to_rfc3339()
    );
}

#[test]
fn recorded_ends_are_what_they_are_drawn_for() {
    for good in [KEYGEN, RESHARE] {
        let recording = Recording::read(good);
        assert!(recording.end.is_ok() && !recording.checks.is_empty());
        for (id, row) in &recording.progress {
            let asked = recording.steps.iter().filter(|step| step.asks(*id));
            assert!(asked.map(|step| &step.id).all(|id| row.seen.contains_key(id)));
            assert_eq!(row.state, OperatorState::Done);
        }
    }
    let silent = Recording::read(SILENT)
        .end
        .expect_err("nobody is waited for for ever");
    assert_eq!((silent.kind, silent.culprits), (FailureKind::Timeout, ids([4])));
    assert_eq!(silent.round, Some(Round::Preparation.id()));
    let recording = Recording::read(BLAMED);
    assert_eq!(recording.progress[&OperatorId(5)].state, OperatorState::Blamed);
    let blamed = recording.end.expect_err("a lie");
    assert_eq!((blamed.kind, blamed.culprits), (FailureKind::Blamed, ids([5])));
    assert!(blamed.blames.iter().any(|blame| blame.proven));
}
