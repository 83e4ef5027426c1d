//! What stands in front of a decision, and the keys that go on from anywhere.

use casimir_dkg::view::{Fact, FactKind};

use super::*;
use crate::console::app::entries;
use crate::console::keys::Command;
use crate::console::tests::draw::picture;

/// The page of the deposit, drawn at that size before every key.
fn on_screen(d: &mut Driver, size: (u16, u16), keys: &str) -> Vec<Request> {
    let mut sent = Vec::new();
    for key in keys.split(' ') {
        picture(&mut d.app, size);
        sent.extend(requests(d.slowly(key)));
        picture(&mut d.app, size);
        d.look(400);
    }
    sent
}

#[test]
fn money_is_asked_about_only_once_its_summary_was_on_the_screen_in_full() {
    let mut d = busy();
    on_screen(&mut d, (60, 16), "2 enter a");
    assert!(d.app.overlay.is_none(), "{:?}", d.app.overlay);
    assert!(
        toast(&d).contains("not all of it was on the screen yet: "),
        "{}",
        toast(&d)
    );
    let detail = d.app.details.last().unwrap();
    assert!(detail.scroll > 0 && detail.front > detail.height, "{detail:?}");
    // that was the rest: now it is asked
    on_screen(&mut d, (60, 16), "a");
    let sent = on_screen(&mut d, (60, 16), "a y y y");
    assert_eq!(sent.len(), 1, "{:?} {}", d.app.overlay, toast(&d));

    // at 80x24 all of it is seen at once
    let mut d = busy();
    assert_eq!(on_screen(&mut d, (80, 24), "2 enter a y").len(), 1);
    // another width is another page
    let mut d = busy();
    on_screen(&mut d, (80, 24), "2 enter");
    on_screen(&mut d, (60, 16), "a");
    assert!(d.app.overlay.is_none());
}

#[test]
fn each_fact_is_shown_once_and_the_status_names_what_is_unseen() {
    let mut d = busy();
    d.send(with(|s| {
        s.actions[0].facts.push(Fact {
            label: "SSV runway".to_owned(),
            value: "a sentence that takes more rows than a small screen has for it, "
                .repeat(6)
                .as_str()
                .into(),
            kind: FactKind::Warning,
        });
    }));
    on_screen(&mut d, (60, 16), "2 enter");
    // the question covers the page
    let height = d.app.details.last().unwrap().height;
    let mut presses = 0;
    let mut said = Vec::new();
    while d.app.overlay.is_none() && presses < 12 {
        on_screen(&mut d, (60, 16), "a");
        presses += 1;
        said.push(toast(&d));
    }
    let detail = d.app.details.last().unwrap();
    let least = detail.front.div_ceil(height - 1);
    assert!(
        presses <= least,
        "{presses} presses for {} lines: {said:?}",
        detail.front
    );
    assert!(said[0].contains("code"), "{said:?}");
    assert!(said.iter().all(|said| !said.contains("what,")), "{said:?}");
    assert!(detail.unseen().is_empty(), "{detail:?}");
}

#[test]
fn jumping_over_the_summary_does_not_count_as_reading_it() {
    let mut d = busy();
    on_screen(&mut d, (60, 16), "2 enter end");
    assert!(!d.app.details.last().unwrap().is_front_read());
    on_screen(&mut d, (60, 16), "a");
    assert!(d.app.overlay.is_none());
}

#[test]
fn what_is_routine_needs_no_more_than_its_page() {
    let mut d = busy();
    on_screen(&mut d, (60, 16), "2 down down enter a");
    assert!(
        matches!(d.app.overlay, Some(Overlay::Ask(_))),
        "{:?}",
        d.app.overlay
    );
}

#[test]
fn the_summary_of_a_deposit_with_many_doubtful_checks_fits_80x24() {
    let mut d = busy();
    d.send(with(|s| {
        let many = (0..9).map(|n| casimir_dkg::types::Check::unknown(&format!("doubt-{n}"), "x ".repeat(90)));
        s.actions[0].checks.extend(many);
    }));
    on_screen(&mut d, (80, 24), "2 enter");
    let detail = d.app.details.last().unwrap();
    assert!(
        !detail.is_front_read(),
        "what it cuts was not on the screen: {}",
        detail.front
    );
    let screen = picture(&mut d.app, (80, 24));
    assert!(screen.contains("more below"), "{screen}");
    let code = d.app.snapshot.actions[0].digest.code().to_string();
    assert!(screen.contains(&code), "{screen}");
}

