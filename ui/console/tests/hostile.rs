//! Text from outside, as bad as it comes, in every place that shows text: no control character, no direction override
//! and no invisible character may reach the screen.

use std::sync::Arc;

use casimir_dkg::types::{Check, SafeText};
use casimir_dkg::view::{Fact, FactKind, Payload, Snapshot};

use super::draw::terminal;
use super::fixture::{self, Driver};

const CORPUS: [&str; 8] = [
    "\x1b]52;c;ZXZpbA==\x07",
    "\x1b[2J\x1b[31mred",
    "\u{9b}31m\u{90}q\u{9c}",
    "abc\u{202e}fed\u{2066}x",
    "zero\u{200b}width\u{200d}\u{feff}",
    "nul\0bell\x07back\x08",
    "\r\n\tlines\u{2028}x\u{85}",
    "tag\u{e0041}\u{fe0f}\u{3164}",
];

fn hostile(text: &str) -> Snapshot {
    let mut s = fixture::busy();
    let evil = SafeText::new(text);
    s.network.name = evil.clone();
    s.network.simulated = vec![evil.clone()];
    s.alarms = vec![evil.clone()];
    s.journal.path = evil.clone();
    for o in &mut s.operators {
        (o.name, o.note, o.version, o.endpoint) = (evil.clone(), evil.clone(), evil.clone(), evil.clone());
    }
    for c in &mut s.cases {
        c.sentence = evil.clone();
        c.history[0].text = evil.clone();
    }
    for c in &mut s.ceremonies {
        c.what = evil.clone();
        c.operators.values_mut().for_each(|p| p.note = evil.clone());
    }
    for t in &mut s.transactions {
        (t.function, t.note) = (evil.clone(), evil.clone());
    }
    for e in &mut s.exits {
        (e.state, e.outcome) = (evil.clone(), evil.clone());
        e.verdicts[0].detail = evil.clone();
    }
    for v in Arc::make_mut(&mut s.validators) {
        v.status = evil.clone();
    }
    for e in &mut s.endpoints {
        (e.name, e.detail) = (evil.clone(), evil.clone());
    }
    for a in &mut s.actions {
        a.title = evil.clone();
        // these are plain strings: the last line of defence must hold alone
        a.facts.push(Fact {
            label: text.to_owned(),
            value: evil.clone(),
            kind: FactKind::Text,
        });
        a.checks.push(Check::fail(text, text));
        if let Payload::Transaction(tx) = &mut a.payload
            && let Some(call) = &mut tx.call
        {
            call.function = text.to_owned();
            call.arguments[0].name = text.to_owned();
        }
    }
    s
}

#[test]
fn nothing_hostile_reaches_the_buffer() {
    for text in CORPUS {
        for keys in [
            "1",
            "2",
            "3",
            "4",
            "5",
            "6",
            "7",
            "i",
            "2 enter",
            "3 enter",
            "4 enter",
            "5 enter",
            "6 enter",
            "2 enter c",
            "2 down down enter e",
        ] {
            let mut driver = Driver::new(fixture::app(hostile(text)));
            driver.slowly(keys);
            for size in [(120, 100), (80, 24)] {
                let terminal = terminal(&mut driver.app, size);
                for cell in terminal.backend().buffer().content() {
                    for c in cell.symbol().chars() {
                        let safe = SafeText::new(&c.to_string());
                        assert!(
                            !c.is_control() && safe.as_str().chars().eq([c]),
                            "{c:?} of {text:?} on screen {keys:?}"
                        );
                    }
                }
            }
        }
    }
}

#[test]
fn very_long_text_does_not_bend_the_layout() {
    let mut long = fixture::busy();
    for c in &mut long.cases {
        c.sentence = SafeText::new(&"東京 ".repeat(2_000));
    }
    for o in &mut long.operators {
        o.name = SafeText::new(&"x".repeat(5_000));
    }
    for keys in ["1", "3", "4", "3 enter", "4 enter", "i"] {
        let mut driver = Driver::new(fixture::app(long.clone()));
        driver.slowly(keys);
        let text = super::draw::picture(&mut driver.app, (80, 24));
        // frames close on the right: nothing was pushed out
        // (the test backend appends a remark to lines with wide characters)
        let seen = |l: &str| {
            l.split(" Hidden by")
                .next()
                .unwrap_or_default()
                .trim_end()
                .to_owned()
        };
        let body: Vec<_> = text.lines().skip(4).take(16).map(seen).collect();
        // what is next stands above the frames
        let body: Vec<_> = body.into_iter().filter(|l| !l.starts_with(" next:")).collect();
        assert!(
            body.iter().all(|l| l.ends_with(['│', '╮', '╯'])),
            "{keys}\n{text}"
        );
    }
}
