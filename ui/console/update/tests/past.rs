//! A past moment of the journal, and the audit page of a case.

use casimir_dkg::types::SafeText;
use casimir_dkg::view::{Listing, PastMoment, Query, Rows};

use super::*;
use crate::console::tests::draw::picture;

fn reads(effects: &[Effect]) -> Vec<(u64, Query)> {
    let read = |effect: &Effect| match effect {
        Effect::Read { ticket, query } => Some((*ticket, *query)),
        _ => None,
    };
    effects.iter().filter_map(read).collect()
}

/// What the engine answers: one action was all there was.
fn then() -> Snapshot {
    let mut snapshot = fixture::busy();
    snapshot.actions.truncate(1);
    snapshot.journal.records = 12;
    snapshot.at = fixture::ago(3_600);
    snapshot
}

#[test]
fn the_newest_record_is_called_so() {
    let mut d = in_the_past();
    d.slowly("H");
    d.types("1s");
    let (ticket, _) = reads(&d.slowly("enter"))[0];
    let newest = fixture::busy();
    let (records, at) = (newest.journal.records, newest.at);
    let answer = Ok(Listing {
        rows: Rows::Past(Box::new(newest)),
        older: 0,
    });
    d.send(Event::Rows { ticket, answer });
    let said = format!(
        "record {records} of {} is the newest",
        crate::console::widgets::format::date(at)
    );
    assert!(toast(&d).contains(&said), "{}", toast(&d));
}

/// In the past, by its key.
fn in_the_past() -> Driver {
    let mut d = busy();
    d.slowly("H");
    d.types("12");
    let asked = reads(&d.slowly("enter"));
    let [
        (
            ticket,
            Query::Past {
                at: PastMoment::Record(12),
            },
        ),
    ] = asked[..]
    else {
        panic!("{asked:?}")
    };
    let answer = Ok(Listing {
        rows: Rows::Past(Box::new(then())),
        older: 0,
    });
    d.send(Event::Rows { ticket, answer });
    d
}

#[test]
fn the_past_is_marked_and_nothing_is_decided_in_it() {
    let mut d = in_the_past();
    for size in [(160, 45), (120, 40), (80, 24), (60, 16)] {
        let screen = picture(&mut d.app, size);
        assert!(screen.contains("PAST: record 12"), "{screen}");
    }
    assert!(toast(&d).contains("record 12 of 41"), "{}", toast(&d));
    assert!(picture(&mut d.app, (120, 40)).contains("goes back to now"));
    for keys in ["2 enter a", "x", "r", "p", "P", "M", "space", "B", "T", "u"] {
        assert!(requests(d.slowly(keys)).is_empty(), "{keys}");
        assert!(d.app.overlay.is_none(), "{keys}");
        assert!(toast(&d).contains("this is the past"), "{keys}: {}", toast(&d));
    }
    use crate::console::keys::Command;
    for command in [Command::Approve, Command::Mode, Command::PauseAll] {
        assert!(d.app.why_not(command).unwrap().contains("this is the past"));
    }
}

#[test]
fn the_present_goes_on_meanwhile_and_comes_back() {
    let mut d = in_the_past();
    let effects = d.send(with(|s| {
        s.revision = 9_999;
        let new = fixture::keygen("deposit/20#1", ActionState::Proposed, false);
        s.actions.push(new);
    }));
    assert_eq!(effects, [Effect::Notify], "what begins to wait still rings");
    assert_eq!(d.app.snapshot.journal.records, 12);
    d.slowly("q");
    assert_eq!((d.app.snapshot.revision, d.app.past.is_some()), (9_999, false));
    assert!(!picture(&mut d.app, (120, 40)).contains("PAST"));
    // nothing typed means now
    let mut d = in_the_past();
    d.slowly("H enter");
    assert!(d.app.past.is_none() && d.app.overlay.is_none());
    // whoever leaves is told what is under way now
    let mut d = in_the_past();
    d.slowly("Q");
    assert!(d.app.past.is_none() && matches!(d.app.overlay, Some(Overlay::Quit { .. })));
}

