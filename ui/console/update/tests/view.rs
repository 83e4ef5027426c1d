//! Looking around changes nothing but the view.

use super::*;
use crate::console::app::Hit;
use crate::console::tests::draw::picture;

#[test]
fn new_approvals_ring_once_and_open_nothing() {
    let mut d = Driver::new(fixture::app(fixture::quiet()));
    d.slowly("3");
    assert_eq!(d.send(with(|_| {})), [Effect::Notify]);
    assert_eq!(d.send(with(|s| s.revision += 1)), []);
    assert_eq!(
        d.send(with(changed)),
        [Effect::Notify],
        "a changed action is a new question"
    );
    assert!(d.app.overlay.is_none() && d.app.details.is_empty() && d.app.tab == Tab::Only(EVENTS));
    // what waited before the start was not missed by anybody
    assert_eq!(busy().send(with(|_| {})), []);
}

#[test]
fn selection_stays_on_its_row_when_rows_move() {
    let mut d = busy();
    d.slowly("3 down down");
    let selected = d.app.list(EVENTS).selected;
    d.send(with(|s| {
        let mut new = s.cases[0].clone();
        new.id = "deposit/9".parse().unwrap();
        s.cases.insert(0, new);
        s.cases.swap(1, 5);
    }));
    assert_eq!(d.app.list(EVENTS).selected, selected);
    // the row is gone: its neighbour takes over
    d.send(with(|s| s.cases.retain(|c| Some(RowId::Case(c.id)) != selected)));
    let now = d.app.list(EVENTS).selected;
    assert!(now.is_some() && now != selected);
}

#[test]
fn filters_narrow_while_typing_and_esc_brings_all_back() {
    let mut d = busy();
    d.slowly("3 /");
    d.types("EXIT");
    assert_eq!(d.app.list(EVENTS).rows.len(), 1);
    d.keys("enter");
    assert_eq!(d.app.list(EVENTS).rows.len(), 1);
    assert_eq!(
        d.app.list(EVENTS).selected,
        Some(RowId::Case("exit/1".parse().unwrap()))
    );
    d.keys("/");
    d.types("zzz");
    assert!(d.app.list(EVENTS).rows.is_empty());
    d.keys("esc");
    assert_eq!(
        d.app.list(EVENTS).filter,
        "EXIT",
        "Esc in the field goes back to what was"
    );
    d.keys("esc");
    assert_eq!(d.app.list(EVENTS).rows.len(), 7);
    // letters that are commands elsewhere are text here
    d.keys("/");
    d.types("aqxrpy");
    assert_eq!(d.app.list(EVENTS).filter, "aqxrpy");
}

#[test]
fn copying_takes_whole_values() {
    let mut d = busy();
    assert!(d.slowly("7 c").is_empty(), "several values: choose");
    let key = d.app.snapshot.validators[0].public_key.to_string();
    assert_eq!(d.slowly("enter"), [Effect::Copy(key)]);
    assert_eq!(d.slowly("down c"), [Effect::Copy("1016".into())]);
    // a single value is copied at once, and shown
    let mut d = busy();
    let id = d.app.snapshot.ceremonies[0].id.to_string();
    assert_eq!(d.slowly("4 c"), [Effect::Copy(id)]);
    assert!(matches!(d.app.overlay, Some(Overlay::Copy(_))));
}

#[test]
fn the_mouse_selects_and_never_decides() {
    let mut d = busy();
    d.app.size = Size::new(120, 40);
    d.slowly("3 m");
    assert!(d.app.mouse);
    screen(&mut d);
    let (area, _) = *d
        .app
        .hits
        .iter()
        .find(|(_, h)| matches!(h, crate::console::app::Hit::Rows(_)))
        .unwrap();
    assert!(
        d.send(Event::Mouse(Mouse::Click {
            column: area.x + 3,
            row: area.y + 2
        }))
        .is_empty()
    );
    assert_eq!(
        d.app.list(EVENTS).selected,
        Some(RowId::Case("reshare/2".parse().unwrap()))
    );
    d.slowly("2 enter a");
    for row in 0..40 {
        for column in 0..120 {
            assert!(d.send(Event::Mouse(Mouse::Click { column, row })).is_empty());
        }
    }
    assert!(matches!(d.app.overlay, Some(Overlay::Ask(_))));
}

