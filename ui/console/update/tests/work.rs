//! What else a person asks of the engine.

use super::*;

#[test]
fn pausing_is_immediate_and_resuming_asks() {
    let mut d = busy();
    let sent = requests(d.slowly("P"));
    assert!(
        matches!(&sent[..], [Request::Pause { scope: Scope::All }]),
        "{sent:?}"
    );
    let sent = requests(d.slowly("3 g p"));
    assert!(matches!(&sent[..], [Request::Pause { scope: Scope::Case(c) }] if c.to_string() == "deposit/4"));
    d.send(with(|s| {
        s.paused = Some(casimir_dkg::view::PauseView {
            by: "ada".into(),
            since: fixture::T0,
        });
        s.cases[0].paused = true;
    }));
    assert!(requests(d.slowly("P")).is_empty());
    let sent = requests(d.slowly("y"));
    assert!(
        matches!(&sent[..], [Request::Resume { scope: Scope::All }]),
        "{sent:?}"
    );
    assert!(requests(d.slowly("p n")).is_empty());
    let sent = requests(d.slowly("p y"));
    assert!(
        matches!(
            &sent[..],
            [Request::Resume {
                scope: Scope::Case(_)
            }]
        ),
        "{sent:?}"
    );
}

#[test]
fn retry_asks_before_it_gives_up_what_may_have_ended_well() {
    let mut d = busy();
    d.send(with(|s| {
        let ceremony = &mut s.ceremonies[0];
        ceremony.doubt = Some((s.at, "the messenger does not answer".into()));
        let (id, of) = (ceremony.id, ceremony.case);
        let case = s.cases.iter_mut().find(|c| c.id == of).unwrap();
        case.status = casimir_dkg::view::CaseStatus::Unknown;
        (case.ceremony, case.doubtful) = (Some(id), Some(id));
    }));
    let id = d.app.snapshot.ceremonies[0].id;
    assert!(requests(d.slowly("4 g r")).is_empty());
    assert!(requests(d.slowly("n")).is_empty());
    let sent = requests(d.slowly("r y"));
    assert!(
        matches!(&sent[..], [Request::DeclareLost { request }] if *request == id),
        "{sent:?}"
    );
}

#[test]
fn retry_and_reshare_name_the_selected_thing() {
    let mut d = busy();
    let sent = requests(d.slowly("4 down down r"));
    assert!(
        matches!(&sent[..], [Request::Retry { case }] if case.to_string() == "deposit/0"),
        "{sent:?}"
    );
    assert!(requests(d.slowly("7 down R")).is_empty());
    let sent = requests(d.slowly("y"));
    assert!(
        matches!(&sent[..], [Request::RequestReshare { pool }] if pool.0 == 2),
        "{sent:?}"
    );
    assert!(requests(d.slowly("2 R y")).is_empty());
}

#[test]
fn the_committee_is_edited_and_proposed_anew() {
    let mut d = busy();
    // operators 1 to 7; 1, 2, 3, 5 are proposed: out with 3, in with 6
    d.slowly("2 down down e");
    let Some(Overlay::Committee(editor)) = &d.app.overlay else {
        panic!("no editor");
    };
    // 1, 2 and 3 deal, but 5 holds a share too: it must not look as if it joined
    assert_eq!(editor.committee.holders, [1, 2, 3, 5].map(OperatorId));
    d.slowly("down down space down down down");
    assert!(requests(d.keys("enter")).is_empty(), "three are no committee");
    assert!(
        toast(&d).contains("4, 7, 10 or 13 operators, not 3"),
        "{}",
        toast(&d)
    );
    let sent = requests(d.keys("space enter"));
    let ids = [1, 2, 5, 6].map(OperatorId);
    assert!(
        matches!(&sent[..], [Request::SetCommittee { action, committee }]
            if action.to_string() == "reshare/2#1" && *committee == ids),
        "{sent:?}"
    );
    assert!(requests(d.slowly("e enter")).is_empty(), "unchanged");
    // a transaction has no committee
    d.slowly("g e");
    assert!(d.app.overlay.is_none());
}

#[test]
fn observers_decide_nothing() {
    let setup = || Setup {
        read_only: true,
        ..Setup::default()
    };
    let mut observe = fixture::busy();
    observe.mode = casimir_dkg::view::Mode::Observe;
    for app in [fixture::app_with(fixture::busy(), setup()), fixture::app(observe)] {
        let mut d = Driver::new(app);
        let all = "2 enter a y x e r p P q 7 R y 3 p r a x";
        assert!(requests(d.slowly(all)).is_empty());
        d.app.overlay = None;
        let effects = d.slowly("q q ctrl-c y");
        assert!(requests(effects).is_empty());
    }
}