#[test]
fn the_page_says_what_changes_and_what_of_it_is_not_known() {
    let mut d = busy();
    d.send(with(|s| {
        s.chain.ready_queue = [3, 5].map(casimir_dkg::types::PoolId).to_vec()
    }));
    d.slowly("2 enter");
    let page = picture(&mut d.app, (120, 100));
    for words in [
        "account     1.2345 ETH → at least 1.2145 ETH",
        "2 pools, this one number 1 → 1 pool",
        "SSV receives              unknown",
    ] {
        assert!(page.contains(words), "{words}: {page}");
    }
    d.send(with(|s| {
        s.signer.balance_wei = None;
        s.chain.head = None;
        let fact = |label: &str, value: &str| casimir_dkg::view::Fact {
            label: label.to_owned(),
            value: value.into(),
            kind: casimir_dkg::view::FactKind::Amount,
        };
        s.actions[0].facts.push(fact("SSV cluster afterwards", "2.5 SSV"));
    }));
    let page = picture(&mut d.app, (120, 100));
    for words in ["account     unknown", "queue       unknown", "unknown → 2.5 SSV"] {
        assert!(page.contains(words), "{words}: {page}");
    }
}

#[test]
fn a_committee_with_a_member_down_says_so_and_another_is_offered() {
    let mut d = busy();
    d.slowly("2 down down enter");
    assert!(!picture(&mut d.app, (120, 40)).contains("Of this committee is down"));
    let offers = |instead: Option<&[u64]>| {
        let worse = casimir_dkg::view::WorseView {
            down: vec![OperatorId(2)],
            proven: vec![],
            instead: instead.map(|ids| ids.iter().copied().map(OperatorId).collect()),
        };
        with(|s| {
            for committee in s.actions.iter_mut().filter_map(|a| a.committee.as_mut()) {
                committee.worse = Some(worse.clone());
            }
        })
    };
    d.send(offers(Some(&[1, 3, 5, 6])));
    let page = picture(&mut d.app, (120, 40));
    assert!(
        page.contains("Of this committee is down: 2; e proposes 1, 3, 5, 6 instead."),
        "{page}"
    );
    let sent = requests(d.slowly("e enter"));
    let chosen = [1, 3, 5, 6].map(OperatorId).to_vec();
    assert!(
        matches!(&sent[..], [Request::SetCommittee { committee, .. }] if *committee == chosen),
        "{sent:?}"
    );
    // nobody is left to take its place
    let mut d = busy();
    d.slowly("2 down down enter");
    d.send(offers(None));
    assert!(picture(&mut d.app, (120, 40)).contains("too few others are up"));
}

#[test]
fn the_question_repeats_the_code_and_the_facts() {
    let mut d = busy();
    d.slowly("2 enter a");
    let action = d.app.snapshot.actions[0].clone();
    let Some(Overlay::Ask(ask)) = &d.app.overlay else {
        panic!()
    };
    let words = ask.lines.join("\n");
    for fact in [
        "amount: 32 ETH",
        "fee: at most",
        "initiatePoolDeposit",
        "unknown: deposit-logs",
    ] {
        assert!(words.contains(fact), "{fact}: {words}");
    }
    assert!(words.contains(&action.digest.code().to_string()), "{words}");
}

#[test]
fn bytes_are_folded_until_a_key_opens_them() {
    let mut d = busy();
    d.slowly("2 enter");
    let folded = picture(&mut d.app, (120, 100));
    d.slowly("b");
    let open = picture(&mut d.app, (120, 100));
    assert!(folded.contains("b opens all bytes") && !open.contains("b opens all bytes"));
    assert!(
        open.lines().filter(|l| !l.trim().is_empty()).count()
            > folded.lines().filter(|l| !l.trim().is_empty()).count() - 1
    );
    d.slowly("b");
    assert!(picture(&mut d.app, (120, 100)).contains("b opens all bytes"));
}

