//! No key is dead: in every place each one does something, or says why it does nothing.

use super::*;
use crate::console::app::Tab;
use crate::console::keys::{Command, Scene, TABLE};
use crate::console::tests::draw::picture;

/// Keys that lead to every list and every kind of page.
const PLACES: &[&str] = &[
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
    "3 enter",
    "4 enter",
    "5 enter",
    "6 enter",
    "7 enter",
    "?",
    "2 enter c",
    "2 e",
    "a a",
];

fn states() -> [(&'static str, Snapshot); 4] {
    [
        ("loading", fixture::loading()),
        ("quiet", fixture::quiet()),
        ("busy", fixture::busy()),
        (
            "observed",
            Snapshot {
                mode: casimir_dkg::view::Mode::Observe,
                ..fixture::busy()
            },
        ),
    ]
}

fn at(snapshot: &Snapshot, keys: &str) -> Driver {
    let mut d = Driver::new(fixture::app(snapshot.clone()));
    d.app.size = Size::new(120, 40);
    for key in keys.split(' ') {
        picture(&mut d.app, (120, 40));
        d.slowly(key);
    }
    d.app.toast = None;
    d
}

/// At an end, moving does nothing, as everywhere.
fn moves(d: &Driver, command: Command) -> bool {
    use Command as C;
    let here = match command {
        C::Tab(number) => {
            Tab::numbered(&d.app.settings.panes, number) == Some(d.app.tab) && d.app.details.is_empty()
        }
        _ => false,
    };
    here || matches!(
        command,
        C::Up | C::Down | C::PageUp | C::PageDown | C::Top | C::Bottom
    )
}

#[test]
fn every_key_does_something_or_says_why_not() {
    let mut silent = Vec::new();
    for (name, snapshot) in states() {
        for place in PLACES {
            let scene = at(&snapshot, place).app.scene();
            for row in TABLE.iter().filter(|row| scene.groups().contains(&row.group)) {
                let mut d = at(&snapshot, place);
                let before = picture(&mut d.app, (120, 40));
                let effects = d.keys(row.keys[0]);
                let says = d.app.toast.is_some() || !effects.is_empty();
                if !says && picture(&mut d.app, (120, 40)) == before && !moves(&d, row.command) {
                    silent.push(format!("{name}: {place}: {} ({})", row.keys[0], row.name));
                }
            }
        }
    }
    assert!(silent.is_empty(), "{}", silent.join("\n"));
}

#[test]
fn a_key_of_another_place_says_what_it_is_there() {
    let mut d = busy();
    d.keys("b");
    let said = toast(&d);
    assert!(
        said.starts_with("b is no key here. In a detail view: open or fold raw bytes"),
        "{said}"
    );
    // the next one is answered, too
    d.keys("f");
    let said = toast(&d);
    assert!(said.starts_with("f is no key here. In the log: "), "{said}");
    d.keys("f9");
    assert_eq!(toast(&d), "f9 is no key here; ? lists those that are");
    d.keys("esc");
    assert_eq!(toast(&d), "nothing to go back from here; Q leaves the console");
    // where another key goes back, it is named as in the footer
    d.slowly("4 esc");
    assert_eq!(toast(&d), "nothing to clear here; q goes back");
}

#[test]
fn a_question_says_which_keys_answer_it() {
    let mut d = busy();
    d.slowly("a a");
    assert_eq!(d.app.scene(), Scene::Ask);
    d.keys("enter");
    assert_eq!(toast(&d), "enter answers nothing: y is yes, esc goes back");
    assert!(d.keys("y").is_empty());
    assert_eq!(
        toast(&d),
        "y came too early: it counts once it stands beneath the question"
    );
    assert_eq!(d.app.scene(), Scene::Ask, "and nothing was answered");
}

#[test]
fn the_page_of_a_batch_says_what_is_typed_there() {
    let mut d = at(&fixture::several(), "2 g space space B");
    assert_eq!(d.app.scene(), Scene::Batch);
    d.keys("a");
    assert_eq!(toast(&d), "a is no key here: what is typed is how many they are");
    let mut d = at(&fixture::several(), "2 g space space");
    d.keys("B 2");
    assert_eq!(toast(&d), "2 came too early: look at the page first");
}

/// What the lowest line of the screen offers.
fn footer(d: &mut Driver, size: (u16, u16)) -> String {
    let screen = picture(&mut d.app, size);
    screen.lines().last().unwrap().trim().to_owned()
}

#[test]
fn the_way_out_and_the_help_are_told_at_every_size() {
    for (place, way_out) in [
        ("1", "q quit"),
        ("2", "q back"),
        ("2 enter", "esc back"),
        ("8", "q back"),
        ("a a", "esc back"),
        ("Q", "esc stay"),
        ("?", "esc close"),
        ("2 /", "esc cancel"),
        (":", "esc close"),
    ] {
        for size in [(160, 45), (120, 40), (80, 24), (60, 16)] {
            let mut d = at(&fixture::busy(), place);
            let footer = footer(&mut d, size);
            assert!(footer.contains(way_out), "{place} at {size:?}: {footer}");
            let over = d.app.overlay.is_some();
            assert!(over || footer.contains("? help"), "{place} at {size:?}: {footer}");
            assert!(footer.chars().count() < usize::from(size.0), "{footer}");
        }
    }
    // all that can be done with what waits is told beside it where a terminal has 80 columns
    let mut d = at(&fixture::several(), "1 g");
    assert_eq!(
        footer(&mut d, (80, 24)),
        "a approve  x reject  e committee  r retry  space mark  p pause  ? help  q quit"
    );
}
