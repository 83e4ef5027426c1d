//! The log: what is shown of it, how it scrolls, and what is found in it.

use casimir_dkg::types::Severity;
use casimir_dkg::view::{Seated, Transition};

use super::*;
use crate::console::tests::draw::picture;

fn logged() -> Driver {
    let mut d = busy();
    d.slowly("8");
    d.send(Event::Logged(fixture::lines()));
    picture(&mut d.app, (80, 24));
    d
}

#[test]
fn the_filter_leaves_lines_out_while_it_is_typed() {
    let mut d = logged();
    d.slowly("f");
    d.types("POOL 3");
    let screen = picture(&mut d.app, (120, 60));
    assert!(
        screen.contains("of pool 3") && !screen.contains("of pool 2"),
        "{screen}"
    );
    d.slowly("enter");
    let screen = picture(&mut d.app, (120, 40));
    assert!(screen.contains("filter POOL 3: 8 of 40"), "{screen}");
    d.slowly("esc");
    assert!(d.app.list(LOGS).filter.is_empty());
    assert!(picture(&mut d.app, (120, 60)).contains("of pool 2"));
}

#[test]
fn it_scrolls_by_lines_and_pages_and_back_to_the_end() {
    let mut d = logged();
    assert!(picture(&mut d.app, (80, 24)).contains("line 39 of"));
    d.slowly("k");
    let screen = picture(&mut d.app, (80, 24));
    assert!(
        !screen.contains("line 39 of")
            && screen.contains("line 38 of")
            && screen.contains("newer lines below"),
        "{screen}"
    );
    d.slowly("j");
    assert!(!d.app.logs.is_held(), "at the end it follows again");
    d.slowly("pageup pageup");
    assert!(!picture(&mut d.app, (80, 24)).contains("line 38 of"));
    d.slowly("g");
    assert!(picture(&mut d.app, (80, 24)).contains("line 0 of"));
    d.send(Event::Mouse(Mouse::Wheel {
        column: 9,
        row: 9,
        lines: 3,
    }));
    assert!(!picture(&mut d.app, (80, 24)).contains("line 0 of"));
    d.slowly("G");
    assert!(picture(&mut d.app, (80, 24)).contains("line 39 of"));
}

#[test]
fn less_important_lines_are_shown_when_they_are_asked_for() {
    let mut d = logged();
    assert!(!picture(&mut d.app, (120, 60)).contains("eth_getLogs"));
    d.slowly("+");
    assert!(picture(&mut d.app, (120, 60)).contains("eth_getLogs"));
    d.slowly("- - -");
    let screen = picture(&mut d.app, (120, 60));
    assert!(
        screen.contains("error and worse") && !screen.contains("asked again"),
        "{screen}"
    );
}

#[test]
fn a_search_walks_the_lines_and_says_which_of_how_many() {
    let mut d = logged();
    d.slowly("/");
    d.types("operator 4 sent");
    d.slowly("enter");
    assert!(toast(&d).contains("\"operator 4 sent\": 4 of 4"), "{}", toast(&d));
    let screen = picture(&mut d.app, (80, 24));
    assert!(screen.contains("/operator 4 sent 4/4"), "{screen}");
    d.slowly("N");
    assert!(toast(&d).contains("3 of 4"));
    d.slowly("n n");
    assert!(toast(&d).contains("1 of 4"), "around the end: {}", toast(&d));
    d.slowly("/");
    d.types("no such words");
    d.slowly("enter");
    assert!(toast(&d).contains("nothing here contains"), "{}", toast(&d));
    // another tab is another search
    d.slowly("2 8");
    assert_eq!(d.app.found_at, None);
}

#[test]
fn at_another_process_the_log_has_what_its_engine_tells() {
    let mut d = busy();
    let told = || {
        Event::Transition(Transition {
            at: fixture::T0,
            case: Some("deposit/3".parse().unwrap()),
            text: "The ceremony failed.".into(),
            severity: Severity::Critical,
            ..Transition::default()
        })
    };
    d.slowly("8");
    d.send(told());
    assert!(!picture(&mut d.app, (120, 40)).contains("ERROR engine: deposit/3: The ceremony failed."));
    d.app.settings.attached = Some(Seated {
        process: 1,
        you: "ada".into(),
        run_by: "casimir".into(),
        since: UnixMillis(0),
        may_decide: true,
    });
    d.send(told());
    let screen = picture(&mut d.app, (120, 40));
    assert!(
        screen.contains("ERROR engine: deposit/3: The ceremony failed."),
        "{screen}"
    );
    assert_eq!(d.app.logs.counts("").0, 1);
}