#[test]
fn leaving_asks_from_anywhere_and_q_only_goes_back() {
    for keys in [
        "2",
        "2 enter",
        "2 enter a",
        "?",
        "2 enter c",
        "2 down down enter e",
        "8",
    ] {
        let mut d = busy();
        d.slowly(keys);
        assert!(d.slowly("Q").is_empty(), "{keys}");
        assert!(
            matches!(d.app.overlay, Some(Overlay::Quit { .. })),
            "{keys}: {:?}",
            d.app.overlay
        );
        let screen = picture(&mut d.app, (120, 40));
        assert!(
            screen.contains("deposit/3#2, exit/1#2, reshare/2#1 wait for a decision."),
            "{screen}"
        );
        d.slowly("n");
        assert!(d.app.overlay.is_none(), "{keys}");
    }
    // in a text field it is a letter
    let mut d = busy();
    d.slowly("2 enter x Q");
    assert!(matches!(&d.app.overlay, Some(Overlay::Input(f)) if f.input.value() == "Q"));
    let mut d = busy();
    d.slowly("2 enter q q");
    assert!(d.app.overlay.is_none(), "one step back for each");
}

#[test]
fn the_palette_says_why_not_and_does_what_its_key_would() {
    let mut d = busy();
    d.slowly("2 :");
    d.types("reshare by hand");
    let screen = picture(&mut d.app, (120, 40));
    assert!(screen.contains("not now: no validator is selected"), "{screen}");
    d.slowly("enter");
    assert!(toast(&d).contains("no validator is selected"), "{}", toast(&d));
    assert!(
        matches!(d.app.overlay, Some(Overlay::Palette(_))),
        "it stays open"
    );

    // approving through it opens the page, and nothing more
    let mut d = busy();
    d.slowly("2 :");
    d.types("approve");
    assert!(requests(d.slowly("enter")).is_empty());
    assert_eq!(d.app.details.len(), 1);
    assert!(d.app.overlay.is_none());

    let mut d = busy();
    d.slowly(": esc");
    assert!(d.app.overlay.is_none());
    d.slowly(":");
    d.types("zzzz");
    assert!(d.slowly("enter").is_empty());
    assert!(picture(&mut d.app, (80, 24)).contains("no command has that"));
}

#[test]
fn what_the_palette_cuts_of_the_selected_command_stands_beneath_in_full() {
    for size in [(80, 24), (60, 16)] {
        let mut d = busy();
        d.slowly("2 :");
        let all = entries(&d.app, "");
        for (nth, entry) in all.iter().enumerate() {
            let text = match &entry.why_not {
                Some(why) => format!("not now: {why}"),
                None => entry.help.to_owned(),
            };
            let screen = picture(&mut d.app, size);
            let told: Vec<_> = screen
                .lines()
                .map(|line| line.trim_matches(['│', ' ', '"']))
                .collect();
            let told = told.join(" ").split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(told.contains(&text), "{size:?}, {nth}: {text}: {screen}");
            d.slowly("down");
        }
    }
}

#[test]
fn every_command_that_is_heard_is_in_the_palette() {
    let mut d = busy();
    for keys in ["2", "2 enter", "8"] {
        d.slowly(keys);
        let all = entries(&d.app, "");
        for command in [
            Command::Leave,
            Command::SaveScreen,
            Command::Theme,
            Command::Palette,
        ] {
            assert!(all.iter().any(|e| e.row.command == command), "{keys}");
        }
    }
    let mut d = busy();
    d.app.settings.read_only = true;
    d.slowly("2");
    let all = entries(&d.app, "");
    let mut dangerous = all.iter().filter(|e| e.row.dangerous);
    assert!(dangerous.all(|e| e.why_not.as_ref().is_some_and(|why| why.contains("read-only"))));
}

#[test]
fn searching_goes_from_place_to_place_on_pages_and_in_the_help() {
    let mut d = busy();
    d.slowly("2 enter /");
    d.types("0x");
    picture(&mut d.app, (80, 24));
    d.slowly("enter");
    assert!(toast(&d).contains("\"0x\": 1 of"), "{}", toast(&d));
    let first = d.app.found;
    picture(&mut d.app, (80, 24));
    d.slowly("n");
    assert!(toast(&d).contains("2 of") && d.app.found > first, "{}", toast(&d));
    d.slowly("N");
    assert_eq!(d.app.found, first);
    d.slowly("N");
    assert!(d.app.found > first, "around the end");

    let mut d = busy();
    d.slowly("? /");
    d.types("committee");
    d.slowly("enter");
    let screen = picture(&mut d.app, (80, 24));
    let Some(Overlay::Help(help)) = &d.app.overlay else {
        panic!("the help is back: {screen}")
    };
    assert!(help.hits.len() > 1 && screen.contains("committee"), "{screen}");
    let before = help.scroll;
    d.slowly("n");
    assert!(matches!(&d.app.overlay, Some(Overlay::Help(help)) if help.scroll >= before));
    // nothing found is said, and leaving the field brings the search before back
    let mut d = busy();
    d.slowly("2 enter /");
    d.types("no such words");
    picture(&mut d.app, (80, 24));
    d.slowly("enter");
    assert!(toast(&d).contains("nothing here contains"), "{}", toast(&d));
    d.slowly("/ a esc");
    assert_eq!(d.app.search, "no such words");
}