#[test]
fn whoever_comes_back_finds_the_row_that_was_picked() {
    let mut d = busy();
    d.slowly("2 down down");
    let picked = d.app.list(APPROVALS).selected;
    assert_ne!(picked, Some(RowId::Action(then().actions[0].id)));
    d.slowly("H");
    d.types("12");
    let (ticket, _) = reads(&d.slowly("enter"))[0];
    let answer = Ok(Listing {
        rows: Rows::Past(Box::new(then())),
        older: 0,
    });
    d.send(Event::Rows { ticket, answer });
    assert_ne!(d.app.list(APPROVALS).selected, picked);
    d.slowly("q");
    let list = d.app.list(APPROVALS);
    assert_eq!((list.selected, list.picked), (picked, true));
}

#[test]
fn nothing_of_now_is_read_into_the_past() {
    let mut d = in_the_past();
    assert!(reads(&d.slowly("2 end down enter")).is_empty());
    assert!(reads(&d.slowly("esc 7 enter")).is_empty());
}

#[test]
fn what_is_no_moment_is_said_and_so_is_a_journal_that_ends_before() {
    let mut d = busy();
    d.slowly("H");
    d.types("yesterday");
    assert!(d.slowly("enter").is_empty());
    let screen = picture(&mut d.app, (120, 40));
    assert!(screen.contains("type the number of a record"), "{screen}");
    d.slowly("esc H");
    d.types("10m");
    let asked = reads(&d.slowly("enter"));
    let [
        (
            ticket,
            Query::Past {
                at: PastMoment::Time(_),
            },
        ),
    ] = asked[..]
    else {
        panic!("{asked:?}")
    };
    let answer = Err(Refused::NotNow(SafeText::new("the newest record is 41")));
    d.send(Event::Rows { ticket, answer });
    assert!(toast(&d).contains("the newest record is 41"), "{}", toast(&d));
    assert!(d.app.past.is_none());
    // an answer that came too late is no answer any more
    d.slowly("H");
    d.types("3");
    let (ticket, _) = reads(&d.slowly("enter"))[0];
    d.slowly("H enter");
    let answer = Ok(Listing {
        rows: Rows::Past(Box::new(then())),
        older: 0,
    });
    d.send(Event::Rows { ticket, answer });
    assert!(d.app.past.is_none());
}

#[test]
fn the_audit_page_of_the_case_in_front_is_written_and_where_is_said() {
    let mut d = busy();
    assert_eq!(d.slowly("2 w"), [Effect::Audit("deposit/3".parse().unwrap())]);
    d.send(Event::Audited(Ok("/state/deposit-3.html".into())));
    assert!(
        toast(&d).contains("/state/deposit-3.html: open it"),
        "{}",
        toast(&d)
    );
    d.send(Event::Audited(Err("no room".into())));
    assert!(toast(&d).contains("no audit page was written: no room"));
    let mut d = busy();
    assert!(d.slowly("7 w").is_empty());
    assert!(toast(&d).contains("select a case"), "{}", toast(&d));
}

#[test]
fn the_past_looks_like_no_outage_and_says_the_way_back() {
    let mut d = in_the_past();
    let screen = crate::console::tests::draw::picture(&mut d.app, (80, 24));
    assert!(
        screen.contains("the chain and who answered are not in the journal"),
        "{screen}"
    );
    for words in ["connecting", "no key", "rpc"] {
        let head: Vec<_> = screen.lines().take(3).collect();
        assert!(!head.join("\n").contains(words), "{words}: {screen}");
    }
    assert!(screen.contains("q back to now"), "{screen}");
}

/// As the engine composes the past: of the chain and of operators it knows nothing.
#[test]
fn the_past_is_as_old_as_it_was_and_says_what_is_not_kept() {
    let mut d = in_the_past();
    let mut then = fixture::busy();
    then.chain.link = casimir_dkg::view::LinkState::Connecting;
    then.operators.clear();
    then.exits.clear();
    then.at = then.actions.iter().map(|a| a.proposed_at).max().unwrap();
    then.at = then.at.plus(Duration::from_secs(7));
    let keygen = then.actions.iter().find(|a| a.kind == "keygen").unwrap().id;
    d.app.snapshot = Arc::new(then);
    d.app.refresh_lists(|_| None);
    d.mono += Duration::from_secs(90_000);
    d.slowly("6");
    let exits = picture(&mut d.app, (120, 40));
    assert!(exits.contains("None at this moment of the journal"), "{exits}");
    d.slowly("8");
    let log = picture(&mut d.app, (120, 40));
    assert!(log.contains("Not kept: the log"), "{log}");
    d.slowly("i");
    let status = picture(&mut d.app, (120, 80));
    assert_eq!(
        status.matches("Not kept: who answered then").count(),
        2,
        "{status}"
    );
    d.slowly("esc 2");
    let list = picture(&mut d.app, (120, 40));
    assert!(
        !list.contains(" d ") && !list.contains(" h "),
        "no age is of today: {list}"
    );
    crate::console::update::navigate::push(&mut d.app, Target::Row(RowId::Action(keygen)));
    let page = picture(&mut d.app, (120, 80));
    assert!(page.contains("how it stood then is not kept"), "{page}");
    assert!(
        !page.contains("not configured") && !page.contains("25 h"),
        "{page}"
    );
}

