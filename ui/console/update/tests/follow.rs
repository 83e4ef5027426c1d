//! After a decision: what follows from it is in front, else the next that waits.

use super::*;
use crate::console::tests::fixture::stands;

fn id(text: &str) -> RowId {
    RowId::Action(text.parse().unwrap())
}

fn selected(d: &Driver) -> Option<RowId> {
    d.app.list(APPROVALS).selected
}

/// The newest snapshot with a change.
fn then(d: &mut Driver, change: impl FnOnce(&mut Snapshot)) {
    let mut snapshot = (*d.app.snapshot).clone();
    snapshot.revision += 1;
    change(&mut snapshot);
    d.send(Event::Snapshot(Arc::new(snapshot)));
}

/// Decides an action: it goes behind those that wait, as the engine shows it.
fn decide(s: &mut Snapshot, action: &str, state: ActionState) {
    let at = s
        .actions
        .iter()
        .position(|a| id(action) == RowId::Action(a.id))
        .unwrap();
    let mut action = s.actions.remove(at);
    stands(&mut action, state);
    let waiting = s.waiting().count();
    s.actions.insert(waiting, action);
}

/// The next action of the case, which waits.
fn propose(s: &mut Snapshot, action: &str) {
    let mut next = fixture::send_deposit(action, 4);
    next.digest = fixture::root(0xe1);
    s.actions.insert(0, next);
}

/// A key generation alone waits, and nothing else.
fn keygen_alone() -> Driver {
    let mut snapshot = fixture::quiet();
    snapshot.actions = vec![fixture::keygen("deposit/4#1", ActionState::Proposed, false)];
    Driver::new(fixture::app(snapshot))
}

#[test]
fn before_the_first_key_the_first_that_waits_is_selected_and_then_it_stays() {
    let mut snapshot = fixture::quiet();
    let key = |id| fixture::keygen(id, ActionState::Proposed, false);
    snapshot.actions = vec![key("deposit/6#1")];
    let mut d = Driver::new(fixture::app(snapshot));
    assert_eq!(selected(&d), Some(id("deposit/6#1")));
    // prepared first by chance: no reason to begin with it
    then(&mut d, |s| s.actions.insert(0, key("deposit/5#1")));
    assert_eq!(selected(&d), Some(id("deposit/5#1")));
    d.slowly("?");
    then(&mut d, |s| s.actions.insert(0, key("deposit/4#1")));
    assert_eq!(selected(&d), Some(id("deposit/5#1")), "somebody reads it");
}

#[test]
fn the_selection_goes_to_what_follows_as_soon_as_it_waits() {
    let mut d = keygen_alone();
    assert_eq!(requests(d.slowly("2 a a y")).len(), 1);
    then(&mut d, |s| decide(s, "deposit/4#1", ActionState::Executing));
    assert_eq!(selected(&d), Some(id("deposit/4#1")), "nothing follows yet");
    then(&mut d, |s| decide(s, "deposit/4#1", ActionState::Done));
    then(&mut d, |s| propose(s, "deposit/4#2"));
    assert_eq!(selected(&d), Some(id("deposit/4#2")));
    // the page of the decided action is still open, and the same key leads on
    let page = |d: &Driver| d.app.details.last().map(|detail| detail.target);
    assert_eq!(page(&d), Some(Target::Row(id("deposit/4#1"))));
    assert!(d.slowly("a").is_empty());
    assert_eq!(page(&d), Some(Target::Row(id("deposit/4#2"))));
    assert_eq!(d.app.details.len(), 1, "and back is the list");
    assert_eq!(toast(&d), "deposit/4#1 is done; deposit/4#2 follows from it");
    let sent = requests(d.slowly("a y"));
    assert!(
        matches!(&sent[..], [Request::Approve { action, .. }] if RowId::Action(*action) == id("deposit/4#2")),
        "{sent:?}"
    );
}

