//! What matters is in front: a list whose row nobody picked follows it, and keys lead to it from everywhere.

use super::*;
use crate::console::screens::panes::{Pane, TABLE};

fn action(text: &str) -> RowId {
    RowId::Action(text.parse().unwrap())
}

fn case(text: &str) -> RowId {
    RowId::Case(text.parse().unwrap())
}

fn selected(d: &Driver, pane: Pane) -> Option<RowId> {
    d.app.list(pane).selected
}

fn page(d: &Driver) -> Option<Target> {
    d.app.details.last().map(|detail| detail.target)
}

/// The newest snapshot with a change.
fn then(d: &mut Driver, change: impl FnOnce(&mut Snapshot)) {
    let mut snapshot = (*d.app.snapshot).clone();
    snapshot.revision += 1;
    change(&mut snapshot);
    d.send(Event::Snapshot(Arc::new(snapshot)));
}

/// Another ceremony in front, as the engine lists what is newest.
fn begin(s: &mut Snapshot, id: u8) -> RowId {
    let mut next = fixture::running();
    next.id = casimir_dkg::types::RequestId([id; 24]);
    let row = RowId::Ceremony(next.id);
    s.ceremonies.insert(0, next);
    row
}

/// The ceremony has ended, and stands behind those that run.
fn end(s: &mut Snapshot, row: RowId) {
    let at = s
        .ceremonies
        .iter()
        .position(|c| RowId::Ceremony(c.id) == row)
        .unwrap();
    let mut ended = s.ceremonies.remove(at);
    ended.ended = fixture::verified().ended;
    let running = s.ceremonies.iter().filter(|c| c.ended.is_none()).count();
    s.ceremonies.insert(running, ended);
}

#[test]
fn the_matrix_follows_the_running_ceremony() {
    let mut d = busy();
    let first = RowId::Ceremony(d.app.snapshot.ceremonies[0].id);
    assert_eq!(selected(&d, CEREMONIES), Some(first));
    let mut second = first;
    then(&mut d, |s| second = begin(s, 0x77));
    assert_eq!(selected(&d, CEREMONIES), Some(first), "it runs still");
    then(&mut d, |s| end(s, first));
    assert_eq!(selected(&d, CEREMONIES), Some(second));
    then(&mut d, |s| end(s, second));
    assert_eq!(
        selected(&d, CEREMONIES),
        Some(second),
        "the newest, while none runs"
    );
    let mut third = first;
    then(&mut d, |s| third = begin(s, 0x78));
    assert_eq!(selected(&d, CEREMONIES), Some(third));
    // what is looked for through days does not hold it
    then(&mut d, |s| {
        s.ceremonies[0].doubt = Some((UnixMillis(0), "no answer".into()))
    });
    let mut fourth = first;
    then(&mut d, |s| fourth = begin(s, 0x79));
    assert_eq!(selected(&d, CEREMONIES), Some(fourth));
}

#[test]
fn a_list_follows_what_waits_then_what_runs_then_the_newest() {
    let mut d = busy();
    assert_eq!(
        selected(&d, EVENTS),
        Some(case("deposit/3")),
        "it waits, and a ceremony runs above it"
    );
    // what begins to wait above takes nothing over
    then(&mut d, |s| s.cases[0].status = CaseStatus::AwaitingDecision);
    assert_eq!(selected(&d, EVENTS), Some(case("deposit/3")));
    then(&mut d, |s| s.cases[1].status = CaseStatus::Following);
    assert_eq!(selected(&d, EVENTS), Some(case("deposit/4")));
    then(&mut d, |s| {
        for case in &mut s.cases {
            case.status = CaseStatus::Following;
        }
        s.cases[5].status = CaseStatus::Sending;
    });
    assert_eq!(selected(&d, EVENTS), Some(case("deposit/1")), "it runs");
    then(&mut d, |s| {
        for case in &mut s.cases {
            case.status = CaseStatus::Following;
        }
    });
    assert_eq!(selected(&d, EVENTS), Some(case("deposit/4")), "the newest");
    then(&mut d, |s| {
        let mut newest = s.cases[0].clone();
        newest.id = "deposit/9".parse().unwrap();
        s.cases.insert(0, newest);
    });
    assert_eq!(selected(&d, EVENTS), Some(case("deposit/9")));
}

#[test]
fn the_case_of_what_is_decided_next_is_selected_below_it() {
    let mut d = busy();
    then(&mut d, |s| {
        for case in &mut s.cases {
            case.status = CaseStatus::AwaitingDecision;
        }
    });
    assert_eq!(selected(&d, EVENTS), Some(case("deposit/3")));
    d.slowly("1 ]");
    assert_eq!(selected(&d, APPROVALS), Some(action("exit/1#2")));
    assert_eq!(selected(&d, EVENTS), Some(case("exit/1")));
    // a picked row stays
    d.slowly("tab g");
    let picked = selected(&d, EVENTS);
    d.slowly("shift-tab ]");
    assert_eq!(selected(&d, EVENTS), picked);
}