/// As the engine composes the past, and paused by it: nothing of the chain and of the account was told.
fn as_composed() -> Snapshot {
    let mut then = fixture::measured();
    then.chain = casimir_dkg::view::ChainView {
        cursor: then.chain.cursor.or(then.chain.head),
        ..casimir_dkg::view::ChainView::unread()
    };
    then.signer = casimir_dkg::view::SignerView::unread(None);
    then.endpoints.clear();
    then.operators.clear();
    then.trends = Default::default();
    then.alarms.clear();
    then.waits.clear();
    then.paused = Some(casimir_dkg::view::PauseView {
        by: "the engine".into(),
        since: then.at,
    });
    then
}

#[test]
fn what_the_journal_does_not_hold_is_never_none_empty_or_connecting() {
    let mut d = in_the_past();
    d.app.snapshot = Arc::new(as_composed());
    d.app.refresh_lists(|_| None);
    d.slowly("i");
    let status = picture(&mut d.app, (120, 90));
    for words in ["none", "empty", "connecting", "no key", "not asked", "no answer"] {
        assert!(!status.contains(words), "{words}: {status}");
    }
    for field in [
        "chain",
        "head",
        "final",
        "base fee",
        "ready queue",
        "address",
        "balance",
        "authorised",
    ] {
        let told = status.lines().any(|line| {
            let line = line.trim_start_matches(['│', '┃', ' ']);
            line.starts_with(field) && line.contains("the journal does not tell")
        });
        assert!(told, "{field}: {status}");
    }
    assert!(status.contains("at least "), "{status}");
    let alarms = status
        .split("Alarms")
        .nth(1)
        .unwrap()
        .split("Network")
        .next()
        .unwrap();
    assert!(
        alarms.contains("paused by the engine") && alarms.contains("the journal does not tell"),
        "{alarms}"
    );
    d.slowly("esc C");
    let charts = picture(&mut d.app, (120, 60));
    assert!(charts.contains("Ceremonies: how long"), "{charts}");
    for words in [
        "nothing yet; no answer",
        "no answer",
        "not told",
        "Endpoints: time",
    ] {
        assert!(!charts.contains(words), "{words}: {charts}");
    }
    assert!(charts.contains("the journal does not tell"), "{charts}");
}

#[test]
fn confirmations_are_counted_from_a_head_that_the_journal_does_not_tell() {
    let mut d = in_the_past();
    let mut then = as_composed();
    let tx = &mut then.transactions[0];
    let action = tx.action;
    tx.state = casimir_dkg::view::TransactionState::Included {
        block: fixture::block(7),
        confirmations: 0,
    };
    d.app.snapshot = Arc::new(then);
    d.app.refresh_lists(|_| None);
    crate::console::update::navigate::push(&mut d.app, Target::Row(RowId::Transaction(action)));
    let page = picture(&mut d.app, (120, 60));
    let line = page.lines().find(|line| line.contains("confirmations")).unwrap();
    assert!(line.contains("the journal does not tell"), "{page}");
}

#[test]
fn no_lever_is_pulled_from_the_past() {
    use crate::console::keys::Command;
    let mut d = in_the_past();
    d.app.settings.levers = vec!["mend: all is as it was".to_owned()];
    assert!(d.slowly("D").is_empty());
    assert!(d.app.overlay.is_none());
    assert!(toast(&d).contains("this is the past"), "{}", toast(&d));
    assert!(
        d.app
            .why_not(Command::Director)
            .unwrap()
            .contains("this is the past")
    );
    d.slowly("q D");
    assert!(d.app.overlay.is_some(), "back to now it can be");
}
