//! The director of a show, from the console.

use super::*;

#[test]
fn without_a_show_the_key_says_so_and_pulls_nothing() {
    let mut d = busy();
    assert!(d.keys("D").is_empty());
    assert!(toast(&d).contains("there is none here"), "{}", toast(&d));
    assert!(d.app.overlay.is_none());
}

#[test]
fn a_lever_is_typed_pulled_once_and_told() {
    let mut d = busy();
    d.app.settings.levers = vec![
        "kill OPERATOR: kills the operator's process".to_owned(),
        "mend: all is as it was".to_owned(),
    ];
    d.keys("D");
    let shown = screen(&mut d);
    assert!(shown.contains("kill OPERATOR: kills"), "{shown}");
    d.types("kill 3");
    assert_eq!(d.keys("enter"), [Effect::Pull("kill 3".to_owned())]);
    assert!(d.app.overlay.is_none());
    // nothing typed pulls nothing
    d.keys("D");
    assert!(d.keys("enter").is_empty());
    // where there is no room for the sentences, what can be typed is there, and the text, too
    d.app.settings.levers = (0..22).map(|n| format!("lever{n} X: a sentence")).collect();
    d.keys("D");
    d.types("lever7 1");
    let mut terminal = ratatui::Terminal::new(ratatui::backend::TestBackend::new(80, 24)).unwrap();
    terminal
        .draw(|f| crate::console::screens::draw(f, &mut d.app))
        .unwrap();
    let small = terminal.backend().to_string();
    assert!(
        small.contains("lever21 X") && small.contains("lever7 1"),
        "{small}"
    );
}

#[test]
fn the_box_is_left_without_a_pull_and_a_second_lever_need_not_wait_for_the_first() {
    let mut d = busy();
    d.app.settings.levers = vec!["hang OPERATOR: stops it".to_owned()];
    d.keys("D");
    d.types("hang 3");
    assert!(d.keys("esc").is_empty(), "esc pulls nothing");
    assert!(d.app.overlay.is_none());
    for lever in ["hang 3", "kill 3", "hang nobody"] {
        d.keys("D");
        d.types(lever);
        assert_eq!(d.keys("enter"), [Effect::Pull(lever.to_owned())], "{lever}");
    }
    // answers come one by one; the last one is on the screen, all are among the messages
    told(&mut d, "operator 3 hangs: its process stands still", false);
    told(&mut d, "hang wants OPERATOR (OPERATOR: an id from 1 on)", false);
    let shown = screen(&mut d);
    assert!(shown.contains("hang wants OPERATOR"), "{shown}");
    d.slowly("!");
    let shown = screen(&mut d);
    assert!(shown.contains("director: operator 3 hangs"), "{shown}");
}

fn told(d: &mut Driver, words: &str, stays: bool) {
    d.send(Event::Told {
        words: words.to_owned(),
        stays,
    });
}

#[test]
fn what_is_said_is_readable_to_its_end_on_a_small_screen_and_goes_when_it_was_read() {
    let mut d = busy();
    let words = "operator 3 was killed: its process is gone. Watch: operators in the header; the matrix names it when a \
                 round's deadline passes; new proposals do without it";
    told(&mut d, words, false);
    let mut terminal = ratatui::Terminal::new(ratatui::backend::TestBackend::new(80, 24)).unwrap();
    let mut small = |d: &mut Driver| {
        terminal
            .draw(|f| crate::console::screens::draw(f, &mut d.app))
            .unwrap();
        terminal.backend().to_string()
    };
    let shown = small(&mut d);
    assert!(
        shown.contains("operator 3 was killed") && shown.contains("proposals do without"),
        "{shown}"
    );
    // what has to be read before deciding keeps all the room there
    d.keys("2 enter");
    assert!(!small(&mut d).contains("was killed"));
    d.keys("esc");
    assert!(small(&mut d).contains("was killed"));
    d.look(59_000);
    assert!(d.app.caption.is_some());
    d.look(2_000);
    assert!(d.app.caption.is_none());
    // a station of the tour stays until the next one, or until it is sent away
    told(&mut d, "tour 1 of 20: a staker", true);
    d.look(600_000);
    assert!(small(&mut d).contains("tour 1 of 20"));
    d.keys("esc");
    assert!(d.app.caption.is_none());
}

#[test]
fn what_the_director_said_is_among_the_messages_when_it_is_gone_from_the_screen() {
    let mut d = busy();
    told(&mut d, "operator 3 was killed: its process is gone", false);
    d.mono += Duration::from_secs(600);
    d.send(Event::Tick);
    assert!(d.app.caption.is_none());
    d.slowly("!");
    let shown = screen(&mut d);
    assert!(shown.contains("director: operator 3 was killed"), "{shown}");
}
