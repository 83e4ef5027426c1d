//! How long a frame takes with many rows. The binary's modules cannot be reached from `benches`, so the measurement
//! lives here, and `cargo bench --bench frame` runs it.

use std::time::{Duration, Instant};

use casimir_dkg::view::{CaseStatus, Snapshot};

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

#[test]
#[ignore = "a measurement: `cargo bench --bench frame`"]
fn frame_of_ten_thousand_rows() {
    let (few, few_taken_in) = measured(50);
    let (many, many_taken_in) = measured(10_000);
    let ratio = |many: Duration, few: Duration| many.as_secs_f64() / few.as_secs_f64();
    #[expect(clippy::disallowed_macros, reason = "a measurement has to be told")]
    {
        println!("200x60, medians                    50 rows   10,000 rows   ratio");
        println!(
            "a key and its frame           {few:>12.1?}  {many:>12.1?}  {:>6.2}",
            ratio(many, few)
        );
        println!(
            "taking in a snapshot          {few_taken_in:>12.1?}  {many_taken_in:>12.1?}  {:>6.2}",
            ratio(many_taken_in, few_taken_in)
        );
    }
}

/// CPU time of the calling thread, however busy the machine is; none where the kernel has no such account.
fn computed() -> Option<Duration> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    let nanos = text.split_whitespace().next()?.parse().ok()?;
    Some(Duration::from_nanos(nanos))
}

/// More than a quiet chain asks for: each block brings a new state, and each second a tick and a frame.
#[test]
#[ignore = "a measurement: `cargo bench --bench frame`"]
fn the_console_alone_on_a_chain_of_12_seconds_costs_at_most_3_thousandths_of_a_core() {
    const BLOCKS: u64 = 50;
    const MOST: f64 = 0.3;
    let Some(before) = computed() else { return };
    let mut driver = Driver::new(fixture::app(fixture::busy()));
    let mut terminal = terminal(&mut driver.app, (120, 40));
    for block in 0..BLOCKS {
        let mut snapshot = fixture::busy();
        snapshot.revision += block + 1;
        snapshot.chain.head = Some(fixture::block(19_204_112 + block));
        driver.send(Event::Snapshot(std::sync::Arc::new(snapshot)));
        for _ in 0..12 {
            terminal
                .draw(|frame| screens::draw(frame, &mut driver.app))
                .unwrap();
            driver.look(1_000);
        }
    }
    let Some(after) = computed() else { return };
    let took = (after - before).as_secs_f64();
    let share = 100.0 * took / (12 * BLOCKS) as f64;
    #[expect(clippy::disallowed_macros, reason = "a measurement has to be told")]
    {
        println!("the console alone, 120x40, a block every 12 s: {share:.3} % of a core, {MOST} % at most");
    }
    assert!(share <= MOST, "{share:.3} % of a core: more than {MOST} %");
}

/// The time for a key and the frame after it, and for taking in a new snapshot: medians.
fn measured(rows: u32) -> (Duration, Duration) {
    let mut driver = Driver::new(fixture::app(many(rows)));
    driver.slowly("3");
    let mut terminal = terminal(&mut driver.app, (200, 60));
    let frames = (0..200).map(|i| {
        let start = Instant::now();
        driver.keys(if i % 2 == 0 { "G" } else { "g" });
        terminal
            .draw(|frame| screens::draw(frame, &mut driver.app))
            .unwrap();
        start.elapsed()
    });
    let frame = median(frames.collect());
    let snapshot = std::sync::Arc::new(many(rows));
    let taken_in = (0..40).map(|_| {
        let start = Instant::now();
        driver.send(Event::Snapshot(snapshot.clone()));
        start.elapsed()
    });
    (frame, median(taken_in.collect()))
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}