#[test]
fn the_theme_changes_while_it_runs_and_comes_round() {
    let mut d = busy();
    let count = d.app.settings.themes.len();
    assert!(count >= 6);
    d.slowly("t");
    assert!(toast(&d).starts_with("theme "), "{}", toast(&d));
    for _ in 1..count {
        d.slowly("t");
    }
    assert_eq!(d.app.theme, 0);
}

#[test]
fn saving_the_screen_is_an_effect_and_says_where() {
    let mut d = busy();
    assert_eq!(d.slowly("s"), [Effect::SaveScreen]);
    d.send(Event::Saved(Ok("/state/screen-x.txt and .svg".into())));
    assert!(toast(&d).contains("/state/screen-x.txt"), "{}", toast(&d));
    d.send(Event::Saved(Err("no room".into())));
    assert!(toast(&d).contains("not saved: no room"), "{}", toast(&d));
    // over a question it answers nothing
    d.slowly("2 enter a");
    assert_eq!(d.keys("s"), [Effect::SaveScreen]);
    assert!(requests(d.keys("y")).is_empty(), "the quiet moment began again");
}

#[test]
fn what_a_deposit_changes_is_told_before_and_after() {
    let mut d = busy();
    d.slowly("2 g enter");
    let tall = |d: &mut Driver| picture(&mut d.app, (120, 80));
    let row = |page: &str, label: &str| {
        let at = page.lines().find(|line| line.contains(label)).unwrap_or_default();
        at.split_once(label)
            .map(|(_, rest)| rest.trim_matches([' ', '│']).to_owned())
    };
    // an engine of before tells none of it
    assert_eq!(row(&tall(&mut d), "SSV runway").as_deref(), Some("unknown"));
    d.send(with(|s| {
        let told = [
            ("reserved fees before", "1.2 ETH"),
            ("reserved fees afterwards", "1.1 ETH"),
            ("SSV receives", "3 SSV"),
            ("SSV cluster before", "4 SSV"),
            ("SSV cluster afterwards", "7 SSV"),
            ("until its liquidation before, at present fees", "12 days"),
            ("until its liquidation, at present fees", "14 days"),
        ];
        let facts = told.map(|(label, value)| casimir_dkg::view::Fact {
            label: label.to_owned(),
            value: value.into(),
            kind: casimir_dkg::view::FactKind::Amount,
        });
        s.actions[0].facts.extend(facts);
    }));
    let page = tall(&mut d);
    let (_, changes) = page.split_once("What changes").expect("its heading");
    for (label, text) in [
        ("reserved fees", "1.2 ETH → 1.1 ETH"),
        ("SSV receives", "3 SSV"),
        ("SSV cluster", "4 SSV → 7 SSV"),
        ("SSV runway", "12 days → 14 days"),
    ] {
        assert_eq!(row(changes, label).as_deref(), Some(text), "{page}");
    }
}

#[test]
fn what_was_sent_has_no_before_and_after_made_of_the_account_and_queue_of_today() {
    for state in [
        ActionState::Executing,
        ActionState::Done,
        ActionState::Rejected,
        ActionState::Failed {
            reason: "it reverted".into(),
        },
    ] {
        let mut d = busy();
        d.slowly("2 g enter");
        let page = picture(&mut d.app, (120, 80));
        assert!(page.contains("│ queue  ") && page.contains("at least"), "{page}");
        d.send(with(|s| fixture::stands(&mut s.actions[0], state.clone())));
        let page = picture(&mut d.app, (120, 80));
        assert!(
            page.contains("What it was to change at SSV, as it was proposed"),
            "{page}"
        );
        assert!(
            !page.contains("│ queue  ") && !page.contains("at least"),
            "{page}"
        );
    }
}