/// What is drawn at this size, and a click on the place of something.
fn click_on(d: &mut Driver, what: &str, is: impl Fn(&Hit) -> bool) -> Vec<Effect> {
    picture(&mut d.app, (120, 40));
    let (area, _) = *d.app.hits.iter().rfind(|(_, hit)| is(hit)).expect(what);
    let (column, row) = (area.x, area.y);
    d.send(Event::Mouse(Mouse::Click { column, row }))
}

fn press(d: &mut Driver, key: &str) -> Vec<Effect> {
    let key = key.parse().unwrap();
    click_on(d, "a key", |hit| *hit == Hit::Key(key))
}

#[test]
fn a_click_on_a_key_of_the_footer_or_a_question_is_that_key() {
    let mut d = busy();
    d.slowly("2 g");
    let at = d.app.snapshot.actions[0].id;
    assert!(press(&mut d, "a").is_empty());
    assert_eq!(
        d.app.details.last().map(|d| d.target),
        Some(Target::Row(RowId::Action(at)))
    );
    // its summary was on the screen
    picture(&mut d.app, (120, 40));
    d.look(400);
    assert!(press(&mut d, "a").is_empty());
    assert!(matches!(d.app.overlay, Some(Overlay::Ask(_))));
    // yes is not there before it counts, and a click where it will be begins the moment anew
    picture(&mut d.app, (120, 40));
    let yes = Hit::Key("y".parse().unwrap());
    assert!(d.app.hits.iter().all(|(_, hit)| *hit != yes));
    let (back, _) = *d
        .app
        .hits
        .iter()
        .find(|(_, h)| *h == Hit::Key("esc".parse().unwrap()))
        .unwrap();
    d.look(349);
    let (column, row) = (back.x - 8, back.y);
    assert!(d.send(Event::Mouse(Mouse::Click { column, row })).is_empty());
    d.look(349);
    picture(&mut d.app, (120, 40));
    assert!(d.app.hits.iter().all(|(_, hit)| *hit != yes), "disturbed");
    d.look(400);
    let sent = requests(press(&mut d, "y"));
    assert!(
        matches!(sent[..], [Request::Approve { action, .. }] if action == at),
        "{sent:?}"
    );
    // and back
    let mut d = busy();
    d.slowly("a a");
    press(&mut d, "esc");
    assert!(d.app.overlay.is_none());
    // where nothing can be decided there is nothing to click
    let setup = Setup {
        read_only: true,
        ..Setup::default()
    };
    let mut d = Driver::new(fixture::app_with(fixture::busy(), setup));
    d.slowly("2 enter");
    picture(&mut d.app, (120, 40));
    let a = Hit::Key("a".parse().unwrap());
    assert!(d.app.hits.iter().all(|(_, hit)| *hit != a));
}

#[test]
fn rows_are_selected_by_a_click_and_opened_by_the_next() {
    let mut d = busy();
    d.slowly("3 g");
    let rows = |hit: &Hit| matches!(hit, Hit::Rows(_));
    click_on(&mut d, "rows", rows);
    assert_eq!(d.app.details.len(), 1, "it was selected already");
    // of what lies over the screen, too
    let mut d = busy();
    d.slowly("7 c");
    assert!(click_on(&mut d, "a value", |hit| *hit == Hit::Item(1)).is_empty());
    assert_eq!(
        click_on(&mut d, "a value", |hit| *hit == Hit::Item(1)),
        [Effect::Copy("1016".into())]
    );
    let mut d = busy();
    d.slowly(":");
    d.types("charts");
    click_on(&mut d, "a command", |hit| *hit == Hit::Item(0));
    assert_eq!(d.app.details.last().map(|d| d.target), Some(Target::Charts));
    let mut d = Driver::new(fixture::app(fixture::several()));
    d.slowly("2 g e");
    let chosen = |d: &Driver| match &d.app.overlay {
        Some(Overlay::Committee(editor)) => editor.chosen.clone(),
        other => panic!("{other:?}"),
    };
    let before = chosen(&d);
    click_on(&mut d, "an operator", |hit| *hit == Hit::Item(1));
    assert_eq!(chosen(&d), before, "only selected");
    click_on(&mut d, "an operator", |hit| *hit == Hit::Item(1));
    assert_ne!(chosen(&d), before);
}

