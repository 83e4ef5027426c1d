//! Looking around changes nothing but the view.

use super::*;

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
