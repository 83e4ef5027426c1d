//! Nothing that costs money is approved before all of what matters was on the screen.

use casimir_dkg::types::Check;
use casimir_dkg::view::{Fact, FactKind};

use super::*;
use crate::console::tests::draw::picture;

/// Keys by a person who sees each picture in a terminal of that size.
fn typed(d: &mut Driver, size: (u16, u16), keys: &str) -> Vec<Request> {
    d.app.size = Size::new(size.0, size.1);
    let mut sent = Vec::new();
    for key in keys.split(' ') {
        picture(&mut d.app, size);
        d.look(400);
        sent.extend(requests(d.keys(key)));
    }
    picture(&mut d.app, size);
    d.look(400);
    sent
}

fn is_asked(d: &Driver) -> bool {
    matches!(d.app.overlay, Some(Overlay::Ask(_)))
}

/// The deposit that waits, with so many more changes and checks that nobody could make.
fn deposit(changes: usize, unknown: usize) -> Driver {
    let mut d = busy();
    d.send(with(|s| {
        let change = |n| Fact {
            label: format!("SSV cluster number {n} afterwards"),
            value: format!("1234.5678 SSV, so far the {n}th of them").as_str().into(),
            kind: FactKind::Amount,
        };
        let check = |n| Check::unknown(&format!("unmade-{n}"), "no endpoint has answered");
        s.actions[0].facts.extend((1..=changes).map(change));
        s.actions[0].checks.extend((1..=unknown).map(check));
    }));
    d
}

#[test]
fn what_does_not_fit_is_seen_in_full_before_it_is_asked_about() {
    for (changes, unknown, last) in [(9, 0, "9th"), (40, 0, "40th"), (0, 12, "unmade-12")] {
        let mut d = deposit(changes, unknown);
        typed(&mut d, (80, 24), "2 g enter");
        let mut presses = 0;
        let mut seen = false;
        while !is_asked(&d) {
            seen |= picture(&mut d.app, (80, 24)).contains(last);
            presses += 1;
            assert!(presses < 14, "it is asked at last: {}", toast(&d));
            assert!(typed(&mut d, (80, 24), "a").is_empty());
        }
        assert!(seen, "{last}: after {presses}");
        // what is longer than any text is drawn is seen among the facts
        assert!(
            presses <= if changes == 40 { 13 } else { 3 },
            "{last}: after {presses}"
        );
    }
    // nothing is cut: it is asked at once
    let mut d = deposit(0, 0);
    typed(&mut d, (80, 24), "2 g enter a");
    assert!(is_asked(&d), "{}", toast(&d));
}

#[test]
fn a_high_terminal_cuts_nothing_that_it_has_room_for() {
    let mut d = deposit(6, 6);
    typed(&mut d, (120, 60), "2 g enter");
    let page = picture(&mut d.app, (120, 60));
    let (summary, _) = page.split_once(" State").expect("its heading");
    assert!(
        summary.contains("cluster number 6 afterwards") && summary.contains("unmade-6"),
        "{page}"
    );
}

#[test]
fn a_question_that_does_not_fit_is_scrolled_and_answered_after_its_end() {
    let mut d = deposit(2, 0);
    let small = (60, 16);
    typed(&mut d, small, "2 g enter");
    for _ in 0..30 {
        if is_asked(&d) {
            break;
        }
        typed(&mut d, small, "a");
    }
    let shown = picture(&mut d.app, small);
    assert!(is_asked(&d) && shown.contains("down shows the rest"), "{shown}");
    assert!(
        shown.contains("read all of it first") && !shown.contains("digest:"),
        "{shown}"
    );
    assert!(typed(&mut d, small, "y").is_empty(), "its end was not shown");
    assert!(toast(&d).contains("not all of the question"), "{}", toast(&d));
    for _ in 0..30 {
        typed(&mut d, small, "down");
    }
    let shown = picture(&mut d.app, small);
    assert!(
        shown.contains("digest:") && shown.contains("y approve"),
        "{shown}"
    );
    assert_eq!(typed(&mut d, small, "y").len(), 1);
}