#[test]
fn the_wheel_scrolls_the_pane_under_it() {
    let mut d = busy();
    picture(&mut d.app, (120, 40));
    let (area, _) = *d.app.hits.iter().find(|(_, h)| *h == Hit::Pane(EVENTS)).unwrap();
    let (column, row) = (area.x + 2, area.y + 2);
    let first = d.app.list(EVENTS).selected;
    d.send(Event::Mouse(Mouse::Wheel {
        column,
        row,
        lines: 3,
    }));
    assert_eq!(d.app.focus, EVENTS);
    assert_ne!(d.app.list(EVENTS).selected, first);
    // over the help it scrolls the help
    d.slowly("?");
    d.send(Event::Mouse(Mouse::Wheel {
        column,
        row,
        lines: 3,
    }));
    assert!(matches!(&d.app.overlay, Some(Overlay::Help(help)) if help.scroll == 3));
}

#[test]
fn tab_walks_the_panes_that_are_on_the_screen() {
    let mut d = busy();
    d.app.size = Size::new(120, 40);
    let mut seen = Vec::new();
    for _ in 0..6 {
        seen.push(d.app.focus);
        d.slowly("tab");
    }
    assert_eq!(d.app.focus, APPROVALS);
    assert_eq!(seen, [APPROVALS, EVENTS, CEREMONIES, TRANSACTIONS, EXITS, LOGS]);
    d.slowly("shift-tab");
    assert_eq!(d.app.focus, LOGS);
}

#[test]
fn following_leads_from_case_to_action_and_back() {
    let mut d = busy();
    d.slowly("3 g down enter enter");
    let targets: Vec<_> = d.app.details.iter().map(|d| d.target).collect();
    let case = RowId::Case("deposit/3".parse().unwrap());
    let action = RowId::Action("deposit/3#2".parse().unwrap());
    assert_eq!(targets, [Target::Row(case), Target::Row(action)]);
    d.slowly("esc esc");
    assert!(d.app.details.is_empty());
}

#[test]
fn a_letter_that_does_nothing_says_why() {
    let mut d = busy();
    d.keys("J");
    assert_eq!(toast(&d), "J is no key here, j is: is Caps Lock on?");
    let mut d = busy();
    d.keys("\u{444}");
    assert!(toast(&d).contains("keyboard layout"), "{}", toast(&d));
    d.keys("J");
    assert!(
        toast(&d).contains("keyboard layout"),
        "what is said stays to be read"
    );
    let mut d = busy();
    d.keys("v");
    assert_eq!(toast(&d), "v is no key here; ? lists those that are");
    // where a question waits for its answer, too
    let mut d = busy();
    d.slowly("a a");
    assert!(matches!(d.app.overlay, Some(Overlay::Ask(_))));
    d.keys("Y");
    assert_eq!(toast(&d), "Y is no key here, y is: is Caps Lock on?");
    assert!(
        matches!(d.app.overlay, Some(Overlay::Ask(_))),
        "and nothing was answered"
    );
}

#[test]
fn an_account_with_a_past_is_adopted_by_its_key_and_a_question() {
    let mut d = busy();
    d.keys("T");
    assert_eq!(toast(&d), "no account waits for an adoption");
    let account = busy().app.snapshot.signer.address.unwrap();
    d.send(with(|s| s.signer.unadopted = Some(5)));
    d.keys("T");
    assert!(matches!(d.app.overlay, Some(Overlay::Ask(_))));
    let sent = requests(d.slowly("y"));
    assert_eq!(sent, [Request::Adopt { account }]);
}
