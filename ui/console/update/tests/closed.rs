//! What closes by itself while somebody types or answers takes the keys that were meant for it.

use super::*;
use crate::console::app::Closed;
use crate::console::tests::draw::picture;

/// Another person rejects what is in front, at another console.
fn rejected(s: &mut Snapshot) {
    reject(s, 0);
}

fn reject(s: &mut Snapshot, nth: usize) {
    let action = &mut s.actions[nth];
    fixture::stands(action, ActionState::Rejected);
    action.decision = Some(casimir_dkg::view::Decision {
        verdict: casimir_dkg::view::Verdict::Reject {
            reason: "no quorum".into(),
        },
        decider: casimir_dkg::view::Decider::Person { name: "bob".into() },
        ..crate::fixture::approval(1)
    });
}

/// All letters, and keys that decide, move and leave: what may be on its way to a field.
fn everything(d: &mut Driver) -> Vec<Effect> {
    let letters = ('a'..='z').chain('A'..='Z').chain('0'..='9').map(String::from);
    let others = "enter space tab / ? ! : [ ] up down left right pageup home backspace";
    let keys: Vec<_> = letters.chain(others.split(' ').map(str::to_owned)).collect();
    keys.iter().flat_map(|key| d.slowly(key)).collect()
}

#[test]
fn what_was_being_typed_does_not_become_keys_when_another_person_decides() {
    // what is opened and typed, which action it is about, and what is said of it
    let cases: [(&str, usize, &str); 4] = [
        ("2 enter x t h e space w", 0, "what was typed is not used: the w"),
        ("2 enter a", 0, "the question is closed, and nothing was sent"),
        ("2 down enter a e x i t", 1, "what was typed is not used: exit"),
        ("2 down down enter e", 2, "the choice of operators is not used"),
    ];
    for (keys, nth, unused) in cases {
        let mut d = busy();
        d.slowly(keys);
        let (pages, theme) = (d.app.details.len(), d.app.theme);
        let id = d.app.snapshot.actions[nth].id;
        d.send(with(|s| reject(s, nth)));
        let Some(Overlay::Closed(Closed { why, unused: said })) = d.app.overlay.clone() else {
            panic!("{keys}: {:?}", d.app.overlay)
        };
        assert_eq!(
            (why, said.as_str()),
            (format!("{id} was rejected by bob: no quorum"), unused),
            "{keys}"
        );
        let shown = picture(&mut d.app, (80, 24));
        assert!(
            shown.contains("esc go on") && shown.contains("rejected by bob"),
            "{shown}"
        );
        // rong operator 3, enter
        assert!(everything(&mut d).is_empty(), "{keys}");
        assert!(matches!(d.app.overlay, Some(Overlay::Closed(_))), "{keys}");
        assert_eq!((d.app.details.len(), d.app.theme), (pages, theme), "{keys}");
        assert!(d.app.marked.is_empty() && d.app.past.is_none());
        d.slowly("esc");
        assert!(d.app.overlay.is_none());
        assert_eq!(d.app.details.len(), pages, "{keys}: esc goes on and not back");
        d.slowly("t");
        assert_ne!(d.app.theme, theme, "keys are heard again");
    }
}

#[test]
fn what_is_only_read_and_what_is_about_something_else_stays_open() {
    for keys in [
        "2 enter ?",
        "2 enter !",
        "2 enter c",
        "2 / p",
        "2 enter p",
        "2 : r e",
        "Q",
    ] {
        let mut d = busy();
        d.slowly(keys);
        let before = d.app.scene();
        d.send(with(rejected));
        assert_eq!(d.app.scene(), before, "{keys}");
    }
}

#[test]
fn a_moment_of_the_past_that_comes_while_something_is_typed_takes_its_keys() {
    let mut d = busy();
    d.slowly("H 1 enter 2 enter x t h e");
    let ticket = d.app.past_asked.unwrap();
    d.send(Event::Rows {
        ticket,
        answer: Ok(casimir_dkg::view::Listing {
            rows: casimir_dkg::view::Rows::Past(Box::new(fixture::quiet())),
            older: 0,
        }),
    });
    assert!(why_closed(&d).contains("another moment"));
    assert!(everything(&mut d).is_empty());
    assert!(matches!(d.app.overlay, Some(Overlay::Closed(_))));
}
