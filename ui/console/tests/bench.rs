//! How long a frame takes with many rows. The binary's modules can not be reached from `benches`, so the measurement
//! lives here: `cargo test --release --bin casimir-dkg frame_of -- --ignored --nocapture`.

use std::time::{Duration, Instant};

use casimir_dkg::oracle::CaseStatus;
use casimir_dkg::snapshot::Snapshot;

use super::draw::terminal;
use super::fixture::{self, Driver};
use crate::console::msg::Event;
use crate::console::screens;

fn many(rows: u32) -> Snapshot {
    let mut s = fixture::busy();
    s.cases = (0..rows)
        .map(|n| {
            fixture::case(
                &format!("deposit/{n}"),
                CaseStatus::Queued,
                "Waits for its turn.",
                u64::from(n % 5_000),
            )
        })
        .collect();
    s
}

/// The cost of a frame must not depend on the number of rows: 200 times the rows, at most 5 times the time, which is
/// far from what building every row would cost even on a busy machine.
#[test]
fn frame_time_does_not_grow_with_the_list() {
    let time = |rows: u32| {
        let mut driver = Driver::new(fixture::app(many(rows)));
        driver.slowly("3");
        let mut terminal = terminal(&mut driver.app, (120, 40));
        (0..5)
            .map(|_| {
                let start = Instant::now();
                terminal
                    .draw(|frame| screens::draw(frame, &mut driver.app))
                    .unwrap();
                start.elapsed()
            })
            .min()
            .unwrap()
    };
    let (few, many) = (time(50), time(10_000));
    assert!(
        many < few * 5 + Duration::from_millis(5),
        "50 rows: {few:?}, 10,000 rows: {many:?}"
    );
}

#[test]
#[ignore = "a measurement; run it in release and alone"]
#[allow(clippy::disallowed_macros)] // its result is what it prints
fn frame_of_ten_thousand_rows() {
    let mut driver = Driver::new(fixture::app(many(10_000)));
    driver.slowly("3");
    let mut terminal = terminal(&mut driver.app, (200, 60));
    let start = Instant::now();
    const FRAMES: u32 = 200;
    for i in 0..FRAMES {
        driver.keys(if i % 2 == 0 { "G" } else { "g" });
        terminal
            .draw(|frame| screens::draw(frame, &mut driver.app))
            .unwrap();
    }
    let frame = start.elapsed() / FRAMES;
    let snapshot = std::sync::Arc::new(many(10_000));
    let start = Instant::now();
    for _ in 0..20 {
        driver.send(Event::Snapshot(snapshot.clone()));
    }
    let apply = start.elapsed() / 20;
    #[expect(clippy::disallowed_macros, reason = "a measurement has to be told")]
    {
        println!("10,000 rows at 200x60: {frame:?} for a key and a frame, {apply:?} to take in a snapshot");
    }
}
