//! The table of kinds.

use super::*;
use crate::oracle::fixture;

#[test]
fn names_are_what_journals_and_policies_have() {
    let names: Vec<_> = ActionKind::ALL.iter().map(|kind| kind.name()).collect();
    let written = [
        "keygen",
        "reshare",
        "sign-exit",
        "send-deposit",
        "send-reshare",
        "broadcast-exit",
    ];
    assert_eq!(names, written);
    for (kind, name) in ActionKind::ALL.iter().zip(written) {
        let text = serde_json::to_string(kind).unwrap();
        assert_eq!(text, format!("\"{name}\""));
        assert_eq!(serde_json::from_str::<ActionKind>(&text).unwrap(), *kind);
        assert_eq!(name.parse(), Ok(*kind));
    }
    assert!(serde_json::from_str::<ActionKind>("\"deposit\"").is_err());
}

#[test]
fn whatever_cannot_be_undone_wants_a_phrase_and_nothing_else_does() {
    for kind in ActionKind::ALL {
        let action = fixture::action(*kind);
        let wants = action.phrase().is_some();
        assert_eq!(wants, kind.risk() == Risk::Irreversible, "{kind}");
    }
}

#[test]
fn a_kind_and_its_payload_are_of_one_family() {
    for kind in ActionKind::ALL {
        let payload = fixture::action(*kind).proposal.payload;
        assert_eq!(payload.family(), kind.family(), "{kind}");
    }
}
