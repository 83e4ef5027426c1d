//! Pictures of every screen and state at four sizes.

use casimir_dkg::types::RequestKind;
use casimir_dkg::view::{Accepted, LinkState, Listing, Mode, PauseView, Refused, Rows, Snapshot};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::layout::Size;

use super::fixture::{self, Driver, Setup};
use crate::console::app::App;
use crate::console::msg::Event;
use crate::console::screens;
use crate::console::theme::{Depth, Token};

pub(super) const SIZES: [(u16, u16); 4] = [(160, 45), (120, 40), (80, 24), (60, 16)];

pub(super) fn terminal(app: &mut App, (width, height): (u16, u16)) -> Terminal<TestBackend> {
    app.size = Size::new(width, height);
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| screens::draw(frame, app)).unwrap();
    terminal
}

pub(crate) fn picture(app: &mut App, size: (u16, u16)) -> String {
    terminal(app, size).backend().to_string().replace('"', "")
}

/// Takes the pictures of one state at every size.
fn pictures(name: &str, app: &mut App) {
    for (width, height) in SIZES {
        insta::assert_snapshot!(format!("{name}_{width}x{height}"), picture(app, (width, height)));
    }
}

fn after(snapshot: Snapshot, keys: &str) -> Driver {
    let mut driver = Driver::new(fixture::app(snapshot));
    // the largest size first: what the overview shows decides where Tab goes
    driver.app.size = Size::new(120, 40);
    driver.slowly(keys);
    driver
}

#[test]
fn overview_in_every_state() {
    pictures("overview_loading", &mut fixture::app(fixture::loading()));
    pictures("overview_empty", &mut fixture::app(fixture::quiet()));
    pictures("overview_busy", &mut fixture::app(fixture::busy()));
    let down = Snapshot {
        chain: casimir_dkg::view::ChainView {
            link: LinkState::Down,
            ..fixture::quiet().chain
        },
        alarms: vec![
            "no execution node answers since 4 min".into(),
            "the oracle's balance is low".into(),
        ],
        paused: Some(PauseView {
            by: "ada@console".into(),
            since: fixture::ago(65),
        }),
        ..fixture::quiet()
    };
    pictures("overview_failed", &mut fixture::app(down));
}

#[test]
fn mainnet_and_auto_are_loud() {
    let mut snapshot = fixture::busy();
    snapshot.network.name = "mainnet".into();
    snapshot.network.chain_id = 1;
    snapshot.network.mainnet = true;
    snapshot.network.simulated.clear();
    snapshot.mode = Mode::Auto;
    let mut app = fixture::app(snapshot);
    let terminal = terminal(&mut app, (120, 40));
    let buffer = terminal.backend().buffer();
    let first: String = (0..120).map(|x| buffer[(x, 0)].symbol()).collect();
    assert!(
        first.contains(" MAINNET ") && first.contains(" AUTO ") && first.contains("chain 1 "),
        "{first}"
    );
    let at = first.find("MAINNET").unwrap() as u16;
    let style = buffer[(at, 0)].style();
    assert!(
        style.add_modifier.contains(ratatui::style::Modifier::REVERSED),
        "{style:?}"
    );
}

#[test]
fn panes_alone() {
    for (key, name) in [
        ("2", "approvals"),
        ("3", "events"),
        ("4", "ceremonies"),
        ("5", "transactions"),
        ("6", "exits"),
        ("7", "validators"),
        ("8", "logs"),
    ] {
        pictures(&format!("{name}_busy"), &mut after(fixture::busy(), key).app);
    }
    let mut stale = fixture::busy();
    stale.chain.link = LinkState::Stale;
    stale.older.cases = [(RequestKind::Deposit, 1_234)].into();
    stale.exits.clear();
    for (key, name) in [("3", "events"), ("6", "exits")] {
        let mut app = after(stale.clone(), key).app;
        insta::assert_snapshot!(format!("{name}_stale_80x24"), picture(&mut app, (80, 24)));
    }
    for (key, name) in [("6", "exits"), ("7", "validators"), ("5", "transactions")] {
        let mut app = after(fixture::quiet(), key).app;
        insta::assert_snapshot!(format!("{name}_empty_80x24"), picture(&mut app, (80, 24)));
    }
}

#[test]
fn messages() {
    let mut driver = after(fixture::busy(), "1");
    driver.app.say(
        Token::Warn,
        "what is said in one line is cut where the terminal ends, and is read here to its last word",
    );
    insta::assert_snapshot!("messages_cut_80x24", picture(&mut driver.app, (80, 24)));
    driver.slowly("!");
    pictures("messages", &mut driver.app);
}