#[test]
fn what_follows_takes_over_from_the_next_that_waits_unless_a_row_was_picked() {
    let decided = || {
        let mut d = busy();
        d.slowly("2 down down a");
        then(&mut d, |s| decide(s, "reshare/2#1", ActionState::Executing));
        assert_eq!(selected(&d), Some(id("deposit/3#2")), "the next that waits");
        d.slowly("q");
        d
    };
    let proposed = |d: &mut Driver| {
        then(d, |s| {
            decide(s, "reshare/2#1", ActionState::Done);
            s.actions.insert(2, fixture::send_deposit("reshare/2#2", 2));
        });
    };
    let mut d = decided();
    proposed(&mut d);
    assert_eq!(selected(&d), Some(id("reshare/2#2")));
    for picks in ["down", "enter"] {
        let mut d = decided();
        d.slowly(picks);
        let picked = selected(&d);
        proposed(&mut d);
        assert_eq!(selected(&d), picked, "{picks}");
    }
}

#[test]
fn what_follows_goes_before_the_next_that_waits() {
    let mut d = busy();
    d.slowly("2 down down");
    assert_eq!(selected(&d), Some(id("reshare/2#1")));
    then(&mut d, |s| {
        decide(s, "reshare/2#1", ActionState::Done);
        let mut next = fixture::send_deposit("reshare/2#2", 2);
        next.kind = "send-reshare".to_owned();
        s.actions.insert(2, next);
    });
    assert_eq!(selected(&d), Some(id("reshare/2#2")));
}

#[test]
fn else_the_next_that_waits_is_selected() {
    let mut d = busy();
    assert_eq!(requests(d.slowly("2 enter a y")).len(), 1);
    then(&mut d, |s| decide(s, "deposit/3#2", ActionState::Approved));
    assert_eq!(selected(&d), Some(id("exit/1#2")));
    d.slowly("q");
    assert!(d.slowly("a").is_empty());
    assert_eq!(d.app.details[0].target, Target::Row(id("exit/1#2")));
    // rejected is decided, too
    then(&mut d, |s| decide(s, "exit/1#2", ActionState::Rejected));
    assert_eq!(selected(&d), Some(id("reshare/2#1")));
}

#[test]
fn a_row_that_somebody_picked_stays_picked() {
    let mut d = busy();
    d.slowly("2 G");
    assert_eq!(selected(&d), Some(id("deposit/3#1")), "decided long ago");
    then(&mut d, |s| decide(s, "deposit/3#2", ActionState::Approved));
    assert_eq!(selected(&d), Some(id("deposit/3#1")));
    // moved away while nothing waited: what comes then takes nothing over
    let mut d = keygen_alone();
    d.slowly("2");
    then(&mut d, |s| {
        decide(s, "deposit/4#1", ActionState::Executing);
        s.actions
            .push(fixture::keygen("deposit/3#1", ActionState::Done, false));
    });
    d.slowly("down");
    then(&mut d, |s| propose(s, "deposit/4#2"));
    assert_eq!(selected(&d), Some(id("deposit/3#1")));
}

#[test]
fn a_filter_is_not_left() {
    let mut d = busy();
    d.slowly("2 /");
    d.types("waiting send-deposit");
    d.slowly("enter");
    then(&mut d, |s| decide(s, "deposit/3#2", ActionState::Approved));
    assert_eq!(selected(&d), None, "no row passes it");
    then(&mut d, |s| propose(s, "deposit/4#2"));
    assert_eq!(selected(&d), Some(id("deposit/4#2")));
}

#[test]
fn approving_what_is_decided_opens_what_waits_and_says_so() {
    let mut d = busy();
    // the key generation of deposit/3 is done, and its transaction waits
    d.slowly("2 G");
    assert!(d.slowly("a").is_empty());
    assert_eq!(d.app.details[0].target, Target::Row(id("deposit/3#2")));
    assert_eq!(selected(&d), Some(id("deposit/3#2")));
    assert_eq!(toast(&d), "deposit/3#1 is done; deposit/3#2 follows from it");
    // nothing of deposit/4 waits
    let mut d = busy();
    d.slowly("2 G up a");
    assert_eq!(d.app.details[0].target, Target::Row(id("deposit/3#2")));
    assert_eq!(toast(&d), "deposit/4#1 is executing; deposit/3#2 waits next");
    // nothing waits at all
    let mut d = keygen_alone();
    then(&mut d, |s| decide(s, "deposit/4#1", ActionState::Done));
    d.slowly("2 a");
    assert!(d.app.details.is_empty());
    assert_eq!(toast(&d), "deposit/4#1 is done, and nothing waits for a decision");
}
