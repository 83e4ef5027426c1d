//! No size and no screen may panic.

use std::time::Duration;

use super::draw::terminal;
use super::fixture::{self, Driver};
use crate::console::app::Overlay;
use crate::console::msg::Event;

const SCREENS: [&str; 27] = [
    "1",
    "2",
    "3",
    "4",
    "5",
    "6",
    "7",
    "8",
    "i",
    "C",
    "2 enter",
    "2 down enter",
    "3 enter",
    "4 enter",
    "5 enter",
    "6 enter",
    "7 enter",
    "?",
    "!",
    "q",
    "2 enter a",
    "2 enter b",
    "2 :",
    "2 down enter a",
    "2 enter c",
    "2 down down enter e",
    "2 down down space B",
];

#[test]
fn every_size_of_every_screen() {
    let workers = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    std::thread::scope(|scope| {
        for screens in SCREENS.chunks(SCREENS.len().div_ceil(workers)) {
            scope.spawn(|| screens.iter().for_each(|keys| every_size(keys, "")));
        }
    });
}

#[test]
fn every_size_with_what_a_director_says() {
    for keys in ["1", "2 enter", "2 enter a", "?", "!"] {
        every_size(keys, &"more than fits anywhere ".repeat(30));
    }
}

fn every_size(keys: &str, said: &str) {
    let mut driver = Driver::new(fixture::app(fixture::busy()));
    driver.slowly(keys);
    if !said.is_empty() {
        driver.send(Event::Told {
            words: said.to_owned(),
            stays: true,
        });
    }
    for width in 0..=120 {
        // all heights at the widths where layouts change, a sample elsewhere
        let step = if matches!(width, 0..=2 | 58..=62 | 78..=82 | 108..=112 | 120) {
            1
        } else {
            9
        };
        for height in (0..=50).step_by(step) {
            terminal(&mut driver.app, (width, height));
        }
    }
}

#[test]
fn empty_states_at_every_size() {
    for snapshot in [fixture::loading(), fixture::quiet()] {
        for keys in ["1", "2", "4", "6", "i", "?"] {
            let mut driver = Driver::new(fixture::app(snapshot.clone()));
            driver.slowly(keys);
            for width in [0, 1, 60, 79, 80, 120] {
                for height in (0..=50).step_by(2) {
                    terminal(&mut driver.app, (width, height));
                }
            }
        }
    }
}

#[test]
fn a_tiny_terminal_still_says_what_matters() {
    let mut app = fixture::app(fixture::busy());
    let text = super::draw::picture(&mut app, (59, 15));
    assert!(text.contains("3 waiting SUPERVISED devnet needs 60x16"), "{text}");
}

/// At 60x16 the page behind a question had a frame, no line, and a title of «lines 1-0 of 107».
#[test]
fn a_question_leaves_the_page_some_lines_or_says_that_it_stands_in_its_place() {
    let questions = [
        "2 enter a",
        "2 down enter a",
        "2 enter r",
        "2 enter X",
        "3 enter p",
        "3 enter X",
        "2 enter /",
        "2 a",
        "2 r",
        "M",
        "2 :",
    ];
    let (mut docked, mut in_place) = (0, 0);
    for keys in questions {
        let mut driver = Driver::new(fixture::app(fixture::busy()));
        driver.slowly(keys);
        if !matches!(driver.app.overlay, Some(Overlay::Ask(_) | Overlay::Input(_))) {
            continue;
        }
        for height in 16..=45 {
            for width in [60, 80, 120] {
                let text = super::draw::picture(&mut driver.app, (width, height));
                assert!(!text.contains("lines 1-0"), "{keys} {width}x{height}\n{text}");
                let frames = text.lines().filter(|line| line.contains('╭')).count();
                let said = text.contains("the page is behind: a higher terminal shows both");
                assert_eq!(said, frames == 1, "{keys} {width}x{height}\n{text}");
                in_place += usize::from(said);
                docked += usize::from(!said);
                if let Some(detail) = driver.app.details.last() {
                    let rows = detail.height;
                    assert_eq!(said, rows == 0, "{keys} {width}x{height}: {rows}\n{text}");
                    assert!(said || rows >= 3, "{keys} {width}x{height}: {rows}\n{text}");
                }
            }
        }
    }
    assert!(docked > 100 && in_place > 10, "{docked} {in_place}");
}

#[test]
fn scrolling_survives_a_shrinking_list() {
    let mut driver = Driver::new(fixture::app(fixture::busy()));
    driver.slowly("3 G");
    terminal(&mut driver.app, (80, 24));
    driver.send(crate::console::msg::Event::Snapshot(std::sync::Arc::new(
        fixture::quiet(),
    )));
    terminal(&mut driver.app, (80, 24));
    driver.mono += Duration::from_secs(1);
    driver.slowly("j G g enter");
    terminal(&mut driver.app, (80, 24));
}