#[test]
fn details() {
    for (keys, name) in [
        ("2 enter", "detail_action_money"),
        ("2 down enter", "detail_action_exit"),
        ("3 g enter", "detail_case"),
        ("4 enter", "detail_ceremony_running"),
        ("4 down enter", "detail_ceremony_reshare"),
        ("4 down down enter", "detail_ceremony_failed"),
        ("5 enter", "detail_transaction"),
        ("6 enter", "detail_exit"),
        ("7 enter", "detail_validator"),
        ("i", "detail_status"),
    ] {
        pictures(name, &mut after(fixture::busy(), keys).app);
    }
    let accused = Snapshot {
        ceremonies: vec![fixture::blamed()],
        ..fixture::busy()
    };
    pictures("detail_ceremony_blamed", &mut after(accused, "4 enter").app);
    let mut stale = after(fixture::faded(), "2 enter").app;
    insta::assert_snapshot!("detail_action_stale_100x50", picture(&mut stale, (100, 50)));
    insta::assert_snapshot!(
        "approvals_stale_80x24",
        picture(&mut after(fixture::faded(), "2").app, (80, 24))
    );
    let mut whole = after(fixture::busy(), "2 enter").app;
    insta::assert_snapshot!("detail_action_whole_100x80", picture(&mut whole, (100, 80)));
    let mut whole = after(fixture::busy(), "6 enter").app;
    insta::assert_snapshot!("detail_exit_whole_60x44", picture(&mut whole, (60, 44)));
    let mut refused = after(fixture::refused_exit(), "6").app;
    insta::assert_snapshot!("exits_refused_80x24", picture(&mut refused, (80, 24)));
    let mut refused = after(fixture::refused_exit(), "6 enter").app;
    insta::assert_snapshot!("detail_exit_refused_80x30", picture(&mut refused, (80, 30)));
    let mut done = after(fixture::busy(), "3 g down down down down enter").app;
    insta::assert_snapshot!("detail_case_done_80x30", picture(&mut done, (80, 30)));
}

#[test]
fn questions_and_fields() {
    pictures("ask_approve", &mut after(fixture::busy(), "2 enter a").app);
    let mut early = after(fixture::busy(), "2 enter").app;
    {
        let mut driver = Driver::new(early);
        driver.keys("a");
        early = driver.app;
    }
    assert!(picture(&mut early, (80, 24)).contains("a moment, please"));

    let mut driver = after(fixture::busy(), "2 down enter a");
    driver.types("exit validatr");
    driver.keys("enter");
    pictures("phrase_wrong", &mut driver.app);

    let mut driver = after(fixture::busy(), "2 enter x");
    driver.types("wrong operators");
    pictures("reason", &mut driver.app);

    let mut driver = after(fixture::busy(), "3 /");
    driver.types("deposit");
    pictures("filter", &mut driver.app);

    let mut driver = after(fixture::busy(), "2 enter :");
    driver.types("re");
    pictures("commands", &mut driver.app);
    let mut driver = after(fixture::busy(), "2 enter /");
    driver.types("deposit");
    pictures("search", &mut driver.app);
    pictures(
        "detail_keygen",
        &mut after(fixture::busy(), "2 down down enter").app,
    );

    pictures("help", &mut after(fixture::busy(), "?").app);
    pictures("quit", &mut after(fixture::busy(), "q").app);
    pictures("quit_idle", &mut after(fixture::quiet(), "q").app);
    pictures("copy", &mut after(fixture::busy(), "2 enter c").app);
    pictures(
        "committee",
        &mut after(fixture::busy(), "2 down down enter e down down down space").app,
    );
    pictures("reshare_by_hand", &mut after(fixture::busy(), "7 R").app);
}

#[test]
fn the_past_is_marked() {
    let mut driver = after(fixture::busy(), "H");
    pictures("past_asked", &mut driver.app);
    driver.types("12");
    driver.keys("enter");
    let ticket = driver.app.past_asked.unwrap();
    let mut then = fixture::several();
    then.journal.records = 12;
    then.at = fixture::ago(3_600);
    let answer = Ok(Listing {
        rows: Rows::Past(Box::new(then)),
        older: 0,
    });
    driver.send(Event::Rows { ticket, answer });
    pictures("past", &mut driver.app);
}

#[test]
fn charts_on_their_page_and_in_their_panes() {
    pictures("charts", &mut after(fixture::measured(), "C").app);
    insta::assert_snapshot!(
        "charts_whole_120x60",
        picture(&mut after(fixture::measured(), "C").app, (120, 60))
    );
    pictures("charts_empty", &mut after(fixture::quiet(), "C").app);
    pictures("overview_measured", &mut after(fixture::measured(), "1").app);
    let setup = Setup {
        ascii: true,
        ..Setup::default()
    };
    let mut driver = Driver::new(fixture::app_with(fixture::measured(), setup));
    driver.slowly("C");
    let screen = picture(&mut driver.app, (120, 60));
    assert!(screen.is_ascii(), "{screen}");
}

#[test]
fn what_is_marked_and_the_page_of_it() {
    let mut driver = after(fixture::several(), "2 g space space space space");
    pictures("marked", &mut driver.app);
    driver.slowly("B");
    pictures("batch", &mut driver.app);
    driver.slowly("4 5 enter");
    insta::assert_snapshot!("batch_wrong_120x40", picture(&mut driver.app, (120, 40)));
    let mut driver = after(fixture::several(), "2");
    for key in "g down down down down enter space esc down enter space esc B".split(' ') {
        driver.slowly(key);
        picture(&mut driver.app, (120, 40));
    }
    pictures("batch_money", &mut driver.app);
}

