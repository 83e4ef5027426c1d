//! What one line has no room for is read whole by a key, at every size.

use casimir_dkg::types::Severity;
use casimir_dkg::view::{Transition, Wait, WaitReason};

use super::*;
use crate::console::tests::draw::picture;
use crate::console::theme::Token;

/// The words of a text, each once to be found, and more than any terminal has columns.
fn long(name: &str) -> String {
    let words: Vec<_> = (0..60).map(|n| format!("{name}{n}")).collect();
    words.join(" ")
}

/// Every word that the page of messages has, read from its first line to its last.
fn read_whole(d: &mut Driver, size: (u16, u16)) -> String {
    let mut all = String::new();
    d.app.size = Size::new(size.0, size.1);
    loop {
        let screen = picture(&mut d.app, size);
        let Some(Overlay::Messages { scroll }) = d.app.overlay else {
            panic!("the messages are not open: {screen}")
        };
        all += &screen;
        d.slowly("down");
        picture(&mut d.app, size);
        if matches!(d.app.overlay, Some(Overlay::Messages { scroll: now }) if now == scroll) {
            return all;
        }
    }
}

fn has_all(text: &str, name: &str) {
    let words: Vec<_> = text.split(|c: char| !c.is_alphanumeric()).collect();
    for n in 0..60 {
        let word = format!("{name}{n}");
        assert!(words.contains(&word.as_str()), "{word} is missing:\n{text}");
    }
}

#[test]
fn what_is_cut_has_a_key_in_the_footer_that_shows_it_whole() {
    for size in [(60, 16), (80, 24), (120, 40), (200, 50)] {
        let mut d = busy();
        d.send(with(|s| {
            s.waits
                .push(Wait::new(WaitReason::RelayAway, long("alarm").as_str()));
        }));
        d.app.say(Token::Warn, long("toast"));
        let screen = picture(&mut d.app, size);
        assert!(screen.contains("! whole"), "{size:?}\n{screen}");
        d.slowly("!");
        let all = read_whole(&mut d, size);
        has_all(&all, "alarm");
        has_all(&all, "toast");
        assert!(all.contains("next"), "{all}");
        d.slowly("!");
        assert!(d.app.overlay.is_none(), "the same key closes it");
    }
}

#[test]
fn what_left_the_status_line_is_still_among_the_messages() {
    let mut d = busy();
    d.app.say(Token::Warn, long("toast"));
    d.send(Event::Transition(Transition {
        at: fixture::T0,
        record: 42,
        case: None,
        kind: "decided".to_owned(),
        text: casimir_dkg::types::SafeText::new(&long("event")),
        severity: Severity::Info,
        about: Box::default(),
    }));
    let sent = d.slowly("P y");
    let ticket = sent.iter().find_map(|effect| match effect {
        Effect::Send { ticket, .. } => Some(*ticket),
        _ => None,
    });
    let refused = Refused::NotNow(casimir_dkg::types::SafeText::new(&long("why")));
    d.send(Event::Reply {
        ticket: ticket.unwrap(),
        reply: Err(refused),
    });
    d.mono += Duration::from_secs(60);
    d.send(Event::Tick);
    assert!(d.app.toast.is_none() && d.app.pending.is_empty());
    d.slowly("!");
    let all = read_whole(&mut d, (60, 16));
    for name in ["toast", "event", "why"] {
        has_all(&all, name);
    }
}

#[test]
fn a_screen_that_says_everything_offers_nothing_more_and_the_messages_open_all_the_same() {
    let mut d = busy();
    d.send(with(|s| s.waits.clear()));
    assert!(!picture(&mut d.app, (200, 50)).contains("! whole"));
    d.slowly("!");
    assert_eq!(d.app.scene(), crate::console::keys::Scene::Messages);
    d.slowly("esc :");
    d.types("messages");
    assert!(picture(&mut d.app, (120, 40)).contains("everything that is said in one line, whole"));
}

#[test]
fn a_summary_under_what_floats_was_not_on_the_screen() {
    let mut d = busy();
    picture(&mut d.app, (120, 40));
    d.slowly("2 enter");
    for key in ["!", "?", ":", "c"] {
        picture(&mut d.app, (120, 40));
        d.keys(key);
        d.app.details[0].restart();
        picture(&mut d.app, (120, 40));
        d.send(Event::Drawn);
        assert_eq!(d.app.details[0].read, 0, "{key}");
        d.keys("esc");
        picture(&mut d.app, (120, 40));
        d.send(Event::Drawn);
        assert!(d.app.details[0].read > 0, "{key}");
    }
}