#[test]
fn a_picked_row_stays_until_esc() {
    let mut d = busy();
    d.slowly("4 down");
    let picked = selected(&d, CEREMONIES);
    then(&mut d, |s| {
        begin(s, 0x77);
    });
    assert_eq!(selected(&d, CEREMONIES), picked);
    d.slowly("esc");
    assert_eq!(
        selected(&d, CEREMONIES),
        Some(RowId::Ceremony(d.app.snapshot.ceremonies[0].id))
    );
    // a row that was opened is picked, too
    d.slowly("3 enter esc");
    let opened = selected(&d, EVENTS);
    then(&mut d, |s| s.cases[1].status = CaseStatus::Done);
    assert_eq!(selected(&d, EVENTS), opened);
}

#[test]
fn approving_leads_to_what_waits_from_everywhere_and_says_where() {
    let from = |keys: &str| {
        let mut d = busy();
        assert!(requests(d.slowly(keys)).is_empty(), "{keys}");
        (page(&d), toast(&d))
    };
    let to = |id: &str| Some(Target::Row(action(id)));
    // a ceremony of a case in which nothing waits, validators, the status
    for keys in ["4 a", "7 a", "i a"] {
        let said = "here is nothing to decide; deposit/3#2 waits next".to_owned();
        assert_eq!(from(keys), (to("deposit/3#2"), said), "{keys}");
    }
    // a transaction whose case has another action that waits
    let mut d = busy();
    then(&mut d, |s| s.transactions[0].action = "exit/1#1".parse().unwrap());
    d.slowly("5 a");
    assert_eq!(page(&d), to("exit/1#2"));
    assert_eq!(toast(&d), "here is nothing to decide; exit/1#2 waits in its case");
    // nothing waits
    let mut d = Driver::new(fixture::app(fixture::quiet()));
    d.slowly("4 a");
    assert_eq!(page(&d), None);
    assert_eq!(
        toast(&d),
        "here is nothing to decide, and nothing waits for a decision"
    );
}

#[test]
fn brackets_step_through_what_waits() {
    let mut d = busy();
    d.slowly("1 ]");
    assert_eq!(selected(&d, APPROVALS), Some(action("exit/1#2")));
    assert_eq!(toast(&d), "exit/1#2 waits: 2 of 3");
    d.slowly("] ]");
    assert_eq!(selected(&d, APPROVALS), Some(action("deposit/3#2")), "around");
    d.slowly("[");
    assert_eq!(selected(&d, APPROVALS), Some(action("reshare/2#1")));
    assert_eq!(toast(&d), "reshare/2#1 waits: 3 of 3");
    // it is picked: it stays while another is decided
    then(&mut d, |s| {
        fixture::stands(&mut s.actions[0], ActionState::Rejected)
    });
    assert_eq!(selected(&d, APPROVALS), Some(action("reshare/2#1")));
    // from another pane: the first
    let mut d = busy();
    d.slowly("4 ]");
    assert_eq!(d.app.tab, Tab::Only(APPROVALS));
    assert_eq!(selected(&d, APPROVALS), Some(action("deposit/3#2")));
    let mut d = busy();
    d.slowly("tab [");
    assert_eq!((d.app.tab, d.app.focus), (Tab::Overview, APPROVALS));
    let mut d = Driver::new(fixture::app(fixture::quiet()));
    d.slowly("]");
    assert_eq!(toast(&d), "nothing waits for a decision");
}

#[test]
fn brackets_turn_the_pages_of_what_waits_and_decide_nothing() {
    let mut d = busy();
    d.slowly("2 enter ]");
    assert_eq!(page(&d), Some(Target::Row(action("exit/1#2"))));
    assert_eq!(d.app.details.len(), 1, "and back is the list");
    assert!(d.slowly("] [ [").is_empty());
    assert_eq!(page(&d), Some(Target::Row(action("deposit/3#2"))));
    let digest = d.app.snapshot.actions[0].digest;
    let sent = requests(d.slowly("a y"));
    assert!(
        matches!(&sent[..], [Request::Approve { digest: approved, .. }] if *approved == digest),
        "{sent:?}"
    );
    // a filter that hides it is left as it is, and the page opens all the same
    let mut d = busy();
    d.slowly("2 /");
    d.types("send-deposit");
    d.slowly("enter ]");
    assert_eq!(page(&d), Some(Target::Row(action("exit/1#2"))));
    assert_eq!(d.app.list(APPROVALS).filter, "send-deposit");
}

#[test]
fn z_gives_the_focused_pane_the_screen_and_takes_it_back() {
    let mut d = busy();
    d.app.size = Size::new(120, 40);
    for pane in [APPROVALS, EVENTS, CEREMONIES, TRANSACTIONS, EXITS, LOGS] {
        d.app.focus = pane;
        d.slowly("z");
        assert_eq!(d.app.tab, Tab::Only(pane));
        d.slowly("z");
        assert_eq!((d.app.tab, d.app.focus), (Tab::Overview, pane));
    }
    // a pane that the overview does not have leaves the focus where it was
    let validators = 1 + TABLE
        .iter()
        .position(|pane| pane.title() == "validators")
        .unwrap();
    d.slowly(&format!("{} z", validators + 1));
    assert_eq!((d.app.tab, d.app.focus), (Tab::Overview, LOGS));
}