#[test]
fn the_log_at_its_end_scrolled_filtered_and_searched() {
    let mut driver = after(fixture::busy(), "8");
    driver.send(Event::Logged(fixture::lines()));
    pictures("logs_lines", &mut driver.app);
    picture(&mut driver.app, (80, 24));
    driver.slowly("k k k");
    pictures("logs_scrolled", &mut driver.app);
    driver.slowly("end f");
    driver.types("pool 3");
    driver.slowly("enter /");
    driver.types("operator");
    driver.slowly("enter n");
    pictures("logs_found", &mut driver.app);
    driver.slowly("esc f");
    driver.types("no such words");
    driver.slowly("enter");
    insta::assert_snapshot!("logs_nothing_80x24", picture(&mut driver.app, (80, 24)));
    let mut driver = after(fixture::busy(), "2 enter /");
    driver.types("0x");
    picture(&mut driver.app, (80, 24));
    driver.slowly("enter");
    pictures("page_found", &mut driver.app);
}

#[test]
fn answers_of_the_engine() {
    let approve = || after(fixture::busy(), "2 enter a y");
    let mut sent = approve();
    assert!(picture(&mut sent.app, (120, 40)).contains("approve deposit/3#2: sent, waiting for the engine"));
    let ticket = sent.app.pending[0].ticket;
    sent.send(Event::Reply {
        ticket,
        reply: Ok(Accepted {
            message: "It will be sent.".into(),
        }),
    });
    assert!(picture(&mut sent.app, (120, 40)).contains("accepted. It will be sent."));

    let mut refused = approve();
    let reply = Err(Refused::NotNow("the journal cannot be written".into()));
    refused.send(Event::Reply { ticket, reply });
    assert!(picture(&mut refused.app, (120, 40)).contains("refused: the journal cannot be written"));
}

#[test]
fn without_colours_and_without_unicode() {
    let setup = Setup {
        depth: Depth::Mono,
        ascii: true,
        ..Setup::default()
    };
    let mut app = fixture::app_with(fixture::busy(), setup);
    for size in SIZES {
        let terminal = terminal(&mut app, size);
        for cell in terminal.backend().buffer().content() {
            assert!(cell.symbol().is_ascii(), "{:?}", cell.symbol());
            assert!(
                matches!(
                    (cell.fg, cell.bg),
                    (ratatui::style::Color::Reset, ratatui::style::Color::Reset)
                ),
                "{cell:?}"
            );
        }
    }
    insta::assert_snapshot!("overview_ascii_120x40", picture(&mut app, (120, 40)));
}

#[test]
fn every_theme_draws_every_pane() {
    for name in [
        "default",
        "dark",
        "light",
        "high-contrast",
        "colour-blind",
        "mono",
    ] {
        let setup = Setup {
            theme: Some(name),
            depth: Depth::True,
            ..Setup::default()
        };
        let mut app = fixture::app_with(fixture::busy(), setup);
        let words = picture(&mut app, (120, 40));
        assert!(
            words.contains("2 waiting") || words.contains("3 waiting"),
            "{name}: {words}"
        );
    }
}

#[test]
fn read_only_offers_nothing_dangerous() {
    let setup = Setup {
        read_only: true,
        ..Setup::default()
    };
    let mut driver = Driver::new(fixture::app_with(fixture::busy(), setup));
    driver.slowly("2 enter");
    let text = picture(&mut driver.app, (120, 40));
    let footer = text.lines().last().unwrap();
    assert!(
        !footer.contains("approve") && !footer.contains("reject") && footer.contains("copy"),
        "{footer}"
    );
    assert!(text.contains("read-only"));
}

/// A label is never cut, and a column not beside empty space, on the pages where decisions are made.
#[test]
fn long_labels_are_whole_on_the_pages_of_decisions_at_every_size() {
    let label = "how many registrations the owner's nonce counts";
    let mut snapshot = fixture::busy();
    for action in &mut snapshot.actions {
        let mut fact = action.facts[0].clone();
        fact.label = label.into();
        fact.value = format!("a value of {}", action.id).as_str().into();
        action.facts.insert(0, fact);
    }
    for operator in &mut snapshot.operators {
        operator.name =
            casimir_dkg::types::SafeText::new(&format!("{} of the northern valley", operator.name));
    }
    let whole = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    for size in [(60, 16), (80, 24), (120, 40), (160, 45), (200, 50)] {
        for keys in ["2 enter", "2 down down enter", "2 down down space B"] {
            let mut driver = after(snapshot.clone(), keys);
            let mut all = String::new();
            for _ in 0..40 {
                all += &picture(&mut driver.app, size).replace('│', " ");
                driver.slowly("down down");
            }
            assert!(whole(&all).contains(label), "{size:?}, {keys}: {all}");
            if size.0 >= 120 && keys == "2 down down enter" {
                assert!(all.contains("bravo of the northern valley"), "{size:?}: {all}");
            }
        }
    }
}
